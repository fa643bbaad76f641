"""Many pieces into a folder: batches, going on after a kill, what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arrival_noise_system import NoiseSystem
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, Notice
from cantilena.options import make_brief
from cantilena.score.midi import read_midi
from cantilena.systems.at_scale import (
    Item,
    Settings,
    generate_all,
    missing,
    read_manifest,
)

SHORT = Settings(options={"tokens": 24})
ITEMS = [
    Item("one", "a waltz", 3),
    Item("two", None, 4),
    Item("three", "a very slow waltz for two pianos", 5),
    Item("four", "jazz", 6),
    Item("five", "a waltz", 7),
]


def system(batch: int = 8, **how) -> NoiseSystem:
    made = NoiseSystem(**how)
    made.batch = batch
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.mid")}


def test_every_piece_has_its_file_and_line(tmp_path: Path):
    shares: list[float] = []
    summary = generate_all(system(2), ITEMS, tmp_path, SHORT, shares.append)
    assert (summary.pieces, summary.before, summary.tokens) == (5, 0, 5 * 24)
    told = summary.to_dict()
    assert told["tokens"] == 120 and told["tokens_per_second"] > 0
    lines = read_manifest(tmp_path)
    assert set(lines) == {item.id for item in ITEMS}
    for item in ITEMS:
        line = lines[item.id]
        assert (line["text"], line["seed"], line["tokens"]) == (item.text, item.seed, 24)
        assert line["sections"] == []
        score = read_midi(tmp_path / line["file"])
        assert len(score) == line["notes"] <= 8
    assert shares == sorted(shares) and shares[-1] == 1
    assert summary.notes == sum(line["notes"] for line in lines.values())
    assert not list(tmp_path.glob("*.part"))


def test_a_piece_does_not_depend_on_its_batch(tmp_path: Path):
    for name, batch in (("a", 1), ("b", 3), ("c", 8)):
        generate_all(system(batch), ITEMS, tmp_path / name, SHORT)
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")
    assert len({*files(tmp_path / "a").values()}) == 5
    # a seed makes another piece of the same text
    first, last = ITEMS[0], ITEMS[4]
    assert files(tmp_path / "a")[f"{first.id}.mid"] != files(tmp_path / "a")[f"{last.id}.mid"]


def test_a_killed_run_goes_on_and_loses_one_batch_at_most(tmp_path: Path):
    whole = tmp_path / "whole"
    generate_all(system(2), ITEMS, whole, SHORT)
    cut = tmp_path / "cut"
    dying = system(2, dies_after=2)
    with pytest.raises(KeyboardInterrupt):
        generate_all(dying, ITEMS, cut, SHORT)
    there = read_manifest(cut)
    assert len(there) == 4 and set(files(cut)) == {f"{name}.mid" for name in there}
    again = system(2)
    found = generate_all(again, ITEMS, cut, SHORT)
    assert (found.pieces, found.before, again.begun) == (1, 4, 1)
    assert files(cut) == files(whole)
    assert generate_all(again, ITEMS, cut, SHORT).pieces == 0


def test_a_torn_line_and_a_lost_file_are_made_again(tmp_path: Path):
    generate_all(system(), ITEMS, tmp_path, SHORT)
    before = files(tmp_path)
    manifest = tmp_path / "manifest.jsonl"
    text = manifest.read_text()
    manifest.write_text(text[: len(text) - 30])
    (tmp_path / "one.mid").unlink()
    found = generate_all(system(), ITEMS, tmp_path, SHORT)
    assert (found.pieces, found.before) == (2, 3) and files(tmp_path) == before
    for line in manifest.read_text().splitlines():
        json.loads(line)


def test_what_is_not_of_the_run_is_not_replaced(tmp_path: Path):
    foreign = tmp_path / "two.mid"
    foreign.write_bytes(b"of another origin")
    with pytest.raises(InputError, match=r"two\.mid.*not of this run"):
        generate_all(system(), ITEMS, tmp_path, SHORT)
    assert [path.name for path in tmp_path.iterdir()] == ["two.mid"]
    foreign.rename(tmp_path / "other.mid")
    generate_all(system(), ITEMS[:2], tmp_path, SHORT)
    for name in ("three", "four"):  # a kill leaves one piece without its line at most
        (tmp_path / f"{name}.mid").write_bytes(b"of another origin")
    with pytest.raises(InputError, match=r"three\.mid"):
        generate_all(system(), ITEMS, tmp_path, SHORT)
    assert (tmp_path / "three.mid").read_bytes() == b"of another origin"


def test_a_piece_without_its_line_is_made_again_and_that_is_said(tmp_path: Path):
    generate_all(system(), ITEMS, tmp_path, SHORT)
    before = files(tmp_path)
    manifest = tmp_path / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))  # killed between the file and its line
    with pytest.warns(Notice, match="made again"):
        assert generate_all(system(), ITEMS, tmp_path, SHORT).pieces == 1
    assert files(tmp_path) == before


def test_texts_with_separators_of_lines_stay_in_the_manifest(tmp_path: Path):
    """U+2028 and its like may stand inside a JSON string; str.splitlines would tear the line."""
    texts = [f"a waltz{c}in D" for c in ("\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c")]
    items = [Item(str(i), text, i) for i, text in enumerate(texts)]
    generate_all(NoiseSystem(), items, tmp_path, SHORT)
    manifest = (tmp_path / "manifest.jsonl").read_bytes()
    lines = read_manifest(tmp_path)
    assert [lines[item.id]["text"] for item in items] == texts
    assert generate_all(NoiseSystem(), items, tmp_path, SHORT).pieces == 0
    assert (tmp_path / "manifest.jsonl").read_bytes() == manifest


def test_a_damaged_line_is_named_and_none_is_lost(tmp_path: Path):
    generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
    manifest = tmp_path / "manifest.jsonl"
    first, second, *rest = manifest.read_bytes().splitlines(keepends=True)
    for line, reason in ((second[:20], "not JSON"), (b"[1]", "not a JSON object with an 'id'")):
        damaged = b"".join((first, line + b"\n", *rest))
        manifest.write_bytes(damaged)
        with pytest.raises(InputError, match=rf"manifest\.jsonl, line 2: {reason}"):
            generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
        assert manifest.read_bytes() == damaged


def test_reading_the_manifest_changes_nothing(tmp_path: Path):
    generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + b'{"id": "tor')
    before = manifest.read_bytes()
    assert len(read_manifest(tmp_path)) == len(ITEMS) and manifest.read_bytes() == before


def test_two_runs_in_one_folder_are_refused(tmp_path: Path):
    refused: list[str] = []

    def second(_: float) -> None:
        with pytest.raises(InputError, match="another process is writing to") as error:
            generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
        refused.append(str(error.value))

    assert generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT, second).pieces == 5
    assert refused and len(read_manifest(tmp_path)) == 5
    assert generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT).pieces == 0


def test_another_text_or_seed_makes_the_piece_again(tmp_path: Path):
    generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
    other = [Item("one", "a waltz", 99), *ITEMS[1:]]
    assert generate_all(NoiseSystem(), other, tmp_path, SHORT).pieces == 1
    assert generate_all(NoiseSystem(), other, tmp_path, SHORT).pieces == 0
    assert read_manifest(tmp_path)["one"]["seed"] == 99


def test_wishes_of_a_piece_reach_it_and_others_make_it_again(tmp_path: Path):
    items = [replace(ITEMS[0], options={"instruments": "flute, cello"}), *ITEMS[1:]]
    settings = Settings(options={"tokens": 60})
    generate_all(NoiseSystem(), items, tmp_path, settings)
    heard = set(read_midi(tmp_path / f"{items[0].id}.mid").instrument.tolist())
    assert heard and heard <= {42, 73}
    assert generate_all(NoiseSystem(), items, tmp_path, settings).pieces == 0
    assert generate_all(NoiseSystem(), ITEMS, tmp_path, settings).pieces == 1
    wrong = [replace(ITEMS[0], options={"key": "zzxx"})]
    with pytest.raises(InputError, match=f"piece {ITEMS[0].id!r}"):
        generate_all(NoiseSystem(), wrong, tmp_path / "wrong", settings)


def test_one_folder_holds_pieces_of_one_making(tmp_path: Path):
    generate_all(NoiseSystem(), ITEMS[:1], tmp_path, SHORT)
    with pytest.raises(InputError, match=r"options.*24.*not.*27"):
        generate_all(NoiseSystem(), ITEMS, tmp_path, Settings(options={"tokens": 27}))
    with pytest.raises(InputError, match="checkpoint"):
        generate_all(NoiseSystem(hash="other"), ITEMS, tmp_path, SHORT)
    (tmp_path / "generate.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
    (tmp_path / "generate.json").unlink()
    with pytest.raises(InputError, match="manifest"):
        generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)


def test_a_run_that_made_nothing_leaves_the_folder_free(tmp_path: Path):
    dying = system(2, dies_after=0)
    with pytest.raises(KeyboardInterrupt):
        generate_all(dying, ITEMS, tmp_path, SHORT)
    assert not read_manifest(tmp_path)
    other = Settings(options={"tokens": 12})
    assert generate_all(system(), ITEMS, tmp_path, other).pieces == len(ITEMS)
    with pytest.raises(InputError, match="holds pieces made with options"):
        generate_all(system(), ITEMS, tmp_path, SHORT)


def test_settings_reach_the_pieces(tmp_path: Path):
    settings = Settings(
        make_brief("", True, instruments="piano, drums", seconds=2), options={"tokens": 60}
    )
    generate_all(NoiseSystem(), ITEMS, tmp_path, settings)
    for path in tmp_path.glob("*.mid"):
        score = read_midi(path)
        assert set(score.instrument.tolist()) <= {0, 128}
        assert score.seconds(score.onset).max(initial=0) < 2


def test_files_as_the_published_implementation_writes_them(tmp_path: Path):
    generate_all(
        NoiseSystem(), ITEMS, tmp_path, Settings(options={"tokens": 24, "compatible": True})
    )
    scores = [read_midi(path) for path in tmp_path.glob("*.mid")]
    assert len(scores) == 5
    assert {int(v) for s in scores for v in s.velocity} == {72}
    assert {s.tpq for s in scores if len(s)} == {50}


def test_pieces_of_like_length_are_made_abreast(tmp_path: Path):
    rng = np.random.default_rng(0)
    items = [Item(str(i), "x" * int(n), i) for i, n in enumerate(rng.integers(0, 90, 50))]
    lengths = [len(item.text or "") for item in missing(items, tmp_path, ("mid",))]
    assert len(lengths) == 50 and lengths == sorted(lengths)


def test_a_piece_that_cannot_be_made_is_named_and_nothing_is_written(tmp_path: Path):
    wishes = make_brief("", True, exclude="piano")
    with pytest.raises(InputError, match=r"'two'.*guidance"):
        generate_all(system(), ITEMS[1:2], tmp_path, Settings(wishes, Sampling(guidance=2.0)))
    assert not list(tmp_path.glob("*.mid"))


def test_wishes_in_texts_are_obeyed_where_that_is_asked(tmp_path: Path):
    items = [Item("a", "a tune for flute alone, 2 seconds", 1)]
    for obey in (False, True):
        settings = Settings(options={"tokens": 60}, obey=obey)
        generate_all(system(), items, tmp_path / str(obey), settings)
    heard = {
        obey: set(read_midi(tmp_path / str(obey) / "a.mid").instrument.tolist())
        for obey in (False, True)
    }
    assert heard[True] == {73} and len(heard[False]) > 1


def test_wishes_of_all_pieces_stand_above_what_a_text_says(tmp_path: Path):
    """Of every kind of wish that the command line can state."""
    wishes = make_brief(
        "", True, instruments="piano, drums", exclude="flute", seconds=2, form="verse 1, verse 2"
    )
    settings = Settings(wishes, options={"tokens": 60}, obey=True)
    item = Item("a", "a tune for flute alone, 8 bars", 1)
    brief = settings.request(system(), item).brief
    assert brief.instruments == wishes.instruments and brief.only
    assert brief.form == wishes.form and brief.form_whole
    assert (brief.excluded, brief.seconds, brief.bars) == (wishes.excluded, 2, None)
    assert brief.text == item.text
    without = Settings(make_brief("", True, exclude="flute"), obey=True)
    brief = without.request(system(), Item("b", "flute and piano in D minor", 1)).brief
    assert brief.excluded == without.wishes.excluded and brief.key == "D minor"
    assert not {p for i in brief.instruments for p in i.programs} & {*brief.excluded}
    assert len(brief.instruments) == 1


def test_pieces_of_other_code_are_not_gone_on_with(tmp_path: Path, monkeypatch):
    generate_all(NoiseSystem(), ITEMS[:1], tmp_path, SHORT)
    monkeypatch.setattr("cantilena.systems.at_scale.code_fingerprint", lambda: "other")
    with pytest.raises(InputError, match="code"):
        generate_all(NoiseSystem(), ITEMS, tmp_path, SHORT)
