"""The quantizers once more, in float64 and numpy: written from the formulas alone, to judge stored codes by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ORIGINAL = (
    1.5950161625215948,
    0.99529008541347519,
    0.5872211503939504,
    0.3358904980253396,
    0.18944224088629152,
    0.10570877041455067,
    0.057082736023857356,
    0.030482181036739827,
)
PAPER = (1.5959, 0.9894, 0.5838, 0.3327, 0.1897, 0.1043, 0.0563, 0.0304)
BOUNDARY = 1e-5  # distance from a rounding boundary at which float32 and float64 may differ, in steps
FLOAT32_ROUNDINGS = 2.0**-22  # four of them, relative: the step is multiplied in float32


@dataclass
class Quantized:
    """What a method makes of a tensor; `unsure` marks elements at a rounding boundary."""

    codes: np.ndarray
    unsure: np.ndarray
    scale: float
    offset: float
    extra: dict[str, float] = field(default_factory=dict)


def round_half_away(v: np.ndarray) -> np.ndarray:
    """Round to integers, halves away from zero."""
    return np.sign(v) * np.floor(np.abs(v) + 0.5)


def near_boundary(v: np.ndarray) -> np.ndarray:
    """Say which steps lie so near to a half that float32 may round them the other way."""
    distance = np.abs(np.abs(v - np.floor(v)) - 0.5)
    return distance < BOUNDARY + FLOAT32_ROUNDINGS * np.abs(v)


def lambda_of(attributes: dict, deviation: float) -> float:
    """Give ulq's step for a standard normal; the optimal one is taken from the file and must be near the paper's."""
    bits, table = int(attributes["bits"]), attributes["lambda"]
    if bits > 8:
        return 6.2 / (2**bits - 1)
    if table != "optimal":
        return (ORIGINAL if table == "original" else PAPER)[bits - 1]
    if deviation == 0.0:
        return PAPER[bits - 1]
    used = (attributes["alpha"] - 1e-7) / deviation
    return used if abs(used / PAPER[bits - 1] - 1.0) < 0.02 else float("nan")


def ulq(x: np.ndarray, attributes: dict) -> Quantized:
    """Quantize to uniform levels around the mean, Cheng et al. 2019."""
    half, mean, deviation = 2 ** (int(attributes["bits"]) - 1), x.mean(), x.std()
    alpha = lambda_of(attributes, deviation) * deviation + 1e-7
    steps = (x - mean) / alpha + 0.5
    codes = round_half_away(np.clip(steps, 1 - half, half)) - 1
    return Quantized(codes, near_boundary(steps), alpha, mean + 0.5 * alpha, {"alpha": alpha, "delta": mean})


def ternary(x: np.ndarray, _attributes: dict) -> Quantized:
    """Quantize to signs above a threshold, Li et al. 2016."""
    delta = 0.7 * np.abs(x).mean()
    codes = (x > delta).astype(int) - (x < -delta).astype(int)
    alpha = float((codes * x).sum() / np.abs(codes).sum()) if codes.any() else 0.0
    unsure = np.abs(np.abs(x) - delta) <= BOUNDARY * delta if delta > 0 else np.zeros(x.shape, bool)
    return Quantized(codes, unsure, alpha, 0.0, {"alpha": alpha, "delta": delta})


def ternary_quantize(x: np.ndarray, attributes: dict) -> Quantized:
    """Quantize as ternary, the scale as a fixed-point number."""
    result, bits = ternary(x, attributes), int(attributes["bits"])
    alpha, fixedpos, alpha_int = result.scale, 0, 0
    if alpha > 0:
        fixedpos = int(np.frexp(alpha)[1]) - 1 - (bits - 2)
        alpha_int = min(int(np.floor(alpha / 2.0**fixedpos + 0.5)), 2 ** (bits - 1) - 1)
    result.scale = alpha_int * 2.0**fixedpos
    result.extra |= {"fixedpos": fixedpos, "alpha_int": alpha_int}
    return result


def uniform(x: np.ndarray, step: float, bits: int) -> Quantized:
    """Quantize to symmetric multiples of a step."""
    limit = 2 ** (bits - 1) - 1
    codes = round_half_away(np.clip(x / step, -limit, limit))
    return Quantized(codes, near_boundary(x / step), step, 0.0, {"alpha": step})


def dynamic_fixed_point(x: np.ndarray, attributes: dict) -> Quantized:
    """Quantize with a power of two as the step."""
    bits, largest = int(attributes["bits"]), np.abs(x).max(initial=0.0)
    fixedpos = int(np.frexp(largest)[1]) - 1 - (bits - 2) if largest > 0 else 0
    result = uniform(x, 2.0**fixedpos, bits)
    result.unsure[:] = False  # a power of two: float32 divides exactly
    result.extra["fixedpos"] = fixedpos
    return result


def clip(x: np.ndarray, attributes: dict) -> Quantized:
    """Quantize with a step that reaches the largest magnitude, or a given range."""
    bits = int(attributes["bits"])
    fixed = attributes.get("range") == "fixed"
    reach = float(attributes["range_value"]) if fixed else np.abs(x).max(initial=0.0)
    return uniform(x, reach / (2 ** (bits - 1) - 1) if reach > 0 else 1.0, bits)


METHODS = {
    "ulq": ulq,
    "ternary": ternary,
    "ternary_quantize": ternary_quantize,
    "dynamic_fixed_point": dynamic_fixed_point,
    "clip": clip,
}
