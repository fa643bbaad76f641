"""Words and phrases: folding text, cutting it into words, finding listed phrases, correcting typos.

Knows how a phrase of a table is found in a text; does not know what any phrase means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from cantilena.text.lexicon.east import cut
from cantilena.text.wordlists import split_words

T = TypeVar("T")

_SIGNS = str.maketrans(
    {"♭": "b", "♯": "#", "’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "−": "-", "×": "x"}
    | {"“": '"', "”": '"', "„": '"', "：": ":", "，": ",", "＝": "=", "⁄": "/"}
)
_TIE = re.compile(r"\w\s*[&+/]\s*\w")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SOFT = re.compile(r"[\s\-'(#]*")
_TIED = re.compile(r"[\s\-'&+/]*")
_PICTURE = re.compile(
    r"[\u2600-\u27bf\U0001f000-\U0001fbff][\u200d\ufe0f\u2600-\u27bf\U0001f000-\U0001fbff]*"
)
"""Emoji and other pictures, with what joins and colours them."""


@lru_cache(maxsize=4096)
def _plain_letter(letter: str) -> str:
    """A letter without its accents; itself where that would not be one letter, or in Japanese."""
    if "\u3040" <= letter <= "\u30ff":
        return letter
    base, *marks = unicodedata.normalize("NFD", letter)
    return base if marks and all(unicodedata.combining(m) for m in marks) else letter


def fold(text: str) -> str:
    """The text with typographic signs made plain and accents removed; its length and case stay."""
    text = text.translate(_SIGNS)
    return text if text.isascii() else "".join(map(_plain_letter, text))


def lower(text: str) -> str:
    """Lower case, letter by letter, so that positions stay."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


@dataclass(frozen=True)
class Word:
    """One word of a text: where it stands, its folded form, the form that tables are asked for
    (typos mended), and whether it may continue a phrase begun by the word before it: ``joined``
    with nothing but space or a hyphen between, ``tied`` with "&", "+" or "/" ("R&B")."""

    start: int
    end: int
    low: str
    form: str
    joined: bool
    tied: bool


def split(text: str) -> list[str]:
    """The folded words of a phrase, as tables are indexed."""
    return _WORD.findall(lower(fold(unicodedata.normalize("NFC", text))))


class Phrasebook(Generic[T]):
    """Phrases, each standing for a value; the longest phrase wins."""

    def __init__(self, entries: Iterable[tuple[str, T]]):
        self._first: dict[str, list[tuple[tuple[str, ...], T, bool]]] = {}
        self.words: set[str] = set()
        seen: set[tuple[str, ...]] = set()
        for phrase, value in entries:
            words = tuple(split(phrase))
            if words and words not in seen:
                seen.add(words)
                self.words.update(words)
                tied = _TIE.search(phrase) is not None
                self._first.setdefault(words[0], []).append((words, value, tied))
        for phrases in self._first.values():
            phrases.sort(key=lambda entry: -len(entry[0]))

    def join(self, other: Phrasebook) -> None:
        """Adds another book's phrases; a phrase that this book has keeps its value."""
        self.words |= other.words
        for first, entries in other._first.items():
            mine = self._first.setdefault(first, [])
            present = {words for words, _, _ in mine}
            mine += [entry for entry in entries if entry[0] not in present]
            mine.sort(key=lambda entry: -len(entry[0]))

    def __contains__(self, phrase: str) -> bool:
        return self.get(phrase) is not None

    def get(self, phrase: str) -> T | None:
        """The value of a whole phrase, or None."""
        words = tuple(split(phrase))
        for phrase_words, value, _ in self._first.get(words[0], ()) if words else ():
            if phrase_words == words:
                return value
        return None

    def match(
        self, words: list[Word], i: int, free: Callable[[int, int], bool]
    ) -> tuple[T, int] | None:
        """The value of the longest phrase that begins with word ``i``, and its number of words;
        ``free`` tells of positions in the text whether they may be read."""
        for phrase, value, tied in self._first.get(words[i].form, ()):
            n = len(phrase)
            if (
                i + n <= len(words)
                and all(
                    words[i + k].form == phrase[k]
                    and (words[i + k].joined or (tied and words[i + k].tied))
                    for k in range(1, n)
                )
                and free(words[i].start, words[i + n - 1].end)
            ):
                return value, n
        return None


class Speller:
    """Corrects words that are in no table: endings first, then one typing error.

    ``words`` are right as they are; to ``names`` a misspelled word is corrected; so it is to
    ``strict`` ones, which everyday words resemble, but only where a letter is doubled or not, two
    letters are swapped, or the word is long. The first letter must be right. ``stems`` are words
    whose endings may be taken off; ``real`` words are never changed.
    """

    def __init__(
        self,
        words: Iterable[str],
        real: Iterable[str],
        names: Iterable[str] = (),
        strict: Iterable[str] = (),
        stems: Iterable[str] = (),
    ):
        self._names = frozenset(names)
        self._vocabulary = frozenset(words) | self._names | frozenset(strict)
        self._real = frozenset(real)
        self._stems = frozenset(stems)
        self._deletes: dict[str, list[str]] = {}
        for word in sorted(self._names | frozenset(strict)):
            if len(word) >= 5 and word.isalpha():
                for form in {word, *_without_one(word)}:
                    self._deletes.setdefault(form, []).append(word)

    def mend(self, word: str) -> str:
        """The word of a table that is meant, or ``word`` itself."""
        if word in self._vocabulary or word in self._real or len(word) < 4 or not word.isalpha():
            return word
        for ending in _COMPOUNDS:
            base = word.removesuffix(ending)
            for part in (base, base.removesuffix("n"), base.removesuffix("s")):
                if base != word and part in self._vocabulary:
                    return part
        for stem in _stems(word):
            if stem in self._stems:
                return stem
        if len(word) < 5:
            return word
        forms = {word, *_without_one(word)}
        near = {k for f in forms for k in self._deletes.get(f, ()) if k[0] == word[0]}
        good = [k for k in near if _one_slip(word, k, k in self._names)]
        return min(good, key=lambda k: (abs(len(k) - len(word)), k)) if good else word


_COMPOUNDS = split_words(
    """
    stuck stucke musik solo melodie begleitung sonate konzert klange lied ballade sound beat klang
    akkorde song satz stimmung rhythmus
    """
)
"""Second halves of German compounds whose first half is the name: Klavierstück, Popsong."""


def _without_one(word: str) -> Iterator[str]:
    return (word[:i] + word[i + 1 :] for i in range(len(word)))


def _stems(word: str) -> Iterator[str]:
    """Likely base forms: darkness, happiness, jazzy, funkily, sorrowful, dreams."""
    for ending, base in (
        ("iness", "y"),
        ("ness", ""),
        ("ily", "y"),
        ("ly", ""),
        ("ish", ""),
        ("ies", "y"),
        ("nny", "n"),
        ("zzy", "zz"),
        ("y", ""),
        ("ic", ""),
        ("s", ""),
        ("es", ""),
        ("ful", ""),
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            yield word[: -len(ending)] + base


def _one_slip(word: str, target: str, lenient: bool) -> bool:
    """Whether two different words lie one insertion, deletion, exchange or swap apart."""
    if len(word) == len(target):
        wrong = [i for i in range(len(word)) if word[i] != target[i]]
        if len(wrong) == 1:
            return len(word) >= (7 if lenient else 9)
        return (
            len(wrong) == 2
            and wrong[1] == wrong[0] + 1
            and word[wrong[0]] == target[wrong[1]]
            and word[wrong[1]] == target[wrong[0]]
        )
    short, long = sorted((word, target), key=len)
    if len(long) - len(short) != 1 or short not in set(_without_one(long)):
        return False
    doubled = any(a == b and long[:i] + long[i + 1 :] == short for i, (a, b) in _pairs(long))
    return len(long) >= (6 if doubled or lenient else 9)


def _pairs(word: str) -> Iterator[tuple[int, tuple[str, str]]]:
    return enumerate(pairwise(word))


class Source(Protocol):
    """What reads words: its name, and the field that they are about."""

    @property
    def name(self) -> str: ...
    @property
    def field(self) -> str: ...


@dataclass(frozen=True)
class Use:
    """Letters ``start`` to ``end`` (exclusive) of a text that a rule took up for a wish of
    ``field``, or that it looked at and put aside, and ``why``; ``value``: what they were read as,
    where the field does not say it."""

    start: int
    end: int
    field: str
    rule: str
    why: str = ""
    value: str = ""


class Reading:
    """A text while it is read: ``taken`` marks each letter that a wish has used, ``uses`` are the
    spans taken, ``asides`` those that a rule looked at and left, and ``conflicts`` those that are
    understood but contradict a wish before them.

    ``text`` is the text in Unicode NFC; ``plain`` and ``low`` have equal length and positions,
    without accents and typographic signs, ``low`` in lower case.
    """

    def __init__(self, text: str, mend: Callable[[str], str] = str):
        self.text = unicodedata.normalize("NFC", text)
        self.plain = fold(self.text)
        self.low = lower(self.plain)
        self.taken = bytearray(len(self.text))
        self.uses: list[Use] = []
        self.asides: list[Use] = []
        self.conflicts: list[Use] = []
        self.words: list[Word] = []
        last = None
        for start, end in self._spans():
            joined = last is not None and _SOFT.fullmatch(self.low, last, start) is not None
            tied = last is not None and _TIED.fullmatch(self.low, last, start) is not None
            low = self.low[start:end]
            self.words.append(Word(start, end, low, mend(low), joined, tied))
            last = end

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Where the words stand."""
        for m in _WORD.finditer(self.low):
            if m.group().isascii():
                yield m.span()
            else:
                yield from cut(self.low, *m.span())

    def free(self, start: int, end: int) -> bool:
        """Whether no wish has taken a letter of the span."""
        return not any(self.taken[start:end])

    def take(
        self,
        start: int,
        end: int,
        rule: Source,
        value: str = "",
        loose: Iterable[tuple[int, int]] = (),
    ) -> None:
        """A wish takes the span, which is read as ``value``; ``loose`` stretches of it stay as
        free as they were."""
        before = [(a, b, self.taken[a:b]) for a, b in loose]
        self.taken[start:end] = b"\1" * (end - start)
        for a, b, letters in before:
            self.taken[a:b] = letters
        self.uses.append(Use(start, end, rule.field, rule.name, value=value))

    def put_aside(self, start: int, end: int, rule: Source, why: str) -> None:
        """A rule looked at the span and does not apply; other rules may take it."""
        self.asides.append(Use(start, end, rule.field, rule.name, why))

    def reject(self, start: int, end: int, rule: Source, why: str) -> None:
        """The span is understood, but contradicts the text before it: it counts as unplaced."""
        self.taken[start:end] = b"\1" * (end - start)
        self.conflicts.append(Use(start, end, rule.field, rule.name, why))

    def finditer(self, pattern: re.Pattern[str], low: bool = True) -> Iterator[re.Match[str]]:
        """Matches of a pattern, in ``low`` or ``plain``, that no wish has taken yet."""
        for m in pattern.finditer(self.low if low else self.plain):
            if m.end() > m.start() and self.free(m.start(), m.end()):
                yield m

    def _refuses(self, span: list[int]) -> bool:
        """Whether a phrase is only a "no" so far, so that even a stop word after it counts."""
        return self.low[span[0] : span[1]] in ("no", "not", "without", "ohne", "kein", "keine")

    def unplaced_spans(self, stop: frozenset[str]) -> list[tuple[int, int]]:
        """Where in the text what no wish took stands, in order: neighbouring words as one phrase,
        stop words left out, pictures (emoji) each by itself."""
        phrases: list[list[int]] = []
        open_phrase = False
        for word in self.words:
            letter = word.end - word.start == 1 and self.plain[word.start].isupper()
            idle = (word.low in stop or word.form in stop) and (not letter or word.low in "ai")
            idle = idle and not (open_phrase and word.joined and self._refuses(phrases[-1]))
            unread = self.free(word.start, word.end) and not idle
            if unread and open_phrase and (word.joined or word.tied):
                phrases[-1][1] = word.end
            elif unread:
                phrases.append([word.start, word.end])
            open_phrase = unread
        spans = [(a, b) for a, b in phrases]
        if not self.text.isascii():
            spans += [m.span() for m in self.finditer(_PICTURE)]
        return sorted({*spans, *((use.start, use.end) for use in self.conflicts)})

    def unplaced(self, stop: frozenset[str]) -> tuple[str, ...]:
        """What no wish took, as ``unplaced_spans`` has it."""
        return tuple(" ".join(self.text[a:b].split()) for a, b in self.unplaced_spans(stop))
