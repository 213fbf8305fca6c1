from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.analysis.arms import Arms
from harness.analysis.claim_sentences import judged as in_words
from harness.analysis.claim_sentences import margins, tally
from harness.analysis.claim_sentences import verdict as verdict_in_words
from harness.analysis.power import Seeds
from harness.analysis.tables import as_counted, with_derived
from harness.analysis.verdicts import judge_claim
from harness.core.study import Claim, Comparison

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
            "evaluate_every": 1,
            "chance": CHANCE,
            metric: np.nan if value is None else value,
        }
        for level, measured in values.items()
        for seed, value in enumerate(measured)
    ]
    return with_derived(pd.DataFrame(rows))


def verdict_on(runs, *comparisons, check=False):
    """Return the judged claim of comparisons, by Student's t of the seeds alone."""
    return judge_claim(Claim("id", "words", "source", comparisons, check), Arms(as_counted(runs)), {})


def compared(direction, margin=0.0, level="a", against="b", metric="test_accuracy", more_than=None):
    return Comparison(metric, level, against, direction, margin, "plain", more_than)


def decide(runs, *arguments, **more):
    """Return the one comparison of a claim, judged."""
    return verdict_on(runs, compared(*arguments, **more)).comparisons[0]


CLEAR = table({"a": [0.71, 0.72, 0.70], "b": [0.60, 0.62, 0.60]})  # differences .11, .10, .10
NOISY = table({"a": [0.70, 0.60, 0.65], "b": [0.60, 0.65, 0.61]})


@pytest.mark.parametrize(
    "direction, margin, verdict",
    [
        ("higher", 0.05, "supported"),
        ("higher", 0.0, "supported"),
        ("higher", 0.2, "too small to matter"),
        ("higher", 0.1, "open"),
        ("lower", 0.0, "contradicted"),
        ("lower", 0.05, "contradicted"),
        ("equal", 0.2, "supported"),
        ("equal", 0.05, "contradicted"),
        ("equal", 0.103, "open"),
        ("not lower", 0.0, "supported"),
        ("not lower", 0.05, "supported"),
        ("not higher", 0.05, "contradicted"),
        ("not higher", 0.2, "supported"),
    ],
)
def test_the_interval_against_zero_and_the_margin_decides(direction, margin, verdict):
    assert verdict_on(CLEAR, compared(direction, margin)).verdict == verdict


@pytest.mark.parametrize("luck", range(10))
@pytest.mark.parametrize("there, here", [("lower", "higher"), ("not lower", "not higher"), ("equal", "equal")])
def test_swapping_sides_and_direction_changes_no_verdict(luck, there, here):
    rng = np.random.default_rng(luck)
    a, b = rng.normal(0.6, 0.03, 4), rng.normal(0.57, 0.03, 4)
    margin = rng.uniform(0, 0.05)
    one = decide(table({"a": a, "b": b}), here, margin)
    other = decide(table({"a": b, "b": a}), there, margin)
    assert one.verdict == other.verdict


@pytest.mark.parametrize("luck", range(10))
def test_a_larger_margin_never_supports_what_a_smaller_one_does_not(luck):
    rng = np.random.default_rng(luck)
    runs = table({"a": rng.normal(0.6, 0.02, 3), "b": rng.normal(0.58, 0.02, 3)})
    verdicts = [decide(runs, "higher", margin).verdict for margin in np.linspace(0, 0.2, 8)]
    ranks = {"supported": 0, "contradicted": 1, "open": 1, "too small to matter": 2}
    if "contradicted" not in verdicts:
        assert [ranks[one] for one in verdicts] == sorted(ranks[one] for one in verdicts)


def test_an_open_verdict_says_how_many_seeds_would_close_it():
    claim = verdict_on(NOISY, compared("higher", 0.01))
    assert claim.verdict == "open"
    assert claim.seeds.low > 3
    assert f"{claim.seeds.low} to more than 100 seeds would decide" in in_words(claim.comparisons[0], "activation")
    assert verdict_in_words(claim) == f"open: {claim.seeds.low} to more than 100 seeds would decide"


def test_what_takes_more_than_a_hundred_seeds_is_not_worth_it():
    claim = verdict_on(NOISY, compared("higher", 0.01))
    one = claim.comparisons[0]
    assert "not worth it" in in_words(type(one)(one.comparison, "open", one.difference, Seeds(None, None)), "loss")


def test_pairs_go_by_seed():
    # Unpaired, the spread between seeds would hide the steady difference.
    runs = table({"a": [0.312, 0.51, 0.71], "b": [0.30, 0.50, 0.70]})
    assert decide(runs, "higher", 0.005).verdict == "supported"


def test_a_number_can_be_the_other_side():
    runs = table({"a": [0.10, 0.11, 0.09]})
    assert decide(runs, "equal", 0.05, against=CHANCE).verdict == "supported"
    assert decide(runs, "higher", 0.05, against=0.5).verdict == "contradicted"


def test_equality_does_not_refute_no_more_than():
    runs = table({"a": [4.0, 4.1, 3.9], "b": [4.1, 3.9, 4.0]}, metric="weight_norm")
    assert decide(runs, "not higher", 0.5, metric="weight_norm").verdict == "supported"
    assert decide(runs, "not higher", 0.0, metric="weight_norm").verdict == "open"


def test_no_spread_is_not_certainty():
    same = table({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, 0.7]})
    for direction in ("equal", "higher", "lower"):
        judged = decide(same, direction, 0.01)
        assert judged.verdict == "open"
        assert "all 3 seeds agree" in judged.reason
    # Whole numbers hide what rounding takes: three equal epochs are no proof of a difference of one.
    epochs = table({"a": [5, 6, 5], "b": [6, 7, 6]}, metric="epochs_to_target")
    judged = decide(epochs, "lower", 1, metric="epochs_to_target")
    assert judged.verdict == "open"
    assert judged.difference.low < judged.difference.mean < judged.difference.high


def test_what_follows_from_the_settings_is_exact():
    runs = table({"a": [200.0] * 3, "b": [100.0] * 3}, metric="parameters")
    assert decide(runs, "higher", 0, metric="parameters").verdict == "supported"
    assert decide(runs, "lower", 0, metric="parameters").verdict == "contradicted"


def test_one_seed_settles_nothing():
    judged = decide(table({"a": [0.9], "b": [0.1]}), "higher")
    assert judged.verdict == "open"
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
    claim = verdict_on(runs, compared("higher", metric=metric))
    assert claim.verdict == "not testable here"
    assert claim.comparisons[0].reason.startswith("not measured")
    assert said in claim.comparisons[0].reason
    assert claim.seeds is None


BROKEN = {"a": {0: "diverged", 1: "diverged", 2: "out of memory"}}


def test_diverged_runs_count_as_chance_and_are_never_dropped():
    runs = table({"a": [0.8, None, None], "b": [0.50, 0.51, 0.52]}, statuses=BROKEN)
    judged = decide(runs, "lower", 0.3)
    assert judged.verdict == "supported"
    assert judged.difference.mean == pytest.approx(CHANCE - 0.51)


def test_survivors_do_not_stand_for_an_arm():
    one_broken = {"a": {0: "diverged"}}
    for metric in ("test_loss", "dead_share", "final_train_loss", "inference_gap"):
        runs = table({"a": [1.0, 0.1, 0.1], "b": [0.5, 0.51, 0.5]}, metric=metric, statuses=one_broken)
        claim = verdict_on(runs, compared("lower", 0.3, metric=metric))
        assert claim.verdict == "not testable here", metric
        assert "1 of 3 runs of a did not finish" in claim.comparisons[0].reason
    before = table({"a": [1.0, 1.1, 1.0], "b": [0.5, 0.51, 0.5]}, metric="start_std", statuses=one_broken)
    assert decide(before, "higher", 0.3, metric="start_std").verdict == "supported"


def test_how_often_runs_diverge_is_judged_exactly():
    runs = table({"a": [None] * 3, "b": [0.50, 0.51, 0.52]}, statuses=BROKEN)
    judged = decide(runs, "higher", 0.0, metric="diverged")
    assert judged.verdict == "supported"
    assert judged.difference.low == pytest.approx(0.0815, abs=0.001)
    # Three of three against none of three can happen with shares that differ by less than half.
    assert decide(runs, "higher", 0.5, metric="diverged").verdict == "open"


def test_two_arms_at_chance_are_not_equal_but_not_testable():
    guessing = {"a": [0.10, 0.11, 0.10], "b": [0.10, 0.10, 0.09], "c": [0.7, 0.7, 0.71]}
    claim = verdict_on(table(guessing), compared("equal", 0.05))
    assert claim.verdict == "not testable here"
    assert "every run of a and b ended at chance" in claim.comparisons[0].reason
    assert decide(table(guessing), "lower", 0.5, against="c").verdict == "supported"


def test_two_arms_at_the_ceiling_are_not_testable():
    runs = table({"a": [1.0, 1.0, 0.9995], "b": [1.0, 1.0, 1.0]}, metric="final_train_accuracy")
    claim = verdict_on(runs, compared("equal", 0.05, metric="final_train_accuracy"))
    assert claim.verdict == "not testable here"
    assert "right on at least 99.9" in claim.comparisons[0].reason


def test_a_mixture_is_named_and_not_averaged():
    runs = table({"a": [0.10, 0.70, 0.71], "b": [0.6, 0.61, 0.6]})
    claim = verdict_on(runs, compared("higher", 0.0))
    assert claim.verdict == "not testable here"
    assert "of a 1 of 3 runs hardly learned, 2 did" in claim.comparisons[0].reason


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

    def decide(self, a, b, direction, margin):
        runs = table({"a": a, "b": b}, metric="epochs_to_target")
        return decide(runs, direction, margin, metric="epochs_to_target")

    def test_they_count_as_one_epoch_more(self):
        judged = self.decide([3, 3, 3], [None, None, None], "lower", 1)
        assert judged.verdict == "supported"
        assert judged.difference.mean == 3 - 11

    def test_a_bound_settles_nothing_that_more_epochs_could_change(self):
        judged = self.decide([9, 9, 9], [None, None, None], "lower", 5)
        assert judged.verdict == "open"
        assert "more epochs would decide" in judged.reason

    def test_two_levels_that_never_got_there_are_not_equal(self):
        for direction in ("equal", "lower", "higher"):
            judged = self.decide([None] * 3, [None] * 3, direction, 0)
            assert judged.verdict == "not testable here"
            assert "no run of a and b reached the target" in judged.reason

    def test_the_slower_level_is_contradicted_by_its_bound(self):
        assert self.decide([None] * 3, [4, 4, 5], "lower", 1).verdict == "contradicted"

    def test_an_interval_stays_within_what_is_possible(self):
        judged = self.decide([1, 2, 1], [None, 2, 9], "lower", 1)
        assert judged.difference.low >= -11


YES, NO, PERHAPS, SMALL = ("higher", 0.05), ("lower", 0.0), ("higher", 0.1), ("higher", 0.2)


def claim_of(*directions):
    """Return the verdict of a claim whose comparisons have these directions and margins."""
    return verdict_on(CLEAR, *(compared(*one) for one in directions))


def test_a_claim_needs_all_of_its_comparisons():
    assert claim_of(YES, YES).verdict == "supported"
    assert claim_of(YES, PERHAPS).verdict == "open"
    assert claim_of(YES, PERHAPS).seeds == claim_of(PERHAPS).seeds
    assert claim_of(SMALL, SMALL).verdict == "too small to matter"
    assert claim_of(PERHAPS, NO).verdict == "contradicted"


def test_some_that_hold_and_some_that_do_not_are_mixed():
    for other in (NO, SMALL):
        claim = claim_of(YES, YES, other)
        assert claim.verdict == "mixed"
        assert verdict_in_words(claim) == "mixed: 2 of 3"


def test_not_one_of_many_contradicts_by_chance():
    # Each difference is clear below zero by itself, at one-sided 2.5 %, not at a sixteenth of that.
    runs = table({"a": [0.50, 0.53, 0.52], "b": [0.60, 0.60, 0.60], "c": [0.50, 0.56, 0.53], "d": [0.52, 0.5, 0.54]})
    alone = compared("higher", 0.0)
    others = [compared("higher", 0.0, level=one, against=two) for one in "cd" for two in "acd" if one != two] * 4
    assert verdict_on(runs, alone).verdict == "contradicted"
    assert len(others) == 16
    assert verdict_on(runs, alone, *others).verdict == "open"


def test_comparisons_that_cannot_be_tested_are_left_out_and_counted():
    runs = table({"a": [0.71, 0.72, 0.70], "b": [0.60, 0.62, 0.60], "c": [0.1, 0.1, 0.7]})
    claim = verdict_on(runs, compared("higher", 0.05), compared("higher", 0.05, against="c"))
    assert claim.verdict == "supported"
    assert verdict_in_words(claim) == "supported, 1 of 2 not testable here"


class TestChecks:
    """Claims that hold by arithmetic: every seed agrees, nothing is estimated, and they are counted apart."""

    def test_they_hold_or_fail_seed_by_seed(self):
        assert verdict_on(CLEAR, compared("higher", 0.0), check=True).verdict == "holds"
        failed = verdict_on(NOISY, compared("higher", 0.0), check=True)
        assert failed.verdict == "fails"
        assert "2 of 3 seeds agree." in in_words(failed.comparisons[0], "loss")

    def test_exact_equality_is_seen_and_so_is_the_smallest_difference(self):
        same = table({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, 0.7]})
        assert verdict_on(same, compared("equal", 0.0), check=True).verdict == "holds"
        other = table({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, np.nextafter(0.7, 1)]})
        assert verdict_on(other, compared("equal", 0.0), check=True).verdict == "fails"

    def test_one_seed_is_enough_and_none_is_not(self):
        assert verdict_on(table({"a": [0.9], "b": [0.1]}), compared("higher"), check=True).verdict == "holds"
        assert verdict_on(table({"a": [0.9]}), compared("higher"), check=True).verdict == "not testable here"

    def test_they_are_no_part_of_the_tally(self):
        claims = [verdict_on(CLEAR, compared("higher"), check=check) for check in (True, False)]
        assert sum(tally(claims).values()) == sum(tally(claims, checks=True).values()) == 1
        assert tally(claims)["supported"] == tally(claims, checks=True)["holds"] == 1


def test_the_margin_stands_beside_the_words():
    claim = claim_of(("higher", 0.02), ("not higher", 0.01))
    assert margins(claim).replace("\u00a0", " ") == (
        "test accuracy at least 2 points higher; test accuracy not higher by more than 1 point"
    )


def where(direction, margin, level="b", against=0.0, metric="test_accuracy"):
    return Comparison(metric, level, against, direction, margin, "plain")


def test_a_comparison_is_tested_only_where_it_is_meant_to_hold():
    asked = compared("higher", 0.05)
    meant = replace(asked, given=where("higher", 0.5))
    elsewhere = replace(asked, given=where("higher", 0.7))
    assert verdict_on(CLEAR, meant).verdict == "supported"
    assert verdict_on(CLEAR, elsewhere).verdict == "not testable here"
    # The others of the claim are judged without it.
    both = verdict_on(CLEAR, meant, elsewhere)
    assert [one.verdict for one in both.comparisons] == ["supported", "not testable here"]
    assert both.verdict == "supported"
    assert verdict_on(CLEAR, replace(asked, given=where("higher", 0, metric="never_measured"))).verdict == (
        "not testable here"
    )
    checked = verdict_on(CLEAR, elsewhere, check=True)
    assert checked.verdict == "not testable here"


def test_what_was_seen_of_the_condition_is_said():
    to_zero, to_a = where("higher", 0.5), replace(compared("lower", 0.05), level="b", against="a")
    for given, words in (
        (to_zero, "Meant for where test accuracy of b is at least 50 points above zero; here it is 60.7 %."),
        (
            to_a,
            "Meant for where test accuracy of b against a is at least 5 points lower; here the difference is −10.3 points.",
        ),
    ):
        found = verdict_on(CLEAR, replace(compared("higher", 0.05), given=given)).comparisons[0]
        assert in_words(found, "activation", several=False).replace("\u00a0", " ").endswith(words)


@pytest.mark.parametrize(
    ("direction", "margin", "words"),
    [
        ("higher", 0.05, "at least 5 points above zero"),
        ("lower", 0, "below zero"),
        ("equal", 0.05, "within 5 points of zero"),
        ("equal", 0, "zero"),
        ("not higher", 0.05, "not above zero by more than 5 points"),
    ],
)
def test_what_is_compared_with_nothing_is_told_as_it_is(direction, margin, words):
    one = decide(CLEAR, direction, margin, against=0.0)
    found = in_words(one, "activation").replace("\u00a0", " ")
    assert found.startswith("Test accuracy: a has 71.0 % in plain (95 % interval 68.5 to 73.5, 3 seeds)."), found
    assert f"Expected: {words}." in found


def test_one_level_in_two_contexts_is_told_as_such():
    runs = pd.concat([CLEAR, table({"a": [0.6, 0.62, 0.6], "b": [0.5, 0.5, 0.5]}, context="other")])
    one = decide(runs, "not lower", 0.02, against=0.0, more_than="other")
    assert one.difference.mean == pytest.approx(0.71 - 0.6067, abs=1e-3)
    assert "a in plain less a in other is +10.3" in in_words(one, "activation")
