"""Every example of docs/language.md does what the page says."""

from __future__ import annotations

import doctest
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator

from archbuilder.api import build, expand
from archbuilder.language.schema import schema
from archbuilder.language.source import library
from archbuilder.language.yaml import load
from tests.docs.guide import PAGE, Example, examples, follow, matches, session, write_files

ALL = examples(PAGE.read_text())


def of(language: str) -> list[Any]:
    return [pytest.param(one, id=f"line{one.line}") for one in ALL if one.language == language]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all files of the page lie, and the commands are given."""
    write_files(ALL, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples_of_every_kind_and_no_other() -> None:
    found = Counter(one.language for one in ALL)
    assert found.keys() == {"yaml", "console", "python"}
    assert found["yaml"] >= 15
    assert found["console"] >= 3
    assert found["python"] >= 8
    assert PAGE.read_text().count("\n```") == 2 * len(ALL), (
        "a fence is not closed, or stands elsewhere than in column 1"
    )
    paths = [one.path for one in ALL if one.language == "yaml"]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("example", [one for one in of("yaml") if not one.values[0].is_block])
def test_a_model_is_built_and_runs(example: Example, folder: Path) -> None:
    graph = expand(example.path)
    made = build(example.path).eval()(*(torch.randn(2, *shape) for shape in graph.inputs.values()))
    assert tuple(made.shape) == (2, *graph.shapes[0])


@pytest.mark.parametrize("example", [one for one in of("yaml") if one.values[0].is_block])
def test_a_block_is_used_by_a_model_behind_it(example: Example, folder: Path) -> None:
    name = Path(example.path).stem
    behind = ALL[ALL.index(example) + 1 :]
    assert any(f"block: {name}," in one.text for one in behind if one.language == "yaml" and not one.is_block)
    assert library([folder / "my" / "block"]).find(name)


@pytest.mark.parametrize("example", of("yaml"))
def test_an_editor_underlines_nothing(example: Example, folder: Path) -> None:
    assert (
        list(Draft202012Validator(schema(library([folder / "my" / "block"]))).iter_errors(load(Path(example.path))))
        == []
    )


@pytest.mark.parametrize("example", of("console"))
def test_a_command_prints_what_is_shown(example: Example, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(example.text, capsys)


def test_python_examples_print_what_is_shown(folder: Path) -> None:
    # All in one session, as one would type them.
    test = doctest.DocTestParser().get_doctest(session(PAGE.read_text()), {}, "language.md", str(PAGE), 0)
    assert len(test.examples) >= 15
    told: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
    assert told == [], "".join(told)


def test_matching_is_strict_where_it_should_be() -> None:
    assert matches("a  1\nb 2\n", "a 1 \n b    2")
    assert matches("...\nb 2\n...", "a 1\nb 2\nc 3")
    assert not matches("...\nb 3\n...", "a 1\nb 2\nc 3")
    assert not matches("a 1\n", "a 1\nb 2")
    assert not matches("", "a")
