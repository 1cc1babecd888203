#!/usr/bin/env python3
"""Compares two builds: `bench_pairs.py --against FOLDER` runs programs of FOLDER and of build/ in turns, and prints ratios.

A pair is one run of each, the order changing from pair to pair; a ratio is new over old in processor time, which other work on
the machine disturbs less than time on the clock. FOLDER holds `qrun` and `qrun_bench` of the other build. Needs MNIST in
data/mnist (`make run` fetches it) for the configurations, whose images are not read.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TWO_BIT = "configs/lenet_2bit.yaml"
ONE_THREAD = ("--threads", "1", "--iterations")
SHORT = ("train.epochs=1", "train.iterations_per_epoch=20", "engine=cpu", "--threads", "1", "--no-progress")

# Name, program with its arguments (FOLDER: a new one), and pairs out of all: what takes seconds is taken less often.
MEASURES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("2-bit LeNet, 60 iterations", ("qrun_bench", "pack", "--config", TWO_BIT, "--runs", "1", *ONE_THREAD, "60"), 1),
    ("float LeNet, 60 iterations", ("qrun_bench", "pack", "--config", "configs/lenet_float.yaml", "--runs", "1", *ONE_THREAD, "60"), 1),
    ("a pack of 4, 15 iterations", ("qrun_bench", "pack", "--config", TWO_BIT, "--runs", "4", *ONE_THREAD, "15"), 1),
    ("a pack of 8, 8 iterations", ("qrun_bench", "pack", "--config", TWO_BIT, "--runs", "8", *ONE_THREAD, "8"), 1),
    ("qrun --help", ("qrun", "--help"), 4),
    ("a job of an epoch of 20 iterations", ("qrun", "configs/smoke.yaml", *SHORT, "--output", "FOLDER"), 2),
    ("qrun check, 20,000 seeds", ("qrun", "check", TWO_BIT, "sweep.seeds=20000"), 0.2),
    ("qrun_bench expand, 10,000 runs", ("qrun_bench", "expand", "--runs", "10000"), 0.2),
)


def seconds(folder: Path, arguments: tuple[str, ...]) -> float:
    """User time of one process."""
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as new:
        command = [folder / arguments[0], *(new if argument == "FOLDER" else argument for argument in arguments[1:])]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def ratios(old: Path, new: Path, arguments: tuple[str, ...], pairs: int) -> list[float]:
    """New over old, pair by pair."""
    found = []
    for pair in range(pairs):
        order = (old, new) if pair % 2 == 0 else (new, old)
        taken = {folder: seconds(folder, arguments) for folder in order}
        found.append(taken[new] / taken[old])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, required=True, help="folder of the older programs")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    for name, arguments, share in MEASURES:
        found = ratios(options.against.resolve(), ROOT / "build", arguments, max(1, round(share * options.pairs)))
        print(f"{name}: new/old {statistics.median(found):.3f} (from {min(found):.3f} to {max(found):.3f}, {len(found)} pairs)", flush=True)


if __name__ == "__main__":
    main()
