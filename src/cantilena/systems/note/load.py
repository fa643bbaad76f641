"""How busy other processes keep this machine's cores, measured now and then.

Knows /proc/stat and clocks; does not know what is done with the figure.
"""

from __future__ import annotations

import os
import time

WINDOW = 0.25
"""Seconds over which load is averaged: /proc/stat counts hundredths of a second, so that this tells
a core's load to some 4 %, and a process that begins to work is noticed within it."""


class OtherLoad:
    """The cores that other processes use, averaged over the last ``WINDOW``."""

    def __init__(self) -> None:
        self.cores = 0.0
        """Whole cores in use by others; 0 until a window has passed, and where it is not known."""
        self._start = time.monotonic()
        self._busy, self._own = _busy(), time.process_time()

    def update(self) -> float:
        """``cores``, measured anew where a window has passed."""
        now = time.monotonic()
        span = now - self._start
        if span >= WINDOW:
            busy, own = _busy(), time.process_time()
            self.cores = max((busy - self._busy - (own - self._own)) / span, 0.0)
            self._start, self._busy, self._own = now, busy, own
        return self.cores


def _busy() -> float:
    """Seconds for which all cores together have worked since the machine started; 0 where the
    system does not say."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _idle, _wait, irq, soft, *_ = map(int, file.readline().split()[1:])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
