"""What is wrong with a file."""

from __future__ import annotations

from pathlib import Path


class ResultsError(Exception):
    """A file that cannot be read as a result of qrun, or not be written.

    Attributes
    ----------
    path : Path
        The file.
    reason : str
        What is wrong with it.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason
