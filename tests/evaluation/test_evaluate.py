"""A run or a package is measured again on its data, and what differs from its record is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from archbuilder.data import load
from archbuilder.errors import ConfigError, DataError
from archbuilder.evaluation import Evaluation, evaluate
from archbuilder.record import read_record

DIGITS = {"name": "digits", "size": 16, "channels": 3, "holdout": 0.2}
SAME = ("data=digits", "data.size=16")


def saved(path: Path, split: str = "val", keep: int = 10**6, labels: Any = None) -> Path:
    """Write a split of the digits as an npz file, perhaps with other numbers for the classes."""
    images = load(DIGITS).splits[split]
    order = np.arange(10) if labels is None else np.asarray(labels)
    np.savez(path, images=images.images.permute(0, 2, 3, 1)[:keep], labels=order[images.labels[:keep]])
    return path


def edited(folder: Path, **changes: Any) -> None:
    """Change what a run's record says."""
    content = json.loads((folder / "record.json").read_text())
    for path, value in changes.items():
        *way, last = path.split("__")
        inside = content
        for key in way:
            inside = inside[int(key)] if isinstance(inside, list) else inside[key]
        inside[last] = value
    (folder / "record.json").write_text(json.dumps(content))


def agrees(made: Evaluation, folder: Path) -> bool:
    """Tell whether accuracy and loss are those that training recorded, the accuracy to the last digit."""
    [result] = read_record(folder).results
    assert made.figures.accuracy.n == result.n == 359
    assert made.figures.loss == pytest.approx(result.loss, rel=1e-4)
    return made.figures.accuracy.value == result.accuracy


def test_a_run_is_measured_on_its_own_data_and_gives_the_accuracy_of_its_record(finished: Path) -> None:
    made = evaluate(finished, device="cpu")
    assert agrees(made, finished)
    assert (made.kind, made.network, made.data, made.split) == ("run", "small", "digits", "val")
    assert made.recorded == tuple(read_record(finished).results)
    assert made.notes == ()
    assert made.flips is None


def test_a_package_gives_the_accuracy_of_the_record_too(finished: Path, packaged: Path) -> None:
    made = evaluate(packaged, SAME, device="cpu")
    assert agrees(made, finished)
    assert made.kind == "package"
    assert made.recorded == tuple(read_record(finished).results)
    assert made.notes == ()


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_the_batch_size_changes_nothing(finished: Path, size: int) -> None:
    assert agrees(evaluate(finished, batch_size=size, device="cpu"), finished)


def test_another_split_is_measured_where_the_data_has_it(finished: Path) -> None:
    made = evaluate(finished, split="train", device="cpu")
    assert made.figures.accuracy.n == 1438
    assert made.recorded == ()
    assert "trained on these very images" in made.notes[0]
    with pytest.raises(DataError, match="no split 'vall'; did you mean 'val'"):
        evaluate(finished, split="vall")


def test_flips_are_a_figure_of_their_own_beside_the_accuracy(finished: Path, packaged: Path) -> None:
    import archbuilder

    made = evaluate(finished, flips=True, device="cpu")
    assert agrees(made, finished)
    val = load(DIGITS).splits["val"]
    net = archbuilder.load(packaged)
    with torch.inference_mode():
        views = [net(net.preprocess(images)) for images in (val.images, val.images.flip(3))]
    assert made.flips is not None
    assert made.flips.count == int(((views[0] + views[1]).argmax(1) == val.labels).sum())
    assert made.flips.count != made.figures.accuracy.count, "digits are not their mirror images"


def test_images_are_normalised_by_the_training_not_by_the_new_data(packaged: Path, tmp_path: Path) -> None:
    import archbuilder

    dark = load(DIGITS).splits["val"].images // 4
    labels = load(DIGITS).splits["val"].labels
    np.savez(tmp_path / "dark.npz", images=dark.permute(0, 2, 3, 1), labels=labels)
    made = evaluate(packaged, ["data=arrays", f"data.train={tmp_path}/dark.npz", "data.holdout=100"], device="cpu")
    net = archbuilder.load(packaged)
    held = load({"name": "arrays", "train": str(tmp_path / "dark.npz"), "holdout": 100}).splits["val"]
    with torch.inference_mode():
        logits = net(net.preprocess(held.images))
    assert made.figures.loss == pytest.approx(float(functional.cross_entropy(logits, held.labels)), rel=1e-4)
    assert "not the data of the training, digits" in made.notes[0]
    assert made.recorded == (), "what was recorded is of other images"


def test_keys_of_the_data_change_the_run_s_own(finished: Path) -> None:
    made = evaluate(finished, ["data.holdout=100"], device="cpu")
    assert made.figures.accuracy.n == 100
    assert "not the data of the training" in made.notes[0]


def test_data_that_changed_since_the_training_is_said(copied: Path) -> None:
    edited(copied, data__fingerprint="0" * 64)
    made = evaluate(copied, device="cpu")
    assert "The data has changed since the training" in made.notes[0]
    assert "recorded 00000000" in made.notes[0]
    assert made.recorded == ()


def test_a_record_that_is_not_what_is_measured_is_said(copied: Path) -> None:
    accuracy = read_record(copied).results[0].accuracy
    edited(copied, results__0__accuracy=accuracy - 3 / 359)
    [note] = evaluate(copied, device="cpu").notes
    assert f"The record says {100 * (accuracy - 3 / 359):.2f}% (raw weights" in note
    assert f"measured is {100 * accuracy:.2f}%: 3 of 359 images" in note
    assert "then on cpu" in note


def test_a_package_needs_data_and_says_what_it_was_trained_on(packaged: Path, tmp_path: Path) -> None:
    import shutil

    from tests.zoo.test_package import rewritten

    others = Path(shutil.copytree(packaged, tmp_path / "others"))
    metadata = json.loads((others / "metadata.json").read_text())
    metadata["data"]["name"] = "cifar10"
    rewritten(others, "metadata.json", json.dumps(metadata).encode())
    with pytest.raises(ConfigError, match=r"data=NAME .*the training's was cifar10; known: arrays, "):
        evaluate(others)


def test_a_package_of_digits_needs_none_since_they_are_always_there(finished: Path, packaged: Path) -> None:
    made = evaluate(packaged, device="cpu")
    assert agrees(made, finished)
    assert made.notes == ()


def test_an_unknown_origin_is_said(packaged: Path, tmp_path: Path) -> None:
    import shutil

    from tests.zoo.test_package import rewritten

    foreign = Path(shutil.copytree(packaged, tmp_path / "foreign"))
    metadata = json.loads((foreign / "metadata.json").read_text())
    kept = {key: metadata[key] for key in ("schema", "labels", "preprocessing")}
    rewritten(
        foreign, "metadata.json", json.dumps({**kept, "data": 7, "results": [{"split": 1}], "training": []}).encode()
    )
    made = evaluate(foreign, SAME, device="cpu")
    assert "Which images the network was trained on is not known" in made.notes[0]
    assert (made.recorded, made.trained_on) == ((), ("", ""))


def test_classes_in_another_order_are_matched_by_name(finished: Path, packaged: Path, tmp_path: Path) -> None:
    turned = [(i + 3) % 10 for i in range(10)]  # the digit 0 is class 3 of the files, and so on
    train, val = saved(tmp_path / "train.npz", "train", labels=turned), saved(tmp_path / "val.npz", labels=turned)
    names = ",".join(f"'{(i - 3) % 10}'" for i in range(10))
    files = ["data=arrays", f"data.train={train}", f"data.val={val}", f"data.labels=[{names}]"]
    made, straight = evaluate(packaged, files, device="cpu"), evaluate(finished, device="cpu")
    assert made.figures.accuracy == straight.figures.accuracy
    assert np.array_equal(made.figures.confusion, straight.figures.confusion)
    assert made.labels == straight.labels
    assert "matched by name" in " ".join(made.notes)
    assert "matched by name" not in " ".join(straight.notes)


def test_other_classes_are_refused_by_name(packaged: Path, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.npz", "train")
    names = "[zero,'1','2','3','4','5','6','7','8','9']"
    with pytest.raises(DataError, match=r"the network's '0' is not in the data, and the data's 'zero' is not among"):
        evaluate(packaged, ["data=arrays", f"data.train={file}", f"data.labels={names}"])


@pytest.mark.parametrize(
    ("overrides", "mend"),
    [(["data=digits"], "write data.size=16"), ([*SAME, "data.channels=1"], "write data.channels=3")],
)
def test_images_of_another_shape_are_refused(packaged: Path, overrides: list[str], mend: str) -> None:
    with pytest.raises(DataError, match=rf"the network takes \[3, 16, 16\]; {mend}$"):
        evaluate(packaged, overrides)


@pytest.mark.parametrize(
    ("options", "where"),
    [({"batch_size": 0}, "batch_size"), ({"device": "abacus"}, "device"), ({"device": "meta"}, "device")],
)
def test_settings_that_cannot_be_used_are_refused(finished: Path, options: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluate(finished, **options)
    assert caught.value.where == where
