#!/usr/bin/env python3
"""What each kind of layer does in each command and tool: everywhere.py PROGRAM, from the root of the repository.

One network with every kind of layer and every key of training is trained, and then goes through each of them. docs/everywhere.md is
the table of which of these tests stands for which cell.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

from program import PROGRAM, ROOT, ProgramTest, main

sys.path.insert(0, str(ROOT / "scripts"))
import qrun_results  # noqa: E402  (a folder beside)

CONFIG = str(ROOT / "tests/engine/every_layer.yaml")
# The keys that change training for every layer, away from their defaults.
KEYS = (
    "train.test_first=true",
    "train.accumulate=2",
    "solver.regularization=l1",
    "solver.clip_gradients=1",
    "loss={type: softmax_cross_entropy, label_smoothing: 0.1}",
    "metrics.top_k=[1, 3]",
)
SHORT = (*KEYS, "train.epochs=2", "train.keep=last", "--no-progress")


def all_data(file: h5py.File, below: str) -> dict[str, bytes]:
    """All data sets below a group, as bytes."""
    found = {}
    file[below].visititems(lambda name, item: found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None)
    return found


class Everywhere(ProgramTest):
    """Each test takes a copy of one run."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.trained = tempfile.TemporaryDirectory(prefix="qrun-everywhere-")
        cls.addClassCleanup(cls.trained.cleanup)
        command = [PROGRAM, CONFIG, *SHORT, "--engine", "cpu"]
        subprocess.run(command, cwd=cls.trained.name, capture_output=True, check=True, timeout=300)

    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(pathlib.Path(self.trained.name, "results"), self.cwd / "results")
        self.file = self.run_file()
        self.run_of = qrun_results.load(self.file)

    def python(self, *arguments: str | pathlib.Path) -> str:
        """What the package's command prints; it must succeed."""
        command = ["/usr/bin/python3", "-m", "qrun_results", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
        done = subprocess.run(command, cwd=self.cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def layers(self) -> list[dict]:
        """Those of the configuration."""
        return self.run_of.config()["network"]

    def test_the_network_has_every_kind_of_layer(self) -> None:
        schema = json.loads(self.qrun("check", CONFIG, "--schema").stdout)["properties"]["network"]["anyOf"][0]
        kinds = {kind["properties"]["type"]["anyOf"][0]["const"] for kind in schema["items"]["anyOf"] if "properties" in kind}
        self.assertEqual(kinds, {layer["type"] for layer in self.layers()})
        self.assertGreater(len(kinds), 20)

    def test_eval_predicts_the_same(self) -> None:
        self.assertIn("0 of 23 predictions differ", self.qrun("eval", self.file).stdout)

    def test_show_has_what_the_file_says(self) -> None:
        (row,) = json.loads(self.qrun("show", self.file, "--json").stdout)["runs"]
        self.assertEqual(row["status"], "complete")
        self.assertAlmostEqual(row["final_test_accuracy"], self.run_of.final_test_accuracy)
        self.assertGreaterEqual(row["final_test_accuracy_top3"], row["final_test_accuracy"])

    def test_check_names_each_layer_as_the_file_does(self) -> None:
        printed = json.loads(self.qrun("check", CONFIG, "--network").stdout)
        with h5py.File(self.file) as file:
            stored = json.loads(file["network"].attrs["json"])
        self.assertEqual([layer["name"] for layer in stored["layers"]], [layer["name"] for layer in self.layers()])
        self.assertEqual(printed, stored)

    def test_quantize_copies_what_is_no_weight(self) -> None:
        self.qrun("quantize", self.file, "coarse.h5", "--method", "ulq", "--bits", "2")
        with h5py.File(self.file) as before, h5py.File(self.cwd / "coarse.h5") as after:
            for group in ("statistics", "metrics"):
                self.assertEqual(all_data(before, group), all_data(after, group), group)
            self.assertEqual(set(after["weights"]), set(before["weights"]))

    def test_the_package_reads_each_blob(self) -> None:
        with h5py.File(self.file) as file:
            blobs = [(layer, blob) for layer in file["weights"] for blob in file["weights"][layer]]
            norms = list(file["statistics"])
        self.assertGreater(len(blobs), 12)
        for layer, blob in blobs:
            values = self.run_of.weights(layer, blob)
            self.assertTrue(np.isfinite(values).all(), (layer, blob))
            self.assertEqual(values.shape, self.run_of.master(layer, blob).shape)
        self.assertEqual(norms, [layer["name"] for layer in self.layers() if layer["type"] == "batch_norm2d"])
        for layer in norms:
            self.assertGreater(self.run_of.statistics(layer)["count"], 0)

    def test_the_first_test_is_where_asked_for(self) -> None:
        self.assertEqual(self.run_of.metrics("test").iteration.iloc[0], 0)

    def test_plots_are_drawn(self) -> None:
        for kind in ("curves", "histograms", "occupancy", "confusion"):
            self.python("plot", kind, self.file, "-o", f"{kind}.png")
            self.assertGreater((self.cwd / f"{kind}.png").stat().st_size, 5000, kind)

    def test_the_report_names_each_layer(self) -> None:
        self.python("report", self.file, "-o", "page.html")
        page = (self.cwd / "page.html").read_text(encoding="utf-8")
        for layer in self.layers():
            self.assertIn(layer["name"], page)

    def test_tensorboard_has_each_metric(self) -> None:
        self.python("tensorboard", self.file, "-o", "logs")
        (events,) = (self.cwd / "logs").rglob("events*")
        written = events.read_bytes()
        for kind in ("train", "test"):
            for column in self.run_of.metrics(kind).columns.difference(["epoch", "iteration"]):
                self.assertIn(f"{kind}/{column}".encode(), written)

    def test_submit_writes_a_script(self) -> None:
        self.assertIn("#SBATCH --array=0-0", self.qrun("submit", CONFIG, "--dry-run").stdout)

    def test_the_check_engine_finds_no_difference(self) -> None:
        programs = self.cwd / "bin"
        programs.mkdir()
        for file in (PROGRAM, PROGRAM.parent / "emulated" / "libqrun_cuda.so"):
            shutil.copy2(file, programs)
        few = (*KEYS, "train.epochs=1", "train.iterations_per_epoch=2", "--no-progress", "--engine", "check", "--output", "checked")
        self.qrun(CONFIG, *few, executable=programs / "qrun")
        (file,) = (path for path in (self.cwd / "checked").glob("*/*.h5") if path.name != "sweep.h5")
        self.assertEqual(qrun_results.load(file).status, "complete")

    def test_a_pack_changes_no_bit(self) -> None:
        two = (CONFIG, *SHORT, "sweep.grid={seed: [1, 2]}", "--engine", "cpu")
        found = []
        for pack in ("1", "2"):
            self.qrun(*two, "--pack", pack, "--output", f"pack{pack}")
            masters = []
            for path in sorted((self.cwd / f"pack{pack}").glob("*/seed=*.h5")):
                with h5py.File(path) as file:
                    masters.append(all_data(file, "weights"))
            self.assertEqual(len(masters), 2)
            found.append(masters)
        self.assertEqual(*found)


if __name__ == "__main__":
    main()
