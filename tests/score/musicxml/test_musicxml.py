"""What is written as MusicXML, read again by a small reader of its own."""

from __future__ import annotations

import base64
import time
import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cantilena.errors import BriefError, InputError
from cantilena.score import Score, Track
from cantilena.score.harmony import Key
from cantilena.score.midi import read_midi
from cantilena.score.musicxml import write_musicxml
from cantilena.score.musicxml.grid import quantise
from cantilena.score.musicxml.layout import lay_out
from cantilena.score.musicxml.metre import DIVISIONS, EIGHTH, SIXTEENTH, lay_bars, plan_bar
from cantilena.score.musicxml.rhythm import Stretch, notate
from musicxml_reader import read

PIANO = (Track("", 0),)


def score(rows, tracks=PIANO, tpq=24, **maps) -> Score:
    """``rows``: (onset, duration, pitch[, track[, velocity]])."""
    full = [(*r, *(0, 80)[len(r) - 3 :]) for r in rows]
    o, d, p, t, v = zip(*full, strict=True) if full else ((),) * 5
    return Score.build(tpq, tracks, o, d, p, v, t, **maps)


def line(*lengths: int, pitch: int = 72, **maps) -> Score:
    """A melody without gaps; a negative length is a rest."""
    rows, at = [], 0
    for n in lengths:
        if n > 0:
            rows.append((at, n, pitch))
        at += abs(n)
    return score(rows, (Track("Flute", 73),), **maps)


# Rhythm ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metre", "lengths", "kinds"),
    [
        ((4, 4), (96,), "whole"),
        ((4, 4), (24, 48, 24), "quarter half quarter"),
        ((4, 4), (12, 24, 12, 48), "eighth quarter eighth half"),
        ((4, 4), (36, 24, 36), "quarter. eighth eighth quarter."),
        ((4, 4), (12, 36, 48), "eighth quarter. half"),
        ((4, 4), (6, 24, 18, 48), "16th eighth. 16th eighth. half"),
        ((4, 4), (-24, 72), "r quarter half."),
        ((4, 4), (24, -72), "quarter r quarter r half"),
        ((4, 4), (12, -84), "eighth r eighth r quarter r half"),
        ((3, 4), (24, -48), "quarter r quarter r quarter"),
        ((3, 4), (72,), "half."),
        ((3, 4), (36, 36), "quarter. quarter."),
        ((6, 8), (48, 24), "quarter. eighth quarter"),
        ((6, 8), (12, 24, 24, 12), "eighth quarter quarter eighth"),
        ((6, 8), (24, 24, 24), "quarter eighth eighth quarter"),
        ((6, 8), (36, -36), "quarter. r quarter."),
        ((6, 8), (12, -60), "eighth r eighth r eighth r quarter."),
        ((12, 8), (72, 72), "half. half."),
        ((7, 8), (84,), "half quarter."),
        ((5, 4), (120,), "half. half"),
        ((2, 2), (24, 48, 24), "quarter half quarter"),
        ((4, 4), (8, 8, 8, 72), "eighth/3 eighth/3 eighth/3 half."),
        ((4, 4), (16, 16, 16, 48), "quarter/3 quarter/3 quarter/3 half"),
        ((4, 4), (4, 4, 4, 12, 72), "16th/3 16th/3 16th/3 eighth half."),
        ((4, 4), (4, 4, 4, 4, 4, 4, 72), " ".join(["16th/6"] * 6) + " half."),
        ((4, 4), (16, 8, 72), "quarter/3 eighth/3 half."),
        ((4, 4), (16, 32, 48), "quarter/3 half/3 half"),
        ((4, 4), (3, 3, 6, 12, 72), "32nd 32nd 16th eighth half."),
        ((4, 4), (90, -6), "whole"),  # a hardly audible gap is filled
    ],
)
def test_rhythm(metre, lengths, kinds):
    (part,) = read(write_musicxml(line(*lengths, metres=[(0, *metre)])))
    assert " ".join(part.kinds()) == kinds


def test_notes_cross_bar_lines_with_ties():
    (part,) = read(write_musicxml(line(72, 48, 72)))
    assert part.kinds() == ["half.", "quarter", "quarter", "half."]
    assert part.notes == [(0, 72, 72), (72, 72, 48), (120, 72, 72)]


def test_short_notes_on_the_beat_are_staccato_eighths():
    text = write_musicxml(line(6, -6, 6, -6, 6, -18, 48))
    (part,) = read(text)
    assert part.kinds() == ["eighth", "eighth", "eighth", "r eighth", "half"]
    assert text.count("<staccato/>") == 3


def test_grace_notes():
    rows = [(0, 45, 72), (46, 2, 74), (48, 48, 72)]
    (part,) = read(write_musicxml(score(rows, (Track("Flute", 73),))))
    assert part.graces == [(48, 74)]
    assert part.kinds() == ["half", "half"]


def test_beams_join_four_eighths_but_not_over_the_middle_of_the_bar():
    (part,) = read(write_musicxml(line(*[12] * 8)))
    words = [n.findtext("beam") for n in part.written]
    assert words == ["begin", "continue", "continue", "end"] * 2
    (part,) = read(write_musicxml(line(*[12] * 6, metres=[(0, 6, 8)])))
    assert [n.findtext("beam") for n in part.written] == ["begin", "continue", "end"] * 2
    (part,) = read(write_musicxml(line(18, 6, 12, 6, 6, 48)))
    second = [[b.text for b in n.findall("beam")] for n in part.written[:2]]
    assert second == [["begin"], ["end", "backward hook"]]


def test_played_timing_is_cleaned():
    rng = np.random.default_rng(3)
    beats = np.arange(64) * 120
    rows = [(max(0, int(b + rng.normal(0, 8))), 105, 60 + i % 5) for i, b in enumerate(beats)]
    (part,) = read(write_musicxml(score(rows, (Track("", 73),), tpq=480)))
    assert [n[0] for n in part.notes] == [6 * i for i in range(64)]
    assert set(part.kinds()) == {"16th"}


def test_late_beats_are_moved_onto_the_grid():
    rows = [(3 + 12 * i, 12, 60) for i in range(40)]
    (part,) = read(write_musicxml(score(rows, (Track("", 73),))))
    assert all(onset % 6 == 0 for onset, _, _ in part.notes)


def test_a_piece_that_stands_a_sixteenth_off_is_moved_onto_its_beats():
    for shift, start in ((6, 0), (-6, 24)):
        rows = [(start + 24 * i + (i % 4 == 3) * 12 + shift, 12, 60 + i % 5) for i in range(48)]
        (part,) = read(write_musicxml(score(rows, (Track("", 73),))))
        assert all(onset % 12 == 0 for onset, _, _ in part.notes)
    syncopated = [(24 * i + 6 * (i % 3), 6, 60) for i in range(48)]
    (part,) = read(write_musicxml(score(syncopated, (Track("", 73),))))
    assert [onset for onset, _, _ in part.notes] == [onset for onset, _, _ in syncopated]


def test_rhythm_is_a_pure_function_of_a_bar():
    q = DIVISIONS
    plan = plan_bar(4, 4, 4 * q)
    pieces = notate((Stretch(0, q, True), Stretch(q, 4 * q, False)), plan)
    assert [(p.kind, p.start) for p in pieces] == [("quarter", 0), ("quarter", q), ("half", 2 * q)]


# Voices and staves ---------------------------------------------------------------------------


def test_a_held_note_gets_a_voice_of_its_own():
    rows = [(0, 96, 60), *((24 * i, 24, 72 + i) for i in range(4))]
    (part,) = read(write_musicxml(score(rows, (Track("", 73),))))
    assert part.notes == sorted((o, p, d) for o, d, p in rows)
    voices = {n.findtext("voice"): n.findtext("type") for n in part.written}
    assert voices == {"1": "quarter", "2": "whole"}


def test_overhang_is_cut_and_chords_keep_one_stem():
    rows = [(0, 28, 60), (0, 26, 64), (24, 30, 62), (48, 48, 60)]
    (part,) = read(write_musicxml(score(rows, (Track("", 73),))))
    assert part.notes == [(0, 60, 24), (0, 64, 24), (24, 62, 24), (48, 60, 48)]
    assert part.kinds() == ["quarter", "quarter", "half"]


def test_grand_staff_for_a_wide_piano_part_only():
    wide = [(24 * i, 24, p) for i in range(8) for p in (40, 47, 67, 76)]
    root = ET.fromstring(write_musicxml(score(wide)))
    assert root.findtext("part/measure/attributes/staves") == "2"
    assert [c.findtext("sign") for c in root.iter("clef")] == ["G", "F"]
    by_staff = {(n.findtext("staff"), n.findtext("pitch/octave")) for n in root.iter("note")}
    assert by_staff == {("1", "4"), ("1", "5"), ("2", "2")}
    high = ET.fromstring(write_musicxml(score([(0, 24, 72)])))
    assert high.find("part/measure/attributes/staves") is None


def test_two_hands_in_two_tracks_share_a_brace():
    tracks = (Track("right", 0), Track("left", 0))
    rows = [(24 * i, 24, p, t) for i in range(8) for p, t in ((74, 0), (45, 1))]
    root = ET.fromstring(write_musicxml(score(rows, tracks)))
    assert root.findtext("part-list/part-group/group-symbol") == "brace"
    assert [c.findtext("sign") for c in root.iter("clef")] == ["G", "F"]


@pytest.mark.parametrize(
    ("program", "pitch", "clef"),
    [
        (40, 76, ("G", "2", None)),
        (41, 62, ("C", "3", None)),
        (42, 45, ("F", "4", None)),
        (42, 65, ("C", "4", None)),
        (43, 36, ("F", "4", None)),
        (33, 36, ("F", "4", None)),
        (24, 57, ("G", "2", "-1")),
        (72, 98, ("G", "2", None)),
        (58, 40, ("F", "4", None)),
    ],
)
def test_clefs(program, pitch, clef):
    root = ET.fromstring(write_musicxml(score([(0, 24, pitch)], (Track("", program),))))
    node = root.find("part/measure/attributes/clef")
    assert node is not None
    values = tuple(node.findtext(x) for x in ("sign", "line", "clef-octave-change"))
    assert values == clef
    assert root.findtext("part-list/score-part/midi-instrument/midi-program") == str(program + 1)


def test_drums():
    rows = [(12 * i, 3, 42) for i in range(8)] + [(0, 3, 36), (24, 3, 38), (48, 3, 36), (72, 3, 38)]
    rows += [(96, 3, 49)]
    text = write_musicxml(score(rows, (Track("Kit", 0, True),)))
    (part,) = read(text)
    assert sorted((o, p) for o, p, _ in part.notes) == sorted((o, p) for o, _, p in rows)
    root = ET.fromstring(text)
    assert root.findtext("part/measure/attributes/clef/sign") == "percussion"
    assert root.find("part/measure/attributes/key") is None
    heads = {n.findtext("unpitched/display-step"): n.findtext("notehead") for n in part.written}
    assert heads["G"] == heads["A"] == "x" and heads["C"] is None and heads["F"] is None
    feet = [n for n in part.written if n.findtext("unpitched/display-step") == "F"]
    assert {n.findtext("voice") for n in feet} == {"2"}
    assert {m.text for m in root.iter("midi-channel")} == {"10"}


# Signs ---------------------------------------------------------------------------------------


def spelling(score: Score, **options) -> str:
    root = ET.fromstring(write_musicxml(score, **options))
    sign = {"1": "#", "-1": "b", "2": "##", "-2": "bb", None: ""}
    notes = [n for n in root.iter("note") if n.find("pitch") is not None]
    return " ".join(n.findtext("pitch/step", "") + sign[n.findtext("pitch/alter")] for n in notes)


def tune(*pitches: int, **maps) -> Score:
    return score([(24 * i, 24, p) for i, p in enumerate(pitches)], (Track("", 73),), **maps)


def test_spelling_follows_key_and_direction():
    assert spelling(tune(69, 68, 69, 71, 72, 68, 69), key=Key(9, True)) == "A G# A B C G# A"
    assert spelling(tune(60, 63, 67, 72, 71, 68), key=Key(0, True)) == "C Eb G C B Ab"
    assert spelling(tune(60, 62, 63, 64, 65), key=Key(0)) == "C D D# E F"
    assert spelling(tune(67, 65, 64, 63, 62, 60), key=Key(0)) == "G F E Eb D C"
    assert spelling(tune(66, 68, 70, 71, 73, 75, 77, 78), key=Key(6)) == "F# G# A# B C# D# E# F#"
    assert spelling(tune(61, 63, 65, 66, 68, 70, 72, 73), key=Key(1)) == "Db Eb F Gb Ab Bb C Db"


def test_accidentals_hold_for_the_bar():
    root = ET.fromstring(write_musicxml(tune(66, 66, 65, 66, 66), key=Key(0)))
    signs = [n.findtext("accidental") for n in root.iter("note") if n.find("pitch") is not None]
    assert signs == ["sharp", None, "natural", "sharp", "sharp"]


def test_keys_of_the_score_win_and_change():
    piece = tune(*[60] * 12, keys=[(0, -3, 1), (97, 2, 0)])
    root = ET.fromstring(write_musicxml(piece, key=Key(4)))
    keys = [(k.findtext("fifths"), k.findtext("mode")) for k in root.iter("key")]
    assert keys == [("-3", "minor"), ("2", "major")]
    assert root.find("part/measure[2]/attributes/key") is not None


def test_tempo_and_metre_changes():
    piece = line(
        *[24] * 19,
        tempos=[(0, 500_000), (96, 499_000), (192, 600_000), (216, 620_000)],
        metres=[(0, 4, 4), (192, 6, 8), (336, 3, 4)],
    )
    root = ET.fromstring(write_musicxml(piece))
    marks = [(m.findtext("beat-unit"), m.findtext("per-minute")) for m in root.iter("metronome")]
    assert marks == [("quarter", "120"), ("quarter", "67")]  # 100 quarters, in dotted quarters
    assert root.find(".//metronome/beat-unit-dot") is not None
    assert [s.get("tempo") for s in root.iter("sound") if s.get("tempo")] == [
        "120",
        "100",
        "96.774",
    ]
    times = [(t.findtext("beats"), t.findtext("beat-type")) for t in root.iter("time")]
    assert times == [("4", "4"), ("6", "8"), ("3", "4")]


def test_a_metre_change_cuts_a_bar_short():
    (part,) = read(write_musicxml(line(*[24] * 8, metres=[(0, 4, 4), (144, 2, 4)])))
    assert part.bars == [96, 48, 48]


@pytest.mark.parametrize(
    ("metres", "upbeat", "kinds"),
    [
        ([(0, 1, 4), (24, 3, 4)], 24, "quarter"),
        ([(0, 4, 4), (24, 3, 4)], 24, "quarter"),
        ([(0, 2, 4), (48, 3, 4)], 24, "r quarter quarter"),
        ([(0, 1, 8), (12, 6, 8)], 12, "eighth"),
        ([(0, 3, 8), (36, 6, 8)], 36, "quarter."),
        ([(0, 5, 8), (60, 4, 4)], 60, "eighth half"),
        ([(0, 1, 16), (6, 2, 4)], 6, "16th"),
    ],
)
def test_an_upbeat_is_bar_0_in_the_metre_of_the_piece(metres, upbeat, kinds):
    begin = metres[1][0]
    rows = [(begin - upbeat, upbeat, 72), *((begin + 24 * i, 24, 74) for i in range(12))]
    text = write_musicxml(score(rows, (Track("", 73),), metres=metres))
    (part,) = read(text)
    bars = ET.fromstring(text).findall("part/measure")
    assert [(b.get("number"), b.get("implicit")) for b in bars[:3]] == [
        ("0", "yes"),
        ("1", None),
        ("2", None),
    ]
    assert part.bars[0] == begin
    times = [(t.findtext("beats"), t.findtext("beat-type")) for t in bars[0].iter("time")]
    assert times == [tuple(str(n) for n in metres[1][1:])]
    assert all(b.find("attributes/time") is None for b in bars[1:])
    assert " ".join(part.kinds()).startswith(kinds + " ")


def test_a_first_bar_that_is_no_upbeat():
    for metres in ([(0, 3, 4), (72, 2, 4)], [(0, 2, 4), (96, 4, 4)], [(0, 4, 4)]):
        root = ET.fromstring(write_musicxml(line(*[24] * 12, metres=metres)))
        assert [b.get("number") for b in root.findall("part/measure")][:2] == ["1", "2"]


def test_dynamics_at_the_start_and_at_big_changes_only():
    loud = [50] * 16 + [55] * 16 + [110] * 32
    rows = [(24 * i, 24, 72, 0, v) for i, v in enumerate(loud)]
    root = ET.fromstring(write_musicxml(score(rows, (Track("", 73),))))
    assert [d[0].tag for d in root.iter("dynamics")] == ["p", "ff"]
    assert root.find("part/measure[9]/direction/direction-type/dynamics/ff") is not None


@pytest.mark.parametrize(
    ("symbol", "kind", "degrees"),
    [
        ("C", "major", []),
        ("F#m7", "minor-seventh", []),
        ("Bbmaj7", "major-seventh", []),
        ("Dm7b5", "half-diminished", []),
        ("G7b9", "dominant", [("9", "-1", "add")]),
        ("E7sus4", "suspended-fourth", [("7", "0", "add")]),
        ("C6/9", "major-sixth", [("9", "0", "add")]),
        ("G7b5", "dominant", [("5", "-1", "alter")]),
        ("A13", "dominant-13th", []),
        ("Caug", "augmented", []),
        ("C5", "power", []),
    ],
)
def test_chord_symbols(symbol, kind, degrees):
    root = ET.fromstring(write_musicxml(line(96), chords=[(0, symbol)]))
    harmony = root.find("part/measure/harmony")
    assert harmony is not None and harmony.findtext("kind") == kind
    assert harmony.findtext("root/root-step") == symbol[0]
    alter = {"#": "1", "b": "-1"}.get(symbol[1:2])
    assert harmony.findtext("root/root-alter") == alter
    values = [tuple(x.text for x in d) for d in harmony.iter("degree")]
    assert values == degrees


def test_chord_symbols_stand_at_their_beat():
    piece = line(96, 48, 48)
    chords = [(0, "Am/E"), (48, "D7"), (96, "D7"), (144, "N.C.")]
    root = ET.fromstring(write_musicxml(piece, chords=chords))
    first, second = root.findall("part/measure[1]/harmony")
    assert first.findtext("bass/bass-step") == "E" and second.findtext("offset") == "48"
    assert root.find("part/measure[2]/harmony") is None
    assert root.findtext("part/measure[2]/direction/direction-type/words") == "N.C."
    with pytest.raises(BriefError, match="Hm7"):
        write_musicxml(piece, chords=[(0, "Hm7")])


def test_names_title_and_composer():
    tracks = (Track("", 40), Track("violin", 40), Track("A & <b>\x07", 42))
    rows = [(0, 24, 70, 0), (0, 24, 60, 1), (0, 24, 50, 2)]
    root = ET.fromstring(write_musicxml(score(rows, tracks), title="T & U", composer="N < N"))
    names = [p.findtext("part-name") for p in root.iter("score-part")]
    assert names == ["Violin 1", "Violin 2", "A & <b>"]
    assert root.findtext("work/work-title") == "T & U"
    assert root.findtext("identification/creator") == "N < N"
    assert root.findtext("part-list/part-group/group-symbol") == "bracket"


# Edges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        score([], ()),
        score([], (Track("", 0), Track("Kit", 0, True))),
        score([(0, 1, 60)], tpq=1),
        score([(0, 1, 0), (5, 1, 11), (9, 30, 127)], tpq=7),
        score([(i, 1, 60 + i % 7) for i in range(40)], tpq=24),
        score([(0, 500, 60), (3, 8, 60)], metres=[(0, 3, 64), (50, 5, 6), (90, 1, 32)]),
        score([(100, 3000, 60)], metres=[(0, 255, 8)]),
        score([(0, 24, 60)], metres=[(i, 1 + i % 5, 4) for i in range(0, 60, 7)]),
        score([(95, 1, 60), (95, 1, 64)], end=96),
        score([(0, 7, 60), (11, 2, 62), (13, 40, 64)], metres=[(0, 5, 16), (30, 7, 16)]),
    ],
)
def test_odd_scores(piece):
    read(write_musicxml(piece))


def test_tracks_without_notes_are_left_out():
    assert len(read(write_musicxml(score([(0, 24, 60, 1)], (Track("", 40), Track("", 41)))))) == 1


def test_too_many_bars():
    with pytest.raises(InputError, match="too many"):
        write_musicxml(score([(0, 1, 60)], end=24 * 4 * 20_001))


def test_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "a.musicxml"
    text = write_musicxml(line(96), path)
    assert path.read_text(encoding="utf-8") == text == write_musicxml(line(96))
    assert [p.name for p in tmp_path.iterdir()] == ["a.musicxml"]
    with pytest.raises(InputError, match="no folder"):
        write_musicxml(line(96), tmp_path / "b" / "a.musicxml")


# Properties ----------------------------------------------------------------------------------

METRES = [(4, 4), (3, 4), (2, 4), (6, 8), (7, 8), (12, 8), (5, 4), (2, 2), (3, 8), (9, 8), (5, 8)]


@given(
    st.lists(st.sampled_from([6, 12, 18, 24, 36, 48, 72, 96, 30]), min_size=1, max_size=30),
    st.sampled_from(METRES),
    st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_plain_melodies_are_written_as_they_are(lengths, metre, scale):
    """Whatever the metre, and whatever the Score's ticks per quarter."""
    piece = line(*lengths, metres=[(0, *metre)])
    rows = zip(piece.onset * scale, piece.duration * scale, piece.pitch, strict=True)
    scaled = score(list(rows), (Track("", 73),), tpq=24 * scale, metres=[(0, *metre)])
    (part,) = read(write_musicxml(scaled))
    expected = list(zip(piece.onset, piece.pitch, piece.duration, strict=True))
    assert part.notes[:-1] == expected[:-1]  # the last may be filled up to the bar line
    assert part.notes[-1][0] == expected[-1][0]


@st.composite
def scores(draw):
    """Small scores with everything that makes notation hard."""
    tpq = draw(st.sampled_from([24, 24, 24, 96, 480, 10]))
    programs = draw(
        st.lists(st.sampled_from([0, 24, 33, 40, 46, 48, 73, 128]), min_size=1, max_size=3)
    )
    tracks = [Track("", p % 128, p == 128) for p in programs]
    bars = draw(st.lists(st.sampled_from(METRES), min_size=1, max_size=3))
    metres, at = [], 0
    for i, (num, den) in enumerate(bars):
        metres.append((at, num, den))
        at += (1 + i) * (4 * tpq * num // den)
        at -= draw(st.sampled_from([0, 0, tpq // 2]))
    step = draw(st.sampled_from([1, tpq // 24 or 1, tpq // 4, tpq // 3]))
    place = st.integers(0, 8 * tpq // step).map(lambda i: i * step)
    length = st.sampled_from(
        [1, tpq // 8 or 1, tpq // 4, tpq // 3, tpq // 2, tpq, 3 * tpq, 9 * tpq]
    )
    note = st.tuples(
        place, length, st.integers(30, 90), st.integers(0, len(tracks) - 1), st.integers(1, 127)
    )
    rows = draw(st.lists(note, max_size=45))
    keys = draw(st.lists(st.tuples(place, st.integers(-7, 7), st.integers(0, 1)), max_size=2))
    tempos = draw(st.lists(st.tuples(place, st.integers(200_000, 2_000_000)), max_size=4))
    return score(rows, tracks, tpq, metres=metres, keys=keys, tempos=tempos)


@given(scores())
@settings(max_examples=50, deadline=None)
def test_any_score_is_sound_notation_of_its_quantised_notes(piece):
    text = write_musicxml(piece)
    parts = read(text)
    bars = lay_bars(piece)
    scale = Fraction(24, DIVISIONS)
    assert parts[0].bars == [scale * int(length) for length in np.diff(bars.start)]
    notes = quantise(piece, bars)
    for part, track in zip(parts, np.unique(notes.track), strict=False):
        of = notes.track == track
        whole, small = of & ~notes.grace, of & notes.grace
        want, graces = (
            sorted((scale * int(o), p) for o, p in zip(notes.onset[w], notes.pitch[w], strict=True))
            for w in (whole, small)
        )
        assert [n[:2] for n in part.notes] == want
        assert sorted(part.graces) == graces
    layout = lay_out(piece)
    for part, laid in zip(parts, layout.parts, strict=True):
        events = [e for s in laid.staves for v in s.voices for e in v]
        want = sorted(
            (scale * int(e.start), p, scale * int(e.end - e.start))
            for e in events
            for p in e.pitches
        )
        if not laid.drums:
            assert part.notes == want
    if len(piece) and len(piece) < 32:
        onset = np.sort(piece.onset * DIVISIONS / piece.tpq)
        nearest = np.abs(notes.onset[:, None] - onset[None, :]).min(axis=1)
        assert (nearest[notes.onset < bars.start[-1] - EIGHTH] <= SIXTEENTH).all()


def test_triplets_of_quarters_in_three_four_do_not_overlap():
    """Its first two beats and its last two could each be one; both cannot."""
    columns = [0, 16, 32, 56], [12, 12, 1, 1], [60] * 4, [80] * 4, [0] * 4
    text = write_musicxml(Score.build(24, [Track("", 0)], *columns, metres=[(0, 3, 4)]))
    assert text.count('<tuplet type="start"') == 2 == text.count('<tuplet type="stop"')


@given(piece=scores())
@settings(max_examples=25, deadline=None)
def test_verovio_plays_what_is_written(piece, tmp_path_factory):
    """Onsets to within its own rounding; it gives grace notes times of their own."""
    verovio = pytest.importorskip("verovio")
    text = write_musicxml(piece)
    parts = read(text)
    assume(not any(part.graces for part in parts))
    verovio.enableLog(verovio.LOG_ERROR)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(text)
    path = tmp_path_factory.mktemp("played") / "a.mid"
    path.write_bytes(base64.b64decode(toolkit.renderToMIDI()))
    played = read_midi(path)
    got = sorted(zip(played.pitch.tolist(), (played.onset * 24 / played.tpq).tolist(), strict=True))
    want = sorted((pitch, float(onset)) for part in parts for onset, pitch, _ in part.notes)
    assert [p for p, _ in got] == [p for p, _ in want]
    assert [o for _, o in got] == pytest.approx([o for _, o in want], abs=0.5)


def test_beams_and_tuplets_lie_within_one_another_or_apart():
    """A rest opens the tuplet, so its beam cannot go on into the next half of the beat."""
    (part,) = read(write_musicxml(line(-4, 4, 4, 6, 6, 72)))
    assert [n.findtext("beam") for n in part.written[1:5]] == ["begin", "end", "begin", "end"]


@given(scores())
@settings(max_examples=10, deadline=None)
def test_verovio_engraves_it(piece):
    verovio = pytest.importorskip("verovio")
    toolkit = verovio.toolkit()
    assert toolkit.loadData(write_musicxml(piece))
    assert "<svg" in toolkit.renderToSVG(1)


def test_verovio_has_nothing_to_complain_of(capfd):
    verovio = pytest.importorskip("verovio")
    verovio.enableLog(verovio.LOG_WARNING)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(write_musicxml(_band(16), chords=[(0, "Am7"), (48, "G7b9/B")]))
    assert "<svg" in toolkit.renderToSVG(1)
    out, err = capfd.readouterr()
    assert not out.strip() and not err.strip()
    assert not toolkit.getLog().strip()
    assert not toolkit.loadData("<no-music/>")
    assert capfd.readouterr().err.strip() or toolkit.getLog().strip()  # complaints would be seen


def _band(n_bars: int) -> Score:
    rng = np.random.default_rng(1)
    rows = []
    for bar in range(n_bars):
        for i in range(8):
            rows.append((96 * bar + 12 * i, 10, int(rng.integers(60, 84)), 0, 80))
            rows += [(96 * bar + 12 * i, 3, p, 3, 90) for p in (42, 36 if i % 4 == 0 else 38)]
        for i in range(4):
            rows += [(96 * bar + 24 * i, 24, p, 1, 70) for p in (45, 60, 64, 69)]
            rows.append((96 * bar + 24 * i, 22, int(rng.integers(30, 45)), 2, 70))
        rows += [(96 * bar + 8 * i, 8, 72 + i, 0, 80) for i in range(3)] if bar % 4 == 0 else []
    tracks = (Track("", 73), Track("", 0), Track("", 33), Track("", 0, True))
    return score(rows, tracks)


def test_speed_and_sameness():
    piece = _band(32)
    first = write_musicxml(piece)
    start = time.process_time()
    assert write_musicxml(piece) == first
    assert time.process_time() - start < 0.5  # about 0.03 s on a quiet machine
