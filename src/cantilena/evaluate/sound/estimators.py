"""The estimators of ``analysis.audio`` learnt from clips, and how often they are right.

Knows sound of which the notes are known; does not know files. All are linear: what is learnt are
the weights of softmax and logistic regressions, by Adam over random batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, describe
from cantilena.analysis.audio import Heard, harmony, instruments, rhythm
from cantilena.analysis.audio.agreement import KIND_OF, OCTAVES, chord_share, tempo_right
from cantilena.analysis.audio.model import Model
from cantilena.analysis.audio.spectra import FRAMES, RATE, Spectra, spectra
from cantilena.audio.wav import resample
from cantilena.data.audio.clips import Clip
from cantilena.data.audio.rendering import Cut
from cantilena.errors import InputError
from cantilena.score.harmony import Key
from cantilena.score.score import DRUMS, Score
from cantilena.text.report import key_relation

HEARD_SHARE, HEARD_STROKES = 0.05, 8
"""Of the sounding time a family has at least so much to be heard; so many strokes are drums."""
LONGEST_NOTE = 4.0
"""Seconds of a note that count for its family."""
STROKE = 0.2
"""Seconds that a stroke of a drum counts."""
RELIABLE = 0.6
"""Precision and recall from which on a family is told, ..."""
RELIABLE_OF = 10
"""... on at least so many clips with it."""
STEPS, BATCH, LEARNING_RATE, DECAY = 800, 64, 0.01, 0.01
NEAR = 0.02
"""Octaves: deviation of the bell around the true tempo that the weights are learnt from."""


@dataclass(frozen=True)
class Facts:
    """What is known of some sound: ``bpm``; ``key`` (None: none); chords (C,): ``start`` in seconds
    and reduced ``chord`` number; ``families`` (names,) bool, by ``instruments.NAMES``; ``source``,
    whose sounds weigh as much as another source's."""

    source: str
    bpm: float
    key: Key | None
    start: np.ndarray
    chord: np.ndarray
    families: np.ndarray


def facts_of_clip(clip: Clip) -> Facts:
    """The Facts of a clip of MIDI. Raises InputError for one of a recording."""
    notes, meta = clip.symbols, clip.meta
    if notes is None:
        raise InputError(f"the clip {clip.id!r} is of a recording: its notes are not known")
    key = None if meta["key"] < 0 else Key.from_index(meta["key"])
    families = families_of(notes.instrument, notes.duration)
    return Facts(meta["source"], meta["bpm"], key, notes.chord_start, notes.chord, families)


def facts_of_score(score: Score, start: float, stop: float, source: str = "") -> Facts:
    """The Facts of a Score from ``start`` to ``stop`` in seconds. Raises InputError where no note
    begins there."""
    cut = Cut(score, start, stop)
    if not cut.count:
        raise InputError(f"no note begins between {start:g} and {stop:g} s")
    about = describe(cut.score)
    numbers, ticks = chord_slots(score)
    times = np.asarray(score.seconds(ticks)) - start
    first = max(0, int(np.searchsorted(times, 0.0, side="right")) - 1)
    last = max(first + 1, int(np.searchsorted(times, stop - start)))
    onset = np.asarray(score.seconds(score.onset))
    end = np.asarray(score.seconds(score.onset + score.duration))
    inside = (onset < stop) & (end > start)
    families = families_of(score.instrument[inside], (end - onset)[inside])
    times = np.maximum(times[first:last], 0.0)
    return Facts(source, about.bpm, about.key, times, numbers[first:last], families)


def families_of(instrument: np.ndarray, duration: np.ndarray) -> np.ndarray:
    """(names,) bool: which families are heard, of notes' instruments (0-127, 128 drums) and
    durations in seconds."""
    family = np.asarray(instrument, dtype=np.int64) // 8
    drums = family == DRUMS // 8
    weight = np.where(drums, STROKE, np.minimum(duration, LONGEST_NOTE))
    n = len(instruments.NAMES)
    shares = np.bincount(family, weights=weight, minlength=n)
    heard = shares / max(shares.sum(), 1e-9) >= HEARD_SHARE
    heard[-1] = drums.sum() >= HEARD_STROKES
    return heard


# ---------------------------------------------------------------------------- learning


@dataclass(frozen=True)
class Example:
    """Sound as it is learnt from."""

    facts: Facts
    tempo: np.ndarray
    key: np.ndarray
    slots: np.ndarray
    kinds: np.ndarray
    timbre: np.ndarray


def example_of(samples: np.ndarray, rate: int, facts: Facts) -> Example | None:
    """What is learnt from (n,) samples at ``rate`` Hz; None from silence."""
    heard = spectra(resample(samples, rate, RATE))
    if heard is None:
        return None
    slots, kinds = _slots(heard, facts)
    return Example(
        facts,
        rhythm.tempo_features(rhythm.curves(heard)).astype(np.float32),
        harmony.key_levels(heard.semitones),
        slots,
        kinds,
        instruments.timbre(heard),
    )


def _slots(heard: Spectra, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    edges = np.append(facts.start, heard.seconds)
    long = np.diff(edges) >= 4 / FRAMES
    if not long.any():
        return np.zeros((0, heard.semitones.shape[1])), np.zeros(0, dtype=np.int64)
    return harmony.slot_levels(heard.semitones, edges)[long], KIND_OF[facts.chord[long]]


def learn(examples: Sequence[Example], seed: int = 0) -> Model:
    """The Model of some sounds; ``told`` and ``accuracy`` are empty. Raises InputError for fewer
    than 2 examples."""
    if len(examples) < 2:
        raise InputError("estimators are learnt from 2 sounds or more")
    counts = Counter(e.facts.source for e in examples)
    weight = np.array([len(examples) / len(counts) / counts[e.facts.source] for e in examples])
    tempo = _learn_tempo(examples, weight, seed)
    (chords, chord_bias), (silence, silence_bias) = _learn_chords(examples, weight, seed)
    keyed = [i for i, e in enumerate(examples) if e.facts.key is not None]
    levels = np.stack([examples[i].key for i in keyed])
    places = np.array([key.index for i in keyed if (key := examples[i].facts.key) is not None])
    (keys, key_bias), _ = _tied(levels, None, places, weight[keyed], 2, seed)
    timbre = np.stack([e.timbre for e in examples])
    mean, scale = timbre.mean(0), timbre.std(0) + 1e-6
    families = np.stack([e.facts.families for e in examples]).astype(float)
    inputs = np.clip((timbre - mean) / scale, -4, 4)
    family_weights, family_bias = _logistic(inputs, families, weight, seed)
    return Model(
        tempo,
        chords,
        chord_bias,
        silence,
        silence_bias,
        keys,
        key_bias,
        family_weights,
        family_bias,
        mean,
        scale,
        (),
        {},
    )


def _learn_tempo(examples: Sequence[Example], weight: np.ndarray, seed: int) -> np.ndarray:
    low, high = rhythm.GRID[0], rhythm.GRID[-1]
    use = [i for i, e in enumerate(examples) if low < e.facts.bpm < high]
    x = np.stack([examples[i].tempo for i in use])
    away = np.log2(rhythm.GRID / np.array([[examples[i].facts.bpm] for i in use]))
    target = np.exp(-0.5 * (away / NEAR) ** 2)
    target /= target.sum(1, keepdims=True)
    scale = x.reshape(-1, x.shape[2]).std(0) + 1e-6

    def gradient(parameters: list[np.ndarray], batch: np.ndarray) -> list[np.ndarray]:
        inputs = x[batch] / scale
        error = _softmax(inputs @ parameters[0]) - target[batch]
        return [np.einsum("ng,ngf,n->f", error, inputs, weight[use][batch]) / len(batch)]

    return _adam([np.zeros(x.shape[2])], gradient, len(x), seed)[0] / scale


def _learn_chords(
    examples: Sequence[Example], weight: np.ndarray, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    levels = np.concatenate([e.slots for e in examples])
    places = np.concatenate([e.kinds for e in examples])
    weights = np.concatenate(
        [np.full(len(e.kinds), w) for e, w in zip(examples, weight, strict=True)]
    )
    full = harmony.fullness(levels)
    return _tied(harmony.normed(levels), full, places, weights, len(harmony.KINDS), seed)


def _tied(
    levels: np.ndarray,
    more: np.ndarray | None,
    places: np.ndarray,
    weight: np.ndarray,
    kinds: int,
    seed: int,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Templates (kinds, WIDTH) and biases of a softmax over ``kinds`` on 12 tonics, with, where
    there is ``more`` (N, E), weights (E,) and bias of one place behind them."""
    width = harmony.WIDTH
    extra = np.zeros((len(levels), 0)) if more is None else more

    def gradient(parameters: list[np.ndarray], batch: np.ndarray) -> list[np.ndarray]:
        template, bias, side, side_bias = parameters
        x = harmony.aligned(levels[batch])
        logits = (x @ template.T + bias).transpose(0, 2, 1).reshape(len(batch), -1)
        if more is not None:
            logits = np.column_stack([logits, extra[batch] @ side + side_bias])
        error = _softmax(logits)
        error[np.arange(len(batch)), places[batch]] -= 1
        error *= weight[batch, None] / len(batch)
        of_kinds = error[:, : 12 * kinds].reshape(len(batch), kinds, 12)
        rest = error[:, 12 * kinds :].sum(1)
        return [
            np.einsum("nkt,ntw->kw", of_kinds, x),
            of_kinds.sum((0, 2)),
            rest @ extra[batch],
            rest.sum(),
        ]

    start = [np.zeros((kinds, width)), np.zeros(kinds), np.zeros(extra.shape[1]), np.zeros(())]
    template, bias, side, side_bias = _adam(start, gradient, len(levels), seed)
    return (template, bias), (side, side_bias)


def _logistic(
    x: np.ndarray, target: np.ndarray, weight: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(K, F) weights and (K,) biases of K logistic regressions over (N, F)."""

    def gradient(parameters: list[np.ndarray], batch: np.ndarray) -> list[np.ndarray]:
        weights, bias = parameters
        odds = np.clip(x[batch] @ weights.T + bias, -30, 30)
        error = (1 / (1 + np.exp(-odds)) - target[batch]) * weight[batch, None] / len(batch)
        return [error.T @ x[batch], error.sum(0)]

    k = target.shape[1]
    weights, bias = _adam([np.zeros((k, x.shape[1])), np.zeros(k)], gradient, len(x), seed)
    return weights, bias


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def _adam(
    parameters: list[np.ndarray],
    gradient: Callable[[list[np.ndarray], np.ndarray], list[np.ndarray]],
    n: int,
    seed: int,
) -> list[np.ndarray]:
    """The parameters after ``STEPS`` steps of Adam (Kingma and Ba, 2015) with its usual moments, a
    rate that falls to zero, and weights that decay."""
    rng = np.random.default_rng(seed)
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    for step in range(1, STEPS + 1):
        grads = gradient(parameters, rng.integers(n, size=min(n, BATCH)))
        rate = LEARNING_RATE * (1 - (step - 1) / STEPS)
        for i, grad in enumerate(grads):
            first[i] = 0.9 * first[i] + 0.1 * grad
            second[i] = 0.999 * second[i] + 0.001 * grad**2
            move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
            parameters[i] = parameters[i] * (1 - rate * DECAY) - rate * move
    return parameters


# ---------------------------------------------------------------------------- measuring


def measure(pairs: Sequence[tuple[Heard, Facts]]) -> dict[str, Any]:
    """How often what is heard is right, as ``analysis.audio.accuracy`` has it, of all families
    beside those that are told. Raises InputError for no pairs."""
    if not pairs:
        raise InputError("there is no sound to measure estimators on")
    tempo = [(h.bpm, f.bpm) for h, f in pairs]
    keys = [key_relation(f.key, h.key) for h, f in pairs if f.key is not None]
    chords = np.array([chord_share(h, f.start, f.chord) for h, f in pairs])
    chords = chords[~np.isnan(chords)]
    return {
        "pieces": len(pairs),
        "tempo": _mean([tempo_right(h, f) for h, f in tempo]),
        "tempo_octave": _mean([tempo_right(h, f, OCTAVES) for h, f in tempo]),
        "key": _mean([relation == "same" for relation, _ in keys]),
        "key_mirex": _mean([worth for _, worth in keys]),
        "chords": _mean(chords),
        "families": _families(pairs),
    }


def _families(pairs: Sequence[tuple[Heard, Facts]]) -> dict[str, dict[str, Any]]:
    heard = np.array([[name in h.families for name in instruments.NAMES] for h, _ in pairs])
    truth = np.stack([f.families for _, f in pairs])
    rows = {}
    for i, name in enumerate(instruments.NAMES):
        both, n, claims = (
            int(x.sum()) for x in (heard[:, i] & truth[:, i], truth[:, i], heard[:, i])
        )
        precision, recall = both / claims if claims else None, both / n if n else None
        rows[name] = {"precision": _round(precision), "recall": _round(recall), "pieces": n}
    return rows


def reliable_families(measured: dict[str, Any]) -> tuple[str, ...]:
    """The families that are recognised reliably by ``measure``'s figures: ``RELIABLE`` and
    ``RELIABLE_OF``."""
    return tuple(
        name
        for name, row in measured["families"].items()
        if row["pieces"] >= RELIABLE_OF
        and min(row["precision"] or 0.0, row["recall"] or 0.0) >= RELIABLE
    )


def with_accuracy(
    model: Model,
    names: Sequence[str],
    measured: dict[str, Any],
    of: str,
    coded: dict[str, Any] | None = None,
) -> Model:
    """The Model that tells the families of these ``names``, with what was ``measured`` ``of``
    some sounds, and of some of them that had been ``coded`` (None: that was not measured)."""
    families = {name: measured["families"][name] for name in names}
    accuracy = {**measured, "families": families, "of": of, "coded": None}
    if coded is not None:
        accuracy["coded"] = {k: v for k, v in coded.items() if k != "families"}
    return replace(model, told=tuple(names), accuracy=accuracy)


def _mean(values: Sequence[Any] | np.ndarray) -> float | None:
    return _round(float(np.mean(values))) if len(values) else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
