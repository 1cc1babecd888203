"""Reads what qrun wrote: run files and sweep folders, as pandas, xarray and NumPy; writes data for it.

Examples
--------
>>> import qrun_results
>>> run = qrun_results.load("results/lenet_2bit/run-b657f1140408.h5")
>>> run.codes("conv1")                     # the trained integers
>>> sweep = qrun_results.load_sweep("results/lenet_bits")
>>> sweep.means()                          # one row a point: mean accuracy over seeds, and how many
>>> qrun_results.write_lmdb("data/mine_train", images, labels)    # data of your own
"""

from .errors import ResultsError
from .lmdb_images import read_lmdb, write_lmdb
from .run import Run, load
from .sweep import Sweep, load_sweep

__all__ = ["ResultsError", "Run", "Sweep", "load", "load_sweep", "read_lmdb", "write_lmdb"]
