"""``evaluate retrieval`` of clips that it can say nothing of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cantilena.errors import InputError
from cantilena.evaluate.retrieval import evaluate_retrieval


class Captionless:
    """A split of one clip without captions."""

    split = "test"

    def __len__(self) -> int:
        return 1

    def clip(self, i: int) -> Any:
        return SimpleNamespace(captions=())


def test_clips_without_captions_are_refused_and_nothing_is_written(tmp_path):
    data: Any = Captionless()
    embedder: Any = None
    with pytest.raises(InputError, match="none of these clips has a caption"):
        evaluate_retrieval(embedder, "ours", data, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
