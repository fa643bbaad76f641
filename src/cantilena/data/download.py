"""Downloading one file over HTTP: safe to resume, and the same file each time.

Knows addresses, HTTP and hashes; does not know archives or corpora.

Plain http is refused unless the file's sha256 is pinned: whoever sits on the way could choose the
training data. A download that broke off is resumed only where the server says that the file is
still the same (If-Range with its ETag or date); otherwise it is started anew.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Any

from cantilena.errors import CantilenaError, InputError
from cantilena.files import write_json

MAX_BYTES = 40 * 10**9
"""Of a file, and of all that the archives of a corpus unpack to; Lakh is 1.8 GB, unpacked 6 GB."""

_BLOCK = 1 << 20  # bytes read at once
_TIMEOUT = 60  # seconds without an answer
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}  # nobody is on the way there

Progress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all (0: not known), and what is being done."""


def download(url: str, folder: Path, progress: Progress, sha256: str = "") -> Path:
    """The file at ``url``, in ``folder``, under a name of its own there.

    ``sha256``, where it is known for certain, lets the address be plain http; the caller verifies
    the file against it (``verify``). Raises InputError for an address that is not safe and a file
    of more than ``MAX_BYTES``, CantilenaError where the network fails: calling again goes on.
    """
    check_address(url, bool(sha256))
    folder.mkdir(parents=True, exist_ok=True)
    name = PurePosixPath(urllib.parse.urlsplit(url).path).name or "download"
    tag = hashlib.sha256(url.encode()).hexdigest()[:8]  # two addresses may end alike
    whole = folder / f"{tag}-{name}"
    if not whole.exists():
        _Download(url, bool(sha256), whole.with_name(f"{whole.name}.part"), name, progress).run()
        os.replace(whole.with_name(f"{whole.name}.part"), whole)
        whole.with_name(f"{whole.name}.part.json").unlink(missing_ok=True)
    return whole


def check_address(url: str, pinned: bool) -> None:
    """Raises InputError for an address that is neither https nor, where the file's hash is
    ``pinned`` or the host is this machine, http."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{url!r} is not an http or https address")
    if parts.scheme == "http" and not pinned and parts.hostname not in _LOOPBACK:
        raise InputError(
            f"{url!r} is plain http, where anyone on the way can change the file, and its sha256 "
            "is not known; give an https address, or download it yourself and give the file"
        )


def file_sha256(path: Path) -> str:
    """The hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class _State:
    """What a part of a file is a part of: its address, the server's ``validator`` (an ETag or a
    date, as If-Range takes it) and its length in bytes (0: not known)."""

    url: str
    validator: str
    total: int


class _ChangedError(Exception):
    """The server no longer has the file that the part is of."""


class _Download:
    """One file on its way into ``part``; what it is a part of stands in ``part``.json."""

    def __init__(self, url: str, pinned: bool, part: Path, name: str, progress: Progress):
        self.url, self.part, self.name, self.progress = url, part, name, progress
        self.state_file = part.with_name(f"{part.name}.json")
        self.opener = urllib.request.build_opener(_CheckedRedirects(pinned))

    def run(self) -> None:
        """Fills ``part`` with the whole file."""
        try:
            try:
                self._transfer(self._resumable())
            except _ChangedError:
                self._transfer(None)
        except urllib.error.HTTPError as error:
            raise CantilenaError(f"{self.url} cannot be downloaded: {error}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise CantilenaError(
                f"the download of {self.url} broke off: {error}; call again"
            ) from error

    def _resumable(self) -> _State | None:
        """What the part on disk is of; None where it cannot be continued safely."""
        try:
            state = _State(**json.loads(self.state_file.read_text(encoding="utf-8")))
            size = self.part.stat().st_size
        except (OSError, ValueError, TypeError):
            return None
        return state if state.url == self.url and state.validator and size else None

    def _transfer(self, state: _State | None) -> None:
        """Asks for what is missing of the part (``state`` None: for all) and writes it. Raises
        _ChangedError where what the server has does not continue the part."""
        size = self.part.stat().st_size if state else 0
        request = urllib.request.Request(self.url, headers={"User-Agent": "cantilena"})
        if state:
            request.add_header("Range", f"bytes={size}-")
            request.add_header("If-Range", state.validator)
        try:
            with self.opener.open(request, timeout=_TIMEOUT) as answer:
                self._receive(answer, state, size)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not state:
                raise
            # nothing is left to be sent, or the file is shorter than the part
            if _total_in(error.headers) != size or not _same_file(error.headers, state):
                raise _ChangedError from error

    def _receive(self, answer: Any, state: _State | None, size: int) -> None:
        length = int(answer.headers.get("Content-Length") or 0)
        if state and answer.status == http.HTTPStatus.PARTIAL_CONTENT:
            total = _total_in(answer.headers) or (size + length if length else 0)
            starts_there = _start_in(answer.headers) == size
            if not starts_there or not _same_file(answer.headers, state):
                raise _ChangedError
            if state.total and total and state.total != total:
                raise _ChangedError
        else:  # all of it, because all was asked for or the file has changed
            size, total = 0, length
            self.part.unlink(missing_ok=True)
            state = _State(self.url, _validator(answer.headers), total)
            write_json(self.state_file, asdict(state), indent=None)
        with self.part.open("ab" if size else "wb") as file:
            while block := answer.read(_BLOCK):
                size += len(block)
                if max(size, total) > MAX_BYTES:
                    self.part.unlink()
                    raise InputError(f"{self.url} is of more than {MAX_BYTES / 10**9:g} GB")
                file.write(block)
                self.progress(size, total, f"downloading {self.name}")
        if total and size != total:
            raise CantilenaError(
                f"the download of {self.url} broke off at {size:,} of {total:,} bytes; call again"
            )


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses that ``check_address`` lets through."""

    def __init__(self, pinned: bool):
        self.pinned = pinned

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """The request of the new address. Raises InputError."""
        try:
            check_address(newurl, self.pinned)
        except InputError as error:
            raise InputError(f"{req.full_url} leads elsewhere: {error}") from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _validator(headers: Message) -> str:
    """What If-Range may be asked with: a strong ETag, else the date of the last change, else ""."""
    etag = headers.get("ETag") or ""
    if etag and not etag.startswith("W/"):
        return etag
    return headers.get("Last-Modified") or ""


def _same_file(headers: Message, state: _State) -> bool:
    """Whether an answer speaks of the file that ``state`` is of; one that says nothing of it
    does, the server having had If-Range to look at."""
    return _validator(headers) in ("", state.validator)


def _start_in(headers: Message) -> int | None:
    """The first byte that Content-Range says an answer holds."""
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def _total_in(headers: Message) -> int:
    """The length of the whole file by Content-Range; 0 where it does not say."""
    match = re.search(r"/(\d+)$", (headers.get("Content-Range") or "").strip())
    return int(match[1]) if match else 0


# ---------------------------------------------------------------------------- the same each time


class FirstDownloads:
    """The sha256 of each address's first download, in a file: where no hash is pinned, a later
    download that differs is refused."""

    def __init__(self, file: Path):
        self.file = file
        self.hashes: dict[str, str] = {}
        if not file.exists():
            return
        try:
            self.hashes = {u: str(h) for u, h in json.loads(file.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(
                f"{str(file)!r} is not the list of hashes that 'data fetch' writes ({error}); "
                "put it right, or remove it"
            ) from error

    def verify(self, url: str, path: Path, sha256: str, pinned: str = "") -> None:
        """Raises CantilenaError, and removes the file at ``path``, where its ``sha256`` is not the
        ``pinned`` one or, without one, that of the first download of ``url``."""
        expected = pinned or self.hashes.get(url, sha256)
        if sha256 == expected:
            return
        path.unlink()
        if pinned:
            raise CantilenaError(
                f"{url} is not the file that it should be: its sha256 is {sha256}, not {pinned}"
            )
        raise CantilenaError(
            f"{url} is not the file that it was at the first download: its sha256 is {sha256}, "
            f"not {expected}; if that is meant, remove {str(self.file)!r} and call again"
        )

    def add(self, hashes: Mapping[str, str]) -> None:
        """Writes down the hashes of addresses that are not there yet."""
        new = {url: sha256 for url, sha256 in hashes.items() if url not in self.hashes}
        if new:
            self.hashes |= new
            write_json(self.file, self.hashes)
