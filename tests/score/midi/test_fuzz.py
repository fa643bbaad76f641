"""Damaged MIDI files: each reads or raises MidiError, in bounded time and memory.

The work runs in a process of its own with a limit on memory, so that a crash, a hang or a runaway
allocation is seen. CANTILENA_FUZZ=60000 makes it longer; ``python test_midi_fuzz.py N SEED`` runs
it by hand.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time

import numpy as np

from cantilena.errors import MidiError
from cantilena.score.controls import CONTROL_CHANGE, Controls
from cantilena.score.midi import read_midi, smf, write_midi
from cantilena.score.score import Score, Track

SLOWEST = 5.0  # seconds for one file of a few hundred bytes, on a busy machine
MEMORY = 4 << 30


def seeds(rng: np.random.Generator) -> list[bytes]:
    """Small valid files: our own, and the shapes that other programs write."""
    files = []
    for n_tracks in (1, 3, 20):
        tracks = [Track(f"t{i}", i * 6, i % 5 == 4) for i in range(n_tracks)]
        n = 12 * n_tracks
        numbers = rng.choice([0, 7, 64], n)
        controls = Controls.build(
            rng.integers(0, 4000, n),
            rng.integers(0, n_tracks, n),
            [CONTROL_CHANGE] * n,
            numbers,
            rng.integers(0, 128, n),
        )
        files.append(
            write_midi(
                Score.build(
                    480,
                    tracks,
                    rng.integers(0, 4000, n),
                    rng.integers(1, 900, n),
                    rng.integers(58, 64, n),
                    rng.integers(1, 128, n),
                    rng.integers(0, n_tracks, n),
                    tempos=[(0, 500_000), (960, 400_000)],
                    metres=[(0, 4, 4), (1920, 7, 8)],
                    keys=[(0, 3, 1)],
                    title="fuzz",
                    controls=controls,
                )
            )
        )
    end = b"\0\xff\x2f\0"
    running = b"\0\x90\x3c\x40\x60\x3c\0\0\x3e\x40\x81\x70\x3e\0\0\xc0\x05\0\x07\0\xd0\x11"
    setup = b"\0\xff\x58\4\3\2\x18\x08\0\xff\x51\3\7\xa1\x20\0\xc1\x28\0\xc9\x08"
    sysex = b"\0\xf0\5\x7e\x7f\x09\1\xf7\0\xff\x7f\3abc\0\xe0\0\x40\0\xf7\1\0"
    unclosed = b"\0\x91\x3c\x40\x10\x91\x3c\x41\x10\x81\x3c\0\x10\x91\x40\x40\x10\xff\1\2hi"
    for form, bodies in (
        (0, [setup + running + sysex]),
        (1, [setup, running, unclosed + running]),
        (2, [running, setup + unclosed]),
        (1, [b"\xff\xff\xff\x7f\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0"]),
    ):
        head = b"MThd\0\0\0\6" + struct.pack(">HHH", form, len(bodies), 96)
        files.append(head + b"".join(smf.chunk(b + end) for b in bodies))
    return files


NASTY = (0x00, 0x01, 0x7F, 0x80, 0x81, 0x90, 0xC0, 0xF0, 0xF7, 0xFF, 0x2F, 0x51, 0x58)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A few changes of bytes; half the time the chunk lengths are put right afterwards, so
    that the damage lies within the tracks."""
    out = bytearray(data)
    for _ in range(int(rng.geometric(0.5))):
        at = int(rng.integers(0, max(1, len(out))))
        size = int(rng.integers(1, 9))
        kind = int(rng.integers(0, 8))
        if kind <= 2:
            out[at : at + 1] = rng.bytes(1)
        elif kind == 3:
            out[at : at + 1] = bytes((NASTY[int(rng.integers(len(NASTY)))],))
        elif kind == 4:
            out[at:at] = rng.bytes(size)
        elif kind == 5:
            del out[at : at + size]
        elif kind == 6:
            to = int(rng.integers(0, max(1, len(out))))
            out[to:to] = out[at : at + 8 * size]
        elif rng.integers(0, 4) == 0:
            del out[at:]
    if rng.integers(0, 2):
        starts = []
        at = out.find(b"MTrk")
        while at >= 0:
            starts.append(at)
            at = out.find(b"MTrk", at + 4)
        for start, stop in zip(starts, [*starts[1:], len(out)], strict=False):
            if start + 8 <= stop:
                out[start + 4 : start + 8] = (stop - start - 8).to_bytes(4, "big")
        if starts and len(out) >= 12:
            out[10:12] = min(len(starts), 0xFFFF).to_bytes(2, "big")
    return bytes(out)


def check(data: bytes) -> bool:
    """Whether the file reads; what reads is sound and survives writing."""
    try:
        score = read_midi(data)
    except MidiError as error:
        assert str(error).startswith("the MIDI data: ")
        return False
    assert len(score.bar_starts) <= 100_001
    assert np.isfinite(score.seconds([0, score.end])).all()
    assert (np.diff(score.bar_starts) > 0).all()
    again = read_midi(write_midi(score))
    assert again == score
    assert again.title == score.title
    return True


def fuzz(count: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    files = seeds(rng)
    assert all(check(f) for f in files[:-1])
    readable, slowest = 0, 0.0
    for i in range(count):
        data = mutate(files[i % len(files)], rng)
        start = time.perf_counter()
        try:
            readable += check(data)
        except Exception:
            print(f"seed {seed}, file {i}: {data.hex()}", file=sys.stderr)
            raise
        slowest = max(slowest, time.perf_counter() - start)
        assert slowest < SLOWEST, f"seed {seed}, file {i} took {slowest:.1f} s: {data.hex()}"
    return f"{count} damaged files: {readable} read, slowest {slowest * 1000:.0f} ms"


def test_damaged_files():
    count = int(os.environ.get("CANTILENA_FUZZ", "2000"))
    result = subprocess.run(
        [sys.executable, __file__, str(count), "1"],
        capture_output=True,
        text=True,
        timeout=60 + count / 20,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"{count} damaged files" in result.stdout


if __name__ == "__main__":
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except ImportError:  # not on Windows
        pass
    print(fuzz(int(sys.argv[1]), int(sys.argv[2])))
