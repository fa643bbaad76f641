"""Prompts with known wishes: captions of real songs' beginnings, and what they ask for.

Knows how the facts of a song become a prompt, and which of its wishes the prompt states; does not
read wishes out of the text, so that a program's reading of the text is under test too. Prompts
hold facts and our own wording of them, no notes.

Run as a command it makes the two files that are shipped, from a data set's test songs:

    python -m cantilena.evaluate.prompts DATASET
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.analysis import describe
from cantilena.analysis.excerpt import first_bars
from cantilena.errors import BriefError, InputError
from cantilena.files import jsonl, parse_jsonl, read_text, write_bytes
from cantilena.score import gm
from cantilena.score.score import DRUMS, Score
from cantilena.text.caption import INSTRUMENT_WORDS, write_caption
from cantilena.text.facts import Facts
from cantilena.text.lexicon.terms import PACES
from cantilena.text.report import is_heard
from cantilena.text.wishes import Brief, Instrument

if TYPE_CHECKING:
    from cantilena.data.dataset import Songs

LENGTHS = (8, 12, 16, 24, 32)
"""Bars that a prompt's excerpt may have."""
MIN_BARS = 5
"""Bars below which a piece is too short for a prompt."""
MAX_PARTS = 8
MIN_BPM, MAX_BPM = 40, 240
MIN_KEY_STRENGTH = 0.7
"""Correlation with the key's profile from which a piece is taken to be in a key."""
_SHIPPED = "shipped/control.jsonl"
_P_NAMED = {
    "key": 0.75,
    "instruments": 0.9,
    "chords": 0.4,
    "bars": 0.6,
    "density": 0.5,
    "swing": 0.8,
    "genres": 0.6,
    "moods": 0.5,
}
"""How often a prompt names a wish, where its song has it. Metre and tempo are always named."""
_P_KEPT_COMMON_TIME = 0.65
"""Share of the songs in 4/4 that is kept."""
_P_KEPT_DEFAULT_TEMPO = 0.25
"""And of those in 4/4 at ``DEFAULT_BPM``."""
DEFAULT_BPM = 120
"""The tempo of a MIDI file that has no tempo event."""


@dataclass(frozen=True)
class Prompt:
    """A text and what is known to be asked in it. ``id`` is unique in its set and fit for a file
    name; ``wishes.text`` is empty. A tempo that the text gives as a word has a ``tempo_range``."""

    id: str
    text: str
    wishes: Brief

    def to_dict(self) -> dict[str, Any]:
        """Plain data: id, text, and the wishes that are set."""
        blank = Brief().to_dict()
        wishes = {k: v for k, v in self.wishes.to_dict().items() if v != blank[k]}
        return {"id": self.id, "text": self.text, "wishes": wishes}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Prompt:
        """The Prompt of plain data. Raises InputError."""
        try:
            name, text = str(data["id"]), str(data["text"])
            wishes = Brief.from_dict(dict(data["wishes"]))
        except (KeyError, TypeError, ValueError, BriefError) as error:
            raise InputError(f"not a prompt with an id, a text and wishes: {error}") from error
        if not re.fullmatch(r"[\w.-]{1,100}", name) or name.startswith("."):
            raise InputError(f"the prompt's id {name!r} is not fit to name a file")
        return cls(name, text, wishes)


# ---------------------------------------------------------------------------- making


def prompt_of(
    score: Score,
    name: str,
    rng: np.random.Generator,
    genres: Sequence[str] = (),
    moods: Sequence[str] = (),
) -> Prompt | None:
    """A Prompt that a piece's beginning would answer, or None where it is of no use: no more than
    four bars, no part that is heard, more than ``MAX_PARTS`` of them, a tempo outside 40-240, or
    two instruments under names that mean the same.

    The beginning has one of ``LENGTHS`` bars; ``rng`` chooses which wishes the text names.
    """
    cut = first_bars(score, int(rng.choice(LENGTHS)))
    about = describe(cut)
    heard = tuple(p.instrument for p in about.parts if is_heard(p))
    if about.bars < MIN_BARS or not 1 <= len(heard) <= MAX_PARTS:
        return None
    if not MIN_BPM <= about.bpm <= MAX_BPM:
        return None
    facts = Facts.of(about, genres, moods)
    named = {wish: bool(rng.random() < share) for wish, share in _P_NAMED.items()}
    facts = replace(
        facts,
        bpm=float(round(about.bpm)),
        instruments=heard if named["instruments"] else (),
        key=facts.key if named["key"] and about.key_strength >= MIN_KEY_STRENGTH else None,
        chords=facts.chords if named["chords"] else (),
        bars=facts.bars if named["bars"] else None,
        seconds=None,
        density=facts.density if named["density"] else None,
        swing=True if facts.swing and named["swing"] else None,
        genres=facts.genres if named["genres"] else (),
        moods=facts.moods if named["moods"] else (),
    )
    text = write_caption(facts, rng)
    wishes = stated(facts, text)
    return None if _twice(wishes.instruments) else Prompt(name, text, wishes)


def _twice(asked: Sequence[Instrument]) -> bool:
    """Whether two instruments go by names that mean the same ("saxophone, sax"), so that a reader
    may rightly take them for one."""
    words = {i.programs[0]: INSTRUMENT_WORDS[i.programs[0]] for i in asked}
    pairs = ((a, b) for n, a in enumerate(asked) for b in asked[:n])
    return any(a.name in words[b.programs[0]] and b.name in words[a.programs[0]] for a, b in pairs)


def stated(facts: Facts, text: str) -> Brief:
    """The wishes that a caption of ``facts``, of which tempo and metre are known, written with
    nothing dropped, states: a caption may give the tempo as a word, the chords in part, and may
    rule out drums."""
    assert facts.bpm is not None and facts.metre is not None
    spoken = text.lower()
    number = re.search(rf"(?<![\d/]){facts.bpm:.0f}(?![\d/])", text) is not None
    tempo_range = None if number else _pace(spoken, facts.bpm)
    no_drums = re.search(r"\b(?:no|without) drums\b", spoken) is not None
    return Brief(
        instruments=_instruments(facts.instruments, spoken),
        excluded=(DRUMS,) if no_drums else (),
        tempo=facts.bpm,
        tempo_range=tempo_range,
        key=facts.key.name if facts.key else None,
        metre=f"{facts.metre[0]}/{facts.metre[1]}",
        chords=_stated_chords(facts.chords, text),
        genres=facts.genres[:2],
        moods=facts.moods[:2],
        bars=facts.bars,
        swing=facts.swing,
        density=facts.density,
    )


def _pace(spoken: str, bpm: float) -> tuple[float, float]:
    """The range of the longest tempo word in a text that fits the tempo."""
    for word in sorted(PACES, key=len, reverse=True):
        pace = PACES[word]
        if pace.low <= bpm <= pace.high and re.search(rf"\b{re.escape(word)}\b", spoken):
            return float(pace.low), float(pace.high)
    raise InputError(f"the caption {spoken!r} does not state its tempo of {bpm:.0f}")


def _instruments(numbers: Sequence[int], spoken: str) -> tuple[Instrument, ...]:
    """The asked instruments, each by the name that the text uses, no two by the same words: the
    program itself, then those that the name can mean too ("strings" are 44, 48 and 49). One that
    stands behind the name of a line-up goes by General MIDI's name."""
    options = [(w.lower(), i) for i in numbers for w in (*INSTRUMENT_WORDS[i], gm.name(i))]
    names: dict[int, str] = {}
    left = spoken
    for word, i in sorted(options, key=lambda option: -len(option[0])):  # stable
        place = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", left) if i not in names else None
        if place:
            names[i] = word
            left = f"{left[: place.start()]}|{left[place.end() :]}"
    instruments: list[Instrument] = []
    for i in numbers:
        others = [k for k, words in INSTRUMENT_WORDS.items() if names.get(i) in words and k != i]
        instruments.append(Instrument(names.get(i) or gm.name(i), (i, *others)))
    return tuple(instruments)


def _stated_chords(chords: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The longest beginning of the chords, at least two, that stands in the text."""
    for n in range(len(chords), 1, -1):
        if any(join.join(chords[:n]) in text for join in (" ", ", ", " - ", " – ", " → ")):
            return chords[:n]
    return ()


def prompts_of_songs(
    songs: Songs, n: int, seed: int = 0, corpus: str | None = None
) -> tuple[Prompt, ...]:
    """``n`` Prompts of songs of a data set's split (``data.dataset.load_split``), at most one a
    song, in random order; fewer where the split has no more that are of use. The commonest
    kinds are thinned out (``_p_kept``), or a program that always writes those would do well."""
    rng = np.random.default_rng(seed)
    prompts: list[Prompt] = []
    for i in rng.permutation(len(songs)).tolist():
        if len(prompts) == n:
            break
        if corpus is None or songs.corpus(i) == corpus:
            meta = songs.meta(i)
            name = f"{len(prompts):03d}"
            prompt = prompt_of(score_of(songs, i), name, rng, meta["genres"], meta["moods"])
            if prompt and rng.random() < _p_kept(prompt.wishes):
                prompts.append(prompt)
    return tuple(prompts)


def _p_kept(wishes: Brief) -> float:
    """The share of songs with such wishes that is kept."""
    if wishes.metre != "4/4":
        return 1.0
    return _P_KEPT_DEFAULT_TEMPO if wishes.tempo == DEFAULT_BPM else _P_KEPT_COMMON_TIME


def score_of(songs: Songs, i: int) -> Score:
    """The Score of a data set's song ``i``, at its main tempo throughout."""
    from cantilena.tokens.note import Header

    bars = songs.bars(i)
    metres = zip(bars[:-1].tolist(), *(x.tolist() for x in songs.metres(i)), strict=True)
    tempo = round(60e6 / songs.meta(i)["bpm"])
    header = Header(tempos=((0, tempo),), metres=tuple(metres), end=int(bars[-1]))
    return songs.scheme.from_table(songs.table(i), header)


# ---------------------------------------------------------------------------- files


def shipped_prompts() -> tuple[Prompt, ...]:
    """The prompts that come with the package: beginnings of songs of the Lakh MIDI data set's
    test split, which no model of ours is trained on."""
    text = files("cantilena.evaluate").joinpath(_SHIPPED).read_text(encoding="utf-8")
    return tuple(_parsed(text, _SHIPPED))


def read_prompts(path: str | Path) -> tuple[Prompt, ...]:
    """The Prompts of a file of JSON lines. Raises InputError that names the line."""
    return tuple(_parsed(read_text(path, "a file of prompts"), str(path)))


def _parsed(text: str, name: str) -> Iterator[Prompt]:
    seen: set[str] = set()
    for number, data in parse_jsonl(text, name):
        try:
            prompt = Prompt.from_dict(data if isinstance(data, dict) else {})
        except InputError as error:
            raise InputError(f"line {number} of {name!r}: {error}") from error
        if prompt.id in seen:
            raise InputError(f"line {number} of {name!r}: the id {prompt.id!r} stands twice")
        seen.add(prompt.id)
        yield prompt
    if not seen:
        raise InputError(f"{name!r} holds no prompts")


def write_prompts(prompts: Iterable[Prompt], path: str | Path) -> None:
    """Writes prompts as JSON lines, the whole file or nothing. Raises InputError."""
    write_bytes(path, jsonl(p.to_dict() for p in prompts))


def make_shipped(dataset: str | Path, folder: str | Path, n: int = 200, seed: int = 0) -> None:
    """Writes ``control.jsonl`` and ``real_lakh_test.json`` (up to 400 songs) into ``folder``, from
    the Lakh songs of a data set's test split."""
    from cantilena.data.dataset import load_split
    from cantilena.evaluate.statistics import BARS, values_of, write_values

    songs = load_split(dataset, "test", ["lakh"])
    write_prompts(prompts_of_songs(songs, n, seed), Path(folder) / "control.jsonl")
    order = np.random.default_rng(seed).permutation(len(songs))[:400].tolist()
    values = values_of(score_of(songs, i) for i in order)
    what = f"first {BARS} bars of {len(order)} songs of the Lakh MIDI data set's test split"
    write_values(values, Path(folder) / "real_lakh_test.json", what)


def _main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description="Makes the evaluation files that are shipped.")
    parser.add_argument("dataset", help="folder that 'cantilena data build' made")
    parser.add_argument("--out", default=str(files("cantilena.evaluate").joinpath("shipped")))
    parser.add_argument("-n", type=int, default=200, help="number of prompts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    make_shipped(options.dataset, options.out, options.n, options.seed)


if __name__ == "__main__":
    _main()
