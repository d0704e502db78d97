"""What a packaged network says to pictures in files, and which of them it is not asked about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import archbuilder
from archbuilder.cli import main
from archbuilder.errors import DataError
from archbuilder.zoo.package import Loaded
from archbuilder.zoo.predict import Prediction, Refused, predict
from tests.data.test_pictures import SIZE, scene
from tests.zoo.tampering import METADATA, WEIGHTS, edited, put, replaced


def net_of(channels: int = 3, **preprocessing: Any) -> Loaded:
    """Return an untrained network as packages hold them."""
    torch.manual_seed(0)
    shape = [channels, 16, 16]
    plain = {"shape": shape, "mean": [0.5] * channels, "std": [0.25] * channels}
    graph = archbuilder.expand("plain", [f"model.input={shape}"])
    return Loaded(graph, {"labels": list("abcdefghij"), "preprocessing": plain | preprocessing}).eval()


def answers(net: Loaded, *paths: Path, top: int = 5) -> list[Prediction]:
    """Return the predictions of pictures none of which is refused."""
    made = predict(net, paths, top)
    assert all(isinstance(each, Prediction) for each in made), made
    return [each for each in made if isinstance(each, Prediction)]


def test_predictions_are_what_the_network_says_to_the_picture(tmp_path: Path) -> None:
    net = net_of()
    scene((16, 16)).save(tmp_path / "exact.png")
    scene().save(tmp_path / "larger.png")
    exact, larger = answers(net, tmp_path / "exact.png", tmp_path / "larger.png", top=4)
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
    [made] = answers(net_of(), tmp_path / "picture.png", top=99)
    assert len(made.classes) == 10
    assert sum(probability for _, probability in made.classes) == pytest.approx(1)


def test_a_package_that_says_how_pictures_are_resized_is_obeyed(tmp_path: Path) -> None:
    net = net_of(resize=20, interpolation="bicubic")
    scene((70, 50)).save(tmp_path / "picture.png")
    [made] = answers(net, tmp_path / "picture.png")
    assert made.squeezed is None
    with torch.inference_mode():
        assert made.classes[0][1] == float(net(net.preprocess(scene((70, 50)))).softmax(1).max())


def test_a_network_for_grey_pictures_is_given_grey_ones(tmp_path: Path) -> None:
    scene((16, 16)).save(tmp_path / "colour.png")
    scene((16, 16)).convert("L").save(tmp_path / "grey.png")
    colour, grey = answers(net_of(1), tmp_path / "colour.png", tmp_path / "grey.png")
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
    [refused] = predict(net, [tmp_path / "picture.png"])
    assert isinstance(refused, Refused)
    assert "answer is no number" in refused.error


def test_a_bad_picture_takes_nothing_from_the_others(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene().save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    paths = [str(tmp_path / name) for name in ("good.png", "bad.png", "nothing.png", "good.png")]
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(exported), *paths, "--json"])
    assert ended.value.code == 1
    told = capsys.readouterr()
    first, bad, nothing, last = json.loads(told.out)
    assert first == last
    assert len(first["classes"]) == 5
    assert (bad["image"], nothing["image"]) == (paths[1], paths[2])
    assert told.err == f"error: {bad['error']}\nerror: {nothing['error']}\n"
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(exported), *paths])
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert told.out.count("%") == 10
    assert told.err.count("error: ") == 2


def test_a_picture_that_is_next_to_a_line_is_told_with_its_file(tmp_path: Path) -> None:
    Image.new("RGB", (1, 8000)).save(tmp_path / "line.png")
    [refused] = predict(net_of(resize=224, interpolation="bilinear"), [tmp_path / "line.png"])
    assert isinstance(refused, Refused)
    assert refused.error.startswith(f"{tmp_path / 'line.png'}: a picture of 1x8000 pixels would have 224x1792000")


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
        ([str(exported), str(tmp_path)], "is a folder"),
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
