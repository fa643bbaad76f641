"""What every system of the registry has to hold, on a tiny checkpoint of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import cantilena
from cantilena.cli import main
from cantilena.decode.sampling import Sampling
from cantilena.errors import (
    BriefError,
    CantilenaError,
    CheckpointError,
    InputError,
    UnknownNameError,
)
from cantilena.result import Result
from cantilena.score import Controls, Score, Track
from cantilena.score.controls import CONTROL_CHANGE, PITCH_BEND
from cantilena.score.midi import write_midi
from cantilena.systems import SYSTEMS, resolve, spec, system_class
from cantilena.systems.base import Finished, Note, Progress, System
from cantilena.systems.request import Edit, Request, Span
from cantilena.systems.spec import EDITS, GIVES, READS
from cantilena.text.report import report
from cantilena.text.report.rows import NOT_MEASURED
from cantilena.text.wishes import Brief, Change, Instrument, PartWish, Section
from tiny_systems import CHECKPOINTS

ONE = Sampling(best_of=1, top_p=0.98)
SOUND_ALONE = ("musiclm", "karasinger")
"""The systems whose pieces have no notes."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """A checkpoint of every system, made when it is first asked for."""
    made: dict[str, Path] = {}

    class Made(dict):
        def __missing__(self, name: str) -> Path:
            made[name] = CHECKPOINTS[name](tmp_path_factory.mktemp(name))
            self[name] = made[name]
            return made[name]

    return Made()


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request, checkpoints) -> System:
    options = {"device": "cpu"} if spec(request.param).extra else {}
    return cantilena.load(checkpoints[request.param], request.param, **options)


def request_of(system: System, seed: int = 1, text: str = "slow sad waltz", **fields) -> Request:
    """A short piece of whatever system."""
    options = {"tokens": 60 + 30 * (seed % 3)} if "tokens" in system.options else {}
    fields = {"sampling": sampling_for(system), "options": options, **fields}
    return Request(Brief(bars=2, text=text), seed, **fields)


def sampling_for(system: System, best_of: int = 1) -> Sampling:
    """``ONE``, without the nucleus where the system draws from none and refuses to be asked."""
    draws = "top_p" not in system.without_effect(Request(Brief(bars=2, tempo=120)))
    return replace(ONE if draws else Sampling(), best_of=best_of)


def music_of(result: Result) -> bytes:
    """What a piece is, as bytes: its notes, or its sound where it has none."""
    if is_sound_alone(result):
        return result.audio.samples.tobytes()
    return write_midi(result.score)


def is_sound_alone(result: Result) -> bool:
    return result.audio is not None and result.guide is None


def music(system: System, request: Request) -> bytes:
    return music_of(system.compose([request])[0])


def a_score() -> Score:
    """Notes, pedal and bends of two tracks, some within and some outside of what is edited."""
    onset = [0, 240, 480, 960, 1440, 1440]
    tracks = [Track("a", 0), Track("b", 33)]
    moves = [
        (0, 0, CONTROL_CHANGE, 64, 127),
        (460, 0, CONTROL_CHANGE, 64, 0),
        (500, 0, CONTROL_CHANGE, 64, 127),
        (500, 1, PITCH_BEND, 0, -8192),
        (1000, 0, CONTROL_CHANGE, 64, 0),
        (1200, 1, PITCH_BEND, 0, 0),
    ]
    return Score.build(
        480,
        tracks,
        onset,
        [240] * 6,
        [60, 64, 67, 72, 40, 76],
        [80] * 6,
        [0] * 5 + [1],
        controls=Controls.build(*zip(*moves, strict=True)),
    )


OTHERWISE = ("aligned", "latent")
"""The systems whose steps in torch are no small ones: the note model's, and whole windows."""


def test_small_steps_are_computed_in_one_thread(system: System, monkeypatch: pytest.MonkeyPatch):
    from cantilena.models import threads

    used: list[bool] = []
    whole = threads.in_one_thread

    def noted(steps):
        used.append(True)
        return whole(steps)

    monkeypatch.setattr(threads, "in_one_thread", noted)
    music(system, request_of(system))
    assert bool(used) == (bool(system.networks) and system.system not in OTHERWISE)


# ---------------------------------------------------------------------------- the registry


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_line_of_the_registry_is_whole(name: str):
    line = SYSTEMS[name]
    assert name in CHECKPOINTS, "tests/support/tiny_systems.py makes a checkpoint of every system"
    assert len(line.help) > 10 and not line.help.endswith(".")
    assert set(line.reads) <= set(READS) and line.reads
    assert set(line.edits) <= set(EDITS) and line.gives in GIVES
    kind = resolve(line.home)
    assert issubclass(kind, System) and kind.system == name
    if line.trains:
        assert resolve(line.trains)


def test_the_systems_that_go_on_from_a_recording_are_known_by_name():
    """As the command line refuses others before it loads them."""
    from cantilena.cli.editing import GO_ON

    of_sound = [name for name, line in SYSTEMS.items() if line.gives == "audio"]
    assert set(GO_ON) == {n for n in of_sound if "start" in system_class(n).options}


def test_an_unknown_system_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="llama-music"):
        cantilena.load(system="no such")


@pytest.mark.parametrize("name", [name for name, line in SYSTEMS.items() if not line.default])
def test_a_system_without_a_checkpoint_says_how_one_is_made(name: str, capsys):
    pytest.importorskip("torch")
    assert main(["compose", "calm", "--system", name]) == 2
    error = capsys.readouterr().err
    assert "--checkpoint" in error and error.count("\n") == 1
    command_of = re.search(r"'cantilena (.+)' makes one", error)
    assert bool(command_of) == bool(SYSTEMS[name].command or SYSTEMS[name].trains)
    if command_of is None:
        return
    command, *rest = command_of[1].split()
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert not rest or rest[1] in out


@pytest.mark.parametrize("command", ["compose", "generate", "doctor"])
def test_the_command_line_knows_every_system(command: str, capsys):
    if command == "doctor":
        main([command])
    else:
        with pytest.raises(SystemExit):
            main([command, "--help"])
    out = capsys.readouterr().out
    for name in SYSTEMS:
        assert name in out


def test_the_readme_has_the_table_of_systems():
    from cantilena.systems import systems_table

    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert systems_table() in readme


# ---------------------------------------------------------------------------- pieces


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(system: System):
    request = request_of(system)
    first, again = system.compose([request])[0], system.compose([request])[0]
    assert music_of(first) == music_of(again)
    assert is_sound_alone(first) or len(first.score)
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())
    assert music(system, replace(request, seed=2)) != music_of(first)
    assert first.system == system.system and first.checkpoint_hash == system.hash


def test_a_piece_does_not_depend_on_those_beside_it(system: System):
    requests = [request_of(system, seed) for seed in range(3)]
    alone = [music(system, request) for request in requests]
    together = [music_of(result) for result in system.compose(requests)]
    assert together == alone


def test_a_stream_is_the_piece(system: System):
    for best_of in (1, 3):
        request = request_of(system, 4, sampling=sampling_for(system, best_of))
        notes = list(system.stream(request))
        result = system.compose([request])[0]
        assert system.has_notes(request) is not is_sound_alone(result)
        if is_sound_alone(result):
            assert notes == []
            continue
        score = result.score
        assert all(isinstance(note, Note) and note.bar >= 1 for note in notes)
        rows = sorted((n.onset, n.onset + n.duration, n.pitch, n.velocity) for n in notes)
        ends = score.seconds(score.onset + score.duration)
        there = zip(score.seconds(score.onset), ends, score.pitch, score.velocity, strict=True)
        assert np.allclose(rows, sorted(tuple(map(float, row)) for row in there), atol=1e-6)


def test_events_tell_of_each_piece_to_its_end(system: System):
    requests = [request_of(system, seed) for seed in range(2)]
    shares: list[list[float]] = [[], []]
    ended: list[int] = []
    for i, event in system.run(requests):
        assert i not in ended
        if isinstance(event, Progress):
            shares[i].append(event.share)
        elif isinstance(event, Finished):
            ended.append(i)
    assert sorted(ended) == [0, 1]
    for piece in shares:
        assert piece == sorted(piece) and piece and piece[0] >= 0 and piece[-1] <= 1


def test_a_short_piece_is_done_before_a_longer_one_beside_it(system: System):
    """So that it can be written while the others of its group are still being made."""
    short, long = request_of(system), request_of(system)
    long = replace(long, brief=Brief(bars=8, text=long.text))
    if "tokens" in system.options:
        short, long = replace(short, options={"tokens": 30}), replace(long, options={"tokens": 120})
    assert system.alike(short) == system.alike(long)
    order = [(i, isinstance(event, Finished)) for i, event in system.run([long, short])]
    assert order.index((1, True)) < order.index((0, True))
    assert (0, False) in order[order.index((1, True)) :]


def test_closing_a_run_ends_the_work_at_once(system: System, monkeypatch):
    steps: list[int] = []
    closed: list[bool] = []
    attempt = system.attempt

    def watched(attempts):
        try:
            for event in attempt(attempts):
                steps.append(1)
                yield event
        except GeneratorExit:
            closed.append(True)
            raise

    monkeypatch.setattr(system, "attempt", watched)
    run = system.run([request_of(system)])
    for _ in range(5):
        next(run)
    before = len(steps)
    run.close()
    assert closed == [True] and len(steps) == before
    assert music(system, request_of(system))  # and the system is as before


def test_two_at_once_are_what_each_is_alone(system: System):
    requests = [request_of(system, 5), request_of(system, 6, "rock !")]
    alone = [list(system.stream(request)) for request in requests]
    streams = [system.stream(request) for request in requests]
    pieces: list[list[Note]] = [[], []]
    going = [0, 1]
    while going:
        for k in list(going):
            note = next(streams[k], None)
            going.remove(k) if note is None else pieces[k].append(note)
    assert pieces == alone
    start = Barrier(2)

    def one(request: Request) -> list[Note]:
        start.wait()
        return list(system.stream(request))

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            assert list(pool.map(one, requests)) == alone


def test_the_best_attempt_is_kept(system: System):
    """As good as the best of the attempts made one by one, whatever they are; of those that obey
    alike, the one of most merit."""
    from cantilena.systems.base import Attempt
    from cantilena.text.report import total

    request = system.completed(
        replace(request_of(system, 7, sampling=sampling_for(system, 3)), brief=Brief(bars=2))
    )
    attempts: list[Finished] = []
    for number in range(3):
        events = [event for _, event in system.attempt([Attempt(request, number)])]
        attempts += [event for event in events if isinstance(event, Finished)]
    worths = [total(event.result.rows) for event in attempts]
    kept = system.compose([request])[0]
    if system.side_by_side(request):
        merit = max(
            e.merit for e, worth in zip(attempts, worths, strict=True) if worth == max(worths)
        )
        best = next(e for e in attempts if (total(e.result.rows), e.merit) == (max(worths), merit))
        assert music_of(kept) == music_of(best.result)
        return
    stop = next((i for i, worth in enumerate(worths) if worth > 1 - 1e-9), 2)
    assert total(kept.rows) == pytest.approx(max(worths[: stop + 1]))


def test_its_weights_are_counted(system: System):
    """Tables show how many there are; a run's card may not say."""
    system.card = {k: v for k, v in system.card.items() if k != "parameters" or not system.networks}
    assert isinstance(system.parameters, int) and system.parameters > 10


WISHED = Brief(
    text="everything",
    instruments=(Instrument("flute", (73,)), Instrument("piano", (0,))),
    only=True,
    excluded=(128,),
    tempo=240.0,
    key="D minor",
    metre="3/4",
    chords=("Dm", "A7"),
    genres=("jazz",),
    moods=("calm",),
    bars=2,
    swing=True,
    timing="played",
    density="dense",
    roles=(PartWish("flute", "lead"),),
    figures=(PartWish("piano", "arpeggio"),),
    articulations=(PartWish("", "staccato"),),
    registers=(PartWish("flute", "high"),),
    loudness=(PartWish("", "soft"),),
    form=(Section("verse", 1), Section("chorus", 1)),
    changes=(Change("crescendo"),),
    repetition=("hook",),
)


def test_every_wish_has_a_row_in_the_report(system: System):
    """Met, not met, or with the reason why nobody knows; sound that no Score led too."""
    if spec(system.system).gives != "audio":
        return  # notes are reported on by one function
    wishes = {row.wish: row.asked for row in report(WISHED, a_score())}
    assert len(wishes) > 15
    able: tuple[str, ...] = getattr(system, "conditions", ())
    for condition in able if "condition" in system.options else ("",):
        options = {"condition": condition} if condition else {}
        request = request_of(system, options=options)
        (result,) = system.compose([replace(request, brief=WISHED)])
        rows = {row.wish: row for row in result.rows if row.wish != "words"}  # heard, and no wish
        assert {name: row.asked for name, row in rows.items()} == wishes
        for row in rows.values():
            assert row.achieved and (row.met is None) == (row.score is None or row.wish == "genre")
            if result.guide is None and row.wish != "bars":
                assert row.met is None and row.achieved.startswith(f"{NOT_MEASURED}: ")
        assert rows["bars"].met is True


# ---------------------------------------------------------------------------- the command line


def test_compose_writes_files_and_replay_makes_them_again(
    system: System, checkpoints, tmp_path: Path, capsys
):
    name = system.system
    where = ["--checkpoint", str(checkpoints[name])]
    command = ["compose", "--system", name, *where, "slow sad waltz", "--seconds", "2"]
    command += ["--seed", "3", "--best-of", "1", "-o", str(tmp_path / "one")]
    forms = ["json", "wav"] if name in SOUND_ALONE else ["json", "mid", "musicxml", "png", "wav"]
    assert main([*command, "--formats", ",".join(forms)]) == 0
    assert "wish" in capsys.readouterr().out
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert [file.rpartition(".")[2] for file in files] == forms
    piece = tmp_path / "one" / "slow-sad-waltz.json"
    data = json.loads(piece.read_text())
    assert data["system"] == name == data["request"]["system"]
    replay = ["compose", "--replay", str(piece), *where, "-o", str(tmp_path / "two")]
    first = "wav" if name in SOUND_ALONE else "mid"
    assert main([*replay, "--formats", f"{first},json", "--quiet"]) == 0
    for form in (first, "json"):
        file = f"slow-sad-waltz.{form}"
        assert (tmp_path / "two" / file).read_bytes() == (tmp_path / "one" / file).read_bytes()
    capsys.readouterr()
    assert main(["compose", "--replay", str(piece), "-o", str(tmp_path / "three")]) == 2
    assert "--checkpoint" in capsys.readouterr().err and not (tmp_path / "three").exists()


@pytest.mark.parametrize("name", SOUND_ALONE)
def test_notes_of_sound_alone_are_refused_before_anything_is_made(
    name: str, checkpoints, tmp_path: Path, capsys, monkeypatch
):
    def composed(self, *args):
        raise AssertionError("it was composed")

    monkeypatch.setattr(type(cantilena.load(checkpoints[name], name)), "attempt", composed)
    where = ["--system", name, "--checkpoint", str(checkpoints[name]), "-o", str(tmp_path / "out")]
    (tmp_path / "p.jsonl").write_text('{"id": "a", "text": "slow waltz"}\n')
    for argv in (["compose", "slow"], ["generate", "--prompts", str(tmp_path / "p.jsonl")]):
        assert main([*argv, *where, "--formats", "mid"]) == 2
        assert "audio alone: it has no mid; give json,wav" in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("a.*"))


def test_a_checkpoint_tells_its_system(system: System, checkpoints):
    from cantilena.loading import system_of

    assert system_of(checkpoints[system.system]) == system.system


def test_generate_goes_on_where_it_stopped(system: System, checkpoints, tmp_path: Path):
    form = "wav" if system.system in SOUND_ALONE else "mid"
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "text": "slow waltz, 2 bars"}\n{"id": "b", "text": "rock !"}\n')
    if "text" not in spec(system.system).reads:
        prompts.write_text('{"id": "a", "text": "piano, 2 bars"}\n{"id": "b", "text": "2 bars"}\n')
    where = ["--system", system.system, "--checkpoint", str(checkpoints[system.system])]
    out = tmp_path / "out"
    command = ["generate", *where, "--prompts", str(prompts), "-o", str(out), "--quiet"]
    command += ["--formats", form]
    assert main([*command, "--n", "1"]) == 0
    piece = out / f"a.{form}"
    first = piece.read_bytes()
    piece.touch()
    stamp = piece.stat().st_mtime_ns
    assert main(command) == 0
    assert piece.stat().st_mtime_ns == stamp and piece.read_bytes() == first
    assert sorted(path.name for path in out.glob(f"*.{form}")) == [f"a.{form}", f"b.{form}"]


def test_evaluate_takes_it(system: System, checkpoints, tmp_path: Path, capsys):
    where = ["--system", system.system, "--checkpoint", str(checkpoints[system.system])]
    command = ["evaluate", "control", *where, "--n", "1", "-o", str(tmp_path)]
    if system.system == "karasinger" and find_spec("espeakng_loader") is None:
        assert main(command) == 1  # captions have words that are not in its lexicon
        assert "cantilena[sing]" in capsys.readouterr().err
        return
    assert main(command) == 0
    assert "attributes met" in capsys.readouterr().out


# ---------------------------------------------------------------------------- edits


def edits(base: Score) -> dict[str, Edit]:
    return {
        "go on": Edit.going_on(base),
        "span": Edit(base, (Span(0.5, 1.0, "seconds"),)),
        "tracks": Edit(base, (Span(0, None, "seconds"),), frozenset({1})),
    }


def rows_of(score: Score, scale: int) -> list[tuple[int, ...]]:
    """(onset, duration, pitch, velocity, track) of every note, in ticks times ``scale``."""
    columns = (score.onset * scale, score.duration * scale, score.pitch, score.velocity)
    return list(zip(*(c.tolist() for c in (*columns, score.track)), strict=True))


def test_an_edit_keeps_what_is_outside_note_for_note(system: System):
    base = a_score()
    for kind, edit in edits(base).items():
        request = request_of(system, edit=edit)
        if kind not in spec(system.system).edits:
            with pytest.raises(InputError, match=kind):
                system.run([request])
            continue
        score = system.compose([request])[0].score
        start, stop = edit.spans[0].seconds(base)
        at = base.seconds(base.onset)
        inside = (at >= start) & (at < (np.inf if stop is None else stop))
        inside &= np.isin(base.track, list(edit.tracks or range(2)))
        scale = score.tpq // base.tpq
        there = set(rows_of(score, 1))
        kept = [row for row, gone in zip(rows_of(base, scale), inside, strict=True) if not gone]
        assert there.issuperset(kept)
        assert len(kept) < len(score) or kind == "tracks"
        outside = []
        for controls in (base.controls.finer(scale), score.controls):
            at = base.seconds(controls.tick / scale)
            gone = (at >= start) & (at < (np.inf if stop is None else stop))
            gone &= np.isin(controls.track, list(edit.tracks or range(2)))
            outside.append(controls.select(~gone))
        assert outside[0] == outside[1]
        assert (len(outside[0]) < len(base.controls)) == (kind != "go on")


def test_the_replay_of_an_edit_keeps_pedals_and_bends(system: System):
    for kind in spec(system.system).edits:
        request = request_of(system, edit=edits(a_score())[kind])
        first = system.compose([request])[0]
        assert len(first.score.controls)
        again = Request.from_dict(json.loads(json.dumps(first.to_dict()))["request"])
        assert again.edit == request.edit
        assert music(system, again) == music_of(first)


def test_the_stream_of_an_edit_is_its_new_notes(system: System):
    """As long and as loud as they are in the piece."""
    base = replace(a_score(), velocity=np.array([50, 60, 10, 70, 80, 90]))
    for kind, edit in edits(base).items():
        if kind not in spec(system.system).edits:
            continue
        request = request_of(system, edit=edit)
        notes = list(system.stream(request))
        score = system.compose([request])[0].score
        ends = score.seconds(score.onset + score.duration)
        there = zip(score.seconds(score.onset), ends, score.pitch, score.velocity, strict=True)
        rows = {tuple(np.round([float(x) for x in row], 5)) for row in there}
        assert all(
            tuple(np.round([n.onset, n.onset + n.duration, n.pitch, n.velocity], 5)) in rows
            for n in notes
        )


# ---------------------------------------------------------------------------- bad input


def test_bad_requests_are_refused_before_anything_is_made(system: System, monkeypatch):
    monkeypatch.setattr(system, "attempt", lambda attempts: pytest.fail("it was begun"))
    wrong = [
        (replace(request_of(system), system="another"), "another"),
        (replace(request_of(system), options={"no such": 1}), "no such"),
        (replace(request_of(system), attributes={"mood": 1}), "attributes"),
    ]
    for request, message in wrong:
        with pytest.raises(InputError, match=message):
            system.run([request])


def test_an_option_is_understood_or_refused(system: System):
    for name, kind in system.options.items():
        if kind is str:
            asked = {**request_of(system).options, name: "no such thing"}
            with suppress(CantilenaError):
                system.check(request_of(system, options=asked))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1.5}, {"seed": True}, {"seed": -1}, {"seed": float("inf")}, {"seed": None},
        {"sampling": {"top_k": float("inf")}}, {"sampling": {"top_k": 1000.0}},
        {"sampling": {"temperature": float("nan")}}, {"sampling": []}, {"sampling": {"x": 1}},
        {"brief": {"bars": 1000.0}}, {"brief": {"bars": 2.0}}, {"brief": {"tempo": float("nan")}},
        {"brief": {"chord_beats": float("inf")}}, {"brief": None}, {"options": [1]},
        {"edit": {}}, {"edit": {"base": "x", "spans": []}}, {"system": 3}, {"attributes": "x"},
        {"continues": "!"}, {"continues": 5}, {"score": "AAAA"},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(change: dict):
    data = Request(Brief(bars=2), 1, ONE, system="note").to_dict()
    with pytest.raises(BriefError, match="not a request"):
        Request.from_dict({**data, **change})


def test_requests_are_plain_data():
    base = a_score()
    for edit in (None, *edits(base).values()):
        request = Request(Brief(bars=4), 7, ONE, edit, "amt", {"tokens": 30})
        assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    old = {**Request(Brief(), 3, ONE).to_dict(), "continues": Edit.going_on(base).to_dict()["base"]}
    assert Request.from_dict(old).edit == Edit.going_on(base)


def test_a_folder_that_is_no_checkpoint_is_refused(system: System, tmp_path: Path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises((CheckpointError, InputError)):
            cantilena.load(place, system.system)


def test_a_damaged_checkpoint_is_refused(system: System, checkpoints, tmp_path: Path):
    """Every file of it missing, cut in half, or another's."""
    source = checkpoints[system.system]
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        if file.name in ("generation_config.json", "tokenizer_config.json"):
            continue  # what transformers does without
        for damage in ("missing", "cut"):
            folder = tmp_path / "-".join((damage, *file.relative_to(source).parts))
            shutil.copytree(source, folder)
            path = folder / file.relative_to(source)
            data = path.read_bytes()
            path.unlink()
            if damage == "cut":
                path.write_bytes(data[: len(data) // 2])
            with pytest.raises((CheckpointError, InputError)):
                cantilena.load(folder, system.system)


def test_without_the_extras_each_says_what_to_install():
    """In a process in which the packages of the extras cannot be imported."""
    code = """
import sys
from cantilena.systems import EXTRAS, SYSTEMS, system_class
from cantilena.errors import MissingExtraError
sys.modules |= dict.fromkeys({package for names in EXTRAS.values() for package in names})
for name, line in SYSTEMS.items():
    try:
        system_class(name)
    except MissingExtraError as error:
        assert line.extra and f"cantilena[{line.extra}]" in str(error), (name, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
