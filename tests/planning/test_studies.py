from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.analysis.derived import FROM_RUNS
from harness.analysis.tables import as_counted, run_row, with_derived
from harness.core.errors import SettingError
from harness.core.spec import SETTING_TYPES, Choice, RunSpec
from harness.core.study import Comparison
from harness.factors import REGISTRIES
from harness.planning.settings import check_changes, resolve
from harness.planning.studies import check_profiles, load_studies, load_study
from harness.probes import PROBE
from harness.training.loop import run
from harness.training.split import RunData
from tests.conftest import ROOT

ROW = {"context": "c", "level": "l", "seed": 0, "chance": 0.1}

STUDY = """\
title: T
question: Q?
factor: activation
levels: [relu, {leaky_relu: {slope: 0.1}}, {leaky_relu: {slope: 0.3}}]
control: relu
contexts: {plain: {norm: none}, deep: {depth: 8}}
claims:
  - id: c
    words: W
    source: S
    because: B
    expect:
      - {metric: test_accuracy, level: [leaky_relu 0.1, leaky_relu 0.3], direction: higher, margin: 0.01}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_shipped_studies_are_valid() -> None:
    studies = load_studies("all", ROOT / "experiments")
    assert {"activation", "augmentation", "dropout", "initialization", "optimizer"} <= {s.name for s in studies}


# Every claim of the lecture, in its order.
LECTURE = [
    "act-saturate",
    "act-centre",
    "act-cost",
    "act-tanh",
    "act-relu-fast",
    "act-dead",
    "act-elu-mean",
    "act-elu-noise",
    "act-never-sigmoid",
    "pre-centre",
    "bn-lr",
    "bn-init",
    "bn-regular",
    "bn-batch",
    "bn-cost",
    "bn-eval-gap",
    "bn-smooth",
    "bn-shift",
    "init-symmetry",
    "init-small",
    "init-large",
    "init-xavier",
    "init-printed",
    "drop-gap",
    "drop-eval",
    "aug-help",
    "noise-help",
    "smooth-noise",
    "reg-trade",
    "pen-generalise",
    "pen-lambda",
    "pen-sparse",
    "pen-elastic",
    "pen-zero",
    "stop-cheap",
    "stop-l2",
    "stop-rise",
    "opt-sgd-gd",
    "opt-cost",
    "opt-momentum",
    "opt-momentum-saddle",
    "opt-adagrad",
    "opt-adagrad-valley",
    "opt-bias",
    "opt-adam",
    "lr-low-high",
    "size-more",
    "skip-depth",
    "data-more",
    "transfer-few",
    "ens-help",
    "search-random",
    "ratio-1e-3",
    "ratio-1e-2",
]


def test_every_claim_of_the_lecture_is_in_one_study() -> None:
    claims = [claim for study in load_studies("all", ROOT / "experiments") for claim in study.claims]
    assert len(LECTURE) == 54
    assert sorted(claim.id for claim in claims) == sorted(LECTURE)
    for claim in claims:
        assert claim.comparisons, claim.id
        # One sentence.
        assert claim.because.endswith(".") and ". " not in claim.because, claim.id


def test_claims_name_what_their_study_measures(spec: Callable[..., RunSpec], run_data: RunData) -> None:
    known: dict[tuple[str, ...], set[str]] = {}
    for study in (study for study in load_studies("all", ROOT / "experiments") if study.claims):
        if study.probes not in known:
            result = run(spec(), run_data, [PROBE.get(name)() for name in study.probes])
            known[study.probes] = set(
                as_counted(with_derived(pd.DataFrame([ROW | run_row(result, {"settings": result.settings})])))
            ) | set(FROM_RUNS)
        compared = [one for claim in study.claims for one in claim.comparisons]
        named = {one.metric for one in [*compared, *(one.given for one in compared if one.given)]}
        assert named <= known[study.probes], study.name


def test_a_context_may_sweep_some_of_the_levels(tmp_path: Path) -> None:
    deep = "deep: {levels: [relu, leaky_relu 0.1], depth: 8}"
    study = load_study(write(tmp_path, STUDY.replace("deep: {depth: 8}", deep)))
    plain, limited = study.contexts
    assert [level.label for level in study.levels_in(plain)] == [level.label for level in study.levels]
    assert [level.label for level in study.levels_in(limited)] == ["relu", "leaky_relu 0.1"]
    assert limited.changes == (("depth", 8),)
    # By default a claim is compared wherever its levels are swept.
    assert {(c.level, c.context) for c in study.claims[0].comparisons} == {
        ("leaky_relu 0.1", "plain"), ("leaky_relu 0.1", "deep"), ("leaky_relu 0.3", "plain"),
    }  # fmt: skip
    asked = STUDY.replace("deep: {depth: 8}", deep).replace("margin: 0.01", "margin: 0.01, contexts: [deep]")
    with pytest.raises(SettingError, match=r"claim c compares 'leaky_relu 0.3', 'relu' in 'deep'"):
        load_study(write(tmp_path, asked))
    with pytest.raises(SettingError, match="levels lack the control, 'relu'"):
        load_study(write(tmp_path, STUDY.replace("{depth: 8}", "{levels: [leaky_relu 0.1, leaky_relu 0.3]}")))


def test_a_comparison_says_where_it_is_meant_to_hold(tmp_path: Path) -> None:
    where = "where: {metric: steps, level: relu, against: 0, direction: higher, margin: 0.05}"
    study = load_study(write(tmp_path, STUDY.replace("margin: 0.01", f"margin: 0.01, {where}")))
    for one in study.claims[0].comparisons:
        assert one.given == Comparison("steps", "relu", 0.0, "higher", 0.05, one.context)
    own = "where: {metric: regret, direction: not higher, margin: 0.03}"
    study = load_study(write(tmp_path, STUDY.replace("margin: 0.01", f"margin: 0.01, {own}")))
    assert {(one.level, one.given and one.given.level, one.given and one.given.against)
            for one in study.claims[0].comparisons} == {(f"leaky_relu {s}",) * 2 + ("relu",) for s in ("0.1", "0.3")}  # fmt: skip


def test_labels_tell_arguments_apart_where_they_must(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, STUDY))
    assert [level.label for level in study.levels] == ["relu", "leaky_relu 0.1", "leaky_relu 0.3"]
    assert study.levels[1].changes == (("activation", Choice.of("leaky_relu", {"slope": 0.1})),)


def test_a_claim_is_compared_for_each_level_and_context(tmp_path: Path) -> None:
    (claim,) = load_study(write(tmp_path, STUDY)).claims
    assert {(c.level, c.context, c.against) for c in claim.comparisons} == {
        (level, context, "relu") for level in ("leaky_relu 0.1", "leaky_relu 0.3") for context in ("plain", "deep")
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "factor: activation",
            "factor: activations",
            "unknown factor 'activations' in {path}; did you mean 'activation'",
        ),
        ("[relu,", "[rleu,", "unknown activation 'rleu' in {path}: levels: activation; did you mean 'relu'"),
        ("slope: 0.1", "slop: 0.1", "no argument 'slop'; did you mean 'slope'"),
        ("control: relu", "control: gelu", "{path}: control names 'gelu'"),
        ("norm: none", "nrom: none", "unknown setting 'nrom' in {path}: contexts.plain; did you mean 'norm'"),
        ("depth: 8", "depth: 0", "depth in {path}: contexts.deep must lie in 1 to 64"),
        ("depth: 8", "kernel_size: 4", "kernel_size in {path}: contexts.deep must be odd"),
        ("slope: 0.3", "slope: 0.1", "is there twice"),
        ("    source: ", "    check: perhaps\n    source: ", "claims.0.check in {path}"),
        ("direction: higher", "direction: up", "claims.0.expect.0.direction in {path}"),
        ("margin: 0.01", "margin: -1", "claims.0.expect.0.margin in {path}"),
        ("level: [leaky_relu 0.1", "level: [leaky_relu 0.2", "claim c names 'leaky_relu 0.2'"),
        ("title: T", "titel: T", "mine.yaml"),
        ("question: Q?", "question: [", "{path}:"),
        ("question: Q?", "question: Q?\nseeds: 0", "seeds in {path}: must be a whole number from 1"),
        ("question: Q?", "question: Q?\nseeds: {quick: many}", "not {{'quick': 'many'}}"),
    ],
)
def test_mistakes_name_file_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in STUDY
    path = write(tmp_path, STUDY.replace(old, new, 1))
    with pytest.raises(SettingError) as caught:
        load_study(path)
    assert words.format(path=path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_and_repeated_studies(tmp_path: Path) -> None:
    write(tmp_path, STUDY)
    with pytest.raises(SettingError, match="did you mean 'mine'"):
        load_studies(["mien"], tmp_path)
    with pytest.raises(SettingError, match="twice"):
        load_studies(["mine", "mine"], tmp_path)
    with pytest.raises(SettingError, match="no study"):
        load_studies("all", tmp_path / "nothing")


def test_seeds_may_depend_on_the_profile(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, STUDY + "seeds: {quick: 5}\n"))
    assert study.seeds_in("quick", 3) == 5
    assert study.seeds_in("full", 10) == 10
    assert load_study(write(tmp_path, STUDY + "seeds: 4\n")).seeds_in("full", 10) == 4
    check_profiles([study], ["quick", "full"])
    with pytest.raises(SettingError, match=r"unknown profile 'quick' in experiments/mine\.yaml: seeds"):
        check_profiles([study], ["full"])


def test_every_choice_has_a_registry() -> None:
    assert set(REGISTRIES) == {name for name, kind in SETTING_TYPES.items() if kind is Choice}


def test_multiples_are_of_the_recipes_value_and_fold(recipe: dict[str, Any]) -> None:
    changes = dict(check_changes({"width": "x2", "learning_rate": "x10"}, "test"))
    resolved = resolve(recipe, changes, 80)
    assert resolved == resolve(
        recipe, {"width": 2 * recipe["width"], "learning_rate": 10 * recipe["learning_rate"]}, 80
    )
    assert resolve(recipe, dict(check_changes({"width": "x1"}, "test")), 80) == resolve(recipe, {}, 80)


@pytest.mark.parametrize("value", ["10", "x", "x-1", "twice"])
def test_what_is_no_multiple_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match="x10"):
        check_changes({"width": value}, "test")


def test_a_multiple_beyond_the_bounds_is_refused(recipe: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="x1000"):
        resolve(recipe, dict(check_changes({"width": "x10000"}, "test")), 80)


def test_the_rate_follows_the_batch_and_folds(recipe: dict[str, Any]) -> None:
    scaled = resolve(recipe, dict(check_changes({"batch_size": 64, "rate_scaling": "linear"}, "test")), 80)
    assert scaled == resolve(recipe, {"batch_size": 64, "learning_rate": 2 * recipe["learning_rate"]}, 80)
    full = resolve(recipe, dict(check_changes({"batch_size": "full", "rate_scaling": "linear"}, "test")), 80)
    assert full.learning_rate == recipe["learning_rate"] * 80 / recipe["batch_size"]


def test_patience_that_outlasts_the_run_is_none(recipe: dict[str, Any]) -> None:
    usual = {"epochs": 6}
    assert resolve(recipe, usual | {"patience": 5}, 80) == resolve(recipe, usual, 80)
    assert resolve(recipe, usual | {"patience": 4}, 80).patience == 4
    # Counted in evaluations, of which there are three.
    assert resolve(recipe, usual | {"patience": 2, "evaluate_every": 2}, 80).patience == 0
    assert resolve(recipe, usual | {"patience": 1, "evaluate_every": 2}, 80).patience == 1
