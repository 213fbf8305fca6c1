from pathlib import Path

from harness.analysis.summary import summarise
from harness.analysis.tables import read_study
from harness.report.figures.hero import hero, title_of
from tests.report.made_up import Bench

LEVELS = {"sigmoid": 0.32, "tanh": 0.62, "relu": 0.70, "elu": 0.71}
CONTEXTS = {"plain": {}, "deep": {"depth": 8}, "tuned": {}, "high": {}}
FEWER = {"tuned": ["sigmoid", "relu"], "high": ["relu", "elu"]}


def test_names_stand_before_every_row_of_panels_that_has_them_in_common(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    study = bench.study("activation", "activation", LEVELS, "relu", CONTEXTS)
    study["arms"] = [arm for arm in study["arms"] if arm["level"] in FEWER.get(arm["context"], LEVELS)]
    store = bench.save()
    wide, _ = hero(summarise(read_study(store, study)))
    (axes,) = wide.figure.axes
    at = {text.get_text(): text.get_position() for text in axes.texts if text.get_text() in CONTEXTS}
    names = [(text.get_text(), text.get_position()[1]) for text in axes.texts if text.get_text() in LEVELS]
    for context in CONTEXTS:
        below = [name for name, height in names if at[context][1] - 0.3 * len(LEVELS) - 0.2 < height < at[context][1]]
        assert below[: len(FEWER.get(context, LEVELS))] == list(FEWER.get(context, LEVELS))
    # Two with all levels stand side by side; the others, whose levels differ, below one another.
    assert at["plain"][1] == at["deep"][1] > at["tuned"][1] > at["high"][1]


def test_the_title_says_by_which_seeds_a_level_leads(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seeds=5)
    study = bench.study("activation", "activation", {"relu": 0.70, "elu": 0.75}, "relu", {"plain": {}, "deep": {}})
    store = bench.save()

    def title() -> str:
        summary = summarise(read_study(store, study))
        return title_of(summary, summary.contexts, "relu")

    assert title() == "Highest mean: elu in all contexts"
    del study["arms"][-1]["runs"][3:]
    assert title() == "Highest mean of the seeds that all have: elu in all contexts"
