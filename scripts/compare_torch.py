#!/usr/bin/env python3
"""Trains networks with qrun and with PyTorch, from the same weights on the same batches, and compares what comes of it.

LeNet with batch norm (configs/lenet_bn.yaml), one with local response normalization, and a small residual network with accumulated, clipped gradients and smoothed labels,
dropout off. PyTorch trains each twice, in float32 and in float64. What rounding does to a run shows in the difference of the two:
a loss of qrun may differ from the one in float64 by four times the largest difference so far, and the rounding of the loss itself.
Then PyTorch tests the trained files, in float and with 2-bit weights, by their weights and running statistics alone: all
predictions must be those that the file holds.

Exit code 77 where PyTorch is missing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from qrun_results import Run, load, write_lmdb  # noqa: E402

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    print(f"skipped: compare_torch needs PyTorch ({error})")
    sys.exit(77)

ITERATIONS, ITEMS, TEST_ITEMS = 50, 1000, 500
ROUNDINGS = 4.0  # of another order of summation, against those between float32 and float64

RESIDUAL = """
data: {train: {lmdb: train, batch_size: 20}, test: {lmdb: test, batch_size: 50}, mean: 100, scale: 0.015625}
network:
  - {name: conv1, type: conv2d, out_channels: 8, kernel_size: 3, stride: 2, padding: 1, bias: false, init: he}
  - {name: bn1, type: batch_norm2d}
  - {name: relu1, type: relu}
  - {name: conv2, type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, bias: false, init: {he: fan_out}}
  - {name: bn2, type: batch_norm2d, bias: {init: {constant: 0.1}}}
  - {name: sum2, type: add, input: [relu1, bn2]}
  - {name: relu2, type: relu}
  - {name: short3, type: conv2d, out_channels: 16, kernel_size: 1, stride: 2, bias: false, init: he, input: relu2}
  - {name: conv3, type: conv2d, out_channels: 16, kernel_size: 3, stride: 2, padding: 1, groups: 4, input: relu2}
  - {name: bn3, type: batch_norm2d, momentum: 0.3}
  - {name: sum3, type: add, input: [short3, bn3], coefficients: [1, 0.5]}
  - {name: leaky3, type: leaky_relu}
  - {name: pool, type: global_avg_pool2d}
  - {name: score, type: linear, out_features: 10, bias: {lr_mult: 2, decay_mult: 0}}
loss: {type: softmax_cross_entropy, label_smoothing: 0.1}
solver: {lr: 0.1, momentum: 0.9, weight_decay: 1.0e-3, clip_gradients: 2}
train: {epochs: 1, accumulate: 2}
"""


NORMALIZED = """
data: {train: {lmdb: train, batch_size: 20}, test: {lmdb: test, batch_size: 50}, mean: 100, scale: 0.015625}
network:
  - {name: conv1, type: conv2d, out_channels: 12, kernel_size: [5, 3], stride: 2, padding: [2, 1]}
  - {name: relu1, type: relu}
  - {name: norm1, type: lrn, size: 5, alpha: 0.5, beta: 0.75, k: 2}
  - {name: pool1, type: max_pool2d, kernel_size: 2}
  - {name: conv2, type: conv2d, out_channels: 16, kernel_size: 3, padding: 2, dilation: 2, groups: 2}
  - {name: relu2, type: relu}
  - {name: norm2, type: lrn, size: 3, alpha: 0.1}
  - {name: score, type: linear, out_features: 10}
solver: {lr: 0.02, momentum: 0.9}
train: {epochs: 1}
"""


@dataclass
class Items:
    """Images [item, channel, row, column] of bytes and their labels."""

    images: np.ndarray
    labels: np.ndarray

    @staticmethod
    def drawn(count: int, seed: int) -> Items:
        """Return noise, under which each class has a picture of its own."""
        pictures = np.random.default_rng(0).integers(0, 256, (10, 1, 7, 7)).repeat(4, 2).repeat(4, 3)
        random = np.random.default_rng(seed)
        labels = random.integers(0, 10, count)
        noise = random.integers(0, 256, (count, 1, 28, 28))
        return Items(((pictures[labels] + noise) // 2).astype(np.uint8), labels)

    def batch(self, first: int, count: int, data: dict[str, Any], kind: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the items from `first` on, over and over, as the network gets them."""
        at = np.arange(first, first + count) % len(self.labels)
        mean = np.float32(data["mean"][0] if data["mean"] else 0)  # of the one channel
        values = (self.images[at].astype(np.float32) - mean) * np.float32(data["scale"])
        return torch.from_numpy(values).to(kind), torch.from_numpy(self.labels[at])


class Network:
    """A network of a run file in PyTorch, by its resolved configuration."""

    def __init__(self, run: Run, kind: torch.dtype, trained: bool = False) -> None:
        self.config = run.config()
        self.layers = {layer["name"]: layer for layer in self.config["network"]}
        self.kind = kind
        read = run.weights if trained else run.master
        self.params: dict[tuple[str, str], Tensor] = {}
        for name in run.layers():
            for blob in ("weight", "bias"):
                if self.layers[name].get(blob, False) is not False:
                    values = torch.from_numpy(np.array(read(name, blob))).to(kind)
                    self.params[name, blob] = values.requires_grad_(not trained)
        norms = [name for name, layer in self.layers.items() if layer["type"] == "batch_norm2d"]
        self.statistics = {name: run.statistics(name) for name in norms} if trained else {}
        self.velocity = {key: torch.zeros_like(param) for key, param in self.params.items()}

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the last layer; statistics are those of the file, or without them those of the batch."""
        outputs = {"data": images}
        for name, layer in self.layers.items():
            outputs[name] = self._layer(layer, [outputs[one] for one in layer["input"]])
        return outputs[self.config["network"][-1]["name"]].flatten(1)

    def _layer(self, layer: dict[str, Any], inputs: list[Tensor]) -> Tensor:
        name, x = layer["name"], inputs[0]
        weight, bias = self.params.get((name, "weight")), self.params.get((name, "bias"))
        match layer["type"]:
            case "conv2d":
                steps = [_pair(layer, key) for key in ("stride", "padding", "dilation")]
                return functional.conv2d(x, weight, bias, *steps, groups=layer["groups"])
            case "linear":
                return functional.linear(x.flatten(1), weight, bias)[:, :, None, None]
            case "max_pool2d":
                return functional.max_pool2d(x, *(_pair(layer, key) for key in ("kernel_size", "stride", "padding")))
            case "global_avg_pool2d":
                return x.mean((2, 3), keepdim=True)
            case "lrn" if layer["region"] == "across":
                return functional.local_response_norm(x, layer["size"], layer["alpha"], layer["beta"], layer["k"])
            case "relu":
                return functional.relu(x)
            case "leaky_relu":
                return functional.leaky_relu(x, layer["negative_slope"])
            case "batch_norm2d":
                return self._batch_norm(layer, x, weight, bias)
            case "dropout" if layer["p"] == 0:
                return x
            case "add":
                return sum(factor * one for factor, one in zip(layer["coefficients"], inputs))
        raise ValueError(f"{name}: no {layer['type']} here")

    def _batch_norm(self, layer: dict[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        if layer["name"] not in self.statistics:
            return functional.batch_norm(x, None, None, weight, bias, training=True, eps=layer["eps"])
        known = self.statistics[layer["name"]]
        mean, variance = (torch.from_numpy(known[key]).to(self.kind) for key in ("mean", "variance"))
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=layer["eps"])

    def iterate(self, batches: list[tuple[Tensor, Tensor]], rate: float) -> float:
        """Make one update by the mean gradient of the batches; return the mean of their losses."""
        loss_keys = self.config["loss"] if isinstance(self.config["loss"], dict) else {}
        loss = torch.zeros((), dtype=self.kind)
        for images, labels in batches:
            scores = self.forward(images)
            loss = loss + functional.cross_entropy(scores, labels, label_smoothing=loss_keys.get("label_smoothing", 0.0))
        loss = loss / len(batches)
        gradients = dict(zip(self.params, torch.autograd.grad(loss, list(self.params.values()))))
        self._step(gradients, rate)
        return loss.item()

    @torch.no_grad()
    def _step(self, gradients: dict[tuple[str, str], Tensor], rate: float) -> None:
        solver = self.config["solver"]
        if solver["clip_gradients"]:
            norm = sum(gradient.double().square().sum() for gradient in gradients.values()).sqrt().item()
            factor = min(1.0, solver["clip_gradients"] / norm)
            gradients = {key: gradient * factor for key, gradient in gradients.items()}
        for (name, blob), param in self.params.items():
            mult = self.layers[name][blob]
            gradient = gradients[name, blob] + solver["weight_decay"] * mult["decay_mult"] * param
            velocity = self.velocity[name, blob]
            velocity.mul_(solver["momentum"]).add_(gradient, alpha=rate * mult["lr_mult"])
            param.sub_(velocity)

    @torch.no_grad()
    def predictions(self, items: Items) -> np.ndarray:
        """Return the class of each item."""
        images, _ = items.batch(0, len(items.labels), self.config["data"], self.kind)
        return torch.cat([self.forward(part).argmax(1) for part in images.split(100)]).numpy()


def _pair(layer: dict[str, Any], key: str) -> tuple[int, int]:
    value = layer[key]
    return tuple(value) if isinstance(value, list) else (value, value)


class Comparison:
    """The runs of one network, in a folder of their own."""

    def __init__(self, program: Path, folder: Path, config: Path, overrides: list[str]) -> None:
        self.program, self.folder, self.config, self.overrides = program, folder, config, overrides
        self.train, self.test = Items.drawn(ITEMS, 1), Items.drawn(TEST_ITEMS, 2)
        write_lmdb(folder / "train", self.train.images, self.train.labels)
        write_lmdb(folder / "test", self.test.images, self.test.labels)

    def run(self, name: str, *overrides: str, quantize: str = "{}") -> Run:
        """Train it with qrun; the run file."""
        changes = ["data.train.lmdb=train", "data.test.lmdb=test", "train.epochs=1", f"name={name}", f"quantize={quantize}", "engine=cpu"]
        subprocess.run(
            [self.program, self.config, *changes, *self.overrides, *overrides], cwd=self.folder, check=True, capture_output=True
        )
        (file,) = (self.folder / "results" / name).glob("run-*.h5")
        return load(file)

    def losses(self, start: Run, rates: np.ndarray, kind: torch.dtype) -> np.ndarray:
        """Train it with PyTorch from the masters of `start`; the loss of each iteration."""
        network = Network(start, kind)
        data, accumulate = network.config["data"], network.config["train"]["accumulate"]
        size = data["train"]["batch_size"]
        losses = []
        for iteration, rate in enumerate(rates):
            numbers = range(iteration * accumulate, (iteration + 1) * accumulate)
            losses.append(network.iterate([self.train.batch(n * size, size, data, kind) for n in numbers], float(rate)))
        return np.array(losses)

    def compare(self) -> list[str]:
        """Return what differs, a line each."""
        start = self.run("start", "train.iterations_per_epoch=1", "solver.lr=1e-30")  # its masters are the initial ones
        trained = self.run("trained", f"train.iterations_per_epoch={ITERATIONS}", "train.log_every=1")
        points = trained.metrics("iterations")
        exact = self.losses(start, points.lr.to_numpy(), torch.float64)
        rounded = self.losses(start, points.lr.to_numpy(), torch.float32)
        theirs = np.maximum.accumulate(np.abs(rounded - exact))
        ours = np.abs(points.loss.to_numpy() - exact)
        print(f"  losses {exact[0]:.4f} to {exact[-1]:.4f} in {len(exact)} iterations; largest difference from float64: ", end="")
        print(f"qrun {ours.max():.2g}, PyTorch in float32 {theirs[-1]:.2g}")
        wrong = np.flatnonzero(ours > ROUNDINGS * theirs + 2.0**-23 * exact)
        problems = [f"iteration {i}: loss {points.loss[i]:.9g}, in float64 {exact[i]:.9g}" for i in wrong]
        two_bits = '{"*": {weight: {method: ulq, bits: 2}}}'
        quantized = self.run("quantized", f"train.iterations_per_epoch={ITERATIONS}", quantize=two_bits)
        for run in (trained, quantized):
            stored = run.predictions()[1]
            differing = int((Network(run, torch.float32, trained=True).predictions(self.test) != stored).sum())
            accuracy = 100 * run.final_test_accuracy
            print(f"  {run.attributes['name']}: {differing} of {len(stored)} predictions differ, accuracy {accuracy:.1f} %")
            if differing:
                problems.append(f"{run.attributes['name']}: {differing} predictions differ")
        return problems


def main() -> int:
    """Compare all networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/qrun")
    arguments = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        residual, normalized = Path(folder) / "residual.yaml", Path(folder) / "normalized.yaml"
        residual.write_text(RESIDUAL, encoding="utf-8")
        normalized.write_text(NORMALIZED, encoding="utf-8")
        lenet = ["data.train.batch_size=40", "network.drop3.p=0"]
        for config, overrides in ((ROOT / "configs/lenet_bn.yaml", lenet), (residual, []), (normalized, [])):
            print(config.stem, flush=True)
            own = Path(folder) / config.stem
            own.mkdir()
            compared = Comparison(arguments.program.resolve(), own, config, overrides)
            problems += [f"{config.stem}: {problem}" for problem in compared.compare()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
