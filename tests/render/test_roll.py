"""What the picture holds: size, colours where notes are, text where it belongs, the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.render.roll import _rgb, draw_roll, facts, pretty
from cantilena.render.roll.layout import DRUM_NAMES, WIDTH, lay_out
from cantilena.score.score import Score, Track


def picture(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 from PNG bytes."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG" and "Software" not in image.info
        return np.asarray(image.convert("RGB"))


def band(bars: int = 8, drums: bool = True) -> Score:
    beats = np.arange(4 * bars) * 480
    n = len(beats)
    return Score.build(
        480,
        [Track("Lead", 73), Track("Bass", 33), *([Track("Kit", 0, True)] * drums)],
        np.tile(beats, 2 + drums),
        [400] * n * (2 + drums),
        np.concatenate([np.resize([72, 74, 76, 79], n), np.resize([36, 43], n)])
        if not drums
        else np.concatenate(
            [np.resize([72, 74, 76, 79], n), np.resize([36, 43], n), np.resize([36, 38], n)]
        ),
        np.resize([120, 60], n * (2 + drums)),
        np.repeat(np.arange(2 + drums), n),
        keys=[(0, -3, 1)],
        title="A test",
    )


def at(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The colour at pixels counted from the lower left, 0-1."""
    return image[len(image) - 1 - int(y), int(x)] / 255.0


def test_is_a_png_of_the_laid_out_size_and_the_same_each_time(tmp_path: Path):
    score = band()
    data = draw_roll(score, tmp_path / "roll.png")
    assert (tmp_path / "roll.png").read_bytes() == data == draw_roll(score)
    image = picture(data)
    assert image.shape[:2] == (lay_out(score, False).height, WIDTH)
    assert [p.name for p in tmp_path.iterdir()] == ["roll.png"]
    with pytest.raises(InputError, match="no folder"):
        draw_roll(score, tmp_path / "no" / "roll.png")


def test_notes_are_where_they_sound_in_the_colour_of_their_part():
    score = band()
    layout = lay_out(score, False)
    image = picture(draw_roll(score))
    row = layout.rows[0]
    for i in range(len(score)):
        if score.onset[i] >= row.stop or score.is_drum[i]:
            continue
        x = row.x(score.onset[i] + score.duration[i] / 2)
        y = row.pitch_y(score.pitch[i]) + layout.step / 2
        alpha = 0.25 + 0.75 * score.velocity[i] / 127
        expected = 1 - alpha * (1 - _rgb(int(score.track[i])))
        assert np.abs(at(image, x, y) - expected).max() < 0.02
    silent = at(image, row.x(440), row.pitch_y(72) + layout.step / 2)
    assert silent.min() > 0.8  # the gap after the first note


def test_drums_have_named_lanes_below():
    score = band()
    layout = lay_out(score, False)
    assert layout.drums == [36, 38]
    row = layout.rows[0]
    assert row.bottom + layout.drum_height < row.pitch_bottom
    image = picture(draw_roll(score))
    kick = at(image, row.x(0) + 3, row.drum_y(0) + layout.drum_step / 2)
    assert kick.max() - kick.min() < 0.01 and kick.max() < 0.6  # grey
    assert at(image, row.x(0) + 3, row.drum_y(1) + layout.drum_step / 2).min() > 0.9
    assert len(set(DRUM_NAMES.values())) == len(DRUM_NAMES) == 61


def test_long_pieces_are_wrapped_and_very_long_ones_bounded():
    assert [len(lay_out(band(n), False).rows) for n in (1, 8, 9, 16, 32)] == [1, 1, 1, 2, 4]
    for bars in (40, 100, 300, 3000):
        layout = lay_out(band(bars), True)
        assert len(layout.rows) <= 25 and layout.height < 20_000
        assert layout.rows[0].start == 0 and layout.rows[-1].stop == bars * 1920
        assert all(a.stop == b.start for a, b in zip(layout.rows, layout.rows[1:], strict=False))
        assert max(r.right for r in layout.rows) == pytest.approx(WIDTH - 24.0)


def test_a_note_over_a_row_break_is_in_both_rows():
    score = Score.build(
        480, [Track("", 0)], [1920 * 7], [1920 * 4], [60], [127], [0], end=1920 * 16
    )
    layout, image = lay_out(score, False), picture(draw_roll(score))
    first, second = layout.rows
    y = layout.step / 2
    for row, tick in ((first, 1920 * 7.5), (second, 1920 * 10.5)):
        assert np.abs(at(image, row.x(tick), row.pitch_y(60) + y) - _rgb(0)).max() < 0.02


def test_unisons_share_the_height_of_a_line():
    tracks = [Track("", 0), Track("", 40)]
    score = Score.build(480, tracks, [0, 0], [480] * 2, [60] * 2, [127] * 2, [0, 1])
    layout, image = lay_out(score, False), picture(draw_roll(score))
    row = layout.rows[0]
    x, y = row.x(240), row.pitch_y(60)
    assert np.abs(at(image, x, y + 0.75 * layout.step) - _rgb(0)).max() < 0.1
    assert np.abs(at(image, x, y + 0.25 * layout.step) - _rgb(1)).max() < 0.1


def test_chords_are_drawn_above_and_change_nothing_else():
    score = band(drums=False)
    plain, with_chords = lay_out(score, False), lay_out(score, True)
    assert with_chords.height > plain.height
    chords = [(0, "Cm"), (1920, "Cm"), (3840, "Bb7/D")]
    image = picture(draw_roll(score, chords=chords))
    row = with_chords.rows[0]

    def ink(tick: int) -> int:
        top = len(image) - int(row.top)
        x = int(row.x(tick))
        return int((image[top - 33 : top - 20, x : x + 40] < 100).all(-1).sum())

    assert ink(0) > 10 and ink(3840) > 10
    assert ink(1920) == 0  # a repeated chord is not written again
    crowded = [(t * 20, "F#m7b5") for t in range(300)] + [(t * 20 + 10, "G") for t in range(300)]
    assert picture(draw_roll(score, chords=crowded)).shape == image.shape


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("Bbm7b5/F#", "B♭m7♭5/F♯"),
        ("Ab", "A♭"),
        ("C/Eb", "C/E♭"),
        ("N.C.", "N.C."),
        ("Db major", "D♭ major"),
    ],
)
def test_signs_are_real_signs(symbol: str, expected: str):
    assert pretty(symbol) == expected


def test_facts_say_tempo_metre_key_and_length():
    assert facts(band()) == "♩ = 120   ·   4/4   ·   C minor   ·   8 bars   ·   96 notes   ·   0:16"
    changing = Score.build(
        480,
        [Track("", 0)],
        [0],
        [480 * 12],
        [60],
        [64],
        [0],
        tempos=[(0, 500_000), (480, 600_000)],
        metres=[(0, 3, 4), (1440, 6, 8)],
    )
    assert facts(changing).startswith("♩ = 100–120   ·   3/4, 6/8   ·   4 bars   ·   1 note   ·")


def test_odd_scores_are_drawn():
    rng = np.random.default_rng(1)
    n = 3000
    many = Score.build(
        480,
        [Track(f"part {i} " + "x" * 60, 6 * i) for i in range(20)],
        rng.integers(0, 30_000, n),
        rng.integers(1, 900, n),
        rng.integers(0, 128, n),
        rng.integers(1, 128, n),
        rng.integers(0, 20, n),
    )
    drums = Score.build(
        480, [Track("", 0, True)], range(128), [1] * 128, range(128), [64] * 128, [0] * 128
    )
    tiny = Score.build(1, [Track("", 0)], [0], [1], [0], [1], [0], metres=[(0, 1, 64)])
    empty = Score.build(480, [], [], [], [], [], [])
    for score in (many, drums, tiny, empty, Score.build(96, [Track("a", 0)], [], [], [], [], [])):
        image = picture(draw_roll(score, title="Ünïcode $x_1$ 日本 \x07", chords=[(0, "")]))
        assert image.shape[1] == WIDTH and 100 < image.shape[0] < 3000
    assert lay_out(drums, False).drums[-1] == -1 and len(lay_out(drums, False).drums) == 14
    assert lay_out(many, False).legend[-1][2].startswith("and ")


note = st.tuples(
    st.integers(0, 60_000),
    st.integers(1, 9000),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 2),
)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(note, max_size=20),
    st.lists(
        st.tuples(st.integers(0, 50_000), st.integers(1, 17), st.sampled_from([1, 2, 4, 8, 16, 3])),
        max_size=4,
    ),
    st.lists(st.tuples(st.integers(0, 70_000), st.text(max_size=8)), max_size=6),
)
def test_layout_holds_for_anything(notes, metres, chords):
    columns = list(zip(*notes, strict=True)) or [[]] * 5
    tracks = [Track("a", 0), Track("", 40), Track("", 0, True)]
    score = Score.build(480, tracks, *columns, metres=metres)
    layout = lay_out(score, True)
    assert layout.rows[0].start == 0 and layout.rows[-1].stop >= score.end
    for row in layout.rows:
        assert 0 < row.bottom <= row.pitch_bottom <= row.top < layout.height - 60
        assert all(row.left <= x <= row.right + 0.01 for x in (*row.bars, *row.beats))
    if len(notes) < 5:
        assert draw_roll(score, chords=chords)[:4] == b"\x89PNG"
