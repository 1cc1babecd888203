#!/usr/bin/env python3
"""Times LeNet of configs/lenet_2bit.yaml in PyTorch: the peer that scripts/bench.py and scripts/gpu_check.py run beside qrun.

The same network, quantizers (straight-through gradients), solver and batches, written the way a careful PyTorch
user would: eager mode, the whole data set in memory, no loader in the timed loop. Prints one line an epoch. On a GPU also with
torch.compile, or with the whole iteration as one CUDA graph.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH, TEST_BATCH = 64, 100
# uL2Q step over standard deviation for 1 to 8 bits (Cheng et al. 2019; the original system's digits).
STEPS = (
    1.5950161625215948,
    0.99529008541347519,
    0.5872211503939504,
    0.3358904980253396,
    0.18944224088629152,
    0.10570877041455067,
    0.057082736023857356,
    0.030482181036739827,
)


@dataclass
class Summary:
    """What --json writes; epochs in order."""

    torch: str
    threads: int
    mode: str
    iterations: int
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    images_per_second: float = 0.0
    device: str = "cpu"


class Ulq(torch.autograd.Function):
    """uL2Q: 2^bits levels at half-integer multiples of a step, around the mean."""

    @staticmethod
    def forward(ctx, x: Tensor, bits: int) -> Tensor:  # noqa: D102
        deviation, mean = torch.std_mean(x, unbiased=False)
        step = STEPS[bits - 1] * deviation + 1e-7
        half = 2 ** (bits - 1)
        level = torch.clamp((x - mean) / step + 0.5, 1 - half, half).round_()
        return level.sub_(0.5).mul_(step).add_(mean)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return gradient, None


class Clip(torch.autograd.Function):
    """Symmetric uniform levels scaled by the largest magnitude of the batch."""

    @staticmethod
    def forward(ctx, x: Tensor, bits: int) -> Tensor:  # noqa: D102
        step = x.abs().max() / (2 ** (bits - 1) - 1)
        return torch.round(x / step).mul_(step)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return gradient, None


class LeNet(nn.Module):
    """Caffe's LeNet: two convolutions, two linear layers; `bits` None trains it in float."""

    def __init__(self, bits: int | None) -> None:
        super().__init__()
        self.bits = bits
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.score = nn.Linear(500, 10)
        for layer in (self.conv1, self.conv2, self.fc1, self.score):
            bound = (3.0 / layer.weight[0].numel()) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)

    def blobs(self, layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
        """Weight and bias as the layer computes with them."""
        if self.bits is None:
            return layer.weight, layer.bias
        return Ulq.apply(layer.weight, self.bits), Ulq.apply(layer.bias, self.bits)

    def activation(self, x: Tensor) -> Tensor:
        """Quantize a layer's output to 8 bits, unless training in float."""
        return x if self.bits is None else Clip.apply(x, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Images [n, 1, 28, 28] to class scores [n, 10]."""
        x = functional.max_pool2d(self.activation(functional.conv2d(x, *self.blobs(self.conv1))), 2)
        x = functional.max_pool2d(self.activation(functional.conv2d(x, *self.blobs(self.conv2))), 2)
        x = functional.relu(self.activation(functional.linear(x.flatten(1), *self.blobs(self.fc1))))
        return self.score(x)


def read_idx(folder: Path, name: str) -> np.ndarray:
    """Read an MNIST idx file, plain or gzipped, as an array of bytes of its own shape."""
    plain, packed = folder / name, folder / f"{name}.gz"
    content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, offset=4).astype(int)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder: Path, stem: str) -> tuple[Tensor, Tensor]:
    """Images [n, 1, 28, 28] in [0, 1] and labels [n] of one split."""
    images = torch.from_numpy(read_idx(folder, f"{stem}-images-idx3-ubyte").astype(np.float32))
    labels = torch.from_numpy(read_idx(folder, f"{stem}-labels-idx1-ubyte").astype(np.int64))
    return images.unsqueeze(1).div_(255.0), labels


class Trainer:
    """Caffe's SGD with the inv policy over an endless sequence of batches in file order."""

    def __init__(self, network: LeNet, images: Tensor, labels: Tensor, how: str) -> None:
        self.network = network
        self.forward = torch.compile(network) if how == "compile" else network
        self.batches = self.endless(images, labels)
        graph = how == "graph"
        rate = torch.tensor(0.01, device=images.device) if graph else 0.01
        # fused takes the rate from the device; other implementations ask the host for it, which no graph can hold
        on_gpu = images.device.type == "cuda"
        self.solver = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, fused=on_gpu or None)
        self.iteration = 0
        self.graph = self.capture() if graph else None

    @staticmethod
    def endless(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches of views; the last incomplete one of a pass is left out."""
        while True:
            for first in range(0, len(images) - BATCH + 1, BATCH):
                yield images[first : first + BATCH], labels[first : first + BATCH]

    def train(self, iterations: int) -> float:
        """Train on; the loss of the last batch, whose reading waits for the work to be done."""
        loss = torch.zeros(())
        for _ in range(iterations):
            images, labels = next(self.batches)
            rate = 0.01 * (1.0 + 1e-4 * self.iteration) ** -0.75
            loss = self.replay(images, labels, rate) if self.graph else self.step(images, labels, rate)
            self.iteration += 1
        return loss.item()

    def step(self, images: Tensor, labels: Tensor, rate: float | None) -> Tensor:
        """One iteration; without a rate at the one set before."""
        if rate is not None:
            self.solver.param_groups[0]["lr"] = rate
        self.solver.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.forward(images), labels)
        loss.backward()
        self.solver.step()
        return loss

    def capture(self) -> torch.cuda.CUDAGraph:
        """The iteration as a graph on fixed inputs, after a few outside of it as PyTorch asks for."""
        images, labels = next(self.batches)
        self.images, self.labels = images.clone(), labels.clone()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.step(self.images, self.labels, None)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.loss = self.step(self.images, self.labels, None)
        return graph

    def replay(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        """One iteration of the graph."""
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.solver.param_groups[0]["lr"].fill_(rate)
        self.graph.replay()
        return self.loss


@torch.no_grad()
def accuracy(network: LeNet, images: Tensor, labels: Tensor) -> float:
    """Fraction of the test items whose largest score is at their label."""
    right = 0
    for first in range(0, len(images), TEST_BATCH):
        scores = network(images[first : first + TEST_BATCH])
        right += int((scores.argmax(1) == labels[first : first + TEST_BATCH]).sum())
    return right / len(images)


def measure(arguments: argparse.Namespace) -> Summary:
    """Train as the arguments say and report each epoch as it ends."""
    torch.manual_seed(arguments.seed)
    torch.backends.cudnn.allow_tf32 = arguments.tf32  # on by default for convolutions, off for matrix products
    torch.backends.cuda.matmul.allow_tf32 = arguments.tf32
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    network = LeNet(arguments.bits if arguments.mode == "ulq" else None).to(device)
    trainer = Trainer(network, *(x.to(device) for x in load(arguments.data, "train")), arguments.how)
    test = [x.to(device) for x in load(arguments.data, "t10k")] if arguments.test else None
    summary = Summary(torch.__version__, torch.get_num_threads(), arguments.mode, arguments.iterations)
    summary.device = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    trainer.train(arguments.warmup)
    for epoch in range(arguments.epochs):
        start = time.perf_counter()
        loss = trainer.train(arguments.iterations)
        seconds = time.perf_counter() - start
        summary.seconds.append(seconds)
        summary.losses.append(loss)
        line = f"epoch {epoch}: {seconds:.3f} s, {arguments.iterations * BATCH / seconds:.0f} images/s, "
        line += f"train loss={loss:.4f}"
        if test:
            summary.accuracies.append(accuracy(network, *test))
            line += f", test accuracy={summary.accuracies[-1]:.4f}"
        print(line, flush=True)
    summary.images_per_second = arguments.iterations * BATCH / statistics.median(summary.seconds)
    return summary


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the MNIST idx files, plain or .gz")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; default: PyTorch's own choice")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--how", choices=("eager", "compile", "graph"), default="eager", help="graph: with --device cuda")
    parser.add_argument("--tf32", action="store_true", help="let convolutions and products round to TF32; default: float32")
    parser.add_argument("--mode", choices=("ulq", "fp32"), default="ulq")
    parser.add_argument("--bits", type=int, default=2, choices=range(1, 9), help="weight and bias bits of --mode ulq")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=781, help="of an epoch")
    parser.add_argument("--warmup", type=int, default=20, help="iterations before the clock starts")
    parser.add_argument("--seed", type=int, default=0xCAFFE)
    parser.add_argument("--test", action="store_true", help="test accuracy after each epoch, outside the clock")
    parser.add_argument("--json", type=Path, help="write a summary there")
    arguments = parser.parse_args()
    summary = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
