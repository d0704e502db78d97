"""Data fits a network by its images' shape and its classes' names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.errors import DataError
from archbuilder.evaluation.fit import check_shape, class_order
from archbuilder.zoo.preprocess import Preprocess


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True).flatmap(
        lambda x: st.tuples(st.just(x), st.permutations(x))
    )
)
def test_each_class_of_the_data_is_the_network_s_of_that_name(pair: tuple[list[str], list[str]]) -> None:
    wanted, given_labels = pair
    order = class_order(wanted, given_labels, "data")
    assert [wanted[i] for i in order] == given_labels


def test_equal_names_in_equal_order_need_not_be_unique() -> None:
    assert class_order(["crane", "crane", "tub"], ["crane", "crane", "tub"], "birds") == [0, 1, 2]
    with pytest.raises(DataError, match="several have one name"):
        class_order(["crane", "crane", "tub"], ["crane", "tub", "crane"], "birds")


@pytest.mark.parametrize(
    ("wanted", "given_labels", "words"),
    [
        (["a", "b"], ["a", "c"], "the network's 'b' is not in the data, and the data's 'c' is not among the network's"),
        (["a", "b", "c"], ["a"], "has 1 classes and the network 3; the network's 'b', 'c' are not in the data: "),
        (["a"], ["a", "b"], "has 2 classes and the network 1; the data's 'b' is not among the network's: "),
        (list("abcdefgh"), ["a"], "'b', 'c', 'd', 'e', 'f' and 2 more are not in the data"),
        (["cat", "dog"], ["0", "1"], r"or name them in their order: data\.labels="),
    ],
)
def test_what_differs_is_named(wanted: list[str], given_labels: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        class_order(wanted, given_labels, "data", {"labels": None})


def test_a_network_that_resizes_takes_any_size_but_its_own_channels() -> None:
    resizing = Preprocess([3, 224, 224], [0.5] * 3, [0.5] * 3, resize=256)
    check_shape(resizing, "photos", [3, 300, 500], {})
    with pytest.raises(DataError, match=r"images are \[1, 300, 500\]"):
        check_shape(resizing, "photos", [1, 300, 500], {})


def test_the_mend_is_named_where_the_data_has_such_a_setting() -> None:
    small = Preprocess([3, 16, 16], [0.5] * 3, [0.5] * 3)
    with pytest.raises(DataError, match=r"; write data\.channels=3 data\.size=16$"):
        check_shape(small, "digits", [1, 32, 32], {"size": 32, "channels": 1})
    with pytest.raises(DataError, match=r"; choose data of that size, or resize it$"):
        check_shape(small, "arrays", [3, 32, 32], {"train": "a.npz"})
