"""Which of several sounds of a piece is most like its text, by a joint embedding.

Knows embeddings and rows of a report; does not know how sound is written.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.systems.base import JUDGE
from cantilena.text.report.rows import Row

OPTION = JUDGE
"""The option of a Request that names the embedding's folder."""


@lru_cache(maxsize=2)
def judge(place: str) -> PlainJoint:
    """The joint embedding in a folder. Raises CheckpointError, MissingExtraError."""
    from cantilena.systems.joint.checkpoint import load_joint

    return load_joint(place)


def sound_row(place: str, text: str, audio: Audio) -> Row:
    """The row of the report for how like its text a sound is; its score chooses among attempts, and
    it is neither met nor missed."""
    joint = judge(place)
    mono = np.asarray(audio.samples, dtype=np.float32).mean(axis=0)
    likeness = joint.likeness(joint.of_sound(mono, audio.rate), joint.embed_texts([text])[0])
    return Row("sound", "like its text", f"likeness {likeness:.2f}", None, likeness)


def judged_facts(place: str | None) -> dict[str, str]:
    """What the JSON file says of which embedding in a folder chose; nothing without one."""
    return {"judged_by": judge(place).identity} if place else {}


def seed_of(seed: int, number: int) -> int:
    """The seed of an attempt's codes: the first's is the piece's own."""
    return seed if not number else int(np.random.default_rng((seed, number)).integers(2**63))
