"""Work spread over processes: one function over many items, results as they come.

Knows processes and how they end; does not know what is worked on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from types import FrameType
from typing import Any, NoReturn, TypeVar

from cantilena.errors import CantilenaError
from cantilena.files import remove_temporary
from cantilena.signals import ENDING

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    function: Callable[..., Result], items: Sequence[Item], workers: int, *settings: Any
) -> Iterator[tuple[Item, Result]]:
    """Each item with ``function(item, *settings)``, in the order in which they are done.

    With more than one worker and more than one item the function runs in new processes (spawned,
    one thread each), so that it and its arguments must be picklable; a signal that ends one leaves
    no temporary files. Raises CantilenaError where a process was ended from outside; stopping the
    iteration cancels what has not begun.
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            yield item, function(item, *settings)
        return
    spawn = multiprocessing.get_context("spawn")
    n = min(workers, len(items))
    with one_thread_each(), ProcessPoolExecutor(n, spawn, _end_tidily) as pool:
        futures = {pool.submit(function, item, *settings): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise CantilenaError(
                "a worker was ended from outside (out of memory?); calling again goes on"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_tidily() -> None:
    """Makes this process end at a signal as it would, but without its temporary files. An exception
    would not do: the pool hands it on and the process lives."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        remove_temporary()
        os._exit(128 + number)

    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started within use one thread for linear algebra: several of them with several
    threads each stand in each other's way."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
