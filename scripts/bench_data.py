#!/usr/bin/env python3
"""Measures what data costs: training on encoded images beside the same as plain ones, and the import of a folder of images.

The images are smooth noise of 32 x 32 in colour, compressed by Pillow: as JPEG in a database of `encoded` Datums, decoded again in
one of plain ones, and as files of PNG. Both databases are trained on in turns, the order changing from pair to pair; a
ratio is encoded over plain, in time on the clock. Needs build/qrun, and Debian's python3-lmdb and python3-pil.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
QRUN = ROOT / "build" / "qrun"
sys.path.insert(0, str(ROOT / "scripts"))

from qrun_results import protobuf  # noqa: E402  (a folder beside this file)

SIDE, CLASSES = 32, 10
CHANNELS, HEIGHT, WIDTH, DATA, LABEL, _, ENCODED = range(1, 8)  # fields of Caffe's Datum
NETWORK = ROOT / "configs" / "lenet_2bit.yaml"


def images(count: int) -> Iterator[np.ndarray]:
    """Yield smooth images: rows, columns, red green blue."""
    random = np.random.default_rng(1)
    for _ in range(count):
        yield np.kron(random.integers(0, 256, (SIDE // 4, SIDE // 4, 3)), np.ones((4, 4, 1))).astype(np.uint8)


def compressed(image: np.ndarray, form: str) -> bytes:
    """The file of an image."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, form)
    return file.getvalue()


def plain_datum(file: bytes, label: int) -> bytes:
    """The Datum that holds what a file decodes to: blue, green, red, as OpenCV has it."""
    pixels = np.asarray(Image.open(io.BytesIO(file)))[:, :, ::-1].transpose(2, 0, 1)
    sizes = b"".join(protobuf.integer(field, size) for field, size in zip((CHANNELS, HEIGHT, WIDTH), pixels.shape, strict=True))
    return sizes + protobuf.octets(DATA, pixels.tobytes()) + protobuf.integer(LABEL, label)


def write_databases(folder: Path, count: int) -> None:
    """Write `encoded` and `plain`, of the same images."""
    names = ("encoded", "plain")
    databases = [lmdb.open(str(folder / name), map_size=1 << 32) for name in names]
    transactions = [database.begin(write=True) for database in databases]
    for i, image in enumerate(images(count)):
        file = compressed(image, "JPEG")
        datums = (
            protobuf.octets(DATA, file) + protobuf.integer(LABEL, i % CLASSES) + protobuf.integer(ENCODED, 1),
            plain_datum(file, i % CLASSES),
        )
        for transaction, datum in zip(transactions, datums, strict=True):
            transaction.put(b"%08d" % i, datum)
    for database, transaction in zip(databases, transactions, strict=True):
        transaction.commit()
        database.close()


def run(folder: Path, *arguments: str) -> float:
    """Seconds on the clock that the program takes in a folder; it must succeed."""
    start = time.perf_counter()
    subprocess.run([QRUN, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def train(folder: Path, name: str, pair: int) -> float:
    """Seconds that an epoch on a database takes, start and test included."""
    data = [f"data.{split}={{lmdb: {name}, batch_size: 64}}" for split in ("train", "test")]
    return run(folder, str(NETWORK), *data, "train.epochs=1", f"name={name}{pair}", "--engine", "cpu", "--no-progress")


def encoded_over_plain(folder: Path, count: int, pairs: int) -> None:
    """Print the ratio of each pair's times."""
    write_databases(folder, count)
    ratios = []
    for pair in range(pairs):
        order = ("encoded", "plain") if pair % 2 == 0 else ("plain", "encoded")
        seconds = {name: train(folder, name, pair) for name in order}
        ratios.append(seconds["encoded"] / seconds["plain"])
    of = f"{count} JPEGs of {SIDE} x {SIDE}, an epoch: encoded / plain"
    print(f"{of} {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)", flush=True)


def import_of_files(folder: Path, count: int) -> None:
    """Print how long the import of PNG files takes."""
    for label in range(CLASSES):
        (folder / "files" / str(label)).mkdir(parents=True)
    for i, image in enumerate(images(count)):
        (folder / "files" / str(i % CLASSES) / f"{i}.png").write_bytes(compressed(image, "PNG"))
    seconds = run(folder, "data", "images", "--from", "files", "--to", "imported")
    print(f"{count} PNGs of {SIDE} x {SIDE}, imported in {seconds:.1f} s on {os.cpu_count()} cores", flush=True)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20000, help="images of each database")
    parser.add_argument("--files", type=int, default=60000, help="files to import")
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    if not QRUN.exists():
        sys.exit("build/qrun is missing: `make run` makes it")
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as temporary:
        encoded_over_plain(Path(temporary), options.items, options.pairs)
        import_of_files(Path(temporary), options.files)


if __name__ == "__main__":
    main()
