"""Labels are as short as they can be while telling everything apart."""

from __future__ import annotations

from archbuilder.compare.labels import (
    data_labels,
    differences,
    network_labels,
    recipe_labels,
    set_labels,
    shortest,
)
from archbuilder.compare.statistics import Group, group
from archbuilder.record import Record
from tests.compare.records import record, result, runs


def groups_of(*records: Record) -> list[Group]:
    return group(runs(*records), "val")[0]


def test_the_first_label_that_no_other_has_is_taken() -> None:
    assert shortest({1: ("a", "a1"), 2: ("a", "a2"), 3: ("b", "b3")}) == {1: "a1", 2: "a2", 3: "b"}
    assert shortest({1: ("a", "a1"), 2: ("a", "a1")}) == {1: "a1", 2: "a1"}


def test_a_network_is_called_by_its_name() -> None:
    assert list(network_labels(groups_of(record(name="a"), record(name="b"))).values()) == ["a", "b"]


def test_networks_of_one_name_are_told_apart_by_hash() -> None:
    one, other = (
        record(architecture_hash="12345678" + "a" * 56),
        record(architecture_hash="87654321" + "b" * 56),
    )
    assert list(network_labels(groups_of(one, other)).values()) == ["net 12345678", "net 87654321"]


def test_networks_with_the_same_beginning_of_a_hash_are_still_told_apart() -> None:
    one, other = record(architecture_hash="12345678a"), record(architecture_hash="12345678b")
    assert list(network_labels(groups_of(one, other)).values()) == ["net 12345678a", "net 12345678b"]
    recounted = network_labels(groups_of(record(architecture_hash="1"), record(architecture_hash="1", params=9)))
    assert len(set(recounted.values())) == 2


def test_one_architecture_under_two_names_has_both_in_every_group() -> None:
    one = record(name="a", architecture_hash="f")
    other = record(name="b", architecture_hash="f", settings={"epochs": 2})
    assert list(network_labels(groups_of(one, other)).values()) == ["a / b"]


def test_data_are_told_apart_by_what_differs() -> None:
    one, other = record(fingerprint="1" * 64), record(fingerprint="2" * 64)
    third = record(data="cifar10")
    labels = data_labels(g.conditions for g in groups_of(one, other, third))
    assert sorted(labels.values()) == ["cifar10", "digits 11111111", "digits 22222222"]
    smaller = record(splits={"train": 1, "val": 2})
    labels = data_labels(g.conditions for g in groups_of(record(), smaller))
    assert "digits train=1 val=2" in labels.values()


def test_recipes_have_letters_only_where_there_are_several() -> None:
    assert recipe_labels(["x"]) == {"x": ""}
    assert recipe_labels(["y", "x", "y"]) == {"x": "A", "y": "B"}
    many = recipe_labels(f"{i:04}" for i in range(26 + 26 * 26 + 1))
    assert [many[key] for key in ("0000", "0025", "0026", "0051", "0052", "0702")] == [
        "A", "Z", "AA", "AZ", "BA", "AAA",
    ]  # fmt: skip
    assert len(set(many.values())) == len(many)


def test_sets_are_named_by_what_tells_them_apart() -> None:
    def names(*records: Record) -> list[str]:
        groups, _ = group(runs(*records), "val", "all")
        return sorted(set_labels(g.conditions for g in groups).values())

    averaged = record(results=[result(0.9), result(0.9, weights="averaged")])
    assert names(record(), record(name="b")) == [""]
    assert names(record(), record(data="cifar10")) == ["cifar10", "digits"]
    assert names(record(), record(settings={"epochs": 2})) == ["recipe A", "recipe B"]
    assert names(averaged) == ["averaged weights", "raw weights"]
    assert names(record(), record(epochs=9)) == ["10 epochs", "9 epochs"]
    assert names(record(), record(seed=2, results=[result(0.9, n=100)])) == ["100 images", "5,000 images"]
    assert len(set(names(averaged, record(data="cifar10"), record(settings={"epochs": 2})))) == 4


def test_differences_are_dotted_keys_with_each_recipes_value() -> None:
    one = {"epochs": 1, "optimizer": {"lr": 0.1, "name": "sgd"}, "extra": {}}
    other = {"epochs": 1, "optimizer": {"lr": 0.2, "name": "sgd"}}
    assert differences([one, other]) == {"extra": ["{}", "unset"], "optimizer.lr": ["0.1", "0.2"]}
    assert differences([one, one]) == {}
