"""Clips of recordings: mixing, rates, and every kind of file that is unfit."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cantilena.audio.wav import write_wav
from cantilena.data.audio.clips import Clip, Recipe, from_pcm
from cantilena.data.audio.recordings import Take, clipped_share, recording_clips
from cantilena.data.prepare import Refused

RECIPE = Recipe(rate=8000, seconds=2)


def tone(seconds: float, rate: int, hertz: float = 440.0, loud: float = 0.4) -> np.ndarray:
    return loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def clips_of(
    samples: np.ndarray, rate: int, folder: Path, recipe: Recipe = RECIPE, first: int = 0
) -> tuple[list[Clip], Counter[str]]:
    path = folder / "a.wav"
    write_wav(samples, rate, path)
    return recording_clips(Take("mine/a.wav", path, "mine", first, 99), recipe)


def test_a_recording_of_the_same_rate_is_kept_sample_by_sample(tmp_path):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 8000 * 5)
    clips, counts = clips_of(sound, 8000, tmp_path)
    assert [c.id for c in clips] == ["mine/a.wav#0", "mine/a.wav#1", "mine/a.wav#2"]
    assert [c.meta["start"] for c in clips] == [0, 2, 4] and not +counts
    assert [c.place for c in clips] == [(0, 5), (2, 5), (4, 5)]
    together = from_pcm(np.concatenate([c.mix for c in clips]))
    assert np.abs(together - sound).max() < 1e-4
    assert clips[0].meta["origin"] == "recording" and clips[0].symbols is None


@pytest.mark.parametrize("rate", [44_100, 48_000, 11_025, 8_001])
def test_another_rate_is_changed_without_seams_between_clips(tmp_path, rate):
    clips, counts = clips_of(tone(6, rate), rate, tmp_path)
    assert counts["resampled"] == 3 and [len(c.mix) for c in clips] == [16_000] * 3
    together = from_pcm(np.concatenate([c.mix for c in clips]))
    error = np.abs(together - tone(6, 8000))
    assert error[400:-400].max() < 2e-3  # the ends of the file ring


def test_what_the_lower_rate_cannot_hold_is_taken_away(tmp_path):
    sound = tone(2, 44_100) + tone(2, 44_100, 9_000)
    clip = clips_of(sound, 44_100, tmp_path)[0][0]
    assert np.abs(from_pcm(clip.mix) - tone(2, 8000))[400:-400].max() < 2e-3


def test_channels_are_mixed_and_counted(tmp_path):
    left, right = tone(2, 8000), tone(2, 8000, 600)
    clips, counts = clips_of(np.stack([left, right], 1), 8000, tmp_path)
    assert counts["mixed"] == 1 and clips[0].meta["channels"] == 2
    assert np.abs(from_pcm(clips[0].mix) - (left + right) / 2).max() < 1e-4


def test_left_and_right_are_kept_where_they_are_asked_for(tmp_path):
    left, right = tone(4, 16_000), tone(4, 16_000, 600)
    stereo = replace(RECIPE, stereo=True)
    clips, counts = clips_of(np.stack([left, right], 1), 16_000, tmp_path, stereo)
    assert not counts["mixed"]
    together = np.concatenate([clip.heard(2) for clip in clips], axis=1)
    wanted = np.stack([tone(4, 8000), tone(4, 8000, 600)])
    assert np.abs(together - wanted)[:, 400:-400].max() < 2e-3
    assert np.array_equal(clips[0].heard(1)[0], clips[0].samples)
    one = clips_of(left, 16_000, tmp_path, stereo)[0][0]
    assert one.side is None and np.array_equal(one.heard(2), np.stack([one.samples] * 2))


def test_a_part_of_a_file_is_as_in_the_whole(tmp_path):
    whole = clips_of(tone(9, 44_100), 44_100, tmp_path)[0]
    part = clips_of(tone(9, 44_100), 44_100, tmp_path, first=2)[0]
    assert [c.id for c in part] == [c.id for c in whole[2:]]
    for a, b in zip(part, whole[2:], strict=True):
        assert np.array_equal(a.mix, b.mix)


def test_clips_that_are_silent_or_clipped_are_left_out(tmp_path):
    square = np.sign(tone(2, 8000))
    sound = np.concatenate([tone(2, 8000), np.zeros(16_000), square, tone(2, 8000)])
    clips, counts = clips_of(sound, 8000, tmp_path)
    assert [c.meta["start"] for c in clips] == [0, 6]
    assert (counts["silent"], counts["clipped"]) == (1, 1)


def test_clipping_is_runs_at_full_scale_in_one_channel():
    full = np.ones(1)
    assert clipped_share(np.array([[1.0, 0.1], [1.0, 1.0], [0.1, 1.0]])) == 0
    assert clipped_share(np.array([[0.0], [1.0], [1.0], [-1.0], [0.0]])) == pytest.approx(0.6)
    assert clipped_share(np.repeat(full, 4)[:, None]) == 1
    loud = tone(1, 8000, loud=1.0)[:, None]
    assert clipped_share(loud) == 0 and clipped_share(np.clip(1.5 * loud, -1, 1)) > 0.3


@pytest.mark.parametrize(
    ("sound", "rate", "reason"),
    [
        (np.zeros(0), 8000, "empty"),
        (np.array([0.5]), 8000, "short"),
        (tone(0.9, 8000), 8000, "short"),
        (np.zeros(30_000), 8000, "silent"),
        (1e-4 * np.ones(30_000), 8000, "silent"),
        (np.sign(tone(4, 8000)), 8000, "clipped"),
        (tone(9, 3000), 3000, "wrong rate"),
    ],
)
def test_unfit_files_are_refused_with_a_reason(tmp_path, sound, rate, reason):
    with pytest.raises(Refused, match=reason):
        clips_of(sound, rate, tmp_path)


def test_nan_and_damage_are_reasons_of_their_own(tmp_path):
    body = np.full(20_000, np.nan, "<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 8000, 32_000, 4, 32)
    data = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    path = tmp_path / "n.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data)
    take = Take("n", path, "mine", 0, 9)
    with pytest.raises(Refused, match="not finite"):
        recording_clips(take, RECIPE)
    path.write_bytes(b"RIFF....WAVEfmt ")
    with pytest.raises(Refused, match="unreadable"):
        recording_clips(take, RECIPE)


def test_words_beside_a_recording_are_its_captions(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffA slow song.\n\n  a tune at night \n", encoding="utf-8")
    clips, _ = clips_of(tone(4, 8000), 8000, tmp_path)
    assert clips[1].captions == ("A slow song.", "a tune at night")


def test_tags_make_a_caption_where_there_are_no_words(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        file.title, file.genre = "Dawn", "Ambient"
        file.write(tone(2, 8000))
    take = Take("a", path, "mine", 0, 9)
    clip = recording_clips(take, replace(RECIPE, seconds=1))[0][0]
    assert clip.captions == ('ambient called "Dawn"',)
    assert clip.meta["tags"] == {"title": "Dawn", "genre": "Ambient"}
