"""What people really type: one kind of misreading after the other, and how it is read."""

from __future__ import annotations

import pytest

from brief_table import plain
from cantilena.text.brief import parse_brief

KINDS: dict[str, list[tuple[str, dict]]] = {
    "no key where none is spoken of": [
        ("It gets calmer at the end.", {"key": None}),
        ("Lofi, Amin, 90 bpm", {"key": "A minor", "seconds": None}),
        ("The tonality is E flat.", {"key": "Eb major"}),
        ("A tune that fades. The key of the piece is Dmaj.", {"key": "D major", "chords": None}),
    ],
    "refusals after the name, and exceptions": [
        ("Strings and harp. Drums are not used.", {"instruments": "strings, harp"}),
        ("The organ and the tuba are absent.", {"instruments": None}),
        ("The guitar isn't used here; the bass is.", {"instruments": "bass"}),
        ("The piano is not loud.", {"instruments": "piano", "excluded": None}),
        ("Everything rests except the harp.", {"instruments": "harp", "excluded": None}),
    ],
    "drum and bass": [
        ("Sax, piano, drum and bass jam", {"instruments": "saxophone, piano, drums, bass"}),
        ("drum and bass at 172", {"genres": "electronic", "instruments": None}),
        ("synth pads, drum and bass beat", {"genres": "electronic"}),
    ],
    "parts that are taken up again": [
        ("marimba and conga drums", {"instruments": "marimba, percussion"}),
        ("electric guitar, acoustic guitar", {"instruments": "electric guitar, acoustic guitar"}),
        ("guitar, electric guitar", {"instruments": "guitar, electric guitar"}),
        ("A synth pad and strings. The pad swells.", {"instruments": "synth pad, strings"}),
        ("a bass guitar and a guitar", {"instruments": "electric bass, guitar"}),
    ],
    "voices and adjectives": [
        ("three voices: flute, oboe and bassoon", {"instruments": "flute, oboe, bassoon"}),
        ("for two voices and piano", {"instruments": "voices*2, piano"}),
        ("synth lead, voices, flute", {"instruments": "synth lead, voices, flute"}),
        ("jazz with vibes", {"instruments": "vibraphone"}),
        ("good vibes only, ukulele", {"instruments": "ukulele"}),
        (
            "electric and acoustic guitars, drums",
            {"instruments": "electric guitar, acoustic guitar, drums"},
        ),
        ("upright bass and jazz guitar", {"instruments": "acoustic bass, jazz guitar"}),
    ],
    "that is all": [
        ("Strings, no other instruments.", {"only": True}),
        ("played by a solo violin", {"only": True}),
        ("by a solo violin over strings", {"only": None}),
        ("a piece with a lone trumpet", {"instruments": "trumpet"}),
    ],
    "players by trade": [
        ("a saxophonist, a pianist and a drummer", {"instruments": "saxophone, piano, drums"}),
        ("a woman sings over a cellist", {"instruments": "voice, cello"}),
        ("male and female vocals with guitar", {"instruments": "voice*2, guitar"}),
    ],
    "genres": [
        ("a jazz and soul tune", {"genres": "jazz, soul"}),
        ("a folk lullaby", {"genres": "folk, children"}),
        ("traditional Irish tune", {"genres": "celtic"}),
        ("harp for a yoga class", {"genres": None}),
        ("time to dance", {"genres": None}),
        ("rock in the key of G", {"genres": "rock"}),
    ],
    "lengths": [
        ("16 bars, fade out over the last 4 bars", {"bars": 16}),
        ("ends after 32 bars", {"bars": 32}),
        ("a radio jingle", {"bars": None}),
        ("2-3 minutes of ambient", {"seconds": 150}),
        ("silence for the first 10 seconds", {"seconds": None}),
        ("a 4 bar drum break", {"bars": None}),
    ],
    "tempi": [
        ("at a not too hurried pace", {"tempo": 102}),
        ("neither slow nor fast", {"tempo": 106}),
        ("a swift tune", {"tempo": 144}),
    ],
    "chords": [
        ('Chords: "C", \'G\', "D"', {"chords": "C G D"}),
        ("The chord is C sharp minor.", {"chords": "C#m"}),
        ("The chord sequence is A.", {"chords": "A"}),
        ("the chord progression is D flat major seventh, E flat seven", {"chords": "Dbmaj7 Eb7"}),
        ('sections "A", "B" and "A"', {"chords": None}),
    ],
    "one of several": [
        ("either a harp or a piano", {"instruments": "harp"}),
        ("bass or drums are not needed", {"instruments": None}),
    ],
    "other languages": [
        ("ドラムなしのピアノソロ", {"instruments": "piano", "excluded": [128]}),
        ("没有鼓的爵士钢琴, 90 BPM", {"instruments": "piano", "genres": "jazz", "tempo": 90}),
        ("嬰ハ短調、ゆっくり", {"key": "C# minor", "tempo": 68}),
        ("bossa nova com violão e flauta", {"instruments": "guitar, flute"}),
        ("une ligne de basse et un clavier", {"instruments": "bass, keyboard"}),
        ("A trumpet and a tabor", {"instruments": "trumpet"}),
    ],
    "composers and artists": [
        ("in the manner of Ravel", {"genres": "classical"}),
        ("like Bob Marley", {"genres": "reggae"}),
    ],
}


@pytest.mark.parametrize(
    ("text", "wishes"), [pytest.param(*row, id=row[0]) for rows in KINDS.values() for row in rows]
)
def test_a_kind_is_read(text: str, wishes: dict) -> None:
    fields = plain(parse_brief(text))
    assert {name: fields.get(name) for name in wishes} == wishes


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("rock with double bass", 32),
        ("double bass, piano and drums", 32),
        ("violin, cello and upright bass", 43),
        ("classical piece with double bass", 43),
        ("folk with upright bass", 32),
    ],
)
def test_a_double_bass_is_played_as_its_company_plays(text: str, program: int) -> None:
    basses = [
        i for i in parse_brief(text).instruments if i.name in ("double bass", "acoustic bass")
    ]
    assert [i.programs[0] for i in basses] == [program]


@pytest.mark.parametrize("text", ["no drums but congas", "congas, no drums", "percussion"])
def test_percussion_stays_on_the_drum_channel(text: str) -> None:
    brief = parse_brief(text)
    assert brief.instruments[0].programs[0] == 128 and 128 not in brief.excluded
