"""``cantilena plot``: the losses of runs as a picture. Light to import; drawing is in ``train``."""

from __future__ import annotations

import argparse


def plot_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``plot``."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="runs' folders, in one picture")
    parser.add_argument(
        "-o",
        "--output",
        default="losses.png",
        metavar="FILE",
        help=".png or .svg (losses.png)",
    )


def plot(args: argparse.Namespace) -> int:
    """Draws the runs' losses."""
    from cantilena.train.plot import plot_runs

    print(plot_runs(args.runs, args.output))
    return 0
