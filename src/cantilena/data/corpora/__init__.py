"""The registry of corpora. Knows their names; each has a file of its own."""

from __future__ import annotations

from typing import Any

from cantilena.data.corpora import game, groove, lakh, mutopia, nottingham, openewld, pop909
from cantilena.data.corpora.corpus import Corpus, Song
from cantilena.errors import UnknownNameError

__all__ = ["CORPORA", "DEFAULT_MIX", "Corpus", "Song", "corpus", "list_corpora"]

CORPORA: dict[str, Corpus] = {
    module.CORPUS.name: module.CORPUS
    for module in (lakh, pop909, game, mutopia, groove, nottingham, openewld)
}
"""Every corpus by name."""

DEFAULT_MIX = tuple(name for name, c in CORPORA.items() if c.in_mix)
"""The corpora of the default data set."""


def corpus(name: str) -> Corpus:
    """The corpus of that name. Raises UnknownNameError."""
    if name not in CORPORA:
        raise UnknownNameError("corpus", name, CORPORA)
    return CORPORA[name]


def list_corpora() -> list[dict[str, Any]]:
    """What there is, as plain data: name, what, origin, licence, split rule, labels, addresses,
    whether the default mix has it and whether it can be built."""
    return [
        {
            "name": c.name,
            "what": c.what,
            "origin": c.origin,
            "licence": c.licence,
            "split_rule": c.split_rule,
            "labels": c.labels,
            "urls": [s.url for s in c.sources],
            "in_mix": c.in_mix,
            "readable": c.readable,
        }
        for c in CORPORA.values()
    ]
