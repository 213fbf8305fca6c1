import torch

from harness.core.seeding import generator
from harness.core.spec import Choice
from harness.factors.sampling import SAMPLING, Sample

LABELS = torch.arange(1000) % 10


def sample(name: str, seed: int = 0) -> Sample:
    return SAMPLING.build(Choice.of(name), LABELS, generator(seed, "sampling"))


def test_balanced_keeps_everything() -> None:
    assert torch.equal(sample("balanced").kept, torch.arange(1000))


def test_a_long_tail_falls_geometrically() -> None:
    counts = LABELS[sample("long_tailed").kept].bincount().sort(descending=True).values
    assert counts.tolist() == [round(100 * 20 ** (-rank / 9)) for rank in range(10)]
    first, other = (LABELS[sample("long_tailed", seed).kept].bincount() for seed in (0, 1))
    assert not torch.equal(first, other), "which class is rare is drawn"


def test_weights_make_classes_equally_likely_on_the_same_pictures() -> None:
    weighted = sample("long_tailed_weighted")
    assert torch.equal(weighted.kept, sample("long_tailed").kept)
    assert weighted.weights is not None
    labels = LABELS[weighted.kept]
    shares = torch.zeros(10, dtype=torch.float64).index_add(0, labels, weighted.weights)
    torch.testing.assert_close(shares, torch.ones(10, dtype=torch.float64))
