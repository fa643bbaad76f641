"""A search over settings: a run for each combination of some values, one after the other.

Knows settings as data, a folder of runs and their cards; does not know how a run is trained
(``train.tuned.trainer``). Each run is one like any other, in a folder named by its values: a
search that was stopped goes on where it was, and what is finished is not trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.files import make_folder, staged_files, write_json
from cantilena.systems.trainable import Recipe
from cantilena.train.run import Run
from cantilena.train.stopping import Stop
from cantilena.train.tuned import processes

Value = int | float
Say = Callable[[str], None]
FORM = "batch=8,16 rate=1e-4,3e-4"
_OTHER_TOKENS = ("context", "text_tokens", "valid_songs")
"""Settings that change which tokens are held out, so that losses could not be compared."""
_NOT_LEARNED = (
    "notes",
    "minutes",
    "decay",
    "valid_every",
    "save_every",
    "save_minutes",
    "keep",
    "log_every",
    "workers",
    "sample_every",
    "samples",
)
"""Numbers that do not change what a tuned run learns."""
_IN_STEPS = ("warmup", "valid_every", "save_every")
"""Settings in steps that keep their share of a run when its number of steps changes."""
NAME = "sweep"


def read_sweep(text: str, recipe: Recipe) -> dict[str, list[Value]]:
    """The values of each setting in a text such as ``FORM``, in its order. Raises InputError for
    another form, and for what is no number among the recipe's settings."""
    kinds = {
        entry.name: kind
        for part in (recipe.settings, recipe.options)
        for entry in fields(part)
        if (kind := str(entry.type).partition(" | ")[0]) in ("int", "float")
        and entry.name not in (*_OTHER_TOKENS, *_NOT_LEARNED)
    }
    values: dict[str, list[Value]] = {}
    for word in text.split():
        name, sign, listed = word.partition("=")
        if not sign or not listed:
            raise InputError(f"the sweep's {word!r} is not of the form NAME=VALUE,...: as {FORM!r}")
        if name in _OTHER_TOKENS:
            raise InputError(f"a sweep over {name!r} would compare losses of other tokens")
        if name in _NOT_LEARNED:
            raise InputError(
                f"{name!r} does not change what a run learns; known: {', '.join(kinds)}"
            )
        if name not in kinds:
            raise InputError(f"{name!r} is no number to sweep over; known: {', '.join(kinds)}")
        if name in values:
            raise InputError(f"the sweep names {name!r} twice")
        values[name] = [_value(name, kinds[name], value) for value in listed.split(",")]
        if len(set(values[name])) < len(values[name]):
            raise InputError(f"the sweep has a value of {name!r} twice: {listed}")
    if not values:
        raise InputError(f"the sweep names no setting; write it as {FORM!r}")
    return values


def _value(name: str, kind: str, text: str) -> Value:
    try:
        number = float(text)
        whole = number == int(number)
    except (ValueError, OverflowError):
        raise InputError(f"the sweep's {name} of {text!r} is no number") from None
    if kind == "int" and not whole:
        raise InputError(f"the sweep's {name} of {text!r} is no whole number")
    return int(number) if whole else number


@dataclass(frozen=True)
class Sweep:
    """The runs of a search by the names of their folders, and in words what their budgets share."""

    values: dict[str, list[Value]]
    runs: dict[str, tuple[dict[str, Value], Recipe]]
    budget: str


def plan(recipe: Recipe, text: str) -> Sweep:
    """The runs of a sweep's ``text`` over a recipe. Those of other batches have the same examples
    in all: their steps, and what is counted in steps, change with the batch, unless the sweep
    names steps itself. Raises InputError for a combination that cannot be."""
    values = read_sweep(text, recipe)
    same_examples = "batch" in values and "steps" not in values
    runs = {}
    for combination in product(*values.values()):
        changes: dict[str, Any] = dict(zip(values, combination, strict=True))
        name = "-".join(f"{key}-{value}" for key, value in changes.items())
        steps = _with_steps(recipe, changes) if same_examples else {}
        runs[name] = (changes, recipe.changed(**changes, **steps))
    steps, batch = recipe.settings.steps or 0, recipe.settings.batch
    if same_examples:
        budget = f"equal budgets: about {steps * batch:,} examples a run, in steps by the batch"
    elif "steps" in values:
        budget = "budgets as the steps say"
    else:
        budget = f"equal steps: {steps:,} of {batch} examples a run"
    return Sweep(values, runs, budget)


def _with_steps(recipe: Recipe, changes: Mapping[str, Value]) -> dict[str, Any]:
    """The settings in steps with which a run has as many examples as the recipe."""
    share = recipe.settings.batch / changes["batch"] if changes["batch"] else 1.0
    steps = {"steps": max(1, round((recipe.settings.steps or 0) * share))}
    for name in _IN_STEPS:
        before = getattr(recipe.settings, name)
        if name not in changes and before:
            steps[name] = max(1, round(before * share))
    return steps


def sweep(
    recipe: Recipe,
    text: str,
    data: str | Path,
    folder: str | Path,
    say: Say = print,
    reports: Sequence[str] = (),
    warn: Say | None = None,
) -> dict[str, Any] | None:
    """Trains the runs of a sweep's ``text`` over a recipe in ``folder``, going on where that was;
    writes their held-out losses, the lowest first, to ``sweep.json`` and ``sweep.md`` and gives
    what the first holds, or None where a signal stopped a run (its state being saved).

    Raises InputError for a sweep that cannot be, for a folder that holds a run itself, and for runs
    in it with other steps or other tokens held out than the plan's, before anything is trained;
    where held-out tokens turn out to be of other data; besides, what ``finetune`` raises.
    """
    from cantilena.train.tuned.trainer import check

    search = plan(recipe, text)
    for _, one in search.runs.values():
        check(one, reports, processes.world())
    folder = Path(folder)
    if Run(folder).recipe() is not None:
        raise InputError(f"{str(folder)!r} holds a run; give a sweep a folder of its own")
    for name, (_, one) in search.runs.items():
        _check_planned(Run(folder / name), one)
    make_folder(folder)
    say(f"{len(search.runs)} runs; {search.budget}")
    rows = _trained(search, data, folder, say, reports, warn)
    if rows is None:
        return None
    figures = _figures(recipe.system, search, rows)
    if processes.is_first():
        with staged_files(folder, (f"{NAME}.json", f"{NAME}.md")) as stage:
            write_json(stage / f"{NAME}.json", figures)
            (stage / f"{NAME}.md").write_text(sweep_table(figures), encoding="utf-8")
    return figures


def _check_planned(run: Run, one: Recipe) -> None:
    """Raises InputError where a run's folder has one of another length, or with other tokens held
    out, than the plan's: their losses could not be compared. Other differences ``finetune``
    refuses."""
    old = run.recipe()
    if old is None or old.system != one.system:
        return
    for part, planned in ((old.settings, one.settings), (old.options, one.options)):
        for entry in fields(planned):
            if entry.name not in ("steps", *_OTHER_TOKENS):
                continue
            before, after = getattr(part, entry.name), getattr(planned, entry.name)
            if before != after:
                raise InputError(
                    f"the run in {str(run.folder)!r} has {entry.name} {before!r}, the sweep's plan "
                    f"{after!r}: give the sweep another folder, or remove that of the run"
                )


def _trained(
    search: Sweep,
    data: str | Path,
    folder: Path,
    say: Say,
    reports: Sequence[str],
    warn: Say | None,
) -> list[dict[str, Any]] | None:
    """A row for each run, which is trained where it is not finished; None where a signal came,
    during a run or between two. Raises InputError where held-out tokens differ."""
    import torch

    from cantilena.train.tuned.trainer import finetune

    rows: list[dict[str, Any]] = []
    with Stop().listening() as stop:
        for number, (name, (values, one)) in enumerate(search.runs.items(), 1):
            if processes.any_of(stop.asked, torch.cuda.is_available()):
                say(f"stopped before run {number}: the same command goes on from here")
                return None
            say(f"run {number} of {len(search.runs)}: {name}")
            card = finetune(one, data, folder / name, say, reports, warn=warn, stop=stop)
            if card is None:
                return None
            rows.append(_row(name, values, card))
            _check_tokens(rows[0], rows[-1])
    return rows


def _check_tokens(first: dict[str, Any], row: dict[str, Any]) -> None:
    """Raises InputError where two runs have losses of other numbers of tokens held out."""
    for of in set(first["held_out"]) & set(row["held_out"]):
        one, other = (r["held_out"][of]["tokens"] for r in (first, row))
        if one != other:
            raise InputError(
                f"the run {first['run']!r} holds out {one:,} tokens of {of}, {row['run']!r} "
                f"{other:,}: their data differ and their losses cannot be compared; give the sweep "
                "another folder"
            )


def _row(name: str, values: dict[str, Value], card: Mapping[str, Any]) -> dict[str, Any]:
    settings = card["training"]["recipe"]["settings"]
    held_out = card["figures"]["held_out"]
    losses = {of: figures for of, figures in held_out.items() if isinstance(figures, dict)}
    examples = settings["steps"] * settings["batch"]
    return {
        "run": name,
        "values": values,
        "steps": settings["steps"],
        "examples": examples,
        "precision": card["training"]["computes"]["precision"],
        "held_out": losses,
    }


def _figures(system: str, search: Sweep, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What ``sweep.json`` holds: the runs by their first held-out loss, those without one last."""
    names = list(dict.fromkeys(of for row in rows for of in row["held_out"]))

    def loss(row: dict[str, Any]) -> float:
        figures = row["held_out"].get(names[0], {}) if names else {}
        value = figures.get("loss")
        return float("inf") if value is None else value

    ranked = sorted(rows, key=loss)
    best = ranked[0]["run"] if loss(ranked[0]) < float("inf") else None
    return {
        "system": system,
        "sweep": search.values,
        "budget": search.budget,
        "by": f"held out, {names[0]}" if names else None,
        "best": best,
        "runs": ranked,
    }


def sweep_table(figures: Mapping[str, Any]) -> str:
    """The Markdown of what ``sweep`` gives."""
    rows = figures["runs"]
    names = list(dict.fromkeys(of for row in rows for of in row["held_out"]))
    heads = list(dict.fromkeys([*figures["sweep"], "steps", "examples"]))
    heads += [f"held out, {of}" for of in names]
    lines = [
        f"Sweep of {figures['system']}; {figures['budget']}; held-out losses in nats a token.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---:|' * len(heads)}",
    ]
    for row in rows:
        numbers = {**row["values"], "steps": row["steps"], "examples": row["examples"]}
        losses = [row["held_out"].get(of, {}).get("loss") for of in names]
        cells = [f"{v:,}" if isinstance(v, int) else str(v) for v in numbers.values()]
        cells += ["-" if value is None else f"{value:.4f}" for value in losses]
        lines.append(f"| {' | '.join(cells)} |")
    best = figures["best"]
    end = f"Best by {figures['by']}: {best}." if best else "No run has a held-out loss."
    return "\n".join([*lines, "", end]) + "\n"
