"""Ensembles: what recorded runs said about the test pictures, averaged. Nothing is trained here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.core.records import Store
from harness.core.spec import RunResult, RunSpec
from harness.data.prepared import Prepared
from harness.planning.fingerprint import identity_of_ensemble

# What members cost adds up; they are trained one after the other, so memory doesn't.
ADDED = ("parameters", "steps", "train_seconds", "evaluation_seconds")
# Records keep probabilities in half precision, where smaller ones are 0, whose logarithm would be infinite.
SMALLEST = 2.0**-25


def record_ensembles(specs: Iterable[RunSpec], store: Store, prepared: Prepared, environment: dict[str, Any]) -> None:
    """Write the record of every ensemble whose members have theirs; `environment` is added to the first member's."""
    labels = prepared.labels("test")
    for spec in specs:
        prints = [member.fingerprint for member in spec.members]
        # A member that met a bug has no record, and its ensemble none either.
        if not store.missing(prints):
            members = [replace(store.read(print_), arrays=store.arrays(print_)) for print_ in prints]
            result = average(spec, members, labels, prepared.classes)
            result = replace(result, environment=result.environment | environment)
            store.write(result, identity_of_ensemble(prints))


def average(spec: RunSpec, members: Sequence[RunResult], labels: np.ndarray, classes: Sequence[str]) -> RunResult:
    """Return the result of the ensemble `spec`: the mean of its members' probabilities (N, K), judged by `labels` (N,).

    Every member has one vote, whatever its accuracy. If one did not finish, the ensemble did not either: it has the
    status of the first such member, and says which it was. It has no curves, and no metric of validation or training.
    """
    metrics: dict[str, float | None] = {"test_accuracy": None, "test_loss": None}
    per_class: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    broken = next((member for member in members if member.status != "done"), None)
    if broken is None:
        mean = np.mean([member.arrays["test_probabilities"].astype(np.float64) for member in members], axis=0)
        right = mean.argmax(axis=1) == labels
        of_label = np.maximum(mean[np.arange(len(labels)), labels], SMALLEST)
        cross_entropy = float(-np.log(of_label).mean())
        metrics |= {"test_accuracy": float(right.mean()), "test_cross_entropy": cross_entropy}
        # Other losses are torch's, of logits, which a mean of probabilities doesn't have.
        metrics["test_loss"] = cross_entropy if spec.settings.loss.name == "cross_entropy" else None
        per_class = {
            name: float(right[labels == label].mean()) for label, name in enumerate(classes) if (labels == label).any()
        }
        arrays["test_probabilities"] = mean.astype(np.float16)
    for name in ADDED:
        metrics[name] = combined(sum, members, name)
    metrics["peak_memory_bytes"] = combined(max, members, "peak_memory_bytes")
    return RunResult(
        fingerprint=spec.fingerprint,
        status=broken.status if broken else "done",
        settings=spec.settings.to_json(),
        seed=spec.seed,
        data_digest=spec.data_digest,
        metrics=metrics,
        curves={},
        per_class_accuracy=per_class,
        environment=members[0].environment,
        error=f"the member of seed {broken.seed}: {broken.error or broken.status}" if broken else None,
        members=[(member.seed, member.fingerprint) for member in members],
        arrays=arrays,
    )


def combined(combine: Any, members: Sequence[RunResult], name: str) -> float | None:
    """Return the sum or the maximum of a metric over the members; None if one of them lacks it."""
    values = [member.metrics.get(name) for member in members]
    return None if None in values else combine(values)
