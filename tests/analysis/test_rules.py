import numpy as np
import pandas as pd
import pytest

from harness.analysis.arms import Arms
from harness.analysis.best import near_best
from harness.analysis.contrasts import contrast
from harness.analysis.rules import PLAIN, Rule, Sweep, contrasts, learn_rule, versus
from harness.analysis.statistics import mean_interval
from harness.analysis.tables import as_counted, with_derived

LEVELS = [f"level {n}" for n in range(8)]


def sweep(rng, spreads, shared=0.0, metric="test_accuracy", seeds=3, mean=0.6, contexts=("plain", "deep")):
    """Return a study of eight levels without any effect; `shared` is the correlation over seeds."""
    rows = []
    for context in contexts:
        luck = rng.standard_normal(seeds)
        for level, spread in zip(LEVELS, spreads, strict=True):
            own = rng.standard_normal(seeds)
            values = mean + spread * (np.sqrt(shared) * luck + np.sqrt(1 - shared) * own)
            rows += [
                {
                    "context": context,
                    "level": level,
                    "seed": seed,
                    "status": "done",
                    "epochs": 10,
                    "chance": 0.1,
                    metric: v,
                }
                for seed, v in enumerate(values)
            ]
    return Sweep(Arms(as_counted(with_derived(pd.DataFrame(rows)))), LEVELS, LEVELS[0], list(contexts))


def grid(luck=0, shared=0.0, studies=12, spread=0.01, **more):
    rng = np.random.default_rng(luck)
    return [sweep(rng, spread * np.sqrt(4 / rng.chisquare(4, len(LEVELS))), shared, **more) for _ in range(studies)]


def test_pairs_where_luck_is_shared_and_means_where_it_is_not():
    together, apart = (learn_rule(grid(shared=by, seeds=10), "test_accuracy") for by in (0.8, 0.0))
    assert together.paired and together.correlation == pytest.approx(0.8, abs=0.1)
    assert not apart.paired and apart.correlation == pytest.approx(0.0, abs=0.15)


def test_luck_that_works_against_each_other_is_never_taken_for_none():
    studies = grid()
    for one in studies:
        # The control does the better the worse the others do.
        matrix = one.arms.counted
        control = matrix["level"] == LEVELS[0]
        mean = matrix[~control].groupby(["context", "seed"])["test_accuracy"].mean()
        keys = list(zip(matrix.loc[control, "context"], matrix.loc[control, "seed"], strict=True))
        matrix.loc[control, "test_accuracy"] = 1.2 - 2 * (mean.loc[keys].to_numpy() - 0.6) - 0.6
    rule = learn_rule(studies, "test_accuracy")
    assert rule.correlation < 0 and rule.paired


def test_a_small_grid_is_judged_by_its_own_seeds():
    alone = grid(studies=1, contexts=("plain",))
    rule = learn_rule(alone, "test_accuracy")
    assert rule.paired and rule.priors["difference"] is None
    found = contrast(alone[0].arms, "test_accuracy", versus("plain", LEVELS[1], LEVELS[0]))
    assert rule.estimate(found, "difference") == mean_interval(found.values)


def test_an_interval_is_moderated_and_says_by_how_many_degrees_of_freedom():
    studies = grid(shared=0.5)
    rule = learn_rule(studies, "test_accuracy")
    prior = rule.priors["difference"]
    assert prior.count == 12 * 2 * 7
    estimate = rule.estimate(next(contrasts(studies, "test_accuracy", "difference")), "difference")
    assert estimate.freedom == pytest.approx(prior.freedom + 2)


@pytest.mark.parametrize("shared", [0.0, 0.4])
def test_moderated_intervals_cover_and_are_shorter_than_plain_ones(shared):
    covered, widths, plain = [], [], []
    for luck in range(12):
        studies = grid(luck, shared)
        rule = learn_rule(studies, "test_accuracy")
        for found in contrasts(studies, "test_accuracy", "difference"):
            estimate = rule.estimate(found, "difference")
            covered.append(estimate.low <= 0 <= estimate.high)
            widths.append(estimate.high - estimate.low)
            own = PLAIN.estimate(found, "difference")
            plain.append(own.high - own.low)
    assert 0.93 < np.mean(covered) < 0.98
    assert np.median(widths) < 0.7 * np.median(plain)


def test_intervals_end_where_values_do():
    studies = grid(spread=0.3, mean=0.9, shared=0.5)
    rule = learn_rule(studies, "test_accuracy")
    for kind in ("level", "difference"):
        for found in contrasts(studies, "test_accuracy", kind):
            estimate = rule.estimate(found, kind)
            assert found.least <= estimate.low and estimate.high <= found.most
    assert (found.least, found.most) == (-1, 1)


def test_the_best_is_told_from_what_it_surely_beats():
    studies = grid(shared=0.5, contexts=("plain",))
    counted = studies[0].arms.counted.copy()
    counted.loc[counted["level"].isin(LEVELS[3:]), "test_accuracy"] -= 0.3
    arms = Arms(counted)
    keys = [("plain", level) for level in LEVELS]
    rule = learn_rule(studies, "test_accuracy")
    assert near_best(arms, "test_accuracy", keys, rule) == tuple(LEVELS[:3])
    assert near_best(arms, "test_accuracy", keys[:1], rule) == ()


def test_the_true_best_is_kept():
    kept = []
    for luck in range(60):
        studies = grid(luck, 0.4, studies=3, contexts=("plain",))
        rule = learn_rule(studies, "test_accuracy")
        for one in studies:
            # All are equally good: whichever is called the best, none may be left out.
            kept.append(LEVELS[0] in near_best(one.arms, "test_accuracy", [("plain", name) for name in LEVELS], rule))
    assert np.mean(kept) > 0.93


def test_no_rule_is_student_of_pairs():
    assert Rule() == PLAIN
