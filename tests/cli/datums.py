"""Databases of Caffe's Datum, written by Python's lmdb and by hand."""

from __future__ import annotations

import pathlib

import lmdb

PIXELS = bytes(range(256)) * 3 + bytes(16)
CHANNELS, HEIGHT, WIDTH, DATA, LABEL, FLOATS, ENCODED = range(1, 8)  # fields of a Datum


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    number &= (1 << 64) - 1
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(fields: dict[int, int | bytes]) -> bytes:
    """A protobuf message; a field of no bytes is left out."""
    out = b""
    for field, value in fields.items():
        if isinstance(value, int):
            out += varint(field << 3) + varint(value)
        elif value:
            out += varint(field << 3 | 2) + varint(len(value)) + value
    return out


def datum(fields: dict[int, int | bytes]) -> bytes:
    """A Caffe Datum: 28 x 28, label 0, but for `fields`."""
    return message({CHANNELS: 1, HEIGHT: 28, WIDTH: 28, DATA: PIXELS, LABEL: 0} | fields)


def write(path: pathlib.Path, items: dict[bytes, bytes], database: bytes | None = None, **options: object) -> None:
    """An LMDB of these items; `options` are those of lmdb.open."""
    environment = lmdb.open(str(path), map_size=1 << 30, max_dbs=4, **options)
    named = environment.open_db(database) if database else None
    with environment.begin(write=True) as transaction:
        for key, value in items.items():
            transaction.put(key, value, db=named)
    environment.close()


def database(folder: pathlib.Path, items: int, change: dict[int, bytes] | None = None) -> None:
    """Labelled images 0 .. `items`, but those in `change`."""
    write(folder, {b"%08d" % i: (change or {}).get(i) or datum({LABEL: i % 10}) for i in range(items)})
