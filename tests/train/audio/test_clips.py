"""Cuts of clips: the same for a seed and a step, each clip once an epoch, and where they are."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.data.audio.clips import to_pcm
from cantilena.errors import InputError
from cantilena.train.audio.clips import Cuts
from tiny_codecs import FakeClip, FakeClips


def ramps(*lengths: int) -> FakeClips:
    """Clips whose samples count from 1, 1,001, 2,001 ... up."""
    return FakeClips(
        [np.arange(1, n + 1, dtype=np.float32) + 1_000 * i for i, n in enumerate(lengths)]
    )


def test_a_batch_depends_on_seed_and_step_alone():
    cuts = Cuts(ramps(100, 40, 60), 1, 8)
    one = cuts.draw(3, 5, 4)["audio"]
    assert one.shape == (4, 1, 8) and np.array_equal(one, cuts.draw(3, 5, 4)["audio"])
    assert not np.array_equal(one, cuts.draw(3, 6, 4)["audio"])
    assert not np.array_equal(one, cuts.draw(4, 5, 4)["audio"])


def test_each_clip_is_cut_once_an_epoch_somewhere_within():
    cuts = Cuts(ramps(300, 100, 50, 20, 9), 1, 8)
    firsts = []
    for epoch in range(30):
        drawn = cuts.draw(0, epoch, 5)["audio"][:, 0]
        assert (np.diff(drawn, axis=1) == 1).all()
        assert sorted((drawn[:, 0] // 1_000).astype(int).tolist()) == [0, 1, 2, 3, 4]
        firsts.append(drawn[drawn[:, 0] < 1_000][0, 0])
    assert 1 <= min(firsts) < 60 and 230 < max(firsts) <= 293


def test_short_clips_end_in_silence_and_quiet_cuts_are_made_again():
    assert Cuts(ramps(3), 2, 5).draw(0, 0, 1)["audio"].tolist() == [[[1, 2, 3, 0, 0]] * 2]
    sound = np.zeros(1_000, np.float32)
    sound[500:] = 1
    drawn = Cuts(FakeClips([sound]), 1, 10).draw(0, 0, 64)["audio"]
    assert (np.abs(drawn).max((1, 2)) > 0).mean() > 0.85
    assert not Cuts(FakeClips([0 * sound]), 1, 10).draw(0, 0, 2)["audio"].any()


def test_validation_is_of_the_middles():
    batches = Cuts(ramps(11, 5, 2), 1, 3).fixed(2)
    assert [b["audio"].tolist() for b in batches] == [
        [[[5, 6, 7]], [[1_002, 1_003, 1_004]]],
        [[[2_001, 2_002, 0]]],
    ]
    assert len(Cuts(ramps(*[5] * 9), 1, 3).fixed(4, limit=4)) == 1


def test_left_and_right_are_cut_at_one_place():
    class Stereo(FakeClip):
        def heard(self, channels: int) -> np.ndarray:
            return np.stack([self.samples, -self.samples]) if channels == 2 else self.samples[None]

    clips = ramps(300)
    clips.clip = lambda i: Stereo(clips.sounds[i])  # type: ignore[method-assign]
    left, right = Cuts(clips, 2, 8).draw(0, 0, 1)["audio"][0]
    assert np.array_equal(left, -right) and left.any()


def test_some_rows_are_a_stem_that_sounds_alone():
    mix, low, high = (np.full(30, level, np.float32) for level in (0.5, 0.25, 0.125))
    parts = {"bass": low, "melody": high, "drums": np.zeros(30, np.float32)}

    class Parted(FakeClip):
        stems = {name: to_pcm(own) for name, own in parts.items()}  # noqa: RUF012

    clips = FakeClips([mix])
    clips.clip = lambda i: Parted(clips.sounds[i])  # type: ignore[method-assign]
    cuts = Cuts(clips, 2, 8, stems=0.5)
    drawn = cuts.draw(0, 0, 400)["audio"]
    assert np.array_equal(drawn, cuts.draw(0, 0, 400)["audio"])
    levels, counts = np.unique(drawn[:, :, 0], return_counts=True)
    assert levels.tolist() == [0.125, 0.25, 0.5]  # never the silent one
    assert counts / 800 == pytest.approx([0.25, 0.25, 0.5], abs=0.06)
    assert (Cuts(clips, 1, 8).draw(0, 0, 40)["audio"] == 0.5).all()
    assert (cuts.fixed(1)[0]["audio"] == 0.5).all()  # held out is the mix


def test_a_clip_of_silent_stems_is_heard_whole():
    clips = FakeClips([np.ones(9, np.float32)])
    silent = {"bass": np.zeros(9, np.int16)}
    clips.clip = lambda i: Silent(clips.sounds[i])  # type: ignore[method-assign]

    class Silent(FakeClip):
        stems = silent

    assert (Cuts(clips, 1, 4, stems=1.0).draw(0, 0, 8)["audio"] == 1).all()


def test_stems_of_clips_that_have_none_are_refused():
    with pytest.raises(InputError, match="no stems; make them with 'data audio --stems'"):
        Cuts(ramps(5), 1, 2, stems=0.5)


def test_no_length_is_refused():
    with pytest.raises(InputError, match="must have a length"):
        Cuts(ramps(5), 1, 0)
