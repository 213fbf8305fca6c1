"""What ships as a reference: that it fits today's studies, and that its runs can be repeated."""

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.outcomes import FILE, Outcomes, name_of
from harness.core.config import load_params
from harness.core.study import Study
from harness.data.prepare import prepare
from harness.data.prepared import Prepared
from harness.data.progress import silent
from harness.planning.settings import check_changes, check_recipe, resolve
from harness.planning.studies import load_studies
from harness.planning.target import Target
from harness.references import reference, references
from harness.training.loop import run
from harness.training.split import load_run_data
from tests.conftest import ROOT

STUDIES: dict[str, Study] = {study.name: study for study in load_studies("all", ROOT / "experiments")}
REFERENCES = sorted(path.parent for path in (ROOT / "docs" / "reference").glob(f"*/{FILE}"))
PICTURES = ROOT.parent / "shared" / "data" / "cifar10-images.tar.xz"
SIZE = 15_000_000


@pytest.fixture(params=REFERENCES, ids=lambda path: path.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_reports_know_every_one_that_ships(folder: Path) -> None:
    assert reference(folder.name) == Outcomes.read(folder / FILE)
    assert len(references()) == len(REFERENCES)


def test_its_levels_and_claims_are_those_of_today(folder: Path) -> None:
    found = Outcomes.read(folder / FILE)
    assert set(found.studies) == set(STUDIES), "train it again: make reference"
    for name, outcome in found.studies.items():
        study = STUDIES[name]
        labels = {level.label for level in study.levels}
        assert outcome.control == study.control
        assert set(outcome.effects) == {context.name for context in study.contexts}
        for effects in outcome.effects.values():
            assert set(effects) <= labels - {study.control}
        expected = {claim.id: {name_of(one) for one in claim.comparisons} for claim in study.claims}
        assert {key: set(claim.comparisons) for key, claim in outcome.claims.items()} == expected


def test_it_says_what_it_rests_on_and_is_small(folder: Path) -> None:
    about = Outcomes.read(folder / FILE).about
    assert about.title and len(about.seeds) >= 3 and about.runs > 600
    assert {"torch", "commit", "processor"} <= set(about.environments[0])
    files = [path for path in (ROOT / "docs" / "reference").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < SIZE


@pytest.mark.skipif(not PICTURES.is_file(), reason=f"there are no pictures in {PICTURES}")
def test_two_of_its_runs_come_out_alike(folder: Path, tmp_path: Path) -> None:
    about = Outcomes.read(folder / FILE).about
    with tarfile.open(PICTURES) as archive:
        archive.extractall(tmp_path / "raw", filter="data")
    params = load_params(ROOT / "params.yaml", about.profile)
    counts = {f"{name}_images": count for name, count in about.data["splits"].items()}
    asked = {"source": "image_folder", "root": tmp_path / "raw"} | counts
    prepare(params.data.model_copy(update=asked), tmp_path / "prepared", silent)
    prepared = Prepared.load(tmp_path / "prepared")
    assert prepared.manifest["digest"] == about.data["digest"]
    recipe = check_recipe(params.recipe, "params.yaml")
    target, data = Target(prepared.manifest, "cpu", about.precision, 1), load_run_data(prepared, "cpu")
    with (folder / "tables" / "augmentation_runs.csv").open() as table:
        rows = list(csv.DictReader(table))
    for level in ("none", "flip_crop"):
        changes = check_changes({"augmentation": level}, "augmentation")
        settings = resolve(recipe, dict(changes), about.data["splits"]["train"])
        found = run(target.spec(settings, 0), data).metrics["test_accuracy"]
        reported = [
            float(row["test_accuracy"]) for row in rows if (row["context"], row["level"]) == ("all data", level)
        ]
        # Another processor rounds otherwise, which is as good as another seed.
        assert found == pytest.approx(np.mean(reported), abs=max(0.03, 5 * np.std(reported, ddof=1)))
