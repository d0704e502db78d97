"""A package from weights of torchvision or timm answers as the network that they come from.

Nothing is downloaded: checkpoints of random weights lie where the libraries keep what they have downloaded.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
import torchvision
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torch import nn

import archbuilder
from archbuilder.cli import main
from archbuilder.errors import ConfigError, PackageError
from archbuilder.weights import TransferError
from archbuilder.zoo.foreign import adopted, import_weights
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.sources import ForeignError, fetch, from_timm
from tests.imagenet.twins import randomise, reference

SQUEEZENET = "torchvision:SqueezeNet1_1_Weights.IMAGENET1K_V1"
MOBILENET = "timm:mobilenetv1_100.ra4_e3600_r224_in1k"


def pictures() -> list[Image.Image]:
    """Return two random pictures of different sizes."""
    random = np.random.default_rng(7)
    sizes = ((300, 260, 3), (180, 333, 3))
    return [Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)) for size in sizes]


def checkpoint(home: Path, source: str) -> Path:
    """Return where torchvision looks for the downloaded weights of `source`."""
    url = torchvision.models.get_weight(source.partition(":")[2]).url
    path = home / "hub" / "checkpoints" / Path(url).name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def cached(home: Path, name: str, source: str, **options: bool) -> nn.Module:
    """Put random weights where torchvision looks for those of `source`, and return the network that has them."""
    net = reference(name)
    randomise(net)
    torch.save(net.state_dict(), checkpoint(home, source))
    for key, value in options.items():
        setattr(net, key, value)
    return net.eval()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which torchvision keeps what it has downloaded; the network is out of reach."""

    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    return tmp_path / "torch"


def logits(net: nn.Module, prepared: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        made: torch.Tensor = net(prepared)
    return made


def close(made: torch.Tensor, expected: torch.Tensor) -> None:
    assert expected.std() > 0
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("name", "source", "inside"),
    [
        ("squeezenet1_1", SQUEEZENET, {}),
        # These have auxiliary heads and, as torchvision loads them, a normalisation inside.
        ("googlenet", "torchvision:GoogLeNet_Weights.IMAGENET1K_V1", {"transform_input": True}),
        pytest.param(
            "inception_v3",
            "torchvision:Inception_V3_Weights.IMAGENET1K_V1",
            {"transform_input": True},
            marks=pytest.mark.slow,
        ),
        pytest.param("resnet50", "torchvision:ResNet50_Weights.IMAGENET1K_V2", {}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore:auxiliary heads")
def test_a_package_answers_as_torchvisions_network_and_preset(
    home: Path, tmp_path: Path, name: str, source: str, inside: dict[str, bool]
) -> None:
    theirs = cached(home, name, source, **inside)
    weights = torchvision.models.get_weight(source.partition(":")[2])
    package = archbuilder.load(import_weights(f"imagenet/{name}", source, tmp_path / "zoo"))
    assert not package.training
    assert package.labels == weights.meta["categories"]
    preset = weights.transforms()
    close(
        logits(package, package.preprocess(pictures())),
        logits(theirs, torch.stack([preset(picture) for picture in pictures()])),
    )
    if inside:
        assert package.preprocess.mean == package.preprocess.std == [0.5, 0.5, 0.5]
    else:
        torch.testing.assert_close(package.preprocess(pictures()[0]), preset(pictures()[0])[None], rtol=0, atol=1e-6)


def test_a_package_tells_its_origin_and_nothing_about_a_training_that_nobody_saw(home: Path, tmp_path: Path) -> None:
    cached(home, "squeezenet1_1", SQUEEZENET)
    # An alias is told by what it stands for.
    path = import_weights("imagenet/squeezenet1_1", "torchvision:SqueezeNet1_1_Weights.DEFAULT", tmp_path / "zoo")
    assert path.name == "imagenet-squeezenet1_1-DEFAULT"
    metadata = json.loads((path / "metadata.json").read_text())
    assert set(metadata) == {
        "schema", "name", "network", "cost", "labels", "preprocessing", "origin", "comparison", "onnx", "license",
        "exported_with", "created",
    }  # fmt: skip
    assert metadata["origin"] == {
        "source": SQUEEZENET,
        "version": torchvision.__version__,
        "url": "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    }
    assert metadata["cost"]["params"] == 1_235_496
    assert 0 <= metadata["comparison"]["largest_difference"] < 1e-5 * metadata["comparison"]["largest_output"]
    card = ModelCard.load(path / "README.md", ignore_metadata_errors=False)
    assert card.data.get("eval_results") is None
    assert f"Elsewhere: the weights are {SQUEEZENET}".replace("_", "\\_") in card.text
    assert "None were measured here" in card.text
    assert [path.name for path in (tmp_path / "zoo").iterdir()] == [path.name]


def test_names_in_a_checkpoint_that_torchvision_translates_are_no_obstacle(home: Path) -> None:
    # DenseNet's published checkpoints say norm.1 where the network says norm1.
    source = "torchvision:DenseNet121_Weights.IMAGENET1K_V1"
    theirs = cached(home, "densenet121", source)
    path = checkpoint(home, source)
    published = {
        key.replace("norm1", "norm.1").replace("conv2", "conv.2"): value
        for key, value in theirs.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(published, path)
    found = fetch(source).module.state_dict()
    assert found.keys() == theirs.state_dict().keys()
    assert all(torch.equal(found[key], value) for key, value in theirs.state_dict().items())


def test_another_structure_is_refused_with_both_sides_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    cached(home, "squeezenet1_1", SQUEEZENET)
    zoo = tmp_path / "zoo"
    with pytest.raises(TransferError, match=r"SqueezeNet1_1.* features\.0 .*\[64, 3, 3, 3\].* stem\.conv\.conv .*7, 7"):
        import_weights("imagenet/squeezenet1_0", SQUEEZENET, zoo)
    for overrides, telling in (
        (["model.input=[3,97,97]"], r"takes \[3, 97, 97\]; add model\.input=\[3,224,224\]"),
        (["model.classes=10"], r"gives \[10\]; add model\.classes=1000"),
        # Equal shapes all over: only the outputs tell.
        (["model.style.act=tanh"], "same shapes, but their outputs"),
        (["model.stem.conv.padding=1"], "same shapes, but their outputs"),
    ):
        with pytest.raises(ForeignError, match=telling):
            import_weights("imagenet/squeezenet1_1", SQUEEZENET, zoo, overrides=overrides)
    with pytest.raises(ConfigError, match="squeezenet1_1"):
        import_weights("imagenet/squeezenet1_2", SQUEEZENET, zoo)
    assert not zoo.exists()


def test_another_structure_is_told_before_anything_is_fetched(home: Path, hub: Path, tmp_path: Path) -> None:
    for model, source in (
        ("imagenet/resnet34", "torchvision:ResNet18_Weights.IMAGENET1K_V1"),
        ("imagenet/inception_v3", "torchvision:GoogLeNet_Weights.IMAGENET1K_V1"),
        ("imagenet/ghostnet_100", MOBILENET),
    ):
        with pytest.raises((TransferError, ForeignError), match=r"is not the network|model\.input="):
            import_weights(model, source, tmp_path / "zoo")
    # Where nothing can be told before, it is afterwards: this network cannot be made without numbers.
    with pytest.raises(ForeignError, match="neither found in the cache nor downloaded"):
        import_weights("imagenet/regnet_y_400mf", "torchvision:RegNet_X_400MF_Weights.IMAGENET1K_V1", tmp_path / "zoo")


def test_weights_that_answer_nothing_are_refused(home: Path, tmp_path: Path) -> None:
    net = cached(home, "squeezenet1_1", SQUEEZENET)
    for value in (0.0, float("nan")):
        for parameter in net.parameters():
            nn.init.constant_(parameter, value)
        torch.save(net.state_dict(), checkpoint(home, SQUEEZENET))
        with pytest.raises(ForeignError, match=r"outputs, up to (0|nan)"):
            import_weights("imagenet/squeezenet1_1", SQUEEZENET, tmp_path / "zoo")


def test_a_taken_name_is_told_before_anything_is_fetched(home: Path, tmp_path: Path) -> None:
    (tmp_path / "zoo" / "mine").mkdir(parents=True)
    with pytest.raises(PackageError, match="choose another with --name, or replace it with --force"):
        import_weights("imagenet/squeezenet1_1", SQUEEZENET, tmp_path / "zoo", "mine")


@pytest.mark.parametrize(
    ("source", "telling"),
    [
        ("torchvision:ResNet50_Weights.IMAGENET1K_V3", r"did you mean ResNet50_Weights\.IMAGENET1K_V2\?"),
        ("torchvision:ResNet50", r"did you mean ResNet50_Weights\.IMAGENET1K_V1 or ResNet50_Weights\.IMAGENET1K_V2"),
        ("torchvision:zzz", "write torchvision:ResNet50_Weights"),
        ("torchvision:FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1", "has no such weights"),
        ("torchvision:VGG16_Weights.IMAGENET1K_FEATURES", "no classifier"),
        ("torchvision:", "names no weights"),
        ("resnet50", "names no weights of torchvision or timm; write torchvision:ResNet50_Weights"),
        ("keras:resnet50", "names no weights"),
        ("timm:ghostnet_100.in2k", r"did you mean ghostnet_100\.in1k\?"),
        ("timm:ghostnet_010", r"did you mean ghostnet"),
        ("timm:hf-hub:somebody/net", "has no such weights"),
        ("timm:local-dir:/tmp", "has no such weights"),
    ],
)
def test_an_unknown_source_is_told_with_the_nearest(home: Path, source: str, telling: str) -> None:
    with pytest.raises(ForeignError, match=telling):
        fetch(source)


def test_without_a_network_there_is_one_paragraph(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["import", "imagenet/squeezenet1_1", "--from", SQUEEZENET, "--to", str(tmp_path / "zoo")])
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {SQUEEZENET}: ")
    assert "Name or service not known" in error
    assert "network connection" in error
    assert error.count("\n") == 1


class Payload:
    """What a hostile checkpoint holds: unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("before", [None, "0"])
def test_a_checkpoint_is_read_as_tensors_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    variable = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    monkeypatch.delenv(variable, raising=False)
    if before is not None:
        monkeypatch.setenv(variable, before)
    torch.save({"weight": Payload(tmp_path / "ran")}, checkpoint(home, SQUEEZENET))
    with pytest.raises(ForeignError, match="UnpicklingError"):
        fetch(SQUEEZENET)
    assert not (tmp_path / "ran").exists()
    assert os.environ.get(variable) == before


def test_a_damaged_or_wrong_checkpoint_is_told(home: Path) -> None:
    path = checkpoint(home, SQUEEZENET)
    path.write_bytes(b"half a fi")
    with pytest.raises(ForeignError, match="delete a damaged file"):
        fetch(SQUEEZENET)
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(ForeignError, match="Missing key"):
        fetch(SQUEEZENET)


def test_import_from_the_command_line(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cached(home, "squeezenet1_1", SQUEEZENET)
    arguments = ["--from", SQUEEZENET, "--to", str(tmp_path / "zoo"), "--name", "mine", "--license", "bsd-3-clause"]
    # An override may stand behind the options too.
    main(["import", "imagenet/squeezenet1_1", "model.style.momentum=0.2", *arguments, "model.head.drop.rate=0.1"])
    told = capsys.readouterr().out
    assert f"packaged as {tmp_path / 'zoo' / 'mine'}; logits up to " in told
    assert SQUEEZENET in told
    assert "license" not in told.splitlines()[-1]
    assert json.loads((tmp_path / "zoo" / "mine" / "metadata.json").read_text())["license"] == "BSD-3-Clause"
    drop = archbuilder.load(tmp_path / "zoo" / "mine").get_submodule("head.drop")
    assert isinstance(drop, nn.Dropout)
    assert drop.p == 0.1


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which timm's weights are kept; the network is out of reach."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def in_hub(hub: Path, source: str) -> nn.Module:
    """Put random weights where timm looks for those of `source`, and return the network that has them."""
    name = source.partition(":")[2]
    net: nn.Module = timm.create_model(name)
    randomise(net)
    folder = hub / f"models--timm--{name}"
    (folder / "snapshots" / "0").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0")
    save_file(net.state_dict(), folder / "snapshots" / "0" / "model.safetensors")
    return net.eval()


def test_a_package_answers_as_timms_network_and_transform(hub: Path, tmp_path: Path) -> None:
    theirs = in_hub(hub, MOBILENET)
    package = archbuilder.load(import_weights("imagenet/mobilenetv1_100", MOBILENET, tmp_path / "zoo"))
    transform = create_transform(**resolve_model_data_config(theirs), is_training=False)  # type: ignore[no-untyped-call]
    prepared = torch.stack([transform(picture) for picture in pictures()])
    torch.testing.assert_close(package.preprocess(pictures()), prepared, rtol=0, atol=1e-6)
    close(logits(package, package.preprocess(pictures())), logits(theirs, prepared))
    assert package.labels[:2] == ["tench, Tinca tinca", "goldfish, Carassius auratus"]
    assert len(package.labels) == 1000
    assert package.metadata["origin"] == {
        "source": MOBILENET,
        "version": timm.__version__,
        "url": "https://huggingface.co/timm/mobilenetv1_100.ra4_e3600_r224_in1k",
        "license": "apache-2.0",
    }
    assert package.preprocess == Preprocess([3, 224, 224], [0.5] * 3, [0.5] * 3, 256, "bicubic")


def test_timms_weights_that_are_not_there_are_told(hub: Path) -> None:
    with pytest.raises(ForeignError, match="neither found in the cache nor downloaded"):
        fetch(MOBILENET)


def test_without_a_network_timms_weights_are_told_at_once_and_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    begin = time.monotonic()
    with pytest.raises(ForeignError, match="neither found in the cache nor downloaded"):
        fetch(MOBILENET)
    assert time.monotonic() - begin < 20, "huggingface_hub tries for 50 seconds"
    assert "etry" not in capfd.readouterr().err + caplog.text
    in_hub(tmp_path / "hub", MOBILENET)
    assert len(fetch(MOBILENET).labels) == 1000
    assert huggingface_hub.constants.HF_HUB_OFFLINE is False


def timms(**declared: Any) -> nn.Module:
    """Return a small network as timm makes it, whose weights declare something else."""
    return timm.create_model("mobilenetv1_100", pretrained_cfg_overlay=declared)


def test_what_timm_declares_becomes_the_preprocessing() -> None:
    foreign = from_timm(timms(input_size=(3, 160, 160), crop_pct=0.95, interpolation="bilinear"))
    assert (foreign.shape, foreign.resize, foreign.interpolation) == ((3, 160, 160), 168, "bilinear")
    ours = Preprocess(list(foreign.shape), foreign.mean, foreign.std, foreign.resize, foreign.interpolation)
    for picture in pictures():
        torch.testing.assert_close(ours(picture), foreign.prepare(picture)[None], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("declared", "telling"),
    [
        ({"crop_mode": "squash"}, "crop mode 'squash'"),
        ({"crop_mode": "border"}, "crop mode 'border'"),
        ({"interpolation": "lanczos"}, "resizes pictures by 'lanczos'; a package knows bilinear, bicubic"),
        ({"input_size": (3, 224, 192)}, "224x192"),
    ],
)
def test_preprocessing_that_a_package_cannot_hold_is_refused(declared: dict[str, Any], telling: str) -> None:
    with pytest.raises(ForeignError, match=telling):
        from_timm(timms(**declared))


def test_classes_without_names_are_numbered() -> None:
    foreign = from_timm(timm.create_model("mobilenetv1_100", num_classes=7))
    assert foreign.labels == [f"class_{i}" for i in range(7)]
    graph = archbuilder.expand("imagenet/mobilenetv1_100", ["model.classes=7"])
    assert adopted(graph, foreign).graph is graph


def test_without_timm_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ForeignError, match=r'pip install "archbuilder\[timm\]"'):
        fetch(MOBILENET)
