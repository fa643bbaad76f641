"""HuggingFace's Trainer as our runs want it: exact validation, states by one rename, no pickle.

Knows the Trainer, processes and a run's folder; does not know how models are built, batches made or
runs begun (``train.tuned.trainer``). Nothing is pickled, but where FSDP is: its optimiser is
written by accelerate and its schedule by torch, to go on with, and is no part of what is shipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback

from cantilena.errors import CheckpointError
from cantilena.models.amt import fuse_activations
from cantilena.models.checkpoint import WEIGHTS
from cantilena.models.saving import load_tensors, save_tensors, ties
from cantilena.systems.trainable import Recipe, Trainable
from cantilena.train import state
from cantilena.train.run import Run, held_out_key, held_out_name
from cantilena.train.stopping import Stop

Say = Callable[[str], None]
_TRAINER_STATE = "trainer_state.json"


class Tuner(Trainer):
    """The Trainer over a run's folder. ``valid`` are batches of examples, which ``valid_collate``
    makes to tensors."""

    def __init__(
        self,
        run: Run,
        recipe: Recipe,
        trainable: Trainable,
        valid: Sequence[list[Any]],
        valid_collate: Callable[[Sequence[Any]], Any],
        **settings: Any,
    ):
        super().__init__(**settings)
        self.run, self.recipe, self.trainable = run, recipe, trainable
        self.valid, self.valid_collate = valid, valid_collate
        self.remove_callback(PrinterCallback)
        if self.args.device.type == "cuda":
            fuse_activations(self.model)
        encoder = getattr(self.model, "encoder", None)
        if encoder is not None:
            encoder.to(self.args.device)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The mean losses of all tokens held out, in nats, by what they are of: "eval_music_loss",
        "eval_music_tokens" and so on; the first is "eval_loss", too. Every process takes its share,
        and the means are over tokens, so that they do not depend on batches and processes."""
        model: Any = self.model_wrapped
        model.eval()
        rank, world = self.args.process_index, self.args.world_size
        sums: dict[str, torch.Tensor] = {}
        for start in range(0, len(self.valid), world):
            within = start + rank < len(self.valid)
            # all processes run the model equally often, as FSDP wants it
            batch = self.valid_collate(self.valid[start + rank if within else 0])
            inputs = self._prepare_inputs(batch)
            with torch.no_grad():
                parts = self.trainable.held_out(model, inputs)
            for name, part in parts.items():
                sums[name] = sums.get(name, 0) + part.double() * within
        total: Any = self.accelerator.reduce(torch.stack(list(sums.values())), "sum")
        losses = _named(dict(zip(sums, total.tolist(), strict=True)), metric_key_prefix)
        self.log(losses)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, losses
        )
        model.train()
        return losses

    def held_out(self) -> dict[str, dict[str, Any]]:
        """The ``loss`` (None where it is no finite number) and ``tokens`` of the last evaluation,
        by what they are of; empty where there was none."""
        rows = [row for row in self.state.log_history if "eval_loss" in row]
        names = [name for key in (rows[-1] if rows else {}) if (name := held_out_name(key))]
        figures = {}
        for name in names:
            loss, tokens = (rows[-1][held_out_key(name, kind)] for kind in ("loss", "tokens"))
            figures[name] = {"loss": loss if math.isfinite(loss) else None, "tokens": tokens}
        return figures

    def create_optimizer(self, model: Any = None) -> Any:
        """The system's own optimiser where it has one."""
        if self.optimizer is None:
            optimisers = self.trainable.optimisers(
                self.model if model is None else model, self.recipe
            )
            if optimisers:
                (self.optimizer,) = optimisers
        return super().create_optimizer(model)

    # ------------------------------------------------------------------ states

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        """Every process puts its files into the stage, the first makes it the state."""
        step = self.state.global_step
        first = self.args.process_index == 0
        if first:
            self.run.begin(step)
        self.accelerator.wait_for_everyone()
        stage = str(self.run.stage(step))
        self.save_model(stage, _internal_call=True)
        self._save_optimizer_and_scheduler(stage)
        self._save_rng_state(stage)
        if self.args.should_save:
            self.state.save_to_json(str(Path(stage) / _TRAINER_STATE))
        self.accelerator.wait_for_everyone()
        if first:
            self.run.finish(step, self.recipe.settings.keep)
        self.accelerator.wait_for_everyone()

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        if self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            model = self.accelerator.unwrap_model(self.model)
            weights = without_ties(model, state_dict or model.state_dict())
            save_tensors(folder / WEIGHTS, weights)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
        elif self.args.should_save:
            model: Any = self.accelerator.unwrap_model(self.model)
            tensors = state.optimiser_tensors(model, [self.optimizer])
            save_tensors(Path(output_dir) / state.OPTIMISER, tensors)
            state.save_schedule(Path(output_dir), self.optimizer, self.lr_scheduler)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.is_fsdp_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None:
            folder = Path(checkpoint)
            model: Any = self.accelerator.unwrap_model(self.model)
            tensors = load_tensors(folder / state.OPTIMISER)
            state.restore_optimisers(model, [self.optimizer], tensors)
            state.load_schedule(folder, self.optimizer, self.lr_scheduler)

    def _save_rng_state(self, output_dir: str) -> None:
        state.save_rng(Path(output_dir), self.args.process_index)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            state.load_rng(Path(checkpoint), self.args.process_index)


def _named(sums: dict[str, list[float]], prefix: str) -> dict[str, float]:
    """A log's entries of (nats, tokens) by name. What has the tokens of one before it is that one:
    text and music where there are no texts."""
    losses: dict[str, float] = {}
    seen: set[float] = {0.0}
    for name, (nats, tokens) in sums.items():
        if tokens not in seen:
            seen.add(tokens)
            losses.setdefault(f"{prefix}_loss", nats / tokens)
            losses.setdefault(f"{prefix}_tokens", int(tokens))
            losses[held_out_key(name, "loss", prefix)] = nats / tokens
            losses[held_out_key(name, "tokens", prefix)] = int(tokens)
    return losses


def without_ties(model: Any, weights: dict[str, Any]) -> dict[str, Any]:
    """Weights without the second names of shared tensors, which ``load`` does without."""
    second = ties(model)
    return {k: v for k, v in weights.items() if k not in second}


class Manners(TrainerCallback):
    """Writes the run's log, reports to the user, validates after the last step, and ends the run
    once a step is done and saved where ``stop`` says so; ``stopped`` tells whether it did."""

    def __init__(self, run: Run, say: Say, stop: Stop):
        self.run, self.say, self.stop = run, say, stop
        self.stopped = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ends the run where that was asked of any process, and validates where it ends, at which
        not every version of the Trainer does so."""
        if state.global_step >= state.max_steps:
            control.should_evaluate = True
        asked = self.stop.asked
        if args.world_size > 1:
            flag = torch.tensor(float(asked), device=args.device)
            torch.distributed.all_reduce(flag)
            asked = bool(flag > 0)
        if asked and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Appends a line to the log."""
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        self.run.log(step=state.global_step, **logs)
        labels = {"loss": "loss", "learning_rate": "rate"}
        labels |= {key: f"held out, {name}" for key in logs if (name := held_out_name(key))}
        line = "  ".join(f"{labels[k]} {v:.6g}" for k, v in logs.items() if k in labels)
        self.say(f"{state.global_step:6d} of {state.max_steps}  {line}")


def check_state(folder: Path) -> None:
    """Raises CheckpointError where a state is not one of the Trainer's."""
    if not (folder / _TRAINER_STATE).is_file():
        raise CheckpointError(f"{folder} is no state of this training: {_TRAINER_STATE} is missing")
