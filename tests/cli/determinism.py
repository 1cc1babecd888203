#!/usr/bin/env python3
"""The same bits however a run is trained: determinism.py PROGRAM, from the root of the repository.

Runs of a network with every kind of layer are trained alone on one thread, and then on other numbers of threads, in a
pack, in jobs side by side, and killed and resumed; all run files must be equal but for the clock. Once for each
instruction set that this machine has.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import h5py

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
CONFIG = str(ROOT / "tests/engine/every_layer.yaml")
ALL_SETS = ("avx512", "avx2", "generic")
AFTER_A_CHECKPOINT_OF_EACH = "checkpoint.aside:6"  # three runs, two epochs


def instruction_sets() -> list[str]:
    """Those of this machine, the best first, as the program names them."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^engine cpu: (.+)$", version, re.MULTILINE)
    assert found, version
    return found.group(1).split(", ")


class Determinism(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qrun-bits-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def train(self, name: str, *options: str, instruction_set: str, fault: str = "", code: int = 0) -> str:
        """Trains three runs that differ in their seed into a folder of that name; gives what was logged."""
        environment = {**os.environ, "QRUN_INSTRUCTION_SET": instruction_set} | ({"QRUN_FAULT": fault} if fault else {})
        command = [PROGRAM, CONFIG, "sweep.grid={seed: [1, 2, 3]}", "--engine", "cpu", "--no-progress", "--output", self.folder / name, *options]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def runs(self, name: str) -> list[pathlib.Path]:
        return sorted((self.folder / name).glob("*/seed=*.h5"))

    def expect_same_bits(self, got: str, want: str, what: str) -> None:
        self.assertEqual([path.name for path in self.runs(got)], [path.name for path in self.runs(want)], what)
        for a, b in zip(self.runs(want), self.runs(got)):
            self.assertEqual(differences(a, b), [], f"{what}: {a.name}")

    def recorded(self, name: str) -> set[str]:
        """The instruction sets that the run files name."""
        found = set()
        for path in self.runs(name):
            with h5py.File(path) as file:
                found.add(str(file.attrs["instruction_set"]))
        return found

    def interrupted(self, name: str, instruction_set: str) -> None:
        self.train(name, "--pack", "3", "--threads", "2", instruction_set=instruction_set, fault=AFTER_A_CHECKPOINT_OF_EACH, code=-signal.SIGKILL)

    def test_threads_packs_jobs_and_kills_change_no_bit(self) -> None:
        for chosen in instruction_sets():
            self.train(f"{chosen} alone", "--pack", "1", "--threads", "1", instruction_set=chosen)
            self.assertEqual(len(self.runs(f"{chosen} alone")), 3)
            self.assertEqual(self.recorded(f"{chosen} alone"), {chosen})
            for options in (
                ("--pack", "1", "--threads", "2"),
                ("--pack", "1", "--threads", "3"),
                ("--pack", "1", "--threads", "5"),
                ("--pack", "3", "--threads", "3"),
                ("--pack", "2", "--threads", "4", "--jobs", "2"),
            ):
                name = " ".join((chosen, *options))
                self.train(name, *options, instruction_set=chosen)
                self.expect_same_bits(name, f"{chosen} alone", name)
            self.interrupted(f"{chosen} resumed", chosen)
            log = self.train(f"{chosen} resumed", "--pack", "2", "--threads", "5", instruction_set=chosen)
            self.assertRegex(log, r"start run=seed=\d\S+ iteration=[1-9]")
            self.expect_same_bits(f"{chosen} resumed", f"{chosen} alone", f"{chosen} resumed")

    def test_a_run_goes_on_with_the_instruction_set_it_began_with(self) -> None:
        best, *others = instruction_sets()
        for other in others:
            self.train("whole", "--force", instruction_set=other)
            self.interrupted(f"begun with {other}", other)
            log = self.train(f"begun with {other}", instruction_set=best)
            self.assertRegex(log, r"start run=seed=1\S+ iteration=[1-9]")
            self.assertNotIn("note=", log)
            self.expect_same_bits(f"begun with {other}", "whole", other)

    def test_on_a_machine_that_lacks_it_the_run_goes_on_with_another_and_names_both(self) -> None:
        mine = instruction_sets()[0]
        self.interrupted("moved", mine)
        for checkpoint in (self.folder / "moved").glob("*/.qrun/*.ckpt*.h5"):
            with h5py.File(checkpoint, "r+") as file:
                file.attrs["instruction_set"] = "neon"
        log = self.train("moved", "--pack", "1", instruction_set="", fault="checkpoint.aside:1", code=-signal.SIGKILL)
        self.assertIn(f"resume instruction_set={mine} was=neon", log)
        self.train("moved", instruction_set="")
        self.assertEqual(self.recorded("moved"), {f"neon,{mine}"})

    def test_one_that_the_machine_lacks_is_refused(self) -> None:
        self.assertIn("instruction set sse9 is not available", self.train("none", instruction_set="sse9", code=4))


if __name__ == "__main__":
    HERE = instruction_sets()
    print(f"instruction sets tested: {', '.join(HERE)}; not on this machine: {', '.join(s for s in ALL_SETS if s not in HERE) or 'none'}")
    unittest.main(argv=sys.argv[:1])
