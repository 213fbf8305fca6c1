import pytest

from harness.core.errors import SettingError
from harness.core.registry import Registry
from harness.core.spec import Choice

COLOUR: Registry = Registry("colour")


@COLOUR.level("red", depth=(0, 1))
def red(base: int, *, depth: float = 0.5, name: str = "x", steps: int = 3) -> tuple:
    return base, depth, name


@COLOUR.level("green")
def green(base: int) -> int:
    return base


def test_build_hands_over_positional_and_own_arguments() -> None:
    assert COLOUR.build(Choice.of("red", {"depth": 0.25}), 7) == (7, 0.25, "x")


def test_check_spells_out_every_argument() -> None:
    assert COLOUR.check(Choice.parse({"red": {"depth": 1}}), "here").arguments == {
        "depth": 1.0,
        "name": "x",
        "steps": 3,
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("gren", "unknown colour 'gren' in file.yaml; did you mean 'green'?"),
        ({"red": {"dept": 1}}, "no argument 'dept'; did you mean 'depth'?"),
        ({"red": {"depth": "deep"}}, "depth must be like 0.5, not 'deep'"),
        ({"red": {"name": 3}}, "name must be like 'x', not 3"),
        ({"red": {"depth": True}}, "depth must be like 0.5, not True"),
        ({"red": {"depth": 1.5}}, "depth must lie in 0 to 1, not 1.5"),
        ({"red": {"depth": float("nan")}}, "depth must lie in 0 to 1, not nan"),
        ({"red": {"steps": 2.5}}, "steps must be like 3, not 2.5"),
        ({"green": {"depth": 1}}, "it takes none"),
    ],
)
def test_mistakes_are_named_with_the_nearest_choice(value: object, words: str) -> None:
    with pytest.raises(SettingError, match="colour") as caught:
        COLOUR.check(Choice.parse(value), "file.yaml")
    assert words in str(caught.value)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="already"):
        COLOUR.level("red")(red)
