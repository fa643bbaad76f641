"""Fetching corpora: archives that are not trusted, and servers that change, lie or break off."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cantilena.data import download as downloading
from cantilena.data import fetch as fetching
from cantilena.data import unpack as unpacking
from cantilena.data.corpora import CORPORA
from cantilena.data.fetch import fetch
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.score.midi import write_midi
from corpus_pieces import add_lakh, piece

MIDI = write_midi(piece(1))


def put(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def nottingham(root: Path, tunes: int = 1) -> Path:
    for number in range(tunes):
        put(root / "MIDI" / f"reel{number}.mid", write_midi(piece(number, bars=2)))
    put(root / "MIDI" / "melody" / "reel1.mid", MIDI)
    return root


def archive(kind: str, folder: Path, path: Path) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for file in sorted(folder.rglob("*")):
                out.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, f"w:{kind}") as out:  # type: ignore[call-overload]
            out.add(folder, folder.name)
    return path


# ---------------------------------------------------------------------------- archives


@pytest.mark.parametrize("kind", ["zip", "xz", "gz", "bz2", ""])
def test_fetch_unpacks_an_archive(kind, tmp_path):
    folder = nottingham(tmp_path / "nottingham-0992")
    path = archive(kind, folder, tmp_path / f"n.{kind}")
    lines: list[str] = []
    result = fetch("nottingham", path, tmp_path / "to", lambda *row: lines.append(row[2]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert result.folder == tmp_path / "to" / "nottingham" and result.files == 2
    assert result.bytes == sum(p.stat().st_size for p in folder.rglob("*.mid"))
    assert result.sha256 == {path.name: digest}
    assert any(digest in line for line in lines)
    assert len(list(CORPORA["nottingham"].songs(result.folder))) == 1
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["nottingham"]
    with pytest.raises(InputError, match="already there"):
        fetch("nottingham", path, tmp_path / "to")


def test_fetch_takes_a_folder_of_files_and_archives(tmp_path):
    add_lakh(tmp_path / "work", "0", piece(0))
    add_lakh(tmp_path / "work", "e", piece(1))
    source = tmp_path / "source"
    source.mkdir()
    for digit in "0e":
        archive("xz", tmp_path / "work" / "lakh" / digit, source / f"{digit}.tar.xz")
    put(source / "index.tsv", "md5\tartist\ttitle\tgenre\ttags\n")
    put(source / "notes" / "inner.txt", "x")
    (source / "link").symlink_to("/etc/hostname")
    result = fetch("lakh", str(source), tmp_path / "to")
    names = sorted(p.relative_to(result.folder).as_posix()[:9] for p in result.folder.rglob("*.*"))
    assert len(names) == 4 == result.files and "index.tsv" in names
    assert [s.split for s in CORPORA["lakh"].songs(result.folder)] == ["train", "valid"]


def tar_of(path: Path, *members: tuple[str, int]) -> Path:
    """An uncompressed tar of files by name and size."""
    with tarfile.open(path, "w") as out:
        for name, size in members:
            member = tarfile.TarInfo(name)
            member.size = size
            out.addfile(member, io.BytesIO(b"x" * size))
    return path


def zip_of(path: Path, *members: tuple[str, int]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, size in members:
            out.writestr(name, "x" * size)
    return path


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_fetch_writes_nothing_outside_its_folder(make, tmp_path):
    to = tmp_path / "deep" / "to"
    with pytest.raises(InputError, match=r"unpacked|unsafe"):
        fetch("game", make(tmp_path / "x.tar", ("../../../out.mid", 1)), to)
    assert not list(tmp_path.rglob("out.mid"))
    assert list(to.iterdir()) == []


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_an_archive_of_too_many_or_too_large_files_is_refused(make, tmp_path, monkeypatch):
    path = make(tmp_path / "x", *((f"{i}.mid", 10) for i in range(5)))
    monkeypatch.setattr(unpacking, "MAX_BYTES", 50)
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 5)
    assert fetch("nottingham", path, tmp_path / "to").files == 5
    for name, limit, message in (
        ("MAX_MEMBERS", 4, "more than 4 files"),
        ("MAX_BYTES", 39, "unpacks to more"),
    ):
        monkeypatch.setattr(unpacking, name, limit)
        with pytest.raises(InputError, match=message):
            fetch("game", path, tmp_path / "to")
        assert [p.name for p in (tmp_path / "to").iterdir()] == ["nottingham"]


def test_the_budget_is_of_all_archives_together(tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    for name in "ab":
        tar_of(tmp_path / "source" / f"{name}.tar", (f"{name}.mid", 10))
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 1)
    with pytest.raises(InputError, match=r"b\.tar holds more than 1 files"):
        fetch("game", tmp_path / "source", tmp_path / "to")


def test_links_are_passed_over_and_counted(tmp_path, monkeypatch):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as out:
        for name in ("one.mid", "two.mid"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
            out.addfile(link)
        member = tarfile.TarInfo("MIDI/a.mid")
        member.size = len(MIDI)
        out.addfile(member, io.BytesIO(MIDI))
    assert fetch("nottingham", path, tmp_path / "to").files == 1
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 2)
    with pytest.raises(InputError, match="more than 2 files"):
        fetch("game", path, tmp_path / "to")


@pytest.mark.parametrize("kind", ["zip", "xz", "gz", "bz2"])
def test_a_damaged_archive_is_an_input_error_wherever_it_is_damaged(kind, tmp_path):
    folder = nottingham(tmp_path / "n", 3)
    data = archive(kind, folder, tmp_path / f"n.{kind}").read_bytes()
    path = tmp_path / "damaged"
    refused = 0
    for at in range(0, len(data), max(1, len(data) // 40)):
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            path.write_bytes(damaged)
            to = tmp_path / f"to-{at}-{len(damaged)}"
            try:
                fetch("nottingham", path, to)
            except InputError:
                refused += 1
                assert list(to.iterdir()) == []
    assert refused > 40


def test_fetch_refuses_what_is_no_corpus(tmp_path):
    put(tmp_path / "a.txt", "no archive")
    (tmp_path / "empty").mkdir()
    for source, message in (
        (tmp_path / "a.txt", "not an archive"),
        (tmp_path / "none", "there is no file"),
        (tmp_path / "empty", "holds no files"),
        ("ftp://host/a.tar", "not an http"),
        ("https:///a.tar", "not an http"),
    ):
        with pytest.raises(InputError, match=message):
            fetch("game", source, tmp_path / "to")
    with pytest.raises(UnknownNameError):
        fetch("lmd", tmp_path)


def test_what_a_run_that_was_cut_off_left_is_cleaned_up(tmp_path):
    path = archive("gz", nottingham(tmp_path / "n"), tmp_path / "n.tar.gz")
    put(tmp_path / "to" / ".nottingham.x1y2" / "nottingham" / "MIDI" / "reel1.mid", MIDI)
    put(tmp_path / "to" / ".game.x1y2" / "game" / "a.mid", MIDI)
    assert fetch("nottingham", path, tmp_path / "to").files == 2
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == [".game.x1y2", "nottingham"]


# ---------------------------------------------------------------------------- servers


class Server:
    """An HTTP server of one file with ranges, as RFC 9110 has them.

    ``cut``: bytes after which an answer breaks off; ``headers``: more of them; ``ranges`` False
    ignores Range; ``if_range`` False ignores If-Range; ``redirect``: where "/moved" leads.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.cut: int | None = None
        self.headers = {"ETag": '"1"'}
        self.ranges = self.if_range = True
        self.redirect = ""
        self.asked: list[tuple[str | None, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith("/missing"):
            request.send_error(404)
            return
        if request.path.startswith("/moved"):
            request.send_response(302)
            request.send_header("Location", self.redirect)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        wanted, condition = request.headers.get("Range"), request.headers.get("If-Range")
        self.asked.append((wanted, condition))
        current = (self.headers.get("ETag"), self.headers.get("Last-Modified"))
        if self.if_range and condition and condition not in current:
            wanted = None
        match = re.fullmatch(r"bytes=(\d+)-", wanted or "") if self.ranges else None
        start = int(match[1]) if match else 0
        size = len(self.data)
        status, body = (206, self.data[start:]) if match else (200, self.data)
        more = {"Content-Range": f"bytes {start}-{size - 1}/{size}"} if match else {}
        if match and start >= size:
            status, body, more = 416, b"", {"Content-Range": f"bytes */{size}"}
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | more | self.headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body[: self.cut])
        request.close_connection = True


@pytest.fixture
def archives(tmp_path) -> list[bytes]:
    """Two archives of one corpus, the second larger."""
    return [
        archive("gz", nottingham(tmp_path / f"n{n}", n), tmp_path / f"{n}.tar.gz").read_bytes()
        for n in (2, 5)
    ]


@pytest.fixture
def server(archives) -> Iterator[Server]:
    server = Server(archives[0])
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def get(server, tmp_path) -> Callable[..., bytes]:
    """Fetches the server's archive and gives the sha256 of what was downloaded."""

    def get(path: str = "/n.tar.gz", to: str = "to") -> str:
        return next(iter(fetch("nottingham", server.url + path, tmp_path / to).sha256.values()))

    return get


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def cut_off(server: Server, get: Callable[..., str], at: int) -> None:
    """Leaves the first ``at`` bytes of the server's file as a download that broke off."""
    server.cut = at
    with pytest.raises(CantilenaError, match=f"broke off at {at} of"):
        get()
    server.cut = None


@pytest.mark.parametrize(
    "headers",
    [{"ETag": '"1"'}, {"Last-Modified": "Sat, 01 Aug 2026 10:00:00 GMT"}],
    ids=["etag", "date"],
)
def test_a_download_that_breaks_off_goes_on(server, archives, get, tmp_path, headers):
    server.headers = headers
    cut_off(server, get, 100)
    assert not (tmp_path / "to" / "nottingham").exists()
    assert get() == digest(archives[0])
    assert server.asked == [(None, None), ("bytes=100-", next(iter(headers.values())))]
    assert sorted(p.name for p in (tmp_path / "to").iterdir() if p.name != ".downloads") == [
        "nottingham",
        "nottingham.sha256.json",
    ]
    assert list((tmp_path / "to" / ".downloads").rglob("*")) == []


@pytest.mark.parametrize("honest", [True, False], ids=["If-Range", "no If-Range"])
@pytest.mark.parametrize("at", [100, 400])
def test_a_file_that_changed_is_started_anew(server, archives, get, honest, at):
    cut_off(server, get, at)
    server.data, server.headers, server.if_range = archives[1], {"ETag": '"2"'}, honest
    assert get() == digest(archives[1])


def test_a_file_of_another_length_is_not_glued_on(server, archives, get):
    cut_off(server, get, 100)
    server.data, server.if_range, server.headers = archives[1], False, {}  # nothing tells but that
    assert get() == digest(archives[1])


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}], ids=["none", "weak"])
def test_without_a_strong_validator_nothing_is_resumed(server, archives, get, headers):
    server.headers = headers
    cut_off(server, get, 100)
    server.data = archives[1]
    assert get() == digest(archives[1])
    assert server.asked == [(None, None)] * 2


def test_a_server_without_ranges_sends_it_all(server, archives, get):
    cut_off(server, get, 100)
    server.ranges = False
    assert get() == digest(archives[0])


def part_of(tmp_path: Path) -> Path:
    (part,) = (tmp_path / "to" / ".downloads").rglob("*.part")
    return part


def test_a_part_that_is_whole_is_taken(server, archives, get, tmp_path):
    cut_off(server, get, 100)
    part_of(tmp_path).write_bytes(archives[0])
    assert get() == digest(archives[0])
    assert len(server.asked) == 2  # the second is answered 416


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server, archives, get, tmp_path):
    cut_off(server, get, 100)
    part_of(tmp_path).write_bytes(archives[0] + b"more")
    assert get() == digest(archives[0])
    assert server.asked[1:] == [(f"bytes={len(archives[0]) + 4}-", '"1"'), (None, None)]


def test_a_part_of_which_nothing_is_known_is_thrown_away(server, archives, get, tmp_path):
    for text in ("", "[]", '{"url": "x"}', '{"url": "x", "validator": "1", "total": 3}'):
        cut_off(server, get, 100)
        part_of(tmp_path).with_name(part_of(tmp_path).name + ".json").write_text(text)
    assert get() == digest(archives[0])
    assert server.asked == [(None, None)] * 5


def test_what_the_network_refuses_is_said(server, get, monkeypatch):
    with pytest.raises(CantilenaError, match="404"):
        get("/missing.zip")
    monkeypatch.setattr(downloading, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="more than"):
        get()
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(CantilenaError, match="call again"):
        get("/other.zip")


def test_plain_http_is_refused_before_anything_is_asked(server, get, tmp_path):
    with pytest.raises(InputError, match="plain http"):
        fetch("game", "http://corpora.example/n.tar.gz", tmp_path / "to")
    assert not (tmp_path / "to").exists()
    server.redirect = "http://corpora.example/n.tar.gz"
    with pytest.raises(InputError, match=r"/moved.*plain http"):
        get("/moved")
    server.redirect = "ftp://corpora.example/n.tar.gz"
    with pytest.raises(InputError, match="not an http"):
        get("/moved")
    server.redirect = f"{server.url}/n.tar.gz"
    assert get("/moved") == digest(server.data)


def test_plain_http_is_allowed_where_the_hash_is_pinned(monkeypatch):
    downloading.check_address("http://corpora.example/n.tar.gz", pinned=True)
    for url in fetching.PINNED:
        downloading.check_address(url, pinned=True)
    for corpus in CORPORA.values():
        for source in corpus.sources:
            downloading.check_address(source.url, pinned=bool(source.sha256))
            assert not source.sha256 or re.fullmatch("[0-9a-f]{64}", source.sha256)
    assert {name for name, c in CORPORA.items() if c.sources[0].sha256} == {"lakh", "groove"}


def test_a_download_must_have_the_pinned_hash(server, archives, get, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PINNED", {f"{server.url}/n.tar.gz": digest(archives[1])})
    with pytest.raises(CantilenaError, match=f"{digest(archives[0])}, not {digest(archives[1])}"):
        get()
    assert not (tmp_path / "to" / "nottingham").exists()
    server.data = archives[1]
    assert get() == digest(archives[1])
    assert not (tmp_path / "to" / "nottingham.sha256.json").exists()


def test_a_later_download_must_be_the_first_ones_file(server, archives, get, tmp_path):
    get()
    record = tmp_path / "to" / "nottingham.sha256.json"
    assert json.loads(record.read_text()) == {f"{server.url}/n.tar.gz": digest(archives[0])}
    (tmp_path / "to" / "nottingham").rename(tmp_path / "aside")
    server.data, server.headers = archives[1], {"ETag": '"2"'}
    with pytest.raises(CantilenaError, match=r"first download.*nottingham\.sha256\.json"):
        get()
    assert not (tmp_path / "to" / "nottingham").exists()
    get("/other.tar.gz")  # another address is another file
    assert len(json.loads(record.read_text())) == 2
    (tmp_path / "to" / "nottingham").rename(tmp_path / "aside too")
    record.unlink()
    assert get() == digest(archives[1])


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_a_record_that_cannot_be_read_is_not_passed_over(get, tmp_path, text):
    put(tmp_path / "to" / "nottingham.sha256.json", text)
    with pytest.raises(InputError, match=r"nottingham\.sha256\.json"):
        get()


def test_a_download_that_is_no_archive_is_neither_recorded_nor_kept(server, archives, get):
    server.data, server.headers = b"<html>log in first</html>", {"ETag": '"0"'}
    with pytest.raises(InputError, match="not an archive"):
        get()
    server.data, server.headers = archives[0], {"ETag": '"1"'}
    assert get() == digest(archives[0])


def test_two_fetches_of_one_corpus_are_refused_and_of_two_are_not(tmp_path):
    path = archive("zip", nottingham(tmp_path / "nottingham-0992"), tmp_path / "n.zip")
    refused: list[str] = []

    def second(*_: object) -> None:
        with pytest.raises(InputError, match="another process is writing to") as error:
            fetch("nottingham", path, tmp_path / "to")
        refused.append(str(error.value))
        if len(refused) == 1:
            fetch("pop909", path, tmp_path / "to")

    assert fetch("nottingham", path, tmp_path / "to", second).files == 2 and refused
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == ["nottingham", "pop909"]


def test_a_corpus_that_another_process_fetched_meanwhile_stays(tmp_path, monkeypatch):
    """Between the first look, before there is a lock, and the lock."""
    path = archive("zip", nottingham(tmp_path / "nottingham-0992"), tmp_path / "n.zip")
    lock, to = fetching.lock, tmp_path / "to"

    def late(folder: Path):
        monkeypatch.setattr(fetching, "lock", lock)
        fetch("nottingham", path, to)
        folder.mkdir(parents=True)  # which the other took away when it was done
        return lock(folder)

    monkeypatch.setattr(fetching, "lock", late)
    with pytest.raises(InputError, match="already there"):
        fetch("nottingham", path, to)
    assert [p.name for p in to.iterdir()] == ["nottingham"]
    assert len(list((to / "nottingham").rglob("*.mid"))) == 2
