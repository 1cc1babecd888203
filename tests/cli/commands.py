"""The commands of qrun: each is a file of src/cli/commands, and the program finds it by that alone."""

from __future__ import annotations

import re

from program import ROOT, ProgramTest, main

FILES = sorted(file.stem for file in (ROOT / "src/cli/commands").glob("*.cpp"))


class CommandsTest(ProgramTest):
    def test_help_lists_the_files_of_the_folder(self) -> None:
        listed = re.findall(r"^  (\w+) ", self.qrun("--help").stdout.partition("Subcommands:")[2], re.MULTILINE)
        self.assertEqual(sorted(listed), FILES)
        self.assertEqual(listed, ["run", "check", "data", "show", "eval", "quantize", "submit"])

    def test_each_has_help_of_its_own(self) -> None:
        """Else it would be taken for a configuration: `qrun FILE` means `qrun run FILE`."""
        for command in FILES:
            self.assertIn(f"Usage: qrun {command} ", self.qrun(command, "--help").stdout)


if __name__ == "__main__":
    main()
