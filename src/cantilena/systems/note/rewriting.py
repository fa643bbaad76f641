"""A span of a piece to be written anew: what is kept around it, who plays in it, and its Plan.

Knows Scores, Edits and Plans; does not know the model. The kept notes are read by the model on its
grid, as far as it can say them; in the piece they stay as they are (``systems.note.joining``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, density, find_key, polyphony
from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, gm
from cantilena.score.harmony import Chord, Key, parse_chord
from cantilena.score.splice import inside, without
from cantilena.systems.note.casting import BOWED, asked_programs, plan_parts
from cantilena.systems.note.choosing import FOLLOWING
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.request import Edit
from cantilena.systems.tracks import BASS as BASS_ROLE
from cantilena.systems.tracks import LEAD, track_roles
from cantilena.text.brief.relative import DENSITY, REGISTER, RelativeWish, relative_wishes
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.context import Frame

FEWEST = 8  # notes of a part from which on its range can be told
WIDER = 2  # semitones beyond the notes there are that a part may go
OCTAVE = 12
DENSITY_FACTOR = {1: 1.5, -1: 0.6}
"""Notes of a part that is to be busier or sparser, to those that stand there; the square of it
where it is to be much so."""
ASKED_DENSITY = {"sparse": 0.6, "medium": 1.0, "dense": 1.5}
SLACK, NEAR_SLACK = 0.3, 0.05
"""By which share the new music may have more or fewer notes than are due: where nobody says how
many; where the text does, or the music is to be near to what stands there."""
ADDED_NOTES = (2.0, 8.0)
"""Notes a bar that a part that is added has at least and at most; between these it has as many as
the others of one voice."""
SHARE_KEPT = 0.5  # of its share of the notes that a part is to have at least
_TUNES = ("melody", "countermelody", "counter-melody", "counterpoint", "lead", "solo", "tune")


@dataclass(frozen=True)
class Changes:
    """What an Edit and its options ask for: ``tracks`` written anew (None: all); ``added``
    instruments (0-128), each a part of its own; ``replaced``: old instrument to new one; ``lean``
    towards what stood there, 0 for none; and the ``relative`` wishes of the text."""

    tracks: frozenset[int] | None
    added: tuple[int, ...] = ()
    replaced: tuple[tuple[int, int], ...] = ()
    lean: float = 0.0
    relative: tuple[RelativeWish, ...] = ()

    def wish(self, kind: str) -> RelativeWish | None:
        """The relative wish of a kind."""
        return next((wish for wish in self.relative if wish.kind == kind), None)


@dataclass(frozen=True)
class Gap:
    """A span of a Score to be filled.

    ``score``: the piece as it stands; ``start`` and ``stop``: its ticks; ``anew``: the tracks whose
    notes in the span are replaced; ``plan``: the new music's, from ``plan.origin`` to ``plan.end``
    (grid ticks), with the parts that play it; ``frame``: the whole piece's; ``past``: steps before
    the span; ``kept``: (N, 5) notes in it and behind it that stay; ``old``: (N, 5) those that are
    replaced; ``notes``: new notes due a bar; ``slack``: by which share there may be more or fewer;
    ``everyone``: all instruments of the piece; ``ends``: the piece ends with the span."""

    score: Score
    start: int
    stop: int
    anew: frozenset[int]
    plan: Plan
    frame: Frame
    past: tuple[tuple[int, ...], ...]
    kept: np.ndarray
    old: np.ndarray
    notes: float
    slack: float
    everyone: tuple[int, ...]
    ends: bool

    @property
    def span(self) -> tuple[int, int]:
        """Start and stop in grid ticks."""
        return self.plan.origin, self.plan.end

    @property
    def instruments(self) -> tuple[int, ...]:
        """Those that play the new music."""
        return tuple(part.instrument for part in self.plan.parts)


def spans_of(edit: Edit) -> list[tuple[int, int]]:
    """The spans of an Edit in ticks of its Score, up to its last bar line. Raises InputError where
    nothing is within them."""
    line = int(edit.base.bar_starts[-1])
    spans = []
    for span in edit.spans:
        start, stop = span.ticks(edit.base)
        stop = line if stop is None else min(stop, line)
        if start < stop:
            spans.append((start, stop))
    if not spans:
        raise InputError(f"the piece ends at bar {edit.base.n_bars}; nothing is within the span")
    return spans


def changes(edit: Edit, brief: Brief, options: dict[str, Any]) -> Changes:
    """What is to be changed. Instruments that the Brief names and the piece has not are added,
    besides those of the option "add"."""
    added = [int(i) for i in str(options.get("add", "")).split(",") if i]
    pairs = [p.split("=") for p in str(options.get("replace", "")).split(",") if p]
    replaced = tuple((int(old), int(new)) for old, new in pairs)
    there = {track.instrument for track in edit.base.tracks}
    taken = {*there, *added, *(new for _, new in replaced)}
    for _, instrument in asked_programs(brief):
        if not taken & set(instrument.programs):
            free = [p for p in instrument.programs if p not in brief.excluded]
            added += free[:1]
            taken |= set(free[:1])
    return Changes(
        edit.tracks,
        tuple(dict.fromkeys(added)),
        replaced,
        float(options.get("lean", 0.0)),
        relative_wishes(brief.text),
    )


def gap(
    score: Score,
    span: tuple[int, int],
    change: Changes,
    brief: Brief,
    scheme: NoteScheme,
    habits: dict[str, Any],
    chord_bars: int = 0,
) -> Gap:
    """The Gap of a ``span`` (ticks of ``score``). ``chord_bars``: bars of asked chords that earlier
    spans have had. Raises InputError where nobody is to play in it."""
    playing = inside(score.onset, score.track, [span])
    anew = change.tracks
    if anew is None:
        anew = frozenset(score.track[playing].tolist()) or frozenset(score.track.tolist())
    if brief.only and brief.instruments and change.tracks is None:
        wanted = {i for i, _ in asked_programs(brief)}
        anew = frozenset(t for t in anew if score.tracks[t].instrument in wanted)
    lines = grid(score.bar_starts, score.tpq)
    origin, end = (int(t) for t in grid(np.array(span), score.tpq))
    end = max(end, origin + 1)
    inner = lines[(lines > origin) & (lines < end)]
    before = lines[lines <= origin]
    plan_lines = (*np.unique(before).tolist(), *np.unique(inner).tolist(), end)
    if len(plan_lines) < 2:
        plan_lines = (0, end)
    metre = _metre_at(score, span[0])
    plan = Plan(
        _parts(score, span, anew, change, brief, habits),
        score.bpm,
        metre,
        _key(brief, scheme.quantise(score)),
        len(plan_lines) - 1,
        (),
        origin=origin,
        bar_starts=tuple(int(t) for t in plan_lines),
        asked_chords=bool(brief.chords),
    )
    plan, frame = _harmony(plan, score, span, lines, brief, chord_bars)
    rest = without(score, [span], change.tracks)
    table, old = scheme.table(rest), scheme.table(_only(score, span, anew))
    past, kept = table[table[:, 0] < origin], table[table[:, 0] >= origin]
    kept = kept[: int((kept[:, 0] < end).sum()) + FOLLOWING]
    per_bar, slack = _amount(score, span, anew, change, brief, plan)
    everyone = tuple(dict.fromkeys([*plan_instruments(score, change), *_names(plan.parts)]))
    return Gap(
        score,
        *span,
        anew,
        replace(plan, density=density(score), polyphony=polyphony(score)),
        frame,
        tuple(tuple(row) for row in scheme.steps(past, end=False).tolist()),
        kept,
        _moved(old, plan.parts, change),
        per_bar,
        slack,
        everyone,
        change.tracks is None and span[1] >= int(score.bar_starts[-1]),
    )


def grid(ticks: np.ndarray, tpq: int) -> np.ndarray:
    """Ticks of a Score moved to the grid, as the scheme moves its notes."""
    return (np.asarray(ticks, dtype=np.int64) * (2 * GRID) + tpq) // (2 * tpq)


def plan_instruments(score: Score, change: Changes) -> list[int]:
    """The instruments that the piece has afterwards, those with most notes first."""
    counts = np.bincount(score.instrument, minlength=DRUMS + 1)
    new = dict(change.replaced)
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    return [new.get(i, i) for i in order]


def _names(parts: tuple[PartPlan, ...]) -> list[int]:
    return [part.instrument for part in parts]


def _only(score: Score, span: tuple[int, int], tracks: frozenset[int]) -> Score:
    return score.select(inside(score.onset, score.track, [span], tracks))


def _metre_at(score: Score, tick: int) -> tuple[int, int]:
    at = int(np.searchsorted(score.metre_tick, tick, side="right")) - 1
    return int(score.metre_num[at]), int(score.metre_den[at])


def _key(brief: Brief, score: Score) -> Key:
    if brief.key:
        return Key.from_name(brief.key)
    key, _ = find_key(score)
    return key or Key(0)


# ---------------------------------------------------------------------------- who plays


def _parts(
    score: Score,
    span: tuple[int, int],
    anew: frozenset[int],
    change: Changes,
    brief: Brief,
    habits: dict[str, Any],
) -> tuple[PartPlan, ...]:
    """The parts of the new music: those of the tracks ``anew``, as they are in the piece, and those
    that are added."""
    roles = track_roles(score)
    new_of = dict(change.replaced)
    sources: dict[int, list[int]] = {}
    for track in sorted(anew):
        instrument = score.tracks[track].instrument
        sources.setdefault(new_of.get(instrument, instrument), []).append(track)
    for instrument in change.added:
        sources.setdefault(instrument, [])
    for instrument in brief.excluded:
        sources.pop(instrument, None)
    if not sources:
        raise InputError("nobody is left to play: name a track, or an instrument to add")
    everyone = dict.fromkeys([*plan_instruments(score, change), *sources])
    players = {i: sum(t.instrument == i for t in score.tracks) for i in everyone}
    named = dict(asked_programs(brief))
    for i in everyone:
        if i not in named and i != DRUMS:
            named[i] = Instrument(gm.name(i), (i,), max(1, players[i]))
    usual = {
        part.instrument: part for part in plan_parts(list(everyone), named, habits["registers"])
    }
    old = _only(score, span, anew)
    parts = []
    for instrument, tracks in sources.items():
        part = usual[instrument]
        if tracks:
            share = float(np.isin(old.track, tracks).mean()) if len(old) else 0.0
            part = replace(
                part, role=_role(part, tracks, roles, score), min_share=SHARE_KEPT * share
            )
        elif instrument != DRUMS and any(word in brief.text.lower() for word in _TUNES):
            part = replace(part, role=MELODY)
        same = [t for t in tracks if score.tracks[t].instrument == instrument]
        parts.append(_ranged(part, score, span, same, change.wish(REGISTER)))
    return tuple(parts)


def _role(part: PartPlan, tracks: list[int], roles: dict[int, str], score: Score) -> str:
    """The role of tracks that are one part. A tune of chords is no melody: it is the harmony."""
    if part.role == DRUM:
        return DRUM
    own = {roles[t] for t in tracks if t in roles}
    if own == {BASS_ROLE}:
        return BASS
    if own == {LEAD}:
        at = score.onset[np.isin(score.track, tracks)]
        return MELODY if len(np.unique(at)) > 0.7 * len(at) else HARMONY
    return HARMONY if own else part.role


def _ranged(
    part: PartPlan,
    score: Score,
    span: tuple[int, int],
    tracks: list[int],
    wish: RelativeWish | None,
) -> PartPlan:
    """The part within the range that it has in the piece, moved where it is to be higher or lower
    than it stands in the span: then all of it lies above, or below, its median."""
    if part.role == DRUM:
        return part
    playable = gm.playable(part.instrument)
    low, high = part.low, part.high
    pitches = score.pitch[np.isin(score.track, tracks)]
    if len(pitches) >= FEWEST:
        low = min(max(int(pitches.min()) - WIDER, 0), playable[1] - OCTAVE)
        high = max(min(int(pitches.max()) + WIDER, 127), low + OCTAVE)
    here = score.pitch[inside(score.onset, score.track, [span], tracks)]
    if wish is not None and len(here):
        median, far = round(float(np.median(here))), OCTAVE // 2 if wish.far else 0
        if wish.sign > 0:
            low = max(0, min(median + 1 + far, playable[1] - OCTAVE + 1))
            high = max(low + OCTAVE - 1, min(int(here.max()) + OCTAVE - 1, playable[1]))
        else:
            high = min(127, max(median - 1 - far, playable[0] + OCTAVE - 1))
            low = min(high - OCTAVE + 1, max(int(here.min()) - OCTAVE + 1, playable[0]))
    return replace(part, low=max(low, 0), high=min(high, 127))


def _moved(old: np.ndarray, parts: tuple[PartPlan, ...], change: Changes) -> np.ndarray:
    """The old notes as the new parts could play them: on their instruments, in octaves that lie
    within their ranges; in the scheme's order, each place once."""
    new_of, ranges = dict(change.replaced), {part.instrument: part for part in parts}
    table = old.copy()
    for was in map(int, np.unique(old[:, 1])):
        own = old[:, 1] == was
        part = ranges.get(new_of.get(was, was))
        if part is None:
            table[own, 1] = -1
            continue
        table[own, 1] = part.instrument
        if part.role == DRUM:
            continue
        middle = (part.low + part.high) / 2
        pitch = old[own, 2] + OCTAVE * round((middle - float(np.median(old[own, 2]))) / OCTAVE)
        if (old[own, 2] >= part.low).all() and (old[own, 2] <= part.high).all():
            pitch = old[own, 2]
        pitch -= OCTAVE * np.maximum(0, -(-(pitch - part.high) // OCTAVE))
        pitch += OCTAVE * np.maximum(0, -(-(part.low - pitch) // OCTAVE))
        table[own, 2] = np.clip(pitch, 0, 127)
    table = table[table[:, 1] >= 0]
    _, first = np.unique(table[:, :3], axis=0, return_index=True)
    return table[first]


def _amount(
    score: Score,
    span: tuple[int, int],
    anew: frozenset[int],
    change: Changes,
    brief: Brief,
    plan: Plan,
) -> tuple[float, float]:
    """New notes that are due a bar, and the slack: as many as stood there, or as the parts have in
    the whole piece where they rested, unless the text asks otherwise."""
    bars = (plan.end - plan.origin) / plan.bar_ticks
    due = len(_only(score, span, anew)) / bars
    if not due and anew:
        own = np.isin(score.track, list(anew))
        heard = len(np.unique(np.searchsorted(score.bar_starts, score.onset[own], side="right")))
        due = float(own.sum()) / max(1, heard)
    for instrument in change.added:
        due += _added_notes(score, instrument)
    wish, slack = change.wish(DENSITY), NEAR_SLACK if change.lean else SLACK
    if wish is not None:
        due, slack = due * DENSITY_FACTOR[wish.sign] ** (2 if wish.far else 1), NEAR_SLACK
    elif brief.density is not None:
        due, slack = due * ASKED_DENSITY[brief.density], NEAR_SLACK
    return max(due, 1.0 / max(bars, 1.0)), slack


def _added_notes(score: Score, instrument: int) -> float:
    """Notes a bar of a part that is added: as many onsets as the other parts have."""
    drums = instrument == DRUMS
    rates = []
    for track in np.unique(score.track).tolist():
        if score.tracks[track].is_drum == drums:
            onsets = np.unique(score.onset[score.track == track])
            heard = len(np.unique(np.searchsorted(score.bar_starts, onsets, side="right")))
            rates.append(len(onsets) / max(1, heard))
    if drums:
        return float(np.mean(rates)) if rates else 2 * ADDED_NOTES[1]
    single = instrument in gm.MONOPHONIC or instrument in BOWED
    rate = float(np.clip(np.mean(rates) if rates else 4.0, *ADDED_NOTES))
    return rate if single else 1.5 * rate


# ---------------------------------------------------------------------------- harmony


def _harmony(
    plan: Plan,
    score: Score,
    span: tuple[int, int],
    lines: np.ndarray,
    brief: Brief,
    chord_bars: int,
) -> tuple[Plan, Frame]:
    """The Plan with its chords, and the Frame of the whole piece: the chords that stand there,
    within the span those that are asked for, from its first bar on."""
    numbers, starts = chord_slots(score, per="half")
    slots = grid(starts, score.tpq)
    heard = [(int(t), Chord.from_number(int(n))) for n, t in zip(numbers, slots, strict=True) if n]
    asked = _asked(plan, brief, chord_bars)
    if asked:
        heard = [(t, c) for t, c in heard if not plan.origin <= t < plan.end]
    chords = tuple(sorted([*heard, *asked], key=lambda pair: pair[0]))
    ticks = np.array([t for t, _ in chords], dtype=np.int64)
    slots = np.unique(slots)
    classes = np.zeros(len(slots), dtype=np.int64)
    where = np.searchsorted(ticks, slots, side="right") - 1
    for i, k in enumerate(where.tolist()):
        silent = not asked and not numbers[min(i, len(numbers) - 1)]
        classes[i] = 0 if k < 0 or silent else chords[k][1].number
    bars = np.unique(lines)
    if len(bars) < 2:
        bars = np.array([0, max(1, int(lines[-1]))])
    return replace(plan, chords=chords), Frame(bars, slots, classes, len(bars) - 2)


def _asked(plan: Plan, brief: Brief, chord_bars: int) -> list[tuple[int, Chord]]:
    """The asked progression over the span: a chord a bar, or as long as the Brief says."""
    symbols = [parse_chord(c) for c in brief.chords]
    if not symbols:
        return []
    if brief.chord_beats:
        length = max(1, round(brief.chord_beats * GRID))
        first = round(chord_bars * plan.bar_ticks / length)
        ticks = list(range(plan.origin, plan.end, length))
    else:
        first = chord_bars
        ticks = [plan.origin, *(int(t) for t in plan.lines if plan.origin < t < plan.end)]
    return [(t, symbols[(first + k) % len(symbols)]) for k, t in enumerate(ticks)]
