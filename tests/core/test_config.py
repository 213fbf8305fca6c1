from pathlib import Path

import pytest
import yaml

from harness.core.config import load_params
from harness.core.errors import SettingError
from tests.conftest import ROOT

SHIPPED = (ROOT / "params.yaml").read_text()


def written(folder: Path, old: str, new: str) -> Path:
    path = folder / "params.yaml"
    assert old in SHIPPED
    path.write_text(SHIPPED.replace(old, new, 1))
    return path


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_a_profile_fills_every_null(tmp_path: Path, profile: str) -> None:
    params = load_params(written(tmp_path, "profile: quick", f"profile: {profile}"))
    expected = yaml.safe_load(SHIPPED)["profiles"][profile]
    assert params.seeds == expected["seeds"]
    assert params.data.train_images == expected["data"]["train_images"]
    assert None not in params.recipe.values()


def test_what_is_set_beats_the_profile(tmp_path: Path) -> None:
    assert load_params(written(tmp_path, "epochs: null", "epochs: 77")).recipe["epochs"] == 77


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("profile: quick", "profile: quik", "unknown profile 'quik' in {path}; did you mean 'quick'?"),
        (
            "image_size: 32",
            "image_sise: 32",
            "unknown key 'data.image_sise' in {path}; did you mean 'data.image_size'?",
        ),
        ("image_size: 32", "image_size: tiny", "data.image_size in {path}"),
        ("on_bad_image: fail", "on_bad_image: cry", "data.on_bad_image in {path}"),
        ("studies: all", "studies: [", "{path}:"),
        ("threads: 1", "threads: 0", "engine.threads in {path}"),
        ("captured_step: false", "captured_step: 1", "engine.captured_step in {path}"),
    ],
)
def test_mistakes_name_file_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(SettingError) as caught:
        load_params(path)
    assert words.format(path=path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_to_run() -> None:
    with pytest.raises(SettingError, match="run from the folder"):
        load_params(Path("nowhere/params.yaml"))


def test_home_is_put_in_place_of_the_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert load_params(written(tmp_path, "root: data/raw", "root: ~/photos")).data.root == Path("/home/someone/photos")
    assert load_params(written(tmp_path, "root: data/raw", "root: a~/photos")).data.root == Path("a~/photos")
    uri = load_params(written(tmp_path, "sqlite:///mlflow.db", "sqlite:///~/mlflow.db")).tracking.uri
    assert uri == "sqlite:////home/someone/mlflow.db"
