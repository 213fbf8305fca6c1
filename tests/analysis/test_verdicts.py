import numpy as np
import pandas as pd
import pytest

from harness.analysis.sentences import judged as in_words
from harness.analysis.tables import as_counted, with_derived
from harness.analysis.verdicts import judge, judge_claim
from harness.spec import Claim, Comparison

CHANCE = 0.1


def table(values, context="plain", metric="test_accuracy", statuses=None):
    """Return runs as recorded: {level: one value a seed}."""
    rows = [
        {
            "context": context,
            "level": level,
            "seed": seed,
            "status": (statuses or {}).get(level, {}).get(seed, "done"),
            "epochs": 10,
            "target": 0.5,
            "chance": CHANCE,
            metric: np.nan if value is None else value,
        }
        for level, measured in values.items()
        for seed, value in enumerate(measured)
    ]
    return with_derived(pd.DataFrame(rows))


def decide(runs, direction, margin=0.0, against="b", metric="test_accuracy", more_than=None):
    comparison = Comparison(metric, "a", against, direction, margin, "plain", more_than)
    return judge(comparison, as_counted(runs))


CLEAR = table({"a": [0.71, 0.72, 0.70], "b": [0.60, 0.62, 0.60]})  # differences .11, .10, .10
NOISY = table({"a": [0.70, 0.60, 0.65], "b": [0.60, 0.65, 0.61]})


@pytest.mark.parametrize(
    "direction, margin, verdict",
    [
        ("higher", 0.05, "supported"),
        ("higher", 0.0, "supported"),
        ("higher", 0.2, "refuted"),
        ("higher", 0.1, "unresolved"),
        ("lower", 0.0, "refuted"),
        ("lower", 0.05, "refuted"),
        ("equal", 0.2, "supported"),
        ("equal", 0.05, "refuted"),
        ("equal", 0.103, "unresolved"),
    ],
)
def test_the_interval_against_the_margin_decides(direction, margin, verdict):
    assert decide(CLEAR, direction, margin).verdict == verdict


@pytest.mark.parametrize("luck", range(10))
def test_swapping_sides_and_direction_changes_no_verdict(luck):
    rng = np.random.default_rng(luck)
    a, b = rng.normal(0.6, 0.03, 4), rng.normal(0.57, 0.03, 4)
    margin = rng.uniform(0, 0.05)
    here = decide(table({"a": a, "b": b}), "higher", margin)
    there = decide(table({"a": b, "b": a}), "lower", margin)
    assert (here.verdict, here.seeds_needed) == (there.verdict, there.seeds_needed)


@pytest.mark.parametrize("luck", range(10))
def test_a_larger_margin_never_turns_refuted_into_supported(luck):
    rng = np.random.default_rng(luck)
    runs = table({"a": rng.normal(0.6, 0.02, 3), "b": rng.normal(0.58, 0.02, 3)})
    ranks = {"supported": 0, "unresolved": 1, "refuted": 2}
    verdicts = [ranks[decide(runs, "higher", margin).verdict] for margin in np.linspace(0, 0.2, 8)]
    assert verdicts == sorted(verdicts)


def test_an_open_verdict_says_how_many_seeds_would_close_it():
    judged = decide(NOISY, "higher", 0.01)
    assert judged.verdict == "unresolved"
    assert judged.seeds_needed > 3
    assert f"About {judged.seeds_needed} seeds would decide" in in_words(judged, "activation")


def test_pairs_go_by_seed():
    # Unpaired, the spread between seeds would hide the steady difference.
    runs = table({"a": [0.31, 0.51, 0.71], "b": [0.30, 0.50, 0.70]})
    assert decide(runs, "higher", 0.005).verdict == "supported"


def test_a_number_can_be_the_other_side():
    runs = table({"a": [0.10, 0.11, 0.09]})
    assert decide(runs, "equal", 0.05, against=CHANCE).verdict == "supported"
    assert decide(runs, "higher", 0.05, against=0.5).verdict == "refuted"


def test_no_difference_at_all():
    runs = table({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, 0.7]})
    assert decide(runs, "equal", 0).verdict == "supported"
    assert decide(runs, "higher", 0).verdict == "refuted"
    assert decide(runs, "higher", 0.01).verdict == "refuted"


def test_one_seed_settles_nothing():
    judged = decide(table({"a": [0.9], "b": [0.1]}), "higher")
    assert judged.verdict == "unresolved"
    assert "one seed gives no interval" in judged.reason


@pytest.mark.parametrize(
    "runs, metric, said",
    [
        (table({"a": [0.5, 0.6]}), "test_accuracy", "no runs of b in plain"),
        (table({"a": [0.5, 0.6], "b": [0.5, 0.6]}), "dead_share", "have no dead_share"),
        (table({"a": [None, None], "b": [0.5, 0.6]}, metric="norm"), "norm", "the runs of a in plain have no norm"),
    ],
)
def test_what_was_not_measured_is_said_plainly(runs, metric, said):
    judged = decide(runs, "higher", metric=metric)
    assert judged.verdict == "unresolved"
    assert judged.reason.startswith("not measured")
    assert said in judged.reason
    assert judged.seeds_needed is None


def test_diverged_runs_count_as_chance_and_are_never_dropped():
    broken = {"a": {0: "diverged", 1: "diverged", 2: "out of memory"}}
    runs = table({"a": [0.8, None, None], "b": [0.50, 0.51, 0.52]}, statuses=broken)
    judged = decide(runs, "lower", 0.3)
    assert judged.verdict == "supported"
    assert judged.difference.mean == pytest.approx(CHANCE - 0.51)
    assert decide(runs, "higher", 0.5, metric="diverged").verdict == "supported"


def test_more_than_compares_the_difference_with_that_of_another_context():
    little = table({"a": [0.60, 0.61, 0.62], "b": [0.50, 0.51, 0.53]})
    much = table({"a": [0.70, 0.71, 0.72], "b": [0.69, 0.70, 0.70]}, context="all data")
    runs = pd.concat([little, much], ignore_index=True)
    judged = decide(runs, "higher", 0.05, more_than="all data")
    assert judged.verdict == "supported"
    assert judged.difference.mean == pytest.approx(np.mean([0.10, 0.10, 0.09]) - np.mean([0.01, 0.01, 0.02]))
    assert decide(runs, "higher", 0.05, more_than="elsewhere").reason.startswith("not measured")


class TestTargetsThatWereNeverReached:
    """A run that never got there needs more epochs than it had: a bound, so only one side is sure."""

    def epochs(self, a, b):
        return table({"a": a, "b": b}, metric="epochs_to_target")

    def test_they_count_as_one_epoch_more(self):
        judged = decide(self.epochs([3, 3, 3], [None, None, None]), "lower", 1, metric="epochs_to_target")
        assert judged.verdict == "supported"
        assert judged.difference.mean == 3 - 11

    def test_a_bound_refutes_nothing_that_more_epochs_could_support(self):
        judged = decide(self.epochs([9, 9, 9], [None, None, None]), "lower", 5, metric="epochs_to_target")
        assert judged.verdict == "unresolved"
        assert "more epochs would decide" in judged.reason

    def test_two_levels_that_never_got_there_are_not_equal(self):
        for direction in ("equal", "lower", "higher"):
            judged = decide(self.epochs([None] * 3, [None] * 3), direction, 0, metric="epochs_to_target")
            assert judged.verdict == "unresolved"

    def test_the_slower_level_is_refuted_by_its_bound(self):
        judged = decide(self.epochs([None] * 3, [4, 4, 5]), "lower", 1, metric="epochs_to_target")
        assert judged.verdict == "refuted"


def claim_of(*directions):
    """Return the verdict of a claim whose comparisons have these directions and margins."""
    comparisons = tuple(Comparison("test_accuracy", "a", "b", d, margin, "plain") for d, margin in directions)
    return judge_claim(Claim("id", "words", "source", comparisons), as_counted(CLEAR))


def test_a_claim_needs_all_of_its_comparisons():
    yes, no, perhaps = ("higher", 0.05), ("lower", 0.0), ("higher", 0.1)
    assert claim_of(yes, yes).verdict == "supported"
    assert claim_of(yes, perhaps).verdict == "unresolved"
    assert claim_of(yes, perhaps).seeds_needed == claim_of(perhaps).seeds_needed > 3
    assert claim_of(yes, perhaps, no).verdict == "refuted"
