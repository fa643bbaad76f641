"""Form, changes, loudness, articulation, register and repetition, as people ask for them."""

from __future__ import annotations

import pytest

from brief_table import plain
from cantilena.text.brief import parse_brief
from cantilena.text.brief.explain import explain

FIELDS = ("articulations", "registers", "loudness", "form", "changes", "repetition")
ROWS: list[tuple[str, dict[str, str]]] = [
    # chat prompts
    ("lofi hip hop loop with a mellow rhodes, 80 bpm", {"repetition": "loop"}),
    (
        "make me a sad piano ballad that slowly builds up to a big climax and then fades out",
        {"changes": "build, fade out"},
    ),
    ("AABA jazz standard for sax and rhythm section", {"form": "A, A, B, A"}),
    ("Upbeat intro music for my cooking podcast", {}),
    (
        "rock song with verse, chorus, verse, chorus, bridge, chorus",
        {"form": "verse, chorus, verse, chorus, bridge, chorus"},
    ),
    (
        "Pop song in C: intro (4 bars), verse (8 bars), pre-chorus (4 bars), chorus (8 bars)",
        {"form": "intro 4, verse 8, pre-chorus 4, chorus 8"},
    ),
    (
        "The song gradually gets louder and faster until the end",
        {"changes": "crescendo (end), accelerando (end)"},
    ),
    (
        "an anthem that starts soft and ends loud",
        {"changes": "loudness to soft (start), loudness to loud (end)"},
    ),
    (
        "Don't build up, just keep it steady and soft the whole way",
        {"loudness": "soft"},
    ),
    ("never gets loud, stays in the lower register", {"registers": "low"}),
    (
        "Two flutes and a bassoon, the flutes are soft and legato, the bassoon staccato",
        {"articulations": "flute: legato, bassoon: staccato", "loudness": "flute: soft"},
    ),
    ("song about a broken hook and a loud crowd", {"repetition": "hook"}),
    # tags
    (
        "cinematic, slow, low strings, deep brass, quiet",
        {"registers": "strings: low, brass: low", "loudness": "soft"},
    ),
    ("high-energy drum and bass with deep bass and no drop", {"registers": "bass: low"}),
    (
        "catchy hook on synth lead, 4 on the floor, breakdown in the middle",
        {"changes": "break (middle)", "repetition": "hook"},
    ),
    (
        "EDM, 128, intro-buildup-drop-break-buildup-drop-outro",
        {
            "form": "intro, build-up, drop, breakdown, build-up, drop, outro",
            "changes": "build, drop",
        },
    ),
    ("video game boss music, loopable, intense", {"repetition": "endless"}),
    ("chill house, stripped back at the end", {"changes": "thinner (end)"}),
    (
        "bossa nova at 130, light percussion, slides on the bass",
        {"articulations": "bass: slides", "loudness": "percussion: soft"},
    ),
    # captions
    (
        "pizzicato strings and staccato flute, playful",
        {"articulations": "pizzicato strings: pizzicato, flute: staccato"},
    ),
    ("soft strings under a loud trumpet", {"loudness": "strings: soft, trumpet: loud"}),
    (
        "A soft rock song with palm-muted electric guitar",
        {"articulations": "muted electric guitar: muted"},
    ),
    (
        "The mood goes from dark to hopeful, with strings swelling towards the end",
        {"changes": "mood to hopeful, strings: crescendo (end)"},
    ),
    (
        "the drums drop out in the bridge",
        {"form": "bridge", "changes": "drums: thinner (bridge)"},
    ),
    (
        "Begins with a harp, then flute and strings enter, and finally everyone plays",
        {"form": "start (harp), middle (flute, strings), end (harp, flute, strings)"},
    ),
    (
        "starts quiet with only a piano, then drums come in, ends with everything at full blast",
        {
            "form": "start (piano), middle (drums), end (piano, drums)",
            "changes": "loudness to soft (start), loudness to very loud (end)",
        },
    ),
    # jobs for a film, and musicians
    (
        "Film cue: tense, 6/8, more and more instruments join, switches to 4/4 at the end",
        {"changes": "fuller, metre to 4/4 (end)"},
    ),
    (
        "waltz, pp at the beginning, ff at the end",
        {"changes": "loudness to very soft (start), loudness to very loud (end)"},
    ),
    (
        "12-bar blues in E, head, solos, head, ritardando at the end",
        {"form": "head, solos, head", "changes": "ritardando (end)"},
    ),
    (
        "piano piece in ternary form, middle section in the relative minor",
        {"form": "A, B, A", "changes": "key to relative minor (middle)"},
    ),
    ("A through-composed fantasy for organ, no repeats", {"repetition": "through-composed"}),
    (
        "horror, high-pitched violins, dynamics from p to ff",
        {"registers": "violin: high", "changes": "crescendo to very loud"},
    ),
    (
        "jazz trio, muted trumpet, key change up a semitone before the last chorus",
        {
            "articulations": "muted trumpet: muted",
            "form": "chorus",
            "changes": "key up a semitone (last chorus)",
        },
    ),
    # other languages
    (
        "Ein trauriges Lied mit Strophe und Refrain, Klavier leise, zum Schluss crescendo",
        {"loudness": "piano: soft", "form": "verse, chorus", "changes": "crescendo (end)"},
    ),
    (
        "canción con estrofa y estribillo, guitarra suave",
        {"loudness": "guitar: soft", "form": "verse, chorus"},
    ),
    (
        "chanson avec couplets et refrain, piano très doux, crescendo à la fin",
        {"loudness": "piano: very soft", "form": "verse, chorus", "changes": "crescendo (end)"},
    ),
    (
        "Etwas Ruhiges, wird am Ende langsamer und leiser",
        {"changes": "ritardando (end), diminuendo (end)"},
    ),
    (
        "intro: solo flute; verse: flute and harp; outro: flute",
        {"form": "intro (flute), verse (flute, harp), outro (flute)"},
    ),
    (
        "a tango that begins softly, swells in the middle, and fades away at the end",
        {"changes": "loudness to soft (start), crescendo (middle), fade out (end)"},
    ),
]
NOTHING = """
no fade-out, no drop
without an intro or outro
soft rock, hard rock, soft jazz
high energy punk, high tempo
lo-fi beat, low tempo, deep house
lower the tempo, high hat, bass drum
dubstep with drop D guitars
refrain from using drums
a bridge over troubled water
guitar with chorus and delay
break the rules, breakbeat
heartbreak, spring break, coffee break music
rain drops on a window
a soft light, quiet village at night
make it faster
a building on fire
piano in F minor
from the first to the last note, 90 bpm
slide show music
not too loud
it should never speed up or slow down
a genre-bending mix
chord progression A B C D
techno, no breakdowns, no build-ups
low key vibe, high quality
a light waltz
deep house with bass
high energy drums
ring modulation on the synth
it starts with a bang, ends with a sigh
a section for flute
"""


@pytest.mark.parametrize(("text", "wishes"), ROWS, ids=lambda value: str(value)[:60])
def test_a_course_is_understood(text: str, wishes: dict[str, str]) -> None:
    fields = plain(parse_brief(text))
    assert {name: fields[name] for name in FIELDS if name in fields} == wishes


@pytest.mark.parametrize("text", NOTHING.strip().splitlines())
def test_other_senses_and_refusals_ask_for_nothing(text: str) -> None:
    fields = plain(parse_brief(text))
    assert not set(fields) & set(FIELDS)


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("an 8-bar intro, 16-bar verse", {"bars": None}),
        ("a 32-bar tune with an 8 bar bridge", {"bars": 32}),
        ("in C, modulates to D major", {"key": "C major"}),
        ("modulates to D major", {"key": None}),
        ("ii-V-I in C, ends in D major", {"key": "C major", "chords": "Dm G C"}),
        ("90 bpm, speeds up to 140 bpm", {"tempo": 90}),
        ("gets faster at the end", {"tempo": None}),
        ("3/4, switches to 6/8 in the bridge", {"metre": "3/4"}),
        ("from sad to hopeful", {"moods": "sad, hopeful"}),
        ("soft and calm", {"moods": "calm", "loudness": "soft"}),
    ],
)
def test_what_a_piece_changes_to_is_not_what_it_is_in(text: str, wishes: dict) -> None:
    fields = plain(parse_brief(text))
    assert {name: fields.get(name) for name in wishes} == wishes


def test_a_reading_says_what_words_led_to() -> None:
    lines = {line.words: line.wish for line in explain("soft strings, fades out at the end")}
    assert lines["fades out"] == "changes: fade out (end)"
    assert lines["soft"] == "loudness: strings: soft"
    assert lines["at the end"] == "changes: fade out (end)"
    assert parse_brief("soft strings, fades out at the end").unplaced == ()
