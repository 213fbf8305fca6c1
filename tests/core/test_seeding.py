import torch

from harness.core.seeding import derive, generator, numpy_generator


def test_streams_are_fixed_forever() -> None:
    # These values are part of every record: another value means that results can't be repeated.
    assert derive(0, "order") == 3278857439845718984
    assert derive(1, "init:block1.0") == 5501087764423601038


def test_streams_and_seeds_are_apart() -> None:
    assert len({derive(seed, stream) for seed in range(50) for stream in ("order", "augment", "split")}) == 150


def test_generators_repeat() -> None:
    assert torch.equal(torch.rand(4, generator=generator(3, "a")), torch.rand(4, generator=generator(3, "a")))
    assert (numpy_generator(3, "a").random(4) == numpy_generator(3, "a").random(4)).all()
