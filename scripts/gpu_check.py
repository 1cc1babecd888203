#!/usr/bin/env python3
"""Everything that needs a GPU, in one command: tests, compute-sanitizer, the main job, packs, PyTorch beside it.

Writes `gpu-check/table.md`, for docs/gpu-log.md, and the output of each step beside it. Runs in a checkout (`make gpu-check`) or
on a machine that has only `bundle/`, CUDA and Python: the standard library is all it imports. A step that fails is noted, and
the next one starts; the exit code says whether all passed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL = "*MaxPooling*/cuda:*Quantizes*/cuda:*Linear*/cuda:*Loss*/cuda:*Updates*/cuda:*KeepsCodes*/cuda"
MNIST = ROOT / "data/mnist"
BATCH, SEED = 64, 0xCAFFE  # of the main job


class Check:
    """Steps, one after another, and what they printed."""

    def __init__(self, programs: Path, folder: Path, python: str) -> None:
        self.programs, self.folder, self.python = programs, folder, python
        libraries = [str(programs.parent / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]  # of a bundle
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(path for path in libraries if path)}
        self.rows: list[tuple[str, str, str]] = []
        self.failed = False

    def run(self, name: str, command: list[str], seconds: int = 240) -> str | None:
        """Run a command; its standard output, or None if it failed, which is noted."""
        log = self.folder / f"{name.replace(' ', '_')}.log"
        start = time.monotonic()
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
            )
            output, code = done.stdout, done.returncode
            log.write_text(f"$ {' '.join(command)}\n{done.stdout}\n{done.stderr}\n", "utf-8")
        except (OSError, subprocess.TimeoutExpired) as error:
            output, code = "", str(error)
        took = time.monotonic() - start
        print(f"{name}: {'passed' if code == 0 else f'FAILED ({code})'}, {took:.1f} s", flush=True)
        if code != 0:
            self.failed = True
            self.note(name, f"FAILED: {code}", log.name)
            return None
        return output

    def note(self, what: str, result: str, how: str) -> None:
        """Add a row to the table."""
        self.rows.append((what, result, how))

    def qrun(self, name: str, *arguments: str) -> list[dict] | None:
        """Train on the GPU in a fresh folder; what `qrun show --json` says of each run."""
        results = self.folder / "results" / name.replace(" ", "_")
        shutil.rmtree(results, ignore_errors=True)
        program = str(self.programs / "qrun")
        command = [program, *arguments, "--engine", "cuda", "--output", str(results), "--no-progress"]
        if self.run(name, command) is None:
            return None
        shown = self.run(f"{name} show", [program, "show", "--json", str(next(results.iterdir()))])
        return json.loads(shown)["runs"] if shown else None


def data(check: Check) -> None:
    """MNIST's databases, where only its idx files are there."""
    if not (MNIST / "train_lmdb").exists():
        check.run("data", [str(check.programs / "qrun"), "data", "mnist", "--from", str(MNIST), "--to", str(MNIST)])


def tests(check: Check) -> None:
    """The tests of engines on the device, and under compute-sanitizer."""
    test = str(check.programs / "test_engine")
    if output := check.run("tests", [test, "--gtest_filter=*/cuda"]):
        lines = output.splitlines()
        engines = next((line for line in lines if line.startswith("engines tested")), "")
        check.note("tests", f"{engines}; {lines[-1].strip()}", "test_engine --gtest_filter=*/cuda")
        if "[       OK ]" not in output:
            check.failed = True
    for tool in ("memcheck", "racecheck", "initcheck"):
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", test, f"--gtest_filter={SMALL}"]
        if output := check.run(tool, command):
            check.note(tool, output.strip().splitlines()[-1], "compute-sanitizer on the small tests")


def jobs(check: Check) -> None:
    """The main job, the same in packs, and what packs gain."""
    config = "configs/lenet_2bit.yaml"
    start = time.monotonic()
    alone = check.qrun("main job", config)
    took = time.monotonic() - start
    if alone:
        accuracy = 100 * alone[0]["final_test_accuracy"]
        check.note("seed recipe, 20 epochs, end to end", f"{took:.2f} s, {accuracy:.2f} %", f"qrun {config} --engine cuda")
    again = check.qrun("main job again", config)
    five = check.qrun("five seeds", config, "sweep.seeds=5")
    if alone and again and five:
        same = alone[0]["final_test_loss"] == again[0]["final_test_loss"]
        seed = next(run for run in five if run["params"]["seed"] == SEED)
        packed = seed["final_test_loss"] == alone[0]["final_test_loss"]
        check.note("the same run twice, and in a pack of 5", f"bit-equal loss: {same}, {packed}", "final_test_loss")
        accuracies = [100 * run["final_test_accuracy"] for run in five]
        check.note("accuracy of 5 seeds", f"mean {statistics.fmean(accuracies):.3f} %, min {min(accuracies):.2f} %", "sweep.seeds=5")
    float_job = check.qrun("float", "configs/lenet_float.yaml", "train.epochs=4")
    packs = {how: check.qrun(f"pack of 64 {how}", config, "sweep.seeds=64", "train.epochs=4", "--pack", "64", f"precision={how}") for how in ("fp32", "tf32")}
    if alone and float_job:
        ratio = float_job[0]["images_per_second"] / alone[0]["images_per_second"]
        check.note("2-bit iteration / float iteration", f"{ratio:.3f}", "images_per_second")
    for how, pack in packs.items():
        if not alone or not pack:
            continue
        rate = statistics.fmean(run["images_per_second"] for run in pack) / alone[0]["images_per_second"]
        mean = 100 * statistics.fmean(run["final_test_accuracy"] for run in pack)
        check.note(f"images/s, pack of 64 in {how} / one run in fp32", f"{rate:.2f}; mean accuracy {mean:.3f} %", "images_per_second, of the whole pack")


def torch(check: Check) -> None:
    """PyTorch's epoch: eager, compiled, as a graph."""
    for how in ("eager", "compile", "graph"):
        summary = check.folder / f"torch_{how}.json"
        command = [check.python, "scripts/bench_torch.py", "--data", str(MNIST), "--device", "cuda"]
        if check.run(f"PyTorch {how}", [*command, "--how", how, "--json", str(summary)], 120) is None:
            continue
        rate = json.loads(summary.read_text("utf-8"))["images_per_second"]
        check.note(f"PyTorch, {how}", f"{rate:.0f} images/s, {1e6 * BATCH / rate:.0f} us an iteration", "scripts/bench_torch.py")


def device() -> str:
    """The GPU and its driver."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "no GPU"


def main() -> int:
    """Run all steps; 0 if all passed, 4 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = ROOT / "build" if (ROOT / "build/qrun").exists() else ROOT / "bundle/bin"
    parser.add_argument("--programs", type=Path, default=built, help=f"folder of qrun and test_engine (default: {built})")
    parser.add_argument("--output", type=Path, default=ROOT / "gpu-check", help="where the table and logs go")
    parser.add_argument("--python", default=os.environ.get("QRUN_TORCH_PYTHON", sys.executable), help="one that has PyTorch")
    arguments = parser.parse_args()
    name = device()
    if name == "no GPU":
        print("gpu_check: there is no NVIDIA GPU here, or no driver (nvidia-smi names none)", file=sys.stderr)
        return 4
    arguments.output.mkdir(parents=True, exist_ok=True)
    check = Check(arguments.programs.resolve(), arguments.output.resolve(), arguments.python)
    for step in (data, tests, jobs, torch):
        step(check)
    lines = [f"{time.strftime('%Y-%m-%d', time.gmtime())}, {name}", "", "| what | result | how |", "|---|---|---|"]
    lines += [f"| {what} | {result} | {how} |" for what, result, how in check.rows]
    text = "\n".join(lines) + "\n"
    (arguments.output / "table.md").write_text(text, "utf-8")
    print(text)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
