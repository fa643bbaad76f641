"""Where things stand in a piano roll: rows of bars, heights, legend, the names of drums.

Knows a Score's extent and pixels; draws nothing (``roll.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cantilena.score import gm
from cantilena.score.score import Score

WIDTH = 1600.0
_RIGHT = 24.0
_MOST_ROWS = 24
_MOST_DRUMS = 14
_DRUM_STEP = 11.0
_GAP = 16.0  # between the pitched and the drum lane is half of it
_LETTER = 6.6  # width of a letter in the legend, about

DRUM_NAMES: dict[int, str] = {
    35: "kick 2",
    36: "kick",
    37: "side stick",
    38: "snare",
    39: "clap",
    40: "snare 2",
    41: "low floor tom",
    42: "closed hat",
    43: "floor tom",
    44: "pedal hat",
    45: "low tom",
    46: "open hat",
    47: "low-mid tom",
    48: "mid tom",
    49: "crash",
    50: "high tom",
    51: "ride",
    52: "china",
    53: "ride bell",
    54: "tambourine",
    55: "splash",
    56: "cowbell",
    57: "crash 2",
    58: "vibraslap",
    59: "ride 2",
    60: "high bongo",
    61: "low bongo",
    62: "muted conga",
    63: "high conga",
    64: "low conga",
    65: "high timbale",
    66: "low timbale",
    67: "high agogo",
    68: "low agogo",
    69: "cabasa",
    70: "maracas",
    71: "short whistle",
    72: "long whistle",
    73: "short guiro",
    74: "long guiro",
    75: "claves",
    76: "high block",
    77: "low block",
    78: "mute cuica",
    79: "open cuica",
    80: "mute triangle",
    81: "triangle",
    82: "shaker",
    83: "jingle bell",
    84: "bell tree",
    85: "castanets",
    86: "mute surdo",
    87: "surdo",
    27: "high Q",
    28: "slap",
    29: "scratch",
    30: "scratch 2",
    31: "sticks",
    32: "click",
    33: "metronome",
    34: "bell click",
}
# from the bottom up as a drummer's staff: kicks, snares, toms, hats, cymbals, the rest
_ORDER = (
    35,
    36,
    37,
    38,
    40,
    39,
    41,
    43,
    45,
    47,
    48,
    50,
    44,
    42,
    46,
    51,
    59,
    53,
    49,
    57,
    55,
    52,
    *(p for p in range(128) if not 35 <= p <= 53 and p not in (55, 57, 59)),
)


@dataclass
class Row:
    """One system of bars. Positions are pixels, y upwards."""

    layout: Layout
    start: int
    stop: int
    bars: list[float]
    beats: list[float]
    numbers: list[int]
    top: float = 0.0

    @property
    def left(self) -> float:
        return self.layout.left

    @property
    def right(self) -> float:
        return float(self.x(self.stop))

    @property
    def pitch_bottom(self) -> float:
        return self.top - self.layout.pitch_height

    @property
    def bottom(self) -> float:
        """Of the drum lane, or of the pitched one where there are no drums."""
        gap = _GAP / 2 if self.layout.drums and self.layout.pitched else 0.0
        return self.pitch_bottom - gap - self.layout.drum_height

    def x(self, tick):
        """Pixels of ticks, a number or an array."""
        return self.layout.left + (tick - self.start) * self.layout.scale

    def pitch_y(self, pitch):
        """Lower edge of a pitch's line."""
        return self.pitch_bottom + (pitch - self.layout.low) * self.layout.step

    def drum_y(self, lane):
        """Lower edge of a drum lane."""
        return self.bottom + lane * self.layout.drum_step


@dataclass
class Layout:
    """The picture's measures. ``parts`` are the tracks that have notes, in legend order;
    ``drums`` the drum notes with a lane of their own from the bottom up, -1 for all others;
    ``marks`` metre and tempo changes as (tick, text); ``markers`` the piece's, alike;
    ``legend`` (x, y, name)."""

    parts: list[int]
    drums: list[int]
    pitched: bool
    low: int
    high: int
    step: float
    left: float
    scale: float = 1.0  # pixels a tick
    beat_width: float = 20.0
    width: float = WIDTH
    height: float = 0.0
    drum_step: float = _DRUM_STEP
    rows: list[Row] = field(default_factory=list)
    legend: list[tuple[float, float, str]] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)

    @property
    def pitch_height(self) -> float:
        return (self.high - self.low + 1) * self.step if self.pitched else 0.0

    @property
    def drum_height(self) -> float:
        return len(self.drums) * self.drum_step

    def lane_of(self, pitch: np.ndarray) -> np.ndarray:
        """The drum lane of each pitch; those without one share the top lane."""
        table = np.full(128, max(0, len(self.drums) - 1))
        for i, p in enumerate(self.drums):
            if p >= 0:
                table[p] = i
        return table[pitch]


def lay_out(score: Score, with_chords: bool) -> Layout:
    """The Layout of a Score."""
    counts = np.bincount(score.track, minlength=len(score.tracks)) if len(score) else np.zeros(0)
    parts = [i for i in range(len(score.tracks)) if len(score) and counts[i]]
    parts.sort(key=lambda i: score.tracks[i].is_drum)  # drums last in the legend
    drums = _drums(score)
    pitched = score.pitch[~score.is_drum] if len(score) else score.pitch
    low, high = (int(pitched.min()), int(pitched.max())) if len(pitched) else (57, 76)
    low, high = max(0, low - 2), min(127, high + 2)
    if high - low < 19:
        low = max(0, (low + high) // 2 - 10)
        high = min(127, low + 20)
    bars = _rows_of_bars(score)
    few = len(bars) <= 4
    step = float(np.clip((300.0 if few else 220.0) / (high - low + 1), 3.6, 9.0))
    left = 96.0 if drums else 48.0
    layout = Layout(parts, drums, bool(len(pitched)) or not drums, low, high, step, left)
    _place(layout, score, bars, with_chords)
    layout.marks = _marks(score)
    layout.markers = [(marker.tick, marker.text) for marker in score.markers]
    return layout


def _drums(score: Score) -> list[int]:
    """Drum notes that get lanes, from the bottom up; where there are too many, the rarer ones
    share one, which is -1."""
    if not len(score):
        return []
    count = np.bincount(score.pitch[score.is_drum], minlength=128)
    present = [p for p in _ORDER if count[p]]
    if len(present) > _MOST_DRUMS:
        common = set(sorted(present, key=lambda p: -count[p])[: _MOST_DRUMS - 1])
        present = [p for p in present if p in common] + [-1]
    return present


def _rows_of_bars(score: Score) -> list[tuple[int, int]]:
    """(first bar, bar after the last) of each row: about eight bars of common time, sixteen for
    long pieces, and as many as it takes for those beyond."""
    starts = score.bar_starts
    lengths = np.diff(starts)
    quarters = np.median(lengths) / score.tpq
    bars = len(lengths)
    per_row = 8 if bars <= 40 else 12 if bars <= 120 else 16
    per_row = max(per_row, -(-bars // _MOST_ROWS))
    if quarters > 4.5 and bars > 1:  # long bars need more room
        per_row = max(2, int(per_row * 4.5 / quarters), -(-bars // _MOST_ROWS))
    elif quarters < 2.5:
        per_row = max(1, 16 if per_row == 12 else per_row * 3 // 2)
    most = max(per_row * float(np.median(lengths)), float(lengths.max())) * 1.001
    rows, first = [], 0
    for i in range(1, bars + 1):
        if i == bars or starts[i + 1] - starts[first] > most:
            rows.append((first, i))
            first = i
    if len(rows) > 1 and per_row >= 4 and rows[-1][1] - rows[-1][0] == 1:
        last = rows.pop()[1]  # a single bar, often only a last chord, gets no row of its own
        rows[-1] = (rows[-1][0], last)
    return rows


def _place(layout: Layout, score: Score, bars: list[tuple[int, int]], with_chords: bool) -> None:
    """Fills in scale, rows and legend, from the top of the picture down."""
    starts = score.bar_starts
    longest = max(int(starts[b] - starts[a]) for a, b in bars)
    layout.scale = (layout.width - layout.left - _RIGHT) / longest
    beat = _beats(score)
    layout.beat_width = layout.scale * float(np.median(beat[1]))
    head, above = 66.0, 38.0 if with_chords else 24.0
    legend = _legend(layout, score)
    body = layout.pitch_height + layout.drum_height
    body += _GAP / 2 if layout.drums and layout.pitched else 0.0
    lines = 1 + max((line for _, line, _ in legend), default=-1)
    layout.height = float(round(head + 22.0 * lines + len(bars) * (above + body + _GAP) + 12.0))
    top = layout.height - head - 14.0
    layout.legend = [(x, top - 22.0 * line, name) for x, line, name in legend]
    y = layout.height - head - 22.0 * lines
    number = np.arange(1, len(starts))
    every = max(1, int(np.ceil(14.0 / max(1e-9, layout.scale * float(np.median(np.diff(starts)))))))
    for a, b in bars:
        start, stop = int(starts[a]), int(starts[b])
        row = Row(layout, start, stop, [], [], number[a:b:every].tolist(), y - above)
        row.bars = [float(row.x(t)) for t in starts[a : b + 1 : every]]
        if every == 1 and layout.beat_width >= 7:
            ticks = beat[0][(beat[0] > start) & (beat[0] < stop)]
            row.beats = row.x(ticks).tolist()
        layout.rows.append(row)
        y -= above + body + _GAP


def _beats(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Ticks of beats within bars, and each bar's beat length: a dotted note in compound time."""
    starts = score.bar_starts
    i = np.clip(np.searchsorted(score.metre_tick, starts[:-1], side="right") - 1, 0, None)
    num, den = score.metre_num[i], score.metre_den[i]
    length = 4.0 * score.tpq / den * np.where((num % 3 == 0) & (num > 3) & (den >= 8), 3, 1)
    length = np.maximum(length, 1.0)
    count = np.maximum(1, np.ceil(np.diff(starts) / length - 1e-6)).astype(np.int64)
    count = np.minimum(count, 64)
    bar = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(bar)) - np.repeat(np.cumsum(count) - count, count)
    return (starts[bar] + step * length[bar])[step > 0], length


def _legend(layout: Layout, score: Score) -> list[tuple[float, int, str]]:
    """(x, line, name) of the parts, at most four lines of them."""
    entries, x, line = [], layout.left, 0
    for n, i in enumerate(layout.parts):
        part = score.tracks[i]
        name = " ".join(part.name.split()).rstrip(":")
        kind = gm.name(part.instrument)
        if part.is_drum and n + 1 < len(layout.parts):
            name = kind  # several drum parts share lanes and an entry
        if not name or name.lower() == kind:
            name = kind
        elif kind.lower() not in name.lower():
            name = f"{name[:28]} ({kind})"
        name = name[:1].upper() + name[1:60]
        wide = 22 + _LETTER * len(name) + 26
        if x + wide > layout.width - _RIGHT and x > layout.left:
            x, line = layout.left, line + 1
        if line == 4:
            x_last, line_last, _ = entries[-1]
            entries[-1] = (x_last, line_last, f"and {len(layout.parts) - n + 1} more parts")
            break
        entries.append((x, line, name))
        if part.is_drum:
            break
        x += wide
    return entries


def _marks(score: Score) -> list[tuple[int, str]]:
    """Changes of metre and tempo after the start; tempos only where they are few, since a played
    rubato has hundreds."""
    bars = score.n_bars
    marks: dict[int, list[str]] = {}
    if len(score.metre_tick) <= bars:
        for t, n, d in zip(score.metre_tick, score.metre_num, score.metre_den, strict=True):
            marks.setdefault(int(t), []).append(f"{n}/{d}")
    if len(score.tempo_tick) <= 1 + bars // 3:
        for t, us in zip(score.tempo_tick, score.tempo_us, strict=True):
            marks.setdefault(int(t), []).append(f"♩ = {60e6 / us:.0f}")
    return [(t, "  ".join(texts)) for t, texts in sorted(marks.items()) if 0 < t < score.end]
