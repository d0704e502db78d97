"""All that a package tells about itself, for a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.facts import read_facts
from archbuilder.zoo.files import write_manifest
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
        assert f"{file['size']:,} {file['sha256'][:12]} " in out


def test_long_and_strange_words_stay_on_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [f"number {i}, of some sort" for i in range(1000)]
    package = rewrite(made_up(tmp_path), metadata(labels=labels, note="word " * 1000, origin={"source": "[bold]x[/]"}))
    main(["zoo", "show", str(package)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 2100
    assert any("number 9, of some sort and 990 more" in line for line in lines)
    assert any("[bold]x[/]" in line for line in lines)


def test_a_narrow_terminal_cuts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = {"params": 1, "trainable_params": 1, "macs": 12_345_678_901, "peak_activations": 98_765_432}
    command = "python train.py " + " ".join(f"model.stages.stage{i}.out={i}" for i in range(20))
    git = {"commit": "0123456789abcdef" * 2, "a_rather_long_key_of_somebody": True}
    package = made_up(tmp_path, cost=cost, command=command, git=git)
    (package / "model.onnx").write_bytes(b"x" * 10**7)
    write_manifest(package)
    monkeypatch.setenv("COLUMNS", "80")
    out = printed(package, capsys)
    for told in ("12,345,678,901 per image", "98,765,432 elements", "10,000,000 ", command, "commit 0123456789ab,"):
        assert told in out
    assert "…" not in out
    assert "a_rather_long_key_of_somebody True" in out
    main(["zoo", "show", str(package)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_signature_is_told_and_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = made_up(tmp_path)
    assert "signature none" in printed(package, capsys)
    (package / "model.sig").write_bytes(b"of somebody")
    assert "signature signed, not checked; `archbuilder zoo verify --key" in printed(package, capsys)
    assert "model.sig 11 -" in printed(package, capsys)
    main(["zoo", "show", str(package), "--json"])
    assert json.loads(capsys.readouterr().out)["signed"] is True
    main(["zoo", "list", str(tmp_path), "--json"])
    assert [each["signed"] for each in json.loads(capsys.readouterr().out)["packages"]] == [True]
    main(["zoo", "list", str(tmp_path)])
    assert "not checked" in capsys.readouterr().out.splitlines()[1]


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
