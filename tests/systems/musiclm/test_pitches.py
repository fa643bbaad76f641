"""Pitch classes of a recording, as a part to it reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.musiclm import accompanying, pitches  # noqa: E402
from cantilena.systems.musiclm.examples import MusicBatches, MusicExample, stage_sums  # noqa: E402
from cantilena.systems.musiclm.model import MusicConfig  # noqa: E402
from cantilena.systems.musiclm.options import MusicOptions  # noqa: E402
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_musiclm import tiny_codec, tiny_music, write_musiclm  # noqa: E402

BASSIST = {"stages": "coarse,fine", "stem": "bass", "chroma": True}


def chords(*notes: tuple[float, ...], rate: int, seconds: float = 1.0) -> np.ndarray:
    """(n,) samples of sines, some together for ``seconds`` each; () is silence."""
    time = np.arange(round(seconds * rate)) / rate
    rows = [sum((np.sin(2 * np.pi * f * time) for f in own), 0 * time) for own in notes]
    return (0.1 * np.concatenate(rows)).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_each_moment_has_the_classes_that_sound_in_it(rate: int):
    heard = pitches.pitch_classes(
        chords((261.63, 392.0), (), (220.0, 440.0), rate=rate), rate
    )  # C and G, then nothing, then A
    assert heard.dtype == np.float32 and heard.shape[1] == 12
    rows = pitches.rows(heard, 50.0, 0, 160)
    assert rows.shape == (160, pitches.WIDTH) and (rows[:, 0] == 1).all()
    first, silent, last = (rows[frame, 1:] for frame in (25, 75, 125))
    assert set(np.flatnonzero(first > 0.5)) == {0, 7} and first.max() == 1
    assert not silent.any() and set(np.flatnonzero(last > 0.5)) == {9}
    assert not rows[155:, 1:].any()  # behind the end of three seconds
    assert np.array_equal(pitches.rows(heard, 50.0, 100, 120), rows[100:120])


def test_loudness_changes_nothing_and_silence_has_no_classes():
    sound = chords((261.63, 392.0), rate=16_000)
    loud, soft = (pitches.pitch_classes(sound * level, 16_000) for level in (1.0, 0.05))
    assert loud == pytest.approx(soft, abs=1e-4)
    assert not pitches.pitch_classes(np.zeros(16_000, np.float32), 16_000).any()


def test_stages_read_them_where_the_option_says_so(tmp_path: Path):
    codec = tiny_codec()
    music = tiny_music(codec, **BASSIST)
    for stage in ("coarse", "fine"):
        assert set(music.models[stage].config.conditions) >= {"text", "beat", "chroma", "given"}
    assert MusicConfig.from_dict(music.config.to_dict()) == music.config
    old = {k: v for k, v in music.config.to_dict().items() if k != "chroma"}
    assert not MusicConfig.from_dict(old).chroma  # checkpoints of before
    with pytest.raises(InputError, match="name the stem"):
        MusicOptions(chroma=True)


def test_what_is_written_follows_the_recording(tmp_path: Path):
    """Two recordings that differ in pitch are told apart by the condition, and a piece reads that
    of its own recording, under the noise of the training."""
    system = MusicLmSystem.load(write_musiclm(tmp_path / "x", noise=0.01, **BASSIST), "cpu")
    rows = []
    for hertz in (261.63, 220.0):
        audio = Audio(chords((hertz,), rate=16_000, seconds=2.0)[None], 16_000)
        request = system.completed(Request(Brief(), 1, audio=audio))
        wish = system._piece(request).writing.wish
        heard = accompanying.under_noise(accompanying.as_heard(audio, 16_000), 0.01)
        assert np.array_equal(wish.chroma, pitches.pitch_classes(heard, 16_000))
        rows.append(wish.chroma.mean(0).argmax())
        assert system.compose([request])[0].audio.seconds == 2.0
    assert rows == [0, 9]


def test_another_clips_classes_change_what_is_lost():
    codec = tiny_codec()
    music = tiny_music(codec, **BASSIST)
    rng = np.random.default_rng(0)
    examples = [
        MusicExample(
            rng.integers(16, size=(3, 60)),
            np.zeros((1, 0)),
            ("calm",),
            (),
            rng.normal(size=24).astype(np.float32),
            f"song {i}",
            recording=rng.integers(16, size=(3, 60)),
            chroma=np.roll(np.eye(12, dtype=np.float32)[np.zeros(60, int)], i, axis=1),
        )
        for i in range(4)
    ]
    (batch,) = MusicBatches(examples, music).fixed(4)
    with torch.no_grad():
        losses = stage_sums(music, batch)
    sums = {name: float(row[0] / row[1]) for name, row in losses.items()}
    own, other, none = (sums[f"coarse{end}"] for end in ("", ", other chroma", ", no chroma"))
    assert len({own, other, none}) == 3
