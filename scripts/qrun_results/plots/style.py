"""How all plots look: colours that any colour vision tells apart, no frame at the top, readable at 600 pixels."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..run import Run

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend must be chosen first: there may be no display)

# Okabe and Ito's palette.
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", ":", "-.")
SEQUENTIAL = "cividis"
DIVERGING = "PuOr"


def new_figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.6, 4.2), **options: Any) -> tuple[Figure, Any]:
    """Return a figure and its axes; `size` in inches at 150 dots per inch."""
    figure, axes = plt.subplots(rows, columns, figsize=size, dpi=150, layout="constrained", **options)
    for one in np.atleast_1d(axes).flat:
        one.spines["top"].set_visible(False)
        one.spines["right"].set_visible(False)
    return figure, axes


def grid_behind(axes: Axes, axis: str = "both") -> None:
    """Draw a faint grid behind the data."""
    axes.grid(axis=axis, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def title(axes: Axes, name: str, facts: str = "") -> None:
    """Write what it is on the left, what else matters on the right; two lines where one is too narrow."""
    if len(name) + len(facts) > 62:
        axes.set_title(f"{shorten(name, 62)}\n{facts}".rstrip(), loc="left", fontsize=10)
        return
    axes.set_title(name, loc="left", fontsize=11, fontweight="bold")
    axes.set_title(facts, loc="right", fontsize=9, color="0.4")


def series_style(i: int) -> dict[str, Any]:
    """Return colour, marker and line of the i-th series: no two of the first 72 look alike."""
    turn = i // len(SERIES)
    return {"color": SERIES[i % len(SERIES)], "marker": MARKERS[(i + turn) % len(MARKERS)], "linestyle": LINES[turn % len(LINES)]}


def legend_beside(axes: Axes, **options: Any) -> None:
    """Write the legend to the right of the axes, where it covers nothing; the figure grows by its width."""
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, fontsize=8, frameon=False, **options)
    figure = axes.figure
    figure.canvas.draw()
    size = legend.get_window_extent()
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + size.width / figure.dpi, max(height, size.height / figure.dpi + 1.0))


def text(value: Any) -> str:
    """Return a swept value in a few characters: `2` for 2.0, four digits of a fraction, nothing where a run has none."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e7 else f"{number:.4g}"
    return str(value)


def log_ticks(axis: Axis) -> None:
    """Put the ticks of a logarithmic axis at 1, 2 and 5 times powers of ten, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def name_run(figure: Figure, run: Run) -> None:
    """Write above a figure which run it shows."""
    figure.suptitle(shorten(f"{run.attributes['name']}: {run.id}", 100), x=0.01, ha="left", fontsize=8, color="0.4")


def shorten(text: str, most: int) -> str:
    """Return the text, its middle left out where it is longer than `most` characters."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def mosaic(tiles: np.ndarray, gap: int = 1) -> np.ndarray:
    """Lay [n, rows, columns] tiles out in a square, row by row, with NaN between and behind them."""
    n, height, width = tiles.shape
    across = int(np.ceil(np.sqrt(n)))
    down = -(-n // across)
    picture = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan)
    for i, tile in enumerate(tiles):
        y, x = i // across * (height + gap), i % across * (width + gap)
        picture[y : y + height, x : x + width] = tile
    return picture
