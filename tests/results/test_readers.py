"""Readers of HDF5 that know nothing of qrun open every group of its files."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import h5py
import numpy as np
import pytest
import xarray as xr
from conftest import QUANTIZED, ROOT, qrun

NEW_PYTHON = os.environ.get("NEW_PYTHON")  # one with today's xarray, h5netcdf and netCDF4
NO_VALUES = b"This is a netCDF dimension but not a netCDF variable."

DIMENSIONS = {
    "metrics": {"confusion": ("true", "predicted")},
    "metrics/train": {"loss": ("epoch",), "epoch": ("epoch",)},
    "metrics/test": {"accuracy": ("epoch",)},
    "metrics/iterations": {"loss": ("iteration",)},
    "test": {"labels": ("item",), "predictions": ("item",)},
    "weights/conv1/weight": {"codes": ("output", "input", "row", "column"), "master": ("output", "input", "row", "column"), "packed": ("byte",)},
    "weights/conv1/bias": {"master": ("output",)},
    "weights/score/weight": {"master": ("output", "input")},
    "activations": {"labels": ("sample",)},
    "activations/conv1": {"codes": ("sample", "channel", "row", "column"), "scale": ("sample",)},
}
OF_A_SWEEP = {
    "summary": {"final_test_accuracy": ("run_id",), "vars.w_bits": ("run_id",), "run_id": ("run_id",)},
    "metrics": {"train_loss": ("run_id", "epoch")},
}


@pytest.fixture(scope="module")
def files(results, tmp_path_factory) -> dict[str, pathlib.Path]:
    """A run with everything, one that failed, the file of a sweep, and what quantize made of the first."""
    folder = tmp_path_factory.mktemp("readers")
    qrun(folder, str(ROOT / "configs/smoke.yaml"), "name=full", QUANTIZED, "train.log_every=3", "output.activation_samples=7")
    run = next((folder / "results/full").glob("run-*.h5"))
    qrun(folder, "quantize", str(run), "codes.h5", "--method", "ulq", "--bits", "2", "--per-channel")
    return {
        "run": run,
        "failed": next((results / "failed").glob("run-*.h5")),
        "sweep": results / "sweep_smoke/sweep.h5",
        "codes": folder / "codes.h5",
    }


def groups(path: pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    """What each group of a file holds, by h5py: arrays by name, without axes that are only lengths."""
    found: dict[str, dict[str, np.ndarray]] = {"/": {}}
    with h5py.File(path) as file:

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            parent, _, last = name.rpartition("/")
            if isinstance(item, h5py.Group):
                found[name] = {}
            elif not item.attrs.get("NAME", b"").startswith(NO_VALUES):
                found[parent or "/"][last] = item[...]

        file.visititems(visit)
    return found


def texts(values: np.ndarray) -> list:
    return [item.decode() if isinstance(item, bytes) else item for item in values.ravel().tolist()]


@pytest.mark.parametrize("name", ["run", "failed", "sweep", "codes"])
def test_xarray_opens_every_group(files, name):
    opened = 0
    for path, arrays in groups(files[name]).items():
        with xr.open_dataset(files[name], group=path, engine="h5netcdf", decode_cf=False) as data:
            assert set(data.variables) == set(arrays), path
            for key, values in arrays.items():
                assert data[key].shape == values.shape, f"{path}/{key}"
                assert np.array_equal(texts(data[key].values), texts(values), equal_nan=values.dtype.kind == "f"), f"{path}/{key}"
            opened += 1
    assert opened > 3


def test_dimensions_have_the_names_of_what_they_count(files):
    for file, table in (("run", DIMENSIONS), ("sweep", OF_A_SWEEP)):
        for path, names in table.items():
            with xr.open_dataset(files[file], group=path, engine="h5netcdf") as data:
                assert {name: data[name].dims for name in names} == names, path
    with xr.open_dataset(files["codes"], group="weights/conv1/weight/master", engine="h5netcdf") as data:
        assert data.codes.dims == DIMENSIONS["weights/conv1/weight"]["master"]


def test_runs_of_a_sweep_are_found_by_their_ids(files):
    with xr.open_dataset(files["sweep"], group="summary", engine="h5netcdf") as summary:
        with xr.open_dataset(files["sweep"], group="metrics", engine="h5netcdf") as metrics:
            for run_id in summary.run_id.values:
                last = metrics.test_accuracy.sel(run_id=run_id)[-1]
                assert float(last) == float(summary.final_test_accuracy.sel(run_id=run_id))


def test_axes_take_little_room(files):
    with h5py.File(files["run"]) as file:
        axes = []
        file.visititems(lambda _, item: axes.append(item) if item.attrs.get("NAME", b"").startswith(NO_VALUES) else None)
        assert len(axes) > 10
        assert all(axis.id.get_storage_size() == 0 for axis in axes)


READ = """
import json, sys, warnings
import numpy as np, xarray
warnings.simplefilter("error")
engine, path = sys.argv[1:]
with xarray.open_datatree(path, engine=engine, decode_cf=False) as tree:
    print(json.dumps({node.path.strip("/") or "/": {name: [list(map(str, v.dims)), list(v.shape)] for name, v in node.dataset.variables.items()}
                      for node in tree.subtree}))
"""


def tree(engine: str, path: pathlib.Path) -> dict:
    assert NEW_PYTHON
    done = subprocess.run([NEW_PYTHON, "-c", READ, engine, str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not NEW_PYTHON, reason="NEW_PYTHON names no Python with today's xarray, h5netcdf and netCDF4")
@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
@pytest.mark.parametrize("name", ["run", "failed", "codes"])
def test_datatree_opens_a_whole_file(engine, name, files):
    found = tree(engine, files[name])
    for path, arrays in groups(files[name]).items():
        assert {key: shape for key, (_, shape) in found[path].items()} == {key: list(values.shape) for key, values in arrays.items()}, path
    if name == "run":
        for path, names in DIMENSIONS.items():
            assert {key: tuple(found[path][key][0]) for key in names} == names


@pytest.mark.skipif(not NEW_PYTHON, reason="NEW_PYTHON names no Python with today's xarray, h5netcdf and netCDF4")
def test_datatree_opens_a_sweep_with_its_runs(files):
    found = tree("netcdf4", files["sweep"])
    for path, names in OF_A_SWEEP.items():
        assert {key: tuple(found[path][key][0]) for key in names} == names
    runs = [path for path in found if path.count("/") == 2 and path.endswith("/test")]
    assert len(runs) == 6 and all(list(found[path]) == ["labels", "predictions"] for path in runs)
