"""Captions marked by what the pieces are."""

from __future__ import annotations

import json
import re

import pytest

from cantilena.cli import main
from cantilena.errors import InputError
from cantilena.evaluate import qualitative as q
from cantilena.score.midi import write_midi
from tiny_audio import tune

PIANO = tune(0, bars=4)  # piano in C major, 120 bpm, 4/4


def states(caption: str, score=PIANO) -> dict[str, str]:
    text, words = q.marks(caption, score)
    return {text[m.start : m.end]: m.state for m in words}


@pytest.mark.parametrize(
    ("caption", "followed", "violated", "unmeasured"),
    [
        ("A sad piano at 120 bpm in 4/4", ["piano", "120", "bpm", "4"], [], ["sad"]),
        ("piano and violin at 90 bpm", ["piano"], ["violin", "90", "bpm"], []),
        ("a string quartet in 3/4", [], ["string", "quartet", "3"], []),
        ("piano, no drums", ["piano", "no", "drums"], [], []),
        ("violin without piano", [], ["violin", "without", "piano"], []),
        ("4 bars of piano, 120 bpm or 90 bpm", ["4", "bars", "120"], [], ["90"]),
        ("glittering piano", ["piano"], [], ["glittering"]),
        ("a waltz", [], ["waltz"], []),
    ],
)
def test_words_are_followed_violated_or_not_measurable(caption, followed, violated, unmeasured):
    by_word = states(caption)
    for names, state in (
        (followed, q.FOLLOWED), (violated, q.VIOLATED), (unmeasured, q.UNMEASURED)
    ):  # fmt: skip
        assert {name: by_word.get(name) for name in names} == dict.fromkeys(names, state)
    assert not {"a", "A", "and", "of"} & set(by_word)


def test_markup_keeps_the_caption_and_escapes_it():
    caption = "Piano <b> & drums, café"
    page = q.marked_html(caption, PIANO)
    assert "<b>" not in page and "&lt;" in page and "&amp;" in page and "café" in page
    assert f'style="color:{q.COLOURS[q.VIOLATED]}">drums<' in page


def test_the_command(tmp_path, capsys):
    folder = tmp_path / "my pieces"
    folder.mkdir()
    write_midi(PIANO, folder / "a.mid")
    (folder / "b.mid").write_bytes(b"no music")
    texts = {"a": "piano and violin", "b": "drums"}
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts.items())
    (folder / "manifest.jsonl").write_text(lines)
    out = tmp_path / "page.html"
    argv = ["evaluate", "qualitative", str(folder), "-o", str(out), "--quiet"]
    assert main([*argv, "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["words"]
    assert counts == {q.FOLLOWED: 1, q.VIOLATED: 1, q.UNMEASURED: 0}
    page = out.read_text()
    assert 'href="my%20pieces/a.mid"' in page and "<audio" in page and "data:image/png" in page
    assert "<b>b</b>: no notes" in page and len(re.findall("<section>", page)) == 1
    (tmp_path / "r.jsonl").write_text(lines)
    assert main([*argv, "--references", str(tmp_path / "r.jsonl"), "--n", "1"]) == 0
    (folder / "manifest.jsonl").unlink()
    assert main(argv) == 2 and "--references" in capsys.readouterr().err


def test_without_captions_there_is_no_page(tmp_path):
    with pytest.raises(InputError, match="no captions"):
        q.qualitative_page(tmp_path, {}, tmp_path / "page.html")


def test_the_first_pieces_are_those_of_the_manifest(tmp_path, capsys):
    """Its order, not that of letters, in which 10 comes before 2."""
    names = [str(n) for n in range(1, 12)]
    for name in names:
        write_midi(PIANO, tmp_path / f"{name}.mid")
    lines = [json.dumps({"id": name, "text": f"piano number {name}"}) + "\n" for name in names]
    (tmp_path / "manifest.jsonl").write_text("".join(lines))
    page = tmp_path / "page.html"
    assert main(["evaluate", "qualitative", str(tmp_path), "--n", "3", "-o", str(page)]) == 0
    assert "3 captions" in capsys.readouterr().out
    text = page.read_text()
    assert [name for name in names if f"{name}.mid" in text] == ["1", "2", "3"]
