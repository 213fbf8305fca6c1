"""The training loop, top to bottom, and the run around it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from harness.core.spec import Choice, RunResult, RunSpec, Status
from harness.factors.transfer import TRANSFER
from harness.training.checkpoint import Checkpoint
from harness.training.device import PeakMemory, environment, is_out_of_memory, set_up_process
from harness.training.evaluate import evaluate
from harness.training.history import History, Stopwatch, exploded
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.split import RunData
from harness.training.step import step_of
from harness.training.watch import Watch


def run(
    spec: RunSpec, data: RunData, observers: Sequence[Observer] = (), checkpoint: Checkpoint | None = None
) -> RunResult:
    """Train one run and judge its best weights once on the test split; go on from a checkpoint that is there.

    A run that diverges, runs out of memory or times out gives a result; a bug raises.
    """
    set_up_process(spec.threads, spec.precision)
    memory, history = PeakMemory(spec.device), History()
    watch = Watch(observers, history, memory)
    metrics: dict[str, float | None] = {"test_accuracy": None, "test_loss": None}
    per_class: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    status: Status
    error = None
    try:
        state = checkpoint.load() if checkpoint else None
        status, features = ("done", {}) if state else learn_features(spec, data, metrics, memory)
        recipe = Recipe.build(spec, data, history)
        if state:
            recipe.load_state_dict(state["recipe"])
            watch.load_state_dict(state["watch"])
            metrics = state["metrics"]
        else:
            recipe.borrow(features)
        metrics["parameters"] = sum(p.numel() for p in recipe.model.parameters())

        def keep() -> None:
            if checkpoint and checkpoint.due():
                checkpoint.save({"recipe": recipe.state_dict(), "watch": watch.state_dict(), "metrics": metrics})

        if status == "done":
            status = fit(recipe, watch, keep)
        watch.look("after_training", recipe)
        if status == "done":
            recipe.model.load_state_dict(history.best_weights)
            watch.look("at_best", recipe)
            test = evaluate(recipe, recipe.test)
            metrics |= {"test_accuracy": test.accuracy, "test_loss": test.loss}
            metrics["test_cross_entropy"] = test.cross_entropy
            per_class = test.per_class(recipe.classes)
            arrays["test_probabilities"] = test.probabilities.half().cpu().numpy()
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        status, error = "out of memory", (str(problem) or "MemoryError").splitlines()[0]
    metrics |= history.metrics()
    metrics["peak_memory_bytes"] = memory.read()
    found, seen = watch.findings()
    metrics, arrays = metrics | found, arrays | seen
    return RunResult(
        fingerprint=spec.fingerprint,
        status=status,
        settings=spec.settings.to_json(),
        seed=spec.seed,
        data_digest=spec.data_digest,
        metrics=metrics,
        curves={name: list(values) for name, values in history.curves.items()},
        per_class_accuracy=per_class,
        environment=environment(spec.device, spec.precision, spec.threads) | of_steps(spec, history),
        error=error,
        probes=spec.probes,
        arrays=arrays,
    )


def fit(recipe: Recipe, watch: Watch, keep: Callable[[], None] = lambda: None) -> Status:
    """Train for the epochs of the recipe that its history lacks; say how it ended. `keep` is called between epochs."""
    settings, model, history = recipe.spec.settings, recipe.model, recipe.history
    device = recipe.spec.device
    begun = time.perf_counter() - history.spent - history.aside
    if history.epoch == 0:
        watch.look("before_training", recipe)
    model.train()
    update = step_of(recipe)
    for epoch in range(history.epoch + 1, settings.epochs + 1):
        if history.epoch:
            history.spent = time.perf_counter() - begun - history.aside
            keep()
        rate = recipe.learning_rate
        # Sums stay on the device: reading one would make the program wait for it.
        totals = torch.zeros(2, device=device)
        with Stopwatch(history, "train", device) as clock:
            for index in recipe.batches():
                with watch.update(recipe):
                    sums = update(index)
                totals += sums
                if history.steps == 0:
                    first_loss = sums[0] / len(index)
                history.steps += 1
                if time.perf_counter() - begun - history.aside > settings.max_train_seconds:
                    return "timed out"
        history.epoch = epoch
        if epoch == 1:
            history.first_loss = first_loss.item()
        history.images += recipe.epoch_images
        train_loss, train_accuracy = (totals / recipe.epoch_images).tolist()
        # Counted from the end: the last epoch is always judged, and so is one that ends the run.
        if (settings.epochs - epoch) % settings.evaluate_every and not exploded(train_loss, history.first_loss):
            continue
        with Stopwatch(history, "evaluation", device):
            validation = evaluate(recipe, recipe.validation)
        point = {
            "epoch": epoch,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
            "learning_rate": rate,
            "epoch_seconds": clock.elapsed,
        }
        if not history.add(point, model):
            return "diverged"
        watch.look("after_epoch", recipe, point)
        if settings.patience and history.waited >= settings.patience:
            break
    return "done"


def of_steps(spec: RunSpec, history: History) -> dict[str, Any]:
    """Return what a record says of steps that were to be captured; nothing of others."""
    if not spec.captured:
        return {}
    return {"captured_step": True} | ({"eager_because": history.eager_because} if history.eager_because else {})


def learn_features(
    spec: RunSpec, data: RunData, metrics: dict[str, float | None], memory: PeakMemory
) -> tuple[Status, dict[str, torch.Tensor]]:
    """Return the weights that a run borrows (none, mostly), and how learning them ended.

    They are those of the run `transfer: source` with the same seed. It is trained here again, so
    that a result depends on no other run; its time and steps are reported apart.
    """
    if not TRANSFER.build(spec.settings.transfer).borrows:
        return "done", {}
    source = replace(spec, settings=spec.settings.changed(transfer=Choice("source")))
    recipe = Recipe.build(source, data)
    history = recipe.history
    status = fit(recipe, Watch((), history, memory))
    metrics |= {"pretraining_seconds": history.seconds["train"], "pretraining_steps": history.steps}
    return status, history.best_weights
