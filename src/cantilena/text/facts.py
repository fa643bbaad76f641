"""Facts: what a caption may say of a piece, and which moods follow from its attributes.

Knows the fields of a caption and the rules that lead to them; does not know wording (``caption``)
and measures nothing (``analysis``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cantilena.analysis.attributes import Attributes
from cantilena.score.harmony import Key


@dataclass(frozen=True)
class Facts:
    """What a caption may say. ``instruments``: 0-128, the largest share first, all there are;
    ``bpm``: quarters per minute; ``chords``: symbols in order; ``density``: "sparse", "medium",
    "dense" or None; ``genres`` and ``moods``: canonical (``text.labels``); ``whole``: whether
    nobody plays besides the instruments. None or empty: not known."""

    key: Key | None
    metre: tuple[int, int] | None
    bpm: float | None
    instruments: tuple[int, ...]
    chords: tuple[str, ...] = ()
    bars: int | None = None
    seconds: float | None = None
    density: str | None = None
    swing: bool | None = None
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    whole: bool = True

    @classmethod
    def of(
        cls, attributes: Attributes, genres: Iterable[str] = (), moods: Iterable[str] = ()
    ) -> Facts:
        """The facts that a Score's Attributes hold; moods by ``mood_rule`` where none are given."""
        a = attributes
        return cls(
            key=a.key,
            metre=a.metre,
            bpm=a.bpm,
            instruments=tuple(p.instrument for p in a.parts),
            chords=a.progression,
            bars=a.bars,
            seconds=a.seconds,
            density=density_word(a.density),
            swing=a.swing,
            genres=tuple(genres),
            moods=tuple(moods) or mood_rule(a.key, a.bpm, a.density, a.metre),
        )


def density_word(notes_per_bar: float) -> str | None:
    """ "sparse" below 6 notes per bar, "dense" above 40, None between: nothing worth saying."""
    return "sparse" if notes_per_bar < 6 else "dense" if notes_per_bar > 40 else None


def mood_rule(
    key: Key | None, bpm: float, density: float, metre: tuple[int, int] = (4, 4)
) -> tuple[str, ...]:
    """Moods (``labels.MOODS``) that mode and activity support; empty where they decide nothing.

    ``bpm``: quarters per minute; ``density``: notes per bar. In Russell's circumplex (1980) mode
    carries valence, tempo and note rate carry arousal; Hevner (1936, 1937) found the same with
    listeners, and Gabrielsson & Lindström (2010, table 14.2) review a century of such results:
    fast and major sounds happy, slow and minor sad, slow and quiet calm, fast and thick excited.
    Only the extremes are named: in the middle the moods are ambiguous.
    """
    seconds_per_bar = 240.0 / max(bpm, 1.0) * metre[0] / metre[1]
    rate = density / max(seconds_per_bar, 0.1)  # notes per second
    fast, slow = bpm >= 120, bpm <= 78
    if slow and rate < 10 and key is not None and key.minor:
        return ("sad", "melancholic") if rate < 6 else ("melancholic",)
    if slow and rate < 6:
        return ("calm", "relaxed") if key is not None else ("calm",)
    if fast and rate >= 8:
        if key is not None and not key.minor:
            return ("happy", "energetic")
        return ("energetic", "tense") if bpm >= 160 and rate >= 14 and key else ("energetic",)
    return ("happy",) if fast and rate >= 4 and key is not None and not key.minor else ()
