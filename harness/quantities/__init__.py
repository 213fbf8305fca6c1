"""Everything that is measured, in one registry: what it is called, how it scatters, who measures it. Needs no torch.

To add a quantity, add an entry to the file of this folder that it belongs to; in a plugin, `QUANTITIES.add(...)`.
"""

from harness.quantities.known import PRIMARY, QUANTITIES, clocked, quantity
from harness.quantities.quantity import Quantity

__all__ = ["PRIMARY", "QUANTITIES", "Quantity", "clocked", "quantity"]
