"""Evaluations with composers that do what is asked, do something else, or fail."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from cantilena.errors import BriefError, CheckpointError, InputError, MissingExtraError
from cantilena.evaluate import statistics
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.run import (
    compose_for_statistics,
    evaluate_control,
    evaluate_folder,
    evaluate_statistics,
    measure,
    on_grid,
)
from cantilena.evaluate.tables import control_table, statistics_table
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track
from cantilena.text.wishes import Brief, Instrument

PROMPTS = tuple(
    Prompt(
        f"{i:03d}",
        f"solo {name} at {tempo} bpm, {bars} bars",
        Brief(instruments=(Instrument(name, (program,)),), tempo=tempo, bars=bars, metre="4/4"),
    )
    for i, (name, program, tempo, bars) in enumerate(
        [("piano", 0, 90, 4), ("violin", 40, 140, 8), ("flute", 73, 66, 4), ("harp", 46, 100, 6)]
    )
)


def music(program=0, tempo=90.0, bars=4, seed=0) -> Score:
    n = 4 * bars
    pitch = np.random.default_rng(seed).integers(60, 84, n)
    columns = (24 * np.arange(n), np.full(n, 24), pitch, np.full(n, 80), np.zeros(n, dtype=int))
    return Score.build(24, [Track("", program)], *columns, tempos=[(0, round(60e6 / tempo))])


@dataclass
class Piece:
    score: Score


@dataclass
class Asked:
    prompt: Prompt
    seed: int
    temperature: float = 1.0

    def to_dict(self):
        return {"text": self.prompt.text, "seed": self.seed, "sampling": [self.temperature]}


@dataclass
class Obedient:
    """Composes what the request's prompt wishes for; raises for ids in ``fails``."""

    name: str = "obedient"
    hash: str = "0123"
    fails: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    error: type[Exception] = BriefError

    def compose(self, requests, progress=None):
        for request in requests:
            if request.prompt.id in self.fails:
                raise self.error(f"cannot do {request.prompt.id}")
        self.asked += [request.prompt.id for request in requests]
        if progress:
            progress(1.0)
        return [Piece(self.score(r.prompt.wishes, r.seed)) for r in requests]

    def score(self, wishes: Brief, seed: int) -> Score:
        program = wishes.instruments[0].programs[0]
        return music(program, wishes.tempo or 120, wishes.bars or 4, seed)


class Stubborn(Obedient):
    def score(self, wishes: Brief, seed: int) -> Score:
        return music(19, 200, 5, seed)


def run(composer, out, **more):
    return evaluate_control(composer, Asked, PROMPTS, out, **more)


def means(found) -> dict[str, float]:
    return {name: m["mean"] for name, m in found["metrics"].items()}


def test_an_obedient_composer_meets_everything(tmp_path):
    heard: list[float] = []
    found = run(Obedient(), tmp_path, seed=5, progress=heard.append)
    assert set(means(found).values()) == {1.0}
    assert found["n"] == 4 and found["failed"] == 0 and found["checkpoint"] == "obedient 0123"
    assert found["targets"]["on_grid"] == 1.0 and found["targets"]["reread_equal"] == 1.0
    assert heard[-1] == 1.0 and heard == sorted(heard)
    assert json.loads((tmp_path / "results.json").read_text())["metrics"] == found["metrics"]
    text = (tmp_path / "results.md").read_text()
    assert text == control_table(found)
    assert (
        "obedient 0123, 4 prompts, seed 5" in text and "| tempo exact (0.5 bpm) | 100.0 |" in text
    )
    assert sorted(p.name for p in (tmp_path / "midi").glob("*.mid"))[0] == "000-5.mid"


def test_a_stubborn_composer_meets_what_it_must(tmp_path):
    found = means(run(Stubborn(), tmp_path))
    assert found.pop("metre") == 1.0 and 0 < found.pop("bars_ratio") < 1
    assert found.pop("asa") == 0.25
    assert set(found.values()) == {0.0}


def test_a_run_resumes_and_does_not_mix_checkpoints(tmp_path):
    first = Obedient()
    run(first, tmp_path, n=2)
    assert first.asked == ["000", "001"]
    again = Obedient()
    whole = run(again, tmp_path)
    assert again.asked == ["002", "003"] and whole["n"] == 4
    assert run(Obedient(), tmp_path) == whole
    other = Stubborn(name="another")
    assert means(run(other, tmp_path))["tempo_exact"] == 0.0 and len(other.asked) == 4
    seeded = Obedient(name="another")
    run(seeded, tmp_path, seed=1)
    assert len(seeded.asked) == 4


def hotter(prompt: Prompt, seed: int) -> Asked:
    return Asked(prompt, seed, 1.5)


@pytest.mark.parametrize("change", ["sampling", "code", "checkpoint", "system", "no hash"])
def test_nothing_is_used_again_after_a_change(tmp_path, monkeypatch, change):
    first = Obedient(hash="" if change == "no hash" else "0123")
    run(first, tmp_path)
    again, make_request = replace(first, asked=[]), Asked
    if change == "sampling":
        make_request = hotter
    elif change == "code":
        monkeypatch.setattr("cantilena.evaluate.composing.code_fingerprint", lambda: "other")
    elif change == "checkpoint":
        again.hash = "4567"
    elif change == "system":
        again.name = "another"
    evaluate_control(again, make_request, PROMPTS, tmp_path)
    assert again.asked == first.asked == [p.id for p in PROMPTS]


def test_all_are_used_again_where_nothing_changed_unless_fresh_ones_are_asked_for(tmp_path):
    whole = run(Obedient(), tmp_path)
    again = Obedient()
    assert run(again, tmp_path) == whole and not again.asked
    run(again, tmp_path, fresh=True)
    assert len(again.asked) == 4


def test_a_fresh_run_that_is_cut_off_leaves_none_of_the_old_pieces(tmp_path):
    run(Obedient(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(Obedient(fails=("000",), error=KeyboardInterrupt), tmp_path, fresh=True)
    again = Obedient()
    run(again, tmp_path)
    assert len(again.asked) == 4


def test_a_new_file_beside_an_old_record_is_not_taken_for_its_piece(tmp_path):
    """As a run leaves it that is killed between the two."""
    whole = run(Obedient(), tmp_path)
    (tmp_path / "midi" / "000-0.mid").write_bytes(write_midi(music(19, 200, 5)))
    (tmp_path / "midi" / "001-0.mid").write_bytes(b"")
    again = Obedient()
    assert means(run(again, tmp_path)) == means(whole) and again.asked == ["000", "001"]


def test_the_fingerprint_changes_with_any_module(tmp_path, monkeypatch):
    from cantilena import fingerprint

    here = fingerprint.code_fingerprint()
    assert here == fingerprint.code_fingerprint.__wrapped__()
    seen = {here}
    monkeypatch.setattr(fingerprint.resources, "files", lambda _: tmp_path)
    (tmp_path / "sub").mkdir()
    for name, source in (("a.py", "1"), ("a.py", "2"), ("sub/b.py", ""), ("sub/b.py", "2")):
        (tmp_path / name).write_text(source)
        seen.add(fingerprint.code_fingerprint.__wrapped__())
    monkeypatch.setattr(fingerprint.metadata, "version", lambda name: "99")
    seen.add(fingerprint.code_fingerprint.__wrapped__())
    assert len(seen) == 6
    (tmp_path / "notes.txt").write_text("no code")
    assert fingerprint.code_fingerprint.__wrapped__() in seen


def test_a_piece_that_is_only_half_there_is_made_again(tmp_path):
    run(Obedient(), tmp_path)
    (tmp_path / "midi" / "001-0.mid").unlink()
    (tmp_path / "midi" / "002-0.json").write_text("{")
    again = Obedient()
    run(again, tmp_path)
    assert again.asked == ["001", "002"]


def test_failures_count_as_nothing_met(tmp_path):
    composer = Obedient(fails=("001",))
    found = run(composer, tmp_path)
    assert found["failed"] == 1 and composer.asked == ["000", "002", "003"]
    assert set(means(found).values()) == {0.75}
    row = found["pieces"][1]
    assert row["id"] == "001" and row["asa"] == 0.0
    with pytest.raises(CheckpointError):
        run(Obedient(name="b", fails=("001",), error=CheckpointError), tmp_path)
    with pytest.raises(InputError):
        run(Obedient(), tmp_path, n=0)
    with pytest.raises(InputError):
        evaluate_control(Obedient(), Asked, (), tmp_path)


def test_a_package_that_is_missing_is_no_failure_of_the_pieces(tmp_path):
    class Bare(Obedient):
        def compose(self, requests, progress=None):
            raise MissingExtraError("torch", "hf", "the system")

    with pytest.raises(MissingExtraError):
        run(Bare(), tmp_path)
    assert not (tmp_path / "results.json").exists()


def test_any_program_s_folder_is_measured(tmp_path):
    for name, i in (("000.mid", 0), ("001-2.mid", 1), ("002.midi", 2)):
        w = PROMPTS[i].wishes
        write_midi(music(w.instruments[0].programs[0], w.tempo, w.bars), tmp_path / name)
    (tmp_path / "003.mid").write_bytes(b"noise")
    found = evaluate_folder(PROMPTS, tmp_path, tmp_path / "out", name="peer")
    assert found["failed"] == 1 and found["checkpoint"] == "peer"
    assert set(means(found).values()) == {0.75}
    assert "peer" in (tmp_path / "out" / "results.md").read_text()
    with pytest.raises(InputError, match=r"000\.mid"):
        evaluate_folder(PROMPTS, tmp_path / "out")
    with pytest.raises(InputError, match="no folder"):
        evaluate_folder(PROMPTS, tmp_path / "none")


def test_statistics_are_of_the_pieces_that_were_composed_now(tmp_path):
    class Long(Obedient):
        def score(self, wishes: Brief, seed: int) -> Score:
            return music(bars=32, seed=seed)

    first = compose_for_statistics(Long(), Asked, PROMPTS, tmp_path)
    fewer = compose_for_statistics(Long(fails=("001",)), Asked, PROMPTS, tmp_path, n=3, seed=1)
    assert len(first) == 4 and [p.name for p in fewer] == ["000-1.mid", "002-1.mid"]
    found = evaluate_statistics(fewer, name="long")
    assert (found["n"], found["left_out"], found["checkpoint"]) == (2, 0, "long")


def test_figures_hold_no_infinity_and_distances_read_back(tmp_path, monkeypatch):
    flat = {"tone_span": np.zeros(8), "polyphony": np.arange(8.0)}
    monkeypatch.setattr(statistics, "shipped", lambda: flat)
    for seed in range(3):
        write_midi(music(bars=32, seed=seed), tmp_path / f"{seed}.mid")
    found = evaluate_statistics(tmp_path, out=tmp_path / "out")
    text = (tmp_path / "out" / "statistics.json").read_text()
    assert "Infinity" not in text and json.loads(text) == found
    span = found["distances"]["tone_span"]
    assert span["ratio"] is None and "no spread" in statistics_table(found)
    assert statistics.Distance.from_dict(span).ratio == float("inf")
    for distance in found["distances"].values():
        assert statistics.Distance.from_dict(distance).to_dict() == distance
    with pytest.raises(InputError, match="no distance"):
        statistics.Distance.from_dict({"ratio": 1.0})


def test_the_shipped_prompts_are_the_default(tmp_path):
    write_midi(music(), tmp_path / "000.mid")
    found = evaluate_folder(None, tmp_path, n=3)
    assert found["n"] == 3 and found["failed"] == 2


def test_statistics_of_a_folder(tmp_path):
    real, made = tmp_path / "real", tmp_path / "made"
    for folder, bars, seeds in ((real, 33, range(8)), (made, 32, range(20, 24))):
        folder.mkdir()
        for seed in seeds:
            write_midi(music(bars=bars, seed=seed), folder / f"{seed}.mid")
    write_midi(music(bars=4), made / "short.mid")
    found = evaluate_statistics(made, real, tmp_path / "out", name="walk")
    assert found["n"] == 4 and found["left_out"] == 1
    assert found["distances"]["notes_per_bar"]["ratio"] == 1.0
    assert (tmp_path / "out" / "statistics.md").read_text() == statistics_table(found)
    far = evaluate_statistics(made)
    assert far["mean_ratio"] > found["mean_ratio"]
    with pytest.raises(InputError, match="32 bars"):
        evaluate_statistics(tmp_path / "out")


def test_grid():
    score = music()
    assert on_grid(score) == 1.0
    fine = Score.build(480, [Track("", 0)], [0, 1], [480, 20], [60, 61], [80] * 2, [0] * 2)
    assert on_grid(fine) == 0.5
    assert on_grid(Score.build(24, (), (), (), (), (), ())) == 1.0


def test_measuring_nothing_at_all():
    found = measure([(PROMPTS[0], None)])
    assert found["failed"] == 1 and found["targets"]["on_grid"] is None
    assert "1 without notes" in control_table(found)


def test_two_evaluations_in_one_folder_are_refused(tmp_path):
    """Of every kind that writes there, while the first composes."""
    refused: list[str] = []
    midi = tmp_path / "songs"
    midi.mkdir()
    for i in range(4):
        write_midi(music(bars=statistics.BARS, seed=i), midi / f"00{i}.mid")
    out = tmp_path / "out"
    evaluations = (
        lambda: run(Obedient(), out),
        lambda: compose_for_statistics(Obedient(), Asked, PROMPTS, out),
        lambda: evaluate_folder(PROMPTS, midi, out),
        lambda: evaluate_statistics(midi, midi, out),
    )

    def second(_: float) -> None:
        for evaluation in evaluations:
            with pytest.raises(InputError, match="another process is writing to") as error:
                evaluation()
            refused.append(str(error.value))

    for first in (evaluate_control, compose_for_statistics):
        refused.clear()
        first(Obedient(), Asked, PROMPTS, out, progress=second, fresh=True)
        assert len(refused) >= len(evaluations)
    for evaluation in evaluations:  # and nothing is held when it is over
        evaluation()


def test_figures_and_their_table_change_together(tmp_path):
    """Where one of the two cannot be put in place, both are as they were."""
    run(Obedient(), tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    (tmp_path / "results.md").unlink()
    (tmp_path / "results.md").mkdir()
    with pytest.raises(InputError, match=r"results\.md"):
        run(Stubborn(name="stubborn"), tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before
