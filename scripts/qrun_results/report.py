"""One HTML file that shows a run or a sweep, and needs no network."""

from __future__ import annotations

import base64
import io
import json
from importlib import resources
from typing import Any, Iterable

import jinja2
import numpy as np
from matplotlib.figure import Figure
from plotly.offline import get_plotlyjs

from . import plots
from .plots import style
from .run import Run
from .sweep import Sweep

PROVENANCE = ("qrun_version", "git_commit", "engine", "device", "instruction_set", "threads", "hostname", "started", "finished")
DETAILED = ("curves", "occupancy", "histograms", "filters", "confusion")  # pictures of a run that is shown alone


def report(results: Run | Sweep) -> str:
    """Return the HTML page of a run, with all its plots, or of a sweep, with a folded section for each run."""
    runs = list(results) if isinstance(results, Sweep) else [results]
    cells = results.cells() if isinstance(results, Sweep) else [results.params]
    configs = {run.id: flatten(run.config()) for run in runs}
    pictures = _sweep_pictures(results) if isinstance(results, Sweep) else _run_pictures(results)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath("report.html.jinja").read_text("utf-8"))
    return template.render(
        title=results.path.name if isinstance(results, Sweep) else results.id,
        columns=_columns(runs, cells),
        swept=_swept(cells),
        rows=[_row(run, {a: v for a, v in row.items() if v is not None}) for run, row in zip(runs, cells)],
        has_reasons=any(run.attributes.get("error") for run in runs),
        pictures=pictures,
        traces=_script_json([_trace(run) for run in runs]),
        differing=differences(configs),
        configs=configs,
        sections=[(run, {key: run.attributes.get(key, "") for key in PROVENANCE}) for run in runs],
        provenance={key: _distinct(run.attributes.get(key, "") for run in runs) for key in PROVENANCE[:-2]},
        plotly=get_plotlyjs(),
    )


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a configuration as dotted addresses and values as text; layers go by their names."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        address = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
            value = {item["name"]: {k: v for k, v in item.items() if k != "name"} for item in value}
        if isinstance(value, dict):
            flat |= flatten(value, f"{address}.")
        else:
            flat[address] = value if isinstance(value, str) else json.dumps(value)  # null, true and false as in YAML
    return flat


def differences(configs: dict[str, dict[str, str]]) -> list[str]:
    """Return the addresses whose values are not the same in all runs."""
    addresses = dict.fromkeys(address for config in configs.values() for address in config)
    return [address for address in addresses if len({config.get(address) for config in configs.values()}) > 1]


def _columns(runs: list[Run], cells: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Headings, and whether a column holds numbers."""
    numbers = ["accuracy %", "best %", "test loss", "KiB", "MMAC", "GBOP", "seconds"]
    reason = [("reason", False)] if any(run.attributes.get("error") for run in runs) else []
    return [("run", False), ("status", False)] + _swept(cells) + [(name, True) for name in numbers] + reason


def _swept(cells: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Addresses of what tells runs apart, and whether all their values are numbers."""
    addresses = dict.fromkeys(address for row in cells for address in row)
    return [(a, all(isinstance(row.get(a) or 0, (int, float)) for row in cells)) for a in addresses]


def _row(run: Run, cells: dict[str, Any]) -> tuple[list[tuple[str, str]], dict[str, Any], list[tuple[str, Any]], str]:
    """What _columns has, each as text and value to sort by: names, swept values by address, numbers; and the reason."""
    attributes, network = run.attributes, run.network
    numbers = [
        (100.0 * run.final_test_accuracy, "{:.2f}"),
        (100.0 * attributes.get("best_test_accuracy", np.nan), "{:.2f}"),
        (run.final_test_loss, "{:.4g}"),
        (network["model_bits"] / 8192, "{:.1f}"),
        (network["macs"] / 1e6, "{:.2f}"),
        (network["bit_operations"] / 1e9, "{:.3f}"),
        (attributes["wall_seconds"], "{:.0f}"),
    ]
    return (
        [(run.id, run.id), (run.status, run.status)],
        cells,
        [(pattern.format(value) if np.isfinite(value) else "", value if np.isfinite(value) else "") for value, pattern in numbers],
        run.attributes.get("error", ""),
    )


def _trace(run: Run) -> dict[str, Any]:
    """What the page draws of a run over its epochs."""
    curves = run.curves()
    return {
        "name": run.id,
        "epoch": curves.epoch.values.tolist(),
        "loss": _json_numbers(curves.train_loss.values),
        "accuracy": _json_numbers(100.0 * curves.test_accuracy.values),
    }


def _json_numbers(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element whatever strings it holds."""
    return json.dumps(value).replace("<", "\\u003c")


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value != ""))


def _sweep_pictures(sweep: Sweep) -> list[tuple[str, str]]:
    """The sweep's plots, those left out that need values which it does not vary."""
    return [picture for kind in ("accuracy", "pareto", "heat_map") if (picture := _picture(kind, sweep))]


def _run_pictures(run: Run) -> list[tuple[str, str]]:
    return [picture for kind in DETAILED if (picture := _picture(kind, run))]


def _picture(kind: str, results: Run | Sweep) -> tuple[str, str] | None:
    try:
        return kind.replace("_", " "), _data_url(getattr(plots, kind)(results))
    except (ValueError, KeyError):  # it does not apply to these results
        return None


def _data_url(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    style.plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
