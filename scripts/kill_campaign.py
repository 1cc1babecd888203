#!/usr/bin/env python3
"""Kills runners of a sweep at random moments and compares what comes out with an undisturbed sweep, bit by bit.

`--runners` processes share a sweep of six runs; one of them is killed with SIGKILL at a random moment and started
again, `--kills` times. When the last have finished, every run must be complete, must have ended once, and must hold
the same metrics, weights, codes and predictions as the undisturbed one.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "sweep_smoke.yaml"
OF_THE_CLOCK = {"images_per_second"}  # what may differ between two runs


def command(program: Path, folder: Path, epochs: int) -> list[str]:
    """The sweep, trained into `folder`; each runner on one thread, so that packs are small and many."""
    options = ["--threads", "1", "--no-progress", "--output", str(folder)]
    return [str(program), str(CONFIG), f"train.epochs={epochs}", *options]


def contents(path: Path) -> dict[str, np.ndarray]:
    """All data sets of a run file but those of the clock."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset) and name.rsplit("/", 1)[-1] not in OF_THE_CLOCK:
                found[name] = item[()]
            for key, value in item.attrs.items():
                if key in ("scale", "offset", "range_ema"):
                    found[f"{name}@{key}"] = np.asarray(value)

        file.visititems(visit)
        found["status"] = np.asarray(file.attrs["status"])
    return found


def differences(want: Path, got: Path) -> list[str]:
    """What differs between two run files; nothing where they are bit-equal."""
    a, b = contents(want), contents(got)
    names = sorted(a.keys() ^ b.keys())
    for name in a.keys() & b.keys():
        same = a[name].shape == b[name].shape and a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes()
        if not same and not (a[name].dtype == object and np.array_equal(a[name], b[name])):
            names.append(name)
    return names


def disturbed(arguments: argparse.Namespace, folder: Path, generator: random.Random) -> tuple[int, int, str]:
    """Run the sweep with kills; gives the kills that hit a running process, the starts, and all that was logged."""
    log = folder / "log"
    log.mkdir(parents=True)
    starts = kills = 0

    def start() -> subprocess.Popen:
        nonlocal starts
        starts += 1
        with open(log / f"{starts}.txt", "w", encoding="utf-8") as stderr:
            return subprocess.Popen(
                command(arguments.program, folder / "results", arguments.epochs),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=ROOT,
            )

    runners = [start() for _ in range(arguments.runners)]
    while kills < arguments.kills:
        time.sleep(generator.uniform(0.02, arguments.longest))
        victim = generator.randrange(len(runners))
        if runners[victim].poll() is None:
            runners[victim].send_signal(signal.SIGKILL)
            runners[victim].wait()
            kills += 1
        elif all(runner.poll() is not None for runner in runners):
            break  # the sweep is complete
        runners[victim] = start()
    for runner in runners:
        runner.wait()
    last = subprocess.run(command(arguments.program, folder / "results", arguments.epochs), capture_output=True, text=True, cwd=ROOT, check=False)
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(log.glob("*.txt"))) + last.stderr
    if last.returncode != 0:
        sys.exit(f"the sweep did not become complete: exit {last.returncode}\n{last.stderr}")
    return kills, starts, text


def main() -> int:
    """Run both sweeps and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--runners", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=40, help="of each run: longer runs are hit more often")
    parser.add_argument("--longest", type=float, default=0.6, help="seconds between two kills at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "qrun")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qrun-kills-") as temporary:
        quiet = Path(temporary) / "quiet"
        subprocess.run(command(arguments.program, quiet, arguments.epochs), capture_output=True, cwd=ROOT, check=True)
        kills, starts, log = disturbed(arguments, Path(temporary) / "disturbed", random.Random(arguments.seed))
        got = Path(temporary) / "disturbed" / "results" / "sweep_smoke"
        wanted = sorted((quiet / "sweep_smoke").glob("*-*.h5"))
        wrong = 0
        for want in wanted:
            found = differences(want, got / want.name) if (got / want.name).exists() else ["the whole file"]
            done = len(re.findall(rf"done run={re.escape(want.stem)} status=complete", log))
            resumed = len(re.findall(rf"start run={re.escape(want.stem)} iteration=[1-9]", log))
            wrong += bool(found) or done > 1
            print(f"{want.stem}: done {done} times, resumed {resumed} times, {len(found)} differences {found[:3] or ''}")
        left = [p.name for p in (got / ".qrun").iterdir() if p.suffix == ".claim" or ".ckpt" in p.name or ".tmp." in p.name]
        print(f"{kills} kills, {starts} starts, {len(wanted)} runs, {wrong} wrong, left behind: {left or 'nothing'}")
        return 1 if wrong or left else 0


if __name__ == "__main__":
    sys.exit(main())
