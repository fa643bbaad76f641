"""The best of several sounds by their likeness to the text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.audio.joint import Joint, JointConfig  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.systems.codes.judging import judge, seed_of  # noqa: E402
from cantilena.systems.codes.system import MusicgenSystem  # noqa: E402
from cantilena.systems.joint.checkpoint import save_joint  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_pairs import write_pair  # noqa: E402


@pytest.fixture
def place(tmp_path) -> str:
    torch.manual_seed(0)
    model = Joint(JointConfig(dim=8, width=8, layers=1, buckets=64, word_width=6, hidden=8))
    about = {"seconds": 1.0, "text_encoder": "hashed"}
    return str(save_joint(tmp_path / "joint", model.state_dict(), model.config, about, {}))


def of_three(system, text: str, place: str, score: Score | None = None, **options):
    """The best of three sounds of a second, and the likeness to the text of each written alone."""
    sampling = replace(system.sampling, best_of=3)
    brief = Brief(seconds=1.0, text=text)
    how = Request(brief, 7, sampling, options={**options, "joint": place}, score=score)
    (result,) = system.compose([how])
    joint, likeness = judge(place), []
    for number in range(3):
        plain = Request(brief, seed_of(7, number), sampling, options=options, score=score)
        (one,) = system.compose([plain])
        vector = joint.of_sound(one.audio.samples.mean(0), one.audio.rate)
        likeness.append(joint.likeness(vector, joint.embed_texts([text])[0]))
    return result, likeness


def test_stages_and_diffusions_keep_the_sound_most_like_the_text_too(tmp_path, place):
    from cantilena.systems.latent.system import LatentSystem
    from cantilena.systems.musiclm.system import MusicLmSystem
    from cantilena.systems.uniaudio.system import UniAudioSystem
    from tiny_latent import write_latent
    from tiny_musiclm import write_musiclm
    from tiny_uniaudio import write_uniaudio

    led = {"condition": "text", "steps": 3}
    systems = (
        (LatentSystem.load(write_latent(tmp_path / "latent"), "cpu"), led),
        (MusicLmSystem.load(write_musiclm(tmp_path / "music"), "cpu"), {}),
        (UniAudioSystem.load(write_uniaudio(tmp_path / "uni"), "cpu"), {"condition": "text"}),
    )
    for system, options in systems:
        result, likeness = of_three(system, "calm harp", place, **options)
        assert result.rows[-1].wish == "sound" and len(set(likeness)) == 3
        assert result.rows[-1].score == pytest.approx(max(likeness), abs=1e-4)
        assert result.facts["judged_by"] == judge(place).identity
        with pytest.raises(CheckpointError):
            system.compose([Request(Brief(seconds=1.0), 7, options={**options, "joint": "none"})])


def test_notes_that_a_model_wrote_are_judged_too(tmp_path, place):
    from cantilena.systems.codes.notes_system import CodeNotesSystem

    system = CodeNotesSystem.load(write_pair(tmp_path, "note", system="code-notes"), "cpu")
    score = Score.build(480, [Track("", 0)], [0, 480], [480, 480], [60, 64], [80, 80], [0, 0])
    result, likeness = of_three(system, "slow piano", place, score)
    assert len(set(likeness)) == 3
    assert result.rows[-1].score == pytest.approx(max(likeness), abs=1e-4)
    assert result.facts["judged_by"] == judge(place).identity


def test_what_follows_a_recording_is_judged_too(tmp_path, place):
    from cantilena.systems.uniaudio.system import UniAudioSystem
    from tiny_codecs import tones
    from tiny_uniaudio import write_uniaudio

    system = UniAudioSystem.load(write_uniaudio(tmp_path), "cpu")
    audio = Audio(tones(1.0)[None], 16_000)
    sampling = replace(system.sampling, best_of=3)
    brief = Brief(seconds=1.0, text="calm harp")
    request = Request(brief, 7, sampling, options={"joint": place}, audio=audio)
    (result,) = system.compose([request])
    alone = []
    for number in range(3):
        plain = replace(request, seed=seed_of(7, number), options={})
        (one,) = system.compose([plain])
        vector = judge(place).of_sound(one.audio.samples.mean(0), one.audio.rate)
        alone.append(judge(place).likeness(vector, judge(place).embed_texts(["calm harp"])[0]))
    assert len(set(alone)) == 3 and result.rows[-1].score == pytest.approx(max(alone), abs=1e-4)
    assert result.facts["judged_by"] == judge(place).identity


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


def test_sounds_of_one_score_have_it_composed_once(tmp_path, place, monkeypatch):
    system = MusicgenSystem.load(write_pair(tmp_path, "text,roll"), "cpu")
    composed = []
    run = system.notes.run

    def counting(requests):
        composed.extend(requests)
        return run(requests)

    monkeypatch.setattr(system.notes, "run", counting)
    brief, sampling = Brief(seconds=2.0, text="calm harp"), replace(system.sampling, best_of=3)
    request = Request(brief, 7, sampling, options={"joint": place})
    (result,) = system.compose([request])
    assert len(composed) == 1
    alone = []
    for number in range(3):  # given the Score, so that each is written by itself
        how = Request(brief, seed_of(7, number), sampling, score=result.score)
        (one,) = system.compose([how])
        vector = judge(place).of_sound(one.audio.samples.mean(0), one.audio.rate)
        alone.append(
            (judge(place).likeness(vector, judge(place).embed_texts([brief.text])[0]), one)
        )
    assert len({likeness for likeness, _ in alone}) > 1
    likeness, kept = max(alone, key=lambda pair: pair[0])
    assert result.rows[-1].score == pytest.approx(likeness)
    assert np.array_equal(result.audio.samples, kept.audio.samples)
