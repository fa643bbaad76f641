"""Roles and figures in whole sentences, what asks for none, and what they never do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brief_table import plain
from cantilena.text.brief import parse_brief
from cantilena.text.brief.explain import explain
from cantilena.text.wordlists import split_words

SENTENCES: list[tuple[str, dict]] = [
    (
        "house for synth lead, synth pad and drums, led by the synth pad",
        {"roles": "synth pad: lead", "figures": None},
    ),
    (
        "The synth pad plays an ostinato below a synth lead.",
        {"roles": "synth lead: lead", "figures": "synth pad: ostinato"},
    ),
    ("a staccato synth pad, synth lead", {"figures": None, "articulations": "synth pad: staccato"}),
    ("block chords on a synth pad", {"figures": "synth pad: block chords"}),
    ("synth pad and an arpeggiated piano", {"figures": "synth pad: pad, piano: arpeggio"}),
    ("lead guitar, the flute has the melody", {"roles": "guitar: lead, flute: lead"}),
    (
        "A calm piece where the flute carries the melody over soft strings.",
        {"roles": "flute: lead, strings: accompaniment"},
    ),
    ("jazz quartet, led by a trumpet, walking bass", {"roles": "trumpet: lead"}),
    (
        "harp and flute share the tune, cellos play long notes",
        {"roles": "harp: lead, flute: lead"},
    ),
    (
        "percussion keeps the beat while marimba has the melody",
        {"roles": "percussion: drums, marimba: lead"},
    ),
    ("polka with oom-pah tuba and accordion lead", {"roles": "accordion: lead"}),
    (
        "backed by a string section, the singer carries the tune",
        {"roles": "string ensemble: accompaniment, voice: lead"},
    ),
    (
        "upright bass and jazz guitar, the bass walks and the guitar plays chords",
        {"roles": "jazz guitar: accompaniment", "figures": "acoustic bass: walking bass"},
    ),
    (
        "A woman sings, accompanied by strings and a harp playing arpeggios.",
        {"roles": "strings: accompaniment, harp: accompaniment", "figures": "harp: arpeggio"},
    ),
    ("shuffle blues with harmonica fills", {"figures": "shuffle, harmonica: fills", "swing": True}),
    ("clarinet, bass line on tuba", {"instruments": "clarinet, tuba", "roles": "tuba: bass"}),
    (
        "Melodie in der Flöte, Streicher im Hintergrund",
        {"roles": "flute: lead, strings: background"},
    ),
    ("guitarra con acompañamiento de piano", {"roles": "piano: accompaniment"}),
    (
        "harpe en arpèges et mélodie à la flûte",
        {"roles": "flute: lead", "figures": "harp: arpeggio"},
    ),
]


@pytest.mark.parametrize(("text", "wishes"), SENTENCES, ids=lambda x: str(x)[:40])
def test_a_sentence_gives_roles_and_figures(text: str, wishes: dict) -> None:
    fields = plain(parse_brief(text))
    assert {name: fields.get(name) for name in wishes} == wishes


@pytest.mark.parametrize(
    "text",
    [
        "no guitar solo, organ",
        "the organ never plays the melody",
        "a tune without a lead vocal, piano",
        "no lead, only a kalimba",
        "don't let the trumpet lead, harp",
        "drum and bass with a lead of strings",
        "A bass plays the bass line.",
        "a catchy melody, piano and drums",
        "unaccompanied solo piano nocturne",
        "The song runs at 100 bpm and fills the room with light, piano",
        "the piano leads into the chorus, drums",
        "rhythm section, organ",
        "flute soars over everything and then a harp enters",
    ],
)
def test_what_asks_for_no_role(text: str) -> None:
    brief = parse_brief(text)
    assert (brief.roles, brief.figures) == ((), ())
    assert not {"roles", "figures"} & brief.how.keys()


def test_words_that_gave_a_role_are_placed_and_others_are_not() -> None:
    brief = parse_brief("the cello carries a wobbly tune, the organ accompanies")
    assert brief.unplaced == ("wobbly",)
    lines = {line.words: line.wish for line in explain(brief.text)}
    assert lines["cello carries a wobbly tune"] == "roles: cello: lead"
    assert lines["organ accompanies"] == "roles: organ: accompaniment"


WORDS = split_words(
    """
    flute piano strings bass tuba drums choir guitar sax lead solo melody tune leads carries plays
    the a and with over accompanied by in background riff arpeggios walking pads no without on , .
    """
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=16).map(" ".join))
def test_a_role_names_asked_instruments_alone(text: str) -> None:
    brief = parse_brief(text)
    names = {i.name for i in brief.instruments} | {"melody", "bass", "accompaniment", "drums", ""}
    assert {wish.part for wish in (*brief.roles, *brief.figures)} <= names
