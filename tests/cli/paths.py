#!/usr/bin/env python3
"""Paths as users write them, in every key and option that takes one: paths.py PROGRAM."""

from __future__ import annotations

import os
import pwd

from program import SMOKE, ProgramTest, main

ODD = """it's 100% of "A" #1 $HOME `pwd`"""


class Paths(ProgramTest):
    """`~` is the home folder wherever a shell has left it alone; `$NAME` is nobody's."""

    def setUp(self) -> None:
        super().setUp()
        self.home = self.cwd / "home"
        self.home.mkdir()

    def at_home(self, *arguments: str, code: int = 0) -> str:
        """Both streams of a call; nothing called ~ or $HOME may be left."""
        done = self.qrun(*arguments, code=code, env={"HOME": str(self.home)})
        for name in ("~", "$HOME"):
            self.assertFalse((self.cwd / name).exists(), f"{arguments} made {name}")
        return done.stdout + done.stderr

    def run_at_home(self, folder: str) -> str:
        """The one run file of a folder of results, as a shell would not write it."""
        (path,) = (self.home / folder).glob("smoke/run-*.h5")
        return f"~/{folder}/smoke/{path.name}"

    def test_a_tilde_is_the_home_folder_everywhere(self) -> None:
        self.at_home("data", "synthetic-digits", "--to", "~/digits", "--train", "200", "--test", "100")
        data = ("data.train={lmdb: ~/digits/train_lmdb, batch_size: 50}", "data.test={lmdb: ~/digits/test_lmdb, batch_size: 50}")
        self.at_home(SMOKE, *data, "train.epochs=1", "--output=~/by_option", "--log=~/log.txt", "--quiet")
        self.at_home(SMOKE, *data, "train.epochs=1", "output.dir=~/by_key", "--quiet")
        self.assertIn("done run=", (self.home / "log.txt").read_text())
        run = self.run_at_home("by_key")
        self.assertEqual(self.run_at_home("by_option").split("/")[-1], run.split("/")[-1], "where results go is no part of the id")
        self.assertIn("complete", self.at_home("show", "~/by_key/smoke"))
        self.assertIn("0 of 100 predictions differ", self.at_home("eval", run))
        self.at_home("quantize", run, "~/codes.h5", "--method", "ulq", "--bits", "2")
        self.assertTrue((self.home / "codes.h5").exists())
        self.at_home(SMOKE, *data, "train.epochs=1", f"train.init_from={run}", "output.dir=~/tuned", "--quiet")
        (self.home / "base.yaml").write_text(f"base: {SMOKE}\nname: smoke\noutput: {{dir: ~/by_base}}\n")
        (self.cwd / "over.yaml").write_text("base: ~/base.yaml\ntrain: {epochs: 1}\n")
        self.at_home("over.yaml", *data, "--quiet")
        self.run_at_home("by_base")
        self.assertIn("ok, 1 run", self.at_home("check", "~/base.yaml"))
        self.assertIn(f"--output '{self.home}/by_base'", self.at_home("submit", "~/base.yaml", "--dry-run"))
        self.assertIn(f"--output '{self.home}/there'", self.at_home("submit", "~/base.yaml", "--dry-run", "--output", "~/there"))

    def test_a_tilde_with_a_name_is_the_home_folder_of_that_user(self) -> None:
        user = pwd.getpwuid(os.getuid())
        for arguments in ((f"output.dir=~{user.pw_name}/there",), ("--output", f"~{user.pw_name}/there")):
            self.assertIn(f"--output '{user.pw_dir}/there'", self.at_home("submit", SMOKE, "--dry-run", *arguments))
        said = self.at_home(SMOKE, f"train.init_from=~{user.pw_name}/no/run.h5", code=2)
        self.assertIn(f"train.init_from: {user.pw_dir}/no/run.h5: no such file", said)
        self.assertIn("home folder of a user who is not known", self.at_home(SMOKE, "output.dir=~no_such_user/x", code=2))
        self.assertEqual([], [file.name for file in self.cwd.glob("~*")])

    def test_a_dollar_name_is_a_mistake_wherever_a_path_is_taken(self) -> None:
        taken: tuple[tuple[str, ...], ...] = (
            (SMOKE, "--output", "$HOME/r"),
            (SMOKE, "output.dir=$HOME/r"),
            (SMOKE, "--log", "$HOME/l"),
            (SMOKE, "data.train={lmdb: $HOME/d, synthetic_digits: null}"),
            (SMOKE, "train.init_from=$HOME/run.h5"),
            ("check", "$HOME/a.yaml"),
            ("submit", SMOKE, "--output", "$HOME/r"),
            ("show", "$HOME/r"),
            ("eval", "$HOME/run.h5"),
            ("quantize", "$HOME/a.h5", "b.h5", "--method", "ulq", "--bits", "2"),
            ("quantize", "a.h5", "$HOME/b.h5", "--method", "ulq", "--bits", "2"),
            ("data", "mnist", "--from", "$HOME/d", "--to", "x"),
            ("data", "mnist", "--from", "d", "--to", "$HOME/x"),
            ("data", "synthetic-digits", "--to", "$HOME/x"),
        )
        for arguments in taken:
            with self.subTest(arguments):
                said = self.at_home(*arguments, code=2)
                self.assertIn("holds $HOME, which nothing fills in; a configuration takes ${env:HOME}", said)

    def test_what_is_called_so_can_be_read(self) -> None:
        self.qrun(SMOKE, "train.epochs=1", "--quiet")
        run = self.run_file()
        odd = self.cwd / "$HOME" / run.name
        odd.parent.mkdir()
        run.rename(odd)
        self.assertIn("complete", self.qrun("show", f"$HOME/{odd.name}").stdout)

    def test_a_folder_of_odd_characters(self) -> None:
        folder = self.cwd / ODD
        folder.mkdir()
        self.qrun(SMOKE, "train.epochs=1", "--quiet", "--log", str(folder / "log.txt"), "--output", str(folder / "results"))
        (run,) = (folder / "results" / "smoke").glob("run-*.h5")
        self.assertIn("complete", self.qrun("show", str(folder / "results" / "smoke")).stdout)
        self.qrun("eval", str(run))
        self.assertEqual(sorted(os.listdir(folder)), ["log.txt", "results"])


if __name__ == "__main__":
    main()
