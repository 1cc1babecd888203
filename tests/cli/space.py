#!/usr/bin/env python3
"""Full disks and folders that are not ours: space.py PROGRAM, from the root of the repository.

Wherever a write fails, the program ends with one line that names the path and the reason and the exit code of the
environment (4); nothing half-written stays, and a later start goes on.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import subprocess
import sys

import h5py
import numpy as np
from program import ROOT, RUN, SMOKE, SWEEP_OF_TWO, EnvironmentTest, limit, main

sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402  (a script beside, not a package)


class Space(EnvironmentTest):
    def test_a_full_disk_ends_a_run_wherever_it_is_and_a_later_start_goes_on(self) -> None:
        self.qrun(*RUN, "output.dir=whole")
        whole = next(self.cwd.glob("whole/smoke/*.h5"))
        stages = set()
        with self.small_disk(1 << 21) as disk:
            for free in range(0, 1 << 20, 1 << 14):
                filler = disk / "filler"
                filler.write_bytes(bytes(available(disk) - free))
                done = self.qrun(*RUN, code=None)
                if done.returncode == 0:
                    break
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assert_says(done, r"^qrun: cannot write \S+: No space left on device$")
                stages.add(re.sub(r".*-\w{12}|: No.*\n|.*/", "", done.stderr.splitlines()[-1] + "\n"))
                self.assert_nothing_half()
                filler.unlink()
            self.assertEqual(differences(whole, self.run_file()), [])
        self.assertGreaterEqual(len(stages), 3, f"several stages were hit: {stages}")

    def test_a_limit_of_the_file_size_ends_a_run_and_a_later_start_goes_on(self) -> None:
        self.qrun(*RUN, "output.dir=whole")
        whole = next(self.cwd.glob("whole/smoke/*.h5"))
        stages = set()
        for most in (0, 64, 1024, 4096, whole.stat().st_size - 1):
            done = self.qrun(*RUN, code=4, before=limit(resource.RLIMIT_FSIZE, most), stderr=subprocess.PIPE)
            self.assert_says(done, r"^qrun: cannot write \S+: (File too large|No space left on device)$")
            stages.add(re.sub(r".*-\w{12}", "", done.stderr.splitlines()[-1]))
            self.assert_nothing_half()
        self.assertGreaterEqual(len(stages), 3, f"several stages were hit: {stages}")
        self.qrun(*RUN)
        self.assertEqual(differences(whole, self.run_file()), [])

    def test_a_full_disk_at_the_sweeps_index_keeps_the_runs(self) -> None:
        self.qrun(*SWEEP_OF_TWO)
        index = self.cwd / "results/sweep_smoke/sweep.h5"
        size = index.stat().st_size
        largest_run = max(path.stat().st_size for path in index.parent.glob("*-*.h5"))
        index.unlink()
        self.assertGreater(size, 1000)
        for command in (("show", "--collect", "results/sweep_smoke"), SWEEP_OF_TWO):
            done = self.qrun(*command, code=4, before=limit(resource.RLIMIT_FSIZE, 1000 if command[0] == "show" else size - 1))
            self.assert_says(done, r"^qrun: cannot write \S+sweep\.\w+: File too large$")
            self.assert_nothing_half()
        self.assertGreater(largest_run, 0)
        self.assertEqual(self.qrun(*SWEEP_OF_TWO).stderr.count("skip run="), 2)
        self.assertTrue(index.exists())

    def test_a_full_disk_leaves_no_half_database_and_no_half_codes(self) -> None:
        with h5py.File(self.cwd / "in.h5", "w") as f:
            f["x"] = np.random.default_rng(1).normal(size=100_000).astype("f4")
        with self.small_disk(1 << 16):
            done = self.qrun("quantize", "in.h5", "results/out.h5", "--method", "clip", "--bits", "8", code=4)
            self.assert_says(done, r"^qrun: cannot write results/out.h5: No space left on device$")
            done = self.qrun("data", "synthetic-digits", "--to", "results/digits", "--train", "500", "--test", "500", code=4)
            self.assert_says(done, r"^qrun: cannot write results/digits/train_lmdb: No space left on device$")
            self.assertEqual(self.files(), [])
        done = self.qrun("data", "synthetic-digits", "--to", "digits", "--train", "500", "--test", "500", code=4, before=limit(resource.RLIMIT_FSIZE, 1 << 16))
        self.assert_says(done, r"^qrun: cannot write digits/train_lmdb: (File too large|No space left on device)$")
        self.assertEqual(self.files("digits"), [])

    def test_a_log_that_misses_lines_is_named_and_the_run_goes_on(self) -> None:
        done = self.qrun(*RUN, "--log", "/dev/full", code=4)
        self.assert_says(done, r"^qrun: the log is not whole: .*/dev/full: No space left on device$")
        self.assertEqual(self.qrun(*RUN).stderr.count("skip run="), 1)
        done = self.qrun(*RUN, "--log", "/proc/none/log", code=4)
        self.assert_says(done, r"^qrun: .*/proc/none/log")


def available(folder: pathlib.Path) -> int:
    """Bytes that a file of its own may take."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_bsize


class Permission(EnvironmentTest):
    def test_a_folder_that_is_not_ours_is_named(self) -> None:
        self.cwd.chmod(0o755)
        done = self.qrun(*RUN, code=4, before=self.nobody())
        self.assert_says(done, r"^qrun: cannot write results/smoke/\S+: Permission denied$")
        with h5py.File(self.cwd / "in.h5", "w") as f:
            f["x"] = np.ones(10, np.float32)
        done = self.qrun("quantize", "in.h5", "out.h5", "--method", "clip", "--bits", "8", code=4, before=self.nobody())
        self.assert_says(done, r"^qrun: cannot write out.h5: Permission denied$")
        done = self.qrun("data", "synthetic-digits", "--to", "digits", "--train", "10", "--test", "10", code=4, before=self.nobody())
        self.assert_says(done, r"^qrun: cannot write digits/train_lmdb: Permission denied$")
        done = self.qrun(*RUN, "--log", "log.txt", code=4, before=self.nobody())
        self.assert_says(done, r"^qrun: .*log.txt.*Permission denied$")

    def test_files_that_may_not_be_read_are_named(self) -> None:
        self.cwd.chmod(0o777)
        self.qrun(*RUN)
        path = self.run_file()
        path.chmod(0)
        done = self.qrun("show", path, code=1, before=self.nobody())
        self.assertRegex(done.stderr, rf"^skipped: \S+{path.name}: cannot read: Permission denied\n$")
        done = self.qrun("eval", path, code=1, before=self.nobody())
        self.assert_says(done, rf"^qrun: \S+{path.name}: cannot read: Permission denied$")
        done = self.qrun(*RUN, code=4, before=self.nobody())
        self.assert_says(done, rf"^qrun: \S+{path.name}: cannot read: Permission denied$")
        path.parent.chmod(0)
        done = self.qrun("show", path.parent, code=1, before=self.nobody())
        self.assertRegex(done.stderr, r"^skipped: \S+results/smoke: Permission denied\n$")
        done = self.qrun(*RUN, code=4, before=self.nobody())
        self.assert_says(done, r"^qrun: .*Permission denied")
        path.parent.chmod(0o755)

    def test_a_mask_that_lets_nobody_else_in_hinders_nothing(self) -> None:
        self.qrun(*RUN, before=lambda: os.umask(0o077))
        self.assertEqual(self.run_file().stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.qrun(*RUN, before=lambda: os.umask(0o077)).stderr.count("skip run="), 1)


    def test_a_read_only_file_system_is_named_and_its_data_trains(self) -> None:
        with self.small_disk(1 << 24) as disk:
            self.qrun("data", "synthetic-digits", "--to", "results/digits", "--train", "300", "--test", "100")
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            done = self.qrun(*RUN, code=4)
            self.assert_says(done, r"^qrun: cannot write results/smoke\S*: Read-only file system$")
            data = [f"data.{split}={{lmdb: results/digits/{split}_lmdb, batch_size: 50}}" for split in ("train", "test")]
            self.qrun(SMOKE, *data, "train.epochs=1", "output.dir=elsewhere")


if __name__ == "__main__":
    main()
