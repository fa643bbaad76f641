"""What docs/design.md says of the levels of packages is what the contract tests check."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "design.md"
LAYERS = ROOT / "tests" / "contract" / "test_layers.py"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not beside the tests")


def levels_of_the_page() -> list[set[str]]:
    """The packages of each row of the page's table."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("| packages, from the lowest |") :].split("\n\n")[0]
    return [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines()[2:]]


def test_the_levels_are_those_of_the_contract():
    spec = importlib.util.spec_from_file_location("layers", LAYERS)
    assert spec and spec.loader
    layers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layers)
    page = levels_of_the_page()
    assert len(page) == len(layers.LEVELS)
    for written, names in zip(page, layers.LEVELS, strict=True):
        assert written == set(names)
