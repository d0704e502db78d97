"""The packages of a zoo are compared as the runs that they came from."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.compare import compare
from archbuilder.errors import PackageError, RecordError
from archbuilder.record import read_record
from archbuilder.zoo.report import record_of, report
from tests.zoo.packages import made_up


def test_a_package_gives_the_record_of_its_run(run: Path, exported: Path) -> None:
    record, made = read_record(run), record_of(exported)
    called = dataclasses.replace(record.architecture, name=exported.name)
    assert made == dataclasses.replace(record, architecture=called, recipe=made.recipe, weights_sha256="")
    assert made.recipe.hash == record.recipe.hash


def test_the_rows_are_those_of_the_runs(run: Path, exported: Path, tmp_path: Path) -> None:
    made, expected = report(exported.parent, tmp_path / "zoo"), compare([run], tmp_path / "runs")
    called = {"network": exported.name, "model": exported.name}
    assert made.rows == tuple(row._replace(**called) for row in expected.rows)  # type: ignore[arg-type]
    for suffix in ("html", "md", "csv", "json"):
        assert exported.name in (tmp_path / "zoo" / f"comparison.{suffix}").read_text()
    page = (tmp_path / "zoo" / "comparison.html").read_text()
    assert '"layers"' in page
    assert "is damaged" not in page


def test_what_tells_of_no_training_is_left_out(package: Path, tmp_path: Path) -> None:
    zoo = package.parent
    made_up(zoo, "imported")
    (zoo / "broken").mkdir()
    (zoo / ".making").mkdir()
    made = report(zoo, tmp_path / "report")
    assert len(made.rows) == 1
    assert {problem.folder.name: problem.reason for problem in made.problems} == {
        "imported": "metadata.json: tells of no training, as of an imported package",
        "broken": made.problems[0].reason,
    }
    shutil.rmtree(package)
    with pytest.raises(RecordError, match="tells of no training"):
        report(zoo, tmp_path / "report")


def test_what_is_no_zoo_is_told(exported: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for folder, telling in ((tmp_path, "no package in this"), (exported, "is a package"), (run, "this is a run")):
        with pytest.raises(PackageError, match=telling):
            report(folder, tmp_path / "report")


def test_packages_of_one_run_count_once(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, package.with_name("same"))
    made = report(package.parent, tmp_path / "report")
    assert [row.network for row in made.rows] == ["same"]
    assert [str(each) for each in made.problems] == [
        f"{package}: the same run as {package.parent}/same, which is counted"
    ]


def test_a_split_that_no_package_has_is_told(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"^none of the 1 found has a result on the split 'more'; they have: val"):
        report(exported.parent, tmp_path, split="more")


def test_the_command_takes_the_options_of_a_comparison(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["zoo", "report", str(exported.parent), "--to", str(tmp_path), "--x", "macs", "--weights", "raw"])
    assert "123,898" in capsys.readouterr().out
    assert json.loads((tmp_path / "comparison.json").read_text())["x"] == "macs"
