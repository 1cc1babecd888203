"""Images in LMDBs of Caffe's `Datum` messages, which qrun trains on: written from arrays, and read for plots."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Iterator

import numpy as np
from numpy.typing import ArrayLike

from . import protobuf
from .errors import ResultsError
from .run import Run

# Fields of Caffe's `Datum` message (caffe.proto, BSD-2): number and meaning.
_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL, _FLOATS, _ENCODED = range(1, 8)
_FLOAT_TAG = _FLOATS << 3 | 5  # each number behind a tag of its own, as Caffe writes them

_DATA_FILE, _LOCK_FILE = "data.mdb", "lock.mdb"
_ITEMS_A_TRANSACTION = 1000
_LARGEST_LABEL = np.iinfo(np.int32).max


def write_lmdb(path: str | Path, images: ArrayLike, labels: ArrayLike, *, overwrite: bool = False) -> None:
    """Write images and labels as an LMDB, for `data.train.lmdb` and `data.test.lmdb` of a configuration.

    The database is written under another name beside `path` and then renamed: it appears whole or not at all. Its keys are
    numbers of eight digits, and qrun reads in their order, which is that of the arrays.

    Parameters
    ----------
    path : str or Path
        Folder of the database; those above it are made.
    images : array_like of uint8 or float
        [item, channel, row, column], or [item, row, column] for one channel. Floats are stored as float32.
    labels : array_like of int
        [item], from 0: the last layer of a network needs an output for each class.
    overwrite : bool
        Replace a database that is there.

    Raises
    ------
    ValueError
        If an array has another shape or type, an image a value that is not finite as float32, or a label is negative.
    ResultsError
        If there is something at `path` already, or it cannot be written.

    Examples
    --------
    >>> qrun_results.write_lmdb("data/mine_train", images[:50000], labels[:50000])
    """
    items, classes = _checked_images(images), _checked_labels(labels)
    if len(items) != len(classes):
        raise ValueError(f"labels: {len(classes)} of them for {len(items)} images; give one label an image")
    lmdb, target = _lmdb(path), Path(path)
    if target.exists() or target.is_symlink():
        _check_replaceable(target, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
            folder = Path(aside) / target.name  # with the mode that folders of this user have
            folder.mkdir()
            _fill(lmdb, folder / _DATA_FILE, items, classes)
            if target.exists():
                os.replace(folder / _DATA_FILE, target / _DATA_FILE)
            else:
                folder.rename(target)
    except (OSError, lmdb.Error) as error:
        raise ResultsError(path, f"cannot write: {error}") from error


def read_lmdb(path: str | Path) -> np.ndarray:
    """Return all images of an LMDB of `Datum` messages, in the order of their keys.

    Returns
    -------
    ndarray of uint8 or float32
        [item, row, column], or [item, row, column, channel] where there are several.

    Raises
    ------
    ResultsError
        If there is no such database, it is damaged, or its images are compressed or differ in shape.
    """
    lmdb = _lmdb(path)
    try:
        with lmdb.open(str(path), readonly=True, lock=False, create=False) as database, database.begin() as view:
            images = [_image(value) for _, value in view.cursor()]
        return np.stack(images)
    except (lmdb.Error, ValueError, IndexError) as error:
        raise ResultsError(path, str(error)) from error
    except KeyError as error:
        raise ResultsError(path, "holds other than Datum messages") from error


def test_images(run: Run) -> np.ndarray:
    """Return the test images of a run from the LMDB that its configuration names, relative to the working folder.

    Returns
    -------
    ndarray of uint8 or float32
        [item, row, column], or [item, row, column, channel].

    Raises
    ------
    ResultsError
        If the run was not tested on an LMDB, or it cannot be read.
    """
    source = run.config()["data"]["test"].get("lmdb")
    if not source:
        raise ResultsError(run.path, "was not tested on an LMDB, so there are no images to show")
    return read_lmdb(source)


def _lmdb(path: str | Path) -> ModuleType:
    try:
        import lmdb  # noqa: PLC0415 (needed here alone; Debian: python3-lmdb)
    except ImportError as error:
        raise ResultsError(path, "images in LMDBs need the Python package lmdb (Debian: python3-lmdb)") from error
    return lmdb


def _checked_images(images: ArrayLike) -> np.ndarray:
    items = np.asarray(images)
    if items.dtype != np.uint8 and items.dtype.kind != "f":
        raise ValueError(
            f"images: {items.dtype} of shape {items.shape}; give pixels as uint8 (images.astype(numpy.uint8)) or values as float32"
        )
    if items.ndim not in (3, 4) or 0 in items.shape:
        raise ValueError(f"images: shape {items.shape}; give [item, channel, row, column] or [item, row, column], none of them 0")
    return items if items.ndim == 4 else items[:, np.newaxis]


def _checked_labels(labels: ArrayLike) -> np.ndarray:
    classes = np.asarray(labels)
    if classes.dtype.kind not in "iu":
        raise ValueError(f"labels: {classes.dtype} of shape {classes.shape}; give integers (labels.astype(int))")
    if classes.ndim != 1:
        raise ValueError(f"labels: shape {classes.shape}; give one number an image, [item] (labels.reshape(-1), or argmax(1) of one-hot)")
    bad = np.flatnonzero((classes < 0) | (classes > _LARGEST_LABEL))
    if len(bad):
        raise ValueError(f"labels[{bad[0]}]: {classes[bad[0]]} is outside [0, {_LARGEST_LABEL}]; classes count from 0")
    return classes


def _check_replaceable(target: Path, overwrite: bool) -> None:
    """Nothing but a database is ever replaced."""
    if not overwrite:
        raise ResultsError(target, "is there already; choose another name, or overwrite=True to replace the database")
    names = {entry.name for entry in target.iterdir()} if target.is_dir() else {""}
    if _DATA_FILE not in names or names - {_DATA_FILE, _LOCK_FILE}:
        raise ResultsError(target, "is no folder of an LMDB alone, so it is not overwritten; choose another name")


def _fill(lmdb: ModuleType, file: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write a database in one file; it is on disk when this returns."""
    item_bytes = images[0].size * (1 if images.dtype == np.uint8 else 5) + 64
    room = (1 << 26) + 3 * len(images) * item_bytes  # pages are not filled
    with lmdb.open(str(file), map_size=room, subdir=False, lock=False, mode=0o644) as database:
        for first in range(0, len(images), _ITEMS_A_TRANSACTION):
            with database.begin(write=True) as view:
                for i in range(first, min(first + _ITEMS_A_TRANSACTION, len(images))):
                    view.put(b"%08d" % i, _datum(images, i, int(labels[i])), append=True)


def _datum(images: np.ndarray, index: int, label: int) -> bytes:
    image = images[index]
    shape = b"".join(protobuf.integer(field, size) for field, size in zip((_CHANNELS, _HEIGHT, _WIDTH), image.shape))
    if image.dtype == np.uint8:
        return shape + protobuf.octets(_DATA, image.tobytes()) + protobuf.integer(_LABEL, label)
    with np.errstate(over="ignore"):
        values = image.astype("<f4")
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        at = tuple(bad[0].tolist())
        raise ValueError(f"images[{index}]: value {image[at]} at {list(at)} is not finite as float32; replace it")
    tagged = np.empty(values.size, [("tag", "u1"), ("value", "<f4")])
    tagged["tag"], tagged["value"] = _FLOAT_TAG, values.reshape(-1)
    return shape + protobuf.integer(_LABEL, label) + tagged.tobytes()


def _image(message: bytes) -> np.ndarray:
    """One `Datum` with channels first, as an image with channels last."""
    known = dict(protobuf.fields(message))
    if known.get(_ENCODED):
        raise ValueError("holds compressed images (encoded: true)")
    shape = [int(known[key]) for key in (_CHANNELS, _HEIGHT, _WIDTH)]
    pixels = np.frombuffer(known[_DATA], np.uint8) if known.get(_DATA) else _floats(protobuf.fields(message))
    pixels = pixels.reshape(shape)
    return pixels[0] if shape[0] == 1 else pixels.transpose(1, 2, 0)


def _floats(fields: Iterator[tuple[int, Any]]) -> np.ndarray:
    return np.frombuffer(b"".join(value for number, value in fields if number == _FLOATS), "<f4")
