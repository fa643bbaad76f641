"""The losses of runs as a picture, after the paper's Figure 3: training and held-out loss.

Knows the logs of both drivers and drawing; does not know models, and needs no torch. matplotlib, of
the extra ``train``, is imported when a picture is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cantilena.errors import InputError, MissingExtraError
from cantilena.files import make_folder, parse_jsonl, read_text, staged_file
from cantilena.train.run import LOG, held_out_name

ENDINGS = (".png", ".svg")
# Okabe and Ito's palette, safe for colour-blind readers, without black and the yellow, which is
# too light on white
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B", "#6A4C93", "#8C564B")
_MARKERS = "osD^v"
"""By turns of the colours."""
_INSIDE = 6
"""Lines of a legend that leave room for the curves; a longer one stands beside them."""
_DPI = 160

Points = list[tuple[float, float]]


@dataclass
class Curves:
    """The losses of a run as (x, loss) in the log's order, NaN where a loss was no finite number.

    ``x`` and ``unit``: what the axes are of. ``held_out``: by what it is of, "" where that is not
    said."""

    name: str
    x: str = "steps"
    unit: str = "nats a token"
    training: Points = field(default_factory=list)
    held_out: dict[str, Points] = field(default_factory=dict)


def read_curves(folder: str | Path) -> Curves:
    """The losses in a run's log, of the note model or a tuned one. A last line that is still being
    written is passed over. Raises InputError where there is no log, none with losses, or one that
    is damaged."""
    path = Path(folder) / LOG
    if not path.is_file():
        raise InputError(f"{str(folder)!r} holds no run's log: there is no {LOG} in it")
    text = read_text(path, "a run's log")
    curves = Curves(Path(folder).resolve().name)
    for number, row in parse_jsonl(text[: text.rfind("\n") + 1], str(path)):
        try:
            _take(curves, row)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(f"{path}, line {number}: not a line of a run's log") from None
    if not curves.training and not curves.held_out:
        raise InputError(f"the log of {str(folder)!r} holds no losses yet")
    return curves


def _take(curves: Curves, row: Any) -> None:
    """Adds a line of a log. Raises KeyError, TypeError, ValueError, AttributeError for others."""
    step = float(row["step"])
    if "bits" in row or "valid" in row:  # of the note model, whose budget is in notes
        curves.x, curves.unit = "million notes", "bits a note"
        millions = row["notes"] / 1e6
        if "bits" in row:
            curves.training.append((millions, _number(row["bits"])))
        if "valid" in row:  # "full": with all that is known of a song
            curves.held_out.setdefault("", []).append(
                (millions, _number(row["valid"]["full"]["all"]))
            )
        return
    if "unit" in row:  # of a model of sound
        curves.unit = str(row["unit"])
    if "loss" in row:
        curves.training.append((step, _number(row["loss"])))
    named = {name: value for key, value in row.items() if (name := held_out_name(key))}
    plain = {"": row["eval_loss"]} if "eval_loss" in row else {}
    for name, value in (named or plain).items():
        curves.held_out.setdefault(name, []).append((step, _number(value)))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


# ------------------------------------------------------------------ drawing


def plot_runs(folders: Sequence[str | Path], path: str | Path) -> Path:
    """Draws the losses of runs into one picture, PNG or SVG by the path's ending: held-out losses
    as lines with marks, the training's thin and light in the run's colour. The same logs make the
    same bytes, and the file appears whole or not at all.

    Raises InputError for another ending, for logs that cannot be read, for runs whose losses have
    different units, and where ``path`` cannot be written, MissingExtraError without matplotlib.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot draw {path.name!r}: end its name in {' or '.join(ENDINGS)}")
    runs = [read_curves(folder) for folder in folders]
    names = [run.name for run in runs]
    for run, folder in zip(runs, folders, strict=True):
        if run.unit != runs[0].unit:
            raise InputError(
                f"{str(folder)!r} has its losses in {run.unit} and {str(folders[0])!r} in "
                f"{runs[0].unit}: draw them apart"
            )
        if names.count(run.name) > 1:
            run.name = str(folder)
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("matplotlib", "train", "drawing losses") from error

    with matplotlib.rc_context(
        {"text.usetex": False, "path.sketch": None, "svg.hashsalt": "cantilena"}
    ):
        figure = _figure(runs)
        make_folder(path.parent)
        # the date would be another in each file
        kind = path.suffix.lower().lstrip(".")
        metadata = {"Date": None} if kind == "svg" else None
        with staged_file(path) as part:
            figure.savefig(part, dpi=_DPI, format=kind, metadata=metadata)
    return path


def _figure(runs: Sequence[Curves]) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    lines = sum(max(1, len(run.held_out)) for run in runs) + 1
    inside = lines <= _INSIDE
    figure = Figure(figsize=(7.0 if inside else 9.5, 4.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    handles: list[Any] = []
    for k, run in enumerate(runs):
        handles += _draw(axes, run, _COLOURS[k % len(_COLOURS)], k // len(_COLOURS))
    if any(run.training and run.held_out for run in runs):
        handles.append(Line2D([], [], color="#888888", linewidth=1, alpha=0.7, label="training"))
    axes.set_xlabel(runs[0].x)
    axes.set_ylabel(f"loss, {runs[0].unit}")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.10g}")
    if inside:
        axes.legend(handles=handles, loc="upper right", framealpha=0.9, edgecolor="none")
    else:
        figure.legend(handles=handles, loc="outside right upper", frameon=False)
    return figure


def _draw(axes: Any, run: Curves, colour: str, turn: int) -> list[Any]:
    """Draws a run; gives its lines for the legend. The first held-out loss has full marks, others
    have empty ones."""
    name = _plain(run.name)
    handles = []
    if run.training:
        xs, ys = zip(*run.training, strict=True)
        (line,) = axes.plot(xs, ys, color=colour, linewidth=0.9, alpha=0.4)
        if not run.held_out:
            line.set_label(f"{name}: training")
            handles.append(line)
    for k, (of, points) in enumerate(run.held_out.items()):
        xs, ys = zip(*points, strict=True)
        (line,) = axes.plot(
            xs,
            ys,
            color=colour,
            linewidth=1.8,
            marker=_MARKERS[turn % len(_MARKERS)],
            markersize=4.5,
            markerfacecolor="white" if k else colour,
            label=f"{name}: held out, {_plain(of)}" if of else f"{name}: held out",
        )
        handles.append(line)
    return handles


def _plain(text: str) -> str:
    """A name as matplotlib shows it: it reads formulas between dollars, and hides labels that begin
    with an underscore."""
    text = text.replace("$", r"\$")
    return f"./{text}" if text.startswith("_") else text
