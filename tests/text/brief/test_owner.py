"""Which part words belong to."""

from __future__ import annotations

import pytest

from cantilena.text.brief.owner import NAME, Mentions
from cantilena.text.brief.parts import read_parts
from cantilena.text.brief.phrases import items_of, speller
from cantilena.text.brief.refusals import is_denied, mark_refusals
from cantilena.text.lexicon import Reading


def mentions_of(text: str) -> Mentions:
    reading = Reading(text, speller().mend)
    items = mark_refusals(reading, list(items_of(reading)))
    return Mentions(reading, items, read_parts(reading, items, ()).instruments)


@pytest.mark.parametrize(
    ("text", "words", "parts"),
    [
        ("soft warm strings and drums", "soft", "strings"),
        ("violin over soft drums", "soft", "drums"),
        ("piano arpeggios", "arpeggios", "piano"),
        ("strings: legato", "legato", "strings"),
        ("arpeggios on the harp", "arpeggios", "harp"),
        ("call and response between trumpet and sax", "call and response", "trumpet, saxophone"),
        ("the harp plays soft arpeggios", "arpeggios", "harp"),
        ("piano and strings get louder", "louder", "piano, strings"),
        ("the drums, played softly with brushes", "softly", "drums"),
        ("tender piano with staccato chords", "staccato", "piano"),
        ("A piano. It plays staccato.", "staccato", "piano"),
        ("upright bass and drums. The bass plays legato.", "legato", "acoustic bass"),
        ("the melody is legato", "legato", "melody"),
        ("legato flute melody", "legato", "flute"),
        ("violin plays the tune over soft chords", "soft", "accompaniment"),
        ("Strings (legato), harp", "legato", "string ensemble"),
        ("no drums, staccato piano", "staccato", "piano"),
        ("guitar, bass, legato", "legato", ""),
        ("loud rock song", "loud", ""),
    ],
)
def test_words_belong_to_a_part(text: str, words: str, parts: str) -> None:
    start = text.lower().index(words)
    assert ", ".join(mentions_of(text).owners(start, start + len(words))) == parts


def test_names_are_masked_and_their_places_stay() -> None:
    mentions = mentions_of("a grand piano, no drums")
    assert mentions.low == f"a {NAME * 11}, no drums"
    mention = mentions.at(2)
    assert mention is not None and (mention.end, mention.names) == (13, ("piano",))
    assert mentions.at(3) is None


@pytest.mark.parametrize(
    ("text", "words", "denied"),
    [
        ("no guitar solo", "guitar solo", True),
        ("without a lead vocal", "lead", True),
        ("it never gets loud", "loud", True),
        ("please don't build up", "build", True),
        ("no drums, guitar solo", "guitar", False),
        ("no drums but a guitar solo", "guitar", False),
        ("not only arpeggios", "arpeggios", False),
    ],
)
def test_a_denial_reaches_its_clause(text: str, words: str, denied: bool) -> None:
    assert is_denied(text, text.index(words)) is denied
