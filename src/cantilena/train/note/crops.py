"""Training examples: windows of songs, transposed, with what is known about them.

Knows the data set, the note scheme and the conditions; does not know the model or the optimiser.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.key import key_scores
from cantilena.score.harmony import NO_CHORD, Chord, Key, transposed_chords
from cantilena.systems.note.training import CropConfig
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts, density_word, mood_rule
from cantilena.tokens.note import NoteScheme, context
from cantilena.tokens.note.conditions import SLOTS, Wished, conditions, hash_words
from cantilena.train.note.outlines import Outlines

WORDINGS = 3
_LOOKBACK = 400  # rows before a window that memory and echoes may reach into


FULL = CropConfig(
    **dict.fromkeys(("nothing", "attribute", "chords", "left", "text", "instruments"), 0.0),
    **dict.fromkeys(("plan_parts", "plan_counts"), 0.0),
    partial=0.0,
    fresh=0.0,
    text_only=0.0,
    transpose=False,
)
"""Everything given: for evaluation."""


class Crops:
    """Windows of one split. Songs are drawn in proportion to their windows' number."""

    def __init__(self, songs, scheme: NoteScheme, config: CropConfig, weights: dict | None = None):
        self.songs, self.scheme, self.config = songs, scheme, config
        sizes = np.array([songs.length(i) for i in range(len(songs))], dtype=np.float64)
        share = np.maximum(sizes, 64)
        if weights:
            share = share * [weights.get(songs.corpus(i), 1.0) for i in range(len(songs))]
        self.cumulative = np.cumsum(share / share.sum())
        self.outlines = Outlines(songs, config)

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One random example."""
        fresh = rng.random() < self.config.fresh
        i = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.songs) - 1)
        n, t = self.songs.length(i) + 1, self.config.length
        u = rng.random()
        if u < self.config.start or n <= t:
            start = 0
        elif u < self.config.start + self.config.finish:
            start = n - t
        else:
            start = int(rng.integers(0, n - t + 1))
        return self.example(i, start, rng, fresh)

    def example(
        self, i: int, start: int, rng: np.random.Generator, fresh: bool = False
    ) -> dict[str, np.ndarray]:
        """The window of song ``i`` from row ``start`` (``fresh``: from the bar line before it, and
        as if the piece began there), as arrays of ``length`` steps; ``mask`` (length, 5) is 1 where
        a field is to be predicted."""
        config, length = self.config, self.config.length
        song, whole = self.songs, self.songs.table(i)
        bars, (chord_starts, chords) = song.bars(i), song.chords(i)
        first_bar = 0
        if fresh:
            tick = whole[min(start, len(whole) - 1), 0]
            bar = int(np.searchsorted(bars, tick, side="right")) - 1
            first_bar = min(max(bar, 0), len(bars) - 2)
            bars = bars[first_bar:]
            start = first = int(np.searchsorted(whole[:, 0], bars[0]))
            origin = int(bars[0])
        else:
            first = max(0, start - _LOOKBACK)
            origin = int(whole[first - 1, 0]) if first else 0
        table = whole[first : start + length]
        shift = _shift(table, rng) if config.transpose else 0
        if shift:
            table = table.copy()
            table[:, 2] += shift * (table[:, 1] != 128)
            chords = transposed_chords(chords, shift)
        rows = context.extend(table, self.scheme.max_delta, origin)
        # REST rows put in before the window move its start in ``rows``
        at = int(np.flatnonzero(rows[:, 1] >= 0)[start - first]) if start > first else 0
        over = max(len(rows) - at - length, 0)
        rows = rows[: len(rows) - over]
        # END needs a step of its own: rests may have taken the last one
        ends = start + length > song.length(i) and len(rows) - at < length
        stop = min(at + length, len(rows) + ends)
        window = rows[at:stop]
        facts = self._facts(i, window, bars, chord_starts, chords, shift)
        wished = _wished(facts, rng, config)
        frame = context.Frame(bars, chord_starts, chords, len(bars) - 2)
        if wished is None or rng.random() < config.chords:
            frame = context.Frame(bars, chord_starts[:0], chords[:0], frame.last_bar)
        state, onset, instrument = context.features(rows, frame, at, stop)
        if wished is None or rng.random() < config.left:
            state["left"] = np.full_like(state["left"], context.UNKNOWN_LEFT)
            onset["left"] = np.full_like(onset["left"], context.UNKNOWN_LEFT)
        wishes = conditions(wished or Wished())
        fields = np.zeros((stop - at, 5), dtype=np.int64)
        fields[: len(window), 0] = window[:, 5]
        fields[: len(window), 1:] = np.maximum(window[:, 1:5], 0)
        if ends:
            fields[-1, 0] = self.scheme.end
        mask = np.ones((stop - at, 5), dtype=np.float32)
        mask[:, 1:] = (fields[:, :1] < self.scheme.rest).astype(np.float32)
        pad = ((0, length - (stop - at)), (0, 0))
        every = conditions(_all_of(facts))
        captions = [_caption(facts, rng, drop=0.25) for _ in range(WORDINGS)]
        plan = {}
        if config.plan:
            plan = self.outlines.features(i, first_bar, rows, range(at, stop), shift, rng)
        return {
            **{f"plan_{part}": np.pad(values, pad) for part, values in plan.items()},
            "captions": np.stack([hash_words(text) for text in captions]),
            "all_scalars": every.scalars,
            "all_slots": every.slots,
            "scalars": wishes.scalars,
            "slots": wishes.slots,
            "words": wishes.words,
            "state": np.pad(np.stack(list(state.values()), -1), pad),
            "fields": np.pad(fields, pad),
            "at_onset": np.pad(np.stack(list(onset.values()), -1), pad),
            "at_instrument": np.pad(np.stack(list(instrument.values()), -1), pad),
            "mask": np.pad(mask, pad),
        }

    def _facts(self, i, window, bars, chord_starts, chords, shift) -> dict:
        """What the window is: measured on its notes, and on the song's labels."""
        meta = self.songs.meta(i)
        notes = window[window[:, 1] >= 0]
        instrument, pitch = notes[:, 1], notes[:, 2]
        sounding = np.array(self.scheme.durations)[notes[:, 3]]
        drums = instrument == 128
        share = np.bincount(instrument, np.where(drums, 12, sounding), minlength=129)
        present = np.flatnonzero(share)
        order = present[np.argsort(-share[present], kind="stable")]
        chroma = np.bincount(pitch[~drums] % 12, sounding[~drums], minlength=12)
        key = None
        if (chroma > 0).sum() >= 4:
            key = Key.from_index(int(np.argmax(key_scores(chroma))))
        begin, finish = (int(notes[0, 0]), int(notes[-1, 0])) if len(notes) else (0, 0)
        lo, hi = np.searchsorted(bars, [begin, finish], side="right")
        n_bars = max(1, int(hi - lo) + 1)
        span = max(int((notes[:, 0] + sounding).max()) - begin, 1) if len(notes) else 1
        density = len(notes) / n_bars
        metre = tuple(meta["metre"])
        bpm = float(meta["bpm"])
        slots = slice(*np.searchsorted(chord_starts, [begin - 1, begin + 8 * 96]))
        moods = tuple(meta["moods"])
        whole = (window[:, 1] >= 0).sum() >= self.songs.length(i)
        return {
            "key": key,
            "bpm": bpm,
            "metre": metre,
            "instruments": order.tolist(),
            "density": density,
            "polyphony": float(sounding[~drums].sum() / span) if (~drums).any() else None,
            "swing": meta["swing"],
            "bars": len(bars) - 1,
            "seconds": meta["seconds"] if whole else None,
            "genres": tuple(meta["genres"]),
            "moods": moods or mood_rule(key, bpm, density),
            "drums": bool(drums.any()),
            "loudness": float(notes[:, 4].mean().round()) if len(notes) else 4.0,
            "chords": chord_symbols(chords[slots], key),
        }


def chord_symbols(numbers: np.ndarray, key: Key | None, most: int = 8) -> tuple[str, ...]:
    """The first changes of a row of reduced chord numbers, as symbols spelled in ``key``."""
    changes = [n for k, n in enumerate(numbers.tolist()) if not k or n != numbers[k - 1]]
    flats = key.flats if key else False
    symbols = [Chord.from_number(n).name(flats) for n in changes if n != NO_CHORD]
    return tuple(symbols[:most])


def _shift(table: np.ndarray, rng: np.random.Generator) -> int:
    """A random transposition, -6..5, that keeps every pitched note within 0-127."""
    shift = int(rng.integers(-6, 6))
    pitched = table[table[:, 1] != 128, 2]
    if len(pitched) and not (pitched.min() + shift >= 0 and pitched.max() + shift <= 127):
        return 0
    return shift


def _caption(facts: dict, rng: np.random.Generator, drop: float) -> str:
    """A caption of a window's facts; each sentence is left out with probability ``drop``."""
    names = ("key", "metre", "bpm", "chords", "bars", "seconds", "swing", "genres", "moods")
    mentioned = Facts(
        **{name: facts[name] for name in names},
        instruments=tuple(facts["instruments"]),
        density=density_word(facts["density"]),
    )
    return write_caption(mentioned, rng, drop=drop)


def _all_of(facts: dict) -> Wished:
    """Everything that conditions can say of a window."""
    names = ("genres", "moods", "key", "bpm", "metre", "density", "polyphony", "swing", "bars")
    return Wished(
        **{name: facts[name] for name in names},
        drums=facts["drums"],
        loudness=facts["loudness"],
        instruments=facts["instruments"],
        complete=True,
    )


def _wished(facts: dict, rng: np.random.Generator, config: CropConfig) -> Wished | None:
    """What of the facts an example's prefix says; None for nothing at all."""
    if rng.random() < config.nothing:
        return None
    alone = rng.random() < config.text_only
    text = ""
    if alone or rng.random() >= config.text:
        text = _caption(facts, rng, drop=0.25 if config.text else 0.0)
    if alone:
        return Wished(text=text)

    def keep() -> bool:
        return rng.random() >= config.attribute

    instruments, complete = list(facts["instruments"]), True
    u = rng.random()
    if u < config.instruments:
        instruments, complete = [], False
    elif u < config.instruments + config.partial and len(instruments) > 1:
        instruments = instruments[: int(rng.integers(1, len(instruments)))]
        complete = False
    elif len(instruments) > SLOTS:
        instruments, complete = instruments[:SLOTS], False
    rng.shuffle(instruments)
    return Wished(
        genres=facts["genres"] if keep() else (),
        moods=facts["moods"] if keep() else (),
        key=facts["key"] if keep() else None,
        bpm=facts["bpm"] if keep() else None,
        metre=facts["metre"] if keep() else None,
        density=facts["density"] if keep() else None,
        polyphony=facts["polyphony"] if keep() else None,
        swing=facts["swing"] if keep() else None,
        bars=facts["bars"] if keep() else None,
        drums=facts["drums"] if keep() else None,
        instruments=instruments,
        complete=complete,
        loudness=facts["loudness"] if keep() else None,
        text=text,
    )
