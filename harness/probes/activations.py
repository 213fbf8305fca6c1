"""Mean, spread, histogram, saturated and dead share of every nonlinearity's output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from harness.probes.looking import (
    PART,
    EpochObserver,
    activation_layers,
    edges,
    logits,
    number,
    pictures,
    ratio,
    shares,
    spread,
)
from harness.training.observer import PROBE, Findings
from harness.training.recipe import Recipe

BINS = edges(0.1, 61)
FIXED = 32
# Flat: where the slope is below this share of the steepest slope of the nonlinearity.
FLAT = 0.05
# Layer -> its last input and output.
Caught = dict[str, tuple[torch.Tensor, torch.Tensor]]
STATISTICS = ("mean", "std", "saturated_share", "dead_share", "histogram")


@PROBE.level("activations")
class Activations(EpochObserver):
    """Looks before training, after epochs 1, 2, 4, 8 ... and at the end, in inference mode.

    A unit is a channel. At the last look it is dead if its output is exactly 0 on every validation picture, at the
    others on 32 of them; mean, std (over pictures, units and places), histogram and saturated share are of these 32.
    It reads the bench's ConvNet alone: of another model nothing is measured.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[np.ndarray]] = {name: [] for name in STATISTICS}
        self.layers: list[str] = []

    def look(self, recipe: Recipe) -> None:
        """Add one entry of every statistic of every layer."""
        layers = activation_layers(recipe)
        if not layers:
            return
        alive: dict[str, torch.Tensor] = {}
        with captured(layers) as caught:
            forward(recipe, spread(len(recipe.validation), FIXED))
            # Measuring a slope calls the layers again, which replaces what was caught.
            few = dict(caught)
            measured = [statistics(layer, *few[name]) for name, layer in layers.items()]
            for outputs in self.passes(recipe, caught, few):
                for name, (_, output) in outputs.items():
                    # The largest size over pictures and places: one pass, and no map of booleans.
                    active = output.abs().amax(dim=(0, 2, 3)) > 0
                    alive[name] = active | alive[name] if name in alive else active
        for one, name in zip(measured, layers, strict=True):
            one["dead_share"] = np.asarray(1 - alive[name].double().mean().item())
        self.layers = list(layers)
        for name, entries in self.seen.items():
            entries.append(np.stack([one[name] for one in measured]))

    def passes(self, recipe: Recipe, caught: Caught, few: Caught) -> Iterator[Caught]:
        """Yield what the layers give for the whole validation split at the end, else for `few` pictures."""
        if self.epoch < recipe.spec.settings.epochs:
            yield few
            return
        for start in range(0, len(recipe.validation), PART):
            forward(recipe, slice(start, start + PART))
            yield caught

    def result(self) -> Findings:
        """Return start_ and final values: means over layers, and how the spread changes with depth."""
        if not self.layers:
            return Findings()
        metrics: dict[str, float | None] = {}
        for prefix, at in (("start_", 0), ("", -1)):
            mean, std, saturated, dead = (self.seen[name][at] for name in STATISTICS[:4])
            metrics |= {
                f"{prefix}activation_mean": number(mean.mean()),
                f"{prefix}activation_offset": number(np.abs(mean).mean()),
                f"{prefix}activation_std_first": number(std[0]),
                f"{prefix}activation_std_last": number(std[-1]),
                f"{prefix}activation_std_growth": growth(std),
                f"{prefix}saturated_share": number(saturated.mean()),
                f"{prefix}dead_share": number(dead.mean()),
            }
        arrays = {f"activations/{name}": np.stack(entries).astype(np.float32) for name, entries in self.seen.items()}
        arrays["activations/epochs"] = np.array(self.epochs)
        arrays["activations/layers"] = np.array(self.layers)
        arrays["activations/edges"] = BINS
        return Findings(metrics, arrays)


def growth(std: np.ndarray) -> float | None:
    """Return the factor by which the spread changes from one layer to the next, the geometric mean."""
    whole = ratio(number(std[-1]), number(std[0]))
    return None if whole is None or len(std) < 2 else whole ** (1 / (len(std) - 1))


def statistics(layer: nn.Module, before: torch.Tensor, after: torch.Tensor) -> dict[str, np.ndarray]:
    """Return the statistics of one layer's inputs and outputs (B, C, ...)."""
    values = after.float()
    flat = (slope(layer, before.float()) < FLAT * steepest(layer)).double().mean()
    # A unit whose input is not finite has no slope; saying so beats a made-up share.
    broken = not bool(torch.isfinite(values).all())
    return {
        "mean": np.asarray(values.mean().item()),
        "std": np.asarray(values.std(correction=0).item()),
        "saturated_share": np.asarray(np.nan if broken else flat.item()),
        "histogram": shares(values, BINS),
    }


def slope(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return |f'(x)| of an elementwise nonlinearity; of maxout that of the piece that wins."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        (found,) = torch.autograd.grad(layer(x).sum(), x)
    pieces = getattr(layer, "pieces", 1)
    return found.abs().unflatten(1, (-1, pieces)).amax(2) if pieces > 1 else found.abs()


def steepest(layer: nn.Module) -> float:
    """Return the largest slope of a nonlinearity between -6 and 6."""
    grid = torch.linspace(-6, 6, 241).reshape(-1, 1, 1, 1)
    pieces = getattr(layer, "pieces", 1)
    if pieces > 1:
        return 1.0
    device = next((p.device for p in layer.parameters()), torch.device("cpu"))
    return float(slope(layer, grid.to(device)).max())


@torch.no_grad()
def forward(recipe: Recipe, index: torch.Tensor | slice) -> None:
    """Show validation pictures to the net in inference mode."""
    recipe.model.eval()
    images, _ = pictures(recipe, recipe.validation, index)
    logits(recipe, images)


@contextmanager
def captured(layers: dict[str, nn.Module]) -> Iterator[Caught]:
    """Keep (input, output) of every layer's last forward pass in the block."""
    caught: Caught = {}

    def keeper(name: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            caught[name] = inputs[0].detach(), output.detach()

        return keep

    handles = [layer.register_forward_hook(keeper(name)) for name, layer in layers.items()]
    try:
        yield caught
    finally:
        for handle in handles:
            handle.remove()
