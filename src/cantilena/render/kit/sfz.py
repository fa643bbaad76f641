"""SFZ files: which sample sounds for which key and velocity.

Knows the opcodes that say so, of SFZ 1 and 2; does not know sound. Other opcodes are passed over,
as samplers do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from cantilena.errors import InputError
from cantilena.files import read_text

HIGHEST = 127
_HEADER = re.compile(r"<(\w+)>")
_OPCODE = re.compile(r"([A-Za-z_]\w*)=")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_NAMES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_NOTE = re.compile(r"([a-g])([#b]?)(-?\d+)$")
_LOOPED = ("loop_continuous", "loop_sustain")


@dataclass(frozen=True)
class Region:
    """A sample (a path within the SFZ file's folder, with "/") and what it sounds for: keys
    ``low``-``high``, velocities ``softest``-``loudest``; ``centre``: the key at which it sounds as
    it is; ``release``: seconds that it fades when the key is let go of; ``loop``: samples of the
    first and the last that are played over and over, None for none; ``decibels`` and ``cents`` are
    added. ``one_shot``: played to its end, whatever the key does."""

    sample: str
    low: int = 0
    high: int = HIGHEST
    centre: int = 60
    softest: int = 0
    loudest: int = HIGHEST
    release: float = 0.05
    loop: tuple[int, int] | None = None
    decibels: float = 0.0
    cents: float = 0.0
    one_shot: bool = False

    def fits(self, key: int, velocity: int) -> bool:
        """Whether it sounds for a key that is struck so."""
        return self.low <= key <= self.high and self.softest <= velocity <= self.loudest


def sfz_text(regions: Sequence[Region], comment: str = "") -> str:
    """The text of an SFZ file."""
    lines = [f"// {line}" for line in comment.splitlines()]
    lines += ["", "<global>", "amp_veltrack=100", ""]
    for region in regions:
        lines += [
            "<region>",
            f"sample={region.sample}",
            f"lokey={region.low} hikey={region.high} pitch_keycenter={region.centre}",
            f"lovel={region.softest} hivel={region.loudest}",
            f"ampeg_release={region.release:g}",
        ]
        if region.loop is not None:
            first, last = region.loop
            lines.append(f"loop_mode=loop_continuous loop_start={first} loop_end={last}")
        if region.decibels or region.cents:
            lines.append(f"volume={region.decibels:g} tune={round(region.cents)}")
        lines.append("")
    return "\n".join(lines)


def read_sfz(path: str | Path) -> list[Region]:
    """The regions of an SFZ file, or of the one in a folder. Raises InputError that names the file
    where it is none, or a sample is not there."""
    path = sfz_path(path)
    text = _COMMENT.sub("", read_text(path, "an SFZ file"))
    kept: dict[str, dict[str, str]] = {"control": {}, "global": {}, "master": {}, "group": {}}
    regions: list[Region] = []
    parts = _HEADER.split(text)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        opcodes = _opcodes(body)
        if name == "region":
            whole = {**kept["global"], **kept["master"], **kept["group"], **opcodes}
            if "sample" in whole:
                regions.append(_region(whole, kept["control"].get("default_path", ""), path))
        elif name in kept:
            kept[name] = {**kept[name], **opcodes} if name == "control" else opcodes
            for inner in {"global": ("master", "group"), "master": ("group",)}.get(name, ()):
                kept[inner] = {}
    if not regions:
        raise InputError(f"{str(path)!r} holds no regions with samples; give an SFZ instrument")
    return regions


def sfz_path(path: str | Path) -> Path:
    """The SFZ file at a path: itself, or the only one in a folder. Raises InputError."""
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".sfz")
        if len(files) != 1:
            number = "no" if not files else f"{len(files)}"
            raise InputError(f"{str(path)!r} holds {number} SFZ files; name one")
        return files[0]
    if not path.is_file():
        raise InputError(f"there is no instrument {str(path)!r}: give an SFZ file or its folder")
    return path


def _opcodes(body: str) -> dict[str, str]:
    """Names and values; a value goes up to the next name, as file names may hold spaces."""
    places = list(_OPCODE.finditer(body))
    ends = [*(place.start() for place in places), len(body)][1:]
    out = {}
    for place, end in zip(places, ends, strict=False):
        value = body[place.end() : end].strip()
        out[place.group(1).lower()] = value.splitlines()[0].strip() if value else ""
    return out


def _region(opcodes: Mapping[str, str], folder: str, path: Path) -> Region:
    name = PureWindowsPath(folder + opcodes["sample"]).as_posix()
    where = f"{str(path)!r}, sample {name!r}"
    if not (path.parent / name).is_file():
        raise InputError(f"{where}: there is no such file")

    def number(opcode: str, default: float) -> float:
        try:
            return float(opcodes.get(opcode, default))
        except ValueError:
            raise InputError(f"{where}: {opcode}={opcodes[opcode]} is no number") from None

    def key(opcode: str, default: int) -> int:
        return _key(opcodes[opcode], where) if opcode in opcodes else default

    only = key("key", -1)
    low, high = key("lokey", max(only, 0)), key("hikey", only if only >= 0 else HIGHEST)
    mode, loop = opcodes.get("loop_mode", opcodes.get("loopmode", "")), None
    if mode in _LOOPED and "loop_end" in opcodes:
        loop = (int(number("loop_start", 0)), int(number("loop_end", 0)))
    return Region(
        name,
        low,
        high,
        key("pitch_keycenter", only if only >= 0 else 60),
        int(number("lovel", 0)),
        int(number("hivel", HIGHEST)),
        number("ampeg_release", 0.03),
        loop,
        number("volume", 0.0),
        number("tune", 0.0) + 100 * number("transpose", 0.0),
        mode == "one_shot",
    )


def _key(text: str, where: str) -> int:
    """A key's number, also as "c#4" (middle C being c4). Raises InputError."""
    note = _NOTE.match(text.lower())
    if note:
        step = {"#": 1, "b": -1, "": 0}[note.group(2)]
        return 12 * (int(note.group(3)) + 1) + _NAMES[note.group(1)] + step
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is no key") from None
