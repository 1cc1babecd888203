"""Writes the metrics of runs as TensorBoard scalars.

An event file is a series of TFRecords, each a protobuf message `Event`: a few fields of two fixed formats, written here so
that neither TensorFlow nor TensorBoard need be installed.
"""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path
from typing import Iterable, Iterator

import pandas as pd

from .protobuf import double, integer, octets, single, text
from .run import Run

METRICS = ("train", "test", "iterations")
_AXES = ("epoch", "iteration")


def write_scalars(runs: Iterable[Run], folder: str | Path) -> list[Path]:
    """Write an event file a run, as `<folder>/<run id>/events.out.tfevents.qrun`; files of that name are replaced.

    Each column of the run's metrics becomes a tag such as `test/accuracy`, its step the number of iterations done. A run
    file has no time of its own for each entry: they are spread evenly from the run's start to its end.

    Returns
    -------
    list of Path
        The files written.
    """
    files = []
    for run in runs:
        target = Path(folder) / run.id / "events.out.tfevents.qrun"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(record(message) for message in _events(run)))
        files.append(target)
    return files


def record(data: bytes) -> bytes:
    """Return a TFRecord: length and data, each behind itself with its masked CRC-32C (TensorFlow, record_writer.cc)."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(length)) + data + struct.pack("<I", _masked(data))


def crc32c(data: bytes) -> int:
    """Return the CRC-32C, of Castagnoli's polynomial (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table_entry(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc


_TABLE = [_table_entry(byte) for byte in range(256)]


def _masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _events(run: Run) -> Iterator[bytes]:
    start, end = (_seconds(run.attributes[key]) for key in ("started", "finished"))
    metrics = {kind: run.metrics(kind) for kind in METRICS}
    last = max([1, *(int(table.iteration.max()) for table in metrics.values() if len(table))])
    yield double(1, start) + text(3, "brain.Event:2")
    for kind, table in metrics.items():
        for tag, step, value in _scalars(kind, table):
            time = start + (end - start) * step / last
            summary = octets(1, text(1, tag) + single(2, value))
            yield double(1, time) + integer(2, step) + octets(5, summary)


def _scalars(kind: str, table: pd.DataFrame) -> Iterator[tuple[str, int, float]]:
    for column in table.columns.difference(_AXES):
        for step, value in zip(table.iteration, table[column]):
            yield f"{kind}/{column}", int(step), float(value)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
