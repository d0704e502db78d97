"""All that a package tells about itself, for a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.facts import read_facts
from tests.zoo.packages import made_up, metadata, rewrite


def printed(package: Path, capsys: pytest.CaptureFixture[str]) -> str:
    main(["zoo", "show", str(package)])
    return " ".join(capsys.readouterr().out.split())


def test_what_a_person_asks_is_told(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(exported, capsys)
    for told in (
        "small-digits-seed1: small on digits",
        "license none is named",
        "params 123,898 (123,898 trainable)",
        "MACs 4,829,824 per image",
        "input 3x16x16",
        "labels 10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "seed 1",
        "weights.safetensors",
    ):
        assert told in out
    facts = read_facts(exported)
    result = facts.result()
    assert result is not None
    assert f"val raw {100 * result.accuracy:.2f}%" in out
    for file in facts.files.values():
        assert f"{file['size']:,} {file['sha256']}" in out


def test_long_and_strange_words_stay_on_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [f"number {i}, of some sort" for i in range(1000)]
    package = rewrite(made_up(tmp_path), metadata(labels=labels, note="word " * 1000, origin={"source": "[bold]x[/]"}))
    main(["zoo", "show", str(package)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 140
    assert any("... and 990 more" in line for line in lines)
    assert any("[bold]x[/]" in line for line in lines)


def test_a_package_without_results_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no evaluation is told" in printed(made_up(tmp_path, results=None), capsys)


def test_json_holds_the_metadata_and_the_files(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["zoo", "show", str(exported), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["metadata"] == json.loads((exported / "metadata.json").read_text())
    assert told["files"] == json.loads((exported / "manifest.json").read_text())["files"]


def test_a_damaged_package_is_told(package: Path) -> None:
    (package / "metadata.json").write_text((package / "metadata.json").read_text().replace("small", "large"))
    with pytest.raises(PackageError, match=r"metadata\.json: differs"):
        read_facts(package)
