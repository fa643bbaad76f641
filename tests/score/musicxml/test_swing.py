"""Swing is written straight, with a word for it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from cantilena.score import Score, Track
from cantilena.score.musicxml import write_musicxml
from musicxml_reader import read

Q = 480


def piece(*places: float, beats: int = 16, more: tuple = (), metre=(4, 4), held=0.9) -> Score:
    """Notes at ``places`` of each beat in one part, each held to the next; ``more``: (beat, place)
    of a second part."""
    at = [b + p for b in range(beats) for p in places]
    rows = [(a, (b - a) * held, 0) for a, b in zip(at, [*at[1:], beats], strict=True)]
    rows += [(b + p, 0.1, 1) for b, p in more]
    onset, length, track = zip(*rows, strict=True)
    columns = [round(Q * o) for o in onset], [round(Q * n) for n in length]
    pitches = [60 + i % 12 for i in range(len(rows))]
    tracks = [Track("", 73), Track("", 0)]
    return Score.build(Q, tracks, *columns, pitches, [80] * len(rows), track, metres=[(0, *metre)])


def words(text: str) -> list[str | None]:
    return [w.text for w in ET.fromstring(text).iter("words") if (w.text or "").strip()]


@pytest.mark.parametrize(
    ("place", "ratio"), [(0.6, "3:2"), (0.604, "3:2"), (2 / 3, "2:1"), (0.63, "5:3"), (0.7, "7:3")]
)
@pytest.mark.parametrize("held", [1.0, 0.9])
def test_swung_eighths_are_straight_ones(place, ratio, held):
    text = write_musicxml(piece(0, place, held=held))
    (part,) = read(text)
    assert set(part.kinds()) == {"eighth"}
    assert words(text) == ["Swing"]
    swing = ET.fromstring(text).find(".//sound/swing")
    assert swing is not None and swing.findtext("swing-type") == "eighth"
    first, second = (float(n) for n in ratio.split(":"))
    found = int(swing.findtext("first", "")) / int(swing.findtext("second", ""))
    assert found == pytest.approx(first / second, rel=0.1)


def test_triplets_and_sixteenths_among_them_stay():
    fills = [(b, p) for b in (4, 5) for p in (0, 1 / 3, 2 / 3)]
    fills += [(b, p) for b in (8, 9) for p in (0, 0.25, 0.5, 0.75)]
    wide = [(12, 0), (12, 2 / 3), (13, 1 / 3)]
    text = write_musicxml(piece(0, 2 / 3, more=(*fills, *wide)))
    _, second = read(text)
    onsets = [float(n[0]) / 24 for n in second.notes]
    assert onsets == pytest.approx([b + p for b, p in (*fills, *wide)])


def test_swung_sixteenths():
    text = write_musicxml(piece(0, 0.3, 0.5, 0.8))
    (part,) = read(text)
    assert set(part.kinds()) == {"16th"} and words(text) == ["Swing 16ths"]


@pytest.mark.parametrize(
    ("places", "metre"),
    [
        ((0, 0.5), (4, 4)),
        ((0, 1 / 3, 2 / 3), (4, 4)),
        ((0, 0.75), (4, 4)),
        ((0, 0.25, 0.5, 0.75), (4, 4)),
        ((0, 2 / 3), (12, 8)),
    ],
)
def test_what_does_not_swing(places, metre):
    text = write_musicxml(piece(*places, metre=metre))
    assert not words(text) and "<swing>" not in text
