"""A package gives the run's outputs bit for bit, and is refused when damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import archbuilder
from archbuilder.errors import ConfigError, DataError, PackageError
from archbuilder.record import read_record
from archbuilder.zoo.files import NEEDED, write_manifest
from archbuilder.zoo.weights import read_weights

FILES = (*NEEDED, "manifest.json")


def rewritten(package: Path, name: str, content: bytes) -> None:
    """Replace a file of a package and make the manifest agree, as somebody with bad intentions would."""
    (package / name).write_bytes(content)
    write_manifest(package)


def test_loading_gives_the_outputs_of_the_trained_network_bit_for_bit(run: Path, package: Path) -> None:
    trained_net = archbuilder.build("plain", ["model.input=[3,16,16]"])
    trained_net.load_state_dict(load_file(run / "weights.safetensors"))
    images = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(archbuilder.load(package)(images), trained_net.eval()(images))


def test_inner_values_can_be_asked_for_and_are_those_of_the_whole_network(package: Path) -> None:
    whole, part = archbuilder.load(package), archbuilder.load(package, features=["stages.stage2", "head.classifier"])
    images = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    whole.get_submodule("stages.stage2.2").register_forward_hook(lambda *values: seen.append(values[-1]))
    with torch.inference_mode():
        logits, (inner, made) = whole(images), part(images)
    assert torch.equal(made, logits)
    assert torch.equal(inner, seen[0])
    assert not part.training
    body = archbuilder.load(package, features="stages.stage2")
    assert (body.labels, body.preprocess) == (whole.labels, whole.preprocess)
    assert "stages.stage3.0.conv.weight" not in body.state_dict().keys() < whole.state_dict().keys()
    assert all(parameter.requires_grad for parameter in body.parameters())
    with pytest.raises(ConfigError, match=r"there is no layer 'stages\.stage9'; did you mean"):
        archbuilder.load(package, features=["stages.stage9"])


def test_a_loaded_network_knows_its_labels_its_results_and_how_to_prepare_pictures(run: Path, package: Path) -> None:
    net = archbuilder.load(package)
    record = read_record(run)
    assert not net.training
    assert net.labels == [str(digit) for digit in range(10)]
    assert net.metadata["results"][0]["accuracy"] == record.results[0].accuracy
    assert net.metadata["cost"]["params"] == 123_898
    pictures = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (record.data.mean, record.data.std))
    torch.testing.assert_close(net.preprocess(pictures), (pictures / 255 - mean) / std)
    assert net(net.preprocess(pictures)).shape == (2, 10)
    many = pictures.permute(0, 2, 3, 1).numpy()
    assert torch.equal(net.preprocess(many), net.preprocess(pictures))
    assert torch.equal(net.preprocess(list(many)), net.preprocess(pictures))
    assert torch.equal(net.preprocess(many[0]), net.preprocess(pictures[:1]))
    for wrong in ("picture.png", many[0, :5], many / 255, pictures.float()):
        with pytest.raises(DataError):
            net.preprocess(wrong)


def test_a_loaded_network_answers_as_well_as_its_record_says(package: Path) -> None:
    from archbuilder.data import load

    net = archbuilder.load(package)
    val = load({"name": "digits", "size": 16, "channels": 3, "holdout": 0.2}).splits["val"]
    with torch.inference_mode():
        correct = (net(net.preprocess(val.images)).argmax(1) == val.labels).sum()
    assert int(correct) / len(val) == net.metadata["results"][0]["accuracy"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told(package: Path, name: str) -> None:
    (package / name).unlink()
    with pytest.raises(PackageError, match=name):
        archbuilder.load(package)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("position", [0.1, 0.5, 0.9])
def test_a_changed_byte_is_told(package: Path, name: str, position: float) -> None:
    content = bytearray((package / name).read_bytes())
    content[int(len(content) * position)] ^= 0x11
    (package / name).write_bytes(content)
    with pytest.raises(PackageError, match=r"damaged|cannot be read|manifest"):
        archbuilder.load(package)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_told(package: Path, name: str) -> None:
    content = (package / name).read_bytes()
    (package / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(PackageError, match=name):
        archbuilder.load(package)


@pytest.mark.parametrize("name", NEEDED)
def test_a_link_is_no_file_of_a_package(package: Path, tmp_path: Path, name: str) -> None:
    (package / name).rename(tmp_path / name)
    (package / name).symlink_to(tmp_path / name)
    with pytest.raises(PackageError, match=r"is no plain file but a link, .*zoo pull hf://.* local_dir="):
        archbuilder.load(package)


def test_what_does_not_belong_into_a_package_is_refused(package: Path) -> None:
    (package / "setup.py").write_text("print('hello')")
    with pytest.raises(PackageError, match=r"setup\.py: does not belong into a package"):
        archbuilder.load(package)
    (package / "setup.py").unlink()
    (package / "weights").mkdir()
    with pytest.raises(PackageError, match="does not belong"):
        archbuilder.load(package)


def test_weights_of_other_names_shapes_or_types_are_refused(package: Path) -> None:
    from safetensors.torch import save

    tensors = load_file(package / "weights.safetensors")
    first, classifier = next(iter(tensors)), "head.classifier.linear.weight"
    for changed, telling in (
        ({**tensors, "extra": torch.zeros(1)}, "extra"),
        ({key: value for key, value in tensors.items() if key != first}, first),
        ({**tensors, first: tensors[first].double()}, "dtype"),
        ({**tensors, first: tensors[first][None].contiguous()}, "shape"),
        ({**tensors, classifier: tensors[classifier] * float("nan")}, "not finite"),
    ):
        rewritten(package, "weights.safetensors", save(changed))
        with pytest.raises(PackageError, match=telling):
            archbuilder.load(package)


def test_an_architecture_that_no_primitive_stands_behind_is_refused(package: Path) -> None:
    content = json.loads((package / "architecture.json").read_text())
    for edit, telling in (
        (lambda c: c["nodes"][0].update(op="os.system"), "no primitive 'os.system'"),
        (lambda c: c["nodes"][0]["attributes"].update(out="__import__('os')"), "is a string"),
        (lambda c: c["nodes"][0].update(shapes=[[99, 16, 16]]), "not"),
        (lambda c: c["nodes"][0].update(reads=["head.classifier"]), "not made before"),
        (lambda c: c.update(schema=2), "version 2 is not known"),
        (lambda c: c.update(_target_="os.system"), "_target_"),
    ):
        changed = json.loads(json.dumps(content))
        edit(changed)  # type: ignore[no-untyped-call]
        rewritten(package, "architecture.json", json.dumps(changed).encode())
        with pytest.raises(PackageError, match=telling):
            archbuilder.load(package)


def test_an_architecture_larger_than_its_weights_is_refused_before_memory_is_taken(package: Path) -> None:
    graph = {
        "schema": 1,
        "name": "huge",
        "block": "model",
        "reads": [],
        "inputs": {"input": [1, 1, 1]},
        "nodes": [
            {
                "name": f"layer{i}",
                "op": "linear",
                "reads": [f"layer{i - 1}" if i else "input"],
                "attributes": {"out": width, "bias": False, "act": "none"},
                "shapes": [[width]],
            }
            for i, width in enumerate([10_000_000, 10_000_000, 10])
        ],
        "outputs": {"output": "layer2"},
    }
    rewritten(package, "architecture.json", json.dumps(graph).encode())
    with pytest.raises(PackageError, match="too small for the"):
        archbuilder.load(package)


def test_what_is_wrong_is_told_with_its_file_once(package: Path) -> None:
    rewritten(package, "architecture.json", b"{")
    with pytest.raises(PackageError) as error:
        archbuilder.load(package)
    assert str(error.value).count("architecture.json") == 1


def test_a_package_that_takes_the_place_of_another_meanwhile_is_not_mixed_with_it(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(package, tmp_path / "other"))
    content = json.loads((other / "metadata.json").read_text())
    rewritten(other, "metadata.json", json.dumps({**content, "labels": content["labels"][::-1]}).encode())

    def swapped(net: nn.Module, path: Path) -> None:
        package.rename(tmp_path / "old")
        other.rename(package)
        read_weights(net, path)

    monkeypatch.setattr("archbuilder.zoo.package.read_weights", swapped)
    with pytest.raises(PackageError, match="another package took its place while it was read"):
        archbuilder.load(package)
    monkeypatch.undo()
    assert archbuilder.load(package).labels == content["labels"][::-1]


def test_metadata_without_labels_or_preprocessing_is_refused(package: Path) -> None:
    content = json.loads((package / "metadata.json").read_text())
    preprocessing = content["preprocessing"]
    for key, value in (
        ("labels", None),
        ("labels", ["one"]),
        ("labels", "0123456789"),
        ("preprocessing", {}),
        ("preprocessing", {**preprocessing, "std": [0.0, 1.0, 1.0]}),
        ("preprocessing", {**preprocessing, "std": [float("nan"), 1.0, 1.0]}),
        ("preprocessing", {**preprocessing, "mean": [1.0]}),
        ("preprocessing", {**preprocessing, "shape": [3, 32, 32]}),
        ("preprocessing", {**preprocessing, "resize": 20}),
        ("preprocessing", {**preprocessing, "crop": 16}),
        ("preprocessing", {**preprocessing, "interpolation": "bilinear"}),
        *(
            ("preprocessing", {**preprocessing, "resize": resize, "interpolation": "bilinear"})
            for resize in (15, 4097, 20.0, True, "20", [20], -20)
        ),
        *(
            ("preprocessing", {**preprocessing, "resize": 20, "interpolation": interpolation})
            for interpolation in ("nearest", None, 2, ["bilinear"])
        ),
        ("schema", 9),
    ):
        rewritten(package, "metadata.json", json.dumps({**content, key: value}).encode())
        with pytest.raises(PackageError, match=r"metadata\.json"):
            archbuilder.load(package)


@pytest.mark.parametrize("resize", [None, 16, 20])
def test_metadata_may_tell_how_pictures_are_resized(package: Path, resize: int | None) -> None:
    content = json.loads((package / "metadata.json").read_text())
    before = archbuilder.load(package).preprocess
    content["preprocessing"] |= {"resize": resize, "interpolation": "bicubic"}
    rewritten(package, "metadata.json", json.dumps(content).encode())
    preprocess = archbuilder.load(package).preprocess
    picture = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    larger = picture.repeat(1, 2, 3)
    # Of the very size it makes no difference; from 20 on there is something to cut off.
    assert torch.equal(preprocess(picture), before(picture)) == (resize != 20)
    if resize is None:
        with pytest.raises(DataError, match="resize it first"):
            preprocess(larger)
    else:
        assert preprocess(larger).shape == (1, 3, 16, 16)


def test_a_folder_that_is_no_package_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no such folder"):
        archbuilder.load(tmp_path / "nothing")
    with pytest.raises(PackageError, match="there is no package in this folder"):
        archbuilder.load(tmp_path)
