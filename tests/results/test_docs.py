"""The Python examples of the documentation run, on small results of the shape that they take."""

from __future__ import annotations

import re

import matplotlib
import pytest
from conftest import ROOT

matplotlib.use("Agg")


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def execute(page: str, names: dict, replaced: dict[str, str]) -> None:
    for code in examples(page):
        for old, new in replaced.items():
            code = code.replace(old, new)
        exec(compile(code, page, "exec"), names)  # noqa: S102 (our own page)


@pytest.mark.parametrize("of_a_channel", [False, True])
def test_the_examples_of_the_file_format_run(of_a_channel, run, sweep, capsys):
    one = run if of_a_channel else next(r for r in sweep if r.params["vars.w_bits"] == 2)
    names: dict = {}
    execute("results/README.md", names, {"results/lenet_2bit/run-b657f1140408.h5": str(one.path), "results/lenet_bits": str(sweep.path)})
    assert (names["values"] == one.activations("conv1")).all()
    assert one.status in capsys.readouterr().out
