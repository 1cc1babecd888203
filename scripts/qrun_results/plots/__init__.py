"""One function a plot; each returns a matplotlib Figure."""

from .curves import curves
from .images import confusion, features, mistakes
from .sweeps import accuracy, heat_map, pareto
from .weights import filters, histograms, occupancy

__all__ = [
    "accuracy", "confusion", "curves", "features", "filters", "heat_map", "histograms", "mistakes", "occupancy", "pareto",
]  # fmt: skip
