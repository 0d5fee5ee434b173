"""Labelled photos are read from whatever they lie in, and their parts never share a photo."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from ml.datasets import Collection, folder_of_folders, image_list, read, readable, write_npy
from ml.picture import PictureError, decode
from tests.drawn import drawn


def save(path: Path, seed: int, size: tuple[int, int] = (96, 96)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn(seed, size).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(6):
        save(tmp_path / "photos" / f"place-{seed % 2}" / f"{seed}.png", seed)
    return tmp_path / "photos"


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def test_a_folders_name_is_the_label(photos: Path) -> None:
    (photos / "place-0" / "notes.txt").write_text("no photo")
    save(photos / "loose.png", 9)
    assert [(p.label, p.path.name) for p in folder_of_folders(photos)] == [
        ("place-0", "0.png"), ("place-0", "2.png"), ("place-0", "4.png"),
        ("place-1", "1.png"), ("place-1", "3.png"), ("place-1", "5.png"),
    ]  # fmt: skip


def test_a_list_of_files_gives_path_and_label(photos: Path) -> None:
    save(photos / "with blanks" / "a b.png", 7)
    (photos / "list.txt").write_text("place-0/0.png left\n\nwith blanks/a b.png right\n")
    found = read(photos / "list.txt")
    assert [(p.path.name, p.label) for p in found] == [("0.png", "left"), ("a b.png", "right")]
    assert found[1].open().size == (96, 96)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("nowhere.png a", "line 2: there is no file"), ("place-0/0.png", "line 2: a path, a blank and a label")],
)
def test_a_list_with_a_wrong_line_names_the_line(photos: Path, line: str, complaint: str) -> None:
    (photos / "list.txt").write_text(f"place-0/0.png left\n{line}\n")
    with pytest.raises(ValueError, match=complaint):
        image_list(photos / "list.txt")


def test_digits_of_28_pixels_are_photos_in_a_list(tmp_path: Path) -> None:
    save(tmp_path / "7.png", 1, (28, 28))
    (tmp_path / "list.txt").write_text("7.png seven\n")
    (photo,) = readable(read(tmp_path / "list.txt"))
    assert photo.open().size == (28, 28) and not photo.large
    with pytest.raises(PictureError, match="at least 32 pixels"):
        decode((tmp_path / "7.png").read_bytes())


def test_npy_files_give_back_what_was_written(photos: Path, tmp_path: Path) -> None:
    written = read(photos)
    write_npy(written, tmp_path / "npy", side=96)
    found = read(tmp_path / "npy")
    assert [p.label for p in found] == [p.label for p in written]
    for one, other in zip(found, written, strict=True):
        np.testing.assert_array_equal(np.asarray(one.open()), np.asarray(other.open()))
    assert len({p.sha256 for p in found}) == 6


def test_npy_files_that_do_not_fit_are_one_sentence(photos: Path, tmp_path: Path) -> None:
    write_npy(read(photos), tmp_path, side=32)
    np.save(tmp_path / "labels.npy", np.array([0, 1, 0]))
    with pytest.raises(ValueError, match=r"pictures\.npy must hold bytes"):
        read(tmp_path)
    (tmp_path / "pictures.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"pictures\.npy cannot be read"):
        read(tmp_path)


def test_digits_are_read_from_their_four_files(tmp_path: Path) -> None:
    digits = np.arange(24 * 28 * 28).reshape(24, 28, 28) % 251
    for name in ("train", "t10k"):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", digits)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(24) % 2)
    found = Collection.read(tmp_path)
    assert found.labels == ["0", "1"] and not found.others
    assert (len(found.train), len(found.choose), len(found.report)) == (22, 2, 24)
    np.testing.assert_array_equal(np.asarray(found.report[3].open())[..., 0], digits[3])
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bcut")
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz cannot be read as an idx file"):
        Collection.read(tmp_path)


def test_photos_are_set_apart_the_same_way_each_time_and_a_copy_is_never_in_two_parts(tmp_path: Path) -> None:
    for seed in range(40):
        save(tmp_path / f"place-{seed % 2}" / f"{seed}.png", seed, (40, 40))
        save(tmp_path / f"place-{seed % 2}" / f"copy-{seed}.png", seed, (40, 40))
    first, again, other = Collection.read(tmp_path), Collection.read(tmp_path), Collection.read(tmp_path, seed=1)
    assert first == again != other
    train, rest = {p.sha256 for p in first.train}, {p.sha256 for p in first.choose + first.report}
    assert not train & rest
    assert (len(train), len(rest)) == (32, 8)
    assert not {p.sha256 for p in first.choose} & {p.sha256 for p in first.report}


def test_equal_numbers_are_the_smallest_labels(tmp_path: Path) -> None:
    for seed in range(20):
        save(tmp_path / ("many" if seed < 14 else "few") / f"{seed}.png", seed, (40, 40))
    found = Collection.read(tmp_path).equal()
    assert sorted(p.label for p in found.train) == ["few"] * 5 + ["many"] * 5


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [(["one"] * 8, "At least two labels"), (["one"] * 2 + ["two"] * 2, "No photos are left to choose by")],
)
def test_too_few_photos_are_one_sentence(tmp_path: Path, labels: list[str], complaint: str) -> None:
    for seed, label in enumerate(labels):
        save(tmp_path / label / f"{seed}.png", seed, (40, 40))
    with pytest.raises(ValueError, match=complaint):
        Collection.read(tmp_path)


def test_a_label_with_one_photo_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(21):
        save(tmp_path / ("lonely" if seed == 20 else f"place-{seed % 2}") / f"{seed}.png", seed, (40, 40))
    assert Collection.read(tmp_path).labels == ["lonely", "place-0", "place-1"]
    said = capsys.readouterr().err
    assert "Only one photo to train on: lonely." in said
    assert "No photo to choose by of 1 labels, lonely among them." in said


def test_an_unreadable_photo_is_named_and_left_out(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (photos / "place-0" / "2.png").read_bytes()
    (photos / "place-0" / "2.png").write_bytes(whole[: len(whole) // 2])
    (photos / "place-1" / "1.png").unlink()
    (photos / "place-1" / "1.png").symlink_to(photos / "gone.png")
    left = readable(folder_of_folders(photos))
    assert [p.path.name for p in left] == ["0.png", "4.png", "3.png", "5.png"]
    said = capsys.readouterr().err
    assert f"left out: {photos / 'place-0' / '2.png'}: " in said
    assert "1.png" in said
