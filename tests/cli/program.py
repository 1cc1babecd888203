"""What tests of the real program share: `TEST PROGRAM`, run from the root of the repository."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator

import h5py

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
SMOKE = str(ROOT / "configs/smoke.yaml")
SWEEP = str(ROOT / "configs/sweep_smoke.yaml")
SANITIZED = b"__asan_init" in PROGRAM.read_bytes()
WITHOUT_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}

SOME_DIGITS = ("data.train={synthetic_digits: 300, batch_size: 50}", "data.test={synthetic_digits: 100, batch_size: 50}")


RUN = (SMOKE, *SOME_DIGITS, "train.epochs=3")
SWEEP_OF_TWO = (SWEEP, *SOME_DIGITS, "train.epochs=2", "sweep.grid={seed: [1, 2]}")


class ProgramTest(unittest.TestCase):
    """A test in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cwd = pathlib.Path(folder.name)

    def qrun(
        self,
        *arguments: str | pathlib.Path,
        code: int | None = 0,
        env: dict[str, str] | None = None,
        before: Callable[[], object] | None = None,
        **options: object,
    ) -> subprocess.CompletedProcess:
        """Run the program; `env` comes on top, `before` is called in the new process, `options` are Popen's."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [PROGRAM, *arguments]
        done = subprocess.run(
            command, cwd=self.cwd, env={**WITHOUT_GPU, **(env or {})}, preexec_fn=before, text=True, timeout=300, check=False, **{**pipes, **options}
        )
        if code is not None:
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def run_file(self) -> pathlib.Path:
        """The one run file below the folder of results."""
        files = [path for path in self.cwd.glob("results/*/*.h5") if path.name != "sweep.h5"]
        self.assertEqual(len(files), 1, files)
        return files[0]

    def under_way(self, *arguments: str | pathlib.Path, folder: pathlib.Path, until: str, env: dict[str, str] | None = None) -> subprocess.Popen:
        """The program, once its folder of results holds a file `until`; started anew where it ended before that was seen."""
        while True:
            shutil.rmtree(folder, ignore_errors=True)
            command = [PROGRAM, *arguments, "--no-progress"]
            process = subprocess.Popen(command, cwd=self.cwd, env={**WITHOUT_GPU, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while process.poll() is None:
                if list(folder.glob(until)):
                    return process
                time.sleep(0.002)
            self.assertEqual(process.returncode, 0, process.communicate())

    def interrupt(self, *arguments: str | pathlib.Path, folder: pathlib.Path, until: str, env: dict[str, str] | None = None) -> None:
        """Leave a run interrupted when its folder holds a file `until`."""
        while True:
            process = self.under_way(*arguments, folder=folder, until=until, env=env)
            process.send_signal(signal.SIGINT)
            said = process.communicate()
            if process.returncode == 3:
                return
            self.assertEqual(process.returncode, 0, said)  # it was faster

    def nobody(self) -> Callable[[], None]:
        """Gives up what root may do, where there is anything to give up: root may write everywhere."""
        if os.geteuid() != 0:
            return lambda: None
        if not all(folder.stat().st_mode & 0o001 for folder in PROGRAM.parents):
            self.skipTest(f"{PROGRAM} lies where root alone gets")

        def become_nobody() -> None:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        return become_nobody

    def assert_says(self, done: subprocess.CompletedProcess, line: str) -> None:
        """One line of stderr matches, and it is the only one about it."""
        lines = [text for text in (done.stderr or "").splitlines() if text and " info " not in text and " epoch " not in text]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], line)


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


def limit(what: int, most: int) -> Callable[[], None]:
    """Sets a limit of the process; none of memory where a sanitizer takes all there is."""
    return lambda: None if SANITIZED and what == resource.RLIMIT_AS else resource.setrlimit(what, (most, most))


def main() -> None:
    """Run the tests of the calling file."""
    unittest.main(argv=sys.argv[:1])
