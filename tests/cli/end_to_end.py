#!/usr/bin/env python3
"""Runs the real program as a user would: end_to_end.py PROGRAM, from the root of the repository."""

from __future__ import annotations

import csv
import io
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import h5py
import lmdb
import numpy as np
import yaml
from program import PROGRAM, ROOT, SMOKE, SOME_DIGITS, WITHOUT_GPU, ProgramTest, main

NO_CUDA = r"cuda: no (device|libqrun_cuda\.so)"


def write_database(folder: pathlib.Path, labels: np.ndarray) -> None:
    """An LMDB of blank images of 28 x 28 with these labels."""
    blank = bytes([8, 1, 16, 28, 24, 28, 34, 0x90, 6]) + bytes(28 * 28) + bytes([40])
    with lmdb.open(str(folder), map_size=1 << 26) as database, database.begin(write=True) as view:
        for i, label in enumerate(labels):
            view.put(f"{i:06}".encode(), blank + bytes([label]))


class EndToEnd(ProgramTest):
    def test_trains_tests_evaluates_and_skips_what_is_complete(self) -> None:
        first = self.qrun(SMOKE)
        path = self.run_file()
        self.assertIn(str(path.relative_to(self.cwd)), first.stdout)
        self.assertRegex(first.stderr, r"(?m)^run-[0-9a-f]{12} epoch 0: train loss=\d+\.\d{4}, test accuracy=\d\.\d{4}$")
        self.assertEqual(len(re.findall(r"start run=", first.stderr)), 1)
        self.assertEqual(len(re.findall(r"done run=", first.stderr)), 1)
        self.assertFalse(list(path.parent.glob("*.jsonl")), "the journal goes when the run ends")
        check = subprocess.run([sys.executable, ROOT / "tests/store/check_run_file.py", path], capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertRegex(check.stdout, r"[1-9]\d* codes equal")

        self.assertIn("0 of 500 predictions differ", self.qrun("eval", str(path)).stdout)
        self.assertIn("skip run=", self.qrun(SMOKE).stderr)

        with h5py.File(path) as f:
            before = {name: f[name][...] for name in ("metrics/train/loss", "metrics/test/accuracy", "test/predictions")}
            codes = f["weights/conv1/weight/codes"][...]
        self.qrun(SMOKE, "--force", "--threads", "1")
        with h5py.File(path) as f:
            for name, values in before.items():
                np.testing.assert_array_equal(f[name][...], values, f"{name} with another number of threads")
            np.testing.assert_array_equal(f["weights/conv1/weight/codes"][...], codes)

    def test_eval_sees_changed_codes(self) -> None:
        self.qrun(SMOKE)
        path = self.run_file()
        with h5py.File(path, "r+") as f:
            f["weights/conv1/weight/codes"][...] = -f["weights/conv1/weight/codes"][...] - 1
        self.assertNotIn(" 0 of 500", self.qrun("eval", str(path), code=1).stdout)

    def test_overrides_change_the_run_and_its_id(self) -> None:
        self.qrun(SMOKE, "train.epochs=1", "seed=7", "train.log_every=5", "solver.type=nesterov")
        with h5py.File(self.run_file()) as f:
            self.assertEqual(f.attrs["seed"], 7)
            self.assertEqual(len(f["metrics/train/epoch"]), 1)
            self.assertEqual(f["metrics/iterations/iteration"][0], 5)
            self.assertIn("nesterov", f.attrs["config"])

    def test_a_misspelt_key_is_named_with_its_place_and_nothing_is_written(self) -> None:
        config = pathlib.Path(self.cwd, "a.yaml")
        config.write_text(pathlib.Path(SMOKE).read_text().replace("epochs:", "epoch:", 1))
        done = self.qrun("a.yaml", code=2)
        self.assertRegex(done.stderr, r"(?m)^a\.yaml:\d+:\d+: train\.epoch: .*epochs")
        self.assertEqual(done.stdout, "")
        self.assertEqual([p.name for p in pathlib.Path(self.cwd).iterdir()], ["a.yaml"])

    def test_check_and_run_warn_of_what_a_sweep_leaves_out(self) -> None:
        sweep = "sweep={grid: {seed: [1, 2, 2]}, exclude: [{seed: 9}]}"
        for command in (["check"], ["run", "--dry-run"]):
            done = self.qrun(*command, SMOKE, sweep)
            self.assertIn("exclude[0]: matches no point", done.stderr)
            self.assertIn("equal to an earlier point and left out: 1", done.stderr)

    def test_what_makes_accuracies_incomparable_or_poor_is_warned_of_once(self) -> None:
        sizes = "data.test.batch_size=10,50"
        for command in (["check"], ["run", "--dry-run"], ["run", "--quiet"]):
            said = self.qrun(*command, SMOKE, sizes, "train.epochs=1").stderr
            self.assertEqual(len(re.findall(r"quantize\.activation: takes its range from each batch", said)), 1, said)
        digits = np.repeat(np.arange(10), 120)
        write_database(self.cwd / "sorted", digits)
        write_database(self.cwd / "mixed", np.tile(np.arange(10), 20))
        data = ["data.train={lmdb: sorted, batch_size: 50}", "data.test={lmdb: mixed, batch_size: 50}", "train.epochs=1"]
        for command in (["check"], ["run", "--dry-run"], ["run", "--quiet"]):
            said = self.qrun(*command, SMOKE, *data, "seed=1,2").stderr
            self.assertEqual(len(re.findall(r"data\.train\.shuffle: false takes sorted in its order", said)), 1, said)
            self.assertNotIn("shuffle", self.qrun(*command, SMOKE, *data, "seed=1,2", "data.train.shuffle=true").stderr)
        write_database(self.cwd / "unlabelled", np.zeros(200, int))
        data = ["data.train={lmdb: mixed, batch_size: 50}", "data.test={lmdb: unlabelled, batch_size: 50}", "train.epochs=1"]
        for command in (["check"], ["run", "--dry-run"], ["run", "--quiet"]):
            said = self.qrun(*command, SMOKE, *data, "seed=1,2").stderr
            self.assertEqual(len(re.findall(r"data\.test\.lmdb: the labels of unlabelled are all 0, as where there are none", said)), 1, said)

    def test_options_of_hydra_are_answered_with_what_does_it_here(self) -> None:
        for option in (["-m"], ["--multirun"]):
            for arguments in ([SMOKE, *option, "seed=1,2"], [*option, SMOKE]):
                said = self.qrun(*arguments, code=2).stderr
                self.assertEqual(said, f"qrun: {option[0]} is no option; a comma list is a sweep by itself, such as vars.w_bits=1,2,4\n")
        self.assertIn("qrun check CONFIG --print", self.qrun(SMOKE, "--cfg", "job", code=2).stderr)
        self.assertIn("write seed=3", self.qrun(SMOKE, "+seed=3", code=2).stderr)

    def test_pyyaml_finds_numbers_and_texts_in_what_is_stored(self) -> None:
        changes = ["solver.lr=1e-5", "solver.weight_decay=2.5e-20", "data.scale=1e-10", "output.dir=off", "train.epochs=1"]
        printed = yaml.safe_load(self.qrun("check", SMOKE, "--print", *changes).stdout)
        self.qrun(SMOKE, "--quiet", *changes)
        (path,) = self.cwd.glob("off/smoke/run-*.h5")
        with h5py.File(path) as f:
            stored = yaml.safe_load(f.attrs["config"])
        for found in (printed, stored):
            self.assertEqual((found["solver"]["lr"], found["solver"]["weight_decay"], found["data"]["scale"]), (1e-5, 2.5e-20, 1e-10))
            self.assertEqual(found["output"]["dir"], "off")

    def test_a_dry_run_estimates_what_would_diverge_as_well(self) -> None:
        for override in ("solver.lr=0.01", "solver.lr=1e38", "network.conv1.init={constant: 1e38}"):
            done = self.qrun("run", "--dry-run", "--json", SMOKE, "train.epochs=7", override)
            seconds = json.loads(done.stdout)["estimate"]["seconds"]
            self.assertGreater(seconds, 0, override)
            self.assertLess(seconds, 600, override)

    def test_exit_codes_name_the_kind_of_failure(self) -> None:
        self.assertEqual(len(self.qrun("nothing.yaml", code=2).stderr.splitlines()), 1)
        self.qrun(SMOKE, "--no-such-option", code=2)
        self.assertEqual(self.qrun("chek", SMOKE, code=2).stderr, "qrun: chek is neither a command nor a file; did you mean check?\n")
        self.assertIn("cannot read nothing", self.qrun("nothing", code=2).stderr)
        self.assertIn("command line: solver.lrr=1", self.qrun(SMOKE, "solver.lrr=1", code=2).stderr)
        self.assertRegex(self.qrun(SMOKE, "--engine", "cuda", code=4).stderr, NO_CUDA)
        self.assertRegex(self.qrun(SMOKE, "--engine", "check", code=4).stderr, NO_CUDA)
        self.assertRegex(self.qrun(SMOKE, "--device", "0,1", code=4).stderr, NO_CUDA)
        self.assertIn("cpu has no devices", self.qrun(SMOKE, "--device", "0", "--engine", "cpu", code=2).stderr)
        self.assertIn("not in range", self.qrun(SMOKE, "--device", "0,x", code=2).stderr)
        failed = self.qrun(SMOKE, "solver.lr=1e30", code=1)
        self.assertIn("diverged at iteration", failed.stdout)
        with h5py.File(self.run_file()) as f:
            self.assertEqual(f.attrs["status"], "failed")
            self.assertIn("not finite", f.attrs["error"])

    def test_a_missing_database_is_a_mistake_of_the_configuration(self) -> None:
        done = self.qrun(str(ROOT / "configs/lenet_2bit.yaml"), "data.train.lmdb=nowhere", "data.test.lmdb=nowhere", code=2)
        self.assertIn("data.train.lmdb: nowhere: no such folder", done.stderr)
        self.assertFalse(pathlib.Path(self.cwd, "results").exists())

    def test_an_interrupt_leaves_an_interrupted_run(self) -> None:
        process = subprocess.Popen([PROGRAM, SMOKE, "train.epochs=100000"], cwd=self.cwd, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        journal = pathlib.Path(self.cwd, "results/smoke")
        for _ in range(600):
            if list(journal.glob("*.jsonl")):
                break
            time.sleep(0.05)
        self.assertIn("running", self.qrun("show", "results/smoke").stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        with h5py.File(self.run_file()) as f:
            self.assertEqual(f.attrs["status"], "interrupted")
            self.assertGreater(len(f["metrics/train/loss"]), 0)
            self.assertIn("master", f["weights/conv1/weight"])

    def test_a_run_that_goes_on_is_shown_by_its_journal_and_its_old_file_is_no_result(self) -> None:
        folder = self.cwd / "results/smoke"
        long = (SMOKE, *SOME_DIGITS, "train.epochs=100000")
        self.interrupt(*long, folder=folder, until=".qrun/*.previous.h5")
        with h5py.File(self.run_file()) as f:
            before = len(f["metrics/train/epoch"])
        journal = self.run_file().with_suffix(".jsonl")
        process = subprocess.Popen([PROGRAM, *long, "--quiet"], cwd=self.cwd, env=WITHOUT_GPU, stdout=subprocess.DEVNULL)
        try:
            while not journal.exists() or journal.read_bytes().count(b"\n") < before + 3:
                self.assertIsNone(process.poll())
                time.sleep(0.002)
            process.send_signal(signal.SIGSTOP)
            left = self.qrun(*long, "--no-wait")
            self.assertIn(" running ", left.stdout)
            self.assertNotIn(".h5", left.stdout)
        finally:
            process.kill()
            process.wait()
        (run,) = json.loads(self.qrun("show", "--json", folder).stdout)["runs"]
        self.assertEqual((run["status"], run["epochs"]), ("interrupted", journal.read_bytes().count(b"\n")))

    def test_printed_configuration_reads_back_to_the_same_run(self) -> None:
        text = self.qrun("check", SMOKE, "--print", "seed=9").stdout
        pathlib.Path(self.cwd, "again.yaml").write_text(text)
        self.assertEqual(self.qrun("check", "again.yaml", "--print").stdout, text)

    def test_shipped_configurations_follow_the_schema(self) -> None:
        schema = pathlib.Path(self.cwd, "schema.json")
        schema.write_text(self.qrun("check", "--schema").stdout)
        configs = sorted(str(p) for p in (ROOT / "configs").glob("*.yaml"))
        done = subprocess.run([sys.executable, ROOT / "tests/config/check_schema.py", schema, *configs], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_show_speaks_csv_and_json_and_names_damaged_files(self) -> None:
        self.qrun(SMOKE)
        path = self.run_file()
        rows = list(csv.DictReader(io.StringIO(self.qrun("show", "--csv", "results/smoke").stdout)))
        listed = json.loads(self.qrun("show", "--json", str(path)).stdout)["runs"]
        self.assertEqual(rows[0]["run_id"], listed[0]["run_id"])
        self.assertAlmostEqual(float(rows[0]["final_test_accuracy"]), listed[0]["final_test_accuracy"])
        damaged = path.with_name("run-000000000000.h5")
        damaged.write_bytes(path.read_bytes()[:3000])
        done = self.qrun("show", "results/smoke", code=1)
        self.assertIn("run-000000000000.h5", done.stderr)
        self.assertIn(listed[0]["run_id"], done.stdout)

    def test_quantize_writes_codes_for_every_float_data_set(self) -> None:
        values = np.random.default_rng(1).normal(size=(4, 3, 5)).astype(np.float32)
        with h5py.File(pathlib.Path(self.cwd, "in.h5"), "w") as f:
            f["a/b"] = values
            f["count"] = np.arange(3)
        self.qrun("quantize", "in.h5", "out.h5", "--method", "ulq", "--bits", "2", "--per-channel")
        with h5py.File(pathlib.Path(self.cwd, "out.h5")) as f:
            codes = f["a/b/codes"]
            self.assertEqual(codes.dtype, np.int8)
            self.assertEqual(codes.attrs["scale"].shape, (4,))
            np.testing.assert_allclose(codes.attrs["delta"], values.reshape(4, -1).mean(axis=1), rtol=1e-6)
            self.assertIn("packed", f["a/b"])
            np.testing.assert_array_equal(f["count"][...], np.arange(3))
        for wrong, line in (
            (("x.h5", "--method", "clip"), "--bits: is missing; 2 to 16"),
            (("x.h5", "--method", "clip", "--bits", "4", "--lambda", "paper"), "--lambda: does not belong to clip; leave it out"),
        ):
            self.assertIn(line, self.qrun("quantize", "in.h5", *wrong, code=2).stderr)
        (self.cwd / "mine.yaml").write_text("seed: 1\n")
        self.assertIn("no HDF5 file", self.qrun("quantize", "in.h5", "mine.yaml", "--method", "ulq", "--bits", "2", code=1).stderr)
        self.assertEqual((self.cwd / "mine.yaml").read_text(), "seed: 1\n")
        self.assertIn("--bits: 9 is outside [2, 2] for ternary", self.qrun("quantize", "in.h5", "x.h5", "--method", "ternary", "--bits", "9", code=2).stderr)

    def test_synthetic_digits_can_be_written_as_lmdb(self) -> None:
        self.qrun("data", "synthetic-digits", "--to", "digits", "--train", "300", "--test", "50")
        self.qrun(SMOKE, "data.train={lmdb: digits/train_lmdb, batch_size: 50}", "data.test={lmdb: digits/test_lmdb, batch_size: 20}", "train.epochs=1")
        with h5py.File(self.run_file()) as f:
            self.assertEqual(len(f["test/labels"]), 50)

    def test_a_network_is_described_without_its_data(self) -> None:
        lenet = ROOT / "configs/lenet_bn.yaml"
        network = json.loads(self.qrun("check", lenet, "--network", "--input", "1,28,28").stdout)
        self.assertEqual((network["parameters"], network["macs"]), (583242, 4267008))
        layers = {layer["name"]: layer for layer in network["layers"]}
        self.assertEqual(layers["pool1"]["output_shape"], [32, 12, 12])
        self.assertEqual(layers["conv2"]["bits"], {"weight": 2, "bias": 32, "activation": 32})
        self.assertEqual(layers["ip2"]["bits"]["weight"], 8)
        self.assertEqual(layers["conv2"]["signed"], {"weight": 1, "bias": 1, "activation": 1})
        self.assertEqual(layers["bn1"]["bits"]["weight"], 32, "a pattern reaches no batch norm")
        self.assertEqual(layers["relu1"]["input"], ["bn1"])
        residual = json.loads(self.qrun("check", ROOT / "configs/resnet20.yaml", "--network", "--input", "3,32,32").stdout)
        self.assertEqual((residual["parameters"], residual["macs"]), (272474, 40813184))
        for name, shape, sizes in (("vgg7_64", "3,32,32", (5352778, 156968960)), ("resnet18", "3,224,224", (11693736, 1826918400))):
            published = json.loads(self.qrun("check", ROOT / f"configs/{name}.yaml", "--network", "--input", shape).stdout)
            self.assertEqual((published["parameters"], published["macs"]), sizes, name)
        self.assertEqual(json.loads(self.qrun("check", SMOKE, "--network").stdout)["input_shape"], [1, 28, 28])
        for given, said in (
            ([], "--input: is missing: without the data nobody knows its shape; --input C,H,W, as 3,32,32"),
            (["--input", "1,28"], "--input: 1,28 is no shape; channels, height and width, as 3,32,32"),
            (["--input", "1,28,0"], "--input: 1,28,0 is no shape; channels, height and width, as 3,32,32"),
            (["--input", "1,2,2"], "network.conv1: kernel_size 5 is larger than its input 1x2x2"),
        ):
            self.assertIn(said, self.qrun("check", lenet, "--network", *given, code=2).stderr)

    def test_every_command_helps_with_an_example(self) -> None:
        for command in ("run", "check", "data", "show", "eval", "quantize"):
            self.assertIn("Example: qrun", self.qrun(command, "--help").stdout)
        self.assertRegex(self.qrun("run", "--help").stdout, r"--no-wait +end when")
        self.assertIn("engine cpu", self.qrun("--version").stdout)
        self.assertRegex(self.qrun("--version").stdout, NO_CUDA)


if __name__ == "__main__":
    main()
