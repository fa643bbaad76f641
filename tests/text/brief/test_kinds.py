"""What people really type: one kind of misreading after the other, and how it is read."""

from __future__ import annotations

import random

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
    "members of a band that are named": [
        ("rock band with guitar, bass and drums", {"instruments": "drums, guitar, bass"}),
        ("a rock band with two guitars", {"instruments": "electric bass, drums, guitar*2"}),
        ("string quartet and bass", {"instruments": "violin*2, viola, cello, bass"}),
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
    "who plays the whole piece": [
        ("A house track played by a flute, a harp and a cello.", {"only": True}),
        ("Pop song performed by piano and violin", {"only": True}),
        ("Upbeat funk. It is played by clavinet, bass and drums.", {"only": True}),
        ("A techno tune performed on a synth lead and a drum machine", {"only": True}),
        ("reggae in A minor, performed by organ, guitar, bass and drums, 32 bars", {"only": True}),
        ("This rock piece is played by two guitars and a bass.", {"only": True}),
        ("The melody is played by a flute and a harp, house", {"only": None}),
        ("disco, its bass line played by a tuba and a bassoon", {"only": None}),
        ("A pop song with chords played by piano and organ", {"only": None}),
        ("jazz played by a trumpet", {"only": None}),
        ("A rock song performed by a male singer", {"only": None}),
        ("pop, the verse is played by piano and cello", {"only": None}),
        ("dance track with a riff played by brass and a synth", {"only": None}),
        ("Performed by a band with guitar and piano, rock", {"only": None}),
        ("house played by flute, harp and cello, with a beat", {"only": None}),
        ("Played by a flute and a harp, this house track is warm", {"only": True}),
        ("Only flute and harp, house", {"only": True}),
        ("a pop song, played by flute and harp and accompanied by drums", {"only": True}),
        ("A rumba played by guitar, marimba and shaker, then a trumpet joins", {"only": None}),
        ("The recording of a pop song is played by violin and piano at a wedding", {"only": True}),
        ("A house beat with a solo played by trumpet and trombone", {"only": None}),
        ("Ein Popsong, gespielt von Flöte und Harfe", {"only": True}),
        ("Une chanson pop jouée par une flûte et une harpe", {"only": True}),
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
    "nouns made of a genre's name": [
        ("a country house", {"genres": None}),
        ("tea in the country house", {"genres": None}),
        ("a country house banger, 124 bpm", {"genres": "country, house"}),
        ("folk house", {"genres": "folk, house"}),
        ("metal trap", {"genres": "metal, hip hop"}),
        ("zen rock garden, koto", {"genres": "new age"}),
        ("rock climbing video", {"genres": None}),
        ("soul food kitchen", {"genres": None}),
        ("soulmate, soul mate", {"genres": None}),
        ("rusty metal gate", {"genres": None}),
        ("jungle gym, jungle temple", {"genres": None}),
        ("bear trap, dark", {"genres": None, "moods": "dark"}),
        ("a tree house, ukulele", {"genres": None}),
        ("evening at the opera house", {"genres": None}),
        ("a coffee house in Vienna", {"genres": None}),
        ("beach house, 120 bpm", {"genres": "house"}),
        ("relaxing beach house holiday", {"genres": None}),
        ("pop art exhibition", {"genres": None}),
        ("old folk tales, harp", {"genres": None}),
        ("early March morning, piano", {"genres": None}),
        ("in March", {"genres": None}),
        ("in march style", {"genres": "march"}),
        ("winter march", {"genres": "march"}),
        ("a game show", {"genres": None}),
        ("a slow dance", {"genres": "ballad", "tempo": 68}),
        ("a country dance", {"genres": "folk"}),
        ("barn dance", {"genres": "country"}),
    ],
    "what is left open": [
        ("jazz, piano or no piano", {"instruments": None, "excluded": None}),
        ("with or without drums, rock", {"instruments": None, "excluded": None}),
        ("with or without drums or bass", {"instruments": None, "excluded": None}),
        ("piano, drums optional", {"instruments": "piano"}),
        ("flute, vocals (optional)", {"instruments": "flute"}),
        ("rock, drums or not", {"instruments": None, "excluded": None}),
        ("with drums or without", {"instruments": None, "excluded": None}),
        ("either with drums or without them", {"instruments": None, "excluded": None}),
        ("I don't mind drums", {"instruments": None, "excluded": None}),
        ("I don't care about drums", {"instruments": None, "excluded": None}),
        ("whether or not drums are used", {"instruments": None, "excluded": None}),
        ("swing or no swing", {"swing": None}),
        ("with or without a saxophone solo", {"instruments": None, "excluded": None}),
        ("mit oder ohne Klavier", {"instruments": None, "excluded": None}),
        ("piano or no drums", {"instruments": "piano", "excluded": [128]}),
        ("drums, no piano", {"instruments": "drums"}),
        ("with drums, without piano", {"instruments": "drums"}),
        ("maybe a flute", {"instruments": "flute"}),
        ("an optional flute over strings", {"instruments": "strings"}),
    ],
    "lengths": [
        ("16 bars, fade out over the last 4 bars", {"bars": 16}),
        ("ends after 32 bars", {"bars": 32}),
        ("a radio jingle", {"bars": None}),
        ("2-3 minutes of ambient", {"seconds": 150}),
        ("silence for the first 10 seconds", {"seconds": None}),
        ("a 4 bar drum break", {"bars": None}),
    ],
    "ranges of lengths": [
        ("31 ~ 45 seconds of harp", {"seconds": 38, "seconds_range": "31-45", "unplaced": None}),
        ("8 to 12 bars, waltz", {"bars": 10, "bars_range": "8-12", "unplaced": None}),
        ("between 1 and 2 minutes", {"seconds": 90, "seconds_range": "60-120"}),
        ("eight to twelve bars", {"bars": 10, "bars_range": "8-12", "unplaced": None}),
        ("between 30 seconds and 1 minute", {"seconds": 45, "seconds_range": "30-60"}),
        ("30 seconds to a minute of jazz", {"seconds": 45, "seconds_range": "30-60"}),
        ("lasts 30s-45s", {"seconds": 37.5, "seconds_range": "30-45"}),
        ("8 bars to 16 bars", {"bars": 12, "bars_range": "8-16"}),
        ("8 or 16 bars of techno", {"bars": 8, "bars_range": "8-16"}),
        ("pop, 1:00-2:00", {"seconds": 90, "seconds_range": "60-120"}),
        ("1 minute and 30 seconds", {"seconds": 90, "seconds_range": None}),
        ("60-70s pop", {"seconds": None, "seconds_range": None}),
        ("16 bars or 30 seconds", {"bars": 16, "seconds": 30, "bars_range": None}),
        ("verses of 8 to 12 bars each", {"bars": None, "bars_range": None}),
        ("8-12 bars, 20-30 seconds", {"bars_range": "8-12", "seconds_range": "20-30"}),
    ],
    "limits of lengths": [
        ("a jingle under 30 seconds", {"seconds": 27.3, "seconds_range": "0.5-30"}),
        ("no longer than 2 minutes", {"seconds_range": "0.5-120", "unplaced": None}),
        ("must not exceed 20 seconds", {"seconds_range": "0.5-20"}),
        ("at least 8 bars", {"bars": 8, "bars_range": "8-1000", "unplaced": None}),
        ("not less than 8 bars", {"bars_range": "8-1000"}),
        ("more than 8 bars", {"bars": 9, "bars_range": "9-1000"}),
        ("no more than 16 bars", {"bars": 16, "bars_range": "1-16"}),
        ("fewer than 16 bars", {"bars": 15, "bars_range": "1-15"}),
        ("16 bars max, piano", {"bars": 16, "bars_range": "1-16", "unplaced": None}),
        ("30 seconds or longer", {"seconds_range": "30-3600", "unplaced": None}),
        ("2+ minutes of ambient", {"seconds_range": "120-3600", "unplaced": None}),
        ("a loop of up to 8 bars", {"bars": 8, "bars_range": "1-8"}),
        ("lasting over 1:30", {"seconds_range": "90-3600"}),
        ("at least 8 bars, at most 16 bars", {"bars": 12, "bars_range": "8-16"}),
        ("builds up to 30 seconds in", {"seconds": None, "seconds_range": None}),
        ("a melody that develops over 16 bars", {"bars": 16, "bars_range": None}),
        ("hochstens 16 takte", {"bars": 16, "bars_range": "1-16"}),
        ("16 bars, under a minute", {"bars": 16, "seconds_range": "0.5-60"}),
        ("120 bpm, 16 bars, under a minute", {"bars": 16, "seconds_range": "0.5-60"}),
        ("120 bpm, 16 bars, under 10 seconds", {"bars": 16, "seconds_range": None}),
        ("a tune, over 12 bars, dense", {"bars": 12, "bars_range": None}),
        ("a fade over 2 minutes", {"seconds": 120, "seconds_range": None}),
        ("16 bars, under 30 seconds", {"bars": 16, "tempo": 140.7, "seconds_range": "0.5-30"}),
        ("16 bars, under a minute", {"bars": 16, "tempo": None}),
        ("dnb, 64 bars, under 100 seconds", {"bars": 64, "tempo": None}),
        ("A min of jazz", {"seconds": 60}),
        ("waltz in A min, 16 bars", {"key": "A minor", "bars": 16, "bars_range": None}),
        ("30 seconds + drums", {"seconds": 30, "seconds_range": None}),
        ("jazz, 30 seconds, at most 2 minutes", {"seconds": 30, "unplaced": "2 minutes"}),
    ],
    "tempi": [
        ("at a not too hurried pace", {"tempo": 102}),
        ("neither slow nor fast", {"tempo": 106}),
        ("a swift tune", {"tempo": 144}),
    ],
    "degrees are spelled in their key": [
        ("I IV V in Gb major", {"chords": "Gb Cb Db"}),
        ("i VI VII i in Eb minor", {"chords": "Ebm Cb Db Ebm"}),
        ("I iii IV in C# major", {"chords": "C# E#m F#"}),
        ("I viidim I in F# major", {"chords": "F# E#dim F#"}),
        ("i iv V in D# minor", {"chords": "D#m G#m A#"}),
        ("I bVII IV in Gb major", {"chords": "Gb Fb Cb"}),
        ("I V/V V in F# major", {"chords": "F# G# C#"}),
        ("I #IVdim V in C major", {"chords": "C F#dim G"}),
        ("i bII V in A minor", {"chords": "Am Bb E"}),
        ("i viidim i in G minor", {"chords": "Gm F#dim Gm"}),
        (
            "12-bar blues in Cb",
            {"key": "Cb major", "chords": "Cb7 " * 4 + "Fb7 Fb7 Cb7 Cb7 Gb7 Fb7 Cb7 Gb7"},
        ),
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


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("waltz in C# minor 3/4", "C# minor"),
        ("minuet in G minor 3/4 time", "G minor"),
        ("piece in D minor 7/8", "D minor"),
        ("a song in A minor 120 bpm", "A minor"),
        ("rock in E minor 16 bars", "E minor"),
        ("pop in D minor 9 bars", "D minor"),
        ("jazz with C minor 7 chords", None),
    ],
)
def test_a_number_behind_a_key_makes_it_a_chord_only_where_chords_have_it(text: str, key: str):
    assert parse_brief(text).key == key


@pytest.mark.parametrize("seed", range(40))
def test_a_list_of_players_is_all_and_of_players_of_a_part_is_not(seed: int):
    rng = random.Random(seed)
    names = rng.sample(["flute", "harp", "cello", "piano", "organ", "trumpet"], rng.randint(2, 4))
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    verb, genre = rng.choice(["played", "performed"]), rng.choice(["pop", "house", "funk"])
    whole = parse_brief(f"A {genre} {rng.choice(['song', 'track', 'piece'])} {verb} by {listed}")
    assert whole.only and [i.name for i in whole.instruments] == names
    part = rng.choice(["melody", "bass line", "riff", "chorus", "chords", "solo"])
    assert not parse_brief(f"A {genre} song, the {part} is {verb} by {listed}").only
