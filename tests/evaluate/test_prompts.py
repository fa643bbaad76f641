"""Prompts: what a caption states is what is known of it, and files keep it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.evaluate import control
from cantilena.evaluate.prompts import (
    Prompt,
    prompt_of,
    prompts_of_midi,
    read_prompts,
    shipped_prompts,
    stated,
    write_prompts,
)
from cantilena.score.harmony import Key, parse_chord
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track
from cantilena.text.brief import parse_brief
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts
from cantilena.text.wishes import Brief


def song(bars=20, parts=(0, 33, 40), bpm=96) -> Score:
    rows = []
    for i in range(bars):
        root = (0, 9, 5, 7)[i % 4]
        rows += [(96 * i + 24 * q, 24, 60 + (root + 4 * q) % 12, 80, q % 2) for q in range(4)]
        rows += [(96 * i, 96, 48 + root, 70, p) for p in range(len(parts))]
    tracks = [Track("", p) for p in parts]
    return Score.build(24, tracks, *zip(*rows, strict=True), tempos=[(0, round(60e6 / bpm))])


def test_a_song_answers_its_own_prompt():
    rng = np.random.default_rng(3)
    made = [prompt_of(song(), f"{i}", rng) for i in range(30)]
    prompts = [p for p in made if p]
    assert len(prompts) == 30 and len({p.text for p in prompts}) > 20
    asked = [p.wishes for p in prompts]
    assert all(w.tempo == 96 and w.metre == "4/4" for w in asked)
    assert {None} < {w.bars for w in asked} and any(w.chords for w in asked)
    for w in asked:
        found = control.evaluate(w, song())
        whole = ("instrument_recall", "instrument_precision", "tempo_bin", "metre")
        assert all(np.isnan(found[n]) or found[n] == 1 for n in whole)
    again = np.random.default_rng(3)
    assert [prompt_of(song(), f"{i}", again) for i in range(30)] == made


@pytest.mark.parametrize(
    "useless", [song(bars=3), song(parts=tuple(range(9))), song(bpm=300), song(bpm=30)]
)
def test_songs_of_no_use(useless):
    rng = np.random.default_rng(0)
    assert [prompt_of(useless, "x", rng) for _ in range(5)] == [None] * 5


def test_no_two_instruments_go_by_one_name():
    rng = np.random.default_rng(0)
    made = [prompt_of(song(parts=(65, 66)), "x", rng) for _ in range(60)]
    named = [{i.name for i in p.wishes.instruments} for p in made if p and p.wishes.instruments]
    assert None in made and len(named) > 20
    assert not any(names <= {"sax", "saxophone"} for names in named)


def facts(**more) -> Facts:
    whole = {"key": Key(2, True), "metre": (3, 4), "bpm": 66.0, "instruments": (27, 28, 128)}
    return Facts(**{**whole, **more})


def test_each_name_is_used_once():
    text = "A tune for clean guitar, muted electric guitar and drum kit, 3/4, 66 bpm"
    found = stated(facts(), text).instruments
    assert [i.name for i in found] == ["clean guitar", "muted electric guitar", "drum kit"]
    assert [i.programs for i in found] == [(27,), (28,), (128,)]


def test_names_that_mean_several_programs_take_any():
    (strings,) = stated(facts(instruments=(48,)), "strings, 66 bpm").instruments
    assert strings.programs[0] == 48 and set(strings.programs) == {44, 48, 49}
    (unnamed,) = stated(facts(instruments=(42,)), "a string quartet, 66 bpm").instruments
    assert (unnamed.name, unnamed.programs) == ("cello", (42,))


def test_tempo_by_number_or_by_word():
    assert stated(facts(), "a waltz at 66 bpm").tempo_range is None
    low, high = stated(facts(), "an adagio in 3/4").tempo_range or (0, 0)
    assert low <= 66 <= high
    with pytest.raises(InputError, match="tempo"):
        stated(facts(), "a waltz")


def test_chords_and_drums_as_far_as_they_are_told():
    told = stated(facts(chords=("Dm", "Gm", "A7")), "66 bpm, chords Dm – Gm, without drums")
    assert told.chords == ("Dm", "Gm") and told.excluded == (128,)
    assert stated(facts(chords=("Dm", "Gm")), "66 bpm, with drums").chords == ()


@pytest.mark.parametrize("seed", range(25))
def test_our_reader_agrees_with_what_is_stated(seed):
    rng = np.random.default_rng(seed)
    known = facts(chords=("Dm", "Gm", "A7"), bars=16, genres=("jazz",), moods=("sad",), swing=True)
    text = write_caption(known, rng)
    wishes, read = stated(known, text), parse_brief(text)
    assert (read.key, read.metre, read.swing) == (wishes.key, wishes.metre, wishes.swing), text
    assert read.genres == wishes.genres and read.moods == wishes.moods, text
    if wishes.tempo_range is None:
        assert read.tempo == wishes.tempo, text
    numbers = [[parse_chord(c).number for c in b.chords] for b in (wishes, read)]
    assert numbers[0] == numbers[1], text


def test_files_keep_prompts(tmp_path):
    rng = np.random.default_rng(0)
    prompts = tuple(p for i in range(5) if (p := prompt_of(song(), f"{i:03d}", rng)))
    write_prompts(prompts, tmp_path / "set.jsonl")
    assert read_prompts(tmp_path / "set.jsonl") == prompts
    line = json.loads((tmp_path / "set.jsonl").read_text().splitlines()[0])
    assert set(line) == {"id", "text", "wishes"} and "only" not in line["wishes"]


def test_texts_may_hold_separators_of_lines(tmp_path):
    prompts = [Prompt(f"p{ord(c)}", f"a{c}b", Brief()) for c in "\u2028\u2029\x85\x0b\x0c\x1c"]
    write_prompts(prompts, tmp_path / "set.jsonl")
    assert read_prompts(tmp_path / "set.jsonl") == tuple(prompts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no prompts"),
        ("{", "line 1"),
        ('{"id": "a", "text": "x"}', "wishes"),
        ('{"id": "../a", "text": "x", "wishes": {}}', "name a file"),
        ('{"id": "a", "text": "x", "wishes": {"speed": 3}}', "speed"),
        ('{"id": "a", "text": "x", "wishes": {"tempo": 9000}}', "9000"),
        ('{"id": "a", "text": "x", "wishes": {}}\n' * 2, "twice"),
    ],
)
def test_bad_files_are_named(tmp_path, text, message):
    (tmp_path / "set.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        read_prompts(tmp_path / "set.jsonl")
    with pytest.raises(InputError, match="there is no file"):
        read_prompts(tmp_path / "none.jsonl")


def test_prompts_of_midi_pass_over_what_is_no_music(tmp_path):
    write_midi(song(), tmp_path / "a.mid")
    (tmp_path / "b.mid").write_bytes(b"MThd nothing")
    write_midi(song(bars=2), tmp_path / "c.mid")
    found = prompts_of_midi(sorted(tmp_path.iterdir()))
    assert [p.id for p in found] == ["000"]
    assert prompts_of_midi([]) == ()


def test_the_shipped_prompts_are_varied_and_measurable():
    prompts = shipped_prompts()
    assert len(prompts) == 200 and len({p.text for p in prompts}) == 200
    for p in prompts:
        control.validate(p.wishes, None)
        assert Prompt.from_dict(p.to_dict()) == p and p.wishes.text == ""
    asked = [p.wishes for p in prompts]
    assert sum(bool(w.chords) for w in asked) >= 40 and sum(w.bars is not None for w in asked) >= 80
    assert sum(w.metre != "4/4" for w in asked) >= 25
    assert sum(w.tempo == 120 for w in asked) <= 25
    assert isinstance(asked[0], Brief)
