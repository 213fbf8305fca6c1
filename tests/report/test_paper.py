"""What a paper, a pull request or a mail takes from a report."""

import ast
import re
import zlib
from xml.etree import ElementTree
from zipfile import ZipFile

import pandas as pd
import pytest

from harness.core.errors import SettingError
from harness.report.paper import references
from harness.report.paper.latex import LETTERS, column_format, escape, table, with_interval
from harness.report.render import render, write_pdfs, write_single
from tests.report.made_up import Bench, claim, expects, three_studies


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    store = three_studies(root)
    render(store, root / "reports", None, processes=1)
    return root / "reports", store


def rows_of(text):
    """The cells of every row between the rules of a LaTeX table."""
    body = re.split(r"\\(?:mid|endlast)\w*", text)[-1].split(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r"\\"))] for line in lines]


def test_latex_has_the_numbers_of_the_csv_and_names_interval_and_test(made):
    report, _ = made
    text = (report / "tables" / "activation_levels.tex").read_text()
    for words in (r"\toprule", r"\bottomrule", r"95 \% interval", "moderated t (Smyth 2004)", "Holm 1979", "3 seeds"):
        assert words in text
    rows, csv = rows_of(text), pd.read_csv(report / "tables" / "activation_levels.csv")
    assert len(rows) == len(csv) == 8 and {len(row) for row in rows} == {6}
    for row, (_, wanted) in zip(rows, csv.iterrows(), strict=True):
        assert row[:2] == [wanted["context"], wanted["level"]]
        low, high = 100 * wanted["test_accuracy_low"], 100 * wanted["test_accuracy_high"]
        assert row[2] == f"{100 * wanted['test_accuracy']:.1f} [{low:.1f}, {high:.1f}]"
    assert rows[0][3].startswith("$-$")


@pytest.mark.parametrize("name", ["activation_claims", "activation_metrics", "activation_costs", "claims", "rules"])
def test_every_table_is_whole(made, name):
    text = (made[0] / "tables" / f"{name}.tex").read_text()
    rows = rows_of(text)
    spec = re.search(r"\\begin\{(?:tabular|longtable)\}(?:\[[^]]*\])?\{(.*)\}", text)[1]
    columns = len(re.sub(r">\{[^}]*\}p\{[^}]*\}", "p", spec))
    assert rows and {len(row) for row in rows} == {columns}
    assert text.count(r"\begin{") == text.count(r"\end{") and r"\caption{" in text
    assert "%" not in re.sub(r"\\%", "", text)


def test_columns_fit_a_line_the_widest_broken():
    narrow = pd.DataFrame({"level": ["relu"], "accuracy": ["71.2 [69.9, 72.5]"]})
    assert column_format(narrow) == "lr"
    wide = narrow.assign(words=["aaaa " * 40], more=["bbbb " * 20])
    broken = column_format(wide)
    assert broken.startswith("lr>")
    words, more = (float(share) * LETTERS for share in re.findall(r"p\{([\d.]+)", broken))
    assert words > 1.5 * more and words + more < LETTERS - 5 - 17
    # A word that can't be broken keeps its room.
    words, name = (
        float(share) * LETTERS for share in re.findall(r"p\{([\d.]+)", column_format(wide.assign(more="c" * 30)))
    )
    assert name >= 29.9 and words + name < LETTERS - 5 - 17


def test_words_of_users_are_no_latex():
    nasty = r"50 % & $x_1$ #{\~^}"
    assert escape(nasty) == r"50 \% \& \$x\_1\$ \#\{\textbackslash{}\textasciitilde{}\textasciicircum{}\}"
    text = table(pd.DataFrame({nasty: [nasty]}), nasty, "tab:x")
    assert nasty not in text and rows_of(text) == [[escape(nasty)]]
    assert with_interval(None, None) == "–"


def test_every_figure_is_there_as_pdf_too_in_the_colours_of_paper(made, tmp_path):
    report, store = made
    count = write_pdfs(store, "dropout", tmp_path / "new" / "dropout.zip")
    again = tmp_path / "again.zip"
    write_pdfs(store, "dropout", again)
    assert again.read_bytes() == (tmp_path / "new" / "dropout.zip").read_bytes()
    anchors = re.findall(r'<figure id="([^"]+)"', (report / "dropout.html").read_text())
    with ZipFile(again) as archive:
        assert archive.namelist() == [f"{anchor}.pdf" for anchor in anchors] and len(anchors) == count
        for name in archive.namelist():
            content = archive.read(name)
            assert content.startswith(b"%PDF-")
            drawn = b"".join(map(unpacked, re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)))
            used = {
                tuple(round(255 * float(part)) for part in found.split())
                for found in re.findall(rb"([\d. ]+) (?:rg|RG)\b", drawn)
            }
            # Stand-ins are (1, 2, 3) to (1, 2, 8).
            assert used and not any(colour[:2] == (1, 2) for colour in used)


def unpacked(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_a_study_that_is_not_there_has_no_figures(made, tmp_path):
    with pytest.raises(SettingError, match="did you mean 'dropout'"):
        write_pdfs(made[1], "dropuot", tmp_path / "x.zip")


def test_the_archive_has_every_figure_of_the_page_as_a_file_that_stands_alone(made):
    report, _ = made
    page = (report / "dropout.html").read_text()
    with ZipFile(report / "paper" / "dropout.zip") as archive:
        names = set(archive.namelist())
        anchors = re.findall(r'<figure id="([^"]+)"', page)
        assert anchors and {f"figures/{anchor}.svg" for anchor in anchors} <= names
        for name in (one for one in names if one.endswith(".svg")):
            text = archive.read(name).decode()
            root = ElementTree.fromstring(text)
            assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("width").endswith("pt")
            assert "var(" not in text and "currentColor" not in text
        assert {"methods.txt", "references.bib", "tables/dropout_levels.tex", "tables/dropout_levels.csv"} <= names
        methods = archive.read("methods.txt").decode()
    for words in (
        "We varied dropout (0, 0.25, 0.7) and compared each level with 0, in 2 contexts each.",
        "under 3 seeds, which levels share;",
        "The learning rate was chosen per level in dense and conv from 0.001, 0.01, 0.1, 1",
        "10 epochs of 1,000 generated pictures of 10 classes (32 x 32 x 3) in batches of 64 (160 updates)",
        "moderated t, Smyth 2004",
        "made-up processor (bfloat16, PyTorch 2.15.0, 1 thread)",
    ):
        assert words in methods, words


def test_every_work_that_a_level_cites_has_its_entry_and_studies_get_theirs(made):
    cited = references.cited_by_levels()
    assert {key for keys in cited.values() for key in keys} <= set(references.entries())
    assert cited["activation", "elu"] == ["clevert2015"] and "goodfellow2013" in cited["activation", "maxout"]
    with ZipFile(made[0] / "paper" / "initialization.zip") as archive:
        found = archive.read("references.bib").decode()
    assert {"he2015", "smyth2004", "holm1979", "hsu1984"} == set(re.findall(r"@\w+\{(\w+),", found))
    # Every citation in the source of a level is read: none has a form that is overlooked.
    for path in references.FACTORS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else ""
            for year in re.findall(r"\((?:[A-Z][^()]*?, )((?:19|20)\d\d)", text or ""):
                assert any(key.endswith(year) for key in references.keys_in(text)), (path, year)


def test_the_summary_says_what_the_pages_say(made):
    text = (made[0] / "summary.md").read_text()
    assert "Profile quick: 160 updates" in text and "- **Do this**:" in text
    assert "| Tanh beats sigmoid. | supported | +29" in text
    assert "Runs that did not finish: initialization 2." in text


def test_markdown_of_users_is_shown_as_written(tmp_path):
    bench = Bench(tmp_path)
    claims = [claim("c", "a | b *c*\n<i>", expects("test_accuracy", "b", "a", "higher", 0, context="standard"))]
    bench.study("small", "activation", {"a": 0.5, "b": 0.7}, "a", claims=claims)
    render(bench.save(), tmp_path / "reports", None)
    assert r"| a \| b \*c\* \<i\> | supported |" in (tmp_path / "reports" / "summary.md").read_text()


def test_a_page_to_mail_refers_to_nothing_and_is_small(made, tmp_path):
    _, store = made
    path = tmp_path / "to mail" / "activation.html"
    write_single(store, "activation", path)
    text = path.read_text()
    assert path.stat().st_size < 2e6
    links = re.findall(r'(?:href|src)="([^"]*)"', re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert 'download="activation_levels.csv"' in text and "<header" not in text
    assert "Which nonlinearity trains a small ConvNet best?" in text
    with pytest.raises(SettingError, match="the plan has no study 'activatoin'; did you mean 'activation'"):
        write_single(store, "activatoin", path)
