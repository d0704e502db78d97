"""A record comes back as it was written, and anything else is refused, naming the file and the key."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.errors import RecordError
from archbuilder.record import RECORD_FILE, content_hash, read_record, write_record
from tests.compare.records import record, result

CONTENT: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(record())))

Path_ = tuple[str | int, ...]


def places(content: Any, kind: type, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of each value of a kind inside plain data."""
    if isinstance(content, kind):
        yield path
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from places(value, kind, (*path, key))


def at(content: Any, path: Path_) -> Any:
    for key in path:
        content = content[key]
    return content


# What is below these is free: settings, versions, git are what they are, splits are named by the data, budgets by cost.
FREE = {("recipe", "settings"), ("versions",), ("git",), ("data", "splits"), ("architecture", "budget")}
MAPPINGS = [path for path in places(CONTENT, dict) if path not in FREE]
KEYS = [(*path, key) for path in MAPPINGS for key in at(CONTENT, path)]
LEAVES = [path for path in places(CONTENT, object) if path and path[0] not in {"git"}]
LEAVES = [path for path in LEAVES if path[:2] != ("recipe", "settings") or len(path) == 2]


def changed(path: Path_, value: Any) -> Any:
    content = copy.deepcopy(CONTENT)
    at(content, path[:-1])[path[-1]] = value
    return content


def save(folder: Path, content: Any) -> Path:
    path = folder / RECORD_FILE
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def spelled(path: Path_) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f":{key}" for key in path)


def refusal(folder: Path, content: Any) -> str:
    """Return the message with which the content is refused; it must name the file."""
    path = save(folder, content)
    with pytest.raises(RecordError) as refused:
        read_record(folder)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = record(settings={"optimizer": {"lr": 0.1, "betas": [0.9, None]}, "ema": True}, name="réseau")
    path = write_record(written, tmp_path)
    assert path == tmp_path / RECORD_FILE
    assert read_record(tmp_path) == written
    assert read_record(path) == written


def test_a_record_leaves_only_itself_in_its_folder(tmp_path: Path) -> None:
    write_record(record(0.8), tmp_path)
    write_record(record(0.9), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]
    assert read_record(tmp_path) == record(0.9)


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_record(record(0.8), tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(record(float("nan")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]
    assert read_record(tmp_path) == record(0.8)


def test_results_are_found_by_split_and_weights() -> None:
    averaged = result(0.7, weights="averaged")
    both = record(results=[result(0.6), averaged, result(0.5, split="test")])
    assert both.result("val") == result(0.6)
    assert both.result("val", "averaged") == averaged
    assert both.result("test", "averaged") is None


def test_records_from_before_the_hash_of_the_weights_are_read(tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    del content["weights_sha256"]
    (tmp_path / RECORD_FILE).write_text(json.dumps(content))
    assert read_record(tmp_path).weights_sha256 == ""


@pytest.mark.parametrize("path", [key for key in KEYS if key != ("weights_sha256",)], ids=spelled)
def test_each_missing_key_is_refused_by_name(tmp_path: Path, path: Path_) -> None:
    content = copy.deepcopy(CONTENT)
    del at(content, path[:-1])[path[-1]]
    message = refusal(tmp_path, content)
    assert str(path[-1]) in message


@pytest.mark.parametrize("path", MAPPINGS, ids=spelled)
def test_each_unknown_key_is_refused_by_name(tmp_path: Path, path: Path_) -> None:
    message = refusal(tmp_path, changed((*path, "surprise"), 1))
    assert f"{RECORD_FILE}{spelled(path)}: unknown key 'surprise'" in message


def test_a_misspelt_key_is_told_the_right_one(tmp_path: Path) -> None:
    assert "did you mean 'params'?" in refusal(tmp_path, changed(("cost", "parms"), 1))


@pytest.mark.parametrize("path", LEAVES, ids=spelled)
def test_each_value_of_a_wrong_type_is_refused_by_key(tmp_path: Path, path: Path_) -> None:
    present = at(CONTENT, path)
    others: list[Any] = ["1", 1, 1.5, True, None, [], {}]
    accepted = (int, float) if isinstance(present, float) else (type(present),)
    for other in others:
        if type(other) not in accepted:
            message = refusal(tmp_path, changed(path, other))
            assert spelled(path) in message or path == ("schema",)


def test_a_whole_number_is_a_fine_accuracy(tmp_path: Path) -> None:
    save(tmp_path, changed(("results", 0, "accuracy"), 1))
    accuracy = read_record(tmp_path).results[0].accuracy
    assert (accuracy, type(accuracy)) == (1.0, float)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_a_number_that_no_computation_may_meet_is_refused(tmp_path: Path, number: str) -> None:
    text = json.dumps(changed(("results", 0, "accuracy"), "HERE")).replace('"HERE"', number)
    refusal(tmp_path, text)


@pytest.mark.parametrize("schema", [0, 2, "1", None, True, 1.0])
def test_another_schema_is_refused(tmp_path: Path, schema: Any) -> None:
    assert "schema" in refusal(tmp_path, changed(("schema",), schema))


@pytest.mark.parametrize("content", ["", "not json", "[]", "null", '"text"', "1", "{}", "\ufeff{}"])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    refusal(tmp_path, content)


def test_a_truncated_record_is_refused_at_every_length(tmp_path: Path) -> None:
    text = json.dumps(CONTENT)
    for length in range(0, len(text), 97):
        refusal(tmp_path, text[:length])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(RecordError, match=RECORD_FILE):
        read_record(tmp_path)


@pytest.mark.parametrize("opening", ["[", '{"schema": 1, "seed": [', '{"a":'])
def test_deep_nesting_is_refused(tmp_path: Path, opening: str) -> None:
    refusal(tmp_path, opening * 100_000)


def test_deep_nesting_where_anything_may_stand_does_not_crash(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    refusal(tmp_path, json.dumps(changed(("git", "x"), "HERE")).replace('"HERE"', deep))


def test_nesting_that_can_just_be_read_is_refused_too(tmp_path: Path) -> None:
    text = json.dumps(changed(("results", 0, "split"), "HERE"))
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
        refusal(tmp_path, text.replace('"HERE"', "[" * depth + "]" * depth))


def test_a_folder_without_a_record_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=f"{tmp_path}: there is no {RECORD_FILE} here.*train it to the end"):
        read_record(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="absent"):
        read_record(tmp_path / "absent")


def test_a_record_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).mkdir()
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from([path for path in places(CONTENT, object) if path]), value=JSON)
def test_any_value_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, path: Path_, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("run")
    path_of_record = save(folder, changed(path, value))
    try:
        read_record(folder)
    except RecordError as error:
        named = str(path_of_record) in str(error)
    else:
        named = True
    assert named


def test_a_hash_of_content_knows_values_but_not_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})
    assert content_hash({"a": 1}) != content_hash({"a": "1"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("cost", "params"), -5),
        (("cost", "macs"), -5),
        (("data", "splits", "val"), -1),
        (("architecture", "budget"), {"params": -1}),
        (("training", "epochs"), -1),
        (("training", "latency"), -1.0),
        (("training", "latency"), 1e-300),
        (("training", "images_per_second"), 1e308),
        (("training", "seconds"), 10**400),
        (("results", 0, "accuracy"), 1.1),
        (("results", 0, "n"), 0),
    ],
    ids=str,
)
def test_a_number_that_no_run_can_have_is_refused_by_key(tmp_path: Path, path: Path_, value: Any) -> None:
    assert spelled(path) in refusal(tmp_path, changed(path, value))


def test_what_costs_nothing_and_takes_no_time_is_read(tmp_path: Path) -> None:
    content = changed(("cost",), dict.fromkeys(CONTENT["cost"], 0))
    content["training"] |= {"seconds": 0, "latency": 0, "images_per_second": 1e18}
    save(tmp_path, content)
    assert read_record(tmp_path).cost.params == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("architecture", "name"), "half\ud800"),
        (("data", "splits"), {"half\ud800": 1}),
        (("recipe", "settings"), {"half\ud800": 1}),
        (("recipe", "settings"), {"augment": ["half\ud800"]}),
        (("git", "branch"), "half\ud800"),
    ],
    ids=str,
)
def test_half_a_character_is_refused_wherever_it_stands(tmp_path: Path, path: Path_, value: Any) -> None:
    assert "'half\\ud800' is no text" in refusal(tmp_path, changed(path, value))


def test_settings_are_nested_as_deep_as_anybody_would(tmp_path: Path) -> None:
    def nested(levels: int) -> Any:
        return {"a": nested(levels - 1)} if levels else 1

    save(tmp_path, changed(("recipe", "settings"), nested(51)))
    assert read_record(tmp_path).recipe.settings == nested(51)
    for levels in (52, 900):
        assert "nested deeper than 50 levels" in refusal(tmp_path, changed(("recipe", "settings"), nested(levels)))
