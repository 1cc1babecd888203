#!/usr/bin/env python3
"""Kills the program at every passage of every fault point: fault_points.py PROGRAM, from the root of the repository.

src/core/fault.h lists the points. After each kill every file that has its own name must be whole; the same command must
then end with the bits of an undisturbed one, train no complete run again and leave nothing behind.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import broken_files, complete_runs, differences, left_behind  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
POINTS = re.findall(r'^    "([a-z]+\.[a-z]+)", ', (ROOT / "src/core/fault.h").read_text(encoding="utf-8"), re.MULTILINE)

CONFIG = """
data:
  train: {synthetic_digits: 40, batch_size: 20}
  test: {synthetic_digits: 20, batch_size: 20}
  scale: 0.00392156862745098
network:
  - {name: conv1, type: conv2d, out_channels: 2, kernel_size: 5, stride: 2}
  - {name: score, type: linear, out_features: 10}
quantize: {"*": {weight: {method: ulq, bits: 2}}}
solver: {lr: 0.01, momentum: 0.9}
train: {epochs: 3, keep: all}
output: {activation_samples: 4}
"""
RESULTS = "results/tiny"
AS_IT_WAS_CALLED = {"@run_id", "params@seed"}  # a snapshot is older than its run's place in a larger sweep
TRAIN = ("tiny.yaml", "--threads", "1", "--pack", "1", "--no-progress")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A command, the points to kill it at, and where an earlier start of it was killed already."""

    name: str
    arguments: tuple[str, ...]
    points: str  # a pattern
    before: str = ""
    begun_as: tuple[str, ...] = ()  # with these arguments, if not with the same


SCENARIOS = (
    Scenario("one run", (*TRAIN, "sweep.grid={seed: [1]}"), ".*"),
    Scenario("two runs", (*TRAIN, "sweep.grid={seed: [1, 2]}"), r"(claim|run|journal)\..*"),
    Scenario("a run taken over", TRAIN, r"claim\..*|file\.linked", before="checkpoint.aside:2"),
    Scenario("a run of a larger sweep now", (*TRAIN, "sweep.grid={seed: [0xCAFFE]}"), r"run\.renamed", before="checkpoint.aside:2", begun_as=TRAIN),
    Scenario("an import", ("data", "mnist", "--from", "idx", "--to", "data"), ".*"),
    Scenario("an import over an older one", ("data", "mnist", "--from", "idx", "--to", "data"), r"lmdb.synced|file.placed|data.half", before="data.half"),
)


def write_idx(folder: pathlib.Path) -> None:
    """MNIST's four files with images of 2 x 3: more training items than a transaction of the import takes."""
    folder.mkdir()
    for stem, count in (("train", 5000), ("t10k", 100)):
        pixels = bytes(i * 7 % 256 for i in range(count * 6))
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 2, 3) + pixels)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + bytes(i % 10 for i in range(count)))


def start(arguments: tuple[str, ...], cwd: pathlib.Path, fault: str = "") -> subprocess.CompletedProcess:
    """The program, killed at a fault point or left alone."""
    environment = {name: value for name, value in os.environ.items() if name != "QRUN_FAULT"} | ({"QRUN_FAULT": fault} if fault else {})
    return subprocess.run([PROGRAM, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def files(folder: pathlib.Path) -> set[str]:
    """What lies in a folder, by relative names."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def compare(want: pathlib.Path, got: pathlib.Path) -> Iterator[str]:
    """What the results in two working directories differ in."""
    yield from (f"{name}: only in one" for name in files(want) ^ files(got))
    for name in sorted(files(want) & files(got)):
        if name.endswith(".h5"):
            found = set(differences(want / name, got / name))
            if "/snapshots/" in name:
                found -= AS_IT_WAS_CALLED
            if found:
                yield f"{name}: other {', '.join(sorted(found))}"
        elif (want / name).read_bytes() != (got / name).read_bytes():
            yield f"{name}: other bytes"


def damaged(folder: pathlib.Path, undisturbed: pathlib.Path) -> list[str]:
    """Files that look whole right after a kill and are not."""
    wrong = list(broken_files(folder / RESULTS, undisturbed / RESULTS))
    for path in folder.glob("data/*/data.mdb"):
        if path.read_bytes() != (undisturbed / path.relative_to(folder)).read_bytes():
            wrong.append(f"{path}: other bytes")
    if (folder / RESULTS).exists():
        shown = subprocess.run([PROGRAM, "show", RESULTS], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        wrong += [shown.stderr] if shown.returncode != 0 else []
    return wrong


def kill_at(scenario: Scenario, fault: str, fresh: pathlib.Path, undisturbed: pathlib.Path) -> list[str] | None:
    """Kill at one passage and go on; what is wrong then, or None where the program ends before that passage."""
    with tempfile.TemporaryDirectory(prefix="qrun-fault-") as temporary:
        cwd = pathlib.Path(temporary) / "work"
        shutil.copytree(fresh, cwd)
        logs = start(scenario.begun_as or scenario.arguments, cwd, scenario.before).stderr if scenario.before else ""
        killed = start(scenario.arguments, cwd, fault)
        if killed.returncode != -signal.SIGKILL:
            return None if killed.returncode == 0 else [f"exit {killed.returncode}: {killed.stderr}"]
        wrong = damaged(cwd, undisturbed)
        complete = complete_runs(cwd / RESULTS)
        again = start(scenario.arguments, cwd)
        if again.returncode != 0:
            return [*wrong, f"goes on with exit {again.returncode}: {again.stderr}"]
        wrong += [f"{run}: complete, and trained again" for run in complete if f"start run={run}" in again.stderr]
        done = collections.Counter(re.findall(r"done run=(\S+) status=complete", logs + killed.stderr + again.stderr))
        wrong += [f"{run}: done {times} times" for run, times in done.items() if times > 1]
        return wrong + left_behind(cwd / RESULTS) + list(compare(undisturbed, cwd))


def passages(scenario: Scenario, point: str, fresh: pathlib.Path, undisturbed: pathlib.Path) -> dict[str, list[str]]:
    """What each passage of a point came to."""
    results: dict[str, list[str]] = {}
    for number in itertools.count(1):
        fault = f"{point}:{number}"
        wrong = kill_at(scenario, fault, fresh, undisturbed)
        if wrong is None:
            return results
        results[fault] = wrong
        if wrong:
            return results
    raise AssertionError


def main() -> int:
    """Go through all scenarios."""
    kills: collections.Counter[str] = collections.Counter()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="qrun-fault-") as temporary, ThreadPoolExecutor(4) as pool:
        fresh = pathlib.Path(temporary) / "fresh"
        fresh.mkdir()
        (fresh / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
        write_idx(fresh / "idx")
        for scenario in SCENARIOS:
            undisturbed = pathlib.Path(temporary) / scenario.name
            shutil.copytree(fresh, undisturbed)
            quiet = start(scenario.arguments, undisturbed)
            assert quiet.returncode == 0, quiet.stderr
            points = [point for point in POINTS if re.fullmatch(scenario.points, point)]
            for results in pool.map(lambda point: passages(scenario, point, fresh, undisturbed), points):
                for fault, wrong in results.items():
                    kills[fault.partition(":")[0]] += 1
                    failures += bool(wrong)
                    for line in wrong:
                        print(f"{scenario.name}, killed at {fault}: {line}")
            print(f"{scenario.name}: {sum(kills.values())} kills so far")
    missed = [point for point in POINTS if not kills[point]]
    print(f"{sum(kills.values())} kills at {len(kills)} points, {failures} wrong; points never passed: {missed or 'none'}")
    print(json.dumps(kills))
    return 1 if failures or missed or sum(kills.values()) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
