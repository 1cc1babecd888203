"""What training made of the weights."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure

from ..run import Run, decode
from .style import BLUE, DIVERGING, ORANGE, grid_behind, mosaic, name_run, new_figure, plt, title

MOST_LEVELS_DRAWN = 64
MOST_BARS = 256
SYMMETRIC = ("ternary", "ternary_quantize", "dynamic_fixed_point", "clip")  # these have no code -2^(b-1)


def quantized_layers(run: Run) -> list[str]:
    """Return the layers whose weights have a quantizer."""
    names = run.layers()
    if not names:
        raise ValueError(f"{run.path} holds no weights (status {run.status})")
    layers = [layer for layer in names if run.quantizer(layer)]
    if not layers:
        raise ValueError(f"{run.path} has no quantized layer")
    return layers


def possible_codes(run: Run, layer: str) -> np.ndarray:
    """Return every code the quantizer of a layer's weights can give.

    These are -1, 0 and 1 for the ternary methods, -h to h with h = 2^(b-1) - 1 for `clip` and `dynamic_fixed_point`, and
    all of `code_bits` b bits, -2^(b-1) to 2^(b-1) - 1, for `ulq`.
    """
    quantizer = run.quantizer(layer)
    half = 1 << (int(quantizer["code_bits"]) - 1)
    return np.arange(1 - half if quantizer["method"] in SYMMETRIC else -half, half)


def histograms(run: Run) -> Figure:
    """Draw the distribution of each quantized layer's master weights, with the levels that the quantizer can give."""
    layers = quantized_layers(run)
    figure, axes = new_figure(len(layers), size=(6.6, 0.6 + 1.7 * len(layers)), squeeze=False)
    for layer, one in zip(layers, axes.flat):
        quantizer = run.quantizer(layer)
        one.hist(run.master(layer).ravel(), bins=100, color=BLUE)
        codes = possible_codes(run, layer)
        facts = f"{quantizer['method']}, {quantizer['bits']} bits"
        if np.ndim(quantizer["scale"]):
            facts += "; levels of each channel, not drawn"
        elif len(codes) > MOST_LEVELS_DRAWN:
            facts += f"; {len(codes)} levels, not drawn"
        else:
            for level in decode(codes, quantizer["scale"], quantizer["offset"]):
                one.axvline(level, color=ORANGE, linewidth=1.2)
        one.set_ylabel("weights")
        grid_behind(one)
        title(one, layer, facts)
    drawn = any(one.lines for one in axes.flat)
    axes.flat[-1].set_xlabel("master weight; lines: the quantizer's levels" if drawn else "master weight")
    name_run(figure, run)
    return figure


def occupancy(run: Run) -> Figure:
    """Draw which part of each quantized layer's weights has which code, several codes a bar where they are many."""
    layers = quantized_layers(run)
    figure, axes = new_figure(len(layers), size=(6.6, 0.6 + 1.5 * len(layers)), squeeze=False)
    for layer, one in zip(layers, axes.flat):
        codes = possible_codes(run, layer)
        found = run.codes(layer).ravel().astype(np.int64)
        each = -(-len(codes) // MOST_BARS)
        first = np.arange(codes[0] // each * each, codes[-1] + 1, each)  # of each bar
        percent = 100.0 * np.bincount((found - first[0]) // each, minlength=len(first)) / found.size
        bars = one.bar(first + (each - 1) / 2, percent, color=BLUE, width=0.8 if len(codes) <= 16 else each)
        if len(codes) <= 8:
            one.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
            one.set_xticks(codes)
            one.margins(y=0.25)
        one.set_ylabel("weights, %")
        grid_behind(one, "y")
        title(one, layer, f"{len(np.unique(found))} of {len(codes)} codes used{f', {each} a bar' if each > 1 else ''}")
    axes.flat[-1].set_xlabel("code")
    name_run(figure, run)
    return figure


def filters(run: Run, layer: str = "") -> Figure:
    """Draw the filters of a convolution as codes: one tile an output channel, of its first input channel.

    Parameters
    ----------
    run : Run
        The run.
    layer : str
        A convolution with a quantizer; by default the first.
    """
    layers = quantized_layers(run)
    if not layer:
        layer = next((name for name in layers if run.codes(name).ndim == 4), "")
        if not layer:
            raise ValueError(f"{run.path} has no quantized convolution")
    codes = run.codes(layer)[:, 0].astype(float)
    if codes.ndim != 3:
        raise ValueError(f"{layer} is no convolution")
    levels = possible_codes(run, layer)
    figure, axes = new_figure(size=(6.0, 5.0))
    most = max(np.abs(codes).max(), 1.0)
    norm, colours = Normalize(-most, most), plt.get_cmap(DIVERGING)
    if len(levels) <= 16:
        colours = plt.get_cmap(DIVERGING, len(levels))
        norm = BoundaryNorm(np.append(levels, levels[-1] + 1) - 0.5, colours.N)
    picture = axes.imshow(mosaic(codes), cmap=colours, norm=norm, interpolation="nearest")
    axes.set_axis_off()
    figure.colorbar(picture, label="code", ticks=levels if len(levels) <= 16 else None, shrink=0.8)
    quantizer = run.quantizer(layer)
    title(axes, f"{layer}: {len(codes)} filters, as codes", f"{quantizer['method']}, {quantizer['bits']} bits")
    name_run(figure, run)
    return figure
