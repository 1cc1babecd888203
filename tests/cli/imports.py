#!/usr/bin/env python3
"""Data sets as other programs write them, by `qrun data`: imports.py PROGRAM, from the root of the repository.

Arrays are numpy's.
"""

from __future__ import annotations

import gzip
import pathlib
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


if __name__ == "__main__":
    main()
