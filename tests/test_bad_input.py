"""What people write that can't be: one clear line with the place and the remedy, nothing trained, nothing lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.config import load_params
from harness.core.errors import SettingError
from harness.core.spec import slug
from harness.planning.settings import check_recipe
from harness.planning.studies import load_studies, load_study
from tests.conftest import ROOT

PARAMS = (ROOT / "params.yaml").read_text()
STUDY = """\
title: T
question: Q?
factor: dropout
levels: [0.0, 0.3]
control: "0"
contexts:
  plain: {norm: none}
  deep: {depth: 8}
claims:
  - id: c
    words: W
    source: S
    because: B
    expect:
      - {metric: test_accuracy, level: "0.3", direction: higher, margin: 0.01}
"""
LEVELS, FACTOR = "levels: [0.0, 0.3]", "factor: dropout\nlevels: [0.0, 0.3]"

# What stands in params.yaml, what is written instead, and what the line must say.
IN_PARAMS = [
    ("workers: auto", "workers: 0", "engine.workers in {path}: must be auto or a whole number from 1"),
    ("workers: auto", "workers: -1", "must be auto or a whole number from 1"),
    ("workers: auto", "workers: 1.5", "must be auto or a whole number from 1"),
    ("workers: auto", "workers: many", "must be auto or a whole number from 1"),
    ("workers: auto", "workers: true", "must be auto or a whole number from 1"),
    ("threads: 1", "threads: 100000", "engine.threads in {path}"),
    ("threads: 1", "threads: true", "engine.threads in {path}"),
    ("seeds: null", "seeds: 0", "seeds in {path}"),
    ("seeds: null", "seeds: -3", "seeds in {path}"),
    ("seeds: null", "seeds: 2.5", "seeds in {path}"),
    ("seeds: null", "seeds: 1000000", "seeds in {path}"),
    ("seeds: null", "seeds: yes", "seeds in {path}"),
    ("  seed: 0", "  seed: -1", "data.seed in {path}"),
    ("  seed: 0", "  seed: 99999999999", "data.seed in {path}"),
    ("image_size: 32", "image_size: 4", "data.image_size in {path}"),
    ("image_size: 32", "image_size: 32.5", "data.image_size in {path}"),
    ("image_size: 32", "image_size: true", "data.image_size in {path}"),
    ("train_images: null", "train_images: 0", "data.train_images in {path}"),
    ("train_images: null", "train_images: 1e3", "data.train_images in {path}"),
    ("test_images: null", "test_images: .inf", "data.test_images in {path}"),
    ("studies: all", "studies: []", "studies in {path}: must be all, or names such as"),
    ("studies: all", "studies: [1]", "studies in {path}: must be all, or names such as"),
    ("studies: all", "studies: {a: b}", "studies in {path}: must be all, or names such as"),
    ("studies: all", "studies: all\nstudies: all", "is not valid YAML: 'studies' is there twice, first in line 5"),
    ("  device: auto", "  device: gpu", "engine.device in {path}"),
    ("  device: auto", "  devise: auto", "did you mean 'engine.device'"),
    ("studies: all", "studies: [a", "{path}:"),
    ("studies: all", "studies: &a [*a]", "{path}"),
    ("studies: all", "studies: *nowhere", "{path}:5 is not valid YAML"),
    ("studies: all", "studies: \x07", "{path} is not valid YAML"),
    ("profile: quick", "profile: off", "unknown profile 'off'"),
    ("profile: quick", "profile: [quick]", "unknown profile \"['quick']\""),
    ("profiles:", "profiles: 5\nprofile_list:", "profiles in {path}: write each with its values below it"),
    ("profiles:", "profiles: {quick: null}\nprofile_list:", "profiles in {path}: write each with its values below it"),
    ("profiles:", "profiles: [quick]\nprofile_list:", "profiles in {path}: write each with its values below it"),
    ("seeds: 3\n", "seeds: 0\n", "seeds in {path}"),
    ("root: data/raw", "root: ~", "data.root in {path}: must be a folder, such as data/raw or ~/pictures, not None"),
    ("root: data/raw", "root: ' '", "data.root in {path}: must be a folder"),
    ("root: data/raw", "root: 5", "data.root in {path}: must be a folder"),
    ("uri: sqlite:///mlflow.db", "uri: null", "tracking.uri in {path}"),
]

IN_STUDY = [
    (LEVELS, "levels: [0.0, 0.3, .3]", "'0.3' is there twice"),
    (LEVELS, "levels: [0.0, 0.3, 3e-1]", "'0.3' is there twice"),
    (LEVELS, "levels: [0.0, 0.3, {label: 0.3, set: {dropout: 0.4}}]", "'0.3' is there twice"),
    (LEVELS, "levels: [0.0, .nan]", "dropout in {path}"),
    (LEVELS, "levels: [0.0, true]", "expected a number, not True"),
    (LEVELS, "levels: [0.0, null]", "expected a number, not None"),
    (LEVELS, "levels: [0.0]", "levels in {path}"),
    (LEVELS, "levels: [0.0, {label: true, set: {dropout: 0.3}}]", "put it in quotes"),
    (LEVELS, "levels: [0.0, {label: null, set: {dropout: 0.3}}]", "put it in quotes"),
    (LEVELS, 'levels: [0.0, {label: " ", set: {dropout: 0.3}}]', "a label must be text"),
    (LEVELS, "levels: [0.0, {label: [a], set: {dropout: 0.3}}]", "a label must be text"),
    (LEVELS, "levels: [0.0, {label: a, sett: {dropout: 0.3}}]", "dropout in {path}: levels"),
    (FACTOR, "factor: learning_rate\nlevels: [x1, x2, x2.0]", "'x2' is there twice"),
    (FACTOR, "factor: kernel_size\nlevels: [3, 5, 3]", "'3' is there twice"),
    (FACTOR, "factor: auxiliary\nlevels: [off, rotation]", "unknown auxiliary 'off'"),
    ('control: "0"', "control: true", "control in {path}: YAML reads this as no text; put it in quotes"),
    ('control: "0"', "control: null", "put it in quotes"),
    ('control: "0"', "control: 1", "control names '1'"),
    ("deep: {depth: 8}", "true: {depth: 8}", "put it in quotes"),
    ("deep: {depth: 8}", "plain: {depth: 8}", "'plain' is there twice"),
    ("deep: {depth: 8}", "Plain!: {depth: 8}", "contexts 'plain' and 'Plain!' differ in marks alone"),
    ("deep: {depth: 8}", "deep: {depth: 8.5}", "expected a whole number"),
    ("deep: {depth: 8}", "deep: [depth]", "contexts.deep in {path}"),
    ('level: "0.3"', 'levl: "0.3"', "did you mean 'claims.0.expect.0.level'"),
    ("    because: B\n", "", "{path} lacks the key 'claims.0.because'"),
    ("because: B", 'because: ""', "claims.0.because in {path}"),
    ("deep: {depth: 8}", "deep: {levels: [0.3]}", "contexts.deep: levels must list two labels or more"),
    ("deep: {depth: 8}", "deep: {levels: [0, 0.4]}", "contexts.deep names '0.4', which the study does not have"),
    ("margin: 0.01}", "margin: 0.01, where: {metric: steps, level: z, direction: equal, margin: 0}}", "names 'z'"),
    ("margin: 0.01", "margin: .nan", "claims.0.expect.0.margin in {path}"),
    ("margin: 0.01", "margin: .inf", "claims.0.expect.0.margin in {path}"),
    ("margin: 0.01", "against: .nan, margin: 0.01", "claims.0.expect.0.against"),
    (
        LEVELS,
        f"{LEVELS}\ntune: {{setting: learning_rate, values: [0.1, 0.2], seeds: 99999, contexts: [plain]}}",
        "tune.seeds in {path}",
    ),
    (
        LEVELS,
        f"{LEVELS}\ntune: {{setting: learning_rate, values: [0.1, -1], contexts: [plain]}}",
        "learning_rate in {path}: tune must lie in",
    ),
    (
        "title: T",
        "title: T\nmetrics: [test_acuracy]",
        "unknown metric 'test_acuracy' in {path}: metrics; did you mean 'test_accuracy'",
    ),
    (
        "metric: test_accuracy",
        "metric: test_acc",
        "unknown metric 'test_acc' in {path}: claim c; did you mean 'test_accuracy'",
    ),
    (
        "metric: test_accuracy",
        "metric: dead_share",
        "{path}: claim c: dead_share is measured by a probe; add to the study: probes: [activations]",
    ),
    (
        "title: T",
        "title: T\nprobes: [gap]\nmetrics: [weight_norm]",
        "weight_norm is measured by a probe; add to the study: probes: [gap, weights]",
    ),
    ("title: T", "title: [T]", "title in {path}"),
    ("title: T", "title: T\ntitle: U", "'title' is there twice"),
    ("title: T", "title: T\nseeds: true", "seeds in {path}: must be a whole number"),
    ("title: T", "title: T\nseeds: 99999", "seeds in {path}: must be a whole number"),
    ("title: T", "title: T\nprobes: [activation]", "did you mean 'activations'"),
]


# Each number of the recipe, beyond either end, and what is no number.
IN_RECIPE = [
    ("depth: 3", "depth: 0", "depth in {path}: recipe must lie in 1 to 64, not 0"),
    ("depth: 3", "depth: 2.5", "depth in {path}: recipe: expected a whole number, not 2.5"),
    ("width: null", "width: -8", "width in {path}: recipe must lie in 1 to 4096"),
    ("kernel_size: 3", "kernel_size: 4", "kernel_size in {path}: recipe must be odd"),
    ("kernel_size: 3", "kernel_size: 17", "kernel_size in {path}: recipe must lie in 1 to 15"),
    ("dropout: 0.0", "dropout: 1", "dropout in {path}: recipe must lie in 0 to 0.99"),
    ("data_amount: 1.0", "data_amount: 0", "data_amount in {path}: recipe must lie in 1e-06 to 1"),
    ("data_amount: 1.0", "data_amount: 1.5", "data_amount in {path}: recipe must lie in"),
    ("wrong_labels: 0.0", "wrong_labels: 2", "wrong_labels in {path}: recipe must lie in 0 to 1"),
    ("label_smoothing: 0.0", "label_smoothing: 0.9", "label_smoothing in {path}: recipe must lie in 0 to 0.5"),
    ("learning_rate: null", "learning_rate: -1", "learning_rate in {path}: recipe must lie in 0 to 1e+06"),
    ("learning_rate: null", "learning_rate: .nan", "learning_rate in {path}: recipe must lie in 0 to 1e+06"),
    ("learning_rate: null", "learning_rate: 1e400", "learning_rate in {path}: recipe must lie in 0 to 1e+06"),
    ("learning_rate: null", "learning_rate: [1]", "learning_rate in {path}: recipe: expected a number, not [1]"),
    ("learning_rate: null", "learning_rate: x2", "recipe.learning_rate must be a number"),
    ("batch_size: null", "batch_size: 0", "batch_size in {path}: recipe must lie in 1 to 1e+09"),
    ("batch_size: null", "batch_size: half", "batch_size in {path}: recipe: expected a number"),
    ("epochs: null", "epochs: 1e9", "epochs in {path}: recipe must lie in 1 to 1e+06"),
    ("evaluate_every: null", "evaluate_every: 0", "evaluate_every in {path}: recipe must lie in 1 to 1e+06"),
    ("patience: 0", "patience: -1", "patience in {path}: recipe must lie in 0 to 1e+06"),
    ("target_accuracy: null", "target_accuracy: 50", "target_accuracy in {path}: recipe must lie in 0 to 1"),
    ("max_train_seconds: null", "max_train_seconds: 0", "max_train_seconds in {path}: recipe must lie in 1 to 1e+09"),
    ("ensemble: 1", "ensemble: 1000", "ensemble in {path}: recipe must lie in 1 to 64"),
    ("penalty: none", "penalty: {l2: {strength: -1}}", "penalty: strength must lie in 0 to 100, not -1"),
    ("penalty: none", "penalty: {l2: 5}", "expected a name or {name: {argument: value}}, not {'l2': 5}"),
    ("augmentation: null", "augmentation: {crop: {shift: 5}}", "augmentation: shift must lie in 0 to 0.5, not 5"),
    (
        "optimizer: nesterov",
        "optimizer: {nesterov: {rho: 1.5}}",
        "optimizer: rho must lie in 0.0001 to 0.9999, not 1.5",
    ),
    ("schedule: one_cycle", "schedule: {one_cycle: {rise: 0}}", "schedule: rise must lie in 0.01 to 0.99, not 0"),
    ("transfer: none", "transfer: {scratch: {pictures: 2.5}}", "transfer: pictures must be like 10, not 2.5"),
    ("activation: relu", "activation: {relu: {slope: 1}}", "has no argument 'slope'; it takes none"),
]


def refused(words: str, path: Path, call: Callable[[], object]) -> None:
    with pytest.raises(SettingError) as caught:
        call()
    assert words.replace("{path}", str(path)) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith("choose from ")


@pytest.mark.parametrize(("old", "new", "words"), IN_PARAMS)
def test_in_params(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "params.yaml"
    assert old in PARAMS
    path.write_text(PARAMS.replace(old, new, 1))
    refused(words, path, lambda: load_params(path))


@pytest.mark.parametrize(("old", "new", "words"), IN_RECIPE)
def test_in_the_recipe(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "params.yaml"
    assert old in PARAMS
    path.write_text(PARAMS.replace(old, new, 1))
    refused(words.replace("{path}", str(path)), Path("-"), lambda: check_recipe(load_params(path).recipe, str(path)))


@pytest.mark.parametrize(("old", "new", "words"), IN_STUDY)
def test_in_a_study(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    assert old in STUDY
    path.write_text(STUDY.replace(old, new, 1))
    refused(words, path, lambda: load_study(path))


NUMBERS = [
    ("1e-05", 1e-5),
    ("1e-5", 1e-5),
    ("1.0e-5", 1e-5),
    ("+.5", 0.5),
    ("1E2", 100.0),
    ("010", 10),
    ("0x10", 16),
    ("1_000", 1000),
    ("1_0.5e-1", 1.05),
    ("0b11", 3),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_numbers_are_read_as_either_yaml_writes_them(tmp_path: Path, text: str, value: float) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(PARAMS.replace("learning_rate: null", f"learning_rate: {text}", 1))
    assert load_params(params).recipe["learning_rate"] == value


def test_a_number_is_the_label_of_its_level(tmp_path: Path) -> None:
    study = tmp_path / "mine.yaml"
    study.write_text(STUDY.replace(LEVELS, "levels: [0, 3e-1]").replace('control: "0"', "control: 0"))
    assert [level.label for level in load_study(study).levels] == ["0", "0.3"]


def test_words_that_old_yaml_takes_for_true_and_false_are_words(tmp_path: Path) -> None:
    study = tmp_path / "mine.yaml"
    levels = "levels: [{label: off, set: {dropout: 0.0}}, {label: on, set: {dropout: 0.3}}]"
    text = STUDY.replace(LEVELS, levels).replace('control: "0"', "control: off").replace('level: "0.3"', "level: on")
    study.write_text(text.replace("plain:", "no:").replace("deep:", "8:"))
    read = load_study(study)
    assert [level.label for level in read.levels] == ["off", "on"] and read.control == "off"
    assert [context.name for context in read.contexts] == ["no", "8"]


def test_numbers_that_look_equal_when_short_are_told_apart(tmp_path: Path) -> None:
    study = tmp_path / "mine.yaml"
    study.write_text(STUDY.replace(LEVELS, "levels: [0.0, 0.3, 0.3000001]").replace('level: "0.3"', 'level: "0"'))
    assert [level.label for level in load_study(study).levels] == ["0", "0.3", "0.3000001"]


def test_one_study_needs_no_brackets(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(PARAMS.replace("studies: all", "studies: dropout", 1))
    assert load_params(params).studies == ["dropout"]


@pytest.mark.parametrize("name", ["index", "claims", "lecture", "notes", "preflight", "surfaces", "a b", "a.b", "$5"])
def test_a_study_may_not_be_called_what_the_report_needs(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.yaml").write_text(STUDY)
    with pytest.raises(SettingError, match="rename the file"):
        load_studies("all", tmp_path)


def test_hidden_files_are_no_studies(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY)
    (tmp_path / ".#mine.yaml").symlink_to("someone@host.123:1")
    (tmp_path / "._mine.yaml").write_bytes(b"\x00\x05\x16\x07")
    assert [study.name for study in load_studies("all", tmp_path)] == ["mine"]


def test_text_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(STUDY.replace("title: T", "title: caf\xe9").encode("latin-1"))
    with pytest.raises(SettingError, match=r"latin\.yaml is not text in UTF-8"):
        load_studies("all", tmp_path)


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(SettingError, match=r"mine\.yaml can't be read"):
        load_studies("all", tmp_path)


def test_names_of_every_script_have_an_id() -> None:
    assert [slug(name) for name in ("rate x10", "Größe_2", "学习率", "%")] == ["rate-x10", "größe-2", "学习率", ""]
