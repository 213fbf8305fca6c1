"""What a run has shown so far: curves, the best weights, the clock."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch

CURVES = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "epoch_seconds",
)


# A loss so many times that of the first batch is not coming back.
DIVERGED = 100.0


def exploded(loss: float, first_loss: float) -> bool:
    """Say whether a mean loss is not finite, or many times that of the first batch.

    Compared with where it began: a net with large weights may start at a large loss and learn.
    """
    return not loss <= DIVERGED * max(first_loss, 1.0)


@dataclass
class History:
    """Curves with one entry a judged epoch, and a copy of the weights of the best of them."""

    curves: dict[str, list[float | None]] = field(default_factory=lambda: defaultdict(list))
    best: tuple[float, float] = (-1.0, 0.0)
    best_epoch: int | None = None
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    # Evaluations since the best one: what the patience of early stopping is counted in.
    waited: int = 0
    epoch: int = 0  # the last that is whole, judged or not
    steps: int = 0
    images: int = 0
    first_loss: float = 0.0  # mean over the first batch
    aside: float = 0.0  # seconds that observers took, which no timing counts
    spent: float = 0.0  # seconds of training and evaluation until a checkpoint
    eager_because: str = ""  # why steps were not captured that were to be
    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "evaluation": 0.0})

    def add(self, point: dict[str, float], model: torch.nn.Module) -> bool:
        """Append one judged epoch; keep the weights if it is the best yet. False: the run has diverged.

        It has if its loss is not finite, or many times that of the first batch.
        """
        for name, value in point.items():
            # JSON has no NaN; a gap in a curve is what it means here.
            self.curves[name].append(value if isfinite(value) else None)
        if exploded(point["train_loss"], self.first_loss) or not isfinite(point["validation_loss"]):
            return False
        # Equal accuracy is decided by the lower loss.
        score = (point["validation_accuracy"], -point["validation_loss"])
        self.waited += 1
        if self.best_epoch is None or score > self.best:
            self.waited = 0
            self.best, self.best_epoch = score, int(point["epoch"])
            self.best_weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        return True

    def metrics(self) -> dict[str, float | None]:
        """Return the scalars that validation and the clock decide."""
        last = {f"final_{name}": values[-1] for name, values in self.curves.items() if values and "_" in name}
        last.pop("final_epoch_seconds", None)
        last.pop("final_learning_rate", None)
        return {
            "best_epoch": self.best_epoch,
            "best_validation_accuracy": self.best[0] if self.best_epoch else None,
            "best_validation_loss": -self.best[1] if self.best_epoch else None,
            **last,
            "evaluations": len(self.curves["epoch"]),
            "steps": self.steps,
            "train_seconds": self.seconds["train"],
            "evaluation_seconds": self.seconds["evaluation"],
            "images_per_second": self.images / self.seconds["train"] if self.seconds["train"] else None,
        }


class Stopwatch:
    """Adds the time of a block to a history; waits for a GPU, which works behind the program."""

    def __init__(self, history: History, name: str, device: str) -> None:
        self.history, self.name, self.device = history, name, device
        self.elapsed = 0.0

    def __enter__(self) -> "Stopwatch":
        self.started, self.aside = time.perf_counter(), self.history.aside
        return self

    def __exit__(self, *_: Any) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.elapsed = time.perf_counter() - self.started - (self.history.aside - self.aside)
        self.history.seconds[self.name] += self.elapsed
