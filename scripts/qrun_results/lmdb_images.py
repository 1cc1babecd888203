"""Images of a Caffe LMDB, for plots that show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import numpy as np

from .errors import ResultsError
from .run import Run

# Fields of Caffe's `Datum` message (caffe.proto, BSD-2): number and meaning.
_CHANNELS, _HEIGHT, _WIDTH, _DATA = 1, 2, 3, 4


def test_images(run: Run) -> np.ndarray:
    """Return the test images of a run from the LMDB that its configuration names, relative to the working folder.

    Returns
    -------
    ndarray of uint8
        [item, row, column], or [item, row, column, 3].

    Raises
    ------
    ResultsError
        If the run was not tested on an LMDB, or it cannot be read.
    """
    source = run.config()["data"]["test"].get("lmdb")
    if not source:
        raise ResultsError(run.path, "was not tested on an LMDB, so there are no images to show")
    return read_lmdb(source)


def read_lmdb(path: str | Path) -> np.ndarray:
    """Return all images of an LMDB of `Datum` messages with bytes, in the order of their keys."""
    try:
        import lmdb  # noqa: PLC0415 (needed here alone; Debian: python3-lmdb)
    except ImportError as error:
        raise ResultsError(path, "reading images needs the Python package lmdb (Debian: python3-lmdb)") from error
    try:
        with lmdb.open(str(path), readonly=True, lock=False, create=False) as database, database.begin() as view:
            images = [_image(value) for _, value in view.cursor()]
    except (lmdb.Error, ValueError, IndexError) as error:
        raise ResultsError(path, str(error)) from error
    return np.stack(images)


def _image(message: bytes) -> np.ndarray:
    """One `Datum` with channels first, as an image with channels last."""
    fields = dict(_fields(message))
    shape = [int(fields[key]) for key in (_CHANNELS, _HEIGHT, _WIDTH)]
    pixels = np.frombuffer(fields.get(_DATA, b""), np.uint8).reshape(shape)
    return pixels[0] if shape[0] == 1 else pixels.transpose(1, 2, 0)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a protobuf message's fields (protobuf encoding specification)."""
    at = 0
    value: int | bytes
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, at = message[at : at + length], at + length
        else:
            raise ValueError("not a Datum message")
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
