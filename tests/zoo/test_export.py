"""From a run to its package: evaluated again first, whole or not at all, and the same from the same run."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import archbuilder
from archbuilder.cli import main
from archbuilder.data.folder import decode
from archbuilder.errors import DataError, PackageError, RecordError
from archbuilder.evaluation import evaluate
from archbuilder.evaluation.subject import read_subject
from archbuilder.record import read_record
from archbuilder.training.run import run as train
from archbuilder.zoo import onnx_rules
from archbuilder.zoo.export import export
from archbuilder.zoo.files import INT8_FILE, NEEDED, ONNX_FILE, PT2_FILE
from archbuilder.zoo.onnx import run as run_onnx
from archbuilder.zoo.onnx import session
from archbuilder.zoo.predict import Prediction, predict
from tests.training.runs import configured, trained

FILES = (*NEEDED, "manifest.json")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that also averages its weights over the steps; else it is the other one."""
    folder: Path = tmp_path_factory.mktemp("averaged")
    trained(folder, "ema=0.5")
    return folder


@pytest.fixture(scope="module")
def whole(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the run with all optional files and a license."""
    return export(run, tmp_path_factory.mktemp("whole"), "whole", license="apache-2.0", int8=True, pt2=True)


@pytest.fixture
def broken(run: Path, tmp_path: Path) -> Path:
    """A copy of the run to do damage to, with a record from before there was a hash of the weights in it."""
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    without_hash(folder)
    return folder


def without_hash(run: Path) -> None:
    content = json.loads((run / "record.json").read_text())
    del content["weights_sha256"]
    (run / "record.json").write_text(json.dumps(content))


def told(package: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((package / "metadata.json").read_text())
    return content


def test_a_package_holds_the_files_of_the_format_and_is_named_by_network_data_and_seed(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == set(FILES)
    assert package.name == "small-digits-seed1"
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_networks_of_one_sweep_over_budgets_have_names_of_their_own(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "run"))
    content = json.loads((other / "record.json").read_text())
    content["architecture"]["budget"] = {"params": 300_000}
    (other / "record.json").write_text(json.dumps(content))
    assert export(other, tmp_path / "zoo").name == "small-300k-digits-seed1"


def test_architecture_and_weights_are_those_of_the_run(run: Path, package: Path) -> None:
    for name in ("architecture.json", "weights.safetensors"):
        assert (package / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.parametrize("name", ["..", "a/b", ".hidden", " ", "a" * 101])
def test_a_name_that_leads_elsewhere_is_refused(run: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match="no name for a package"):
        export(run, tmp_path / "zoo", name)
    assert not (tmp_path / "zoo").exists()


def test_what_is_no_finished_run_is_told_apart(run: Path, package: Path, tmp_path: Path) -> None:
    for name in ("empty", "unfinished", "failed"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "unfinished" / "config.yaml").touch()
    (tmp_path / "runs" / "failed" / "failure.txt").write_text("trainer: no such trainer\n")
    shutil.copytree(run, tmp_path / "runs" / "sweep" / "finished")
    for path, telling in (
        (tmp_path / "nope", "there is no such folder"),
        (tmp_path / "runs", f"holds runs or packages but is none itself; name one: {tmp_path}/runs/sweep/finished$"),
        (tmp_path / "runs" / "empty", r"neither a finished run \(no record\.json\) nor"),
        (tmp_path / "runs" / "unfinished", r"this run is not finished: there is no record\.json"),
        (tmp_path / "runs" / "failed", r"this run failed \(trainer: no such trainer\)"),
        (package, "is a package already; name the folder of a finished run"),
    ):
        with pytest.raises(RecordError, match=f"^{path}: {telling}"):
            export(path, tmp_path / "zoo")
    assert package.parent == tmp_path / "zoo"
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_a_name_that_is_taken_is_told_with_both_ways_out(run: Path, package: Path) -> None:
    with pytest.raises(PackageError, match="choose another with --name, or replace it with --force"):
        export(run, package.parent)


def test_a_package_is_replaced_where_that_is_asked_for(run: Path, package: Path) -> None:
    before = told(package)
    assert export(run, package.parent, license="mit", force=True) == package
    assert before["license"] is None
    assert told(package)["license"] == "MIT"
    assert [path.name for path in package.parent.iterdir()] == [package.name]
    (package.parent / "mine").mkdir()
    (package.parent / "mine" / "thesis.tex").touch()
    with pytest.raises(PackageError, match="is no package, or holds other files as well, so nothing replaces it"):
        export(run, package.parent, "mine", force=True)
    assert (package.parent / "mine" / "thesis.tex").is_file()


def test_where_a_package_cannot_be_written_is_told_first(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("archbuilder.zoo.export.reevaluate", lambda *_: pytest.fail("evaluated before"))
    with pytest.raises(PackageError, match=f"--to: {tmp_path}/file is a file; name a folder"):
        export(run, tmp_path / "file")
    with pytest.raises(PackageError, match="--to: /proc/x/y takes no package"):
        export(run, Path("/proc/x/y"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "9" * 20)
    with pytest.raises(PackageError, match=r"SOURCE_DATE_EPOCH: 9+ is no number of seconds"):
        export(run, tmp_path / "zoo")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_leaves_no_folder(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("archbuilder.zoo.writing.write_manifest", full)
    with pytest.raises(PackageError, match=f"--to: {tmp_path}/new/zoo takes no package .No space left on device"):
        export(run, tmp_path / "new" / "zoo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("operator", "file"), [("Conv", ONNX_FILE), ("QuantizeLinear", INT8_FILE)])
def test_what_verify_would_refuse_is_not_packaged(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: str, file: str
) -> None:
    """As with a primitive of another package, whose module becomes an operator that is not among the known ones."""
    monkeypatch.setattr(onnx_rules, "OPERATORS", onnx_rules.OPERATORS - {operator})
    told = f"small: its {file} would be refused by `archbuilder zoo verify`: has the operator '{operator}'"
    with pytest.raises(PackageError, match=rf"^{re.escape(told)}.*; take another layer in place of") as error:
        export(run, tmp_path / "zoo", int8=True)
    assert str(tmp_path) not in str(error.value)
    assert not (tmp_path / "zoo").exists()


def test_the_home_folder_may_be_written_short(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert export(run, Path("~/zoo"), "mine") == tmp_path / "zoo" / "mine"


def test_a_run_whose_weights_do_not_fit_its_record_leaves_no_package(broken: Path, tmp_path: Path) -> None:
    tensors = load_file(broken / "weights.safetensors")
    tensors["head.classifier.linear.weight"] = torch.zeros(10, 32)
    save_file(tensors, broken / "weights.safetensors")
    with pytest.raises(RecordError, match=r"weights\.safetensors"):
        export(broken, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_a_run_whose_architecture_is_not_the_records_is_not_packaged(broken: Path, tmp_path: Path) -> None:
    text = (broken / "architecture.json").read_text()
    (broken / "architecture.json").write_text(text.replace('"relu"', '"tanh"'))
    with pytest.raises(RecordError, match="is not the network of the record"):
        export(broken, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_export_and_compare_from_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", str(run), "--to", str(tmp_path / "zoo"), "--name", "mine", "--int8"])
    printed, recorded = capsys.readouterr().out, read_record(run).results[0]
    right = round(recorded.accuracy * recorded.n)
    assert f"val: {100 * recorded.accuracy:.2f}% ({right} of {recorded.n}), raw, 32 bits\n" in printed
    assert "of 359), 8 bits, in onnxruntime\n" in printed
    for name in (*NEEDED, INT8_FILE):
        assert f"{(tmp_path / 'zoo' / 'mine' / name).stat().st_size:,} bytes  {name}\n" in printed
    assert f"\npackaged as {tmp_path / 'zoo' / 'mine'}\n" in printed
    main(["compare", str(run), "--to", str(tmp_path)])
    assert "123,898" in capsys.readouterr().out
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "nope"), "--to", str(tmp_path / "zoo")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'nope'}: there is no such folder\n"


def test_two_exports_of_a_run_are_equal_but_for_the_time(
    run: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = export(run, tmp_path, "whole", license="apache-2.0", int8=True, pt2=True)
    names = sorted(path.name for path in whole.iterdir())
    assert names == sorted([*FILES, INT8_FILE, PT2_FILE])
    differ = [name for name in names if (whole / name).read_bytes() != (again / name).read_bytes()]
    assert set(differ) <= {"metadata.json", "manifest.json"}  # the manifest has the hash of the metadata
    assert told(whole) | {"created": ""} == told(again) | {"created": ""}
    # The time may be told, as for other reproducible builds: then nothing differs.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    third, fourth = (export(run, tmp_path / zoo, "whole") for zoo in ("third", "fourth"))
    assert told(third)["created"] == "2023-11-14T22:13:20+00:00"
    assert all((third / name).read_bytes() == (fourth / name).read_bytes() for name in FILES)


def test_no_file_tells_where_it_was_made(run: Path, whole: Path) -> None:
    machine = [run, whole, Path.home(), Path(archbuilder.__file__).parent, Path(torch.__file__).parent, Path.cwd()]
    words = [*(str(path) for path in machine if len(path.parts) > 1), "site-packages", "assemble.py"]
    for path in whole.iterdir():
        found = [word for word in words if word.encode() in path.read_bytes()]
        assert not found, path.name


def test_weights_that_do_not_give_the_recorded_accuracy_are_not_packaged(broken: Path, tmp_path: Path) -> None:
    tensors = load_file(broken / "weights.safetensors")
    tensors["head.classifier.linear.bias"][3] += 100
    save_file(tensors, broken / "weights.safetensors")
    recorded = read_record(broken).results[0]
    right = round(recorded.accuracy * recorded.n)
    found = evaluate(broken).figures.accuracy
    with pytest.raises(PackageError) as error:
        export(broken, tmp_path / "zoo")
    assert f"give {100 * found.value:.2f}% ({found.count} of {found.n}) on val" in str(error.value)
    assert f"record.json says {100 * recorded.accuracy:.2f}% ({right} of {recorded.n}) for the raw" in str(error.value)
    assert not (tmp_path / "zoo").exists()


@pytest.mark.parametrize("device", ["cpu", "NVIDIA H100 80GB HBM3"])
def test_weights_that_recognise_the_same_images_but_are_others_are_not_packaged(
    broken: Path, tmp_path: Path, device: str
) -> None:
    tensors = load_file(broken / "weights.safetensors")
    for part in ("weight", "bias"):
        tensors[f"head.classifier.linear.{part}"] *= 3
    save_file(tensors, broken / "weights.safetensors")
    amend(broken, 0, device=device)
    with pytest.raises(PackageError, match=r"give a loss of [\d.]+ on val, but record\.json says"):
        export(broken, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_a_damaged_byte_of_the_weights_is_told(run: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(run, tmp_path / "run"))
    content = bytearray((damaged / "weights.safetensors").read_bytes())
    content[-4] ^= 1  # the last number, in its last digit
    (damaged / "weights.safetensors").write_bytes(content)
    for action in (lambda: export(damaged, tmp_path / "zoo"), lambda: evaluate(damaged)):
        with pytest.raises(RecordError, match=r"weights\.safetensors: is not the file that the training wrote"):
            action()


@pytest.mark.parametrize("images", [-1, 1])
def test_one_image_is_enough_to_refuse_what_was_trained_on_the_cpu_in_32_bits(
    broken: Path, tmp_path: Path, images: int
) -> None:
    amend(broken, images)
    with pytest.raises(PackageError, match="do not belong together"):
        export(broken, tmp_path / "zoo")


def test_what_a_gpu_or_16_bits_counted_may_differ_by_a_few_images_and_the_package_says_so(
    broken: Path, tmp_path: Path
) -> None:
    amend(broken, 1, device="NVIDIA H100 80GB HBM3", precision="bf16-mixed")
    package = export(broken, tmp_path / "zoo")
    assert told(package)["reevaluation"]["splits"]["val"] | {"accuracy": 0, "loss": 0} == {
        "accuracy": 0, "loss": 0, "n": 359, "images_apart": 1, "images_allowed": 5,
    }  # fmt: skip
    assert "answered 1 of 359 of val otherwise in balance" in (package / "README.md").read_text()
    amend(broken, 5)
    with pytest.raises(PackageError, match="at most 5 of 359 images may be counted otherwise"):
        export(broken, tmp_path / "zoo", "second")


def amend(run: Path, images: int, **training: str) -> None:
    """Let a record say that so many more images were recognised, and another device or precision."""
    content = json.loads((run / "record.json").read_text())
    for result in content["results"]:
        result["accuracy"] += images / result["n"]
    content["training"] |= training
    (run / "record.json").write_text(json.dumps(content))


def test_averaged_weights_are_told_from_raw_ones(run: Path, averaged: Path, tmp_path: Path) -> None:
    record = read_record(averaged)
    own, other = record.result("val", "averaged"), record.result("val", "raw")
    assert own is not None
    assert other is not None
    assert own.accuracy != other.accuracy
    package = export(averaged, tmp_path)
    metadata = told(package)
    assert metadata["weights"] == "averaged"
    assert metadata["results"] == [vars(own)]
    assert metadata["results_of_other_weights"] == [vars(other)]
    assert evaluate(package, ["data=digits", "data.size=16"]).figures.accuracy.value == own.accuracy
    assert "The package holds the weights averaged over the steps" in (package / "README.md").read_text()
    # Averaging changes nothing of the training, so the other run holds this one's raw weights.
    mixed = tmp_path / "mixed"
    shutil.copytree(averaged, mixed)
    shutil.copyfile(run / "weights.safetensors", mixed / "weights.safetensors")
    with pytest.raises(RecordError, match=r"weights\.safetensors: is not the file that the training wrote"):
        export(mixed, tmp_path, "second")
    without_hash(mixed)
    with pytest.raises(PackageError, match="it is what the record says of the raw ones"):
        export(mixed, tmp_path, "second")


def test_raw_weights_alone_are_called_so(package: Path) -> None:
    assert told(package)["weights"] == "raw"
    assert "results_of_other_weights" not in told(package)


def test_data_that_cannot_be_had_or_are_others_are_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = [tmp_path / f"{name}.npz" for name in ("train", "val", "moved")]
    for path in files[:2]:
        np.savez(path, images=random.integers(0, 256, (40, 16, 16, 3), np.uint8), labels=np.arange(40) % 10)
    run = tmp_path / "run"
    config = configured(run, "batch_size=8")
    config.data = {"name": "arrays", "train": str(files[0]), "val": str(files[1])}
    train(config)
    files[0].rename(files[2])
    with pytest.raises(PackageError, match=r"cannot be had.*train\.npz.*--data data\.KEY=VALUE"):
        export(run, tmp_path / "zoo")
    with pytest.raises(PackageError, match=r"are not those of the training.*--data data\.KEY=VALUE"):
        export(run, tmp_path / "zoo", data=[f"data.train={files[1]}", f"data.val={files[2]}"])
    assert not (tmp_path / "zoo").exists()
    main(["export", str(run), "--to", str(tmp_path / "zoo"), "--name", "mine", "--data", f"data.train={files[2]}"])
    assert archbuilder.load(tmp_path / "zoo" / "mine").metadata["data"]["splits"] == {"train": 40, "val": 40}


def test_overrides_of_the_data_that_do_not_fit_are_told_as_such(
    run: Path, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Before the name, which is taken.
    for override, telling in (("data.root=nope", "unknown key"), ("data.size=many", "needs a whole number")):
        with pytest.raises(SystemExit):
            main(["export", str(run), "--to", str(package.parent), "--data", override])
        error = capsys.readouterr().err
        assert error.startswith(f"error: --data {override.partition('=')[0]}: {telling}")
        assert "say where they lie" not in error


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of no square: what is in their middle tells the class, and at their sides stands noise."""
    root: Path = tmp_path_factory.mktemp("photos") / "images"
    random = np.random.default_rng(0)
    for name, colour in (("blue", (20, 40, 220)), ("red", (220, 40, 20))):
        (root / name).mkdir(parents=True)
        for i in range(30):
            wide, high = random.integers(40, 90, 2)
            pixels = random.integers(0, 256, (high, wide, 4), np.uint8)
            inner = pixels[high // 3 : -(high // 3), wide // 3 : -(wide // 3)]
            inner[:] = (*colour, 0) if i % 5 == 0 else (*colour, 255)
            exif = Image.Exif()
            exif[0x0112] = 6 if i % 3 == 0 else 1
            Image.fromarray(pixels).save(root / name / f"{i}.png", exif=exif)
    return root


def test_eval_predict_and_the_lines_of_the_card_see_pictures_as_the_training_did(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = tmp_path / "run", [f"data.root={photos}", "data.size=16", "data.holdout=12", "data.cache=null"]
    config = configured(run, "batch_size=8", "model.classes=2")
    config.data = {"name": "folder", "root": str(photos), "size": 16, "channels": 3, "holdout": 12, "cache": None}
    recorded = train(config).results[0]
    package = export(run, tmp_path / "zoo", "mine")
    assert told(package)["preprocessing"] | {"mean": 0, "std": 0} == {
        "shape": [3, 16, 16], "mean": 0, "std": 0, "resize": 16, "interpolation": "bilinear",
    }  # fmt: skip
    assert evaluate(package, ["data=folder", *data], device="cpu").figures.accuracy.value == recorded.accuracy
    with pytest.raises(DataError, match=r"the network wants to cut them itself, from 16; write data\.size=16"):
        evaluate(package, ["data=folder", f"data.root={photos}"])

    from archbuilder.data import load

    dataset = load(config.data)
    subject = read_subject(run)
    seen = torch.cat([split.images for split in dataset.splits.values()])
    with torch.inference_mode():
        logits = {tuple(image.flatten().tolist()): subject.net(subject.preprocess(image)) for image in seen}
    net = archbuilder.load(package)
    lines = re.findall(r"```python\n(.*?)\n```", (package / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(package)
    for path in sorted(photos.glob("*/*.png"))[::3]:
        expected = logits[tuple(decode(path, 16, 3).transpose(2, 0, 1).flatten().tolist())]
        [made] = predict(net, [path], top=1)
        assert isinstance(made, Prediction)
        assert made.classes[0][1] == pytest.approx(float(expected.softmax(1).max()), abs=1e-5)
        shutil.copyfile(path, package.parent / "picture.png")
        for code in lines:
            there: dict[str, Any] = {}
            exec(code, there)
            assert np.abs(np.asarray(there["logits"].tolist()) - expected.numpy()).max() < 1e-4


def test_eight_bits_come_with_their_accuracy(whole: Path) -> None:
    net, metadata = archbuilder.load(whole), told(whole)["int8"]
    assert metadata["bytes"] == (whole / INT8_FILE).stat().st_size < (whole / "model.onnx").stat().st_size / 3
    assert metadata["calibrated_on"] == 512
    from archbuilder.data import load

    val = load({"name": "digits", "size": 16, "channels": 3, "holdout": 0.2}).splits["val"]
    answers = run_onnx(session(whole / INT8_FILE), net.preprocess(val.images)).argmax(1)
    assert metadata["accuracy"] == (answers == val.labels.numpy()).mean()
    assert (metadata["split"], metadata["n"]) == ("val", 359)


def test_the_license_is_asked_for_and_never_assumed(
    run: Path, whole: Path, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(whole)["license"] == "Apache-2.0"
    assert told(package)["license"] is None
    assert "No license is stated, so nobody else may use the package." in (package / "README.md").read_text()
    with pytest.raises(PackageError, match=r"'apache' is no identifier of https://spdx\.org/licenses"):
        export(run, tmp_path / "zoo", license="apache")
    for stated, ending in (("mit", ""), (None, "no license is stated, so nobody else may use the package")):
        license = ["--license", stated] if stated else []
        main(["export", str(run), "--to", str(tmp_path / "zoo"), "--name", "other", "--force", *license])
        assert f"packaged as {tmp_path / 'zoo' / 'other'}\n{ending}" in capsys.readouterr().out


def test_the_command_that_trained_it_is_told_without_the_machines_paths(broken: Path, tmp_path: Path) -> None:
    (broken / ".hydra").mkdir(exist_ok=True)
    overrides = ["model=plain", "++model.input=[3,16,16]", "data.root=/home/me/images", "folder=/tmp/x", "seed=1"]
    (broken / ".hydra" / "overrides.yaml").write_text("".join(f"- {text}\n" for text in overrides))
    package = export(broken, tmp_path / "zoo")
    assert told(package)["command"] == "python train.py model=plain 'model.input=[3,16,16]' data.root=PATH seed=1"
    assert told(package)["command"] in (package / "README.md").read_text()


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_without_what_onnx_needs_one_sentence_says_how_to_install_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr("archbuilder.zoo.onnx.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(PackageError, match=rf'{missing} not installed.*pip install "archbuilder\[zoo\]"'):
        export(run, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_a_package_can_be_read_by_others(package: Path) -> None:
    assert os.stat(package).st_mode & 0o055 == 0o055
