"""What the network makes of images."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..run import Run
from .style import DIVERGING, SEQUENTIAL, mosaic, name_run, new_figure, shorten, title

MOST_MISTAKES = 48


def features(run: Run, layer: str = "", channel: int = 0) -> Figure:
    """Draw one channel of a quantized layer's output for the stored test images, at most 64, in a square.

    Parameters
    ----------
    run : Run
        The run, with `activation_samples` over 0.
    layer : str
        A layer whose output is quantized; by default the first of the network.
    channel : int
        Of that layer's output.
    """
    layer = layer or next((name for name in run.layers() if run.has_activations(name)), "")
    if not layer:
        raise ValueError(f"{run.path} holds no activations; quantize a layer's activation, output.activation_samples > 0")
    maps = run.activations(layer)
    if not 0 <= channel < maps.shape[1]:
        raise ValueError(f"{layer} has channels 0 to {maps.shape[1] - 1}, not {channel}")
    tiles = maps[:64, channel]
    figure, axes = new_figure(size=(6.0, 5.2))
    limits = {"cmap": SEQUENTIAL}
    if tiles.min() < 0:
        limits = {"cmap": DIVERGING, "vmin": -np.abs(tiles).max(), "vmax": np.abs(tiles).max()}
    picture = axes.imshow(mosaic(tiles), interpolation="nearest", **limits)
    axes.set_axis_off()
    figure.colorbar(picture, label="activation", shrink=0.8)
    title(axes, f"{layer}, channel {channel}", f"first {len(tiles)} test images")
    name_run(figure, run)
    return figure


def confusion(run: Run) -> Figure:
    """Draw counts of true and predicted classes of the final test, errors on a logarithmic scale."""
    counts = run.confusion()
    n = len(counts)
    errors = counts.values.astype(float)
    np.fill_diagonal(errors, np.nan)
    errors[errors == 0] = np.nan
    figure, axes = new_figure(size=(6.0, 5.2))
    most = np.nanmax(errors) if np.isfinite(errors).any() else 1.0
    picture = axes.imshow(errors, cmap=SEQUENTIAL, norm=LogNorm(0.8, max(most, 1.0) + 0.2))
    if n <= 20:
        axes.set_xticks(range(n))
        axes.set_yticks(range(n))
        for (row, column), count in np.ndenumerate(counts.values):
            if count:
                light = row != column and count < np.sqrt(most)
                axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color="white" if light else "black")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    bar = figure.colorbar(picture, label="errors (log)", shrink=0.85)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    total = int(counts.sum())
    title(axes, "confusion", f"{total - int(np.trace(counts.values))} errors of {total}")
    name_run(figure, run)
    return figure


def mistakes(run: Run, images: np.ndarray) -> Figure:
    """Draw test images that the network took for another class, with `true > predicted`, at most 48.

    Parameters
    ----------
    run : Run
        The run.
    images : ndarray
        The test images in their order: [item, row, column], or [item, row, column, 3] with values 0 to 255.
    """
    labels, predictions = run.predictions()
    if len(images) < len(labels):
        raise ValueError(f"{len(images)} images for {len(labels)} predictions")
    wrong = np.flatnonzero(labels != predictions)
    shown = wrong[:MOST_MISTAKES]
    down = max(1, -(-len(shown) // 8))
    figure, axes = new_figure(down, 8, size=(6.6, 0.7 + 1.0 * down), squeeze=False)
    for one in axes.flat:
        one.set_axis_off()
    for i, one in zip(shown, axes.flat):
        one.imshow(images[i], cmap="gray_r")
        one.set_title(f"{labels[i]} > {predictions[i]}", fontsize=8, pad=2)
    extent = "all" if len(shown) == len(wrong) else f"the first {len(shown)} of"
    name = shorten(f"{run.attributes['name']}: {run.id}", 100)
    figure.suptitle(f"{name}\n{extent} {len(wrong)} errors of {len(labels)}: true > predicted", fontsize=10)
    return figure
