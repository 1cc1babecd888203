#!/usr/bin/env python3
"""Whose code computes products: products.py PROGRAM, from the root of the repository, on an emulated device with an emulated cuDNN."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import h5py
from program import PROGRAM, SMOKE, ProgramTest, main

PICTURES = ("data.train={synthetic_digits: 40, batch_size: 10}", "data.test={synthetic_digits: 20, batch_size: 10}")
RUN = (SMOKE, *PICTURES, "train.epochs=3", "train.iterations_per_epoch=2", "train.checkpoint_every=1", "--no-progress")
CUDA = ("--engine", "cuda")
CUDNN = (*CUDA, "products=cudnn")
TOOK = "cudnn 91900; conv1 forward=1/fma weight=1/fma; conv2 forward=1/fma weight=1/fma data=1/fma"


class Products(ProgramTest):
    """The program with plug-ins beside it, made of C++."""

    def setUp(self) -> None:
        super().setUp()
        self.programs = self.cwd / "bin"
        self.programs.mkdir()
        shutil.copy2(PROGRAM, self.programs / "qrun")
        for plugin in ("libqrun_cuda.so", "libqrun_cudnn.so"):
            shutil.copy2(PROGRAM.parent / "emulated" / plugin, self.programs)

    def run_it(self, *arguments: str | pathlib.Path, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([self.programs / "qrun", *arguments], cwd=self.cwd, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def products(self) -> str | None:
        with h5py.File(self.run_file()) as file:
            return file.attrs.get("products")

    def test_the_file_names_library_version_and_choices(self) -> None:
        self.run_it(*RUN, *CUDNN)
        self.assertEqual(self.products(), TOOK)
        self.assertIn("0 of 20 predictions differ", self.run_it("eval", self.run_file()).stdout)

    def test_a_file_of_own_products_names_none(self) -> None:
        self.run_it(*RUN, *CUDA)
        self.assertIsNone(self.products(), "auto: nothing here is as large as what was measured")

    def test_it_is_no_part_of_the_id(self) -> None:
        self.run_it(*RUN, *CUDNN)
        self.assertIn("skip run=", self.run_it(*RUN, *CUDA, "products=own").stderr)

    def test_it_is_no_axis(self) -> None:
        done = self.run_it(*RUN, "sweep.grid={products: [own, cudnn]}", code=2)
        self.assertIn("products", done.stderr)

    def test_a_run_that_goes_on_with_others_says_so_and_names_both(self) -> None:
        self.stop_after_an_epoch()
        done = self.run_it(*RUN, *CUDA, "products=own")
        self.assertRegex(done.stderr, f'warning resume run=run-.* products="own" was="{TOOK}" note="results may differ in their last bits"')
        self.assertEqual(self.products(), f"{TOOK} | own")

    def test_a_run_that_goes_on_with_the_same_says_nothing(self) -> None:
        self.stop_after_an_epoch()
        self.assertNotIn("resume", self.run_it(*RUN, *CUDNN).stderr)
        self.assertEqual(self.products(), TOOK)

    def stop_after_an_epoch(self) -> None:
        """Leave a checkpoint of a run whose process was killed."""
        env = {"QRUN_FAULT": "checkpoint.aside:2"}
        subprocess.run([self.programs / "qrun", *RUN, *CUDNN], cwd=self.cwd, env=env, capture_output=True, timeout=300, check=False)

    def test_no_cudnn_is_an_error_of_the_machine(self) -> None:
        (self.programs / "libqrun_cudnn.so").unlink()
        done = self.run_it(*RUN, *CUDNN, code=4)
        self.assertIn("cudnn: no libqrun_cudnn.so beside the program; this build was made without cuDNN; products: own goes", done.stderr)
        self.assertFalse((self.cwd / "results").exists())
        self.run_it(*RUN, *CUDA, "products=auto")

    def test_the_cpu_engine_has_no_use_for_it(self) -> None:
        done = self.run_it(*RUN, "--engine", "cpu", "products=cudnn")
        self.assertIn("products=own (cudnn was asked for: the cpu engine computes all products itself)", done.stderr)

    def test_the_version_names_it(self) -> None:
        self.assertIn("\nlibrary cudnn 91900", self.run_it("--version").stdout)
        (self.programs / "libqrun_cudnn.so").unlink()
        self.assertIn("\nlibrary cudnn: no libqrun_cudnn.so", self.run_it("--version").stdout)


if __name__ == "__main__":
    main()
