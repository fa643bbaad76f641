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
        (["--codec", "codec", "--notes", "5"], "--notes is not an option of"),
        (["--codec", "codec", "--recipe", "opera"], "opera"),
        (["--codec", "codec", "--option", "width"], "NAME=VALUE"),
        (["--codec", "codec", "--option", "breadth=3"], "no option 'breadth'"),
    ],
)
def test_what_cannot_be_trained(here: Path, capsys: Any, more: list[str], problem: str):
    code, _, err = run(capsys, *TRAIN, *more)
    assert code == 2
    assert problem in err and "Traceback" not in err


BAD_OPTIONS = [
    ("seconds=60", "clips of 'clips' last 1 s at most, no crop of 60"),
    ("conditions=roll,beat", "the notes of no clip in 'clips' are known"),
    ("books=2", "books is 3 by the codec, not 2"),
    ("card=4", "card is 16 by the codec, not 4"),
    ("codec=abc", "by the codec, not 'abc'"),
    ("dropout=2", "dropout of 2 is more than 1"),
    ("forget=2", "forget of 2 is more than 1"),
    ("beta2=1", "beta2 of 1 will not do"),
    ("clip=0", "a clip of 0 takes all of the gradients"),
    ("seed=99999999999999999999", "is more than"),
    ("notes=5", "ends after steps or minutes, not notes"),
    ("workers=2", "in one process: workers must be 0"),
    ("text_encoder=", "the text encoder has no name"),
    ("text_encoder=owner/name", "is neither a folder here nor on the hub"),
    ("text_encoder=no/such/folder", "the text model 'no/such/folder' is no folder here"),
    ("=3", "is not written as NAME=VALUE"),
]
"""Above a crop of 0.2 s of a model that reads text, and what is said of them."""


def test_no_bad_option_leaves_anything_behind(here: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = sorted(here.rglob("*"))
    for option, problem in BAD_OPTIONS:
        options = ["--option", "seconds=0.2", "--option", "conditions=text", "--option", option]
        code, out, err = run(capsys, *TRAIN, "--codec", "codec", "--steps", "1", *options)
        assert code == 2 and problem in err, (option, err)
        assert len(err.splitlines()) == 1 and not out, (option, err)
        assert sorted(here.rglob("*")) == before, option


@pytest.mark.parametrize(
    ("system", "place", "problem"),
    [
        ("codes", "data", "there is no whole data set in 'nowhere'"),
        ("codec", "data", "there is no whole data set in 'nowhere'"),
        ("codes", "notes", "is not of 'cantilena data audio'"),
        ("codec", "notes", "is not of 'cantilena data audio'"),
        ("codes", "out", "'clips' holds a data set; give the run another folder"),
        ("codec", "out", "'codec' holds a checkpoint; give the run another folder"),
        ("codes", "file", "is a file, not a folder"),
        ("codec", "file", "is a file, not a folder"),
        ("codes", "rate", "the clips are at 16000 Hz and the codec at 8000"),
        ("codec", "codec", "--codec is of --system codes"),
        ("codec", "tune", "--tune is not an option of --system codec"),
    ],
)
def test_places_that_will_not_do(here: Path, capsys: Any, system: str, place: str, problem: str):
    (here / "songs").mkdir()
    (here / "songs" / "manifest.json").write_text('{"cantilena": "data", "version": 1}')
    (here / "file").write_text("x")
    save_codec("slow", tiny("frame", sample_rate=8_000), {})
    before = sorted(here.rglob("*"))
    data = {"data": "nowhere", "notes": "songs"}.get(place, "clips")
    holds = "clips" if system == "codes" else "codec"
    out = {"out": holds, "file": "file"}.get(place, "run")
    more = ["--codec", "slow" if place == "rate" else "codec"]
    if system == "codec":
        more = {"codec": ["--codec", "codec"], "tune": ["--tune", "plan"]}.get(place, [])
    else:
        more += ["--option", "conditions=text", "--option", "seconds=0.2"]
    code, _, err = run(
        capsys, "train", "--system", system, "--data", data, "--out", out, "--steps", "1", *more
    )
    assert code == 2 and problem in err and len(err.splitlines()) == 1, err
    assert sorted(here.rglob("*")) == before


def test_a_run_of_another_system_is_not_gone_on_with(here: Path, capsys: Any):
    options = ["hop=64", "width=8", "hidden=8", "latent=4", "books=2", "size=8", "seconds=0.1"]
    more = [part for option in options for part in ("--option", option)]
    argv = ["train", "--system", "codec", "--data", "clips", "--out", "run", "--batch", "2"]
    assert run(capsys, *argv, "--steps", "1", *more)[0] == 0
    before = sorted(here.rglob("*"))
    code, _, err = run(capsys, *TRAIN, "--codec", "codec", "--steps", "2")
    assert code == 2 and "the run in 'run' is of 'codec', not of 'codes'" in err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("codec", "problem"),
    [
        ("nowhere", "there is no codec 'nowhere'"),
        ("", "there is no codec ''"),
        ("owner/name", "no such folder, and of it as a hub name it is not in the hub's cache"),
        ("sounds", "sounds is no checkpoint: card.json is missing"),
        ("vae", "the codec 'vae', of the kind 'vae', has latents"),
    ],
)
def test_a_codec_that_is_not_there(
    here: Path, capsys: Any, monkeypatch: Any, codec: str, problem: str
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    save_codec("vae", tiny("vae"), {})
    code, _, err = run(capsys, *TRAIN, "--codec", codec)
    assert code == 2 and problem in err and len(err.splitlines()) == 1, err
    assert not (here / "run").exists() and not (here / "clips" / "codes").exists()


def test_the_note_model_has_no_codec(here: Path, capsys: Any):
    code, _, err = run(capsys, "train", "--data", "clips", "--out", "b", "--codec", "codec")
    assert code == 2 and "--codec is of other systems than note" in err
    assert not (here / "b").exists()
