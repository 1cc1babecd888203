#!/usr/bin/env python3
"""Writes what the fuzz targets of tests/fuzz start from: one folder a target, with small valid inputs.

The configurations that are shipped, every form that the configuration's grammar knows, and run files made by the program.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import pickle
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

SMALL = """\
vars: {w_bits: 2}
data:
  train: {synthetic_digits: 100, batch_size: 10}
  test: {synthetic_digits: 50, batch_size: 10}
network:
  - {name: a, type: conv2d, out_channels: 1, kernel_size: 5, stride: 4, quantize: {weight: {method: ulq, bits: "${w_bits}"}}}
  - {name: b, type: linear, out_features: 10}
solver: {lr: 0.01}
train: {epochs: 1, iterations_per_epoch: 2}
"""

SWEEPS = [
    "{grid: {vars.w_bits: [1, 2], seed: [1, 2]}}",
    "{zip: {vars.w_bits: [1, 4], solver.lr: [0.1, 0.2]}}",
    "{list: [{vars.w_bits: 1}, {solver.lr: 0.5, seed: 3}]}",
    "{random: {trials: 3, seed: 7, space: {solver.lr: {log_uniform: [1.0e-4, 1.0e-1]}, vars.w_bits: {choice: [1, 2]}}}}",
    "{random: {trials: 2, seed: 1, space: {solver.momentum: {uniform: [0, 0.9]}, seed: {int_uniform: [1, 9]}}}}",
    "{union: [{grid: {vars.w_bits: [1, 4]}}, {list: [{solver.lr: 3}]}], seeds: 2}",
    "{grid: {seed: [1, 2, 3]}, exclude: [{seed: 2}]}",
    "{grid: {solver.lr: {range: [0.1, 0.5, 0.1]}, seed: {range: [9, 1, -4]}}}",
    "{grid: {solver.lr: {logspace: [1e-4, 0.1, 3]}, solver.momentum: {linspace: [0, 0.5, 2]}}}",
    "{grid: {network.a.quantize.weight: [{method: clip, bits: 4}, none], network.*.bias.lr_mult: [2]}}",
]

SECTIONS = [
    *(f"solver: {{type: {name}, lr: 0.1}}" for name in ("nesterov", "adam", "adagrad", "rmsprop", "adadelta")),
    "solver: {lr: 0.1, lr_policy: {type: step, gamma: 0.1, step_size: 5, warmup_iterations: 3}}",
    "solver: {lr: 0.1, lr_policy: {type: multistep, gamma: 0.1, steps: [5, 9]}}",
    "solver: {lr: 0.1, lr_policy: {type: sigmoid, gamma: 0.1, step_size: 5}}",
    "train: {epochs: 3, iterations_per_epoch: 4, test_every: 5, log_every: 1, keep: best, init_from: a.h5}",
    "data: {train: {lmdb: a, batch_size: 7, shuffle: true}, test: {lmdb: b, batch_size: 1}, mean: [1, 2], crop: 20, pad: 2}",
    "cluster: {partition: p, time: '02:00:00', cpus: 16, memory: 8G, pack: 8, options: ['--account=x']}",
    "quantize: {'*': {weight: {method: ternary}, activation: {method: clip, bits: 8, range: ema}}, b: none}",
    "output: {dir: '${env:HOME}'}\nname: &n cpu\nengine: *n",
    "set: {solver.lr: 0.5, network.a.stride: 2}",
    "network: [{name: p, type: avg_pool2d, kernel_size: 3, input: data}, {name: q, type: relu}, {name: s, type: linear, out_features: 9, init: {gaussian: 1}}]",
]

OVERRIDES = [
    "solver.lr=0.5\nseed=0x10\noutput.dir=\"some, where\"",
    "vars.w_bits=1,2,4\nsolver.lr=logspace(1e-3,1e-1,3)",
    "seed=range(1,5,2)\nvars.w_bits=choice(1,4)",
    "sweep.grid={seed: [1, 2]}\nsweep.seeds=2",
    "network.c*.quantize.weight={method: clip, bits: 8}\nnetwork.conv1.quantize=none",
    "sweep=null\ntrain.test_every=null\ncluster.cpus=4",
]


def write(folder: Path, inputs: list[bytes]) -> None:
    """One file an input."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(inputs):
        (folder / f"seed{number:02}").write_bytes(content)


def configurations() -> list[bytes]:
    """Shipped ones and bad ones (on the base that the target has), sweeps, and sections in the place of a small one's."""
    paths = [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "tests" / "bad").rglob("*.yaml")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(paths) if path.stat().st_size < 4096]
    shipped = [re.sub("^base: .*", "base: base.yaml", text, flags=re.MULTILINE).encode() for text in texts]
    swept = [f"{SMALL}sweep: {sweep}\n".encode() for sweep in SWEEPS]
    changed = []
    for section in SECTIONS:
        key = section.split(":")[0] + ":"
        kept = [part for part in SMALL.replace("\n ", "\0 ").splitlines() if not part.startswith(key)]
        changed.append(("\n".join(kept).replace("\0", "\n") + f"\n{section}\n").encode())
    return shipped + swept + changed


def run_files(program: Path) -> tuple[list[bytes], list[bytes]]:
    """Run files and a checkpoint of tiny networks, and the canonical texts in them."""
    files: list[bytes] = []
    texts: list[bytes] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
        for method in ("ulq", "clip"):
            value = f"network.a.quantize={{weight: {{method: {method}, bits: 2}}, activation: {{method: clip, bits: 4}}}}"
            options = ["output.activation_samples=1", f"name={method}", f"output.dir={folder}", value]
            subprocess.run([program, folder / "small.yaml", *options], check=True, capture_output=True)
        for path in sorted(folder.rglob("*.h5")):
            files.append(path.read_bytes())
            with h5py.File(path) as file:
                if "config" in file.attrs:
                    texts.append(file.attrs["config"].encode())
        with h5py.File(folder / "floats.h5", "w") as file:
            file["a/b"] = np.arange(12, dtype=np.float32).reshape(3, 4)
            file["a/empty"] = np.zeros(0)
            file["text"] = "text"
            file.create_dataset("packed", data=np.ones(64), chunks=(16,), compression="gzip", shuffle=True)
        files.append((folder / "floats.h5").read_bytes())
    return files, texts


def varint(number: int) -> bytes:
    """A number below 16384 as protobuf writes it."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def image_files() -> list[bytes]:
    """JPEG and PNG of every kind that is decoded, and CMYK, which is not; small, for the fuzzer changes one byte at a time."""
    smooth = np.add.outer(np.arange(0, 200, 20), np.arange(0, 50, 5)).astype(np.uint8)
    colours = Image.fromarray(np.stack([smooth, smooth.T, 250 - smooth], axis=2))
    forms = [
        *((colours.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        (Image.fromarray(smooth.astype(np.uint16) * 257), "PNG", {}),
        *((colours.convert(mode), "JPEG", {"quality": 50}) for mode in ("L", "RGB", "CMYK")),
        (colours, "JPEG", {"quality": 50, "progressive": True, "subsampling": 2}),
    ]
    files = []
    for image, form, options in forms:
        file = io.BytesIO()
        image.save(file, form, **options)
        files.append(file.getvalue())
    return files


def datums() -> list[bytes]:
    """Caffe's Datum by hand: bytes, floats, images that are encoded, and what is refused."""
    shape = b"\x08\x01\x10\x02\x18\x03"
    return [
        *(b"\x28\x07\x38\x01\x22" + varint(len(file)) + file for file in image_files()),
        b"\x0a" + varint(16) + shape + b"\x22\x06abcdef\x28\x07" + b"\x10\x01",
        shape + b"\x22\x06abcdef\x28\x07",
        shape + b"\x28\x03" + b"".join(b"\x35" + struct.pack("<f", value) for value in range(6)),
        shape + b"\x32\x18" + struct.pack("<6f", *range(6)),
        shape + b"\x22\x02ab\x38\x01",
    ]


def idx_files() -> list[bytes]:
    """Images and labels, plain and compressed."""
    plain = [struct.pack(">IIII", 0x803, 2, 2, 3) + bytes(range(12)), struct.pack(">II", 0x801, 4) + bytes(range(4))]
    return plain + [gzip.compress(content, mtime=0) for content in plain]


def cifar_batches() -> list[bytes]:
    """Binary and pickled ones, of ten and of a hundred classes; the first byte says which to the target."""
    images = np.arange(3072, dtype=np.uint8)[None] % 251
    batch = {"batch_label": "a", "labels": [3], "fine_labels": [42], "data": images, "filenames": ["b.png"]}
    binary = [b"\0\3" + images.tobytes(), b"\2\1\x2a" + images.tobytes()]
    return binary + [bytes([kind]) + pickle.dumps(batch, protocol) for kind in (1, 3) for protocol in range(2, 6)]


def words(node: object) -> set[str]:
    """Keys and names that a JSON schema knows."""
    if isinstance(node, list):
        return set().union(*map(words, node))
    if not isinstance(node, dict):
        return set()
    own = {*node.get("properties", {}), *(name for name in node.get("enum", []) if isinstance(name, str))}
    return own.union(*map(words, node.values()))


def main() -> None:
    """Write all corpora."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "qrun")
    arguments = parser.parse_args()
    files, texts = run_files(arguments.program.resolve())
    shutil.rmtree(arguments.folder, ignore_errors=True)
    write(arguments.folder / "config", configurations())
    schema = subprocess.run([arguments.program.resolve(), "check", "--schema"], check=True, capture_output=True)
    dictionary = "".join(f'"{word}"\n' for word in sorted(words(json.loads(schema.stdout))))
    for target in ("config", "overrides", "run_text"):
        (arguments.folder / f"{target}.dict").write_text(dictionary, encoding="utf-8")
    write(arguments.folder / "run_text", texts)
    write(arguments.folder / "overrides", [text.encode() for text in OVERRIDES])
    write(arguments.folder / "datum", datums())
    write(arguments.folder / "idx", idx_files())
    write(arguments.folder / "cifar", cifar_batches())
    write(arguments.folder / "run_file", files)


if __name__ == "__main__":
    main()
