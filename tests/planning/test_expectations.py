"""What studies expect is written before results are looked at; `python -m tests.planning.test_expectations` keeps it."""

import json
from hashlib import sha256

from harness.core.study import Claim
from harness.planning.studies import load_studies
from tests.conftest import ROOT

KEPT = ROOT / "tests" / "samples" / "expectations.json"


def digest(claim: Claim) -> str:
    """What identifies the comparisons of a claim; its words may be bettered."""
    return sha256(repr(claim.comparisons).encode()).hexdigest()[:16]


def expectations() -> dict[str, list[str | int]]:
    """By claim, the digest of its comparisons and how often they were edited."""
    claims = [claim for study in load_studies("all", ROOT / "experiments") for claim in study.claims]
    return {claim.id: [digest(claim), len(claim.edited)] for claim in claims}


def test_an_edited_expectation_names_the_results_that_were_seen_and_why() -> None:
    kept, now = json.loads(KEPT.read_text()), expectations()
    for name, (found, edits) in now.items():
        if name in kept and kept[name][0] != found:
            assert edits == kept[name][1] + 1, (
                f"what claim {name} expects was changed: add to its `edited` the commit whose results had been seen, "
                "and why; then judge it on seeds that had not been (first_seed in params.yaml)"
            )
    assert now == kept, "expectations changed and say so: python -m tests.planning.test_expectations"


if __name__ == "__main__":
    KEPT.write_text(json.dumps(expectations(), indent=1) + "\n")
