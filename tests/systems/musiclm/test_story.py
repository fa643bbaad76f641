"""Stories: what is read, and what is wrong with those that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.api import brief_of_story, story_for
from cantilena.errors import InputError
from cantilena.systems import SYSTEMS, resolve
from cantilena.systems.musiclm.story import STORY_SYSTEMS, Part, read_story, story_of, story_text

WORDS = st.text("abc xyz'!", min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0:calm 5:fast drums", [(0, "calm"), (5, "fast drums")]),
        ("0: calm;15 : wake up, 30:run", [(0, "calm"), (15, "wake up"), (30, "run")]),
        ("0:one  2.5:two\n3.25:three", [(0, "one"), (2.5, "two"), (3.25, "three")]),
        ("0:a piece at 120 bpm", [(0, "a piece at 120 bpm")]),
        ("0:mp3:like", [(0, "mp3:like")]),
        (
            "0:00:calm 0:45:fast, 1:30:run 2:05.5:end",
            [(0, "calm"), (45, "fast"), (90, "run"), (125.5, "end")],
        ),
        ("0:calm 90:run", [(0, "calm"), (90, "run")]),
        ("0:4 flutes 5:12 horns", [(0, "4 flutes"), (5, "12 horns")]),
    ],
)
def test_a_story_is_read(text: str, parts: list[tuple[float, str]]):
    assert list(read_story(text)) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with a second"),
        ("calm", "does not begin with a second"),
        ("calm 5:fast", "does not begin with a second"),
        ("3:calm", "begins at second 0, not at 3"),
        ("-1:calm", "begins at second 0, not at -1"),
        ("0:calm 5:", "at 5 s has no words"),
        ("0: 5:fast", "at 0 s has no words"),
        ("1:30:calm", "begins at second 0, not at 90"),
        ("0:calm 1:75:run", "1:75 is no time of a story"),
        ("0:a 5:b 5:c", "seconds of a story rise; 5 stands behind 5"),
        ("0:a 5:b 2:c", "2 stands behind 5"),
        ("0:a 10:b", "at 10 s begins behind the end of a piece of 10 s"),
        (" ".join(f"{i}:a" for i in range(300)), "at most 200 parts"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str):
    with pytest.raises(InputError, match=message):
        read_story(text, 10.0)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 40))
def test_reading_undoes_writing(words: list[str], step: int):
    parts = tuple(Part(i * step / 4, text) for i, text in enumerate(words))
    assert read_story(story_text(parts)) == parts
    assert story_of([tuple(part) for part in parts]) == story_of(story_text(parts))


@pytest.mark.parametrize("story", [5, [("a", "b")], [(0,)], [(0, "a 3:b")], []])
def test_what_is_no_story_is_refused(story: object):
    with pytest.raises(InputError):
        story_of(story)  # type: ignore[arg-type]


def test_a_story_is_for_a_system_that_tells_them_and_stands_alone():
    pytest.importorskip("torch")
    able = [name for name in SYSTEMS if "story" in resolve(SYSTEMS[name].home).options]
    assert tuple(able) == STORY_SYSTEMS
    with pytest.raises(InputError, match="'note' tells no story; musiclm can"):
        story_for("note", "0:calm")
    with pytest.raises(InputError, match="both a text and a story"):
        story_for("musiclm", "0:calm", "fast")
    with pytest.raises(InputError, match="characters"):
        story_for("musiclm", "0:" + "a" * 5000)
    brief = brief_of_story("0:calm 120 bpm", seconds=5)
    assert (brief.text, brief.tempo, brief.seconds) == ("0:calm 120 bpm", None, 5.0)
