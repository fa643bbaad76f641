"""What is heard in a recording as facts that a caption may say: tempo, key, who plays and the kind
of music.

Knows the estimators of ``analysis.audio``, the network of ``hearing`` and, where one is named, a
joint embedding; does not know how captions are worded. What nothing estimates is unknown, and no
caption says it: metre, mood, density, length of bars, and whether anybody plays besides.
``docs/papers/joint-embedding.md`` says how often the facts are right.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cantilena.errors import InputError
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.score import gm
from cantilena.score.score import DRUMS
from cantilena.search.hearing import shipped
from cantilena.search.measuring import middle_of
from cantilena.text.caption.words import INSTRUMENT_WORDS
from cantilena.text.facts import Facts

NAMED = 0.25
"""How likely an instrument plays that is named, chosen on held-out clips ("valid"): below it one
more name is right less often, above it fewer that play are named."""
MOST = 5
"""Instruments at most."""
_PIANO, _BASS = range(8), range(32, 40)


def recording_facts(path: str | Path, joint: PlainJoint | None = None) -> Facts:
    """The facts of a sound file that a caption may say, of a long one those of its middle: no
    genre, as that is right less often than always the commonest would be. Raises InputError where
    it cannot be read, is silent or lasts less than a second, MissingExtraError where its kind needs
    soundfile."""
    from cantilena.analysis.audio import SHORTEST

    mono, rate, seconds, _ = middle_of(path)
    if seconds < SHORTEST:
        raise InputError(
            f"{str(path)!r} is too short for anything to be heard: it has {seconds:.2g} seconds, "
            f"and needs {SHORTEST:g}"
        )
    return replace(sound_facts(mono, rate, seconds, joint), genres=())


def sound_facts(
    samples: np.ndarray, rate: int, seconds: float, joint: PlainJoint | None = None
) -> Facts:
    """The facts of (n,) samples at any rate, of a recording that lasts ``seconds``, the likeliest
    group of genres among them. With ``joint`` an instrument is as likely as the network and the
    embedding say on average, by the mean of logarithms."""
    from cantilena.analysis.audio import listen

    heard, sound = listen(samples, rate), shipped().hear(samples, rate)
    likely = sound.players.copy()
    if joint is not None:
        likely = np.sqrt(likely * _by_joint(samples, rate, joint, sound.priors))
    return Facts(
        heard.key,
        None,
        heard.bpm,
        _players(likely, heard.families),
        seconds=round(seconds, 1),
        genres=(max(sound.genres, key=lambda group: sound.genres[group]),),
        whole=False,
    )


def _players(likely: np.ndarray, families: tuple[str, ...]) -> tuple[int, ...]:
    """Who is named, the likeliest first: of pianos, basses and drums, which are recognised
    reliably, one where ``families`` has them and none where not; of the others at most ``MOST``."""
    scores = likely.copy()
    for family, programs in (("piano", _PIANO), ("bass", _BASS), ("drums", (DRUMS,))):
        best = max(programs, key=lambda i: float(likely[i]))
        scores[list(programs)] = 0.0
        if family in families:
            scores[best] = max(float(likely[best]), NAMED)
    order = np.argsort(-scores, kind="stable")[:MOST]
    named = [int(i) for i in order if scores[i] >= NAMED]
    return tuple(named or order[:1].tolist())


def _by_joint(samples: np.ndarray, rate: int, joint: PlainJoint, priors: np.ndarray) -> np.ndarray:
    """(129,) how likely each instrument plays, by the likeness of sound and its name: as often as
    in music at large where they are as like as any two, more the more they are."""
    names = [INSTRUMENT_WORDS[i][0] for i in range(DRUMS + 1)]
    vector, texts = joint.of_sound(samples, rate), joint.embed_texts(names)
    likeness = np.array([joint.likeness(vector, text) for text in texts])
    odds = priors / (1 - priors) * likeness / np.maximum(1 - likeness, 1e-3)
    return odds / (1 + odds)


def families_of(instruments: tuple[int, ...]) -> frozenset[str]:
    """The families of instruments, drums being their own."""
    return frozenset("drums" if i == DRUMS else gm.family(i) for i in instruments)
