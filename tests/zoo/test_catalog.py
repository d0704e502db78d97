"""A zoo is listed from its packages, each time anew, and nothing that lies beside them can say otherwise."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.catalog import SORTS, catalog_page, read_catalog, write_index
from archbuilder.zoo.facts import read_facts
from archbuilder.zoo.files import INDEX_FILE
from archbuilder.zoo.making import check_name
from tests.zoo.packages import made_up

COST = {"params": 1000, "trainable_params": 1000, "macs": 5000, "peak_activations": 64}


def evaluated(accuracy: float, split: str = "val", weights: str = "raw", n: int = 400) -> dict[str, object]:
    return {"split": split, "weights": weights, "accuracy": accuracy, "loss": 0.1, "n": n}


def test_a_row_tells_what_the_package_tells(tmp_path: Path) -> None:
    made_up(tmp_path, "one")
    [entry] = read_catalog(tmp_path).entries
    assert (entry.name, entry.network, entry.data, entry.license) == ("one", "plain", "digits", "MIT")
    assert (entry.params, entry.macs) == (1000, 5000)
    assert (entry.split, entry.weights) == ("val", "raw")
    assert entry.accuracy is not None
    assert (entry.accuracy.count, entry.accuracy.n) == (360, 400)
    assert entry.accuracy.low < 0.9 < entry.accuracy.high
    assert entry.size == sum(
        path.stat().st_size for path in (tmp_path / "one").iterdir() if "manifest" not in path.name
    )


@pytest.mark.parametrize(
    ("sort", "names"), [("name", "abc"), ("accuracy", "cba"), ("params", "bca"), ("macs", "acb"), ("size", "bac")]
)
def test_rows_are_sorted_the_best_or_the_smallest_first(tmp_path: Path, sort: str, names: str) -> None:
    for name, accuracy, params, macs, more in (("a", 0.1, 30, 1, 1), ("b", 0.5, 10, 3, 0), ("c", 0.9, 20, 2, 2)):
        cost = {**COST, "params": params, "macs": macs}
        made_up(tmp_path, name, cost=cost, results=[evaluated(accuracy)], git={"commit": "x" * 100 * more})
    assert [entry.name for entry in read_catalog(tmp_path, sort=sort).entries] == list(names)


def test_what_is_not_told_is_not_made_up_and_comes_last(tmp_path: Path) -> None:
    made_up(tmp_path, "a", results=None, cost=None, data=None, license=None)
    made_up(tmp_path, "b")
    entries = read_catalog(tmp_path).entries
    assert (entries[0].accuracy, entries[0].params, entries[0].macs, entries[0].data) == (None, None, None, "")
    for sort in ("accuracy", "params", "macs"):
        assert [entry.name for entry in read_catalog(tmp_path, sort=sort).entries] == ["b", "a"]
    assert any("none is named" in told for _, told in catalog_page(read_catalog(tmp_path)).about)


def test_the_license_of_a_source_is_not_that_of_the_package_and_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = made_up(tmp_path, license=None, origin={"source": "timm:x", "license": "apache-2.0"})
    assert read_catalog(tmp_path).entries[0].license == ""
    main(["zoo", "show", str(package)])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "license none is named, so ask before you use it" in lines
    assert "origin source timm:x, license apache-2.0" in lines


@pytest.mark.parametrize(
    "strange",
    [
        {"accuracy": 1.5}, {"accuracy": -0.1}, {"accuracy": "0.9"}, {"accuracy": None}, {"n": 0}, {"n": -5},
        {"n": 10**30}, {"n": 1.5}, {"n": True}, {"split": 3}, {"weights": None}, {"loss": "low"}, {"loss": 10**400},
    ],
)  # fmt: skip
def test_a_result_that_cannot_be_one_is_none(tmp_path: Path, strange: dict[str, object]) -> None:
    made_up(tmp_path, results=[{**evaluated(0.9), **strange}])
    assert read_catalog(tmp_path).entries[0].accuracy is None


def test_the_accuracy_is_of_the_split_that_is_asked_for(tmp_path: Path) -> None:
    made_up(tmp_path, results=[evaluated(0.5), evaluated(0.25, "test"), evaluated(0.75, "test", "averaged")])
    for split, accuracy, weights in (("", 0.5, "raw"), ("val", 0.5, "raw"), ("test", 0.75, "averaged")):
        [entry] = read_catalog(tmp_path, split).entries
        assert entry.accuracy is not None
        assert (entry.accuracy.value, entry.weights) == (accuracy, weights)
    assert read_catalog(tmp_path, "other").entries[0].accuracy is None


def test_what_is_no_whole_package_is_told_and_the_hidden_is_not(tmp_path: Path) -> None:
    made_up(tmp_path, "whole")
    made_up(tmp_path, ".making")
    (made_up(tmp_path, "shorter") / "README.md").write_text("short")
    (made_up(tmp_path, "changed") / "metadata.json").write_text(
        (tmp_path / "whole" / "metadata.json").read_text().replace("MIT", "BSD")
    )
    (made_up(tmp_path, "more") / "setup.py").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("a file is no package")
    catalog = read_catalog(tmp_path)
    assert [entry.name for entry in catalog.entries] == ["whole"]
    told = {problem.folder.name: problem.reason for problem in catalog.problems}
    assert told.keys() == {"shorter", "changed", "more", "empty"}
    assert told["shorter"].startswith("README.md: differs from what the manifest says")
    assert told["changed"].startswith("metadata.json: differs from what the manifest says")
    assert told["more"].startswith("setup.py: does not belong")
    assert told["empty"] == "there is no package in this folder"


def test_the_index_is_written_and_never_read(tmp_path: Path) -> None:
    made_up(tmp_path, "one")
    catalog = read_catalog(tmp_path)
    write_index(tmp_path, catalog)
    index = json.loads((tmp_path / INDEX_FILE).read_text())
    assert [package["name"] for package in index["packages"]] == ["one"]
    index["packages"][0]["accuracy"]["value"] = 1.0
    index["packages"].append({**index["packages"][0], "name": "another"})
    (tmp_path / INDEX_FILE).write_text(json.dumps(index))
    assert read_catalog(tmp_path) == catalog
    main(["zoo", "list", str(tmp_path), "--sort", "size"])
    assert json.loads((tmp_path / INDEX_FILE).read_text()) == catalog.to_json()


@pytest.mark.parametrize(
    "foreign",
    ["", "{", "[]", "null", '{"schema": 1}', '{"schema": 2, "packages": [], "left_out": []}', "\x00", "[" * 10**5],
)
def test_an_index_that_is_not_ours_stays(tmp_path: Path, foreign: str) -> None:
    made_up(tmp_path)
    (tmp_path / INDEX_FILE).write_text(foreign)
    main(["zoo", "list", str(tmp_path)])
    assert (tmp_path / INDEX_FILE).read_text() == foreign


def test_a_folder_without_packages_gets_no_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("docs", "src", "tests"):
        (tmp_path / name).mkdir()
    main(["zoo", "list", str(tmp_path)])
    assert "docs, src, tests: there is no package in this folder" in capsys.readouterr().out
    assert not (tmp_path / INDEX_FILE).exists()


def test_a_package_is_no_zoo_and_stays_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = made_up(tmp_path)
    with pytest.raises(SystemExit):
        main(["zoo", "list", str(package)])
    told = f"error: {package}: this is a package, not a zoo; `archbuilder zoo show {package}` tells about it\n"
    assert capsys.readouterr().err == told
    read_facts(package)


@pytest.mark.parametrize("name", ["index.json", "Index.JSON"])
def test_no_package_is_called_as_the_index(name: str) -> None:
    with pytest.raises(PackageError, match="the index of a zoo is called so"):
        check_name(name)


def test_a_zoo_that_cannot_be_written_to_is_listed(tmp_path: Path) -> None:
    made_up(tmp_path, "one")
    (tmp_path / INDEX_FILE).mkdir()  # nothing can be put there, whoever runs the test
    write_index(tmp_path, read_catalog(tmp_path))
    assert len(read_catalog(tmp_path).entries) == 1


def test_no_folder_and_no_such_sort_are_told(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="No such file"):
        read_catalog(tmp_path / "nothing")
    with pytest.raises(PackageError, match="did you mean 'params'"):
        read_catalog(tmp_path, sort="param")


def test_listing_imports_no_torch(tmp_path: Path) -> None:
    made_up(tmp_path, "one")
    (tmp_path / "broken").mkdir()
    program = (
        "import sys; from archbuilder.cli import main; main(['zoo', 'list', sys.argv[1]]); "
        "main(['zoo', 'show', sys.argv[1] + '/one']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "90.00" in done.stdout
    assert "no whole package" in done.stdout


def test_every_sort_is_told_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["zoo", "list", "--help"])
    help = " ".join(capsys.readouterr().out.split())
    assert all(re.search(rf"\b{sort}\b", help.partition("--sort KEY")[2]) for sort in SORTS)


def test_a_listing_as_json_is_the_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_up(tmp_path, "one")
    main(["zoo", "list", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out) == read_catalog(tmp_path).to_json()


def test_a_narrow_terminal_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = {**COST, "params": 1_234_567, "macs": 1_234_567_890}
    name = "a-name-that-has-no-room-in-a-column"
    made_up(tmp_path, name, cost=cost, license=None)
    monkeypatch.setenv("COLUMNS", "80")
    main(["zoo", "list", str(tmp_path)])
    out = capsys.readouterr().out
    lines = [line.rstrip() for line in out.splitlines()]
    assert max(map(len, lines)) <= 80
    headings = lines[0].split()
    assert "license" not in headings
    assert "none is named" not in out
    assert "no room here for" in out
    assert all(told in " ".join(lines[1:-1]) for told in ("1,234,567", "90.00"))
    assert "".join(line.split(" ")[0] for line in lines[1:3]) == name
    monkeypatch.setenv("COLUMNS", "200")
    main(["zoo", "list", str(tmp_path)])
    out = capsys.readouterr().out
    assert name in out
    assert "none is named" in out
    assert "no room" not in out


def test_folders_that_are_left_out_for_one_reason_share_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(11):
        (tmp_path / f"folder{number:02}").mkdir()
    (made_up(tmp_path, "shorter") / "README.md").write_text("")
    main(["zoo", "list", str(tmp_path)])
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("no whole package: ")]
    folders = ", ".join(f"folder{number:02}" for number in range(10))
    assert told == [
        f"no whole package: {folders} and 1 more: there is no package in this folder",
        "no whole package: shorter: README.md: differs from what the manifest says; the package is damaged",
    ]
