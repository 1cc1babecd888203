#!/usr/bin/env python3
"""Checks who may include whom: docs/architecture.md has the table, this file enforces it.

Prints one line a violation, `FILE:LINE: what is wrong`, and exits with 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.dont_write_bytecode = True

from checkout import ROOT, report  # noqa: E402  (the line above keeps __pycache__ out of the checkout)

# A folder may always include itself. Generated headers (datum.pb.h) have no folder and are not ours to judge.
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "math": {"core"},
    "quant": {"core", "math"},
    "config": {"core", "math", "quant"},
    "plan": {"core", "math", "quant", "config"},
    "engine": {"core", "math", "quant", "plan"},
    "cpu": {"core", "math", "quant", "plan", "engine"},
    "cuda": {"core", "math", "quant", "plan", "engine"},
    "data": {"core", "math", "quant", "config", "engine"},
    "store": {"core", "math", "quant", "config", "plan", "engine"},
    "report": {"core", "config", "store"},
    "runner": {"core", "math", "quant", "config", "plan", "engine", "data", "store", "report"},
    "cli": {"core", "math", "quant", "config", "plan", "engine", "cpu", "data", "store", "report", "runner"},
}

# Where a folder may include a few headers of another only, and why.
ONLY: dict[tuple[str, str], tuple[set[str], str]] = {
    ("quant", "core"): ({"core/hd.h"}, "nvcc reads src/quant"),
    ("math", "core"): ({"core/hd.h", "core/shape.h", "core/sizes.h"}, "nvcc reads src/math"),
    ("data", "engine"): ({"engine/feed.h"}, "data is what an engine is fed with"),
}

INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
CUDA_CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b.*CUDA")
SUFFIXES = {".cpp", ".h", ".cu", ".cuh"}


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield `(folder, file)` of every C++ and CUDA source below `src` and `cuda`."""
    for top in ("src", "cuda"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES:
                yield "cuda" if top == "cuda" else path.relative_to(root / top).parts[0], path


def include_problem(folder: str, included: str) -> str | None:
    """Say what is wrong with `#include "included"` in a file of `folder`; None if nothing is."""
    if folder not in ALLOWED:
        return f"src/{folder} is not in the table of who may include whom"
    if ".." in Path(included).parts:
        return f'"{included}": a path starts at src, without ..'
    target = included.partition("/")[0] if "/" in included else None
    if target is None:
        return None if included.endswith(".pb.h") else f'"{included}" names no folder; write "{folder}/{included}"'
    few, reason = ONLY.get((folder, target), ({included}, ""))
    if included not in few:
        return f'"{included}": {reason}, which may include {", ".join(sorted(few))} only of {target}'
    if target != folder and target not in ALLOWED[folder]:
        return f'"{included}": {folder} may include {", ".join(sorted(ALLOWED[folder] | {folder}))} only'
    return None


def problems(root: Path) -> Iterator[str]:
    """Yield one line for each violation below `root`."""
    for folder, path in sources(root):
        name = path.relative_to(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if match := INCLUDE.match(line):
                problem = include_problem(folder, match.group(1))
                if problem:
                    yield f"{name}:{number}: {problem}"
            if folder != "cuda" and str(name) != "src/core/hd.h" and CUDA_CONDITION.match(line):
                yield f"{name}:{number}: src has no conditions for CUDA besides core/hd.h; the engine is a plug-in"


def main() -> int:
    """Check the checkout that this file lies in."""
    return report("include rules", sum(1 for _ in sources(ROOT)), "files", problems(ROOT))


if __name__ == "__main__":
    sys.exit(main())
