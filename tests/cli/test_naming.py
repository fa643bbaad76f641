"""How the command line names files, what it never replaces, and what it keeps where a format
cannot be made."""

from __future__ import annotations

import json
import os
import sys

import pytest

from cantilena.cli import main

SOURCES = {
    "Symphony No. 5: Allegro?.mid": "Symphony No. 5_ Allegro_",
    ".hidden": "hidden",
    "Song ....mid": "Song",
    "aux.mid": "aux_",
    "ж" * 110 + ".mid": "ж" * 100,
}
"""Names that a file may have on Linux, and those that files made of them get."""
if sys.platform == "linux":
    SOURCES[os.fsdecode(b"caf\xe9.mid")] = "caf_"


@pytest.fixture
def tune(composer, here) -> bytes:
    """A MIDI file's bytes."""
    argv = ["compose", "tune for flute", "-o", "tunes", "--formats", "mid", "--quiet"]
    assert main(argv) == 0
    composer.requests.clear()
    return (here / "tunes" / "tune-for-flute.mid").read_bytes()


def contents(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}


def refused(capsys, argv: list[str], *parts: str) -> None:
    """The command ends with code 2 and one line on standard error that holds ``parts``."""
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and all(part in err for part in parts), err


def test_a_wrong_soundfont_is_said_before_anything_is_composed(composer, here, capsys, monkeypatch):
    (here / "font.txt").write_text("no soundfont")
    for font in ("font.txt", "gone.sf2"):
        refused(capsys, ["compose", "a waltz", "--soundfont", font], font, "not a soundfont")
    monkeypatch.setenv("CANTILENA_SOUNDFONT", "gone.sf2")
    monkeypatch.setattr("cantilena.render.audio.shutil.which", lambda name: name)
    refused(capsys, ["compose", "a waltz"], "gone.sf2", "CANTILENA_SOUNDFONT")
    assert not composer.requests and set(contents(here)) == {"font.txt"}
    quiet = ["--formats", "mid", "--quiet"]
    assert main(["compose", "a waltz", "-o", "out", *quiet]) == 0  # nothing sounds


# ---------------------------------------------------------------------------- names of sources


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")
@pytest.mark.parametrize(("source", "name"), SOURCES.items(), ids=ascii)
def test_a_file_of_any_name_is_rendered(tune, here, capsys, source, name):
    (here / source).write_bytes(tune)
    assert main(["render", source, "-o", "r", "--formats", "musicxml"]) == 0
    assert set(contents(here / "r")) == {f"{name}.musicxml"}
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and f"is named {name!r}; --name" in err


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")
@pytest.mark.parametrize(("source", "name"), SOURCES.items(), ids=ascii)
def test_a_file_of_any_name_is_continued(tune, here, capsys, source, name):
    (here / source).write_bytes(tune)
    argv = ["compose", "--continue", source, "--formats", "mid,json", "-o", "r", "--quiet"]
    assert main(argv) == 0
    (stem,) = {p.stem for p in (here / "r").iterdir()}
    assert stem.endswith("-continued") and name.startswith(stem.removesuffix("-continued"))
    assert capsys.readouterr().err.count("\n") == 1
    os.rename(here / "r" / f"{stem}.json", here / "x:y.json")
    assert main(["compose", "--replay", "x:y.json", "--formats", "mid", "-o", "again"]) == 0
    assert set(contents(here / "again")) == {"x_y.mid"}


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")
def test_a_file_of_any_name_is_gone_on_from_by_generate(tune, here, capsys):
    (here / "a: b?.mid").write_bytes(tune)
    argv = ["generate", "--system", "note", "--onto", "a: b?.mid", "-o", "g", "--quiet"]
    assert main(argv) == 0
    assert set(contents(here / "g")) == {"a_ b_-1.mid"}
    assert "is named 'a_ b_'" in capsys.readouterr().err
    assert main([*argv, "--name", "mine", "--n", "2"]) == 0
    assert set(contents(here / "g")) == {"a_ b_-1.mid", "mine-1.mid", "mine-2.mid"}
    refused(capsys, ["generate", "--name", "mine", "-o", "g"], "--name goes with --onto")


def test_a_name_that_stays_is_not_spoken_of(tune, here, capsys):
    (here / "Op. 5 - 夜曲.mid").write_bytes(tune)
    assert main(["render", "Op. 5 - 夜曲.mid", "-o", "r", "--formats", "musicxml", "--quiet"]) == 0
    assert set(contents(here / "r")) == {"Op. 5 - 夜曲.musicxml"}
    assert capsys.readouterr() == ("", "")


def test_files_of_one_name_keep_its_spelling(tune, here):
    for folder in ("a", "b"):
        (here / folder).mkdir()
        (here / folder / "My Song.mid").write_bytes(tune)
    argv = ["render", "a/My Song.mid", "b/My Song.mid", "--formats", "musicxml", "-o", "r"]
    assert main(argv) == 0
    assert set(contents(here / "r")) == {"My Song.musicxml", "My Song-2.musicxml"}


# ---------------------------------------------------------------------------- --name


def test_the_name_is_chosen(tune, here):
    (here / "x.mid").write_bytes(tune)
    argv = ["-o", "r", "--quiet", "--name", "Mein Stück"]
    assert main(["compose", "a waltz", "--formats", "mid", *argv]) == 0
    assert main(["compose", "--continue", "x.mid", "--formats", "json", "-o", "c", *argv[2:]]) == 0
    assert main(["render", "x.mid", "--formats", "musicxml", *argv]) == 0
    assert main(["compose", "--replay", "c/Mein Stück.json", "-o", "again", "--name", "y"]) == 0
    assert set(contents(here / "r")) == {"Mein Stück.mid", "Mein Stück.musicxml"}
    assert {p.stem for p in (here / "again").iterdir()} == {"y"}


def test_several_pieces_of_a_chosen_name_are_numbered(tune, here, composer):
    (here / "p.jsonl").write_text('{"id": "a", "text": "a waltz"}\n{"text": "a march"}\n')
    argv = ["--formats", "mid", "-o", "r", "--quiet"]
    assert main(["compose", "--prompts", "p.jsonl", "--n", "2", "--name", "x", *argv]) == 0
    assert set(contents(here / "r")) == {f"x-{i}.mid" for i in (1, 2, 3, 4)}
    assert [r.brief.text for r in composer.requests] == ["a waltz"] * 2 + ["a march"] * 2
    for name in ("one", "two"):
        (here / f"{name}.mid").write_bytes(tune)
    argv = ["render", "one.mid", "two.mid", "--name", "y", "--formats", "musicxml", "-o", "s"]
    assert main(argv) == 0
    assert set(contents(here / "s")) == {"y-1.musicxml", "y-2.musicxml"}


@pytest.mark.parametrize("name", ["a/b", "a:b", "", ".", "con", "x" * 201, "../x"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_done(
    composer, here, tune, capsys, name
):
    (here / "x.mid").write_bytes(tune)
    for argv in (
        ["compose", "a waltz"],
        ["compose", "--continue", "x.mid"],
        ["compose", "a waltz", "--n", "2"],
        ["render", "x.mid"],
        ["generate", "--system", "note", "--onto", "x.mid"],
    ):
        refused(capsys, [*argv, "-o", "r", "--name", name], "--name ", "cannot be a file's name")
    assert not composer.requests and not (here / "r").exists()


# ---------------------------------------------------------------------------- nothing is lost

WALTZ = ["compose", "a waltz", "-o", "out", "--quiet"]


def test_another_piece_of_the_same_text_gets_a_number(composer, here, capsys):
    argv = [*WALTZ, "--formats", "mid,json"]
    assert main(argv) == 0
    before = contents(here / "out")
    capsys.readouterr()
    assert main([*argv, "--seed", "1"]) == 0
    after = contents(here / "out")
    assert set(after) - set(before) == {"a-waltz-2.mid", "a-waltz-2.json"}
    assert {name: after[name] for name in before} == before
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "a-waltz.*" in err
    assert "named 'a-waltz-2'" in err and "--replace" in err
    for again in (argv, [*argv, "--seed", "1"]):  # each finds its own, and no third is made
        assert main(again) == 0
        assert contents(here / "out") == after


@pytest.mark.parametrize("form", ["mid", "musicxml", "png", "wav", "json"])
def test_what_was_edited_stays(composer, here, capsys, form):
    argv = [*WALTZ, "--engine", "synth"]
    assert main(argv) == 0
    (here / "out" / f"a-waltz.{form}").write_bytes(b"edited")
    before = contents(here / "out")
    assert main(argv) == 0
    after = contents(here / "out")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {name.replace("waltz", "waltz-2") for name in before}


def test_the_same_request_adds_formats_in_the_place(composer, here):
    assert main([*WALTZ, "--formats", "mid,json"]) == 0
    assert main([*WALTZ, "--formats", "musicxml"]) == 0
    assert main([*WALTZ, "--formats", "mid,json,musicxml"]) == 0
    assert set(contents(here / "out")) == {f"a-waltz.{f}" for f in ("mid", "json", "musicxml")}


def test_formats_of_two_pieces_do_not_meet_under_one_name(composer, here):
    """The JSON file beside says whose name it is."""
    assert main([*WALTZ, "--formats", "mid,json"]) == 0
    assert main([*WALTZ, "--formats", "musicxml", "--seed", "1"]) == 0
    assert set(contents(here / "out")) == {"a-waltz.mid", "a-waltz.json", "a-waltz-2.musicxml"}


def test_replace_replaces(composer, here, capsys):
    argv = [*WALTZ, "--formats", "mid,json"]
    assert main(argv) == 0
    before = contents(here / "out")
    assert main([*argv, "--seed", "1", "--replace"]) == 0
    after = contents(here / "out")
    assert set(after) == set(before) and all(after[name] != before[name] for name in before)
    assert capsys.readouterr().err == ""


def test_a_folder_or_a_dead_link_in_the_place_is_not_written_over(composer, here):
    (here / "out" / "a-waltz.mid").mkdir(parents=True)
    (here / "out" / "a-waltz-2.mid").symlink_to("nowhere")
    assert main([*WALTZ, "--formats", "mid"]) == 0
    assert (here / "out" / "a-waltz-3.mid").is_file()
    assert not (here / "out" / "nowhere").exists()


def test_a_number_is_never_another_piece_s_name(composer, here, capsys):
    lines = ({"id": name, "text": f"a {name}"} for name in ("song", "song-2"))
    (here / "p.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (here / "out").mkdir()
    (here / "out" / "song.mid").write_bytes(b"mine")
    argv = ["compose", "--prompts", "p.jsonl", "-o", "out", "--formats", "mid", "--json"]
    assert main(argv) == 0
    pieces = json.loads(capsys.readouterr().out)["pieces"]
    assert [p["name"] for p in pieces] == ["song-3", "song-2"]
    assert [p["text"] for p in pieces] == ["a song", "a song-2"]
    assert [p["files"]["mid"] for p in pieces] == [
        os.path.join("out", f"{name}.mid") for name in ("song-3", "song-2")
    ]


def test_replay_into_its_own_folder_changes_nothing_but_keeps_what_was_edited(composer, here):
    argv = [*WALTZ, "--formats", "mid,json"]
    assert main(argv) == 0
    before = contents(here / "out")
    replay = ["compose", "--replay", "out/a-waltz.json", "--formats", "mid,json", "--quiet"]
    assert main(replay) == 0
    assert contents(here / "out") == before
    (here / "out" / "a-waltz.mid").write_bytes(b"edited")
    assert main(replay) == 0
    after = contents(here / "out")
    assert after["a-waltz.mid"] == b"edited"
    assert after["a-waltz-2.mid"] == before["a-waltz.mid"]


def test_render_beside_its_source_keeps_what_is_there(tune, here, capsys):
    (here / "x.mid").write_bytes(tune)
    (here / "x.musicxml").write_bytes(b"engraved by hand")
    argv = ["render", "x.mid", "-o", ".", "--formats", "musicxml", "--quiet"]
    assert main(argv) == 0
    assert (here / "x.musicxml").read_bytes() == b"engraved by hand"
    made = (here / "x-2.musicxml").read_bytes()
    assert "named 'x-2'" in capsys.readouterr().err
    assert main(argv) == 0 and not (here / "x-3.musicxml").exists()
    assert main([*argv, "--replace"]) == 0
    assert (here / "x.musicxml").read_bytes() == made
    assert (here / "x.mid").read_bytes() == tune


# ---------------------------------------------------------------------------- what cannot be made


@pytest.fixture
def no_verovio(monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)


def test_without_verovio_all_but_the_svg_is_kept(no_verovio, composer, here, tune, capsys):
    argv = ["compose", "a waltz", "--n", "2", "-o", "out", "--formats", "svg,mid,json", "--json"]
    assert main(argv) == 1
    assert set(contents(here / "out")) == {f"a-waltz-{i}.{f}" for i in (1, 2) for f in MID_JSON}
    out, err = capsys.readouterr()
    assert [set(p["files"]) for p in json.loads(out)["pieces"]] == [set(MID_JSON)] * 2
    assert err.count("\n") == 1
    assert "no svg was written" in err and "pip install 'cantilena[sheet]'" in err
    (here / "x.mid").write_bytes(tune)
    assert main(["render", "x.mid", "-o", "r", "--formats", "musicxml,svg"]) == 1
    assert set(contents(here / "r")) == {"x.musicxml"}
    assert "cantilena[sheet]" in capsys.readouterr().err


MID_JSON = ("mid", "json")


def test_svg_alone_without_verovio_is_refused_before_the_work(no_verovio, composer, here, capsys):
    assert main(["compose", "a waltz", "--formats", "svg"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "cantilena[sheet]" in err
    assert not composer.requests and not (here / "out").exists()


def test_sound_that_cannot_be_made_takes_no_notes_with_it(composer, here, capsys):
    argv = ["compose", "a waltz", "--bars", "1000", "--tempo", "60", "--formats", "mid,wav"]
    assert main([*argv, "--quiet"]) == 2
    assert set(contents(here / "out")) == {"a-waltz.mid"}
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "no wav was written: the score lasts" in err
