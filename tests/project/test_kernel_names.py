#!/usr/bin/env python3
"""Tests kernel_names.py on small trees, then holds this checkout to the rules."""

from __future__ import annotations

import sys
import unittest

sys.dont_write_bytecode = True

import checkout  # noqa: E402  (the line above keeps __pycache__ out of the checkout)
import kernel_names  # noqa: E402


def problems_in(files: dict[str, str]) -> list[str]:
    """What the check says of a tree of these files (path: content)."""
    return checkout.problems_in(files, kernel_names.problems)


class KernelNames(unittest.TestCase):
    """Each rule, once kept and once broken."""

    def test_this_checkout_keeps_the_rules(self) -> None:
        count = sum(1 for path in kernel_names.sources(checkout.ROOT) for _ in kernel_names.kernels(path))
        self.assertGreater(count, 10)
        self.assertEqual(list(kernel_names.problems(checkout.ROOT)), [])

    def test_accepts_templates_and_launch_bounds(self) -> None:
        text = "template <class T>\n__global__ void __launch_bounds__(256, 2) a_kernel(T x) {}\n__global__ void b_kernel() {}\n"
        self.assertEqual(problems_in({"cuda/a.cuh": text}), [])

    def test_names_file_and_line_of_a_kernel_called_otherwise(self) -> None:
        found = problems_in({"cuda/a.cuh": "\n__global__ void measure(int n) {}\n"})
        self.assertEqual(found, ["cuda/a.cuh:2: measure: a kernel's name ends in _kernel"])

    def test_refuses_two_kernels_of_one_name(self) -> None:
        text = "__global__ void a_kernel() {}\n"
        found = problems_in({"cuda/a.cuh": text, "cuda/b.cuh": text})
        self.assertEqual(found, ["cuda/b.cuh:1: a_kernel: cuda/a.cuh:1 has a kernel of this name"])

    def test_overlooks_no_kernel(self) -> None:
        self.assertEqual(len(problems_in({"cuda/a.cuh": "__global__ static void a_kernel() {}\n"})), 1)

    def test_wants_a_cpu_file_of_the_same_name(self) -> None:
        files = {"cuda/a.cu": "", "cuda/b.cu": "", "cuda/direct_b.cu": "", "cuda/gather.cu": "", "src/cpu/b.cpp": ""}
        self.assertEqual(problems_in(files), ["cuda/a.cu:1: there is no src/cpu/a.cpp with the same operations"])


if __name__ == "__main__":
    unittest.main()
