"""The training loop of the note model: schedule, validation, states that resume.

Knows the model's batches and the run's folder; does not know how the data set was made, what the
loss is or which optimisers there are (``systems.note.training``), or how weights are shipped
(``train.note.export``). The rate is warmed up, held, then brought to zero over the last notes
(warm-up, stable, decay: Hu et al. 2024, MiniCPM, section 4), so a run can be stopped, resumed and
lengthened without having known its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json, write_json
from cantilena.models.checkpoint import WEIGHTS
from cantilena.models.precision import mixed, precision_of
from cantilena.models.saving import load_tensors, load_weights, save_tensors
from cantilena.models.step_lm import PLAN_WEIGHTS, StepConfig, StepLM
from cantilena.systems.note.checkpoint import open_note
from cantilena.systems.note.training import (
    CropConfig,
    NoteTraining,
    note_config,
    on_device,
    with_plan,
)
from cantilena.systems.trainable import Recipe, Settings
from cantilena.tokens.note import NoteScheme
from cantilena.train import state
from cantilena.train.note.crops import Crops
from cantilena.train.note.feed import feed
from cantilena.train.note.habits import write_facts
from cantilena.train.note.held import (
    CHANGES,
    PLANNED_CROPS,
    VALID_CROPS,
    Batch,
    bits,
    fixed_batches,
)
from cantilena.train.note.old_run import OldRun
from cantilena.train.run import Run
from cantilena.train.stopping import Stop

Say = Callable[[str], None]
TEXT = ("text.", "text_", "layer_weights")
"""Names of the weights that read the text."""
STATE = "state.json"


def spent(notes: float, settings: Settings, seconds: float = 0.0) -> float:
    """Share of the budget, of notes or of time, that is spent; the run ends at 1."""
    by_clock = seconds / (60 * settings.minutes) if settings.minutes else 0.0
    by_notes = notes / settings.notes if settings.notes else 0.0
    return max(by_notes, by_clock)


def rate_at(notes: float, settings: Settings, seconds: float = 0.0) -> float:
    """Share of the peak rate, 0-1, after ``notes`` notes and ``seconds``."""
    up = min(1.0, notes / max(settings.warmup, 1.0))
    left = max(0.0, 1 - spent(notes, settings, seconds))
    return up * min(1.0, left / max(settings.decay or 0.0, 1e-9))


class Training:
    """A training of the note model in a run's folder. Making one of a folder that holds a run goes
    on with it, its model's sizes being those it has; ``measured``: with its weights alone.

    Raises CheckpointError for a run that cannot go on."""

    def __init__(
        self,
        folder: str | Path,
        config: StepConfig | None,
        recipe: Recipe,
        measured: bool = False,
    ):
        self.run, self.asked = Run(folder), recipe
        self.trainable, self.scheme = NoteTraining(), NoteScheme()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        before = self.run.precision(self.device)
        precision = precision_of(recipe.settings.precision, self.device, before)
        self.recipe = recipe.changed(precision=precision)
        self.settings = self.recipe.settings
        self.step, self.notes, self.seconds = 0, 0, 0.0
        self.before: dict[str, Any] = {}  # the training of the checkpoint it started from
        torch.manual_seed(self.settings.seed)
        newest = self.run.newest()
        old = None if newest else OldRun.find(self.run.folder)
        counts = _read_state(newest[0]) if newest else (old.state if old else {})
        if counts:
            config = StepConfig.from_dict(counts["model"])
        self.model: StepLM = self.trainable.build(self.recipe, config)[0].to(self.device)
        self.optimisers = self.trainable.optimisers(self.model, self.recipe)
        if counts:
            self.step, self.notes = counts["step"], counts["notes"]
            self.seconds, self.before = counts["seconds"], counts.get("before", {})
        if newest:
            self._load(newest[0], measured)
        elif old:
            old.load(self.model, [] if measured else self.optimisers)

    def _load(self, folder: Path, measured: bool) -> None:
        weights = load_tensors(folder / WEIGHTS)
        load_weights(self.model, weights, folder)
        if not measured:
            tensors = load_tensors(folder / state.OPTIMISER)
            state.restore_optimisers(self.model, self.optimisers, tensors)

    def start_from(self, checkpoint: str | Path) -> None:
        """Takes the weights of a checkpoint as the first ones, all but the text encoder's where
        that is of another size, and those that read a plan where either has none. Raises
        CheckpointError where they are missing or do not fit."""
        opened = open_note(checkpoint)
        weights = {k: v.float() for k, v in load_tensors(opened.weights).items()}
        current = self.model.state_dict()
        plan = {k: v for k, v in current.items() if k.startswith(PLAN_WEIGHTS)}
        others = {k: v for k, v in weights.items() if not k.startswith(PLAN_WEIGHTS)}
        weights = {**plan, **(weights if plan else others)}
        same = {k: v.shape for k, v in current.items()} == {k: v.shape for k, v in weights.items()}
        if not same:  # a checkpoint of another text encoder gives all but the text's part
            text = {k: v for k, v in current.items() if k.startswith(TEXT)}
            weights = {**{k: v for k, v in weights.items() if not k.startswith(TEXT)}, **text}
        load_weights(self.model, weights, opened.folder)
        self.before = {"notes_seen": 0, **opened.card["training"], "text_kept": same}

    def save(self) -> None:
        """Writes the whole state, by one rename. Raises InputError where the disk refuses."""
        counts = {
            "step": self.step,
            "notes": self.notes,
            "seconds": self.seconds,
            "model": self.model.config.to_dict(),
            "scheme": self.scheme.to_dict(),
            "before": self.before,
        }
        with self.run.saving(self.step, self.settings.keep) as stage:
            save_tensors(stage / WEIGHTS, self.model.state_dict())
            tensors = state.optimiser_tensors(self.model, self.optimisers)
            save_tensors(stage / state.OPTIMISER, tensors)
            write_json(stage / STATE, counts)

    def log(self, **row: Any) -> None:
        """Appends one line to the log."""
        counts = {"step": self.step, "notes": self.notes, "seconds": round(self.seconds, 1)}
        self.run.log(**counts, **row)

    def train(self, songs: Any, valid: Any, say: Say = print, data: str = "") -> None:
        """Trains until the budget is spent, or until Ctrl-C or SIGTERM ask for an end, which comes
        between two steps; saves in both cases. ``data``: where the songs are from, for the run's
        record. Raises InputError where another process trains in the folder."""
        with self.run.locked(), Stop().listening() as stop:
            if self.run.steps()[-1:] not in ([], [self.step]):
                raise InputError(f"another process went on with {self.run.folder}; begin again")
            computes = {"device": self.device, "precision": self.settings.precision, "processes": 1}
            self.run.write(self.asked, data, computes)
            write_facts(songs, self.run.folder)
            self.run.cut_log(self.step)
            self._train(songs, valid, say, stop)
            self.save()

    def _train(self, songs: Any, valid: Any, say: Say, stop: Stop) -> None:
        settings, options = self.settings, self.recipe.options
        crops = Crops(songs, self.scheme, options.crop, dict(options.weights))
        valid_sets = {
            name: fixed_batches(valid, self.scheme, crop, options.valid_windows, 16)
            for name, crop in self._valid_crops().items()
        }
        model: Any = torch.compile(self.model) if options.compile else self.model
        clock = saved = time.monotonic()
        next_valid = self.notes + settings.valid_every
        gpu = self.device != "cpu"
        source = feed(crops, settings.batch, settings.seed, self.step, settings.workers, gpu)
        running: list[Tensor] = []
        while not self.done and not stop.asked:
            running.append(self._step(model, next(source)))
            now = time.monotonic()
            self.seconds += now - clock
            clock = now
            if self.step % settings.log_every == 0:
                each = torch.stack(running).mean(0).cpu().numpy()
                running = []
                self.log(train=each.round(4).tolist(), bits=round(float(each.sum()), 4))
                say(
                    f"{self.notes / 1e6:6.2f} M notes  {each.sum():6.3f} bits/note "
                    f"{self.notes / max(self.seconds, 1):6.0f} notes/s"
                )
            if self.notes >= next_valid:
                next_valid += settings.valid_every
                self._validate(valid_sets, say)
                clock = time.monotonic()
            if self._is_time(saved):
                self.save()
                saved = clock = time.monotonic()
        if self.done:
            self._validate(valid_sets, say)
        else:
            say("stopped; saving, so that the same command goes on from here")

    def _is_time(self, saved: float) -> bool:
        """Whether the state is to be saved, which was last done at ``saved``."""
        settings = self.settings
        by_steps = settings.save_every and self.step % settings.save_every == 0
        minutes = settings.save_minutes
        by_clock = minutes is not None and time.monotonic() - saved > 60 * minutes
        return bool(by_steps or by_clock)

    def _valid_crops(self) -> dict[str, CropConfig]:
        length = self.recipe.options.crop.length
        crops = PLANNED_CROPS if self.recipe.options.crop.plan else VALID_CROPS
        return {name: replace(crop, length=length) for name, crop in crops.items()}

    def _validate(self, valid_sets: dict[str, list[Batch]], say: Say) -> None:
        self.model.eval()
        names = () if self.recipe.options.tune else _VALIDATED
        changed = {name: CHANGES[name](valid_sets["fresh"]) for name in names}
        rows = {
            name: bits(self.model, batches, self.device, self.settings.precision)
            for name, batches in {**valid_sets, **changed}.items()
        }
        self.model.train()
        self.log(valid=rows)
        say("   valid  " + "  ".join(f"{k} {v['all']:.3f}" for k, v in rows.items()))

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return spent(self.notes, self.settings, self.seconds) >= 1

    def _step(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """One update; returns the batch's bits per note by field, on the device: who looks at them
        waits for it."""
        scale = rate_at(self.notes, self.settings, self.seconds)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.settings.rate * scale * group.get("share", 1.0)
        with mixed(self.device, self.settings.precision):
            loss, per_field = self.trainable.loss(model, on_device(batch, self.device))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.notes += int(batch["mask"][..., 1].sum())
        return per_field


_VALIDATED = ("shuffled", "text_only", "other_text")


def _read_state(folder: Path) -> dict[str, Any]:
    """The counts of a state. Raises CheckpointError where they are damaged."""
    try:
        counts = read_json(folder / STATE)
        kinds = {"step": int, "notes": int, "seconds": (int, float), "model": dict}
        for name, kind in kinds.items():
            if not isinstance(counts[name], kind):
                raise InputError(f"its {name} is {counts[name]!r}")
    except (InputError, KeyError, TypeError) as error:
        raise CheckpointError(f"the run in {folder.parent} cannot go on: {error}") from error
    return counts


def first_config(
    recipe: Recipe, checkpoint: str | Path | None, sizes: Mapping[str, int]
) -> StepConfig:
    """The config of a new run's model: of ``sizes``, or, where a checkpoint learns to read a plan,
    that of the checkpoint. Raises InputError where it has other sizes, CheckpointError."""
    if not (recipe.options.tune and checkpoint):
        return note_config(**sizes)
    config = StepConfig.from_dict(dict(open_note(checkpoint).model))
    for name, size in sizes.items():
        if getattr(config, name) != size:
            raise InputError(
                f"the checkpoint in {str(checkpoint)!r} has a {name.replace('_', ' ')} of "
                f"{getattr(config, name)}; leave out the sizes"
            )
    return with_plan(config)


def run_recipe(folder: str | Path) -> Recipe | None:
    """The settings of the run in a folder, None where there is none. Raises CheckpointError where
    they are damaged, and for a run of another system."""
    old = OldRun.find(folder) if not Run(folder).steps() else None
    recipe = old.recipe() if old else Run(folder).recipe()
    if recipe is not None and recipe.system != "note":
        raise CheckpointError(f"the run in {folder} is of the system {recipe.system!r}, not 'note'")
    return recipe


def run_state(folder: str | Path) -> dict[str, Any] | None:
    """The counts of a run's newest state and its model's config, None where nothing is saved.
    Raises CheckpointError where they are damaged."""
    newest = Run(folder).newest()
    if newest:
        return _read_state(newest[0])
    old = OldRun.find(folder)
    return old.state if old else None


def run_weights(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor], Recipe]:
    """The counts, the weights and the recipe of a run, without the rest of it. Raises
    CheckpointError where the folder holds no run."""
    run = Run(folder)
    newest, recipe = run.newest(), run_recipe(folder)
    old = None if newest else OldRun.find(run.folder)
    if recipe is None or not (newest or old):
        raise CheckpointError(f"{folder} holds no training run: no state of it is saved")
    if old:
        return old.state, old.weights(), recipe
    assert newest is not None
    return _read_state(newest[0]), load_tensors(newest[0] / WEIGHTS), recipe
