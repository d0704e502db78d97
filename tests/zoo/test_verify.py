"""Verifying finds whatever a package says that is not so, though its hashes agree."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.export import export
from archbuilder.zoo.files import write_manifest
from archbuilder.zoo.signing import sign
from archbuilder.zoo.verify import refuse_failed, verify
from tests.zoo.tampering import graph, is_network, leaf
from tests.zoo.test_signing import pair

DATA = ("data=digits", "data.size=16", "data.channels=3")


def failed(package: Path, *data: str) -> dict[str, str]:
    """Return what fails, by what was checked."""
    return {check.what: check.told for check in verify(package, data) if check.passed is False}


def edited(package: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Change the metadata of a package and make its manifest agree, as somebody with bad intentions would."""
    path = package / "metadata.json"
    told = json.loads(path.read_text())
    edit(told)
    path.write_text(json.dumps(told))
    write_manifest(package)
    return package


def test_an_exported_package_is_what_it_says(exported: Path) -> None:
    checks = verify(exported, DATA)
    assert [(check.what, check.passed) for check in checks] == [
        ("files", True),
        ("network", True),
        ("cost", True),
        ("golden, torch", True),
        ("golden, model.onnx", True),
        ("accuracy on val", True),
    ]
    refuse_failed(checks)


def test_a_damaged_file_ends_the_checks(package: Path) -> None:
    (package / "README.md").write_text("other")
    [check] = verify(package)
    assert (check.what, check.passed) == ("files", False)
    with pytest.raises(PackageError, match=r"README\.md: differs"):
        refuse_failed([check])


@pytest.mark.parametrize("what", ["params", "macs", "peak_activations"])
def test_costs_that_are_not_the_architectures_are_found(package: Path, what: str) -> None:
    edited(package, lambda told: told["cost"].update({what: told["cost"][what] - 1}))
    found = failed(package)
    assert found.keys() == {"cost"}
    assert what in found["cost"]


def test_weights_that_are_not_those_of_the_golden_answers_are_found(package: Path) -> None:
    tensors = load_file(package / "weights.safetensors")
    name = "head.classifier.linear.bias"
    save_file({**tensors, name: tensors[name] + 0.01}, package / "weights.safetensors")
    write_manifest(package)
    assert failed(package).keys() == {"golden, torch", "golden, model.onnx"}


def test_preprocessing_that_is_not_that_of_the_golden_answers_is_found(package: Path) -> None:
    edited(package, lambda told: told["preprocessing"].update(mean=[0.0, 0.0, 0.0]))
    assert "inputs differ" in failed(package)["golden, torch"]


def test_golden_answers_of_another_network_are_found_by_all(package: Path) -> None:
    golden = load_file(package / "golden.safetensors")
    save_file({**golden, "logits": golden["logits"].flip(0)}, package / "golden.safetensors")
    write_manifest(package)
    assert failed(package).keys() == {"golden, torch", "golden, model.onnx"}
    save_file({"logits": torch.zeros(1)}, package / "golden.safetensors")
    write_manifest(package)
    assert failed(package).keys() == {"golden, torch", "golden, model.onnx"}


def test_an_onnx_file_with_other_weights_is_found(package: Path) -> None:
    model = onnx.load(package / "model.onnx")
    bias = next(each for each in model.graph.initializer if each.name == "head.classifier.linear.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 0.01, bias.name))
    onnx.save(model, package / "model.onnx")
    write_manifest(package)
    assert "more than rounding" in failed(package)["golden, model.onnx"]


def test_an_onnx_file_that_only_gives_the_golden_answers_is_found(package: Path) -> None:
    golden = load_file(package / "golden.safetensors")
    model = onnx.load(package / "model.onnx")
    del model.graph.node[:]
    model.graph.initializer.append(onnx.numpy_helper.from_array(golden["logits"].numpy(), "golden"))
    model.graph.node.append(onnx.helper.make_node("Identity", ["golden"], ["logits"]))
    onnx.save(model, package / "model.onnx")
    write_manifest(package)
    assert "with 1 pictures at once" in failed(package)["golden, model.onnx"]


def test_an_onnx_file_that_is_right_for_the_golden_pictures_alone_is_found(package: Path) -> None:
    most = float(load_file(package / "golden.safetensors")["inputs"].max())
    model = onnx.load(package / "model.onnx")
    model.graph.node[-1].output[0] = "right"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(most), "most"))
    for kind, inputs, output in (
        ("ReduceMax", ["image"], "largest"),
        ("Sub", ["largest", "most"], "above"),
        ("Relu", ["above"], "only above"),
        ("Add", ["right", "only above"], "logits"),
    ):
        model.graph.node.append(onnx.helper.make_node(kind, inputs, [output]))
    model.graph.node[-4].attribute.append(onnx.helper.make_attribute("keepdims", 0))
    onnx.save(model, package / "model.onnx")
    write_manifest(package)
    found = failed(package)
    assert found.keys() == {"golden, model.onnx"}
    assert "differ from torch's" in found["golden, model.onnx"]


def test_an_onnx_file_that_is_right_for_a_fixed_number_of_pictures_alone_is_found(package: Path) -> None:
    model = onnx.load(package / "model.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, package / "model.onnx")
    write_manifest(package)
    assert "of a fixed number of images" in failed(package)["golden, model.onnx"]


def test_an_accuracy_that_is_not_met_is_found_where_there_is_data(package: Path) -> None:
    edited(package, lambda told: told["results"][0].update(accuracy=0.99))
    assert failed(package) == {}
    assert "is recorded, but" in failed(package, *DATA)["accuracy on val"]


def test_data_of_another_kind_proves_nothing(exported: Path) -> None:
    told = failed(exported, *DATA, "data.holdout=0.3")["accuracy on val"]
    assert "is not the data that the package was evaluated on" in told


def test_a_package_without_results_cannot_be_evaluated_again(package: Path) -> None:
    edited(package, lambda told: told.update(results=[]))
    assert [check.passed for check in verify(package, DATA)][-1] is None


def test_without_onnxruntime_the_rest_is_checked(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archbuilder.zoo.verify.find_spec", lambda name: None)
    last = verify(exported)[-1]
    assert (last.what, last.passed) == ("golden, model.onnx", None)
    assert "archbuilder[zoo]" in last.told


def test_the_command_checks_one_package_or_all(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["zoo", "verify", str(package)])
    printed = capsys.readouterr().out
    assert printed.count("ok ") == 5
    (package.parent / "broken").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["zoo", "verify", str(package.parent)])
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert printed.count("ok ") == 5
    assert printed.count("FAILED") == 1
    with pytest.raises(SystemExit):
        main(["zoo", "verify", str(package.parent), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found[str(package)][0] == {"what": "files", "passed": True, "told": found[str(package)][0]["told"]}
    assert found[str(package.parent / "broken")][0]["passed"] is False


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json", "weights.safetensors"])
def test_a_package_that_lacks_a_file_is_no_zoo(package: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (package / name).unlink()
    with pytest.raises(SystemExit):
        main(["zoo", "verify", str(package)])
    assert f"FAILED     files: {package / name}: is missing" in capsys.readouterr().out


def test_a_signature_that_was_not_looked_at_is_told(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "model.sig").write_text("{}")
    main(["zoo", "verify", str(package)])
    assert "  not tried  signature: not checked; `archbuilder zoo verify --key" in capsys.readouterr().out


def test_an_empty_zoo_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["zoo", "verify", str(tmp_path)])
    assert ended.value.code == 1
    assert "there is no package in this folder" in capsys.readouterr().err


@pytest.fixture
def with_int8(run: Path, tmp_path: Path) -> Path:
    return export(run, tmp_path / "zoo", int8=True)


def test_an_int8_file_answers_and_is_checked_by_the_same_rules(with_int8: Path) -> None:
    checks = verify(with_int8, DATA)
    assert [(check.what, check.passed) for check in checks if "int8" in check.what] == [
        ("golden, model.int8.onnx", True),
        ("accuracy, model.int8.onnx", True),
    ]
    model = onnx.load(with_int8 / "model.int8.onnx")
    model.graph.node[0].op_type = "RandomUniformLike"
    replace_int8(with_int8, model.SerializeToString())
    assert "'RandomUniformLike'" in failed(with_int8)["golden, model.int8.onnx"]


def replace_int8(package: Path, content: bytes, **told: Any) -> None:
    """Put another network in 8 bits into a package, and what the metadata say of it."""
    (package / "model.int8.onnx").write_bytes(content)
    edited(package, lambda metadata: metadata["int8"].update({"bytes": len(content), **told}))


def test_an_int8_file_has_the_size_and_the_accuracy_that_are_told(with_int8: Path) -> None:
    content = (with_int8 / "model.onnx").read_bytes()
    replace_int8(with_int8, content, bytes=3)
    assert "but metadata.json says 3" in failed(with_int8)["golden, model.int8.onnx"]
    replace_int8(with_int8, content, accuracy=1.0)
    assert failed(with_int8) == {}
    assert "100.00%" in failed(with_int8, *DATA)["accuracy, model.int8.onnx"]
    replace_int8(with_int8, content, split="other")
    assert "does not tell its accuracy" in failed(with_int8, *DATA)["accuracy, model.int8.onnx"]
    told = failed(with_int8, *DATA, "data.holdout=0.3")["accuracy, model.int8.onnx"]
    assert "does not tell" in told


def test_an_int8_file_that_agrees_with_no_golden_answer_is_told(with_int8: Path) -> None:
    model = onnx.load(with_int8 / "model.onnx")
    model.graph.node[-1].output[0] = "right"
    model.graph.node.append(onnx.helper.make_node("Neg", ["right"], ["logits"]))
    replace_int8(with_int8, model.SerializeToString())
    last = verify(with_int8)[-1]
    assert last.told == "finite; none of 4 answers are those of the float32 network; --data tells what it is worth"


def test_how_many_images_are_counted_otherwise_is_told(package: Path) -> None:
    def one_more(told: dict[str, Any]) -> None:
        result = told["results"][0]
        result["accuracy"] += 1 / result["n"]

    edited(package, one_more)
    last = verify(package, DATA)[-1]
    assert last.passed
    assert last.told.endswith("is recorded: 1 image apart, where rounding may change 5")


def grown(package: Path, *factors: int) -> Path:
    """Make a package of a network without weights that enlarges one pixel, with golden answers and costs that fit."""
    nodes, read, side = [], "input", 1
    for place, factor in enumerate(factors):
        side *= factor
        nodes.append(leaf(f"u{place}", "upsample", read, [1, side, side], factor=factor, mode="nearest"))
        read = f"u{place}"
    nodes += [leaf("pool", "global_pool", read, [1, 1, 1], mode="avg"), leaf("end", "flatten", "pool", [1])]
    is_network(graph(nodes, "end"))(package)
    golden = {"inputs": -torch.ones(4, 1, 1, 1), "logits": -torch.ones(4, 1)}
    save_file({**golden, "pictures": torch.zeros(4, 1, 1, 1, dtype=torch.uint8)}, package / "golden.safetensors")
    peak = side**2 + (side // factors[-1]) ** 2
    cost = {"params": 0, "trainable_params": 0, "macs": 0, "peak_activations": peak}
    return edited(package, lambda told: told.update(cost=cost))


def test_a_network_whose_activations_would_fill_the_memory_is_not_run(package: Path, tmp_path: Path) -> None:
    small = Path(shutil.copytree(package, tmp_path / "small"))
    assert "golden, torch" not in failed(grown(small, 8, 8))
    found = failed(grown(package, 64, 64, 64))  # to 275 GB for each picture
    assert "its activations take more than 2,147,483,648 bytes" in found["golden, torch"]


@pytest.mark.parametrize("error", [RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()])
def test_memory_that_is_not_there_is_a_failure(
    exported: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("archbuilder.zoo.package.Loaded.forward", fail)
    assert "cannot be run" in failed(exported)["golden, torch"]


def test_the_signature_is_checked_before_anything_is_read(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, other = pair(tmp_path, "mine"), pair(tmp_path, "other")
    assert [check.what for check in verify(package, key=mine[1])] == ["files", "signature"]
    sign(package, mine[0])
    assert [check.what for check in verify(package, key=other[1])] == ["files", "signature"]
    assert [check.what for check in verify(package, key=mine[1])][:3] == ["files", "signature", "network"]
    with pytest.raises(SystemExit):
        main(["zoo", "verify", str(package), "--key", str(tmp_path / "nothing.pem")])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "nothing.pem: this key cannot be read" in printed.err
