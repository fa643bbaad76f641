"""MusicLM's words by a joint embedding that was trained before: a run of ``joint``, a ClapModel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
torch.set_num_threads(1)

from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.errors import CheckpointError, InputError, MissingWeightsError  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.models.audio.joint import Joint, JointConfig  # noqa: E402
from cantilena.models.saving import load_tensors  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import write_midi  # noqa: E402
from cantilena.systems.joint.checkpoint import load_joint, save_joint  # noqa: E402
from cantilena.systems.joint.quantising import fit_books  # noqa: E402
from cantilena.systems.musiclm.checkpoint import load_musiclm  # noqa: E402
from cantilena.systems.musiclm.joint_words import JointWords, open_clap  # noqa: E402
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_musiclm import SMALL, tiny_codec  # noqa: E402

TRAIN = ["train", "--system", "musiclm", "--data", "clips", "--codec", "codec", "--steps", "2"]
OWN = {"books", "card", "frame_rate", "latent"}
SIZES = {**SMALL, "semantic_seconds": 2.0, "word_steps": 2}
MORE = [p for k, v in SIZES.items() if k not in OWN for p in ("--option", f"{k}={v}")]
MORE += ["--batch", "2"]


def write_joint(
    folder: Path, seed: int = 0, books: bool = True, encoder: str = "hashed", width: int = 0
) -> Path:
    """A small joint embedding with random weights, and four tokens of eight values; ``width`` of
    the states of a text model, where one reads texts."""
    torch.manual_seed(seed)
    sizes = {"buckets": 64, "word_width": 5, "hidden": 8, "text_width": width}
    config = JointConfig(dim=6, width=8, layers=1, **sizes)
    state: dict[str, Any] = dict(Joint(config).state_dict())
    if books:
        rng = np.random.default_rng(seed)
        vectors = rng.standard_normal((2, 40, 6)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        state |= fit_books(vectors[0], vectors[1], books=4, card=8)
    save_joint(folder, state, config, {"seconds": 2.0, "text_encoder": encoder}, {"seed": 0})
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A folder with clips of songs, a codec, and a joint embedding."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "songs").mkdir()
    for split in ("train", "valid"):
        names = [f"{i}.mid" for i in range(999) if hashed_split(f"songs/{i}.mid") == split]
        for i, name in enumerate(names[:8]):
            onset = np.arange(64) * (120 + 60 * i)
            pitch = np.random.default_rng(int(name[:-4])).integers(48, 84, 64)
            rest = [np.full(64, value) for value in (100, 60 + 5 * i, 0)]
            tracks = [Track("", 12 * i)]
            score = Score.build(480, tracks, onset, rest[0], pitch, rest[1], rest[2])
            write_midi(score, folder / "songs" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        argv = ["data", "audio", "songs", "-o", "clips", "--seconds", "3", "--engine", "synth"]
        assert main([*argv, "--per-file", "1", "--quiet"]) == 0
        save_codec("codec", tiny_codec(), {})
    write_joint(folder / "joint")
    return folder


@pytest.fixture
def inside(here: Path, monkeypatch: Any) -> Path:
    monkeypatch.chdir(here)
    return here


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def asked(text: str, seed: int = 1, **options: Any) -> Request:
    return Request(Brief(text=text, seconds=1.0), seed, options=options)


def samples(system: MusicLmSystem, request: Request) -> np.ndarray:
    audio = system.compose([request])[0].audio
    assert audio is not None
    return audio.samples


def test_the_tokens_are_those_of_the_embedding_and_it_is_not_needed_any_more(
    inside: Path, capsys: Any, tmp_path: Path
):
    place = write_joint(tmp_path / "embedding")
    code, out, err = run(capsys, *TRAIN, "--out", "run", *MORE, "--option", f"words={place}")
    assert code == 0 and "words: those of" in out, err
    joint = load_joint(place)
    text = "calm harp in D minor"
    tokens, sound = joint.text_tokens(text), np.sin(np.arange(48_000) / 9).astype(np.float32)
    heard = joint.audio_tokens(sound, 16_000)
    shutil.rmtree(place)

    music = load_musiclm("run", device="cpu").music
    assert isinstance(music.words, JointWords)
    assert music.words.tokens_of_text([text, "loud"])[0].tolist() == tokens.tolist()
    vector = torch.from_numpy(music.words.sound_of(sound, 16_000)[None])
    assert music.words.tokens_of_sound(vector)[0].tolist() == heard.tolist()
    sums = music.words.states(torch.from_numpy(tokens[None])).sum(1)[0].numpy()
    np.testing.assert_allclose(sums / music.words.unit.item(), joint.decode(tokens), atol=1e-6)

    code, out, err = run(capsys, "evaluate", "stages", "--checkpoint", "run", "--data", "clips")
    assert code == 0 and "text told by the clip's own sound" in out, err
    assert run(capsys, "export", "run", "-o", "small")[0] == 0
    names = set(load_tensors(inside / "small" / "model.safetensors"))
    assert "music.words.joint.text.out.weight" in names
    assert not any(name.startswith("music.words.joint.audio") for name in names)
    whole, small = (MusicLmSystem.load(name, "cpu") for name in ("run", "small"))
    assert small.music.words.tokens_of_text([text])[0].tolist() == tokens.tolist()
    facts = small.compose([asked(text)])[0].facts
    assert facts["word_tokens"] == [tokens.tolist()]
    assert np.array_equal(samples(whole, asked(text)), samples(whole, asked(text)))
    assert not np.array_equal(samples(whole, asked(text)), samples(whole, asked("loud drums")))


def test_vectors_of_sound_are_kept_and_are_anew_for_another_embedding(inside: Path, capsys: Any):
    argv = [*TRAIN, *MORE, "--option", "stages=coarse"]
    code, out, _ = run(capsys, *argv, "--out", "one", "--option", "words=joint")
    assert code == 0 and "clips heard" in out
    code, out, _ = run(capsys, *argv, "--out", "two", "--option", "words=joint")
    assert code == 0 and "clips heard" not in out
    write_joint(inside / "other", seed=1)
    code, out, _ = run(capsys, *argv, "--out", "three", "--option", "words=other")
    assert code == 0 and "clips heard" in out


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "words=nowhere is neither a run of"),
        ("clips", "nor a ClapModel"),
        ("codec", "not 'joint'"),
        ("bare", "has no tokens; finish its training"),
    ],
)
def test_what_is_no_embedding_is_refused_before_anything_is_written(
    inside: Path, capsys: Any, place: str, message: str
):
    pytest.importorskip("transformers")
    write_joint(inside / "bare", books=False)
    code, _, err = run(capsys, *TRAIN, "--out", "x", *MORE, "--option", f"words={place}")
    assert code == 2 and message in err and err.count("\n") == 1, err
    assert not (inside / "x").exists()


def test_a_clap_model_is_named_and_another_is_refused(inside: Path, capsys: Any, tmp_path: Path):
    pytest.importorskip("transformers")
    from tiny_audio import write_clap

    place = write_clap(tmp_path / "clap")
    argv = [*TRAIN, *MORE, "--option", "stages=coarse", "--option", f"words={place}"]
    code, _, err = run(capsys, *argv, "--out", "tiny", "--option", "word_size=99")
    assert code == 2 and "tokens of 99 values cannot be learned over 4 clips" in err
    code, _, err = run(capsys, *argv, "--out", "claps")
    assert code == 0, err
    tensors = load_tensors(inside / "claps" / "model" / "model.safetensors")
    assert {name for name in tensors if name.startswith("music.words")} == {
        f"music.words.{name}" for name in ("books", "audio_mean", "text_mean", "unit")
    }
    config = json.loads(Path("claps/model/card.json").read_text())["model"]["music"]["words"]
    assert config["name"] == str(place) and config["fingerprint"] == open_clap(str(place))[1]

    system = MusicLmSystem.load("claps", "cpu")
    before = samples(system, asked("a slow sad waltz"))
    assert not np.array_equal(before, samples(system, asked("loud drums")))
    moved = tmp_path / "moved"
    shutil.move(place, moved)
    open_clap.cache_clear()
    with pytest.raises(MissingWeightsError, match=r"ClapModel .*cannot be opened; name its place"):
        system.run([asked("a slow sad waltz")])
    again = samples(system, asked("a slow sad waltz", words=str(moved)))
    assert np.array_equal(before, again)
    other = write_clap(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="is another"):
        system.run([asked("a slow sad waltz", words=str(other))])


def test_an_embedding_whose_texts_a_text_model_reads_names_that_model(
    inside: Path, capsys: Any, tmp_path: Path
):
    pytest.importorskip("transformers")
    import tiny_hf

    model = tiny_hf.bert()
    place = tiny_hf.saved(model, tmp_path / "bert", tiny_hf.tokenizer())
    write_joint(tmp_path / "read", encoder=str(place), width=model.config.hidden_size)
    argv = [*TRAIN, *MORE, "--option", "stages=coarse", "--out", "berts"]
    code, _, err = run(capsys, *argv, "--option", f"words={tmp_path / 'read'}")
    assert code == 0, err
    shutil.rmtree(tmp_path / "read")
    system = MusicLmSystem.load("berts", "cpu")
    one, two = (samples(system, asked(text)) for text in ("calm", "loud drums"))
    assert not np.array_equal(one, two)
    shutil.rmtree(place)
    with pytest.raises(CheckpointError, match="bert"):
        MusicLmSystem.load("berts", "cpu").run([asked("calm")])


def test_a_place_for_words_that_are_in_the_checkpoint_is_refused(inside: Path, capsys: Any):
    argv = [*TRAIN, *MORE, "--option", "stages=coarse", "--out", "own"]
    assert run(capsys, *argv)[0] == 0
    with pytest.raises(InputError, match="in its checkpoint"):
        MusicLmSystem.load("own", "cpu").run([asked("calm", words="joint")])
