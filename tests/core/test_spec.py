import json
from collections.abc import Callable

import pytest

from harness.core.spec import Choice, Settings, parse_setting


@pytest.mark.parametrize("value", ["relu", {"leaky_relu": {"slope": 0.1}}, {"mixup": {"alpha": 0.4}}])
def test_choice_round_trip(value: object) -> None:
    assert Choice.parse(value).to_json() == value


def test_order_of_arguments_does_not_matter() -> None:
    assert Choice.parse({"adam": {"beta1": 0.9, "beta2": 0.99}}) == Choice.parse(
        {"adam": {"beta2": 0.99, "beta1": 0.9}}
    )


@pytest.mark.parametrize("value", [["relu"], {"a": 1, "b": 2}, None, {"a": 3}])
def test_choice_refuses_other_shapes(value: object) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        Choice.parse(value)


def test_settings_round_trip_through_json(settings: Callable[..., Settings]) -> None:
    made = settings(activation={"leaky_relu": {"slope": 0.2}})
    assert Settings.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(("name", "value"), [("depth", 2.5), ("depth", "three"), ("dropout", True), ("epochs", None)])
def test_numbers_are_numbers(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected a"):
        parse_setting(name, value)
