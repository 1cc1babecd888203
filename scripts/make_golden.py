#!/usr/bin/env python3
"""Writes tests/golden/quantizers.csv: small tensors and the codes that the formulas give in double precision.

The formulas are written here a second time, from their publications and without qrun, so that a test can hold the
program against them. A line is a case: method, bits, lambda, per_channel, shape, values of x (exact, as hexadecimal
floats), codes, boundary (1 where rounding is within 1e-4 of a tie or a threshold), scales, offsets.
"""

from __future__ import annotations

import pathlib

import numpy as np

ORIGINAL = [1.5950161625215948, 0.99529008541347519, 0.5872211503939504, 0.3358904980253396,
            0.18944224088629152, 0.10570877041455067, 0.057082736023857356, 0.030482181036739827]
PAPER = [1.5959, 0.9894, 0.5838, 0.3327, 0.1897, 0.1043, 0.0563, 0.0304]
# Max 1960, "Quantizing for minimum distortion", Table II: steps of the optimal uniform quantizer, refined by bisection.
OPTIMAL = [1.5957691216057306, 0.9956866859435065, 0.5860194414434869, 0.3352006121999728,
           0.1881387902799179, 0.1040630094420140, 0.0568676723823577, 0.0307623875823237]
TABLES = {"original": ORIGINAL, "paper": PAPER, "optimal": OPTIMAL}
NEAR = 1e-4


def half_away(v: np.ndarray) -> np.ndarray:
    return np.sign(v) * np.floor(np.abs(v) + 0.5)


def near_tie(v: np.ndarray) -> np.ndarray:
    return np.abs(np.abs(v - np.trunc(v)) - 0.5) < NEAR


def ulq(x: np.ndarray, bits: int, table: str):
    alpha = (TABLES[table][bits - 1] if bits <= 8 else 6.2 / (2**bits - 1)) * x.std() + 1e-7
    v = np.clip((x - x.mean()) / alpha + 0.5, 1 - 2 ** (bits - 1), 2 ** (bits - 1))
    return half_away(v) - 1, near_tie(v), alpha, x.mean() + 0.5 * alpha


def uniform(x: np.ndarray, bits: int, scale: float, exact: bool):
    high = 2 ** (bits - 1) - 1
    v = np.clip(x / scale, -high, high)
    return half_away(v), np.zeros(x.shape, bool) if exact else near_tie(v), scale, 0.0


def clip(x: np.ndarray, bits: int, _table: str):
    top = np.abs(x).max()
    return uniform(x, bits, top / (2 ** (bits - 1) - 1) if top > 0 else 1.0, False)


def dynamic_fixed_point(x: np.ndarray, bits: int, _table: str):
    top = np.abs(x).max()
    return uniform(x, bits, 2.0 ** (np.frexp(top)[1] - 1 - (bits - 2)) if top > 0 else 1.0, True)


def ternary(x: np.ndarray, _bits: int, _table: str):
    delta = 0.7 * np.abs(x).mean()
    t = (x > delta).astype(float) - (x < -delta)
    alpha = (t * x).sum() / np.abs(t).sum() if t.any() else 0.0
    return t, np.abs(np.abs(x) - delta) < NEAR * delta, alpha, 0.0


def ternary_quantize(x: np.ndarray, bits: int, _table: str):
    t, boundary, alpha, _ = ternary(x, 2, "")
    if alpha > 0:
        unit = 2.0 ** (np.frexp(alpha)[1] - 1 - (bits - 2))
        alpha = np.clip(half_away(np.array(alpha / unit)), None, 2 ** (bits - 1) - 1) * unit
    return t, boundary, alpha, 0.0


METHODS = {"ulq": (ulq, [1, 2, 3, 8, 12, 16]), "ternary": (ternary, [2]), "ternary_quantize": (ternary_quantize, [2, 5, 16]),
           "dynamic_fixed_point": (dynamic_fixed_point, [2, 4, 16]), "clip": (clip, [2, 3, 8, 16])}


def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20190714)
    return {
        "normal": rng.normal(0, 0.1, (3, 8)), "shifted": rng.normal(3, 0.05, (2, 10)), "far": 1 + rng.normal(0, 1e-5, (1, 12)),
        "zero": np.zeros((1, 4)), "constant": np.full((1, 5), -0.25), "one": np.array([[1.5]]),
        "ties": np.arange(-6, 7).reshape(1, -1) / 8, "heavy": rng.standard_t(2, (2, 12)), "huge": rng.normal(0, 1e6, (1, 9)),
    }


def main() -> None:
    lines = ["method;bits;lambda;per_channel;shape;x;codes;boundary;scale;offset"]
    for name, values in tensors().items():
        x = values.astype(np.float32)
        for method, (function, widths) in METHODS.items():
            for bits in widths:
                for table in TABLES if method == "ulq" and bits == 2 else ["original"]:
                    for per_channel in (0, 1) if len(x) > 1 and bits in (2, 8) else (0,):
                        slices = x.astype(np.float64) if per_channel else x.astype(np.float64).reshape(1, -1)
                        parts = [function(s, bits, table) for s in slices]
                        if name in ("constant", "one", "zero") and method == "ulq":
                            parts = [(c, np.ones_like(b), s, o) for c, b, s, o in parts]  # x - mean is 0: q = 0.5 is a tie
                        lines.append(";".join([
                            method, str(bits), table, str(per_channel), "x".join(map(str, x.shape)),
                            " ".join(float(v).hex() for v in x.ravel()),
                            " ".join(str(int(v)) for p in parts for v in p[0]),
                            " ".join(str(int(v)) for p in parts for v in p[1]),
                            " ".join(repr(float(p[2])) for p in parts), " ".join(repr(float(p[3])) for p in parts)]))
    path = pathlib.Path(__file__).resolve().parents[1] / "tests/golden/quantizers.csv"
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines) - 1} cases, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
