"""The command line: what each command writes and prints, its exit codes and its messages."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cantilena import loading
from cantilena.cli import doctor, main
from cantilena.cli.common import Progress, clock, plural
from cantilena.cli.prompts import read_prompts
from cantilena.cli.report import report_lines
from cantilena.errors import CantilenaError, CheckpointError, InputError
from cantilena.files import jsonl
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track
from cantilena.score.texts import MARKER, Text
from cantilena.text.report import Row
from pieces import accompaniment

WALTZ = "a slow sad waltz for violin in D minor"


def files(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def fails(capsys, argv: list[str], *parts: str, code: int = 2) -> None:
    """The command ends with ``code`` and one line on standard error that holds ``parts``."""
    assert main(argv) == code
    got = capsys.readouterr()
    assert got.out == ""
    assert got.err.count("\n") == 1 and got.err.startswith("cantilena: ")
    for part in parts:
        assert part in got.err


# ---------------------------------------------------------------------------- compose


def test_compose_writes_what_was_asked_and_no_more(composer, here, capsys):
    argv = ["compose", WALTZ, "-o", "out", "--seed", "3", "--formats", "mid,json"]
    assert main(argv) == 0
    name = "a-slow-sad-waltz-for-violin-in-d-minor"
    assert files(here / "out") == [f"{name}.json", f"{name}.mid"]
    assert composer.requests[0].seed == 3
    out = capsys.readouterr().out
    assert f"{name}: 2 bars" in out and "seed 3" in out
    assert os.path.join("out", f"{name}.mid") in out
    assert "violin" in out and "D minor" in out


def test_words_need_no_quotes_and_options_may_come_first(composer, here):
    assert main(["compose", "-o", "out", "--formats", "mid", "a", "slow", "waltz"]) == 0
    assert files(here / "out") == ["a-slow-waltz.mid"]


def test_the_default_folder_and_formats(composer, here):
    assert main(["compose", "a tune", "--engine", "synth", "--quiet"]) == 0
    assert files(here / "out") == [f"a-tune.{f}" for f in ("json", "mid", "musicxml", "png", "wav")]


def test_options_stand_above_the_text(composer, here):
    argv = ["compose", WALTZ, "--formats", "mid", "--key", "Bb", "--tempo", "132", "--metre", "4/4"]
    argv += ["--bars", "6", "--instruments", "piano, drums", "--chords", "Bb Gm", "--quiet"]
    assert main([*argv, "--genres", "jazz", "--moods", "calm"]) == 0
    brief = composer.requests[0].brief
    assert (brief.key, brief.tempo, brief.metre, brief.bars) == ("Bb major", 132.0, "4/4", 6)
    assert [i.name for i in brief.instruments] == ["piano", "drums"]
    assert brief.chords == ("Bb", "Gm") and brief.text == WALTZ
    assert (brief.genres, brief.moods) == (("jazz",), ("calm",))


def test_options_alone_are_enough(composer, here):
    assert main(["compose", "--chords", "Dm G C", "--formats", "mid"]) == 0
    assert composer.requests[0].brief.chords == ("Dm", "G", "C")
    assert files(here / "out") == ["piece.mid"]


def test_sampling(composer, here):
    argv = ["compose", "x", "--formats", "mid", "--temperature", "0.9", "--top-p", "0.9"]
    argv += ["--top-k", "20", "--guidance", "2", "--best-of", "3", "--repetition", "0"]
    assert main(argv) == 0
    s = composer.requests[0].sampling
    assert (s.temperature, s.top_p, s.top_k, s.guidance) == (0.9, 0.9, 20, 2.0)
    assert (s.best_of, s.repetition) == (3, 0.0)


def test_variants_have_numbers_and_seeds_in_a_row(composer, here, capsys):
    argv = ["compose", "a tune", "--n", "3", "--seed", "7", "--formats", "mid", "--json"]
    assert main(argv) == 0
    assert files(here / "out") == ["a-tune-1.mid", "a-tune-2.mid", "a-tune-3.mid"]
    told = json.loads(capsys.readouterr().out)
    assert [p["seed"] for p in told["pieces"]] == [7, 8, 9]
    assert main(["compose", "a tune", "--seed", "8", "--formats", "mid", "-o", "one"]) == 0
    assert (here / "one/a-tune.mid").read_bytes() == (here / "out/a-tune-2.mid").read_bytes()


def test_a_form_is_a_wish_of_the_command_line_and_of_prompt_files(composer, here, capsys):
    line = {"text": "a march, AABA", "options": {"form": "intro 4, verse 8"}}
    (here / "p.jsonl").write_text(json.dumps(line))
    for argv in (["--form", "A8 B8"], ["a march", "--form", "rondo"], ["--prompts", "p.jsonl"]):
        assert main(["compose", *argv, "--formats", "json", "--quiet"]) == 0
    forms = [[s.name for s in r.brief.form] for r in composer.requests]
    assert forms == [["A", "B"], ["A", "B", "A", "C", "A"], ["intro", "verse"]]
    assert main(["compose", "a march", "--form", "intro 4, vrese 8"]) == 2
    err = capsys.readouterr().err
    assert "'vrese'" in err and err.count("\n") == 1
    assert main(["compose", "--prompts", "p.jsonl", "--form", "verse 1000", "-o", "new"]) == 2
    assert "p.jsonl, line 1" in capsys.readouterr().err and not (here / "new").exists()


def test_json_is_stable(composer, here, capsys):
    assert main(["compose", f"{WALTZ}, blorp", "--json", "--formats", "mid"]) == 0
    got = capsys.readouterr()
    told = json.loads(got.out)
    assert told["checkpoint"] == "fake"
    (piece,) = told["pieces"]
    assert set(piece) == {
        "name",
        "text",
        "seed",
        "files",
        "notes",
        "bars",
        "seconds",
        "report",
        "unplaced",
        "caption",
        "system",
        "dropped",
        "sections",
    }
    assert piece["unplaced"] == ["blorp"]
    assert {"wish": "key", "asked": "D minor", "met": True}.items() <= next(
        row for row in piece["report"] if row["wish"] == "key"
    ).items()
    assert got.err == ""


def test_words_that_are_not_understood_are_told(composer, here, capsys):
    assert main(["compose", "a blorp waltz", "--formats", "mid"]) == 0
    assert "not understood: blorp" in capsys.readouterr().out


def test_quiet_is_quiet(composer, here, capsys):
    assert main(["compose", "a tune", "--formats", "mid", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_replay_gives_the_same_bytes(composer, here, capsys):
    argv = ["compose", WALTZ, "-o", "out", "--seed", "4", "--temperature", "0.8", "--quiet"]
    assert main([*argv, "--formats", "mid,json,musicxml"]) == 0
    (told,) = (here / "out").glob("*.json")
    argv = ["compose", "--replay", str(told), "-o", "again", "--formats", "mid,json,musicxml"]
    assert main(argv) == 0
    for path in (here / "out").iterdir():
        assert path.read_bytes() == (here / "again" / path.name).read_bytes()


def test_replay_is_refused_where_it_could_not_be_the_same(composer, here, capsys):
    assert main(["compose", "x", "--formats", "json", "--quiet"]) == 0
    path = "out/x.json"
    fails(capsys, ["compose", "--replay", path, "--seed", "1"], "leave out --seed")
    fails(capsys, ["compose", "--replay", path, "--top-p", "1"], "leave out --top-p")
    fails(capsys, ["compose", "--replay", path, "words"], "leave out the text")
    fails(capsys, ["compose", "--replay", path, "--continue", "a.mid"], "leave out --continue")
    composer.hash = "ffff"
    fails(capsys, ["compose", "--replay", path], "composed by the checkpoint 'fake'")


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"request": {}, "checkpoint": {}}', "[" * 9999])
def test_replay_of_another_file(composer, here, capsys, data):
    (here / "a.json").write_text(data)
    fails(capsys, ["compose", "--replay", "a.json"], "a.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", "Infinity"), ("seed", "1.5"), ("bars", "1000.0"), ("tempo", "NaN"),
     ("chord_beats", "Infinity"), ("top_k", "Infinity"), ("temperature", "1e999")],
)  # fmt: skip
def test_replay_of_numbers_that_cannot_be(composer, here, capsys, name, value):
    assert main(["compose", "a tune", "--formats", "json", "--quiet"]) == 0
    piece = json.loads((here / "out" / "a-tune.json").read_text())
    request = piece["request"]
    place = request if name == "seed" else request["brief"]
    if name in ("top_k", "temperature"):
        place = request["sampling"]
    assert name in place
    place[name] = "HERE"
    (here / "a.json").write_text(json.dumps(piece).replace('"HERE"', value))
    before = files(here / "out")
    fails(capsys, ["compose", "--replay", "a.json"], "a.json")
    assert files(here / "out") == before


def test_continue(composer, here, capsys):
    assert main(["compose", "a tune", "--formats", "mid", "--quiet"]) == 0
    assert main(["compose", "--continue", "out/a-tune.mid", "--formats", "mid", "--quiet"]) == 0
    assert composer.requests[1].edit.base == read_midi("out/a-tune.mid")
    assert "a-tune-continued.mid" in files(here / "out")
    fails(capsys, ["compose", "--continue", "none.mid", "x"], "there is no file 'none.mid'")


# ---------------------------------------------------------------------------- prompts


def test_prompts_of_json(composer, here, capsys):
    lines = [
        {"id": "a", "text": "a waltz", "wishes": {"anything": 1}},
        {"id": 7, "text": "a march", "seed": 5, "options": {"bars": 3, "key": "G"}},
        {"text": "a waltz"},
    ]
    (here / "p.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines))
    assert main(["compose", "--prompts", "p.jsonl", "-o", "out", "--formats", "mid"]) == 0
    assert files(here / "out") == ["7.mid", "a-waltz.mid", "a.mid"]
    assert [r.seed for r in composer.requests] == [0, 5, 0]
    assert (composer.requests[1].brief.bars, composer.requests[1].brief.key) == (3, "G major")
    assert capsys.readouterr().out.count("seed") == 3


def test_wishes_outside_of_options_are_named(composer, here, capsys):
    (here / "p.jsonl").write_text('{"text": "a waltz", "bars": 2, "tempo": 90, "group": 1}\n')
    assert main(["compose", "--prompts", "p.jsonl", "-o", "out", "--formats", "mid"]) == 0
    error = capsys.readouterr().err
    assert "p.jsonl: tempo, bars beside a text are passed over" in error and "group" not in error


@pytest.mark.parametrize("name", ["p.jsonl", "p.txt"])
def test_prompts_may_hold_separators_of_lines(here, name):
    texts = [f"a{c}b" for c in "\u2028\u2029\x85\x0b\x0c\x1c"]
    (here / name).write_bytes(jsonl({"text": text} for text in texts))
    assert [prompt.text for prompt in read_prompts(name)] == texts
    (here / "lines").write_text("".join(f"{text}\r\n" for text in texts), encoding="utf-8")
    assert [prompt.text for prompt in read_prompts("lines")] == texts


def test_options_of_the_command_stand_above_those_of_a_line(composer, here):
    line = {"text": "a march", "seed": 5, "options": {"bars": 3, "key": "G"}}
    (here / "p.jsonl").write_text(json.dumps(line))
    argv = ["compose", "--prompts", "p.jsonl", "--formats", "mid", "--seconds", "9", "--seed", "1"]
    assert main(argv) == 0
    brief = composer.requests[0].brief
    assert (brief.bars, brief.seconds, brief.key) == (None, 9.0, "G major")
    assert composer.requests[0].seed == 1


def test_prompts_of_text_lines_never_share_a_name(composer, here):
    (here / "p.txt").write_text("a waltz\n\nA waltz!\na waltz 2\n", encoding="utf-8-sig")
    assert main(["compose", "--prompts", "p.txt", "--formats", "mid", "--quiet"]) == 0
    assert files(here / "out") == ["a-waltz-2-2.mid", "a-waltz-2.mid", "a-waltz.mid"]


@pytest.mark.parametrize("argv", [["compose", "-"], ["compose", "--prompts", "-"]])
def test_prompts_of_standard_input(composer, here, monkeypatch, argv):
    data = b'{"id": "one", "text": "a waltz"}\n{"id": "two", "text": "a march"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main([*argv, "--formats", "mid", "--quiet", "--n", "2"]) == 0
    assert files(here / "out") == ["one-1.mid", "one-2.mid", "two-1.mid", "two-2.mid"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "../x", "text": "a"}', "the id '../x' cannot be a file's name"),
        ('{"id": "a/b", "text": "a"}', "the id 'a/b'"),
        ('{"id": "", "text": "a"}', "the id ''"),
        ('{"id": [1], "text": "a"}', "the id [1]"),
        ('{"id": "ONE", "text": "a"}', "the id 'ONE' was already on line 1"),
        ('{"id": "b"}', "a 'text'"),
        ('{"id": "b", "text": 4}', "a 'text'"),
        ('{"id": "b", "text": ""}', "the text is empty"),
        ('{"id": "b", "text"', "not JSON"),
        ('["b"]', "not an object"),
        ("a plain line", "not JSON"),
        ("[" * 99999, "not JSON"),
        ('{"text": "a", "seed": "x"}', "the seed 'x'"),
        ('{"text": "a", "seed": -1}', "not -1"),
        ('{"text": "a", "options": {"speed": 1}}', "unknown option 'speed'"),
        ('{"text": "a", "options": {"key": {}}}', "the option 'key'"),
        ('{"text": "a", "options": {"key": "Q minor"}}', "is not a key"),
        ('{"text": "a", "options": {"bars": 0}}', "0 bars"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(composer, here, capsys, line, said):
    (here / "p.jsonl").write_text(f'{{"id": "one", "text": "a waltz"}}\n{line}\n')
    argv = ["compose", "--prompts", "p.jsonl", "-o", "out"]
    fails(capsys, argv, "p.jsonl, line 2: ", said)
    assert not (here / "out").exists() and not composer.requests


def test_prompt_files_that_cannot_be(composer, here, capsys):
    (here / "empty.txt").write_text("\n \n")
    (here / "bytes.txt").write_bytes(b"fine\n\xff\xfe\n")
    fails(capsys, ["compose", "--prompts", "empty.txt"], "holds no prompts")
    fails(capsys, ["compose", "--prompts", "bytes.txt"], "line 2: not UTF-8")
    fails(capsys, ["compose", "--prompts", "none.txt"], "there is no file 'none.txt'")
    fails(capsys, ["compose", "--prompts", ".", "-o", "x"], "is not a file")
    fails(capsys, ["compose", "words", "--prompts", "empty.txt"], "give one of them")


def test_ids_whose_variants_meet(composer, here, capsys):
    (here / "p.jsonl").write_text('{"id": "a-1", "text": "x"}\n{"id": "a-1-1", "text": "y"}\n')
    assert main(["compose", "--prompts", "p.jsonl", "--formats", "mid", "--n", "2"]) == 0
    capsys.readouterr()
    (here / "p.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": "A-1", "text": "y"}\n')
    assert main(["compose", "--prompts", "p.jsonl", "--formats", "mid", "--n", "1"]) == 0


def test_many_prompts_are_saved_as_they_come(composer, here, capsys):
    (here / "p.txt").write_text("".join(f"tune {i}\n" for i in range(20)))
    composer.error, composer.fails = CantilenaError("the machine is tired"), 18
    argv = ["compose", "--prompts", "p.txt", "--formats", "mid", "--quiet"]
    fails(capsys, argv, "the machine is tired", code=1)
    assert len(files(here / "out")) == 18  # every piece that was done


def test_a_stop_within_a_group_keeps_the_pieces_that_were_done(composer, here, capsys):
    """Eight are made abreast; the first three of them are done when it stops."""
    (here / "p.txt").write_text("".join(f"tune {i}\n" for i in range(8)))
    composer.batch = 8
    composer.error, composer.fails = KeyboardInterrupt(), 3
    assert main(["compose", "--prompts", "p.txt", "--formats", "mid"]) == 130
    assert files(here / "out") == ["tune-0.mid", "tune-1.mid", "tune-2.mid"]


def test_progress_is_shown_within_a_group(composer, here, capsys, monkeypatch):
    """Also before the first of its pieces is written."""
    (here / "p.txt").write_text("tune a\ntune b\n")
    composer.batch = 8
    seen: list[tuple[float, int]] = []
    monkeypatch.setattr(
        Progress, "__call__", lambda self, done, *_: seen.append((done, len(files(here / "out"))))
    )
    assert main(["compose", "--prompts", "p.txt", "--formats", "mid"]) == 0
    pieces = [done for done, _ in seen]
    assert pieces == sorted(pieces) and pieces[-1] == pytest.approx(2)
    assert len({done for done, written in seen if written == 0}) > 3


# ---------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([""], "the text is empty"),
        (["  "], "the text is empty"),
        ([], "the text is empty"),
        (["x" * 4001], "write at most 4,000"),
        (["x", "--formats", "mp3"], "unknown format 'mp3'"),
        (["x", "--formats", ","], "no format"),
        (["x", "--key", "Q minor"], "is not a key"),
        (["x", "--metre", "blorp"], "is not a metre"),
        (["x", "--tempo", "blorp"], "is not a tempo"),
        (["x", "--tempo", "9999"], "outside 10-400"),
        (["x", "--bars", "0"], "--bars"),
        (["x", "--bars", "5000"], "outside 1-1000"),
        (["x", "--bars", "4", "--seconds", "9"], "give one of them"),
        (["x", "--seconds", "soon"], "is not a length"),
        (["x", "--instruments", "zorbaphone"], "zorbaphone"),
        (["x", "--chords", "Qm"], "Qm"),
        (["x", "--seed", "-1"], "the seed"),
        (["x", "--seed", "1.5"], "'1.5' is not a whole number"),
        (["x", "--n", "0"], "--n"),
        (["x", "--n", "5000"], "1 to 1000"),
        (["x", "--temperature", "nan"], "'nan' is not a number"),
        (["x", "--temperature", "9"], "outside 0-5"),
        (["x", "--best-of", "100"], "outside 1-64"),
        (["x", "--engine", "organ"], "--engine"),
        (["x", "--checkpoint", "nowhere"], "there is no checkpoint 'nowhere'"),
        (["x", "--nonsense"], "--nonsense"),
        (["x", "-o", "file"], "'file' is a file, not a folder"),
        (["x", "-o", "file/below"], "is a file, not a folder"),
    ],
)
def test_bad_input_is_code_2_and_one_line(composer, here, capsys, argv, said):
    (here / "file").write_text("")
    fails(capsys, ["compose", *argv], said)
    assert files(here) == ["file"] and not composer.requests


def test_no_or_an_unknown_command(capsys):
    fails(capsys, [], "COMMAND")
    fails(capsys, ["sing"], "sing", "compose")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("no such\nwish"), 2, "no such wish"),
        (CheckpointError("the checkpoint is broken"), 1, "the checkpoint is broken"),
        (OSError(28, "No space left on device", "x.wav"), 1, "x.wav: No space left"),
        (MemoryError(), 1, "not enough memory"),
        (ValueError("odd"), 1, "internal error: ValueError: odd"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_exit_codes_without_tracebacks(composer, here, capsys, error, code, said):
    composer.error = error
    assert main(["compose", "x", "--formats", "mid"]) == code
    got = capsys.readouterr()
    assert said in got.err and "Traceback" not in got.err and got.err.strip().count("\n") == 0
    assert not (here / "out").exists()


def test_the_handler_of_a_program_that_calls_us_stays(composer, here):
    def own(*_):
        pass

    before = signal.signal(signal.SIGTERM, own)
    try:
        assert main(["compose", "x", "--formats", "mid", "--quiet"]) == 0
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
    assert main(["compose", "x", "--formats", "mid", "--quiet"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_while_writing_leaves_nothing(composer, here, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cantilena.render.roll.draw_roll", stop)
    assert main(["compose", "x", "--formats", "mid,png", "--quiet"]) == 130
    assert files(here / "out") == []


@pytest.mark.parametrize("at", ["mid", "json"])
def test_a_full_disk_leaves_the_piece_that_was_there(composer, here, capsys, monkeypatch, at):
    """Also where another of its files had room; the message names what was to be written."""
    argv = ["compose", "a tune", "--formats", "mid,json", "--quiet"]
    assert main([*argv, "--seed", "1"]) == 0
    before = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    whole, room = Path.write_bytes, 1 if at == "json" else 0

    def write_bytes(path: Path, data: bytes) -> int:
        nonlocal room
        room -= 1
        if room >= 0:
            return whole(path, data)
        whole(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    fails(capsys, [*argv, "--seed", "2"], f"'out/a-tune.{at}' cannot be written: No space left")
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == before


def test_the_traceback_can_be_had(composer, monkeypatch):
    composer.error = ValueError("odd")
    monkeypatch.setenv("CANTILENA_DEBUG", "1")
    with pytest.raises(ValueError, match="odd"):
        main(["compose", "x", "--formats", "mid"])


def test_a_reader_that_goes_away():
    argv = [sys.executable, "-m", "cantilena", "brief", "a waltz"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 1
    assert said == b""


# ---------------------------------------------------------------------------- brief


def test_brief(capsys):
    assert main(["brief", "a sad waltz for violin in D minor at 90 bpm, blorp", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["instruments"][0]["name"] == "violin"
    assert 40 in told["instruments"][0]["programs"]
    assert (told["key"], told["tempo"], told["metre"]) == ("D minor", 90.0, "3/4")
    assert (told["genres"], told["moods"], told["chords"]) == (["waltz"], ["sad"], [])
    assert told["unplaced"] == ["blorp"]


def test_brief_with_options_and_of_many(here, capsys):
    assert main(["brief", "a waltz", "--key", "G"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == "G major"
    (here / "p.jsonl").write_text('{"id": "a", "text": "in C"}\n{"id": "b", "text": "in D"}\n')
    assert main(["brief", "--prompts", "p.jsonl"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(t["id"], t["key"]) for t in told] == [("a", "C major"), ("b", "D major")]


def test_brief_explains_itself(capsys):
    text = "80s jazz guitar in D, blorp \U0001f3b5"
    assert main(["brief", text, "--explain"]) == 0
    table = capsys.readouterr().out
    assert "a note where a key is spoken of" in table and "a decade" in table
    assert main(["brief", text, "--explain", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["words"]: row for row in told["words"]}
    assert rows["in D"]["wish"] == "key: D major" and rows["in D"]["why"] == ""
    assert rows["80s"] == {
        "words": "80s",
        "start": 0,
        "end": 3,
        "wish": "",
        "rule": 'seconds as "s"',
        "why": "a decade",
    }
    assert rows["jazz"]["why"] == "part of 'jazz guitar'"
    assert rows["\U0001f3b5"]["why"] == rows["blorp"]["why"] == "no rule knows these words"


def test_brief_of_nothing(capsys):
    fails(capsys, ["brief", ""], "the text is empty")


# ---------------------------------------------------------------------------- describe, render


@pytest.fixture
def tune(composer, here):
    argv = ["compose", "a tune for flute in G major", "--bars", "4", "-o", ".", "--formats", "mid"]
    assert main([*argv, "--quiet"]) == 0
    path = here / "tune.mid"
    next(here.glob("*.mid")).rename(path)
    return path


def test_describe_as_json(tune, capsys):
    assert main(["describe", str(tune), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {
        "title",
        "key",
        "key_strength",
        "signature",
        "metre",
        "tempo",
        "tempo_class",
        "instruments",
        "drums",
        "chords",
        "progression",
        "bars",
        "seconds",
        "notes",
        "density",
        "polyphony",
        "swing",
        "form",
        "lyrics",
        "markers",
        "sections",
        "caption",
    }
    assert (told["metre"], told["tempo"], told["bars"], told["seconds"]) == ("4/4", 120.0, 4, 8.0)
    assert (told["notes"], told["density"], len(told["chords"])) == (16, 4.0, 8)
    assert {"name": "flute", "program": 73, "share": 1.0}.items() <= told["instruments"][0].items()
    assert "flute" in told["caption"]


def test_describe_tells_the_sections_that_markers_name(here, capsys):
    texts = [Text(0, MARKER, "intro"), Text(8 * 96, MARKER, "verse")]
    bars = [*range(8), *range(16)]
    onset, n = [96 * bar for bar in bars], len(bars)
    tracks = [Track("Flute", 73), Track("Piano", 0)]
    columns = ([24] * n, [60] * n, [80] * n, [0] * 8 + [1] * 16)
    write_midi(Score.build(24, tracks, onset, *columns, texts=texts), here / "a.mid")
    assert main(["describe", "a.mid", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)["sections"]
    assert sections[1] == {"name": "verse", "bar": 9, "bars": 8, "start": 16.0, "parts": ["Piano"]}
    assert main(["describe", "a.mid"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["intro", "1-8", "0:00", "all"] in lines and ["verse", "9-16", "0:16", "Piano"] in lines


def test_describe_tells_a_key_signature_that_contradicts_the_music(here, capsys):
    scale = [2, 4, 6, 7, 9, 11, 13, 14, 13, 11, 9, 7, 6, 4, 2, 2]  # D major
    n = len(scale)
    columns = ([24 * i for i in range(n)], [24] * n, [60 + p for p in scale], [80] * n, [0] * n)
    for name, keys in (("c", [(0, 0, 0)]), ("d", [(0, 2, 0)]), ("b", [(0, 2, 1)]), ("none", ())):
        score = Score.build(24, [Track("", 0)], *columns, keys=keys)
        write_midi(score, here / f"{name}.mid")
    assert main(["describe", "c.mid", "--json"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert (description["key"], description["signature"]) == ("D major", "C major")
    assert main(["describe", "c.mid"]) == 0
    assert "the file's signature is that of C major" in capsys.readouterr().out
    for name in ("d", "b", "none"):
        assert main(["describe", f"{name}.mid"]) == 0
        assert "signature" not in capsys.readouterr().out


def test_describe_in_words_and_many(tune, capsys):
    assert main(["describe", str(tune)]) == 0
    assert "4 bars" in capsys.readouterr().out
    assert main(["describe", str(tune), str(tune), "--json"]) == 0
    assert [t["file"] for t in json.loads(capsys.readouterr().out)] == [str(tune)] * 2


def test_describe_what_is_no_midi(here, capsys):
    (here / "a.mid").write_bytes(b"hello")
    fails(capsys, ["describe", "a.mid"], "a.mid")
    fails(capsys, ["describe", "none.mid"], "there is no file")
    fails(capsys, ["describe"], "FILE")


def test_describe_the_good_among_bad(tune, here, capsys):
    (here / "bad.mid").write_bytes(b"hello")
    assert main(["describe", "tune.mid", "bad.mid", "none.mid", "tune.mid"]) == 2
    out, err = capsys.readouterr()
    assert out.count("tune.mid:") == 2 and out.count("4 bars") >= 2
    errors = err.splitlines()
    assert [line.startswith("cantilena: ") for line in errors] == [True, True]
    assert "bad.mid" in errors[0] and "none.mid" in errors[1]
    assert main(["describe", "bad.mid", "tune.mid", "--json"]) == 2
    assert [d["file"] for d in json.loads(capsys.readouterr().out)] == ["tune.mid"]
    assert main(["describe", "bad.mid", "none.mid", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == []


def test_render(tune, here, capsys):
    argv = ["render", str(tune), "-o", "r", "--formats", "wav,png,musicxml,svg"]
    assert main([*argv, "--engine", "synth"]) == 0
    assert files(here / "r") == [f"tune.{f}" for f in ("musicxml", "png", "svg", "wav")]
    assert capsys.readouterr().out.split() == [
        os.path.join("r", f"tune.{f}") for f in ("wav", "png", "musicxml", "svg")
    ]


def test_a_score_is_the_same_whatever_is_made_beside_it(here):
    """The chords above it do not depend on whether a picture is asked for."""
    write_midi(accompaniment(["C", "F", "G7", "C"]), here / "tune.mid")
    for formats in ("musicxml", "musicxml,png", "png,svg,musicxml"):
        argv = ["render", "tune.mid", "-o", formats, "--formats", formats, "--quiet"]
        assert main(argv) == 0
    alone = (here / "musicxml/tune.musicxml").read_bytes()
    assert b"<harmony>" in alone
    assert (here / "musicxml,png/tune.musicxml").read_bytes() == alone
    assert (here / "png,svg,musicxml/tune.musicxml").read_bytes() == alone


def test_render_many_of_one_name(tune, here, capsys):
    (here / "sub").mkdir()
    (here / "sub/tune.mid").write_bytes(tune.read_bytes())
    argv = ["render", "tune.mid", "sub/tune.mid", "-o", "r", "--formats", "musicxml", "--json"]
    assert main(argv) == 0
    assert files(here / "r") == ["tune-2.musicxml", "tune.musicxml"]
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_render_refuses(tune, here, capsys):
    fails(capsys, ["render", "tune.mid", "--formats", "mid"], "unknown format 'mid'")
    fails(capsys, ["render", "tune.mid", "none.mid", "-o", "r"], "there is no file")
    fails(capsys, ["render", "tune.mid", "-o", "tune.mid"], "is a file, not a folder")
    assert not (here / "r").exists()


# ---------------------------------------------------------------------------- data, train, ...


def test_data_list(capsys):
    assert main(["data", "list", "--json"]) == 0
    found = {c["name"] for c in json.loads(capsys.readouterr().out)}
    assert {"lakh", "pop909"} <= found
    assert main(["data", "list"]) == 0
    assert "pop909: " in capsys.readouterr().out


def test_data_fetch_and_build(here, capsys, monkeypatch):
    from cantilena.data.fetch import Fetched

    calls = []

    def fetch(name, source, to, progress):
        calls.append((name, source))
        return Fetched(to / name, 3, 3_000_000, {})

    def build(corpora, out, mix, workers, progress, limit):
        calls.append((corpora, mix, workers, limit))
        return {"counts": {"pop909": {"train": {"songs": 9, "notes": 99, "bars": 9, "hours": 0.1}}}}

    monkeypatch.setattr("cantilena.data.fetch.fetch", fetch)
    monkeypatch.setattr("cantilena.data.build.build", build)
    assert main(["data", "fetch", "pop909", "--from", "a.zip"]) == 0
    assert "3 files, 3.0 MB" in capsys.readouterr().out
    argv = ["data", "build", "--mix", "pop909", "--workers", "2", "--limit", "5"]
    assert main(argv) == 0
    assert "pop909" in capsys.readouterr().out
    assert calls == [("pop909", "a.zip"), ("corpora", ("pop909",), 2, 5)]


def test_data_refuses(here, capsys):
    fails(capsys, ["data", "fetch", "nothing"], "unknown corpus 'nothing'", "pop909")
    fails(capsys, ["data", "fetch", "lakh", "pop909", "--from", "x"], "name one")
    fails(capsys, ["data", "build", "--mix", "nothing"], "unknown corpus")
    fails(capsys, ["data", "build"], "there is no folder 'corpora'")
    fails(capsys, ["data"], "JOB")


def test_train_needs_its_extra(here, capsys, monkeypatch):
    monkeypatch.setattr("cantilena.cli.train.find_spec", lambda name: None)
    argv = ["train", "--data", "d", "--out", "r"]
    fails(capsys, argv, "pip install 'cantilena[train]'", code=1)


def test_train(here, capsys, monkeypatch):
    pytest.importorskip("torch")
    from cantilena.train.note import loop

    made = {}

    class Songs:
        n_notes = 1000

        def __len__(self):
            return 10

    class Training:
        def __init__(self, folder, model, recipe):
            made.update(folder=folder, model=model, recipe=recipe)
            self.model, self.notes, self.done = self, 0, False

        def n_parameters(self):
            return {"all": 12}

        def train(self, songs, valid, say, data):
            self.done = made["recipe"].settings.seed != 9

    monkeypatch.setattr(loop, "Training", Training)
    monkeypatch.setattr("cantilena.data.dataset.load_split", lambda *_, **__: Songs())
    argv = ["train", "--data", "d", "--out", "r", "--notes", "2M", "--length", "64"]
    argv += ["--width", "64", "--heads", "2", "--head-hidden", "32", "--no-compile"]
    assert main(argv) == 0
    assert "12 parameters" in capsys.readouterr().out
    recipe, model = made["recipe"], made["model"]
    options = recipe.options
    assert (recipe.settings.notes, options.crop.length, options.compile) == (2e6, 64, False)
    assert (model.width, model.heads, model.head_hidden) == (64, 2, 32)
    assert main([*argv, "--seed", "9"]) == 130
    capsys.readouterr()
    fails(capsys, [*argv, "--width", "65"], "does not divide")
    assert (
        main([*argv, "--minutes", "7", "--workers", "14", "--valid-every", "50M", "--warmup", "3M"])
        == 0
    )
    settings = made["recipe"].settings
    assert (settings.minutes, settings.workers) == (7.0, 14)
    assert (settings.valid_every, settings.warmup) == (50e6, 3e6)
    capsys.readouterr()
    fails(capsys, [*argv, "--minutes", "0"], "no time to train")
    fails(capsys, [*argv, "--workers", "-1"], "workers of -1")


def test_train_what_reads_a_plan(here, capsys, monkeypatch):
    pytest.importorskip("torch")
    from cantilena.cli import parser
    from cantilena.cli.train import train_recipe
    from cantilena.systems.note.training import note_recipe, plan_recipe

    argv = ["train", "--data", "d", "--out", "r", "--tune", "plan"]
    fails(capsys, argv, "give its folder with --from")
    args = parser().parse_args([*argv, "--from", "ck"])
    assert train_recipe(args, None) == plan_recipe()
    assert train_recipe(args, plan_recipe().changed(seed=4)).settings.seed == 4
    with pytest.raises(InputError, match="trains the whole model"):
        train_recipe(args, note_recipe())


def test_a_run_goes_on_with_its_own_settings(here, capsys, monkeypatch):
    pytest.importorskip("torch")
    from dataclasses import replace

    from cantilena.cli import parser
    from cantilena.cli.train import train_recipe
    from cantilena.systems.note.training import note_recipe
    from cantilena.train.run import Run

    base = note_recipe()
    saved = base.changed(batch=3, crop=replace(base.options.crop, length=77))
    args = parser().parse_args(["train", "--data", "d", "--out", ".", "--seed", "4"])
    assert train_recipe(args, saved) == saved.changed(seed=4)
    run = Run(here)
    run.write(saved, "d", {})
    state = {"model": {"width": 64}, "step": 0, "notes": 0, "seconds": 0.0}
    with run.saving(0, 1) as stage:
        (stage / "state.json").write_text(json.dumps(state))
    argv = ["train", "--data", "d", "--out", ".", "--width", "32"]
    fails(capsys, argv, "has a width of 64")
    (here / "run.json").write_text("{}")
    fails(capsys, argv, "format None", code=1)


def test_export(here, capsys, monkeypatch):
    pytest.importorskip("torch")
    from cantilena.train.note import export

    def make(run, out):
        out.mkdir()
        (out / "card.json").write_text("{}")
        return out

    monkeypatch.setattr(export, "export", make)
    fails(capsys, ["export", "run", "-o", "ck"], "there is no run in 'run'")
    (here / "run").mkdir()
    (here / "run/state.json").write_text("{}")
    assert main(["export", "run", "-o", "ck", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": "ck", "bytes": 2}


def test_evaluate_control(composer, here, capsys):
    argv = ["evaluate", "control", "--n", "2", "-o", "e"]
    assert main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 2
    assert len(composer.requests) == 2 and (here / "e/results.json").exists()
    assert main([*argv, "--midi", "e/midi"]) == 0
    assert "2 prompts" in capsys.readouterr().out
    assert main(["evaluate", "control", "--n", "2", "--quiet", "-o", "f"]) == 0
    assert capsys.readouterr() == ("", "")
    fails(capsys, ["evaluate", "control", "--midi", "none"], "there is no folder 'none'")


def test_evaluate_reads_the_text_and_composes_anew_only_when_asked(composer, here):
    argv = ["evaluate", "control", "--n", "3", "-o", "e", "--quiet"]
    assert main(argv) == 0
    assert all(r.brief.text and r.brief.metre for r in composer.requests)
    before = list(composer.requests)
    assert main([*argv, "--system", "note"]) == 0 and composer.requests == before
    assert main([*argv, "--fresh"]) == 0 and composer.requests == before + before


def test_evaluate_names_the_systems(composer, here, capsys):
    for kind in ("control", "statistics"):
        fails(capsys, ["evaluate", kind, "--system", "none"], "choose from 'note'")


def test_evaluate_statistics(composer, here, capsys):
    argv = ["evaluate", "statistics", "--n", "3", "-o", "e", "--json"]
    assert main(argv) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 3
    assert [r.brief.bars for r in composer.requests] == [32] * 3
    assert main([*argv, "--seed", "1", "--n", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 2


def test_evaluate_bits(here, capsys, monkeypatch):
    pytest.importorskip("torch")
    fails(capsys, ["evaluate", "bits", "run", "--data", "d"], "there is no run in 'run'")
    (here / "state.json").write_text("{}")
    places = []

    def measure(place, *others):
        places.append(place)
        return {"all": 8.0}, "8.0 bits"

    monkeypatch.setattr("cantilena.train.note.measure.measure", measure)
    for place in (["."], []):  # a run; the shipped checkpoint
        assert main(["evaluate", "bits", *place, "--data", "d"]) == 0
        assert capsys.readouterr().out == "8.0 bits\n"
    assert places == [".", None]
    fails(capsys, ["evaluate", "bits", ".", "--data", "d", "--windows", "0"], "--windows")


def test_a_new_evaluation_needs_one_line(capsys, monkeypatch):
    from cantilena.cli.evaluate import EVALUATIONS, Evaluation

    entry = Evaluation(
        "measure nothing",
        lambda made: made.add_argument("--n", type=int),
        lambda args: ({"n": args.n}, f"n {args.n}"),
    )
    monkeypatch.setitem(EVALUATIONS, "nothing", entry)
    assert main(["evaluate", "nothing", "--n", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"n": 3}
    assert main(["evaluate", "nothing", "--n", "4"]) == 0
    assert capsys.readouterr().out == "n 4\n"
    fails(capsys, ["evaluate", "everything"], "everything")


# ---------------------------------------------------------------------------- doctor


def test_doctor(composer, capsys):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {
        "cantilena",
        "python",
        "system",
        "packages",
        "cpu",
        "engine",
        "audio",
        "checkpoint",
        "systems",
        "self_test",
        "missing",
        "ok",
    }
    assert told["ok"] and told["self_test"]["bars"] == 4
    assert told["checkpoint"]["notes_seen"] == 2_000_000
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "composed 4 bars" in out and "7.50 bits per note" in out and "Apache-2.0" in out
    assert all(f"\n  {name} " in out for name in told["systems"])


def test_notes_that_a_training_began_with_count_too():
    training = {"notes_seen": 4, "before": {"notes_seen": 300, "before": {"notes_seen": 20}}}
    composer = SimpleNamespace(name="x", hash="", card={"training": training})
    assert doctor.summary(composer)["notes_seen"] == 324


def test_doctor_tells_what_is_missing(monkeypatch, capsys):
    def none(*_):
        raise CheckpointError("the checkpoint is missing")

    monkeypatch.setattr(loading, "_loaded", none)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("cantilena.cli.doctor._version", lambda name: None)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "the checkpoint is missing" in out and "apt install fluidsynth" in out
    assert "torch (optional, for training)" in out and "numpy (needed, for composing)" in out


def test_doctor_survives_a_composer_that_fails(composer, capsys):
    composer.error = RuntimeError("bad kernel")
    assert main(["doctor"]) == 1
    assert "failed: RuntimeError: bad kernel" in capsys.readouterr().out


# ---------------------------------------------------------------------------- Python, printing


def test_compose_in_python(composer):
    import cantilena

    one = cantilena.compose("a waltz", seed=3, bars=4, key="D minor")
    assert (one.seed, one.brief.key, one.score.n_bars) == (3, "D minor", 4)
    many = cantilena.compose("a waltz", n=2, continues=one.score)
    assert [r.seed for r in many] == [0, 1]
    again = cantilena.compose(one.brief, seed=3, checkpoint=composer)
    assert again.score == one.score
    with pytest.raises(InputError, match="words"):
        cantilena.compose(5)
    assert cantilena.load() is composer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress(monkeypatch):
    clock_ = iter(range(0, 1000, 20))
    monkeypatch.setattr("time.monotonic", lambda: next(clock_))
    for stream, held in ((Terminal(), "\r"), (io.StringIO(), "\n")):
        monkeypatch.setattr("sys.stderr", stream)
        with Progress() as progress:
            progress(1, 4, "composing")
            progress(5, 0, "unpacking")
        text = stream.getvalue()
        assert "composing   25 %  1:00 left" in text and "unpacking  5" in text
        assert text.count(held) >= 2
    monkeypatch.setattr("sys.stderr", quiet := Terminal())
    with Progress(quiet=True) as progress:
        progress(1, 4, "composing")
    assert quiet.getvalue() == ""


def test_the_report_fits_the_terminal():
    row = Row("instruments", "violin, " * 20, "violin, cello and viola", True, 1.0)
    lines = report_lines((row, Row("mood", "sad", "not measured", None, None)), 60)
    assert max(map(len, lines)) <= 60 and lines[0].split() == ["wish", "asked", "achieved", "met"]
    assert sum("violin" in line for line in lines) > 4 and lines[-1].endswith("-")
    assert report_lines(()) == []


def test_words():
    assert (clock(7), clock(200.4), clock(3723)) == ("0:07", "3:20", "1:02:03")
    assert (plural(1, "bar"), plural(1200, "note")) == ("1 bar", "1,200 notes")


def test_a_notice_is_one_line_and_other_warnings_are_pythons(capsys, monkeypatch):
    """And warnings go again where they went before."""
    import warnings

    from cantilena.cli import compose as cli_compose
    from cantilena.errors import Notice

    def run(args) -> int:
        warnings.warn("the text was cut", Notice, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(cli_compose, "compose", run)
    seen: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *where, **more: seen.append(str(message))
        assert main(["compose", "a waltz"]) == 0
        warnings.warn("afterwards", Notice, stacklevel=1)
    assert capsys.readouterr().err == "cantilena: note: the text was cut\n"
    assert seen == ["something else", "afterwards"]
