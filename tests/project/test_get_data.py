#!/usr/bin/env python3
"""The scripts that fetch data sets, in a checkout of their own, with a mirror made of files."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CURL = """#!/bin/bash
for last; do :; done
echo "$last" >>"$MIRROR/asked"
[[ -f $MIRROR/$(basename "$last") ]] || exit 22
while [[ $1 != --output ]]; do shift; done
cp "$MIRROR/$(basename "$last")" "$2"
"""
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class GetData(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "checkout"
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("qrun_results", "__pycache__"))
        self.mirror = pathlib.Path(folder.name) / "mirror"
        programs = pathlib.Path(folder.name) / "programs"
        programs.mkdir()
        self.mirror.mkdir()
        for name, text in (("curl", CURL), ("apt-get", "#!/bin/bash\nexit 100\n")):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "MIRROR": str(self.mirror), "QRUN_DATA": ""}

    def get(self, name: str, code: int = 0, **environment: str) -> str:
        command = [self.root / "scripts" / f"get_{name}.sh"]
        done = subprocess.run(command, env={**self.environment, **environment}, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def expect(self, name: str, *checksums: str) -> None:
        """Make the script ask for files of these checksums, in the order of those that it has, and for no installed package."""
        script = self.root / "scripts" / f"get_{name}.sh"
        text = script.read_text()
        for old, new in zip(re.findall(r"\b[0-9a-f]{32}\b", text), checksums, strict=True):
            text = text.replace(old, new)
        script.write_text(text.replace("/$packaged", "/nowhere"))

    def held(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / "data" / folder).iterdir())

    def test_idx_sets_come_from_mirrors_once_and_are_checked(self) -> None:
        for name in ("mnist", "fashion_mnist"):
            with self.subTest(name):
                self.expect(name, *(md5(f"{name} {file}".encode()) for file in IDX))
                self.assertIn(f"can't be had: it is not in data/{name}", self.get(name, code=3))
                for file in IDX:
                    (self.mirror / f"{file}.gz").write_bytes(gzip.compress(f"{name} {file}".encode()))
                whole = (self.mirror / f"{IDX[2]}.gz").read_bytes()
                (self.mirror / f"{IDX[2]}.gz").write_bytes(gzip.compress(b"something else"))
                self.get(name, code=3)
                self.assertEqual(self.held(name), [], "nothing half")
                (self.mirror / f"{IDX[2]}.gz").write_bytes(whole)
                self.get(name)
                self.assertEqual(self.held(name), sorted(f"{file}.gz" for file in IDX))
                shutil.rmtree(self.mirror)
                self.mirror.mkdir()
                self.get(name)
                self.assertFalse((self.mirror / "asked").exists(), "what is there is not fetched again")

    def test_cifar10_comes_from_a_folder_as_it_is(self) -> None:
        folder = self.mirror / "cifar10"
        folder.mkdir()
        for i, name in enumerate(BATCHES):
            (folder / (name + (".gz" if i % 2 else ""))).write_bytes(b"batch")
        said = self.get("cifar10", QRUN_DATA=str(self.mirror))
        self.assertIn("next: build/qrun data cifar10 --from data/cifar10 --to data/cifar10", said)
        self.assertEqual(self.held("cifar10"), sorted(path.name for path in folder.iterdir()))

    def test_cifar10_comes_from_mirrors_as_one_archive_that_is_checked(self) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name in ("readme.html", *BATCHES):
                entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                entry.size = len(name)
                archive.addfile(entry, io.BytesIO(name.encode()))
        (self.mirror / "cifar-10-binary.tar.gz").write_bytes(packed.getvalue())
        said = self.get("cifar10", code=3)
        self.assertEqual(said.count("is not the archive that it should be"), 2, "both mirrors were asked")
        self.assertEqual(self.held("cifar10"), [])
        self.expect("cifar10", md5(packed.getvalue()))
        self.get("cifar10")
        self.assertEqual(self.held("cifar10"), sorted(BATCHES))


if __name__ == "__main__":
    unittest.main()
