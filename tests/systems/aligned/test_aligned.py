"""The system ``aligned``: windows of two streams, a reference in the loop, parts that are added."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import cantilena  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.checkpoint import WEIGHTS  # noqa: E402
from cantilena.models.step_adapters import load_adapters, open_adapters  # noqa: E402
from cantilena.models.step_aligned import AlignedSteps, CrossConfig, CrossSteps  # noqa: E402
from cantilena.models.step_self import SelfConfig, SelfSteps  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import write_midi  # noqa: E402
from cantilena.systems.aligned.base import base_entry, base_of  # noqa: E402
from cantilena.systems.aligned.engine import AlignedSession  # noqa: E402
from cantilena.systems.aligned.examples import (  # noqa: E402
    AlignedWindows,
    conditions_of,
    plain_frame,
    reference_arrays,
    sides_of,
)
from cantilena.systems.aligned.exporting import export_adapters  # noqa: E402
from cantilena.systems.aligned.system import AlignedSystem  # noqa: E402
from cantilena.systems.aligned.training import (  # noqa: E402
    AlignedOptions,
    AlignedTraining,
    aligned_recipe,
)
from cantilena.systems.note.composer import NoteSystem  # noqa: E402
from cantilena.systems.note.torch_engine import load_network  # noqa: E402
from cantilena.systems.request import Edit, Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.tokens.note import context  # noqa: E402
from cantilena.tokens.note.streams import Task  # noqa: E402
from songs import FakeSongs  # noqa: E402
from tiny_systems import aligned, note  # noqa: E402

TPQ = 480


def tune(up: int = 0) -> Score:
    onset = [240 * k for k in range(32)]
    pitch = [60 + up + (5 * k) % 12 for k in range(32)]
    rows = (onset, [240] * 32, pitch, [80] * 32, [0] * 32)
    return Score.build(TPQ, [Track("Tune", 73)], *rows)


def kit() -> Score:
    rows = ([480 * k for k in range(16)], [60] * 16, [36, 38] * 8, [80] * 16, [0] * 16)
    return Score.build(TPQ, [Track("Kit", 0, True)], *rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return aligned(tmp_path_factory.mktemp("aligned"))


@pytest.fixture(scope="module")
def system(folder: Path) -> AlignedSystem:
    return AlignedSystem(folder, device="cpu")


def written(system: NoteSystem, score: Score | None, seed: int = 1) -> bytes:
    sampling = Sampling(best_of=1, top_p=0.98)
    request = Request(Brief(bars=2), seed, sampling, score=score)
    return write_midi(system.compose([request])[0].score)


# ---------------------------------------------------------------------------- windows


def two_streams() -> FakeSongs:
    rng, tables = np.random.default_rng(0), []
    for _ in range(3):
        rows = {(int(t), 73, int(p)) for t, p in rng.integers((0, 50), (900, 90), (80, 2))}
        rows |= {(24 * k, 128, 36 + 2 * (k % 2)) for k in range(40)}
        tables.append(np.array([(*row, 14, 4) for row in sorted(rows)]))
    return FakeSongs(tables)


def test_windows_hold_two_streams_over_the_same_bars():
    windows = AlignedWindows(two_streams(), Task.of("all-to-drums"), 24, 40, 8)
    batch = windows.draw(3, 4, 1)
    for name, there, most in (
        ("state", batch["mask"].any(2), 24),
        ("reference_state", batch["reference_there"], 40),
    ):
        longest = int(there.sum(1).max())
        assert batch[name].shape[:2] == (4, longest) <= (4, most), "no more than the longest has"
    again = windows.draw(3, 4, 1)
    assert all(np.array_equal(batch[name], again[name]) for name in batch)
    assert not np.array_equal(batch["state"], windows.draw(4, 4, 1)["state"])
    reference, target = sides_of(batch)
    last = np.where(reference["there"], reference["ticks"], 0).max(1)
    assert (last >= 0).all() and (reference["there"].sum(1) > 16).all()
    notes = target["mask"][..., 1] > 0
    assert (target["fields"][..., 1][notes] == 128).all() and (notes.sum(1) >= 16).all()
    instruments = reference["state"][..., 1][reference["there"]]
    assert set(instruments.tolist()) <= {73, 129}, "nobody of the target is in the reference"


def test_targets_are_told_chords_that_move_with_the_notes():
    songs = two_streams()
    songs.chords = lambda i: (np.arange(20) * 48, np.full(20, 1))  # C
    task = Task.of("drums-to-melody")
    chord = list(context.STATE).index("chord")

    def said(share: float, transpose: bool, side: str = "") -> set[int]:
        windows = AlignedWindows(songs, task, 24, 40, 8, chords=share)
        batch = windows.draw(0, 8, 1, transpose)
        return set(batch[f"{side}state"][:, 0, chord].tolist())

    assert said(1.0, False) == {1} and said(0.0, False) == {context.UNKNOWN_CHORD}
    assert said(0.5, False) == {1, context.UNKNOWN_CHORD}
    assert len(said(1.0, True)) > 2 and said(1.0, True) <= set(range(1, 109, 9))
    assert said(1.0, True, "reference_") == {context.UNKNOWN_CHORD}


def test_songs_without_both_streams_are_refused():
    songs = FakeSongs([np.array([[24 * k, 73, 60, 14, 4] for k in range(40)])])
    with pytest.raises(InputError, match="both streams of 'all-to-drums'"):
        AlignedWindows(songs, Task.of("all-to-drums"), 24, 40).draw(0, 2, 1)


def bits(trainable: AlignedTraining, model: AlignedSteps, batch: dict) -> dict[str, float]:
    with torch.no_grad():
        pairs = trainable.held_out(model, batch)
    return {name: float(pair[0] / pair[1]) for name, pair in pairs.items()}


@pytest.mark.parametrize("adapter", ["cross", "self"])
def test_training_lowers_the_loss_and_leaves_the_base(adapter: str, tmp_path: Path):
    base = note(tmp_path)
    recipe = aligned_recipe().changed(
        base=str(base), adapter=adapter, inner=16, heads=2, skip=1, rank=4, rate=5e-3
    )
    recipe = recipe.changed(length=24, reference_length=40)
    trainable = AlignedTraining()
    torch.manual_seed(0)
    model, _ = trainable.build(recipe)
    before = {k: v.clone() for k, v in model.base.state_dict().items()}
    (optimiser,) = trainable.optimisers(model, recipe)
    windows = AlignedWindows(two_streams(), Task.of("all-to-drums"), 24, 40, 8)
    batch = {k: torch.as_tensor(v) for k, v in windows.draw(0, 4, 1).items()}
    start = bits(trainable, model, batch)
    assert start["true"] == start["another's"] == start["none"]
    for group in optimiser.param_groups:
        group["lr"] *= group["share"]
    for _ in range(15):
        loss, _ = trainable.loss(model, batch)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    end = bits(trainable, model, batch)
    assert end["true"] < start["true"] - 0.05 and end["none"] == start["none"]
    assert end["true"] != end["another's"]
    assert all(torch.equal(v, before[k]) for k, v in model.base.state_dict().items())
    recipe_data = {"training": recipe.to_dict(), "sources": {}, "seed": 1}
    place = trainable.save(tmp_path / "out", model, {}, None, recipe_data)
    loaded = AlignedSystem(place, device="cpu")
    assert loaded.task == Task.of("all-to-drums") and loaded.engine.card["system"] == "note"
    assert loaded.engine.adapters.kind == f"note-{adapter}"
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.engine.adapters.state_dict()[name], tensor)


def test_the_command_trains_the_adapters_that_are_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("cantilena.data.dataset.load_split", lambda *_, **__: two_streams())
    manifest = {"counts": {}, "mix": ["lakh"]}
    monkeypatch.setattr("cantilena.data.dataset.read_manifest", lambda _: manifest)
    base, out = note(tmp_path), tmp_path / "out"
    argv = ["train", "--data", "songs", "--out", str(out), "--system", "aligned", "--steps", "1"]
    argv += ["--task", "all-to-drums", "--adapter", "self", "--from", str(base), "--batch", "2"]
    argv += ["--length", "24", "--option", "reference_length=40", "--option", "valid_windows=2"]
    assert main(argv) == 0
    system = AlignedSystem(out / "model", device="cpu")
    assert isinstance(system.engine.adapters, SelfSteps) and system.card["figures"]["true"] > 0


def test_adapters_are_of_this_system_alone(tmp_path: Path, capsys):
    argv = ["train", "--data", "songs", "--out", str(tmp_path / "out"), "--adapter", "self"]
    assert main(argv) == 2
    assert "--adapter is of --system aligned" in capsys.readouterr().err


def test_options_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="inner width"):
        AlignedOptions(inner=20, heads=3)
    with pytest.raises(InputError, match="2 windows"):
        aligned_recipe().changed(batch=1)


# ---------------------------------------------------------------------------- in the loop


def test_note_by_note_is_all_at_once(system: AlignedSystem):
    table = system.scheme.table(tune())
    frame = plain_frame(np.arange(5) * 96)
    front = conditions_of(table, 120.0, (4, 4), 4)
    reference = system.engine.read(table, frame, front)
    arrays = reference_arrays(table[3:20], frame, front)
    stream = {k: torch.from_numpy(np.asarray(v))[None] for k, v in arrays.items()}
    with torch.no_grad():
        whole = system.engine.adapters.hidden(stream, reference)[0].numpy()
    session = AlignedSession(system.engine, 1, reference)
    prefix, everywhere = system.engine.prefix(
        *(arrays[n][None] for n in ("scalars", "slots", "words"))
    )
    x = system.engine.embed("state", arrays["state"]) + everywhere
    x = np.concatenate([x, arrays["ticks"][:, None]], axis=1)
    first = np.concatenate([np.pad(prefix[0], ((0, 0), (0, 1))), x[:5]])
    rows = [session.run(first[None])[0]] + [session.run(row[None, None])[0] for row in x[5:]]
    assert np.allclose(np.stack(rows), whole[4:], atol=1e-4)


def test_a_reference_longer_than_the_context_is_met_by_fa_self(folder: Path, tmp_path: Path):
    base = base_of(open_adapters(folder))
    model = SelfSteps(load_network(base), SelfConfig(4))
    torch.nn.init.constant_(model.gates, 0.7)
    card = {"model": {"task": "all-to-drums"}, "scheme": dict(base.card["scheme"])}
    system = AlignedSystem(model.save(tmp_path / "a", base_entry(base), card).folder, device="cpu")
    many = 2 * int(base.model["context"])
    onset = [240 * k for k in range(many)]
    rows = (onset, [240] * many, [60 + k % 9 for k in range(many)], [80] * many, [0] * many)
    long = Score.build(TPQ, [Track("Tune", 73)], *rows)
    assert written(system, long) != written(system, long.select(np.arange(many) % 9 != 0))


def test_a_long_reference_is_read_in_windows_that_overlap(system: AlignedSystem):
    many = 3 * system.engine.network.config.context
    table = np.array([(12 * k, 73, 60 + k % 7, 9, 4) for k in range(many)])
    frame = plain_frame(np.arange(many // 8 + 2) * 96)
    reference = system.engine.read(table, frame, conditions_of(table, 120.0, (4, 4), 60))
    assert reference.ticks.shape == (1, many + 1) and reference.there.all()
    assert reference.ticks[0].tolist() == [0, *table[:, 0].tolist()]
    assert all(states.shape[1] == many + 1 for states in reference.states)
    assert system.engine.read(table[:0], frame, conditions_of(table, 120.0, (4, 4), 60)) is None


def test_a_target_depends_on_its_reference(system: AlignedSystem):
    one = written(system, tune())
    assert one == written(system, tune()) != written(system, tune(1))


@pytest.mark.parametrize("adapter", ["cross", "self"])
def test_shut_gates_write_what_the_frozen_model_writes(adapter: str, folder: Path, tmp_path: Path):
    base = base_of(open_adapters(folder))
    network = load_network(base)
    shut: AlignedSteps = CrossSteps(network, CrossConfig(1, 32, 2))
    if adapter == "self":
        shut = SelfSteps(network, SelfConfig(4))
    card = {"model": {"task": "melody-to-accompaniment"}, "scheme": dict(base.card["scheme"])}
    plain = NoteSystem(base.folder, threads=1, engine="torch")
    system = AlignedSystem(shut.save(tmp_path / "a", base_entry(base), card).folder, device="cpu")
    request = Request(Brief(bars=2, text="piano"), 3, Sampling(best_of=1))
    bare = write_midi(plain.compose([request])[0].score)
    assert bare == write_midi(system.compose([request])[0].score)
    beside = replace(request, brief=system.brief_of(replace(request, score=tune())))
    both = replace(beside, score=tune())
    assert write_midi(plain.compose([beside])[0].score) == write_midi(
        system.compose([both])[0].score
    )
    assert load_adapters(open_adapters(folder), load_network(base))


def test_a_target_goes_with_its_reference_bar_by_bar(system: AlignedSystem):
    request = Request(Brief(text="for organ"), 1, Sampling(best_of=1), score=tune())
    result = system.compose([request])[0]
    assert result.score.n_bars == tune().n_bars and result.score.bpm == tune().bpm
    assert result.request == system.completed(request).to_dict()
    again = Request.from_dict(result.request)
    assert write_midi(system.compose([again])[0].score) == write_midi(result.score)


# ---------------------------------------------------------------------------- parts added


def test_added_parts_read_what_stays_as_their_reference(folder: Path, tmp_path: Path):
    result = cantilena.accompany(tune(), parts="bass,drums", checkpoint=folder, candidates=1)
    assert result.system == "aligned" and result.score.tpq == TPQ
    kept = result.score.select(result.score.track == 0)
    for name in ("onset", "duration", "pitch", "velocity"):
        assert np.array_equal(getattr(kept, name), getattr(tune(), name))
    assert {t.instrument for t in result.score.tracks} == {73, 32, 128}
    assert len(result.score) > len(tune())
    again = cantilena.load(folder).compose([Request.from_dict(result.request)])[0]
    assert write_midi(again.score) == write_midi(result.score)
    with pytest.raises(InputError, match="system that adds parts"):
        cantilena.accompany(tune(), system="amt", checkpoint=folder)


# ---------------------------------------------------------------------------- refused


def test_another_base_is_refused_by_name(folder: Path, tmp_path: Path):
    import tiny
    from cantilena.train.note.export import export

    (tmp_path / "run").mkdir()
    other = export(tiny.write_run(tmp_path / "run", seed=5), tmp_path / "other")
    with pytest.raises(CheckpointError, match=r"stand on the note model 'note' \(\w{16}\), not on"):
        cantilena.load(folder, base=str(other))


def test_a_base_with_other_habits_is_the_same_base(folder: Path, tmp_path: Path):
    """Adapters read its weights alone; pieces depend on the rest as well, and say so."""
    base = Path(open_adapters(folder).model["base"]["folder"])
    other = Path(shutil.copytree(base, tmp_path / "other"))
    card = json.loads((other / "card.json").read_text())
    card["figures"] = {"listened to": 1}
    (other / "card.json").write_text(json.dumps(card))
    here, there = cantilena.load(folder), cantilena.load(folder, base=str(other))
    assert here.hash != there.hash


def test_earlier_cards_name_the_whole_base(folder: Path, tmp_path: Path):
    """An export names its weights."""
    early = Path(shutil.copytree(folder, tmp_path / "early"))
    card = json.loads((early / "card.json").read_text())
    card["model"]["base"]["hash"] = base_of(open_adapters(folder)).hash
    (early / "card.json").write_text(json.dumps(card))
    assert cantilena.load(early).task == cantilena.load(folder).task
    renewed = export_adapters(early, tmp_path / "renewed")
    assert renewed.model["base"] == open_adapters(folder).model["base"]


# ---------------------------------------------------------------------------- exported


def test_exported_adapters_are_half_as_large_and_write(folder: Path, tmp_path: Path, capsys):
    assert main(["export", str(folder), "-o", str(tmp_path / "half")]) == 0
    sizes = [(place / WEIGHTS).stat().st_size for place in (tmp_path / "half", folder)]
    assert sizes[0] < 0.6 * sizes[1]
    half = cantilena.load(tmp_path / "half")
    weights = half.engine.adapters.state_dict()
    for name, tensor in cantilena.load(folder).engine.adapters.state_dict().items():
        assert torch.equal(weights[name], tensor.half().float())
    assert len(half.compose([Request(Brief(bars=2), 1, score=tune())])[0].score)
    assert main(["export", str(tmp_path / "half"), "-o", str(tmp_path / "again")]) == 2
    assert "exported already" in capsys.readouterr().err and not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (kit(), "no pitched notes"),
        (tune().select(np.arange(32) < 1), "1 pitched note and"),
        (tune().select(np.arange(32) < 0), "no notes"),
    ],
)
def test_a_reference_without_notes_to_read_is_refused(system: AlignedSystem, score, message: str):
    with pytest.raises(InputError, match=message):
        system.run([Request(Brief(bars=2), score=score)])


def test_a_reference_beside_an_edit_is_refused(system: AlignedSystem):
    with pytest.raises(InputError, match="its own reference"):
        system.run([Request(Brief(bars=2), edit=Edit.going_on(tune()), score=tune())])
