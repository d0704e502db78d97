"""What docs/results/ publishes is what its records say."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from PIL import Image

import archbuilder
from archbuilder.compare import compare
from archbuilder.compare.find import find_runs
from archbuilder.compare.statistics import group
from benchmarks.reduction import NETWORKS

RESULTS = Path(__file__).parents[2] / "docs" / "results"
PAGES = ("cifar10", "reduction")
# A figure with what it stands on: an interval or one seed, its n where that is not all seeds, its mark.
TOLD = r"\d\d\.\d\d (n=1|±\d+\.\d\d)( n=\d+)?( \\?[*?])?"


@pytest.fixture(scope="module", params=PAGES)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A published comparison, and the same made anew from the records by what the command on its page says."""
    published = RESULTS / request.param
    folder = tmp_path_factory.mktemp("made")
    report = compare([published / "records"], folder, also="test=test (JPEG)")
    assert not report.problems
    return published, folder


def rows(page: str) -> list[dict[str, str]]:
    with (RESULTS / page / "comparison.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def tables(text: str) -> list[list[str]]:
    """Return the cells of all lines of a page's tables."""
    return [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("page", PAGES)
def test_the_command_is_on_the_page(page: str) -> None:
    text = (RESULTS / page / "README.md").read_text()
    assert f"archbuilder compare docs/results/{page}/records --also 'test=test (JPEG)'" in text


@pytest.mark.parametrize("suffix", ["md", "csv", "json"])
def test_table_and_data_are_what_the_records_give(both: tuple[Path, Path], suffix: str) -> None:
    published, again = (folder / f"comparison.{suffix}" for folder in both)
    assert published.read_text() == again.read_text()


def test_the_picture_is_what_the_records_give(both: tuple[Path, Path]) -> None:
    """To a few grey levels in the mean, for other versions of matplotlib."""
    published, again = (
        np.asarray(Image.open(folder / "comparison.png").convert("RGB"), dtype=float) for folder in both
    )
    assert published.shape == again.shape
    assert np.abs(published - again).mean() < 1


@pytest.mark.parametrize("page", PAGES)
def test_every_accuracy_says_of_how_many_seeds_it_is(page: str) -> None:
    table = (RESULTS / page / "comparison.md").read_text()
    figures = re.findall(r"\| (\d\d\.\d\d[^|]*?) *(?=\|)", table)
    assert len(figures) >= 6
    assert all(re.fullmatch(TOLD, each) for each in figures), figures


def test_twenty_networks_stand_under_three_budgets_and_the_front_has_three_seeds_under_two() -> None:
    budgets = ("params=30000", "params=100000", "params=300000")
    for budget in budgets:
        assert len([row for row in rows("cifar10") if row["budget"] == budget]) == 20
    fronts = [row for row in rows("cifar10") if row["front"] == "true" and row["budget"] in budgets[1:]]
    assert len(fronts) >= 2
    assert all(int(row["n"]) >= 3 for row in fronts)


@pytest.mark.parametrize("budget", ["params=30000", "params=100000", "params=300000"])
def test_our_own_design_is_on_the_front_and_its_interval_above_the_next_best(budget: str) -> None:
    field = {row["model"]: row for row in rows("cifar10") if row["budget"] == budget}
    own = field.pop("fire_dilated_small")
    lowest = float(own["accuracy_mean"]) - float(own["accuracy_interval"])
    assert own["front"] == "true"
    cheaper = [row for row in rows("cifar10") if int(row["macs"]) <= int(own["macs"])]
    assert all(
        float(row["accuracy_mean"]) < float(own["accuracy_mean"]) for row in cheaper if row["model"] != own["model"]
    )
    assert lowest > max(float(row["accuracy_mean"]) for row in field.values())


def test_the_figures_of_the_readme_are_in_the_table() -> None:
    called = {
        "our own `fire_dilated_small`, found by trials,": "fire_dilated_small",
        "Inception": "inception_small",
        "MobileNetV3": "bneck_small",
        "ConvNeXt": "convnext_mini",
        "a four-way split": "fourway_small",
        "SqueezeNet": "fire_small",
        "EfficientNet": "mbconv_small",
        "DenseNet": "densenet_small",
        "plain 3x3s": "plain",
        "ResNet-20": "resnet20",
    }
    page = (RESULTS.parents[1] / "README.md").read_text()
    first = " ".join(page[: page.index("## A network is a YAML file")].split())
    field = {row["model"]: row for row in rows("cifar10") if row["budget"] == "params=100000"}
    for words, model in called.items():
        assert f"{words} {100 * float(field[model]['accuracy_mean']):.2f} %" in first
        assert field[model]["n"] == "3"
    assert len(re.findall(r"\d\d\.\d\d %", first)) == len(called)


def test_the_table_of_controls_is_what_their_records_and_the_comparison_say() -> None:
    groups, _ = group(find_runs([RESULTS / "cifar10" / "controls"])[0], "val")
    found = {
        ("fire_dilated_small", "relu"): next(each for each in groups if each.names == ("fire_dilated_relu",)),
        ("inception_small", "silu"): next(each for each in groups if each.names == ("inception_silu",)),
    }
    told = {key: f"{100 * each.mean:.2f} ±{100 * (each.interval or 0):.2f}" for key, each in found.items()}
    for name, act in (("fire_dilated_small", "silu"), ("inception_small", "relu")):
        row = next(row for row in rows("cifar10") if row["model"] == name and row["budget"] == "params=100000")
        told[name, act] = f"{100 * float(row['accuracy_mean']):.2f} ±{100 * float(row['accuracy_interval']):.2f}"
    table = tables((RESULTS / "cifar10" / "README.md").read_text())
    lines = {(cells[0].strip(" `"), cells[1]): cells[2].strip() for cells in table if len(cells) == 3}
    assert {key: lines[key] for key in told} == told
    assert all(len(each.runs) == 3 for each in found.values())


def trials() -> list[dict[str, str]]:
    with (RESULTS / "cifar10" / "trials.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_trials_are_as_many_on_as_many_images_as_the_page_says() -> None:
    assert len(trials()) == 114
    assert len({each["design"] for each in trials() if each["round"] == "1"} - {"base"}) == 64
    assert all(abs(2000 * float(each["accuracy"]) % 1) < 1e-6 for each in trials())


def test_the_worth_of_choices_is_that_of_a_linear_fit() -> None:
    fitted = [each for each in trials() if each["round"] == "1" and each["downsampling"] != "depthwise 3x3"]
    start = next(each for each in fitted if each["design"] == "base")
    factors = ("branches", "widths", "repeats", "ratio", "share_3x3", "act", "stem", "downsampling")
    choices = sorted({(key, each[key]) for each in fitted for key in factors if each[key] != start[key]})
    x = np.array(
        [[1, int(each["params"]) > 200_000, *(each[key] == level for key, level in choices)] for each in fitted], float
    )
    y = np.array([100 * float(each["accuracy"]) for each in fitted])
    worth, (squares,), *_ = np.linalg.lstsq(x, y, rcond=None)
    error = np.sqrt(squares / (len(y) - x.shape[1]) * np.diag(np.linalg.inv(x.T @ x)))
    found = {
        (f"{key} {level}", f"{points:+.1f} ±{half:.1f}", start[key])
        for (key, level), points, half in zip(choices, worth[2:], error[2:], strict=True)
    }
    told = [cells for cells in tables((RESULTS / "cifar10" / "README.md").read_text()) if "±" in cells[1]]
    assert len(fitted) == 43
    rest = [100 * float(each["accuracy"]) for each in trials() if each["round"] == "1" and each not in fitted]
    assert f"{y.mean() - mean(rest):.1f} points in the mean" in (RESULTS / "cifar10" / "README.md").read_text()
    assert {(name.strip(), points, against.strip()) for name, points, against in told} == found


def test_the_table_of_trials_is_what_the_trials_gave() -> None:
    found: dict[tuple[str, bool], list[float]] = {}
    for each in trials():
        if each["round"] == "2" or each["design"] == "base":
            found.setdefault((each["design"], int(each["params"]) > 200_000), []).append(100 * float(each["accuracy"]))
    means = {name: [f"{mean(found[name, large]):.2f}" for large in (False, True)] for name, _ in found}
    told = {cells[0].strip(): cells[2:] for cells in tables((RESULTS / "cifar10" / "README.md").read_text())}
    assert len(means) == 17
    assert {name: [cell.strip() for cell in told[name]] for name in means} == means


def test_the_table_of_the_ablation_is_what_was_measured() -> None:
    table = {row["model"]: row for row in rows("reduction")}
    cells = {line[0].strip(" `"): line for line in tables((RESULTS / "reduction" / "README.md").read_text())}
    assert set(table) == set(NETWORKS)
    for name, words in NETWORKS.items():
        row, cost = table[name], archbuilder.describe("resnet_bottleneck", words)
        assert (cost.params, cost.macs) == (int(row["params"]), int(row["macs"]))
        told = f"{100 * float(row['accuracy_mean']):.2f} ±{100 * float(row['accuracy_interval']):.2f}"
        assert cells[name][1:5] == [f"{cost.params:,}", f"{cost.macs:,}", told, row["n"]]
