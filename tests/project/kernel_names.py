#!/usr/bin/env python3
"""Checks the names in cuda/, so that a profile can be read and an operation be found.

A kernel is called NAME_kernel, no two share a name, and the operations of X.cu have their CPU side in src/cpu/X.cpp. Prints one
line a violation, `FILE:LINE: what is wrong`, and exits with 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.dont_write_bytecode = True

from checkout import ROOT, report  # noqa: E402  (the line above keeps __pycache__ out of the checkout)

# On the CPU an item becomes an image while it is read: src/data does it. Biases behind a library's products are CUDA's alone.
WITHOUT_CPU_FILE = {"bias", "gather"}

LAUNCH_BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
KERNEL = re.compile(rf"__global__\s+{LAUNCH_BOUNDS}void\s+{LAUNCH_BOUNDS}(\w+)\s*\(")
GLOBAL = re.compile(r"__global__")


def sources(root: Path) -> Iterator[Path]:
    """Yield every file of `cuda` that may hold kernels."""
    return (path for path in sorted((root / "cuda").rglob("*")) if path.suffix in {".cu", ".cuh", ".h"})


def kernels(path: Path) -> Iterator[tuple[int, str | None]]:
    """Yield line and name of each kernel in a file; no name where it can't be read."""
    text = path.read_text(encoding="utf-8")
    for mark in GLOBAL.finditer(text):
        match = KERNEL.match(text, mark.start())
        yield text.count("\n", 0, mark.start()) + 1, match.group(1) if match else None


def problems(root: Path) -> Iterator[str]:
    """Yield one line for each violation below `root`."""
    first: dict[str, str] = {}
    for path in sources(root):
        for number, name in kernels(path):
            place = f"{path.relative_to(root)}:{number}"
            if name is None:
                yield f"{place}: __global__ without `void NAME(` behind it"
                continue
            if not name.endswith("_kernel"):
                yield f"{place}: {name}: a kernel's name ends in _kernel"
            if first.setdefault(name, place) != place:
                yield f"{place}: {name}: {first[name]} has a kernel of this name"
        name = path.stem.removeprefix("direct_")  # another way to do the same
        if path.suffix == ".cu" and name not in WITHOUT_CPU_FILE and not (root / "src/cpu" / f"{name}.cpp").exists():
            yield f"{path.relative_to(root)}:1: there is no src/cpu/{name}.cpp with the same operations"


def main() -> int:
    """Check the checkout that this file lies in."""
    return report("kernel names", sum(1 for path in sources(ROOT) for _ in kernels(path)), "kernels", problems(ROOT))


if __name__ == "__main__":
    sys.exit(main())
