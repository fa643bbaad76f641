"""``train --system codes``: from clips to a model that writes codes of their codec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.audio.wav import write_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.systems.codes.checkpoint import load_writer  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, write_codes  # noqa: E402
from tiny_codecs import tiny, tones  # noqa: E402

TRAIN = ["train", "--system", "codes", "--data", "clips", "--out", "run"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with clips of recordings and a codec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sounds").mkdir()
    for split in ("train", "valid"):  # by the hash of their names
        names = [f"{i}.wav" for i in range(99) if hashed_split(f"sounds/{i}.wav") == split]
        for i, name in enumerate(names[:3]):
            write_wav(tones(1.0, seed=i), 16_000, tmp_path / "sounds" / name)
    assert main(["data", "audio", "sounds", "-o", "clips", "--seconds", "1", "--quiet"]) == 0
    save_codec("codec", tiny("frame"), {})
    return tmp_path


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def test_clips_become_a_model_that_writes_codes(here: Path, capsys: Any):
    options = ["width=8", "layers=1", "heads=2", "hidden=8", "seconds=0.2", "conditions=text"]
    more = [part for option in options for part in ("--option", option)]
    argv = [*TRAIN, "--codec", "codec", "--steps", "2", "--batch", "2", *more]
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    assert "clips encoded" in out and "unigram: " in out and "bigram: " in out
    assert "held out" in out
    card = json.loads((here / "run" / "model" / "card.json").read_text())
    codec = tiny("frame")
    assert card["model"]["codec"] == codec.fingerprint()
    figures = card["figures"]
    assert figures["codes"] > 0 and figures["unigram"] > 0 and figures["bigram"] > 0
    writer = load_writer("run/model")
    (codes,) = write_codes(writer, [CodeOrder(8)])
    assert codes.shape == (codec.books, 8) and codes.max() < codec.sizes[0]
    code, out, err = run(capsys, *TRAIN, "--codec", "codec", "--steps", "3")
    assert code == 0 and "clips encoded" not in out, err


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([], "say by which --codec"),
        (["--codec", "codec", "--notes", "5"], "--notes is the note model's"),
        (["--codec", "codec", "--recipe", "opera"], "opera"),
        (["--codec", "codec", "--option", "width"], "NAME=VALUE"),
        (["--codec", "codec", "--option", "breadth=3"], "no option 'breadth'"),
        (["--codec", "codec", "--option", "seconds=60"], "no example is as long as a crop"),
    ],
)
def test_what_cannot_be_trained(here: Path, capsys: Any, more: list[str], problem: str):
    code, _, err = run(capsys, *TRAIN, *more)
    assert code == 2
    assert problem in err and "Traceback" not in err


def test_a_codec_that_is_not_there(here: Path, capsys: Any):
    code, _, err = run(capsys, *TRAIN, "--codec", "nowhere")
    assert code == 2 and "there is no codec 'nowhere'" in err and "Traceback" not in err


def test_the_note_model_has_no_codec(here: Path, capsys: Any):
    code, _, err = run(capsys, "train", "--data", "clips", "--out", "b", "--codec", "codec")
    assert code == 2 and "--codec is of --system codec, codes or latent" in err
    assert not (here / "b").exists()
