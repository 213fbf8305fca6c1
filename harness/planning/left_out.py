"""Arms of a study that the prepared data can't carry, with the reason, as plan and report say it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LeftOut:
    """The arms of some contexts and levels of a study (none named: of all), and what the data lacks for them."""

    study: str
    contexts: tuple[str, ...]
    levels: tuple[str, ...]
    reason: str

    def covers(self, context: str, level: str) -> bool:
        """Say whether an arm is among them."""
        return (not self.contexts or context in self.contexts) and (not self.levels or level in self.levels)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `plan.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "LeftOut":
        """Read what `to_json` wrote."""
        return cls(body["study"], tuple(body["contexts"]), tuple(body["levels"]), body["reason"])

    def __str__(self) -> str:
        levels = f": {', '.join(self.levels)}" if self.levels else ""
        contexts = f" in {', '.join(self.contexts)}" if self.contexts else ""
        return f"{self.study}{levels}{contexts} left out: {self.reason}"
