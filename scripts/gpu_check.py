#!/usr/bin/env python3
"""Everything that needs a GPU, in one command: correctness first, then times, PyTorch beside it, sanitizers at the end.

Writes `gpu-check/table.md`, for docs/gpu-log.md, anew after every step, and the output of each step beside it. Runs in a checkout
(`make gpu-check`) or on a machine that has only `bundle/`, CUDA and Python: the standard library is all it imports. A step that
fails is noted and the next one starts; a step that does not fit the time left is left out and said so. The exit code says whether
all passed. --emulate goes through the steps with the emulated device, on any machine: it shows that they run, no more.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MNIST = ROOT / "data/mnist"
TWO_BIT = "configs/lenet_2bit.yaml"
BATCH, SEED = 64, 0xCAFFE  # of the main job
SMALL = ("MaxPooling", "Quantizes", "Linear", "Loss", "Updates", "KeepsCodes", "Gradient*Conv", "ADivergedRun", "Diverged")
INTERRUPTED = 3  # exit code
KERNEL_COUNT = 64  # launches that ncu looks at
METRICS = (
    "gpu__time_duration.sum",
    "launch__registers_per_thread",
    "launch__grid_size",
)  # one pass: no launch is replayed

# A third of an image's products are in a layer of the size at which cuDNN was measured before.
VGG = """
vars: {narrow: 64, wide: 128}
data:
  train: {synthetic_digits: 6400, batch_size: 64}
  test: {synthetic_digits: 128, batch_size: 64}
  scale: 0.00392156862745098
network:
  - {name: conv1, type: conv2d, out_channels: "${narrow}", kernel_size: 3, padding: 1}
  - {name: relu1, type: relu}
  - {name: conv2, type: conv2d, out_channels: "${narrow}", kernel_size: 3, padding: 1}
  - {name: relu2, type: relu}
  - {name: pool2, type: max_pool2d, kernel_size: 2}
  - {name: conv3, type: conv2d, out_channels: "${wide}", kernel_size: 3, padding: 1}
  - {name: relu3, type: relu}
  - {name: conv4, type: conv2d, out_channels: "${wide}", kernel_size: 3, padding: 1}
  - {name: relu4, type: relu}
  - {name: pool4, type: max_pool2d, kernel_size: 2}
  - {name: score, type: linear, out_features: 10}
quantize:
  "conv*": {weight: {method: ulq, bits: 2}, activation: {method: clip, bits: 8}}
solver: {type: sgd, lr: 0.01, momentum: 0.9}
train: {epochs: 3, iterations_per_epoch: 100}
"""


class Check:
    """Steps, one after another, and what they printed."""

    def __init__(self, arguments: argparse.Namespace, device: str) -> None:
        self.folder: Path = arguments.output.resolve()
        self.programs: Path = arguments.programs.resolve()
        self.python: str = arguments.python
        self.emulate: bool = arguments.emulate
        self.end = time.monotonic() + arguments.deadline
        self.device = device
        self.rows: list[tuple[str, str, str]] = []
        self.failed = False
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)

    @property
    def engine(self) -> str:
        """How the tests call the device's engine."""
        return "emulated" if self.emulate else "cuda"

    def run(self, name: str, command: list[str], seconds: int, env: dict[str, str] | None = None) -> str | None:
        """Run a command, with `env` on top; its standard output, or None if it failed or had no time, which is noted."""
        left = self.end - time.monotonic()
        if left < min(seconds, 10):
            self.note(name, "left out: no time", "")
            return None
        log = self.folder / "logs" / f"{name.replace(' ', '_')}.log"
        start = time.monotonic()
        problem = ""
        with log.open("w", encoding="utf-8") as out, log.with_suffix(".err").open("w", encoding="utf-8") as err:
            try:
                timeout = min(seconds, left)
                code = subprocess.run(command, cwd=ROOT, stdout=out, stderr=err, env={**os.environ, **(env or {})}, timeout=timeout, check=False).returncode
                problem = f"exit {code}" if code else ""
            except (OSError, subprocess.TimeoutExpired) as error:
                problem = str(error).replace(" ".join(command), "it")[-120:]
        print(f"{name}: {problem or 'passed'}, {time.monotonic() - start:.1f} s", flush=True)
        if problem:
            self.failed = True
            last = log.with_suffix(".err").read_text("utf-8", "replace").strip().splitlines()[-1:] or [""]
            self.note(name, f"FAILED: {problem}: {last[0][:160]}", f"logs/{log.name}")
            return None
        return log.read_text("utf-8", "replace")

    def note(self, what: str, result: str, how: str) -> None:
        """Add a row to the table and write it."""
        self.rows.append((what, result, how))
        lines = [f"{time.strftime('%Y-%m-%d', time.gmtime())}, {self.device}", "", "| what | result | how |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |".replace("\n", " ") for row in self.rows]
        (self.folder / "table.md").write_text("\n".join(lines) + "\n", "utf-8")

    def tests(self, *names: str) -> str:
        """Filter of engine tests on the device."""
        return ":".join(f"*{name}*/{self.engine}" for name in names or ("",))

    def qrun(self, name: str, *arguments: str, seconds: int = 60, env: dict[str, str] | None = None) -> list[dict] | None:
        """Train on the device in a fresh folder; what `qrun show --json` says of each run."""
        results = self.folder / "results" / name.replace(" ", "_")
        shutil.rmtree(results, ignore_errors=True)
        if self.run(name, self.training(results, *arguments), seconds, env) is None:
            return None
        return self.shown(results)

    def shown(self, results: Path) -> list[dict]:
        """What `qrun show --json` says of the runs of the one sweep in a folder."""
        command = [str(self.programs / "qrun"), "show", "--json", str(next(results.iterdir()))]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return json.loads(shown.stdout)["runs"] if shown.returncode == 0 else []

    def training(self, results: Path, *arguments: str) -> list[str]:
        """A command that trains; on an emulated device a few iterations on small digits are all there is time for."""
        own = [] if "--engine" in arguments else ["--engine", "cuda"]
        if self.emulate:
            kept = [a for a in arguments if not a.startswith(("train.epochs", "train.iterations_per_epoch"))]
            digits = "{synthetic_digits: 20, batch_size: 10}"
            small = ["train.epochs=1", "train.iterations_per_epoch=2", f"data.train={digits}", f"data.test={digits}"]
            arguments = (*(re.sub(r"seeds=(16|64)$", "seeds=3", a) for a in kept), *small)
        return [str(self.programs / "qrun"), *arguments, *own, "--output", str(results), "--no-progress"]


def machine(check: Check) -> None:
    """What is there, and whether the program loads at all."""
    if not check.emulate:
        check.run("nvidia-smi", ["nvidia-smi"], 10)
    version = check.run("version", [str(check.programs / "qrun"), "--version"], 20)
    if version:
        check.note("version", "; ".join(version.strip().splitlines()), "qrun --version")


def correctness(check: Check) -> None:
    """The tests of engines on the device; then whole configurations op by op against the CPU engine."""
    command = [str(check.programs / "test_engine"), f"--gtest_filter={check.tests(*(SMALL if check.emulate else ()))}"]
    if output := check.run("tests", command, 120 if not check.emulate else 600):
        engines = next((line for line in output.splitlines() if line.startswith("engines tested")), "")
        check.note("tests", f"{engines}; {passed(output)}", " ".join(command[1:]))
        if "[       OK ]" not in output:
            check.failed = True
            check.note("tests", "FAILED: none ran", "")
    if not (MNIST / "train_lmdb").exists() and not check.emulate:
        check.run("data", [str(check.programs / "qrun"), "data", "mnist", "--from", str(MNIST), "--to", str(MNIST)], 30)
    for config in (TWO_BIT, "configs/lenet_methods.yaml"):
        few = ("train.epochs=1", "train.iterations_per_epoch=5")
        if check.qrun(f"check {Path(config).stem}", config, *few, "--engine", "check", seconds=90) is not None:
            check.note(f"--engine check, {Path(config).stem}", "every op agrees", f"qrun {config} {' '.join(few)} --engine check")


def passed(output: str) -> str:
    """What a test program says of those that passed; others may be skipped."""
    return next((line for line in output.splitlines() if "PASSED" in line), "none passed")


def jobs(check: Check) -> None:
    """The main job, twice; the same in a pack."""
    start = time.monotonic()
    alone = check.qrun("main job", TWO_BIT)
    took = time.monotonic() - start
    again = check.qrun("main job again", TWO_BIT)
    five = check.qrun("five seeds", TWO_BIT, "sweep.seeds=5")
    if alone:
        rate = alone[0]["images_per_second"]
        result = f"{took:.2f} s, {100 * alone[0]['final_test_accuracy']:.2f} %, {1e6 * BATCH / rate:.1f} us an iteration"
        check.note("seed recipe, 20 epochs, end to end", result, f"qrun {TWO_BIT}")
    if alone and again and five:
        same = alone[0]["final_test_loss"] == again[0]["final_test_loss"]
        seed = next(run for run in five if run["params"]["seed"] == SEED)
        packed = seed["final_test_loss"] == alone[0]["final_test_loss"]
        check.failed |= not (same and packed)
        check.note("the same run twice, and in a pack of 5", f"bit-equal loss: {same}, {packed}", "final_test_loss")
        accuracies = [100 * run["final_test_accuracy"] for run in five]
        check.note("accuracy of 5 seeds", f"mean {statistics.fmean(accuracies):.3f} %, min {min(accuracies):.2f} %", "sweep.seeds=5")


def resumed(check: Check) -> None:
    """A run that is interrupted and started again ends as one that is not."""
    whole = check.qrun("whole run", TWO_BIT, "train.epochs=12")
    results = check.folder / "results/resumed_run"
    command = check.training(results, TWO_BIT, "train.epochs=12")
    shutil.rmtree(results, ignore_errors=True)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        time.sleep(1.5)  # in its first epochs
        first.send_signal(signal.SIGINT)
    if not check.emulate and first.returncode != INTERRUPTED:
        check.failed = True
        return check.note("resumed run", f"FAILED: exit {first.returncode} instead of {INTERRUPTED}", "SIGINT after 1.5 s")
    if check.run("resumed run", command, 60) is None or not whole:
        return None
    same = check.shown(results)[0]["final_test_loss"] == whole[0]["final_test_loss"]
    check.failed |= not same
    return check.note("a run interrupted and resumed, against a whole one", f"bit-equal loss: {same}", "SIGINT after 1.5 s")


def kernels(check: Check) -> None:
    """Time of every kernel in an iteration of one run, and of a pack of 64."""
    for runs, how in ((1, "fp32"), (64, "fp32"), (64, "tf32")):
        name = f"kernels {runs} {how}"
        few = (f"sweep.seeds={runs}", "--pack", str(runs), "train.epochs=1", "train.iterations_per_epoch=3", f"precision={how}")
        command = check.training(check.folder / "results" / name.replace(" ", "_"), TWO_BIT, *few)
        ncu = ["ncu", "--graph-profiling", "node", "--metrics", ",".join(METRICS), "--clock-control", "none", "--cache-control", "none"]
        if not check.emulate:
            command = [*ncu, "-c", str(KERNEL_COUNT), "--csv", *command]
        if (output := check.run(name, command, 120)) and not check.emulate:
            total, slowest = iteration_of(output)
            check.note(f"kernels of an iteration, {runs} runs, {how}", f"sum {total:.1f} us: {slowest}", "ncu, clocks as they are")


def iteration_of(output: str) -> tuple[float, str]:
    """Microseconds of one iteration's kernels in ncu's table, and the slowest of them."""
    lines = [line for line in output.splitlines() if line.startswith('"')]
    launches: dict[str, dict[str, str]] = defaultdict(dict)
    for row in csv.DictReader(lines):
        launches[row["ID"]]["name"] = row["Kernel Name"]
        launches[row["ID"]][row["Metric Name"]] = row["Metric Value"].replace(",", "")
    order = list(launches.values())
    ends = [i for i, launch in enumerate(order) if "end_iteration" in launch["name"]]
    if len(ends) < 2:
        return 0.0, "no whole iteration was seen"
    iteration = order[ends[-2] + 1 : ends[-1] + 1]
    times = [(float(launch[METRICS[0]]) / 1e3, launch["name"], launch.get(METRICS[2], "?")) for launch in iteration]
    shown = [f"{name[:80]} ({grid} blocks) {us:.1f}" for us, name, grid in sorted(times, reverse=True)[:8]]
    return sum(us for us, _, _ in times), f"{len(times)} launches; " + "; ".join(shown)


def packs(check: Check) -> None:
    """Iterations of packs, in float32 and TF32, and of a float network."""
    short = ("train.epochs=1",)
    float_run = check.qrun("float", "configs/lenet_float.yaml", *short)
    if float_run:
        rate = float_run[0]["images_per_second"]
        check.note("float network, one run", f"{1e6 * BATCH / rate:.1f} us an iteration", "configs/lenet_float.yaml")
    for runs, how in ((1, "fp32"), (4, "fp32"), (16, "fp32"), (64, "fp32"), (64, "tf32")):
        pack = check.qrun(f"pack {runs} {how}", TWO_BIT, f"sweep.seeds={runs}", "--pack", str(runs), f"precision={how}", *short)
        if pack:
            rate = statistics.fmean(run["images_per_second"] for run in pack)
            accuracy = 100 * statistics.fmean(run["final_test_accuracy"] for run in pack)
            result = f"{1e3 * runs * BATCH / rate:.3f} ms an iteration, {rate:.0f} images/s; mean accuracy {accuracy:.2f} %"
            check.note(f"pack of {runs}, {how}", result, "images_per_second, of the whole pack")


def cudnn(check: Check) -> None:
    """Convolutions by cuDNN: its tests; a network of VGG's kind by own products and by cuDNN's, in float32 and TF32."""
    env = with_cudnn(check.python)
    command = [str(check.programs / "test_engine"), f"--gtest_filter={check.tests('Cudnn')}"]
    if output := check.run("cudnn tests", command, 30 if not check.emulate else 300, env):
        skipped = re.search(r"Skipped\n(.*)", output)
        check.failed |= skipped is not None
        check.note("tests of cuDNN", f"FAILED: {skipped.group(1)}" if skipped else passed(output), " ".join(command[1:]))
    config = check.folder / "vgg.yaml"
    config.write_text(VGG, "utf-8")
    width = ("vars.narrow=8", "vars.wide=8") if check.emulate else ()
    for how, products in ((how, products) for how in ("fp32", "tf32") for products in ("own", "cudnn")):
        name = f"vgg {how} {products}"
        runs = check.qrun(name, str(config), *width, f"precision={how}", f"products={products}", "--verbose", seconds=20, env=env)
        if runs:
            took = re.search(r'products="(.*)"', (check.folder / "logs" / f"{name.replace(' ', '_')}.err").read_text("utf-8", "replace"))
            result = f"{runs[0]['images_per_second']:.0f} images/s; {took.group(1) if took else 'own'}"
            check.note(f"VGG-like, 64 and 128 channels, {how}, {products}", result, "images_per_second, median of 3 epochs")


def with_cudnn(python: str) -> dict[str, str]:
    """Where the loader finds the cuDNN that PyTorch brings along, beside what it looks at anyway; for qrun's programs alone."""
    where = [python, "-c", "import nvidia.cudnn as c; print(list(c.__path__)[0] + '/lib')"]
    found = subprocess.run(where, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        return {}
    known = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": found.stdout.strip() + (f":{known}" if known else "")}


def torch(check: Check, hows: tuple[str, ...]) -> None:
    """PyTorch's epoch."""
    has = subprocess.run([check.python, "-c", "import torch, numpy"], capture_output=True, check=False).returncode == 0
    for how in hows:
        if check.emulate and not has:
            check.note(f"PyTorch, {how}", f"left out: {check.python} has no PyTorch", "")
            continue
        summary = check.folder / f"logs/torch_{how}.json"
        on = ["--device", "cpu", "--iterations", "3", "--how", "eager"] if check.emulate else ["--device", "cuda", "--how", how]
        command = [check.python, "scripts/bench_torch.py", "--data", str(MNIST), *on, "--json", str(summary)]
        if check.run(f"PyTorch {how}", command, 120) is None:
            continue
        rate = json.loads(summary.read_text("utf-8"))["images_per_second"]
        check.note(f"PyTorch, {how}", f"{rate:.0f} images/s, {1e6 * BATCH / rate:.0f} us an iteration", "scripts/bench_torch.py")


def sanitizers(check: Check, tools: tuple[str, ...]) -> None:
    """Small tests under compute-sanitizer."""
    for tool in tools:
        filters = [str(check.programs / "test_engine"), f"--gtest_filter={check.tests(*SMALL)}"]
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", *filters]
        if output := check.run(tool, filters if check.emulate else command, 600 if check.emulate else 150):
            check.note(tool, output.strip().splitlines()[-1], "compute-sanitizer on the small tests")


def device(emulate: bool) -> str:
    """The GPU and its driver; empty where there is none."""
    if emulate:
        return "emulated device"
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def emulated_programs(built: Path, folder: Path) -> Path:
    """The programs with the emulated plug-ins beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in (built / "qrun", built / "test_engine", built / "emulated/libqrun_cuda.so", built / "emulated/libqrun_cudnn.so"):
        shutil.copy2(program, folder)
    shutil.copytree(built / "emulated", folder / "emulated", dirs_exist_ok=True)  # where tests look for it
    return folder


STEPS = {
    "machine": machine,
    "correctness": correctness,
    "jobs": jobs,
    "resumed": resumed,
    "kernels": kernels,
    "packs": packs,
    "cudnn": cudnn,
    "torch": lambda check: torch(check, ("graph", "eager")),
    "memcheck": lambda check: sanitizers(check, ("memcheck",)),
    "rest": lambda check: (sanitizers(check, ("racecheck", "initcheck")), torch(check, ("compile",))),
}


def main() -> int:
    """Run the steps; 0 if all passed, 4 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = ROOT / "build" if (ROOT / "build/qrun").exists() else ROOT / "bundle/bin"
    parser.add_argument("--programs", type=Path, default=built, help=f"folder of qrun and test_engine (default: {built})")
    parser.add_argument("--output", type=Path, default=ROOT / "gpu-check", help="where the table and logs go")
    parser.add_argument("--python", default=os.environ.get("QRUN_TORCH_PYTHON", sys.executable), help="one that has PyTorch")
    parser.add_argument("--deadline", type=float, default=3600, help="seconds for all steps")
    parser.add_argument("--steps", default=",".join(STEPS), help="which, in this order (default: all)")
    parser.add_argument("--emulate", action="store_true", help="with the emulated device of the build folder")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.steps.split(",") if name not in STEPS]:
        parser.error(f"no step {unknown[0]}; there are {', '.join(STEPS)}")
    name = device(arguments.emulate)
    if not name:
        print("gpu_check: there is no NVIDIA GPU here, or no driver (nvidia-smi names none)", file=sys.stderr)
        return 4
    if arguments.emulate:
        arguments.programs = emulated_programs(arguments.programs, arguments.output.resolve() / "programs")
    check = Check(arguments, name)
    for step in arguments.steps.split(","):
        STEPS[step](check)
    print((check.folder / "table.md").read_text("utf-8"))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
