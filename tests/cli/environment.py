#!/usr/bin/env python3
"""Hostile surroundings: environment.py PROGRAM, from the root of the repository.

No locks, no memory, no threads, no streams, a strange clock or locale: what can go on does; the rest ends with one line
that names what is wrong and the exit code of the environment (4) or of a failed run (1), and a later start goes on.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import unittest

import h5py
import numpy as np
from program import PROGRAM, ROOT, RUN, SANITIZED, SMOKE, SOME_DIGITS, SWEEP, SWEEP_OF_TWO, EnvironmentTest, limit, main

sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402  (a script beside, not a package)


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
        command = [SMOKE, *SOME_DIGITS, "train.epochs=20", f"name={name}"]
        folder = self.cwd / "results" / name
        self.interrupt(*command, folder=folder, until=".qrun/*.ckpt.h5", env=env)
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
        self.assertFalse((self.cwd / "results").exists())
        self.qrun(*RUN)

    def test_jobs_that_cannot_start_are_said_before_a_run_is_claimed(self) -> None:
        for megabytes in (512, 1000, 2000, 4000, 4096, 4104):  # the last thread leaves more or less of it
            for command in (RUN, SWEEP_OF_TWO):
                done = self.qrun(*command, "--jobs", "4096", "--threads", "1", code=4, before=limit(resource.RLIMIT_AS, megabytes << 20))
                self.assert_says(done, r"^qrun: cannot start a thread: Resource temporarily unavailable; use fewer --threads")
                self.assertEqual([path for path in self.files() if ".qrun" in path or path.endswith((".h5", ".jsonl"))], [])
        self.qrun(*RUN)

    def test_processes_that_are_not_allowed_are_said(self) -> None:
        def be_one_process_of_nobody() -> None:
            nobody()
            resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

        self.cwd.chmod(0o777)
        nobody = self.nobody()
        done = self.qrun(*RUN, code=4, before=be_one_process_of_nobody)
        self.assert_says(done, r"^qrun: cannot start a thread: Resource temporarily unavailable; use fewer --threads")

    def test_a_run_that_the_machine_does_not_hold_fails_and_the_sweep_goes_on(self) -> None:
        sweep = (SWEEP, *SOME_DIGITS, "train.epochs=1", "engine=cpu", "sweep={grid: {network.conv1.out_channels: [1048576, 2]}}")
        self.assertIn("estimate", self.qrun(*sweep, "--dry-run").stdout)
        done = self.qrun(*sweep, code=1)
        self.assertRegex(done.stderr, r"failed run=out_channels=1048576-\w+ reason=\".*network\.conv1: takes at least \d+\.\d GiB of memory")
        states = {}
        for path in (self.cwd / "results/sweep_smoke").glob("out_channels=*.h5"):
            with h5py.File(path) as f:
                states[path.name.split("-")[0]] = f.attrs["status"], "takes at least" in f.attrs.get("error", "")
        self.assertEqual(states, {"out_channels=1048576": ("failed", True), "out_channels=2": ("complete", False)})

    def test_more_threads_than_processors_give_the_same_bits(self) -> None:
        one = sorted(os.sched_getaffinity(0))[:1]
        self.qrun(*RUN, "output.dir=whole")
        self.qrun(*RUN, "--threads", "16", before=lambda: os.sched_setaffinity(0, one))
        self.assertEqual(differences(next(self.cwd.glob("whole/smoke/*.h5")), self.run_file()), [])

    def test_one_processor_that_may_be_used_gets_one_thread(self) -> None:
        one = sorted(os.sched_getaffinity(0))[:1]
        for options, threads in (((), 1), (("--threads", "3"), 3)):
            self.qrun(*RUN, "--force", *options, before=lambda: os.sched_setaffinity(0, one))
            with h5py.File(self.run_file()) as f:
                self.assertEqual(f.attrs["threads"], threads)


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
    def test_a_folder_that_is_removed_loses_no_result(self) -> None:
        command = (*RUN[:-1], "train.epochs=20", "train.checkpoint_every=1000")  # nothing is written when the folder goes
        self.qrun(*command, "output.dir=whole")
        process = self.under_way(*command, folder=self.cwd / "results/smoke", until="*.jsonl")
        (self.cwd / "results/smoke/.qrun").rename(self.cwd / "removed")
        said = process.communicate()
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(differences(next(self.cwd.glob("whole/smoke/*.h5")), self.run_file()), [])

    def test_memory_whose_file_was_cut_ends_with_a_line(self) -> None:
        process = self.under_way(*RUN[:-1], "train.epochs=100000", folder=self.cwd / "results/smoke", until=".qrun/*.ckpt.h5")
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
        # The C library forgets a name of LOCPATH, which a sanitizer would count as a leak.
        german = {"LOCPATH": str(self.cwd), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "ASAN_OPTIONS": "detect_leaks=0"}
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
