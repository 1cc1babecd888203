"""`python -m qrun_results plot KIND PATH -o FILE`, `... report PATH -o FILE.html`, `... tensorboard PATH -o FOLDER`."""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from pathlib import Path
from typing import Callable

from . import ResultsError, Run, Sweep, load, load_sweep
from .lmdb_images import test_images
from .tensorboard import write_scalars

OF_A_RUN = ("curves", "histograms", "occupancy", "features", "filters", "confusion", "mistakes")
OF_A_SWEEP = ("accuracy", "heat_map", "pareto")


def plot(arguments: argparse.Namespace) -> None:
    """Draw one plot to a file; its suffix chooses the format."""
    from . import plots  # noqa: PLC0415 (matplotlib takes a second to import)

    draw: Callable = getattr(plots, arguments.kind)
    given = {key: getattr(arguments, key) for key in ("layer", "channel", "over", "x", "y")}
    options = {key: value for key, value in given.items() if value is not None}
    unknown = [key for key in options if key not in inspect.signature(draw).parameters]
    if unknown:
        raise ValueError(f"{arguments.kind} takes no --{unknown[0]}")
    _check_path(arguments.kind, Path(arguments.path))
    if arguments.kind in OF_A_SWEEP:
        figure = draw(load_sweep(arguments.path), **options)
    elif arguments.kind == "mistakes":
        run = load(arguments.path)
        figure = draw(run, test_images(run), **options)
    else:
        figure = draw(load(arguments.path), **options)
    figure.savefig(arguments.output)
    print(arguments.output)


def _check_path(kind: str, path: Path) -> None:
    if kind in OF_A_RUN and path.is_dir():
        files = sorted(file for file in path.glob("*.h5") if file.name != "sweep.h5")
        example = f", such as {files[0]}" if files else ""
        raise ValueError(f"{path}: {kind} is drawn of a run, not of a folder; name one of its run files{example}")
    if kind in OF_A_SWEEP and path.is_file():
        raise ValueError(f"{path}: {kind} is drawn of a sweep, not of a file; name its folder, {path.parent}")


def write_report(arguments: argparse.Namespace) -> None:
    """Write the page of a run file or a sweep's folder."""
    from .report import report  # noqa: PLC0415 (plotly takes a second to import)

    Path(arguments.output).write_text(report(_results(arguments.path)), "utf-8")
    print(arguments.output)


def write_events(arguments: argparse.Namespace) -> None:
    """Write the scalars of a run file or a sweep's folder for TensorBoard."""
    results = _results(arguments.path)
    runs = [results] if isinstance(results, Run) else results.runs
    for file in write_scalars(runs, arguments.output):
        print(file)


def _results(path: str) -> Run | Sweep:
    return load_sweep(path) if Path(path).is_dir() else load(path)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Say on stderr what a user can act on; warnings of libraries are ours to mend, and no one else's to read."""
    if issubclass(category, UserWarning) and str(message).startswith("skipped "):
        print(f"qrun_results: warning: {message}", file=sys.stderr)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m qrun_results", description="Looks at what qrun wrote.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("plot", help="draw one plot of a run file or a sweep folder")
    command.add_argument("kind", choices=OF_A_RUN + OF_A_SWEEP, help=f"of a run: {', '.join(OF_A_RUN)}; "
                         f"of a sweep: {', '.join(OF_A_SWEEP)}", metavar="KIND")  # fmt: skip
    command.add_argument("path", help="run file, or folder of a sweep")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="picture to write: .png, .svg, .pdf")
    command.add_argument("--layer", help="features, filters: the layer")
    command.add_argument("--channel", type=int, help="features: channel of the layer's output")
    command.add_argument("--over", help="accuracy: what is on the horizontal axis, such as w_bits or solver.lr")
    command.add_argument("--x", help="heat_map: what is on the horizontal axis, such as w_bits")
    command.add_argument("--y", help="heat_map: what is on the vertical axis, such as seed")
    command.set_defaults(act=plot)
    command = commands.add_parser("report", help="write one HTML page of a run file or a sweep folder")
    command.add_argument("path", help="run file, or folder of a sweep")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="page to write: .html")
    command.set_defaults(act=write_report)
    command = commands.add_parser("tensorboard", help="write the metrics of a run file or a sweep folder as scalars")
    command.add_argument("path", help="run file, or folder of a sweep")
    command.add_argument("-o", "--output", required=True, metavar="FOLDER", help="log folder: tensorboard --logdir FOLDER")
    command.set_defaults(act=write_events)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 with a line on stderr that names what is wrong."""
    parsed = parse(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            parsed.act(parsed)
    except (ResultsError, KeyError, ValueError, OSError, TypeError) as error:
        print(f"qrun_results: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
