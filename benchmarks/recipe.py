"""Train the recipe of profile full once on a folder of real pictures; print and keep accuracy, time and environment.

mkdir -p data/raw && tar -xf cifar10-images.tar.xz -C data/raw
python benchmarks/recipe.py --root data/raw --epochs 8 --threads 2
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.core.config import load_params
from harness.data.prepare import prepare
from harness.data.prepared import Prepared
from harness.planning.settings import check_recipe, resolve
from harness.planning.target import Target
from harness.training.device import resolve_device, resolve_precision, this_card
from harness.training.loop import run
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.split import load_run_data

RESULTS = Path(__file__).parent / "results"


class Lines(Observer):
    """Prints a line per epoch."""

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        """Print accuracy and time."""
        print(
            f"epoch {point['epoch']:g}: {point['validation_accuracy']:.1%} on validation, "
            f"{point['epoch_seconds']:.0f} s",
            flush=True,
        )


def main() -> None:
    """Read the pictures, train, and write `results/recipe-<device>-<epochs>-epochs.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--validation", type=int, default=1000, help="training pictures set aside to choose the epoch")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    params = load_params(profile="full")
    images = params.data.model_copy(
        update={
            "source": "image_folder",
            "root": arguments.root,
            "train_images": None,
            "validation_images": arguments.validation,
            "test_images": None,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        manifest = prepare(images, Path(folder))
        prepare_seconds = time.perf_counter() - started
        device = resolve_device("auto")
        card = this_card() if device == "cuda" else None
        precision = resolve_precision("auto", card)
        recipe = check_recipe(params.recipe, "params.yaml")
        settings = resolve(recipe, {"epochs": arguments.epochs}, manifest["splits"]["train"])
        spec = Target(manifest, device, precision, arguments.threads).spec(settings, arguments.seed)
        result = run(spec, load_run_data(Prepared.load(Path(folder)), device), [Lines()])
    report = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/recipe.py --epochs {arguments.epochs} --threads {arguments.threads} "
        f"--validation {arguments.validation} --seed {arguments.seed}",
        "splits": manifest["splits"],
        "prepare_seconds": round(prepare_seconds, 1),
        "status": result.status,
        "settings": result.settings,
        "metrics": result.metrics,
        "curves": result.curves,
        "environment": result.environment,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"recipe-{device}-{arguments.epochs}-epochs.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"{result.metrics['test_accuracy']:.2%} on test; written to {path}")


if __name__ == "__main__":
    main()
