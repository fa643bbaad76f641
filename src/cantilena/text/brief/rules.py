"""Rules by which a text is read: a pattern, a guard, an effect, and examples that are their tests.

Knows what a rule is and how a table of them is applied to a Reading; does not know any rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cantilena.text.lexicon import Reading

T = TypeVar("T")

Examples = tuple[tuple[str, dict[str, Any]], ...]
"""Texts, each with fields of the Brief that is read out of it (None: the field is not set)."""


def _holds(reading: Reading, m: re.Match[str]) -> str:
    return ""


@dataclass(frozen=True)
class Rule(Generic[T]):
    """One way of asking for something.

    ``name`` says what the words are, as ``cantilena brief --explain`` prints it, ``field`` what
    they are about. Where ``pattern`` matches words that are free, ``guard`` says why it does not
    apply after all ("": it applies), and ``effect`` gives what is asked for. ``group`` of the
    pattern is what the wish takes up; the rest only stands around it. ``cased``: capitals matter.
    A rule that needs more of the text than a match has no pattern: the code beside it applies it.
    """

    name: str
    field: str
    examples: Examples
    pattern: re.Pattern[str] | None = None
    effect: Callable[[Reading, re.Match[str]], T | None] | None = None
    guard: Callable[[Reading, re.Match[str]], str] = _holds
    group: str | int = 0
    cased: bool = False


@dataclass(frozen=True)
class Hit(Generic[T]):
    """Letters ``start`` to ``end`` (exclusive) that a rule read as ``value``; the rule, where the
    caller has to know it."""

    start: int
    end: int
    value: T
    rule: Rule | None = None


def apply(reading: Reading, rules: Iterable[Rule[T]], most: int | None = None) -> list[Hit[T]]:
    """What the rules of a table read in words that are still free, in the order of the text.

    An earlier rule comes first to the words; each hit takes up its words. ``most``: stop after so
    many hits.
    """
    hits: list[Hit[T]] = []
    for rule in rules:
        if rule.pattern is None or rule.effect is None:
            continue
        for m in reading.finditer(rule.pattern, not rule.cased):
            if len(hits) == most:
                break
            start, end = m.span(rule.group)
            why = rule.guard(reading, m)
            value = None if why else rule.effect(reading, m)
            if why:
                reading.put_aside(start, end, rule, why)
            elif value is not None:
                reading.take(start, end, rule)
                hits.append(Hit(start, end, value))
    return sorted(hits, key=lambda hit: hit.start)


def spans_of(rule: Rule, m: re.Match[str]) -> list[tuple[int, int]]:
    """What of a match a wish takes up: its groups "take", "take2", or else the rule's group."""
    parts = [m.span(name) for name in m.re.groupindex if name.startswith("take") and m[name]]
    return parts or [m.span(rule.group)]


def apply_ahead(
    reading: Reading,
    rules: Iterable[Rule[T]],
    denied: Callable[[str, int], bool],
    words: Callable[[T], str] = lambda value: "",
) -> list[Hit[T]]:
    """As ``apply``, where a match may take up words with free ones between (``spans_of``), and
    nothing is asked for where ``denied`` says of the text and a letter that a "no" reaches it.
    ``words`` puts a value in words."""
    hits: list[Hit[T]] = []
    for rule in rules:
        if rule.pattern is None or rule.effect is None:
            continue
        for m in reading.finditer(rule.pattern, not rule.cased):
            spans = spans_of(rule, m)
            refused = denied(reading.low, m.start())
            why = "refused by the words before" if refused else rule.guard(reading, m)
            value = None if why else rule.effect(reading, m)
            if why:
                reading.put_aside(*m.span(), rule, why)
            elif value is not None:
                for start, end in spans:
                    reading.take(start, end, rule, words(value))
                hits.append(Hit(spans[-1][0], spans[-1][1], value, rule))
    return sorted(hits, key=lambda hit: hit.start)


def first(reading: Reading, hits: Sequence[Hit[T]], rule: Rule, why: str) -> T | None:
    """The value of the first hit; those that differ from it are left unplaced, because ``why``."""
    for hit in hits[1:]:
        if hit.value != hits[0].value:
            reading.reject(hit.start, hit.end, rule, why)
    return hits[0].value if hits else None


def apply_again(
    reading: Reading, rules: Iterable[Rule[T]], denied: Callable[[str, int], bool]
) -> list[Hit[T]]:
    """What the rules of a table read, in words that other wishes have taken up too, in the order of
    the text; the caller takes them. An earlier rule comes first to the words. ``denied`` says of
    the text in lower case and of a letter in it whether a "no" reaches it: nothing is asked for
    there.
    """
    hits: list[Hit[T]] = []
    mine = bytearray(len(reading.text))
    for rule in rules:
        if rule.pattern is None or rule.effect is None:
            continue
        for m in rule.pattern.finditer(reading.plain if rule.cased else reading.low):
            start, end = m.span(rule.group)
            if end <= start or any(mine[start:end]):
                continue
            refused = denied(reading.low, m.start())
            why = "refused by the words before" if refused else rule.guard(reading, m)
            value = None if why else rule.effect(reading, m)
            if why:
                reading.put_aside(start, end, rule, why)
            elif value is not None:
                hits.append(Hit(start, end, value, rule))
            if refused or value is not None:
                mine[start:end] = b"\1" * (end - start)
    return sorted(hits, key=lambda hit: hit.start)
