"""What can be trained: the paper's numbers, what cannot be, and going through plain data."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cantilena.errors import InputError, UnknownNameError
from cantilena.systems.arrival.training.llama_music import long
from cantilena.systems.note.training import note_recipe
from cantilena.systems.trainable import (
    Recipe,
    check_same,
    default_recipe,
    recipe,
    recipes,
    trainable,
    trainables,
    tuned,
)


def test_table_2():
    amt, llama = recipe("amt-base").settings, recipe("llama-3b").settings
    assert (amt.batch, amt.steps, amt.rate, amt.warmup) == (16, 60_000, 1e-5, 500)
    assert (llama.batch, llama.steps, llama.rate, llama.warmup) == (64, 15_000, 2e-4, 500)
    layers = [recipe(name).options.layers for name in ("amt-enhanced", "amt-base")]
    assert layers == ["all", "last"]


@pytest.mark.parametrize("size", ["1b", "3b"])
def test_a_llamas_music_rows_are_gaussian_unless_the_recipe_says_amt(size: str):
    plain, amt = recipe(f"llama-{size}"), recipe(f"llama-{size}-amt")
    assert plain.options.init == "gaussian" and plain.changed(init="amt") == amt
    assert plain.options.text_model == f"meta-llama/Llama-3.2-{size.upper()}"


@pytest.mark.parametrize("name", trainables())
def test_every_recipe_is_plain_data(name: str):
    one = trainable(name)
    assert one.system == name
    for make in one.recipes().values():
        made = make()
        assert made.system == name and isinstance(made.options, one.Options)
        assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_every_recipe_has_a_name_and_every_system_a_default():
    names = [name for one in tuned().values() for name in one.recipes()]
    assert len(names) == len(set(names)) == len(recipes())
    assert default_recipe("amt-prefix") == recipe("amt-base")
    assert "note" not in tuned()


@pytest.mark.parametrize("context, batch", [(4_096, 16), (16_384, 4)])
def test_long_contexts_keep_the_tokens_of_an_update(context: int, batch: int):
    made = long(recipe("llama-1b"), context)
    assert (made.settings.batch, made.options.context) == (batch, context)
    assert made.options.pack and made.options.checkpointing


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("amt-base", {"batch": 10, "accumulate": 4}, "does not divide into 4 parts"),
        ("amt-base", {"rate": 0.0}, "outside 0-1"),
        ("amt-base", {"rate": float("nan")}, "rate"),
        ("amt-base", {"rate": "fast"}, "rate must be"),
        ("amt-base", {"four_bits": True}, "give LoRA a rank"),
        ("amt-base", {"pack": True}, "no option 'pack'"),
        ("amt-base", {"augment": True}, "without captions"),
        ("amt-base", {"steps": 0}, "steps of 0 is less than 1"),
        ("amt-base", {"steps": None}, "how many steps"),
        ("amt-base", {"layers": "first"}, "unknown layers 'first'; known: last, all"),
        ("amt-base", {"context": True}, "context must be"),
        ("small-amt", {"text_model": "x"}, "no option 'text_model'"),
        ("note", {"notes": None, "steps": 5}, "number of notes"),
        ("note", {"decay": 1.5}, "outside 0-1"),
        ("note", {"minutes": 0.0}, "no time to train"),
    ],
)
def test_what_cannot_be_is_refused(name: str, changes: dict, message: str):
    base = note_recipe() if name == "note" else recipe(name)
    with pytest.raises(InputError, match=message):
        base.changed(**changes)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="amt-base"):
        recipe("amt")
    with pytest.raises(UnknownNameError, match="llama-music"):
        trainable("lstm")
    with pytest.raises(UnknownNameError, match="llama-music"):
        default_recipe("note")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["options"].update(colour=1),
        lambda data: data["settings"].update(colour=1),
        lambda data: data.pop("options"),
        lambda data: data.update(system="lstm"),
        lambda data: data.update(settings=[]),
        lambda data: data["settings"].update(batch=1.5),
        lambda data: data["options"].update(start=None),
    ],
)
def test_settings_that_are_none_are_refused(change):
    data = recipe("amt-base").to_dict()
    change(data)
    with pytest.raises(InputError):
        Recipe.from_dict(data)


def test_what_a_run_may_change_when_it_goes_on():
    old = recipe("amt-base")
    check_same(old, old.changed(steps=5, precision="float32", attention="eager"), "run")
    for change in ({"batch": 8}, {"context": 512}, {"lora": 4}):
        with pytest.raises(InputError, match=f"has {next(iter(change))}"):
            check_same(old, old.changed(**change), "run")
    with pytest.raises(InputError, match="'llama-music'"):
        check_same(old, recipe("llama-1b"), "run")


def test_reading_options_imports_nothing_heavy():
    script = (
        "import sys; from cantilena.systems.trainable import *\n"
        "for name in trainables(): trainable(name).recipes()\n"
        "recipes(); [make() for make in recipes().values()]\n"
        "print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
