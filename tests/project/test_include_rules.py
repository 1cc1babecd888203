#!/usr/bin/env python3
"""Tests include_rules.py on small trees, then holds this checkout to the rules."""

from __future__ import annotations

import sys
import unittest

sys.dont_write_bytecode = True

import checkout  # noqa: E402  (the line above keeps __pycache__ out of the checkout)
import include_rules  # noqa: E402


def problems_in(files: dict[str, str]) -> list[str]:
    """What the check says of a tree of these files (path: content)."""
    return checkout.problems_in(files, include_rules.problems)


class IncludeRules(unittest.TestCase):
    """Each rule, once kept and once broken."""

    def test_this_checkout_keeps_the_rules(self) -> None:
        folders = {folder for folder, _ in include_rules.sources(checkout.ROOT)}
        self.assertGreaterEqual(folders, {"core", "math", "quant", "config", "plan", "engine", "cpu", "data", "store", "report"})
        self.assertEqual(list(include_rules.problems(checkout.ROOT)), [])

    def test_names_file_and_line_of_an_include_upwards(self) -> None:
        found = problems_in({"src/plan/a.h": '#pragma once\n#include "core/shape.h"\n#  include "cpu/kernels/kernels.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith('src/plan/a.h:3: "cpu/kernels/kernels.h": plan may include'), found[0])

    def test_accepts_own_folder_core_and_generated_headers(self) -> None:
        text = '#include "data/b.h"\n#include "core/error.h"\n#include "datum.pb.h"\n#include <vector>\n'
        self.assertEqual(problems_in({"src/data/a.cpp": text}), [])

    def test_lets_quantizers_include_nothing_of_core_but_hd(self) -> None:
        found = problems_in({"src/quant/a.h": '#include "core/hd.h"\n#include "core/error.h"\n'})
        self.assertEqual([line.partition(": ")[0] for line in found], ["src/quant/a.h:2"])

    def test_lets_data_include_nothing_of_engines_but_feeds(self) -> None:
        found = problems_in({"src/data/a.cpp": '#include "engine/feed.h"\n#include "engine/engine.h"\n'})
        self.assertEqual([line.partition(": ")[0] for line in found], ["src/data/a.cpp:2"])

    def test_keeps_engines_out_of_the_runner(self) -> None:
        found = problems_in({"src/runner/a.cpp": '#include "engine/engine.h"\n#include "cpu/cpu_engine.h"\n'})
        self.assertEqual([line.partition(": ")[0] for line in found], ["src/runner/a.cpp:2"])

    def test_refuses_a_path_without_folder_or_with_dots(self) -> None:
        found = problems_in({"src/config/a.cpp": '#include "read.h"\n#include "../plan/plan.h"\n'})
        self.assertEqual(len(found), 2)

    def test_refuses_a_folder_outside_the_table(self) -> None:
        self.assertEqual(len(problems_in({"src/extra/a.cpp": '#include "core/error.h"\n'})), 1)

    def test_allows_a_condition_for_cuda_in_one_header_only(self) -> None:
        guard = "#ifdef __CUDACC__\n#endif\n"
        found = problems_in({"src/core/hd.h": guard, "src/math/rng.h": guard, "cuda/a.cu": guard})
        self.assertEqual([line.partition(": ")[0] for line in found], ["src/math/rng.h:1"])


if __name__ == "__main__":
    unittest.main()
