"""docs/realism.md lists the features that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cantilena.analysis.features import FEATURES
from cantilena.evaluate.ensembles import KINDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "realism.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not beside the tests")


def test_the_features_of_the_page_are_those_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    assert rows == [tuple(feature) for feature in FEATURES]


def test_the_page_names_every_kind_of_ensemble():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in KINDS)
