"""Every command of docs/zoo.md does what the page says."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.zoo.export import export
from archbuilder.zoo.files import CARD_FILE, INT8_FILE, MANIFEST_FILE, NEEDED, OPTIONAL, PT2_FILE, SIGNATURE_FILE
from tests.docs.guide import examples, follow
from tests.training.runs import trained

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
ALL = examples(PAGE.read_text())
# Need a bucket and a repository on the Hub; tests/zoo/test_remote.py does the same with a server of its own.
NOT_RUN = ("s3://", "hf://")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the zoo of the page lies."""
    folder: Path = tmp_path_factory.mktemp("guide")
    for name, overrides in (("plain-digits", ()), ("narrow-digits", ("seed=2", "model.stages.stage3.out=48"))):
        trained(folder / name, *overrides)
        export(folder / name, folder / "zoo", name, license="MIT")
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where commands are given."""
    monkeypatch.chdir(made)
    return made


def test_commands_print_what_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = 0
    for example in ALL:
        if example.language == "":
            for line in example.text.splitlines():
                if not any(word in line for word in NOT_RUN):
                    subprocess.run(shlex.split(line), check=True, capture_output=True)
            continue
        assert example.language == "console", f"line {example.line}"
        ran += follow(example.text, capsys)
    assert ran >= 8


def test_commands_in_the_text_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(PAGE.read_text().split())
    for command in ("archbuilder zoo show zoo/plain-digits", "archbuilder zoo report zoo --to report"):
        assert f"`{command}`" in text
        main(shlex.split(command)[1:])
    assert (folder / "report" / "comparison.html").is_file()


def test_every_file_of_the_format_is_told() -> None:
    assert {CARD_FILE, INT8_FILE, PT2_FILE} <= {*NEEDED, *OPTIONAL}
    for name in (*NEEDED, *OPTIONAL, MANIFEST_FILE, SIGNATURE_FILE):
        assert f"| `{name}` |" in PAGE.read_text()
