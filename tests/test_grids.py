"""The pages that compare whole grids, on made-up ones."""

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import fidelity, replication
from benchmarks.grids import Trained
from harness.analysis.agreement import Agreement, agreement
from harness.analysis.outcomes import Outcomes, outcomes_of
from harness.analysis.summary import summarise_grid
from harness.core.config import load_params
from harness.core.records import Store
from harness.references import references
from tests.conftest import ROOT
from tests.report.made_up import Bench, claim, expects

LEVELS = {"sigmoid": 0.32, "tanh": 0.62, "relu": 0.70, "silu": 0.70, "elu": 0.71}
CONTEXTS = {"plain": {"norm": "none"}, "deep": {"norm": "none", "depth": 8}}


@dataclass(frozen=True)
class Made(Trained):
    """A grid that was never trained."""

    made: Store

    @property
    def store(self) -> Store:
        return self.made

    @property
    def outcomes(self) -> Outcomes:
        plan = self.made.read_plan()
        summaries = summarise_grid(self.made, plan)
        return outcomes_of(plan, summaries, [(one.name, judged) for one in summaries for judged in one.claims])


def grid(root: Path, first_seed: int = 0, **other: float) -> Made:
    bench = Bench(root, first_seed=first_seed)
    asked = claim("tanh", "Tanh beats sigmoid.", expects("test_accuracy", "tanh", "sigmoid", "higher", 0.02))
    for study in ("activation", "loss"):
        bench.study(study, "activation", LEVELS | other, "relu", CONTEXTS, claims=[asked])
    return Made(root, bench.save())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return grid(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return grid(tmp_path_factory.mktemp("again"), first_seed=100)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return grid(tmp_path_factory.mktemp("turned"), first_seed=200, sigmoid=0.9)


@pytest.mark.parametrize(
    ("first", "second", "settled", "reversed_", "expected"),
    [
        ("supported", "supported", [True, True], False, "kept"),
        ("open", "not testable here", [False, False], False, "kept"),
        ("supported", "open", [True, False], False, "opened"),
        ("open", "supported", [False, True], False, "closed"),
        ("supported", "mixed", [True, True], False, "another"),
        ("supported", "contradicted", [True, True], True, "reversed"),
    ],
)
def test_what_becomes_of_a_verdict(
    first: str, second: str, settled: list[bool], reversed_: bool, expected: str
) -> None:
    assert replication.fate(first, second, settled, reversed_) == expected


def test_verdicts_that_stand_and_that_turn_are_counted(first: Made, again: Made, turned: Made) -> None:
    text = replication.page(first, {"other seeds": again, "other seeds and pictures": turned})
    assert "| kept | 2 | 0 |" in text and "| reversed | 0 | 2 |" in text
    assert "| tanh | supported | supported | contradicted |" in text
    # Sigmoid is worse at first and better then, in two contexts of two studies.
    assert "| reversed | 0 | 4 |" in text


def test_luck_alone_is_told_apart_from_an_effect(first: Made, again: Made, turned: Made) -> None:
    luck = replication.between(first, again)
    assert (luck.comparisons, luck.found, luck.of) == (20, 0, 2)
    # The same arm with another mean is no luck.
    assert replication.between(first, turned).found >= 4


def test_generated_pictures_are_held_against_real_ones_and_their_ceiling(
    first: Made, again: Made, turned: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fidelity, "RESAMPLES", 20)
    text = fidelity.page(turned.outcomes, first.outcomes, again.outcomes, 60.2, 44.5)
    assert "| of these of opposite sign | 4 | 0 |" in text and "| verdicts reversed | 2 | 0 |" in text
    assert "| loss (held out) |" in text and "| activation |" in text
    assert "| generated against CIFAR-10 (standard) | CIFAR-10 (quick) against CIFAR-10 (standard) |" in text
    assert "activation · plain · sigmoid | generated against CIFAR-10 (quick) | +2" in text
    assert text.count("| supported | contradicted |") + text.count("| contradicted | supported |") == 2
    assert "The control reaches 60 % on generated pictures and 44 % on CIFAR-10's." in text
    found = agreement(turned.outcomes, first.outcomes)
    held, rest = (fidelity.rest_of(found, held_out=one) for one in (True, False))
    assert len(held.pairs) + len(rest.pairs) == len(found.pairs) and {one.study for one in held.pairs} == {"loss"}


def test_a_share_of_the_ceiling_has_an_interval_over_studies() -> None:
    real, other = (Outcomes.read(path) for path in (fidelity.REAL, fidelity.OTHER))
    ceiling = agreement(real, other)
    assert fidelity.share(ceiling, ceiling) == (1, 1, 1)
    (standard,) = references()
    reached, low, high = fidelity.share(agreement(real, standard), ceiling)
    assert reached == pytest.approx(agreement(real, standard).pooled_tau / ceiling.pooled_tau)
    assert 0.5 < low < reached < high < 1.1


def test_the_accuracy_of_the_recipe_is_read_from_a_report() -> None:
    assert 40 < fidelity.accuracy(fidelity.REAL_LEVELS) < 50


def test_tau_of_all_effects_sees_what_single_studies_do_not(first: Made, again: Made, turned: Made) -> None:
    alike, unlike = (agreement(one.outcomes, first.outcomes) for one in (again, turned))
    assert alike.pooled_tau > 0.7 > unlike.pooled_tau
    assert math.isnan(Agreement((), (), {}).pooled_tau)


def test_other_pictures_are_those_that_a_grid_did_not_read(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (pictures / split / name).mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (8, 8), (number, 90 * (name == "dog"), 90 * (split == "test"))).save(
                    pictures / split / name / f"{number}.png"
                )
    eight = {f"{split}_images": 8 for split in ("train", "validation", "test")}
    changes = fidelity.ASKED | eight | {"root": pictures}
    params = load_params(ROOT / "params.yaml").data.model_copy(update=changes)
    for _ in range(2):
        found = fidelity.rest(params, tmp_path / "unread")
        assert len(list(found.glob("train/*/*.png"))) == 40 - 8 - 8
        assert len(list(found.glob("test/*/*.png"))) == 40 - 8
    with pytest.raises(SystemExit, match="was trained on other pictures"):
        fidelity.check_read(params, Outcomes.read(fidelity.REAL))
