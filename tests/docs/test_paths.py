"""The paths that the docs name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "cantilena"
PATH = re.compile(r"`((?:[a-z_0-9]+/)+[a-z_0-9]*(?:\.py)?|[a-z_0-9]+\.py)`")
"""A module or a folder in backticks, within the package or the checkout."""
HOMES = (PACKAGE, PACKAGE / "systems" / "note", ROOT, DOCS)
"""Where a path is looked for; design.md names the note system's files without their folder."""
OTHERS = {"src/cantilena/systems/bigram.py", "sample.py"}
"""What a page tells its reader to write, and files of other programs."""

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_the_paths_of_a_page_are_there(page: Path):
    names = set(PATH.findall(page.read_text(encoding="utf-8"))) - OTHERS
    missing = {name for name in names if not any((home / name).exists() for home in HOMES)}
    assert missing == set()
