"""Reads what qrun wrote: run files and sweep folders, as pandas, xarray and NumPy.

Examples
--------
>>> import qrun_results
>>> run = qrun_results.load("results/lenet_2bit/run-b657f1140408.h5")
>>> run.codes("conv1")                     # the trained integers
>>> sweep = qrun_results.load_sweep("results/lenet_bits")
>>> sweep.means()                          # one row a point: mean accuracy over seeds, and how many
"""

from .errors import ResultsError
from .run import Run, load
from .sweep import Sweep, load_sweep

__all__ = ["ResultsError", "Run", "Sweep", "load", "load_sweep"]
