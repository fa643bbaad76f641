"""``evaluate retrieval``: a joint embedding on held-out clips of a data set.

Knows clips and embedders; the figures are ``sound.retrieval``'s. A run's folder holds
``retrieval.json`` and ``.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.wav import resample
from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.evaluate.sound.retrieval import (
    JointEmbedder,
    by_caption,
    by_word,
    retrieval_table,
)
from cantilena.evaluate.tables import write_figures
from cantilena.files import make_folder
from cantilena.systems.joint.examples import facts_of_clip

Progress = Callable[[float], None] | None


def evaluate_retrieval(
    embedder: JointEmbedder,
    name: str,
    data: AudioData,
    out: str | Path,
    n: int | None = None,
    progress: Progress = None,
) -> tuple[dict[str, Any], str]:
    """The figures of the first ``n`` clips that have a caption, and their table; both are written
    to ``out``. A clip's text is its first caption, which says all that is known. Raises InputError
    where none has one."""
    vectors, captions, facts, songs = [], [], [], set[str]()
    for i in range(len(data)):
        if n is not None and len(captions) >= n:
            break
        clip = data.clip(i)
        if not clip.captions:
            continue
        samples = resample(clip.samples, clip.rate, embedder.rate)
        mean = embedder.embed(samples).mean(0)
        vectors.append(mean / np.linalg.norm(mean))
        captions.append(clip.captions[0])
        facts.append(facts_of_clip(clip))
        songs.add(clip.meta["file"])
        if progress is not None:
            progress((i + 1) / len(data))
    if not captions:
        raise InputError("none of these clips has a caption to look for; give clips with captions")
    audio = np.stack(vectors)
    rankings = by_caption(audio, embedder.embed_texts(captions), captions)
    rankings |= by_word(audio, embedder.embed_texts, facts)
    figures = {
        "model": name,
        "split": data.split,
        "clips": len(captions),
        "songs": len(songs),
        "rankings": rankings,
    }
    table = retrieval_table(figures)
    write_figures(make_folder(out), "retrieval", figures, table)
    return figures, table
