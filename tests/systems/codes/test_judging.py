"""The best of several sounds by their likeness to the text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.audio.joint import Joint, JointConfig  # noqa: E402
from cantilena.systems.codes.judging import judge, seed_of  # noqa: E402
from cantilena.systems.codes.system import MusicgenSystem  # noqa: E402
from cantilena.systems.joint.checkpoint import save_joint  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_pairs import write_pair  # noqa: E402


def test_of_several_sounds_the_one_most_like_the_text_is_kept(tmp_path):
    torch.manual_seed(0)
    model = Joint(JointConfig(dim=8, width=8, layers=1, buckets=64, word_width=6, hidden=8))
    about = {"seconds": 1.0, "text_encoder": "hashed"}
    place = str(save_joint(tmp_path / "joint", model.state_dict(), model.config, about, {}))
    system = MusicgenSystem.load(write_pair(tmp_path, "text,roll"), "cpu")
    brief = Brief(seconds=1.0, text="slow sad waltz")
    options = {"condition": "text", "joint": place}
    sampling = replace(system.sampling, best_of=3)
    (result,) = system.compose([Request(brief, 7, sampling, options=options)])
    row = result.rows[-1]
    assert row.wish == "sound" and row.met is None and 0 <= row.score <= 1
    assert result.facts["judged_by"] == judge(place).identity
    alone = []
    for number in range(3):
        plain = Request(brief, seed_of(7, number), sampling, options={"condition": "text"})
        (one,) = system.compose([plain])
        joint = judge(place)
        vector = joint.of_sound(one.audio.samples.mean(0), one.audio.rate)
        alone.append((joint.likeness(vector, joint.embed_texts([brief.text])[0]), one))
    assert len({likeness for likeness, _ in alone}) == 3
    best, kept = max(alone, key=lambda pair: pair[0])
    assert row.score == pytest.approx(best)
    assert np.array_equal(result.audio.samples, kept.audio.samples)
    with pytest.raises(CheckpointError):
        options = {"condition": "text", "joint": "none"}
        system.compose([Request(brief, 7, options=options)])
