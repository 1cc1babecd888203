"""Fields of protobuf messages, read and written without protobuf (its encoding specification).

A field is a number times 8 plus its wire type, then its value: 0 a number of any length, 1 eight bytes, 2 a length and as
many bytes, 5 four bytes.
"""

from __future__ import annotations

import struct
from typing import Any, Iterator


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field: an integer of wire type 0, else bytes."""
    at = 0
    value: int | bytes
    while at < len(message):
        tag, at = _read_varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(message, at)
        elif kind in (1, 2, 5):
            length, at = _read_varint(message, at) if kind == 2 else (8 if kind == 1 else 4, at)
            if at + length > len(message):
                raise ValueError("a protobuf message that is cut short")
            value, at = message[at : at + length], at + length
        else:
            raise ValueError("no protobuf message")
        yield tag >> 3, value


def integer(number: int, value: int) -> bytes:
    """Return a field of an integer that is not negative."""
    return _varint(number << 3) + _varint(value)


def double(number: int, value: float) -> bytes:
    """Return a field of a number of eight bytes."""
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """Return a field of a number of four bytes."""
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def octets(number: int, value: bytes) -> bytes:
    """Return a field of bytes, or of a message."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def text(number: int, value: str) -> bytes:
    """Return a field of text."""
    return octets(number, value.encode())


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
