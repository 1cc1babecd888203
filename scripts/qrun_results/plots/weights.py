"""What training made of the weights."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from ..run import Run, decode
from .style import BLUE, DIVERGING, ORANGE, grid_behind, mosaic, new_figure, plt, title

MOST_LEVELS_DRAWN = 64


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
    """Return every code the quantizer of a layer's weights can give: -2^(b-1) to 2^(b-1) - 1 for its `code_bits` b."""
    half = 1 << (int(run.quantizer(layer)["code_bits"]) - 1)
    return np.arange(-half, half)


def histograms(run: Run) -> Figure:
    """Draw the distribution of each quantized layer's master weights, with the levels that the quantizer can give."""
    layers = quantized_layers(run)
    figure, axes = new_figure(len(layers), size=(6.6, 0.6 + 1.7 * len(layers)), squeeze=False)
    for layer, one in zip(layers, axes.flat):
        quantizer = run.quantizer(layer)
        one.hist(run.master(layer).ravel(), bins=100, color=BLUE)
        codes = possible_codes(run, layer)
        if len(codes) <= MOST_LEVELS_DRAWN and np.ndim(quantizer["scale"]) == 0:
            for level in decode(codes, quantizer["scale"], quantizer["offset"]):
                one.axvline(level, color=ORANGE, linewidth=1.2)
        one.set_ylabel("weights")
        grid_behind(one)
        title(one, layer, f"{quantizer['method']}, {quantizer['bits']} bits")
    axes.flat[-1].set_xlabel("master weight; lines: the quantizer's levels")
    return figure


def occupancy(run: Run) -> Figure:
    """Draw which part of each quantized layer's weights has which code."""
    layers = quantized_layers(run)
    figure, axes = new_figure(len(layers), size=(6.6, 0.6 + 1.5 * len(layers)), squeeze=False)
    for layer, one in zip(layers, axes.flat):
        codes = possible_codes(run, layer)
        found = run.codes(layer).ravel().astype(np.int64)
        percent = 100.0 * np.bincount(found - codes[0], minlength=len(codes)) / found.size
        bars = one.bar(codes, percent, color=BLUE, width=0.8 if len(codes) <= 16 else 1.0)
        if len(codes) <= 8:
            one.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
            one.set_xticks(codes)
            one.margins(y=0.25)
        one.set_ylabel("weights, %")
        grid_behind(one, "y")
        title(one, layer, f"{np.count_nonzero(percent)} of {len(codes)} codes used")
    axes.flat[-1].set_xlabel("code")
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
    if not layer:
        layer = next((name for name in quantized_layers(run) if run.codes(name).ndim == 4), "")
        if not layer:
            raise ValueError(f"{run.path} has no quantized convolution")
    codes = run.codes(layer)[:, 0].astype(float)
    if codes.ndim != 3:
        raise ValueError(f"{layer} is no convolution")
    levels = possible_codes(run, layer)
    figure, axes = new_figure(size=(6.0, 5.0))
    norm, colours = None, plt.get_cmap(DIVERGING)
    if len(levels) <= 16:
        colours = plt.get_cmap(DIVERGING, len(levels))
        norm = BoundaryNorm(np.append(levels, levels[-1] + 1) - 0.5, colours.N)
    picture = axes.imshow(mosaic(codes), cmap=colours, norm=norm, interpolation="nearest")
    axes.set_axis_off()
    figure.colorbar(picture, label="code", ticks=levels if norm is not None else None, shrink=0.8)
    title(axes, f"{layer}: {len(codes)} filters, as codes", f"{run.quantizer(layer)['bits']} bits")
    return figure
