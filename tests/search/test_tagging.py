"""Captions of recordings: the facts that are heard, and how often they are right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.audio.wav import write_wav
from cantilena.cli import main
from cantilena.errors import InputError
from cantilena.evaluate.heard_facts import Commonest, shares
from cantilena.render.audio import unmastered
from cantilena.score import Score, Track
from cantilena.score.harmony import Key
from cantilena.score.score import DRUMS
from cantilena.search.tagging import NAMED, _by_joint, _players, recording_facts
from cantilena.text.facts import Facts

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A piano in C major with drums at 120 bpm, as sound under another kind's name."""
    place = tmp_path_factory.mktemp("sound")
    scale = (60, 64, 67, 72, 65, 69, 72, 77, 67, 71, 74, 79, 60, 64, 67, 72)
    onset = np.concatenate([np.arange(32) * 240, np.arange(32) * 240])
    pitch = np.array([*(scale * 2), *((36, 42, 38, 42) * 8)])
    track = np.repeat([0, 1], 32)
    rest = (np.full(64, 220), np.full(64, 90))
    tracks = [Track("", 0), Track("", 0, True)]
    score = Score.build(480, tracks, onset, rest[0], pitch, rest[1], track)
    mono = unmastered(score, RATE).mean(0)
    write_wav((0.5 * mono / np.abs(mono).max())[:, None].astype(np.float32), RATE, place / "a.wav")
    (place / "a.wav").rename(place / "a.mid")
    return place


def test_what_is_heard_is_stated_and_nothing_else(folder, capsys):
    facts = recording_facts(folder / "a.mid")
    assert facts.metre is None and facts.genres == () and not facts.whole
    assert DRUMS in facts.instruments and len(facts.instruments) <= 5
    assert facts.bpm is not None and min(abs(facts.bpm / b - 1) for b in (60, 120)) < 0.05
    assert main(["caption", str(folder / "a.mid"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 4 and not any(row["invented"] for row in rows)
    assert {"key", "tempo", "instruments", "seconds"} == rows[0]["heard"].keys()
    assert "4/4" not in rows[0]["text"] and "solo" not in rows[3]["attributes"]
    assert main(["caption", str(folder / "a.mid"), "--task", "summary"]) == 0
    assert "heard, not read" in capsys.readouterr().out
    assert main(["describe", str(folder / "a.mid")]) == 2
    assert "this is sound (WAV), not MIDI; 'cantilena caption'" in capsys.readouterr().err


def test_pianos_basses_and_drums_are_named_by_their_estimators():
    likely = np.zeros(DRUMS + 1)
    likely[[1, 33, 40, 73]] = 0.9, 0.9, 0.4, 0.3
    assert _players(likely, ()) == (40, 73)
    assert _players(likely, ("drums", "piano")) == (1, 40, 73, DRUMS)
    likely[:] = 0.0
    likely[46] = NAMED / 2
    assert _players(likely, ()) == (46,)


def test_an_embedding_moves_what_is_likely(monkeypatch):
    class Joint:
        def of_sound(self, samples, rate):
            return np.array([1.0])

        def embed_texts(self, texts):
            return np.array([[float("harp" in text)] for text in texts])

        def likeness(self, vector, text):
            return 0.9 if float(vector @ text) else 0.5

    priors = np.full(DRUMS + 1, 0.2)
    odds = _by_joint(np.zeros(9), RATE, Joint(), priors)  # type: ignore[arg-type]
    assert odds[0] == pytest.approx(0.2)
    assert odds[46] == pytest.approx(0.25 * 9 / (1 + 0.25 * 9))


def test_shares_of_what_is_right():
    c, a = Key.from_name("C major"), Key.from_name("A minor")
    true = Facts(c, (4, 4), 120.0, (0, 33), genres=("rock",))
    other = Facts(a, (4, 4), 90.0, (0, 40), genres=("waltz",))
    heard = Facts(c, None, 60.0, (0, 25), genres=("rock",), whole=False)
    rows = shares([(heard, true), (heard, other)])
    assert rows["instruments"] == {"stated": 4, "right": 0.5, "named": 0.5}
    assert rows["families"]["right"] == 0.5
    assert rows["tempo"]["right"] == 0 and rows["tempo_octave"]["right"] == 0.5
    assert rows["key"]["right"] == 0.5 and rows["mode"]["right"] == 0.5
    assert rows["genre"] == {"stated": 2, "right": 0.5}
    common = Commonest.of([true, true, other]).like(heard)
    assert (common.key, common.bpm, common.instruments) == (c, 120.0, (0, 33))
    assert common.genres == ("rock",)


def test_less_than_a_second_is_too_short_to_be_described(tmp_path):
    tone = 0.3 * np.sin(np.arange(1_600) * 0.2)
    write_wav(tone.astype(np.float32), 16_000, tmp_path / "blip.wav")
    with pytest.raises(InputError, match=r"too short .* 0\.1 seconds, and needs 1"):
        recording_facts(tmp_path / "blip.wav")
