"""What may watch a run: the moments at which the loop lets others look."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.training.recipe import Recipe


class Observer:
    """Looks, draws no randomness and changes nothing; its time is outside the run's timings."""

    def before_training(self, recipe: "Recipe") -> None:
        """Called once, with the weights as they were initialised."""

    def after_epoch(self, recipe: "Recipe", point: dict[str, float]) -> None:
        """Called after every evaluation, with the epoch's entry in the curves."""
