"""From a Brief to a Plan: every question the Brief leaves open is decided here.

Knows Briefs and the habits counted on the training songs; does not know who plays
(``systems.note.casting``), which chords suit a piece that names none
(``systems.note.progressions``), models, or how notes are chosen. Nothing said in the Brief is ever
changed, but the last chord of those that contradict the key; what is open is drawn from a random
stream, so the same seed gives the same Plan.

Where a constant says "by the statistics" it was chosen so that composed pieces resemble held-out
songs in ``cantilena evaluate statistics`` (``docs/note-model.md``, "The settings"); where it says
nothing of the kind no experiment is on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import QUALITY_NAMES, Chord, Key, parse_chord
from cantilena.systems.note.arranging import arrange
from cantilena.systems.note.borrowing import bar_length
from cantilena.systems.note.casting import cast
from cantilena.systems.note.manner import in_registers, with_compass
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.progressions import choose_chords, key_lead
from cantilena.systems.note.sections import (
    SECTION,
    form_bars,
    only_frames,
    plan_sections,
    section_of_rounds,
)
from cantilena.systems.note.suiting import SLOW_MOODS, notes_per_bar
from cantilena.systems.note.turns import with_turns
from cantilena.text.wishes import Brief
from cantilena.tokens.note import GRID

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
MAJOR_GENRES = frozenset(
    {"ragtime", "march", "polka", "country", "gospel", "children", "christmas", "disco"}
)
"""Genres that are mostly in major keys."""
LOOPING = frozenset({"electronic", "dance", "house", "techno", "trance", "lofi", "hip hop"})
PHRASE = 4  # bars
DRAWS = 3
"""Progressions of which one is taken, where none is asked for. Of the bars that an arrangement has
come back in their pitches 43 % keep their chords with one, 51 % with three, 56 % with six, and 28 %
where arrangements are taken whatever the chords are (60 training songs' wishes); with six,
progressions come round more often than songs' do."""
DENSITY_LEVELS = {"sparse": 0.0, "medium": 1.0, "dense": 2.0}
"""Levels 0, 1 and 2 are what 15, 50 and 85 % of the training songs with as many instruments stay
below (``train.note.habits.QUANTILES``)."""
DENSITY_LOW, DENSITY_RANGE = 0.6, 0.8
"""Where no density is asked for its level is uniform in [low, low + range]. By the statistics: the
model writes fewer notes than it is asked for, so that the range lies above the middle."""
MOOD_DENSITY = 0.5
"""Levels by which what is slow by its mood is thinner, and what is quick by it fuller."""
EXTRA_SUSTAIN = 1.0
"""Levels by which polyphony is asked for above density. By the statistics: parts that are held to
their voices fall short of the polyphony asked for."""
LARGEST_TEXTURE = 6  # pitched instruments; more of them are counted with these in the habits
_USUAL_TONICS = {False: (0, 7, 2, 5, 10, 9, 3, 4), True: (9, 4, 2, 7, 0, 11, 5, 6)}
P_MINOR, P_MINOR_DARK, P_MINOR_BRIGHT = 0.3, 0.85, 0.06
"""How often a key that nobody names is minor: without a mood or with mixed ones, with dark ones,
with bright ones."""
GENRE_TEMPO = {"gospel": (70, 90, 116), "children": (100, 112, 126), "christmas": (90, 108, 126)}
"""Quarters per minute, low, middle and high, of genres whose tempo neither their name implies nor
enough songs show."""
TEMPO_LOW, TEMPO_RANGE = 0.3, 0.4
"""Where in the range of a tempo word a tempo is drawn, uniform in [low, low + range] of it: not at
its edges."""
SLOW_MOOD_TEMPO, QUICK_MOOD_TEMPO, USUAL_TEMPO = 76, 128, 106  # quarters per minute
TEMPO_SPREAD = 0.08  # how far from these a tempo is drawn, as a share of them
QUICK_MOODS = frozenset({"happy", "energetic", "aggressive", "playful", "tense"})
GENRE_METRE = {"waltz": (3, 4), "celtic": (6, 8), "march": (2, 4)}
USUAL_SECONDS = 45  # of a piece whose length nobody says
SHORTEST, LONGEST = 16, 32  # bars of such a piece
MOST_BARS = 1000  # as a Brief may ask for
HOME_FROM = 8
"""Bars of the shortest piece that ends at home though its chords are asked for: of these seven are
still as they were asked for."""
MOST_BARS_OF_A_CYCLE = 96  # however long the chord progression that is asked for is


def make_plan(brief: Brief, habits: dict[str, Any], rng: np.random.Generator) -> Plan:
    """The Plan of a Brief; open questions are drawn from ``habits`` by ``rng``."""
    metre = _metre(brief)
    bpm = _tempo(brief, habits, rng)
    key = _key(brief, rng)
    bars = _bars(brief, metre, bpm)
    parts = in_registers(with_compass(cast(brief, habits, rng), brief, rng), brief)
    section = section_of_rounds(_cycle(brief, 4 * metre[0] / metre[1]))
    sections = plan_sections(brief.form, bars, brief.form_whole, section)
    plan = Plan(parts, bpm, metre, key, bars, (), sections=sections)
    asked = _asked_chords(brief, plan)
    drawn = [asked] if asked else choose_chords(brief, plan, habits, rng, DRAWS)
    density, polyphony = _texture(brief, plan, habits, rng)
    plan = replace(
        plan,
        asked_chords=bool(brief.chords),
        strict_key=not CHROMATIC_GENRES & set(brief.genres),
        density=density,
        polyphony=polyphony,
    )
    plans = [with_turns(replace(plan, chords=chords), brief) for chords in drawn]
    progressions = [plan.chords for plan in plans]
    songs = habits.get("arrangements", ())
    plan = arrange(plans[0], brief, songs, rng, progressions=progressions)
    arranged = notes_per_bar({part.instrument: part.bars for part in plan.parts})
    return replace(plan, density=arranged or density)


def _texture(
    brief: Brief, plan: Plan, habits: dict[str, Any], rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """Notes per bar and polyphony at a density level: the level asked for, else one drawn, of
    which a bar that is shorter than 4/4, as the habits' mostly are, has fewer notes. None where the
    habits know no such ensemble."""
    pitched = min(sum(p.instrument != DRUMS for p in plan.parts), LARGEST_TEXTURE)
    drums = any(p.instrument == DRUMS for p in plan.parts)
    texture = habits["textures"].get(f"{pitched}+drums" if drums else str(pitched))
    if texture is None:
        return None, None
    level, length = DENSITY_LEVELS.get(brief.density or ""), 1.0
    if level is None:
        length = bar_length(plan.metre)
        moods = set(brief.moods)
        by_mood = bool(QUICK_MOODS & moods) - bool(SLOW_MOODS & moods)
        level = DENSITY_LOW + DENSITY_RANGE * rng.random() + MOOD_DENSITY * by_mood
    levels = list(DENSITY_LEVELS.values())
    density = float(np.interp(level, levels, texture[0])) * length
    return density, float(np.interp(level + EXTRA_SUSTAIN, levels, texture[1]))


def _metre(brief: Brief) -> tuple[int, int]:
    if brief.metre_parts:
        return brief.metre_parts
    for genre in brief.genres:
        if genre in GENRE_METRE:
            return GENRE_METRE[genre]
    return 4, 4


def _tempo(brief: Brief, habits: dict[str, Any], rng: np.random.Generator) -> float:
    """Quarters per minute: as said, else within the range of the tempo word, genre or mood."""
    if brief.tempo is not None:
        return float(brief.tempo)
    if brief.tempo_range is not None:
        low, high = brief.tempo_range
        return float(round(low + (high - low) * (TEMPO_LOW + TEMPO_RANGE * rng.random())))
    for genre in brief.genres:
        usual = GENRE_TEMPO.get(genre) or habits["tempos"].get(genre)
        if usual:
            low, middle, high = usual
            u = rng.random()
            slow, quick = SLOW_MOODS & set(brief.moods), QUICK_MOODS & set(brief.moods)
            if bool(slow) != bool(quick):  # the mood says in which half
                u = u / 2 if slow else (1 + u) / 2
            if u < 0.5:
                return float(round(low + (middle - low) * 2 * u))
            return float(round(middle + (high - middle) * (2 * u - 1)))
    moods = set(brief.moods)
    centre = USUAL_TEMPO
    if moods & SLOW_MOODS:
        centre = SLOW_MOOD_TEMPO
    elif moods & QUICK_MOODS:
        centre = QUICK_MOOD_TEMPO
    return float(round(centre * (1 - TEMPO_SPREAD + 2 * TEMPO_SPREAD * rng.random())))


def _key(brief: Brief, rng: np.random.Generator) -> Key:
    """As said; else the key in which most of the asked chords lie; else drawn by mood."""
    if brief.key:
        return Key.from_name(brief.key)
    if brief.chords:
        return key_of_chords([parse_chord(c) for c in brief.chords])
    dark = bool(MINOR_MOODS & set(brief.moods))
    bright = bool(MAJOR_MOODS & set(brief.moods) or MAJOR_GENRES & set(brief.genres))
    p_minor = P_MINOR if dark == bright else P_MINOR_DARK if dark else P_MINOR_BRIGHT
    minor = rng.random() < p_minor
    tonics = _USUAL_TONICS[minor]
    return Key(int(tonics[int(rng.integers(len(tonics)))]), minor)


def key_of_chords(chords: Sequence[Chord]) -> Key:
    """The key whose scale holds most chord tones, each chord counting 0 to 1. A first chord that is
    its tonic adds a little more than half a chord, a last one half: the first decides between
    relatives in which all chords lie."""

    def fit(key: Key) -> float:
        scale = set(key.scale)
        inside = sum(len(c.pitch_classes & scale) / len(c.pitch_classes) for c in chords)
        return inside + 0.6 * _is_tonic(chords[0], key) + 0.5 * _is_tonic(chords[-1], key)

    keys = [Key.from_index(i) for i in range(24)]
    return max(keys, key=lambda k: (round(fit(k), 6), not k.minor, -abs(k.fifths)))


def _is_tonic(chord: Chord, key: Key) -> bool:
    """Whether a chord is a key's first degree, with a seventh or without."""
    qualities = ("m", "m7") if key.minor else ("", "7", "maj7")
    return chord.root == key.tonic and chord.quality in qualities


def _bars(brief: Brief, metre: tuple[int, int], bpm: float) -> int:
    """As said in bars or seconds, of a range what divides well; else those of the form, where it
    has all the sections; else some 45 seconds, in eights, as the chords divide."""
    quarters = 4 * metre[0] / metre[1]
    whole = brief.form and (brief.form_whole or not only_frames(brief.form))
    if whole and brief.bars is None and brief.seconds is None:
        return min(form_bars(brief.form), MOST_BARS)
    cycle = _cycle(brief, quarters)
    bars = brief.bars
    if bars is None and brief.seconds is not None:
        bars = int(np.clip(round(brief.seconds * bpm / 60 / quarters), 1, MOST_BARS))
    if bars is not None:
        return _well_divided(bars, _bars_range(brief, bpm / 60 / quarters), cycle)
    sections = round(USUAL_SECONDS * bpm / 60 / quarters / SECTION)
    bars = int(np.clip(SECTION * sections, SHORTEST, LONGEST))
    if cycle:
        bars = max(2 * cycle, cycle * max(1, round(bars / cycle)))
    bars = min(bars, MOST_BARS_OF_A_CYCLE)
    return min(max(bars, form_bars(brief.form) + SECTION), MOST_BARS) if brief.form else bars


def _bars_range(brief: Brief, bars_per_second: float) -> tuple[int, int] | None:
    """Least and most bars that the asked ranges leave, those of bars first; None without one."""
    span = brief.bars_range
    if brief.seconds_range is None or (brief.bars is not None and span is None):
        return span
    least, most = span or (1, MOST_BARS)
    low, high = (seconds * bars_per_second for seconds in brief.seconds_range)
    least, most = max(ceil(low), least), min(int(high), most)
    return (least, most) if least <= most else span


def _well_divided(bars: int, span: tuple[int, int] | None, cycle: int) -> int:
    """Of the bars in a range (least, most) the nearest to ``bars`` that is a whole number of
    chord cycles, else of phrases, else the nearest at all; ``bars`` where no range is asked for."""
    if span is None:
        return bars
    least, most = span
    for unit in filter(None, (cycle, PHRASE)):
        lowest, highest = ceil(least / unit), most // unit
        if lowest <= highest:
            return unit * min(max(round(bars / unit), lowest), highest)
    return min(max(bars, least), most)


def _cycle(brief: Brief, quarters: float) -> int:
    """Bars of the asked progression; 0 where there is none, or it is no whole number of them above
    one."""
    cycle = len(brief.chords) / _chords_per_bar(brief, quarters) if brief.chords else 0
    return int(cycle) if cycle > 1 and cycle == int(cycle) else 0


def _chords_per_bar(brief: Brief, quarters: float) -> float:
    return quarters / brief.chord_beats if brief.chord_beats else 1.0


def _asked_chords(brief: Brief, plan: Plan) -> tuple[tuple[int, Chord], ...]:
    """The asked progression, repeated to the end. Where a key is asked for and the chords let
    another one be heard, the last bar has the tonic, so that the piece ends at home."""
    if not brief.chords:
        return ()
    symbols = [parse_chord(c) for c in brief.chords]
    length = round(brief.chord_beats * GRID) if brief.chord_beats else plan.bar_ticks
    ticks = range(0, plan.end, max(length, 1))
    chords = [(tick, symbols[i % len(symbols)]) for i, tick in enumerate(ticks)]
    if brief.key and plan.bars >= HOME_FROM and key_lead([c for _, c in chords], plan.key) < 0:
        last = plan.end - plan.bar_ticks
        if not any(_is_tonic(chord, plan.key) for tick, chord in chords if tick >= last):
            tonic = Chord.from_number(1 + QUALITY_NAMES.index("m" if plan.key.minor else ""))
            home = (last, tonic.transposed(plan.key.tonic))
            chords = [*((tick, chord) for tick, chord in chords if tick < last), home]
    return tuple(chords)
