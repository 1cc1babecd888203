"""What a sweep tells: accuracy over swept values, with intervals over seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ..sweep import Sweep
from .style import ORANGE, SEQUENTIAL, SERIES, grid_behind, legend_beside, log_ticks, new_figure, series_style, text, title

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def half_interval(values: pd.Series) -> float:
    """Return half the 95 % interval of the mean, after Student; NaN for a single value."""
    n = len(values)
    if n < 2:
        return float("nan")
    return float(_student(n - 1) * values.std(ddof=1) / np.sqrt(n))


def _student(degrees: int) -> float:
    """From the table; beyond it the first terms of the expansion about the normal quantile (Abramowitz, Stegun 26.7.5)."""
    if degrees <= len(_T95):
        return _T95[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def points(sweep: Sweep) -> tuple[list[str], pd.DataFrame]:
    """Return what varies other than the seed, and one row a point of it.

    Returns
    -------
    addresses : list of str
        Addresses with more than one value among the complete runs, the seed left out.
    frame : pandas.DataFrame
        These addresses, `runs`, `accuracy` and `interval` (half of 95 %; both percent), `kib`, `bit_operations`; sorted
        by the addresses.
    """
    frame = sweep.frame()
    frame = frame[frame.status == "complete"]
    if frame.empty:
        raise ValueError(f"{sweep.path} has no complete run to plot")
    swept = sweep.axes()
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


def _address(name: str, known: list[str], path: Path, what: str = "value") -> str:
    """The address that a name means; its end will do where that is clear: `w_bits` for `vars.w_bits`."""
    found = [a for a in known if a == name] or [a for a in known if a.endswith(f".{name}")]
    if len(found) != 1:
        raise ValueError(f"{name}: not a {what} that varies in {path}; choose from {', '.join(known) or 'nothing'}")
    return found[0]


def _labels(table: pd.DataFrame, addresses: list[str]) -> list[str]:
    """Swept values of each row; those that it does not have, as in a union of sweeps, are left out."""
    rows = [[f"{_short(a)}={text(row[a])}" for a in addresses if text(row[a])] for _, row in table.iterrows()]
    return [", ".join(row) or "as configured" for row in rows]


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
    if not numbers:
        raise ValueError(f"no number varies in {sweep.path}, so there is nothing to draw accuracy over")
    over = _address(over, numbers, sweep.path, "number") if over else next((a for a in numbers if a.endswith("bits")), numbers[0])
    left_out = int(table[over].isna().sum())
    table = table[table[over].notna()]
    others = [a for a in addresses if a != over and table[a].nunique(dropna=False) > 1]
    figure, axes = new_figure()
    series = list(table.groupby(np.array(_labels(table, others)), sort=False))  # sorted as the table is
    for i, (label, rows) in enumerate(series):
        look = {"capsize": 4, "linewidth": 1.8, "markersize": 6, **series_style(i)}
        axes.errorbar(rows[over], rows.accuracy, _intervals(rows), label=label, **look)
    ticks = np.sort(table[over].unique())
    wide = ticks.min() > 0 and ticks.max() / ticks.min() >= 8
    if wide:
        axes.set_xscale("log", base=2)
    places = np.log(ticks) if wide else ticks
    gap = np.diff(places).min() / np.ptp(places) if len(ticks) > 1 else 1.0
    if gap > 0.04:  # else labels at all of them would lie over each other
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: text(float(value)))
        _turn_long_labels(axes, [text(float(value)) for value in ticks], gap)
    elif wide:
        log_ticks(axes.xaxis)
    axes.set_xlabel(f"{_short(over)}{' (log)' if wide else ''}")
    axes.set_ylabel("final test accuracy, %")
    grid_behind(axes)
    title(axes, sweep.path.name, _runs(table) + (f"; {left_out} without {_short(over)} left out" if left_out else ""))
    if others:
        legend_beside(axes, ncol=-(-len(series) // 24))
    return figure


def _turn_long_labels(axes: Axes, labels: list[str], gap: float) -> None:
    """Turn the labels of the horizontal axis where they are longer than the least gap, a fraction of its length."""
    longest = max(len(label) for label in labels)
    if longest + 1 > 58 * gap:
        axes.figure.set_figheight(axes.figure.get_figheight() + 0.05 * longest)
        axes.tick_params(axis="x", labelrotation=45)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


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
    x, y = (_address(name, candidates, sweep.path) if name else "" for name in (x, y))
    if len(candidates) < 2:
        raise ValueError(f"a heat map needs two values that vary; {sweep.path} has {', '.join(candidates) or 'none'}")
    if x and x == y:
        raise ValueError(f"a heat map needs two values; {x} is given for both axes")
    x, y = _together(frame, [x] if x else candidates, [y] if y else candidates)
    swept = {address for run in sweep for address in run.params}
    others = [address for address in addresses if address not in swept and address not in (x, y)]
    if others:
        raise ValueError(f"runs in {sweep.path} differ in {', '.join(others)}, too, and are not averaged; name it for an axis")
    cells = frame.dropna(subset=[x, y, "final_test_accuracy"]).groupby([y, x]).final_test_accuracy
    table, counts = 100.0 * cells.mean().unstack(), cells.size()
    figure, axes = new_figure(size=(6.6, min(1.6 + 0.45 * len(table), 20.0)))
    picture = axes.imshow(table, cmap=SEQUENTIAL, aspect="auto")
    axes.set_xticks(range(table.shape[1]), [text(v) for v in table.columns])
    axes.set_yticks(range(table.shape[0]), [text(v) for v in table.index])
    _turn_long_labels(axes, [text(v) for v in table.columns], 1.0 / table.shape[1])
    axes.set_xlabel(_short(x))
    axes.set_ylabel(_short(y))
    low, high = np.nanmin(table.values), np.nanmax(table.values)
    for (row, column), value in np.ndenumerate(table.values):
        if np.isfinite(value):
            look = {"fontsize": min(9.0, 110.0 / table.shape[1]), "color": "white" if value < (low + high) / 2 else "black"}
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", **look)
    figure.colorbar(picture, label="final test accuracy, %")
    over = [_short(a) for a in candidates if a not in (x, y)]
    facts = f"mean over {', '.join(over)}: {_range(counts)} runs a cell" if over else f"{_range(counts)} run a cell"
    title(axes, sweep.path.name, facts)
    return figure


def _together(frame: pd.DataFrame, xs: list[str], ys: list[str]) -> tuple[str, str]:
    """The first two of the addresses that any run has both of; the runs of a union may not."""
    pairs = [(x, y) for x in xs for y in ys if x != y]
    for x, y in pairs:
        if frame[[x, y, "final_test_accuracy"]].notna().all(axis=1).any():
            return x, y
    x, y = pairs[0]
    raise ValueError(f"no run has both {_short(x)} and {_short(y)}{'' if len(pairs) == 1 else ', nor any other two that vary'}")


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(high) if low == high else f"{low} to {high}"


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
    """Draw the final test accuracy against the size of the model, with the Pareto front of the means.

    The points of the front are numbered, above and to the left of each, where by its meaning no other point lies.
    """
    addresses, table = points(sweep)
    figure, axes = new_figure()
    axes.errorbar(table.kib, table.accuracy, _intervals(table), fmt="o", color=SERIES[0], capsize=4, markersize=6)
    best = table.iloc[front(table.kib.to_numpy(), table.accuracy.to_numpy())]
    axes.plot(best.kib, best.accuracy, drawstyle="steps-post", marker="o", markersize=6, color=ORANGE, linewidth=1.6, zorder=3)
    for number, (size, score) in enumerate(zip(best.kib, best.accuracy), 1):
        axes.annotate(str(number), (size, score), xytext=(-4, 3), textcoords="offset points", fontsize=8, ha="right")
    wide = table.kib.max() >= 3 * table.kib.min()
    if wide:
        axes.set_xscale("log")
        log_ticks(axes.xaxis)
    axes.margins(x=0.1)
    axes.set_xlabel("model size, KiB (log)" if wide else "model size, KiB")
    axes.set_ylabel("final test accuracy, %")
    grid_behind(axes)
    title(axes, sweep.path.name, _runs(table))
    names = [f"{number}   {label}" for number, label in enumerate(_labels(best, addresses), 1)]
    nothing = [Line2D([], [], linestyle="none") for _ in names]
    legend_beside(axes, handles=nothing, labels=names, title="Pareto front", handlelength=0, handletextpad=0, alignment="left")
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
