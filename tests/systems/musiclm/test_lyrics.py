"""Where in a song a piece lies, and lyrics: as rows, in training, and in what is composed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.cli import main  # noqa: E402
from cantilena.data.audio.clips import Clip  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.decode.windows import Window  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.audio.code_lm import Signal, sinusoid  # noqa: E402
from cantilena.systems.musiclm.examples import MusicBatches, MusicExample, stage_nats  # noqa: E402
from cantilena.systems.musiclm.lyrics import (  # noqa: E402
    CHARACTERS,
    MOST,
    NEAR,
    PACE,
    PLACES,
    characters_of,
    lyric_rows,
)
from cantilena.systems.musiclm.options import MusicOptions  # noqa: E402
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.musiclm.timing import BINS, LONGEST, WIDTH, Timing  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.train.audio.musiclm import (  # noqa: E402
    joined_lines,
    lyrics_of,
    texts_of,
    timing_of,
)
from tiny_musiclm import tiny_jukebox, tiny_music, write_jukebox  # noqa: E402

SONG = Timing(0.0, 10.0)


def letters(rows: np.ndarray, offset: int = 0) -> str:
    """The characters of rows, or those ``offset`` behind them; "_" for none."""
    n = NEAR // 2 + offset
    part = rows[:, 1 + n * len(CHARACTERS) : 1 + (n + 1) * len(CHARACTERS)]
    return "".join(CHARACTERS[row.argmax()] if row.any() else "_" for row in part)


# ------------------------------------------------------------------ the place in a song


@given(st.floats(0, 2 * LONGEST), st.floats(0, 2 * LONGEST))
def test_each_number_stands_between_two_bins(offset: float, more: float):
    rows = Timing(offset, offset + more).rows(4.0, 0, 3)
    assert rows.shape == (3, WIDTH) and (rows[:, 0] == 1).all()
    bins = rows[:, 1:].reshape(3, 4, BINS)
    assert np.allclose(bins.sum(-1), 1, atol=1e-4) and ((bins > 0).sum(-1) <= 2).all()


def test_a_song_begins_in_the_first_bins_and_ends_in_the_last():
    begin, end = (Timing(at, 100.0).rows(50.0, 0, 1)[0, 1:].reshape(4, BINS) for at in (0, 99.98))
    total, now, share, left = range(4)
    assert np.array_equal(begin[total], end[total])
    assert begin[now].argmax() == begin[share].argmax() == 0 and begin[left].argmax() > 8
    assert end[left].argmax() == 0 and end[share].argmax() == BINS - 1 and end[now].argmax() > 8


def test_a_window_later_in_a_piece_is_later_in_its_song():
    whole, rest = Timing(3.0, 60.0).rows(10.0, 0, 30), Timing(4.0, 60.0).rows(10.0, 0, 20)
    assert np.allclose(whole[10:], rest, atol=1e-5)


def clip(**meta: Any) -> Clip:
    facts = {"id": "a#0", "file": "a", "seconds": 2.0, **meta}
    return Clip(8000, np.zeros(16_000, np.int16), facts, ("la la",))


def test_a_clip_says_where_in_its_song_it_lies():
    assert timing_of(clip(offset=4.0, total=9.0)) == Timing(4.0, 9.0)
    sung = clip(phonemes=["l", "a"])
    assert timing_of(sung) == Timing(0.0, 2.0) and texts_of(sung) == ()
    assert characters_of("la la").tolist() == lyrics_of(sung).tolist()
    assert texts_of(clip()) == ("la la",)
    with pytest.raises(InputError, match="make the clips again with 'cantilena data audio'"):
        timing_of(clip())
    with pytest.raises(InputError, match="nothing is sung; 'cantilena data sung'"):
        lyrics_of(clip(offset=0.0, total=2.0))


# ------------------------------------------------------------------ lyrics


def test_texts_become_small_letters_without_accents():
    text = "".join(CHARACTERS[i] for i in characters_of("  L'Été  m’a *dit*: \n\n “9” ü"))
    assert text == "l'ete m'a dit:\n\n9 u"
    assert len(characters_of("")) == 0
    with pytest.raises(InputError, match="letters a to z; 'где' has none"):
        characters_of("где")


def test_characters_stand_at_equal_distances_over_the_song():
    """Four over ten seconds, of 8 frames each: in the middle of each quarter."""
    rows = lyric_rows(characters_of("moon"), SONG, Window(0, 0, 80), 8.0)
    assert rows is not None and letters(rows) == "moon"
    assert letters(rows, 1) == "oon_" and letters(rows, -2) == "__mo"
    table = sinusoid(80, PLACES).numpy()
    assert np.allclose(rows[:, -PLACES:], table[[10, 30, 50, 70]], atol=1e-4)
    later = lyric_rows(characters_of("moon"), Timing(2.5, 10.0), Window(0, 0, 20), 8.0)
    assert later is not None and np.allclose(later[1, -PLACES:], table[10], atol=1e-4)
    assert lyric_rows(characters_of(" "), SONG, Window(0, 0, 80), 8.0) is None


@pytest.mark.parametrize(("start", "first"), [(0, 0), (1000, 744), (1990, 1488)])
def test_of_long_lyrics_those_around_the_window_are_read(start: int, first: int):
    text = "".join("abcdefghij"[i % 10] for i in range(2000))
    rows = lyric_rows(
        characters_of(text), Timing(0.0, 2000.0), Window(start, start, start + 1), 1.0
    )
    assert rows is not None and len(rows) == MOST
    assert letters(rows) == text[first : first + MOST]


# ------------------------------------------------------------------ models


def test_lengths_that_were_never_met_say_nothing():
    """Of a model that was not trained yet, all."""
    options = {"stages": "top,middle,bottom", "level_rates": "1,2,4", "level_seconds": "2,1,0.5"}
    music = tiny_music(tiny_jukebox(), books=7, frame_rate=15.625, timing=True, **options)
    top: Any = music.models["top"]
    columns = torch.zeros(2, 1, 8, dtype=torch.long)
    rows = np.stack([Timing(0.0, total).rows(4.0, 0, 8) for total in (5.0, 500.0)])
    first, second = top(columns, {"timing": Signal(torch.from_numpy(rows), torch.ones(2, 8) > 0)})
    assert torch.equal(first, second)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_jukebox(
        tmp_path_factory.mktemp("sung") / "sung", timing=True, lyrics="top", guided=False
    )


@pytest.fixture(scope="module")
def system(folder: Path) -> MusicLmSystem:
    return MusicLmSystem.load(folder, "cpu")


def codes(system: MusicLmSystem, seconds: float = 1.3, **options: Any) -> dict[str, np.ndarray]:
    request = system.completed(Request(Brief(text="calm", seconds=seconds), 1, options=options))
    system.check(request)
    piece = system._piece(request)
    piece.writing.run()
    return dict(piece.writing.tokens)


def test_lyrics_and_the_place_in_a_song_make_another_piece(system: MusicLmSystem):
    plain = codes(system)
    others: list[dict[str, Any]]
    others = [{"lyrics": "moon"}, {"total": 60.0}, {"total": 60.0, "offset": 58.7}]
    for options in others:
        other = codes(system, **options)
        assert np.array_equal(other["top"], codes(system, **options)["top"])
        assert not np.array_equal(other["top"], plain["top"])
    one, two = (codes(system, lyrics=text)["top"] for text in ("moon", "stars"))
    assert not np.array_equal(one, two)


def test_a_model_that_is_not_guided_refuses_to_be_asked(system: MusicLmSystem):
    led = Sampling(guidance=2.0)
    with pytest.raises(InputError, match="guidance"):
        system.check(Request(Brief(text="calm", seconds=1.0), 1, led))
    assert not any(stage.guided for stage in system.music.config.stages)


def test_lyrics_last_as_long_as_they_are_sung_where_no_length_is_asked_for(system: MusicLmSystem):
    def seconds(**brief: Any) -> float:
        request = Request(
            Brief(text="calm", **brief), 1, options={"lyrics": "my golden river " * 3}
        )
        return system._parts(request)[0]

    assert seconds() == round(47 / PACE, 2)
    assert seconds(seconds=3.0) == 3.0 and seconds(bars=2, tempo=120.0) == 4.0


def test_upsamplers_read_no_lyrics(system: MusicLmSystem):
    config = system.music.config
    read = {stage.name: set(config.code_config(stage).conditions) for stage in config.stages}
    assert read["top"] == {"text", "beat", "timing", "lyrics"}
    assert read["middle"] == {"text", "beat", "timing", "top"}


def test_a_crop_reads_the_characters_around_it_and_batches_hold_lines_of_any_length(
    system: MusicLmSystem,
):
    music = system.music
    rng = np.random.default_rng(0)
    examples = [
        MusicExample(
            rng.integers(0, 4, (7, 40)),
            np.zeros((1, 0), dtype=int),
            (),
            (),
            np.zeros(24, np.float32),
            str(i),
            timing=Timing(0.0, 2.56),
            lyrics=characters_of(line),
        )
        for i, line in enumerate(("la", "x" * 31, "the moon"))
    ]
    batches = MusicBatches(examples, music, drop=0.0)
    batch = batches.fixed(3)[0]
    assert batch["top.lyrics.mask"].sum(1).tolist() == [2, 31, 8]  # 31: as many as columns
    nats = [stage_nats(music, batch, "top", *names)[0] for names in ((), ("lyrics",))]
    assert not torch.equal(*nats)
    assert not torch.equal(nats[0], stage_nats(music, batch, "top", absent="timing")[0])


def test_lines_become_songs():
    none = np.zeros((1, 0), dtype=int)
    lines = [
        MusicExample(
            np.full((2, 10 + i), i),
            none,
            (),
            (),
            np.zeros(2),
            str(i),
            timing=Timing(0.0, 1.0 + i / 10),
            lyrics=characters_of(text),
        )
        for i, text in enumerate(("moon", "la la", "my star"))
    ]
    songs = joined_lines(lines, 3, 10.0, 0)
    assert [len(np.unique(song.codes[0])) <= i + 1 for i, song in enumerate(songs)] == [True] * 3
    for i, song in enumerate(songs):
        assert song.lyrics is not None and song.timing is not None
        text = "".join(CHARACTERS[n] for n in song.lyrics)
        first = "".join(CHARACTERS[n] for n in lines[i].lyrics)  # type: ignore[union-attr]
        assert text.startswith(first) and song.timing.total == song.codes.shape[1] / 10
        parts = [("moon", "la la", "my star")[n] for n in _runs(song.codes[0])]
        assert text == " ".join(parts) and len(parts) <= i + 1
    with pytest.raises(InputError, match="lines are of songs that are sung"):
        MusicOptions(lines=2)


def _runs(codes: np.ndarray) -> list[int]:
    """The lines of which a song's codes are: each has its number 10 times and more."""
    out, at = [], 0
    while at < len(codes):
        out.append(int(codes[at]))
        at += 10 + int(codes[at])
    return out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"total": 1.0}, "a piece of 1.3 s from second 0 on is not within a song of 1 s"),
        ({"offset": -1.0}, "from second -1 on is not within"),
        ({"total": 60.0, "offset": 59.0}, "from second 59 on is not within a song of 60 s"),
        ({"total": float("nan")}, "a song of nan s"),
        ({"lyrics": "где"}, "has none of them"),
        ({"alone": True}, "alone= is of a part to a recording"),
    ],
)
def test_what_cannot_be_is_refused(system: MusicLmSystem, options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        system.check(Request(Brief(text="calm", seconds=1.3), 1, options=options))


def test_a_model_that_reads_neither_says_so(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jukebox(tmp_path / "plain")
    argv = ["compose", "calm", "--system", "musiclm", "--checkpoint", "plain", "--seconds", "1"]
    assert main([*argv, "--option", "offset=3", "-o", "out"]) == 2
    assert "reads no place in a song; leave out offset=" in capsys.readouterr().err
    assert main([*argv, "--lyrics", "moon", "-o", "out"]) == 2
    assert "--recipe jukebox-lyrics' makes one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_sings_and_replays(folder: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    argv = ["compose", "calm", "--system", "musiclm", "--checkpoint", str(folder)]
    argv += [
        "--seconds",
        "1",
        "--lyrics",
        "the moon",
        "--option",
        "total=9",
        "--formats",
        "wav,json",
    ]
    assert main([*argv, "-o", "one", "--name", "a"]) == 0, capsys.readouterr().err
    replay = ["compose", "--replay", "one/a.json", "--checkpoint", str(folder), "-o", "two"]
    assert main([*replay, "--formats", "wav,json"]) == 0, capsys.readouterr().err
    assert (tmp_path / "two/a.wav").read_bytes() == (tmp_path / "one/a.wav").read_bytes()
    alone = ["compose", "--lyrics", "Rock the moon", *argv[2:8], "--formats", "json", "-o", "alone"]
    assert main(alone) == 0, capsys.readouterr().err
    written = json.loads((tmp_path / "alone/rock-the-moon.json").read_text(encoding="utf-8"))
    assert written["facts"]["story"] == [[0.0, ""]]  # what is sung says nothing of the music
