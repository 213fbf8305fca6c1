"""Class balance of training. A level maps the labels (N,) to the pictures that are kept and how they are drawn.

Validation and test stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import torch

from harness.core.registry import Pictures, Registry


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


@SAMPLING.level("long_tailed", imbalance=(1, 10000))
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


@SAMPLING.level("long_tailed_weighted", imbalance=(1, 10000))
def long_tailed_weighted(labels: torch.Tensor, generator: torch.Generator, *, imbalance: float = 20.0) -> Sample:
    """The same long tail, drawn with replacement so that every class comes equally often."""
    kept = long_tailed(labels, generator, imbalance=imbalance).kept
    return Sample(kept, 1 / labels[kept].bincount()[labels[kept]].double())


# Times that the largest class may be the smallest before a tail is cut. Above it the data has a tail of its own: where
# the rare classes of the one are the common ones of the other, they would even out.
EVEN = 2.0


@SAMPLING.needs("long_tailed", "long_tailed_weighted")
def even_classes(pictures: Pictures, *, imbalance: float) -> str | None:
    """Any class may end the tail, with one picture left at least; before it is cut the classes are about even."""
    (rare, fewest), (common, most) = pictures.rarest, pictures.commonest
    if fewest < imbalance:
        return f"needs {ceil(imbalance)} training pictures of every class, and {rare!r} has {fewest}"
    if most > EVEN * fewest:
        return f"needs classes of about one size, and {common!r} has {most} training pictures, {rare!r} {fewest}"
    return None
