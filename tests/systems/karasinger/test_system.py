"""Pieces that are sung: words and lengths, what is refused, and the command line."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

import cantilena
from cantilena.cli import main
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, MissingExtraError, Notice
from cantilena.models.audio.codec.files import save_codec
from cantilena.options import make_brief
from cantilena.render import espeak
from cantilena.systems.codes.judging import seed_of
from cantilena.systems.karasinger import lyrics
from cantilena.systems.karasinger.hearing import errors
from cantilena.systems.karasinger.lyrics import phonemes_of, words_in
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from tiny_codecs import tiny
from tiny_karasinger import LEXICON, PHONEMES, write_karasinger


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_karasinger(tmp_path_factory.mktemp("kara"))


@pytest.fixture(scope="module")
def system(folder: Path):
    return cantilena.load(folder, device="cpu")


@pytest.fixture
def mute(monkeypatch):
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._library.cache_clear()
    lyrics.spelled.cache_clear()
    yield
    espeak._library.cache_clear()


def test_words_of_the_lexicon_need_no_voice(mute):
    assert words_in("Ma, don’t -- MOON 2!") == ["ma", "don't", "moon", "2"]
    assert phonemes_of("ma moon", LEXICON, PHONEMES) == [2, 1, 2, 3, 2]
    assert phonemes_of("...", LEXICON, PHONEMES) == []
    with pytest.raises(MissingExtraError, match=r"cantilena\[sing\]"):
        phonemes_of("ma thunder", LEXICON, PHONEMES)


def test_a_phoneme_that_is_not_known_is_left_out_and_said():
    book = {**LEXICON, "shy": "S aI", "sham": "S a m"}
    with pytest.warns(Notice, match="S"):
        assert phonemes_of("sham", book, PHONEMES) == [1, 2]
    with pytest.warns(Notice), pytest.raises(InputError, match="nothing of"):
        phonemes_of("shy", book, PHONEMES)
    with pytest.raises(InputError, match="too long"):
        phonemes_of("ma " * 500, LEXICON, PHONEMES)


def test_other_words_are_said_by_the_voice():
    pytest.importorskip("espeakng_loader")
    assert lyrics.lexicon_of(["A moon, moon!"]) == {"a": "a", "moon": "m u: n"}


def test_lyrics_stand_in_the_place_of_the_text(system):
    one = Request(Brief(seconds=1.0, text="ma moon"), 1)
    other = replace(one, options={"lyrics": "am am am am"})
    same = replace(other, brief=Brief(seconds=1.0, text="moon"))
    sounds = [r.audio.samples for r in system.compose([one, other, same])]
    assert not np.array_equal(sounds[0], sounds[1])
    assert np.array_equal(sounds[1], sounds[2])


def test_wishes_that_no_singing_follows_are_named(system):
    with pytest.warns(Notice, match=r"not: piano, in D minor$"):
        system.check(Request(make_brief("ma moon", instruments="piano", key="D minor", bars=2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        system.check(Request(make_brief("ma moon", tempo=90, metre="3/4", bars=2)))


def test_a_piece_lasts_as_asked_or_as_its_words(system):
    asked = system.compose([Request(Brief(seconds=1.5, text="ma"), 2)])[0]
    assert asked.audio.seconds == pytest.approx(1.5, abs=1e-3)
    rows = {row.wish: row for row in asked.rows}
    assert rows["seconds"].met
    free = system.compose([Request(Brief(text="ma moon"), 2)])[0]
    assert 0 < free.audio.seconds < 3
    assert free.to_dict()["facts"]["phonemes"] == "m a m u: m"


def test_words_that_are_heard_are_counted():
    words = ["m", "u:", "m", "a"]
    assert errors(words, words) == (0, 4)
    assert errors([], words) == (4, 4)
    assert errors(["m", "a"], words) == (2, 4)
    assert errors(words + words[:2], words) == (2, 4)
    assert errors(words + words[:2], words, again=True) == (0, 6)
    assert errors(["m", "u:"], words, again=True) == (0, 2)
    assert errors([], words, again=True)[0] == 1


def test_of_several_takes_the_one_is_kept_whose_words_are_heard_best(system):
    request = Request(make_brief("moon am ma moon"), 5)
    takes = [replace(request, seed=seed_of(5, number)) for number in range(4)]
    shares = []
    for (take,) in map(system.compose, ([one] for one in takes)):
        row = take.rows[-1]
        assert row.wish == "words" and row.met is None and "of 10 phonemes" in row.achieved
        shares.append(row.score)
    assert len(set(shares)) > 1
    sampling = replace(system.sampling, best_of=4)
    (best,) = system.compose([replace(request, sampling=sampling)])
    assert best.rows[-1].score == max(shares)
    hum = Request(Brief(seconds=1.0), sampling=sampling)
    with pytest.raises(InputError, match="best-of changes nothing"):
        system.run([hum])


def test_what_cannot_be_sung_is_refused_before_anything_is_made(system, mute):
    for brief, options, says in (
        (Brief(seconds=500.0, text="ma"), {}, "outside"),
        (Brief(text="thunder"), {}, "espeakng-loader"),
        (Brief(text="ma"), {"condition": "text"}, "condition"),
    ):
        with pytest.raises(Exception, match=says):
            system.run([Request(brief, options=options)])
    with pytest.raises(InputError, match="guidance"):
        system.run([Request(Brief(text="ma"), sampling=Sampling(guidance=2.0))])
    for extra in ({"codec": "x"}, {"dtype": "bfloat16"}):
        with pytest.raises(InputError, match="its own"):
            type(system).load("anywhere", **extra)


def test_the_command_writes_sound(folder: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["compose", "ma moon", "--checkpoint", str(folder), "--seed", "3", "-o", "out"]
    assert main([*words, "--formats", "wav,json"]) == 0
    (path,) = Path("out").glob("*.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["facts"]["phonemes"] == "m a m u: m" and path.with_suffix(".wav").is_file()
    assert "not understood" not in capsys.readouterr().out  # they are words to sing
    assert main([*words, "--lyrics", "am moon", "--formats", "json", "--name", "b"]) == 0
    alone = ["compose", "--lyrics", "am moon", *words[2:], "--formats", "json", "--name", "c"]
    assert main(alone) == 0
    sung = [json.loads(Path(f"out/{n}.json").read_text(encoding="utf-8")) for n in "bc"]
    assert [one["facts"]["phonemes"] for one in sung] == ["a m m u: m"] * 2
    assert sung[0]["request"]["seed"] == 3
    assert main(["compose", "ma", "--lyrics", "am", "-o", "out"]) == 2  # the note system sings none
    assert "lyrics" in capsys.readouterr().err


def test_a_codec_without_levels_is_refused(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("espeakng_loader")
    Path("lines.txt").write_text("ma ma\nmoon\nam am\nma moon\n", encoding="utf-8")
    assert main(["data", "sung", "-o", "sung", "--lines", "lines.txt", "--clips", "12"]) == 0
    save_codec("flat", tiny("mel"), {})
    train = ["train", "--system", "karasinger", "--data", "sung", "--out", "run"]
    assert main([*train, "--codec", "flat"]) == 2
    assert "codec of levels" in capsys.readouterr().err and not Path("run").exists()


def test_clips_become_a_codec_and_a_singer(tmp_path: Path, capsys, monkeypatch):
    """The whole way, by commands: sung clips, a codec that learns phonemes, a model, a piece."""
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("espeakng_loader")
    Path("lines.txt").write_text("ma ma\nmoon\nam am\nma moon\n", encoding="utf-8")
    assert main(["data", "sung", "-o", "sung", "--lines", "lines.txt", "--clips", "12"]) == 0
    small = ["width=12", "hidden=16", "encoder_layers=1", "decoder_layers=1", "latent=8"]
    options = [p for o in (*small, "size=16") for p in ("--option", o)]
    codec = ["train", "--system", "codec", "--recipe", "codec-karasinger", "--data", "sung"]
    spent = ["--steps", "3", "--batch", "2", "--valid-every", "3"]
    assert main([*codec, "--out", "codec", *spent, *options]) == 0
    out = capsys.readouterr().out
    assert "label errors" in out
    train = ["train", "--system", "karasinger", "--data", "sung", "--out", "run", "--codec"]
    sizes = [p for k in ("width", "inner", "match") for p in ("--option", f"{k}=12")]
    assert main([*train, "codec", *spent, *sizes]) == 0
    assert "codes, another's" in capsys.readouterr().out
    assert main(["compose", "moon", "--checkpoint", "run", "--seconds", "1", "-o", "out"]) == 0
    assert list(Path("out").glob("*.wav"))
    jukebox = ["train", "--system", "musiclm", "--recipe", "jukebox-lyrics", "--data", "sung"]
    jukebox += ["--out", "prior", "--codec", "codec", "--option", "level_seconds=0.5,0.5,0.5"]
    sizes = [p for k in ("width", "hidden") for p in ("--option", f"{k}=16")]
    assert main([*jukebox, *spent, *sizes, "--option", "word_steps=2"]) == 0
    assert "top, other lyrics" in capsys.readouterr().out
    sing = ["compose", "calm", "--lyrics", "moon", "--checkpoint", "prior", "--seconds", "1"]
    assert main([*sing, "-o", "sung-by-jukebox"]) == 0
    assert list(Path("sung-by-jukebox").glob("*.wav"))
    assert main([*train, "codec", "--option", "phonemes=a"]) == 2
    plain = [*codec, "--out", "plain", *spent, *options, "--option", 'weights={"ctc": 0}']
    assert main(plain) == 0  # the same clips without the phonemes' loss
    assert "label errors" not in capsys.readouterr().out
