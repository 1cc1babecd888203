"""What tests of the real program share: `TEST PROGRAM`, run from the root of the repository."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
SMOKE = str(ROOT / "configs/smoke.yaml")
SWEEP = str(ROOT / "configs/sweep_smoke.yaml")
WITHOUT_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}

SOME_DIGITS = ("data.train={synthetic_digits: 300, batch_size: 50}", "data.test={synthetic_digits: 100, batch_size: 50}")


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

    def assert_says(self, done: subprocess.CompletedProcess, line: str) -> None:
        """One line of stderr matches, and it is the only one about it."""
        lines = [text for text in (done.stderr or "").splitlines() if text and " info " not in text and " epoch " not in text]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], line)


def become_nobody() -> None:
    """Root may write everywhere: give that up, where there is anything to give up."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


SANITIZED = b"__asan_init" in PROGRAM.read_bytes()


def limit(what: int, most: int) -> Callable[[], None]:
    """Sets a limit of the process; none of memory where a sanitizer takes all there is."""
    return lambda: None if SANITIZED and what == resource.RLIMIT_AS else resource.setrlimit(what, (most, most))


def main() -> None:
    """Run the tests of the calling file."""
    unittest.main(argv=sys.argv[:1])
