"""Tuning the systems built on HuggingFace's models with its Trainer and accelerate.

Knows data, processes and how a run begins and ends; does not know how models are built or batches
made (the system's ``Trainable``) or how states are written (``train.tuned.tuner``). Started by
torchrun it trains over several processes (DDP), by ``accelerate launch`` also sharded over GPUs
(FSDP); the examples of a step are the same all the same.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
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
from cantilena.systems.trainable import Recipe, Trainable, check_same, trainable
from cantilena.train.run import Run
from cantilena.train.stopping import Stop
from cantilena.train.tuned import processes
from cantilena.train.tuned.examples import Endless, PaperExamples, valid_batches
from cantilena.train.tuned.finish import finish
from cantilena.train.tuned.tuner import Manners, Say, Tuner, check_state

REPORTS = ("tensorboard", "trackio")


def finetune(
    recipe: Recipe,
    data: str | Path,
    folder: str | Path,
    say: Say = print,
    reports: Sequence[str] = (),
    callbacks: Sequence[TrainerCallback] = (),
    warn: Say | None = None,
) -> dict[str, Any] | None:
    """Trains until the steps are done, going on where the folder's run was; gives the card of the
    model, which is then in the run's ``model`` folder, or None where a signal stopped it (its state
    being saved). The precision "auto" is decided once, by the first process, and kept.

    ``data``: a folder of ``cantilena data paper``; ``reports``: of ``REPORTS``. Raises InputError
    for settings that the run, the data or the machine cannot have, CheckpointError for missing
    weights, MissingExtraError for a logger that is not installed.
    """
    run, world, first = Run(folder), processes.world(), processes.is_first()
    if not first:
        say, warn = _silent, _silent
    if alone := processes.left_alone():
        warnings.warn(Notice(alone), stacklevel=2)
    check(recipe, reports, world)
    hf_logging.set_verbosity_error()
    with _locked(run, first), Stop().listening() as stop:
        return _finetune(run, recipe, data, world, say, reports, callbacks, warn, stop)


@contextmanager
def _locked(run: Run, first: bool) -> Iterator[None]:
    """The first process holds the folder for all of them."""
    if not first:
        yield
        return
    with run.locked():
        yield


def _finetune(
    run: Run,
    recipe: Recipe,
    data: str | Path,
    world: int,
    say: Say,
    reports: Sequence[str],
    callbacks: Sequence[TrainerCallback],
    warn: Say | None,
    stop: Stop,
) -> dict[str, Any] | None:
    old = run.recipe()
    if old is not None:
        check_same(old, recipe, run.folder)
    if card := finished(run, recipe):
        say(f"{run.folder} is done: {card['training']['recipe']['settings']['steps']} steps")
        return card
    last = run.newest()
    asked, (recipe, computes) = recipe, _decided(run, recipe, world)
    torch.manual_seed(recipe.settings.seed)
    system = trainable(recipe.system)
    model, tokenizer = system.build(recipe)
    train, valid, manifest = _examples(recipe, data, world, say, warn)
    for part, (trained, every) in parts(model).items():
        say(f"  {part:<18}{trained:>15,} of {every:>15,} parameters trainable")
    _say_processes(computes, say)
    arguments = _arguments(recipe, run.folder, world, reports)
    if processes.is_first():
        run.write(asked, str(data), computes)
        run.cut_log(last[1] if last else 0)
        run.log(step=last[1] if last else 0, **computes)
    manners = Manners(run, say, stop)
    collate, valid_collate = system.collators(recipe, model, tokenizer)
    samples = _samples(run, recipe, system, model, tokenizer, valid, reports, say)
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
        eval_dataset=train,  # asked for by the Trainer; ``evaluate`` takes ``held``
        callbacks=[manners, *samples, *callbacks],
    )
    if last:
        check_state(last[0])
        say(f"going on with {run.folder} after step {last[1]}")
    tuner.train(resume_from_checkpoint=str(last[0]) if last else None)
    if manners.stopped:
        say("stopped and saved: the same command goes on from here")
        return None
    return finish(tuner, tokenizer, manifest, computes)


def finished(run: Run, recipe: Recipe) -> dict[str, Any] | None:
    """The card of a run's model that has had all steps of ``recipe``; None where there is none.
    Raises CheckpointError where it is damaged."""
    if not run.model.is_dir():
        return None
    card = dict(open_checkpoint(run.model, recipe.system).card)
    done = card["training"]["recipe"]["settings"]["steps"]
    return card if done >= (recipe.settings.steps or 0) else None


def _decided(run: Run, recipe: Recipe, world: int) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with the precision that the first process decides on, and how the run computes."""
    gpu = torch.cuda.is_available()
    device = "cuda" if gpu else "cpu"
    precision = precision_of(recipe.settings.precision, device, run.precision(device))
    precision = processes.agreed(precision, gpu)
    computes = {"device": device, "precision": precision, "processes": world}
    return recipe.changed(precision=precision), computes


def _say_processes(computes: dict[str, Any], say: Say) -> None:
    world, gpus = computes["processes"], torch.cuda.device_count()
    count = "1 process" if world == 1 else f"{world} processes"
    say(f"{count} on {computes['device']}, in {computes['precision']}")
    if world == 1 and gpus > 1:
        say(f"one of {gpus} GPUs is used; 'torchrun --nproc_per_node {gpus}' takes them all")


def _silent(_: str) -> None:
    return None


def check(recipe: Recipe, reports: Sequence[str], world: int) -> None:
    """Raises InputError where a batch cannot be divided among so many processes or a logger is not
    known, MissingExtraError where a logger is not installed."""
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
    recipe: Recipe, data: str | Path, world: int, say: Say, warn: Say | None
) -> tuple[Endless, list[list[Any]], dict[str, Any]]:
    settings, options = recipe.settings, recipe.options
    train = PaperData(data, "train", rotate=options.chunks == "turn", warn=warn)
    valid = PaperData(data, "valid", first=options.valid_songs, warn=warn)
    longest = int(train.manifest["recipe"]["context"])
    if longest > options.context:
        say(f"chunks of {longest:,} tokens are cut to {options.context:,}")
    augment = getattr(options, "augment", False)
    source = PaperExamples(train.load(), options.captions, augment, settings.seed)
    size = max(1, settings.batch // settings.accumulate // world)
    batches = valid_batches(PaperExamples(valid.load(), options.captions), size)
    examples = Endless(source, (settings.steps or 0) * settings.batch, settings.seed)
    return examples, batches, train.manifest


def _samples(
    run: Run,
    recipe: Recipe,
    system: Trainable,
    model: Any,
    tokenizer: Any,
    valid: list[list[Any]],
    reports: Sequence[str],
    say: Say,
) -> list[TrainerCallback]:
    every = getattr(recipe.options, "sample_every", 0)
    if not every:
        return []
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        say("no pieces are written meanwhile: a sharded model cannot be asked by one process")
        return []
    from cantilena.train.tuned.samples import Samples

    texts = [e["text"] or None for batch in valid for e in batch][: recipe.options.samples]
    sampler = partial(system.sampler, model, tokenizer)
    return [Samples(run.folder, model, sampler, texts, every, reports)]


def _arguments(
    recipe: Recipe, folder: Path, world: int, reports: Sequence[str]
) -> TrainingArguments:
    settings, options = recipe.settings, recipe.options
    gpu = torch.cuda.is_available()
    # what newer versions of transformers call activation checkpointing is gradient checkpointing
    # in those before
    accepted = {field.name for field in fields(TrainingArguments)}
    again = "activation" if "activation_checkpointing" in accepted else "gradient"
    checkpointing: dict[str, Any] = {f"{again}_checkpointing": options.checkpointing}
    if options.checkpointing:
        checkpointing[f"{again}_checkpointing_kwargs"] = {"use_reentrant": False}
    steps = settings.steps or 0
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch // settings.accumulate // world,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.rate,
        lr_scheduler_type="cosine",
        warmup_steps=int(settings.warmup),
        weight_decay=settings.weight_decay,
        adam_beta2=settings.beta2,
        max_grad_norm=settings.clip,
        optim="adamw_torch_fused" if gpu else "adamw_torch",
        bf16=settings.precision == "bfloat16",
        use_cpu=not gpu,
        **checkpointing,
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
        report_to=list(reports) or "none",
    )
    # one process has one GPU: over several the Trainer would else put the model into DataParallel,
    # which splits batches that are not made to be split
    arguments._n_gpu = min(arguments.n_gpu, 1)
    # accelerate's launcher hands on a precision of its own, which the run would not know of
    arguments.mixed_precision = "bf16" if arguments.bf16 else "no"
    return arguments
