#!/usr/bin/env python3
"""Hostile surroundings: environment.py PROGRAM, from the root of the repository.

No space, no permission, no locks, no memory, no threads, no streams. Each ends with one line that names what is wrong
and the exit code of the environment (4) or of a failed run (1); nothing half-written stays, and a later start goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Iterator

import h5py
import numpy as np
from program import PROGRAM, ROOT, SANITIZED, SMOKE, SOME_DIGITS, SWEEP, WITHOUT_GPU, ProgramTest, become_nobody, limit, main

sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402  (a script beside, not a package)

RUN = (SMOKE, *SOME_DIGITS, "train.epochs=3")
SWEEP_OF_TWO = (SWEEP, *SOME_DIGITS, "train.epochs=2", "sweep.grid={seed: [1, 2]}")


class EnvironmentTest(ProgramTest):
    def files(self, folder: str = "results") -> list[str]:
        """All files below a folder but those that stay between starts."""
        found = (path.relative_to(self.cwd).as_posix() for path in (self.cwd / folder).rglob("*") if path.is_file())
        return sorted(path for path in found if not path.endswith((".yaml", "claims.lock")))

    def assert_nothing_half(self) -> None:
        """Every HDF5 file is readable, and there is no temporary one and no claim."""
        for path in self.files():
            self.assertNotRegex(path, r"\.tmp\b|\.claim$")
            if path.endswith(".h5"):
                with h5py.File(self.cwd / path) as f:
                    self.assertIn("format", f.attrs)

    @contextlib.contextmanager
    def small_disk(self, size: int) -> Iterator[pathlib.Path]:
        """A file system of `size` bytes at `results`."""
        if os.geteuid() != 0:
            self.skipTest("mounting takes root")
        folder = self.cwd / "results"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("this machine mounts nothing")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


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
        done = self.qrun(*RUN, code=4, before=become_nobody)
        self.assert_says(done, r"^qrun: cannot write results/smoke/\S+: Permission denied$")
        with h5py.File(self.cwd / "in.h5", "w") as f:
            f["x"] = np.ones(10, np.float32)
        done = self.qrun("quantize", "in.h5", "out.h5", "--method", "clip", "--bits", "8", code=4, before=become_nobody)
        self.assert_says(done, r"^qrun: cannot write out.h5: Permission denied$")
        done = self.qrun("data", "synthetic-digits", "--to", "digits", "--train", "10", "--test", "10", code=4, before=become_nobody)
        self.assert_says(done, r"^qrun: cannot write digits/train_lmdb: Permission denied$")
        done = self.qrun(*RUN, "--log", "log.txt", code=4, before=become_nobody)
        self.assert_says(done, r"^qrun: .*log.txt.*Permission denied$")

    def test_files_that_may_not_be_read_are_named(self) -> None:
        self.cwd.chmod(0o777)
        self.qrun(*RUN)
        path = self.run_file()
        path.chmod(0)
        done = self.qrun("show", path, code=1, before=become_nobody)
        self.assertRegex(done.stderr, rf"^skipped: \S+{path.name}: cannot read: Permission denied\n$")
        done = self.qrun("eval", path, code=1, before=become_nobody)
        self.assert_says(done, rf"^qrun: \S+{path.name}: cannot read: Permission denied$")
        path.parent.chmod(0)
        done = self.qrun("show", path.parent, code=1, before=become_nobody)
        self.assertRegex(done.stderr, r"^skipped: \S+results/smoke: Permission denied\n$")
        done = self.qrun(*RUN, code=4, before=become_nobody)
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


class Preloaded(EnvironmentTest):
    """Answers of the system that this machine does not give, from a library loaded before the others."""

    def preload(self, source: str) -> dict[str, str]:
        (self.cwd / "answers.c").write_text("#define _GNU_SOURCE\n#include <errno.h>\n" + source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.cwd / "answers.so", self.cwd / "answers.c"], check=True)
        return {"LD_PRELOAD": str(self.cwd / "answers.so"), "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def test_a_file_system_without_locks_will_do(self) -> None:
        for reason in ("ENOLCK", "EOPNOTSUPP", "ENOSYS"):
            with self.subTest(reason):
                env = self.preload(f"int flock(int file, int how) {{ errno = {reason}; return -1; }}")
                path = self.interrupt_and_resume(reason, env)
                self.assertEqual(self.qrun("show", path.parent, env=env).stderr, "")
                self.qrun("eval", path, env=env)
        self.assertEqual(self.qrun("show", path, env={**env, "HDF5_USE_FILE_LOCKING": "FALSE"}).stderr, "")

    def interrupt_and_resume(self, name: str, env: dict[str, str]) -> pathlib.Path:
        """A run that was resumed from its checkpoint; its file."""
        command = [SMOKE, *SOME_DIGITS, "train.epochs=30", f"name={name}"]
        process = subprocess.Popen([PROGRAM, *command], cwd=self.cwd, env={**WITHOUT_GPU, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = self.cwd / "results" / name
        while not list(folder.glob(".qrun/*.ckpt.h5")):
            self.assertIsNone(process.poll(), "it trains until there is a checkpoint")
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 3)
        done = self.qrun(*command, env=env)
        self.assertRegex(done.stderr, "start run=run-.* iteration=[1-9]")
        self.assertNotIn("damaged", done.stderr)
        return next(folder.glob("*.h5"))

    def test_a_clock_that_runs_backwards_changes_nothing(self) -> None:
        env = self.preload(
            """
            #include <sys/syscall.h>
            #include <time.h>
            #include <unistd.h>
            static int back(void) { static int calls; return 3600 * __sync_fetch_and_add(&calls, 1); }
            int clock_gettime(clockid_t clock, struct timespec* now) {
              const int result = syscall(SYS_clock_gettime, clock, now);
              if (clock == CLOCK_REALTIME) now->tv_sec -= back();
              return result;
            }
            time_t time(time_t* now) {
              struct timespec spec;
              clock_gettime(CLOCK_REALTIME, &spec);
              if (now) *now = spec.tv_sec;
              return spec.tv_sec;
            }
            """
        )
        self.qrun(*SWEEP_OF_TWO, env=env)
        for path in (self.cwd / "results/sweep_smoke").glob("*-*.h5"):
            with h5py.File(path) as f:
                self.assertGreater(f.attrs["wall_seconds"], 0)
                self.assertGreater(f.attrs["started"], f.attrs["finished"], "the clock was another one")
                self.assertGreater(f["metrics/train/images_per_second"][...].min(), 0)
        self.assertEqual(self.qrun(*SWEEP_OF_TWO, env=env).stderr.count("skip run="), 2)

    @unittest.skipIf(SANITIZED, "a sanitizer has a malloc of its own")
    def test_memory_that_runs_out_anywhere_is_said_and_never_a_crash(self) -> None:
        env = self.preload(
            """
            #include <dlfcn.h>
            #include <stdlib.h>
            #include <string.h>
            static long calls, fail_at;
            static int is_new(void* caller) {  /* of C++; the libraries in C have tests of their own */
              Dl_info where;
              return dladdr(caller, &where) && strstr(where.dli_fname, "libstdc++");
            }
            void* malloc(size_t size) {
              static void* (*real)(size_t);
              if (!real) {
                real = dlsym(RTLD_NEXT, "malloc");
                fail_at = getenv("FAIL_AT") ? atol(getenv("FAIL_AT")) : 0;
              }
              if (size < 1000 || !is_new(__builtin_return_address(0))) return real(size);
              return __sync_add_and_fetch(&calls, 1) == fail_at ? NULL : real(size);
            }
            """
        )
        ends = set()
        for nth in range(1, 400, 11):
            shutil.rmtree(self.cwd / "results", ignore_errors=True)
            done = self.qrun(*RUN, code=None, env={**env, "FAIL_AT": str(nth)})
            self.assertIn(done.returncode, (0, 1, 4), f"FAIL_AT={nth}\n{done.stdout}\n{done.stderr}")
            if done.returncode != 0:
                self.assertRegex(done.stdout + done.stderr, "out of memory|[Cc]annot|memory|unable", f"FAIL_AT={nth}")
            ends.add(done.returncode)
            self.assert_nothing_half()
        self.assertLessEqual({1, 4}, ends, "before and while it trains")
        self.qrun(*RUN, "--retry-failed")


@unittest.skipIf(SANITIZED, "a sanitizer takes all memory there is")
class Limits(EnvironmentTest):
    def test_too_little_memory_is_said_and_never_a_crash(self) -> None:
        ends = set()
        for megabytes in range(24, 160, 6):
            shutil.rmtree(self.cwd / "results", ignore_errors=True)
            done = self.qrun(*RUN, "--threads", "1", code=None, before=limit(resource.RLIMIT_AS, megabytes << 20))
            if done.returncode == 127:
                continue  # not even the libraries fit
            self.assertIn(done.returncode, (0, 1, 4), f"{megabytes} MiB\n{done.stdout}\n{done.stderr}")
            if done.returncode != 0:
                self.assertRegex(done.stderr, "out of memory|cannot start a thread|Cannot allocate memory", f"{megabytes} MiB")
            ends.add(done.returncode)
            self.assert_nothing_half()
        self.assertIn(0, ends)
        self.assertGreater(len(ends), 1, ends)

    def test_threads_that_cannot_start_are_said(self) -> None:
        done = self.qrun(*RUN, "--threads", "4096", code=4, before=limit(resource.RLIMIT_AS, 4 << 30))
        self.assert_says(done, r"^qrun: cannot start a thread: Resource temporarily unavailable; use fewer --threads")
        done = self.qrun(*RUN, "--jobs", "4096", "--threads", "1", code=4, before=limit(resource.RLIMIT_AS, 4 << 30))
        self.assert_says(done, r"^qrun: cannot start a thread: Resource temporarily unavailable; use fewer --threads")
        self.assert_nothing_half()
        self.qrun(*RUN)

    def test_more_threads_than_processors_give_the_same_bits(self) -> None:
        one = sorted(os.sched_getaffinity(0))[:1]
        self.qrun(*RUN, "output.dir=whole")
        self.qrun(*RUN, "--threads", "16", before=lambda: os.sched_setaffinity(0, one))
        self.assertEqual(differences(next(self.cwd.glob("whole/smoke/*.h5")), self.run_file()), [])


class Streams(EnvironmentTest):
    def test_a_full_disk_behind_stdout_is_said(self) -> None:
        self.qrun(*RUN)
        path = self.run_file()
        with h5py.File(self.cwd / "in.h5", "w") as f:
            f["x"] = np.ones(10, np.float32)
        commands = (
            ("show", path),
            ("show", "--json", path),
            ("show", "--watch", path),
            ("show", "--collect", path.parent),
            ("eval", path),
            ("check", SMOKE, "--print"),
            ("check", "--schema"),
            ("run", *RUN, "--dry-run"),
            RUN,
            ("quantize", "in.h5", "out.h5", "--method", "clip", "--bits", "4"),
            ("data", "synthetic-digits", "--to", "digits", "--train", "10", "--test", "10"),
            ("submit", *RUN[:-1], "seed=2", "--dry-run"),
            ("--version",),
            ("--help",),
        )
        with open("/dev/full", "w", encoding="utf-8") as full:
            for command in commands:
                with self.subTest(command):
                    self.assert_says(self.qrun(*command, code=4, stdout=full), "^qrun: cannot write to standard output: No space left on device$")
        self.assert_says(self.qrun("show", path, code=4, before=lambda: os.close(1)), "^qrun: cannot write to standard output: Bad file descriptor$")

    def test_a_reader_that_has_gone_is_no_mistake(self) -> None:
        self.qrun(*RUN)
        for command in (["show", "results/smoke"], ["show", "--watch", "results/smoke"], ["check", "--schema"], ["--help"], list(RUN)):
            with self.subTest(command):
                reading, writing = os.pipe()
                os.close(reading)
                done = self.qrun(*command, stdout=writing)
                os.close(writing)
                self.assertEqual([line for line in done.stderr.splitlines() if " info " not in line], [])

    def test_a_log_that_nobody_reads_ends_no_training(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        self.qrun(*RUN, stderr=writing)
        os.close(writing)
        with h5py.File(self.run_file()) as f:
            self.assertEqual(f.attrs["status"], "complete")

    def test_no_file_gets_the_number_of_a_closed_stream(self) -> None:
        def close_all() -> None:
            for stream in (0, 1, 2):
                os.close(stream)

        def close_stdin_and_stderr() -> None:
            os.close(0)
            os.close(2)

        self.qrun(*RUN, "output.dir=whole", "--jobs", "1")
        self.qrun(*RUN, before=close_stdin_and_stderr)
        whole = next(self.cwd.glob("whole/smoke/*.h5"))
        self.assertEqual(differences(whole, self.run_file()), [])
        shutil.rmtree(self.cwd / "results")
        self.qrun(*RUN, code=4, before=close_all)
        self.assertEqual(differences(whole, self.run_file()), [])


class Surroundings(EnvironmentTest):
    def test_memory_whose_file_was_cut_ends_with_a_line(self) -> None:
        command = [PROGRAM, *RUN, "train.epochs=100000"]
        process = subprocess.Popen(command, cwd=self.cwd, env=WITHOUT_GPU, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not list(self.cwd.glob("results/smoke/.qrun/*.ckpt.h5")):
            self.assertIsNone(process.poll(), "it trains until there is a checkpoint")
            time.sleep(0.01)
        process.send_signal(signal.SIGBUS)
        said = process.communicate()[1]
        self.assertEqual(process.returncode, 4, said)
        self.assertIn("qrun: a file was cut or became unreadable while it was in use; what was written so far is kept\n", said)

    def test_neither_home_nor_temporary_folder_is_needed(self) -> None:
        bare = {"PATH": os.environ["PATH"], "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run([PROGRAM, *RUN], cwd=self.cwd, env=bare, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.qrun(*RUN, "--force", env={"TMPDIR": "/nowhere", "HOME": "/nowhere"})

    def test_a_locale_with_decimal_commas_changes_no_number(self) -> None:
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", self.cwd / "de_DE.UTF-8"], capture_output=True, check=False)
        german = {"LOCPATH": str(self.cwd), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
        asked = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.localeconv()['decimal_point'])"
        said = subprocess.run([sys.executable, "-c", asked], env={**os.environ, **german}, capture_output=True, text=True, check=False)
        self.assertEqual(said.stdout, ",\n", "the locale is there: scripts/setup.sh installs what makes it")
        plain = self.qrun("check", *RUN, "solver.lr=0.0125", "--print")
        self.assertEqual(self.qrun("check", *RUN, "solver.lr=0.0125", "--print", env=german).stdout, plain.stdout)
        done = self.qrun(*RUN, env=german)
        self.assertRegex(done.stderr, r"epoch 0: train loss=\d+\.\d{4}, test accuracy=\d\.\d{4}")
        listed = json.loads(self.qrun("show", "--json", "results/smoke", env=german).stdout)["runs"]
        self.assertIsInstance(listed[0]["final_test_accuracy"], float)
        self.assertRegex(self.qrun("show", "--csv", "results/smoke", env=german).stdout, r",0\.\d+,")


if __name__ == "__main__":
    main()
