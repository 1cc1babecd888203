"""One run file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Callable, TypeVar

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from . import yaml12
from .errors import ResultsError

FORMAT, FORMAT_VERSION = "qrun-run", 1
_SCALES = "DIMENSION_LIST"  # by which HDF5 ties a data set to its dimension scales
Value = TypeVar("Value")


class _NoSuchName(KeyError):
    """The caller asked for what a sound file does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class Run:
    """What one run left: attributes and metrics are read at once, arrays when they are asked for.

    Attributes
    ----------
    path : Path
        The run file.
    attributes : dict
        Attributes of the file, such as `status`, `seed`, `engine`, `best_test_accuracy` (a fraction), `wall_seconds`.
    params : dict
        Values of what the sweep varies, by dotted address.
    network : dict
        The network with shapes, parameters, multiply-adds, bit-operations and sizes in bits.
    origin : dict
        Engine, products and hashes of the data, as far as the file names them.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.attributes, self.params, self.network, self.origin, self._curves = self._read(_read_summary)
        for name in ("run_id", "status", "config"):
            if not isinstance(self.attributes.get(name), str):
                raise ResultsError(self.path, f"damaged: has no attribute {name} with text")
        self._config = self._parse()

    def __repr__(self) -> str:
        accuracy = self.final_test_accuracy
        return f"<Run {self.id} {self.status}{'' if np.isnan(accuracy) else f', final test accuracy {accuracy:.4f}'}>"

    @property
    def id(self) -> str:
        """The run's name within its sweep; ends with the hash of its configuration."""
        return self.attributes["run_id"]

    @property
    def status(self) -> str:
        """`complete`, `interrupted` or `failed`."""
        return self.attributes["status"]

    def config(self) -> dict[str, Any]:
        """Return the resolved configuration."""
        return copy.deepcopy(self._config)

    def curves(self) -> xr.Dataset:
        """Return loss and accuracy over epochs.

        Returns
        -------
        xarray.Dataset
            Over `epoch`: `train_loss` (mean of the epoch), `lr`, `images_per_second`, `test_loss`, `test_accuracy` (a
            fraction), `test_accuracy_top5` and the like where `metrics.top_k` asks for them. An epoch without a test has NaN;
            of several tests in one epoch it has the last.
        """
        return self._curves

    def metrics(self, kind: str) -> pd.DataFrame:
        """Return metrics as the file has them, one row an entry.

        Parameters
        ----------
        kind : str
            `train`: an entry an epoch; `test`: one a test; `iterations`: one every `train.log_every` iterations, none
            where that is not set.

        Returns
        -------
        pandas.DataFrame
            `iteration` (iterations done), `epoch` but for `iterations`, and what was measured.
        """
        names = {"train", "test", "iterations"}
        if kind not in names:
            raise ValueError(f"no metrics {kind}; there are {', '.join(sorted(names))}")

        def read(file: h5py.File) -> pd.DataFrame:
            group = file["metrics"].get(kind, {})
            return pd.DataFrame({name: column[...] for name, column in group.items()})

        return self._read(read)

    @property
    def final_test_accuracy(self) -> float:
        """Accuracy of the final test, a fraction; NaN unless the run is complete: one that stopped never came to it."""
        return float(self.attributes.get("final_test_accuracy", np.nan)) if self.status == "complete" else float("nan")

    def final_tops(self) -> dict[str, float]:
        """Return the accuracies of the final test by `metrics.top_k`, as `final_test_accuracy_top5`; NaN unless it is complete."""
        names = [name for name in self.attributes if name.startswith("final_test_accuracy_top")]
        return {name: float(self.attributes[name]) if self.status == "complete" else float("nan") for name in names}

    @property
    def final_test_loss(self) -> float:
        """Loss of the final test, which with `train.keep: best` is the best one; NaN unless the run is complete."""
        if self.status != "complete":
            return float("nan")
        if "final_test_loss" in self.attributes:
            return float(self.attributes["final_test_loss"])
        tests = self.metrics("test")  # of a file from before there was the attribute
        if tests.empty:
            return float("nan")
        return float(tests.loss[tests.accuracy.idxmax() if self._config["train"].get("keep") == "best" else len(tests) - 1])

    def layers(self) -> list[str]:
        """Return the names of layers that have parameters, in the network's order."""
        return self._read(lambda file: list(file.get("weights", ())))

    def quantizer(self, layer: str, blob: str = "weight") -> dict[str, Any]:
        """Return method, bits, scale, offset and the rest of a quantizer's attributes; empty without a quantizer."""

        def read(file: h5py.File) -> dict[str, Any]:
            group = self._blob(file, layer, blob)
            names = [name for name in group["codes"].attrs if name != _SCALES] if "codes" in group else []
            return {name: group["codes"].attrs[name] for name in names}

        return self._read(read)

    def codes(self, layer: str, blob: str = "weight") -> np.ndarray:
        """Return the trained integers of a layer.

        Parameters
        ----------
        layer : str
            Name of a layer with parameters.
        blob : str
            `weight` (convolution: output, input, row, column; linear: output, input) or `bias` (output).

        Raises
        ------
        KeyError
            If there is no such layer, or it has no quantizer; `weights` reads those.
        """

        def read(file: h5py.File) -> np.ndarray:
            group = self._blob(file, layer, blob)
            if "codes" not in group:
                raise _NoSuchName(f"{layer} has no quantizer for its {blob}; weights() has its float values")
            return group["codes"][...]

        return self._read(read)

    def weights(self, layer: str, blob: str = "weight") -> np.ndarray:
        """Return the values the network computed with, float32: `scale * code + offset`, or the master's if unquantized."""
        quantizer = self.quantizer(layer, blob)
        if not quantizer:
            return self.master(layer, blob)
        return decode(self.codes(layer, blob), quantizer["scale"], quantizer["offset"])

    def master(self, layer: str, blob: str = "weight") -> np.ndarray:
        """Return the float32 parameters that the solver updates and the quantizer reads."""
        return self._read(lambda file: self._blob(file, layer, blob)["master"][...])

    def statistics(self, layer: str) -> dict[str, Any]:
        """Return `mean` and `variance` by which a batch norm tests, [channel], and `count`, the sum of its batches' weights.

        Raises
        ------
        KeyError
            If there is no such layer, or it is no batch norm.
        """

        def read(file: h5py.File) -> dict[str, Any]:
            path = f"statistics/{layer}"
            if path not in file:
                raise _NoSuchName(f"{self.path} has no running statistics of a layer {layer}")
            return {name: file[path][name][()] for name in ("mean", "variance", "count")}

        return self._read(read)

    def has_activations(self, layer: str) -> bool:
        """Return whether the file holds outputs of a layer."""
        return self._read(lambda file: f"activations/{layer}/codes" in file)

    def activation_codes(self, layer: str) -> np.ndarray:
        """Return the integers of a quantized layer's output: [sample, channel, row, column]."""
        return self._read(lambda file: self._activation(file, layer)["codes"][...])

    def activations(self, layer: str) -> np.ndarray:
        """Return the values of a quantized layer's output for the first test images: [sample, channel, row, column]."""

        def read(file: h5py.File) -> np.ndarray:
            group = self._activation(file, layer)
            return decode(group["codes"][...], group["scale"][...], group["offset"][...])

        return self._read(read)

    def confusion(self) -> xr.DataArray:
        """Return counts of the final test over `true` and `predicted` class."""
        counts = self._read(lambda file: self._of_final_test(file, "metrics/confusion")[...])
        classes = np.arange(len(counts))
        return xr.DataArray(counts, coords={"true": classes, "predicted": classes}, dims=("true", "predicted"), name="count")

    def predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and predicted classes of the final test, each [item]."""
        names = ("test/labels", "test/predictions")
        labels, predictions = self._read(lambda file: [self._of_final_test(file, name)[...] for name in names])
        return labels, predictions

    def _parse(self) -> dict[str, Any]:
        try:
            config = yaml12.parse(self.attributes["config"])
        except yaml12.Error as error:
            line = " ".join(str(error).split())
            raise ResultsError(self.path, f"damaged: its configuration is no YAML: {line}") from error
        if not isinstance(config, dict):
            raise ResultsError(self.path, "damaged: its configuration is no map")
        return config

    def _of_final_test(self, file: h5py.File, name: str) -> h5py.Dataset:
        if name not in file and self.status != "complete":
            raise _NoSuchName(f"{self.path} has no final test (status {self.status})")
        return file[name]

    def _blob(self, file: h5py.File, layer: str, blob: str) -> h5py.Group:
        if f"weights/{layer}/{blob}" not in file:
            if not len(file.get("weights", ())):
                raise _NoSuchName(f"{self.path} holds no weights (status {self.status})")
            raise _NoSuchName(f"{self.path} has no {blob} of a layer {layer}; layers: {', '.join(file['weights'])}")
        return file[f"weights/{layer}/{blob}"]

    def _activation(self, file: h5py.File, layer: str) -> h5py.Group:
        if f"activations/{layer}/codes" not in file:
            known = [name for name, item in file.get("activations", {}).items() if isinstance(item, h5py.Group)]
            raise _NoSuchName(f"{self.path} has no activations of a layer {layer}; layers: {', '.join(known) or 'none'}")
        return file[f"activations/{layer}"]

    def _read(self, read: Callable[[h5py.File], Value]) -> Value:
        """Read from the opened file; what HDF5 finds wrong becomes a ResultsError that names the file."""
        try:
            with h5py.File(self.path, "r") as file:
                _check_format(file, self.path)
                try:
                    return read(file)
                except _NoSuchName:
                    raise
                except KeyError as error:
                    raise ResultsError(self.path, f"damaged: {error.args[0]}") from error
        except FileNotFoundError as error:
            raise ResultsError(self.path, "no such file") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise ResultsError(self.path, _reason(error)) from error


def load(path: str | Path) -> Run:
    """Read a run file.

    Parameters
    ----------
    path : str or Path
        A `results/<name>/<run id>.h5`.

    Raises
    ------
    ResultsError
        If it is missing, damaged, no HDF5, not qrun's, or of a newer format.
    """
    return Run(path)


def decode(codes: np.ndarray, scale: np.ndarray | float, offset: np.ndarray | float) -> np.ndarray:
    """Return `scale * code + offset` in float32, the value that qrun computes with.

    Parameters
    ----------
    codes : ndarray of int
        Any shape.
    scale, offset : float or ndarray
        One for all, or one for each index of the first dimension.
    """

    def along_first(x: np.ndarray | float) -> np.ndarray:
        x = np.asarray(x, np.float32)
        return x.reshape(x.shape + (1,) * (codes.ndim - x.ndim)) if x.ndim else x

    return along_first(scale) * codes.astype(np.float32) + along_first(offset)


def _read_summary(file: h5py.File) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any], xr.Dataset]:
    network = json.loads(file["network"].attrs["json"])
    return _plain(file.attrs), _plain(file["params"].attrs), network, _read_origin(file), _read_curves(file["metrics"])


def _read_origin(file: h5py.File) -> dict[str, Any]:
    """What runs must agree in, beside their configurations, to be compared."""
    origin = {name: file.attrs[name] for name in ("engine", "products", "init_from_hash") if name in file.attrs}
    return origin | {f"data.{name}.hash": group.attrs["hash"] for name, group in file.get("data", {}).items() if "hash" in group.attrs}


def _plain(attributes: h5py.AttributeManager) -> dict[str, Any]:
    """Attributes as Python's own types."""
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in attributes.items()}


def _read_curves(metrics: h5py.Group) -> xr.Dataset:
    train, test = metrics["train"], metrics["test"]
    epochs = train["epoch"][...]
    columns = {"train_loss": "loss_mean", "lr": "lr", "images_per_second": "images_per_second"}
    curves = {name: ("epoch", train[key][...]) for name, key in columns.items()}
    tested = test["epoch"][...]
    for name in [name for name in test if name not in ("epoch", "iteration")]:
        last = dict(zip(tested.tolist(), test[name][...].tolist()))
        curves[f"test_{name}"] = ("epoch", np.array([last.get(epoch, np.nan) for epoch in epochs.tolist()], float))
    return xr.Dataset(curves, coords={"epoch": epochs})


def _check_format(file: h5py.File, path: Path) -> None:
    if file.attrs.get("format") != FORMAT:
        raise ResultsError(path, "an HDF5 file, but not a run of qrun")
    version = int(file.attrs.get("format_version", 0))
    if version > FORMAT_VERSION:
        raise ResultsError(path, f"format version {version} is newer than {FORMAT_VERSION}, which this package reads")


def _reason(error: Exception) -> str:
    """What a user can act on, of the messages of HDF5."""
    text = str(error)
    if "file signature not found" in text:
        return "not an HDF5 file"
    if "truncated" in text:
        return "damaged: the file is cut short"
    if "lock" in text:
        return f"{text}; HDF5_USE_FILE_LOCKING=FALSE reads it without locks"
    return f"damaged: {text}"
