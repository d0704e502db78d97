"""Every command of docs/zoo.md does what the page says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.zoo.export import export
from archbuilder.zoo.files import (
    CARD_FILE,
    INT8_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    NEEDED,
    OPTIONAL,
    PT2_FILE,
    SIGNATURE_FILE,
)
from tests.docs.guide import examples, follow
from tests.training.runs import trained

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
ALL = examples(PAGE.read_text())
# Need a bucket and a repository on the Hub; tests/zoo/test_remote.py does the same with a server of its own.
NOT_RUN = ("s3://", "hf://")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands of the page are given."""
    made: Path = tmp_path_factory.mktemp("guide")
    before = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


def test_commands_print_what_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = 0
    for example in ALL:
        if example.language == "":
            for line in example.text.splitlines():
                if not any(word in line for word in NOT_RUN):
                    subprocess.run(_here(shlex.split(line)), check=True, capture_output=True)
            continue
        if example.language == "python":
            exec(compile(example.text, f"zoo.md:{example.line}", "exec"), {})
            continue
        assert example.language == "console", f"line {example.line}"
        ran += follow(example.text, capsys)
    assert ran >= 10
    text = " ".join(PAGE.read_text().split())
    for command in (
        "archbuilder show zoo/plain-digits",
        "archbuilder zoo show zoo/plain-digits",
        "archbuilder zoo report zoo --to report",
    ):
        assert f"`{command}`" in text
        main(shlex.split(command)[1:])
    assert (folder / "report" / "comparison.html").is_file()


def _here(words: list[str]) -> list[str]:
    """Return a command as it is given outside of the folder that holds train.py."""
    return [sys.executable, str(PAGE.parents[1] / "train.py"), *words[2:]] if words[0] == "python" else words


def test_every_key_of_the_metadata_is_told(tmp_path: Path) -> None:
    trained(tmp_path / "run", "ema=0.5")
    package = export(tmp_path / "run", tmp_path / "zoo", int8=True, pt2=True)
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE)
    told = {key for cell in table for key in re.findall(r"\w+", cell)}
    metadata = json.loads((package / METADATA_FILE).read_text())
    assert set(metadata) <= told | {"schema"}
    assert {"origin", "comparison"} <= told


def test_every_file_of_the_format_is_told() -> None:
    assert {CARD_FILE, INT8_FILE, PT2_FILE} <= {*NEEDED, *OPTIONAL}
    for name in (*NEEDED, *OPTIONAL, MANIFEST_FILE, SIGNATURE_FILE):
        assert f"| `{name}` |" in PAGE.read_text()
