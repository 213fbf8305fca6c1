"""What every worker process needs, imported once by the server that they are forked from."""

# torch's optimizers import its compiler at their first step, which takes longer than torch itself.
import torch._dynamo  # noqa: F401

import harness.probes
import harness.training.search  # noqa: F401
