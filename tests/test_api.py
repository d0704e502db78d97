"""The public names: there, lazy, and without torch until something is built."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import archbuilder
from archbuilder.api import describe, expand
from archbuilder.errors import ArchbuilderError, ConfigError, PackageError

HEAVY = ("torch", "torchvision", "lightning", "matplotlib", "sklearn", "scipy", "numpy")


def imported_by(code: str) -> set[str]:
    """Return which heavy modules a fresh Python has imported behind some code."""
    report = f"\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_all_public_names_are_there() -> None:
    assert archbuilder.__all__ == ["ConfigError", "PackageError", "build", "describe", "expand", "load", "models"]
    for name in archbuilder.__all__:
        assert getattr(archbuilder, name).__name__ == name
    assert archbuilder.ConfigError is ConfigError
    assert archbuilder.PackageError is PackageError
    assert archbuilder.__version__
    assert set(archbuilder.__all__) <= set(dir(archbuilder))


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'archbuilder' has no attribute 'biuld'"):
        _ = archbuilder.biuld


def test_importing_is_light() -> None:
    assert imported_by("import archbuilder") == set()
    assert imported_by("import archbuilder; archbuilder.ConfigError") == set()


def test_describing_and_expanding_import_no_torch() -> None:
    code = "import archbuilder as a; a.models(); a.expand('resnet56'); a.describe('nin', ['model.classes=3'])"
    assert imported_by(code) == set()
    names = "primitives, graph_json, description, show, cli, compare.find, language.source, language.expand"
    for name in names.split(", "):
        assert "torch" not in imported_by(f"import archbuilder.{name}"), name


def test_building_does() -> None:
    assert "torch" in imported_by("import archbuilder; archbuilder.build('article/reduce')")


def test_the_names_work_together() -> None:
    graph = archbuilder.expand("resnet20", ["model.classes=3"])
    assert archbuilder.describe(graph) == describe("resnet20", ["model.classes=3"])
    assert archbuilder.build(graph).graph is graph
    assert "resnet20" in archbuilder.models()


def test_overrides_may_be_any_iterable() -> None:
    assert expand("resnet20", (text for text in ["model.classes=3"])).shapes == ((3,),)


UNTYPED: Any = archbuilder


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: UNTYPED.expand("resnet20", "model.classes=3"),
            "overrides: 'model.classes=3' is one string; write a list: [",
        ),
        (lambda: UNTYPED.describe("resnet20", [3]), "overrides: 3 is no string; write one such as 'model.classes=3'"),
        (lambda: UNTYPED.describe("resnet20", None), "overrides: None is no list of strings"),
        (
            lambda: UNTYPED.describe("resnet20", {"model.classes": 3}),
            "overrides: {'model.classes': 3} is no list of strings",
        ),
        (lambda: UNTYPED.build(3), "source: 3 is no model: give one name"),
        (lambda: UNTYPED.build(["resnet20"]), "source: ['resnet20'] is no model: give one name"),
        (lambda: UNTYPED.build(None), "source: None is no model"),
        (lambda: UNTYPED.build("resnet20", features=[3]), "features: 3 is no string"),
        (lambda: UNTYPED.build("resnet20", features=None), "features: None is no list of strings"),
        (lambda: UNTYPED.models(3), "config_dir: 3 is no path of a folder"),
    ],
)
def test_what_is_no_argument_is_told(call: Callable[[], Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    assert str(caught.value).startswith(told)


def test_errors_are_one_family_with_place_and_reason() -> None:
    with pytest.raises(ArchbuilderError) as caught:
        archbuilder.describe("resnet21")
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value) == f"{caught.value.where}: {caught.value.what}"


def test_what_cannot_be_printed_is_told_in_escapes() -> None:
    with pytest.raises(ConfigError) as caught:
        expand({"input": [1, 2, 2], "stages": {"a\n\x1b[31m\ud800é": {"block": "identity"}}})
    assert r"'a\n\x1b[31m\ud800é' is no name for a layer" in str(caught.value)
