"""Lyrics, rehearsal marks and pedal on the page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from cantilena.score import Score, Track
from cantilena.score.controls import CONTROL_CHANGE, Controls
from cantilena.score.musicxml import write_musicxml
from cantilena.score.texts import Text
from musicxml_reader import read

Q = 480


def tune(texts=(), controls=(), program=52, late=0) -> Score:
    """Eight quarters of one part above eight eighths of another, which begin ``late`` ticks late;
    ``controls`` are (tick, value) of the second part's pedal."""
    rows = [(Q * i + late, Q - late, 67 + i % 5, 0) for i in range(8)]
    rows += [(Q // 2 * i, Q // 2, 40, 1) for i in range(16)]
    onset, length, pitch, track = zip(*rows, strict=True)
    n = len(controls)
    tick, value = zip(*controls, strict=True) if controls else ((), ())
    return Score.build(
        Q,
        [Track("", program), Track("", 0)],
        onset,
        length,
        pitch,
        [80] * len(rows),
        track,
        texts=texts,
        controls=Controls.build(tick, [1] * n, [CONTROL_CHANGE] * n, [64] * n, value),
    )


def sung(piece: Score) -> list[list[tuple[int, str, str]]]:
    """Of each part (beat, syllabic, text)."""
    root = ET.fromstring(write_musicxml(piece))
    read(write_musicxml(piece))
    out = []
    for part in root.findall("part"):
        notes = [n for n in part.iter("note") if n.find("rest") is None]
        out.append(
            [
                (i, n.findtext("lyric/syllabic", ""), n.findtext("lyric/text", ""))
                for i, n in enumerate(notes)
                if n.find("lyric") is not None
            ]
        )
    return out


def lyrics(*words: str, track: int | None = 0, step: int = Q) -> list[Text]:
    return [Text(step * i, "lyric", w, track) for i, w in enumerate(words) if w]


TWINKLE = [(0, "begin", "Twin"), (1, "end", "kle"), (2, "begin", "lit"), (3, "end", "tle")]


@pytest.mark.parametrize(
    "words",
    [
        ("Twin-", "kle ", "lit-", "tle "),
        ("Twin-", "kle", "lit-", "tle"),
        ("Twin", "kle ", "lit", "tle "),
        ("/Twin", "kle", " lit", "tle"),
        ("\\Twin", "kle", " lit", "tle"),
        ("Twin", "kle ", "lit", "tle\r"),
    ],
)
@pytest.mark.parametrize("track", [0, None])
def test_syllables_of_words(words, track):
    assert sung(tune(lyrics(*words, track=track))) == [TWINKLE, []]


def test_words_without_spaces_are_words():
    assert sung(tune(lyrics("How", "I", "", "wonder")))[0] == [
        (0, "single", "How"),
        (1, "single", "I"),
        (3, "single", "wonder"),
    ]


def test_syllables_stand_at_the_nearest_note_and_two_may_share_one():
    texts = [
        Text(3, "lyric", "a ", 0),
        Text(Q + 30, "lyric", "b ", 0),
        Text(Q + 40, "lyric", "c ", 0),
    ]
    assert sung(tune(texts, late=25))[0] == [(0, "single", "a"), (1, "single", "b c")]


def test_a_long_word_and_signs_of_xml():
    words = ("A-", "ve ", "Ma-", "ri-", "a & <b> ")
    assert sung(tune(lyrics(*words)))[0][2:] == [
        (2, "begin", "Ma"),
        (3, "middle", "ri"),
        (4, "end", "a & <b>"),
    ]


def test_markers_are_rehearsal_marks():
    texts = [Text(0, "marker", "Verse"), Text(4 * Q + 20, "marker", "Chorus")]
    root = ET.fromstring(write_musicxml(tune(texts)))
    assert [r.text for r in root.iter("rehearsal")] == ["Verse", "Chorus"]
    assert root.findtext("part/measure[2]/direction/direction-type/rehearsal") == "Chorus"


def pedals(piece: Score) -> list[str | None]:
    text = write_musicxml(piece)
    read(text)
    return [p.get("type") for p in ET.fromstring(text).iter("pedal")]


def test_pedal():
    down, up = [(10, 127), (2 * Q, 0), (2 * Q + 20, 100), (4 * Q, 10)], [(5 * Q, 90)]
    assert pedals(tune(controls=[*down, *up])) == ["start", "change", "stop", "start", "stop"]
    assert pedals(tune(controls=[(0, 127), (9, 0), (Q, 127), (2 * Q, 64), (3 * Q, 0)])) == [
        "start",
        "stop",
    ]
    assert pedals(tune(controls=[(0, 0), (Q, 63)])) == []


def test_pedal_of_what_has_none():
    controls = Controls.build([0], [0], [CONTROL_CHANGE], [64], [127])
    piece = Score.build(24, [Track("", 73)], [0], [96], [72], [80], [0], controls=controls)
    assert pedals(piece) == []
