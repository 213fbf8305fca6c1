from collections.abc import Callable

import pytest
import torch

from harness.core.errors import SettingError
from harness.core.spec import Settings
from harness.training.model import build_model

IMAGE = (32, 32, 3)
Make = Callable[..., Settings]


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_default_net_layer_by_layer(settings: Make) -> None:
    model = build_model(settings(width=16), 10, IMAGE, 0)
    kinds = [type(m).__name__ for m in model.modules() if not list(m.children())]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 3 + ["Flatten", "Scaled", "Linear"]
    convolutions = 27 * 16 + 16 + 144 * 32 + 32 + 288 * 64 + 64
    assert parameters(model) == convolutions + 2 * (16 + 32 + 64) + 1024 * 10 + 10


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 8, 16])
def test_depth_counts_convolutions(settings: Make, depth: int) -> None:
    model = build_model(settings(depth=depth), 10, IMAGE, 0)
    assert sum(isinstance(m, torch.nn.Conv2d) for m in model.modules()) == depth
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_maxout_doubles_the_convolutions_and_keeps_the_channels(settings: Make) -> None:
    plain = build_model(settings(norm="none"), 10, IMAGE, 0)
    maxout = build_model(settings(norm="none", activation="maxout"), 10, IMAGE, 0)
    dense = parameters(plain.dense)  # type: ignore[arg-type]
    assert parameters(maxout) - dense == 2 * (parameters(plain) - dense)


def test_layers_of_equal_name_and_shape_start_equal(settings: Make) -> None:
    models = [
        build_model(settings(**changes), 10, IMAGE, 0)
        for changes in ({}, {"activation": "tanh"}, {"norm": "none"}, {"dropout": 0.5, "dropout_place": "rising"})
    ]
    for model in models[1:]:
        first, other = dict(models[0].named_parameters()), dict(model.named_parameters())
        assert torch.equal(first["dense.weight"], other["dense.weight"])
        assert torch.equal(first["block1.0.weight"], other["block1.0.weight"])


def test_other_seeds_start_otherwise(settings: Make) -> None:
    one, two = (build_model(settings(), 10, IMAGE, seed).dense.weight for seed in (0, 1))
    assert not torch.equal(one, two)  # type: ignore[arg-type]


def test_too_small_pictures_are_refused(settings: Make) -> None:
    with pytest.raises(SettingError, match=r"data\.image_size"):
        build_model(settings(), 10, (4, 4, 3), 0)
