"""Requests, Edits and Spans: what their parts may be, and what is said where one is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cantilena import api, loading, options
from cantilena.cli import main
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.score.midi import write_midi
from cantilena.systems.request import Edit, Request, Span

TRACKS = [Track("a", 73), Track("b", 0)]
BASE = Score.build(480, TRACKS, [0, 480], [480] * 2, [60, 48], [80] * 2, [0, 1])  # a bar, 2 s


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Span(10**400), "between numbers"),
        (lambda: Span(True), "between numbers"),
        (lambda: Span(-1), "at 0 bars or later, not at -1"),
        (lambda: Span(5, 2.0, "seconds"), "between 5 and 2 seconds; a span stops after"),
        (lambda: Edit(BASE, Span(0)), "several Spans"),
        (lambda: Edit(BASE, (0, 1)), "are Spans, not"),
        (lambda: Edit(BASE, (Span(0),), 0), "several track numbers"),
        (lambda: Edit(BASE, (Span(0),), "flute"), "several track numbers"),
        (lambda: Edit(BASE, (Span(0),), [0.5]), "a track must be a whole number"),
        (lambda: Edit(BASE, (Span(2),)), "ends at bar 1; it has nothing at bar 2"),
        (lambda: Edit.between(BASE, 2.5, 4), "ends at 2 s; it has nothing at 2.5 s"),
        (lambda: Request("a waltz"), "brief must be of the kind Brief"),
        (lambda: Request(seed="1"), "the seed must be a whole number, not '1'"),
        (lambda: Request(seed=1.0), "the seed must be a whole number"),
        (lambda: Request(seed=-1), "from 0 to 2"),
        (lambda: Request(sampling={"top_k": 1}), "sampling must be of the kind Sampling"),
        (lambda: Request(edit=BASE), "edit must be of the kind Edit"),
        (lambda: Request(system=None), "system must be of the kind str"),
        (lambda: Request(options=["tokens"]), "options must be a mapping"),
    ],
)
def test_a_part_of_another_kind_is_refused_when_it_is_made(make, message: str):
    with pytest.raises(InputError, match=message):
        make()


def test_numbers_of_numpy_become_plain_ones():
    edit = Edit(BASE, [Span(np.int64(0), np.float32(1), "seconds")], np.array([1]).tolist())
    tracks = replace(edit, tracks=frozenset([np.int64(1)]))
    request = Request(seed=np.uint8(7), edit=tracks)
    assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert type(request.seed) is int and edit == tracks
    how = options.make_sampling(Sampling(), temperature=np.float32(0.5), best_of=np.int64(2))
    assert json.loads(json.dumps(how.to_dict()))["temperature"] == 0.5


def test_note_goes_on_as_long_as_its_brief_says():
    system = api.load()
    with pytest.raises(InputError, match="leave the end of the span open"):
        system.run([Request(edit=Edit(BASE, (Span(BASE.n_bars, BASE.n_bars + 2),)))])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: api.load(bogus=1), "'note' has no 'bogus' to be loaded with; it has threads"),
        (lambda: api.load(threads=[1]), "cannot be"),
        (lambda: api.load(3), "a checkpoint is named by text, not 3"),
        (lambda: api.load(system=["note"]), "a system is named by text"),
        (lambda: api.compose("waltz", options=["x"]), "options are a mapping"),
        (lambda: api.compose("waltz", edit="song.mid"), "edit must be of the kind Edit"),
    ],
)
def test_wrong_kinds_in_python_are_said_in_words(call, message: str):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("options", [["--between", "0", "1"], ["--keep", "flute"]])
def test_a_length_beside_what_has_one_already(options: list[str], tmp_path, capsys):
    source = tmp_path / "song.mid"
    write_midi(BASE, source)
    command = ["compose", "--system", "amt", "--continue", str(source), "-o", str(tmp_path / "o")]
    assert main([*command, *options, "--bars", "4"]) == 2
    assert "--bars" in capsys.readouterr().err and not (tmp_path / "o").exists()


def test_the_system_is_told_by_a_folder(tmp_path):
    """By the card of a checkpoint, of the model in a run, and by a published layout."""
    card = {"format": 2, "system": "amt-prefix"}
    run, plain = tmp_path / "run", tmp_path / "music"
    (run / "model").mkdir(parents=True)
    (run / "model" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    plain.mkdir()
    (plain / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    folders = {run / "model": "amt-prefix", run: "amt-prefix", plain: "amt"}
    others = {None: "note", tmp_path: "note", "a\0b": "note", "music-small": "note"}
    for folder, system in (folders | others).items():
        assert loading.system_of(folder) == system
    for odd in ("[]", "{", '{"format": 2, "system": 3}'):
        (run / "model" / "card.json").write_text(odd, encoding="utf-8")
        assert loading.system_of(run) == "note"
