"""Getting music out of Debian packages: made-up ones, from a server here and from files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cantilena.cli import main
from cantilena.data import debian
from cantilena.data.audio.sources import find_sources
from cantilena.data.debian import PACKAGES, DebianPackage, debian_package, get_package
from cantilena.errors import CantilenaError, InputError, UnknownNameError

ROOT = "./usr/share/games/x/"
FILES = {
    f"{ROOT}music/a.ogg": b"a sound",
    f"{ROOT}music/deep/b.OGG": b"another",
    f"{ROOT}music/a.txt": b"a text",
    f"{ROOT}effects/bang.wav": b"a bang",
    "./usr/share/doc/x/copyright": b"free as in speech",
}


def ar(members: dict[str, bytes]) -> bytes:
    """An ar archive, as System V lays it out."""
    out = b"!<arch>\n"
    for name, data in members.items():
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        out += head.encode() + data + b"\n" * (len(data) % 2)
    return out


def deb(files: dict[str, bytes], kind: str = "xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo(f"{ROOT}music/link.ogg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    data = {f"data.tar.{kind}": buffer.getvalue()}
    return ar({"debian-binary": b"2.0\n", "control.tar.gz": b"odd", **data})


@pytest.fixture
def add(tmp_path: Path, monkeypatch):
    """Puts a package "x" of some content into the table and gives its file."""

    def put(content: bytes, **fields) -> Path:
        path = tmp_path / "pool" / "main" / "x_1_all.deb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entry = DebianPackage("x", path.name, len(content), digest, "a test", 1, "MIT")
        monkeypatch.setitem(PACKAGES, "x", replace(entry, **fields))
        return path

    return put


@pytest.fixture
def pool(tmp_path: Path, monkeypatch) -> Iterator[list[str]]:
    """A server of the folder that ``add`` fills; the paths that it was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(debian, "POOL", f"http://127.0.0.1:{server.server_port}/")
    yield asked
    server.shutdown()
    server.server_close()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_the_music_and_its_licence_are_kept(add, pool, tmp_path, kind):
    add(deb(FILES, kind))
    fetched = get_package("x", tmp_path / "to")
    files = contents(tmp_path / "to" / "x")
    card = json.loads(files.pop("source.json"))
    assert card["licence"] == "MIT" and card["origin"].endswith("pool/main/x_1_all.deb")
    assert files == {
        "music/a.ogg": b"a sound",
        "music/deep/b.OGG": b"another",
        "effects/bang.wav": b"a bang",
        "COPYRIGHT": b"free as in speech",
    }
    assert fetched.files == 5 and pool == ["/pool/main/x_1_all.deb"]
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["x"]
    assert find_sources([tmp_path / "to" / "x"], "corpora")[0].licence == "MIT"
    with pytest.raises(InputError, match="already there"):
        get_package("x", tmp_path / "to")


def test_a_folder_of_it_alone_may_be_music(add, tmp_path):
    file = add(deb(FILES), within="music")
    get_package("x", tmp_path / "to", file)
    assert sorted(contents(tmp_path / "to" / "x")) == [
        "COPYRIGHT",
        "a.ogg",
        "deep/b.OGG",
        "source.json",
    ]


def test_games_keep_their_music_in_zip_files(add, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sound/one.ogg", b"one")
        archive.writestr("sound/one.txt", b"no")
        archive.writestr("../../evil.ogg", b"evil")
        archive.writestr("/evil.ogg", b"evil")
    file = add(deb({f"{ROOT}data/music.pk3": buffer.getvalue()}))
    get_package("x", tmp_path / "to", file)
    assert sorted(contents(tmp_path / "to" / "x")) == ["one.ogg", "source.json"]
    assert not list(tmp_path.rglob("evil.ogg"))


def test_another_file_than_the_pinned_one_is_refused(add, pool, tmp_path):
    file = add(deb(FILES), sha256="0" * 64)
    with pytest.raises(CantilenaError, match="is not the file that it should be"):
        get_package("x", tmp_path / "to")
    with pytest.raises(CantilenaError, match="is not the package 'x'"):
        get_package("x", tmp_path / "to", file)
    assert file.exists() and not (tmp_path / "to" / "x").exists()
    assert not list((tmp_path / "to").rglob("*.deb"))


def test_a_pool_that_cannot_be_reached_names_the_other_way(add, pool, tmp_path):
    add(deb(FILES)).unlink()
    with pytest.raises(CantilenaError, match=r"404.*apt-get download x.*--from"):
        get_package("x", tmp_path / "to")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a package", "not a Debian package"),
        (ar({"debian-binary": b"2.0\n"}), "holds no data"),
        (deb(FILES)[:-400], "cannot be unpacked"),
        (deb({"./usr/share/doc/x/copyright": b"c"}), "holds no music"),
        (ar({"data.tar.xz": b"no archive"}), "cannot be unpacked"),
    ],
)
def test_what_is_no_such_package_leaves_nothing(add, tmp_path, content, message):
    file = add(content)
    with pytest.raises(InputError, match=message):
        get_package("x", tmp_path / "to", file)
    assert [p.name for p in (tmp_path / "to").iterdir()] == [".downloads"]


def test_the_table_is_of_this_pool():
    for name, entry in PACKAGES.items():
        assert entry.name == name and entry.url.startswith("https://deb.debian.org/debian/pool/")
        assert len(entry.sha256) == 64 and entry.size > 100_000 and entry.licence
        assert entry.path.split("/")[-1].startswith(f"{name}_")
    with pytest.raises(UnknownNameError, match="wesnoth"):
        debian_package("windows-music")


def test_the_command_lists_and_gets(add, tmp_path, capsys):
    file = add(deb(FILES))
    base = ["data", "debian", "--to", str(tmp_path / "to")]
    assert main(base) == 0 and "wesnoth-1.16-music" in capsys.readouterr().out
    assert not (tmp_path / "to").exists()
    assert main([*base, "x", "--from", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["files"] == 5
    assert main([*base, "x", "--from", "none.deb"]) == 2
    assert main([*base, "windows-music"]) == 2
    assert main([*base, "--from", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 3
