"""Real results to test on: what the program under test writes for the small shipped configurations."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import Any

import h5py
import pytest
import qrun_results

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("QRUN", ROOT / "build/qrun")).resolve()
QUANTIZED = 'quantize={"conv*": {weight: {method: ulq, bits: 2, per_channel: true}, activation: {method: clip, bits: 8}}}'

METHODS = f"""
base: {ROOT}/configs/smoke.yaml
vars: {{w_method: ulq, w_bits: 2}}
quantize:
  "conv*": {{weight: {{method: "${{w_method}}", bits: "${{w_bits}}"}}}}
  fc1: {{weight: {{method: "${{w_method}}", bits: "${{w_bits}}"}}}}
train: {{epochs: 1, iterations_per_epoch: 20}}
sweep:
  union:
    - zip: {{vars.w_method: [ternary, ternary_quantize, dynamic_fixed_point, ulq], vars.w_bits: [2, 4, 4, 16]}}
    - grid: {{vars.w_method: [clip], vars.w_bits: [2, 8, 16]}}
"""


def qrun(folder: pathlib.Path, *arguments: str, code: int = 0) -> str:
    """Run the program in a folder and return what it prints."""
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def changed(source: pathlib.Path, target: pathlib.Path, *dropped: str, **attributes: Any) -> pathlib.Path:
    """Copy a run file without the objects that are named, and with other attributes; None takes one away."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        for name in dropped:
            del file[name]
        for key, value in attributes.items():
            if value is None:
                del file.attrs[key]
            else:
                file.attrs[key] = value
    return target


def stopped(source: pathlib.Path, target: pathlib.Path, status: str = "failed", **attributes: Any) -> pathlib.Path:
    """Copy a run file as one that ended behind a test, but before its final one; a failed one has no weights either."""
    dropped = ["metrics/confusion", "test", "activations"]
    path = changed(source, target, *dropped, status=status, **attributes)
    if status == "failed":
        with h5py.File(path, "r+") as file:
            file.attrs["error"] = "diverged at iteration 90"
            file["weights"].clear()
    return path


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A results folder with the sweep `sweep_smoke`, the run `quantized` and the failed run `failed`."""
    folder = tmp_path_factory.mktemp("results")
    smoke = str(ROOT / "configs/smoke.yaml")
    qrun(folder, str(ROOT / "configs/sweep_smoke.yaml"))
    qrun(folder, smoke, "name=quantized", QUANTIZED)
    qrun(folder, smoke, "name=failed", "solver.lr=1e30", code=1)
    return folder / "results"


@pytest.fixture(scope="session")
def methods(tmp_path_factory: pytest.TempPathFactory) -> qrun_results.Sweep:
    """A sweep over quantizers and widths, trained for a moment."""
    folder = tmp_path_factory.mktemp("methods")
    (folder / "methods.yaml").write_text(METHODS, "utf-8")
    qrun(folder, "methods.yaml")
    return qrun_results.load_sweep(folder / "results/methods")


@pytest.fixture()
def sweep(results: pathlib.Path) -> qrun_results.Sweep:
    return qrun_results.load_sweep(results / "sweep_smoke")


@pytest.fixture()
def run(results: pathlib.Path) -> qrun_results.Run:
    return qrun_results.load(next((results / "quantized").glob("run-*.h5")))
