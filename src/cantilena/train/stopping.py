"""Stopping a training between two of its steps.

Knows signals; does not know what is trained. Ctrl-C, SIGTERM and SIGHUP set a flag at which the
training looks once a step is done, so that no signal ever lands inside an optimiser's step; a
second one stops at once, without saving, unless it is a SIGHUP: a closing terminal sends several.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cantilena.signals import ENDING

_HANGUP = getattr(signal, "SIGHUP", None)


class Stop:
    """Whether it was asked to stop: ``asked``."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """Takes the signals for the block and gives them back to their handlers. Off the main
        thread, which alone may take signals, nothing is done: they are its owner's. A SIGHUP that
        is ignored (``nohup``) stays so."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        numbers = [
            number
            for number in (signal.SIGINT, *ENDING)
            if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN
        ]
        before = {number: signal.signal(number, self._ask) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked and number != _HANGUP:
            raise KeyboardInterrupt
        self.asked = True
