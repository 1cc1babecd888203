#!/usr/bin/env python3
"""Makes `results/` beside this file: make.py PROGRAM. Only the program of the first release ever made it; see README.md."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
EVERYWHERE = {**os.environ, "QRUN_INSTRUCTION_SET": "generic"}  # every machine goes on with it
KILLED = -signal.SIGKILL


def train(config: str, *options: str, fault: str = "", code: int = 0) -> None:
    """One start of the program, which ends with `code`."""
    environment = EVERYWHERE | ({"QRUN_FAULT": fault} if fault else {})
    done = subprocess.run([PROGRAM, config, "--quiet", "--threads", "1", *options], cwd=HERE, env=environment, check=False)
    assert done.returncode == code, (config, options, done.returncode)


def stop(config: str, run: str) -> None:
    """Start a run and end it by a signal, once its journal is there; again where it was faster."""
    journal = HERE / "results/sweep" / f"{run}.jsonl"
    while True:
        for file in HERE.glob(f"results/sweep/{run}.h5"):
            file.unlink()
        process = subprocess.Popen([PROGRAM, config, "--quiet", "--threads", "1", "--only", run], cwd=HERE, env=EVERYWHERE, stdout=subprocess.DEVNULL)
        while process.poll() is None and not journal.exists():
            pass
        process.send_signal(signal.SIGINT)
        if process.wait() == 3:
            return


def main() -> None:
    """Each run as the comment of its configuration says."""
    shutil.rmtree(HERE / "results", ignore_errors=True)
    train("run.yaml")
    train("best.yaml", fault="checkpoint.aside:5", code=KILLED)
    listed = subprocess.run([PROGRAM, "sweep.yaml", "--dry-run", "--json"], cwd=HERE, env=EVERYWHERE, capture_output=True, text=True, check=True)
    complete, stopped, between, half, _, failed = (run["run_id"] for run in json.loads(listed.stdout)["runs"])
    train("sweep.yaml", "--only", complete)
    train("sweep.yaml", "--only", failed, code=1)
    stop("sweep.yaml", stopped)
    train("sweep.yaml", "--only", between, fault="checkpoint.aside:3", code=KILLED)
    train("sweep.yaml", "--only", half, fault="journal.half:4", code=KILLED)
    train("sweep.yaml", "--only", complete)  # the index as it is now
    for pattern in ("*.claim", "claims.lock", "*.tmp*"):  # of processes, not of results
        for file in HERE.glob(f"results/*/.qrun/{pattern}"):
            file.unlink()


if __name__ == "__main__":
    main()
