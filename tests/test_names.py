"""Names and titles made of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.names import check_name, slug, title


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a:b", "x\n", "\0", "con", "NUL.x", "a.", "ä" * 150]
)
def test_names_that_cannot_be(name):
    with pytest.raises(InputError, match="cannot be a file's name"):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "a-1", "Ballade Nr. 3", "夜曲", "x.y_z"])
def test_names_that_can(name):
    assert check_name(name) == name


def test_slugs():
    assert slug("A slow, sad Waltz!") == "a-slow-sad-waltz"
    assert slug("Ein Walzer für Geige in d-Moll") == "ein-walzer-fur-geige-in-d-moll"
    assert slug("") == slug("?!") == "piece"
    assert slug("con") == "con-piece"
    assert slug("word " * 40) == "-".join(["word"] * 9)
    assert slug("夜の ワルツ") == "夜の-ワルツ"


@given(st.text(max_size=300))
def test_a_slug_is_always_a_name(text):
    assert check_name(slug(text)) and len(slug(text)) <= 54


def test_titles():
    assert title("  a slow\nwaltz ") == "A slow waltz"
    assert title("") == ""
    long = title("very " * 40)
    assert len(long) <= 71 and long.endswith("very…")
