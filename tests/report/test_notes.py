import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.report.also import ALSO, also
from harness.report.pages import notes
from harness.report.pages.registry import Bench as Seen
from harness.report.render import render
from tests.report.made_up import Bench, claim, expects, procedures

GROWTH = {"he": 1.0, "he_as_printed": 1.41, "xavier": 0.7}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report with the study of initialization, watched, and a claim with evidence on another page."""
    root = tmp_path_factory.mktemp("notes")
    bench = Bench(root)
    claims = [
        claim("init-printed", "It grows.", expects("test_accuracy", "he", "xavier", "higher", 0, context="standard")),
        claim("opt-momentum", "It helps.", expects("test_accuracy", "he", "xavier", "higher", 0, context="standard")),
    ]
    study = bench.study("initialization", "initialization", dict.fromkeys(GROWTH, 0.6), "he", claims=claims)
    study["probes"] = ["activations"]
    for arm in study["arms"]:
        for run in arm["runs"]:
            folder = root / "runs" / run["fingerprint"]
            record = json.loads((folder / "record.json").read_text())
            record["metrics"]["start_activation_std_growth"] = GROWTH[arm["level"]]
            (folder / "record.json").write_text(json.dumps(record))
            std = GROWTH[arm["level"]] ** np.arange(3.0)
            np.savez(folder / "arrays.npz", **{"activations/std": np.stack([std, std])})
    procedures(root)
    render(bench.save(), root / "reports", processes=1)
    return {path.stem: path.read_text() for path in (root / "reports").glob("*.html")}


def test_slips_show_what_was_measured_and_which_study_shows_the_rest(pages):
    he = pages["notes"].split('id="he"')[1].split('id="xavier"')[0]
    assert ">1.00 <small>" in he and ">1.41 <small>" in he and "xavier</th>" not in he
    assert 'href="claims.html#claim-init-printed"' in he and 'id="spreads"' in he
    assert "studies=[initialization]" not in pages["notes"]
    assert "studies=[optimizer]" in pages["notes"] and "studies=[early_stopping]" in pages["notes"]


def test_files_that_the_slips_name_exist(pages):
    named = set(re.findall(r"harness/[a-z_/]+\.py", pages["notes"]))
    assert len(named) >= 6
    assert not [name for name in named if not Path(name).is_file()]


def test_tanh_is_the_rescaled_sigmoid_of_twice_its_input():
    twice, once = notes.apart()
    assert twice < 1e-15 < 0.2 < once


def test_evidence_on_another_page_is_linked_wherever_the_claim_is_shown(pages):
    for page in ("claims", "initialization"):
        assert "sgd more than 10, momentum 4, nesterov 3" in pages[page]
        assert 'href="surfaces.html#valley"' in pages[page] and 'href="notes.html#he"' in pages[page]


def test_every_link_to_evidence_has_its_anchor(pages, tmp_path):
    procedures(tmp_path)
    for name in ALSO:
        pointer = also(Seen({}, (), None, tmp_path, tmp_path), name)
        page, _, anchor = pointer.link.partition(".html#")
        assert f'id="{anchor}"' in pages[page], name


def test_a_claim_without_further_evidence_has_none(tmp_path):
    nothing = Seen({}, (), None, tmp_path, tmp_path)
    assert also(nothing, "act-dead") is None
    # The surfaces have not been computed.
    assert also(nothing, "opt-momentum") is None
