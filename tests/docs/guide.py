"""The examples of a page: found, the files among them written where they say, and the commands given."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from archbuilder.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block of the page: its language, its text, and the line it starts at."""

    language: str
    text: str
    line: int

    @property
    def path(self) -> str:
        """Where a YAML file lies, by its first line."""
        found = re.match(r"# (\S+\.yaml)\n", self.text)
        assert found, f"line {self.line}: a YAML example begins with a comment that is its path"
        return found.group(1)

    @property
    def is_block(self) -> bool:
        return Path(self.path).parent.name == "block"


def examples(page: str) -> list[Example]:
    """Return all fenced blocks of a page in order."""
    found = _FENCE.finditer(page)
    return [Example(one.group(1), one.group(2), page.count("\n", 0, one.start()) + 1) for one in found]


def write_files(of: list[Example], folder: Path) -> None:
    """Write every YAML example to its place below a folder."""
    for example in of:
        if example.language == "yaml":
            path = folder / example.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console example, each with the output that is shown."""
    _, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def matches(shown: str, printed: str) -> bool:
    """Tell whether what is shown was printed: spaces count as one, and `...` stands for anything."""
    wanted = " ".join(shown.split())
    pattern = ".*".join(re.escape(part.strip()) for part in wanted.split("..."))
    return re.fullmatch(f" *{pattern} *", " ".join(printed.split())) is not None


def follow(text: str, capsys: pytest.CaptureFixture[str], ending: str = "") -> int:
    """Give the commands of a console example, each of which prints what is shown, and return how many there are.

    `ending` is what follows on what is shown: `...` where a page may leave out how an output ends.
    """
    found = commands(text)
    for command, shown in found:
        program, *arguments = shlex.split(command)
        assert program == "archbuilder"
        fails = shown.startswith("error: ")
        with pytest.raises(SystemExit) if fails else contextlib.nullcontext():
            main(arguments)
        printed = capsys.readouterr()
        assert matches(f"{shown}{ending}", printed.err if fails else printed.out), f"{command}\n{printed}"
    return len(found)


def session(page: str) -> str:
    """Return a page with all but its Python examples blanked, so that lines keep their numbers."""
    lines = [""] * (page.count("\n") + 1)
    for one in examples(page):
        if one.language == "python":
            inside = one.text.splitlines()
            lines[one.line : one.line + len(inside)] = inside
    return "\n".join(lines)
