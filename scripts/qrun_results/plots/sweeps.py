"""What a sweep tells: accuracy over swept values, with intervals over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from ..sweep import Sweep
from .style import MARKERS, ORANGE, SEQUENTIAL, SERIES, grid_behind, new_figure, title

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom; 1.96 beyond.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def half_interval(values: pd.Series) -> float:
    """Return half the 95 % interval of the mean, after Student; NaN for a single value."""
    n = len(values)
    if n < 2:
        return float("nan")
    return float((_T95[n - 2] if n <= 31 else 1.96) * values.std(ddof=1) / np.sqrt(n))


def points(sweep: Sweep) -> tuple[list[str], pd.DataFrame]:
    """Return what varies other than the seed, and one row a point of it.

    Returns
    -------
    addresses : list of str
        Swept addresses with more than one value among the complete runs, the seed left out.
    frame : pandas.DataFrame
        These addresses, `runs`, `accuracy` and `interval` (half of 95 %; both percent), `kib`, `bit_operations`; sorted
        by the addresses.
    """
    frame = sweep.frame()
    frame = frame[frame.status == "complete"]
    if frame.empty:
        raise ValueError(f"{sweep.path} has no complete run to plot")
    swept = [a for a in sweep.swept() if a != "seed"]
    addresses = [a for a in swept if frame[a].nunique(dropna=False) > 1]
    groups = frame.groupby(addresses or swept or "status", sort=True, dropna=False)
    table = pd.DataFrame(
        {
            "runs": groups.size(),
            "accuracy": 100.0 * groups.final_test_accuracy.mean(),
            "interval": 100.0 * groups.final_test_accuracy.apply(half_interval),
            "kib": groups.model_bits.first() / 8192.0,
            "bit_operations": groups.bit_operations.first(),
        }
    )
    return addresses, table.reset_index()


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _short(address: str) -> str:
    return address.removeprefix("vars.")


def _labels(table: pd.DataFrame, addresses: list[str]) -> list[str]:
    return [", ".join(f"{_short(a)}={row[a]}" for a in addresses) for _, row in table.iterrows()]


def accuracy(sweep: Sweep, over: str = "") -> Figure:
    """Draw the final test accuracy over a swept number, a line for each combination of the other values.

    Parameters
    ----------
    sweep : Sweep
        At least one number must vary.
    over : str
        Its address; by default one whose name ends in `bits`, or the first number that varies.
    """
    addresses, table = points(sweep)
    numbers = [a for a in addresses if _is_number(table[a])]
    over = over or next((a for a in numbers if a.endswith("bits")), numbers[0] if numbers else "")
    if over not in numbers:
        raise ValueError(f"{over or 'nothing'}: not a number that varies in {sweep.path}; {', '.join(numbers) or 'none'} does")
    others = [a for a in addresses if a != over]
    figure, axes = new_figure()
    series = list(table.groupby(others if len(others) > 1 else others[0], sort=True, dropna=False)) if others else [("", table)]
    for i, (_, rows) in enumerate(series):
        style = {"color": SERIES[i % len(SERIES)], "marker": MARKERS[i % len(MARKERS)]}
        label = _labels(rows.head(1), others)[0] if others else None
        axes.errorbar(rows[over], rows.accuracy, _intervals(rows), capsize=4, linewidth=1.8, markersize=6, label=label, **style)
    ticks = np.sort(table[over].unique())
    if ticks.min() > 0 and ticks.max() / ticks.min() >= 8:
        axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel(_short(over))
    axes.set_ylabel("final test accuracy, %")
    grid_behind(axes)
    if others:
        axes.legend(fontsize=8, frameon=False)
    title(axes, sweep.path.name, _runs(table))
    return figure


def heat_map(sweep: Sweep, x: str = "", y: str = "") -> Figure:
    """Draw the mean final test accuracy over two swept values, all others averaged over.

    Parameters
    ----------
    sweep : Sweep
        At least two values must vary, of which one may be the seed.
    x, y : str
        Their addresses; by default the two with the most values.
    """
    addresses, _ = points(sweep)
    frame = sweep.frame()
    frame = frame[frame.status == "complete"]
    candidates = [*addresses, *(["seed"] if frame.seed.nunique() > 1 else [])]
    candidates.sort(key=lambda address: -frame[address].nunique())
    rest = [a for a in candidates if a not in (x, y)]
    x = x or (rest.pop(0) if rest else "")
    y = y or (rest.pop(0) if rest else "")
    unknown = [a for a in (x, y) if a not in candidates]
    if unknown:
        raise ValueError(f"a heat map needs two values that vary; {sweep.path} has {', '.join(candidates) or 'none'}")
    table = 100.0 * frame.pivot_table("final_test_accuracy", y, x, aggfunc="mean")
    figure, axes = new_figure(size=(6.6, 1.6 + 0.45 * len(table)))
    picture = axes.imshow(table, cmap=SEQUENTIAL, aspect="auto")
    axes.set_xticks(range(table.shape[1]), [str(v) for v in table.columns])
    axes.set_yticks(range(table.shape[0]), [str(v) for v in table.index])
    axes.set_xlabel(_short(x))
    axes.set_ylabel(_short(y))
    low, high = np.nanmin(table.values), np.nanmax(table.values)
    for (row, column), value in np.ndenumerate(table.values):
        if np.isfinite(value):
            light = value < (low + high) / 2
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color="white" if light else "black")
    figure.colorbar(picture, label="final test accuracy, %")
    title(axes, sweep.path.name)
    return figure


def front(size: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return which points no other one beats in both: smaller or equal in size and better in score; indices by size."""
    order = np.lexsort((-score, size))
    best, kept = -np.inf, []
    for i in order:
        if score[i] > best:
            best = score[i]
            kept.append(i)
    return np.array(kept)


def pareto(sweep: Sweep) -> Figure:
    """Draw the final test accuracy against the size of the model, with the Pareto front of the means."""
    addresses, table = points(sweep)
    figure, axes = new_figure()
    axes.errorbar(table.kib, table.accuracy, _intervals(table), fmt="o", color=SERIES[0], capsize=4, markersize=6)
    best = table.iloc[front(table.kib.to_numpy(), table.accuracy.to_numpy())]
    axes.step(best.kib, best.accuracy, where="post", color=ORANGE, linewidth=1.6, label="Pareto front")
    labelled = [a for a in addresses if _is_number(table[a])] or addresses
    for (_, row), label in zip(best.iterrows(), _labels(best, labelled)):
        axes.annotate(label, (row.kib, row.accuracy), xytext=(7, -13), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("model size, KiB (log)")
    axes.set_ylabel("final test accuracy, %")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    grid_behind(axes)
    axes.legend(fontsize=9, frameon=False, loc="lower right")
    title(axes, sweep.path.name, _runs(table))
    return figure


def _intervals(rows: pd.DataFrame) -> np.ndarray | None:
    """Intervals below and above as matplotlib takes them, between 0 and 100 %; it fails where all are NaN."""
    if rows.interval.isna().all():
        return None
    return np.minimum(rows.interval.to_numpy(), [rows.accuracy.to_numpy(), 100.0 - rows.accuracy.to_numpy()])


def _runs(table: pd.DataFrame) -> str:
    low, high = int(table.runs.min()), int(table.runs.max())
    if high == 1:
        return "one run a point"
    return f"mean and 95 % interval over {high if low == high else f'{low} to {high}'} runs"
