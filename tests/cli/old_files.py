#!/usr/bin/env python3
"""What the first release wrote is shown, evaluated and gone on with, to the same bits: old_files.py PROGRAM.

The files are those of tests/store/old; each test works on a copy.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

import h5py
from program import ROOT, ProgramTest, main

sys.path.insert(0, str(ROOT / "scripts"))
import qrun_results  # noqa: E402
from kill_campaign import contents, left_behind  # noqa: E402

OLD = ROOT / "tests/store/old"
GENERIC = {"QRUN_INSTRUCTION_SET": "generic"}  # what they were trained with
COMPLETE = "w_bits=2,seed=1,lr=0.05-cd1f58dbd57f"
STOPPED = "w_bits=2,seed=2,lr=0.05-e08164781f32"
FAILED = "w_bits=2,seed=1,lr=1.0e_30-06ec280e3eeb"
KILLED = ("w_bits=4,seed=1,lr=0.05-af9764ec6cb0", "w_bits=4,seed=2,lr=0.05-5871b83d57be")
NEW = "w_bits=8,seed=1,lr=0.05-119532014a7d"


def values(path: pathlib.Path) -> dict[str, bytes]:
    """What training gave: all data sets, and the attributes of codes and metrics, none of which a later format changes."""
    found = contents(path)
    return {name: value.tobytes() for name, value in found.items() if value.dtype != object and not name.startswith(("@", "network@"))}


class OldFiles(ProgramTest):
    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(OLD, self.cwd, dirs_exist_ok=True)

    def expect_same_bits(self, old: pathlib.Path, new: pathlib.Path) -> None:
        """All that the old file holds is in the new one, to the bit; that may hold more."""
        want, got = values(old), values(new)
        self.assertEqual([name for name in want if got.get(name) != want[name]], [], old.name)

    def test_are_shown(self) -> None:
        shown = json.loads(self.qrun("show", "--json", "results/sweep", "results/run", "results/best").stdout)
        self.assertEqual(shown["problems"], [])
        runs = {run["run_id"]: run for run in shown["runs"]}
        self.assertEqual(runs.keys(), {COMPLETE, STOPPED, FAILED, *KILLED, "run-5fe8eeec5c4c", "run-e46d81bc772e"})
        self.assertEqual(runs[COMPLETE]["status"], "complete")
        self.assertEqual(runs[COMPLETE]["final_test_accuracy"], 0.28)
        self.assertLessEqual({("vars.w_bits", 2), ("seed", 1), ("solver.lr", 0.05)}, set(runs[COMPLETE]["params"].items()))
        self.assertEqual(runs[STOPPED]["status"], "interrupted")
        self.assertIn("diverged at iteration 1", runs[FAILED]["error"])
        self.assertEqual([runs[run]["epochs"] for run in KILLED], [3, 3])
        self.assertIn(COMPLETE, self.qrun("show", "--csv", "results/sweep").stdout)
        self.assertEqual(self.qrun("show", "--collect", "results/sweep").returncode, 0)

    def test_are_evaluated(self) -> None:
        for file in ("results/run/run-5fe8eeec5c4c.h5", f"results/sweep/{COMPLETE}.h5"):
            self.assertIn(" 0 of 50 predictions differ", self.qrun("eval", file).stdout)

    def test_a_sweep_goes_on_to_the_same_bits(self) -> None:
        complete = (self.cwd / f"results/sweep/{COMPLETE}.h5").read_bytes()
        done = self.qrun("sweep.yaml", code=1)
        for run in (STOPPED, *KILLED):
            self.assertRegex(done.stderr, rf"start run={run} iteration=[1-9]", "from its checkpoint, with its instruction set")
        self.assertEqual((self.cwd / f"results/sweep/{COMPLETE}.h5").read_bytes(), complete)
        self.assertEqual(left_behind(self.cwd / "results/sweep"), [])
        self.qrun("sweep.yaml", "--output", "fresh", env=GENERIC, code=1)
        everything = sorted(f"{run}.h5" for run in (COMPLETE, STOPPED, FAILED, *KILLED, NEW))
        for folder in ("results", "fresh"):
            self.assertEqual(sorted(path.name for path in self.cwd.glob(f"{folder}/sweep/*-*.h5")), everything)
        for run in (COMPLETE, STOPPED, FAILED, *KILLED):
            old, fresh = (self.cwd / folder / f"sweep/{run}.h5" for folder in ("results", "fresh"))
            self.expect_same_bits(old, fresh)
            with h5py.File(old) as ours, h5py.File(fresh) as theirs:
                for name in ("status", "instruction_set"):
                    self.assertEqual(ours.attrs[name], theirs.attrs[name], run)

    def test_a_killed_run_goes_on_to_the_weights_of_its_best_test(self) -> None:
        self.assertRegex(self.qrun("best.yaml").stderr, r"start run=run-e46d81bc772e iteration=[1-9]")
        self.qrun("best.yaml", "--output", "fresh", env=GENERIC)
        self.expect_same_bits(self.cwd / "results/best/run-e46d81bc772e.h5", self.cwd / "fresh/best/run-e46d81bc772e.h5")

    def test_are_trained_again_to_the_same_bits(self) -> None:
        self.qrun("run.yaml", "--output", "fresh", env=GENERIC)
        self.expect_same_bits(OLD / "results/run/run-5fe8eeec5c4c.h5", self.cwd / "fresh/run/run-5fe8eeec5c4c.h5")

    def test_start_other_runs(self) -> None:
        self.qrun("run.yaml", "train.init_from=results/run/run-5fe8eeec5c4c.h5", "name=tuned")

    def test_are_read_by_the_package(self) -> None:
        sweep = qrun_results.load_sweep(self.cwd / "results/sweep")
        self.assertEqual({run.id: run.status for run in sweep}, {COMPLETE: "complete", STOPPED: "interrupted", FAILED: "failed"})
        self.assertEqual(sweep.frame().loc[COMPLETE, "final_test_accuracy"], 0.28)


if __name__ == "__main__":
    main()
