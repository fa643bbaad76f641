"""Clips as codes: encoded once, for the codec and the clips that they are of; melodies of notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.data.audio.clips import from_pcm, to_pcm  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.score import gm  # noqa: E402
from cantilena.train.audio import codes as module  # noqa: E402
from cantilena.train.audio.codes import CodeClips, facts_of, melody_of  # noqa: E402
from tiny_codecs import RATE, tiny, tones  # noqa: E402


@dataclass
class Clip:
    samples: np.ndarray
    rate: int = RATE
    captions: tuple[str, ...] = ("tones",)
    symbols: Any = None
    stems: dict[str, np.ndarray] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def heard(self, channels: int) -> np.ndarray:
        return np.repeat(self.samples[None], channels, 0)


class Data:
    split = "train"

    def __init__(self, sha256: str = "a", rate: int = RATE):
        self.clips = [Clip(tones(0.2 + 0.1 * i, seed=i), rate) for i in range(5)]
        self.manifest = {"shards": [{"split": "train", "sha256": sha256}]}
        self.places = np.stack([np.zeros(5, dtype=int), np.arange(5)], 1)

    def __len__(self) -> int:
        return len(self.clips)

    def clip(self, i: int) -> Clip:
        return self.clips[i]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "PART", 2)


def made(folder: Any, data: Any = None, codec: Any = None) -> tuple[CodeClips, list[str]]:
    lines: list[str] = []
    return CodeClips(data or Data(), codec or tiny("frame"), folder, lines.append), lines


def test_codes_are_the_codecs_and_are_kept(tmp_path: Any):
    clips, lines = made(tmp_path)
    assert len(lines) == 3
    codec = tiny("frame")
    for i, clip in enumerate(Data().clips):
        with torch.inference_mode():
            expected = codec.encode(torch.from_numpy(clip.samples)[None, None])[0].numpy()
        np.testing.assert_array_equal(clips[i].codes, expected)
        assert clips.lengths[i] == expected.shape[1]
    again, lines = made(tmp_path)
    assert lines == []
    for one, two in zip(clips.codes(), again.codes(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_only_what_is_missing_or_of_others_is_made(tmp_path: Any):
    made(tmp_path)
    parts = sorted(tmp_path.iterdir())
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:100])
    assert len(made(tmp_path)[1]) == 2
    assert len(made(tmp_path, Data("b"))[1]) == 3  # the shards were built anew
    assert len(made(tmp_path, codec=tiny("frame", seed=1))[1]) == 3
    with pytest.raises(InputError, match=f"at 8000 Hz and the codec at {RATE}"):
        made(tmp_path, Data(rate=8000))


def test_a_part_that_is_damaged_anywhere_is_made_anew_or_harmless(tmp_path: Any):
    first = [row.copy() for row in made(tmp_path)[0].codes()]
    part = sorted(tmp_path.iterdir())[0]
    whole = part.read_bytes()
    for place in range(8, len(whole), 97):
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        for one, two in zip(first, made(tmp_path)[0].codes(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_codes_of_large_books_are_kept_whole(tmp_path: Any, monkeypatch: Any):
    codec = tiny("frame")
    codec.sizes = (1 << 17,) * 3
    monkeypatch.setattr(codec, "encode", lambda audio: torch.full((1, 3, 4), (1 << 16) + 5))
    assert (made(tmp_path, codec=codec)[0][0].codes == (1 << 16) + 5).all()
    assert (made(tmp_path, codec=codec)[0][0].codes == (1 << 16) + 5).all()


def test_a_stems_codes_are_its_own_and_silence_has_none(tmp_path: Any):
    data = Data()
    for i, clip in enumerate(data.clips):
        size = len(clip.samples)
        drums = tones(size / RATE, seed=9 + i) if i != 1 else np.zeros(size)
        clip.stems = {"drums": to_pcm(drums[:size])}
    codec = tiny("frame")
    clips = CodeClips(data, codec, tmp_path, lambda _: None, "drums")
    heard = torch.from_numpy(from_pcm(data.clips[0].stems["drums"]))
    np.testing.assert_array_equal(clips[0].codes, codec.encode(heard[None, None])[0].numpy())
    assert clips.lengths[1] == 0 and min(clips.lengths[2:]) > 0
    mixes = CodeClips(data, codec, tmp_path, lambda _: None)
    assert not np.array_equal(mixes[0].codes, clips[0].codes)
    again = CodeClips(data, codec, tmp_path, lambda _: None, "drums")
    np.testing.assert_array_equal(again[0].codes, clips[0].codes)
    with pytest.raises(InputError, match="no stem 'bass'"):
        CodeClips(data, codec, tmp_path, lambda _: None, "bass")


def test_a_melody_is_that_of_the_leading_notes():
    notes = SimpleNamespace(
        onset=np.array([0.0, 0.5, 0.5, 0.0]),
        duration=np.array([0.6, 0.4, 0.2, 2.0]),
        pitch=np.array([62, 66, 69, 31]),
        role=np.array([2, 2, 2, 1]),  # the last is a bass
    )
    tune = melody_of(notes, 1.5)
    assert tune.shape == (12, 12)
    # frames stand 0.128 s apart: D, then A above F sharp, F sharp alone, nothing
    assert tune.argmax(1).tolist() == [2, 2, 2, 2, 9, 9, 6, 6, 0, 0, 0, 0]


def test_facts_have_musicgens_names():
    meta = {
        "origin": "midi",
        "bpm": 110.4,
        "key": 14,
        "genres": ["classical", "film"],
        "moods": [],
        "instruments": [0, 53, 128],
    }
    assert facts_of(meta) == {
        "key": "D minor",
        "bpm": "110",
        "genre": "classical, film",
        "instrument": f"{gm.name(0)}, {gm.name(53)}, drums",
    }
    assert facts_of({**meta, "key": -1})["bpm"] == "110" and "key" not in facts_of({"key": -1})
    assert facts_of({"origin": "recording", "rate": 44_100, "channels": 2, "tags": {}}) == {}


def test_examples_have_the_facts_of_their_clips(tmp_path: Any):
    data = Data()
    data.clips[1].meta = {"key": 0, "bpm": 90.0}
    clips, _ = made(tmp_path, data)
    assert clips[1].facts == {"key": "C major", "bpm": "90"} and clips[0].facts == {}
