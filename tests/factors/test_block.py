from collections.abc import Callable

import pytest
import torch
from torch import nn

from harness.core.spec import Settings
from harness.factors.block import BLOCK, Parallel, Residual
from harness.factors.model import LayerMaker
from harness.training.model import build_model

Make = Callable[..., Settings]
X = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


def test_a_residual_block_of_nothing_is_its_input(settings: Make) -> None:
    block = BLOCK.get("residual")(LayerMaker(settings(norm="none")), 8, 8, 2)
    assert isinstance(block, Residual)
    for parameter in block.branch.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(X), X.relu())


def test_a_residual_block_against_its_formula(settings: Make) -> None:
    block = BLOCK.get("residual")(LayerMaker(settings(norm="none")), 8, 4, 2)
    first, second = (block.branch[i][0] for i in (0, 1))
    expected = (second(first(X).relu()) + block.shortcut[0](X)).relu()
    torch.testing.assert_close(block(X), expected)
    assert block.shortcut[0].kernel_size == (1, 1)


@pytest.mark.parametrize("activation", ["relu", "maxout"])
@pytest.mark.parametrize("block", BLOCK.names)
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_every_depth_and_activation(settings: Make, block: str, depth: int, activation: str) -> None:
    model = build_model(settings(depth=depth, block=block, activation=activation), 10, (16, 16, 3), 0)
    assert model(torch.zeros(2, 3, 16, 16)).shape == (2, 10)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_skips_do_not_count_as_depth(settings: Make, depth: int) -> None:
    model = build_model(settings(depth=depth, block="residual"), 10, (16, 16, 3), 0)
    convolutions = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and "shortcut" not in n]
    assert len(convolutions) == depth


def test_inception_has_parallel_kernels(settings: Make) -> None:
    block = BLOCK.get("inception")(LayerMaker(settings(norm="none")), 8, 10, 1)
    assert isinstance(block, Parallel)
    kernels = [m.kernel_size for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(1, 1), (3, 3), (5, 5), (1, 1)]
    assert [m.out_channels for m in block.modules() if isinstance(m, nn.Conv2d)] == [2, 4, 2, 2]
    assert block(X).shape == (2, 10, 6, 6)
    pooled = nn.functional.max_pool2d(X, 3, stride=1, padding=1)
    torch.testing.assert_close(block(X)[:, 8:], block.branches[3][1](pooled))


def test_layers_start_equal_with_a_skip_around_them_and_without(settings: Make) -> None:
    starts = [
        [
            module.weight
            for module in build_model(settings(depth=8, block=block), 10, (16, 16, 3), 0).modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
        ]
        for block in ("plain", "residual")
    ]
    assert [len(weights) for weights in starts] == [8, 8]
    assert all(torch.equal(*pair) for pair in zip(*starts, strict=True))
