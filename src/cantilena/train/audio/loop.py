"""The training loop of models of sound and of SymphonyNet: schedule, validation, resuming.

Knows runs, optimisers and steps; does not know what is trained (a ``Trainable`` says what is built,
what the loss is and what a checkpoint holds) nor where batches are from: they depend on the run's
seed and the step alone, and so do torch's random numbers, so that a run that was stopped goes on as
if it had not been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json, write_json
from cantilena.models.checkpoint import WEIGHTS
from cantilena.models.precision import mixed, precision_of
from cantilena.models.saving import load_tensors, load_weights, save_tensors
from cantilena.systems.trainable import Recipe, Settings, check_same, trainable
from cantilena.train import state
from cantilena.train.run import Run
from cantilena.train.stopping import Stop

Say = Callable[[str], None]
Batch = Mapping[str, Any]
Draw = Callable[[int], Batch]
"""The batch of a step, counted from 0."""
_STATE = "state.json"
_STRIDE = 1_000_003
"""Between the seeds of torch's random numbers of two runs: a prime above the steps of most."""


def spent(step: int, settings: Settings, seconds: float) -> float:
    """Share of the budget, of steps or of time, that is spent; the run ends at 1."""
    by_clock = seconds / (60 * settings.minutes) if settings.minutes else 0.0
    by_steps = step / settings.steps if settings.steps else 0.0
    return max(by_clock, by_steps)


def rate_at(step: int, settings: Settings, seconds: float) -> float:
    """Share of the peak rate, 0-1: up over the warm-up, then held, then down to nothing over the
    last ``decay`` of the budget, or along a cosine where that is None."""
    rise = min(1.0, (step + 1) / max(settings.warmup, 1.0))
    share = min(1.0, spent(step, settings, seconds))
    if settings.decay is None:
        return rise * 0.5 * (1 + math.cos(math.pi * share))
    return rise * min(1.0, (1 - share) / max(settings.decay, 1e-9))


def check_origin(data: Mapping[str, Any]) -> None:
    """Raises ValueError where what is known of the data does not name it: ``sources``, of each a
    licence or a mapping with one, and the ``licence`` of the weights. Without any, as in trials, a
    card has neither."""
    rows = data.get("sources", {}).values()
    named = [row.get("licence") if isinstance(row, Mapping) else row for row in rows]
    if data and not (named and all(named) and data.get("licence")):
        raise ValueError(f"a checkpoint's card has to name its data and licences, not {data!r}")


class Training:
    """A training in a run's folder; making one of a folder that holds a run goes on with it.

    Raises CheckpointError for a run that cannot go on, and InputError where its settings are
    others than it began with."""

    def __init__(self, folder: str | Path, recipe: Recipe):
        self.run, self.asked = Run(folder), recipe
        if (old := self.run.recipe()) is not None:
            check_same(old, recipe, folder)
        self.trainable = trainable(recipe.system)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        before = self.run.precision(self.device)
        precision = precision_of(recipe.settings.precision, self.device, before)
        self.recipe = recipe.changed(precision=precision)
        self.settings = self.recipe.settings
        self.step, self.seconds, self.figures = 0, 0.0, dict[str, float]()
        self.validated = -1  # step of the last validation
        torch.manual_seed(self.settings.seed)
        self.model: nn.Module = self.trainable.build(self.recipe)[0].to(self.device)
        optimisers = self.trainable.optimisers(self.model, self.recipe)
        if not optimisers:
            raise InputError(f"{recipe.system!r} has no optimisers for this loop")
        self.optimisers: Sequence[torch.optim.Optimizer] = optimisers
        newest = self.run.newest()
        if newest:
            self._load(newest[0])

    def _load(self, folder: Path) -> None:
        """Takes up a state."""
        try:
            counts = read_json(folder / _STATE)
            self.step, self.seconds = int(counts["step"]), float(counts["seconds"])
            self.figures = dict(counts["figures"])
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the run in {folder.parent} cannot go on: {error}") from error
        load_weights(self.model, load_tensors(folder / WEIGHTS), folder)
        tensors = load_tensors(folder / state.OPTIMISER)
        state.restore_optimisers(self.model, self.optimisers, tensors)

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return spent(self.step, self.settings, self.seconds) >= 1

    def save(self) -> None:
        """Writes the whole state, by one rename. Raises InputError where the disk refuses."""
        counts = {"step": self.step, "seconds": self.seconds, "figures": self.figures}
        with self.run.saving(self.step, self.settings.keep) as stage:
            save_tensors(stage / WEIGHTS, self.model.state_dict())
            tensors = state.optimiser_tensors(self.model, self.optimisers)
            save_tensors(stage / state.OPTIMISER, tensors)
            write_json(stage / _STATE, counts)

    def train(
        self, draw: Draw, valid: Sequence[Batch], say: Say = print, data: Mapping[str, Any] = {}
    ) -> bool:
        """Trains until the budget is spent, or until Ctrl-C or SIGTERM ask for an end, which comes
        between two steps; saves in both cases, and at the end writes the model's checkpoint. Gives
        whether it is done. ``data``: what is known of the data, for the card ("figures": beside
        the model's own). Raises InputError where another process trains in the folder, and as
        ``check_origin``."""
        check_origin(data)
        with self.run.locked(), Stop().listening() as stop:
            if self.run.steps()[-1:] not in ([], [self.step]):
                raise InputError(f"another process went on with {self.run.folder}; begin again")
            computes = {"device": self.device, "precision": self.settings.precision, "processes": 1}
            self.run.write(self.asked, str(data.get("folder", "")), computes)
            self.run.cut_log(self.step)
            self._train(draw, valid, say, stop)
            self.save()
            if self.done:
                self._finish(data, computes)
                say(f"{self.run.model}: the finished model")
            else:
                say("stopped and saved: the same command goes on from here")
        return self.done

    def _train(self, draw: Draw, valid: Sequence[Batch], say: Say, stop: Stop) -> None:
        settings = self.settings
        self.model.train()
        clock = saved = time.monotonic()
        running: list[dict[str, Tensor]] = []
        while not self.done and not stop.asked:
            running.append(self._step(draw(self.step)))
            now = time.monotonic()
            self.seconds, clock = self.seconds + now - clock, now
            if self.step % settings.log_every == 0:
                self._report(running, say)
                running = []
            if self.step % settings.valid_every == 0:
                self._validate(valid, say)
                clock = time.monotonic()
            by_steps = settings.save_every and self.step % settings.save_every == 0
            minutes = settings.save_minutes
            if by_steps or (minutes is not None and now - saved > 60 * minutes):
                self.save()
                saved = clock = time.monotonic()
        if self.done and self.validated != self.step:
            self._validate(valid, say)

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        """One update; gives what is logged of it, on the device."""
        settings = self.settings
        torch.manual_seed(settings.seed * _STRIDE + self.step)
        scale = rate_at(self.step, settings, self.seconds)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * scale * group.get("share", 1.0)
        tensors = {k: torch.as_tensor(v).to(self.device) for k, v in batch.items()}
        with mixed(self.device, settings.precision):
            loss, logged = self.trainable.loss(self.model, {**tensors, "step": self.step})
        loss.backward()
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                nn.utils.clip_grad_norm_(group["params"], settings.clip)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return dict(logged)  # type: ignore[call-overload]

    def _report(self, running: Sequence[Mapping[str, Tensor]], say: Say) -> None:
        names = sorted({name for row in running for name in row})
        means = {}
        for name in names:
            values = [row[name].detach().float() for row in running if name in row]
            means[name] = round(float(torch.stack(values).mean()), 5)
        self._log(**means, **self._curve(means, "loss"))
        left = spent(self.step, self.settings, self.seconds)
        rest = self.seconds * (1 - left) / max(left, 1e-9)
        figures = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
        say(f"step {self.step:,}  {figures}  {rest / 60:.0f} min left")

    def _validate(self, valid: Sequence[Batch], say: Say) -> None:
        sums: dict[str, Tensor] = {}
        self.model.eval()
        with torch.no_grad():
            for batch in valid:
                tensors = {k: torch.as_tensor(v).to(self.device) for k, v in batch.items()}
                for name, pair in self.trainable.held_out(self.model, tensors).items():
                    sums[name] = sums.get(name, 0) + pair.double()
        self.model.train()
        self.validated = self.step
        self.figures = {k: round(float(v[0] / v[1]), 5) for k, v in sums.items()}
        self._log(held_out=self.figures, **self._curve(self.figures, "eval_loss"))
        say("   held out  " + "  ".join(f"{k} {v:.3f}" for k, v in self.figures.items()))

    def _curve(self, figures: Mapping[str, float], key: str) -> dict[str, Any]:
        """What ``cantilena plot`` draws of a look at the loss: the first of ``drawn`` that is
        there."""
        for name in getattr(self.trainable, "drawn", ("loss",)):
            if name in figures:
                return {key: figures[name], "unit": name}
        return {}

    def _log(self, **row: Any) -> None:
        self.run.log(step=self.step, seconds=round(self.seconds, 1), **row)

    def _finish(self, data: Mapping[str, Any], computes: Mapping[str, Any]) -> None:
        """Writes the model's checkpoint into the run's folder."""
        card = {
            "sources": data.get("sources", {}),
            "licence": data.get("licence", ""),
            "figures": {**data.get("figures", {}), **self.figures},
            "seed": self.settings.seed,
            "training": {
                **self.recipe.to_dict(),
                "steps": self.step,
                "minutes": round(self.seconds / 60, 2),
                "computes": dict(computes),
            },
        }
        self.trainable.save(self.run.model, self.model, {}, None, card)
