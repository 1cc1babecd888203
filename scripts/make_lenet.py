#!/usr/bin/env python3
"""Writes docs/lenet.md from docs/lenet.in.md: runs its `sh` and `python` blocks and puts what they print behind them.

With `--try FOLDER` it runs the same on built-in digits and for a moment only, writes to FOLDER, and leaves docs/ alone.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r'\.savefig\("docs/(lenet/\w+\.png)".*\)  # (.+)$', re.MULTILINE)


class Runner:
    """Runs blocks one after the other; Python ones share their names, and pictures that they save follow them on the page."""

    def __init__(self, replaced: dict[str, str]) -> None:
        self.replaced = replaced
        self.names: dict[str, Any] = {}

    def __call__(self, block: re.Match[str]) -> str:
        """Return the block, and behind it what it printed and the pictures that it saved, with their comments as text."""
        language, written = block.groups()
        code = written
        for old, new in self.replaced.items():
            code = code.replace(old, new)
        printed = self._shell(code) if language == "sh" else self._python(code)
        output = f"\n```\n{printed.rstrip()}\n```\n" if printed.strip() else ""
        return block.group(0) + output + "".join(f"\n![{text}]({file})\n" for file, text in PICTURE.findall(written))

    def _shell(self, code: str) -> str:
        done = subprocess.run(code, shell=True, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{code}failed:\n{done.stderr}")
        return done.stdout

    def _python(self, code: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/lenet.in.md", "exec"), self.names)  # noqa: S102 (our own page)
        return printed.getvalue()


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--try", dest="trial", type=Path, metavar="FOLDER", help="quickly, on built-in digits, to there")
    parser.add_argument("--program", default="build/qrun", help="default: build/qrun")
    arguments = parser.parse_args()
    replaced = {"build/qrun": str(arguments.program)}
    target = ROOT / "docs"
    if arguments.trial:
        target = arguments.trial.resolve()
        replaced |= {
            "data mnist --from data/mnist --to data/mnist": f"data synthetic-digits --to {target}/digits",
            "data/mnist/test_lmdb": f"{target}/digits/test_lmdb",
            "lenet_2bit.yaml --quiet": f"lenet_2bit.yaml --quiet train.epochs=1 train.iterations_per_epoch=100 --output {target}"
            f" data.train.lmdb={target}/digits/train_lmdb data.test.lmdb={target}/digits/test_lmdb",
            "results/lenet_2bit": f"{target}/lenet_2bit",
            "docs/lenet/": f"{target}/lenet/",
        }
    (target / "lenet").mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(ROOT):
        page = BLOCK.sub(Runner(replaced), (ROOT / "docs/lenet.in.md").read_text("utf-8"))
    (target / "lenet.md").write_text(page, "utf-8")
    print(target / "lenet.md")


if __name__ == "__main__":
    main()
