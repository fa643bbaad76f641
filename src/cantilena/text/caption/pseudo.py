"""Pseudo-captions: a text of the facts of a piece, in the four ways of LP-MusicCaps, and a check
that it says nothing else.

Knows facts, our captioner, and what a text claims as ``text.brief`` reads it; does not know
language models: a ``Writer`` is any function from requests to texts. Doh, Choi, Lee and Nam,
*LP-MusicCaps: LLM-Based Pseudo Music Captioning* (ISMIR 2023), have a service write descriptions of
tags, which nobody checks; here each claim is compared with what was measured, and sentences with
claims that are not are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cantilena.errors import UnknownNameError
from cantilena.score import gm
from cantilena.score.harmony import Key, parse_chord
from cantilena.score.score import DRUMS
from cantilena.text.brief import parse_brief
from cantilena.text.caption import words, write_caption
from cantilena.text.caption.words import INSTRUMENT_WORDS
from cantilena.text.facts import Facts

TASKS = ("writing", "summary", "paraphrase", "attributes")
"""A description, one short sentence, another wording of a description, and attributes that follow
from the facts with a description of both."""
Writer = Callable[[Sequence[str]], list[str]]
"""Answers to requests, one for each, in order."""
SUMMARY_INSTRUMENTS = 3
"""Instruments at most that a summary names."""
NEAR_TEMPO = 0.02
"""Share by which a tempo that a text gives as a number may differ: it is written rounded."""
NEAR_RANGE = 0.07
"""Share by which a tempo may lie outside the range of a word for it."""
INSTRUCTIONS = {
    "writing": "Write a song description of two sentences including the following attributes.",
    "summary": "Write a single sentence that summarizes a song with the following attributes. Do "
    "not write an artist or album name.",
    "paraphrase": "Write a song description including the following attributes. Use other words "
    "than the list has.",
    "attributes": "Write a song description of two sentences including the following attributes "
    "and new attributes that often occur with them.",
}
"""What a language model is asked, by task, as LP-MusicCaps asks it. Here the answer to "attributes"
is a text and not a dictionary, which small models do not write."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class PseudoCaption:
    """A text of ``task``; ``draft``: the text before the check; ``invented``: what of the draft is
    no fact, in words; ``attributes``: new ones that follow, for that task."""

    task: str
    text: str
    draft: str
    invented: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


def pseudo_captions(
    facts: Sequence[Facts], task: str, seed: int = 0, writer: Writer | None = None
) -> list[PseudoCaption]:
    """A caption of each of some facts, by our captioner or a language model, checked. The same
    seed and writer give the same texts. Raises UnknownNameError for an unknown task."""
    if task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    rngs = [np.random.default_rng((seed, i)) for i in range(len(facts))]
    ours = [_ours(f, task, rng) for f, rng in zip(facts, rngs, strict=True)]
    if writer is None:
        drafts = ours
    else:
        requests = [f"{INSTRUCTIONS[task]}\n{tags(f)}" for f in facts]
        drafts = [_plain(draft) for draft in writer(requests)]
    out = []
    for f, draft, own in zip(facts, drafts, ours, strict=True):
        new = implied(f) if task == "attributes" else ()
        wrong = invented(draft, f)
        out.append(PseudoCaption(task, checked(draft, f) or own, draft, wrong, new))
    return out


def _plain(text: str) -> str:
    """One line, without marks of layout and a last sentence that was cut off."""
    text = " ".join(re.sub(r"[*#`_]+|^\W*(?:Title|Description):", " ", text).split())
    sentences = _SENTENCE.split(text)
    if len(sentences) > 1 and not sentences[-1].endswith((".", "!", "?")):
        sentences.pop()
    return " ".join(sentences)


# ---------------------------------------------------------------------------- by our captioner


def _ours(facts: Facts, task: str, rng: np.random.Generator) -> str:
    if task == "summary":
        few = facts.instruments[:SUMMARY_INSTRUMENTS]
        if DRUMS in facts.instruments and DRUMS not in few:  # else it would say that there are none
            few = (*few[:-1], DRUMS)
        plain = Facts(None, facts.metre, facts.bpm, few, genres=facts.genres, moods=facts.moods)
        facts = replace(plain, whole=facts.whole)
        return _sentence(write_caption(facts, rng, 0.25))
    if task == "paraphrase":
        return _sentence(write_caption(facts, rng, 0.2))
    text = _sentence(write_caption(facts, rng))
    new = implied(facts) if task == "attributes" else ()
    return f"{text} Also: {', '.join(new)}." if new else text


def _sentence(text: str) -> str:
    text = words.capital(text.rstrip(" ,;"))
    return text if text.endswith((".", "!", "?")) else f"{text}."


def implied(facts: Facts) -> tuple[str, ...]:
    """Attributes that follow from the facts: the mode, a word for the tempo, how many play
    where they are few, whether there are no drums."""
    from cantilena.analysis import tempo_class

    out = [] if facts.key is None else ["minor mode" if facts.key.minor else "major mode"]
    out += [] if facts.bpm is None else [tempo_class(facts.bpm)]
    out += ["solo"] if facts.whole and len(facts.instruments) == 1 else []
    if facts.whole and facts.instruments and DRUMS not in facts.instruments:
        out.append("no drums")
    return tuple(out)


def tags(facts: Facts) -> str:
    """The facts as a list for a language model, a line each: "genre: jazz, blues"."""
    rows = [("genre", ", ".join(facts.genres)), ("mood", ", ".join(facts.moods))]
    names = [INSTRUMENT_WORDS[i][0] for i in facts.instruments]
    rows.append(("instruments", ", ".join(dict.fromkeys(names))))
    rows.append(("key", "" if facts.key is None else facts.key.name))
    rows.append(("tempo", "" if facts.bpm is None else f"{facts.bpm:.0f} bpm"))
    rows.append(("metre", "" if facts.metre is None else f"{facts.metre[0]}/{facts.metre[1]}"))
    return "\n".join(f"{name}: {value}" for name, value in rows if value)


# ---------------------------------------------------------------------------- the check


def checked(text: str, facts: Facts) -> str:
    """A text, or where it claims what is no fact its sentences that do not; "" where the rest
    claims nothing."""
    if not invented(text, facts):
        return text if _claims(text) else ""
    kept = [s for s in _SENTENCE.split(text) if s and not invented(s, facts)]
    rest = " ".join(kept)
    return "" if invented(rest, facts) or not _claims(rest) else rest


def _claims(text: str) -> bool:
    """Whether a text says anything of the music."""
    brief = parse_brief(text)
    return bool({*brief.how} - {"only"})


def invented(text: str, facts: Facts) -> tuple[str, ...]:
    """What a text claims that is no fact, in words: instruments, key, tempo, metre, chords, genres,
    moods, swing, and numbers of any kind. A text whose claims contradict one another is one."""
    from cantilena.errors import BriefError

    try:
        brief = parse_brief(text)
    except BriefError as error:
        return (f"not readable: {error}",)
    playing = {*facts.instruments}
    out = [f"instrument {i.name}" for i in brief.instruments if not playing & {*i.programs}]
    absent = [gm.name(p) for p in brief.excluded if p in playing]
    out += [f"without {name}" for name in absent[:1]]
    if brief.key is not None and (facts.key is None or Key.from_name(brief.key) != facts.key):
        out.append(f"key {brief.key}")
    if not _right_tempo(brief.tempo, brief.tempo_range, facts.bpm, brief.how.get("tempo")):
        exact = brief.tempo is not None and brief.tempo_range is None
        out.append(f"tempo {brief.tempo:g}" if exact else "tempo")
    if brief.metre_parts is not None and brief.metre_parts != facts.metre:
        out.append(f"metre {brief.metre}")
    sounding = {parse_chord(c).number for c in facts.chords}
    out += [f"chord {c}" for c in brief.chords if parse_chord(c).number not in sounding]
    out += [f"genre {g}" for g in brief.genres if g not in facts.genres]
    out += [f"mood {m}" for m in brief.moods if m not in facts.moods]
    if brief.swing is not None and facts.swing is not None and brief.swing != facts.swing:
        out.append("swing" if brief.swing else "no swing")
    numbers, written = _numbers(facts), _NUMBER.findall(text)
    out += [f"number {n}" for n in written if float(n.replace(",", ".")) not in numbers]
    return tuple(dict.fromkeys(out))


def _right_tempo(
    tempo: float | None, span: tuple[float, float] | None, bpm: float | None, how: str | None
) -> bool:
    if bpm is None:
        return (tempo is None and span is None) or how == "implied"
    if span is not None:
        return span[0] * (1 - NEAR_RANGE) <= bpm <= span[1] * (1 + NEAR_RANGE)
    return tempo is None or how == "implied" or abs(tempo / bpm - 1) <= NEAR_TEMPO


def _numbers(facts: Facts) -> set[float]:
    """Numbers that a text may have: of tempo, metre, length, chords, and of instruments' names."""
    out = {*map(float, facts.metre or ())}
    out |= set() if facts.bpm is None else {float(round(facts.bpm)), round(facts.bpm, 1)}
    out |= {float(n) for n in (facts.bars, facts.seconds and round(facts.seconds)) if n}
    named = " ".join((*facts.chords, *(w for i in facts.instruments for w in INSTRUMENT_WORDS[i])))
    return out | {float(n.replace(",", ".")) for n in _NUMBER.findall(named)}
