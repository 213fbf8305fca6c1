"""The checks of the preflight that come before any training: data, first loss, first gradient."""

from itertools import islice
from math import log

import torch

from harness.procedures.flight import Check, Preflight, finite, state_of, weights_of

SAMPLE = 1024  # pictures that the data and the first loss are judged by
# Of two bounds, up to the first a check passes, beyond the second it fails; between them it is worth a look.
OFF_CENTRE = (0.25, 1.0)  # |mean| over spread of the inputs
FIRST_LOSS = (0.2, 0.5)  # share of ln(classes) by which the first loss differs
UNEVEN = 100.0  # largest over smallest gradient of a layer: worth a look


def centred(flight: Preflight) -> Check:
    """The inputs of the net have a mean near zero."""
    recipe = flight.recipe()
    inputs = recipe.scale(recipe.train.pictures(slice(0, SAMPLE))).float()
    values = inputs.transpose(0, 1).flatten(1)
    mean, spread = values.mean(dim=1), values.std(dim=1).clamp(min=1e-12)
    off = float((mean / spread).abs().max())
    low, high = float(values.min()), float(values.max())
    # torch has no deterministic histogram on a GPU.
    counts = [torch.histc(channel, 40, low, high).tolist() for channel in values.cpu()] if high > low else []
    return Check(
        "data",
        "The data is centred",
        state_of(off <= OFF_CENTRE[0], off <= OFF_CENTRE[1]),
        f"The channel furthest off has its mean {off:.2f} standard deviations from zero.",
        f"at most {OFF_CENTRE[0]:g}; from {OFF_CENTRE[1]:g} on it fails",
        "Set recipe.preprocessing to standardised or zero_centred.",
        {"low": low, "high": high, "counts": counts, "means": mean.tolist()},
    )


def first_loss(flight: Preflight) -> Check:
    """Before training the loss is that of guessing: ln(classes)."""
    recipe = flight.recipe()
    classes = len(recipe.classes)
    losses = []
    with torch.no_grad():
        for index in islice(recipe.batches(), 12):
            images, _ = recipe.batch(index)
            with recipe.autocast():
                logits = recipe.model(images).float()
            losses.append(float(torch.nn.functional.cross_entropy(logits, recipe.train.labels[index])))
    mean, wanted = sum(losses) / len(losses), log(classes)
    off = abs(mean - wanted) / wanted
    return Check(
        "first_loss",
        "The loss begins where guessing is",
        state_of(off <= FIRST_LOSS[0], off <= FIRST_LOSS[1]),
        f"The cross-entropy before training is {mean:.3g}; ln({classes}) = {wanted:.3g}.",
        f"within {FIRST_LOSS[0]:.0%} of ln(classes); beyond {FIRST_LOSS[1]:.0%} it fails",
        "Weights that are too large make a net sure before it knows anything: look at recipe.initialization, at the "
        "scale of the inputs, and whether the number of classes is right.",
        {"losses": [finite(loss) for loss in losses], "wanted": wanted},
    )


def signal(flight: Preflight) -> Check:
    """The first gradient reaches every layer, and the units of a layer differ."""
    recipe = flight.recipe(dropout=0.0)
    images, targets = recipe.batch(next(recipe.batches()))
    with recipe.autocast():
        logits = recipe.model(images)
    recipe.loss(logits, targets).backward()
    norms: dict[str, float] = {}
    silent, equal = [], []
    for name, weight in weights_of(recipe):
        gradient = float(weight.grad.norm()) if weight.grad is not None else 0.0
        norms[name] = gradient
        if not gradient > 0:
            silent.append(name)
        if len(weight) > 1 and bool((weight == weight[:1]).all()):
            equal.append(name)
    least, most = min(norms, key=norms.__getitem__), max(norms, key=norms.__getitem__)
    sound = not silent and not equal
    if not sound:
        found = f"No gradient in: {', '.join(silent) or 'none'}. All units alike in: {', '.join(equal) or 'none'}."
    else:
        span = f"from {norms[least]:.1e} ({least}) to {norms[most]:.1e} ({most})"
        found = f"No layer's units are all alike; sizes of the layers' gradients are {span}."
    return Check(
        "weights",
        "The weights can learn",
        state_of(sound and norms[most] <= UNEVEN * norms[least], sound),
        found,
        f"units that differ and a gradient above 0 in every layer, the largest at most {UNEVEN:g} times the smallest",
        "Units that start alike stay alike, and weights of zero pass no gradient on: set recipe.initialization to he. "
        "Where gradients shrink from layer to layer, so do the steps: see recipe.norm and recipe.activation.",
        {"layers": [{"layer": name, "gradient": finite(norm)} for name, norm in norms.items()]},
    )
