#!/usr/bin/env python3
"""Damaged files, through the real program: damage.py PROGRAM, from the root of the repository.

Data that is wrong from the start is a mistake of the configuration (exit code 2); what is met while training fails the
run (1) and leaves the sweep going; damaged results are named and made again.
"""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys

import h5py
import lmdb
import numpy as np
from datums import CHANNELS, DATA, ENCODED, FLOATS, HEIGHT, LABEL, PIXELS, WIDTH, database, datum, write
from program import ROOT, SMOKE, SOME_DIGITS, SWEEP, ProgramTest, limit, main

sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402  (a script beside, not a package)


class DamagedData(ProgramTest):
    def setUp(self) -> None:
        super().setUp()
        database(self.cwd / "test", 100)

    def arguments(self) -> list[str]:
        return [SMOKE, "data.train={lmdb: train, batch_size: 50}", "data.test={lmdb: test, batch_size: 50}", "train.epochs=1"]

    def test_an_item_that_cannot_be_read_is_named_before_anything_starts(self) -> None:
        wrong = {
            "shape": (datum({HEIGHT: 14, WIDTH: 56}), "item 00000150: shape 1x14x56 where the first item has 1x28x28"),
            "label": (datum({LABEL: -3}), "item 00000150: label -3; labels count from 0"),
            "text": (b"\xff no Datum", "item 00000150: not a Caffe Datum"),
            "channels": (datum({CHANNELS: 1 << 31}), "item 00000150: shape -2147483648x28x28"),
            "sizes": (datum({CHANNELS: 65536, HEIGHT: 65536, WIDTH: 65536}), "item 00000150: a shape of 65536x65536x65536, too large to be true"),
            "values": (datum({DATA: PIXELS[:-1]}), "item 00000150: 783 values where its shape 1x28x28 says 784"),
            "encoded": (datum({ENCODED: 1}), "item 00000150: its encoded image: neither JPEG nor PNG; convert it to PNG"),
            "floats": (datum({DATA: b"", FLOATS: bytes(4 * 784)}), "item 00000150: bytes and float_data in one database"),
        }
        for name, (value, line) in wrong.items():
            with self.subTest(name):
                database(self.cwd / "train", 300, {150: value})
                done = self.qrun(*self.arguments(), code=2)
                self.assert_says(done, rf"^command line: data\.train=.*: data\.train\.lmdb: train: {line}")
                self.assertFalse((self.cwd / "results").exists())
                shutil.rmtree(self.cwd / "train")

    def test_a_value_that_is_no_number_is_named_before_anything_starts_or_fails_the_run(self) -> None:
        values = np.zeros(784, "<f4")
        values[30] = np.nan
        item = "item 00000005: value 30 of float_data \\(channel 0, row 1, column 2\\) is NaN"
        sound, broken = (datum({DATA: b"", FLOATS: floats.tobytes()}) for floats in (np.zeros(784, "<f4"), values))
        items = {b"%08d" % i: broken if i == 5 else sound for i in range(100)}
        write(self.cwd / "train", items)
        self.assert_says(self.qrun(*self.arguments(), code=2), rf"^command line: data\.train=.*: data\.train\.lmdb: train: {item}; mend")
        self.assertFalse((self.cwd / "results").exists())
        enough = (1 << 28) // 4 // 784 + 1  # items that are not held in memory
        write(self.cwd / "train", {b"%08d" % i: sound for i in range(100, enough)})
        done = self.qrun(*self.arguments(), "train.iterations_per_epoch=2", code=1)
        self.assertRegex(done.stderr, f'reason="train: {item}')

    def test_float_data_trains(self) -> None:
        values = np.frombuffer(PIXELS, np.uint8).astype("<f4").tobytes()
        for name in ("train", "test"):
            shutil.rmtree(self.cwd / name, ignore_errors=True)
            database(self.cwd / name, 100, {i: datum({DATA: b"", FLOATS: values, LABEL: i % 10}) for i in range(100)})
        self.qrun(*self.arguments())

    def test_a_label_beyond_the_outputs_is_a_mistake_early_and_fails_the_run_late(self) -> None:
        database(self.cwd / "train", 1500, {900: datum({LABEL: 10})})
        self.assert_says(self.qrun(*self.arguments(), code=2), "score: 10 outputs, but the data has label 10; at least 11")
        self.assertFalse((self.cwd / "results").exists())
        shutil.rmtree(self.cwd / "train")
        database(self.cwd / "train", 1500, {1200: datum({LABEL: 2_000_000_000})})
        reason = "data.train: item 1200 has label 2000000000, but the network has 10 outputs"
        done = self.qrun(*self.arguments(), code=1)
        self.assertIn(f'reason="{reason}"', done.stderr)
        self.assertEqual(done.stderr.count("done run="), 1)
        self.assertIn(reason, self.qrun("show", "results/smoke").stdout)
        with h5py.File(self.run_file()) as f:
            self.assertEqual((f.attrs["status"], f.attrs["error"]), ("failed", reason))

    def test_a_cut_database_is_named(self) -> None:
        database(self.cwd / "train", 1500)
        file = self.cwd / "train/data.mdb"
        for size in (file.stat().st_size // 2, 8192, 100, 0):
            os.truncate(file, size)
            self.assert_says(self.qrun(*self.arguments(), code=2), f"data.train.lmdb: train: data.mdb is cut: it ends at byte {size}; ")

    def test_what_is_in_memory_may_vanish(self) -> None:
        database(self.cwd / "train", 1500)
        process = self.under_way(*self.arguments()[:-1], "train.epochs=6", folder=self.cwd / "results/smoke", until="*.jsonl")
        os.truncate(self.cwd / "train/data.mdb", 0)
        shutil.rmtree(self.cwd / "test")
        said = process.communicate()
        self.assertEqual(process.returncode, 0, said)

    def test_a_read_only_database_trains(self) -> None:
        database(self.cwd / "train", 300)
        for name in ("train", "test"):
            (self.cwd / name / "lock.mdb").unlink()
            (self.cwd / name / "data.mdb").chmod(0o444)
            (self.cwd / name).chmod(0o555)
        self.cwd.chmod(0o777)
        self.qrun(*self.arguments(), before=self.nobody())
        for name in ("train", "test"):
            (self.cwd / name).chmod(0o755)

    def test_a_database_that_another_process_holds_trains(self) -> None:
        database(self.cwd / "train", 300)
        writer = lmdb.open(str(self.cwd / "train"), map_size=1 << 28)
        transaction = writer.begin(write=True)
        transaction.put(b"00000000", b"not committed")
        self.qrun(*self.arguments())
        transaction.abort()
        writer.close()


def idx(magic: int, dimensions: tuple[int, ...], data: bytes) -> bytes:
    """A file as MNIST's are."""
    return b"".join(number.to_bytes(4, "big") for number in (magic, *dimensions)) + data


class DamagedIdxFiles(ProgramTest):
    IMAGES = idx(0x803, (20, 28, 28), bytes(20 * 784))
    LABELS = idx(0x801, (20,), bytes(20))

    def import_with(self, images: bytes, labels: bytes, code: int, ending: str = "") -> subprocess.CompletedProcess:
        for name, content in (("train-images-idx3-ubyte" + ending, images), ("train-labels-idx1-ubyte", labels)):
            (self.cwd / name).write_bytes(content)
        (self.cwd / "t10k-images-idx3-ubyte").write_bytes(self.IMAGES)
        (self.cwd / "t10k-labels-idx1-ubyte").write_bytes(self.LABELS)
        enough = 1 << 28  # bytes of memory for the program, and too few for a bomb
        done = self.qrun("data", "mnist", "--from", ".", "--to", "out", code=code, before=limit(resource.RLIMIT_AS, enough))
        (self.cwd / ("train-images-idx3-ubyte" + ending)).unlink()
        return done

    def test_each_is_named_and_nothing_is_written(self) -> None:
        packed = gzip.compress(self.IMAGES)
        bomb = gzip.compress(self.IMAGES + bytes(1 << 29))
        wrong = {
            "cut": (self.IMAGES[:-1], self.LABELS, "", "15679 bytes of data where its header says 15680"),
            "cut header": (self.IMAGES[:10], self.LABELS, "", "too short for an idx header"),
            "magic": (self.LABELS, self.LABELS, "", "magic number 2049 instead of 2051"),
            "count": (idx(0x803, (21, 28, 28), bytes(20 * 784)), self.LABELS, "", "15680 bytes of data where its header says 16464"),
            "claim": (idx(0x803, (1 << 31, 1 << 31, 28), b""), self.LABELS, "", "its header claims more than 2 GiB"),
            "cut gz": (packed[:-10], self.LABELS, ".gz", r"unexpected end of file \(damaged\)"),
            "changed gz": (packed[:40] + b"!?!?" + packed[44:], self.LABELS, ".gz", r"\(damaged\)"),
            "bomb": (bomb, self.LABELS, ".gz", "more than 15680 bytes of data where its header says 15680"),
            "few labels": (self.IMAGES, idx(0x801, (19,), bytes(19)), "", "holds 20 images, but ./train-labels-idx1-ubyte 19 labels"),
        }
        for name, (images, labels, ending, line) in wrong.items():
            with self.subTest(name):
                self.assert_says(self.import_with(images, labels, 2, ending), f"^qrun: .*{line}")
                self.assertFalse((self.cwd / "out").exists())
        self.import_with(self.IMAGES, self.LABELS, 0)


class DamagedResults(ProgramTest):
    """Runs of a sweep, and what is done to their files."""

    def train(self, *arguments: str, epochs: int = 3, **options: object) -> subprocess.CompletedProcess:
        return self.qrun(SMOKE, *SOME_DIGITS, f"train.epochs={epochs}", *arguments, **options)

    def interrupted(self, name: str) -> pathlib.Path:
        """A run that was interrupted and has both checkpoints; its folder."""
        folder = self.cwd / "results" / name
        self.interrupt(SMOKE, *SOME_DIGITS, "train.epochs=20", f"name={name}", folder=folder, until=".qrun/*.previous.h5")
        return folder

    def resume(self, folder: pathlib.Path) -> subprocess.CompletedProcess:
        done = self.train(f"name={folder.name}", epochs=20)
        whole = self.cwd / "results/whole"
        if not whole.exists():
            self.train("name=whole", epochs=20)
        for got, want in zip(sorted(folder.glob("run-*.h5")), sorted(whole.glob("run-*.h5")), strict=True):
            self.assertEqual(differences(want, got), [])
        self.assertEqual(list((folder / ".qrun").glob("*.ckpt*")), [])
        return done

    def test_a_damaged_checkpoint_costs_the_work_since_the_one_before(self) -> None:
        for name, damage in (("cut", lambda p: os.truncate(p, 3000)), ("empty", lambda p: os.truncate(p, 0)), ("changed", change_a_byte)):
            with self.subTest(name):
                folder = self.interrupted(name)
                latest = next(folder.glob(".qrun/*.ckpt.h5"))
                damage(latest)
                done = self.resume(folder)
                self.assertEqual(len(lines_with(done, "warning")), 1, done.stderr)
                self.assertRegex(done.stderr, rf"damaged checkpoint run=run-\w+ reason=\".*{latest.name}: ")
                self.assertRegex(done.stderr, r"start run=run-\w+ iteration=[1-9]")

    def test_without_a_whole_checkpoint_the_run_starts_anew(self) -> None:
        folder = self.interrupted("both")
        for path in folder.glob(".qrun/*.ckpt*.h5"):
            os.truncate(path, 3000)
        done = self.resume(folder)
        self.assertEqual(len(lines_with(done, "damaged checkpoint")), 2, done.stderr)
        self.assertRegex(done.stderr, r"start run=run-\w+ iteration=0 ")

    def test_a_checkpoint_of_another_run_is_not_taken(self) -> None:
        other = self.interrupted("other")
        folder = self.cwd / "results/mine"
        self.qrun(SMOKE, *SOME_DIGITS, "name=mine", "network.conv1.out_channels=4", "train.epochs=1")
        mine = next(folder.glob("run-*.h5"))
        shutil.copy(next(other.glob(".qrun/*.ckpt.h5")), folder / f".qrun/{mine.stem}.ckpt.h5")
        mine.unlink()
        done = self.qrun(SMOKE, *SOME_DIGITS, "name=mine", "network.conv1.out_channels=4", "train.epochs=1")
        self.assertRegex(done.stderr, r"damaged checkpoint .*a checkpoint of run-")

    def test_what_lies_beside_the_checkpoints_is_made_again(self) -> None:
        folder = self.interrupted("beside")
        run = next(folder.glob("run-*.h5")).stem
        (folder / f".qrun/{run}.yaml").write_bytes(b"\0\xff: [")
        (folder / f"{run}.jsonl").write_text('{"epoch": 0, "iter')
        self.resume(folder)
        self.assertIn("solver", (folder / f".qrun/{run}.yaml").read_text())
        self.assertFalse((folder / f"{run}.jsonl").exists())

    def test_a_damaged_run_file_is_run_again(self) -> None:
        self.train()
        path = self.run_file()
        whole = path.read_bytes()
        for name, content in (("half", whole[: len(whole) // 2]), ("text", b"no HDF5"), ("empty", b"")):
            with self.subTest(name):
                path.write_bytes(content)
                listed = self.qrun("show", "results/smoke", code=1)
                self.assertRegex(listed.stderr, rf"^skipped: \S*{path.name}: .*\n$")
                for command in (["eval", path], ["quantize", path, "x.h5", "--method", "clip", "--bits", "4"]):
                    self.assert_says(self.qrun(*command, code=1), rf"^qrun: \S*{path.name}: ")
                self.assertFalse((self.cwd / "x.h5").exists())
                self.assertRegex(self.train().stderr, rf'damaged file="\S*{path.name}" action="run again" reason="')
                self.qrun("eval", path)

    def test_a_run_file_that_another_program_writes_is_not_trained_over(self) -> None:
        self.train()
        path = self.run_file()
        with h5py.File(path, "r+"):
            self.assert_says(self.train(code=4), "HDF5_USE_FILE_LOCKING=FALSE")
        self.assertIn("skip run=", self.train().stderr)

    def test_a_run_file_of_another_program_is_named(self) -> None:
        self.train()
        path = self.run_file()
        with h5py.File(path, "r+") as f:
            f.attrs["format_version"] = 2
        newer = "format_version 2 is newer than this program's 1; update qrun"
        self.assertIn(newer, self.qrun("show", path, code=1).stderr)
        self.assert_says(self.qrun("eval", path, code=1), newer)
        bytes_before = path.read_bytes()
        self.assert_says(self.train(code=4), newer)
        self.assertEqual(path.read_bytes(), bytes_before)
        with h5py.File(self.cwd / "foreign.h5", "w") as f:
            f["x"] = np.zeros(3)
        foreign = "foreign.h5: an HDF5 file, but not a run of qrun"
        self.assertIn(foreign, self.qrun("show", "foreign.h5", code=1).stderr)
        self.assert_says(self.qrun("eval", "foreign.h5", code=1), foreign)
        failed = self.train("train.init_from=foreign.h5", "name=tuned", code=None)
        self.assertIn(failed.returncode, (1, 2))
        self.assertIn(foreign, failed.stderr)

    def test_epochs_that_fit_no_table_are_named_and_the_rest_is_collected(self) -> None:
        self.train("sweep.grid={seed: [1, 2]}")
        first, second = (p for p in sorted((self.cwd / "results/smoke").glob("*.h5")) if p.name != "sweep.h5")
        for epoch in (-5, 1 << 60):
            with h5py.File(first, "r+") as f:
                f["metrics/train/epoch"][1] = epoch
            done = self.qrun("show", "--collect", "results/smoke", code=1)
            self.assert_says(done, f"^skipped: .*{first.name}: /metrics/train/epoch: does not count from 0")
            with h5py.File(self.cwd / "results/smoke/sweep.h5") as f:
                self.assertEqual(list(f["summary/run_id"].asstr()), [second.stem])

    def test_links_out_of_a_file_are_not_followed(self) -> None:
        self.train()
        path = self.run_file()
        with h5py.File(path, "r+") as f:
            del f["weights/conv1/weight/codes"], f["metrics"]
            f["weights/conv1/weight/codes"] = h5py.ExternalLink("/etc/passwd", "/")
            f["metrics"] = h5py.ExternalLink(path.name, "/")
        self.assertIn("/metrics: is missing", self.qrun("show", path, code=1).stderr)
        self.assert_says(self.qrun("eval", path, code=1), "/metrics: is missing")
        with h5py.File(self.cwd / "links.h5", "w") as f:
            f["x"] = np.ones(4, np.float32)
            f["out"] = h5py.ExternalLink("other.h5", "/")
            f["round"] = h5py.SoftLink("/")
        self.qrun("quantize", "links.h5", "codes.h5", "--method", "clip", "--bits", "4")
        with h5py.File(self.cwd / "codes.h5") as f:
            self.assertEqual((list(f["x"]), len(f)), (["codes", "packed", "byte", "dim_0"], 3))
            out, back = (f.get(name, getlink=True) for name in ("out", "round"))
            self.assertEqual((out.filename, out.path, back.path), ("other.h5", "/", "/"))

    def test_a_promise_of_many_values_takes_no_memory(self) -> None:
        with h5py.File(self.cwd / "huge.h5", "w") as f:
            f.create_dataset("x", shape=(10,), maxshape=(None,), chunks=(1 << 29,), dtype="f4")
            f.create_dataset("y", shape=(1 << 31,), chunks=(1 << 20,), dtype="f4")
        self.qrun("quantize", "huge.h5", "codes.h5", "--method", "clip", "--bits", "4", code=1, before=limit(resource.RLIMIT_AS, 1 << 30))
        self.assertFalse((self.cwd / "codes.h5").exists())

    def test_a_diverged_run_names_layer_and_iteration_and_the_sweep_goes_on(self) -> None:
        done = self.qrun(SWEEP, *SOME_DIGITS, "sweep={list: [{seed: 1}, {solver.lr: 1e30}, {seed: 2}]}", "train.epochs=1", code=1)
        reason = r"diverged at iteration \d+: \w+ of layer \w+ is not finite; try a smaller solver.lr"
        self.assertRegex(done.stdout, reason)
        listed = json.loads(self.qrun("show", "--json", "results/sweep_smoke").stdout)["runs"]
        self.assertEqual(sorted(run["status"] for run in listed), ["complete", "complete", "failed"])
        self.assertRegex(next(run["error"] for run in listed if run["status"] == "failed"), reason)


def change_a_byte(path: pathlib.Path) -> None:
    """In the middle of the master parameters."""
    with h5py.File(path) as f:
        at = f["state/0/master"].id.get_offset() + 10
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0x40]))


def lines_with(done: subprocess.CompletedProcess, word: str) -> list[str]:
    """Lines of stderr that hold a word."""
    return [line for line in done.stderr.splitlines() if word in line]


if __name__ == "__main__":
    main()
