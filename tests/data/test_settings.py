"""Settings against the annotations of the function that takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from archbuilder.data.settings import arguments
from archbuilder.errors import ConfigError


def source(
    size: int = 8,
    factor: float = 0.5,
    share: int | float = 0.1,
    names: str | Sequence[str] = "",
    sizes: Sequence[int] | None = None,
    mean: list[float] | None = None,
    pad: Literal["zeros", "reflect"] = "zeros",
    download: bool = False,
) -> None:
    """Take one parameter of every kind."""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 3),
        ("factor", 0.25),
        ("factor", 1),
        ("share", 1),
        ("share", 0.5),
        ("names", "a"),
        ("names", ["a", "b"]),
        ("sizes", [3, 4]),
        ("sizes", []),
        ("sizes", None),
        ("mean", [0.5, 1, 0.25]),
        ("pad", "reflect"),
        ("download", True),
    ],
)
def test_a_value_that_fits_is_handed_on_as_it_is(key: str, value: Any) -> None:
    [taken] = arguments(source, {key: value}, "data").values()
    assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "value", "needs"),
    [
        ("size", 3.0, "a whole number, not 3.0"),
        ("size", True, "a whole number, not True"),
        ("factor", True, "a number, not True"),
        ("factor", "much", "a number, not 'much'"),
        ("share", "much", "a whole number or a fraction, not 'much'"),
        ("names", [3], "a text or a list of texts, not [3]"),
        ("sizes", [3, 4.5], "a list of whole numbers or null, not [3, 4.5]"),
        ("sizes", ["3"], "a list of whole numbers or null, not ['3']"),
        ("sizes", 3, "a list of whole numbers or null, not 3"),
        ("sizes", [True], "a list of whole numbers or null, not [True]"),
        ("mean", [0.5, "x"], "a list of numbers or null, not [0.5, 'x']"),
        ("mean", "0.5", "a list of numbers or null, not '0.5'"),
        ("pad", "zero", "zeros or reflect, not 'zero'"),
        ("download", 1, "true or false, not 1"),
    ],
)
def test_a_value_that_does_not_is_told_with_what_would(key: str, value: Any, needs: str) -> None:
    with pytest.raises(ConfigError) as caught:
        arguments(source, {key: value}, "data")
    assert str(caught.value) == f"data.{key}: needs {needs}"


def of_path(root: Path = Path()) -> None:
    """Take what no YAML says."""


def of_paths(root: Sequence[Path] = ()) -> None:
    """Take several of them."""


def of_anything(root=None) -> None:  # type: ignore[no-untyped-def]
    """Take what nobody has said."""


def of_a_dict(root: dict[str, int] | None = None) -> None:
    """Take a mapping."""


@pytest.mark.parametrize("function", [of_path, of_paths, of_anything, of_a_dict])
def test_an_annotation_that_no_setting_is_checked_against_is_told_to_the_developer(
    function: Callable[..., None],
) -> None:
    with pytest.raises(TypeError, match=rf"^{function.__name__}: the parameter root is annotated as .*; use bool, int"):
        arguments(function, {}, "data")
