"""Many prompts from one file: lines of text, or of JSON; and the names of the files they become.

Knows the form of prompt files and what may be a file's name; reads no meaning into texts.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cantilena.errors import InputError, Notice
from cantilena.files import decode, parse_jsonl, read_bytes
from cantilena.names import check_name, slug
from cantilena.options import WISHES

MAX_BYTES = 32 * 10**6


@dataclass(frozen=True)
class Prompt:
    """One text. ``id``: the name of its files, None where the text gives it; ``seed`` and
    ``options`` (``options.WISHES``): its own, which those of the command line override; ``where``:
    for messages, as "prompts.jsonl, line 3: "."""

    text: str
    id: str | None = None
    seed: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    where: str = ""


def read_prompts(source: str) -> list[Prompt]:
    """The prompts of a file, or of standard input ("-").

    A file whose first line with anything on it starts with "{" holds one JSON object a line:
    ``text``, and where wished ``id``, ``seed`` and ``options``; other members are passed over, and
    a Notice names those that would be options.
    Any other file holds one text a line. Raises InputError with the line's number, also for an
    ``id`` that cannot be a file's name or comes twice.
    """
    if source == "-":
        name, data = "standard input", sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        name = Path(source).name
        data = read_bytes(source, MAX_BYTES, "a file of prompts")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} holds more than {MAX_BYTES // 10**6} MB; split it")
    text = decode(data, name)
    prompts = _objects(text, name) if is_json(source, text) else lines_of(text, name)
    if not prompts:
        raise InputError(f"{name} holds no prompts; write one text a line")
    _check_twice(prompts)
    return prompts


def is_json(source: str, text: str) -> bool:
    """Whether a file of prompts, of this name and with this text, holds lines of JSON."""
    return source.lower().endswith((".jsonl", ".ndjson")) or text.lstrip().startswith("{")


def lines_of(text: str, name: str) -> list[Prompt]:
    """The prompts of a file of this ``name`` that has one text a line."""
    return [
        Prompt(line.strip(), where=f"{name}, line {number}: ")
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def _objects(text: str, name: str) -> list[Prompt]:
    """The prompts of JSON lines."""
    try:
        values = parse_jsonl(text, name)
    except InputError as error:
        raise InputError(f"{error}; write as in {_EXAMPLE}") from None
    outside = [wish for wish in WISHES if any(wish in v for _, v in values if isinstance(v, dict))]
    if outside:
        text = f"{name}: {', '.join(outside)} beside a text are passed over; 'options' hold wishes"
        warnings.warn(text, Notice, stacklevel=2)
    prompts: list[Prompt] = []
    for number, value in values:
        where = f"{name}, line {number}: "
        try:
            prompts.append(_object(value, where))
        except InputError as error:
            raise InputError(f"{where}{error}") from None
    return prompts


def _object(data: Any, where: str) -> Prompt:
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise InputError(f"not an object with a 'text'; write as in {_EXAMPLE}")
    seed, options = own_of(data)
    return Prompt(data["text"], _id(data.get("id")), seed, options, where)


def own_of(data: Mapping[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """The seed and the options that a line of JSON has of its own. Raises InputError."""
    seed = data.get("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise InputError(f"the seed {seed!r} is not a whole number")
    options = data.get("options") or {}
    if not isinstance(options, dict):
        raise InputError("'options' is not an object")
    for name in options:
        if name not in WISHES:
            raise InputError(f"unknown option {name!r}; known: {', '.join(WISHES)}")
        if not _option(options[name]):
            raise InputError(f"the option {name!r} is neither text, a number nor a list of texts")
    return seed, options


_EXAMPLE = """{"id": "one", "text": "a waltz for piano"}"""


def _option(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(v, str) for v in value)
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


def _id(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InputError(f"the id {value!r} is neither text nor a whole number")
    try:
        return check_name(str(value))
    except InputError as error:
        raise InputError(f"the id {error}") from None


def _check_twice(prompts: Sequence[Prompt]) -> None:
    seen: dict[str, Prompt] = {}
    for prompt in prompts:
        if prompt.id is None:
            continue
        before = seen.setdefault(prompt.id.casefold(), prompt)
        if before is not prompt:
            line = before.where.rpartition("line ")[2].rstrip(": ")
            raise InputError(f"{prompt.where}the id {prompt.id!r} was already on line {line}")


def file_names(prompts: Sequence[Prompt], n: int = 1) -> list[list[str]]:
    """The names of each prompt's ``n`` pieces, all different: its id or a slug of its text (with
    "-2", ... where it comes again), and with "-1" to "-n" where ``n`` > 1. Raises InputError where
    ids make two names equal."""
    taken: set[str] = set()

    def pieces(stem: str) -> list[str]:
        return [stem] if n == 1 else [f"{stem}-{i}" for i in range(1, n + 1)]

    def free(names: list[str]) -> bool:
        return taken.isdisjoint(name.casefold() for name in names)

    names: dict[int, list[str]] = {}
    for i, prompt in enumerate(prompts):
        if prompt.id is not None:
            names[i] = pieces(prompt.id)
            if not free(names[i]):
                raise InputError(
                    f"{prompt.where}the pieces of {prompt.id!r} and of another id meet"
                )
            taken.update(name.casefold() for name in names[i])
    for i, prompt in enumerate(prompts):
        if i in names:
            continue
        stem, again = slug(prompt.text), 1
        names[i] = pieces(stem)
        while not free(names[i]):
            again += 1
            names[i] = pieces(f"{stem}-{again}")
        taken.update(name.casefold() for name in names[i])
    return [names[i] for i in range(len(prompts))]
