"""Images as files, a folder for each class; and the file that keeps what was decoded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archbuilder.data.folder
from archbuilder.data.folder import decode, folder
from archbuilder.errors import DataError
from archbuilder.zoo.preprocess import Preprocess


def picture(path: Path, level: int = 100, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
    """Write an image of one grey level; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new(mode, size, level if mode == "L" else (level,) * len(mode)).save(path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Return a folder of cats, darker, and dogs, brighter: four of each."""
    for i in range(4):
        picture(tmp_path / "pets" / "cat" / f"{i}.png", 10 + i)
        picture(tmp_path / "pets" / "dog" / f"{i}.jpg", 200 + i)
    return tmp_path / "pets"


def loaded(root: Path, **options: Any) -> Any:
    return folder(str(root), **{"size": 8, "holdout": 2, "cache": str(root.parent / "cache"), **options})


def caches(root: Path) -> list[Path]:
    return list((root.parent / "cache").iterdir())


def test_folders_are_classes_and_a_part_is_held_out(pets: Path) -> None:
    dataset = loaded(pets)
    data = dataset.describe()
    assert (data.name, data.labels, data.shape) == ("folder", ["cat", "dog"], [3, 8, 8])
    assert data.splits == {"train": 6, "val": 2}
    for split in dataset.splits.values():
        assert torch.equal(split.images.float().mean((1, 2, 3)) > 100, split.labels == 1)


def test_train_val_and_test_are_splits(pets: Path, tmp_path: Path) -> None:
    root = tmp_path / "all"
    for split in ("train", "val", "test"):
        (root / split).mkdir(parents=True)
    pets.rename(root / "train" / "pets")
    for name in ("cat", "dog"):
        (root / "train" / "pets" / name).rename(root / "train" / name)
    (root / "train" / "pets").rmdir()
    picture(root / "val" / "dog" / "deep" / "a.png", 250)
    picture(root / "test" / "cat" / "a.png", 5)
    picture(root / "test" / "dog" / "b.png", 6)
    dataset = loaded(root)
    assert dataset.describe().splits == {"train": 8, "val": 1, "test": 2}
    assert dataset.splits["val"].labels.tolist() == [1]
    assert dataset.splits["test"].images[:, 0, 0, 0].tolist() == [5, 6]


def test_a_class_may_be_called_train(pets: Path) -> None:
    picture(pets / "train" / "loco.png", 50)
    assert loaded(pets).labels == ["cat", "dog", "train"]


def test_other_files_are_left_alone(pets: Path) -> None:
    expected = loaded(pets).fingerprint
    (pets / "cat" / "notes.txt").write_text("no image")
    (pets / "cat" / ".hidden.png").write_text("no image")
    (pets / ".git").mkdir()
    (pets / "readme.md").write_text("no image")
    assert loaded(pets).fingerprint == expected


@pytest.mark.parametrize(("width", "height", "size"), [(16, 8, 6), (8, 16, 6), (32, 8, 4), (3, 3, 8), (8, 8, 8)])
def test_the_shorter_side_is_resized_and_the_middle_kept(tmp_path: Path, width: int, height: int, size: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = PIL.Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    wide, tall = width * size // min(width, height), height * size // min(width, height)
    left, top = (wide - size) // 2, (tall - size) // 2
    whole = np.asarray(image.resize((wide, tall), PIL.Image.Resampling.BILINEAR)).astype(int)
    expected = whole[top : top + size, left : left + size]
    assert np.array_equal(decode(tmp_path / "a.png", size, 3), expected)


def test_an_image_of_the_right_size_stays_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png", 8, 3), pixels)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_whatever_the_file_holds_becomes_grey_or_colour(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    PIL.Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(path)
    image = decode(path, 8, channels)
    assert image.shape == (8, 8, channels)
    assert (image >= 250).all()


def test_an_image_is_turned_as_its_camera_said(tmp_path: Path) -> None:
    image = PIL.Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 8, 2))
    exif = PIL.Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=exif)
    assert decode(tmp_path / "a.png", 8, 1)[:, 0, 0].tolist() == [0] * 6 + [255] * 2


def test_an_image_that_cannot_be_read_is_named(pets: Path) -> None:
    broken = pets / "dog" / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError) as caught:
        loaded(pets)
    assert str(caught.value).startswith(f"{broken}: cannot be read as a picture (")
    assert str(caught.value).endswith("mend or remove it")
    assert not (pets.parent / "cache").exists()


def test_several_that_cannot_be_read_are_named_at_once_up_to_ten(pets: Path) -> None:
    def broken(number: int) -> list[Path]:
        made = [pets / "dog" / f"broken{i:02}.png" for i in range(number)]
        for path in made:
            path.write_bytes(b"no image")
        return made

    for number, named in ((2, 2), (12, 10)):
        paths = broken(number)
        with pytest.raises(DataError) as caught:
            loaded(pets)
        assert [str(path) in str(caught.value) for path in paths] == [True] * named + [False] * (number - named)
        assert str(caught.value).endswith("; and maybe more") is (number > named)


def test_sixteen_bits_are_scaled_rather_than_cut_off(pets: Path) -> None:
    deep = pets / "cat" / "deep.png"
    PIL.Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(deep)
    assert (decode(deep, 8, 3) == 40_000 // 256).all()


def test_a_picture_that_is_next_to_a_line_is_named(pets: Path) -> None:
    picture(pets / "cat" / "line.png", size=(1, 100_000))
    with pytest.raises(DataError, match=r"line\.png: a picture of 1x100000 pixels would have 32x3200000 .*remove it"):
        loaded(pets, size=32)


def test_a_picture_is_cut_as_a_package_cuts_it(pets: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (41, 30, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(pets / "cat" / "a.png")
    prepare = Preprocess([3, 12, 12], [0.0] * 3, [1.0] * 3, 12, "bilinear")
    [made] = prepare(PIL.Image.open(pets / "cat" / "a.png"))
    assert np.array_equal(decode(pets / "cat" / "a.png", 12, 3), (made * 255).round().permute(1, 2, 0).numpy())


def test_folders_that_cannot_be_used_are_named(pets: Path, tmp_path: Path) -> None:
    def told(root: Path) -> str:
        with pytest.raises(DataError) as caught:
            loaded(root)
        return str(caught.value)

    assert told(tmp_path / "nowhere").startswith(f"{tmp_path / 'nowhere'}: no such folder, seen from")
    assert told(pets / "cat" / "0.png").startswith(f"{pets / 'cat' / '0.png'}: is a file, not a folder")
    assert told(pets / "cat").startswith(f"{pets / 'cat'}: holds no folders; put the images of each class")
    (pets / "emu").mkdir()
    assert told(pets).startswith(f"{pets / 'emu'}: there are no images for this class (")
    root = tmp_path / "split"
    picture(root / "train" / "cat" / "a.png")
    picture(root / "train" / "dog" / "a.png")
    picture(root / "val" / "emu" / "a.png")
    assert told(root) == f"{root / 'val' / 'emu'}: train has no class 'emu'; it has cat, dog"
    (root / "val").rename(root / "valid")
    assert told(root).startswith(f"{root / 'valid'}: lies beside train, but the splits are called train, val and test")


def test_images_are_decoded_once(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = loaded(pets).fingerprint
    assert capsys.readouterr().err == "decoding 8 images\n"

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(archbuilder.data.folder, "decode", never)
    assert loaded(pets).fingerprint == first
    assert loaded(pets, holdout=4).describe().splits == {"train": 4, "val": 4}
    assert capsys.readouterr().err == ""
    assert len(caches(pets)) == 1
    with pytest.raises(AssertionError, match="decoded again"):
        loaded(pets, cache=None)


def test_a_changed_file_or_setting_is_decoded_anew(pets: Path) -> None:
    before = loaded(pets)
    picture(pets / "cat" / "0.png", 77)
    os.utime(pets / "cat" / "0.png", ns=(1, 1))
    assert loaded(pets).fingerprint != before.fingerprint
    picture(pets / "cat" / "new.png", 3)
    assert sum(loaded(pets).describe().splits.values()) == 9
    assert loaded(pets, size=4).shape == [3, 4, 4]
    assert loaded(pets, size=4, channels=1).shape == [1, 4, 4]


def test_a_cache_that_cannot_be_written_costs_only_time(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pets.parent / "cache").write_text("a file where a folder should be")
    assert loaded(pets).describe().splits == {"train": 6, "val": 2}
    assert "cannot be kept (" in capsys.readouterr().err


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_cache_is_noticed_and_made_anew(
    pets: Path, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    expected = loaded(pets).fingerprint
    [path] = caches(pets)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1), label="place")
    if data.draw(st.booleans(), label="cut"):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255), label="flipped bits")
    path.write_bytes(content)
    capsys.readouterr()
    assert loaded(pets).fingerprint == expected
    said = capsys.readouterr().err
    # A few bytes of a zip file mean nothing, its times for one.
    assert not said or said.startswith(f"{path}: damaged (")
    assert said.count("\n") in (0, 2)
    assert loaded(pets).fingerprint == expected
    assert capsys.readouterr().err == ""


def test_a_cache_of_something_else_is_not_taken(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = loaded(pets).fingerprint
    [path] = caches(pets)
    loaded(pets, size=4)
    [other] = [file for file in caches(pets) if file != path]
    path.write_bytes(other.read_bytes())
    assert loaded(pets).fingerprint == expected
    assert "made from other files or settings" in capsys.readouterr().err
