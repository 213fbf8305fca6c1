"""Metrics of several runs, each against what a hand would compute from made-up numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from harness.analysis.derived import FROM_RUNS, Known, derive, kappa
from harness.analysis.search import expected_best_in_stages
from harness.analysis.tables import as_counted, by_seed, read_study
from harness.core.records import Store
from harness.quantities import QUANTITIES
from tests.report.made_up import Bench

BASE = {"learning_rate": 0.1, "initialization": "he", "penalty": "none", "patience": 0}


class Runs:
    """Runs as counted, by hand: add arms, then ask for a metric."""

    def __init__(self, control="a"):
        self.rows, self.settings, self.control, self.arrays, self.curves = {}, {}, control, {}, {}

    def arm(self, context, level, values, **settings):
        """Add an arm; `values` holds a list over the seeds for each metric."""
        self.settings[context, level] = BASE | settings
        for seed, row in enumerate(zip(*values.values(), strict=True)):
            own = dict(zip(values, row, strict=True))
            print_of_run = f"{context}/{level}/{seed}"
            self.rows[context, level, seed] = {"status": "done", "fingerprint": print_of_run, "guesses": False} | own
        return self

    def found(self, name):
        """Return a derived metric by context, level and seed."""
        return dict(FROM_RUNS[name](Known(self.rows, self.curves, self.settings, self.control, self)))


class Kept(Runs):
    """The same, with arrays: a store stands in that is never read from disk."""

    def found(self, name):
        store = type("Arrays", (), {"arrays": lambda _, print_of_run, prefix: self.arrays[print_of_run]})()
        return dict(FROM_RUNS[name](Known(self.rows, self.curves, self.settings, self.control, store)))


def test_studies_may_name_them_all():
    assert set(FROM_RUNS) <= set(QUANTITIES.measured("analysis"))


def test_the_highest_rate_is_that_within_five_points_of_the_best():
    runs = Runs()
    accuracies = {0.1: [0.80, 0.60], 0.3: [0.84, 0.70], 1.0: [0.791, 0.64], 3.0: [0.10, 0.10]}
    for rate, values in accuracies.items():
        runs.arm(f"rate {rate}", "a", {"test_accuracy": values}, learning_rate=rate)
    # Two rates are no sweep.
    for rate in (0.1, 0.3):
        runs.arm(f"rate {rate}", "b", {"test_accuracy": [0.5, 0.5]}, learning_rate=rate)
    found = runs.found("highest_rate_log10")
    assert {key[1] for key in found} == {"a"} and len(found) == 8
    assert found["rate 0.1", "a", 0] == found["rate 3.0", "a", 0] == 0, "0.791 is within 0.05 of 0.84"
    assert found["rate 0.1", "a", 1] == pytest.approx(math.log10(0.3)), "0.64 is not, of 0.70"


def test_the_spread_over_initial_weights_leaves_out_where_both_guess():
    runs = Runs()
    scales = {"he": ([0.8], [0.6], False), "small": ([0.1], [0.1], True), "large": ([0.7], [0.1], False)}
    for scale, (own, control, guesses) in scales.items():
        runs.arm(scale, "b", {"test_accuracy": own, "guesses": [guesses]}, initialization=scale)
        runs.arm(scale, "a", {"test_accuracy": control, "guesses": [control == [0.1]]}, initialization=scale)
    found = runs.found("scale_spread_to_control")
    assert found["he", "b", 0] == found["small", "b", 0] == pytest.approx((0.8 - 0.7) - (0.6 - 0.1))
    # The control against itself: no difference, over the one scale at which it learns there is none to measure.
    assert ("he", "a", 0) not in found


def penalised(norms):
    runs = Runs()
    for strength, norm in norms.items():
        penalty = {"l2": {"strength": strength}} if strength else "none"
        values = {"weight_norm": [norm], "final_validation_accuracy": [0.5 + strength]}
        runs.arm("c", f"l2 {strength}", values, penalty=penalty)
    return runs


def test_early_stopping_is_held_against_the_penalty_of_the_same_norm():
    runs = penalised({0.0: 10.0, 0.1: 8.0, 0.2: 4.0})
    stopped = {"best_weight_norm": [6.0], "best_validation_accuracy": [0.7], "weight_norm": [7.0]}
    runs.arm("c", "2", stopped, patience=2)
    # Half way from 8 to 4 is half way from 0.1 to 0.2; so is the accuracy.
    assert runs.found("equal_l2_strength") == {("c", "2", 0): pytest.approx(0.15)}
    assert runs.found("gain_over_equal_l2") == {("c", "2", 0): pytest.approx(0.7 - 0.65)}
    larger = penalised({0.0: 10.0, 0.1: 8.0, 0.2: 4.0}).arm(
        "c", "2", stopped | {"best_weight_norm": [11.0]}, patience=2
    )
    assert larger.found("equal_l2_strength") == {("c", "2", 0): 0.0}
    assert penalised({0.0: 10.0, 0.1: 8.0}).arm("c", "2", stopped, patience=2).found("equal_l2_strength") == {}


def test_the_distance_from_the_median_and_from_guessing():
    runs = Runs().arm("c", "a", {"test_accuracy": [0.5, 0.8, 0.6], "chance": [0.1] * 3})
    assert list(runs.found("accuracy_deviation").values()) == pytest.approx([0.1, 0.2, 0.0])
    assert list(runs.found("accuracy_over_chance").values()) == pytest.approx([0.4, 0.7, 0.5])


def curve(epochs, train, validation):
    return pd.DataFrame({"epoch": epochs, "train_loss": train, "validation_loss": validation})


def test_losses_are_read_off_the_curves():
    runs = Runs().arm("c", "a", {"train_seconds": [10.0]}).arm("c", "b", {"train_seconds": [20.0]})
    runs.arm("c", "broken", {"train_seconds": [1.0]})
    runs.rows["c", "broken", 0]["status"] = "diverged"
    runs.curves = {
        ("c", "a", 0): curve([2, 4, 6], [1.0, 0.6, 0.2], [1.1, 0.9, 1.4]),
        ("c", "b", 0): curve([2, 4, 6], [2.0, 1.0, 0.5], [2.0, 1.0, 0.9]),
        ("c", "broken", 0): curve([2], [9.0], [9.0]),
    }
    assert runs.found("validation_loss_rise") == {("c", "a", 0): pytest.approx(0.5), ("c", "b", 0): 0.0}
    assert runs.found("train_loss_since_lowest") == {("c", "a", 0): pytest.approx(-0.4), ("c", "b", 0): 0.0}
    # b has come to epoch 3 when a is done.
    assert runs.found("loss_at_equal_seconds") == {("c", "a", 0): pytest.approx(0.2), ("c", "b", 0): pytest.approx(1.5)}


def test_agreement_is_beyond_chance():
    one, other = np.array([True, True, False, False, True]), np.array([True, False, False, False, True])
    chance = 0.6 * 0.4 + 0.4 * 0.6
    assert kappa(one, other) == pytest.approx((0.8 - chance) / (1 - chance))
    assert kappa(one, one) == 1
    assert math.isnan(kappa(np.ones(3, bool), np.ones(3, bool)))
    runs = Kept().arm("c", "a", {"surviving_share": [0.6, 0.4, 0.6]})
    for seed, mask in enumerate((one, other, one)):
        runs.arrays[f"c/a/{seed}"] = {"survivors/bits": np.packbits(mask), "survivors/count": np.array([5])}
    agreed, own = kappa(one, other), 1.0
    expected = [(agreed + own) / 2, agreed, (agreed + own) / 2]
    assert list(runs.found("survivor_agreement").values()) == pytest.approx(expected)


def test_a_search_is_worth_the_mean_over_its_trials():
    runs = Kept().arm("c", "a", {"trials": [3]})
    accuracies, stages = np.array([0.2, 0.6, 0.4]), np.array([1, 1, 1])
    runs.arrays["c/a/0"] = {"search/validation_accuracy": accuracies, "search/stage": stages}
    # One trial: the mean; two: 0.6 twice and 0.4 once; three: the best.
    expected = (0.4 + (0.6 + 0.6 + 0.4) / 3 + 0.6) / 3
    assert runs.found("expected_best_accuracy")["c", "a", 0] == pytest.approx(expected)
    assert expected_best_in_stages(accuracies, stages).mean() == pytest.approx(expected)


def test_derived_metrics_stand_in_the_table_of_runs(tmp_path):
    bench = Bench(tmp_path)
    bench.study("rate", "norm", {"none": 0.5, "batch": 0.7}, "none", {"x1": {}, "x2": {"learning_rate": 0.1}})
    store = bench.save()
    plan = store.read_plan()
    tables = read_study(store, plan["studies"][0])
    # Those that no run here has stand in no column.
    assert {"accuracy_over_chance", "accuracy_deviation", "loss_at_equal_seconds"} <= set(tables.runs)
    assert "survivor_agreement" not in tables.runs
    found = as_counted(tables.runs)
    assert by_seed(found, "x1", "batch", "accuracy_over_chance").mean() == pytest.approx(0.6, abs=0.05)
    again = derive(found, tables.curves, plan["studies"][0], Store(tmp_path / "runs"))
    assert again["loss_at_equal_seconds"].tolist() == found["loss_at_equal_seconds"].tolist()
