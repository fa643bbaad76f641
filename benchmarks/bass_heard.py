"""What a bass that is heard alone plays: how much of the time it sounds, how low, and whether its
pitch classes are those of notes and chords.

Knows samples and a clip's symbols; does not know how a bass was written. For
``part_for_a_recording.py``; alone it prints the figures of basses (WAV) that were written to the
sound of a MIDI file without one. A moment's pitch is the one of three octaves from C1 whose first
six partials are strongest together; which octave it is in is told less well and not asked.

    python benchmarks/bass_heard.py song.mid out/song-accompanied.bass.wav
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from cantilena.analysis.audio.spectra import FRAMES, LOWEST, RATE, spectra
from cantilena.audio.wav import parse_wav, resample
from cantilena.data.audio.clips import STEMS
from cantilena.score.harmony import NO_CHORD, Chord
from cantilena.score.midi import read_midi
from cantilena.score.score import DRUMS
from cantilena.tokens.codes.symbols import score_symbols

PARTIALS = (0, 12, 19, 24, 28, 31)
"""Semitones above the first of the first six partials."""
WEIGHTS = (1.0, 0.8, 0.7, 0.6, 0.5, 0.4)
OCTAVES = 3
QUIET = 0.01
"""Root mean square (-40 dB) of 50 ms below which a moment is silent."""
LOW = 250.0
"""Hz below which sound is low."""
BASS = STEMS.index("bass")
COLUMNS = ("sounds", "low", "dB", "peak", "note", "root", "chord", "rest")
"""As ``bass_figures`` gives them."""


def heard_classes(sound: np.ndarray) -> np.ndarray:
    """(T,) pitch class of each moment of (n,) samples at ``RATE``, ``FRAMES`` a second; -1 where it
    is silent."""
    heard = spectra(sound)
    if heard is None:
        return np.full(1 + len(sound) * int(FRAMES) // RATE, -1)
    levels, width = heard.semitones, 12 * OCTAVES
    pairs = zip(PARTIALS, WEIGHTS, strict=True)
    strength = sum(weight * levels[:, up : up + width] for up, weight in pairs)
    classes = (np.asarray(strength).argmax(1) + LOWEST) % 12
    return np.where(loud(sound, len(classes)), classes, -1)


def loud(sound: np.ndarray, count: int) -> np.ndarray:
    """(count,) whether (n,) samples are louder than ``QUIET`` about each moment."""
    hop = round(RATE / FRAMES)
    padded = np.pad(sound.astype(np.float64), (hop // 2, hop * (count + 1)))
    power = (padded[: hop * count].reshape(count, hop) ** 2).mean(1)
    return np.sqrt(power) >= QUIET


def sounding(symbols: Any, chosen: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """(T, 12) whether each pitch class sounds at each moment among the chosen notes."""
    out = np.zeros((len(moments), 12), dtype=bool)
    rows = zip(symbols.onset[chosen], symbols.duration[chosen], symbols.pitch[chosen], strict=True)
    for onset, duration, pitch in rows:
        span = slice(*np.searchsorted(moments, [float(onset), float(onset + duration)]))
        out[span, int(pitch) % 12] = True
    return out


def harmony(symbols: Any, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, 12) each: the root of the chord at each moment, and all of its pitch classes."""
    root, chord = np.zeros((2, len(moments), 12), dtype=bool)
    at = np.searchsorted(symbols.chord_start, moments, side="right") - 1
    for t in np.flatnonzero(at >= 0):
        number = int(symbols.chord[at[t]])
        if number != NO_CHORD:
            own = Chord.from_number(number)
            root[t, own.root] = True
            chord[t, list(own.pitch_classes)] = True
    return root, chord


def share(classes: np.ndarray, wanted: np.ndarray) -> float:
    """Of the moments at which something is heard and something wanted, the share at which what is
    heard is wanted; nan where there are none."""
    both = np.flatnonzero((classes >= 0) & wanted.any(1))
    return float(wanted[both, classes[both]].mean()) if len(both) else float("nan")


def bass_figures(sound: np.ndarray, rate: int, symbols: Any) -> Mapping[str, float]:
    """Of (n,) samples beside a clip's symbols: the share of the time in which it sounds; of its
    power below ``LOW``; its level (dB of full scale) and its peak; the share of its moments at
    which its pitch class is the played bass's, the chord's root, of the chord, and one that
    sounds in the rest."""
    sound = resample(np.asarray(sound, dtype=np.float32), rate, RATE)
    classes = heard_classes(sound)
    moments = np.arange(len(classes)) / FRAMES
    root, chord = harmony(symbols, moments)
    rest = (symbols.role != BASS) & (symbols.instrument != DRUMS)
    power = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    below = power[np.fft.rfftfreq(len(sound), 1 / RATE) < LOW].sum()
    figures = (
        float((classes >= 0).mean()),
        float(below / power.sum()) if power.sum() else float("nan"),
        20 * np.log10(max(float(np.sqrt(np.mean(sound.astype(np.float64) ** 2))), 1e-6)),
        float(np.abs(sound).max()),
        share(classes, sounding(symbols, symbols.role == BASS, moments)),
        share(classes, root),
        share(classes, chord),
        share(classes, sounding(symbols, rest, moments)),
    )
    return dict(zip(COLUMNS, figures, strict=True))


def main() -> None:
    """Prints a row for each bass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("midi", help="of the music to which they were written, without a bass")
    parser.add_argument("basses", nargs="+", metavar="WAV")
    args = parser.parse_args()
    symbols = score_symbols(read_midi(args.midi))
    rest = np.full(len(symbols.onset), STEMS.index("other"))
    annotated = SimpleNamespace(**vars(symbols), role=rest)
    print(f"{'':50}" + "".join(f"{column:>9}" for column in COLUMNS))
    for path in args.basses:
        sound, rate = parse_wav(Path(path).read_bytes())
        row = bass_figures(sound.mean(1), rate, annotated)
        print(f"{path:50}" + "".join(f"{row[column]:9.3f}" for column in COLUMNS))


if __name__ == "__main__":
    main()
