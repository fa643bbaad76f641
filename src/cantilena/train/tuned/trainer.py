"""Tuning the text-to-symbolic systems with HuggingFace's Trainer and accelerate.

Knows the Trainer, processes and checkpoints; does not know how models are built
(``train.tuned.starts``) or batches made (``train.tuned.collate``, ``train.tuned.examples``).
Started by ``accelerate launch`` it trains over several processes (DDP, FSDP) as that says; the
examples of a step are the same all the same.

A run's folder: ``run.json`` (settings), ``log.jsonl``, ``checkpoint-N/``, and once it is done the
model itself with ``card.json``. Nothing is pickled, but where FSDP is: its optimiser is written by
accelerate and its schedule by torch, to go on with, and is no part of what is shipped.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging as hf_logging

from cantilena.data.paper.reader import PaperData
from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.files import write_json
from cantilena.models.amt import fuse_activations
from cantilena.train import run_state
from cantilena.train.note.loop import half_is_quick
from cantilena.train.tuned.collate import JointCollator, PrefixCollator
from cantilena.train.tuned.examples import (
    Endless,
    MusicCollator,
    PaperExamples,
    TextCollator,
    held_batches,
)
from cantilena.train.tuned.finish import CARD, finish, without_ties
from cantilena.train.tuned.recipes import TuneConfig
from cantilena.train.tuned.starts import build, parts

Say = Callable[[str], None]
RUN, LOG = "run.json", "log.jsonl"
REPORTS = ("tensorboard", "trackio")
_FREE = {"steps", "accumulate", "valid_every", "valid_songs", "save_every", "keep", "log_every"}
_FREE |= {"sample_every", "samples", "workers", "checkpointing", "attention", "precision"}
"""Settings that may change when a run goes on; the others decide what it is."""


class Tuner(Trainer):
    """The Trainer with exact validation and checkpoints without pickle. ``held`` are batches of
    examples, which ``held_collate`` makes to tensors."""

    def __init__(self, held: list[list[Any]], held_collate: Any, **settings: Any):
        super().__init__(**settings)
        self.held, self.held_collate = held, held_collate
        self.remove_callback(PrinterCallback)
        if self.args.device.type == "cuda":
            fuse_activations(self.model)
        encoder = getattr(self.model, "encoder", None)
        if encoder is not None:
            encoder.to(self.args.device)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The mean loss of all tokens held out, in nats. Every process takes its share, and the
        mean is over tokens, so that it does not depend on batches and processes."""
        model: Any = self.model_wrapped
        model.eval()
        rank, world = self.args.process_index, self.args.world_size
        total = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        for start in range(0, len(self.held), world):
            own = start + rank < len(self.held)
            # all processes run the model equally often, as FSDP wants it
            batch = self.held_collate(self.held[start + rank if own else 0])
            inputs = self._prepare_inputs(batch)
            count = (inputs["labels"] != -100).sum()
            with torch.no_grad():
                loss = model(**inputs)["loss"]
            if own:
                total += torch.stack([loss.double() * count, count.double()])
        total = self.accelerator.reduce(total, "sum")
        found = {f"{metric_key_prefix}_loss": float(total[0] / total[1])}
        found[f"{metric_key_prefix}_tokens"] = int(total[1])
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        model.train()
        return found

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        if self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            model = self.accelerator.unwrap_model(self.model)
            state = without_ties(model, state_dict or model.state_dict())
            run_state.save_tensors(folder / "model.safetensors", state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
        elif self.args.should_save:
            run_state.save_optimiser(Path(output_dir), self.optimizer, self.lr_scheduler)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.is_fsdp_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None:
            run_state.load_optimiser(Path(checkpoint), self.optimizer, self.lr_scheduler)

    def _save_rng_state(self, output_dir: str) -> None:
        run_state.save_rng(Path(output_dir), self.args.process_index)
        # the state that says that a checkpoint is whole comes after all processes' files
        self.accelerator.wait_for_everyone()

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            run_state.load_rng(Path(checkpoint), self.args.process_index)


class Manners(TrainerCallback):
    """Logs into ``log.jsonl``, tells the user, and ends the run on Ctrl-C or SIGTERM once the step
    is done and saved. ``stopped`` tells whether it did."""

    def __init__(self, folder: Path, say: Say):
        self.folder, self.say = folder, say
        self.asked = self.stopped = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals meanwhile; a second one stops at once."""

        def heard(number: int, frame: Any) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True

        before = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                before[number] = signal.signal(number, heard)
            except ValueError:  # not in the main thread: whoever runs that hears the signals
                continue
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ends the run where that was asked of any process."""
        asked = self.asked
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
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **logs}) + "\n")
        told = {"loss": "loss", "eval_loss": "held out", "learning_rate": "rate"}
        said = "  ".join(f"{told[k]} {v:.6g}" for k, v in logs.items() if k in told)
        self.say(f"{state.global_step:6d} of {state.max_steps}  {said}")


# ------------------------------------------------------------------ a run


def read_run(folder: Path) -> TuneConfig | None:
    """The settings of the run in a folder, None where there is none. Raises CheckpointError where
    they are damaged."""
    path = folder / RUN
    if not path.is_file():
        return None
    try:
        return TuneConfig.from_dict(json.loads(path.read_text(encoding="utf-8"))["config"])
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise CheckpointError(f"the run in {folder} cannot be read: {error}") from error


def check_same(old: TuneConfig, new: TuneConfig, folder: Path) -> None:
    """Raises InputError where settings differ that a run cannot change."""
    one, other = old.to_dict(), new.to_dict()
    for name in one:
        if name not in _FREE and one[name] != other[name]:
            raise InputError(
                f"the run in {str(folder)!r} has {name} {one[name]!r}, not {other[name]!r}; leave "
                "the option out or give another folder"
            )


def finetune(
    config: TuneConfig,
    data: str | Path,
    folder: str | Path,
    say: Say = print,
    reports: Sequence[str] = (),
    callbacks: Sequence[TrainerCallback] = (),
    warn: Say | None = None,
) -> dict[str, Any] | None:
    """Trains until the steps are done, going on where the folder's run was; gives the card, or
    None where a signal stopped it (its state being saved).

    ``data``: a folder of ``cantilena data paper``; ``reports``: of ``REPORTS``. Raises InputError
    for settings that the run, the data or the machine cannot have, CheckpointError for missing
    weights, MissingExtraError for a logger that is not installed.
    """
    folder, world = Path(folder), int(os.environ.get("WORLD_SIZE", "1"))
    if int(os.environ.get("RANK", "0")):
        say = _silent
    _check(config, reports, world)
    hf_logging.set_verbosity_error()
    old = read_run(folder)
    if old is not None:
        check_same(old, config, folder)
    last = run_state.last_checkpoint(folder)
    if last and last[1] >= config.steps and (folder / CARD).is_file():
        say(f"{folder} is done: {last[1]} steps")
        return json.loads((folder / CARD).read_text(encoding="utf-8"))
    torch.manual_seed(config.seed)
    model, tokenizer = build(config)
    train, held, manifest = _examples(config, data, world, say, warn)
    for part, (trainable, every) in parts(model).items():
        say(f"  {part:<18}{trainable:>15,} of {every:>15,} parameters trainable")
    if world == 1 and torch.cuda.device_count() > 1:
        say(f"one of {torch.cuda.device_count()} GPUs is used; 'accelerate launch' takes them all")
    folder.mkdir(parents=True, exist_ok=True)
    if int(os.environ.get("RANK", "0")) == 0:
        write_json(folder / RUN, {"config": config.to_dict(), "data": str(data)})
        _cut_log(folder / LOG, last[1] if last else 0)
    manners = Manners(folder, say)
    collate, held_collate = _collators(config, model, tokenizer)
    trainer = Tuner(
        held,
        held_collate,
        model=model,
        args=_arguments(config, folder, world, reports),
        data_collator=collate,
        train_dataset=train,
        eval_dataset=train,  # asked for by the Trainer; ``evaluate`` takes ``held``
        callbacks=[
            manners,
            *_samples(config, folder, model, tokenizer, held, reports, say),
            *callbacks,
        ],
    )
    if last:
        say(f"going on with {folder} after step {last[1]}")
    with manners.listening():
        trainer.train(resume_from_checkpoint=str(last[0]) if last else None)
    if manners.stopped:
        say("stopped and saved: the same command goes on from here")
        return None
    return finish(trainer, config, tokenizer, folder, manifest)


def _silent(_: str) -> None:
    return None


def _check(config: TuneConfig, reports: Sequence[str], world: int) -> None:
    if config.batch % (config.accumulate * world):
        raise InputError(
            f"a batch of {config.batch} does not divide into {config.accumulate} parts on each of "
            f"{world} processes"
        )
    for name in reports:
        if name not in REPORTS:
            raise InputError(f"unknown logger {name!r}; known: {', '.join(REPORTS)}")
        if find_spec(name) is None:
            raise MissingExtraError(name, "log", f"logging with {name}")


def _examples(
    config: TuneConfig, data: str | Path, world: int, say: Say, warn: Say | None
) -> tuple[Endless, list[list[Any]], dict[str, Any]]:
    turn = config.chunks == "turn"
    train = PaperData(data, "train", rotate=turn, warn=warn)
    held = PaperData(data, "valid", first=config.valid_songs, warn=warn)
    longest = int(train.manifest["recipe"]["context"])
    if longest > config.context:
        say(f"chunks of {longest:,} tokens are cut to {config.context:,}")
    given = (config.captions, config.augment, config.seed)
    source = PaperExamples(train.load(), *given)
    size = max(1, config.batch // config.accumulate // world)
    batches = held_batches(PaperExamples(held.load(), config.captions), size)
    return Endless(source, config.steps * config.batch, config.seed), batches, train.manifest


def _collators(config: TuneConfig, model: Any, tokenizer: Any) -> tuple[Any, Any]:
    """What makes batches for training and for validation, where llama-music's loss is on music
    alone and on the same tokens, as amt-prefix's is: the two can be compared."""
    most = getattr(model.config, "max_position_embeddings", None) or config.context
    row = config.context + (config.text_tokens if config.system == "llama-music" else 0)
    if row > most:
        raise InputError(f"a row of {row:,} tokens does not fit the model's context of {most:,}")
    if config.system == "amt":
        made = MusicCollator(config.context)
        return made, made
    if config.system == "text":
        made = TextCollator(tokenizer, max(config.context, config.text_tokens), config.pack)
        return made, made
    if config.system == "amt-prefix":
        made = PrefixCollator(model.encoder, config.context)
        return made, made
    joint = JointCollator(
        *(tokenizer, model.offset, row, model.instruction, config.text_loss),
        longest=config.text_tokens,
        pack=config.pack,
        music=config.context,
    )
    return joint, replace(joint, text_loss=False, pack=False)


def _samples(
    config: TuneConfig,
    folder: Path,
    model: Any,
    tokenizer: Any,
    held: list,
    reports: Sequence[str],
    say: Say,
) -> list[TrainerCallback]:
    if not config.sample_every or config.system == "text":
        return []
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        say("no pieces are written meanwhile: a sharded model cannot be asked by one process")
        return []
    from cantilena.train.tuned.samples import Samples

    texts = [e["text"] or None for batch in held for e in batch][: config.samples]
    return [Samples(folder, model, tokenizer, texts, config.sample_every, reports)]


def _arguments(
    config: TuneConfig, folder: Path, world: int, reports: Sequence[str]
) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    half = config.precision == "bfloat16"
    if config.precision == "auto":
        half = half_is_quick("cuda" if gpu else "cpu")
    # what newer versions of transformers call activation checkpointing is gradient checkpointing
    # in those before
    known = {field.name for field in fields(TrainingArguments)}
    again = "activation" if "activation_checkpointing" in known else "gradient"
    checkpointing: dict[str, Any] = {f"{again}_checkpointing": config.checkpointing}
    if config.checkpointing:
        checkpointing[f"{again}_checkpointing_kwargs"] = {"use_reentrant": False}
    made = TrainingArguments(
        output_dir=str(folder),
        max_steps=config.steps,
        per_device_train_batch_size=config.batch // config.accumulate // world,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        adam_beta2=config.beta2,
        max_grad_norm=config.clip,
        optim="adamw_torch_fused" if gpu else "adamw_torch",
        bf16=half,
        use_cpu=not gpu,
        **checkpointing,
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=config.valid_every,
        save_strategy="steps" if config.save_every else "no",
        save_steps=config.save_every or config.steps,
        save_total_limit=config.keep,
        seed=config.seed,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",  # the order is that of ``Endless``
        average_tokens_across_devices=True,
        ddp_find_unused_parameters=False,
        dataloader_num_workers=config.workers,
        dataloader_pin_memory=gpu,
        disable_tqdm=True,
        report_to=list(reports) or "none",
    )
    # one process has one GPU: over several the Trainer would else put the model into DataParallel,
    # which splits batches that are not made to be split
    made._n_gpu = min(made.n_gpu, 1)
    return made


def _cut_log(path: Path, step: int) -> None:
    """Takes out of the log what a killed run did after its last checkpoint: it is done again."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    part = path.with_name(path.name + ".part")
    part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    os.replace(part, path)
