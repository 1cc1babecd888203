#!/usr/bin/env python3
"""Draws one run's training loss and test accuracy over its epochs: `plot_run.py RUN.h5 -o FILE.png`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend must be chosen first: there may be no display)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter  # noqa: E402

# Okabe and Ito's palette: told apart with any colour vision, and in grey.
LOSS_COLOUR = "#0072B2"
ACCURACY_COLOUR = "#D55E00"


def draw_loss(axes: Axes, epochs: np.ndarray, loss: np.ndarray) -> None:
    """Draw the mean training loss of each epoch on a logarithmic axis."""
    axes.plot(epochs, loss, color=LOSS_COLOUR, marker="o", markersize=4, linewidth=1.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss, mean of the epoch (log)", color=LOSS_COLOUR)
    axes.tick_params(axis="y", which="both", colors=LOSS_COLOUR)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="both", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def draw_accuracy(axes: Axes, epochs: np.ndarray, percent: np.ndarray) -> None:
    """Draw the test accuracy in percent on the right-hand axis."""
    axes.plot(epochs, percent, color=ACCURACY_COLOUR, marker="s", markersize=4, linewidth=1.8, linestyle="--")
    axes.set_ylabel("test accuracy, %", color=ACCURACY_COLOUR)
    axes.tick_params(axis="y", colors=ACCURACY_COLOUR)


def plot(run: h5py.File, target: Path) -> None:
    """Write the figure of one opened run file to `target`; the suffix chooses the format."""
    train, test = run["metrics/train"], run["metrics/test"]
    figure, left = plt.subplots(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    draw_loss(left, train["epoch"][:], train["loss_mean"][:])
    right = left.twinx()
    if len(test["epoch"]):
        draw_accuracy(right, test["epoch"][:], 100.0 * test["accuracy"][:])
    for axes in (left, right):
        axes.spines["top"].set_visible(False)
    facts = f"final test accuracy {100.0 * run.attrs['final_test_accuracy']:.2f} %, "
    facts += f"{run.attrs['engine']} {run.attrs['instruction_set']}, {run.attrs['wall_seconds']:.0f} s"
    left.set_title(f"{run.attrs['name']}   seed {int(run.attrs['seed'])}", loc="left", fontsize=11, fontweight="bold")
    left.set_title(facts, loc="right", fontsize=9, color="0.4")
    figure.savefig(target)


def main() -> int:
    """Read the arguments, draw, and name what went wrong if the file is no finished run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run's .h5 file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the picture: .png, .svg or .pdf")
    arguments = parser.parse_args()
    try:
        with h5py.File(arguments.run, "r") as run:
            plot(run, arguments.output)
    except (OSError, KeyError) as problem:
        print(f"{arguments.run}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
