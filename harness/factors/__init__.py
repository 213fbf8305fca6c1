"""One file per factor; a level is one registered function. `REGISTRIES` names them by setting."""

from harness.core.registry import Registry
from harness.factors.activation import ACTIVATION
from harness.factors.augmentation import AUGMENTATION
from harness.factors.auxiliary import AUXILIARY
from harness.factors.block import BLOCK
from harness.factors.dropout import DROPOUT_PLACE
from harness.factors.initialization import INITIALIZATION
from harness.factors.loss import LOSS
from harness.factors.model import MODEL
from harness.factors.norm import NORM
from harness.factors.optimizer import OPTIMIZER
from harness.factors.penalty import PENALTY
from harness.factors.preprocessing import PREPROCESSING
from harness.factors.rate_scaling import RATE_SCALING
from harness.factors.sampling import SAMPLING
from harness.factors.schedule import SCHEDULE
from harness.factors.search import SEARCH
from harness.factors.transfer import TRANSFER

REGISTRIES: dict[str, Registry] = {
    registry.setting: registry
    for registry in (
        ACTIVATION,
        AUGMENTATION,
        AUXILIARY,
        BLOCK,
        DROPOUT_PLACE,
        INITIALIZATION,
        LOSS,
        MODEL,
        NORM,
        OPTIMIZER,
        PENALTY,
        PREPROCESSING,
        RATE_SCALING,
        SAMPLING,
        SCHEDULE,
        SEARCH,
        TRANSFER,
    )
}
