"""The Score: the musical value everything else reads and writes.

Knows ticks, tracks, tempo, metre and keys; does not know files, tokens, harmony or sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cantilena.errors import InputError
from cantilena.score.controls import NO_CONTROLS, POLYPHONIC_PRESSURE, Controls, frozen_array
from cantilena.score.texts import LYRIC, MARKER, OpaqueEvent, Text, sorted_opaque, sorted_texts

DRUMS = 128
"""The instrument number of drums; 0-127 are General MIDI programs."""

DEFAULT_TEMPO = 500_000  # microseconds per quarter: 120 bpm, as a MIDI file without a tempo has


@dataclass(frozen=True)
class Track:
    """One part: its name, General MIDI program (0-127) and whether it is percussion."""

    name: str
    program: int
    is_drum: bool = False

    @property
    def instrument(self) -> int:
        """The program, or ``DRUMS`` (128)."""
        return DRUMS if self.is_drum else self.program


@dataclass(frozen=True, eq=False)
class Score:
    """Notes, parts, controls, texts and the maps of time, immutable.

    Notes are parallel arrays of shape (N,), sorted by (onset, track, pitch, duration, velocity):

    - ``onset``, ``duration``: ticks, onset >= 0, duration >= 1
    - ``pitch``: 0-127; ``velocity``: 1-127; ``track``: index into ``tracks``

    Maps, each sorted by tick with strictly rising ticks:

    - ``tempo_tick``, ``tempo_us``: microseconds per quarter note; always one at tick 0
    - ``metre_tick``, ``metre_num``, ``metre_den``: time signatures; always one at tick 0
    - ``key_tick``, ``key_fifths`` (-7..7), ``key_minor`` (0/1): key signatures; may be empty

    ``controls``: pedals, bends and whatever else is done to a track beside its notes; they change
    neither ``duration`` nor ``velocity``, which are those of the keys. A piece that is composed
    here has none.

    ``texts``: lyrics, markers and other words, sorted by (tick, track); ``opaque``: system
    exclusive messages and other events that are only kept, sorted by tick.

    ``warnings``: sentences on what of its file the Score could not keep as it is; they are not
    part of the music, nor of ``==``.

    ``end`` is the piece's length in ticks, at least the last note's end, the last control and the
    last text of a track; without tracks at least the last text or opaque event. Build with
    ``Score.build``, which sorts, fills defaults and checks; raises InputError.
    """

    tpq: int
    tracks: tuple[Track, ...]
    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    track: np.ndarray
    tempo_tick: np.ndarray
    tempo_us: np.ndarray
    metre_tick: np.ndarray
    metre_num: np.ndarray
    metre_den: np.ndarray
    key_tick: np.ndarray
    key_fifths: np.ndarray
    key_minor: np.ndarray
    end: int
    title: str = field(default="")
    controls: Controls = field(default_factory=lambda: NO_CONTROLS)
    texts: tuple[Text, ...] = ()
    opaque: tuple[OpaqueEvent, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def build(
        cls,
        tpq: int,
        tracks: Sequence[Track],
        onset: Iterable[int] | np.ndarray,
        duration: Iterable[int] | np.ndarray,
        pitch: Iterable[int] | np.ndarray,
        velocity: Iterable[int] | np.ndarray,
        track: Iterable[int] | np.ndarray,
        tempos: Iterable[tuple[int, int]] = (),
        metres: Iterable[tuple[int, int, int]] = (),
        keys: Iterable[tuple[int, int, int]] = (),
        end: int = 0,
        title: str = "",
        controls: Controls = NO_CONTROLS,
        texts: Iterable[Text] = (),
        opaque: Iterable[OpaqueEvent] = (),
        warnings: Iterable[str] = (),
    ) -> Score:
        """A checked, sorted Score. ``tempos`` are (tick, microseconds per quarter), ``metres``
        (tick, numerator, denominator), ``keys`` (tick, fifths, minor)."""
        o, d, p, v, t = (frozen_array(a) for a in (onset, duration, pitch, velocity, track))
        if not len(o) == len(d) == len(p) == len(v) == len(t):
            raise InputError("note arrays differ in length")
        if tpq < 1:
            raise InputError(f"ticks per quarter must be at least 1, not {tpq}")
        if len(o):
            if o.min() < 0 or d.min() < 1:
                raise InputError("a note starts before 0 or lasts less than a tick")
            if p.min() < 0 or p.max() > 127 or v.min() < 1 or v.max() > 127:
                raise InputError("a pitch is outside 0-127 or a velocity outside 1-127")
            if t.min() < 0 or t.max() >= len(tracks):
                raise InputError("a note names a track that is not there")
        if controls.track.max(initial=-1) >= len(tracks):
            raise InputError("a control names a track that is not there")
        for part in tracks:
            if not 0 <= part.program <= 127:
                raise InputError(f"program {part.program} of {part.name!r} is outside 0-127")
        order = np.lexsort((v, d, p, t, o))
        notes = [frozen_array(a[order]) for a in (o, d, p, v, t)]
        tempo = _map(tempos, (0, DEFAULT_TEMPO))
        metre = _map(metres, (0, 4, 4))
        key = _map(keys, None, width=3)
        if (tempo[1] < 1).any():
            raise InputError("a tempo must be at least one microsecond per quarter")
        if (metre[1] < 1).any() or (metre[2] < 1).any():
            raise InputError("a metre needs a numerator and a denominator of at least 1")
        if (abs(key[1]) > 7).any() or (key[2] * (key[2] - 1) != 0).any():
            raise InputError("a key needs -7 to 7 fifths and 0 (major) or 1 (minor)")
        words = sorted_texts(texts, len(tracks))
        last = max((notes[0] + notes[1]).max(initial=0), controls.tick.max(initial=0))
        events = sorted_opaque(opaque)
        beside = [t.tick for t in words if t.track is not None]
        if not tracks:  # nothing else tells how long it lasts
            beside = [event.tick for event in (*words, *events)]
        end = max(int(end), int(last), *beside)
        return cls(
            int(tpq),
            tuple(tracks),
            *notes,
            *tempo,
            *metre,
            *key,
            end=end,
            title=title,
            controls=controls,
            texts=words,
            opaque=events,
            warnings=tuple(warnings),
        )

    def __len__(self) -> int:
        return len(self.onset)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return (
            self.tpq == other.tpq
            and self.tracks == other.tracks
            and self.end == other.end
            and self.controls == other.controls
            and self.texts == other.texts
            and self.opaque == other.opaque
            and all(np.array_equal(getattr(self, a), getattr(other, a)) for a in _ARRAYS)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Score({len(self)} notes, {len(self.tracks)} tracks, "
            f"{self.n_bars} bars, {self.seconds(self.end):.1f} s)"
        )

    @property
    def program(self) -> np.ndarray:
        """(N,) General MIDI program of each note."""
        table = np.array([t.program for t in self.tracks] or [0], dtype=np.int64)
        return table[self.track]

    @property
    def is_drum(self) -> np.ndarray:
        """(N,) bool: the note is percussion."""
        table = np.array([t.is_drum for t in self.tracks] or [False])
        return table[self.track]

    @property
    def instrument(self) -> np.ndarray:
        """(N,) 0-127, or 128 for drums."""
        table = np.array([t.instrument for t in self.tracks] or [0], dtype=np.int64)
        return table[self.track]

    @property
    def lyrics(self) -> tuple[Text, ...]:
        """The syllables that are sung, in time order."""
        return tuple(text for text in self.texts if text.kind == LYRIC)

    @property
    def markers(self) -> tuple[Text, ...]:
        """The names of places in the piece, in time order."""
        return tuple(text for text in self.texts if text.kind == MARKER)

    def seconds(self, ticks: object) -> np.ndarray:
        """Time in seconds (float64) of ticks of any shape, through the tempo map."""
        ticks = np.asarray(ticks, dtype=np.float64)
        spans = np.diff(self.tempo_tick) * (self.tempo_us[:-1] / (1e6 * self.tpq))
        starts = np.concatenate([[0.0], np.cumsum(spans)])
        i = np.clip(np.searchsorted(self.tempo_tick, ticks, side="right") - 1, 0, None)
        return starts[i] + (ticks - self.tempo_tick[i]) * (self.tempo_us[i] / (1e6 * self.tpq))

    def tick_at(self, seconds: float) -> int:
        """The first tick at ``seconds`` or later, through the tempo map."""
        starts = self.seconds(self.tempo_tick)
        i = max(int(np.searchsorted(starts, seconds, side="right")) - 1, 0)
        ticks = (seconds - starts[i]) * 1e6 * self.tpq / self.tempo_us[i]
        return int(self.tempo_tick[i] + np.ceil(ticks - 1e-6))  # 1e-6 for what division rounds

    @property
    def bar_starts(self) -> np.ndarray:
        """(B + 1,) ticks where bars start, the last being the first bar line at or after the end.

        A metre change starts a new bar wherever it stands. A bar lasts at least one tick.
        """
        bounds = [*self.metre_tick.tolist(), None]
        starts: list[np.ndarray] = []
        for i, start in enumerate(self.metre_tick.tolist()):
            length = max(1, round(4 * self.tpq * self.metre_num[i] / self.metre_den[i]))
            stop = bounds[i + 1]
            stop = max(self.end, start + 1) if stop is None else stop
            if stop > start:
                starts.append(np.arange(start, stop, length))
        last = int(starts[-1][-1]) + max(
            1, round(4 * self.tpq * int(self.metre_num[-1]) / int(self.metre_den[-1]))
        )
        return np.concatenate([*starts, [last]]).astype(np.int64)

    @property
    def n_bars(self) -> int:
        """Number of bars, at least 1."""
        return len(self.bar_starts) - 1

    @property
    def bpm(self) -> float:
        """The tempo, in quarters per minute, that holds for most ticks."""
        spans = np.diff(np.append(self.tempo_tick, max(self.end, int(self.tempo_tick[-1]) + 1)))
        values, where = np.unique(self.tempo_us, return_inverse=True)
        return 60e6 / float(values[np.argmax(np.bincount(where, weights=spans))])

    def select(self, keep: np.ndarray) -> Score:
        """The Score with only the notes where ``keep`` ((N,) bool or indices); tracks, controls and
        texts stay."""
        notes = {a: frozen_array(getattr(self, a)[keep]) for a in _NOTES}
        return replace(self, **notes)

    def transposed(self, semitones: int) -> Score:
        """All pitched notes, and the pressures on their keys, moved by ``semitones``; those that
        leave 0-127 are folded back by octaves; key signatures move along, spelled as is usual where
        the tonic changes; drums stay."""

        def moved(pitch: np.ndarray) -> np.ndarray:
            pitch = pitch + semitones
            pitch -= 12 * (np.maximum(pitch - 116, 0) // 12)  # those above 127
            return pitch + 12 * (np.maximum(11 - pitch, 0) // 12)  # those below 0

        fifths = self.key_fifths
        if semitones % 12:
            fifths = (fifths + 7 * semitones + 5) % 12 - 5
            fifths = np.where((fifths == 6) & (self.key_minor == 1), -6, fifths)  # Eb minor
        pitch = np.where(self.is_drum, self.pitch, moved(self.pitch))
        order = np.lexsort((self.velocity, self.duration, pitch, self.track, self.onset))
        notes = {a: frozen_array(getattr(self, a)[order]) for a in _NOTES if a != "pitch"}
        drums = np.array([t.is_drum for t in self.tracks] or [False])[self.controls.track]
        keyed = (self.controls.kind == POLYPHONIC_PRESSURE) & ~drums
        number = np.where(keyed, moved(self.controls.number), self.controls.number)
        return replace(
            self,
            **notes,
            pitch=frozen_array(pitch[order]),
            key_fifths=frozen_array(fifths),
            controls=replace(self.controls, number=frozen_array(number)),
        )


_NOTES = ("onset", "duration", "pitch", "velocity", "track")
_ARRAYS = (
    *_NOTES,
    "tempo_tick",
    "tempo_us",
    "metre_tick",
    "metre_num",
    "metre_den",
    "key_tick",
    "key_fifths",
    "key_minor",
)


def _map(
    rows: Iterable[Sequence[int]], default: tuple[int, ...] | None, width: int = 0
) -> list[np.ndarray]:
    """Rows (tick, values...) as sorted columns, the last of equal ticks kept, repeats of the same
    value dropped, and ``default`` at tick 0 where none stands there."""
    last = {int(r[0]): tuple(int(x) for x in r[1:]) for r in rows}
    if default is not None and 0 not in last:
        last[0] = default[1:]
    changes: list[tuple[int, ...]] = []
    for tick in sorted(last):
        if tick < 0:
            raise InputError("a tempo, metre or key stands before tick 0")
        if not changes or changes[-1][1:] != last[tick]:
            changes.append((tick, *last[tick]))
    width = width or len(default or ())
    table = np.array(changes, dtype=np.int64).reshape(-1, width)
    return [frozen_array(table[:, i]) for i in range(width)]
