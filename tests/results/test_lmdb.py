"""Databases written from arrays, read by qrun and by the package."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import qrun_results
from conftest import ROOT, qrun
from qrun_results import ResultsError, lmdb_images, read_lmdb, write_lmdb

lmdb = pytest.importorskip("lmdb")
RANDOM = np.random.default_rng(1)
LABELS = RANDOM.integers(0, 300, 400)  # above 127, numbers of two bytes
BYTES = RANDOM.integers(0, 256, (400, 3, 28, 20), np.uint8)
SMALL = BYTES[:5, 0]


def trained(folder: pathlib.Path, database: str) -> qrun_results.Run:
    """Train and test a small network on a database of 300 classes."""
    mine = [f"data.{part}={{lmdb: {database}, batch_size: 50, synthetic_digits: null}}" for part in ("train", "test")]
    qrun(folder, str(ROOT / "configs/smoke.yaml"), *mine, "network.score.out_features=300", "train.epochs=1")
    return qrun_results.load(next((folder / "results/smoke").glob("run-*.h5")))


def items(path: pathlib.Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), readonly=True, lock=False) as database, database.begin() as view:
        return dict(view.cursor())


def left_in(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_what_is_written_trains_and_reads_back(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = BYTES if kind == np.uint8 else (BYTES / 2048 - 0.05).astype(kind)
    write_lmdb("new/folder/db", images, LABELS)
    want = images.transpose(0, 2, 3, 1).astype(np.uint8 if kind == np.uint8 else np.float32)
    read = read_lmdb("new/folder/db")
    assert read.dtype == want.dtype and np.array_equal(read, want)
    run = trained(tmp_path, "new/folder/db")
    assert np.array_equal(run.predictions()[0], LABELS)
    assert run.network["layers"][0]["input_shape"] == [3, 28, 20]
    assert np.array_equal(lmdb_images.test_images(run), want)
    assert left_in(tmp_path / "new") == ["folder", "folder/db", "folder/db/data.mdb"]


def test_keys_and_messages_are_those_of_qrun(tmp_path):
    qrun(tmp_path, "data", "synthetic-digits", "--to", "digits")
    theirs = items(tmp_path / "digits/test_lmdb")
    labels = np.array([message[-1] for message in theirs.values()], np.uint8)  # the last field, below 10
    write_lmdb(tmp_path / "mine", read_lmdb(tmp_path / "digits/test_lmdb"), labels)
    assert items(tmp_path / "mine") == theirs


def test_images_without_channels_and_lists_are_taken(tmp_path):
    write_lmdb(tmp_path / "rows", SMALL, range(5))
    write_lmdb(tmp_path / "lists", [[[0.5, 2.0]], [[1.0, -3.0]]], [1, 0])
    assert np.array_equal(read_lmdb(tmp_path / "rows"), SMALL)
    assert read_lmdb(tmp_path / "lists").tolist() == [[[0.5, 2.0]], [[1.0, -3.0]]]


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (SMALL.astype(int), range(5), r"^images: int64 of shape \(5, 28, 20\); give pixels as uint8"),
        (SMALL > 9, range(5), "^images: bool of shape"),
        (SMALL[0], [1], r"^images: shape \(28, 20\); give \[item, channel, row, column\]"),
        (SMALL[:0], [], r"^images: shape \(0, 28, 20\); give"),
        (SMALL, range(4), "^labels: 4 of them for 5 images; give one label an image"),
        (SMALL, np.eye(5, dtype=int), r"^labels: shape \(5, 5\); give one number an image"),
        (SMALL, np.arange(5.0), r"^labels: float64 of shape \(5,\); give integers"),
        (SMALL, [0, 1, 2, -1, 4], r"^labels\[3\]: -1 is outside \[0, 2147483647\]; classes count from 0"),
        (SMALL, [0, 1 << 31, 2, 3, 4], r"^labels\[1\]: 2147483648 is outside"),
    ],
)
def test_arrays_that_are_no_images_or_labels_are_refused(images, labels, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_lmdb(tmp_path / "db", images, labels)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_a_value_that_is_not_finite_is_refused_and_nothing_stays(bad, tmp_path):
    images = SMALL.astype(float)
    images[3, 4, 5] = bad
    with pytest.raises(ValueError, match=rf"^images\[3\]: value {bad} at \[0, 4, 5\] is not finite as float32".replace("+", r"\+")):
        write_lmdb(tmp_path / "db", images, range(5))
    assert left_in(tmp_path) == []


def test_a_database_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "db"
    write_lmdb(path, SMALL, range(5))
    with pytest.raises(ResultsError, match="db: is there already; choose another name, or overwrite=True"):
        write_lmdb(path, SMALL + 1, range(5))
    assert np.array_equal(read_lmdb(path), SMALL)
    broken = SMALL.astype(np.float32)
    broken[4] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        write_lmdb(path, broken, range(5), overwrite=True)
    assert np.array_equal(read_lmdb(path), SMALL), "what was there stays until all is written"
    (path / "lock.mdb").touch()  # that programs leave
    write_lmdb(path, SMALL[:3] + 1, range(3), overwrite=True)
    assert np.array_equal(read_lmdb(path), SMALL[:3] + 1)
    assert left_in(tmp_path) == ["db", "db/data.mdb", "db/lock.mdb"]


def test_nothing_but_a_database_is_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one.png").touch()
    (tmp_path / "photos/data.mdb").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    before = left_in(tmp_path)
    for name in ("photos", "empty", "file", "link"):
        with pytest.raises(ResultsError, match=f"{name}: is no folder of an LMDB alone, so it is not overwritten"):
            write_lmdb(tmp_path / name, SMALL, range(5), overwrite=True)
    assert left_in(tmp_path) == before


def test_what_cannot_be_written_or_read_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="file/db: cannot write: "):
        write_lmdb(tmp_path / "file/db", SMALL, range(5))
    with pytest.raises(ResultsError, match="none: "):
        read_lmdb(tmp_path / "none")
    others = {"texts": b"\x12hello", "compressed": b"\x08\x01\x10\x01\x18\x01\x22\x01x\x38\x01", "short": b"\x08\x01\x10\x02\x18\x01\x22\x01x"}
    for name, message in others.items():
        with lmdb.open(str(tmp_path / name)) as database, database.begin(write=True) as view:
            view.put(b"0", message)
        with pytest.raises(ResultsError, match=f"{name}: "):
            read_lmdb(tmp_path / name)
