"""Verifying finds whatever a package says that is not so, though its hashes agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.export import export
from archbuilder.zoo.files import write_manifest
from archbuilder.zoo.verify import refuse_failed, verify

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
    assert failed(package).keys() == {"golden, torch"}


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


def test_an_int8_file_answers_and_is_checked_by_the_same_rules(run: Path, tmp_path: Path) -> None:
    package = export(run, tmp_path / "zoo", int8=True)
    last = verify(package)[-1]
    assert (last.what, last.passed) == ("golden, model.int8.onnx", True)
    model = onnx.load(package / "model.int8.onnx")
    model.graph.node[0].op_type = "RandomUniformLike"
    onnx.save(model, package / "model.int8.onnx")
    write_manifest(package)
    assert "'RandomUniformLike'" in failed(package)["golden, model.int8.onnx"]
