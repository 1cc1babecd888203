#!/usr/bin/env python3
"""Checks a run file with h5py and numpy alone: layout, attributes, and that codes are what they claim to be.

    check_run_file.py FILE.h5

The quantizers are computed again here from their formulas, in double precision. Prints one line; exits with 1 and a
message at the first thing that is wrong.
"""

from __future__ import annotations

import json
import sys

import h5py
import numpy as np

LAMBDA_ORIGINAL = [1.5950161625215948, 0.99529008541347519, 0.5872211503939504, 0.3358904980253396,
                   0.18944224088629152, 0.10570877041455067, 0.057082736023857356, 0.030482181036739827]
TEXT = ["format", "run_id", "name", "status", "config", "engine", "arithmetic", "device", "instruction_set", "hostname",
        "qrun_version", "git_commit", "started", "finished"]


def require(condition: bool, message: str) -> None:
    if not condition:
        sys.exit(f"check_run_file: {message}")


def half_away(v: np.ndarray) -> np.ndarray:
    return np.sign(v) * np.floor(np.abs(v) + 0.5)


def steps(x: np.ndarray, attributes: dict) -> tuple[np.ndarray, float, float]:
    """Unrounded codes of `x` and their range, in double precision."""
    method, bits = attributes["method"], int(attributes["bits"])
    high = 2 ** (bits - 1)
    if method == "ulq":
        table = LAMBDA_ORIGINAL[bits - 1] if bits <= 8 else 6.2 / (2**bits - 1)
        alpha = table * x.std() + 1e-7
        return (x - x.mean()) / alpha - 0.5, -high, high - 1
    if method == "clip":
        alpha = np.abs(x).max() / (high - 1) if np.abs(x).max() > 0 else 1.0
        return x / alpha, 1 - high, high - 1
    if method == "dynamic_fixed_point":
        fixedpos = np.frexp(np.abs(x).max())[1] - 1 - (bits - 2) if np.abs(x).max() > 0 else 0
        return x / 2.0**fixedpos, 1 - high, high - 1
    delta = 0.7 * np.abs(x).mean()
    return np.where(np.abs(x) > delta, np.sign(x), 0.0), -1, 1


def check_blob(group: h5py.Group, path: str) -> int:
    """Codes, packed bits and attributes of one parameter blob; returns how many codes were compared."""
    master = group["master"][...].astype(np.float64)
    require(group["master"].dtype == np.float32, f"{path}: master is not float32")
    if "codes" not in group:
        return 0
    codes, attributes = group["codes"][...].astype(np.int64), dict(group["codes"].attrs)
    bits = int(attributes["code_bits"])
    require(group["codes"].dtype == (np.int8 if bits <= 8 else np.int16), f"{path}: codes are {group['codes'].dtype}")
    require(codes.min() >= -(2 ** (bits - 1)) and codes.max() < 2 ** (bits - 1), f"{path}: codes outside {bits} bits")
    require(attributes["formula"] == "value = scale * code + offset", f"{path}: formula")
    require(attributes["rounding"] == "half away from zero", f"{path}: rounding")
    if bits < 8:
        stored = np.unpackbits(group["packed"][...], bitorder="little")[: codes.size * bits].reshape(-1, bits)
        levels = (stored.astype(np.int64) << np.arange(bits)).sum(axis=1)
        require(np.array_equal(levels - 2 ** (bits - 1), codes.ravel()), f"{path}: packed differs from codes")
    slices = master.reshape(master.shape[0], -1) if attributes["per_channel"] else master.reshape(1, -1)
    expected, boundary = [], []
    for x in slices:
        v, low, high = steps(x, attributes)
        expected.append(np.clip(half_away(v if attributes["method"] != "ulq" else v + 1) - (attributes["method"] == "ulq"), low, high))
        boundary.append(np.abs(np.abs(v - np.floor(v)) - 0.5) < 1e-3 if not attributes["method"].startswith("ternary") else np.zeros(x.size, bool))
    differs = (np.concatenate(expected).ravel() != codes.ravel()) & ~np.concatenate(boundary).ravel()
    require(not differs.any(), f"{path}: {differs.sum()} codes differ from {attributes['method']} of master")
    return codes.size


def main() -> None:
    with h5py.File(sys.argv[1], "r") as f:
        require(f.attrs["format"] == "qrun-run" and f.attrs["format_version"] == 1, "format")
        for name in TEXT:
            require(isinstance(f.attrs[name], str), f"attribute {name} is not text")
        require(f.attrs["status"] == "complete", f"status is {f.attrs['status']}")
        train, test = f["metrics/train"], f["metrics/test"]
        require(list(train["epoch"][...]) == list(range(len(train["epoch"]))), "epochs don't count from 0")
        for group in (train, test):
            for name, column in group.items():
                require(len(column) == len(group["epoch"]), f"{column.name}: length")
                require(name == "epoch" or column.dims[0][0].name == group["epoch"].name, f"{column.name}: no dimension scale")
        labels, predictions = f["test/labels"][...], f["test/predictions"][...]
        require(labels.dtype == np.int32 and predictions.dtype == np.int32, "labels and predictions are not int32")
        confusion = np.zeros_like(f["metrics/confusion"][...])
        np.add.at(confusion, (labels, predictions), 1)
        require(np.array_equal(confusion, f["metrics/confusion"][...]), "confusion differs from the predictions")
        accuracy = float((labels == predictions).mean())
        require(abs(accuracy - f.attrs["final_test_accuracy"]) < 1e-12, "final_test_accuracy differs from the predictions")
        require(accuracy == test["accuracy"][-1] or "keep: best" in f.attrs["config"], "the last test is another one")
        compared = sum(check_blob(blob, f"{layer.name}/{name}") for layer in f["weights"].values() for name, blob in layer.items())
        samples = 0
        for name, group in f["activations"].items() if "activations" in f else []:
            if isinstance(group, h5py.Dataset):
                continue
            samples = len(group["codes"])
            require(group["codes"].ndim == 4 and len(group["scale"]) == samples == len(group["offset"]), f"activations of {name}")
        if samples:
            require(np.array_equal(f["activations/predictions"][...], predictions[:samples]), "activations' predictions")
        network = json.loads(f["network"].attrs["json"])
        require(sum(layer["macs"] for layer in network["layers"]) == network["macs"], "MACs don't add up")
    print(f"{sys.argv[1]}: whole; {compared} codes equal those of their master parameters, {samples} images with activations")


if __name__ == "__main__":
    main()
