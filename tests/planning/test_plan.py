from collections.abc import Callable
from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import pytest

from harness.core.records import Store
from harness.core.spec import RunResult, RunSpec
from harness.core.study import Tune
from harness.planning.plan import Plan, make_plan
from harness.planning.studies import load_study
from harness.planning.target import Target
from harness.planning.tuning import FIRST_TUNING_SEED, finalists

TWO_STUDIES = {
    "a": "title: A\nquestion: Q\nfactor: activation\nlevels: [relu, tanh]\ncontrol: relu\n",
    "b": "title: B\nquestion: Q\nfactor: depth\nlevels: [2, 3]\ncontrol: '3'\n",
}
TUNED = """\
title: C
question: Q
factor: optimizer
levels: [sgd, adam]
control: sgd
contexts: {shared: {}, tuned: {}}
tune: {setting: learning_rate, values: [0.1, 0.01], seeds: 2, contexts: [tuned]}
"""


def record(spec: RunSpec, accuracy: float | None, status: Any = "done") -> RunResult:
    return RunResult(spec.fingerprint, status, {}, spec.seed, "", {"best_validation_accuracy": accuracy}, {}, {}, {})


@pytest.fixture
def plan_of(tmp_path: Path, recipe: dict[str, Any], target: Target) -> Callable[..., Plan]:
    store = Store(tmp_path / "runs")

    def make(*texts: str, first_seed: int = 0) -> Plan:
        studies = []
        for number, text in enumerate(texts):
            path = tmp_path / f"study{number}.yaml"
            path.write_text(text)
            studies.append(load_study(path))
        return make_plan(studies, recipe, 3, "smoke", target, store, first_seed=first_seed)

    return make


def test_equal_runs_of_two_studies_are_folded(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(*TWO_STUDIES.values())
    assert len(list(plan.all_runs)) == 12
    # The control of both is the base recipe.
    assert len(plan.distinct) == len(plan.pending) == 9


def test_a_gpu_s_model_is_in_the_fingerprint(target: Target, settings: Callable[..., Any]) -> None:
    gpus = [replace(target, device="cuda", gpu=model) for model in (None, "NVIDIA H100 80GB HBM3", "Tesla T4")]
    specs = [one.spec(settings(), 0) for one in (target, *gpus)]
    assert len({spec.fingerprint for spec in specs}) == 4
    assert [spec.device for spec in specs] == ["cpu", "cuda", "cuda", "cuda"]


def test_seeds_are_shared_by_all_arms(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(TWO_STUDIES["a"])
    assert {tuple(spec.seed for spec in planned.runs) for planned in plan.arms} == {(0, 1, 2)}


def test_another_first_seed_moves_all_luck_that_of_tuning_too(plan_of: Callable[..., Plan]) -> None:
    texts = TWO_STUDIES["a"], TUNED
    seen = []
    for first in (0, 50):
        plan = plan_of(*texts, first_seed=first)
        runs = [spec.seed for arm in plan.arms for spec in arm.runs]
        trials = [trial.spec.seed for arm in plan.arms for trial in arm.trials]
        assert runs and trials
        seen.append((set(runs), set(trials)))
    (runs, trials), (other_runs, other_trials) = seen
    assert other_runs == {seed + 50 for seed in runs} and other_trials == {seed + 50 for seed in trials}
    assert not (runs | trials) & (other_runs | other_trials)


def test_what_is_recorded_is_not_pending(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of(TWO_STUDIES["a"])
    first = next(iter(plan.pending.values()))
    Store(tmp_path / "runs").write(record(first, 0.5))
    assert set(plan.pending) - set(plan_of(TWO_STUDIES["a"]).pending) == {first.fingerprint}


def test_tuned_arms_wait_for_their_trials_and_are_judged_on_other_seeds(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    store = Store(tmp_path / "runs")
    best = {"sgd": 0.1, "adam": 0.00316}
    plan = plan_of(TUNED)
    # Two values under one seed; then the best and both beside it under two, of which one is known.
    assert len(plan.pending) == 2 * 3 + 2 * 2
    assert plan.waiting == 2 * (3 + 5)
    for wave in (2, 2 + 5):
        for planned in (planned for planned in plan.arms if planned.tuned):
            assert len(planned.trials) == wave and planned.chosen is None
            for trial in planned.trials:
                assert trial.spec.seed >= FIRST_TUNING_SEED
                assert trial.spec.settings.epochs == max(1, planned.arm.settings.epochs // 2)
                store.write(record(trial.spec, 0.6 - 0.1 * abs(log10(trial.value / best[planned.arm.level]))))
        plan = plan_of(TUNED)
    assert plan.waiting == 0
    assert {p.arm.level: p.chosen for p in plan.arms if p.tuned} == best
    tried = {trial.value for planned in plan.arms if planned.arm.level == "adam" for trial in planned.trials}
    assert tried == {0.1, 0.01, 0.0316, 0.00316}
    for planned in plan.arms:
        if planned.tuned:
            assert planned.arm.settings.learning_rate == planned.chosen
            assert [spec.seed for spec in planned.runs] == [0, 1, 2]


def test_a_level_that_sets_the_tuned_setting_is_not_tuned(plan_of: Callable[..., Plan]) -> None:
    fixed = TUNED.replace("[sgd, adam]", "[sgd, {label: default, set: {optimizer: adam, learning_rate: 0.001}}]")
    fixed = fixed.replace("tune:", "probes: [weights]\ntune:")
    shared, tuned = (arm for arm in plan_of(fixed).arms if arm.arm.level == "default")
    assert not tuned.trials
    assert tuned.arm.settings.learning_rate == 0.001
    assert [spec.fingerprint for spec in shared.runs] == [spec.fingerprint for spec in tuned.runs]


def test_a_trial_that_diverged_is_not_chosen(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for trial in (trial for _ in range(2) for planned in plan_of(TUNED).arms for trial in planned.trials):
        if store.missing([trial.spec.fingerprint]):
            diverged = trial.value > 0.01
            # Its best epoch before it diverged looks good, and doesn't count.
            store.write(record(trial.spec, 0.9 if diverged else 0.2, "diverged" if diverged else "done"))
    assert {p.chosen for p in plan_of(TUNED).arms if p.tuned} == {0.01}


@pytest.mark.parametrize(
    ("setting", "values", "ranked", "expected"),
    [
        ("learning_rate", (0.002, 0.01, 0.05), [0.01, 0.05, 0.002], [0.01, 0.00447, 0.0224]),
        ("learning_rate", (0.002, 0.01, 0.05), [0.05, 0.01, 0.002], [0.05, 0.0224, 0.112]),  # beyond the end by half a step
        ("learning_rate", (0.01, 0.02, 0.2), [0.02, 0.01, 0.2], [0.02, 0.0141, 0.0632]),  # uneven steps
        ("data_amount", (0.25, 1.0), [1.0, 0.25], [1.0, 0.5]),  # 2 is out of range
        ("dropout", (0.0, 0.2, 0.5), [0.2, 0.0, 0.5], [0.2, 0.0]),  # no factor leads from 0: the two best
        ("width", (4, 8, 16), [8, 16, 4], [8, 16]),  # whole numbers aren't refined
    ],
)  # fmt: skip
def test_what_is_tried_under_all_seeds(
    setting: str, values: tuple[float, ...], ranked: list[float], expected: list[float]
) -> None:
    assert finalists(Tune(setting, values, 3, ("plain",)), ranked) == expected


def test_a_full_batch_is_the_whole_training_split(plan_of: Callable[..., Plan], target: Target) -> None:
    text = TWO_STUDIES["a"].replace("factor: activation", "factor: batch_size").replace("[relu, tanh]", "[8, full]")
    plan = plan_of(text.replace("control: relu", "control: full"))
    assert plan.arms[1].arm.settings.batch_size == target.data["splits"]["train"]


def test_no_rate_means_one_run_wherever_dropout_would_act(plan_of: Callable[..., Plan]) -> None:
    text = (
        "title: D\nquestion: Q\nfactor: dropout\nlevels: [0, 0.5]\ncontrol: '0'\n"
        "contexts: {a: {dropout_place: dense}, b: {dropout_place: conv}}\n"
    )
    assert len(plan_of(text).distinct) == 3 + 6


def with_probes(text: str, probes: str) -> str:
    return text + f"probes: [{probes}]\n"


def test_a_shared_run_has_the_probes_of_all_studies_whichever_are_selected(
    tmp_path: Path, recipe: dict[str, Any], target: Target
) -> None:
    texts = with_probes(TWO_STUDIES["a"], "weights, gap"), with_probes(TWO_STUDIES["b"], "weights, activations")
    studies = []
    for number, text in enumerate(texts):
        path = tmp_path / f"study{number}.yaml"
        path.write_text(text)
        studies.append(load_study(path))
    store = Store(tmp_path / "runs")
    both = make_plan(studies, recipe, 3, "smoke", target, store, studies)
    alone = [make_plan([study], recipe, 3, "smoke", target, store, studies) for study in studies]
    assert len(both.distinct) == 9, "the control is folded"
    assert set(both.distinct) == set(alone[0].distinct) | set(alone[1].distinct)
    probes = {planned.arm.level: planned.runs[0].probes for planned in both.arms}
    assert probes["relu"] == probes["3"] == ("activations", "gap", "weights")
    assert probes["tanh"] == ("gap", "weights")
    assert probes["2"] == ("activations", "weights")


def test_probes_are_part_of_a_run_and_their_order_is_not(plan_of: Callable[..., Plan]) -> None:
    plain = plan_of(TWO_STUDIES["a"])
    one, other = (plan_of(with_probes(TWO_STUDIES["a"], order)) for order in ("gap, modes", "modes, gap, modes"))
    assert set(one.distinct) == set(other.distinct)
    assert not set(plain.distinct) & set(one.distinct)


def test_trials_are_not_probed(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(with_probes(TUNED, "updates"))
    assert all(not trial.spec.probes for planned in plan.arms for trial in planned.trials)
    assert all(spec.probes == ("updates",) for planned in plan.arms for spec in planned.runs)


def test_an_arm_says_how_many_classes_its_runs_learn(plan_of: Callable[..., Plan], target: Target) -> None:
    classes = len(target.data["classes"])
    text = TWO_STUDIES["a"].replace("factor: activation", "factor: transfer").replace("relu", "none")
    (study,) = plan_of(text.replace("[none, tanh]", "[none, {scratch: {pictures: 5}}, source]")).to_json()["studies"]
    found = {arm["level"]: arm["classes"] for arm in study["arms"]}
    assert found == {"none": classes, "scratch": classes - classes // 2, "source": classes // 2}
