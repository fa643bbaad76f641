from __future__ import annotations

import pytest

from cantilena.cli import realism
from cantilena.evaluate.ensembles import KINDS, kind_of


@pytest.mark.parametrize(
    ("instruments", "genres", "kind"),
    [
        ((0,), (), "piano"),
        ((0, 128), (), None),
        ((0, 40), (), None),
        ((40, 41, 42), (), "quartet"),
        ((73, 68, 71, 70), (), "quartet"),
        ((40, 41, 42, 128), (), None),
        ((48, 60, 56, 73, 47, 43), (), "orchestra"),
        ((48, 60, 56, 73, 47, 128), (), "orchestra"),
        ((128, 38, 81, 90, 0), (), "electronic"),
        ((128, 33, 30, 0), ("trance",), "electronic"),
        ((128, 33, 30, 0), ("rock",), "band"),
        ((128, 33, 30), (), None),
        ((128, 25, 30, 0), (), None),
        ((), (), None),
    ],
)
def test_kinds(instruments, genres, kind):
    assert kind_of(instruments, genres) == kind


def test_each_kind_is_explained():
    assert all(len(kind.what) > 10 for kind in KINDS.values())
    assert tuple(KINDS) == realism.KINDS
