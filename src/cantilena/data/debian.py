"""Music that packages of Debian carry: fetched over https, verified, unpacked.

Knows which packages, their hashes and licences, and the layout of a .deb; does not know what
becomes of the music. A package is downloaded from Debian's pool, never installed, and nothing of it
is run: neither dpkg nor apt is needed. Of its files the music and the statement of copyright are
kept. Where the pool cannot be reached but a mirror for apt can, ``apt-get download NAME`` gets the
same file.

To add one: a line in ``PACKAGES``; ``apt-cache show NAME`` has its address, size and sha256.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from cantilena.data.audio.sources import CARD
from cantilena.data.download import Progress, download, file_sha256
from cantilena.data.fetch import Fetched
from cantilena.data.unpack import Budget
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.files import make_folder, write_json
from cantilena.locks import lock

POOL = "https://deb.debian.org/debian/"
COPYRIGHT = "COPYRIGHT"
"""The file that keeps what the package says of authors and licences."""
SOUND = (".ogg", ".opus", ".mp3", ".flac", ".wav")
ARCHIVES = (".pk3",)
"""Of games' data: zip files within the package."""
_MAGIC = b"!<arch>\n"
_HEAD = 60  # bytes before each member of a .deb


@dataclass(frozen=True)
class DebianPackage:
    """A package: its ``name`` in Debian 12, ``path`` below the pool, ``size`` in bytes and
    ``sha256``; ``what`` it holds in a line, with its ``minutes`` (0: none); ``licence`` by its
    statement of copyright; ``kinds``: the endings of files that are kept, and a folder that they
    are ``within`` ("": any)."""

    name: str
    path: str
    size: int
    sha256: str
    what: str
    minutes: int
    licence: str
    kinds: tuple[str, ...] = SOUND
    within: str = ""

    @property
    def url(self) -> str:
        """Where Debian has it."""
        return f"{POOL}pool/main/{self.path}"


_ALL = (
    DebianPackage(
        "planetblupi-music-ogg",
        "p/planetblupi/planetblupi-music-ogg_1.14.2-3_all.deb",
        60_112_692,
        "7d89a6d00b43cdb601e35256ab1a62814d203b5922cfed6a0e73e98486e82fa6",
        "10 long pieces, whose MIDI files are planetblupi-music-midi",
        163,
        "GPL-3+",
    ),
    DebianPackage(
        "planetblupi-music-midi",
        "p/planetblupi/planetblupi-music-midi_1.14.2-3_all.deb",
        242_672,
        "74ad0ff0bedbd9c5f4b1fc31163523193a1a2ec57d130adf3130543211fee7e3",
        "the MIDI files of planetblupi-music-ogg",
        0,
        "GPL-3+",
        (".mid",),
    ),
    DebianPackage(
        "wesnoth-1.16-music",
        "w/wesnoth-1.16/wesnoth-1.16-music_1.16.9-1_all.deb",
        153_244_368,
        "f9bc3cde92b4ab30db5d7b85f89b4bcc3d788dd92602956d0347250850bf59bb",
        "41 orchestral pieces, tagged",
        128,
        "GPL-2+",
    ),
    DebianPackage(
        "ufoai-music",
        "u/ufoai-music/ufoai-music_2.5-2_all.deb",
        210_239_176,
        "2465d55e9dce75a3a2a1ad1c8ca67da84e251c04e0965d63a8562b2d9f76f9e6",
        "64 pieces: rock, orchestral, ambient",
        240,
        "by file: CC BY, CC BY-SA, GPL-2, public domain",
    ),
    DebianPackage(
        "warzone2100-music",
        "w/warzone2100/warzone2100-music_4.3.3-3_all.deb",
        85_730_052,
        "d3b2c9f90ea5438d45d4aff18339a03ec808e1affa9dac91f7dad61cb15ee64e",
        "30 pieces: industrial, ambient",
        243,
        "GPL-2+",
    ),
    DebianPackage(
        "singularity-music",
        "s/singularity-music/singularity-music_007-2_all.deb",
        51_636_048,
        "139ba1e408eeb0a72f1fff3760ca46558b9f81bed97dc8c0efa108c4007f4845",
        "16 ambient and electronic pieces",
        64,
        "CC BY-SA",
    ),
    DebianPackage(
        "nexuiz-music",
        "n/nexuiz-data/nexuiz-music_2.5.2-12_all.deb",
        84_012_080,
        "d1a7d6e2c0a5bbe6670dbf73354e38f742597310d425e373250fc71a636f8dda",
        "18 electronic pieces",
        84,
        "GPL-2",
    ),
    DebianPackage(
        "flare-game",
        "f/flare-game/flare-game_1.14-1_all.deb",
        122_515_912,
        "4ab6a8298276013d35a0806257e130d992761af1b749041433b409c3dafec508",
        "12 themes of a fantasy game",
        38,
        "CC BY-SA-3.0+",
        within="music",
    ),
    DebianPackage(
        "hyperrogue-music",
        "h/hyperrogue/hyperrogue-music_12.0q-1_all.deb",
        63_836_788,
        "61ab9f4c2169442d85f42c42d26e80c1a18b93c741f3d44f1b9d83015904e7f7",
        "17 pieces of a game",
        23,
        "by file: CC BY-SA-3.0 and others",
        within="music",
    ),
    DebianPackage(
        "fretsonfire-songs-sectoid",
        "f/fretsonfire-songs-sectoid/fretsonfire-songs-sectoid_1.dfsg-3.1_all.deb",
        29_087_520,
        "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
        "4 rock songs, guitar.ogg and the rest of the band in song.ogg",
        27,
        "as its statement of copyright says, like MIT's",
    ),
    DebianPackage(
        "fretsonfire-songs-muldjord",
        "f/fretsonfire-songs-muldjord/fretsonfire-songs-muldjord_2.dfsg-2.1_all.deb",
        29_272_812,
        "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
        "4 rock songs, guitar.ogg and the rest of the band in song.ogg",
        27,
        "CC BY-SA",
    ),
    DebianPackage(
        "fluidr3mono-gm-soundfont",
        "f/fluidr3mono-gm-soundfont/fluidr3mono-gm-soundfont_2.315-7_all.deb",
        18_726_092,
        "4098301bf29f4253c2f5799a844f42dd4aa733d91a210071ad16d7757dea51d6",
        "a General MIDI soundfont, for 'data audio --soundfont'",
        0,
        "MIT",
        (".sf3",),
    ),
)
PACKAGES = {entry.name: entry for entry in _ALL}
"""Every package by the name that ``cantilena data debian`` takes."""


def debian_package(name: str) -> DebianPackage:
    """The package of that name. Raises UnknownNameError."""
    if name not in PACKAGES:
        raise UnknownNameError("Debian package", name, PACKAGES)
    return PACKAGES[name]


def get_package(
    name: str,
    to: str | Path = "recordings",
    source: str | Path | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Puts a package's music into the folder ``to/name``, with its statement of copyright and a
    card (``sources.CARD``); the folder appears whole or not at all.

    ``source`` is the .deb file, where it has been downloaded already. Raises UnknownNameError;
    InputError where the folder is there already, another process is getting the package, or the
    file is no such package; CantilenaError where the network fails (calling again goes on with
    the download) or what came is not the pinned file.
    """
    entry, to = debian_package(name), Path(to)
    if (to / name).exists():
        raise InputError(f"{str(to / name)!r} is already there; remove it to get {name!r} again")
    if source is not None and not Path(source).is_file():
        raise InputError(f"there is no file {str(source)!r}; give the package's .deb file")
    report = progress or (lambda done, total, what: None)
    downloads = make_folder(to / ".downloads" / name)
    with lock(downloads):
        file = Path(source) if source is not None else _download(entry, downloads, report)
        if file_sha256(file) != entry.sha256:
            raise CantilenaError(
                f"{str(file)!r} is not the package {name!r} that is known here: its sha256 is not "
                f"{entry.sha256}"
            )
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=to) as work:
            whole = Path(work) / name
            _unpack(file, entry, whole, Path(work), report)
            files = [p for p in whole.rglob("*") if p.is_file()]
            size = sum(p.stat().st_size for p in files)
            os.replace(whole, to / name)
    shutil.rmtree(downloads, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: another package's download
        downloads.parent.rmdir()
    return Fetched(to / name, len(files), size, {PurePosixPath(entry.path).name: entry.sha256})


def _download(entry: DebianPackage, folder: Path, progress: Progress) -> Path:
    """The package's file. One that is not the pinned one is removed, so that the next call gets it
    anew. Raises CantilenaError."""
    try:
        file = download(entry.url, folder, progress, entry.sha256)
    except CantilenaError as error:
        raise CantilenaError(
            f"{error} (where apt reaches a mirror: 'apt-get download {entry.name}', then give the "
            "file with --from)"
        ) from error
    actual = file_sha256(file)
    if actual != entry.sha256:
        file.unlink()
        raise CantilenaError(
            f"{entry.url} is not the file that it should be: its sha256 is {actual}, not "
            f"{entry.sha256}"
        )
    return file


def _unpack(file: Path, entry: DebianPackage, target: Path, work: Path, progress: Progress) -> None:
    """The music of a .deb file, at its paths below the folder that all of it is in. Raises
    InputError for what is no such package."""
    target.mkdir()
    budget = Budget()
    inner = work / "data.tar"
    taken: dict[str, Path] = {}
    try:
        _copy_data(file, inner)
        with tarfile.open(inner) as archive:
            for member in archive:
                budget.take(member.size, file.name)
                path = PurePosixPath(member.name)
                kept = path.suffix.lower() in (*entry.kinds, *ARCHIVES) or path.name == "copyright"
                content = archive.extractfile(member) if member.isfile() and kept else None
                if content is None:
                    continue
                progress(budget.bytes, 0, f"unpacking {path.name}")
                if path.suffix.lower() in ARCHIVES and entry.kinds == SOUND:
                    taken |= _unzipped(content, entry, work, budget)
                elif path.name == "copyright":
                    _write(content, target / COPYRIGHT)
                elif _wanted(path, entry):
                    taken[path.as_posix()] = _write(content, work / f"{len(taken)}.part")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise InputError(f"{str(file)!r} cannot be unpacked: {error}") from error
    if not taken:
        raise InputError(f"{str(file)!r} holds no music")
    shared = PurePosixPath(os.path.commonpath([str(PurePosixPath(p).parent) for p in taken]))
    for name, part in taken.items():
        place = target / PurePosixPath(name).relative_to(shared)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, place)
    origin = {"origin": entry.url, "sha256": entry.sha256}
    write_json(target / CARD, {"what": entry.what, "licence": entry.licence, **origin})


def _unzipped(
    content: IO[bytes], entry: DebianPackage, work: Path, budget: Budget
) -> dict[str, Path]:
    """The music in a zip file within the package."""
    taken = {}
    with zipfile.ZipFile(content) as archive:
        for member in archive.infolist():
            path = PurePosixPath(member.filename)
            budget.take(member.file_size, path.name)
            if not member.is_dir() and _wanted(path, entry):
                with archive.open(member) as inner:
                    taken[path.as_posix()] = _write(inner, work / f"z{len(taken)}.part")
    return taken


def _wanted(path: PurePosixPath, entry: DebianPackage) -> bool:
    safe = not path.is_absolute() and ".." not in path.parts and "\\" not in str(path)
    return (
        safe
        and path.suffix.lower() in entry.kinds
        and (not entry.within or entry.within in path.parts)
    )


def _copy_data(file: Path, target: Path) -> None:
    """The member ``data.tar.*`` of a .deb file, which is an ar archive. Raises ValueError."""
    with file.open("rb") as deb:
        for name, size in _members(deb):
            if name.startswith("data.tar"):
                with target.open("wb") as out:
                    while size:
                        block = deb.read(min(size, 1 << 20))
                        if not block:
                            raise ValueError("it ends before its data")
                        out.write(block)
                        size -= len(block)
                return
            deb.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("it holds no data")


def _members(deb: IO[bytes]) -> Iterator[tuple[str, int]]:
    """Names and sizes of an ar archive's members; each is to be read or passed over."""
    if deb.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is not a Debian package")
    while len(head := deb.read(_HEAD)) == _HEAD:
        yield head[:16].decode("ascii", "replace").rstrip(" /"), int(head[48:58])


def _write(content: IO[bytes], path: Path) -> Path:
    with path.open("wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)
    return path
