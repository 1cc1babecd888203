#!/usr/bin/env python3
"""`qrun submit` on sites that limit, played by little programs in place of Slurm's: submit.py PROGRAM, from the root of the repository.

Each says what the real one says; tests/slurm has a real one, which cannot be made to refuse without its accounting.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from program import PROGRAM, SWEEP, ProgramTest, main

SCONTROL = """#!/bin/bash
case "$*" in
  "show config") echo "MaxArraySize            = 1001"; echo "PreemptType             = preempt/none" ;;
  *"show partition"*) echo "PartitionName=p Default=YES PreemptMode=OFF" ;;
  *"show job"*) echo "JobId=$4 JobName=x Requeue=${REQUEUE:-1} Restarts=0" ;;
esac
"""
# Takes as many jobs as LIMIT allows: an array counts as one for each element.
SBATCH = """#!/bin/bash
script="${@: -1}"
last=$(grep -os -- '--array=0-[0-9]*' "$script" | grep -o '[0-9]*$')
jobs=$(($(cat jobs 2>/dev/null || echo 0) + ${last:-0} + 1))
if ((jobs > LIMIT)); then
  echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)" >&2
  exit 1
fi
echo "$jobs" >jobs
echo $((4710 + jobs))
"""
EIGHT = ("sweep.grid={seed: [1, 2, 3, 4, 5, 6, 7, 8]}", "cluster={pack: 1, max_parallel: 8}")


class SubmitTest(ProgramTest):
    """What `submit` makes of a site's limits."""

    def submit(self, *changes: str, limit: int, code: int = 0, **env: str) -> subprocess.CompletedProcess:
        """Hand eight runs to a site that takes so many jobs."""
        folder = self.cwd / "bin"
        folder.mkdir(exist_ok=True)
        for name, text in (("scontrol", SCONTROL), ("sbatch", SBATCH)):
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        (self.cwd / "jobs").unlink(missing_ok=True)
        path = f"{folder}:{os.environ['PATH']}"
        return self.qrun("submit", SWEEP, *EIGHT, *changes, code=code, env={"PATH": path, "LIMIT": str(limit), **env})

    def test_a_site_that_takes_them_all(self) -> None:
        done = self.submit(limit=9)
        self.assertIn("job 4718: 8 elements for 8 packs of 8 runs in all; job 4719 collects", done.stdout)
        self.assertNotIn("warning", done.stderr)

    def test_a_refused_array_names_the_key_that_caps_it(self) -> None:
        done = self.submit(limit=7, code=4)
        self.assertIn("job submit limit", done.stderr)
        self.assertIn("an array of 8 elements counts as 8 jobs, and one more collects: give cluster.max_elements", done.stderr)
        done = self.submit("cluster.max_elements=6", limit=7)
        self.assertIn(": 6 elements for 8 packs of 8 runs in all; job 4717 collects", done.stdout)

    def test_a_refused_collector_costs_no_more_than_itself(self) -> None:
        done = self.submit(limit=8)
        self.assertIn("job 4718: 8 elements for 8 packs of 8 runs in all\n", done.stdout)
        self.assertIn("no job collects", done.stderr)
        self.assertIn(f"qrun show --collect {self.cwd.resolve()}/results/sweep_smoke", done.stderr)

    def test_a_right_to_requeue_that_is_missing_is_said(self) -> None:
        done = self.submit(limit=9, REQUEUE="0")
        self.assertIn("job 4718 may not be queued again", done.stderr)


class GpuTest(ProgramTest):
    """What `submit` makes of `cluster.gpus`, by a GPU made of C++ beside the program, or by none."""

    def emulated(self) -> dict[str, pathlib.Path]:
        """A copy of the program that has an emulated GPU."""
        folder = self.cwd / "emulated"
        folder.mkdir()
        shutil.copy2(PROGRAM, folder / "qrun")
        shutil.copy2(PROGRAM.parent / "emulated" / "libqrun_cuda.so", folder)
        return {"executable": folder / "qrun"}

    def test_packs_follow_from_the_gpu_not_from_processors(self) -> None:
        few = ("sweep.grid={seed: [1, 2, 3]}", *(f"data.{split}={{synthetic_digits: 60, batch_size: 4}}" for split in ("train", "test")))
        done = self.qrun("submit", SWEEP, *few, "cluster={gpus: 1, cpus: 2}", "--dry-run", **self.emulated())
        self.assertIn("# 1 pack of what a GPU takes, at most 64 runs; 1 element with 1 GPU, a pack on each at a time.", done.stdout)
        self.assertIn(" --device 0 ", done.stdout)
        self.assertNotIn("--pack", done.stdout)
        self.assertNotIn("no trial", done.stderr)

    def test_without_a_gpu_here_an_element_takes_a_pack(self) -> None:
        done = self.qrun("submit", SWEEP, EIGHT[0], "cluster={gpus: 2, pack: 2}", "--dry-run")
        self.assertIn("# 4 packs of at most 2 runs; 2 elements with 2 GPUs, a pack on each at a time.", done.stdout)
        self.assertIn(" --pack 2 ", done.stdout)
        self.assertIn(" --device 0,1 ", done.stdout)
        self.assertIn("no trial (", done.stderr)

    def test_a_cpu_engine_has_no_use_for_gpus(self) -> None:
        done = self.qrun("submit", SWEEP, "engine=cpu", "cluster={gpus: 1}", code=2)
        self.assertIn("cluster.gpus: engine: cpu has no use for GPUs; leave one of the two out", done.stderr)


if __name__ == "__main__":
    main()
