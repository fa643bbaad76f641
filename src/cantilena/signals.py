"""Which signals end a process unless it does something about them. Knows numbers alone."""

from __future__ import annotations

import signal

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Besides Ctrl-C (SIGINT). SIGHUP comes when a terminal closes; Windows has none."""
