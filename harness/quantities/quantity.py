"""What is to be known of a measured quantity, and how it is printed."""

import math
from dataclasses import dataclass
from typing import Any, Literal

TRUE_MINUS = "\u2212"
NO_BREAK = "\u00a0"

# What a run that did not finish counts as. guess: the accuracy of guessing. bound: a target that was never reached.
# kept: what was measured holds all the same. lost: not measured, and then the arm has no value: survivors would be it.
Unfinished = Literal["guess", "bound", "kept", "lost"]


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: who measures it, how it scatters, and how readers see it.

    `by` is who measures it: `training` (of every run), `watching` (of runs with a probe), `transfer`, `search`,
    `analysis` (from several runs, or from the curves of one), or a probe, as `probe:units`; none where it isn't known.

    `kind` is what values can be: any number, `whole` numbers, a `share` of something within each run, or an `event`, 0
    or 1 for each run. `least` and `most` are their ends, as stored. What is read off in steps has a `step`: a number,
    or from one `evaluation` to the next. What is counted or measured has none.

    `scatters` is what makes two runs of one arm differ: the `luck` of their seeds; also the `clock` and the memory of
    the machine, on which not even reruns agree; or nothing, `never`: it follows from the settings.

    `scale` turns stored values into printed ones. `why` says in a sentence or two why it says something.
    """

    label: str
    unit: str = ""
    difference_unit: str = ""
    scale: float = 1.0
    digits: int | None = None  # after the point; None: three significant digits
    better: Literal["higher", "lower"] | None = None
    least: float = -math.inf
    most: float = math.inf
    kind: Literal["continuous", "whole", "share", "event"] = "continuous"
    step: float | Literal["evaluation"] | None = None
    scatters: Literal["luck", "clock", "never"] = "luck"
    unfinished: Unfinished = "lost"
    by: str = ""
    why: str = ""

    @property
    def probe(self) -> str | None:
        """The probe that measures it; None if no probe does."""
        kind, _, name = self.by.partition(":")
        return name if kind == "probe" else None

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


POINTS: dict[str, Any] = {"difference_unit": "points", "scale": 100, "digits": 1, "most": 1}
# A run that breaks off has been timed until then.
TIMED: dict[str, Any] = {"better": "lower", "least": 0, "scatters": "clock", "unfinished": "kept"}


def made(label: str, more: dict[str, Any], **usual: Any) -> Quantity:
    """Return a quantity with the fields `usual`, and `more` in addition or instead."""
    return Quantity(label, **usual | more)


def share(label: str, **more: Any) -> Quantity:
    """Return a share, stored as 0 to 1, printed in percent; `more` are fields that differ."""
    return made(label, more, unit="%", kind="share", least=0, **POINTS)


def accuracy(label: str, **more: Any) -> Quantity:
    """Return a share of pictures that are right; a run that did not finish guesses."""
    return share(label, **{"better": "higher", "unfinished": "guess"} | more)


def gap(label: str, **more: Any) -> Quantity:
    """Return a difference of two shares, printed in points."""
    return made(label, more, unit="points", least=-1, **POINTS)


def loss(label: str, **more: Any) -> Quantity:
    """Return a loss."""
    return made(label, more, digits=3, better="lower", least=0)


def seconds(label: str, **more: Any) -> Quantity:
    """Return a time, stored and printed in seconds."""
    return made(label, more, unit="s", difference_unit="s", **TIMED)


def milliseconds(label: str, **more: Any) -> Quantity:
    """Return a time, stored in seconds, printed in milliseconds."""
    return made(label, more, unit="ms", difference_unit="ms", scale=1e3, **TIMED)


def megabytes(label: str, **more: Any) -> Quantity:
    """Return an amount of memory, stored in bytes, printed in megabytes."""
    usual = {"unit": "MB", "difference_unit": "MB", "scale": 1e-6, "better": "lower", "least": 0, "unfinished": "kept"}
    return made(label, more, **usual)
