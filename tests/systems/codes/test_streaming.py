"""Sound that comes while it is written: what it is, and that it does not wait for the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.models.audio.codec import stream  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.systems.codes.notes_system import CodeNotesSystem  # noqa: E402
from cantilena.systems.codes.system import MusicgenSystem  # noqa: E402
from cantilena.systems.karasinger.system import KaraSystem  # noqa: E402
from cantilena.systems.latent.system import LatentSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.systems.uniaudio.system import UniAudioSystem  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_codecs import tones  # noqa: E402
from tiny_karasinger import write_karasinger  # noqa: E402
from tiny_latent import write_latent  # noqa: E402
from tiny_pairs import write_pair  # noqa: E402
from tiny_uniaudio import write_uniaudio  # noqa: E402

SECONDS = 5.0
TEXT = {"condition": "text"}
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "musicgen": (MusicgenSystem, lambda folder: write_pair(folder, "text,roll"), TEXT),
    "latent": (LatentSystem, write_latent, {**TEXT, "steps": 2}),
    "karasinger": (KaraSystem, write_karasinger, {}),
    "uniaudio": (UniAudioSystem, write_uniaudio, TEXT),
}


class Counted:
    """A writing whose steps are counted."""

    def __init__(self, writing: Any):
        self.writing, self.count = writing, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writing, name)

    def steps(self) -> Iterator[tuple[int, int]]:
        for step in self.writing.steps():
            self.count += 1
            yield step


@pytest.mark.parametrize("name", KINDS)
def test_blocks_come_before_the_piece_is_done_and_are_the_piece(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kind, write, options = KINDS[name]
    system: Any = kind.load(write(tmp_path), "cpu")
    monkeypatch.setattr(stream, "WINDOW", 0.25)
    writings: list[Counted] = []
    make = system._writing

    def counted(piece: Any) -> Counted:
        writings.append(Counted(make(piece)))
        return writings[-1]

    monkeypatch.setattr(system, "_writing", counted)
    request = Request(Brief(seconds=SECONDS, text="ma moon am"), 3, options=options)
    blocks = system.blocks(request)
    first = next(blocks)
    before = writings[0].count
    sound = np.concatenate([first, *blocks]).T
    assert 0 < before < 0.7 * writings[0].count
    (result,) = system.compose([request])
    whole = result.audio.samples
    assert sound.shape == whole.shape == (len(whole), round(SECONDS * result.audio.rate))
    middle = slice(result.audio.rate // 4, result.audio.rate)
    for row, own in zip(sound, whole, strict=True):
        assert np.corrcoef(row[middle], own[middle])[0, 1] > 0.98


def test_a_song_without_a_length_is_streamed_to_its_end(tmp_path: Path):
    system = KaraSystem.load(write_karasinger(tmp_path), "cpu")
    request = Request(Brief(text="ma moon am"), 3)
    sound = np.concatenate(list(system.blocks(request)))
    assert len(sound) == system.compose([request])[0].audio.samples.shape[1]


def test_a_recording_is_streamed_as_loud_as_it_is(tmp_path: Path):
    system = LatentSystem.load(write_latent(tmp_path), "cpu")
    heard = {}
    for loud in (0.1, 1.0):
        audio = Audio(loud * tones(2.0, seed=1)[None], 16_000)
        brief = Brief(seconds=1.0, text="calm")
        request = Request(brief, 3, options={"steps": 2}, audio=audio)
        heard[loud] = np.concatenate(list(system.blocks(request)))
        assert len(heard[loud]) == 3 * system.rate
    np.testing.assert_allclose(10 * heard[0.1], heard[1.0], atol=2e-2)


def test_what_is_made_whole_comes_whole(tmp_path: Path):
    system = CodeNotesSystem.load(write_pair(tmp_path, "note", system="code-notes"), "cpu")
    score = Score.build(480, [Track("", 0)], [0, 480], [480, 480], [60, 64], [80, 80], [0, 0])
    request = Request(Brief(seconds=1.0), 3, score=score)
    (block,) = system.blocks(request)
    assert block.shape == (round(system.codec.sample_rate), 2) and np.abs(block).max() > 0
