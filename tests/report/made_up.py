"""Made-up records in a real store: studies whose answers are known, without any training."""

import hashlib
import io
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.core.records import Store
from harness.core.spec import RunResult

CLASSES = ["ring", "star", "<b>cross</b>"]
ENVIRONMENT = {
    "python": "3.11.7",
    "torch": "2.15.0",
    "numpy": "2.4.6",
    "platform": "Linux x86_64",
    "processor": "made-up processor",
    "gpu": None,
    "device": "cpu",
    "threads": 1,
    "precision": "bfloat16",
    "commit": "0123abc",
    "dirty": False,
}
BASE = {
    "depth": 3,
    "width": 16,
    "norm": "batch",
    "activation": "relu",
    "optimizer": "nesterov",
    "learning_rate": 0.05,
    "dropout": 0.0,
    "augmentation": "none",
    "epochs": 10,
    "batch_size": 64,
    "target_accuracy": 0.5,
}


def record(fingerprint: str, seed: int, accuracy: float, settings: dict[str, Any], status: str = "done") -> RunResult:
    """Return a run that ends near `accuracy` (share of the test pictures)."""
    rng = np.random.default_rng([seed, len(fingerprint)])
    done = status == "done"
    epochs = settings["epochs"] if done else 4
    at = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-at / 2.5)
    validation = np.clip(0.1 + (accuracy - 0.1) * rise + rng.normal(0, 0.008, epochs), 0, 1)
    train = np.clip(0.1 + (accuracy + 0.08 - 0.1) * rise + rng.normal(0, 0.005, epochs), 0, 1)
    curves: dict[str, list[Any]] = {
        "epoch": at.tolist(),
        "train_loss": (2.3 * (1 - train)).tolist(),
        "train_accuracy": train.tolist(),
        "validation_loss": (2.35 * (1 - validation)).tolist(),
        "validation_accuracy": validation.tolist(),
        "learning_rate": (settings["learning_rate"] * np.sin(at / epochs * np.pi * 0.95)).tolist(),
        "epoch_seconds": [0.5] * epochs,
    }
    if not done:
        for name in ("train_loss", "validation_loss"):
            curves[name][-1] = None
    metrics: dict[str, float | None] = {
        "test_accuracy": accuracy if done else None,
        "test_loss": 2.3 * (1 - accuracy) if done else None,
        "best_validation_accuracy": float(validation.max()),
        "best_validation_loss": 2.3 * (1 - float(validation.max())),
        "best_epoch": float(validation.argmax() + 1),
        "final_train_loss": curves["train_loss"][-1],
        "final_train_accuracy": float(train[-1]),
        "final_validation_loss": curves["validation_loss"][-1],
        "final_validation_accuracy": float(validation[-1]),
        "train_seconds": 4.0 + seed % 10 * 0.25,
        "evaluation_seconds": 0.5,
        "images_per_second": 2500.0 - 10 * seed,
        "peak_memory_bytes": 3.2e8,
        "parameters": 24_000.0,
        "steps": 160.0,
    }
    return RunResult(
        fingerprint=fingerprint,
        status=status,  # type: ignore[arg-type]
        settings=settings,
        seed=seed,
        data_digest="d" * 16,
        metrics=metrics,
        curves=curves,
        per_class_accuracy=dict.fromkeys(CLASSES, accuracy) if done else {},
        environment=ENVIRONMENT,
        error=None if done else f"loss is not finite at epoch {epochs}",
    )


class Bench:
    """Builds a store: add studies, then `save` the plan."""

    def __init__(self, root: Path, seeds: int = 3, classes: int = 10, first_seed: int = 0) -> None:
        self.store = Store(root / "runs")
        self.seeds, self.first_seed = seeds, first_seed
        self.studies: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.classes = [*CLASSES, *(f"class {n}" for n in range(classes - len(CLASSES)))]

    def study(
        self,
        name: str,
        factor: str,
        levels: dict[str, float],
        control: str,
        contexts: dict[str, dict[str, Any]] | None = None,
        spread: float = 0.01,
        diverged: dict[str, int] | None = None,
        claims: list[dict[str, Any]] | None = None,
        tune: list[float] | None = None,
        **texts: str,
    ) -> dict[str, Any]:
        """Add a study whose levels reach the given mean accuracies; `diverged`: level -> runs that do."""
        contexts = contexts or {"standard": {}}
        arms = []
        for shift, (context, changes) in enumerate(contexts.items()):
            for level, accuracy in levels.items():
                settings = BASE | changes | {factor: level}
                arm: dict[str, Any] = {"context": context, "level": level, "settings": settings, "runs": []}
                arm["classes"] = len(self.classes)
                for seed in range(self.first_seed, self.first_seed + self.seeds):
                    broken = (diverged or {}).get(level, 0)
                    reached = accuracy - 0.03 * shift + self._luck(level, context, seed) * spread
                    status = "diverged" if seed - self.first_seed < broken else "done"
                    arm["runs"].append(self._run(name, context, level, seed, reached, settings, status))
                arm["tuning"] = self._tuning(name, context, level, accuracy, settings, tune) if tune else None
                arms.append(arm)
        study = {
            "name": name,
            "title": texts.get("title", name.replace("_", " ").capitalize()),
            "question": texts.get("question", f"Does the choice of {factor} matter?"),
            "factor": factor,
            "levels": list(levels),
            "control": control,
            "contexts": [{"name": key, "changes": value} for key, value in contexts.items()],
            "metrics": ["test_accuracy", "epochs_to_target", "generalisation_gap"],
            "tune": {"setting": "learning_rate", "values": tune, "seeds": 1, "contexts": list(contexts)}
            if tune
            else None,
            "claims": claims or [],
            "left_out": [],
            "arms": arms,
        }
        self.studies.append(study)
        return study

    def save(self) -> Store:
        """Write the plan and return the store."""
        splits = {"train": 1000, "validation": 500, "test": 1000}
        data = {"source": "synthetic", "digest": "d" * 16, "classes": self.classes, "splits": splits}
        self.store.write_plan(
            {
                "profile": "quick",
                "data": data | {"image_size": [32, 32, 3]},
                "base": BASE,
                "device": "cpu",
                "precision": "bfloat16",
                "threads": 1,
                "studies": self.studies,
                "dropped": self.dropped,
            }
        )
        return self.store

    def _run(
        self, study: str, context: str, level: str, seed: int, accuracy: float, settings: dict[str, Any], status: str
    ) -> dict[str, Any]:
        fingerprint = hashlib.sha256(f"{study}/{context}/{level}/{seed}".encode()).hexdigest()[:16]
        self.store.write(record(fingerprint, seed, accuracy, settings, status))
        return {"seed": seed, "fingerprint": fingerprint}

    def _tuning(
        self, study: str, context: str, level: str, accuracy: float, settings: dict[str, Any], values: list[float]
    ) -> dict[str, Any]:
        runs = []
        for value in values:
            reached = max(0.1, accuracy - 0.08 * abs(np.log10(value / 0.1)))
            run = self._run(study, context, f"{level}@{value}", 1000, reached, settings, "done")
            runs.append({"value": value, **run})
        return {"setting": "learning_rate", "chosen": 0.1, "settings": settings, "runs": runs}

    @staticmethod
    def _luck(level: str, context: str, seed: int) -> float:
        digest = hashlib.sha256(f"{level}/{context}/{seed}".encode()).digest()
        return float(np.random.default_rng(int.from_bytes(digest[:8], "little")).normal())


def claim(name: str, words: str, *comparisons: dict[str, Any]) -> dict[str, Any]:
    """Return a claim as `plan.json` spells it."""
    return {"id": name, "words": words, "source": "Lecture, slide heading", "comparisons": list(comparisons)}


def expects(
    metric: str, level: str, against: str | float, direction: str, margin: float, **more: Any
) -> dict[str, Any]:
    """Return a comparison as `plan.json` spells it."""
    body = {"metric": metric, "level": level, "against": against, "direction": direction, "margin": margin}
    return body | {"context": "plain", "more_than": None} | more


def three_studies(root: Path) -> Store:
    """Return a store of three studies that have all a report can show, answers as textbooks have them."""
    bench = Bench(root)
    bench.study(
        "activation",
        "activation",
        {"sigmoid": 0.32, "tanh": 0.62, "relu": 0.70, "silu": 0.70},
        "relu",
        {"plain": {"norm": "none"}, "deep": {"norm": "none", "depth": 8}},
        title="Activation functions",
        question="Which nonlinearity trains a small ConvNet best?",
        claims=[
            claim("act-tanh", "Tanh beats sigmoid.", expects("test_accuracy", "tanh", "sigmoid", "higher", 0.02)),
            claim("act-fast", "ReLU is faster.", expects("epochs_to_target", "relu", "sigmoid", "lower", 1)),
            claim("act-silu", "SiLU beats ReLU.", expects("test_accuracy", "silu", "relu", "higher", 0.01)),
            claim("act-same", "Sigmoid equals ReLU.", expects("test_accuracy", "sigmoid", "relu", "equal", 0.01)),
            claim("act-fit", "ReLU fits.", expects("final_train_accuracy", "relu", "sigmoid", "higher", 0.01)),
            claim("act-dead", "ReLU units die.", expects("dead_share", "relu", "silu", "higher", 0.01)),
            claim("act-steps", "Steps are steps.", expects("steps", "relu", "silu", "equal", 0)) | {"check": True},
        ],
    )
    bench.study(
        "initialization",
        "initialization",
        {"zeros": 0.10, "large_normal": 0.20, "he": 0.70},
        "he",
        diverged={"large_normal": 2},
        title="Weights at the start",
        question="How much does the scale of the initial weights matter?",
    )
    bench.study(
        "dropout",
        "dropout",
        {"0": 0.60, "0.25": 0.70, "0.7": 0.50},
        "0",
        {"dense": {}, "conv": {"dropout_place": "conv"}},
        tune=[0.001, 0.01, 0.1, 1.0],
        spread=0.001,
    )
    return bench.save()


def strip(grey: int) -> str:
    """Return two grey pictures side by side as a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 16), grey, np.uint8)).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


def procedures(folder: Path) -> None:
    """Write what the procedures would have found: two rules on one surface, and checks, of which one failed and one is worth a look."""
    at = np.linspace(-1.0, 1.0, 9)
    steps = {"sgd": None, "momentum": 4, "nesterov": 3}
    rules = [
        {"rule": rule, "words": "w <- w - rate g.", "learning_rate": 0.1, "steps": needed, "end_height": 0.0,
         "path": [[-0.8 + 0.1 * n, 0.5 - 0.05 * n] for n in range(9)]}
        for rule, needed in steps.items()
    ]  # fmt: skip
    valley = {
        "name": "valley", "title": "A valley", "words": "Long and narrow.", "formula": "x² + 9 y²",
        "minima": [[0.0, 0.0]], "start": [-0.8, 0.5], "x": [-1.0, 1.0], "y": [-1.0, 1.0],
        "heights": (at[None, :] ** 2 + 9 * at[:, None] ** 2).tolist(), "rules": rules,
    }  # fmt: skip
    surfaces = {"steps": 10, "rates": [0.01, 0.1], "reached": 0.001, "surfaces": [valley]}
    pictures: dict[str, dict[str, Any]] = {
        "data": {"low": -1.0, "high": 1.0, "counts": [[1.0, 3.0, 2.0]], "means": [0.1]},
        "first_loss": {"losses": [2.5, None, 2.4], "wanted": 2.3},
        "weights": {"layers": [{"layer": "conv", "gradient": 0.1}, {"layer": "dense", "gradient": 0.0}]},
        "learning_rate": {"rates": [0.01, 0.1], "losses": [2.0, 3.0], "smoothed": [2.0, 2.5], "proposed": 0.01,
                          "own": 1.0},
        "by_heart": {"accuracy": [0.1, 1.0], "losses": [2.0, 0.1], "wanted": 0.99},
        "labels": {"steps": [10, 20], "accuracy": [0.1, 0.4], "chance": 0.1, "wanted": 0.15},
        "update_ratio": {"ratios": {"conv": [0.01, None, 0.001]}, "band": [1e-4, 1e-2]},
    }  # fmt: skip
    states = {"learning_rate": "failed", "update_ratio": "look"}
    checks = [
        {"name": name, "title": f"Check of {name}", "state": states.get(name, "passed"), "found": "Found <this>.",
         "expected": "that", "remedy": "Lower the rate.", "picture": picture}
        for name, picture in pictures.items()
    ]  # fmt: skip
    found = {"state": "failed", "checks": checks, "proposed_rate": 0.01, "settings": BASE}
    drawn = {
        "size": [8, 8], "per_class": 2, "more_classes": 1,
        "classes": {name: strip(40 * n) for n, name in enumerate(CLASSES)},
        "augmentation": {
            "none": {"strip": strip(10), "arguments": {}},
            "flip": {"strip": strip(20), "arguments": {"share": 0.5}},
        },
        "preprocessing": {"raw": {"strip": strip(30), "arguments": {}, "low": -0.5, "high": 255.0}},
    }  # fmt: skip
    for name, body in (("surfaces", surfaces), ("preflight", found), ("pictures", drawn)):
        (folder / f"{name}.json").write_text(json.dumps(body))
