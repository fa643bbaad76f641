"""Clips of MIDI: where they begin, what sounds in them, and what is said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.data.audio import rendering
from cantilena.data.audio.clips import STEMS, Clip, Recipe, from_pcm, spans, to_pcm
from cantilena.data.audio.excerpts import excerpt
from cantilena.data.audio.rendering import midi_clips
from cantilena.data.audio.roles import track_roles
from cantilena.data.audio.shards import Shard, write_shard
from cantilena.data.audio.sources import FOLDER
from cantilena.data.corpora.corpus import Song
from cantilena.data.prepare import Refused
from cantilena.errors import InputError
from cantilena.score.controls import CONTROL_CHANGE, PITCH_BEND, Controls
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track
from cantilena.tokens.note import NoteScheme
from corpus_pieces import piece

SMALL = Recipe(rate=8000, seconds=5, stems=True)


def clips_of(
    score: Score, folder: Path, recipe: Recipe = SMALL, name: str = "song"
) -> tuple[list[Clip], Counter[str]]:
    path = folder / f"{name}.mid"
    path.write_bytes(write_midi(score))
    song = Song(name, path, "train", "mine", genres=("jazz",))
    clips, left_out, _ = midi_clips(song, FOLDER, recipe, NoteScheme())
    return clips, left_out


# ---------------------------------------------------------------------------- samples and spans


@given(st.lists(st.integers(-32_768, 32_767), max_size=50))
def test_samples_of_16_bits_come_back_as_they_were(values: list[int]):
    pcm = np.array(values, dtype=np.int16)
    assert np.array_equal(to_pcm(from_pcm(pcm)), pcm)


def test_what_is_too_loud_for_16_bits_is_clipped():
    assert to_pcm(np.array([2.0, -2.0, 1.0])).tolist() == [32_767, -32_768, 32_767]


def test_where_clips_begin_and_end():
    at = Recipe(seconds=10)
    assert spans(35.0, at) == [(0, 10), (10, 20), (20, 30), (30, 35)]
    assert spans(34.9, at) == [(0, 10), (10, 20), (20, 30)]
    assert spans(2.5, at) == [(0, 2.5)] and spans(0, at) == []
    assert spans(3600.0, replace(at, per_file=2)) == [(0, 10), (10, 20)]


@given(st.floats(0, 500), st.integers(1, 9))
def test_clips_that_are_spread_reach_from_the_beginning_to_the_end(length: float, most: int):
    at = Recipe(seconds=10, per_file=most, spread=True)
    whole, some = spans(length, replace(at, per_file=None)), spans(length, at)
    assert len(some) == min(len(whole), most) and set(some) <= set(whole)
    assert some == sorted(set(some)) and some[:1] == whole[:1]
    if most > 1:
        assert some[-1:] == whole[-1:]


@pytest.mark.parametrize(
    "wrong", [{"rate": 100}, {"seconds": 0}, {"per_file": 0}, {"wordings": 0}, {"seconds": 700}]
)
def test_recipes_that_make_no_clips_are_refused(wrong):
    with pytest.raises(InputError):
        Recipe(**wrong)


# ---------------------------------------------------------------------------- a stretch of a Score


def test_the_whole_as_an_excerpt_is_the_whole():
    score = piece(0)
    assert excerpt(score, 0, score.end) == score


def test_an_excerpt_has_what_sounds_and_holds_where_it_begins():
    controls = Controls.build(
        *zip(
            (0, 0, CONTROL_CHANGE, 7, 90),
            (10, 0, CONTROL_CHANGE, 7, 50),
            (10, 0, CONTROL_CHANGE, 101, 0),
            (10, 0, CONTROL_CHANGE, 100, 0),
            (10, 0, CONTROL_CHANGE, 6, 12),
            (20, 0, PITCH_BEND, 0, 100),
            (150, 0, PITCH_BEND, 0, 0),
            (300, 0, PITCH_BEND, 0, 9),
            strict=True,
        )
    )
    score = Score.build(
        100,
        [Track("a", 5)],
        [0, 50, 150, 400],
        [20, 100, 300, 10],
        [60, 61, 62, 63],
        [80] * 4,
        [0] * 4,
        tempos=[(0, 500_000), (90, 400_000), (200, 300_000), (390, 1)],
        controls=controls,
    )
    part = excerpt(score, 100, 300)
    assert part.onset.tolist() == [0, 50] and part.duration.tolist() == [50, 150]
    assert part.pitch.tolist() == [61, 62] and part.end == 200
    assert part.tempo_tick.tolist() == [0, 100]
    assert part.tempo_us.tolist() == [400_000, 300_000]
    rows = list(zip(*(c.tolist() for c in part.controls.columns), strict=True))
    assert rows == [
        (0, 0, CONTROL_CHANGE, 7, 50),
        (0, 0, CONTROL_CHANGE, 101, 0),
        (0, 0, CONTROL_CHANGE, 100, 0),
        (0, 0, CONTROL_CHANGE, 6, 12),
        (0, 0, PITCH_BEND, 0, 100),
        (50, 0, PITCH_BEND, 0, 0),
    ]
    assert excerpt(score, 100, 300, held=False).pitch.tolist() == [62]


# ---------------------------------------------------------------------------- roles


def parts(*tracks: tuple[str, int, list[int]], drums: bool = False) -> Score:
    """Tracks of a name, a program and the pitches that each plays one after another; a negative
    one sounds with that before."""
    onset, pitch, track = [], [], []
    for i, (_, _, pitches) in enumerate(tracks):
        at = -480
        for p in pitches:
            at += 480 * (p >= 0)
            onset.append(at)
            pitch.append(abs(p))
            track.append(i)
    names = [Track(name, program) for name, program, _ in tracks]
    ones = np.ones(len(onset), dtype=int)
    return Score.build(480, names, onset, 480 * ones, pitch, 80 * ones, track)


CHORDS = [60, -64, -67] * 4


@pytest.mark.parametrize(
    ("tracks", "roles", "named"),
    [
        ([("Lead Vocal", 54, [70] * 4), ("x", 73, [90] * 4), ("b", 33, [40] * 4)], "moB", True),
        ([("Backing vocals", 54, [70] * 4), ("MELODY", 0, [60] * 4)], "om", True),
        ([("a", 0, CHORDS), ("flute", 73, [72] * 4), ("low", 0, [36] * 4)], "omB", False),
        ([("a", 73, [72] * 4), ("b", 73, [76] * 4)], "om", False),
        ([("piano", 0, CHORDS)], "o", False),
        ([("violin", 40, [76] * 4)], "m", False),
        ([("VOICE OOHS", 53, CHORDS), ("flute", 73, [72] * 4), ("b", 32, [30] * 4)], "omB", False),
    ],
)
def test_roles_of_tracks(tracks, roles: str, named: bool):
    result = track_roles(parts(*tracks))
    assert "".join("dBmo"[r] for r in result.role) == roles and result.named is named
    assert (result.melody is None) == ("m" not in roles)


def test_drums_are_drums():
    assert track_roles(piece(0)).role.tolist() == [2, 1, 0]


# ---------------------------------------------------------------------------- sound and symbols


def test_stems_add_up_to_the_mix_and_no_sample_is_too_loud(tmp_path):
    clips, left_out = clips_of(piece(3), tmp_path)
    assert [c.id for c in clips] == [f"song#{i}" for i in range(5)] and not left_out
    assert [c.meta["seconds"] for c in clips[:-1]] == [5.0] * 4
    assert [c.meta["offset"] for c in clips] == [0.0, 5.0, 10.0, 15.0, 20.0]
    end = clips[-1].meta["offset"] + clips[-1].meta["seconds"]
    assert [c.meta["total"] for c in clips] == pytest.approx([end] * len(clips), abs=0.01)
    for clip in clips:
        assert clip.mix.dtype == np.int16
        assert len(clip.mix) == round(clip.meta["seconds"] * 8000)
        assert list(clip.stems) == list(STEMS)
        total = np.sum([s.astype(int) for s in clip.stems.values()], axis=0)
        assert np.array_equal(total, clip.mix)
        assert 3000 < np.abs(clip.mix.astype(int)).max() <= 32_768 * 0.892
        assert clip.stems["drums"].any() and not clip.stems["other"].any()


@pytest.mark.parametrize("stems", [False, True])
def test_left_and_right_are_as_the_synthesizer_has_them_and_are_read_again(tmp_path, stems):
    """Panned hard apart, what is left of one channel in the other is small; written into a shard
    and read, nothing is lost."""
    pans = Controls.build([0, 0], [0, 1], [CONTROL_CHANGE] * 2, [10] * 2, [0, 127])
    tracks = [Track("a", 40), Track("b", 0)]
    onsets, track = np.arange(40) * 240, np.arange(40) // 20
    pitches = 60 + 12 * track + np.arange(40) % 5
    score = Score.build(480, tracks, onsets, [200] * 40, pitches, [90] * 40, track, controls=pans)
    recipe = replace(SMALL, seconds=10, stems=stems, stereo=True)
    clip = clips_of(score, tmp_path, recipe)[0][0]
    left, right = clip.heard(2)
    half = len(left) // 2
    first, second = (np.abs(x[: half - 2_000]).mean() for x in (left, right))
    assert first > 2 * second
    first, second = (np.abs(x[half:]).mean() for x in (left, right))
    assert second > 2 * first
    assert np.abs(clip.heard(2)).max() <= 0.9 and np.allclose((left + right) / 2, clip.samples)
    write_shard(tmp_path / "shard.npz", [clip], {})
    with Shard(tmp_path / "shard.npz") as shard:
        again = shard.clip(0, stems=False)
    assert np.array_equal(again.heard(2), clip.heard(2)) and not again.stems
    plain = clips_of(score, tmp_path, replace(recipe, stereo=False))[0][0]
    assert plain.side is None and np.array_equal(plain.heard(2), np.stack([plain.samples] * 2))
    assert "stereo" not in replace(recipe, stereo=False).to_dict()


def test_a_stem_sounds_the_notes_of_its_role(tmp_path):
    for clip in clips_of(piece(3), tmp_path)[0][:4]:
        symbols = clip.symbols
        assert symbols is not None
        melody = np.flatnonzero((symbols.role == 2) & (symbols.onset >= 0))
        assert len(melody) >= 18
        for i in melody[:18]:
            start = int((symbols.onset[i] + 0.05) * clip.rate)
            part = clip.stems["melody"][start : start + 1200].astype(float)
            spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16_384))
            hertz = np.argmax(spectrum) * clip.rate / 16_384
            pitch = 69 + 12 * np.log2(hertz / 440)
            harmonics = symbols.pitch[i] + 12 * np.log2(np.arange(1, 5))
            assert np.abs(pitch - harmonics).min() < 0.5


def test_drums_begin_when_the_symbols_say(tmp_path):
    for clip in clips_of(piece(4, bpm=97), tmp_path)[0]:
        symbols = clip.symbols
        assert symbols is not None
        drums = from_pcm(clip.stems["drums"]) ** 2
        for onset in symbols.onset[(symbols.role == 0) & (symbols.onset > 0.05)]:
            at = round(float(onset) * clip.rate)
            before, after = drums[at - 160 : at - 8].mean(), drums[at : at + 152].mean()
            assert after > 5 * before


def test_notes_beats_and_chords_of_a_clip_in_the_middle(tmp_path):
    clip = clips_of(piece(5), tmp_path)[0][1]  # 5 to 10 s of a piece at 120
    symbols = clip.symbols
    assert symbols is not None
    assert np.allclose(symbols.beat, np.arange(0, 5, 0.5), atol=1e-4)
    assert symbols.beat_in_bar.tolist() == [2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
    assert np.allclose(symbols.chord_start, np.arange(5), atol=1e-4)
    assert (symbols.chord <= 108).all() and symbols.chord.any()
    held = symbols.onset < 0
    assert held.sum() == 3 and np.allclose(symbols.onset[held], -1.0)
    assert set(symbols.role[held].tolist()) == {1}  # chords that began with the bar
    assert (symbols.onset + symbols.duration > 0).all() and (symbols.onset < 5).all()
    assert (np.diff(symbols.onset) >= 0).all()
    drums = symbols.role == 0
    assert set(symbols.instrument[drums].tolist()) == {128} and drums.sum() == 10


def test_a_held_note_sounds_on_into_a_later_clip(tmp_path):
    score = piece(0, bars=12)
    pad = Score.build(
        480,
        [*score.tracks, Track("pad", 89)],
        np.append(score.onset, 0),
        np.append(score.duration, 12 * 1920),
        np.append(score.pitch, 67),
        np.append(score.velocity, 127),
        np.append(score.track, 3),
    )
    clip = clips_of(pad, tmp_path)[0][2]
    assert clip.symbols is not None and clip.symbols.onset.min() == pytest.approx(-10)
    start = from_pcm(clip.stems["other"][: clip.rate // 2])
    assert np.sqrt((start**2).mean()) > 0.003


def test_empty_bars_before_the_music_are_no_part_of_it_and_empty_clips_are_left_out(tmp_path):
    clips, _ = clips_of(piece(6, lead_in=2), tmp_path)
    assert clips[0].meta["start"] == pytest.approx(4.0)
    assert clips[0].place is not None and clips[0].place[0] == 0.0
    first = piece(7, bars=8)
    gap = Score.build(
        480,
        first.tracks,
        np.concatenate([first.onset, first.onset + 15 * 1920]),
        np.tile(first.duration, 2),
        np.tile(first.pitch, 2),
        np.tile(first.velocity, 2),
        np.tile(first.track, 2),
    )
    clips, left_out = clips_of(gap, tmp_path, name="gap")
    assert left_out["few notes"] == 2
    assert [c.id for c in clips if 15 < c.meta["start"] < 25] == []


def test_a_clip_does_not_depend_on_how_many_are_made(tmp_path):
    whole = clips_of(piece(8), tmp_path)[0]
    one = clips_of(piece(8), tmp_path, replace(SMALL, per_file=1))[0]
    assert len(one) == 1 and np.array_equal(one[0].mix, whole[0].mix)
    assert one[0].captions == whole[0].captions and len(set(whole[0].captions)) > 1
    mono = clips_of(piece(8), tmp_path, replace(SMALL, stems=False, per_file=1))[0][0]
    assert mono.stems == {} and np.corrcoef(mono.mix, one[0].mix)[0, 1] > 0.8


def test_captions_and_meta_say_what_is_heard(tmp_path):
    clip = clips_of(piece(9, bpm=93), tmp_path, replace(SMALL, wordings=6))[0][0]
    assert len(clip.captions) == 6 and "jazz" in clip.captions[0].lower()
    assert "93" in " ".join(clip.captions) and "drum" in clip.captions[0].lower()
    meta = clip.meta
    assert meta["bpm"] == pytest.approx(93, abs=0.01) and meta["metre"] == [4, 4]
    assert set(meta["instruments"]) == {73, 0, 128} and meta["genres"] == ["jazz"]
    assert meta["melody"] == {"track": "lead", "by": "rule"} and meta["origin"] == "midi"


def test_what_training_refuses_is_refused(tmp_path):
    with pytest.raises(Refused, match="few notes"):
        clips_of(piece(0, bars=1), tmp_path)


def test_the_drum_map_of_a_corpus_is_heard():
    moved = rendering.remapped(piece(0), {36: 50})
    assert set(moved.pitch[moved.is_drum].tolist()) == {38, 50}
    assert np.array_equal(moved.pitch[~moved.is_drum], piece(0).pitch[~piece(0).is_drum])


def test_fluidsynth_sounds_each_stem_with_the_soundfont_of_the_recipe(tmp_path, monkeypatch):
    calls: list[tuple] = []

    def fake(score: Score, rate: int, program: str | None, font: Path | None) -> np.ndarray:
        calls.append((program, font, sorted(set(score.instrument.tolist()))))
        return np.full((2, 20 * rate), 0.01 * len(calls), dtype=np.float32)

    monkeypatch.setattr(rendering, "find_fluidsynth", lambda: "/bin/fluidsynth")
    monkeypatch.setattr(rendering, "unmastered", fake)
    font = tmp_path / "a.sf3"
    recipe = replace(SMALL, engine="fluidsynth", soundfont=str(font), per_file=1)
    clip = clips_of(piece(0), tmp_path, recipe)[0][0]
    assert calls == [("/bin/fluidsynth", font, [i]) for i in (128, 0, 73)]  # nothing is "other"
    loud = [int(clip.stems[name][0]) for name in STEMS]
    assert loud[1] / loud[0] == pytest.approx(2, rel=0.01) and loud[3] == 0
