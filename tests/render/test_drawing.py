"""What a Canvas draws, pixel by pixel; letters of many scripts; pictures without matplotlib."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.render.drawing import Canvas, resized, round_ticks
from cantilena.render.spectrogram import _magma, draw_spectrogram


def pixels(data: bytes) -> np.ndarray:
    """(H, W, channels) uint8 from PNG bytes, the top row first."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def ink(text: str, bold: bool = False) -> np.ndarray:
    """(40, 200) bytes, 0 where nothing stands, of a text alone."""
    canvas = Canvas(200, 40)
    canvas.text(10, 12, text, 12, "#000000", bold=bold)
    return 255 - pixels(canvas.png())[..., 0]


def test_boxes_and_lines_stand_on_whole_pixels_from_the_lower_left():
    canvas = Canvas(8, 6)
    canvas.boxes([(1.2, 0.6, 3.4, 2.5)], "#ff0000")
    canvas.lines([(5, 0, 5, 3.4), (0, 5, 7, 5)], "#0000ff")
    canvas.boxes([(7, 0, 7, 0)], np.array([[0.0, 1.0, 0.0]]))
    rows = ["bbbbbbbb", "........", ".....b..", ".rr..b..", ".rr..b..", ".....b.g"]
    colour = {".": (255, 255, 255), "r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255)}
    assert pixels(canvas.png()).tolist() == [[list(colour[c]) for c in row] for row in rows]


def test_edges_part_boxes_side_by_side():
    canvas = Canvas(9, 5)
    boxes = [(0, 0, 4, 3), (4, 0, 8, 3)]
    canvas.boxes(boxes, np.array([[1.0, 0, 0], [0, 0, 1.0]]), np.zeros((2, 3)))
    image = pixels(canvas.png())
    assert image[3, :8, 0].tolist() == [0, 255, 255, 0, 0, 0, 0, 0]
    assert image[3, :8, 2].tolist() == [0, 0, 0, 0, 0, 255, 255, 0]
    assert image[1, :8].max() == 0 and image[0].min() == 255 and image[:, 8].min() == 255


def test_text_stands_where_it_is_asked_to():
    def extent(x, y, **how):
        canvas = Canvas(100, 40)
        canvas.text(x, y, "H", 20, "#000000", **how)
        rows, columns = np.nonzero(pixels(canvas.png())[..., 0] < 128)
        return columns.min(), columns.max(), 39 - rows.max(), 39 - rows.min()

    left, right, low, high = extent(50, 10)
    assert 50 <= left < right and low == 10 and 18 <= high - low <= 22
    assert extent(50, 10, across="right")[1] < 50
    left, right, *_ = extent(50, 10, across="middle")
    assert abs(left + right + 1 - 100) <= 2
    *_, low, high = extent(50, 20, up="middle")
    assert abs(low + high + 1 - 40) <= 4
    assert ink("H", bold=True).sum() > 1.3 * ink("H").sum()


@pytest.mark.parametrize("letters", ["aé♩♯♭", "Жюй", "Ωλί", "שלום", "جميل"])
@pytest.mark.parametrize("raqm", [True, False])
def test_letters_of_many_scripts_are_letters(letters, raqm, monkeypatch):
    if not raqm:
        monkeypatch.setattr("PIL.features.check_feature", lambda name: False)
    box = ink("字")
    assert box.any() and (box == ink("二")).all()  # what the font lacks
    assert len({ink(letter).tobytes() for letter in letters} | {box.tobytes()}) == len(letters) + 1
    assert ink(letters).any() and not ink("").any() and not ink("\n \x07").any()


def test_accents_stand_on_their_letters_and_lines_are_not_broken():
    assert (ink("Cafe\u0301") == ink("Café")).all()
    assert (ink("a\nb\x07\ud800") == ink("a b")).all()
    assert (ink("x\u0301") != ink("x")).any()  # none of Unicode's letters


@pytest.mark.skipif(
    not __import__("PIL.features").features.check_feature("raqm"), reason="needs libraqm"
)
def test_letters_from_the_right_are_read_from_the_right():
    """Of a word and the same in the reverse order the one looks like the other's letters, set from
    left to right by an engine that knows no directions."""
    right = np.nonzero(ink("לא").any(0))[0]
    assert (ink("לא") != ink("אל")).any()
    first = ink("ל")  # stands rightmost, the tall letter
    tall = np.nonzero(first.any(1))[0].min()
    columns = np.nonzero(ink("לא")[tall])[0]
    assert columns.min() > right.mean()


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6), st.integers(2, 20))
def test_ticks_are_round_few_and_many_enough(low, width, most):
    ticks = round_ticks(low, low + width, most)
    assert len(ticks) <= most and all(
        low - width / 1e6 <= t <= low + width * 1.000001 for t in ticks
    )
    assert len(ticks) >= most / 2.5 - 2


def test_ticks():
    assert round_ticks(0, 8, 9) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert round_ticks(0, 0.41, 9) == [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
    assert round_ticks(0, 95, 9) == [0, 20, 40, 60, 80] and round_ticks(3, 3, 5) == []


def test_a_picture_of_values_keeps_their_places_and_their_mean():
    values = np.zeros((40, 60))
    values[10:20, 30:45] = 1.0
    for width, height in ((30, 20), (120, 80), (90, 10)):
        shown = resized(values, width, height)
        assert shown.shape == (height, width)
        assert shown.mean() == pytest.approx(values.mean(), abs=2e-3)
        assert shown[height * 15 // 40, width * 37 // 60] == pytest.approx(1, abs=0.1)


# ---------------------------------------------------------------------------- the spectrogram


def test_colours_of_sound_brighten():
    colours = _magma(np.linspace(-0.1, 1.1, 200))
    bright = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(bright) >= -0.5).all() and bright[-1] > 245 and bright[0] < 1


def test_a_spectrogram_shows_a_tone_beside_its_label_and_letters_on_a_clear_ground():
    rate = 22_050
    t = np.arange(2 * rate) / rate
    image = pixels(draw_spectrogram(np.where(t < 1, np.sin(2 * np.pi * 1000 * t), 0), rate))
    assert image.shape == (190, 640, 4)
    bright = image[:, :, :3].astype(int).sum(-1) * (image[:, :, 3] > 0)
    # ticks at the left, from below at 100, 300, 1,000, 3,000 and 10,000 Hz
    ticks = np.nonzero(image[:146, 54, 3])[0][::-1]
    assert len(ticks) == 5
    tone = bright[8:143, 100:300].sum(1).argmax() + 8
    assert abs(tone - ticks[2]) <= 2
    sounding = bright[tone, 59:631] > 300
    assert sounding[:270].all() and not sounding[310:].any()  # silent from half of it on
    grey = image[150:, :, :3].reshape(-1, 3)
    assert (grey == 128).all() and image[150:, :, 3].any() and image[0, 0, 3] == 0


PICTURES = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
from cantilena.render.roll import draw_roll
from cantilena.render.spectrogram import draw_spectrogram
from cantilena.score.score import Score, Track
score = Score.build(480, [Track("a", 0)], [0], [480], [60], [64], [0])
print(draw_roll(score)[1:4].decode(), draw_spectrogram(np.ones(900), 8000)[1:4].decode())
"""


def test_pictures_need_no_matplotlib():
    out = subprocess.run(
        [sys.executable, "-c", PICTURES], capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == ["PNG", "PNG"]
