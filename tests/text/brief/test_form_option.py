"""Forms as options give them: lists of sections, letters and names, and what is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import BriefError, InputError
from cantilena.text.brief import merge, parse_brief
from cantilena.text.brief.form_option import MAX_SECTION_BARS, MAX_SECTIONS
from cantilena.text.wishes import MAX_BARS, Brief, Section, section_words

SONG = "intro 4, verse 8, chorus 8, verse 8, chorus 8, outro 4"


def form(value: str | list[str], text: str = "rock") -> str:
    return ", ".join(map(section_words, merge(parse_brief(text), form=value).form))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (SONG, SONG),
        (SONG.split(", "), SONG),
        ("intro 4 verse 8 chorus 8", "intro 4, verse 8, chorus 8"),
        ("Intro: 4 | VERSE (8 bars) -> Refrain", "intro 4, verse 8, chorus"),
        ("4-bar intro, 8 bars of verse", "intro 4, verse 8"),
        ("verse 8 x2, chorus 8 x 2", "verse 8, verse 8, chorus 8, chorus 8"),
        ("AABA", "A, A, B, A"),
        ("aaba", "A, A, B, A"),
        ("A-B-A", "A, B, A"),
        ("A A' B A", "A, A, B, A"),
        ("A8 B8 A8", "A 8, B 8, A 8"),
        ("AAB 16", "A 16, A 16, B 16"),
        ("rondo", "A, B, A, C, A"),
        ("theme and 2 variations", "theme, variation, variation"),
        ("theme 8, variation, variation 16", "theme 8, variation, variation 16"),
        ("Strophe 8, pre chorus, middle 8", "verse 8, pre-chorus, bridge"),
        ("intro 2, verse 3", "intro 2, verse 3"),  # bars, which a text would not take them for
        ("verse 1, chorus, verse 2, chorus", "verse, chorus, verse, chorus"),
        ("head, solos 32, head", "head, solos 32, head"),
        ("verse 8, outro (piano) 4", "verse 8, outro 4 (piano)"),
        (
            "intro 4 (piano, drums), verse (lead and bass)",
            "intro 4 (piano, drums), verse (melody, bass)",
        ),
    ],
)
def test_a_form_is_read(value: str | list[str], words: str):
    assert form(value) == words
    assert form(words) == words


@given(
    st.lists(
        st.builds(
            Section,
            st.sampled_from(["intro", "verse", "pre-chorus", "chorus", "A", "B", "solos"]),
            st.none() | st.integers(4, MAX_SECTION_BARS),
            st.sampled_from([(), ("piano",), ("flute", "drums"), ("melody",)]),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_sections_are_read_as_they_are_shown(sections: list[Section]):
    assert merge(Brief(), form=sections).form == tuple(sections)
    brief = merge(Brief(), form=", ".join(map(section_words, sections)))
    assert brief.form == tuple(sections) and brief.form_whole


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "names no section"),
        (" , ", "names no section"),
        ("42", "'42'"),
        ("intro 0", "'intro' in the form has 0 bars"),
        ("intro 4, verse 1000", "'verse' in the form has 1,000 bars"),
        ("verse 8, vrese 8", "'vrese'"),
        ("verse 8 4", "'4'"),
        ("verse " + "9" * 5000, "'9999"),
        ("bad", "'bad'"),
        ("verse x0", "0"),
        ("verse (kazoo)", "kazoo"),
        ("A" * (MAX_SECTIONS + 1), f"{MAX_SECTIONS + 1} sections"),
        ("verse x999999999", "999,999,999"),
        ("A128 " * 8, f"1,024 bars; a piece has {MAX_BARS:,}"),
    ],
)
def test_what_is_no_form_is_refused_in_a_sentence(value: str, words: str):
    with pytest.raises(InputError) as caught:
        form(value)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_form_stands_above_the_texts():
    brief = merge(parse_brief("rock with an intro and a bridge"), form="AB")
    assert brief.form == (Section("A"), Section("B")) and brief.how["form"] == "said"


def test_a_length_that_is_said_stays_and_one_that_follows_from_a_word_gives_way():
    assert merge(parse_brief("32 bars of rock"), form="A8 B8").bars == 32
    assert merge(Brief(), bars=32, form="A8 B8").bars == 32
    assert parse_brief("a short waltz").bars
    assert merge(parse_brief("a short waltz"), form="A8 B8").bars is None
    with pytest.raises(BriefError, match="4 sections, which do not fit into 3 bars"):
        merge(Brief(), form="AABA", bars=3)


def test_who_plays_in_a_section_is_among_the_instruments():
    brief = merge(parse_brief("flute and piano"), form="intro (piano), verse (drums, cello)")
    assert [i.name for i in brief.instruments] == ["flute", "piano", "cello"]
    brief = merge(parse_brief("flute, no piano"), form="intro (piano)")
    assert [i.name for i in brief.instruments] == ["flute", "piano"] and 0 not in brief.excluded
    with pytest.raises(BriefError, match="'cello'"):
        merge(Brief(), instruments="flute, piano", form="intro (cello)")


def test_an_implied_length_in_a_text_holds_no_longer_form():
    brief = parse_brief("12-bar blues, intro 4, verse 12, chorus 12, outro 4")
    assert brief.bars is None and "bars" not in brief.how
    assert parse_brief("a 12-bar blues with a 4-bar intro").bars == 12
