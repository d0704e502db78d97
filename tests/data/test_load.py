from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from archbuilder.data import SOURCES, load
from archbuilder.data.settings import plain
from archbuilder.errors import ConfigError
from tests.data.examples import npz, settings_file

CONF = Path(__file__).parents[2] / "conf" / "data"
KNOWN = f"known: {', '.join(sorted(SOURCES))}"


def test_a_source_is_chosen_by_name() -> None:
    data = load({"name": "digits", "size": 8, "channels": 1, "holdout": 97}).describe()
    assert (data.shape, data.splits) == ([1, 8, 8], {"train": 1700, "val": 97})


def test_a_config_object_will_do_as_well(tmp_path: Path) -> None:
    config = OmegaConf.create({**settings_file(CONF / "arrays.yaml"), "train": [npz(tmp_path / "a.npz")]})
    assert load(config).describe().splits == {"train": 18, "val": 2}


@pytest.mark.parametrize("name", SOURCES)
def test_the_shipped_settings_are_the_defaults(name: str) -> None:
    source = getattr(importlib.import_module(SOURCES[name]), name)
    settings = settings_file(CONF / f"{name}.yaml")
    assert settings.pop("name") == name
    assert settings == {
        name: "???" if parameter.default is parameter.empty else parameter.default
        for name, parameter in inspect.signature(source).parameters.items()
    }


def test_every_source_has_its_settings_file() -> None:
    assert {path.stem for path in CONF.glob("*.yaml")} == set(SOURCES)


def test_asking_for_sources_imports_none_of_the_slow_libraries() -> None:
    probe = "import sys, archbuilder.data; print({'torch', 'torchvision', 'sklearn'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, f"data.name: say which data to use; {KNOWN}"),
        ({"name": "???"}, "data.name: say which data to use"),
        ({"name": "cifar"}, "data.name: there is no data 'cifar'; did you mean 'cifar10'?"),
        ({"name": None}, f"data.name: there is no data 'None'; {KNOWN}"),
        ({"name": "digits", "hold_out": 0.1}, "data.hold_out: unknown key; did you mean 'holdout'?"),
        ({"name": "digits", "_target_": "os.system"}, "data._target_: unknown key"),
        ({"name": "digits", "holdout": "x"}, "data.holdout: needs a whole number or a fraction, not 'x'"),
        ({"name": "digits", "holdout": True}, "data.holdout: needs a whole number or a fraction, not True"),
        ({"name": "digits", "holdout": 1.5}, "data.holdout: 1.5 is no fraction between 0 and 1"),
        ({"name": "digits", "holdout": 2000}, "data.holdout: 2000 would hold out 2000 of 1797 images"),
        ({"name": "digits", "size": 8.5}, "data.size: needs a whole number, not 8.5"),
        ({"name": "digits", "size": "???"}, "data.size: needs a value: a whole number"),
        ({"name": "cifar10", "download": "no"}, "data.download: needs true or false, not 'no'"),
        ({"name": "cifar10", "root": 5}, "data.root: needs a text, not 5"),
        ({"name": "arrays", "train": 5}, "data.train: needs a text or a list of texts, not 5"),
        ({"name": "arrays", "train": None}, "data.train: needs a text or a list of texts, not None"),
        ({"name": "folder"}, "data.root: say which folder holds the images, for example data.root=my/images"),
        ({"name": "folder", "root": "x", "cache": 1}, "data.cache: needs a text or null, not 1"),
        ({"name": "folder", "root": "x", "size": 0}, "data.size: 0 pixels; use 1..1024"),
        ({"name": "folder", "root": "x", "channels": 2}, "data.channels: 2 channels; use 1 for grey or 3"),
        (
            {"name": "arrays", "train": "a.npz", "labels": [0, 1]},
            "data.labels: needs a list of texts or null",
        ),
    ],
)
def test_settings_that_do_not_fit_are_named_with_the_way_out(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("settings", [{}, {"train": "???"}, OmegaConf.create({"train": "???"})])
def test_arrays_without_files_say_how_to_name_them(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"name": "arrays", **plain(settings)})
    assert str(caught.value) == (
        'data.train: say which npz files to train on, for example "data.train=folder/train_*.npz"'
    )
