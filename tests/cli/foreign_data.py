#!/usr/bin/env python3
"""Databases that other programs made, through the real program: foreign_data.py PROGRAM, from the root of the repository.

What can be read trains; what can't is said for what it is, before anything starts.
"""

from __future__ import annotations

import io
import struct
import subprocess

import h5py
import numpy as np
from datums import CHANNELS, DATA, ENCODED, LABEL, PIXELS, database, datum, message, write
from PIL import Image
from program import SMOKE, ProgramTest, main

ITEMS = {b"%08d" % i: datum({LABEL: i % 10}) for i in range(100)}


class ForeignData(ProgramTest):
    def setUp(self) -> None:
        super().setUp()
        database(self.cwd / "test", 100)

    def train(self, path: str, code: int = 0) -> subprocess.CompletedProcess:
        data = (f"data.train={{lmdb: {path}, batch_size: 50}}", "data.test={lmdb: test, batch_size: 50}")
        return self.qrun(SMOKE, *data, "train.epochs=1", code=code)

    def assert_refused(self, path: str, line: str) -> None:
        self.assert_says(self.train(path, code=2), rf"^command line: data\.train=.*: data\.train\.lmdb: {path}: {line}")
        self.assertFalse((self.cwd / "results").exists())

    def test_each_form_of_a_database_trains_and_is_the_same_data(self) -> None:
        write(self.cwd / "folder", ITEMS)
        write(self.cwd / "one.lmdb", ITEMS, subdir=False)
        write(self.cwd / "named", ITEMS, database=b"train")
        paths = ("folder", "folder/data.mdb", "one.lmdb", "named")
        for path in paths:
            self.train(path)
        seen = {}
        for file in self.cwd.glob("results/smoke/run-*.h5"):
            with h5py.File(file) as f:
                record = f["data/train"].attrs
                seen[record["path"]] = record["hash"]
        self.assertEqual(sorted(seen), sorted(paths))
        self.assertEqual(len(set(seen.values())), 1, seen)

    def test_encoded_images_train_to_the_bits_of_those_that_are_not(self) -> None:
        random = np.random.default_rng(1)
        for form, options in (("PNG", {}), ("JPEG", {"quality": 80})):
            compressed, plain = {}, {}
            for i in range(100):
                file = io.BytesIO()
                smooth = np.kron(random.integers(0, 256, (7, 7, 3)), np.ones((4, 4, 1))).astype(np.uint8)
                Image.fromarray(smooth).save(file, form, **options)
                pixels = np.asarray(Image.open(file))[:, :, ::-1].transpose(2, 0, 1)  # to blue, green, red, as OpenCV has it
                compressed[b"%08d" % i] = message({DATA: file.getvalue(), LABEL: i % 10, ENCODED: 1})
                plain[b"%08d" % i] = datum({CHANNELS: 3, DATA: pixels.tobytes(), LABEL: i % 10})
            masters = []
            for name, items in ((f"{form}_encoded", compressed), (f"{form}_plain", plain)):
                write(self.cwd / name, items)
                data = [f"data.{split}={{lmdb: {name}, batch_size: 50}}" for split in ("train", "test")]
                self.qrun(SMOKE, *data, "train.epochs=1", f"name={name}")
                with h5py.File(next((self.cwd / "results" / name).glob("run-*.h5"))) as f:
                    masters.append(f["weights/conv1/weight/master"][:].tobytes())
            self.assertEqual(masters[0], masters[1], form)

    def test_several_databases_are_named(self) -> None:
        write(self.cwd / "two", ITEMS, database=b"images")
        write(self.cwd / "two", {}, database=b"labels")
        self.assert_refused("two", r"holds databases with names among other items \(images, labels\); a data set is the only one")

    def test_a_file_of_another_machine_is_named(self) -> None:
        (self.cwd / "power.mdb").write_bytes(bytes(16) + struct.pack(">II", 0xBEEFC0DE, 1) + bytes(4096))
        self.assert_refused("power.mdb", "an LMDB database of a machine of 64 bits and big-endian numbers; write it again here: `mdb_dump")

    def test_other_messages_are_said_for_what_they_are(self) -> None:
        remedy = "; write one Datum an image, as README.md shows under `Where data comes from`"
        tensors = message({1: message({1: 28, 2: 3, 5: PIXELS})}) + message({1: message({1: 1, 2: 2, 4: b"\7"})})
        kinds = {
            "annotated": (message({1: datum({}), 2: 1}), "an AnnotatedDatum, as SSD's Caffe writes .*"),
            "tensors": (tensors, "Caffe2's TensorProtos, not Caffe's Datum"),
            "image": (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG file without a label, not a Caffe Datum"),
            "empty": (b"", "an empty value"),
        }
        for name, (value, line) in kinds.items():
            with self.subTest(name):
                write(self.cwd / name, ITEMS | {b"00000005": value})
                self.assert_refused(name, f"item 00000005: {line}{remedy}")

    def test_binary_keys_train_and_are_shown_in_hex(self) -> None:
        items = {struct.pack(">I", i): datum({LABEL: i % 10}) for i in range(100)}
        write(self.cwd / "broken", items | {struct.pack(">I", 5): datum({DATA: PIXELS[:-1]})})
        self.assert_refused("broken", "item 0x00000005: 783 values where its shape 1x28x28 says 784; write the database again")
        write(self.cwd / "sound", items)
        self.train("sound")


if __name__ == "__main__":
    main()
