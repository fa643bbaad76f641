"""Single notes as a data set: which there are, how they sound, building and going on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cantilena import cli
from cantilena.data.audio import AudioData, Recipe
from cantilena.data.audio import notes as module
from cantilena.data.audio.notes import (
    HELD_OUT_STROKE,
    STROKES,
    SingleNote,
    build_notes,
    common_gain,
    note_clip,
    note_sound,
    single_notes,
)
from cantilena.data.corpora.corpus import SPLITS
from cantilena.score import gm

RECIPE = Recipe(8000, module.SECONDS)


def test_held_out_pitches_are_heard_of_neighbours_alone():
    for instrument in range(128):
        heard = {note.pitch for note in single_notes("train", instrument)}
        held = [{n.pitch for n in single_notes(s, instrument)} for s in ("valid", "test")]
        assert heard and held[0] | held[1]
        assert not heard & (held[0] | held[1]) and not held[0] & held[1]
        low, high = gm.playable(instrument)
        assert all(low <= pitch <= high for pitch in heard | held[0] | held[1])
    for family in range(0, 128, 8):
        notes = [n for i in range(family, family + 8) for s in SPLITS for n in single_notes(s, i)]
        held_out = {n.pitch for i in range(family, family + 8) for n in single_notes("test", i)}
        assert len({note.pitch for note in notes}) > 2 * len(held_out)


def test_drums_are_all_heard_at_other_velocities():
    heard = {(n.pitch, n.velocity) for n in single_notes("train", 128)}
    held = {(n.pitch, n.velocity) for s in ("valid", "test") for n in single_notes(s, 128)}
    assert {pitch for pitch, _ in held} == {pitch for pitch, _ in heard}
    assert {v for _, v in heard} == set(STROKES) and {v for _, v in held} == {HELD_OUT_STROKE}


def test_a_note_that_began_before_its_clip_goes_on_in_it():
    whole = note_sound(SingleNote(19, 60, 100, 2.0), RECIPE)
    later = note_sound(SingleNote(19, 60, 100, 2.0, before=0.5), RECIPE)
    cut = round(0.5 * RECIPE.rate)
    assert np.allclose(later[: len(whole) - cut], whole[cut:], atol=1e-6)
    clip = note_clip(SingleNote(19, 60, 100, 2.0, before=0.5), "train", RECIPE, 1.0)
    assert clip.symbols.onset[0] == -0.5 and clip.symbols.duration[0] == 2.0
    assert clip.captions == ("church organ",)


def test_one_gain_holds_for_all_so_that_velocity_is_heard():
    gain = common_gain(RECIPE)
    notes = [SingleNote(0, 60, velocity, 1.0) for velocity in (32, 64, 127)]
    clips = [note_clip(note, "train", RECIPE, gain) for note in notes]
    sizes = [float(np.abs(clip.samples).max()) for clip in clips]
    assert 0.01 < sizes[0] < sizes[1] / 2 < sizes[2] / 4 and sizes[2] < 0.9


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two instruments' notes."""
    every = module.single_notes
    keep = {0, 128}
    monkeypatch.setattr(module, "common_gain", lambda _: 3.0)
    monkeypatch.setattr(
        module, "single_notes", lambda split, i: every(split, i)[:2] if i in keep else []
    )


def test_the_command_builds_a_data_set_and_goes_on(few: None, tmp_path: Path, capsys):
    out = tmp_path / "notes"
    argv = ["data", "notes", "-o", str(out), "--rate", "8000", "--engine", "synth"]
    assert cli.main([*argv, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"]["notes"]["train"]["clips"] == 4
    data = AudioData(out, "train")
    clip = data.clip(0)
    assert clip.rate == 8000 and len(clip.mix) == module.SECONDS * 8000
    assert clip.symbols.instrument.tolist() == [0] and len(clip.symbols.beat) == 0
    files = {path.name: path.read_bytes() for path in out.glob("*.npz")}
    next(iter(out.glob("*train*"))).unlink()
    assert cli.main([*argv, "--quiet"]) == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.npz")} == files


def test_nothing_is_made_again_that_stands(few: None, tmp_path: Path):
    lines: list[str] = []
    for _ in range(2):
        build_notes(tmp_path, 8000, "synth", progress=lambda _d, _t, line: lines.append(line))
    half = len(lines) // 2
    assert all(line.startswith("made") for line in lines[:half])
    assert all(line.startswith("kept") for line in lines[half:])
