"""A comparison reads folders, writes three files, and says what it left out and what may not be compared."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from archbuilder.compare import Report, compare
from archbuilder.errors import RecordError
from archbuilder.record import RECORD_FILE
from tests.compare.records import record, result, save


def flat(report: Report) -> str:
    """Return the printed report with its lines joined, so that a test need not know where they break."""
    return " ".join(report.render(100).split())


def written(report: Report, suffix: str) -> str:
    """Return the text of the file of that kind which a report wrote."""
    [path] = [path for path in report.files if path.suffix == suffix]
    return path.read_text(encoding="utf-8")


def test_a_file_of_each_kind_is_written_and_named(tmp_path: Path) -> None:
    save(tmp_path / "runs", *(record(0.9 + seed / 100, seed=seed) for seed in range(3)))
    report = compare([tmp_path / "runs"], tmp_path / "new" / "out")
    assert [path.name for path in report.files] == [
        "comparison.html", "comparison.md", "comparison.csv", "comparison.json", "comparison.png", "comparison.svg",
    ]  # fmt: skip
    assert sorted((tmp_path / "new" / "out").iterdir()) == sorted(report.files)
    assert (tmp_path / "new" / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    told = f"wrote {report.files[0]} and .md, .csv, .json, .png, .svg beside it"
    assert told in report.render(20)


def test_each_output_tells_the_same_numbers(tmp_path: Path) -> None:
    save(tmp_path, *(record(0.9 + seed / 100, seed=seed) for seed in range(3)))
    report = compare([tmp_path], tmp_path)
    (cells,) = csv.DictReader(io.StringIO(written(report, ".csv")))
    assert float(cells["accuracy_mean"]) == report.rows[0].accuracy_mean
    assert float(cells["accuracy_interval"]) == report.rows[0].accuracy_interval
    [row] = json.loads(written(report, ".json"))["rows"]
    assert row == json.loads(json.dumps(report.rows[0]._asdict()))
    for text in (written(report, ".md"), report.render()):
        assert "91.00 ±2.48" in text
    assert "![Accuracy against cost](comparison.png)" in written(report, ".md")


def test_the_held_out_split_is_the_default_and_test_is_not_for_choosing(tmp_path: Path) -> None:
    save(tmp_path, record(results=[result(0.8), result(0.7, split="test", n=10_000)]))
    chosen = compare([tmp_path], tmp_path)
    assert (chosen.split, chosen.rows[0].accuracy_mean) == ("val", 0.8)
    assert "on the val split of digits (5,000 images)" in flat(chosen)
    assert "do not choose by it" not in flat(chosen)
    final = compare([tmp_path], tmp_path, split="test")
    assert final.rows[0].accuracy_mean == 0.7
    assert "on the test split of digits (10,000 images)" in flat(final)
    assert "do not choose by it" in flat(final)


def test_what_is_left_out_is_listed_in_each_text(tmp_path: Path) -> None:
    save(tmp_path, record(), record(finished_at="2029-01-01"), record(seed=3, results=[result(1, "test")]))
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / "failure.txt").write_text("loss [is] :key: NaN", encoding="utf-8")
    report = compare([tmp_path], tmp_path / "out")
    assert len(report.problems) == 3
    text = flat(report)
    assert "Left out (3):" in text
    assert f"{tmp_path / 'failed'}: failed: loss [is] :key: NaN" in text
    assert "same architecture, recipe, data and seed" in text
    assert "has no result on the split 'val'; it has: test" in text
    page = written(report, ".md")
    assert "## Left out (3)" in page
    assert "loss \\[is\\] :key: NaN" in page


def test_how_wide_an_interval_of_two_seeds_is_is_told(tmp_path: Path) -> None:
    save(tmp_path, *(record(seed=seed) for seed in (1, 2)))
    assert "Of two seeds an interval is 12.7 standard errors to each side" in flat(compare([tmp_path], tmp_path))
    save(tmp_path, *(record(seed=seed) for seed in (1, 2, 3)))
    assert "Of two seeds" not in flat(compare([tmp_path], tmp_path))


def test_one_seed_is_called_chance(tmp_path: Path) -> None:
    save(tmp_path, record(name="a"), record(name="b"), record(name="b", seed=2))
    assert "1 of 2 rows have one seed (n=1) and so no interval" in flat(compare([tmp_path], tmp_path))


def test_several_recipes_are_told_apart_by_hash_and_settings(tmp_path: Path) -> None:
    short = {"epochs": 10, "optimizer": {"lr": 0.1}, "augment": "flip"}
    long = {"epochs": 50, "optimizer": {"lr": 0.1}, "augment": "flip"}
    save(tmp_path, record(settings=short), record(settings=long, seed=2))
    text = flat(compare([tmp_path], tmp_path))
    assert "fronts and ties are kept apart: recipe A; recipe B." in text
    for settings in (short, long):
        digest = record(settings=settings).recipe.hash[:8]
        assert f"({digest}): epochs={settings['epochs']}." in text
    assert "optimizer" not in text


def test_recipes_that_differ_in_much_name_the_first_settings(tmp_path: Path) -> None:
    save(tmp_path, *(record(settings={f"key{i}": value for i in range(9)}) for value in (1, 2)))
    assert "key5=1 and 3 more." in flat(compare([tmp_path], tmp_path))


def test_several_data_are_kept_apart(tmp_path: Path) -> None:
    save(tmp_path, *(record(name=name, data=data) for data in ("digits", "cifar10") for name in "ab"))
    report = compare([tmp_path], tmp_path)
    assert all(row.front for row in report.rows)
    assert "fronts and ties are kept apart: cifar10; digits." in flat(report)


def test_a_search_over_recipes_leaves_the_table_to_be_seen(tmp_path: Path) -> None:
    save(tmp_path / "runs", *(record(0.5 + i / 1000, settings={"lr": i / 1000}) for i in range(300)))
    report = compare([tmp_path / "runs"], tmp_path / "out")
    text = report.render(80)
    assert len(text.splitlines()) < 360
    assert not any(row.front for row in report.rows)
    assert "kept apart: recipe A; recipe B;" in flat(report)
    assert "recipe L; and 288 more: comparison.json." in flat(report)
    assert "And 288 more recipes: comparison.json tells them." in flat(report)
    assert "comparable rows, ties are told" not in flat(report)
    told = json.loads(written(report, ".json"))
    assert len({row["set"] for row in told["rows"]}) == 300
    for row in (told["rows"][0], told["rows"][-1]):
        recipe = told["recipes"][row["recipe"]]
        assert recipe["hash"] == row["recipe_hash"]
        assert list(recipe["settings"]) == ["lr"]


def test_seeds_that_stopped_early_are_said_to_be_kept_apart(tmp_path: Path) -> None:
    save(tmp_path, *(record(seed=i, epochs=10 + i) for i in range(3)))
    assert "stopped after different numbers of epochs are kept apart" in flat(compare([tmp_path], tmp_path))
    save(tmp_path / "other", record(), record(name="b", epochs=9))
    assert "stopped after" not in flat(compare([tmp_path / "other"], tmp_path))


def test_what_ties_are_is_told_where_there_are_some(tmp_path: Path) -> None:
    save(tmp_path / "one", record(name="a"), record(name="b"))
    assert "Ties:" not in flat(compare([tmp_path / "one"], tmp_path))
    save(tmp_path / "two", *(record(0.8 + seed / 10, name=name, seed=seed) for name in "ab" for seed in (0, 1)))
    told = "Ties: rows whose intervals overlap: not told apart without pairing; the difference is the paired test."
    assert told in flat(compare([tmp_path / "two"], tmp_path))
    alike = [record(0.8 + seed / 10, name=name, seed=seed, budget={"params": 9999}) for name in "ab" for seed in (0, 1)]
    save(tmp_path / "three", *alike)
    assert told.replace("rows", "rows of one budget") in flat(compare([tmp_path / "three"], tmp_path))


@pytest.mark.parametrize(("axis", "shown"), [("images_per_second", "img/s"), ("latency", "ms")])
def test_a_front_over_speeds_says_how_they_were_measured(tmp_path: Path, axis: str, shown: str) -> None:
    save(tmp_path, record())
    assert f"Each run measured its {shown} itself, perhaps beside other jobs" in flat(
        compare([tmp_path], tmp_path, x=axis)
    )
    assert "beside other jobs" not in flat(compare([tmp_path], tmp_path))


def test_networks_at_equal_budgets_stand_in_every_text(tmp_path: Path) -> None:
    save(
        tmp_path,
        *(record(a, name=n, budget={"params": 30_000}, seed=s) for n, a in (("a", 0.9), ("b", 0.8)) for s in (0, 1)),
    )
    report = compare([tmp_path], tmp_path / "out")
    legend = "* the best and those whose intervals overlap with its"
    assert f"Accuracy % at equal budgets: {legend}" in flat(report)
    assert f"## Accuracy % at equal budgets\n\n\\{legend}\n\n| network | 30k |" in written(report, ".md")
    marks = {each["network"]: each["mark"] for each in json.loads(written(report, ".json"))["equal_budgets"]}
    assert marks == {"a": "*", "b": ""}


def test_speeds_of_different_devices_are_not_compared_silently(tmp_path: Path) -> None:
    save(tmp_path, record(device="cpu"), record(seed=2, device="cuda"))
    assert "Speeds are not comparable: they were measured on cpu, cuda." in flat(compare([tmp_path], tmp_path))


def test_no_run_with_the_split_says_which_splits_there_are(tmp_path: Path) -> None:
    save(tmp_path, record(results=[result(0.9, "test")]), record(seed=2, results=[result(0.9, "train")]))
    with pytest.raises(RecordError, match=r"none of the 2 found has a result on the split 'val'.*test, train"):
        compare([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_run_with_the_weights_says_which_weights_there_are(tmp_path: Path) -> None:
    save(tmp_path, record(), record(seed=2))
    with pytest.raises(RecordError, match=r"a result on the split 'val' by averaged weights; they have: val by raw$"):
        compare([tmp_path], tmp_path / "out", weights="averaged")


def test_damaged_records_end_no_comparison(tmp_path: Path) -> None:
    _, *others = save(tmp_path, *(record(seed=i) for i in range(4)))
    damages = (
        ('"macs": 40000', '"macs": -5'),
        ('"latency": 0.002', '"latency": 1e-300'),
        ('"val": 5000', '"\\ud800": 1'),
    )
    for place, (sound, damaged) in zip(others, damages, strict=True):
        path = place / RECORD_FILE
        text = path.read_text(encoding="utf-8")
        assert sound in text
        path.write_text(text.replace(sound, damaged), encoding="utf-8")
    report = compare([tmp_path], tmp_path / "out", x="latency")
    assert ([row.n for row in report.rows], len(report.problems)) == ([1], 3)


def test_runs_without_any_result_are_called_so(tmp_path: Path) -> None:
    save(tmp_path, record(results=[]))
    with pytest.raises(RecordError, match="they have no results at all"):
        compare([tmp_path], tmp_path)


def test_only_failed_runs_are_an_error_with_their_reasons(tmp_path: Path) -> None:
    (tmp_path / "failure.txt").write_text("out of memory", encoding="utf-8")
    with pytest.raises(RecordError, match=r"nothing here can be compared: .*failed: out of memory"):
        compare([tmp_path], tmp_path)


def test_a_stream_without_all_signs_gets_a_report_too(tmp_path: Path) -> None:
    save(tmp_path, record(name="réseau"), record(name="réseau", seed=2))
    report = compare([tmp_path], tmp_path)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    report.print(Console(file=stream, width=80))
    stream.flush()
    assert b"r?seau" in raw.getvalue()


def test_importing_the_comparison_imports_nothing_heavy() -> None:
    code = (
        "import sys, archbuilder.compare; "
        "print({'torch', 'matplotlib', 'scipy', 'numpy', 'rich', 'lightning', 'hydra'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_option_that_is_wrong_is_named(tmp_path: Path) -> None:
    save(tmp_path, record())
    for option, wrong in (("x", "parms"), ("weights", "average")):
        with pytest.raises(RecordError, match=rf"^--{option}: .* '{wrong}'; did you mean"):
            compare([tmp_path], tmp_path, **{option: wrong})  # type: ignore[arg-type]


def test_a_second_split_stands_in_every_output_under_its_name(tmp_path: Path) -> None:
    save(tmp_path, record(results=[result(0.8), result(0.7, split="test", n=10_000)]))
    report = compare([tmp_path], tmp_path, also="test=test (JPEG)")
    assert "70.00 n=1" in report.render(200)
    assert "test (JPEG) %" in written(report, ".md")
    assert json.loads(written(report, ".json"))["rows"][0]["also_mean"] == 0.7
    assert '"also":"test (JPEG)"' in written(report, ".html")


def test_a_second_split_that_no_run_has_is_refused(tmp_path: Path) -> None:
    save(tmp_path, record(results=[result(0.8), result(0.7, split="test", n=10_000)]))
    with pytest.raises(RecordError, match=r"--also: there are no results on a split 'tset'; did you mean 'test'\?"):
        compare([tmp_path], tmp_path, also="tset")
