import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis.counts import every_run
from harness.analysis.summary import edge_of, summarise
from harness.analysis.tables import read_grid
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.planning.studies import PAGES
from harness.report.lanes import factors, in_words
from harness.report.pages.registry import page
from harness.report.render import render
from tests.report import made_up
from tests.report.made_up import Bench, claim, expects, procedures, three_studies

URI = "sqlite:///mlflow.db"


class Page(HTMLParser):
    """Links, ids and visible text of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.words, self.references, self.relations = [], [], [], [], {}
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes, self.within = dict(attributes), tag
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            self.links.append(attributes["href"])
            if "rel" in attributes:
                self.relations[attributes["rel"]] = attributes["href"]
        self.references += re.findall(r"url\(#([^)]+)\)", " ".join(value or "" for value in attributes.values()))
        if tag == "use":
            self.references.append(attributes["href"].removeprefix("#"))

    def handle_endtag(self, tag):
        self.within = ""

    def handle_data(self, data):
        if self.within not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("three")
    store = three_studies(root)
    procedures(root)
    render(store, root / "reports", URI, processes=1)
    return root / "reports"


def read(report, name):
    return Page((report / f"{name}.html").read_text())


def one_study(root, **more):
    bench = Bench(root, more.pop("seeds", 3))
    levels = more.pop("levels", {"a": 0.5, "b": 0.7})
    name, factor = more.pop("name", "small"), more.pop("factor", "activation")
    bench.study(name, factor, levels, next(iter(levels)), **more)
    render(bench.save(), root / "reports", None)
    return read(root / "reports", name)


def test_every_study_has_its_page_tables_and_plot_data(report):
    studies = ["activation", "dropout", "initialization"]
    assert sorted(path.stem for path in report.glob("*.html")) == sorted(
        [*studies, "claims", "compare", "index", "lecture", "notes", "preflight", "surfaces"]
    )
    for study in studies:
        assert {f"{study}_{kind}.csv" for kind in ("levels", "runs", "curves")} <= {
            path.name for path in (report / "tables").iterdir()
        }
    for name in ("levels", "claims", "rules"):
        whole, csv = (
            pd.read_parquet(report / "tables" / f"{name}.parquet"),
            pd.read_csv(report / "tables" / f"{name}.csv"),
        )
        assert list(whole) == list(csv) and len(whole) == len(csv)
    for name in ("runs", "curves"):
        whole = pd.read_parquet(report / "tables" / f"{name}.parquet")
        parts = [pd.read_csv(report / "tables" / f"{study}_{name}.csv") for study in studies]
        assert len(whole) == sum(map(len, parts)) and sorted(set(whole["study"])) == studies
    curves = pd.read_csv(report / "plots" / "curves.csv", keep_default_na=False)
    assert {"epoch", "level", "context", "validation_accuracy"} < set(curves)
    assert sorted(set(curves["study"])) == studies
    rules = pd.read_csv(report / "tables" / "rules.csv").set_index("metric")
    assert rules.loc["test_accuracy", "compared"] >= 10 and rules.loc["test_accuracy", "prior_freedom"] > 0


def test_no_study_may_take_the_name_of_a_page():
    assert {f"{name}.html" for name in PAGES} == {name for name, _ in page.all()}


def test_ids_are_unique_and_everything_referred_to_is_there(report):
    for path in report.glob("*.html"):
        page = read(report, path.stem)
        assert len(page.ids) == len(set(page.ids)), path
        assert set(page.references) <= set(page.ids), path
        for link in page.links:
            name, _, anchor = link.partition("#")
            target = report / name if name else path
            assert target.is_file(), (path, link)
            if anchor:
                # What follows a question mark says what a script shall show there.
                assert anchor.partition("?")[0] in read(report, target.stem).ids, (path, link)


def test_nothing_comes_from_elsewhere_and_the_policy_forbids_it(report):
    for path in report.glob("*.html"):
        text = path.read_text()
        policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1])
        assert policy.startswith("default-src 'none'; ") and "unsafe-inline' " not in policy.partition("script-src")[2]
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        for script in scripts:
            assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy, path
        data = text.count('<script type="application/json"')
        assert text.count("<script") - data == len(scripts) and data <= 1
        rest = text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|<link rel=.stylesheet|@import|src=(?!.data:)| on\w+=", rest), path


def test_studies_are_linked_one_after_the_other(report):
    first, second, third = (read(report, name) for name in ("activation", "initialization", "dropout"))
    assert first.relations == {"next": "initialization.html"}
    assert second.relations == {"prev": "activation.html", "next": "dropout.html"}
    assert third.relations == {"prev": "initialization.html"}
    for name in ("index", "claims", "lecture", "notes", "surfaces", "preflight", "dropout"):
        menu = {"activation.html", "initialization.html", "dropout.html", "claims.html", "notes.html"}
        assert menu <= set(read(report, name).links)


def test_a_study_page_says_all_that_it_should(report):
    text = read(report, "initialization").text
    for words in (
        "How much does the scale of the initial weights matter?",
        "against he",
        "he beats zeros by",
        "2 of 3 diverged",
        "> 10",
        "counts as chance, 10.0",
        "dvc exp run -S 'studies=[initialization]'",
        "mlflow ui --backend-store-uri sqlite:///mlflow.db",
        "made-up processor",
    ):
        assert words in text.replace("\u00a0", " "), words


def test_the_curves_are_read_in_words_and_the_rules_are_stated(report):
    text = read(report, "initialization").text.replace("\u00a0", " ")
    assert "Rate too high. Try a rate several times lower. large_normal: 2 of 3 runs diverged." in text
    assert "Healthy: he." in text
    assert "Overfitting: training accuracy ends 20 points or more above validation accuracy" in text


def test_the_index_gives_every_answer_and_the_tally(report):
    page = read(report, "index")
    text = page.text
    assert "What a good choice gains, what a bad one costs" in text
    assert "Dense. dropout 0.25 beats dropout 0" in text
    assert "Of 6 claims : 3 supported" in text.replace("\u00a0", " ")
    assert "claims.html" in page.links


@pytest.mark.parametrize("name", ["index", "claims"])
def test_the_budget_is_said_before_any_verdict(report, name):
    text = (report / f"{name}.html").read_text()
    assert (
        text.partition("</h1>\n")[2]
        .replace("\u00a0", " ")
        .startswith(
            "<p>Profile quick: 160 updates, which is 10 epochs of 1,000 generated pictures in batches of 64, "
            "by nets of 16, 32, 64 channels"
        )
    )


def test_factors_stand_by_what_the_seeds_vouch_for_and_unsteady_controls_are_marked(tmp_path):
    bench = Bench(tmp_path)
    bench.study("noisy", "activation", {"a": 0.5, "b": 0.6}, "a", spread=0.3)
    bench.study("small", "activation", {"a": 0.5, "b": 0.55}, "a")
    bench.study("large", "dropout", {"0": 0.5, "0.9": 0.2, "0.1": 0.8}, "0", {"dense": {}, "conv": {}})
    store = bench.save()
    plan = store.read_plan()
    found = {one.summary.name: one for one in factors([summarise(s) for s in read_grid(store, plan)])}
    assert list(found) == ["large", "small", "noisy"]
    gain, cost = found["large"].gain, found["large"].cost
    assert (gain.level, cost.level) == ("dropout 0.1", "dropout 0.9") and gain.context == cost.context == "dense"
    assert 0.2 < gain.sure < gain.mean < 0.4 and 0.2 < cost.sure < cost.mean < 0.4
    assert found["noisy"].gain is None and found["noisy"].cost is None and found["small"].cost is None
    lines = in_words(list(found.values()))
    assert lines["Do this"].startswith("Large: dropout 0.1 in dense (at least ") and "Noisy" in lines["Can't tell here"]

    render(store, tmp_path / "reports", None)
    text = (tmp_path / "reports" / "index.html").read_text()
    listed = re.findall(r'data-name="(\w+)"', text)
    assert listed == [one.title for one in found.values()]
    widths = [float(width) for width in re.findall(r"width: ([\d.]+)%", text)]
    assert widths and max(widths) == 100


def test_a_control_that_scatters_is_said_to_be_unsteady(tmp_path):
    bench = Bench(tmp_path)
    # The level scatters with the control, so that their difference is sure although neither is.
    bench.study("shaky", "activation", {"a": 0.4, "b": 0.6}, "a")
    store = bench.save()
    plan = store.read_plan()
    tables = read_grid(store, plan)[0]
    shift = tables.runs["seed"] * 0.15
    summary = summarise(replace(tables, runs=tables.runs.assign(test_accuracy=tables.runs["test_accuracy"] + shift)))
    (factor,) = factors([summary])
    assert factor.gain is not None and factor.gain.unsteady
    assert in_words([factor])["Do this"] == "nothing stands out"


def test_claims_name_the_factor_of_bare_numbers_and_only_a_context_that_has_a_neighbour(tmp_path):
    claims = [claim("drop", "More is less.", expects("test_accuracy", "0.5", "0", "lower", 0, context="standard"))]
    page = one_study(tmp_path, name="dropout", factor="dropout", levels={"0": 0.7, "0.5": 0.5}, claims=claims)
    assert re.search(r"dropout 0\.5 is [\d.]+.points below dropout 0 \(95", page.text)


def test_claims_are_listed_with_verdict_numbers_and_figure(report):
    page = read(report, "claims")
    for words in ("Supported", "Contradicted", "Open", "Not testable here", "have no dead_share"):
        assert words in page.text, words
    assert "Asked: test accuracy at least 2 points higher." in page.text.replace("\u00a0", " ")
    assert "1 check: claims that hold by arithmetic" in page.text and "1 holds" in page.text
    assert "activation.html#differences" in page.links
    assert "activation.html#metric-epochs-to-target-plain" in page.links
    # Not among the study's metrics, but a claim rests on it.
    assert "activation.html#metric-final-train-accuracy-plain" in page.links


def test_tuning_is_shown_with_what_it_cost(report):
    text = read(report, "dropout").text
    assert "Accuracy over the learning rate" in text
    assert "Tuning took 24 further runs" in text
    assert "0.001, 0.01, 0.1, 1 under one seed" in text
    assert "0.1 the largest tried" not in text


def test_levels_that_share_a_rate_are_said_to(report):
    assert "All levels train at one learning rate, 0.05, not tuned for each." in read(report, "activation").text
    assert "All levels train at one learning rate" not in read(report, "dropout").text


def test_a_value_at_the_edge_of_what_was_tried_is_marked():
    tuning = {"chosen": 0.1, "runs": [{"value": value} for value in (0.01, 0.1, 1.0)]}
    assert edge_of(tuning) is None
    assert edge_of(tuning | {"chosen": 1.0}) == "largest"
    assert edge_of(tuning | {"chosen": 0.01}) == "smallest"


def test_a_dozen_numbers_say_what_it_came_to(report):
    """For `dvc exp show`; everything else is in tables, of which one has every level of every study."""
    metrics = json.loads((report / "metrics.json").read_text())
    assert sum(len(section) for section in metrics.values()) <= 13
    levels = pd.read_csv(report / "tables" / "levels.csv", dtype={"level": str})
    row = levels.set_index(["study", "context", "level"]).loc["activation", "plain", "relu"]
    assert metrics["control"]["test_accuracy"] == pytest.approx(row["test_accuracy"], abs=1e-4)
    claims = pd.read_csv(report / "tables" / "claims.csv").drop_duplicates(["study", "claim"])
    told = claims[~claims["check"]]["verdict"].value_counts().to_dict()
    assert {name: count for name, count in metrics["claims"].items() if count} == {
        name.replace(" ", "_"): count for name, count in told.items()
    }
    gain = metrics["largest_gain"]
    best = levels[levels["standing"] == "better"]
    assert gain["at_least"] == pytest.approx(best["difference_low"].max() * 100, abs=0.01)
    assert 0 < gain["at_least"] < gain["points"]
    assert gain["level"].partition(":")[0] in set(best["study"])


def test_the_last_lines_say_the_same_as_the_pages(report):
    lines = (report / "result.txt").read_text().splitlines()
    metrics = json.loads((report / "metrics.json").read_text())
    runs = {run["fingerprint"] for run in every_run(Store(report.parent / "runs").read_plan()["studies"])}
    assert lines[-2] == f"{len(runs)} runs" and metrics["runs"]["trained"] == len(runs)
    assert f"{len(runs)} runs, " in read(report, "index").text
    claims = metrics["claims"]
    total = sum(claims.values()) - claims["failed_checks"]
    assert lines[-1].startswith(f"{claims['supported']} of {total} claims supported")
    assert f"{metrics['runs']['unfinished']} runs did not finish (" in lines[-1]
    assert lines[-1].endswith("; open reports/index.html")
    page = "reports/preflight.html"
    assert lines[:2] == [
        f"preflight failed: Check of learning_rate ({page})",
        f"preflight, to be looked at: Check of update_ratio ({page})",
    ]
    index = re.sub(r"\s+", " ", read(report, "index").text)
    assert re.search(r"1 failed ?, 1 to be looked at ?, 5 passed ?\.", index)


def test_equal_records_give_equal_bytes_in_one_process_or_two(report, tmp_path):
    store = Store(report.parent / "runs")
    seen = []
    again = tmp_path / "reports"
    render(store, again, URI, lambda done, total: seen.append((done, total)), processes=2)
    total = 3 + len(page.all())
    assert seen == [(done, total) for done in range(1, total + 1)]
    written = sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
    assert written == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    for path in written:
        assert (report / path).read_bytes() == (again / path).read_bytes(), path


def test_what_an_arm_changes_of_the_recipe_is_in_the_order_of_the_recipe(report):
    """Not in that of a set of strings, which is another in every process."""
    html = (report / "compare.html").read_text()
    carried = re.search(r'<script type="application/json" id="carried">(.*?)</script>', html)
    arms = json.loads(carried[1])["arms"]
    assert max(len(arm["settings"]) for arm in arms) == 3
    order = list(made_up.BASE)
    for arm in arms:
        changed = [name for name in arm["settings"] if name in order]
        assert changed == sorted(changed, key=order.index), arm


def test_words_of_a_study_are_not_markup(tmp_path):
    nasty = '<script>alert("x")</script> & <i>'
    claims = [claim("nasty", nasty, expects("test_accuracy", "<b>", "a", "higher", 0, context="standard"))]
    page = one_study(tmp_path, levels={"a": 0.5, "<b>": 0.6}, title=nasty, question=nasty, claims=claims)
    for name in ("small", "index", "claims"):
        text = (tmp_path / "reports" / f"{name}.html").read_text()
        assert "<script>alert" not in text
        assert "<b>&" not in text.replace("<b>Dense", "")
    assert nasty in page.text
    assert "<b> beats a" in page.text


def test_pictures_of_the_classes_are_on_the_front_page_with_how_well_the_recipe_knows_them(tmp_path):
    bench = Bench(tmp_path)
    bench.study("small", "activation", {"relu": 0.5, "b": 0.7}, "relu", {"plain": {}})
    procedures(tmp_path)
    render(bench.save(), tmp_path / "reports", None)
    text = (tmp_path / "reports" / "index.html").read_text()
    pictures = re.findall(r'<img src="(data:image/png;base64,[^"]+)" alt="([^"]+)"', text)
    assert [unescape(name) for _, name in pictures] == [f"Pictures: {name}" for name in made_up.CLASSES]
    assert pictures[0][0].endswith(made_up.strip(0))
    assert re.search(r"<b>ring</b> <span class=\"soft\"[^>]*>5\d\.\d.% right", text)
    assert "of 3 classes and 1 more" in text
    assert "<b>cross" not in text


@pytest.mark.parametrize(
    ("factor", "levels", "shown"),
    [
        ("augmentation", {"none": 0.5, "flip": 0.6, "mine": 0.6}, {"none": 10, "flip": 20}),
        ("preprocessing", {"raw": 0.5}, {"raw": 30}),
        ("activation", {"none": 0.5}, {}),
    ],
)
def test_a_study_of_pictures_shows_what_each_level_does_to_them(tmp_path, factor, levels, shown):
    procedures(tmp_path)
    bench = Bench(tmp_path)
    study = bench.study("small", factor, levels, next(iter(levels)))
    for arm in study["arms"]:
        # As a plan spells them: with the arguments where a level has any.
        chosen = {"flip": {"flip": {"share": 0.5}}, "mine": {"flip": {"share": 0.9}}}
        arm["settings"][factor] = chosen.get(arm["level"], arm["level"])
    render(bench.save(), tmp_path / "reports", None)
    text = (tmp_path / "reports" / "small.html").read_text()
    pictures = dict(re.findall(r'base64,([^"]+)" alt="Pictures: (\w+)"', text))
    assert pictures == {made_up.strip(grey): level for level, grey in shown.items()}
    assert ("\u22120.50 to 255.00" in text) == (factor == "preprocessing")
    assert ("What each level does to the same picture" in text) == bool(shown)


LABELS = [
    "$0 to $10",
    "_hidden",
    "50 % & <b>",
    "30 % [/100]",
    "x^2_3 \\frac",
    "{a}",
    "Größe µ",
    "学习率",
    "a \"b\" 'c'",
]


def test_labels_are_shown_as_written_on_pages_and_in_figures(tmp_path):
    levels = {label: 0.5 + 0.02 * n for n, label in enumerate(LABELS)}
    page = one_study(tmp_path, levels=levels, contexts={"$1 or $2": {}})
    text = (tmp_path / "reports" / "small.html").read_text()
    drawn = Page("".join(re.findall(r"<text.*?</text>", text, re.DOTALL))).words
    for label in LABELS:
        assert label in page.text
        assert label in drawn, label
    assert f"{LABELS[0]}, validation" in drawn


def test_a_control_that_begins_with_an_underscore_is_in_the_legend(tmp_path):
    page = one_study(tmp_path, levels={"_a": 0.5, "b": 0.7})
    assert "_a, validation" in page.text.replace("\u200b", "")


def test_one_seed_is_shown_without_intervals(tmp_path):
    text = one_study(tmp_path, seeds=1).text
    assert "One seed gives no interval" in text
    assert "nan" not in text.lower()


def test_equal_results_have_no_spread_and_no_nan(tmp_path):
    text = one_study(tmp_path, levels={"a": 0.5, "b": 0.5}, spread=0.0).text
    assert "b and a agree exactly under all 3 seeds" in text
    assert "nan" not in text.lower()


def test_a_study_whose_runs_all_diverged_still_has_its_page(tmp_path):
    text = one_study(tmp_path, diverged={"a": 3, "b": 3}).text
    assert "3 of 3 diverged" in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize("averaged", [("b",), ("a", "b")])
def test_runs_that_trained_nothing_have_results_but_no_curves(tmp_path, monkeypatch, averaged):
    def record(fingerprint, seed, accuracy, settings, status):
        result = trained(fingerprint, seed, accuracy, settings, status)
        if settings["activation"] in averaged:
            measured = ("test_accuracy", "train_seconds", "steps")
            metrics = {name: result.metrics[name] for name in measured}
            result = replace(result, settings=settings | {"ensemble": 2}, curves={}, metrics=metrics)
        return result

    trained = made_up.record
    monkeypatch.setattr(made_up, "record", record)
    page = one_study(tmp_path, diverged={"b": 1})
    assert "1 of 3 diverged" in page.text
    levels = pd.read_csv(tmp_path / "reports" / "tables" / "small_levels.csv").set_index("level")
    # What was not measured is not a target that was missed.
    assert levels.loc["b", "never_reached"] == 0
    assert pd.isna(levels.loc["b", "epochs_to_target"])
    assert levels.loc["b", "train_seconds"] == 4.25
    assert levels.loc["b", "test_accuracy"] == pytest.approx((0.1 + 0.7 + 0.7) / 3, abs=0.02)
    curves = pd.read_csv(tmp_path / "reports" / "plots" / "curves.csv")
    assert set(curves["level"]) == {"a", "b"} - set(averaged)
    assert ("Accuracy over training" in page.text) == ("a" not in averaged)
    assert "Too short to read" not in page.text
    assert "nan" not in page.text.lower()


def test_a_study_of_the_control_alone(tmp_path):
    assert "Nothing to compare" in one_study(tmp_path, levels={"a": 0.5}).text


def test_missing_records_stop_the_report_before_anything_is_written(tmp_path):
    bench = Bench(tmp_path)
    study = bench.study("small", "activation", {"a": 0.5}, "a")
    study["arms"][0]["runs"][0]["fingerprint"] = "lost"
    with pytest.raises(SettingError, match="run `dvc repro`"):
        render(bench.save(), tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_no_plan_and_no_study_name_the_remedy(tmp_path):
    with pytest.raises(SettingError, match="run `dvc repro"):
        render(Store(tmp_path / "runs"), tmp_path / "reports")
    with pytest.raises(SettingError, match="names no study"):
        render(Bench(tmp_path).save(), tmp_path / "reports")


def test_a_comparison_of_two_machines_is_warned_of(tmp_path, monkeypatch):
    def record(fingerprint, seed, accuracy, settings, status):
        result = trained(fingerprint, seed, accuracy, settings, status)
        gpu = {"gpu": "made-up GPU" if seed else "another GPU"}
        return replace(result, environment=result.environment | gpu)

    warning = "These runs were made on several GPUs (another GPU, made-up GPU)."
    assert "These runs were made on" not in one_study(tmp_path / "one").text
    trained = made_up.record
    monkeypatch.setattr(made_up, "record", record)
    assert warning in one_study(tmp_path / "two").text


def test_the_front_page_says_here_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    asked = claim("c", "Nobody measured this.", expects("dead_share", "relu", "tanh", "higher", 0.02))
    bench.study("activation", "activation", {"relu": 0.7, "tanh": 0.6}, "relu", {"plain": {}}, claims=[asked])
    render(bench.save(), tmp_path / "reports", processes=1)
    page = (tmp_path / "reports" / "index.html").read_text()
    assert "Not testable here: 1" in page and "here here" not in page
