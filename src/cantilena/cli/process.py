"""The process around a command: its standard streams, which may be closed, full or without a
reader, and the signals that end it.

Knows streams and signals; does not know commands.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

from cantilena.files import remove_temporary
from cantilena.signals import ENDING

# ---------------------------------------------------------------------------- streams


def open_streams() -> None:
    """Opens the standard streams that are closed (``>&-``; some services start programs so) on the
    null device: what is printed goes nowhere, and no file that is opened later gets their numbers.
    All print any text."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(descriptor, descriptor <= 2)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """A line on standard error, where that can be written."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr)


def flush_streams() -> OSError | None:
    """Writes out what was printed; the error of standard output, where that takes no more. A stream
    that takes no more leads to the null device from here on, so that Python is silent about it
    when it ends."""
    failure = _flush(sys.stdout)
    _flush(sys.stderr)
    return failure


def _flush(stream: Any) -> OSError | None:
    try:
        stream.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
            stream.flush()
        return error
    return None


# ---------------------------------------------------------------------------- signals


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise KeyboardInterrupt (with the signal as its argument), and
    what any stop leaves of temporary files, wherever it struck, is removed. Training sets handlers
    of its own over these. Nothing is done about a signal that another program that calls us has a
    handler for, or that is ignored (``nohup``), or off the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        for other in ours:  # a second one would cut the tidying short
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number))

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        with _ignored(signal.SIGINT, *ours):
            remove_temporary()
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _ignored(*numbers: int) -> Iterator[None]:
    """Ignores signals for the block."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def signal_code(stop: KeyboardInterrupt) -> int:
    """The exit code of a command that a signal stopped."""
    number = next((arg for arg in stop.args if arg in ENDING), signal.SIGINT)
    return 128 + number
