"""Tuning the systems built on HuggingFace's models with its Trainer and accelerate.

Knows data, processes and how a run begins and ends; does not know how models are built or batches
made (the system's ``Trainable``) or how states are written (``train.tuned.tuner``). Started by
``accelerate launch`` it trains over several processes (DDP, FSDP) as that says; the examples of a
step are the same all the same.
"""

from __future__ import annotations

import os
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
from cantilena.errors import InputError, MissingExtraError
from cantilena.models.checkpoint import open_checkpoint
from cantilena.models.precision import uses_half
from cantilena.models.tuned import parts
from cantilena.systems.trainable import Recipe, Trainable, check_same, trainable
from cantilena.train.run import Run
from cantilena.train.stopping import Stop
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
    being saved).

    ``data``: a folder of ``cantilena data paper``; ``reports``: of ``REPORTS``. Raises InputError
    for settings that the run, the data or the machine cannot have, CheckpointError for missing
    weights, MissingExtraError for a logger that is not installed.
    """
    run, world = Run(folder), int(os.environ.get("WORLD_SIZE", "1"))
    first = not int(os.environ.get("RANK", "0"))
    if not first:
        say = _silent
    _check(recipe, reports, world)
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
    last = run.newest()
    if last and last[1] >= (recipe.settings.steps or 0) and run.model.is_dir():
        say(f"{run.folder} is done: {last[1]} steps")
        return dict(open_checkpoint(run.model, recipe.system).card)
    torch.manual_seed(recipe.settings.seed)
    system = trainable(recipe.system)
    model, tokenizer = system.build(recipe)
    train, valid, manifest = _examples(recipe, data, world, say, warn)
    for part, (trained, every) in parts(model).items():
        say(f"  {part:<18}{trained:>15,} of {every:>15,} parameters trainable")
    if world == 1 and torch.cuda.device_count() > 1:
        say(f"one of {torch.cuda.device_count()} GPUs is used; 'accelerate launch' takes them all")
    arguments = _arguments(recipe, run.folder, world, reports)
    if not int(os.environ.get("RANK", "0")):
        half = "bfloat16" if arguments.bf16 else "float32"
        run.write(recipe, str(data), {"device": arguments.device.type, "precision": half})
        run.cut_log(last[1] if last else 0)
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
    return finish(tuner, tokenizer, manifest)


def _silent(_: str) -> None:
    return None


def _check(recipe: Recipe, reports: Sequence[str], world: int) -> None:
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
        bf16=uses_half(settings.precision, "cuda" if gpu else "cpu"),
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
    return arguments
