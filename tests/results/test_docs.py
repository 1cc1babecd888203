"""The Python examples of the documentation run, on small results of the shape that they take."""

from __future__ import annotations

import re

import matplotlib
import numpy as np
import pytest
import qrun_results
from conftest import ROOT, qrun
from qrun_results.lmdb_images import read_lmdb

matplotlib.use("Agg")


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def execute(page: str, names: dict, replaced: dict[str, str]) -> None:
    for code in examples(page):
        for old, new in replaced.items():
            code = code.replace(old, new)
        exec(compile(code, page, "exec"), names)  # noqa: S102 (our own page)


def test_an_lmdb_written_as_the_readme_says_trains(tmp_path, monkeypatch):
    pytest.importorskip("lmdb")
    (code,) = (text for text in examples("README.md") if "write_lmdb" in text)
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    labels = random.integers(0, 300, 400)  # above 127, numbers of two bytes
    images = random.integers(0, 256, (400, 3, 28, 20), np.uint8)
    exec(compile(code, "README.md", "exec"), {"images": images, "labels": labels})  # noqa: S102 (our own page)
    assert np.array_equal(read_lmdb("my_train_lmdb"), images.transpose(0, 2, 3, 1))
    mine = [f"data.{part}={{lmdb: my_train_lmdb, batch_size: 50, synthetic_digits: null}}" for part in ("train", "test")]
    qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), *mine, "network.score.out_features=300", "train.epochs=1")
    run = qrun_results.load(next((tmp_path / "results/smoke").glob("run-*.h5")))
    assert np.array_equal(run.predictions()[0], labels)


@pytest.mark.parametrize("of_a_channel", [False, True])
def test_the_examples_of_the_file_format_run(of_a_channel, run, sweep, capsys):
    one = run if of_a_channel else next(r for r in sweep if r.params["vars.w_bits"] == 2)
    names: dict = {}
    files = {"results/lenet_2bit/run-b657f1140408.h5": str(one.path), "results/lenet_bits": str(sweep.path)}
    execute("results/README.md", names, files)
    assert (names["values"] == one.activations("conv1")).all()
    assert one.status in capsys.readouterr().out
