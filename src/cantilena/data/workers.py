"""Work spread over processes: one function over many items, results as they come.

Knows processes and how they end; does not know what is worked on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from cantilena.errors import CantilenaError

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    function: Callable[..., Result], items: Sequence[Item], workers: int, *settings: Any
) -> Iterator[tuple[Item, Result]]:
    """Each item with ``function(item, *settings)``, in the order in which they are done.

    With more than one worker and more than one item the function runs in new processes (spawned,
    one thread each), so that it and its arguments must be picklable. Raises CantilenaError where
    a process was ended from outside; stopping the iteration cancels what has not begun.
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            yield item, function(item, *settings)
        return
    spawn = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(min(workers, len(items)), spawn) as pool:
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
