"""What the checks of this folder share: where the checkout is, trees to try a rule on, and the end of a check."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def problems_in(files: dict[str, str], problems: Callable[[Path], Iterable[str]]) -> list[str]:
    """Write `files` (path: content) below a temporary root and give what a check says of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        return list(problems(root))


def report(check: str, count: int, things: str, problems: Iterable[str]) -> int:
    """Print a line a problem and the sum; the exit code. Nothing to check is a problem, too."""
    found = list(problems)
    for line in found:
        print(line)
    print(f"{check}: {count} {things}, {len(found)} violations")
    return 1 if found or count == 0 else 0
