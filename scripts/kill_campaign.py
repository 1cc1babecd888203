#!/usr/bin/env python3
"""Kills training at random moments and compares what comes out with what an undisturbed one gives, bit by bit.

Three jobs take turns: a run with checkpoints, a sweep with one runner, a sweep that several runners share. A runner gets
SIGKILL, at times SIGTERM or SIGINT, and is started again, until there were `--kills` in all; a job that ends before is
done once more in a new folder. After each kill every file that has its own name must be whole. In the end every run must
be complete, must have been trained to its end once, must hold the bits of the undisturbed one, and nothing is left behind.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OF_THE_CLOCK = {"images_per_second", "wall_seconds", "started", "finished"}
OF_THE_PLACE = {"hostname", "threads", "name", "config", "working_directory"}  # config: what of it makes the run is in the run's id
OF_THE_LIBRARY = {"REFERENCE_LIST", "DIMENSION_LIST", "CLASS", "NAME"}  # how HDF5 ties axes to data sets
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
INTERRUPTED = 3


def contents(path: Path) -> dict[str, np.ndarray]:
    """All data sets and attributes of a file but those of the clock and the place."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset) and name.rsplit("/", 1)[-1] not in OF_THE_CLOCK:
                found[name] = item[()]
            for key, value in item.attrs.items():
                if key not in OF_THE_CLOCK | OF_THE_PLACE | OF_THE_LIBRARY:
                    found[f"{name}@{key}"] = np.asarray(value)

        visit("", file)
        file.visititems(visit)
    return found


def differences(want: Path, got: Path) -> list[str]:
    """What differs between two files; nothing where they are bit-equal."""
    a, b = contents(want), contents(got)
    names = sorted(a.keys() ^ b.keys())
    for name in a.keys() & b.keys():
        same = a[name].shape == b[name].shape and a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes()
        if not same and not (a[name].dtype == object and np.array_equal(a[name], b[name])):
            names.append(name)
    return names


def broken(path: Path, undisturbed: Path) -> str:
    """Why a file of results looks whole and isn't; empty where it is."""
    try:
        if path.suffix == ".h5":
            if contents(path)["@format"] not in ("qrun-run", "qrun-checkpoint", "qrun-sweep"):
                return "not of qrun"
        elif path.suffix == ".yaml":
            return "" if path.read_bytes() == undisturbed.read_bytes() else "other bytes"
        elif path.suffix == ".claim":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                json.loads(line)
    except FileNotFoundError:
        return ""  # a runner that goes on has removed it
    except (OSError, KeyError, ValueError) as error:
        return str(error)
    return ""


def broken_files(results: Path, undisturbed: Path) -> Iterator[str]:
    """Files of a folder of results that look whole and are not, by comparison with an undisturbed folder."""
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results)
        if path.is_file() and (reason := broken(path, undisturbed / name)):
            yield f"{name}: {reason}"


def complete_runs(results: Path) -> set[str]:
    """Runs whose file says that they are complete."""
    runs = set()
    for path in results.glob("*-*.h5"):
        with h5py.File(path) as file:
            if file.attrs["status"] == "complete":
                runs.add(path.stem)
    return runs


def left_behind(results: Path) -> list[str]:
    """What only a run under way needs."""
    kinds = re.compile(r"\.tmp\.|\.claim$|\.ckpt\.|\.jsonl$|/writable$")
    return [f"left behind: {path.relative_to(results)}" for path in results.rglob("*") if kinds.search(str(path))]


@dataclasses.dataclass
class Job:
    """Something to train, by as many runners as share it."""

    name: str
    config: str
    runners: int

    def command(self, arguments: argparse.Namespace, output: Path) -> list[str]:
        """Each runner on one thread, so that packs are small and many."""
        options = ["--threads", "1", "--no-progress", "--output", str(output), f"train.epochs={arguments.epochs}"]
        return [str(arguments.program), "run", str(ROOT / "configs" / f"{self.config}.yaml"), *options]


class Round:
    """One job, trained once under kills into a folder of its own."""

    def __init__(self, job: Job, arguments: argparse.Namespace, folder: Path, undisturbed: Path) -> None:
        self.job, self.arguments, self.folder, self.undisturbed = job, arguments, folder, undisturbed
        self.results = folder / "results" / job.config
        self.complete_before: dict[Path, set[str]] = {}  # by the log of each start
        self.wrong: list[str] = []
        folder.mkdir()

    def start(self) -> subprocess.Popen:
        """One more runner, logging into a file."""
        log = self.folder / f"{len(self.complete_before):04}.log"
        self.complete_before[log] = complete_runs(self.results)
        with open(log, "w", encoding="utf-8") as stderr:
            return subprocess.Popen(self.job.command(self.arguments, self.folder / "results"), stdout=subprocess.DEVNULL, stderr=stderr, cwd=ROOT)

    def disturb(self, kills: int, generator: random.Random) -> collections.Counter[str]:
        """Train with at most so many kills, then to the end; counts the kills by signal."""
        done: collections.Counter[str] = collections.Counter()
        runners = [self.start() for _ in range(self.job.runners)]
        while sum(done.values()) < kills and any(runner.poll() is None for runner in runners):
            time.sleep(generator.uniform(0.02, self.arguments.longest))
            victim = generator.randrange(len(runners))
            if runners[victim].poll() is None:
                sent = generator.choice(SIGNALS)
                runners[victim].send_signal(sent)
                code = runners[victim].wait()
                done[sent.name] += 1
                if code not in (0, INTERRUPTED, -sent):  # 0: it ended just then
                    self.wrong.append(f"exit {code} after {sent.name}")
                self.wrong += [f"after {sent.name}: {line}" for line in broken_files(self.results, self.undisturbed)]
            runners[victim] = self.start()
        for runner in [*runners, self.start()]:
            if runner.wait() != 0:
                self.wrong.append(f"exit {runner.returncode} at the end")
        return done

    def check(self) -> None:
        """Compare with the undisturbed results, and look for runs that were trained twice."""
        logs = {log: log.read_text(encoding="utf-8") for log in self.complete_before}
        for log, text in logs.items():
            self.wrong += [f"{run}: complete, and trained again" for run in self.complete_before[log] if f"start run={run}" in text]
        for want in sorted(self.undisturbed.glob("*.h5")):
            got = self.results / want.name
            found = differences(want, got) if got.exists() else ["the whole file"]
            if found:
                self.wrong.append(f"{want.name}: {len(found)} differences, {found[:3]}")
            done = sum(text.count(f"done run={want.stem} status=complete") for text in logs.values())
            if done > 1:
                self.wrong.append(f"{want.name}: done {done} times")
        self.wrong += left_behind(self.results)

    def resumed(self) -> int:
        """Starts of a run that had been begun before."""
        return sum(len(re.findall(r"start run=\S+ iteration=[1-9]", log.read_text(encoding="utf-8"))) for log in self.complete_before)


def campaign(job: Job, kills: int, arguments: argparse.Namespace, generator: random.Random, quiet: Path) -> bool:
    """Rounds of a job until it was killed so often; prints what came of it, true if all was right."""
    signals: collections.Counter[str] = collections.Counter()
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="qrun-kills-") as temporary:
        folder = Path(temporary)
        while sum(signals.values()) < kills:
            rounds.append(Round(job, arguments, folder / str(len(rounds)), quiet / job.config))
            signals += rounds[-1].disturb(kills - sum(signals.values()), generator)
            rounds[-1].check()
        wrong = [line for one in rounds for line in one.wrong]
        starts = sum(len(one.complete_before) for one in rounds)
        by_signal = ", ".join(f"{count} {name}" for name, count in sorted(signals.items()))
        print(
            f"{job.name}: {sum(signals.values())} kills ({by_signal}), {len(rounds)} times from the beginning, {starts} starts,"
            f" {sum(one.resumed() for one in rounds)} runs resumed, {len(wrong)} wrong",
            flush=True,
        )
    for line in wrong:
        print(f"  {line}")
    return not wrong


def main() -> int:
    """Share the kills out among the jobs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="of all jobs together")
    parser.add_argument("--runners", type=int, default=3, help="that share the last job")
    parser.add_argument("--epochs", type=int, default=40, help="of each run: longer runs are hit more often")
    parser.add_argument("--longest", type=float, default=0.6, help="seconds between two kills at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "qrun")
    arguments = parser.parse_args()
    jobs = [
        Job("a run", "smoke", 1),
        Job("a sweep, one runner", "sweep_smoke", 1),
        Job(f"a sweep, {arguments.runners} runners", "sweep_smoke", arguments.runners),
    ]
    generator = random.Random(arguments.seed)
    right = True
    with tempfile.TemporaryDirectory(prefix="qrun-quiet-") as quiet:
        for index, job in enumerate(jobs):
            kills = arguments.kills * (index + 1) // len(jobs) - arguments.kills * index // len(jobs)
            subprocess.run(job.command(arguments, Path(quiet)), capture_output=True, cwd=ROOT, check=True)  # what is complete stays
            right &= campaign(job, kills, arguments, generator, Path(quiet))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
