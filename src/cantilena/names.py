"""Names and titles made of texts: what may be a file's name on every system. Knows no files."""

from __future__ import annotations

import re
import unicodedata

from cantilena.errors import InputError

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
        or re.search(r'[\\/:*?"<>|]', name) is not None
        or not name.isprintable()
        or len(name.encode("utf-8", "replace")) > 200
        or name.partition(".")[0].lower() in _RESERVED
    )
    if bad:
        raise InputError(
            f"{name[:80]!r} cannot be a file's name; use letters, digits, '-', '_' and '.'"
        )
    return name


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
