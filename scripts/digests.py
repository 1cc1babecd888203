#!/usr/bin/env python3
"""Digests of what LeNet gives, for a change that must move no bit: `digests.py > before.txt`, the change, `digests.py | diff before.txt -`.

Trains two epochs of 60 iterations on MNIST, a 2-bit run alone and a pack of four methods, with each instruction set of this
machine, and prints one digest for masters, codes, metrics and predictions of each run file; then ids and canonical texts of all
shipped configurations. Digests of two machines may differ, as their C libraries' exp() may.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from kill_campaign import contents  # noqa: E402

SHORT = ("train.epochs=2", "train.iterations_per_epoch=60", "sweep.seeds=1")
MIXED = ("w_method=ulq,w_bits=2", "w_method=ternary,w_bits=2", "w_method=dynamic_fixed_point,w_bits=4", "w_method=clip,w_bits=4")
NUMBERS = ("weights/", "activations/", "metrics/", "test/")


def digest(parts: list[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def of_file(path: Path) -> str:
    """Digest of all numbers of a run file, by name."""
    found = contents(path)
    names = sorted(name for name in found if name.startswith(NUMBERS) or name in ("@final_test_accuracy", "@final_test_loss"))
    return digest([part for name in names for part in (name.encode(), str(found[name].dtype).encode(), found[name].tobytes())])


def output_of(*command: str | Path, instruction_set: str = "") -> str:
    environment = {**os.environ, "QRUN_INSTRUCTION_SET": instruction_set}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def trainings(program: Path, instruction_set: str) -> None:
    planned = json.loads(output_of(program, "configs/lenet_methods.yaml", *SHORT, "--dry-run", "--json"))["runs"]
    ids = [run["run_id"] for run in planned if run["run_id"].startswith(MIXED)]
    assert len(ids) == len(MIXED), ids
    jobs = {
        "alone": ("configs/lenet_2bit.yaml", *SHORT[:2], "--pack", "1"),
        "pack": ("configs/lenet_methods.yaml", *SHORT, "--pack", str(len(ids)), *(word for run in ids for word in ("--only", run))),
    }
    for name, arguments in jobs.items():
        with tempfile.TemporaryDirectory(prefix="qrun-digests-") as folder:
            output_of(program, *arguments, "--engine", "cpu", "--no-progress", "--output", folder, instruction_set=instruction_set)
            files = sorted(path for path in Path(folder).rglob("*.h5") if path.name != "sweep.h5")
            for path in files:
                print(f"{of_file(path)} {instruction_set} {name} {path.stem}", flush=True)


def configurations(program: Path) -> None:
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        config = str(path.relative_to(ROOT))
        missing = [lmdb for lmdb in re.findall(r"lmdb: ([\w/]+)", path.read_text("utf-8")) if lmdb != "null" and not (ROOT / lmdb).is_dir()]
        if missing:
            print(f"{config} passed over: no {missing[0]}")
            continue
        runs = json.loads(output_of(program, config, "--dry-run", "--json"))["runs"]
        text = output_of(program, "check", config, "--print")
        print(f"{digest([run['run_id'].encode() for run in runs])} {digest([text.encode()])} {config} {len(runs)} runs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=ROOT / "build/qrun")
    program = parser.parse_args().program.resolve()
    sets = re.search(r"^engine cpu: (.+)$", output_of(program, "--version"), re.MULTILINE)
    assert sets, "the program names its instruction sets"
    configurations(program)
    for instruction_set in sets.group(1).split(", "):
        trainings(program, instruction_set)


if __name__ == "__main__":
    main()
