#!/usr/bin/env python3
"""Hands a sweep to a real Slurm of two nodes and disturbs it: slurm_test.py PROGRAM, from the root of the repository.

One element is cancelled, one gets the warning that comes ahead of a time limit, some make room for an urgent job, one node
goes down. In the end all
runs must be complete and hold the bits of the same sweep trained locally. Exit 77 where Slurm is not installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import differences  # noqa: E402  (a script beside, not a package)

PROGRAM = Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
SWEEP = "sweep.grid={vars.w_bits: [1, 2, 4, 8], seed: [1, 2]}"
CLUSTER = 'cluster={cpus: 1, pack: 1, max_parallel: 4, time: "00:10:00"}'
PATIENCE = 240.0  # seconds for what takes a few


def output(*command: str | Path, at: Path = ROOT) -> str:
    """What a command prints in a folder; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=at, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def wait_for(what: str, holds) -> None:
    """Wait until `holds()`."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}\n{output('squeue')}\n{output('sinfo', '--Node')}")
        time.sleep(0.2)


def states(job: str) -> dict[str, str]:
    """Element: its state, of the elements that are queued or run."""
    lines = output("squeue", "--noheader", "--array", "--job", job, "--format", "%K %T").splitlines()
    return dict(line.split() for line in lines)


class Sweep:
    """The sweep on the cluster, in a folder of its own."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder = folder / "results" / "sweep_smoke"
        self.arguments = ["configs/sweep_smoke.yaml", SWEEP, CLUSTER, f"train.epochs={epochs}"]
        self.output = ["--output", str(self.folder.parent)]

    def submit(self) -> tuple[str, str] | None:
        """Submit what is to do; the ids of the array and of the job that collects."""
        said = output(PROGRAM, "submit", *self.arguments, *self.output)
        found = re.search(r"job (\d+): .* job (\d+) collects", said)
        return (found[1], found[2]) if found else None

    def run_of(self, job: str, element: str) -> str | None:
        """The run that an element trains now."""
        for claim in (self.folder / ".qrun").glob("*.claim"):
            if f'"job":"{job}_{element}"' in claim.read_text(encoding="utf-8"):
                return claim.name.removesuffix(".claim")
        return None

    def log(self, job: str, element: str) -> str:
        """What an element has said so far."""
        path = self.folder / ".qrun" / "slurm" / f"{job}_{element}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def complete(self) -> int:
        """Runs that have their file."""
        return len(list(self.folder.glob("*-*.h5")))


def disturb(sweep: Sweep, job: str) -> None:
    """Cancel element 1, warn element 2, send an urgent job, take the node of element 3 away."""
    wait_for("four elements at work", lambda: all(sweep.run_of(job, e) for e in "0123"))
    output("scancel", f"{job}_1")
    wait_for("a checkpoint of the cancelled element", lambda: "status=interrupted" in sweep.log(job, "1"))
    output("scancel", "--batch", "--signal=USR1", f"{job}_2")
    wait_for("the warned element to start again", lambda: sweep.log(job, "2").count("start run=") >= 2 and "status=interrupted" in sweep.log(job, "2"))
    output("sbatch", "--partition=urgent", f"--cpus-per-task={os.cpu_count()}", "--output=/dev/null", "--wrap=true")
    wait_for("an element to make room", lambda: any("DUE TO PREEMPTION" in sweep.log(job, e) for e in "0123"))
    wait_for("element 3 to run", lambda: states(job).get("3") == "RUNNING")
    node = output("squeue", "--noheader", "--job", f"{job}_3", "--format", "%N").strip()
    output("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    wait_for("the lost node to lose its elements", lambda: any("NODE FAILURE" in sweep.log(job, e) for e in "0123"))
    wait_for("the node to be back", lambda: is_up(node))


def is_up(node: str) -> bool:
    """Resume a node that is down. One that registers again may be back before it is asked to, which scontrol refuses."""
    down = "down" in output("sinfo", "--noheader", "--nodes", node, "--format", "%T")
    if down:
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False, capture_output=True)
    return not down


def run(folder: Path) -> None:
    """The whole test."""
    sweep = Sweep(folder, epochs=60)
    job, collector = sweep.submit() or ("", "")
    wait_for("the first elements", lambda: "RUNNING" in states(job).values())
    disturb(sweep, job)
    wait_for("the array and its collector to end", lambda: not output("squeue", "--noheader").strip())
    again = sweep.submit()  # what the cancelled element left behind
    if again:
        wait_for("the rest", lambda: not output("squeue", "--noheader").strip())
    if sweep.submit():
        raise AssertionError("not all runs are complete")
    local = folder / "local"
    output(PROGRAM, *sweep.arguments, "--output", str(local), "--no-progress")
    wanted = sorted((local / "sweep_smoke").glob("*-*.h5"))
    wrong = {path.name: found for path in wanted if (found := differences(path, sweep.folder / path.name))}
    if len(wanted) != 8 or wrong:
        raise AssertionError(f"{len(wanted)} runs; different from the local ones: {wrong}")
    if not (sweep.folder / "sweep.h5").exists():
        raise AssertionError(f"job {collector} has not collected")
    print(f"8 runs complete and bit-equal to the local sweep; submitted {'twice' if again else 'once'}")


def run_in_odd_folder(folder: Path) -> None:
    """Scripts quote: a folder whose name a shell, sbatch or Slurm's patterns would read otherwise; an option with blanks."""
    odd = folder / """it's 100% of "A" #1 %A_%j $HOME `pwd`; *"""
    odd.mkdir()
    smoke = str(ROOT / "configs" / "sweep_smoke.yaml")
    cluster = 'cluster={cpus: 1, pack: 1, max_parallel: 2, max_elements: 1, time: "00:10:00", options: ["--comment=it is #1, \\"so\\" \'called\'"]}'
    said = output(PROGRAM, "submit", smoke, "train.epochs=1", cluster, "sweep.grid={seed: [1, 2]}", at=odd)
    job = re.search(r"job (\d+): 1 elements for 2 packs", said)[1]
    comment = re.search(r"Comment=(.*)", output("scontrol", "show", "job", job))[1].strip()
    if comment != """it is #1, "so" 'called'""":
        raise AssertionError(f"the option arrived as {comment}")
    wait_for("the array in the odd folder to end", lambda: not output("squeue", "--noheader").strip())
    results = odd / "results" / "sweep_smoke"
    complete = sorted(path.name for path in results.glob("seed=*.h5"))
    logs = sorted(path.name for path in (results / ".qrun" / "slurm").iterdir())
    if len(complete) != 2 or not (results / "sweep.h5").exists() or f"{job}_0.log" not in logs:
        raise AssertionError(f"in {odd}: {complete}, {logs}: {sorted(path.name for path in results.iterdir())}")
    print("a sweep in a folder of odd characters: complete and collected")


def run_on_gpus(folder: Path) -> None:
    """Elements with a GPU each, which is a file to Slurm and made of C++ to the program: one pack on each at a time."""
    programs = folder / "emulated"
    programs.mkdir()
    for file in (PROGRAM, PROGRAM.parent / "emulated" / "libqrun_cuda.so"):
        shutil.copy2(file, programs)
    results = folder / "gpus"
    sweep = ["configs/sweep_smoke.yaml", "train.epochs=2", "sweep.grid={seed: [1, 2, 3, 4]}", "data.train={synthetic_digits: 300, batch_size: 50}"]
    cluster = 'cluster={gpus: 1, pack: 2, max_parallel: 2, time: "00:10:00"}'
    said = output(programs / "qrun", "submit", *sweep, cluster, "--output", str(results))
    job = re.search(r"job (\d+): 2 elements for 2 packs of 4 runs", said)[1]
    wait_for("the array on GPUs to end", lambda: not output("squeue", "--noheader").strip())
    asked = [re.search(r"TresPerJob=(\S+)|TresPerNode=(\S+)", output("scontrol", "show", "job", f"{job}_{e}"))[0] for e in "01"]
    engines = {}
    for path in sorted((results / "sweep_smoke").glob("seed=*.h5")):
        with h5py.File(path) as file:
            engines[path.name] = (file.attrs["status"], file.attrs["engine"], file.attrs["device"])
    if not all("gpu:1" in tres for tres in asked) or list(engines.values()) != [("complete", "cuda", "emulated device")] * 4:
        raise AssertionError(f"{asked}, {engines}")
    print("4 runs in 2 packs, each element on a GPU of its own: complete, by the CUDA engine on an emulated device")


def main() -> int:
    """Start the cluster, test, stop it."""
    with tempfile.TemporaryDirectory(prefix="qrun-slurm-") as temporary:
        cluster = Path(temporary, "slurm")
        script = str(ROOT / "scripts" / "local_slurm.sh")
        started = subprocess.run([script, "start", str(cluster)], capture_output=True, text=True, check=False)
        if started.returncode != 0:
            print(started.stderr.strip())
            return started.returncode
        os.environ["SLURM_CONF"] = str(cluster / "slurm.conf")
        try:
            run_in_odd_folder(Path(temporary))
            run_on_gpus(Path(temporary))
            run(Path(temporary))
        except AssertionError as problem:
            print(problem)
            for log in sorted(Path(temporary, "results/sweep_smoke/.qrun/slurm").glob("*.log")):
                print(f"== {log.name}\n" + log.read_text(encoding="utf-8")[-3000:])
            return 1
        finally:
            subprocess.run([script, "stop", str(cluster)], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
