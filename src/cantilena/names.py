"""Names and titles made of texts: what may be a file's name on every system. Knows no files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cantilena.errors import InputError

MAX_BYTES = 200
"""Of a name in UTF-8: a file's may have 255 on most systems, and endings and numbers follow."""

_FORBIDDEN = '\\/:*?"<>|'  # on Windows; "/" everywhere
# Names of devices on Windows, with any ending and in any case.
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10)}
)


def check_name(name: str) -> str:
    """A name that is safe as a file's on every system. Raises InputError for any other."""
    bad = (
        not name
        or name.startswith(".")
        or name[-1] in ". "
        or not set(name).isdisjoint(_FORBIDDEN)
        or not name.isprintable()
        or len(name.encode("utf-8", "replace")) > MAX_BYTES
        or name.partition(".")[0].lower() in _RESERVED
    )
    if bad:
        raise InputError(
            f"{name[:80]!r} cannot be a file's name; use letters, digits, '-', '_' and '.'"
        )
    return name


def safe_name(name: str, suffix: str = "") -> str:
    """A file's own name with ``suffix`` behind it, made safe on every system with as little change
    as can be: "_" for each run of characters that cannot stand in one, no dot first, no dot or
    space last, "_" behind the name of a device, cut to ``MAX_BYTES``. A safe one stays as it is;
    "piece" stands where nothing is left. ``suffix`` must be safe itself."""
    spaced = "".join(" " if c.isspace() else c for c in name)
    kept = "".join(c if c.isprintable() and c not in _FORBIDDEN else "\0" for c in spaced)
    out = re.sub("\0+", "_", kept).lstrip(". ").rstrip(". ")
    stem, dot, rest = out.partition(".")
    if stem.lower() in _RESERVED:
        out = f"{stem}_{dot}{rest}"
    room = MAX_BYTES - len(suffix.encode())
    return (out.encode()[:room].decode(errors="ignore").rstrip(". ") or "piece") + suffix


def numbered(name: str, count: int) -> list[str]:
    """The names of ``count`` pieces: ``name`` itself for one, else with "-1" to "-``count``"."""
    return [name] if count == 1 else [safe_name(name, f"-{i}") for i in range(1, count + 1)]


def distinct(names: Sequence[str]) -> list[str]:
    """Names with "-2", "-3", ... behind those that come again, in any case of their letters."""
    first = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
    taken, out = set(first), list(names)
    for i, name in enumerate(names):
        again = 1
        while first.get(out[i].casefold()) != i and out[i].casefold() in taken:
            again += 1
            out[i] = safe_name(name, f"-{again}")
        taken.add(out[i].casefold())
    return out


def slug(text: str, limit: int = 48) -> str:
    """A file's name made of a text: lower case, words joined by hyphens, at most ``limit``
    characters, cut between words; "piece" where nothing is left."""
    # accents go from Latin letters alone: elsewhere marks make other letters
    plain = re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", text.lower()))
    plain = re.sub("['’\ufe00-\ufe0f]", "", unicodedata.normalize("NFC", plain))
    letters = (c if unicodedata.category(c)[0] in "LNM" else " " for c in plain)
    words = [w for w in "".join(letters).split() if any(c.isalnum() for c in w)]
    out = ""
    for word in words:
        longer = f"{out}-{word}" if out else word[:limit]
        if len(longer) > limit or len(longer.encode("utf-8")) > 150:
            break
        out = longer
    return f"{out}-piece" if out in _RESERVED else out or "piece"


def title(text: str, limit: int = 70) -> str:
    """A title made of a text: its first words on one line, the first letter a capital."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[:limit].rpartition(" ")[0] or line[:limit]
        line = line.rstrip(" ,;:-") + "…"
    return line[:1].upper() + line[1:]
