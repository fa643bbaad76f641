"""Tuning the systems built on HuggingFace's models with its Trainer and accelerate.

Knows data, processes and how a run begins and ends; does not know how models are built or batches
made (the system's ``Trainable``) or how states are written (``train.tuned.tuner``). Started by
torchrun it trains over several processes (DDP), by ``accelerate launch`` also sharded over GPUs
(FSDP); the examples of a step are the same all the same.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainingArguments
from transformers.utils import logging as hf_logging

from cantilena.data.paper.reader import PaperData
from cantilena.errors import InputError, MissingExtraError, Notice
from cantilena.models.checkpoint import open_checkpoint
from cantilena.models.precision import precision_of
from cantilena.models.tuned import parts
from cantilena.systems.trainable import Recipe, Settings, check_same, trainable
from cantilena.train.run import Run
from cantilena.train.stopping import Stop
from cantilena.train.tuned import processes
from cantilena.train.tuned.examples import Endless, PaperExamples, valid_batches
from cantilena.train.tuned.finish import finish
from cantilena.train.tuned.tuner import Manners, Say, Tuner, check_state

REPORTS = ("tensorboard", "trackio")


@dataclass(frozen=True)
class Reporting:
    """Where a run reports: ``say`` takes its lines, ``warn`` warnings about the data, ``loggers``
    are of ``REPORTS``."""

    say: Say
    warn: Say | None
    loggers: tuple[str, ...]


def finetune(
    recipe: Recipe,
    data: str | Path,
    folder: str | Path,
    say: Say = print,
    reports: Sequence[str] = (),
    callbacks: Sequence[TrainerCallback] = (),
    warn: Say | None = None,
    stop: Stop | None = None,
) -> dict[str, Any] | None:
    """Trains until the steps are done, going on where the folder's run was; gives the card of the
    model, which is then in the run's ``model`` folder, or None where a signal stopped it (its state
    being saved). The precision "auto" is decided once, by the first process, and kept.

    ``data``: a folder of ``cantilena data paper``; ``reports``: of ``REPORTS``; ``stop``: one that
    several runs share (a signal that comes too late for this one stands in it). Raises InputError
    for settings that the run, the data or the machine cannot have, and where a finished run without
    a checkpoint would have to be lengthened; CheckpointError for missing weights, MissingExtraError
    for a logger that is not installed.
    """
    run, world, first = Run(folder), processes.world(), processes.is_first()
    reporting = Reporting(say if first else _silent, warn if first else _silent, tuple(reports))
    if warning := processes.launch_warning():
        warnings.warn(Notice(warning), stacklevel=2)
    check(recipe, reports, world)
    hf_logging.set_verbosity_error()
    stop = stop or Stop()
    with _locked(run, first), stop.listening():
        if (old := run.recipe()) is not None:
            check_same(old, recipe, run.folder)
        if card := finished(run, recipe):
            reporting.say(f"{run.folder} is done: {_steps(card)} steps")
            return card
        return _train(run, recipe, data, reporting, callbacks, stop)


@contextmanager
def _locked(run: Run, first: bool) -> Iterator[None]:
    """The first process holds the folder for all of them."""
    if not first:
        yield
        return
    with run.locked():
        yield


def _train(
    run: Run,
    asked: Recipe,
    data: str | Path,
    reporting: Reporting,
    callbacks: Sequence[TrainerCallback],
    stop: Stop,
) -> dict[str, Any] | None:
    """Trains a run that is not finished, from its newest state where it has one."""
    last, say = _last_state(run, asked), reporting.say
    recipe, computes = _decided(run, asked)
    torch.manual_seed(recipe.settings.seed)
    system = trainable(recipe.system)
    model, tokenizer = system.build(recipe)
    train, valid, manifest = _examples(recipe, data, reporting)
    _say_sizes(model, computes, say)
    arguments = _arguments(recipe, run.folder, reporting.loggers)
    if processes.is_first():
        _begin(run, asked, data, computes, last[1] if last else None, say)
    manners = Manners(run, say, stop)
    collate, valid_collate = system.collators(recipe, model, tokenizer)
    samples = _samples(run, recipe, model, tokenizer, valid, reporting)
    tuner = Tuner(
        run,
        recipe,
        system,
        valid,
        valid_collate,
        model=model,
        args=arguments,
        data_collator=collate,
        train_dataset=train,
        eval_dataset=train,  # asked for by the Trainer; ``evaluate`` takes ``valid``
        callbacks=[manners, *samples, *callbacks],
    )
    tuner.train(resume_from_checkpoint=str(last[0]) if last else None)
    if manners.stopped:
        say("stopped and saved: the same command goes on from here")
        return None
    return finish(tuner, tokenizer, manifest, computes)


def _last_state(run: Run, recipe: Recipe) -> tuple[Path, int] | None:
    """The state from which a run goes on, and its step; None where it begins. Raises InputError for
    a finished run without one, whose model a new beginning would replace, CheckpointError for a
    damaged one."""
    last = run.newest()
    if last:
        check_state(last[0])
    elif run.model.is_dir():
        done = _steps(open_checkpoint(run.model, recipe.system).card)
        raise InputError(
            f"the run in {str(run.folder)!r} ended after {done} steps and kept no checkpoint from "
            f"which it could be lengthened (--save-every 0); begin another run in another folder, "
            f"with its weights by --from {run.folder}"
        )
    return last


def _begin(
    run: Run,
    recipe: Recipe,
    data: str | Path,
    computes: dict[str, Any],
    step: int | None,
    say: Say,
) -> None:
    """Writes that a run begins, or goes on after ``step``."""
    if step is not None:
        say(f"going on with {run.folder} after step {step}")
    elif run.recipe() is not None:
        say(f"{run.folder} has no checkpoint: it begins again")
    run.write(recipe, str(data), computes)
    run.cut_log(-1 if step is None else step)
    run.log(step=step or 0, **computes)


def _steps(card: Mapping[str, Any]) -> int:
    """The steps that a finished model was trained."""
    return card["training"]["recipe"]["settings"]["steps"]


def finished(run: Run, recipe: Recipe) -> dict[str, Any] | None:
    """The card of a run's model that has had all steps of ``recipe``; None where there is none.
    Raises CheckpointError where it is damaged."""
    if not run.model.is_dir():
        return None
    card = dict(open_checkpoint(run.model, recipe.system).card)
    return card if _steps(card) >= (recipe.settings.steps or 0) else None


def _decided(run: Run, recipe: Recipe) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with the precision that the first process decides on, and how the run computes."""
    gpu = torch.cuda.is_available()
    device = "cuda" if gpu else "cpu"
    precision = precision_of(recipe.settings.precision, device, run.precision(device))
    precision = processes.agreed(precision, gpu)
    computes = {"device": device, "precision": precision, "processes": processes.world()}
    return recipe.changed(precision=precision), computes


def _say_sizes(model: Any, computes: dict[str, Any], say: Say) -> None:
    """How large the parts of the model are, and how many processes train it on what."""
    for part, (trained, every) in parts(model).items():
        say(f"  {part:<18}{trained:>15,} of {every:>15,} parameters trainable")
    world, gpus = computes["processes"], torch.cuda.device_count()
    count = "1 process" if world == 1 else f"{world} processes"
    say(f"{count} on {computes['device']}, in {computes['precision']}")
    if world == 1 and gpus > 1:
        say(f"one of {gpus} GPUs is used; 'torchrun --nproc_per_node {gpus}' takes them all")


def _silent(_: str) -> None:
    return None


def check(recipe: Recipe, reports: Sequence[str], world: int) -> None:
    """Raises InputError where a model is not named, a batch cannot be divided among so many
    processes or a logger is not known, MissingExtraError where a logger is not installed."""
    trainable(recipe.system).check_models(recipe)
    settings = recipe.settings
    if settings.batch % (settings.accumulate * world):
        raise InputError(
            f"a batch of {settings.batch} does not divide into {settings.accumulate} parts on each "
            f"of {world} processes"
        )
    for name in reports:
        if name not in REPORTS:
            raise InputError(f"unknown logger {name!r}; known: {', '.join(REPORTS)}")
        if find_spec(name) is None:
            raise MissingExtraError(name, "log", f"logging with {name}")


def _examples(
    recipe: Recipe, data: str | Path, reporting: Reporting
) -> tuple[Endless, list[list[Any]], dict[str, Any]]:
    """Training examples, batches held out, and the data's manifest."""
    settings, options, warn = recipe.settings, recipe.options, reporting.warn
    train = PaperData(data, "train", rotate=options.chunks == "turn", warn=warn)
    valid = PaperData(data, "valid", first=options.valid_songs, warn=warn)
    longest = int(train.manifest["recipe"]["context"])
    if longest > options.context:
        reporting.say(f"chunks of {longest:,} tokens are cut to {options.context:,}")
    augment = getattr(options, "augment", False)
    source = PaperExamples(train.load(), options.captions, augment, settings.seed)
    size = max(1, settings.batch // settings.accumulate // processes.world())
    batches = valid_batches(PaperExamples(valid.load(), options.captions), size)
    examples = Endless(source, (settings.steps or 0) * settings.batch, settings.seed)
    return examples, batches, train.manifest


def _samples(
    run: Run,
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    valid: list[list[Any]],
    reporting: Reporting,
) -> list[TrainerCallback]:
    """What writes pieces meanwhile, where that is asked for."""
    every = getattr(recipe.options, "sample_every", 0)
    if not every:
        return []
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        reporting.say(
            "no pieces are written meanwhile: a sharded model cannot be asked by one process"
        )
        return []
    from cantilena.train.tuned.samples import Samples

    texts = [e["text"] or None for batch in valid for e in batch][: recipe.options.samples]
    sampler = partial(trainable(recipe.system).sampler, model, tokenizer)
    return [Samples(run.folder, model, sampler, texts, every, reporting.loggers)]


def _arguments(recipe: Recipe, folder: Path, loggers: Sequence[str]) -> TrainingArguments:
    """A run's settings as the Trainer takes them."""
    settings, options = recipe.settings, recipe.options
    gpu = torch.cuda.is_available()
    steps = settings.steps or 0
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch // settings.accumulate // processes.world(),
        gradient_accumulation_steps=settings.accumulate,
        bf16=settings.precision == "bfloat16",
        use_cpu=not gpu,
        logging_steps=settings.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=int(settings.valid_every),
        save_strategy="steps" if settings.save_every else "no",
        save_steps=settings.save_every or steps,
        seed=settings.seed,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",  # the order is that of ``Endless``
        average_tokens_across_devices=True,
        ddp_find_unused_parameters=False,
        dataloader_num_workers=settings.workers,
        dataloader_pin_memory=gpu,
        disable_tqdm=True,
        report_to=list(loggers) or "none",
        **_optimiser(settings, gpu),
        **(_checkpointing() if options.checkpointing else {}),
    )
    # one process has one GPU: over several the Trainer would else put the model into DataParallel,
    # which splits batches that are not made to be split
    arguments._n_gpu = min(arguments.n_gpu, 1)
    # accelerate's launcher hands on a precision of its own, which the run would not know of
    arguments.mixed_precision = "bf16" if arguments.bf16 else "no"
    return arguments


def _optimiser(settings: Settings, gpu: bool) -> dict[str, Any]:
    """The Trainer's arguments of the optimiser and its rate."""
    return {
        "learning_rate": settings.rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": int(settings.warmup),
        "weight_decay": settings.weight_decay,
        "adam_beta2": settings.beta2,
        "max_grad_norm": settings.clip,
        "optim": "adamw_torch_fused" if gpu else "adamw_torch",
    }


def _checkpointing() -> dict[str, Any]:
    """The Trainer's arguments by which activations are computed again: what newer versions of
    transformers call activation checkpointing is gradient checkpointing in those before."""
    accepted = {field.name for field in fields(TrainingArguments)}
    name = "activation" if "activation_checkpointing" in accepted else "gradient"
    return {
        f"{name}_checkpointing": True,
        f"{name}_checkpointing_kwargs": {"use_reentrant": False},
    }
