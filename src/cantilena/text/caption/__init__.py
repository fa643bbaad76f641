"""Captions: music described in words, for training text-conditioned models and for reading.

Knows how facts become sentences, one-line requests and comma lists, as MidiCaps (Melechovsky,
Roy, Herremans, ISMIR 2024) has sentences and people type the rest. Does not know Scores, measures
nothing, and says nothing that its facts do not support. The wordings are in ``words``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import numpy as np

from cantilena.score import gm
from cantilena.score.harmony import Key
from cantilena.score.score import DRUMS
from cantilena.text.caption import words
from cantilena.text.caption.description import describe_in_words
from cantilena.text.caption.words import INSTRUMENT_WORDS, PHRASES, article, capital
from cantilena.text.facts import Facts, density_word, mood_rule
from cantilena.text.lexicon.terms import PACES

__all__ = [
    "INSTRUMENT_WORDS",
    "Facts",
    "density_word",
    "describe_in_words",
    "mood_rule",
    "write_caption",
]

T = TypeVar("T")
MOST_NAMES = 12
"""Instruments that a caption names at most."""


class _Dice:
    """Random choices from uniform numbers drawn in blocks, as single draws would be slow."""

    __slots__ = ("_left", "_rng")

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self._left = rng.random(96).tolist()

    def roll(self) -> float:
        """A number in [0, 1)."""
        if not self._left:
            self._left = self._rng.random(96).tolist()
        return self._left.pop()

    def chance(self, p: float) -> bool:
        return self.roll() < p

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.roll() * len(options))]

    def shuffled(self, items: Iterable[T]) -> list[T]:
        return [item for _, item in sorted(((self.roll(), i), x) for i, x in enumerate(items))]


@dataclass
class _Content:
    """What a caption states, each wish already in words. ``clauses`` are (wish, value) for
    ``PHRASES``; ``whole``: the names are all the instruments; ``band``: a name for them all."""

    moods: list[str] = field(default_factory=list)
    genres: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    whole: bool = False
    band: str = ""
    clauses: list[tuple[str, str]] = field(default_factory=list)


def write_caption(facts: Facts, rng: np.random.Generator, drop: float = 0.0) -> str:
    """One caption of ``facts``: a list, a request or sentences, by chance.

    ``drop`` (0-1): each wish is left out with this probability. Captions differ in how much they
    leave out (a rate u^(1/drop - 1), u uniform, whose mean is ``drop``), so that some say a single
    thing and some everything, as people do. With ``drop`` 0 the key, metre, tempo and up to
    ``MOST_NAMES`` instruments are always said. The same generator state gives the same caption.
    """
    dice = _Dice(rng)
    content = _choose(facts, dice, drop)
    style = dice.roll()
    text = (_list if style < 0.3 else _request if style < 0.65 else _prose)(content, dice)
    return text or "a piece of music"


def _choose(facts: Facts, dice: _Dice, drop: float) -> _Content:
    """Which wishes are stated, and the words for their values."""
    rate = 0.0 if drop <= 0 else dice.roll() ** (1 / min(drop, 1.0) - 1)
    content = _Content()

    def keep() -> bool:
        return dice.roll() >= rate

    if facts.moods and keep():
        content.moods = [dice.pick(words.MOOD_ADJECTIVES[m]) for m in facts.moods[:2]]
    if facts.genres and keep():
        content.genres = list(facts.genres[: 1 if rate and dice.chance(0.5) else 2])
    if facts.instruments and keep():
        _choose_names(content, facts, dice, rate)
    chords = facts.chords if len(facts.chords) > 1 and keep() else ()
    if facts.key is not None and keep():
        content.clauses.append(("key", _key_text(facts.key, dice, bool(chords))))
    if facts.metre is not None and keep():
        content.clauses.append(("metre", _metre_text(facts.metre, dice)))
    if facts.bpm is not None and keep():
        content.clauses += _tempo_clauses(facts.bpm, dice)
    if chords:
        most = len(chords) if dice.chance(0.5) else min(len(chords), 2 + int(dice.roll() * 4))
        join = dice.pick((" ", " ", ", ", " - ", " – ", " → "))
        content.clauses.append(("chords", join.join(chords[:most])))
    if facts.bars and keep():
        content.clauses.append(("bars", str(facts.bars)))
    if facts.seconds and facts.seconds >= 1 and keep() and dice.chance(0.5):
        content.clauses.append(("time", _duration_text(facts.seconds, dice)))
    if facts.density and keep():
        content.clauses.append((facts.density, ""))
    if facts.swing is not None and keep() and (facts.swing or dice.chance(0.08)):
        content.clauses.append(("swing" if facts.swing else "straight", ""))
    silent = facts.whole and bool(facts.instruments) and DRUMS not in facts.instruments
    if silent and len(facts.instruments) > 1 and keep() and dice.chance(0.25):
        content.clauses.append(("no drums", ""))
    return content


def _choose_names(content: _Content, facts: Facts, dice: _Dice, rate: float) -> None:
    instruments = facts.instruments[:MOST_NAMES]
    if rate and len(instruments) > 2 and dice.chance(0.3 + 0.5 * rate):
        instruments = instruments[: 1 + int(dice.roll() * len(instruments))]
    content.whole = facts.whole and len(instruments) == len(facts.instruments)
    for instrument in instruments:
        names = INSTRUMENT_WORDS[instrument]
        name = names[0] if dice.chance(0.5) else dice.pick(names)
        if name in content.names:  # another of the same kind: its own name, and if need be GM's
            free = [w for w in (*names, gm.name(instrument)) if w not in content.names]
            name = free[0] if free else name
        if name not in content.names:
            content.names.append(name)
    bands = words.ENSEMBLES.get(frozenset(facts.instruments), ()) if content.whole else ()
    fitting = [name for name, genre in bands if not genre or genre in facts.genres]
    if fitting and dice.chance(0.6):
        content.band = dice.pick(fitting)


@lru_cache(maxsize=24)
def _key_names(key: Key) -> tuple[tuple[str, ...], str]:
    """A key's long spellings, the usual one most often, and the short one ("Dm")."""
    tonic, _, mode = key.name.partition(" ")
    spellings = [key.name] * 3
    if len(tonic) > 1:
        sign, mark = ("sharp", "♯") if tonic[1] == "#" else ("flat", "♭")
        spellings += [f"{tonic[0]} {sign} {mode}", f"{tonic[0]}-{sign} {mode}"]
        spellings.append(f"{tonic[0]}{mark} {mode}")
    spellings += words.ENHARMONIC.get(key.name, ())
    if tonic != "A":  # "a minor" would read as the article
        spellings.append(key.name[0].lower() + key.name[1:])
    return tuple(spellings), tonic + ("m" if key.minor else " maj")


def _key_text(key: Key, dice: _Dice, chords: bool) -> str:
    long, short = _key_names(key)
    # beside chords "Dm" would read as one of them
    return short if not chords and dice.chance(0.2) else dice.pick(long)


def _metre_text(metre: tuple[int, int], dice: _Dice) -> str:
    wordings = words.WRITTEN_METRES.get(metre, ())
    return dice.pick(wordings) if wordings and dice.chance(0.1) else f"{metre[0]}/{metre[1]}"


@lru_cache(maxsize=512)
def _paces(bpm: int) -> tuple[tuple[str, str], ...]:
    """(wish, word) of every tempo word whose range holds ``bpm``."""
    tables = (("pace", words.PLAIN_PACES), ("term", words.ITALIAN_PACES))
    return tuple(
        (wish, word)
        for wish, table in tables
        for word in table
        if PACES[word].low <= bpm <= PACES[word].high
    )


def _tempo_clauses(bpm: float, dice: _Dice) -> list[tuple[str, str]]:
    """The tempo as a number, a word or both."""
    whole = round(bpm)
    paces, roll = _paces(whole), dice.roll()
    number = [("bpm", str(whole))]
    if not paces or roll < 0.55:
        return number
    word = dice.pick(paces)
    wish, text = word
    if wish == "term" and dice.chance(0.5):
        word = (wish, text.capitalize())
    return [word] if roll < 0.8 else [word, *number]


def _duration_text(seconds: float, dice: _Dice) -> str:
    minutes = round(seconds / 60)
    if minutes and abs(seconds / 60 - minutes) < 0.02 * minutes:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    whole = round(seconds)
    if whole > 100 and dice.chance(0.5):
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole} seconds"


_LIST, _PHRASE, _SENTENCE = 0, 1, 2
_DRUM_NAMES = frozenset(INSTRUMENT_WORDS[DRUMS])
_AMONG = ("with", "featuring", "including")  # "for" would promise that these are all


def _phrase(clause: tuple[str, str], form: int, dice: _Dice) -> str:
    wish, value = clause
    if wish == "metre" and "/" not in value:  # "common time" brings its own noun
        return (value, f"in {value}", f"It is in {value}.")[form]
    pattern = dice.pick(PHRASES[wish][form])
    if form == _SENTENCE and pattern.startswith("It ") and dice.chance(0.3):
        pattern = dice.pick(("The piece", "The music", "This piece")) + pattern[2:]
    if value[:1] in words.VOWELS:
        pattern = pattern.replace(" a %s", " an %s")
    if clause == ("bars", "1"):
        pattern = pattern.replace("bars", "bar").replace("measures", "measure")
    return pattern % value if value else pattern


def _row(names: list[str], dice: _Dice, last: Sequence[str] = (" and ", " and ", ", ")) -> str:
    """ "piano, bass and drums"."""
    if len(names) < 2:
        return "".join(names)
    link = dice.pick(last)
    if len(names) == 2:
        link = link.replace(", and", " and")
    return ", ".join(names[:-1]) + link + names[-1]


def _genre_words(genres: list[str], dice: _Dice) -> tuple[str, str]:
    """Genres before a noun, and the noun; a genre that is a form ("waltz") is the noun."""
    forms = [g for g in genres if g in words.GENRE_NOUNS]
    noun = words.GENRE_NOUNS[forms[0]] if forms else ""
    rest = [g for g in genres if not noun or g != forms[0]]
    adjectives = [dice.pick(words.GENRE_ADJECTIVES.get(g, (g,))) for g in rest]
    if not noun:
        options = words.NOUNS
        if set(genres) & words.BEATS:
            options = (*options, "beat", "beat", "groove")
        elif set(genres) & words.THEMES:
            options = (*options, "theme", "theme")
        noun = dice.pick(options)
    return dice.pick((" ", " ", " and ", "/")).join(adjectives), noun


def _head(content: _Content, clauses: list[tuple[str, str]], dice: _Dice) -> str:
    """ "a slow, sad jazz waltz"; takes from ``clauses`` what it says."""
    before: list[str] = []
    for clause in list(clauses):
        wish, value = clause
        adjective = ""
        if wish == "bars" and dice.chance(0.25):
            adjective = f"{value}-bar"
        elif wish == "pace" and dice.chance(0.7):
            adjective = "mid-tempo" if value in ("medium", "moderate") else value
        elif wish in ("sparse", "dense") and dice.chance(0.3):
            adjective = wish
        elif wish == "swing" and dice.chance(0.3):
            adjective = "swinging"
        if adjective:
            before.append(adjective)
            clauses.remove(clause)
    before = dice.shuffled([*before, *content.moods])
    genre, noun = _genre_words(content.genres, dice)
    joined = dice.pick((", ", " ")).join(before)
    solo = ""
    if content.whole and len(content.names) == 1 and dice.chance(0.4):
        solo = f"solo {content.names[0]}"
        content.names = []
    elif content.band and dice.chance(0.2):
        solo, content.names = content.band, []
    return article(" ".join(w for w in (joined, genre, solo, noun) if w))


def _players(content: _Content, dice: _Dice) -> str:
    """The instruments as a phrase after a noun; "" where none are said."""
    names = content.names
    if not names:
        return ""
    if content.band:
        return f"for {article(content.band) if dice.chance(0.3) else content.band}"
    if content.whole and len(names) == 1 and dice.chance(0.7):
        return dice.pick((f"for solo {names[0]}", f"for {names[0]} solo", f"for {names[0]} alone"))
    group = words.GROUPS.get(len(names)) if _DRUM_NAMES.isdisjoint(names) else None
    if content.whole and group and dice.chance(0.15):
        return f"for a {dice.pick(group)} of {_row(names, dice, (' and ',))}"
    link = dice.pick(("for", "for", "with", "with", "featuring") if content.whole else _AMONG)
    return f"{link} {_row(names, dice, (' and ', ' and ', ', and ', ' & '))}"


def _apart(items: list[T], wishes: list[str]) -> list[T]:
    """The items, but the key not right before the chords, where it would read as one of them."""
    for i in range(len(items) - 1):
        if wishes[i : i + 2] == ["key", "chords"]:
            return [*items[:i], items[i + 1], items[i], *items[i + 2 :]]
    return items


def _list(content: _Content, dice: _Dice) -> str:
    """ "lofi beat, 82 bpm, rhodes, upright bass, Dm7 G7 Cmaj7"."""
    groups: list[list[str]] = []
    if content.genres:
        genre, noun = _genre_words(content.genres, dice)
        bare = genre and noun in words.NOUNS and dice.chance(0.6)
        genre = genre if bare else f"{genre} {noun}".strip()
        if content.moods and dice.chance(0.5):
            groups.append([f"{' '.join(content.moods)} {genre}"])
        else:
            groups += [[genre], content.moods]
    else:
        groups.append(content.moods)
    if content.band:
        groups.append([content.band])
    elif content.whole and len(content.names) == 1:
        (name,) = content.names
        groups.append([dice.pick((f"solo {name}", f"{name} solo", name))])
    elif content.names:
        groups.append([dice.pick((" + ", ", ", ", ")).join(content.names)])
    wish_of = {_phrase(clause, _LIST, dice): clause[0] for clause in content.clauses}
    groups += [[phrase] for phrase in wish_of]
    if dice.chance(0.7):
        groups = [*groups[:1], *dice.shuffled(groups[1:])]
    else:
        groups = dice.shuffled(groups)
    groups = _apart([g for g in groups if g], [wish_of.get(g[0], "") for g in groups if g])
    text = dice.pick((", ", ", ", ", ", ", ", "; ")).join(i for g in groups for i in g)
    return capital(text) if dice.chance(0.3) else text


def _request(content: _Content, dice: _Dice) -> str:
    """ "a slow sad waltz for string quartet in D minor, 66 bpm"."""
    clauses = list(content.clauses)
    text = _head(content, clauses, dice)
    players = _players(content, dice)
    parts = dice.shuffled(clauses)
    parts = _apart(parts, [wish for wish, _ in parts])
    if players and dice.chance(0.65):
        text, players = f"{text} {players}", ""
    for clause in parts:
        phrase = _phrase(clause, _LIST if dice.chance(0.3) else _PHRASE, dice)
        close = phrase.startswith(("in ", "at ", "over ", "of ")) and dice.chance(0.6)
        text += f" {phrase}" if close and not text[-1].isdigit() else f", {phrase}"
    if players:
        text = f"{text}, {players}"
    if dice.chance(0.3):
        text = dice.pick(words.OPENINGS) + text
    return capital(text) + dice.pick(("", ".")) if dice.chance(0.35) else text


def _prose(content: _Content, dice: _Dice) -> str:
    """Sentences, one wish or a few in each."""
    clauses = list(content.clauses)
    if content.moods and dice.chance(0.3):
        clauses += [("mood", " and ".join(content.moods))]
        content.moods = []
    text = _head(content, clauses, dice)
    if dice.chance(0.2):
        text = f"this is {text}"
    players = _players(content, dice)
    order = dice.shuffled(clauses)
    if players and dice.chance(0.6):
        text, players = f"{text} {players}", ""
    elif order and order[0][0] != "chords":
        text += f" {_phrase(order.pop(0), _PHRASE, dice)}"
    sentences = [f"{text}."]
    if players:
        sentences.append(_players_sentence(content, players, dice))
    while order:
        clause = order.pop()
        joinable = [c for c in (clause, *order[-1:]) if c[0] in ("key", "metre", "bpm")]
        if len(joinable) == 2 and dice.chance(0.6):
            order.pop()
            subject = dice.pick(("It is", "The piece is", "The music is", "This piece is"))
            both = " and ".join(_phrase(c, _PHRASE, dice) for c in joinable)
            sentences.append(f"{subject} {both}.")
        else:
            sentences.append(_phrase(clause, _SENTENCE, dice))
    sentences[1:] = dice.shuffled(sentences[1:])
    return " ".join(capital(s) for s in sentences)


def _players_sentence(content: _Content, players: str, dice: _Dice) -> str:
    if content.band or (players.startswith("for ") and "solo" in players):
        return f"It is {players}."
    row = _row(content.names, dice, (" and ", ", and "))
    opening = dice.pick(("It features", "It is played by", "The instruments are", "It is for"))
    if not content.whole:
        opening = dice.pick(("It features", "One hears", "The instruments include"))
    return f"{opening} {row}."
