"""How each metric is named, scaled and printed; the one place that knows units."""

import math
from dataclasses import dataclass
from typing import Literal

PRIMARY = "test_accuracy"  # every study is judged by it first
TRUE_MINUS = "\u2212"
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Quantity:
    """A metric as readers see it: `scale` turns stored values into printed ones."""

    label: str
    unit: str = ""
    difference_unit: str = ""
    scale: float = 1.0
    digits: int | None = None  # after the point; None: three significant digits
    better: Literal["higher", "lower"] | None = None
    share: bool = False  # lies between 0 and 1

    def value(self, stored: float | None, unit: bool = True) -> str:
        """Return a stored value as text, such as `71.2 %`; a dash where there is none."""
        if stored is None or math.isnan(stored):
            return "–"
        return with_unit(self._number(stored), self.unit if unit else "")

    def difference(self, stored: float, unit: bool = True, sign: bool = True, short: bool = False) -> str:
        """Return a difference of stored values as text, such as `+3.1 points`; `short` drops a final `.0`."""
        text = self._number(abs(stored))
        if short and "." in text:
            text = text.rstrip("0").rstrip(".")
        mark = (TRUE_MINUS if stored < 0 else "+") if sign and not is_zero(text) else ""
        return with_unit(mark + text, self.difference_unit if unit else "")

    def _number(self, stored: float) -> str:
        number = stored * self.scale
        if self.digits is not None:
            text = f"{number:,.{self.digits}f}"
        elif number == int(number) and abs(number) < 1e6:
            text = f"{int(number):,}"
        elif 1e-3 <= abs(number) < 1e6:
            text = f"{number:,.{max(0, 2 - math.floor(math.log10(abs(number))))}f}"
        else:
            text = f"{number:.2e}"
        # A rounded zero has no sign.
        return text.lstrip("-") if is_zero(text) else text.replace("-", TRUE_MINUS, 1) if number < 0 else text


def is_zero(text: str) -> bool:
    """Say whether a printed number has no digit but 0."""
    return not any(digit in "123456789" for digit in text.partition("e")[0])


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit, kept on one line; `1 point` loses the plural."""
    if not unit:
        return number
    singular = number.lstrip("+" + TRUE_MINUS) == "1" and unit in ("points", "epochs", "steps")
    gap = "" if unit.startswith("/") else NO_BREAK
    return f"{number}{gap}{unit.removesuffix('s') if singular else unit}"


KNOWN = {
    "epochs_to_target": Quantity("epochs to target", "epochs", "epochs", digits=1, better="lower"),
    "best_epoch": Quantity("best epoch", "", "epochs", digits=1),
    "train_seconds": Quantity("training time", "s", "s", better="lower"),
    "evaluation_seconds": Quantity("evaluation time", "s", "s", better="lower"),
    "images_per_second": Quantity("pictures per second", "/s", "/s", digits=0, better="higher"),
    "peak_memory_bytes": Quantity("peak memory", "MB", "MB", scale=1e-6, digits=0, better="lower"),
    "parameters": Quantity("parameters", digits=0),
    "steps": Quantity("steps", "steps", "steps", digits=0),
    "diverged": Quantity("share of runs that did not finish", "%", "points", scale=100, digits=0, better="lower"),
    "inference_gap": Quantity(
        "generalisation gap in inference mode", "points", "points", scale=100, digits=1, better="lower"
    ),
    "mode_gap": Quantity("accuracy in training mode less in inference mode", "points", "points", scale=100, digits=1),
    "activation_op_seconds": Quantity("nonlinearity alone", "ms", "ms", scale=1e3, better="lower"),
    "step_seconds": Quantity("time of one step", "ms", "ms", scale=1e3, better="lower"),
    "inference_seconds": Quantity("inference per picture", "ms", "ms", scale=1e3, better="lower"),
    "loss_over_guessing": Quantity("last training loss over that of guessing", digits=2, better="lower"),
    "regret": Quantity("regret against the best level", "points", "points", scale=100, digits=1, better="lower"),
    "activation_op_cost": Quantity("time of the nonlinearity alone, over that of ReLU", digits=2, better="lower"),
    "step_cost": Quantity("time of a step, over that with ReLU and no norm", digits=2, better="lower"),
    "batch_cost_exponent": Quantity("exponent of a step's time over its pictures", digits=2),
    "start_layer_gain": Quantity("root mean square from input to output of a layer, factor", digits=2),
    "update_ratio_log10": Quantity("update over weight size, power of ten", digits=2),
    "first_update_per_rate": Quantity("first update over learning rate", digits=2),
    "effective_step_growth": Quantity("effective step, last epoch over first", digits=2),
    "start_activation_std_growth": Quantity("spread of activations from layer to layer, factor", digits=2),
    "start_activation_mean": Quantity("mean output of nonlinearities before training"),
    "activation_offset": Quantity("mean output of a layer, without its sign"),
    "start_gradient_ratio": Quantity("first gradient, first layer over last"),
    "start_gradient_ratio_log10": Quantity("first gradient, first layer over last, power of ten", digits=2),
    "gradient_ratio": Quantity("gradient, first layer over last"),
    "saturated_share": Quantity("saturated outputs", "%", "points", scale=100, digits=1, share=True),
    "start_saturated_share": Quantity(
        "saturated outputs before training", "%", "points", scale=100, digits=1, share=True
    ),
    "dead_share": Quantity("dead units", "%", "points", scale=100, digits=1, share=True),
    "start_sign_agreement_share": Quantity(
        "weight gradients of a unit with one sign", "%", "points", scale=100, digits=1, share=True
    ),
    "generalisation_gap": Quantity("generalisation gap", "points", "points", scale=100, digits=1, better="lower"),
}


# What the clock and the memory of the machine say: no two runs agree on it.
CLOCKED = ("images_per_second", "peak_memory_bytes", "batch_cost_exponent", "_seconds", "_op_cost", "step_cost")


def clocked(metric: str) -> bool:
    """Say whether a metric depends on what else the machine does."""
    return metric.endswith(CLOCKED)


def quantity(metric: str) -> Quantity:
    """Return how `metric` is shown; names that are not listed are read by their ending."""
    if metric in KNOWN:
        return KNOWN[metric]
    words = metric.replace("_", " ")
    if metric.endswith("_accuracy"):
        return Quantity(words, "%", "points", scale=100, digits=1, better="higher", share=True)
    if metric.endswith("_share"):
        return Quantity(words, "%", "points", scale=100, digits=1, share=True)
    if metric.endswith("_loss"):
        return Quantity(words, digits=3, better="lower")
    if metric.endswith("_cross_entropy"):
        return Quantity(words.replace("cross entropy", "cross-entropy"), digits=3, better="lower")
    if metric.endswith("_seconds"):
        return Quantity(words.removesuffix(" seconds") + " time", "s", "s", better="lower")
    if metric.endswith("_bytes"):
        return Quantity(words.removesuffix(" bytes"), "MB", "MB", scale=1e-6, digits=1, better="lower")
    return Quantity(words)
