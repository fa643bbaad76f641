"""A registry line: what is known of a system without importing it.

Knows names and plain facts; imports nothing heavy, so that help, ``doctor`` and the README's table
can be made of it at once.
"""

from __future__ import annotations

from dataclasses import dataclass

READS = ("text", "brief", "score", "audio", "attributes")
"""What a system can be conditioned on: the words themselves, the wishes read out of them, a
reference Score, a recording, named attributes."""

EDITS = ("go on", "span", "tracks")
"""How a piece that is there can be changed: music behind its end; a stretch of time anew; some
tracks of a stretch anew while the others stay."""

GIVES = ("score", "audio")

SHIPPED = "shipped"


@dataclass(frozen=True)
class Spec:
    """One system.

    ``home``: "module:Class", the class being a ``systems.base.System``; ``help``: one line;
    ``extra``: the optional dependencies that it needs, "" for none; ``reads`` (of ``READS``),
    ``edits`` (of ``EDITS``) and ``gives`` (of ``GIVES``); ``default``: the checkpoint it takes
    where none is named, ``SHIPPED`` for one that comes with Cantilena, within the package or in a
    distribution of its own, "" where one must be named;
    ``trains``: "module:object" of its ``Trainable``, "" where it is not trained; ``command``: the
    one that makes a checkpoint where that is another than ``train --system`` with its name.
    """

    home: str
    help: str
    extra: str = ""
    reads: tuple[str, ...] = ("brief",)
    edits: tuple[str, ...] = ()
    gives: str = "score"
    default: str = ""
    trains: str = ""
    command: str = ""
