"""Runs and packages are read alike; what is neither, unfinished or damaged is told of by its file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from archbuilder.errors import ArchbuilderError, PackageError, RecordError
from archbuilder.evaluation import evaluate
from archbuilder.evaluation.subject import read_subject


def test_a_run_and_its_package_are_the_same_network(finished: Path, packaged: Path) -> None:
    run, package = read_subject(finished), read_subject(packaged)
    pictures = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(run.net(run.preprocess(pictures)), package.net(package.preprocess(pictures)))
    for name in ("name", "labels", "data", "fingerprint", "results", "circumstances", "preprocess"):
        assert getattr(run, name) == getattr(package, name), name
    assert (run.kind, package.kind) == ("run", "package")
    assert run.settings == {"name": "digits", "size": 16, "channels": 3, "holdout": 0.2}
    assert package.settings == {"name": "digits", "size": 16, "channels": 3, "holdout": 359}
    assert not run.net.training


def test_what_is_neither_says_what_is_missing(finished: Path, packaged: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    told = {
        tmp_path / "nowhere": "there is no such folder",
        tmp_path / "file": "is a file; name the folder it lies in",
        tmp_path / "empty": r"neither a finished run \(no record\.json\) nor a package \(no manifest\.json\)",
        packaged.parent: f"name one: {packaged}$",
    }
    for path, words in told.items():
        with pytest.raises(RecordError, match=words):
            read_subject(path)


def test_an_unfinished_or_failed_run_and_a_package_in_pieces_are_told_apart(copied: Path, packaged: Path) -> None:
    (copied / "record.json").unlink()
    with pytest.raises(RecordError, match=r"this run is not finished: there is no record\.json"):
        read_subject(copied)
    (copied / "failure.txt").write_text("no memory")
    with pytest.raises(RecordError, match=r"this run failed \(no memory\)"):
        read_subject(copied)
    broken = Path(shutil.copytree(packaged, copied / "package"))
    (broken / "manifest.json").unlink()
    with pytest.raises(RecordError, match=r"manifest\.json is missing, so this is no whole package"):
        read_subject(broken)


@pytest.mark.parametrize("name", ["architecture.json", "weights.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_of_a_run_is_named(copied: Path, name: str, content: bytes | None) -> None:
    (copied / name).unlink()
    if content is not None:
        (copied / name).write_bytes(content)
    with pytest.raises(RecordError, match=name.replace(".", r"\.")) as caught:
        read_subject(copied)
    assert "\n" not in str(caught.value)


def saved(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Give a run other weights, and a record from before there was a hash of them in it."""
    save_file(tensors, folder / "weights.safetensors")
    content = json.loads((folder / "record.json").read_text())
    del content["weights_sha256"]
    (folder / "record.json").write_text(json.dumps(content))


def test_weights_that_the_training_did_not_write_are_refused(copied: Path) -> None:
    tensors = load_file(copied / "weights.safetensors")
    tensors["head.classifier.linear.bias"] += 1e-6
    save_file(tensors, copied / "weights.safetensors")
    with pytest.raises(RecordError, match="is not the file that the training wrote"):
        read_subject(copied)
    saved(tensors, copied)
    assert read_subject(copied).kind == "run"


def test_weights_of_another_shape_are_refused(copied: Path) -> None:
    tensors = load_file(copied / "weights.safetensors")
    tensors["head.classifier.linear.weight"] = torch.zeros(10, 32)
    saved(tensors, copied)
    with pytest.raises(RecordError, match="has the shape"):
        read_subject(copied)


def test_weights_that_give_no_numbers_are_refused(copied: Path) -> None:
    tensors = load_file(copied / "weights.safetensors")
    # Finite in itself, but not what comes of it.
    tensors["head.classifier.linear.weight"].fill_(3e38)
    saved(tensors, copied)
    with pytest.raises(ArchbuilderError, match="answers to 359 of 359 images are not finite numbers"):
        evaluate(copied, device="cpu")


@pytest.mark.parametrize(
    ("key", "value"),
    [("shape", [3, 32, 32]), ("shape", []), ("mean", [0.5]), ("std", [0.0, 1, 1]), ("std", []), ("labels", ["a", "b"])],
)
def test_a_record_that_does_not_fit_its_network_is_refused(copied: Path, key: str, value: object) -> None:
    content = json.loads((copied / "record.json").read_text())
    content["data"][key] = value
    (copied / "record.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match="what it says of the data does not fit the network beside it"):
        read_subject(copied)


def test_a_network_other_than_the_record_s_is_refused(copied: Path) -> None:
    content = json.loads((copied / "record.json").read_text())
    content["architecture"]["hash"] = "0" * 64
    (copied / "record.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match="is not the network of the record"):
        read_subject(copied)


def test_a_damaged_package_is_refused(packaged: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(packaged, tmp_path / "package"))
    (broken / "weights.safetensors").write_bytes((packaged / "weights.safetensors").read_bytes()[:-1])
    with pytest.raises(PackageError, match="the package is damaged"):
        read_subject(broken)


def test_without_its_settings_a_run_needs_data_to_be_chosen(copied: Path) -> None:
    (copied / "config.yaml").unlink()
    with pytest.raises(ArchbuilderError, match="choose it with data=NAME"):
        evaluate(copied)
    assert evaluate(copied, ["data=digits", "data.size=16"], device="cpu").recorded
