from collections.abc import Callable

import torch

from harness.core.seeding import generator
from harness.core.spec import Choice, RunSpec
from harness.factors.auxiliary import AUXILIARY, turned
from harness.training.recipe import Recipe
from harness.training.split import RunData


def test_turns_picture_by_picture() -> None:
    images = torch.rand(8, 3, 6, 6, generator=generator(0, "pictures"))
    turns = torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    expected = torch.stack([image.rot90(int(k), dims=(1, 2)) for image, k in zip(images, turns, strict=True)])
    assert torch.equal(turned(images, turns), expected)


def test_the_loss_is_the_weighted_cross_entropy_of_the_turns() -> None:
    images = torch.rand(16, 2, 4, 4, generator=generator(0, "pictures"))
    module = AUXILIARY.build(Choice.of("rotation", {"weight": 0.25}), 32)
    loss = module(torch.nn.Flatten(), images, generator(0, "rotation"))
    turns = torch.randint(0, 4, (16,), generator=generator(0, "rotation"))
    logits = module.dense(turned(images, turns).flatten(1))
    expected = -logits.log_softmax(dim=1)[torch.arange(16), turns].mean() / 4
    torch.testing.assert_close(loss, expected)


def test_both_tasks_teach_the_features_and_the_head_learns(spec: Callable[..., RunSpec], run_data: RunData) -> None:
    recipe = Recipe.build(spec(auxiliary="rotation", norm="none"), run_data)
    plain = Recipe.build(spec(norm="none"), run_data)
    assert recipe.auxiliary is not None
    head = recipe.auxiliary.dense.weight.detach().clone()  # type: ignore[union-attr, operator]
    index = torch.arange(40)
    recipe.update(index)
    plain.update(index)
    assert not torch.equal(head, recipe.auxiliary.dense.weight)  # type: ignore[union-attr, arg-type]
    own, alone = dict(recipe.model.named_parameters()), dict(plain.model.named_parameters())
    assert not torch.equal(own["block1.0.weight"], alone["block1.0.weight"])
    # The dense layer has no part in the second task.
    assert torch.equal(own["dense.weight"], alone["dense.weight"])
