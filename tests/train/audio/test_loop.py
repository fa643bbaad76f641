"""The loop of models of sound, over small codecs: what is learned, stopping, going on."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch

from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.files import read_json
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.audio.codec.losses import adversarial_loss
from cantilena.models.audio.codec.mel import SPREAD
from cantilena.models.audio.quantize import QUANTIZERS
from cantilena.models.saving import load_tensors
from cantilena.systems.codec.model import CodecInTraining
from cantilena.systems.codec.training import RECIPES, codec_recipe, with_option
from cantilena.systems.trainable import Recipe
from cantilena.train.audio.clips import Cuts
from cantilena.train.audio.loop import Training, check_origin, rate_at, spent
from cantilena.train.plot import read_curves
from tiny_codecs import OPTIONS, FakeClips, tones

SECONDS = 0.064


def recipe(name: str = "codec-frame", steps: int = 6, **settings) -> Recipe:
    plain = codec_recipe(name)
    for option, value in OPTIONS[plain.options.codec].items():
        if option == "quantizer_options":
            known = {**plain.options.model.get(option, {}), **value}
            quantizer = plain.options.model.get("quantizer", "")
            if quantizer in ("ema", "grouped-residual"):
                known = {"size": 16}
            value = known
        plain = with_option(plain, option, value)
    plain = with_option(plain, "seconds", SECONDS)
    if plain.options.adversaries:
        plain = with_option(plain, "adversary_share", 0.05)
    given = {"batch": 2, "warmup": 2, "valid_every": 4, "log_every": 2, "precision": "float32"}
    return plain.changed(steps=steps, **{**given, **settings})


def sounds(*seeds: int) -> Cuts:
    clips = FakeClips([tones(0.5, seed=seed) for seed in seeds])
    return Cuts(clips, 1, round(SECONDS * 16_000))


TRAIN, VALID = sounds(0, 1, 2), sounds(9).fixed(2)


def train(folder, recipe: Recipe, draw=None) -> Training:
    training = Training(folder, recipe)
    settings = recipe.settings
    take = draw or (lambda step: TRAIN.draw(settings.seed, step, settings.batch))
    data = {"sources": {"tones": "ours"}, "licence": "Apache-2.0"}
    training.train(take, VALID, lambda line: None, data)
    return training


@pytest.mark.parametrize(
    "data",
    [
        {"folder": "clips", "licence": "Apache-2.0"},
        {"sources": {}, "licence": "Apache-2.0"},
        {"sources": {"tones": ""}, "licence": "Apache-2.0"},
        {"sources": {"lakh": {"songs": 4}}, "licence": "Apache-2.0"},
        {"sources": {"tones": "ours"}},
    ],
)
def test_data_without_a_licence_are_refused(data: dict, tmp_path):
    with pytest.raises(ValueError, match="has to name its data"):
        Training(tmp_path, recipe()).train(lambda step: {}, VALID, lambda line: None, data)
    check_origin({"sources": {"lakh": {"licence": "not known"}}, "licence": "Apache-2.0"})


def test_a_run_ends_in_a_checkpoint_with_its_figures(tmp_path):
    training = train(tmp_path, recipe())
    assert training.done and training.step == 6
    card = read_json(tmp_path / "model" / "card.json")
    assert card["system"] == "codec" and card["sources"] == {"tones": "ours"}
    assert set(card["figures"]) == {"mel", "si_sdr", "perplexity"}
    assert card["training"]["steps"] == 6 and card["training"]["options"]["codec"] == "frame"
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in lines] == [2, 4, 4, 6, 6]
    assert all(np.isfinite(row["mel"]) for row in lines if "mel" in row)
    curves = read_curves(tmp_path)
    assert (curves.unit, curves.x) == ("mel", "steps")
    assert [x for x, _ in curves.training] == [2, 4, 6]
    assert [x for x, _ in curves.held_out[""]] == [4, 6]
    assert curves.held_out[""][-1][1] == training.figures["mel"]
    codec = load_codec(tmp_path, "cpu")
    assert codec.fingerprint() != training.model.codec.fingerprint()  # it is in 16 bits
    assert codec.encode(torch.as_tensor(VALID[0]["audio"])).shape[1] == codec.books


def test_training_makes_a_codec_better(tmp_path):
    training = train(tmp_path, recipe(steps=60, valid_every=60, log_every=60, rate=5e-3))
    start = Training(tmp_path / "b", recipe())
    before = start.trainable.held_out(
        start.model.eval(), {k: torch.as_tensor(v) for k, v in VALID[0].items()}
    )
    assert training.figures["mel"] < 0.75 * float(before["mel"][0] / before["mel"][1])


def test_forty_steps_beat_the_mean_of_the_bands(tmp_path):
    """On clips that are held out, bands that are drawn from codes are nearer than the training
    clips' means, the best that a codec can do without hearing."""
    training = train(tmp_path, recipe("codec-mel", steps=40, valid_every=40, rate=1e-2))
    codec = training.model.codec
    heard = torch.cat([torch.as_tensor(TRAIN.draw(0, s, 2)["audio"]) for s in range(8)])
    means = codec._bands(heard).mean((0, 2), keepdim=True)
    target = codec._bands(torch.as_tensor(VALID[0]["audio"]))
    in_log10 = SPREAD / np.log(10)
    assert training.figures["bands"] < in_log10 * float((target - means).abs().mean())


@pytest.mark.parametrize("name", ["codec-frame", "codec-encodec"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(name: str, tmp_path):
    whole = train(tmp_path / "whole", recipe(name))

    def stopping(step: int):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return TRAIN.draw(0, step, 2)

    part = train(tmp_path / "part", recipe(name), stopping)
    assert part.step == 3 and not part.done and not (tmp_path / "part" / "model").exists()
    again = train(tmp_path / "part", recipe(name))
    assert again.done
    states = [
        load_tensors(run.run.newest()[0] / "model.safetensors")  # type: ignore[index]
        for run in (whole, again)
    ]
    assert set(states[0]) == set(states[1])
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
    steps = [
        [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (tmp_path / "whole", tmp_path / "part")
    ]
    assert steps[0] == steps[1]


def test_settings_cannot_change_when_a_run_goes_on(tmp_path):
    train(tmp_path, recipe(steps=2))
    with pytest.raises(InputError, match="has batch 2, not 4"):
        Training(tmp_path, recipe(batch=4))
    longer = train(tmp_path, recipe(steps=4))
    assert longer.done and longer.step == 4


def test_a_damaged_state_is_refused(tmp_path):
    train(tmp_path, recipe(steps=2))
    path = tmp_path / "step-2" / "state.json"
    path.write_text(path.read_text().replace('"step": 2', '"step": 1'))
    with pytest.raises(CheckpointError, match=r"state.json is missing or is not what was written"):
        Training(tmp_path, recipe(steps=2))


def test_adversaries_learn_and_are_heard(tmp_path):
    training = train(tmp_path, recipe("codec-encodec", steps=4, log_every=1))
    rows = [json.loads(x) for x in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"adversaries", "adversary", "features"} <= set(rows[0])
    fresh = Training(tmp_path / "b", recipe("codec-encodec"))
    pairs = zip(
        training.model.adversaries.parameters(), fresh.model.adversaries.parameters(), strict=True
    )
    assert all(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("balance", ["fixed", "balancer", "adaptive"])
def test_the_codecs_loss_gives_adversaries_no_gradient(balance: str):
    """They are trained by their own loss alone; what they say reaches the codec."""
    torch.manual_seed(0)
    net = CodecInTraining(with_option(recipe("codec-encodec"), "balance", balance).options)
    audio = torch.as_tensor(TRAIN.draw(0, 0, 2)["audio"])
    sound = net.codec(audio).audio
    heard = adversarial_loss(net.adversaries(sound), "hinge")
    net.weighed({"mel": net.mel(sound, audio), "adversary": heard}, sound).backward()
    assert all(p.grad is None for p in net.adversaries.parameters())
    assert any(p.grad is not None and p.grad.any() for p in net.codec.decoder.parameters())


def test_the_budget_and_the_rate():
    settings = recipe(steps=100, warmup=10).settings
    assert spent(50, settings, 0) == 0.5
    assert [rate_at(s, settings, 0) for s in (0, 9, 50)] == [0.1, 1.0, 1.0]
    assert rate_at(85, settings, 0) == pytest.approx(0.5)
    timed = recipe(steps=100, minutes=1.0).settings
    assert spent(10, timed, 45) == 0.75


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name: str, tmp_path):
    training = train(tmp_path, recipe(name, steps=2))
    assert training.done and all(np.isfinite(v) for v in training.figures.values())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weights": {"adversary": 1.0}}, "go together"),
        ({"balance": "adaptive"}, "adaptive weight is that of 'adversary'"),
        ({"weights": {"mel": 0, "relative_wave": 0}}, "no loss has a weight above 0"),
        ({"weights": 3}, "weights are written as"),
        ({"adversaries": 3}, "names with commas between"),
        ({"weights": {"mell": 1.0}}, "unknown loss 'mell'"),
        ({"weights": {"mel": "x"}}, "weight of 'mel' must be a number"),
        ({"balance": "loud"}, "unknown balance"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict, message: str):
    one = codec_recipe("codec-frame")
    with pytest.raises(InputError, match=message):
        for name, value in options.items():
            one = with_option(one, name, value)


def test_options_find_their_place():
    one = with_option(codec_recipe("codec-frame"), "width", 32)
    one = with_option(one, "books", 2)
    model = one.options.model
    assert model["width"] == 32
    assert model["quantizer_options"]["books"] == 2 and model["quantizer_options"]["decay"] == 0.95
    other = with_option(with_option(one, "quantizer", "ema"), "size", 64).options.model
    assert (other["quantizer"], other["quantizer_options"]) == ("ema", {"size": 64})
    assert with_option(one, "plain_steps", 5).options.plain_steps == 5


@pytest.mark.parametrize("name", QUANTIZERS)
def test_every_quantizer_goes_into_a_codec_by_one_word(name: str):
    one = codec_recipe("codec-frame")
    for option, value in {"hop": 16, "width": 8, "hidden": 8, "latent": 16}.items():
        one = with_option(one, option, value)
    try:
        net = CodecInTraining(with_option(one, "quantizer", name).options)
    except MissingExtraError:
        pytest.skip("vector-quantize-pytorch is not installed")
    loss, _ = net.loss(torch.as_tensor(TRAIN.draw(0, 0, 2)["audio"]), 0)
    assert torch.isfinite(loss)
