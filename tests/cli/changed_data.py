#!/usr/bin/env python3
"""Data that changes between two calls: changed_data.py PROGRAM, from the root of the repository."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import shutil
import subprocess

import h5py
from program import PROGRAM, SMOKE, SWEEP, ProgramTest, main

DATA = ("data.train={lmdb: d/train_lmdb, batch_size: 50}", "data.test={lmdb: d/test_lmdb, batch_size: 50}")


class ChangedData(ProgramTest):
    def setUp(self) -> None:
        super().setUp()
        self.make_data(1)

    def make_data(self, seed: int, train: int = 300) -> None:
        """Databases of other digits for each seed."""
        self.qrun("data", "synthetic-digits", "--to", "d", "--train", str(train), "--test", "100", "--data-seed", str(seed))

    def run_all(self, *more: str | pathlib.Path, code: int = 0, epochs: int = 2, seeds: str = "[1, 2]") -> str:
        """Two seeds on the databases; gives what was logged."""
        done = self.qrun("run", SWEEP, *DATA, f"train.epochs={epochs}", f"sweep.grid={{seed: {seeds}}}", *more, code=code)
        self.assertTrue(code == 0 or done.stdout == "", done.stdout)
        return done.stderr

    def bytes_of(self) -> dict[str, bytes]:
        """All files of results."""
        return {str(path): path.read_bytes() for path in self.cwd.glob("results/**/*") if path.is_file()}

    def hashes(self) -> dict[str, str]:
        """Of both sets, as the first run file has them."""
        with h5py.File(next(self.cwd.glob("results/*/seed=1-*.h5"))) as f:
            return {name: f["data"][name].attrs["hash"] for name in ("train", "test")}

    def test_a_run_file_says_what_data_the_run_saw(self) -> None:
        self.run_all()
        for path in self.cwd.glob("results/*/seed=*.h5"):
            with h5py.File(path) as f:
                train = dict(f["data/train"].attrs)
                self.assertEqual(f["data"].attrs["working_directory"], os.path.realpath(self.cwd))
                self.assertNotIn("init_from_hash", f.attrs)
            self.assertRegex(train.pop("hash"), "^[0-9a-f]{32}$")
            self.assertEqual(train.pop("shape").tolist(), [1, 28, 28])
            self.assertEqual(train, {"path": "d/train_lmdb", "items": 300, "classes": 10, "batch_size": 50})

    def test_changed_data_stops_what_would_mix_with_complete_runs(self) -> None:
        self.run_all()
        was = self.hashes()
        before = self.bytes_of()
        self.make_data(2, train=350)
        said = self.run_all(code=2)
        self.assertEqual(len(said.splitlines()), 2, said)
        self.assertRegex(
            said.splitlines()[0],
            rf"^command line: data\.train=.*: data\.train\.lmdb: d/train_lmdb has changed: 2 runs saw 300 items of 1x28x28 in 10 classes "
            rf"\(hash {was['train']}\), now it holds 350 items of 1x28x28 in 10 classes \(hash [0-9a-f]{{32}}\); .* --force$",
        )
        self.assertRegex(said.splitlines()[1], rf"data\.test\.lmdb: d/test_lmdb has changed: 2 runs saw 100 .*{was['test']}.*now it holds 100 ")
        self.assertEqual(self.run_all("--dry-run", code=2), said, "a dry run says the same")
        self.assertEqual(self.run_all(seeds="[1, 2, 3]", code=2).count("2 runs saw"), 2, "also where others are new")
        self.assertEqual(self.bytes_of(), before, "nothing trained, nothing lost")
        self.assertEqual(self.run_all("--force").count("start run="), 2)
        self.assertEqual(self.run_all().count("skip run="), 2)

    def test_an_interrupted_run_is_not_resumed_on_other_data(self) -> None:
        call = (SMOKE, *DATA, "train.epochs=3000")
        self.interrupt(*call, folder=self.cwd / "results/smoke", until=".qrun/*.ckpt.h5")
        before = self.bytes_of()
        self.make_data(2)
        self.assertIn("1 run saw 300 items", self.qrun(*call, code=2).stderr)
        self.assertEqual(self.bytes_of(), before)
        self.assertRegex(self.qrun("show", "results/smoke").stdout, r"interrupted .*\nrun-\w+: other data now: d/train_lmdb held 300 ")
        listed = json.loads(self.qrun("run", "--dry-run", "--json", *call, "--force").stdout)["runs"]
        self.assertEqual([run["action"] for run in listed], ["train"])
        self.make_data(1)
        listed = json.loads(self.qrun("run", "--dry-run", "--json", *call).stdout)["runs"]
        self.assertEqual([run["action"] for run in listed], ["resume"], "the old data is back")

    def test_show_marks_runs_that_saw_other_data(self) -> None:
        self.run_all()
        mark = r"(?m)^seed=\d-\w+, seed=\d-\w+: other data now: d/test_lmdb held 100 items .*, and holds 100 items .*$"
        self.assertNotIn("other data", self.qrun("show", *self.cwd.glob("results/*")).stdout)
        shutil.copytree(self.cwd / "d/train_lmdb", self.cwd / "keep")
        self.make_data(2)
        shutil.rmtree(self.cwd / "d/train_lmdb")
        (self.cwd / "keep").rename(self.cwd / "d/train_lmdb")
        folder = next(self.cwd.glob("results/*"))
        self.assertRegex(self.qrun("show", folder).stdout, mark)
        elsewhere = subprocess.run([PROGRAM, "show", folder], cwd="/", capture_output=True, text=True, check=True)
        self.assertRegex(elsewhere.stdout, mark, "paths start where the run started")
        rows = list(csv.DictReader(io.StringIO(self.qrun("show", "--csv", folder).stdout)))
        listed = json.loads(self.qrun("show", "--json", folder).stdout)["runs"]
        for row in rows + listed:
            self.assertRegex(row["changed_data"], "test_lmdb held")
            self.assertNotIn("train_lmdb", row["changed_data"])
        shutil.rmtree(self.cwd / "d")
        self.assertNotIn("other data", self.qrun("show", folder).stdout, "what has gone is not known to have changed")

    def test_show_marks_data_in_the_home_folder(self) -> None:
        shutil.move(self.cwd / "d", self.cwd / "home/d")
        home = {**os.environ, "HOME": str(self.cwd / "home")}
        data = [value.replace("d/", "~/d/") for value in DATA]
        command = [PROGRAM, "run", SMOKE, *data, "train.epochs=1", "--quiet"]
        subprocess.run(command, cwd=self.cwd, env=home, capture_output=True, check=True)
        self.qrun("data", "synthetic-digits", "--to", "home/d", "--train", "300", "--test", "100", "--data-seed", "2")
        shown = subprocess.run([PROGRAM, "show", "results/smoke"], cwd=self.cwd, env=home, capture_output=True, text=True, check=True)
        self.assertIn("other data now: ~/d/train_lmdb held", shown.stdout)

    def test_eval_does_without_the_training_set(self) -> None:
        self.run_all()
        shutil.rmtree(self.cwd / "d/train_lmdb")
        path = next(self.cwd.glob("results/*/seed=1-*.h5"))
        self.assertIn("0 of 100 predictions differ", self.qrun("eval", path).stdout)

    def test_eval_refuses_another_test_set(self) -> None:
        self.run_all()
        was = self.hashes()["test"]
        path = next(self.cwd.glob("results/*/seed=1-*.h5"))
        self.assertIn("0 of 100 predictions differ", self.qrun("eval", path).stdout)
        self.make_data(2)
        done = self.qrun("eval", path, code=2)
        self.assert_says(done, rf"data\.test\.lmdb: d/test_lmdb has changed: the run saw .*\(hash {was}\), now it holds .*\(hash [0-9a-f]{{32}}\); ")
        self.assertEqual(done.stdout, "")

    def test_files_without_a_record_are_taken_as_they_are_and_said_once(self) -> None:
        self.run_all()
        for path in self.cwd.glob("results/*/seed=*.h5"):
            with h5py.File(path, "r+") as f:
                del f["data"]
        self.make_data(2, train=350)
        said = self.run_all()
        self.assertEqual(said.count("no record of the data runs=2"), 1, said)
        self.assertEqual(said.count("skip run="), 2)


if __name__ == "__main__":
    main()
