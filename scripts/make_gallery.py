#!/usr/bin/env python3
"""Writes docs/gallery.md and its pictures from the results of the shipped sweeps.

`build/qrun configs/lenet_bits.yaml` and `build/qrun configs/lenet_methods.yaml` train them (on MNIST; an hour or two on two
cores); pictures of the second are left out where it has not been trained. The pictures of a single run show the first
sweep's first complete one with 2-bit weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from qrun_results import Sweep, load_sweep  # noqa: E402  (found through the line above: the package need not be installed)
from qrun_results.__main__ import main as qrun_results  # noqa: E402

BITS, METHODS = "results/lenet_bits", "results/lenet_methods"
SWEEPS = (
    (BITS, "accuracy", [], "Test accuracy over the width of the weights"),
    (METHODS, "accuracy", [], "A line for each quantizer"),
    (BITS, "heat_map", ["--x", "vars.w_bits", "--y", "seed"], "Accuracy over two swept values"),
    (METHODS, "heat_map", ["--x", "vars.w_bits", "--y", "vars.w_method"], "Mean accuracy over methods and widths"),
    (BITS, "pareto", [], "Accuracy against model size, with the Pareto front"),
)
RUNS = (
    ("curves", [], "Loss and accuracy over epochs"),
    ("histograms", [], "Master weights, and the levels they are quantized to"),
    ("occupancy", [], "Which part of the weights has which code"),
    ("filters", [], "The first layer's filters, as codes"),
    ("features", [], "One channel's output for 64 test images"),
    ("confusion", [], "What was taken for what"),
    ("mistakes", [], "Test images that went wrong"),
)


def two_bit_run(sweep: Sweep) -> Path:
    """Return the file of the first complete run with 2-bit weights."""
    return next(run.path for run in sweep if run.status == "complete" and run.params.get("vars.w_bits") == 2)


def entries(folders: dict[str, Path]) -> list[tuple[str, str, Path, list[str], str]]:
    """Return name of the picture, kind, source, options and caption of each."""
    there = [(name, kind, options, text) for name, kind, options, text in SWEEPS if folders[name].exists()]
    found = [(f"{Path(name).name}_{kind}", kind, folders[name], options, text) for name, kind, options, text in there]
    run = two_bit_run(load_sweep(folders[BITS]))
    return found + [(kind, kind, run, options, text) for kind, options, text in RUNS]


def main() -> int:
    """Draw every picture and write the page; 1 if one cannot be drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=Path, default=Path(BITS), help=f"folder of lenet_bits (default: {BITS})")
    parser.add_argument("--methods", type=Path, default=Path(METHODS), help=f"folder of lenet_methods (default: {METHODS})")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="where gallery.md and gallery/ go (default: docs)")
    arguments = parser.parse_args()
    pictures = arguments.output / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    sweeps = [folder for folder in (arguments.bits, arguments.methods) if folder.exists()]
    lines = ["# Gallery", "", "`scripts/make_gallery.py` wrote this page, from what these left:", ""]
    lines += ["```sh", *(f"build/qrun configs/{folder.name}.yaml" for folder in sweeps), "```", ""]
    lines += ["Each picture is `PYTHONPATH=scripts python3 -m qrun_results plot KIND PATH -o FILE.png` with the words below it.", ""]
    for name, kind, source, options, text in entries({BITS: arguments.bits, METHODS: arguments.methods}):
        if qrun_results(["plot", kind, str(source), *options, "-o", str(pictures / f"{name}.png")]):
            return 1
        words = " ".join([kind, str(source), *options])
        lines += [f"## {text}", "", f'<img src="gallery/{name}.png" width="480" alt="{text}">', "", f"`{words}`", ""]
    (arguments.output / "gallery.md").write_text("\n".join(lines), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
