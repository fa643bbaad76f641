"""Recipes: the paper's numbers, what cannot be, and going through plain data."""

from __future__ import annotations

import pytest

from cantilena.errors import InputError, UnknownNameError
from cantilena.train.tuned.recipes import DEFAULTS, RECIPES, TuneConfig, long, recipe, small


def test_table_2():
    amt, llama = recipe("amt-base"), recipe("llama-3b")
    assert (amt.batch, amt.steps, amt.rate, amt.warmup) == (16, 60_000, 1e-5, 500)
    assert (llama.batch, llama.steps, llama.rate, llama.warmup) == (64, 15_000, 2e-4, 500)
    assert (recipe("amt-enhanced").layers, amt.layers) == ("all", "last")
    assert (recipe("llama-1b").init, recipe("llama-1b-amt").init) == ("gaussian", "amt")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_plain_data(name):
    made = recipe(name)
    assert TuneConfig.from_dict(made.to_dict()) == made
    assert made.batch % made.accumulate == 0
    assert recipe(DEFAULTS[made.system]).system == made.system


@pytest.mark.parametrize("context, batch", [(4_096, 16), (16_384, 4)])
def test_long_contexts_keep_the_tokens_of_an_update(context, batch):
    made = long(recipe("llama-1b"), context)
    assert (made.batch, made.context, made.pack, made.checkpointing) == (batch, context, True, True)
    with pytest.raises(InputError, match="1,024 learned positions"):
        long(recipe("amt-base"), context)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"system": "lstm"}, "unknown system 'lstm'; known: amt, text"),
        ({"batch": 10, "accumulate": 4}, "does not divide into 4 parts"),
        ({"rate": 0.0}, "outside 0-1"),
        ({"four_bits": True}, "give LoRA a rank"),
        ({"pack": True}, "has no packing"),
        ({"augment": True}, "without captions"),
        ({"steps": 0}, "steps of 0"),
    ],
)
def test_what_cannot_be_is_said(changes, said):
    with pytest.raises(InputError, match=said):
        TuneConfig(**changes)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="amt-base"):
        recipe("amt")
    with pytest.raises(UnknownNameError, match="llama-music"):
        small("lstm")
    with pytest.raises(InputError, match="another version: colour"):
        TuneConfig.from_dict({"colour": 1})
