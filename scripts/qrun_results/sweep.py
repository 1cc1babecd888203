"""The runs of one results folder."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pandas as pd
import xarray as xr

from .columns import columns
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
        self.runs = self._read()
        if not self.runs:
            raise ResultsError(path, "holds no readable run file")
        cells = self.cells()
        addresses = sorted(cells[0], key=lambda address: sum(row[address] is None for row in cells))
        order = sorted(range(len(cells)), key=lambda i: [_order(cells[i][address]) for address in addresses])
        self.runs = [self.runs[i] for i in order]
        self._warn_of_others()

    def _read(self) -> list[Run]:
        """One of each run: of copies the one with the run's name, of other contents the one that finished last."""
        known: dict[str, Run] = {}
        for file in sorted(self.path.glob("*.h5")):
            if file.name in _NOT_RUNS or not file.is_file():
                continue
            try:
                run = Run(file)
            except ResultsError as error:
                if "not a run of qrun" not in error.reason:
                    warnings.warn(f"skipped {error}", stacklevel=4)
                continue
            other = known.setdefault(_hash(run.id), run)
            if other is run:
                continue
            kept, left = (run, other) if _rank(run) > _rank(other) else (other, run)
            same = all(run.attributes.get(name) == other.attributes.get(name) for name in ("status", "started", "finished", "wall_seconds"))
            why = f"a copy of {kept.path}" if same else f"{kept.path} is the same run and finished last"
            warnings.warn(f"skipped {left.path}: the same run counts once, {why}", stacklevel=4)
            known[_hash(run.id)] = kept
        return list(known.values())

    def _warn_of_others(self) -> None:
        """Who groups by swept values alone would take runs that differ for replicates."""
        swept = {address for run in self.runs for address in run.params}
        others = [address for address in self.axes() if address not in swept]
        if others:
            warnings.warn(f"{self.path}: runs differ in {', '.join(others)} beside what was swept; group them by axes()", stacklevel=4)

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __repr__(self) -> str:
        return f"<Sweep {self.path}, {len(self)} runs over {', '.join(self.swept()) or 'nothing'}>"

    def swept(self) -> list[str]:
        """Return the dotted addresses of what was swept, and of what else differs between runs."""
        return list(self.cells()[0])

    def axes(self) -> list[str]:
        """Return what tells points apart, the seed left out: runs that agree in all of it are replicates."""
        return [address for address in self.swept() if address != "seed"]

    def cells(self) -> list[dict[str, Any]]:
        """Return the values of swept() of each run; None where it has none."""
        return columns([run.params for run in self.runs], [run.config() for run in self.runs], [run.origin for run in self.runs])

    def frame(self) -> pd.DataFrame:
        """Return one row a run.

        Returns
        -------
        pandas.DataFrame
            Indexed by run id: status, each value of swept() under its dotted address, `seed`, `final_test_accuracy` (and
            `final_test_accuracy_top5` and the like, by `metrics.top_k`), `best_test_accuracy` (fractions), `final_test_loss`, `model_bits`, `macs` and `bit_operations` (of one
            image), `wall_seconds`, `error`. What is final is NaN for a run that is not complete.
        """
        return pd.DataFrame([_row(run, row) for run, row in zip(self.runs, self.cells())]).set_index("run_id")

    def means(self, column: str = "final_test_accuracy") -> pd.DataFrame:
        """Return one row a point: the mean over its seeds.

        Parameters
        ----------
        column : str
            A column of frame() with numbers.

        Returns
        -------
        pandas.DataFrame
            Indexed by the values of axes(), in the order of the runs, or one row where there are none: `mean`, and `runs`,
            the number of runs that have a value.
        """
        points = self.axes() or np.zeros(len(self), int)
        values = self.frame().groupby(points, dropna=False, sort=False)[column]
        return pd.DataFrame({"mean": values.mean(), "runs": values.count()})

    def curves(self) -> xr.Dataset:
        """Return the curves of all runs over `run` (ids) and `epoch`; epochs that a run does not have are NaN."""
        ids = pd.Index([run.id for run in self.runs], name="run")
        curves = [run.curves() for run in self.runs]
        names = dict.fromkeys(str(name) for one in curves for name in one)
        nothing = [{name: ("epoch", np.full(one.epoch.size, np.nan)) for name in names if name not in one} for one in curves]
        return xr.concat([one.assign(none) for one, none in zip(curves, nothing)], dim=ids, join="outer")


def load_sweep(path: str | Path) -> Sweep:
    """Read a results folder.

    Parameters
    ----------
    path : str or Path
        A `results/<name>`. Its run files are read, not `sweep.h5`, which may be older than they are.

    Warns
    -----
    UserWarning
        For each file that cannot be read, and each copy of a run that another file holds; they are skipped. Where runs
        differ in more than was swept. HDF5 files that are not qrun's are passed over.

    Raises
    ------
    ResultsError
        If there is no such folder, or no run in it can be read.
    """
    return Sweep(path)


def _order(value: Any) -> tuple[bool, bool, Any]:
    """Numbers before text before no value at all, as in a union of sweeps."""
    return value is None, isinstance(value, str), 0 if value is None else value


def _hash(run_id: str) -> str:
    """The hash at the end of an id, by which runs are recognised; all of it where there is none."""
    found = re.search("-([0-9a-f]{12})$", run_id)
    return found.group(1) if found else run_id


def _rank(run: Run) -> tuple[bool, str, bool]:
    return run.status in ("complete", "failed"), str(run.attributes.get("finished", "")), run.path.stem == run.id


def _row(run: Run, cells: dict[str, Any]) -> dict[str, object]:
    return {
        "run_id": run.id,
        "status": run.status,
        "seed": run.attributes["seed"],
        **{address: value for address, value in cells.items() if address != "seed"},
        "final_test_accuracy": run.final_test_accuracy,
        **run.final_tops(),
        "best_test_accuracy": run.attributes.get("best_test_accuracy"),
        "final_test_loss": run.final_test_loss,
        "model_bits": run.network["model_bits"],
        "macs": run.network["macs"],
        "bit_operations": run.network["bit_operations"],
        "wall_seconds": run.attributes["wall_seconds"],
        "error": run.attributes.get("error", ""),
    }
