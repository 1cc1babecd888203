#!/usr/bin/env python3
"""Files that are odd, or not qrun's, in a folder of results: odd_files.py PROGRAM, from the root of the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import h5py
import numpy as np
from program import SOME_DIGITS, SWEEP, ProgramTest, main


class OddFiles(ProgramTest):
    """One file in the way costs one run, and files of others cost nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.runs = [run["run_id"] for run in json.loads(self.sweep("--dry-run", "--json").stdout)["runs"]]
        self.folder = self.cwd / "results/sweep_smoke"

    def sweep(self, *options: str, of: str = "{grid: {seed: [1, 2, 3]}}", code: int | None = 0, **more: object) -> subprocess.CompletedProcess:
        return self.qrun(SWEEP, *SOME_DIGITS, "train.epochs=3", f"sweep={of}", *options, code=code, **more)

    def assert_all_but(self, left: str, done: subprocess.CompletedProcess, reason: str) -> None:
        """The others are complete, and the last line says which is not, and why."""
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], rf'error left run={left} reason=".*{reason}')
        complete = {run["run_id"] for run in json.loads(self.qrun("show", "--json", "results/sweep_smoke", code=None).stdout)["runs"] if run["status"] == "complete"}
        self.assertEqual(complete - {left}, set(self.runs) - {left})

    def test_files_of_others_are_left_alone_and_do_not_matter(self) -> None:
        self.folder.mkdir(parents=True)
        for name in ("plot.png", "table.csv", "slurm-12_3.out", "notes.h5", "log.jsonl", "thesis.doc.tmp.1.2"):
            (self.folder / name).write_text("mine")
        with h5py.File(self.folder / "mine.h5", "w") as file:
            file["x"] = np.zeros(3)
        os.mkfifo(self.folder / "pipe.h5")
        (self.folder / "loop.h5").symlink_to("loop.h5")
        before = {path.name for path in self.folder.iterdir()}
        for _ in range(2):
            self.assertNotRegex(self.sweep().stderr, "warning|error")
        self.assertLess(before, {path.name for path in self.folder.iterdir()})
        self.assertEqual((self.folder / "notes.h5").read_text(), "mine")
        self.assertEqual(self.qrun("show", "results/sweep_smoke").stderr, "")
        self.assertEqual(self.qrun("show", "--collect", "results/sweep_smoke").stderr, "")

    def test_a_copy_beside_the_runs_is_a_line_and_no_more(self) -> None:
        self.sweep()
        file = self.folder / f"{self.runs[0]}.h5"
        whole = file.read_bytes()
        copy = self.folder / f"best-{self.runs[0][-12:]}.h5"
        for made in (shutil.copy, os.link):
            made(file, copy)
            self.assertIn(f"{copy.name}: a copy of", self.sweep().stderr)
            copy.unlink()
        os.link(file, self.cwd / "backup.h5")
        self.sweep("--force")
        self.assertEqual((self.cwd / "backup.h5").read_bytes(), whole, "what else a file is called stays")

    def test_a_folder_in_the_place_of_a_run_costs_that_run(self) -> None:
        (self.folder / f"{self.runs[1]}.h5/mine").mkdir(parents=True)
        self.assertEqual(self.sweep("--dry-run", code=4).stdout.count(" leave "), 1)
        self.assert_all_but(self.runs[1], self.sweep(code=None), "not a file")

    def test_the_file_of_another_run_in_the_place_of_a_run_costs_that_run(self) -> None:
        self.sweep()
        run, other, third = self.runs
        own, theirs = (self.folder / f"{name}.h5" for name in (run, other))
        renamed = self.folder / f"foo-{run[-12:]}.h5"  # a run is known by its hash
        ways = {"link": (own, lambda: own.symlink_to(theirs.name)), "copy": (own, lambda: shutil.copy(theirs, own)), "renamed": (renamed, lambda: shutil.copy(theirs, renamed))}
        own.unlink()
        for name, (path, put) in ways.items():
            with self.subTest(name):
                put()
                (self.folder / f"{third}.h5").unlink()
                content = theirs.read_bytes()
                self.assertRegex(self.sweep("--dry-run", code=4).stdout, rf"{run} +new +leave ")
                self.assert_all_but(run, self.sweep(code=None), f"{path.name}: holds run {other}")
                self.assertEqual((path.is_symlink(), path.read_bytes()), (name == "link", content))
                self.assert_all_but(run, self.sweep("--force", code=None), f"{path.name}: holds run {other}")
                path.unlink()
        self.assertIn(f"done run={run} status=complete", self.sweep().stderr)

    def test_a_file_of_another_program_in_the_place_of_a_run_costs_that_run(self) -> None:
        self.sweep()
        run = self.runs[1]
        file = self.folder / f"{run}.h5"
        for path in (file, self.folder / f"foo-{run[-12:]}.h5"):
            with self.subTest(path.name):
                file.unlink(missing_ok=True)
                with h5py.File(path, "w") as mine:
                    mine["x"] = np.zeros(3)
                content = path.read_bytes()
                for options in ((), ("--force",)):
                    self.assert_all_but(run, self.sweep(*options, code=None), rf"{path.name}: an HDF5 file, but not a run of qrun .*move it away")
                self.assertEqual(path.read_bytes(), content)
                path.unlink()

    def test_a_file_that_is_locked_costs_that_run(self) -> None:
        self.sweep()
        with h5py.File(self.folder / f"{self.runs[1]}.h5", "r+"):
            self.assert_all_but(self.runs[1], self.sweep("--force", code=None), "HDF5_USE_FILE_LOCKING")
        self.assertEqual(self.sweep().returncode, 0)

    def test_a_file_that_may_not_be_read_costs_that_run(self) -> None:
        self.cwd.chmod(0o777)
        self.sweep(before=self.nobody())
        file = self.folder / f"{self.runs[1]}.h5"
        file.chmod(0)
        self.assert_all_but(self.runs[1], self.sweep("--force", code=None, before=self.nobody()), "Permission denied")

    def test_what_stands_in_the_way_of_a_run_under_way_costs_that_run(self) -> None:
        run = self.runs[1]
        for name in (f"{run}.jsonl/x", f".qrun/{run}.yaml/x", f".qrun/{run}.ckpt.previous.h5/x", f".qrun/{run}.claim/x"):
            with self.subTest(name):
                shutil.rmtree(self.folder, ignore_errors=True)
                (self.folder / name).mkdir(parents=True)
                self.assert_all_but(run, self.sweep(code=None), "Is a directory")
                shutil.rmtree((self.folder / name).parent)
                self.assertIn(f"done run={run} status=complete", self.sweep().stderr)

    def test_a_failed_run_weighs_more_than_one_that_is_left(self) -> None:
        runs = "{list: [{seed: 1}, {solver.lr: 1e30}, {seed: 2}]}"
        first = json.loads(self.sweep("--dry-run", "--json", of=runs).stdout)["runs"][0]["run_id"]
        (self.folder / f"{first}.h5").mkdir(parents=True)
        self.assertIn(f"left run={first}", self.sweep(of=runs, code=1).stderr)

    def test_an_index_that_cannot_be_replaced_costs_the_index(self) -> None:
        (self.folder / "sweep.h5/mine").mkdir(parents=True)
        done = self.sweep(code=4)
        self.assertEqual(done.stderr.count("status=complete"), 3)
        self.assertEqual(len(lines_with(done, "cannot write results/sweep_smoke/sweep.h5: Is a directory")), 1, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], 'error left file=results/sweep_smoke/sweep.h5 reason="cannot write')
        self.assertNotIn("sweep.h5", done.stdout)


def lines_with(done: subprocess.CompletedProcess, word: str) -> list[str]:
    """Lines of stderr that hold a word."""
    return [line for line in done.stderr.splitlines() if word in line]


if __name__ == "__main__":
    main()
