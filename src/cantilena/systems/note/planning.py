"""From a Brief to a Plan: every question the Brief leaves open is decided here.

Knows Briefs and the habits counted on the training songs; does not know who plays
(``systems.note.casting``), models, or how notes are chosen. Nothing said in the Brief is ever
changed; what is open is drawn by the given random stream, so the same seed gives the same Plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.analysis.key import key_scores
from cantilena.score import DRUMS
from cantilena.score.harmony import QUALITIES, Chord, Key, parse_chord
from cantilena.systems.note.casting import cast
from cantilena.systems.note.plan import PartPlan, Plan
from cantilena.text.wishes import Brief

SEVENTH_GENRES = frozenset({"jazz", "lofi", "bossa nova", "soul", "rnb", "funk"})
CHROMATIC_GENRES = frozenset({"jazz", "blues", "metal", "ragtime", "romantic"})
MINOR_MOODS = frozenset(
    [
        "sad",
        "dark",
        "melancholic",
        "mysterious",
        "tense",
        "aggressive",
        "nostalgic",
        "solemn",
        "epic",
    ]
)
MAJOR_MOODS = frozenset({"happy", "playful", "hopeful"})
LOOPING = frozenset({"electronic", "dance", "house", "techno", "trance", "lofi", "hip hop"})
LOOPED, LITERAL = 0.7, 0.55
"""Share of pieces whose sections come back note for note, melodies apart: in genres made of loops,
in others."""
SECTION = 8  # bars
PLACE = (0.8, 0.8)
"""Where between sparse (0), usual (1) and dense (2) a texture stands: from where, and over how much
it is drawn."""
AMPLE = 1.0  # by how much more sound than notes is asked for
MOST_LOOPS = 200  # the commonest progressions; rarer ones may be mishearings
_USUAL_TONICS = {False: (0, 7, 2, 5, 10, 9, 3, 4), True: (9, 4, 2, 7, 0, 11, 5, 6)}
GENRE_TEMPO = {"gospel": (70, 90, 116), "children": (100, 112, 126), "christmas": (90, 108, 126)}
"""Of genres whose tempo neither their name implies nor enough songs show."""
GENRE_METRE = {"waltz": "3/4", "celtic": "6/8", "march": "2/4"}


def make_plan(brief: Brief, habits: dict[str, Any], rng: np.random.Generator) -> Plan:
    """The Plan of a Brief; open questions are drawn from ``habits`` by ``rng``."""
    metre = _metre(brief)
    bpm = _tempo(brief, habits, rng)
    key = _key(brief, rng)
    bars = _bars(brief, metre, bpm)
    parts = cast(brief, habits, rng)
    plan = Plan(parts, bpm, metre, key, bars, ())
    chords = _asked_chords(brief, plan) or _chosen_chords(brief, plan, habits, rng)
    density, polyphony = _texture(brief, parts, habits, rng)
    return replace(
        plan,
        chords=chords,
        asked_chords=bool(brief.chords),
        strict_key=not CHROMATIC_GENRES & set(brief.genres),
        density=density,
        polyphony=polyphony,
        refers=_refers(plan, chords),
        literal=bool(rng.random() < (LOOPED if LOOPING & set(brief.genres) else LITERAL)),
    )


def _texture(
    brief: Brief, parts: Sequence[PartPlan], habits: dict[str, Any], rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """Notes per bar and polyphony, drawn from what such ensembles usually have, or at an edge where
    "sparse" or "dense" is said. Sound is asked for more amply than notes: parts that are held to
    their voices fall short of it."""
    pitched = min(sum(p.instrument != DRUMS for p in parts), 6)
    drums = any(p.instrument == DRUMS for p in parts)
    found = habits["textures"].get(f"{pitched}+drums" if drums else str(pitched))
    if found is None:
        return None, None
    place = {"sparse": 0.0, "medium": 1.0, "dense": 2.0}.get(brief.density or "")
    place = PLACE[0] + PLACE[1] * rng.random() if place is None else place
    density = float(np.interp(place, (0, 1, 2), found[0]))
    return density, float(np.interp(place + AMPLE, (0, 1, 2), found[1]))


def _refers(plan: Plan, chords: Sequence[tuple[int, Chord]]) -> tuple[int, ...]:
    """For each bar the first earlier bar whose section of eight bars has the same chords at the
    same places, or -1: sections on one progression are one section come back."""
    by_bar: list[list[tuple[int, str]]] = [[] for _ in range(plan.bars)]
    for tick, chord in chords:
        bar = min(tick // plan.bar_ticks, plan.bars - 1)
        by_bar[bar].append((tick % plan.bar_ticks, chord.name()))
    sections: dict[tuple, int] = {}
    out = []
    for start in range(0, plan.bars, SECTION):
        # the last bars of a piece close it and are no guide to what section it is
        head = tuple(tuple(bar) for bar in by_bar[start : start + SECTION - 2])
        first = sections.setdefault(head, start)
        length = min(SECTION, plan.bars - start)
        out += [-1 if first == start else first + k for k in range(length)]
    return tuple(bar if k < plan.bars - 1 else -1 for k, bar in enumerate(out))


def _metre(brief: Brief) -> tuple[int, int]:
    if brief.metre_parts:
        return brief.metre_parts
    for genre in brief.genres:
        if genre in GENRE_METRE:
            num, _, den = GENRE_METRE[genre].partition("/")
            return int(num), int(den)
    return 4, 4


def _tempo(brief: Brief, habits: dict[str, Any], rng: np.random.Generator) -> float:
    """Quarters per minute: as said, else within the range of the tempo word, genre or mood."""
    if brief.tempo is not None:
        return float(brief.tempo)
    if brief.tempo_range is not None:
        low, high = brief.tempo_range
        return float(round(low + (high - low) * (0.3 + 0.4 * rng.random())))
    for genre in brief.genres:
        found = GENRE_TEMPO.get(genre) or habits["tempos"].get(genre)
        if found:
            low, middle, high = found
            u = rng.random()
            return float(
                round(
                    low + (middle - low) * 2 * u
                    if u < 0.5
                    else middle + (high - middle) * (2 * u - 1)
                )
            )
    slow = {"sad", "calm", "melancholic", "solemn", "dreamy", "relaxed", "romantic"}
    quick = {"happy", "energetic", "aggressive", "playful", "tense"}
    moods = set(brief.moods)
    centre = 76 if moods & slow else 128 if moods & quick else 106
    return float(round(centre * (0.92 + 0.16 * rng.random())))


def _key(brief: Brief, rng: np.random.Generator) -> Key:
    """As said; else the key in which most of the asked chords lie; else drawn by mood."""
    if brief.key:
        return Key.from_name(brief.key)
    if brief.chords:
        return key_of_chords([parse_chord(c) for c in brief.chords])
    dark, bright = (bool(moods & set(brief.moods)) for moods in (MINOR_MOODS, MAJOR_MOODS))
    minor = rng.random() < (0.3 if dark == bright else 0.85 if dark else 0.06)
    tonics = _USUAL_TONICS[minor]
    return Key(int(tonics[int(rng.integers(len(tonics)))]), minor)


def key_of_chords(chords: Sequence[Chord]) -> Key:
    """The key whose scale holds most chord tones; first and last chord on its tonic count more."""

    def fit(key: Key) -> float:
        scale = set(key.scale)
        inside = sum(len(c.pitch_classes & scale) / len(c.pitch_classes) for c in chords)
        tonics = ("m", "m7") if key.minor else ("", "7", "maj7")

        def home(c: Chord) -> bool:
            return c.root == key.tonic and c.quality in tonics

        return inside + 0.6 * home(chords[0]) + 0.5 * home(chords[-1])

    keys = [Key.from_index(i) for i in range(24)]
    return max(keys, key=lambda k: (round(fit(k), 6), not k.minor, -abs(k.fifths)))


def _bars(brief: Brief, metre: tuple[int, int], bpm: float) -> int:
    """As said in bars or seconds; else some 45 seconds, in eights, as the chords divide."""
    quarters = 4 * metre[0] / metre[1]
    if brief.bars is not None:
        return brief.bars
    if brief.seconds is not None:
        return int(np.clip(round(brief.seconds * bpm / 60 / quarters), 1, 1000))
    bars = int(np.clip(8 * round(45 * bpm / 60 / quarters / 8), 16, 32))
    per_bar = _chords_per_bar(brief, quarters)
    cycle = len(brief.chords) / per_bar if brief.chords else 0
    if cycle > 1 and cycle == int(cycle):
        bars = max(2 * int(cycle), int(cycle) * max(1, round(bars / cycle)))
    return min(bars, 96)


def _chords_per_bar(brief: Brief, quarters: float) -> float:
    return quarters / brief.chord_beats if brief.chord_beats else 1.0


def _asked_chords(brief: Brief, plan: Plan) -> tuple[tuple[int, Chord], ...]:
    """The asked progression, repeated to the end."""
    if not brief.chords:
        return ()
    symbols = [parse_chord(c) for c in brief.chords]
    length = round(brief.chord_beats * 24) if brief.chord_beats else plan.bar_ticks
    ticks = range(0, plan.end, max(length, 1))
    return tuple((tick, symbols[i % len(symbols)]) for i, tick in enumerate(ticks))


def _chosen_chords(
    brief: Brief, plan: Plan, habits: dict[str, Any], rng: np.random.Generator
) -> tuple[tuple[int, Chord], ...]:
    """A progression: two loops of four bars that training songs have, some of whose bars change
    their chord in the middle, set out as A A B A by eights; the last bar on the tonic with a
    dominant before it. Of several draws the one that tells its key best by ear (``key_scores`` of
    its chord tones) is taken, unless an earlier one already tells it plainly."""
    best: tuple[float, list[tuple[int, Chord]]] = (-np.inf, [])
    for _ in range(12):
        chords = _drawn_chords(brief, plan, habits, rng)
        lead = _tells([chord for _, chord in chords], plan.key)
        if lead > best[0]:
            best = (lead, chords)
        if lead > PLAIN:
            break
    return tuple(best[1])


PLAIN = 0.08


def _tells(chords: Sequence[Chord], key: Key) -> float:
    """By how much the key's score leads over any other's, on a histogram of the chords' tones."""
    histogram = np.zeros(12)
    for chord in chords:
        for pc in chord.pitch_classes:
            histogram[pc] += 1.0
        histogram[chord.root] += 0.7
    scores = np.array(key_scores(histogram))
    mine = scores[key.index]
    scores[key.index] = -np.inf
    return float(mine - scores.max())


def _drawn_chords(
    brief: Brief, plan: Plan, habits: dict[str, Any], rng: np.random.Generator
) -> list[tuple[int, Chord]]:
    """(tick, chord) wherever the chord changes or a bar begins."""
    mode = "minor" if plan.key.minor else "major"
    loops = habits["progressions"][mode][:MOST_LOOPS]
    weights = np.array([n for _, n in loops], dtype=np.float64) ** 0.8
    # a piece's first loop begins on the tonic chord
    home = 1 + QUALITIES_INDEX["m" if plan.key.minor else ""]
    first = weights * np.array([loop[0] == home for loop, _ in loops])
    a = loops[int(rng.choice(len(loops), p=first / first.sum()))][0]
    b = loops[int(rng.choice(len(loops), p=weights / weights.sum()))][0]
    order = [a, a, b, a] if plan.bars > 16 else [a, b]
    sevenths = bool(SEVENTH_GENRES & set(brief.genres))
    tonic = Chord.from_number(home).transposed(plan.key.tonic)
    chords: list[tuple[int, Chord]] = []
    for bar in range(plan.bars):
        loop = order[(bar // SECTION) % len(order)]
        moments = _moments(loop, bar % 4, plan)
        if plan.bars > 1 and bar == plan.bars - 1:
            chords.append((bar * plan.bar_ticks, _seventh(tonic, plan.key) if sevenths else tonic))
        elif plan.bars > 3 and bar == plan.bars - 2:
            dominant = Chord((plan.key.tonic + 7) % 12, QUALITIES["7"], "7")
            chords.append((bar * plan.bar_ticks, dominant))
        else:
            for place, number in moments:
                tick = bar * plan.bar_ticks + place
                chords.append((tick, _placed(number, plan.key, sevenths)))
    return chords


def _moments(loop: Sequence[int], bar: int, plan: Plan) -> list[tuple[int, int]]:
    """(ticks into the bar, chord number) of a bar of a loop, which has one or two chords a bar; a
    metre whose bars have no middle on a beat takes the first."""
    per = len(loop) // 4
    numbers = list(loop[per * bar : per * (bar + 1)])
    middle = plan.bar_ticks // 2
    halves = plan.bar_ticks >= 72 and middle % plan.beat_ticks == 0
    if per == 1 or numbers[0] == numbers[1] or not halves:
        return [(0, numbers[0])]
    return [(0, numbers[0]), (middle, numbers[1])]


QUALITIES_INDEX = {name: i for i, name in enumerate(QUALITIES)}


def _placed(number: int, key: Key, sevenths: bool) -> Chord:
    chord = Chord.from_number(number).transposed(key.tonic)
    return _seventh(chord, key) if sevenths else chord


def _seventh(chord: Chord, key: Key) -> Chord:
    """A triad with the seventh that its place in the key gives it."""
    if chord.symbol not in ("", "m"):
        return chord
    dominant = (chord.root - key.tonic) % 12 == 7 and chord.symbol == ""
    symbol = "m7" if chord.symbol == "m" else "7" if dominant else "maj7"
    return Chord(chord.root, QUALITIES[symbol], symbol)
