"""The shipped adapters: what a user gets who names no checkpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cantilena
from cantilena.cli import main
from cantilena.score import Score, Track
from cantilena.score.midi import read_midi, write_midi

COLUMNS = ("onset", "duration", "pitch", "velocity")
TPQ = 480
MOST_BYTES = 4_000_000


def tune(up: int = 0) -> Score:
    """Eight bars in D minor, over Dm Gm A7 Dm."""
    bars = ((62, 65, 69, 65), (67, 70, 74, 70), (69, 73, 67, 64), (69, 65, 62, 62)) * 2
    pitch = [12 + p + up for bar in bars for p in bar]
    onset = [TPQ * k for k in range(len(pitch))]
    rows = (onset, [TPQ - 30] * len(pitch), pitch, [84] * len(pitch), [0] * len(pitch))
    return Score.build(TPQ, [Track("Flute", 73)], *rows)


@pytest.fixture
def melody(tmp_path: Path) -> Path:
    (tmp_path / "melody.mid").write_bytes(write_midi(tune()))
    return tmp_path / "melody.mid"


def test_the_command_writes_by_them_and_replays(melody: Path, tmp_path: Path):
    pytest.importorskip("torch")
    out = tmp_path / "out"
    argv = ["accompany", str(melody), "--with", "bass,drums", "--system", "aligned"]
    assert main([*argv, "-o", str(out), "--formats", "mid,json"]) == 0
    made = out / "melody-accompanied.mid"
    score = read_midi(made)
    assert {track.instrument for track in score.tracks} == {73, 32, 128}
    kept = score.select(score.track == 0)
    assert all(np.array_equal(getattr(kept, c), getattr(tune(), c)) for c in COLUMNS)
    replay = ["compose", "--replay", str(made.with_suffix(".json")), "-o", str(tmp_path / "again")]
    assert main([*replay, "--formats", "mid"]) == 0
    (again,) = (tmp_path / "again").glob("*.mid")
    assert again.read_bytes() == made.read_bytes()


def test_they_are_small_and_say_what_they_heard():
    pytest.importorskip("torch")
    from cantilena.systems.aligned.base import base_entry, open_base, shipped_adapters

    folder = shipped_adapters()
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES
    system = cantilena.load(system="aligned")
    assert system.name == "aligned" and system.card["sources"]["lakh"]["licence"]
    figures = system.card["figures"]
    assert figures["true"] < figures["none"] and figures["true"] < figures["another's"]
    base = open_base()
    assert system.card["model"]["base"] == base_entry(base), "they stand on the shipped weights"


def test_a_bass_is_likelier_beside_its_tune_than_beside_another():
    """Nobody tells them a chord: what they know of the harmony is from the tune."""
    torch = pytest.importorskip("torch")
    from cantilena.systems.aligned.examples import (
        conditions_of,
        plain_frame,
        reference_arrays,
        target_arrays,
    )
    from cantilena.tokens.note import NoteScheme

    adapters, scheme = cantilena.load(system="aligned", device="cpu").engine.adapters, NoteScheme()
    roots = [38, 43, 45, 38] * 2
    onset = [2 * TPQ * k for k in range(16)]
    pitch = [p for root in roots for p in (root, root + 7 if root < 40 else root - 5)]
    bass = Score.build(TPQ, [Track("", 32)], onset, [900] * 16, pitch, [80] * 16, [0] * 16)
    frame = plain_frame(np.arange(9) * 96)

    def arrays(make, score: Score, *more):
        table = scheme.table(score)
        rows = make(table, frame, conditions_of(table, 120.0, (4, 4), 8), *more)
        return {k: torch.as_tensor(v)[None] for k, v in rows.items()}

    target = arrays(target_arrays, bass, 64)
    nats = {}
    with torch.no_grad():
        for up in (0, 1, 6):
            reference = adapters.read(arrays(reference_arrays, tune(up)))
            nats[up] = float((adapters(target, reference) * target["mask"])[..., 2].sum())
    assert nats[0] < nats[1] and nats[0] < nats[6]


def test_without_torch_one_line_says_what_to_install(melody: Path, tmp_path: Path):
    code = """
import sys
sys.modules["torch"] = None
from cantilena.cli import main
sys.exit(main(sys.argv[1:]))
"""
    argv = ["accompany", str(melody), "--system", "aligned", "-o", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert done.stderr.count("\n") == 1 and "cantilena[train]" in done.stderr
