from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archbuilder.data.arrays import arrays
from archbuilder.errors import ConfigError, DataError
from tests.data.examples import npz, save

PIXELS = np.zeros((4, 8, 8, 3), np.uint8)
LABELS = np.array([0, 1, 0, 1])


class Harmful:
    """Pickles to an instruction that leaves a trace when it is unpickled."""

    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return exec, (f"open({self.trace!r}, 'w').close()",)


def test_one_file_is_split_into_train_and_val(tmp_path: Path) -> None:
    dataset = arrays(npz(tmp_path / "a.npz", 20))
    assert dataset.describe().splits == {"train": 18, "val": 2}
    assert dataset.labels == ["0", "1"]
    assert dataset.shape == [3, 8, 8]


def test_given_val_and_test_files_nothing_is_held_out(tmp_path: Path) -> None:
    train, val, test = (npz(tmp_path / f"{name}.npz", n) for name, n in (("a", 20), ("b", 6), ("c", 4)))
    assert arrays(train, val, test).describe().splits == {"train": 20, "val": 6, "test": 4}


def test_globs_and_lists_name_the_same_files_in_sorted_order(tmp_path: Path) -> None:
    first, second = (npz(tmp_path / f"train_{i}.npz", seed=i) for i in (1, 2))
    globbed = arrays(f"{tmp_path}/train_*.npz").fingerprint
    assert globbed == arrays([second, first]).fingerprint
    assert globbed == arrays([first, f"{tmp_path}/train_*.npz"]).fingerprint


def test_files_are_joined_in_the_order_of_their_names(tmp_path: Path) -> None:
    for level in (3, 0, 4, 2, 1):
        save(tmp_path / f"train_{level}.npz", images=np.full((1, 8, 8), level, np.uint8), labels=[0])
    val = save(tmp_path / "val.npz", images=PIXELS[..., 0], labels=[0, 0, 0, 0])
    joined = arrays(f"{tmp_path}/train_*.npz", val).splits["train"]
    assert joined.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_paths_start_at_the_working_directory_or_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npz(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert arrays("a.npz").fingerprint == arrays("~/a.npz").fingerprint


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    assert len(arrays(npz(tmp_path / "a[1].npz")).splits["train"]) == 18


def test_greyscale_images_have_one_channel(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", images=PIXELS[..., 0], labels=LABELS)
    assert arrays(path, holdout=2).shape == [1, 8, 8]


def test_further_arrays_in_a_file_are_left_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", images=PIXELS, labels=LABELS, notes=np.array(["x", None], dtype=object))
    assert len(arrays(path, holdout=2).splits["train"]) == 2


def test_class_names_can_be_given_also_for_classes_without_images(tmp_path: Path) -> None:
    assert arrays(npz(tmp_path / "a.npz"), labels=["cat", "dog", "eel"]).labels == ["cat", "dog", "eel"]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.uint64])
def test_labels_may_be_any_integers(kind: type[np.integer], tmp_path: Path) -> None:
    dataset = arrays(save(tmp_path / "a.npz", images=PIXELS, labels=LABELS.astype(kind)), holdout=2)
    assert dataset.splits["train"].labels.dtype == torch.int64


def refusal(path: str) -> str:
    """Return the message with which a training file is refused; it begins with the file's name."""
    with pytest.raises(DataError) as caught:
        arrays(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file for data.train" in refusal(str(tmp_path / "none.npz"))


def test_a_glob_that_matches_nothing_is_named(tmp_path: Path) -> None:
    assert "name npz files that exist, by path or by glob" in refusal(f"{tmp_path}/*.npz")


def test_a_folder_is_answered_with_the_glob_for_its_files(tmp_path: Path) -> None:
    assert f"is a folder; name the files in it: data.train={tmp_path}/*.npz" in refusal(str(tmp_path))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = Path(npz(tmp_path / "a.npz"))
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot be read as an npz file" in refusal(str(path))


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("images, labels")
    assert "cannot be read as an npz file" in refusal(str(path))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.touch()
    assert "cannot be read as an npz file" in refusal(str(path))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_either_harmless_or_named(data: st.DataObject, tmp_path: Path) -> None:
    path = Path(npz(tmp_path / "a.npz", n=4))
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        arrays(str(path), holdout=1)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - damage to padding may also go unnoticed


def test_python_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    harmful = np.array([Harmful(str(trace))] * 4, dtype=object)
    path = save(tmp_path / "a.npz", images=PIXELS, labels=harmful)
    assert "Python objects" in refusal(path)
    assert not trace.exists()


def test_a_plain_pickle_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.npz", tmp_path / "trace"
    np.array([Harmful(str(trace))], dtype=object).dump(path)
    assert "without unpickling" in refusal(str(path))
    assert not trace.exists()


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, PIXELS)
    assert "one array without a name; save it with numpy.savez" in refusal(str(path))


def test_a_missing_array_is_named_with_the_nearest_that_is_there(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", image=PIXELS, labels=LABELS)
    assert "the array 'images' is missing; did you mean 'image'?" in refusal(path)
    path = save(tmp_path / "b.npz", images=PIXELS, y=LABELS)
    assert "the array 'labels' is missing; there: images, y" in refusal(path)


def test_different_lengths_are_refused(tmp_path: Path) -> None:
    assert "4 images but 3 labels" in refusal(save(tmp_path / "a.npz", images=PIXELS, labels=LABELS[:3]))


def test_labels_that_are_no_integers_are_refused(tmp_path: Path) -> None:
    for labels, kind in ((LABELS / 1, "float64"), (LABELS.astype(str), "<U"), (LABELS > 0, "bool")):
        assert f"labels are of type {kind}" in refusal(save(tmp_path / "a.npz", images=PIXELS, labels=labels))


def test_images_that_are_no_bytes_are_refused(tmp_path: Path) -> None:
    assert "images are of type float64" in refusal(save(tmp_path / "a.npz", images=PIXELS / 255, labels=LABELS))


def test_negative_labels_are_refused(tmp_path: Path) -> None:
    message = refusal(save(tmp_path / "a.npz", images=PIXELS, labels=LABELS - 1))
    assert "2 of 4 labels are out of range, for example -1" in message


def test_a_label_beyond_all_reason_is_refused_at_once(tmp_path: Path) -> None:
    message = refusal(save(tmp_path / "a.npz", images=PIXELS, labels=LABELS * 10**12))
    assert f"the label {10**12} asks for {10**12 + 1} classes, more than the 4 training images" in message


def test_labels_beyond_the_given_names_are_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", classes=3)
    with pytest.raises(DataError, match=r"a.npz: 6 of 20 labels are out of range.* 2; with 2 classes .* 0..1"):
        arrays(path, labels=["cat", "dog"])


def test_test_labels_that_training_lacks_are_refused(tmp_path: Path) -> None:
    train, test = npz(tmp_path / "a.npz", classes=2), npz(tmp_path / "b.npz", classes=3)
    with pytest.raises(DataError, match=r"b.npz: 6 of 20 labels are out of range"):
        arrays(train, test=test)


def test_no_names_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.labels: the list is empty"):
        arrays(npz(tmp_path / "a.npz"), labels=[])


def test_no_files_at_all_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"data.train: the list of files is empty"):
        arrays([])


def test_files_of_different_shapes_are_refused(tmp_path: Path) -> None:
    npz(tmp_path / "a.npz", size=8)
    npz(tmp_path / "b.npz", size=16)
    with pytest.raises(DataError, match=r"b.npz: images are \[3, 16, 16\] .* those of .*a.npz are \[3, 8, 8\]"):
        arrays(f"{tmp_path}/*.npz")


def test_a_file_in_two_splits_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz")
    with pytest.raises(DataError, match=r"a.npz: is both in train and in test"):
        arrays(path, test=f"{tmp_path}/*.npz")
