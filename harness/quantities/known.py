"""The registry of quantities, by the names that records and studies have for them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.quantities.inside import INSIDE
from harness.quantities.outcome import OUTCOME
from harness.quantities.quantity import Quantity, accuracy, loss, megabytes, seconds, share
from harness.quantities.training import ANALYSIS, TRAINING

PRIMARY = "test_accuracy"  # every study is judged by it first
# Who measures without being asked to: `transfer` and `search` are parts of a recipe.
UNASKED = ("training", "watching", "transfer", "search", "analysis")


class Quantities(Mapping[str, Quantity]):
    """Quantities by name; none is there twice."""

    def __init__(self, *tables: Mapping[str, Quantity]) -> None:
        self._known: dict[str, Quantity] = {}
        for name, one in (item for table in tables for item in table.items()):
            self.add(name, one)

    def add(self, name: str, quantity: Quantity) -> None:
        """Register a quantity; ValueError if its name is taken, or if nobody can be the one who measures it."""
        if name in self._known:
            raise ValueError(f"there is a quantity {name!r} already")
        if quantity.by not in UNASKED and not quantity.probe:
            raise ValueError(f"quantity {name!r}: by must be probe:<name> or one of {', '.join(UNASKED)}")
        self._known[name] = quantity

    def __getitem__(self, name: str) -> Quantity:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def measured(self, *by: str) -> tuple[str, ...]:
        """Return the names of what these measure."""
        return tuple(name for name, one in self.items() if one.by in by)


QUANTITIES = Quantities(TRAINING, ANALYSIS, INSIDE, OUTCOME)


def quantity(name: str) -> Quantity:
    """Return what is known of a quantity; a name that isn't registered is read by its ending."""
    if name in QUANTITIES:
        return QUANTITIES[name]
    shown = by_ending(name, name.replace("_", " "))
    return replace(shown, unfinished="kept") if name.startswith("start_") else shown


def by_ending(name: str, words: str) -> Quantity:
    """Return what the ending of a name says."""
    if name.endswith("_accuracy"):
        return accuracy(words)
    if name.endswith("_share"):
        return share(words)
    if name.endswith("_loss"):
        return loss(words)
    if name.endswith("_seconds"):
        return seconds(words.removesuffix(" seconds") + " time")
    if name.endswith("_bytes"):
        return megabytes(words.removesuffix(" bytes"), digits=1)
    return Quantity(words)


def clocked(name: str) -> bool:
    """Say whether a quantity, or a curve, depends on what else the machine does: no two runs agree on it."""
    return quantity(name).scatters == "clock"
