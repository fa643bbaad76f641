"""MuseCoco's second stage as a system: what is asked of the model, and what is held of a Brief."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import cantilena  # noqa: E402
from cantilena.decode.interfaces import Job  # noqa: E402
from cantilena.decode.loop import Loop  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.attribute_lm import CONTROLS, AttributeConfig, AttributeLM  # noqa: E402
from cantilena.systems.attributes.stepper import AttributeStepper  # noqa: E402
from cantilena.systems.attributes.system import AttributesSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.brief import parse_brief  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.tokens.remi import vocab as v  # noqa: E402
from cantilena.tokens.remi.attributes import prefix  # noqa: E402
from cantilena.tokens.remi.grammar import RemiGrammar, RemiPiece  # noqa: E402


def model(control: str = "prefix") -> AttributeLM:
    torch.manual_seed(0)
    sizes = {"layers": 2, "width": 16, "heads": 2, "inner": 16, "control": control}
    network = AttributeLM(AttributeConfig(**sizes)).eval()
    for name, parameter in network.named_parameters():
        if "moved" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return network


@pytest.fixture(scope="module")
def system() -> AttributesSystem:
    return AttributesSystem(model(), "tiny", "0", {})


def words_before(**classes: int) -> np.ndarray:
    return np.concatenate([[v.END_OF_PIECE], prefix(classes), [v.SEPARATOR]])


@torch.no_grad()
@pytest.mark.parametrize("control", CONTROLS)
def test_word_by_word_the_model_says_what_it_says_at_once(control: str):
    network, grammar = model(control), RemiGrammar()
    before = [words_before(K1=0), words_before(K1=1, TS1s1=2)]
    sampling = Sampling(best_of=1)
    jobs = [
        Job(RemiPiece(), words, (), sampling, np.random.default_rng(i), 40)
        for i, words in enumerate(before)
    ]
    stepper = AttributeStepper(network, jobs)
    for _ in Loop(stepper, grammar, jobs).steps():
        if jobs[0].done or jobs[1].done:
            break
    rows = [np.concatenate([w, j.piece.rows[:30]]) for w, j in zip(before, jobs, strict=True)]
    whole = network(torch.from_numpy(np.stack(rows)))[:, -1]
    again = [
        Job(RemiPiece(), words, (), sampling, np.random.default_rng(0), 40) for words in before
    ]
    stepper = AttributeStepper(network, again)
    stepper.begin()
    for i in range(30):
        for job, done in zip(again, jobs, strict=True):
            job.piece.push(done.piece.rows[i])
        stepper.advance()
    np.testing.assert_allclose(stepper.logits(0), whole.numpy(), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("control", CONTROLS)
def test_every_control_reaches_the_music(control: str):
    network = model(control)
    one, other = (
        network(torch.from_numpy(np.append(words_before(K1=k), [v.METRE])[None]))[:, -1]
        for k in (0, 1)
    )
    assert not torch.allclose(one, other, atol=1e-4)


def test_an_unknown_control_names_the_known_ones():
    with pytest.raises(InputError, match="prefix, embedding, norm"):
        AttributeConfig(control="telepathy")


def test_what_a_brief_says_exactly_is_held(system: AttributesSystem):
    text = "violin and cello in 3/4 at 90 bpm, 5 bars, in D minor"
    result = system.compose([Request(parse_brief(text), 1)])[0]
    score = result.score
    assert score.n_bars == 5 and score.bar_starts[4] <= score.onset.max()
    assert set(zip(score.metre_num.tolist(), score.metre_den.tolist(), strict=True)) == {(3, 4)}
    assert score.tempo_us.tolist() == [round(60e6 / 90)] * len(score.tempo_us)
    playing = np.array([track.instrument for track in score.tracks])[score.track]
    assert set(playing) == {40, 42} and min((playing == p).sum() for p in (40, 42)) >= 4
    classes = result.facts["attributes"]
    assert classes["TS1s1"] == 2 and classes["K1"] == 1 and classes["B1s1"] == 1
    assert classes["I1s2_6"] == classes["I1s2_8"] == 0 and result.facts["ended"]


def test_metre_and_tempo_stay_unless_they_may_change(system: AttributesSystem):
    def changes(**options: bool) -> tuple[int, int]:
        request = Request(Brief(bars=12), 2, options={"tokens": 400, **options})
        score = system.compose([request])[0].score
        return len(set(score.tempo_us.tolist())), len(set(score.metre_num.tolist()))

    assert changes() == (1, 1)
    assert changes(steady=False) > (1, 1)


@pytest.mark.parametrize("seconds", [3.0, 9.0])
def test_seconds_end_a_piece_at_the_nearest_bar(system: AttributesSystem, seconds: float):
    brief = Brief(text="x").with_wishes(seconds=seconds, tempo=120.0, metre="4/4")
    score = system.compose([Request(brief, 3)])[0].score
    assert abs(float(score.seconds(score.bar_starts[-1])) - seconds) <= 1.01
    assert score.onset.max() >= score.bar_starts[-2]


def test_a_key_moves_the_music_and_not_the_drums(system: AttributesSystem):
    def piece(key: str):
        return system.compose([Request(Brief(key=key, bars=2), 1)])[0].score

    c, d = piece("C major"), piece("D major")
    drums = np.array([track.is_drum for track in c.tracks])[c.track]
    assert sorted(d.pitch[~drums] % 12) == sorted((c.pitch[~drums] + 2) % 12)
    assert sorted(d.pitch[drums]) == sorted(c.pitch[drums])


def test_attributes_stand_above_the_brief_and_are_the_prefix(system: AttributesSystem):
    request = Request(Brief(key="C major", bars=2), 1, attributes={"K1": 1, "P4": 3})
    assert system.classes(request) == {"K1": 1, "B1s1": 0, "P4": 3}
    result = system.compose([request])[0]
    assert result.facts["attributes"] == {"B1s1": 0, "K1": 1, "P4": 3}
    assert Request.from_dict(result.request).attributes == {"K1": 1, "P4": 3}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"attributes": {"P4": 40}}, "classes 0 to 12"),
        ({"attributes": {"P4": "high"}}, "whole numbers"),
        ({"options": {"tokens": 3}}, "16 tokens"),
        ({"sampling": Sampling(guidance=2.0)}, "guidance"),
        ({"sampling": Sampling(repetition=2.0)}, "repetition"),
    ],
)
def test_what_cannot_be_asked(system: AttributesSystem, fields: dict, problem: str):
    with pytest.raises(InputError, match=problem):
        system.run([Request(Brief(bars=2), **fields)])


def test_another_vocabulary_is_refused(tmp_path: Path):
    sizes = {"words": 30, "layers": 1, "width": 8, "heads": 1, "inner": 8, "separator": 7}
    AttributeLM(AttributeConfig(**sizes)).save(tmp_path / "other")
    with pytest.raises(InputError, match="30 words"):
        cantilena.load(tmp_path / "other", "attributes")


def test_a_published_file_is_loaded_as_it_is(tmp_path: Path):
    from cantilena.models.attribute_lm import published_names

    network = model()
    names = published_names(network.config)
    weights = {names[k]: value for k, value in network.state_dict().items()}
    path = tmp_path / "tiny.pt"
    torch.save({"model": weights, "args": None}, path)
    with pytest.raises(CheckpointError, match="heads"):
        cantilena.load(path, "attributes")
    import argparse

    torch.save({"model": weights, "args": argparse.Namespace(decoder_attention_heads=2)}, path)
    loaded = cantilena.load(path, "attributes", device="cpu")
    assert loaded.name == "tiny.pt" and len(loaded.hash) == 16
    request = Request(Brief(bars=1), 1)
    assert len(loaded.compose([request])[0].score)
