"""How the tables of this package are written: many words or names in one text.

Knows the separators; does not know any table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text, which are separated by white space."""
    return tuple(text.split())


def word_set(text: str) -> frozenset[str]:
    """The set of ``split_words``."""
    return frozenset(text.split())


def split_names(text: str) -> tuple[str, ...]:
    """The names in a text, which are separated by commas and may have several words."""
    return tuple(name for part in text.split(",") if (name := " ".join(part.split())))


def by_name(table: Mapping[T, str]) -> dict[str, T]:
    """A table from value to ``split_names`` text, turned round: each name with its value. Raises
    ValueError for a name that is listed twice."""
    values: dict[str, T] = {}
    for value, text in table.items():
        for name in split_names(text):
            if name in values:
                raise ValueError(f"{name!r} is listed twice, with {values[name]!r} and {value!r}")
            values[name] = value
    return values
