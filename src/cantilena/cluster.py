"""Ray: being connected to a cluster, or to one that is started here.

Knows how Ray is started and ended; does not know what runs on it. Needs the extra ``ray``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from cantilena.errors import CantilenaError, MissingExtraError

HERE = "local"
"""The address that always starts a Ray on this machine."""


def need_ray(purpose: str) -> None:
    """Raises MissingExtraError where ray is not installed."""
    if find_spec("ray") is None:
        raise MissingExtraError("ray", "ray", purpose)


@contextlib.contextmanager
def connected(workers: int | None = None, address: str | None = None) -> Iterator[Any]:
    """The module ``ray``, with ``ray.data``, connected for the block.

    ``address``: a cluster's, or ``HERE``; None: the one that RAY_ADDRESS names, else as ``HERE``.
    A Ray that is started here has ``workers`` processors (None: all of the machine) and is ended
    with the block; where this process is connected already, that connection is used and stays.
    Raises MissingExtraError where ray is not installed, CantilenaError where no cluster answers.
    """
    need_ray("work on several machines")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports to its makers
    ray: Any = import_module("ray")  # by name, since types are checked where it is not installed
    import_module("ray.data")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):  # Ray's own lines, to its end, are no outcome
        started = not ray.is_initialized()
        if started:
            _start(ray, workers, address)
        try:
            ray.data.DataContext.get_current().enable_progress_bars = False
            yield ray
        finally:
            if started:
                ray.shutdown()


def _start(ray: Any, workers: int | None, address: str | None) -> None:
    """Connects Ray as ``connected`` says. Raises CantilenaError where no cluster answers."""
    address = address or os.environ.get("RAY_ADDRESS") or HERE
    own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    try:
        with _own_sigterm():
            ray.init(
                address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **(own if address == HERE else {}),
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CantilenaError(f"Ray at {address!r} cannot be used: {error}") from error


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps what this process does at SIGTERM, in the place of which Ray puts its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        # None: not set from Python; and only the main thread may set one
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
