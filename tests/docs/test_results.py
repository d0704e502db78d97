"""What docs/results/ publishes is what its records say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archbuilder.compare import compare

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "cifar10"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison, made anew from the records by what the command on the page says."""
    folder = tmp_path_factory.mktemp("made")
    report = compare([RESULTS / "records"], folder, also="test=test (JPEG)")
    assert not report.problems
    return folder


def test_the_command_is_on_the_page() -> None:
    page = (RESULTS / "README.md").read_text()
    assert "archbuilder compare docs/results/cifar10/records --also 'test=test (JPEG)'" in page


@pytest.mark.parametrize("suffix", ["md", "csv", "json"])
def test_table_and_data_are_what_the_records_give(made: Path, suffix: str) -> None:
    name = f"comparison.{suffix}"
    assert (RESULTS / name).read_text() == (made / name).read_text()


def test_the_picture_is_what_the_records_give(made: Path) -> None:
    """To a few grey levels in the mean, for other versions of matplotlib."""
    published, again = (
        np.asarray(Image.open(folder / "comparison.png").convert("RGB"), dtype=float) for folder in (RESULTS, made)
    )
    assert published.shape == again.shape
    assert np.abs(published - again).mean() < 3


def test_every_accuracy_says_of_how_many_seeds_it_is() -> None:
    table = (RESULTS / "comparison.md").read_text()
    figures = re.findall(r"\| (\d\d\.\d\d[^|]*?) *(?=\|)", table)
    assert len(figures) > 10
    assert all(re.fullmatch(r"\d\d\.\d\d (n=1|±\d+\.\d\d)( n=\d+)?( [*?])?", each) for each in figures), figures


def test_the_figures_of_the_readme_are_in_the_table() -> None:
    page = (RESULTS.parents[2] / "README.md").read_text()
    figures = re.findall(r"(\d\d\.\d\d) %", page[: page.index("## A network is a YAML file")])
    table = (RESULTS / "comparison.md").read_text()
    assert len(figures) >= 3
    assert [each for each in figures if f"| {each} " not in table] == []
