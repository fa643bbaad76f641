"""References, lists of ids and validation losses, as files hold them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cantilena.errors import InputError, UnknownNameError
from cantilena.evaluate.table3 import protocols as p
from cantilena.evaluate.table3.losses import read_losses
from cantilena.files import jsonl
from cantilena.score.midi import write_midi
from tiny_audio import tune

MIDICAPS = {
    "location": "lmd_full/f/f00dffd5.mid",
    "caption": "A melodic electronic song in F# minor at a moderate tempo.",
    "genre": ["electronic", "pop"],
    "key": "F# minor",
    "time_signature": "4/4",
    "tempo": 138,
    "test_set": True,
}
"""A line in the published form of MidiCaps (Melechovsky et al., 2024); the text is ours."""


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows))
    return path


def test_lines_of_ours_and_of_midicaps(tmp_path):
    write_midi(tune(0), tmp_path / "one.mid")
    wishes = {"tempo": 120, "metre": "4/4"}
    place = lines(
        tmp_path / "refs.jsonl",
        {"id": "a", "text": "a tune", "midi": "one.mid", "wishes": wishes},
        "",
        MIDICAPS,
        {"id": "c", "text": "no file, no wishes"},
    )
    ours, theirs, bare = p.read_references(place)
    assert ours.midi == tmp_path / "one.mid" and ours.wishes and ours.wishes.tempo == 120
    assert ours.prompt and ours.prompt.text == "a tune"
    assert (theirs.id, theirs.midi, theirs.text) == ("f00dffd5", None, MIDICAPS["caption"])
    assert theirs.wishes and theirs.wishes.tempo == 138
    assert (theirs.wishes.key, theirs.wishes.metre) == ("F# minor", "4/4")
    assert bare.prompt is None and bare.midi is None


def test_paths_come_from_the_root(tmp_path):
    root = tmp_path / "corpus"
    (root / "lmd_full" / "f").mkdir(parents=True)
    write_midi(tune(0), root / "lmd_full" / "f" / "f00dffd5.mid")
    write_midi(tune(1), root / "c.mid")
    place = lines(tmp_path / "refs.jsonl", MIDICAPS, {"id": "c", "text": ""})
    one, other = p.read_references(place, root)
    assert one.midi == root / MIDICAPS["location"] and other.midi == root / "c.mid"


def test_a_folder_of_files(tmp_path):
    for name in ("b", "a"):
        write_midi(tune(0), tmp_path / f"{name}.mid")
    found = p.read_references(tmp_path)
    assert [r.id for r in found] == ["a", "b"] and not any(r.text for r in found)


def test_a_value_of_midicaps_that_means_nothing_is_left_out(tmp_path):
    odd = MIDICAPS | {"key": "no key at all", "tempo": "fast", "time_signature": "3/4"}
    (found,) = p.read_references(lines(tmp_path / "r.jsonl", odd))
    assert found.wishes and (found.wishes.key, found.wishes.tempo) == (None, None)
    assert found.wishes.metre == "3/4"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "not JSON"),
        ([1], "not a JSON object"),
        ({"id": "a"}, "no 'id' and 'text'"),
        ({"text": "a"}, "no 'id' and 'text'"),
        ({"id": "../a", "text": "a"}, "not fit to name a file"),
        ({"id": "a", "text": "b", "wishes": {"tempo": 9000}}, "wishes"),
        ({"id": "first", "text": "b"}, "stands twice"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path, row, message):
    place = lines(tmp_path / "r.jsonl", {"id": "first", "text": "x"}, row)
    with pytest.raises(InputError, match=message) as error:
        p.read_references(place)
    assert "line 2" in str(error.value)


def test_texts_may_hold_separators_of_lines(tmp_path):
    texts = [f"a{c}b" for c in "\u2028\u2029\x85\x0b\x0c\x1c"]
    place = tmp_path / "r.jsonl"
    place.write_bytes(jsonl({"id": f"r{i}", "text": text} for i, text in enumerate(texts)))
    assert [r.text for r in p.read_references(place)] == texts


def test_places_that_hold_nothing(tmp_path):
    with pytest.raises(InputError, match="no MIDI files"):
        p.read_references(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        p.read_references(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="no references"):
        p.read_references(lines(tmp_path / "r.jsonl"))


# ---------------------------------------------------------------------------- ids


def test_ids_are_taken_from_paths_and_names(tmp_path):
    place = lines(tmp_path / "ids.txt", "# two", "lmd_full/f/ab.mid", "", "cd", "ef.midi")
    assert p.read_ids(place) == ("ab", "cd", "ef")
    with pytest.raises(InputError, match="'cd' twice"):
        p.read_ids(lines(tmp_path / "twice.txt", "cd", "cd.mid"))
    with pytest.raises(InputError, match="no ids"):
        p.read_ids(lines(tmp_path / "none.txt", "# nothing"))


def test_the_references_of_ids_and_what_is_said_of_them():
    refs = [p.Reference(i, "", None, None) for i in "abcd"]
    chosen, notes = p.choose(refs, ["d", "a", "x"], p.PROTOCOLS["paper"])
    assert [r.id for r in chosen] == ["d", "a"] and "1 of the 3 ids" in notes[0]
    chosen, notes = p.choose(refs, None, p.PROTOCOLS["midi-llm"])
    assert len(chosen) == 4 and "896" in notes[0] and "--ids" in notes[0]
    _, notes = p.choose(refs, ["a"], p.PROTOCOLS["midi-llm"])
    assert "896" in notes[0] and "holds 1" in notes[0]
    with pytest.raises(InputError, match="none of the 1 ids"):
        p.choose(refs, ["x"], p.PROTOCOLS["paper"])
    with pytest.raises(UnknownNameError, match="midi-llm"):
        p.protocol("no such")


def test_text2midis_mean_leaves_out_windows_that_miss():
    scores = [np.array([0.2, -0.5]), np.array([0.4, 0.005, 0.01])]
    assert p.floored_mean(scores) == pytest.approx((0.2 + 0.4 + 0.01) / 3)
    assert p.floored_mean([np.array([-1.0])]) == 0.0


# ---------------------------------------------------------------------------- losses


def test_losses_of_a_number_a_trainer_and_lines(tmp_path):
    assert read_losses("2.25") == {"": 2.25}
    state = {"log_history": [{"loss": 9.0}, {"eval_loss": 3.5}, {"loss": 1.0}, {"eval_loss": 3.25}]}
    for step in (50, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        state["log_history"].append({"eval_loss": 300 / step})
        lines(tmp_path / f"checkpoint-{step}" / "trainer_state.json", state)
    assert read_losses(tmp_path) == {"": 3.0}
    lines(tmp_path / "log.jsonl", {"step": 1, "valid_loss": 4.0}, {"valid_loss": 2.5}, '{"valid')
    assert read_losses(tmp_path) == read_losses(tmp_path / "log.jsonl") == {"": 2.5}


def test_losses_have_the_names_of_what_they_are_of(tmp_path):
    old = {"step": 1, "eval_loss": 5.0}
    new = {"eval_loss": 4.0, "eval_music_loss": 4.0, "eval_music_tokens": 7}
    both = {**new, "eval_text_and_music_loss": 3.5, "eval_text_and_music_tokens": 9}
    path = lines(tmp_path / "log.jsonl", old)
    assert read_losses(path) == {"": 5.0} and read_losses("2.5") == {"": 2.5}
    lines(path, old, new)
    assert read_losses(tmp_path) == {"music": 4.0}
    lines(path, old, both, {"step": 2, "loss": 1.0})
    assert read_losses(tmp_path) == {"music": 4.0, "text and music": 3.5}
    diverged = {name: None if "loss" in name else v for name, v in both.items()}
    lines(path, old, both, {"step": 2, **diverged}, {"step": 3, "loss": None})
    assert read_losses(tmp_path) == {"music": None, "text and music": None}
    lines(path, old, {"eval_loss": float("nan")})  # as the Trainer writes it
    assert read_losses(tmp_path) == {"": None}


@pytest.mark.parametrize("place", ["nan", "inf", "absent.json"])
def test_a_loss_that_is_none_is_refused(place, tmp_path):
    with pytest.raises(InputError):
        read_losses(place)
    with pytest.raises(InputError, match="no validation loss"):
        read_losses(lines(tmp_path / "log.jsonl", {"loss": 1.0}))
