"""``codec``, ``encode``, ``decode`` and ``train --system codec``: outcomes, and bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from cantilena.audio.wav import read_wav, write_wav
from cantilena.cli import main
from cantilena.data.corpora.corpus import hashed_split
from cantilena.models.audio.codec.codes_file import read_codes
from cantilena.models.audio.codec.files import load_codec, save_codec
from tiny_codecs import tiny, tones


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("codec") / "frame"
    save_codec(folder, tiny("frame"), {})
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, checkpoint) -> Path:
    monkeypatch.chdir(tmp_path)
    write_wav(tones(1.0), 16_000, "a.wav")
    shutil.copytree(checkpoint, "codec")
    return tmp_path


def run(capsys, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def test_the_round_trip_as_json(here, capsys):
    code, out, err = run(capsys, "codec", "a.wav", "--checkpoint", "codec", "--json", "-o", "b.wav")
    assert code == 0, err
    row = json.loads(out)
    model = load_codec("codec", "cpu")
    assert row["codec"]["fingerprint"] == model.fingerprint() and row["seconds"] == 1.0
    assert row["bits_per_second"] == 1_000 * 3 * 4 >= row["entropy_bits_per_second"]
    assert [book["size"] for book in row["books"]] == [16, 16, 16]
    assert all(1 <= book["perplexity"] <= book["used"] <= 16 for book in row["books"])
    assert {"si_sdr", "mel", "stft", "visqol", "encode_factor", "decode_factor"} <= set(row)
    samples, rate = read_wav("b.wav")
    assert samples.shape == (16_000, 1) and rate == 16_000


def test_the_table_and_some_of_the_books(here, capsys):
    code, out, _ = run(capsys, "codec", "a.wav", "--checkpoint", "codec", "--books", "2")
    assert code == 0 and "SI-SDR" in out and "8,000 sent" in out and "of 5" not in out
    assert len(out.splitlines()) == 7 + 1 + 2


def test_codes_and_back(here, capsys):
    assert run(capsys, "encode", "a.wav", "--checkpoint", "codec")[0] == 0
    codes = read_codes("a.codes.npz")
    assert codes.codes.shape == (3, 1_000) and codes.about.length == 16_000
    assert run(capsys, "decode", "a.codes.npz", "--checkpoint", "codec")[0] == 0
    run(capsys, "codec", "a.wav", "--checkpoint", "codec", "-o", "b.wav", "--quiet")
    np.testing.assert_array_equal(read_wav("a.decoded.wav")[0], read_wav("b.wav")[0])
    code, _, err = run(capsys, "encode", "a.wav", "--checkpoint", "codec")
    assert code == 2 and "is there already" in err
    assert run(capsys, "encode", "a.wav", "--checkpoint", "codec", "--replace")[0] == 0


def test_what_is_done_to_a_recording_is_said(here, capsys):
    loud = np.clip(20 * tones(1.0, 44_100), -1, 1)
    write_wav(np.stack([loud, loud], 1), 44_100, "c.wav")
    code, out, err = run(capsys, "codec", "c.wav", "--checkpoint", "codec", "--json")
    assert code == 0 and json.loads(out)["seconds"] == 1.0
    assert "2 channels are mixed to one" in err and "from 44100 to 16000 Hz" in err
    assert "at full scale: clipped" in err
    write_wav(np.stack([loud, 0 * loud], 1), 44_100, "d.wav")
    code, _, err = run(capsys, "encode", "d.wav", "--checkpoint", "codec")
    assert code == 0 and "at full scale: clipped" in err
    code, _, err = run(capsys, "codec", "a.wav", "--checkpoint", "codec")
    assert code == 0 and not err


def _not_finite(path: str) -> None:
    write_wav(tones(0.1), 16_000, path)
    data = bytearray(Path(path).read_bytes())
    data[20:22] = (3).to_bytes(2, "little")  # floats
    data[32:36] = (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    data[44:48] = np.float32(np.nan).tobytes()
    Path(path).write_bytes(data)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: write_wav(np.zeros(16_000), 16_000, p), "silent: there is nothing to code"),
        (lambda p: write_wav(np.zeros(0), 16_000, p), "empty"),
        (lambda p: write_wav(np.ones(1), 16_000, p), "1 sample, less than a frame"),
        (lambda p: Path(p).write_bytes(b""), "empty"),
        (lambda p: Path(p).write_bytes(b"RIFF...."), "cannot be read"),
        (lambda p: write_wav(tones(1.0, 500), 500, p), "a rate of 500 Hz; 1000 to"),
        (_not_finite, "cantilena: 'x.wav' cannot be read as sound: it holds values"),
        (lambda p: None, "there is no file"),
    ],
)
def test_recordings_that_cannot_be_used(make, message: str, here, capsys):
    make("x.wav")
    for command in ("codec", "encode"):
        code, out, err = run(capsys, command, "x.wav", "--checkpoint", "codec", "-o", "y")
        assert code == 2 and message in err and not out
        assert len(err.splitlines()) == 1 and err.count("x.wav") == 1
        assert not list(Path().glob("*y*"))


def test_codes_of_another_codec_are_refused(here, capsys):
    run(capsys, "encode", "a.wav", "--checkpoint", "codec")
    save_codec("other", tiny("frame", seed=1), {})
    code, _, err = run(capsys, "decode", "a.codes.npz", "--checkpoint", "other")
    assert code == 2 and "codes are of another codec" in err and not Path("a.decoded.wav").exists()


def test_missing_weights_and_books_are_refused(here, capsys, monkeypatch):
    code, _, err = run(capsys, "codec", "a.wav", "--checkpoint", "nowhere")
    assert code == 2 and "nowhere" in err and len(err.splitlines()) == 1
    code, _, err = run(capsys, "codec", "a.wav", "--checkpoint", "codec", "--books", "4")
    assert code == 2 and "has 3 books, not 4" in err
    monkeypatch.setattr("cantilena.models.audio.codec.files.shipped_codec", lambda: None)
    code, _, err = run(capsys, "codec", "a.wav")
    assert code == 2 and "pip install ./weights/audio" in err
    save_codec("vae", tiny("vae"), {})
    code, _, err = run(capsys, "encode", "a.wav", "--checkpoint", "vae")
    assert code == 2 and "no codes" in err


def test_a_codec_is_trained_on_clips_and_used(here, capsys):
    (here / "sounds").mkdir()
    names = [f"{i}.wav" for i in range(99)]
    for split in ("train", "valid"):  # by the hash of their names
        for name in [name for name in names if hashed_split(f"sounds/{name}") == split][:3]:
            write_wav(tones(1.5, seed=len(name)), 16_000, here / "sounds" / name)
    argv = ["data", "audio", "sounds", "-o", "clips", "--seconds", "1", "--quiet"]
    assert run(capsys, *argv)[0] == 0
    options = ["hop=64", "width=8", "hidden=8", "latent=4", "books=2", "size=8", "seconds=0.1"]
    argv = ["train", "--system", "codec", "--data", "clips", "--out", "run", "--steps", "3"]
    argv += ["--batch", "2", *(part for option in options for part in ("--option", option))]
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    assert "training run: frame" in out and "held out" in out
    code, out, err = run(capsys, *argv[:7], "--steps", "5")
    assert code == 0 and "going on with run" in out, err
    code, out, err = run(capsys, "codec", "a.wav", "--checkpoint", "run", "--json")
    assert code == 0 and json.loads(out)["codec"]["books"] == 2
    code, _, err = run(capsys, *argv[:7], "--option", "width=9")
    assert code == 2 and "has model" in err
    code, _, err = run(capsys, *argv[:5], "--out", "b", "--option", "sample_rate=8000")
    assert code == 2 and "clips are at 16000 Hz and the codec at 8000" in err
    code, _, err = run(capsys, *argv[:5], "--out", "b", "--notes", "5")
    assert code == 2 and "--notes is not an option of" in err
    code, _, err = run(capsys, *argv[:5], "--out", "b", "--option", "stems=0.5")
    assert code == 2 and "the clips have no stems; make them with 'data audio --stems'" in err
    code, _, err = run(capsys, *argv[:5], "--out", "b", "--option", "stems=2")
    assert code == 2 and "stems of 2 is more than 1" in err
    assert not (here / "b").exists()


def test_the_installed_codec_is_taken_where_none_is_named(here, capsys, monkeypatch):
    package = here / "site" / "cantilena_audio_weights"
    shutil.copytree("codec", package / "musicgen" / "codec")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(here / "site"))
    code, out, err = run(capsys, "codec", "a.wav", "--json")
    assert code == 0, err
    assert json.loads(out)["codec"]["fingerprint"] == load_codec("codec", "cpu").fingerprint()
