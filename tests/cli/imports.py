#!/usr/bin/env python3
"""Data sets as other programs write them, by `qrun data`: imports.py PROGRAM, from the root of the repository.

Pickles are Python's, arrays numpy's; images are written by hand, and by Pillow where it is installed.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import unittest
import zlib

import lmdb
import numpy as np
from program import SMOKE, ProgramTest, main

HAS_PILLOW = importlib.util.find_spec("PIL") is not None
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


def png(pixels: np.ndarray) -> bytes:
    """An image [h, w] or [h, w, 3], as a PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")


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


class Images(ImportTest):
    def put_set(self, folder: str, classes: tuple[str, ...] = ("cat", "dog"), side: int = 8) -> np.ndarray:
        """Three images a class; returns them all, [h, w, 3]."""
        images = RANDOM.integers(0, 256, (3 * len(classes), side, side, 3), np.uint8)
        for i, image in enumerate(images):
            self.put(f"in/{folder}/{classes[i // 3]}/{i % 3}.png", png(image))
        return images

    def test_train_and_test_become_two_databases(self) -> None:
        train, test = self.put_set("train"), self.put_set("test")
        self.put("in/train/cat/notes.txt", b"cats")
        self.put("in/train/.hidden/a.png", b"no image")
        done = self.imports("images")
        self.assertIn("passed over what is not called .png, .jpg or .jpeg: in/train/cat/notes.txt", done.stderr)
        for name, want in (("train", train), ("test", test)):
            images, labels = items(self.cwd / f"out/{name}_lmdb")
            self.assertTrue((images == want[..., ::-1].transpose(0, 3, 1, 2)).all(), "blue, green, red")
            self.assertEqual(labels.tolist(), [0, 0, 0, 1, 1, 1])
        self.assertEqual((self.cwd / "out/labels.txt").read_text(), "cat\ndog\n")

    def test_folders_of_classes_become_one(self) -> None:
        for i in range(3):
            self.put(f"in/{i}/a.PNG", png(np.full((5, 6), 40 * i, np.uint8)))
        self.assertIn("out/images_lmdb: 3 items", self.imports("images", "--gray").stdout)
        images, labels = items(self.cwd / "out/images_lmdb")
        self.assertEqual(images.shape, (3, 1, 5, 6))
        self.assertEqual((images[:, 0, 0, 0].tolist(), labels.tolist()), ([0, 40, 80], [0, 1, 2]))
        self.assertIn("--gray makes one of them", self.imports("images").stderr)
        self.assertEqual(items(self.cwd / "out/images_lmdb")[0].shape, (3, 3, 5, 6))

    def test_sizes_that_differ_are_named_or_made_alike(self) -> None:
        self.put("in/cat/a.png", png(np.zeros((4, 6), np.uint8)))
        self.put("in/cat/b.png", png(np.full((40, 10), 255, np.uint8)))
        self.refuses("images", "in/cat/b.png is 40x10, but in/cat/a.png 4x6; give --size")
        for size in ("8", "8x", "x8", "0x8", "8x8x8", "99999x1", "8X8"):
            self.refuses("images", f"--size: {size} is no HEIGHTxWIDTH", "--size", size)
        self.imports("images", "--size", "3x2", "--gray")
        images, _ = items(self.cwd / "out/images_lmdb")
        self.assertEqual(images.tolist(), [[[[0, 0]] * 3], [[[255, 255]] * 3]])

    def test_all_unreadable_files_are_named_and_nothing_is_replaced(self) -> None:
        self.put_set("train")
        self.put_set("test")
        self.imports("images")
        before = {path: path.read_bytes() for path in self.cwd.glob("out/*/*")}
        whole = (self.cwd / "in/test/dog/1.png").read_bytes()
        self.put("in/train/cat/0.png", whole[:-30])
        self.put("in/test/dog/1.jpg", b"GIF89a")
        done = self.imports("images", code=2)
        self.assertRegex(done.stderr, r"(?m)^in/train/cat/0.png: .+\nin/test/dog/1.jpg: .+$")
        for i in range(20):
            self.put(f"in/train/dog/more{i:02}.png", b"")
        done = self.imports("images", code=2)
        self.assertIn("22 files can't be read, of which these are the first ten", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 11)
        self.assertEqual({path: path.read_bytes() for path in self.cwd.glob("out/*/*")}, before)

    def test_what_is_no_folder_of_classes_is_refused(self) -> None:
        self.put("in/a.png", png(np.zeros((4, 4), np.uint8)))
        self.refuses("images", "in: no folders of classes, nor train and test with such folders; it holds a.png")
        self.put("in/cat/notes.txt", b"")
        self.refuses("images", "in/cat: a class without .png, .jpg or .jpeg files; it holds notes.txt")
        shutil.rmtree(self.cwd / "in")
        self.put_set("train")
        self.put_set("test", ("cat", "dog", "eel"))
        self.refuses("images", "in/test/eel: a class that the training set has not")
        shutil.rmtree(self.cwd / "in")
        self.refuses("images", "cannot read in: No such file or directory")

    def test_where_nothing_can_be_written(self) -> None:
        self.put_set("train")
        self.put_set("test")
        self.put("out", b"a file")
        self.assertIn("cannot write out/train_lmdb", self.imports("images", code=4).stderr)

    @unittest.skipUnless(HAS_PILLOW, "Pillow is not installed")
    def test_images_of_pillow_agree_with_it(self) -> None:
        from PIL import Image

        smooth = (np.add.outer(np.arange(60), np.arange(90)) % 256).astype(np.uint8)
        colours = np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=2)
        made = {"a.png": Image.fromarray(colours), "b.jpg": Image.fromarray(colours), "c.png": Image.fromarray(colours).quantize(16)}
        (self.cwd / "in/cat").mkdir(parents=True)
        for name, image in made.items():
            image.save(self.cwd / "in/cat" / name)
        read = [Image.open(self.cwd / "in/cat" / name).convert("RGB") for name in sorted(made)]
        for options, want, most in (
            ((), [np.asarray(image)[..., ::-1].transpose(2, 0, 1) for image in read], 0),
            (("--gray",), [np.asarray(image.convert("L"))[None] for image in read], 0),
            (("--size", "20x31"), [np.asarray(image.resize((31, 20), Image.BILINEAR))[..., ::-1].transpose(2, 0, 1) for image in read], 1),
            (("--size", "80x100"), [np.asarray(image.resize((100, 80), Image.BILINEAR))[..., ::-1].transpose(2, 0, 1) for image in read], 1),
        ):
            with self.subTest(options):
                self.imports("images", *options)
                images, _ = items(self.cwd / "out/images_lmdb")
                self.assertLessEqual(np.abs(images.astype(int) - np.stack(want)).max(), most)


if __name__ == "__main__":
    main()
