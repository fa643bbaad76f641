"""``evaluate captions --heard``: how often the facts that a caption of sound says are right.

Knows held-out clips, whose notes are known, and ``search.tagging``; beside each figure stands what
saying always the commonest of the training clips gives. A run's folder holds ``heard.json`` and
``heard.md``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.evaluate.tables import write_figures
from cantilena.files import make_folder
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.search.tables import GROUP_OF
from cantilena.search.tagging import families_of, sound_facts
from cantilena.systems.joint.examples import NOTHING_KNOWN, facts_of_clip
from cantilena.text.facts import Facts

NEAR_TEMPO = 0.04
"""Share by which a tempo may differ, as for ``analysis.audio.accuracy``."""
TRAINING = 400
"""Clips, spread over the training, of which the commonest facts are."""
NAMES = ("instruments", "families", "tempo", "tempo_octave", "key", "mode", "genre")


@dataclass(frozen=True)
class Commonest:
    """What is true of most clips: the ``instruments``, the commonest first, the ``key``, the
    ``bpm`` near which most tempi lie, the ``group`` of genres."""

    facts: Facts

    @classmethod
    def of(cls, rows: Sequence[Facts]) -> Commonest:
        """Of the facts of some clips."""
        players = Counter(i for f in rows for i in f.instruments)
        keys = Counter(f.key for f in rows if f.key is not None)
        tempi = [f.bpm for f in rows if f.bpm is not None]
        bpm = max(tempi, key=lambda one: sum(_near(one, other) for other in tempi))
        groups = Counter(_groups(f)[0] for f in rows if _groups(f))
        genres = tuple(group for group, _ in groups.most_common(1))
        names = tuple(i for i, _ in players.most_common())
        return cls(Facts(keys.most_common(1)[0][0], None, bpm, names, genres=genres))

    def like(self, heard: Facts) -> Facts:
        """The commonest facts, as many instruments and genres of them as are heard."""
        genres = self.facts.genres if heard.genres else ()
        names = self.facts.instruments[: len(heard.instruments)]
        return replace(self.facts, instruments=names, genres=genres)


def evaluate_heard(
    data: AudioData,
    out: str | Path,
    n: int = 30,
    joint: PlainJoint | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Any], str]:
    """The figures of ``n`` clips spread over the data, and their table. Raises InputError where
    none of the clips is of a piece of MIDI."""
    train = AudioData(data.folder, "train", stems=False)
    clips = (train.clip(i) for i in _spread(len(train), TRAINING))
    training = [facts for clip in clips if (facts := facts_of_clip(clip)) is not None]
    pairs: list[tuple[Facts, Facts]] = []
    for i in _spread(len(data), n):
        clip = data.clip(i)
        true = facts_of_clip(clip)
        if true is not None:
            seconds = len(clip.samples) / clip.rate
            pairs.append((sound_facts(clip.samples, clip.rate, seconds, joint), true))
        if progress is not None:
            progress((i + 1) / len(data))
    if not pairs or not training:
        raise InputError(NOTHING_KNOWN)
    commonest = Commonest.of(training)
    rows = {
        "heard": shares(pairs),
        "commonest": shares([(commonest.like(heard), true) for heard, true in pairs]),
    }
    figures = {"clips": len(pairs), "split": data.split, "rows": rows}
    table = heard_table(figures)
    write_figures(make_folder(out), "heard", figures, table)
    return figures, table


def _spread(count: int, n: int) -> list[int]:
    return list(range(0, count, max(1, count // n)))[:n]


def shares(pairs: Sequence[tuple[Facts, Facts]]) -> dict[str, dict[str, Any]]:
    """For each of ``NAMES`` how many are stated (``stated``), the share of these that is true
    (``right``) and, of instruments and families, the share of those that play that is stated
    (``named``). ``pairs``: what is stated and what is true of each clip."""
    out: dict[str, dict[str, Any]] = {}
    for name in ("instruments", "families"):
        sets = [(_players(a, name), _players(b, name)) for a, b in pairs]
        hits = sum(len(a & b) for a, b in sets)
        stated, play = sum(len(a) for a, _ in sets), sum(len(b) for _, b in sets)
        out[name] = _row(stated, hits) | {"named": round(hits / max(play, 1), 4)}
    tempi = [(a.bpm, b.bpm) for a, b in pairs if a.bpm is not None and b.bpm is not None]
    out["tempo"] = _row(len(tempi), sum(_near(a, b) for a, b in tempi))
    octaves = [any(_near(a * k, b) for k in (1, 0.5, 2, 1 / 3, 3)) for a, b in tempi]
    out["tempo_octave"] = _row(len(tempi), sum(octaves))
    keys = [(a.key, b.key) for a, b in pairs if a.key is not None and b.key is not None]
    out["key"] = _row(len(keys), sum(a == b for a, b in keys))
    out["mode"] = _row(len(keys), sum(a.minor == b.minor for a, b in keys))
    genres = [(a.genres[0], _groups(b)) for a, b in pairs if a.genres and _groups(b)]
    out["genre"] = _row(len(genres), sum(a in b for a, b in genres))
    return out


def _row(stated: int, right: int) -> dict[str, Any]:
    return {"stated": stated, "right": round(right / max(stated, 1), 4)}


def _players(facts: Facts, name: str) -> frozenset[Any]:
    every = frozenset(facts.instruments)
    return every if name == "instruments" else families_of(facts.instruments)


def _groups(facts: Facts) -> list[str]:
    return [GROUP_OF[g] for g in facts.genres if g in GROUP_OF]


def _near(a: float, b: float) -> bool:
    return abs(math.log(a / b)) <= math.log1p(NEAR_TEMPO)


def heard_table(figures: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        f"{figures['clips']} clips of {figures['split']!r}: facts heard in sound, and saying as "
        "many of the commonest",
        "",
        "| fact | stated | right | named of what plays | the commonest: right | named |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in NAMES:
        row, common = (figures["rows"][kind][name] for kind in ("heard", "commonest"))
        cells = [f"{r['named']:.2f}" if "named" in r else "-" for r in (row, common)]
        lines.append(
            f"| {name.replace('_', ' or its ')} | {row['stated']} | {row['right']:.2f} "
            f"| {cells[0]} | {common['right']:.2f} | {cells[1]} |"
        )
    return "\n".join(lines)
