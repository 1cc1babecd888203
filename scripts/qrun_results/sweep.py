"""The runs of one results folder."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Iterator

import pandas as pd
import xarray as xr

from .errors import ResultsError
from .run import Run

_NOT_RUNS = {"sweep.h5"}


class Sweep:
    """All readable runs of a folder, sorted by what was swept.

    Attributes
    ----------
    path : Path
        The folder.
    runs : list of Run
        Runs whatever their status; those that still train have no file yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise ResultsError(path, "no such folder")
        self.runs: list[Run] = []
        known: dict[str, Path] = {}
        for file in sorted(self.path.glob("*.h5")):
            if file.name in _NOT_RUNS:
                continue
            try:
                run = Run(file)
            except ResultsError as error:
                warnings.warn(f"skipped {error}", stacklevel=3)
                continue
            if run.id in known:
                warnings.warn(f"skipped {file}: the same run as {known[run.id]}", stacklevel=3)
                continue
            known[run.id] = file
            self.runs.append(run)
        if not self.runs:
            raise ResultsError(path, "holds no readable run file")
        addresses = sorted(self.swept(), key=lambda address: sum(address not in run.params for run in self.runs))
        self.runs.sort(key=lambda run: [_order(run.params, address) for address in addresses])

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __repr__(self) -> str:
        return f"<Sweep {self.path}, {len(self)} runs over {', '.join(self.swept()) or 'nothing'}>"

    def swept(self) -> list[str]:
        """Return the dotted addresses of what differs between runs."""
        return list(dict.fromkeys(address for run in self.runs for address in run.params))

    def frame(self) -> pd.DataFrame:
        """Return one row a run.

        Returns
        -------
        pandas.DataFrame
            Indexed by run id: status, each swept value under its dotted address, `seed`, `final_test_accuracy` and
            `best_test_accuracy` (fractions), `final_test_loss`, `model_bits`, `macs` and `bit_operations` (of one
            image), `wall_seconds`, `error`. What is final is NaN for a run that is not complete.
        """
        return pd.DataFrame([_row(run) for run in self.runs]).set_index("run_id")

    def curves(self) -> xr.Dataset:
        """Return the curves of all runs over `run` (ids) and `epoch`; epochs that a run does not have are NaN."""
        ids = pd.Index([run.id for run in self.runs], name="run")
        return xr.concat([run.curves() for run in self.runs], dim=ids, join="outer")


def load_sweep(path: str | Path) -> Sweep:
    """Read a results folder.

    Parameters
    ----------
    path : str or Path
        A `results/<name>`. Its run files are read, not `sweep.h5`, which may be older than they are.

    Warns
    -----
    UserWarning
        For each file that cannot be read, and each copy of a run that another file holds; they are skipped.

    Raises
    ------
    ResultsError
        If there is no such folder, or no run in it can be read.
    """
    return Sweep(path)


def _order(params: dict[str, Any], address: str) -> tuple[bool, bool, Any]:
    """Numbers before text before no value at all, as in a union of sweeps."""
    value = params.get(address, 0)
    return address not in params, isinstance(value, str), value


def _row(run: Run) -> dict[str, object]:
    return {
        "run_id": run.id,
        "status": run.status,
        "seed": run.attributes["seed"],
        **run.params,
        "final_test_accuracy": run.final_test_accuracy,
        "best_test_accuracy": run.attributes.get("best_test_accuracy"),
        "final_test_loss": run.final_test_loss,
        "model_bits": run.network["model_bits"],
        "macs": run.network["macs"],
        "bit_operations": run.network["bit_operations"],
        "wall_seconds": run.attributes["wall_seconds"],
        "error": run.attributes.get("error", ""),
    }
