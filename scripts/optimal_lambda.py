#!/usr/bin/env python3
"""Step of the uniform quantizer with 2^k levels at half-integer multiples that minimises the mean squared error for a standard normal.

Prints lambda_k for k = 1..8, the table `lambda: optimal` of src/quant/ulq.h.
With cells [i s, (i+1) s) and levels (i + 1/2) s, the derivative of the error in s is zero where
sum_i (2i + 1) * integral over cell i of (x - (i + 1/2) s) phi(x) dx = 0; bisection finds that point.
"""
import math


def phi(x: float) -> float:
    return 0.0 if math.isinf(x) else math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def upper_tail(x: float) -> float:
    return 0.5 * math.erfc(x / math.sqrt(2))


def slope(step: float, bits: int) -> float:
    """Derivative of the mean squared error with respect to the step, up to a positive factor."""
    total = 0.0
    cells = 2 ** (bits - 1)
    for i in range(cells):
        left = i * step
        right = math.inf if i == cells - 1 else (i + 1) * step
        mass = upper_tail(left) - upper_tail(right)
        total -= (2 * i + 1) * (phi(left) - phi(right) - (i + 0.5) * step * mass)
    return total


def optimal_step(bits: int) -> float:
    low, high = 1e-4, 4.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle, bits) < 0 else (low, middle)
    return (low + high) / 2


if __name__ == "__main__":
    for k in range(1, 9):
        print(f"{k} {optimal_step(k):.16f}")
