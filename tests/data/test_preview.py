"""The picture of what augmentation does: `archbuilder data preview`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hydra.errors import HydraException

from archbuilder.cli import main
from archbuilder.data import load
from archbuilder.data.augment import Augment
from archbuilder.data.preview import CELL, GAP, GROUP_GAP, draw_sheet, effects, groups, preview, settings, sheet
from archbuilder.errors import ConfigError

DIGITS = ("data=digits", "data.size=8")
STRONG = Augment(flip=True, translate=2, pad="zeros", cutout=2, mixup=0.2)


def test_only_data_augment_and_seed_are_read_of_a_run() -> None:
    read = settings([*DIGITS, "augment=strong", "augment.cutout=3", "seed=7", "model=plain"])
    assert set(read) == {"data", "augment", "seed"}
    assert (read["data"]["size"], read["augment"]["cutout"], read["augment"]["translate"], read["seed"]) == (8, 3, 4, 7)


def test_a_folder_of_ones_own_is_found(tmp_path: Path) -> None:
    own = tmp_path / "it's, mine"
    (own / "augment").mkdir(parents=True)
    (own / "augment" / "mine.yaml").write_text("flip: alternating\n")
    assert settings([*DIGITS, "augment=mine"], own)["augment"] == {"flip": "alternating"}
    with pytest.raises(HydraException):
        settings([*DIGITS, "augment=mine"])
    with pytest.raises(ConfigError, match="--config-dir: nowhere is no folder"):
        settings([*DIGITS], "nowhere")


def test_each_effect_stands_alone() -> None:
    alone = effects(STRONG)
    assert alone == {
        "flip": Augment(flip=True, pad="zeros"),
        "translate 2 zeros": Augment(translate=2, pad="zeros"),
        "cutout 2": Augment(cutout=2, pad="zeros"),
        "mixup 0.2, labels too": Augment(mixup=0.2, pad="zeros"),
    }
    assert effects(Augment()) == {}


def test_rows_are_training_images_and_columns_what_each_effect_does() -> None:
    dataset = load({"name": "digits", "size": 8})
    names, made = groups(dataset, STRONG, seed=3, rows=5)
    assert [group.title for group in made] == ["original", *effects(STRONG), "all of them"]
    assert [len(group.views) for group in made] == [1, 3, 3, 3, 3, 3]
    originals = made[0].views[0]
    train = dataset.splits["train"]
    known = {image.numpy().tobytes(): int(label) for image, label in zip(train.images, train.labels, strict=True)}
    for name, image in zip(names, originals, strict=True):
        assert dataset.labels[known[image.transpose(2, 0, 1).tobytes()]] == name
    for view in made[1].views:
        for before, after in zip(originals, view, strict=True):
            assert np.array_equal(after, before) or np.array_equal(after, before[:, ::-1])
    for group in made[1:]:
        assert any(not np.array_equal(view, originals) for view in group.views), group.title


def test_alternating_flips_are_seen_to_alternate() -> None:
    _, made = groups(load({"name": "digits", "size": 8}), Augment(flip="alternating"), seed=0)
    assert [group.title for group in made] == ["original", "flip alternating"]
    first, second, third = made[1].views
    assert np.array_equal(first, second[:, :, ::-1])
    assert np.array_equal(first, third)


def test_another_seed_shows_other_images() -> None:
    dataset = load({"name": "digits", "size": 8})
    one, same, other = (groups(dataset, Augment(), seed)[1][0].views[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_sheet_holds_every_view_in_its_place() -> None:
    _, made = groups(load({"name": "digits", "size": 8}), STRONG, seed=0, rows=4)
    picture, edges, step = sheet(made)
    assert step == CELL + GAP
    assert edges[:2] == [0, step + GROUP_GAP - GAP]
    assert picture.shape[0] == 4 * step
    for group, edge in zip(made, edges, strict=True):
        for column, view in enumerate(group.views):
            for row, image in enumerate(view):
                top, left = int(row * step), int(edge + column * step)
                cell = picture[top : top + CELL : CELL // 8, left : left + CELL : CELL // 8]
                assert np.array_equal(cell, image)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_of_any_depth_are_drawn(channels: int) -> None:
    dataset = load({"name": "digits", "size": 8, "channels": channels})
    png = draw_sheet("title", *groups(dataset, STRONG, seed=0))
    with PIL.Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.size[0] > 16 * (CELL + GAP)


def test_the_picture_shows_the_views_pixel_by_pixel() -> None:
    names, made = groups(load({"name": "digits", "size": 8}), Augment(flip=True), seed=0)
    expected, _, _ = sheet(made)
    with PIL.Image.open(io.BytesIO(draw_sheet("title", names, made))) as image:
        drawn = np.asarray(image.convert("RGB")).astype(int)
    height, width = expected.shape[:2]
    # Where the sheet lies in the picture: at the right, above a margin.
    found = drawn[drawn.shape[0] - height - 4 : drawn.shape[0] - 4, drawn.shape[1] - width :]
    assert np.abs(found - expected).max() <= 1


def test_the_command_draws_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "sheet.png"
    main(["data", "preview", *DIGITS, "augment=shift", "--to", str(path)])
    assert capsys.readouterr().out == f"drawn in {path}\n"
    assert path.read_bytes() == preview(settings([*DIGITS, "augment=shift"]))


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["data", "preview", *DIGITS, "--to", str(tmp_path)])
    assert capsys.readouterr().err.startswith(f"error: --to: {tmp_path} is a folder; name a file in it: {tmp_path}/")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=digts"], "data: there is no data 'digts'; did you mean 'digits'?"),
        ([*DIGITS, "augment.cutot=3"], "augment.cutot: there is no key 'cutot'; did you mean 'cutout'?"),
        ([*DIGITS, "augment.cutout=8"], "augment.cutout: 8 pixels on images of 8x8; use less than their size"),
        ([*DIGITS, "seed=one"], "seed: needs a whole number from 0, not 'one'"),
        (["data=arrays"], "data.train: say which npz files to train on"),
        (["data=["], "data=[: no viable alternative"),
    ],
)
def test_mistakes_are_told_in_one_paragraph(
    overrides: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["data", "preview", *overrides, "--to", str(tmp_path / "a.png")])
    said = capsys.readouterr()
    assert caught.value.code == 1
    assert said.out == ""
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "a.png").exists()
