"""What commands share: progress on standard error, JSON and times on standard output."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from cantilena.errors import InputError

_EVERY = 0.1  # seconds between updates of a line on a terminal
_EVERY_PLAIN = 15.0  # and between lines where standard error is a file or a pipe


def system_arguments(parser: Any, default: str | None = None) -> None:
    """Which system, and from where. The names are those of the registry, which imports none."""
    from cantilena.systems import SYSTEMS

    names = "; ".join(f"{name}: {spec.help}" for name, spec in SYSTEMS.items())
    parser.add_argument(
        "--system",
        choices=tuple(SYSTEMS),
        default=default,
        metavar="NAME",
        help=f"what composes ({default or 'as the checkpoint says, else note'}). {names}",
    )
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="a checkpoint's folder, or a hub name (the default one)"
    )
    parser.add_argument(
        "--device", metavar="NAME", help="a torch device (a GPU where there is one)"
    )
    parser.add_argument(
        "--dtype", metavar="NAME", help="float32, bfloat16 or float16; int8 for musicgen on a CPU"
    )


def check_sounding(gives: str, engine: str, soundfont: str | None) -> None:
    """Raises InputError for what sounds notes where a system ``gives`` sound itself."""
    for name, asked in (("engine", engine != "auto"), ("soundfont", soundfont is not None)):
        if asked and gives == "audio":
            raise InputError(
                f"--{name} sounds notes, and here a model makes the sound: leave it out"
            )


class Progress:
    """Tells how far a long work is, on standard error: one line that is written over on a
    terminal; elsewhere a plain line now and then. Used as ``with Progress(quiet) as progress``
    and called with what is done, of how much (0: not known), and a word on it."""

    def __init__(self, quiet: bool = False, bytes: bool = False):
        self.quiet, self.bytes = quiet, bytes
        self.live = not quiet and sys.stderr.isatty()
        self.start = self.last = time.monotonic()
        self.width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __call__(self, done: float, total: float = 0, what: str = "") -> None:
        now = time.monotonic()
        if self.quiet or now - self.last < (_EVERY if self.live else _EVERY_PLAIN):
            return
        self.last = now
        parts = [what] if what else []
        if total:
            parts.append(f"{100 * done / total:3.0f} %")
            left = (now - self.start) * (total - done) / done if done else 0.0
            if left >= 1:
                parts.append(f"{clock(left)} left")
        elif done:
            parts.append(f"{done / 1e6:.1f} MB" if self.bytes else f"{done:,.0f}")
        self._write("  ".join(parts))

    def share(self, what: str) -> Callable[[float], None]:
        """A function that hears the share done, 0-1, of ``what``."""
        return lambda done: self(done, 1.0, what)

    def _write(self, line: str) -> None:
        if self.live:
            line = line[:100]
            _to_stderr(f"\r{line.ljust(self.width)}")
            self.width = len(line)
        else:
            _to_stderr(f"{line}\n")

    def clear(self) -> None:
        """Takes the line away."""
        if self.live and self.width:
            _to_stderr(f"\r{' ' * self.width}\r")
            self.width = 0


def _to_stderr(text: str) -> None:
    """Text on standard error, where that can be written: no work is given up for its progress."""
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def warn(line: str) -> None:
    """A line on standard error."""
    _to_stderr(f"cantilena: {line}\n")


def print_json(value: Any, indent: int | None = 2) -> None:
    """Plain data on standard output. Raises OSError that says so where that cannot be written."""
    try:
        print(json.dumps(value, indent=indent, ensure_ascii=False), flush=True)
    except OSError as error:  # of more text than is buffered nothing is left for a later flush
        raise OSError(error.errno, error.strerror, "standard output") from error


def clock(seconds: float) -> str:
    """As 0:07, 3:20 or 1:02:03."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def plural(number: int, noun: str) -> str:
    """As "1 bar", "3 bars"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
