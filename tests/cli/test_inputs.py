"""Input of the wrong kind in Python: one sentence, never a traceback from within."""

from __future__ import annotations

from typing import Any

import pytest

from cantilena.errors import InputError
from cantilena.files import check_folder
from cantilena.loading import as_system
from cantilena.names import slug
from cantilena.options import check_seeds, make_brief, make_sampling, read_continued
from cantilena.result import Result
from cantilena.score import Score
from cantilena.text.wishes import Brief


@pytest.mark.parametrize(
    "options",
    [
        {"instruments": 5},
        {"instruments": ["violin", 3]},
        {"chords": ["C", 5]},
        {"seconds": [1]},
        {"bars": 2.5},
        {"bars": True},
        {"bars": float("nan")},
        {"key": ["C"]},
        {"form": 8},
        {"form": ["A", 8]},
    ],
)
def test_wishes_of_the_wrong_kind_are_refused(options: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(options))):
        make_brief("piano", **options)


@pytest.mark.parametrize("options", [{"temperature": "x"}, {"top_k": 2.5}, {"best_of": True}])
def test_sampling_of_the_wrong_kind_is_refused(options: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(options))):
        make_sampling(**options)


@pytest.mark.parametrize(("seed", "n"), [(1.5, 1), ("a", 1), (0, 2.0), (None, 1)])
def test_seeds_are_whole_numbers(seed: Any, n: Any):
    with pytest.raises(InputError, match="whole number"):
        check_seeds(seed, n)


def test_what_is_no_score_and_no_checkpoint_is_refused():
    with pytest.raises(InputError, match="Score"):
        read_continued(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="checkpoint"):
        as_system(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", ["", "d" * 300])
def test_folders_that_cannot_be_are_refused(folder: str):
    with pytest.raises(InputError):
        check_folder(folder)


def test_marks_stay_where_they_make_letters():
    assert slug("Fröhlicher Walzer für Café") == "frohlicher-walzer-fur-cafe"
    assert slug("ピアノとバイオリン") == "ピアノとバイオリン"
    assert slug("हिन्दी संगीत") == "हिन्दी-संगीत"
    assert slug("\u0301\u0301 🎵\ufe0f") == "piece"


def test_a_result_is_told_in_a_line():
    score = Score.build(24, [], [], [], [], [], [])
    told = repr(Result(score, Brief(text="x" * 200), {"seed": 3}))
    assert len(told) < 160 and "seed 3" in told and "\n" not in told
