#!/usr/bin/env python3
"""Checks a run file against results/README.md with h5py and numpy alone: `check_run_file.py FILE.h5`.

Layout and types, decoding, packed bits, the confusion matrix, and the stored codes against quantizers of its own.
"""

from __future__ import annotations

import json
import re
import sys

import h5py
import numpy as np
from requantize import METHODS

TEXTS = (
    "format run_id name status config engine arithmetic device instruction_set hostname "
    "qrun_version git_commit started finished"
).split()
REALS = ("wall_seconds", "best_test_accuracy", "final_test_accuracy")
TRAIN = {"epoch": "i8", "iteration": "i8", "loss": "f8", "loss_mean": "f8", "lr": "f8", "images_per_second": "f8"}
TEST = {"epoch": "i8", "iteration": "i8", "loss": "f8", "accuracy": "f8"}
ITERATIONS = {"iteration": "i8", "loss": "f8", "lr": "f8"}
EXTRAS = {
    "ulq": ("alpha", "delta"),
    "ternary": ("alpha", "delta"),
    "ternary_quantize": ("alpha", "delta", "fixedpos", "alpha_int"),
    "dynamic_fixed_point": ("alpha", "fixedpos"),
    "clip": ("alpha",),
}


class Wrong(Exception):
    """What the file does not keep of its contract."""


def require(condition: object, message: str) -> None:
    """Raise Wrong unless the condition holds."""
    if not condition:
        raise Wrong(message)


def check_identity(run: h5py.File) -> None:
    """Check the attributes of the file and of /params."""
    attributes = run.attrs
    for name in TEXTS + (["error"] if attributes["status"] == "failed" else []):
        require(isinstance(attributes.get(name), str), f"attribute {name} is missing or not text")
    for name in REALS:
        require(isinstance(attributes.get(name), np.float64), f"attribute {name} is missing or not float64")
    require(attributes["format"] == "qrun-run", "format is not qrun-run")
    require(attributes["format_version"].dtype == np.int64 and attributes["format_version"] == 1, "format_version")
    require(attributes["seed"].dtype == np.uint64, "seed is not uint64")
    require(attributes["threads"].dtype == np.int64, "threads is not int64")
    require(attributes["status"] in ("complete", "interrupted", "failed"), f"status {attributes['status']}")
    for name, value in run["params"].attrs.items():
        known = isinstance(value, (str, np.int64, np.uint64, np.float64, np.int8))
        require(known, f"/params: {name} has type {type(value).__name__}")


def check_data(run: h5py.File) -> None:
    """Check what the file says of the data; nothing in files of before it was recorded."""
    if "data" not in run:
        return
    for name in ("train", "test"):
        attributes = run["data"][name].attrs
        require(isinstance(attributes["path"], str), f"/data/{name}: path is not text")
        for key in ("items", "classes", "batch_size"):
            require(attributes[key].dtype == np.int64 and attributes[key] > 0, f"/data/{name}: {key} {attributes[key]}")
        require(attributes["shape"].dtype == np.int64 and attributes["shape"].shape == (3,), f"/data/{name}: shape")
        require(re.fullmatch("[0-9a-f]{32}", attributes["hash"]), f"/data/{name}: hash {attributes['hash']}")
    if "test" in run:
        require(run["data/test"].attrs["items"] == run["test/labels"].size, "/data/test: other items than /test")


def check_columns(run: h5py.File, path: str, columns: dict[str, str], scale: str) -> int:
    """Check types, lengths and the dimension scale of a group of metrics; gives the length."""
    group = run[path]
    length = group[scale].shape[0]
    for name, kind in columns.items():
        data = group[name]
        require(data.dtype == np.dtype(kind) and data.shape == (length,), f"{path}/{name}: {data.dtype} {data.shape}")
        if name != scale:
            attached = [item.name for item in data.dims[0].values()]
            require(attached == [f"/{path}/{scale}"], f"{path}/{name} is not attached to {scale}: {attached}")
    require(h5py.h5ds.is_scale(group[scale].id), f"{path}/{scale} is no dimension scale")
    require(bool(np.all(np.diff(group["iteration"][:]) > 0)), f"{path}/iteration does not increase")
    return length


def check_metrics(run: h5py.File) -> None:
    """Check the metrics and what the file says of accuracies."""
    epochs = check_columns(run, "metrics/train", TRAIN, "epoch")
    require(np.array_equal(run["metrics/train/epoch"][:], np.arange(epochs)), "epochs do not count from 0")
    tests = check_columns(run, "metrics/test", TEST, "epoch")
    if "iterations" in run["metrics"]:
        check_columns(run, "metrics/iterations", ITERATIONS, "iteration")
    if run.attrs["status"] == "complete":
        require(epochs > 0 and tests > 0 and "test" in run, "complete, but without an epoch or a test")
    if tests:
        best = run["metrics/test/accuracy"][:].max()
        require(run.attrs["best_test_accuracy"] == best, "best_test_accuracy is not the best of /metrics/test")


def check_test(run: h5py.File) -> None:
    """Check labels, predictions, confusion and accuracy against one another."""
    if "test" not in run:
        require("confusion" not in run["metrics"], "confusion without a test")
        return
    labels, predictions = run["test/labels"], run["test/predictions"]
    require(labels.dtype == np.int32 and predictions.dtype == np.int32, "/test is not int32")
    require(labels.shape == predictions.shape and labels.ndim == 1, "labels and predictions differ in shape")
    confusion = run["metrics/confusion"]
    classes = confusion.shape[0]
    require(confusion.dtype == np.int64 and confusion.shape == (classes, classes), "confusion is not square int64")
    counted = np.zeros((classes, classes), np.int64)
    np.add.at(counted, (labels[:], predictions[:]), 1)
    require(np.array_equal(counted, confusion[:]), "confusion differs from labels and predictions")
    accuracy = np.mean(labels[:] == predictions[:])
    require(abs(accuracy - run.attrs["final_test_accuracy"]) < 1e-9, f"final_test_accuracy is not {accuracy}")


def smallest_type(bits: int) -> np.dtype:
    """Give the smallest signed integer that holds codes of `bits`."""
    return np.dtype(np.int8 if bits <= 8 else np.int16 if bits <= 16 else np.int32)


def check_settings(codes: h5py.Dataset) -> None:
    """Check the attributes that every quantizer has, and the range of the codes."""
    attributes, bits = codes.attrs, int(codes.attrs["code_bits"])
    method = attributes["method"]
    require(method in METHODS, f"{codes.name}: method {method}")
    for name in ("bits", "code_bits", "code_bias"):
        require(attributes[name].dtype == np.int64, f"{codes.name}: {name} is not int64")
    require(bits == (2 if method.startswith("ternary") else attributes["bits"]), f"{codes.name}: code_bits {bits}")
    require(attributes["code_bias"] == (1 if method == "ulq" else 0), f"{codes.name}: code_bias")
    require(attributes["per_channel"].dtype == np.int8, f"{codes.name}: per_channel is not int8")
    require(attributes["rounding"] == "half away from zero", f"{codes.name}: rounding")
    require(attributes["formula"] == "value = scale * code + offset", f"{codes.name}: formula")
    require(attributes["gradient"] in ("ste", "ste_clipped"), f"{codes.name}: gradient")
    require(codes.dtype == smallest_type(bits), f"{codes.name}: {codes.dtype} for {bits} bits")
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    inside = codes.size == 0 or (codes[:].min() >= low and codes[:].max() <= high)
    require(inside, f"{codes.name}: codes outside [{low}, {high}]")


def check_packed(blob: h5py.Group) -> None:
    """Unpack the bits and compare them with the codes."""
    codes, bits = blob["codes"], int(blob["codes"].attrs["code_bits"])
    require(("packed" in blob) == (bits < 8), f"{blob.name}: packed exists for code_bits < 8 only")
    if bits >= 8:
        return
    packed = blob["packed"]
    require(packed.dtype == np.uint8 and packed.shape == ((codes.size * bits + 7) // 8,), f"{packed.name}: shape")
    stream = np.unpackbits(packed[:], bitorder="little")[: codes.size * bits].reshape(-1, bits)
    levels = stream @ (1 << np.arange(bits))
    require(np.array_equal(levels - 2 ** (bits - 1), codes[:].ravel()), f"{packed.name}: differs from the codes")


def check_channel(name: str, master: np.ndarray, codes: np.ndarray, attributes: dict) -> None:
    """Quantize a tensor or channel again and compare codes, scale, offset and the method's own numbers."""
    want = METHODS[attributes["method"]](master.astype(np.float64), attributes)
    differing = (codes != want.codes) & ~want.unsure
    require(not differing.any(), f"{name}: {int(differing.sum())} codes differ from those of its master")
    for key, value in {"scale": want.scale, "offset": want.offset, **want.extra}.items():
        tolerance = 0 if key in ("fixedpos", "alpha_int") else 2 * np.spacing(np.float32(abs(value)))
        require(abs(float(attributes[key]) - value) <= tolerance, f"{name}: {key} is {attributes[key]}, not {value}")
    values = np.float32(attributes["scale"]) * codes.astype(np.float32) + np.float32(attributes["offset"])
    require(values.dtype == np.float32 and np.isfinite(values).all(), f"{name}: values are not finite float32")


def check_codes(blob: h5py.Group) -> int:
    """Check a quantized blob: its attributes, its bits, its codes against its master; gives the number of codes."""
    codes, master = blob["codes"], blob["master"]
    require(codes.shape == master.shape, f"{blob.name}: codes and master differ in shape")
    check_settings(codes)
    check_packed(blob)
    attributes = dict(codes.attrs)
    keys = ("scale", "offset", *EXTRAS[attributes["method"]])
    channels = codes.shape[0] if attributes["per_channel"] else 1
    for key in keys:
        want = np.int64 if key in ("fixedpos", "alpha_int") else np.float32 if key in keys[:2] else np.float64
        shape = (channels,) if attributes["per_channel"] else ()
        found = np.asarray(attributes[key])
        require(found.dtype == want and found.shape == shape, f"{codes.name}: {key} is {found.dtype} {found.shape}")
    rows = zip(master[:].reshape(channels, -1), codes[:].reshape(channels, -1), strict=True)
    for i, (values, integers) in enumerate(rows):
        own = {key: np.asarray(attributes[key]).reshape(-1)[i] for key in keys}
        check_channel(f"{codes.name}[{i}]", values, integers.astype(np.int64), attributes | own)
    return int(codes.size)


def check_weights(run: h5py.File) -> tuple[int, int]:
    """Check all blobs; gives how many there are and how many codes were found equal."""
    blobs = equal = 0
    for layer in run["weights"].values():
        for name, blob in layer.items():
            require(name in ("weight", "bias"), f"{blob.name} is neither weight nor bias")
            require(blob["master"].dtype == np.float32, f"{blob.name}/master is not float32")
            blobs += 1
            if "codes" in blob:
                equal += check_codes(blob)
    return blobs, equal


def check_activations(run: h5py.File) -> int:
    """Check the codes of layer outputs and the labels beside them; gives the number of layers."""
    if "activations" not in run:
        return 0
    activations, layers = run["activations"], 0
    for layer in activations.values():
        if not isinstance(layer, h5py.Group):
            continue
        codes, scale, offset = layer["codes"], layer["scale"], layer["offset"]
        require(codes.ndim == 4, f"{codes.name} has not four dimensions")
        require(scale.shape == offset.shape == (codes.shape[0],), f"{layer.name}: scale or offset is not [samples]")
        require(scale.dtype == offset.dtype == np.float32, f"{layer.name}: scale or offset is not float32")
        require(bool(np.isfinite(scale[:]).all() and np.isfinite(offset[:]).all()), f"{layer.name}: not finite")
        check_settings(codes)
        for name in ("labels", "predictions"):
            first = run["test"][name][: codes.shape[0]]
            require(np.array_equal(activations[name][:], first), f"{layer.name}: {name} are not those of /test")
        layers += 1
    return layers


def check_statistics(run: h5py.File) -> None:
    """Check the running statistics of batch norms: a mean and a variance for each of a layer's weights."""
    for name, layer in run.get("statistics", {}).items():
        mean, variance, count = (layer[key] for key in ("mean", "variance", "count"))
        require(mean.dtype == variance.dtype == np.float32, f"/statistics/{name}: not float32")
        require(count.dtype == np.float64 and count.shape == () and count[()] >= 0, f"/statistics/{name}: count")
        require(mean.shape == variance.shape and mean.ndim == 1, f"/statistics/{name}: mean and variance differ")
        require(bool((variance[:] >= 0).all()), f"/statistics/{name}: a negative variance")


def check_dimensions(run: h5py.File) -> None:
    """Check that each dimension of each data set has one scale of its length, in a group of the data set's path."""

    def visit(name: str, data: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(data, h5py.Dataset) or h5py.h5ds.is_scale(data.id):
            return
        for i, length in enumerate(data.shape):
            found = [(scale.name.rpartition("/")[0], scale.shape) for scale in data.dims[i].values()]
            one = len(found) == 1 and found[0][1] == (length,) and f"/{name}".startswith(f"{found[0][0]}/")
            require(one, f"/{name}: scales of dimension {i} are {found}")

    run.visititems(visit)


def check_network(run: h5py.File) -> None:
    """Check the totals of the network against its layers and against the stored blobs."""
    network = json.loads(run["network"].attrs["json"])
    for key in ("parameters", "macs", "bit_operations", "model_bits_float", "model_bits"):
        require(network[key] == sum(layer[key] for layer in network["layers"]), f"/network: {key} is not the sum")
    parameters = bits = 0
    for layer in run["weights"].values():
        for blob in layer.values():
            parameters += blob["master"].size
            per_value = int(blob["codes"].attrs["code_bits"]) if "codes" in blob else 32
            scales = np.size(blob["codes"].attrs["scale"]) if "codes" in blob else 0
            bits += per_value * blob["master"].size + 64 * scales
    if parameters:
        require(network["parameters"] == parameters, f"/network: parameters is not {parameters}")
        require(network["model_bits"] == bits, f"/network: model_bits is not {bits}")


def check(path: str) -> str:
    """Check a file; gives a line about it, raises Wrong, OSError or KeyError."""
    with h5py.File(path, "r") as run:
        check_identity(run)
        check_data(run)
        check_metrics(run)
        check_test(run)
        blobs, equal = check_weights(run)
        layers = check_activations(run)
        check_statistics(run)
        check_dimensions(run)
        check_network(run)
        epochs = run["metrics/train/epoch"].shape[0]
        return f"{run.attrs['status']}, {epochs} epochs, {blobs} blobs, {equal} codes equal, {layers} activations"


def main(arguments: list[str]) -> int:
    """Check the files named, one line each."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for path in arguments:
        try:
            print(f"{path}: ok: {check(path)}")
        except (Wrong, OSError, KeyError) as problem:
            print(f"{path}: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
