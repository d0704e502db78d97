"""docs/reference.md is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.language import source
from archbuilder.language.reference import main

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_page_is_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--to", str(tmp_path / "reference.md")])
    made = (tmp_path / "reference.md").read_text()
    assert PAGE.read_text() == made, "run python -m archbuilder.language.reference --to docs/reference.md"
    main([])
    assert capsys.readouterr().out == made


def test_a_block_that_is_broken_is_told_and_the_old_page_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "reference.md"
    page.write_text("the old page")
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "mine.yaml").write_text("parms: {out: channels}\nlayers: {}\n")
    monkeypatch.setattr(source, "conf_dir", lambda: tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["--to", str(page)])
    assert caught.value.code == 1
    assert capsys.readouterr().err.endswith("block/mine.yaml:parms: no such key of a block; did you mean 'params'?\n")
    assert page.read_text() == "the old page"


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--to", str(tmp_path)])
    assert capsys.readouterr().err == f"error: {tmp_path}: Is a directory\n"
