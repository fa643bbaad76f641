"""The same work past one machine: units of a data set as a Ray Data job.

Knows Ray Data; does not know what a unit is, nor how a cluster is reached (``cantilena.cluster``).
The function writes its files itself, into a folder that all machines of the cluster see, and
returns a short account of them. Needs the extra ``ray``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from cantilena.cluster import connected

Item = TypeVar("Item")


def spread_by_ray(
    function: Callable[..., Any], items: Sequence[Item], workers: int, *settings: Any
) -> Iterator[tuple[Item, Any]]:
    """Each item with ``function(item, *settings)``, in the order in which they are done: what
    ``workers.spread`` does, run by Ray.

    The cluster is the one that RAY_ADDRESS names, where all its processors are used; without it,
    a Ray of ``workers`` processors is started here and ended with the last item. Raises
    MissingExtraError where ray is not installed.
    """
    with connected(workers) as ray:
        if not items:
            return
        rows = [{"item": i, "work": pickle.dumps(item)} for i, item in enumerate(items)]

        # what is passed stays pickled: Arrow has no columns of our types
        def call(row: dict[str, Any]) -> dict[str, Any]:
            result = function(pickle.loads(row["work"]), *settings)
            return {"item": row["item"], "result": pickle.dumps(result)}

        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(call)
        for row in results.iter_rows():
            yield items[row["item"]], pickle.loads(row["result"])
