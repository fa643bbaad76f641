"""The exception tree. Knows what can go wrong for a user; does not know how it is printed.

CantilenaError            base: one clear sentence; the CLI prints it and exits with 1
+-- InputError            the user's input cannot be used (CLI exit code 2)
|   +-- MidiError         a MIDI file is damaged, hostile or of a kind that cannot be read
|   +-- BriefError        a wish cannot be understood or contradicts another
|   +-- UnknownNameError  a name that no registry holds; the message lists the known ones
+-- CheckpointError       a checkpoint is missing, incomplete or of another version
|   +-- MissingWeightsError   no weights are where they were asked for; an InputError too (exit 2)
+-- MissingExtraError     an optional dependency is needed; the message says how to get it
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class CantilenaError(Exception):
    """Base of every error that Cantilena raises on purpose. It can be pickled whatever arguments a
    subclass takes, so that a worker process can hand it on."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(kind: type[CantilenaError], args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    error = kind.__new__(kind)  # past ``__init__``, which makes the message of other arguments
    error.args = args
    error.__dict__.update(fields)
    return error


class InputError(CantilenaError):
    """What the user gave cannot be used; the message says what was wrong and what would do."""


class MidiError(InputError):
    """A MIDI file cannot be read as music."""


class BriefError(InputError):
    """A wish in a Brief cannot be understood or met."""


class UnknownNameError(InputError):
    """A name is not in a registry."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        super().__init__(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}")


class CheckpointError(CantilenaError):
    """A checkpoint cannot be loaded."""


class MissingWeightsError(InputError, CheckpointError):
    """No such weights are in the place that was named, be it read as a folder or as a hub name."""


class MissingExtraError(CantilenaError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs {package}, which is not installed: pip install 'cantilena[{extra}]'"
        )


class Notice(UserWarning):
    """What a user should know though all goes on, as that a text was too long to be read whole. A
    warning in Python; the command line prints it in one line."""
