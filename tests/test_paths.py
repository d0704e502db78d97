"""Paths in messages lead to the file that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.paths import conf_dir, shown


def test_a_path_is_told_from_here_or_whole_or_as_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "my" / "block" / "duo.yaml") == "my/block/duo.yaml"
    elsewhere = tmp_path.parent / "other" / "my" / "block" / "duo.yaml"
    assert shown(elsewhere) == str(elsewhere)
    monkeypatch.chdir(conf_dir())
    beside = conf_dir().parent / "my" / "block" / "duo.yaml"
    assert shown(beside) == str(beside)
    assert shown(conf_dir() / "block" / "fire.yaml") == "conf/block/fire.yaml"
