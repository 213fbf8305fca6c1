"""How much arithmetic runs ask for: the time left is told by it, whichever of them come first."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

import torch
from torch import nn

from harness.core.spec import RunSpec, Settings
from harness.factors.model import network, taken
from harness.factors.search import SEARCH
from harness.factors.transfer import TRANSFER


def work(specs: Iterable[RunSpec], data: Mapping[str, Any]) -> list[float]:
    """Return for every run a number that its time is about proportional to; `data` is that of a plan's target.

    On a CPU it is multiply-adds, on a GPU, which small nets don't fill, updates.
    """
    counted: dict[object, float] = {}

    def multiply_adds(settings: Settings) -> float:
        kind = settings.model, *(getattr(settings, name) for name in taken(settings.model))
        if kind not in counted:
            counted[kind] = multiply_adds_of(settings, len(data["classes"]), data["image_size"])
        return counted[kind]

    def of_run(spec: RunSpec) -> float:
        settings, images = spec.settings, data["splits"]["train"]
        epoch = ceil(images / settings.batch_size) if spec.device == "cuda" else images * multiply_adds(settings)
        stages = SEARCH.build(settings.search)
        times = sum(stage.trials * stage.epochs for stage in stages) if stages else 1.0
        # Borrowed features are learned first.
        times += TRANSFER.build(settings.transfer).borrows
        return epoch * settings.epochs * times

    threads = torch.get_num_threads()
    # A picture is too small to share, and several threads wait for each other while the workers' server starts.
    torch.set_num_threads(1)
    try:
        return [of_run(spec) for spec in specs]
    finally:
        torch.set_num_threads(threads)


def multiply_adds_of(settings: Settings, classes: int, image_size: tuple[int, int, int]) -> float:
    """Return what one picture (height, width, channels) takes through the convolutions and dense layers of a network.

    An update takes a multiple of it. torch's own counter would do the same, and import torch's compiler: seconds.
    """
    height, width, channels = image_size
    counts: list[int] = []

    def count(layer: nn.Conv2d | nn.Linear, _: Any, output: torch.Tensor) -> None:
        # Each value that comes out is a product with one row of the weights.
        counts.append(layer.weight[0].numel() * output[0].numel())

    try:
        net = network(settings, classes, image_size).eval()
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(count)
        with torch.no_grad():
            net(torch.zeros(1, channels, height, width))
    except Exception:
        # A level with a bug fails the runs that have it, which say so, and no others.
        return 0.0
    return float(sum(counts))
