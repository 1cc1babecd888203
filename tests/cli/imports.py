#!/usr/bin/env python3
"""Data sets as other programs write them, by `qrun data`: imports.py PROGRAM, from the root of the repository.

Pickles are Python's, arrays numpy's.
"""

from __future__ import annotations

import gzip
import os
import pathlib
import pickle
import shutil
import struct
import subprocess

import lmdb
import numpy as np
from program import SMOKE, ProgramTest, main

RANDOM = np.random.default_rng(5)


def fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protobuf message by their numbers."""

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag = number()
        value: int | bytes = number()
        if tag & 7 == 2:
            value, at = message[at : at + int(value)], at + int(value)
        found.setdefault(tag >> 3, []).append(value)
    return found


def items(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a database, in the order of keys."""
    images, labels = [], []
    with lmdb.open(str(folder), readonly=True, lock=False) as database, database.begin() as view:
        for _, value in view.cursor():
            datum = fields(value)
            c, h, w = (int(datum[i][0]) for i in (1, 2, 3))
            images.append(np.frombuffer(datum[4][0], np.uint8).reshape(c, h, w))
            labels.append(datum[5][0])
    return np.stack(images), np.array(labels)


class ImportTest(ProgramTest):
    def put(self, name: str, content: bytes) -> None:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def imports(self, kind: str, *options: str, code: int = 0) -> subprocess.CompletedProcess:
        return self.qrun("data", kind, "--from", "in", "--to", "out", *options, code=code)

    def refuses(self, kind: str, line: str, *options: str) -> None:
        done = self.imports(kind, *options, code=2)
        self.assertRegex(done.stderr, line)
        self.assertFalse((self.cwd / "out").exists(), "nothing is written")


class Idx(ImportTest):
    def test_a_published_set_of_letters_trains_a_network_of_26(self) -> None:
        labels = np.arange(260) % 26 + 1
        for name in ("train", "test"):
            pixels = RANDOM.integers(0, 256, (260, 28, 28), np.uint8)
            self.put(f"in/emnist-letters-{name}-images-idx3-ubyte.gz", gzip.compress(struct.pack(">4I", 0x803, *pixels.shape) + pixels.tobytes()))
            self.put(f"in/emnist-letters-{name}-labels-idx1-ubyte.gz", gzip.compress(struct.pack(">2I", 0x801, 260) + bytes(labels.tolist())))
        done = self.imports("mnist")
        self.assertIn("labels 1 to 26 became 0 to 25", done.stderr)
        images, found = items(self.cwd / "out/test_lmdb")
        self.assertTrue((images[:, 0] == pixels).all() and (found == labels - 1).all())
        data = [f"data.{name}={{lmdb: out/{name}_lmdb, batch_size: 20}}" for name in ("train", "test")]
        self.qrun(SMOKE, *data, "train.epochs=1", "network.score.out_features=26", "--quiet")


class Cifar(ImportTest):
    """Batches of a few records: what is checked is their form."""

    RECORDS = 7

    def setUp(self) -> None:
        super().setUp()
        self.images = RANDOM.integers(0, 256, (6, self.RECORDS, 3072), np.uint8)
        self.labels = RANDOM.integers(0, 10, (6, self.RECORDS))

    def expect(self, labels: np.ndarray | None = None) -> None:
        labels = self.labels if labels is None else labels
        for name, part in (("train", slice(0, 5)), ("test", slice(5, 6))):
            images, found = items(self.cwd / f"out/{name}_lmdb")
            self.assertEqual(images.shape[1:], (3, 32, 32))
            self.assertTrue((images.reshape(-1, 3072) == self.images[part].reshape(-1, 3072)).all(), "planes stay red, green, blue")
            self.assertEqual(found.tolist(), labels[part].ravel().tolist())
        blob = fields((self.cwd / "out/mean.binaryproto").read_bytes())
        self.assertEqual([blob[i] for i in (1, 2, 3, 4)], [[1], [3], [32], [32]])
        mean = self.images[:5].reshape(-1, 3072).mean(axis=0, dtype=np.float64).astype(np.float32)
        self.assertEqual(blob[5][0], mean.tobytes())

    def names(self) -> list[str]:
        return [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]

    def test_binary_batches(self) -> None:
        for name, images, labels in zip(self.names(), self.images, self.labels):
            batch = np.concatenate([labels[:, None].astype(np.uint8), images], axis=1).tobytes()
            packed = name.endswith(("2", "batch"))
            self.put(f"in/{name}.bin" + (".gz" if packed else ""), gzip.compress(batch) if packed else batch)
        done = self.imports("cifar10")
        self.assertIn("35 training images, where the whole set has 50000", done.stderr)
        self.assertIn("out/test_lmdb: 7 items", done.stdout)
        self.expect()

    def test_python_batches_of_every_protocol(self) -> None:
        for protocol in range(2, 6):
            for key_type in (str, str.encode):
                with self.subTest(protocol=protocol, key=key_type):
                    for name, images, labels in zip(self.names(), self.images, self.labels):
                        batch = {"batch_label": f"{name} of 5", "labels": labels.tolist(), "data": images, "filenames": ["a.png"] * self.RECORDS}
                        self.put(f"in/{name}", pickle.dumps({key_type(key): value for key, value in batch.items()}, protocol))
                    self.imports("cifar10")
                    self.expect()
                    shutil.rmtree(self.cwd / "out")

    def test_hundred_classes(self) -> None:
        fine = RANDOM.integers(0, 100, (6, self.RECORDS))
        for name, part in (("train", slice(0, 5)), ("test", slice(5, 6))):
            images, labels = self.images[part].reshape(-1, 3072), fine[part].ravel()
            both = np.stack([labels // 5, labels], axis=1).astype(np.uint8)
            self.put(f"in/{name}.bin", np.concatenate([both, images], axis=1).tobytes())
        self.imports("cifar10")
        self.expect(fine)
        for name, part in (("train", slice(0, 5)), ("test", slice(5, 6))):
            images, labels = self.images[part].reshape(-1, 3072), fine[part].ravel()
            (self.cwd / f"in/{name}.bin").unlink()
            self.put(f"in/{name}", pickle.dumps({"fine_labels": labels.tolist(), "coarse_labels": (labels // 5).tolist(), "data": images}, 2))
        self.imports("cifar10")
        self.expect(fine)

    def test_what_is_wrong_is_named_and_nothing_is_written(self) -> None:
        (self.cwd / "in").mkdir()
        self.refuses("cifar10", "^qrun: in: no batches of CIFAR; looked for data_batch_1.bin to 5 .* it is empty")
        record = bytes(3073)
        for name in self.names():
            self.put(f"in/{name}.bin", record)
        for name, batch, line in (
            ("cut", record + bytes(9), "in/data_batch_3.bin: 3082 bytes are no whole number of records of 3073"),
            ("empty", b"", "in/data_batch_3.bin: 0 bytes are no whole number"),
            ("label", record + b"\x0a" + bytes(3072), "in/data_batch_3.bin: label 10 of record 1 is none of 10 classes"),
        ):
            with self.subTest(name):
                self.put("in/data_batch_3.bin", batch)
                self.refuses("cifar10", line)
        (self.cwd / "in/data_batch_3.bin").unlink()
        self.refuses("cifar10", r"of CIFAR-10, binary, data_batch_3.bin is missing \(plain or .gz\); it holds data_batch_1.bin, ")
        self.put("in/train.bin", record)
        self.refuses("cifar10", "holds two sets: CIFAR-10, binary, and CIFAR-100, binary")

    def test_pickles_are_read_and_never_run(self) -> None:
        class Runs:
            def __reduce__(self) -> tuple:
                return os.system, ("touch ran",)

        good = {"labels": [1], "data": np.zeros((1, 3072), np.uint8)}
        for name, batch, line in (
            ("a call", pickle.dumps({**good, "data": Runs()}, 2), "its data is no numpy array of bytes"),
            ("a call at the top", pickle.dumps(Runs(), 2), "no dictionary with data and labels"),
            ("floats", pickle.dumps({**good, "data": np.zeros((1, 3072), np.float32)}, 2), "its data is no numpy array of bytes"),
            ("Fortran's order", pickle.dumps({**good, "data": np.asfortranarray(np.zeros((2, 3072), np.uint8))}, 2), "its data is no numpy array of bytes"),
            ("another shape", pickle.dumps({**good, "data": np.zeros((3072, 1), np.uint8)}, 2), "its data is no numpy array of bytes"),
            ("labels", pickle.dumps({**good, "labels": [10]}, 2), "its labels are no list of 1 numbers below 10"),
            ("few labels", pickle.dumps({**good, "labels": []}, 2), "its labels are no list of 1 numbers below 10"),
            ("cut", pickle.dumps(good, 2)[:-40], "the pickle ends too early"),
            ("another opcode", b"\x80\x02I1\n.", "pickle opcode 0x49, which no batch of CIFAR has"),
        ):
            with self.subTest(name):
                for file in self.names():
                    self.put(f"in/{file}", pickle.dumps(good, 2))
                self.put("in/data_batch_4", batch)
                self.refuses("cifar10", f"^qrun: in/data_batch_4: .*{line}")
        self.assertFalse((self.cwd / "ran").exists())


if __name__ == "__main__":
    main()
