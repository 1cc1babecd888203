#!/usr/bin/env python3
"""Runs the real program over every configuration of tests/bad: bad_input.py PROGRAM."""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/qrun").resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
BAD = ROOT / "tests/bad"
GOOD = BAD / "good/base.yaml"
SMOKE = ROOT / "configs/smoke.yaml"
AT_LEAST = 150  # files: the corpus grows


def empty_database(folder: pathlib.Path) -> None:
    """Make an LMDB without items: opening it for writing is enough."""
    folder.mkdir()
    lmdb = ctypes.CDLL("liblmdb.so.0")
    environment = ctypes.c_void_p()
    assert lmdb.mdb_env_create(ctypes.byref(environment)) == 0
    assert lmdb.mdb_env_open(environment, str(folder).encode(), 0, 0o644) == 0
    lmdb.mdb_env_close(environment)


class BadInput(unittest.TestCase):
    """What a user reads who made a mistake."""

    data: pathlib.Path

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.data = pathlib.Path(folder.name)
        empty_database(cls.data / "empty_lmdb")
        (cls.data / "damaged_lmdb").mkdir()
        (cls.data / "damaged_lmdb/data.mdb").write_bytes(b"not a database" * 1000)
        shape = b"\x08\x01\x10\x03\x18\x04\x20\x05"  # of a BlobProto: one image of 3 x 4 x 5
        (cls.data / "mean.binaryproto").write_bytes(shape + b"\x2a\xf0\x01" + bytes(240))
        subprocess.run([PROGRAM, SMOKE, "train.epochs=1", "name=other"], cwd=cls.data, capture_output=True, check=True)
        (run,) = cls.data.glob("results/other/*.h5")
        run.rename(cls.data / "run.h5")

    def stderr_of(self, *arguments: str | bytes | pathlib.Path, code: int = 2) -> list[str]:
        """Run in an empty folder; the lines of stderr, paths as the corpus has them."""
        environment = {**os.environ, "BAD_DATA": str(self.data), "CUDA_VISIBLE_DEVICES": ""}
        with tempfile.TemporaryDirectory() as cwd:
            done = subprocess.run([PROGRAM, *arguments], cwd=cwd, env=environment, capture_output=True, timeout=300, check=False)
            left = os.listdir(cwd)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, code, text)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(left, [], "nothing is written")
        return text.replace(f"{BAD}/", "").replace(str(self.data), "BAD_DATA").splitlines()

    def made(self, content: bytes) -> pathlib.Path:
        path = self.data / "made.yaml"
        path.write_bytes(content)
        return path

    def test_there_are_many(self) -> None:
        self.assertGreaterEqual(len(list(BAD.glob("*.yaml"))), AT_LEAST)

    def test_the_base_has_no_mistake(self) -> None:
        done = subprocess.run([PROGRAM, "check", GOOD], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_each_file_is_answered_with_the_lines_at_its_end(self) -> None:
        for path in sorted(BAD.glob("*.yaml")):
            with self.subTest(path.stem):
                expected = re.findall(r"(?m)^# expect: (.*)$", path.read_text())
                self.assertGreater(len(expected), 0)
                self.assertEqual(self.stderr_of(path), expected)

    def test_what_is_no_text_is_refused(self) -> None:
        rule = "YAML: a byte that is not UTF-8 text, or a control character; save the file as UTF-8"
        for content, place in ((b"name: caf\xe9\n", "1:10"), ("name: a\n".encode("utf-16"), "1:1"), (b"seed: 1\nname: \0\n", "2:7")):
            self.assertEqual(self.stderr_of(self.made(content)), [f"BAD_DATA/made.yaml:{place}: {rule}"])

    def test_a_file_over_a_mebibyte_is_refused(self) -> None:
        path = self.made(GOOD.read_bytes() + b"#" * (1 << 20))
        self.assertEqual(self.stderr_of(path), ["BAD_DATA/made.yaml: YAML: BAD_DATA/made.yaml is over 1 MiB; a configuration is smaller"])

    def test_brackets_ten_thousand_deep_are_refused(self) -> None:
        for opening in (b"[", b"{a: ", b"- "):
            lines = self.stderr_of(self.made(b"x:\n  " + opening * 10000 + b"x\n"))
            self.assertEqual(len(lines), 1)
            self.assertRegex(lines[0], r"^BAD_DATA/made\.yaml:2:\d+: YAML: nested too deeply; at most 100 levels are read$")

    def test_a_missing_file_is_one_line(self) -> None:
        self.assertEqual(self.stderr_of("nothing.yaml"), ["nothing.yaml: YAML: cannot read nothing.yaml: No such file or directory; name a YAML file"])

    def test_absurd_overrides_are_answered_in_a_few_words(self) -> None:
        for override in ("seed=" + "[" * 100000, "x" * 100000 + "=1", "a" + ".a" * 50000 + "=1", "=x", "", b"name=\xff"):
            (line,) = self.stderr_of(GOOD, override)
            self.assertLess(len(line), 1500)
            self.assertTrue(line.startswith("command line: "))

    def test_what_no_machine_holds_is_a_mistake_of_the_configuration(self) -> None:
        layer = "network=[{name: a, type: conv2d, out_channels: 1000000, kernel_size: 1, padding: 1000000}, {name: b, type: linear, out_features: 10}]"
        (line,) = self.stderr_of(GOOD, layer)
        self.assertIn("network.a: takes more bytes than 64 bits count of memory, which no machine has", line)

    def test_what_this_machine_does_not_hold_is_refused_before_it_is_tried(self) -> None:
        for options in ([], ["--dry-run"]):
            lines = self.stderr_of(GOOD, "network.conv1.out_channels=100000", "data.train.batch_size=100000", "--engine", "cpu", *options, code=4)
            self.assertRegex(lines[-1], r"^qrun: good/base\.yaml:7:5: network\.conv1: takes at least \d+\.\d GiB of memory, all of run run-\w+ \d+\.\d GiB, and this process can have ")
        (line,) = self.stderr_of(GOOD, "data.train.synthetic_digits=1e9", "engine=cpu", code=4)
        self.assertRegex(line, r"synthetic_digits: 1000000000 take 730\.2 GiB of memory, this process can have [\d.]+ GiB; use fewer$")

    def test_a_path_that_is_too_long_is_a_matter_of_the_machine(self) -> None:
        (line,) = self.stderr_of(GOOD, "output.dir=" + "x" * 300, code=4)
        self.assertRegex(line, r"^qrun: cannot use x+.*: File name too long$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
