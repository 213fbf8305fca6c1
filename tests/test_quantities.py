"""One registry knows all that is measured."""

import math
import subprocess
import sys

import pytest

from harness.analysis.derived import FROM_RUNS
from harness.core.errors import SettingError
from harness.planning.claims import check_metric
from harness.probes import PROBE
from harness.quantities import PRIMARY, QUANTITIES, Quantity, clocked, quantity
from harness.quantities.known import Quantities


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_is_registered_fits_together(name: str) -> None:
    one = QUANTITIES[name]
    assert one.label and one.least < one.most
    assert one.probe is None or one.probe in PROBE.names
    # What is printed as a share of pictures or units lies between none and all of them.
    assert (one.unit == "%") == (one.kind in ("share", "event"))
    assert one.unit != "%" or (one.least, one.most, one.scale) == (0, 1, 100)
    # A run that guesses has an accuracy, and nothing else.
    assert one.unfinished != "guess" or name.endswith("_accuracy")
    assert one.scatters != "clock" or one.step is None


def test_analysis_computes_what_it_is_said_to() -> None:
    beside = {"epochs_to_target", "generalisation_gap", "diverged", "loss_over_guessing", "regret"}
    assert set(QUANTITIES.measured("analysis")) == beside | set(FROM_RUNS)


def test_a_name_is_taken_once_and_somebody_measures_it() -> None:
    known = Quantities()
    known.add("height", Quantity("height", by="probe:units"))
    with pytest.raises(ValueError, match="there is a quantity 'height' already"):
        known.add("height", Quantity("height of the net", by="probe:units"))
    with pytest.raises(ValueError, match="quantity 'width': by must be probe:<name> or one of training, watching"):
        known.add("width", Quantity("width"))
    assert dict(known)["height"].probe == "units" and known.measured("probe:units") == ("height",)


def test_an_entry_is_all_that_a_study_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QUANTITIES, "_known", dict(QUANTITIES))
    QUANTITIES.add("asleep_units", Quantity("units asleep", by="probe:units"))
    assert check_metric("asleep_units", ["units"], "here") == "asleep_units"
    with pytest.raises(SettingError, match=r"add to the study: probes: \[gap, units\]"):
        check_metric("asleep_units", ["gap"], "here")
    with pytest.raises(SettingError, match="unknown metric 'asleep_unit' in here; did you mean 'asleep_units'"):
        check_metric("asleep_unit", ["units"], "here")
    QUANTITIES.add("lost", Quantity("lost", by="probe:unitss"))
    with pytest.raises(SettingError, match="unknown probe 'unitss' in the quantity lost; did you mean 'units'"):
        check_metric("lost", ["units"], "here")


def test_what_is_not_registered_is_read_by_its_ending() -> None:
    assert quantity("lit_share").value(0.251) == "25.1\u00a0%"
    assert quantity("start_lit_share").unfinished == "kept" and quantity("lit_share").unfinished == "lost"
    assert quantity("read_seconds").label == "read time"
    assert quantity("lit").least == -math.inf and quantity("lit").by == ""


def test_the_clock_is_told_from_luck() -> None:
    assert all(map(clocked, ("train_seconds", "epoch_seconds", "step_cost", "peak_memory_bytes")))
    assert not any(map(clocked, (PRIMARY, "train_loss", "backward_memory_bytes", "parameters")))


def test_reading_it_imports_neither_torch_nor_pandas() -> None:
    code = "import sys, harness.quantities; sys.exit(bool({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
