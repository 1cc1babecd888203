"""Loss and accuracy over epochs."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..run import Run
from .style import BLUE, ORANGE, grid_behind, log_ticks, name_run, new_figure, title


def curves(run: Run) -> Figure:
    """Draw the mean training loss of each epoch (left, logarithmic) and the test accuracy (right, percent)."""
    data = run.curves()
    figure, left = new_figure()
    left.plot(data.epoch, data.train_loss, color=BLUE, marker="o", markersize=4, linewidth=1.8)
    left.set_yscale("log")
    log_ticks(left.yaxis)
    left.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if data.epoch.size == 1:
        left.set_xlim(float(data.epoch[0]) - 0.5, float(data.epoch[0]) + 0.5)
    left.set_xlabel("epoch")
    left.set_ylabel("training loss, mean of the epoch (log)", color=BLUE)
    left.tick_params(axis="y", which="both", colors=BLUE)
    grid_behind(left)
    right = left.twinx()
    right.spines["top"].set_visible(False)
    tested = data.test_accuracy.dropna("epoch")
    right.plot(tested.epoch, 100.0 * tested, color=ORANGE, marker="s", markersize=4, linewidth=1.8, linestyle="--")
    right.set_ylabel("test accuracy, %", color=ORANGE)
    right.tick_params(axis="y", colors=ORANGE)
    if not data.epoch.size:
        for axes in (left, right):
            axes.set(xticks=[], yticks=[])
            axes.minorticks_off()
        left.text(0.5, 0.5, "no epoch finished", transform=left.transAxes, ha="center", va="center", color="0.4")
    facts = f"{run.attributes['engine']} {run.attributes['instruction_set']}, {run.attributes['wall_seconds']:.0f} s"
    if run.status != "complete":
        facts = f"{run.status}; {facts}"
    elif tested.size:
        facts = f"final test accuracy {100.0 * run.final_test_accuracy:.2f} %, {facts}"
    title(left, f"seed {run.attributes['seed']}", facts)
    name_run(figure, run)
    return figure
