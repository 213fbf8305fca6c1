"""How each metric is named, scaled and printed; the one place that knows units."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

PRIMARY = "test_accuracy"  # every study is judged by it first
TRUE_MINUS = "\u2212"
NO_BREAK = "\u00a0"


# What a run that did not finish counts as. guess: the accuracy of guessing. bound: a target that was never reached.
# kept: what was measured holds all the same. lost: nothing, and then the arm has no value: survivors would be it.
Unfinished = Literal["guess", "bound", "kept", "lost"]


@dataclass(frozen=True)
class Quantity:
    """A metric as readers see it: `scale` turns stored values into printed ones.

    `least` and `most` are the ends of what a stored value can be. `kind` says how it scatters: `whole` numbers come in
    steps (of `step`; None: those from one evaluation to the next), an `event` is 0 or 1 for each run, and what is
    `exact` follows from the settings: it doesn't scatter.
    """

    label: str
    unit: str = ""
    difference_unit: str = ""
    scale: float = 1.0
    digits: int | None = None  # after the point; None: three significant digits
    better: Literal["higher", "lower"] | None = None
    least: float = -math.inf
    most: float = math.inf
    kind: Literal["continuous", "whole", "event", "exact"] = "continuous"
    unfinished: Unfinished = "lost"
    step: float | None = None

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


# Known before training, or measured beside it: a run that breaks off later has it all the same.
KEPT: dict[str, Any] = {"unfinished": "kept"}
SHARE: dict[str, Any] = {"unit": "%", "difference_unit": "points", "scale": 100, "digits": 1, "least": 0, "most": 1}
GAP: dict[str, Any] = {"unit": "points", "difference_unit": "points", "scale": 100, "digits": 1, "least": -1, "most": 1}

KNOWN = {
    "epochs_to_target": Quantity(
        "epochs to target", "epochs", "epochs", digits=1, better="lower", least=0, kind="whole", unfinished="bound"
    ),
    "best_epoch": Quantity("best epoch", "", "epochs", digits=1, least=0, kind="whole"),
    "train_seconds": Quantity("training time", "s", "s", better="lower", least=0, **KEPT),
    "evaluation_seconds": Quantity("evaluation time", "s", "s", better="lower", least=0, **KEPT),
    "images_per_second": Quantity("pictures per second", "/s", "/s", digits=0, better="higher", least=0, **KEPT),
    "peak_memory_bytes": Quantity("peak memory", "MB", "MB", scale=1e-6, digits=0, better="lower", least=0, **KEPT),
    "backward_memory_bytes": Quantity(
        "memory kept for the backward pass", "MB", "MB", scale=1e-6, digits=1, better="lower", kind="exact", **KEPT
    ),
    "parameters": Quantity("parameters", digits=0, kind="exact", least=0, **KEPT),
    "steps": Quantity("steps", "steps", "steps", digits=0, least=0, **KEPT),
    "diverged": Quantity(
        "share of runs that did not finish",
        "%",
        "points",
        scale=100,
        digits=0,
        better="lower",
        least=0,
        most=1,
        kind="event",
        **KEPT,
    ),
    "inference_gap": Quantity("generalisation gap in inference mode", better="lower", **GAP),
    "generalisation_gap": Quantity("generalisation gap", better="lower", **GAP),
    "mode_gap": Quantity("accuracy in training mode less in inference mode", **GAP),
    "regret": Quantity("regret against the best level", better="lower", **GAP, **KEPT),
    "activation_op_seconds": Quantity("nonlinearity alone", "ms", "ms", scale=1e3, better="lower", least=0, **KEPT),
    "step_seconds": Quantity("time of one step", "ms", "ms", scale=1e3, better="lower", least=0, **KEPT),
    "inference_seconds": Quantity("inference per picture", "ms", "ms", scale=1e3, better="lower", least=0, **KEPT),
    "loss_over_guessing": Quantity("last training loss over that of guessing", digits=2, better="lower", least=0),
    "activation_op_cost": Quantity(
        "time of the nonlinearity alone, over that of ReLU", digits=2, better="lower", least=0, **KEPT
    ),
    "step_cost": Quantity("time of a step, over that with ReLU and no norm", digits=2, better="lower", least=0, **KEPT),
    "batch_cost_exponent": Quantity("exponent of a step's time over its pictures", digits=2, **KEPT),
    "start_layer_gain": Quantity("root mean square from input to output of a layer, factor", digits=2, least=0, **KEPT),
    "update_ratio_log10": Quantity("update over weight size, power of ten", digits=2),
    "first_update_per_rate": Quantity("first update over learning rate", digits=2, least=0, **KEPT),
    "effective_step_growth": Quantity("effective step, last epoch over first", digits=2, least=0),
    "start_activation_std_growth": Quantity(
        "spread of activations from layer to layer, factor", digits=2, least=0, **KEPT
    ),
    "start_activation_mean": Quantity("mean output of nonlinearities before training", **KEPT),
    "activation_offset": Quantity("mean output of a layer, without its sign", least=0),
    "start_gradient_ratio": Quantity("first gradient, first layer over last", least=0, **KEPT),
    "start_gradient_ratio_log10": Quantity("first gradient, first layer over last, power of ten", digits=2, **KEPT),
    "gradient_ratio": Quantity("gradient, first layer over last", least=0),
    "saturated_share": Quantity("saturated outputs", **SHARE),
    "start_saturated_share": Quantity("saturated outputs before training", **SHARE, **KEPT),
    "weight_norm": Quantity("weight norm", least=0),
    "evaluations": Quantity("evaluations", least=0),
    "loss_range_along_gradient": Quantity("loss range along gradient", least=0),
    "dead_share": Quantity("dead units", **SHARE),
    "identical_unit_share": Quantity("identical units", kind="exact", **SHARE),
    "no_gradient_share": Quantity("units without gradient from any training picture", better="lower", **SHARE),
    "large_weights_saturated_share": Quantity("saturated outputs of the net with large weights", **SHARE, **KEPT),
    "saturated_gradient_share": Quantity(
        "gradient at saturated units over that at the others of their layer", **SHARE, **KEPT
    ),
    "accuracy_lost_to_shift": Quantity(
        "accuracy lost on pictures brightened, darkened, made paler or noisy", better="lower", **GAP
    ),
    "accuracy_lost_to_noise": Quantity("accuracy lost to noise on the pictures", better="lower", **GAP),
    "gap_at_equal_loss": Quantity("generalisation gap at equal training loss", better="lower", **GAP),
    "accuracy_over_chance": Quantity("test accuracy above guessing", better="higher", **GAP),
    "accuracy_deviation": Quantity("distance of test accuracy from the median of the seeds", better="lower", **GAP),
    "scale_spread_to_control": Quantity(
        "spread of accuracy over initial weights, less that of the control", better="lower", **GAP, **KEPT
    ),
    # A sweep of the rate in steps of about three: half a power of ten.
    "highest_rate_log10": Quantity(
        "highest rate within 5 points of the best, power of ten",
        digits=2,
        better="higher",
        kind="whole",
        step=0.5,
        **KEPT,
    ),
    "validation_loss_rise": Quantity("rise of the validation loss from its lowest to the end", digits=3, least=0),
    "train_loss_since_lowest": Quantity(
        "change of the training loss since the validation loss was lowest", digits=3, better="lower"
    ),
    "loss_at_equal_seconds": Quantity("training loss after equal seconds", digits=3, better="lower", least=0),
    "equal_l2_strength": Quantity("strength of the L2 penalty with the same weight norm", least=0),
    "gain_over_equal_l2": Quantity(
        "validation accuracy, less that of the L2 penalty with the same weight norm", better="higher", **GAP
    ),
    "survivor_agreement": Quantity("agreement of surviving weights between seeds, kappa", digits=2, most=1),
    "valley_steps": Quantity("steps to the lowest point of the valley", digits=0, better="lower", least=0, **KEPT),
    "valley_across_log10": Quantity("steps across the valley, power of ten of plain descent's", digits=2, **KEPT),
    "valley_along_log10": Quantity("steps along the valley, power of ten of plain descent's", digits=2, **KEPT),
    "saddle_steps": Quantity("steps to leave the saddle", digits=1, better="lower", least=0, **KEPT),
    "lowest_hollow_share": Quantity("paths that end in the lowest of many hollows", **SHARE, **KEPT),
    "noisy_valley_log10": Quantity(
        "height at the end of the valley under noise, power of ten", digits=2, better="lower", **KEPT
    ),
    "start_sign_agreement_share": Quantity("weight gradients of a unit with one sign", **SHARE, **KEPT),
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
    shown = by_ending(metric, metric.replace("_", " "))
    return replace(shown, unfinished="kept") if metric.startswith("start_") else shown


def by_ending(metric: str, words: str) -> Quantity:
    """Return what the ending of a name says."""
    if metric.endswith("_accuracy"):
        return Quantity(words, better="higher", unfinished="guess", **SHARE)
    if metric.endswith("_share"):
        return Quantity(words, **SHARE)
    if metric.endswith("_loss"):
        return Quantity(words, digits=3, better="lower", least=0)
    if metric.endswith("_cross_entropy"):
        return Quantity(words.replace("cross entropy", "cross-entropy"), digits=3, better="lower", least=0)
    if metric.endswith("_seconds"):
        return Quantity(words.removesuffix(" seconds") + " time", "s", "s", better="lower", least=0, **KEPT)
    if metric.endswith("_bytes"):
        words = words.removesuffix(" bytes")
        return Quantity(words, "MB", "MB", scale=1e-6, digits=1, better="lower", least=0, **KEPT)
    return Quantity(words)
