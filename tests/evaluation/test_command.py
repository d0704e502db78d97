"""`archbuilder eval`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from archbuilder.cli import main
from archbuilder.evaluation.figures import figures
from archbuilder.evaluation.report import Evaluation
from archbuilder.record import read_record
from tests.test_cli import told


def made(classes: int, n: int, **changes: object) -> Evaluation:
    """An evaluation of a network that is right more often than not, without the network."""
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, n)
    logits = random.normal(size=(n, classes)) + 3 * np.eye(classes)[labels]
    values = {
        "path": Path("runs/a"), "kind": "run", "network": "net", "data": "things", "fingerprint": "f", "split": "val",
        "trained_on": ("things", "f"), "labels": tuple(f"[red]|{i}|" for i in range(classes)), "device": "cpu",
        "figures": figures(logits, labels), "flips": None, "recorded": (), "notes": ("mind [this]",),
    }  # fmt: skip
    return Evaluation(**{**values, **changes})  # type: ignore[arg-type]


def printed(evaluation: Evaluation, width: int = 100) -> str:
    import io

    from rich.console import Console

    text = io.StringIO()
    evaluation.print(Console(file=text, width=width, color_system=None))
    return text.getvalue()


def test_a_run_on_the_terminal(capsys: pytest.CaptureFixture[str], finished: Path) -> None:
    main(["eval", str(finished), "--device", "cpu"])
    captured = capsys.readouterr()
    [result] = read_record(finished).results
    assert captured.out.startswith("small on digits, split val (359 images)")
    accuracy, recorded = (
        re.search(rf"^{name} +(\d+\.\d\d)%", captured.out, re.MULTILINE)
        for name in ("accuracy", "recorded, raw weights")
    )
    assert accuracy
    assert recorded
    assert accuracy[1] == recorded[1] == f"{100 * result.accuracy:.2f}"
    assert "calibration error" in captured.out
    assert "flips" not in captured.out
    assert captured.err == ""


def test_json_alone_is_printed_and_tells_everything(
    capsys: pytest.CaptureFixture[str], packaged: Path, tmp_path: Path
) -> None:
    options = ["--split", "val", "--json", "--flips", "--device", "cpu", "--to", str(tmp_path / "report")]
    main(["eval", str(packaged), *options, "data=digits", "data.size=16", "--batch-size", "50"])
    content = json.loads(capsys.readouterr().out)
    assert content["accuracy"]["value"] == read_written(tmp_path / "report")["accuracy"]["value"]
    assert content["accuracy"]["value"] == content["recorded"][0]["accuracy"]
    assert content["accuracy_with_flips"]["n"] == content["n"] == 359
    assert np.sum(content["confusion"]) == 359
    assert np.trace(content["confusion"]) == content["accuracy"]["count"]
    assert len(content["classes"]) == 10
    assert len(content["calibration"]["bins"]) == 15
    assert content["data"]["fingerprint"] == content["trained_on"]["fingerprint"]


def read_written(folder: Path) -> dict[str, dict[str, float]]:
    """Check the files of a report and return the JSON of it."""
    assert {path.name for path in folder.iterdir()} == {"evaluation.json", "evaluation.md", "confusion.png"}
    page = (folder / "evaluation.md").read_text()
    assert "(confusion.png)" in page
    assert "| accuracy with flips |" in page
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
    content: dict[str, dict[str, float]] = json.loads((folder / "evaluation.json").read_text())
    return content


def test_written_files_are_named(capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path) -> None:
    main(["eval", str(finished), "--device", "cpu", "--to", str(tmp_path)])
    out = capsys.readouterr().out
    for name in ("evaluation.json", "evaluation.md", "confusion.png"):
        assert f"wrote {tmp_path / name}" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["{run}", "--split", "vall"], "did you mean 'val'"),
        (["{run}", "data.sise=3"], "data.sise: unknown key; did you mean 'size'"),
        (["{run}", "--device", "abacus"], "device: 'abacus' cannot be used here"),
        (["{run}", "--batch-size", "0"], "batch_size: 0 images"),
    ],
)
def test_a_mistake_is_one_paragraph_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    given = [text.replace("{run}", str(finished)) for text in arguments]
    assert words in told(capsys, "eval", *given, "--to", str(tmp_path / "report"))
    assert not (tmp_path / "report").exists()


def test_names_and_notes_are_printed_as_they_are() -> None:
    text = printed(made(3, 200))
    assert "[red]|2|" in text
    assert "! mind [this]" in text
    page = made(3, 200).to_markdown()
    assert r"\[red\]\|2\|" in page


def test_of_many_classes_the_least_accurate_are_shown_and_the_page_has_all() -> None:
    evaluation = made(100, 5000)
    text, page = printed(evaluation), evaluation.to_markdown()
    assert "the 10 least accurate of 100 classes" in text
    shown = [int(i) for i in re.findall(r"^\[red\]\|(\d+)\|", text, re.MULTILINE)]
    values = [each.accuracy.value for each in evaluation.figures.classes if each.accuracy]
    assert len(shown) == 10
    assert [values[i] for i in shown] == sorted(values)[:10]
    assert len(re.findall(r"^\| \\\[red", page, re.MULTILINE)) == 100


def test_every_row_of_the_page_has_as_many_cells_as_its_head() -> None:
    page = made(8, 50, labels=tuple("a|b" for _ in range(8))).to_markdown()
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
