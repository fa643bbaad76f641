"""``train --system musiclm``: from clips to stages that compose; the table, accompaniment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.audio.wav import parse_wav, write_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.systems.musiclm.accompanying import read_recording  # noqa: E402
from cantilena.systems.musiclm.checkpoint import load_musiclm  # noqa: E402
from cantilena.train.audio.musiclm import features_of, halves, rest_of  # noqa: E402
from tiny_codecs import tones  # noqa: E402
from tiny_musiclm import SMALL, tiny_codec, write_musiclm  # noqa: E402

TRAIN = ["train", "--system", "musiclm", "--data", "clips", "--out", "run", "--codec", "codec"]
RATE = 22_050
OWN = {"books", "card", "frame_rate", "latent"}


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A folder with clips of recordings and a codec."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "sounds").mkdir()
    for split in ("train", "valid"):  # by the hash of their names
        names = [f"{i}.wav" for i in range(99) if hashed_split(f"sounds/{i}.wav") == split]
        for i, name in enumerate(names[:3]):
            write_wav(tones(5.0, seed=i), 16_000, folder / "sounds" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["data", "audio", "sounds", "-o", "clips", "--seconds", "5", "--quiet"]) == 0
        save_codec("codec", tiny_codec(), {})
    return folder


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def test_clips_become_stages_that_compose(here: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(here)
    sizes = {**SMALL, "word_steps": 3, "semantic_seconds": 2.0}
    more = [p for k, v in sizes.items() if k not in OWN for p in ("--option", f"{k}={v}")]
    code, out, err = run(capsys, *TRAIN, "--steps", "2", "--batch", "2", *more)
    assert code == 0, err
    assert "semantic, bigram: " in out and "coarse, other semantic" in out
    code, out, err = run(capsys, *TRAIN, "--steps", "3")  # goes on, and fits nothing again
    assert code == 0 and "words: " not in out, err
    card = json.loads((here / "run" / "model" / "card.json").read_text())
    assert card["training"]["steps"] == 3 and card["figures"]["fine, no coarse"] > 0
    assert card["model"]["fingerprint"] == tiny_codec().fingerprint()

    code, out, err = run(capsys, "evaluate", "stages", "--checkpoint", "run", "--data", "clips")
    assert code == 0, err
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert table[0] == "| held out, nats a token | semantic | coarse | fine |"
    rows = {row.split(" | ")[0].strip("| "): row.split(" | ")[1:] for row in table[2:]}
    assert rows["another clip's tokens of the stage before"][0] == "-"
    assert float(rows["under what belongs to it"][1]) == pytest.approx(
        card["figures"]["coarse"], abs=2e-3
    )

    code, out, err = run(capsys, "export", "run", "-o", "small")
    assert code == 0 and not load_musiclm("small", device="cpu").whole, err
    code, _, err = run(capsys, "evaluate", "stages", "--checkpoint", "small", "--data", "clips")
    assert code == 2 and "lacks what reads sound" in err
    code, _, err = run(
        capsys, "compose", "calm", "--system", "musiclm", "--checkpoint", "small",
        "--seconds", "1", "--formats", "wav", "-o", "out", "--quiet",
    )  # fmt: skip
    assert code == 0 and (here / "out" / "calm.wav").is_file(), err


def test_what_cannot_be_trained_is_said(here: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(here)
    for option, message in {
        "stages=fine": "in this order, with coarse",
        "stages=coarse,loud": "no stage 'loud'",
        "coarse_books=3": "none is left for the fine stage",
        "stem=drums": "without a semantic stage",
        "melody=loud": "no stage 'loud' to read a tune",
        "semantic_seconds=60": "no clip is as long as a window of the stage 'semantic', 60 s",
    }.items():
        code, _, err = run(
            capsys, *TRAIN[:-4], "--out", "other", "--codec", "codec", "--option", option,
            "--option", "word_steps=1", "--option", "word_size=2", "--option", "semantic_size=8",
        )  # fmt: skip
        assert code == 2 and message in err, (option, err)


def test_tunes_of_clips_are_learned_and_told_apart(here: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(here)
    sizes = {**SMALL, "word_steps": 2, "semantic_seconds": 2.0}
    more = [p for k, v in sizes.items() if k not in OWN for p in ("--option", f"{k}={v}")]
    argv = [*TRAIN[:4], "clips", "--codec", "codec", "--out", "led", "--steps", "2", "--batch", "2"]
    code, out, err = run(capsys, *argv, "--recipe", "musiclm-melody", *more)
    assert code == 0 and "tunes: of 3 of 3 clips" in out, err  # heard, as there are no notes
    assert load_musiclm("led", device="cpu").music.config.melody == ("semantic", "coarse")
    code, out, err = run(capsys, "evaluate", "stages", "--checkpoint", "led", "--data", "clips")
    assert code == 0, err
    rows = {row.split(" | ")[0].strip("| "): row.split(" | ")[1:] for row in out.splitlines()}
    own, other = rows["under what belongs to it"], rows["tune of another clip"]
    assert other[2].strip(" |") == "-" and other[:2] != own[:2] != rows["no tune"][:2]


# ------------------------------------------------------------------ accompaniment


def read_pcm(path: str) -> np.ndarray:
    """(n, channels) whole numbers of a 16-bit file."""
    samples, rate = parse_wav(Path(path).read_bytes())
    assert rate == RATE
    return np.rint(samples * 32_768).astype(int)


def test_a_recording_gets_a_part(tmp_path: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    write_musiclm(tmp_path / "drummer", stages="coarse,fine", stem="drums")
    song = np.stack([tones(2.5), tones(2.5, seed=1)], axis=1)
    write_wav(song, RATE, "song.wav")
    command = ["accompany", "song.wav", "--with", "drums", "--checkpoint", "drummer", "--seed", "3"]
    assert main([*command, "-o", "out", "--formats", "wav,json", "--quiet"]) == 0
    # its JSON is small, however long the song is
    assert Path("out/song-accompanied.json").stat().st_size < Path("song.wav").stat().st_size / 5
    assert main([*command, "-o", "part", "--alone", "--formats", "wav", "--quiet"]) == 0
    assert [p.name for p in Path("part").iterdir()] == ["song-accompanied.wav"]
    source = read_pcm("song.wav")
    both, stem, alone = (
        read_pcm(path)
        for path in (
            "out/song-accompanied.wav",
            "out/song-accompanied.drums.wav",
            "part/song-accompanied.wav",
        )
    )
    assert np.array_equal(both - stem, source) and np.array_equal(stem, alone)
    assert stem.shape == source.shape and np.abs(stem).max() > 0
    assert not Path("part/song-accompanied.drums.wav").exists()
    replay = ["compose", "--replay", "out/song-accompanied.json", "--checkpoint", "drummer"]
    assert main([*replay, "-o", "again", "--formats", "wav", "--quiet"]) == 0
    for name in ("song-accompanied.wav", "song-accompanied.drums.wav"):
        assert Path("out", name).read_bytes() == Path("again", name).read_bytes()
    old = json.loads(Path("out/song-accompanied.json").read_text())  # one that holds its recording
    old["request"]["audio"] = read_recording("song.wav").to_dict()
    Path("old.json").write_text(json.dumps(old))
    embedded = ["compose", "--replay", "old.json", "--checkpoint", "drummer", "-o", "again"]
    assert main([*embedded, "--name", "old", "--formats", "wav", "--quiet"]) == 0
    assert Path("again/old.wav").read_bytes() == Path("again/song-accompanied.wav").read_bytes()
    (kept,) = Path("out").glob("recording-*.wav")
    kept.write_bytes(kept.read_bytes()[:-2] + b"\1\1")
    code, _, err = run(capsys, *replay, "-o", "x")
    assert code == 2 and f"'out/{kept.name}' is not the recording that the piece was" in err
    kept.unlink()
    code, _, err = run(capsys, *replay, "-o", "x")
    assert code == 2 and f"there is no file 'out/{kept.name}', the recording" in err
    for argv, message in {
        ("--with", "bass"): "writes drums, not 'bass'",
        ("--key", "C"): "--key is of MIDI files",
        ("--system", "aligned"): "--system is of MIDI files",
        ("--engine", "synth"): "--engine sounds notes",
        ("--checkpoint", "./nowhere"): "no checkpoint",
    }.items():
        code, _, err = run(capsys, *command, *argv, "-o", "x")
        assert code == 2 and message in err, err
    code, _, err = run(capsys, *command, "-o", "both", "--formats", "wav,mid", "--quiet")
    assert code == 2 and "no mid was written" in err and Path("both/song-accompanied.wav").exists()
    code, _, err = run(capsys, "compose", "calm", "--checkpoint", "drummer", "--seconds", "1")
    assert code == 2 and "writes drums to a recording; give one" in err
    code, _, err = run(capsys, "accompany", "song.wav", "--with", "drums")
    assert code == 2 and "drums-for-a-rest" in err
    code, _, err = run(capsys, "accompany", "song.wav", "--with", "bass")
    assert code == 2 and "bass-for-a-rest" in err
    assert not (tmp_path / "x").exists()


class Rendered:
    id = "a#0"
    stems = {  # noqa: RUF012
        "drums": np.full(8, 3_276, dtype=np.int16),
        "bass": np.full(8, 6_553, dtype=np.int16),
        "other": np.full(8, 3_276, dtype=np.int16),
    }
    samples = np.full(8, 0.4, dtype=np.float32)


def test_the_rest_is_all_but_the_stem_under_noise():
    assert rest_of(Rendered(), "drums", 0.0) == pytest.approx(np.full(8, 0.3), abs=1e-3)
    noisy = rest_of(Rendered(), "drums", 0.1)
    assert 0.02 < np.std(noisy) < 0.3 and np.array_equal(noisy, rest_of(Rendered(), "drums", 0.1))
    assert rest_of(Rendered(), "", 0.1) is Rendered.samples
    leaking = rest_of(Rendered(), "drums", 0.0, leak=0.5)
    assert leaking == pytest.approx(np.full(8, 0.35), abs=1e-3)


def test_features_tell_level_spread_and_movement():
    latents = np.array([[0.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    assert features_of(latents).tolist() == [1, 1, 1, 0, 2, 0]
    assert [half.shape for half in halves(latents)] == [(2, 2), (2, 2)]
    assert len(halves(latents[:, :1])) == 2


# ------------------------------------------------------------------ tokens of a network


def test_semantic_tokens_of_a_network_are_learned_and_composing_needs_it_no_more(
    here: Path, capsys: Any, monkeypatch: Any, tmp_path: Path
):
    pytest.importorskip("transformers")
    from cantilena.models.audio.states import frozen_states
    from tiny_states import write_network

    monkeypatch.chdir(here)
    place = write_network(tmp_path / "mert", "mert")
    sizes = {**SMALL, "word_steps": 2, "semantic_seconds": 2.0, "semantic_layer": 2}
    more = [p for k, v in sizes.items() if k not in OWN for p in ("--option", f"{k}={v}")]
    argv = [*TRAIN[:4], "clips", "--codec", "codec", "--batch", "2", *more]
    argv += ["--option", f"semantic={place}"]
    code, out, err = run(capsys, *argv, "--out", "net", "--steps", "2")
    assert code == 0 and "clips heard" in out, err
    code, out, err = run(capsys, *argv, "--out", "net", "--steps", "3")  # goes on, hears nothing
    assert code == 0 and "clips heard" not in out, err
    about = json.loads((here / "net" / "model" / "card.json").read_text())["model"]["music"]
    assert about["semantic"]["rate"] == 20.0  # the codec's, below the network's 75
    assert about["semantic"]["source"] == frozen_states(str(place), 2).fingerprint
    semantic = about["stages"][0]
    assert semantic["rate"] == 20.0 and semantic["source"].endswith(about["semantic"]["source"])

    code, out, err = run(
        capsys, *argv, "--out", "slow", "--steps", "1", "--option", "semantic_rate=5"
    )
    assert code == 0, err
    slow = load_musiclm("slow", device="cpu").music
    assert slow.config.stage("semantic").rate == 5.0

    other = write_network(tmp_path / "other", "mert", seed=1)
    code, _, err = run(capsys, *argv[:-1], f"semantic={other}", "--out", "net", "--steps", "4")
    assert code == 2 and "has semantic" in err
    for option, message in {
        "semantic_layer=9": "has 3 layers; there is no layer 9",
        "semantic_rate=30": "are more than the codec's 20 frames",
        "semantic=kmeens": "semantic=kmeens is neither kmeans nor random-projection",
    }.items():
        code, _, err = run(capsys, *argv, "--out", "x", "--steps", "1", "--option", option)
        assert code == 2 and message in err and err.count("\n") == 1, err
    assert not (here / "x").exists()

    for file in place.iterdir():
        file.unlink()
    frozen_states.cache_clear()
    assert run(capsys, "export", "net", "-o", "netted")[0] == 0
    for name in ("net", "netted"):
        code, _, err = run(
            capsys, "compose", "calm", "--system", "musiclm", "--checkpoint", name,
            "--seconds", "1", "--formats", "wav", "-o", name + "-out", "--quiet",
        )  # fmt: skip
        assert code == 0 and (here / (name + "-out") / "calm.wav").is_file(), err
