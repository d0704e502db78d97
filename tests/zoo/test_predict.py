"""Pictures in files of any kind are what they look like, whatever they are called and however they are stored."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import archbuilder
from archbuilder.cli import main
from archbuilder.errors import DataError
from archbuilder.zoo.package import Loaded
from archbuilder.zoo.predict import opened, predict
from tests.zoo.tampering import METADATA, WEIGHTS, edited, put, replaced

SIZE = (64, 32)
TRANSPOSED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""How PIL's transpositions make what a camera stored under each orientation from the upright picture."""


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture that is red, green, blue and grey in its quarters, so that turning it shows."""
    high, wide = size[1], size[0]
    pixels = np.zeros((high, wide, 3), np.uint8)
    pixels[: high // 2, : wide // 2, 0] = 200
    pixels[: high // 2, wide // 2 :, 1] = 160
    pixels[high // 2 :, : wide // 2, 2] = 240
    pixels[high // 2 :, wide // 2 :] = 90
    return Image.fromarray(pixels)


def net_of(channels: int = 3, **preprocessing: Any) -> Loaded:
    """Return an untrained network as packages hold them."""
    torch.manual_seed(0)
    shape = [channels, 16, 16]
    plain = {"shape": shape, "mean": [0.5] * channels, "std": [0.25] * channels}
    graph = archbuilder.expand("plain", [f"model.input={shape}"])
    return Loaded(graph, {"labels": list("abcdefghij"), "preprocessing": plain | preprocessing}).eval()


def apart(picture: Image.Image, other: Image.Image) -> float:
    """Return how far two pictures of one size are from one another on average, of 255."""
    assert (picture.mode, picture.size) == (other.mode, other.size)
    return float(np.abs(np.asarray(picture, np.float64) - np.asarray(other, np.float64)).mean())


FORMATS: dict[str, tuple[dict[str, Any], float]] = {
    "png": ({}, 0),
    "bmp": ({}, 0),
    "tiff": ({}, 0),
    "ppm": ({}, 0),
    "gif": ({}, 3),
    "jpg": ({"quality": 95}, 4),
    "webp": ({"lossless": True}, 0),
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_opened(tmp_path: Path, suffix: str) -> None:
    options, worst = FORMATS[suffix]
    scene().save(tmp_path / f"picture.{suffix}", **options)
    (tmp_path / f"picture.{suffix}").rename(tmp_path / "no suffix")  # which says nothing about what is inside
    assert apart(opened(tmp_path / "no suffix", "RGB"), scene()) <= worst


MODES: dict[str, Callable[[], Image.Image]] = {
    "L": lambda: scene().convert("L"),
    "1": lambda: scene().convert("1"),
    "LA": lambda: scene().convert("LA"),
    "P": lambda: scene().quantize(8),
    "RGBA": lambda: scene().convert("RGBA"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_way_of_holding_pixels_becomes_colour_and_grey(tmp_path: Path, mode: str) -> None:
    made = MODES[mode]()
    made.save(tmp_path / "picture.png")
    assert Image.open(tmp_path / "picture.png").mode == mode
    assert apart(opened(tmp_path / "picture.png", "RGB"), made.convert("RGB")) <= 1
    assert apart(opened(tmp_path / "picture.png", "L"), made.convert("RGB").convert("L")) <= 1


def test_printers_colours_are_converted(tmp_path: Path) -> None:
    scene().convert("CMYK").save(tmp_path / "picture.jpg", quality=95)
    assert apart(opened(tmp_path / "picture.jpg", "RGB"), scene()) < 4


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path: Path) -> None:
    levels = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "picture.png")
    assert np.array_equal(np.asarray(opened(tmp_path / "picture.png", "L")), np.arange(256).reshape(16, 16))


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path: Path, mode: str) -> None:
    if mode == "RGBA":
        Image.new("RGBA", SIZE, (255, 0, 0, 0)).save(tmp_path / "picture.png")
    else:
        Image.new("P", SIZE).save(tmp_path / "picture.png", transparency=0)
    assert apart(opened(tmp_path / "picture.png", "RGB"), Image.new("RGB", SIZE, "white")) == 0


@pytest.mark.parametrize("orientation", TRANSPOSED)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
def test_pictures_are_turned_as_their_camera_said(tmp_path: Path, suffix: str, orientation: int) -> None:
    how = TRANSPOSED[orientation]
    stored = scene() if how is None else scene().transpose(Image.Transpose(how))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    stored.save(tmp_path / f"picture.{suffix}", exif=exif, **options)
    assert apart(opened(tmp_path / f"picture.{suffix}", "RGB"), scene()) < 4


def test_of_several_frames_the_first_counts(tmp_path: Path) -> None:
    scene().save(tmp_path / "picture.gif", save_all=True, append_images=[Image.new("RGB", SIZE, "white")])
    assert apart(opened(tmp_path / "picture.gif", "RGB"), scene()) < 3


def bomb(side: int) -> bytes:
    """Return a PNG of a few kB that unpacks to side * side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(2**20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    scene().save(tmp_path / "whole.png")
    scene((500, 500)).save(tmp_path / "whole.jpg")
    whole, photo = (tmp_path / "whole.png").read_bytes(), (tmp_path / "whole.jpg").read_bytes()
    contents = {
        "empty.png": (b"", "is no picture of PNG, JPEG"),
        "text.png": (b"hello", "is no picture"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
        # For which PIL would start another program.
        "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "is no picture"),
        "cut.png": (whole[:-30], "cannot be read as a picture"),
        "cut.jpg": (photo[:1000], "cannot be read as a picture"),
        "header.png": (whole[:20], "is no picture|cannot be read"),
        "broken.png": (whole[:50] + bytes(20) + whole[70:], "cannot be read as a picture"),
        "bomb.png": (bomb(60_000), "has more than 89,478,485 pixels"),
        "smaller bomb.png": (bomb(10_000), "has more than 89,478,485 pixels"),
    }
    for name, (content, telling) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*({telling})") as told:
            opened(tmp_path / name, "RGB")
        assert "\n" not in str(told.value)
    Image.fromarray(np.ones((9, 9), np.float32)).save(tmp_path / "numbers.tiff")
    os.mkfifo(tmp_path / "pipe.png")
    for name, telling in {
        "numbers.tiff": "F: the range of its numbers is not known",
        "nothing.png": "there is no such file",
        ".": "is a folder",
        "pipe.png": "is no file",
    }.items():
        with pytest.raises(DataError, match=telling):
            opened(tmp_path / name, "RGB")


def test_predictions_are_what_the_network_says_to_the_picture(tmp_path: Path) -> None:
    net = net_of()
    scene((16, 16)).save(tmp_path / "exact.png")
    scene().save(tmp_path / "larger.png")
    exact, larger = predict(net, [tmp_path / "exact.png", str(tmp_path / "larger.png")], top=4)
    assert (exact.size, exact.squeezed) == ((16, 16), None)
    assert (larger.size, larger.squeezed) == (SIZE, (16, 16))
    for made, picture in ((exact, scene((16, 16))), (larger, scene().resize((16, 16)))):
        with torch.inference_mode():
            probabilities = net(net.preprocess(picture))[0].softmax(0)
        assert [label for label, _ in made.classes] == [
            net.labels[i] for i in probabilities.argsort(descending=True)[:4]
        ]
        assert made.classes[0][1] == float(probabilities.max())


def test_all_classes_are_told_where_there_are_fewer_than_asked_for(tmp_path: Path) -> None:
    scene().save(tmp_path / "picture.png")
    [made] = predict(net_of(), [tmp_path / "picture.png"], top=99)
    assert len(made.classes) == 10
    assert sum(probability for _, probability in made.classes) == pytest.approx(1)


def test_a_package_that_says_how_pictures_are_resized_is_obeyed(tmp_path: Path) -> None:
    net = net_of(resize=20, interpolation="bicubic")
    scene((70, 50)).save(tmp_path / "picture.png")
    [made] = predict(net, [tmp_path / "picture.png"])
    assert made.squeezed is None
    with torch.inference_mode():
        assert made.classes[0][1] == float(net(net.preprocess(scene((70, 50)))).softmax(1).max())


def test_a_network_for_grey_pictures_is_given_grey_ones(tmp_path: Path) -> None:
    scene((16, 16)).save(tmp_path / "colour.png")
    scene((16, 16)).convert("L").save(tmp_path / "grey.png")
    colour, grey = predict(net_of(1), [tmp_path / "colour.png", tmp_path / "grey.png"])
    assert colour.classes == grey.classes


def test_a_network_for_other_channels_is_told(tmp_path: Path) -> None:
    scene().save(tmp_path / "picture.png")
    with pytest.raises(DataError, match="the network takes 4 channels"):
        predict(net_of(4), [tmp_path / "picture.png"])


def test_an_answer_that_is_no_number_is_told(tmp_path: Path) -> None:
    scene().save(tmp_path / "picture.png")
    net = net_of()
    with torch.no_grad():
        net.get_parameter("head.classifier.linear.weight").fill_(3e38)
    with pytest.raises(DataError, match="answer is no number"):
        predict(net, [tmp_path / "picture.png"])


def test_the_command_prints_a_table_for_each_picture(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # wide enough for the paths of tests
    scene().save(tmp_path / "first.png")
    scene((16, 16)).save(tmp_path / "second.jpg")
    main(["predict", str(exported), str(tmp_path / "first.png"), str(tmp_path / "second.jpg"), "--top", "3"])
    told = capsys.readouterr().out
    assert "first.png" in told
    assert "64x32, squeezed to 16x16" in " ".join(told.split())
    assert told.count("%") == 6
    assert told.count("the package does not say how") == 1


def test_the_command_prints_json(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene().save(tmp_path / "picture.png")
    main(["predict", str(exported), str(tmp_path / "picture.png"), "--json", "--device", "cpu"])
    [made] = json.loads(capsys.readouterr().out)
    assert made["image"] == str(tmp_path / "picture.png")
    assert (made["size"], made["squeezed"]) == ([*SIZE], [16, 16])
    assert len(made["classes"]) == 5
    [expected] = predict(archbuilder.load(exported), [tmp_path / "picture.png"])
    assert made == json.loads(json.dumps(expected.to_json()))


def test_the_command_tells_what_is_wrong(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene().save(tmp_path / "picture.png")
    damaged = Path(shutil.copytree(exported, tmp_path / "damaged"))
    replaced(WEIGHTS, lambda content: content[:-1])(damaged)
    labelled = Path(shutil.copytree(exported, tmp_path / "labelled"))
    edited(METADATA, put("labels", 0, value="\x1b[2J"))(labelled)
    picture = str(tmp_path / "picture.png")
    for arguments, telling in (
        ([str(exported), str(tmp_path / "nothing.png")], "there is no such file"),
        ([str(exported), picture, str(tmp_path)], "is a folder"),
        ([str(exported), str(exported / METADATA)], "is no picture"),
        ([str(damaged), picture], "weights.safetensors"),
        ([str(labelled), picture], "metadata.json"),
        ([picture, picture], "is a file; name the folder of a package"),
        ([str(tmp_path), picture], "this is a zoo; name one of its packages: damaged, labelled"),
        ([str(exported), picture, "--device", "abacus"], "'abacus' cannot be used here"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["predict", *arguments])
        assert ended.value.code == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert telling in told.err
        assert told.err.startswith("error: ")
        assert told.err.removesuffix("\n").isprintable()
    for wrong in ("0", "-1", "many"):
        with pytest.raises(SystemExit) as ended:
            main(["predict", str(exported), picture, "--top", wrong])
        assert ended.value.code == 2
