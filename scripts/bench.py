#!/usr/bin/env python3
"""Measures qrun on this machine: side by side in one run, alternating, medians and ratios.

A round runs every measurement once, odd rounds in reverse order, so that a machine that slows down slows all alike;
a ratio is the median of the rounds' ratios. Needs MNIST (`make run` fetches it). Times on a busy machine mean little:
the load average is printed first. With --accuracy it trains whole runs over five seeds instead.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import yaml

ROOT = Path(__file__).resolve().parents[1]
QRUN = ROOT / "build" / "qrun"
QRUN_BENCH = ROOT / "build" / "qrun_bench"
TWO_BIT = "configs/lenet_2bit.yaml"
FLOAT = "configs/lenet_float.yaml"
MNIST = ROOT / "data" / "mnist"


@dataclass
class Job:
    """One finished qrun process and what its run file says."""

    wall_seconds: float
    max_rss_mib: float
    images_per_second: float
    epoch_seconds: float
    final_test_accuracy: float


@dataclass
class Report:
    """Samples by name, in order of first appearance, and ratios between them."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, value: float) -> None:
        """Append one sample."""
        self.samples.setdefault(name, []).append(value)
        self.units[name] = unit

    def ratio(self, name: str, numerator: str, denominator: str) -> None:
        """Add the median over the rounds of numerator / denominator; nothing where one was not measured."""
        pairs = zip(self.samples.get(numerator, []), self.samples.get(denominator, []), strict=False)
        quotients = [top / bottom for top, bottom in pairs]
        if quotients:
            self.ratios[name] = statistics.median(quotients)

    def text(self) -> str:
        """The table: one line a measurement, then the ratios and the notes."""
        lines = [f"{'measured':<58}{'unit':>10}{'median':>11}{'min':>11}{'max':>11}"]
        for name, values in self.samples.items():
            numbers = (statistics.median(values), min(values), max(values))
            lines.append(f"{name:<58}{self.units[name]:>10}" + "".join(f"{number(v):>11}" for v in numbers))
        if self.ratios:
            lines += ["", f"{'ratio, median of the rounds':<68}{'':>11}"]
            lines += [f"{name:<68}{number(value):>11}" for name, value in self.ratios.items()]
        return "\n".join(line.rstrip() for line in lines + [""] * bool(self.notes) + self.notes)


def number(value: float) -> str:
    """Four significant digits, without an exponent."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 4 if value < 0.1 else 3
    return f"{value:.{digits}f}"


# A child's resident memory counts from its parent's: a small interpreter between this one and the program measures
# the program alone.
LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[2:])
seconds = time.perf_counter() - start
with open(sys.argv[1], "w") as report:
    json.dump([code, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0], report)
"""


def run(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float, str]:
    """Run a command in the root of the checkout.

    Returns
    -------
    tuple
        Wall seconds, largest resident memory in MiB, standard output.

    Raises
    ------
    SystemExit
        If the command fails, with its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(report), *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        code, seconds, rss = json.loads(report.read_text(encoding="utf-8"))
    if code != 0:
        sys.exit(f"exit {code}: {' '.join(command)}\n" + "\n".join(done.stderr.splitlines()[-8:]))
    return seconds, rss, done.stdout


def qrun(config: str, threads: int, *overrides: str) -> Job:
    """Run one configuration in a folder of its own and read its run file."""
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as folder:
        command = [str(QRUN), config, *overrides, "engine=cpu", "--threads", str(threads), "--output", folder]
        seconds, rss, _ = run([*command, "--no-progress"])
        (path,) = (p for p in Path(folder).rglob("*.h5") if p.name != "sweep.h5" and ".qrun" not in p.parts)
        with h5py.File(path, "r") as file:
            train = file["metrics/train"]
            batch = yaml.safe_load(file.attrs["config"])["data"]["train"]["batch_size"]
            rate = float(train["images_per_second"][-1])
            return Job(
                wall_seconds=seconds,
                max_rss_mib=rss,
                images_per_second=rate,
                epoch_seconds=int(train["iteration"][0]) * batch / rate,
                final_test_accuracy=float(file.attrs["final_test_accuracy"]),
            )


def two_bit_epoch(report: Report, threads: int) -> None:
    """One epoch of the main configuration: seconds of training, and the memory of the whole job."""
    job = qrun(TWO_BIT, threads, "train.epochs=1")
    report.add(f"2-bit epoch, qrun, {threads} threads", "s", job.epoch_seconds)
    report.add("2-bit job of one epoch, resident memory at most", "MiB", job.max_rss_mib)


def float_epoch(report: Report, threads: int) -> None:
    """The same network without quantizers."""
    report.add(f"float epoch, qrun, {threads} threads", "s", qrun(FLOAT, threads, "train.epochs=1").epoch_seconds)


def torch_epoch(report: Report, threads: int, python: str) -> None:
    """The 2-bit epoch in PyTorch, after its warm-up."""
    # Debian's PyTorch calls an OpenBLAS whose own threads compete with PyTorch's: with one it is faster.
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as folder:
        target = Path(folder) / "torch.json"
        command = [python, str(ROOT / "scripts" / "bench_torch.py"), "--data", str(MNIST), "--threads", str(threads)]
        _, rss, _ = run([*command, "--epochs", "1", "--json", str(target)], environment)
        summary = json.loads(target.read_text(encoding="utf-8"))
    report.add(f"2-bit epoch, PyTorch {summary['torch']}, {threads} threads", "s", summary["seconds"][0])
    report.add("PyTorch job, resident memory at most", "MiB", rss)


def compare(report: Report, name: str, options: list[str], against: list[str]) -> None:
    """Images/s of one pack over those of another; both run in turns inside one process."""
    _, _, text = run([str(QRUN_BENCH), "compare", *options, "against", *against])
    report.add(name, "ratio", json.loads(text)["ratio"])


def packs(report: Report, threads: int) -> None:
    """What quantizers cost, and what packs gain."""
    both = ["--threads", str(threads), "--iterations", "30"]
    compare(report, "2-bit iteration / float iteration", ["--config", FLOAT, *both], ["--config", TWO_BIT])
    alone = ["--runs", "1", "--threads", "1"]
    for runs in (2, 8):
        name = f"images/s, pack of {runs} on 2 threads / 1 run on 1 thread"
        compare(report, name, ["--runs", str(runs), "--threads", "2", "--iterations", "64"], alone)


def start_up(report: Report) -> None:
    """How long one waits before anything happens."""
    report.add("qrun --help", "ms", 1000.0 * run([str(QRUN), "--help"])[0])
    job = qrun(TWO_BIT, 1, "train.epochs=1", "train.iterations_per_epoch=1")
    report.add("job of one iteration: start, train, test, write", "ms", 1000.0 * job.wall_seconds)


def sweep_of_200(folder: str) -> None:
    """Leave 200 run files in a folder."""
    brief = ["train.epochs=3", "train.iterations_per_epoch=1", "data.train.synthetic_digits=50", "data.test.synthetic_digits=100"]
    axis = "sweep.grid.seed=[" + ",".join(str(seed) for seed in range(1, 201)) + "]"
    run([str(QRUN), "configs/smoke.yaml", axis, *brief, "engine=cpu", "--output", folder, "--no-progress"])


# Times are taken inside: what an interpreter takes to import pandas and xarray is not ours.
READER = """
import json, sys, time
import qrun_results
start = time.perf_counter()
sweep = qrun_results.load_sweep(sys.argv[1])
assert len(sweep.frame()) == 200 and sweep.curves().sizes["run"] == 200
print(json.dumps(time.perf_counter() - start))
"""


def read_results(report: Report, folder: str) -> None:
    """Read a sweep in Python: a table with a row a run, and all curves."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    (results,) = (path for path in Path(folder).iterdir() if path.is_dir())
    _, _, text = run([sys.executable, "-c", READER, str(results)], environment)
    report.add("200 runs in Python: load_sweep, frame, curves", "s", json.loads(text))


def has_torch(python: str) -> bool:
    """True if `python` can import PyTorch."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0


def speed(rounds: int, threads: int, python: str) -> Report:
    """All measurements of speed and memory."""
    report = Report()
    steps: list[Callable[[], None]] = [
        lambda: two_bit_epoch(report, threads),
        lambda: float_epoch(report, threads),
        lambda: start_up(report),
    ]
    if has_torch(python):
        steps.insert(1, lambda: torch_epoch(report, threads, python))
    else:
        report.notes.append(
            f"PyTorch: skipped, {python} cannot import torch; `apt install python3-torch` or `pip install torch`, "
            "then --python PYTHON or QRUN_TORCH_PYTHON=PYTHON names the interpreter that can."
        )
    if QRUN_BENCH.exists():
        steps.append(lambda: packs(report, threads))
    else:
        report.notes.append("packs: skipped, build/qrun_bench is missing (configured with QRUN_BENCH=OFF).")
    with tempfile.TemporaryDirectory(prefix="qrun-bench-") as folder:
        sweep_of_200(folder)
        steps.append(lambda: read_results(report, folder))
        for index in range(rounds):
            print(f"round {index + 1} of {rounds}", file=sys.stderr, flush=True)
            for step in steps if index % 2 == 0 else reversed(steps):
                step()
    add_ratios(report, threads)
    return report


def add_ratios(report: Report, threads: int) -> None:
    """Between samples of different processes."""
    own = f"2-bit epoch, qrun, {threads} threads"
    for name in list(report.samples):
        if name.startswith("2-bit epoch, PyTorch"):
            report.ratio("PyTorch epoch / qrun epoch, 2-bit", name, own)


def accuracy(threads: int, seeds: range) -> Report:
    """Final test accuracy of whole runs over seeds."""
    report = Report()
    for seed in seeds:
        for config in (TWO_BIT, FLOAT):
            job = qrun(config, threads, f"seed={seed}")
            name = Path(config).stem
            print(f"{name} seed={seed}: test accuracy={job.final_test_accuracy:.4f}", file=sys.stderr, flush=True)
            report.add(f"{name}, final test accuracy", "%", 100.0 * job.final_test_accuracy)
    for name, values in report.samples.items():
        report.notes.append(f"{name}: mean {statistics.fmean(values):.3f} %, min {min(values):.2f} %")
    return report


def processor() -> str:
    """The processor's name as the system gives it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> int:
    """Read the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--accuracy", action="store_true", help="seeds 1 to 5 of the 2-bit and the float network")
    parser.add_argument(
        "--python",
        default=os.environ.get("QRUN_TORCH_PYTHON", sys.executable),
        help="the interpreter that has PyTorch (default: QRUN_TORCH_PYTHON, or this one)",
    )
    parser.add_argument("--json", type=Path, help="write the samples and ratios there")
    arguments = parser.parse_args()
    if not QRUN.exists() or not (MNIST / "train_lmdb").exists():
        sys.exit("build/qrun or data/mnist/train_lmdb is missing: `make run` makes both")
    machine = {"processor": processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    print(f"{machine['processor']}, {machine['cores']} cores, load average {machine['load']:.2f}\n")
    if machine["load"] > 0.25 * machine["cores"]:
        print("the machine is busy: times and ratios below mean little\n")
    if arguments.accuracy:
        report = accuracy(arguments.threads, range(1, 6))
    else:
        report = speed(arguments.rounds, arguments.threads, arguments.python)
    print(report.text())
    if arguments.json:
        content = {"machine": machine, "samples": report.samples, "units": report.units, "ratios": report.ratios}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
