"""Names of keys and chords."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import BriefError
from cantilena.score.harmony import N_CHORDS, QUALITIES, Chord, Key, note_name, parse_chord

MINOR, MAJOR = (0, 3, 7), (0, 4, 7)
SPELLED: dict[str, tuple[int, ...]] = {
    "C": MAJOR,
    "Cmaj": MAJOR,
    "CM": MAJOR,
    "Cm": MINOR,
    "Cmin": MINOR,
    "C-": MINOR,
    "Cmi": MINOR,
    "C7": (0, 4, 7, 10),
    "Cdom7": (0, 4, 7, 10),
    "Cmaj7": (0, 4, 7, 11),
    "CM7": (0, 4, 7, 11),
    "CΔ": (0, 4, 7, 11),
    "C^7": (0, 4, 7, 11),
    "Cma7": (0, 4, 7, 11),
    "C7M": (0, 4, 7, 11),
    "Cm7": (0, 3, 7, 10),
    "C-7": (0, 3, 7, 10),
    "CmMaj7": (0, 3, 7, 11),
    "CmM7": (0, 3, 7, 11),
    "Cm(maj7)": (0, 3, 7, 11),
    "C-Δ7": (0, 3, 7, 11),
    "Cminmaj7": (0, 3, 7, 11),
    "Cdim": (0, 3, 6),
    "C°": (0, 3, 6),
    "Co7": (0, 3, 6, 9),
    "Cdim7": (0, 3, 6, 9),
    "Cø": (0, 3, 6, 10),
    "Cm7b5": (0, 3, 6, 10),
    "Cø7": (0, 3, 6, 10),
    "Caug": (0, 4, 8),
    "C+": (0, 4, 8),
    "C+7": (0, 4, 8, 10),
    "C7+": (0, 4, 8, 10),
    "C7#5": (0, 4, 8, 10),
    "Csus": (0, 5, 7),
    "Csus4": (0, 5, 7),
    "Csus2": (0, 2, 7),
    "C7sus4": (0, 5, 7, 10),
    "C9sus4": (0, 5, 7, 10, 14),
    "Csus2sus4": (0, 2, 5, 7),
    "C5": (0, 7),
    "C6": (0, 4, 7, 9),
    "Cm6": (0, 3, 7, 9),
    "C6/9": (0, 4, 7, 9, 14),
    "C69": (0, 4, 7, 9, 14),
    "Cadd9": (0, 4, 7, 14),
    "Cmadd9": (0, 3, 7, 14),
    "C(add9)": (0, 4, 7, 14),
    "C9": (0, 4, 7, 10, 14),
    "Cmaj9": (0, 4, 7, 11, 14),
    "Cm9": (0, 3, 7, 10, 14),
    "C11": (0, 4, 7, 10, 14, 17),
    "C13": (0, 4, 7, 10, 14, 21),
    "C7b9": (0, 4, 7, 10, 13),
    "C7#9": (0, 4, 7, 10, 15),
    "C13b9": (0, 4, 7, 10, 13, 21),
    "C7(b9,#11)": (0, 4, 7, 10, 13, 18),
    "C7b9b13": (0, 4, 7, 10, 13, 20),
    "Cmaj7#11": (0, 4, 7, 11, 18),
    "C7omit3": (0, 7, 10),
    "C7no5": (0, 4, 10),
    "Calt": (0, 4, 10, 13, 20),
    "C7-9": (0, 4, 7, 10, 13),
}


@pytest.mark.parametrize(("symbol", "intervals"), SPELLED.items())
def test_spellings(symbol: str, intervals: tuple[int, ...]) -> None:
    for root, letters in ((0, "C"), (3, "Eb"), (6, "F♯"), (10, "B♭")):
        chord = parse_chord(letters + symbol[1:])
        assert chord.root == root
        assert chord.intervals == intervals
        assert chord.symbol == symbol[1:]


@pytest.mark.parametrize(
    ("symbol", "root", "bass"),
    [
        ("C/E", 0, 4),
        ("F/A", 5, 9),
        ("Bb/D", 10, 2),
        ("C6/9", 0, None),
        ("C6/9/E", 0, 4),
        ("Dm7/G", 2, 7),
        ("F#m/C#", 6, 1),
    ],
)
def test_slash_chords(symbol: str, root: int, bass: int | None) -> None:
    chord = parse_chord(symbol)
    assert (chord.root, chord.bass) == (root, bass)
    assert parse_chord(chord.name()) == chord
    assert bass is None or bass in chord.pitch_classes


@pytest.mark.parametrize("number", range(1, N_CHORDS))
def test_numbers_and_names_round_trip(number: int) -> None:
    chord = Chord.from_number(number)
    assert chord.number == number
    assert parse_chord(chord.name()) == chord == parse_chord(chord.name(flats=True))


@pytest.mark.parametrize(
    "text",
    ["", "H", "Cx", "Cmm", "C7777", "Bass", "Dad", "Cab", "Game", "C(", "Cno", "c", "C" * 99],
)
def test_what_is_no_chord(text: str) -> None:
    with pytest.raises(BriefError, match="is not a chord"):
        parse_chord(text)


@given(st.text(alphabet="ABCDEFGabm7#♭+-/()91sujdi°øΔ35 46", max_size=60))
def test_nothing_else_is_raised(text: str) -> None:
    try:
        chord = parse_chord(text)
    except BriefError:
        return
    assert chord.quality in QUALITIES
    assert 1 <= chord.number < N_CHORDS
    assert all(0 <= i <= 22 for i in chord.intervals)
    assert chord.transposed(12) == chord


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("D minor", "D minor"),
        ("Bb major", "Bb major"),
        ("F#m", "F# minor"),
        ("c", "C minor"),
        ("d-Moll", "D minor"),
        ("Es-Dur", "Eb major"),
        ("As-Dur", "Ab major"),
        ("C", "C major"),
        ("fis-Moll", "F# minor"),
        ("B-Dur", "Bb major"),
        ("h-Moll", "B minor"),
        ("G♭", "Gb major"),
        ("Ebm", "Eb minor"),
        ("D# minor", "D# minor"),
        ("Ab minor", "Ab minor"),
        ("Cb major", "Cb major"),
        ("as-Moll", "Ab minor"),
        ("H-Dur", "B major"),
        ("B-Dur", "Bb major"),
        ("G# major", "Ab major"),
        ("Db minor", "C# minor"),
        ("B flat major", "Bb major"),
        ("C sharp minor", "C# minor"),
        ("Emaj", "E major"),
    ],
)
def test_key_names(name: str, expected: str) -> None:
    assert Key.from_name(name).name == expected


@pytest.mark.parametrize("name", ["", "Q minor", "Cs", "D minor major", "minor", "12"])
def test_what_is_no_key(name: str) -> None:
    with pytest.raises(BriefError, match="is not a key"):
        Key.from_name(name)


@pytest.mark.parametrize("index", range(24))
def test_keys_round_trip(index: int) -> None:
    key = Key.from_index(index)
    assert key.index == index
    assert Key.from_name(key.name) == key
    assert -6 <= key.fifths <= 6
    assert Key.from_signature(key.fifths, key.minor) == key
    assert Key.from_signature(key.fifths, key.minor).name == key.name
    assert len(set(key.scale)) == 7 and key.scale[0] == key.tonic


def test_key_signatures() -> None:
    fifths_of = {
        "C major": 0,
        "G major": 1,
        "F major": -1,
        "D minor": -1,
        "F# major": 6,
        "Db major": -5,
    }
    fifths_of |= {"Gb major": -6, "Eb minor": -6, "D# minor": 6, "Ab minor": -7, "C# major": 7}
    for name, fifths in {**fifths_of, "A minor": 0, "C minor": -3, "C# minor": 4}.items():
        assert Key.from_name(name).fifths == fifths


def test_keys_that_sound_alike_are_equal_but_keep_their_spelling() -> None:
    sharp, flat = Key.from_name("F# major"), Key.from_name("Gb major")
    assert sharp == flat and hash(sharp) == hash(flat)
    assert (sharp.fifths, flat.fifths) == (6, -6)
    assert flat.in_mode(True).name == "F# minor"  # nine flats would be too many
    assert Key.from_name("Eb minor").in_mode(False).name == "Eb major"


def test_a_note_has_the_name_of_its_place_on_the_line_of_fifths():
    names = " ".join(note_name(f) for f in (-8, -7, -2, 0, 6, 11, 12))
    assert names == "Fb Cb Bb C F# E# B#"
    assert (note_name(-9), note_name(13), note_name(17)) == ("A", "G", "B")
