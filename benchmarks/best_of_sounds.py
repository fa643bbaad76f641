"""Is the sound that a joint embedding chooses of several more like its text, by other embeddings?

Of each of the gallery's prompts and each seed a system writes so many takes, the very ones that
`compose --best-of N --option joint=DIR` chooses among. The take that one embedding likes most is
judged by embeddings of other trainings, whose opinion of it is compared with their mean opinion of
all takes (a single take) and with the best of theirs (what choosing could give at most); r is how
their opinions of the takes of a prompt correlate. "By another text" is a choice for the words of
the next prompt: what choosing gives that has nothing to do with the words. "Heard" is the share of
tempo, key and chords that the estimators hear as asked, over takes of prompts that ask for any.
± is the standard error of the difference from a single take, over prompts and seeds.

    python benchmarks/best_of_sounds.py --systems musiclm,musicgen --joint clap-0 clap-1
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from cantilena.analysis.audio import listen
from cantilena.api import load
from cantilena.audio.audio import Audio
from cantilena.evaluate.gallery import PROMPTS
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.options import make_brief
from cantilena.systems.base import Attempt, Finished
from cantilena.systems.joint.checkpoint import load_joint
from cantilena.systems.request import Request
from cantilena.text.report.heard import heard_rows


@dataclass(frozen=True)
class Takes:
    """The takes at a prompt: ``likeness`` (embeddings, takes, prompts), by each embedding of each
    take to the texts of all prompts; ``prompt``, which of these is its own; ``heard`` (takes,), the
    share of what was asked that is heard, NaN where nothing that can be heard was."""

    likeness: np.ndarray
    prompt: int
    heard: np.ndarray


def takes_of(system: Any, text: str, seconds: float, seed: int, count: int) -> list[Audio]:
    """So many takes of a text, as best-of makes them."""
    sampling = replace(system.sampling, best_of=1)
    request = Request(make_brief(text, seconds=seconds), seed, sampling, system=system.system)
    request = system.completed(request)
    takes: dict[int, Audio] = {}
    for k, event in system.attempt([Attempt(request, number) for number in range(count)]):
        if isinstance(event, Finished) and event.result.audio is not None:
            takes[k] = event.result.audio
    return [takes[k] for k in range(count)]


def likenesses(
    takes: Sequence[Audio], joints: Sequence[PlainJoint], texts: Sequence[str]
) -> np.ndarray:
    """(embeddings, takes, texts) likeness."""
    rows = []
    for joint in joints:
        words = joint.embed_texts(texts)
        sounds = [joint.of_sound(take.samples.mean(0), take.rate) for take in takes]
        rows.append([[joint.likeness(sound, word) for word in words] for sound in sounds])
    return np.array(rows)


def heard_as_asked(take: Audio, text: str) -> float:
    """The share of tempo, key and chords that are heard as a text asks; NaN where it asks none."""
    rows = heard_rows(listen(take.samples.T, take.rate), make_brief(text), None)
    agrees = [row.agrees for row in rows if row.agrees is not None]
    return float(np.mean(agrees)) if agrees else float("nan")


def row(label: str, chosen: np.ndarray, single: np.ndarray) -> str:
    """A line: the mean of what is chosen, and how far it is from a single take."""
    there = ~np.isnan(chosen)
    gain = (chosen - single)[there]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return f"{label}: {chosen[there].mean():.3f} ({gain.mean():+.3f} ± {error:.3f}, {len(gain)})"


def report(all_takes: Sequence[Takes], names: Sequence[str]) -> None:
    """Prints, for each embedding as the chooser, what it, the others and what is heard say."""
    own = np.stack([t.likeness[:, :, t.prompt] for t in all_takes])  # (N, embeddings, takes)
    following = [(t.prompt + 1) % t.likeness.shape[2] for t in all_takes]
    other = [t.likeness[:, :, k] for t, k in zip(all_takes, following, strict=True)]
    heard = np.stack([t.heard for t in all_takes])
    each = np.arange(len(own))
    for chooser, name in enumerate(names):
        picks = own[:, chooser].argmax(1)
        by_other = np.array([rows[chooser].argmax() for rows in other])
        print(f"  chosen by {name}")
        for judge, judge_name in enumerate(names):
            opinion = own[:, judge]
            single = opinion.mean(1)
            pairs = zip(own[:, chooser], opinion, strict=True)
            r = float(np.mean([np.corrcoef(one, two)[0, 1] for one, two in pairs]))
            print(f"    judge {judge_name}: a single take {single.mean():.3f}, r {r:.2f}")
            print(row("      chosen", opinion[each, picks], single))
            print(row("      by another text", opinion[each, by_other], single))
            print(row("      best by its own opinion", opinion.max(1), single))
        print(f"    heard as asked: a single take {np.nanmean(heard.mean(1)):.3f}")
        print(row("      chosen", heard[each, picks], heard.mean(1)))
    print(row("  best by what is heard", heard.max(1), heard.mean(1)), flush=True)


def main() -> None:
    """Prints the figures of each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", default="musiclm,musicgen", help="with commas")
    parser.add_argument("--joint", required=True, nargs="+", metavar="DIR", help="embeddings")
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    torch.set_num_threads(1)
    joints = [load_joint(place) for place in args.joint]
    texts = [text for _, text in PROMPTS]
    for name in args.systems.split(","):
        system, all_takes = load(None, name), []
        for seed in args.seeds:
            for k, text in enumerate(texts):
                takes = takes_of(system, text, args.seconds, seed, args.takes)
                heard = np.array([heard_as_asked(take, text) for take in takes])
                all_takes.append(Takes(likenesses(takes, joints, texts), k, heard))
        print(f"{name}: {len(all_takes)} prompts and seeds, {args.takes} takes of each")
        report(all_takes, args.joint)


if __name__ == "__main__":
    main()
