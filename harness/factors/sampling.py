"""Class balance of training. A level maps the labels (N,) to the pictures that are kept and how they are drawn.

Validation and test stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from harness.registry import Registry


@dataclass(frozen=True)
class Sample:
    """Rising indices (M,) of the pictures kept; with `weights` (M,) they are drawn by these, with replacement."""

    kept: torch.Tensor
    weights: torch.Tensor | None = None


SAMPLING: Registry[Callable[..., Sample]] = Registry("sampling")


@SAMPLING.level("balanced")
def balanced(labels: torch.Tensor, generator: torch.Generator) -> Sample:
    """Every picture once per pass: balanced wherever the data is."""
    return Sample(torch.arange(len(labels)))


@SAMPLING.level("long_tailed")
def long_tailed(labels: torch.Tensor, generator: torch.Generator, *, imbalance: float = 20.0) -> Sample:
    """Class sizes that fall geometrically, the largest `imbalance` times the smallest (Cui et al., 2019).

    Which class comes where in the tail is drawn, so that hard and easy classes take turns over seeds.
    """
    classes = labels.unique()
    classes = classes[torch.randperm(len(classes), generator=generator)]
    order = torch.randperm(len(labels), generator=generator)
    kept = []
    for rank, label in enumerate(classes):
        members = order[labels[order] == label]
        share = imbalance ** (-rank / max(len(classes) - 1, 1))
        kept.append(members[: max(1, round(share * len(members)))])
    return Sample(torch.cat(kept).sort().values)


@SAMPLING.level("long_tailed_weighted")
def long_tailed_weighted(labels: torch.Tensor, generator: torch.Generator, *, imbalance: float = 20.0) -> Sample:
    """The same long tail, drawn with replacement so that every class comes equally often."""
    kept = long_tailed(labels, generator, imbalance=imbalance).kept
    return Sample(kept, 1 / labels[kept].bincount()[labels[kept]].double())
