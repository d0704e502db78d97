"""What a folder is, where it is no whole package, and what may lie in one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import archbuilder
from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.record import RECORD_FILE
from archbuilder.zoo.catalog import read_catalog
from archbuilder.zoo.facts import read_facts
from archbuilder.zoo.files import IGNORED, MANIFEST_FILE, MARKS, check_files, is_package, parse_json
from tests.zoo.packages import made_up
from tests.zoo.test_signing import pair


def a_zoo(folder: Path) -> Path:
    for name in "gfedcba":
        made_up(folder, name)
    (folder / "notes").mkdir()
    return folder


def a_run(folder: Path) -> Path:
    made_up(folder.parent, folder.name)
    (folder / MANIFEST_FILE).unlink()
    (folder / RECORD_FILE).touch()
    return folder


def a_file(folder: Path) -> Path:
    return made_up(folder) / "weights.safetensors"


def nothing(folder: Path) -> Path:
    folder.mkdir()
    (folder / "README.md").touch()
    return folder


@pytest.mark.parametrize(
    ("make", "telling"),
    [
        (a_zoo, "this is a zoo; name one of its packages: a, b, c, d, e and 2 more"),
        (a_run, "this is a run; `archbuilder export` packages it"),
        (a_file, "is a file; name the folder of a package, {}/made-up"),
        (nothing, "there is no package in this folder"),
        (Path, "there is no such folder"),
    ],
)
@pytest.mark.parametrize("command", ["load", "predict", "push", "sign", "show"])
def test_what_is_no_package_is_told_with_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path], telling: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "it")
    arguments = {
        "predict": ["predict", str(path), "picture.png"],
        "push": ["zoo", "push", str(path), (tmp_path / "there").as_uri()],
        "sign": ["zoo", "sign", str(path), "--key", str(pair(tmp_path, "mine")[0])],
        "show": ["zoo", "show", str(path)],
    }
    if command == "load":
        with pytest.raises(PackageError) as told:
            archbuilder.load(path)
        message = str(told.value)
    else:
        with pytest.raises(SystemExit):
            main(arguments[command])
        message = capsys.readouterr().err.removeprefix("error: ").removesuffix("\n")
    assert message == f"{path}: {telling.format(tmp_path / 'it')}"


@pytest.mark.parametrize("url", ["hf://someone/x", "s3://bucket/x"])
def test_a_url_has_to_be_pulled_first(url: str) -> None:
    with pytest.raises(PackageError, match=f"fetch it first with `archbuilder zoo pull {url} ZOO`"):
        archbuilder.load(url)


@pytest.mark.parametrize("name", sorted(MARKS))
def test_a_package_is_known_by_any_of_its_files_but_the_card(tmp_path: Path, name: str) -> None:
    (tmp_path / "README.md").touch()
    assert not is_package(tmp_path)
    (tmp_path / name).touch()
    assert is_package(tmp_path)


def test_what_git_and_the_hub_leave_in_a_folder_is_not_read_and_nothing_else_may_lie_there(tmp_path: Path) -> None:
    package = made_up(tmp_path)
    files = check_files(package)
    (package / ".git" / "hooks").mkdir(parents=True)
    (package / ".cache" / "huggingface").mkdir(parents=True)
    (package / ".gitattributes").write_bytes(b"\xff")
    (package / ".DS_Store").symlink_to("nowhere")
    assert {path.name for path in package.iterdir() if path.name.startswith(".")} == {*IGNORED}
    assert check_files(package) == files
    assert read_facts(package).files == files
    for other in (".gitignore", ".github", "__pycache__", "setup.py"):
        (package / other).touch()
        with pytest.raises(PackageError, match=f"{other}: does not belong into a package"):
            check_files(package)
        (package / other).unlink()


@pytest.mark.parametrize("letter", [*"\u200b\u200e\u061c\u00ad\u2060\ufeff\u202e\u2069\U000e0041\x1b\u2028"])
def test_letters_that_turn_or_hide_text_are_refused(letter: str) -> None:
    for text in (f'["dog{letter}"]', f'{{"dog{letter}": 1}}'):
        with pytest.raises(PackageError, match="characters that are not for people"):
            parse_json(text.replace(letter, f"\\u{ord(letter):04x}") if letter < " " else text, Path("metadata.json"))


@pytest.mark.parametrize("text", ["می\u200cخو", "क्\u200dष", "日本", "a\u00a0b", "🐕", "e\u0301"])
def test_what_scripts_need_is_taken(text: str) -> None:
    assert parse_json(f'["{text}"]', Path("metadata.json")) == [text]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    package = made_up(tmp_path)
    package.chmod(0)
    try:
        with pytest.raises(PackageError, match="cannot be read"):
            check_files(package)
        assert len(read_catalog(tmp_path).problems) == 1
    finally:
        package.chmod(0o700)
