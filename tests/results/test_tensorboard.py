"""TensorBoard scalars: what is written is what the run file holds."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import qrun_results
from conftest import ROOT, qrun
from qrun_results import __main__ as command
from qrun_results.protobuf import fields
from qrun_results.tensorboard import crc32c, record


def unmask(crc: int) -> int:
    turned = crc - 0xA282EAD8 & 0xFFFFFFFF
    return turned >> 17 | turned << 15 & 0xFFFFFFFF


def records(data: bytes):
    """Messages of an event file, their checksums compared."""
    while data:
        (length, length_crc), message = struct.unpack("<QI", data[:12]), data[12:]
        assert unmask(length_crc) == crc32c(data[:8])
        yield message[:length]
        assert unmask(*struct.unpack("<I", message[length : length + 4])) == crc32c(message[:length])
        data = message[length + 4 :]


def scalars(data: bytes) -> dict[str, dict[int, np.float32]]:
    found: dict[str, dict[int, np.float32]] = {}
    for event in (dict(fields(message)) for message in list(records(data))[1:]):
        value = dict(fields(dict(fields(event[5]))[1]))
        found.setdefault(value[1].decode(), {})[event.get(2, 0)] = np.frombuffer(value[2], np.float32)[0]
    return found


def test_checksums_are_those_of_the_standard():
    # RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and rising.
    assert [crc32c(data) for data in (bytes(32), b"\xff" * 32, bytes(range(32)))] == [0x8A9136AA, 0x62A8AB43, 0x46DD794E]
    assert list(records(record(b"abc") + record(b""))) == [b"abc", b""]


def test_every_metric_becomes_a_scalar(tmp_path, capsys):
    qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), "train.log_every=7")
    (path,) = (tmp_path / "results/smoke").glob("run-*.h5")
    assert command.main(["tensorboard", str(path), "-o", str(tmp_path / "logs")]) == 0
    target = tmp_path / "logs" / path.stem / "events.out.tfevents.qrun"
    assert capsys.readouterr().out == f"{target}\n"
    run, found = qrun_results.load(path), scalars(target.read_bytes())
    assert set(found) >= {"train/loss_mean", "train/lr", "test/loss", "test/accuracy", "iterations/loss"}
    for tag, values in found.items():
        kind, column = tag.split("/")
        table = run.metrics(kind)
        assert list(values) == list(table.iteration)
        assert list(values.values()) == list(table[column].astype(np.float32))
    assert list(found["iterations/loss"])[:2] == [7, 14]


def test_a_sweep_has_a_folder_a_run(sweep, tmp_path):
    assert command.main(["tensorboard", str(sweep.path), "-o", str(tmp_path)]) == 0
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(run.id for run in sweep)


def test_tensorboard_reads_it(run, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert command.main(["tensorboard", str(run.path), "-o", str(tmp_path)]) == 0
    events = accumulator.EventAccumulator(str(tmp_path / run.id)).Reload()
    accuracies = [event.value for event in events.Scalars("test/accuracy")]
    assert np.array_equal(np.float32(accuracies), np.float32(run.metrics("test").accuracy))
