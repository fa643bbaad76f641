"""A picture of a Score: a piano roll with bars, chords, names and a legend, as PNG.

Knows what stands where and in which colour; analyses nothing: chords are an argument, keys are
those of the Score. How boxes and letters are drawn is in ``render/drawing.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cantilena.files import write_bytes
from cantilena.render.drawing import Canvas
from cantilena.render.roll.layout import DRUM_NAMES, Layout, Row, lay_out
from cantilena.score.harmony import Key
from cantilena.score.score import Score
from cantilena.score.symbols import sounding_symbols

# Okabe and Ito's palette, safe for colour-blind readers, without black and the yellow, which is
# too light on white;
# further parts get darker and lighter shades of it.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B", "#6A4C93", "#8C564B")
_MOST_MOVED = 60.0  # pixels that a mark gives way to the one before it; beyond, it is left out
_LONGEST_MARK = 24  # letters
_MOST_FRAMED = 12_000  # notes; more stand so close that edges would hide their colours
_INK, _FAINT, _BAR, _BEAT = "#222222", "#777777", "#9a9a9a", "#dcdcdc"
_BLACK_KEYS, _OCTAVE = "#f3f3f5", "#c4c8d0"
_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def draw_roll(
    score: Score,
    path: str | Path | None = None,
    chords: Sequence[tuple[int, str]] | None = None,
    title: str = "",
) -> bytes:
    """A piano roll of the Score as PNG bytes, and written to ``path`` where one is given.

    The piece is set in rows of whole bars, one scale of time for all. Pitched parts are drawn by
    colour, drums below them in a lane of named rows; a note is the stronger coloured the louder it
    is. ``chords`` are (tick, symbol), drawn above the row. ``title`` replaces the Score's own.
    1600 pixels wide, height by content. The same Score makes the same bytes. Raises InputError
    where ``path`` cannot be written.
    """
    symbols = sounding_symbols(score, chords or ())
    data = _Roll(score, lay_out(score, bool(symbols)), symbols, title).png()
    if path is not None:
        write_bytes(path, data)
    return data


def _palette(score: Score, parts: list[int]) -> np.ndarray:
    """(P, 3) colours 0-1 of the parts in the legend; drums are grey."""
    drums = np.array([score.tracks[i].is_drum for i in parts], dtype=bool)
    colours = [_rgb(i) for i in range(len(parts))]  # drums come last
    return np.where(drums[:, None], 0.34, np.array(colours).reshape(-1, 3))


def _rgb(part: int) -> np.ndarray:
    """(3,) colour 0-1 of the part-th pitched part."""
    turn, i = divmod(part, len(_COLOURS))
    base = np.array([int(_COLOURS[i][j : j + 2], 16) for j in (1, 3, 5)]) / 255.0
    shade = (1.0, 0.62, 1.0)[turn % 3]
    tint = (0.0, 0.0, 0.42)[turn % 3]
    return base * shade * (1 - tint) + tint


def pretty(symbol: str) -> str:
    """A chord symbol or key with real sharps and flats: "Bbm7b5/F#" to "B♭m7♭5/F♯"."""
    symbol = re.sub(r"(?<![A-Za-z])([A-G])b", r"\1♭", symbol)
    return re.sub(r"b(?=\d)", "♭", symbol).replace("#", "♯")


@dataclass
class _Roll:
    """One drawing. Everything is in pixels from the picture's lower left corner."""

    score: Score
    layout: Layout
    chords: Sequence[tuple[int, str]]
    title: str

    def png(self) -> bytes:
        self.canvas = Canvas(int(self.layout.width), int(self.layout.height))
        self._ground()
        self._notes()
        self._head()
        self._legend()
        for row in self.layout.rows:
            self._labels(row)
            self._above(row)
        return self.canvas.png()

    def _head(self) -> None:
        score, layout = self.score, self.layout
        name = " ".join((self.title or score.title or "").split())
        name = "" if name.lower() == "untitled" else name
        y = layout.height - 34.0
        if name:
            most = 110
            name = name if len(name) <= most else name[: most - 1] + "…"
            self.canvas.text(layout.left, y, name, 14, _INK, bold=True)
            y -= 22.0
        else:
            y -= 12.0
        self.canvas.text(layout.left, y, facts(score), 9.5, _FAINT)

    def _legend(self) -> None:
        boxes = [(x, y - 1, x + 16, y + 9) for x, y, _ in self.layout.legend]
        self.canvas.boxes(boxes, _palette(self.score, self.layout.parts)[: len(boxes)])
        for x, y, name in self.layout.legend:
            self.canvas.text(x + 22, y, name, 8.5, _INK)

    def _ground(self) -> None:
        """Rows' backgrounds: black keys, octaves, the lanes of drums, beats and bars."""
        layout = self.layout
        dark: list[tuple[float, ...]] = []
        octave: list[tuple[float, ...]] = []
        lanes: list[tuple[float, ...]] = []
        frames: list[tuple[float, ...]] = []
        beats: list[tuple[float, ...]] = []
        bars: list[tuple[float, ...]] = []
        for row in layout.rows:
            left, right = row.left, row.right
            for p in range(layout.low, layout.high + 1 if layout.pitched else layout.low):
                y = row.pitch_y(p)
                if p % 12 in (1, 3, 6, 8, 10):
                    dark.append((left, y, right, y + layout.step))
                if p % 12 == 0 and p > layout.low:
                    octave.append((left, y, right, y))
            for i in range(len(layout.drums)):
                y = row.drum_y(i)
                if i % 2:
                    dark.append((left, y, right, y + layout.drum_step))
            tops = [(row.bottom, row.bottom + layout.drum_height)] if layout.drums else []
            if layout.pitched:
                tops.append((row.pitch_bottom, row.top))
            for low, high in tops:
                frames += [(left, low, right, low), (left, high, right, high)]
                beats += [(x, low, x, high) for x in row.beats]
                bars += [(x, low, x, high) for x in row.bars]
            lanes += [(left, row.bottom, right, row.bottom)] if layout.drums else []
        self.canvas.boxes(dark, _BLACK_KEYS)
        self.canvas.lines(beats, _BEAT)
        self.canvas.lines(octave, _OCTAVE)
        self.canvas.lines(bars, _BAR)
        self.canvas.lines(frames, _BAR)

    def _notes(self) -> None:
        score, layout = self.score, self.layout
        if not len(score):
            return
        parts = np.full(len(score.tracks), 0)
        parts[list(layout.parts)] = np.arange(len(layout.parts))
        palette = _palette(score, layout.parts)
        # long notes first, so that a short one over a long one is seen
        order = np.lexsort((score.onset, -score.duration))
        drums = score.is_drum
        share, among = _unisons(score)
        boxes, colours = [], []
        for row in layout.rows:
            stop = np.where(drums, score.onset + 1, score.onset + score.duration)
            visible = order[((score.onset < row.stop) & (stop > row.start))[order]]
            box = self._places(row, visible, drums[visible])
            tall = (box[:, 3] - box[:, 1]) / among[visible]
            box[:, 1] += share[visible] * tall
            box[:, 3] = box[:, 1] + tall
            rgb = palette[parts[score.track[visible]]]
            # opacity follows velocity, over white: what lies beneath does not change the colour
            alpha = 0.25 + 0.75 * score.velocity[visible, None] / 127.0
            boxes.append(box)
            colours.append(1.0 - alpha * (1.0 - rgb))
        box, face = np.concatenate(boxes), np.concatenate(colours)
        share = np.clip(0.22 * (layout.step - 2.6), 0.2, 0.8)  # thin notes have fainter edges
        edge = face * (1 - 0.38 * share) if len(box) <= _MOST_FRAMED else None
        self.canvas.boxes(box, face, edge)

    def _places(self, row: Row, notes: np.ndarray, drums: np.ndarray) -> np.ndarray:
        """(M, 4) boxes of the notes in a row."""
        score, layout = self.score, self.layout
        left = row.x(np.maximum(score.onset[notes], row.start))
        right = row.x(np.minimum(score.onset[notes] + score.duration[notes], row.stop))
        # a narrow gap between repeated notes, but never so wide that a short one vanishes
        right = np.maximum(right - np.minimum(1.0, 0.2 * (right - left)), left + 1.5)
        lane = layout.lane_of(score.pitch[notes])
        low = np.where(drums, row.drum_y(lane) + 1.5, row.pitch_y(score.pitch[notes]) + 0.4)
        high = np.where(
            drums, row.drum_y(lane) + layout.drum_step - 1.5, low + max(1.6, layout.step - 0.8)
        )
        stroke = np.clip(layout.beat_width * 0.2, 2.0, 7.0)
        return np.stack(
            [left, low, np.where(drums, np.minimum(left + stroke, row.right), right), high], axis=1
        )

    def _labels(self, row: Row) -> None:
        """Names at the left: octaves, or more notes where there is room, and the drums."""
        layout = self.layout
        if layout.pitched:
            classes = (0,) if layout.step * 12 < 60 or layout.high - layout.low > 36 else (0, 4, 7)
            for p in range(layout.low, layout.high + 1):
                if p % 12 in classes:
                    name = f"{_NAMES[p % 12]}{p // 12 - 1}"
                    y = row.pitch_y(p) + layout.step / 2
                    ink = _INK if p % 12 == 0 else _FAINT
                    self._label(row, y, name, 7.5, ink)
        for i, pitch in enumerate(layout.drums):
            y = row.drum_y(i) + layout.drum_step / 2
            name = DRUM_NAMES.get(pitch, f"note {pitch}") if pitch >= 0 else "other drums"
            self._label(row, y, name, 6.5, _FAINT)

    def _label(self, row: Row, y: float, name: str, size: float, ink: str) -> None:
        self.canvas.text(row.left - 6, y, name, size, ink, across="right", up="middle")

    def _above(self, row: Row) -> None:
        """Bar numbers, markers, metre and tempo changes, and chords over a row."""
        layout = self.layout
        y = row.top + 5.0
        free = row.left - 100.0
        for number, x in zip(row.numbers, row.bars, strict=False):
            if x - free >= 4.0 or number == row.numbers[0]:
                self.canvas.text(x + 1, y, str(number), 7.5, _FAINT)
                free = x + 6.0 * len(str(number)) + 8.0
        free = 0.0
        marks = [(tick, text, True) for tick, text in layout.markers]
        marks += [(tick, text, False) for tick, text in layout.marks if tick > 0]
        for tick, text, bold in sorted(marks, key=lambda mark: mark[0]):
            behind_number = float(row.x(tick)) + 13.0 + 6.0 * max(2, len(str(row.numbers[-1])))
            at = max(behind_number, free)
            near = at - behind_number < _MOST_MOVED
            if row.start <= tick < row.stop and near:
                self.canvas.text(at, y, text[:_LONGEST_MARK], 7.5, _INK, bold=bold)
                free = at + 6.0 * min(len(text), _LONGEST_MARK) + 8.0
        size = min([10.0, *(self._chord_size(*c) for c in self._chords_of(row))])
        for x, symbol, room, old in self._chords_of(row):
            points = min(size, self._chord_size(x, symbol, room, old))
            if points * len(symbol) <= room + 4.0:
                self.canvas.text(
                    x + 1, row.top + 21.0, symbol, points, _FAINT if old else _INK, bold=True
                )

    @staticmethod
    def _chord_size(_x: float, symbol: str, room: float, _old: bool) -> float:
        """The size of letters at which a chord symbol fits; a letter is about as many pixels wide
        as its size in points."""
        return float(np.clip(room / max(1, len(symbol)), 7.0, 10.0))

    def _chords_of(self, row: Row) -> list[tuple[float, str, float, bool]]:
        """(x, symbol, room in pixels, whether it began before the row) of the chords in a row;
        those that only repeat the one before are left out."""
        chords = sorted((int(t), s) for t, s in self.chords if s)
        runs = [c for i, c in enumerate(chords) if i == 0 or chords[i - 1][1] != c[1]]
        inside = [(t, s, False) for t, s in runs if row.start <= t < row.stop]
        before = [s for t, s in runs if t < row.start]
        if before and (not inside or inside[0][0] > row.start):
            inside.insert(0, (row.start, before[-1], True))
        xs = [float(row.x(t)) for t, _, _ in inside] + [row.right + 20.0]
        return [
            (x, pretty(symbol), end - x - 2.0, old)
            for (_, symbol, old), x, end in zip(inside, xs[:-1], xs[1:], strict=True)
        ]


def _unisons(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Of each note, its place among, and the number of, the notes that begin at its pitch and
    tick (at most three): they share the height of one, so that every part is seen."""
    keys = np.stack([score.onset, score.pitch, score.is_drum], axis=1)
    _, where, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    where = where.reshape(-1)
    order = np.argsort(where, kind="stable")
    first = np.cumsum(count) - count
    place = np.empty(len(where), dtype=np.int64)
    place[order] = np.arange(len(where)) - first[where[order]]
    among = np.minimum(count[where], 3)
    return among - 1 - np.minimum(place, among - 1), among


def facts(score: Score) -> str:
    """Tempo, metre, key, bars, length in one line: "♩ = 120  ·  4/4  ·  D minor  ·  ..."."""
    bpm = 60e6 / score.tempo_us.astype(np.float64)
    low, high = round(bpm.min()), round(bpm.max())
    parts = [f"♩ = {low}" if low == high else f"♩ = {low}–{high}"]
    metres = list(
        dict.fromkeys(zip(score.metre_num.tolist(), score.metre_den.tolist(), strict=True))
    )
    parts.append(", ".join(f"{n}/{d}" for n, d in metres[:3]) + (" …" if len(metres) > 3 else ""))
    names = []
    for fifths, minor in zip(score.key_fifths.tolist(), score.key_minor.tolist(), strict=True):
        names.append(pretty(Key.from_signature(fifths, bool(minor)).name))
    names = list(dict.fromkeys(names))
    if names:
        parts.append(", ".join(names[:3]) + (" …" if len(names) > 3 else ""))
    bars = score.n_bars
    parts.append(f"{bars} bar{'s' * (bars != 1)}")
    parts.append(f"{len(score):,} note{'s' * (len(score) != 1)}")
    seconds = round(float(score.seconds(score.end)))
    seconds = max(seconds, min(1, len(score)))
    parts.append(f"{seconds // 60}:{seconds % 60:02d}")
    return "   ·   ".join(parts)
