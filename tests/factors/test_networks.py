import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.core.config import load_params
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import Choice, RunSpec, Settings
from harness.factors.model import MODEL, OF_NETWORK, network, taken
from harness.planning.plan import make_plan
from harness.planning.studies import load_studies, load_study
from harness.planning.target import Target
from harness.probes import PROBE
from harness.training.loop import run
from harness.training.model import build_model
from harness.training.split import RunData
from tests.conftest import ROOT

Make = Callable[..., Settings]
OTHERS = [name for name in MODEL.names if name != "convnet"]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of a user's own, with a parameter that is drawn when it is made."""
    monkeypatch.setattr(MODEL, "_levels", dict(MODEL._levels))

    @MODEL.level("own")
    def own(width: int, classes: int, image_size: tuple[int, int, int], *, layers: int = 1) -> nn.Module:
        net = nn.Sequential(nn.Flatten(), nn.Linear(image_size[0] * image_size[1] * image_size[2], width))
        net.extend([nn.Linear(width, width) for _ in range(layers)] + [nn.Linear(width, classes)])
        net.drawn = nn.Parameter(torch.randn(3))
        return net


PARAMETERS = {"resnet18": 11_173_962, "resnet34": 21_282_122, "resnet50": 23_520_842}


@pytest.mark.parametrize("name", OTHERS)
def test_a_small_stem_keeps_a_small_picture(name: str, settings: Make) -> None:
    sizes = {}
    for stem in (True, False):
        model = network(settings(model={name: {"small_stem": stem}}), 7, (32, 32, 1)).eval()
        convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
        seen: list[torch.Size] = []
        for module in convolutions[:2]:
            module.register_forward_hook(lambda _, __, output, seen=seen: seen.append(output.shape))
        assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
        sizes[stem] = [shape[-1] for shape in seen]
    assert sizes[True][:2] == [32, 32]
    assert sizes[False][0] == 16


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_the_number_of_parameters_is_the_known_one(name: str, count: int, settings: Make) -> None:
    model = network(settings(model=name), 10, (32, 32, 3))
    assert sum(p.numel() for p in model.parameters()) == count


def test_weights_come_from_the_seed_alone(settings: Make, own: None) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build_model(settings(model="own"), 10, (8, 8, 3), 0).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = build_model(settings(model="own"), 10, (8, 8, 3), 0).state_dict()
    other = build_model(settings(model="own"), 10, (8, 8, 3), 1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in ("drawn", "1.weight"))


def test_a_model_of_ones_own_trains(settings: Make, spec: Callable[..., RunSpec], run_data: RunData, own: None) -> None:
    assert taken(Choice("own")) == ("width",)
    assert settings(model="own", width=5).width == 5
    one = replace(spec(), settings=settings(model={"own": {"layers": 2}}, width=5, penalty="l2"))
    result = run(one, run_data)
    assert result.status == "done"
    assert result.metrics["parameters"] == 768 * 5 + 5 + 2 * 30 + 60 + 3


def test_a_parameter_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Make) -> None:
    monkeypatch.setattr(MODEL, "_levels", dict(MODEL._levels))
    MODEL.level("odd")(lambda classes, widht: nn.Identity())
    with pytest.raises(SettingError, match="takes 'widht', which shapes no network; did you mean 'width'"):
        settings(model="odd")


@pytest.mark.parametrize("name", OF_NETWORK)
def test_what_has_no_effect_cannot_be_varied(name: str, settings: Make) -> None:
    values = {"block": "residual", "norm": "none", "activation": "tanh", "dropout": 0.5, "dropout_place": "conv"}
    with pytest.raises(SettingError, match=f"{name} has no effect on model resnet18 and can't be varied there"):
        settings(model="resnet18", **{name: values.get(name, 5)})


@pytest.mark.parametrize("changes", [{"transfer": "frozen"}, {"auxiliary": "rotation"}])
def test_what_takes_a_net_apart_is_refused(changes: dict[str, str], settings: Make) -> None:
    with pytest.raises(SettingError, match="set model to convnet"):
        settings(model="resnet18", **changes)


def planned(studies: list[object], recipe: dict[str, object], target: Target, folder: Path, **more: object) -> object:
    return make_plan(studies, recipe, 1, "quick", target, Store(folder), **more)  # type: ignore[arg-type]


def test_a_study_of_a_model_cannot_vary_the_depth_of_another(
    recipe: dict[str, object], target: Target, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: t\nquestion: q\nfactor: depth\nlevels: [3, 6]\ncontrol: 3\ncontexts: {other: {model: resnet18}}\n"
    )
    with pytest.raises(SettingError, match="depth has no effect on model resnet18"):
        planned([load_study(path)], recipe, target, tmp_path)
    path.write_text(
        path.read_text().replace("depth", "optimizer").replace("[3, 6]", "[sgd, adam]").replace("3", "sgd")
        + "tune: {setting: width, values: [4, 8], contexts: [other]}\n"
    )
    with pytest.raises(SettingError, match="width has no effect on model resnet18"):
        planned([load_study(path)], recipe, target, tmp_path)


def test_another_model_in_the_recipe_hinders_no_study_that_can_be(
    recipe: dict[str, object], target: Target, tmp_path: Path
) -> None:
    every = load_studies("all", ROOT / "experiments")
    chosen = [study for study in every if study.name == "schedule"]
    plan = planned(chosen, recipe | {"model": Choice("resnet18")}, target, tmp_path, all_studies=every)
    assert {spec.settings.model.name for spec in plan.pending.values()} == {"resnet18"}  # type: ignore[attr-defined]


def test_an_example_is_read_by_name_and_is_no_part_of_all(
    recipe: dict[str, object], target: Target, tmp_path: Path
) -> None:
    folder = ROOT / "experiments"
    examples = [path.stem for path in (folder / "examples").glob("*.yaml")]
    assert examples == ["resnet18"]
    assert not {study.name for study in load_studies("all", folder)} & set(examples)
    plan = planned(load_studies(examples, folder), recipe, target, tmp_path)
    assert len(plan.pending) == 2  # type: ignore[attr-defined]
    with pytest.raises(SettingError, match="did you mean 'resnet18'"):
        load_studies(["resnet"], folder)


def test_probes_measure_what_they_can(spec: Callable[..., RunSpec], run_data: RunData) -> None:
    probes = [PROBE.get(name)() for name in PROBE.names]
    found = run(spec(model="mobilenet_v2", epochs=1, batch_size=40), run_data, probes).metrics
    json.dumps(found, allow_nan=False)
    lacking = {"dead_share", "start_layer_gain", "step_cost", "activation_op_cost", "activation_op_seconds"}
    assert all(found.get(name) is None for name in lacking)
    assert {"update_ratio_log10", "step_seconds", "inference_gap", "mode_gap", "weight_norm"} <= {
        name for name, value in found.items() if value is not None
    }


def test_the_recipe_says_which_settings_apply() -> None:
    assert load_params(ROOT / "params.yaml").recipe["model"] == "convnet"
