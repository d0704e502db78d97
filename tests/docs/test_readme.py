"""What the README shows is what happens: its commands, files and Python."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import archbuilder
from archbuilder.paths import conf_dir
from tests.docs.guide import examples, follow
from tests.primitives.cases import behind_flatten

PAGE = Path(__file__).parents[2] / "README.md"
ALL = examples(PAGE.read_text())
# `import` downloads weights; tests/zoo does the same with weights that are there.
TRANSCRIPTS = [
    one for one in ALL if one.text.startswith("$ archbuilder ") and not one.text.startswith("$ archbuilder import")
]
# Needs a package, which takes a training; tests/zoo does the same with one.
NOT_RUN = ("archbuilder.load(",)


def test_there_are_examples() -> None:
    assert len(TRANSCRIPTS) >= 3
    assert sum(one.language == "python" for one in ALL) >= 3


@pytest.mark.parametrize("example", TRANSCRIPTS, ids=lambda one: f"line{one.line}")
def test_a_command_prints_what_is_shown(example: object, capsys: pytest.CaptureFixture[str]) -> None:
    # The page may leave out how an output ends.
    assert follow(getattr(example, "text"), capsys, "...")  # noqa: B009 - pytest's ids want any object


def test_choices_that_are_shown_exist() -> None:
    words = [word for line in PAGE.read_text().splitlines() if line.startswith("python train.py")
             for word in shlex.split(line, comments=True)]  # fmt: skip
    chosen = [(group, one) for word in words for group, _, listed in [word.partition("=")]
              if (conf_dir() / group).is_dir() for one in listed.strip("[]").split(",")]  # fmt: skip
    assert {("logger", name) for name in ("tensorboard", "wandb", "mlflow")} <= set(chosen)
    missing = [one for one in chosen if not (conf_dir() / one[0] / f"{one[1]}.yaml").is_file()]
    # Of a folder that `--config-dir` names.
    assert set(missing) == {("model", "mine")}


@pytest.mark.parametrize("group", ["optimizer", "schedule", "recipe"])
def test_every_choice_of_how_to_train_is_named(group: str) -> None:
    code = re.findall(r"```.*?```|`.*?`", PAGE.read_text(), flags=re.DOTALL)
    named = {word for text in code for word in re.findall(r"\w+", text)}
    missing = sorted({path.stem for path in (conf_dir() / group).glob("*.yaml")} - named)
    assert not missing, f"README.md, Train and compare: name the {group} {missing} of conf/{group}"


def test_files_that_are_shown_whole_are_the_shipped_ones() -> None:
    text = PAGE.read_text()
    for path in ("model/resnet_bottleneck.yaml", "model/resnet56.yaml", "block/bottleneck.yaml"):
        assert f"conf/{path}" in text
        shipped = (conf_dir() / path).read_text()
        # Without comments and the sentence on what it is, which the page says in its own words.
        body = re.sub(r"^(#|doc:).*\n", "", shipped, flags=re.MULTILINE).strip()
        assert body in text, path


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_network.yaml").write_text((conf_dir() / "model" / "plain.yaml").read_text())
    run = [one for one in ALL if one.language == "python" and not any(word in one.text for word in NOT_RUN)]
    assert len(run) >= 2
    try:
        for one in run:
            exec(compile(one.text, f"README.md:{one.line}", "exec"), {})
        model = {"input": [3, 8, 8], "stages": {"soft": {"block": "blur"}}}
        assert archbuilder.build(model).graph.shapes == ((3, 8, 8),)
        assert "flattened to [8]" in (behind_flatten("blur", {}) or "")
    finally:
        from archbuilder.primitives import REGISTRY

        REGISTRY.pop("blur", None)


def test_the_network_of_ten_lines_is_one(tmp_path: Path) -> None:
    shown = next(one for one in ALL if one.language == "yaml")
    assert len(shown.text.splitlines()) <= 10
    (tmp_path / "tiny.yaml").write_text(shown.text)
    assert archbuilder.build(tmp_path / "tiny.yaml").graph.shapes == ((10,),)
