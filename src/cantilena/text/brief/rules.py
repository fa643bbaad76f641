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
    """Letters ``start`` to ``end`` (exclusive) that a rule read as ``value``."""

    start: int
    end: int
    value: T


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


def first(reading: Reading, hits: Sequence[Hit[T]], rule: Rule, why: str) -> T | None:
    """The value of the first hit; those that differ from it are left unplaced, because ``why``."""
    for hit in hits[1:]:
        if hit.value != hits[0].value:
            reading.reject(hit.start, hit.end, rule, why)
    return hits[0].value if hits else None
