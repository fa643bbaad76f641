"""Joint embeddings as a user trains, loads and measures them, and their tokens."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.evaluate.sound.retrieval import by_caption, by_word, ranking  # noqa: E402
from cantilena.models.audio.joint import Joint, JointConfig  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import write_midi  # noqa: E402
from cantilena.systems.joint.checkpoint import load_joint, save_joint  # noqa: E402
from cantilena.systems.joint.quantising import fit_books  # noqa: E402
from cantilena.text.facts import Facts  # noqa: E402

SMALL = ["dim=8", "width=8", "layers=1", "buckets=64", "word_width=6", "hidden=8", "seconds=2"]
OPTIONS = [part for option in [*SMALL, "books=3", "card=4"] for part in ("--option", option)]
TRAIN = ["train", "--system", "joint", "--data", "clips", "--out", "run", "--batch", "4"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A data set of clips of twelve pieces, four of a split."""
    here = tmp_path_factory.mktemp("joint")
    (here / "songs").mkdir()
    for split in ("train", "valid", "test"):
        names = [f"{i}.mid" for i in range(999) if hashed_split(f"songs/{i}.mid") == split]
        for i, name in enumerate(names[:5]):
            onset = np.arange(64) * (120 + 60 * i)
            pitch = np.random.default_rng(int(name[:-4])).integers(48, 84, 64)
            rest = [np.full(64, value) for value in (100, 60 + 10 * i, 0)]
            score = Score.build(480, [Track("", 20 * i)], onset, rest[0], pitch, rest[1], rest[2])
            write_midi(score, here / "songs" / name)
    argv = ["data", "audio", str(here / "songs"), "-o", str(here / "clips"), "--seconds", "3"]
    assert main([*argv, "--per-file", "1", "--engine", "synth", "--quiet"]) == 0
    return here


@pytest.fixture
def here(clips, monkeypatch):
    monkeypatch.chdir(clips)
    return clips


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def test_clips_become_an_embedding_with_tokens(here, capsys):
    code, out, err = run(capsys, *TRAIN, "--steps", "3", *OPTIONS)
    assert code == 0, err
    assert "held out" in out and "3 tokens of 4 values" in out
    joint = load_joint("run")
    sound = np.random.default_rng(0).normal(size=50_000).astype(np.float32) / 9
    for tokens in (joint.text_tokens("calm harp"), joint.audio_tokens(sound)):
        assert tokens.shape == (3,) and tokens.dtype == np.int64
        assert 0 <= tokens.min() <= tokens.max() < joint.card == 4
    assert np.array_equal(
        joint.text_tokens("calm harp"), load_joint("run").text_tokens("calm harp")
    )
    code, out, err = run(capsys, *TRAIN, "--steps", "4", *OPTIONS)
    assert code == 0 and "mel bands" not in out, err
    argv = ["evaluate", "retrieval", "--data", "clips", "--checkpoint", "run", "-o", "figures"]
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    assert "| text to sound |" in out
    figures = json.loads((here / "figures" / "retrieval.json").read_text())
    assert 2 <= figures["clips"] == figures["songs"] <= 5
    assert (here / "figures" / "retrieval.md").read_text().strip() == out.strip()


def test_a_tower_of_statistics_is_trained_and_measured(here, capsys):
    sizes = ["dim=8", "width=8", "buckets=64", "word_width=6", "hidden=8", "seconds=3", "card=4"]
    options = [part for option in sizes for part in ("--option", option)]
    argv = [*TRAIN[:-3], "small", "--recipe", "joint-statistics", "--batch", "4", "--steps", "3"]
    code, out, err = run(capsys, *argv, *options)
    assert code == 0, err
    assert "12 tokens of 4 values" in out
    assert load_joint("small").dim == 8
    argv = ["evaluate", "retrieval", "--data", "clips", "--checkpoint", "small", "-o", "figures"]
    code, out, err = run(capsys, *argv)
    assert code == 0 and "| text to sound |" in out, err


def test_what_is_written_of_a_moved_clip_is_moved_too(here):
    from cantilena.data.audio.reader import AudioData
    from cantilena.systems.joint.examples import JointClips, Pairs, Variety, reader

    clips = JointClips(AudioData("clips", "train", stems=False))
    for whole in (True, False):
        pairs = Pairs(clips, reader(64), 2.0, Variety(0.0, 0.25, True), whole)
        texts = {pairs.pair(0, np.random.default_rng(seed))[1] for seed in range(60)}
        keys = {
            k for k in ("C m", "D m", "E m", "F m", "G m", "A m", "B m") for t in texts if k in t
        }
        assert len(keys) >= 4, texts
        still = Pairs(clips, reader(64), 2.0, Variety(), whole)
        (one, _), (other, _) = (still.pair(0, np.random.default_rng(s)) for s in (1, 2))
        assert whole == np.array_equal(one, other)
        again = [pairs.draw(3, 1, 4) for _ in range(2)]
        assert all(np.array_equal(again[0][k], again[1][k]) for k in again[0])


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ([*TRAIN, "--notes", "5"], "--notes is not an option of"),
        ([*TRAIN, "--codec", "x"], "--codec is not an option of"),
        ([*TRAIN, "--recipe", "opera"], "opera"),
        ([*TRAIN, "--option", "breadth=3"], "no option 'breadth'"),
        ([*TRAIN, "--option", "loss=other"], "clap, mulan"),
        ([*TRAIN, "--option", "tower=ear"], "convolutions, statistics"),
        ([*TRAIN[:-1], "1", "--steps", "1"], "batches of 2 on"),
        (["evaluate", "retrieval", "--data", "clips"], "say what is measured"),
        (["evaluate", "retrieval", "--data", "clips", "--checkpoint", "none"], "none"),
    ],
)
def test_what_cannot_be(here, capsys, argv, problem):
    code, _, err = run(capsys, *argv)
    assert code in (1, 2)
    assert problem in err and len(err.splitlines()) == 1


def test_a_damaged_checkpoint_is_refused(tmp_path):
    model = Joint(JointConfig(dim=8, width=8, layers=1, buckets=64, word_width=6, hidden=8))
    about = {"seconds": 1.0, "text_encoder": "hashed"}
    weights = model.state_dict()
    weights.pop("audio.out.weight")
    save_joint(tmp_path / "joint", weights, model.config, about, {})
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_joint(tmp_path / "joint")


def test_books_tell_vectors_apart_and_more_of_them_come_nearer(tmp_path):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 8))
    which = rng.integers(6, size=400)
    audio, text = (
        centres[which] + 0.1 * rng.normal(size=(400, 8)) + shift for shift in (5.0, -5.0)
    )
    weights = fit_books(audio, text, books=3, card=6)
    assert weights["books"].shape == (3, 6, 8)
    model = Joint(JointConfig(dim=8, width=8, layers=1, buckets=64, word_width=6, hidden=8))
    about = {"seconds": 1.0, "text_encoder": "hashed"}
    state = {**model.state_dict(), **weights}
    joint = load_joint(save_joint(tmp_path / "joint", state, model.config, about, {}, bits=32))
    sounds = np.stack([joint.tokens(row, "audio") for row in audio])
    texts = np.stack([joint.tokens(row, "text") for row in text])
    assert (sounds[:, 0] == texts[:, 0]).mean() > 0.8  # the means of their kinds are taken off
    rest = audio - joint.weights["audio_mean"]
    errors = [
        np.mean(
            [np.square(r - joint.decode(s[:k])).sum() for r, s in zip(rest, sounds, strict=True)]
        )
        for k in (1, 2, 3)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert joint.likeness(audio[0], text[0]) == pytest.approx(0.5, abs=0.5)
    small = save_joint(tmp_path / "small", state, model.config, about, {}, bits=8)
    again = load_joint(small)
    for name, value in joint.weights.items():
        assert np.abs(value - again.weights[name]).max() <= 0.01 * np.abs(value).max()
    few = fit_books(audio[:3], text[:3], books=2, card=64)
    assert few["books"].shape == (2, 3, 8)


def test_ranks_on_a_matrix_made_by_hand():
    scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.2], [0.3, 0.8, 0.4]])
    figures = ranking(scores, np.eye(3, dtype=bool))
    assert figures.r1 == pytest.approx(1 / 3)  # of equal scores its own comes last
    assert figures.median == 2
    assert figures.map10 == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)
    assert figures.r10 == 1
    assert figures.chance["r1"] == pytest.approx(1 / 3, abs=0.2)
    with pytest.raises(InputError, match="wants nothing"):
        ranking(scores, np.zeros((3, 3), dtype=bool))
    with pytest.raises(InputError, match="do not fit"):
        ranking(scores, np.eye(2, dtype=bool))


def test_a_duplicate_of_a_caption_counts_as_it():
    audio = np.array([[1.0, 0.0], [0.0, 1.0]])
    crossed = audio[::-1]
    assert by_caption(audio, crossed, ["a", "b"])["text to sound"]["r1"] == 0
    assert by_caption(audio, crossed, ["a", "a"])["text to sound"]["r1"] == 1


def test_words_want_all_that_they_are_true_of():
    facts = [
        Facts(None, (4, 4), 60.0 if i < 8 else 140.0, (0 if i % 2 else 46,)) for i in range(16)
    ]
    audio = np.stack([[f.instruments[0] == 0, f.bpm > 100] for f in facts]).astype(float) + 1e-3
    vectors = {"piano": (1.0, 0.0), "harp": (-1.0, 0.0), "slow": (0.0, -1.0), "fast": (0.0, 1.0)}
    rows = by_word(audio, lambda words: np.array([vectors[w] for w in words]), facts)
    assert set(rows) == {"instrument", "tempo"}
    assert rows["instrument"]["words"] == ["piano", "harp"]
    assert rows["instrument"]["map10"] == rows["tempo"]["map10"] == 1
    assert rows["tempo"]["chance"]["r1"] < 0.9


def test_search_hears_what_an_embedding_hears(here, tmp_path, monkeypatch):
    from cantilena.audio.wav import write_wav
    from cantilena.search import Cache, search

    model = Joint(JointConfig(dim=8, width=8, layers=1, buckets=64, word_width=6, hidden=8))
    about = {"seconds": 1.0, "text_encoder": "hashed"}
    joint = load_joint(save_joint(tmp_path / "joint", model.state_dict(), model.config, about, {}))
    rng = np.random.default_rng(0)
    for i, slope in enumerate((0.0, 0.9)):
        noise = rng.normal(size=32_000) / 9
        for n in range(1, len(noise)):
            noise[n] += slope * noise[n - 1]
        write_wav(noise[:, None].astype(np.float32) / 3, 16_000, tmp_path / f"{i}.wav")
    cache = Cache(joint.identity, tmp_path / "cache")
    text = "zzyzx"  # which asks for nothing that is measured
    hits = {hit.file[-5]: hit for hit in search(text, tmp_path, joint=joint, cache=cache)}
    vectors = [cache.get(path.stem).vector for path in cache.folder.rglob("*.json")]
    assert len(vectors) == 2 and all(len(v) == 8 for v in vectors)
    own = joint.embed_texts([text])[0]
    likeness = sorted(joint.likeness(np.array(v), own) for v in vectors)
    assert sorted(hit.wishes["sound"] for hit in hits.values()) == pytest.approx(likeness, abs=1e-3)
