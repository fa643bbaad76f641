"""Names and titles made of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.names import MAX_BYTES, check_name, distinct, numbered, safe_name, slug, title


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


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Symphony No. 5: Allegro?", "Symphony No. 5_ Allegro_"),
        ("a::b", "a_b"),
        (".hidden", "hidden"),
        ("Song ...", "Song"),
        ("aux", "aux_"),
        ("NUL.x", "NUL_.x"),
        ("caf\udce9 1", "caf_ 1"),
        ("a\tb\u00a0c", "a b c"),
        ("ж" * 110, "ж" * 100),
        ("...", "piece"),
        ("", "piece"),
        ("Ballade Nr. 3", "Ballade Nr. 3"),
    ],
)
def test_a_name_is_made_safe(name, safe):
    assert safe_name(name) == check_name(safe)


@given(st.text(st.characters(), max_size=300), st.sampled_from(["", "-2", "-continued"]))
def test_every_name_can_be_made_safe(name, suffix):
    safe = check_name(safe_name(name, suffix))
    assert safe.endswith(suffix) and safe_name(safe) == safe


def test_numbered_names_are_no_longer_than_names_may_be():
    assert numbered("a", 1) == ["a"] and numbered("a", 2) == ["a-1", "a-2"]
    assert [len(check_name(name)) for name in numbered("x" * MAX_BYTES, 10)] == [MAX_BYTES] * 10


def test_names_that_come_again_get_numbers():
    assert distinct(["a b", "c", "A b", "a b-2"]) == ["a b", "c", "A b-3", "a b-2"]
    assert distinct(["a", "a", "a"]) == ["a", "a-2", "a-3"]


def test_titles():
    assert title("  a slow\nwaltz ") == "A slow waltz"
    assert title("") == ""
    long = title("very " * 40)
    assert len(long) <= 71 and long.endswith("very…")
