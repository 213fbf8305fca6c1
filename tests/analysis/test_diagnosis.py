import numpy as np
import pytest

from harness.analysis.diagnosis import (
    ADVICE,
    GAP,
    JUMP,
    LEARNED,
    LITTLE,
    RULES,
    STEADY,
    STILL,
    TURN,
    WIDE_GAP,
    Curves,
    context_diagnoses,
    diagnose,
    straight,
)
from harness.analysis.summary import summarise
from harness.analysis.tables import read_study
from tests.report.made_up import Bench

CHANCE = 0.1
FALLING = [2.0, 1.2, 0.9, 0.8, 0.75, 0.73]


def curves(loss=FALLING, accuracy=0.75, validation_loss=None, validation=None):
    """Return curves that end at the given accuracies."""
    rise = np.linspace(0, 1, len(loss))
    validation = accuracy - 0.02 if validation is None else validation
    return Curves(
        train_loss=np.array(loss),
        train_accuracy=CHANCE + (accuracy - CHANCE) * rise,
        validation_loss=np.array(validation_loss or loss),
        validation_accuracy=CHANCE + (validation - CHANCE) * rise,
    )


TURNED = [2.0, 1.2, 1.0, 1.0, 1.2, 1.4]
MADE_UP = {
    "healthy": curves(),
    "rate too high": curves([2.0, 2.2, 2.6, 3.0, 3.1, 3.3], 0.15),
    "stuck": curves([2.303, 2.303, 2.302, 2.303, 2.302, 2.302], 0.101),
    "rate too low": curves([2.30, 2.25, 2.20, 2.15, 2.10, 2.05], 0.25),
    "overfitting": curves(accuracy=0.95, validation_loss=TURNED, validation=0.6),
    "underfitting": curves([2.2, 1.9, 1.82, 1.80, 1.79, 1.79], 0.35),
    "too short": curves([2.0, 1.5]),
}


@pytest.mark.parametrize("finding", MADE_UP)
def test_each_finding_is_told_from_its_curves(finding):
    diagnosis = diagnose(MADE_UP[finding], CHANCE)
    assert diagnosis.finding == finding
    assert diagnosis.words.endswith(".")


def test_every_rule_is_stated_and_every_complaint_has_a_remedy():
    assert set(MADE_UP) - {"too short"} == set(RULES)
    assert set(RULES) - {"healthy"} == set(ADVICE)


def test_one_diverged_run_decides():
    diagnosis = diagnose(curves(), CHANCE, diverged=1, runs=3)
    assert diagnosis.finding == "rate too high"
    assert "1 of 3" in diagnosis.words


def test_a_jumpy_loss_is_a_rate_too_high_from_a_third_of_the_epochs_on():
    up = 1 + JUMP + 0.01
    calm, jumpy = [2.0, 1.0], [2.0, 1.0]
    for ups, loss in ((1, calm), (3, jumpy)):
        for step in range(4):
            loss.append(loss[-1] * (up if step < ups else 0.9))
    assert diagnose(curves(calm), CHANCE).finding == "healthy"
    assert diagnose(curves(jumpy), CHANCE).finding == "rate too high"
    assert (
        diagnose(curves([2.0, 1.0, *[1.0 * (1 + JUMP - 0.01) ** n for n in range(1, 5)]]), CHANCE).finding == "healthy"
    )


def test_an_accuracy_above_chance_is_not_stuck():
    assert diagnose(curves(accuracy=CHANCE + STILL - 0.001), CHANCE).finding == "stuck"
    assert diagnose(curves(accuracy=CHANCE + STILL + 0.001), CHANCE).finding == "underfitting"


def test_a_rate_too_low_has_learned_little_moved_and_not_bent():
    def finding(fall=0.1, learned=0.1):
        loss = np.linspace(2.3, 2.3 * (1 - fall), 6)
        return diagnose(curves(list(loss), CHANCE + learned * (1 - CHANCE)), CHANCE).finding

    assert finding() == "rate too low"
    assert finding(fall=STILL + 0.001) == "rate too low"
    assert finding(fall=STILL - 0.001) == "underfitting"
    assert finding(learned=LITTLE - 0.01) == "rate too low"
    assert finding(learned=LITTLE + 0.01) == "underfitting"


def test_a_line_is_straight_and_a_bend_is_not():
    def bent(ratio):
        return np.array([2.0, 1.5, 1.0, 1.0 - ratio / 2, 1.0 - ratio])

    assert straight(bent(STEADY + 0.01))
    assert not straight(bent(STEADY - 0.01))
    assert not straight(np.array([2.0, 2.1, 2.2, 2.3]))


def test_overfitting_is_a_wide_gap_or_a_gap_with_a_turn():
    def finding(gap, turn=0.0, accuracy=0.9):
        lowest = 1.0
        losses = [2.0, 1.5, lowest, lowest, lowest, lowest * (1 + turn)]
        return diagnose(curves(accuracy=accuracy, validation=accuracy - gap, validation_loss=losses), CHANCE).finding

    assert finding(GAP + 0.01, TURN + 0.01) == "overfitting"
    assert finding(GAP - 0.01, TURN + 0.01) == "healthy"
    assert finding(GAP + 0.01, TURN - 0.01) == "healthy"
    assert finding(WIDE_GAP + 0.01) == "overfitting"
    assert finding(WIDE_GAP - 0.01) == "healthy"


def test_underfitting_is_little_learned():
    border = CHANCE + LEARNED * (1 - CHANCE)
    assert diagnose(curves(accuracy=border - 0.01), CHANCE).finding == "underfitting"
    assert diagnose(curves(accuracy=border + 0.01), CHANCE).finding == "healthy"


def test_arms_of_a_study_are_diagnosed_by_their_mean_curves(tmp_path):
    bench = Bench(tmp_path)
    study = bench.study("small", "activation", {"relu": 0.75, "tanh": 0.2, "exp": 0.5}, "relu", diverged={"exp": 2})
    store = bench.save()
    summary = summarise(read_study(store, study))
    found = {one.level: one.diagnosis for one in context_diagnoses(summary, summary.contexts[0])}
    assert found["relu"].finding == "healthy"
    assert found["tanh"].finding == "underfitting"
    assert found["exp"].finding == "rate too high" and "2 of 3" in found["exp"].words
