import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.analysis import KEY_PROFILES, find_key, key_scores, pitch_class_histogram
from cantilena.errors import UnknownNameError
from cantilena.score.harmony import Key
from cantilena.score.score import Score, Track
from pieces import EMPTY, accompaniment, drums, line

MAJOR = ("C", "Am", "F", "G", "C", "F", "G7", "C")
MINOR = ("Am", "F", "Dm", "E", "Am", "Dm", "E7", "Am")


@pytest.mark.parametrize("profile", KEY_PROFILES)
@pytest.mark.parametrize("shift", range(12))
@pytest.mark.parametrize(("symbols", "home"), [(MAJOR, Key(0)), (MINOR, Key(9, True))])
def test_every_key_is_found_with_every_profile(profile, shift, symbols, home):
    score = accompaniment(symbols).transposed(shift)
    key, strength = find_key(score, profile)
    assert key == Key((home.tonic + shift) % 12, home.minor)
    assert 0.5 < strength <= 1


def test_relative_keys_are_parted_by_the_last_bass_note():
    loop = ["C", "F", "Am", "Dm", "G", "Em"] * 2
    assert find_key(accompaniment([*loop, "C"], melody=False))[0] == Key(0)
    assert find_key(accompaniment([*loop, "Am"], melody=False))[0] == Key(9, True)


def test_no_key_without_pitches_or_without_contrast():
    sound_effects = line([60, 64, 67], program=127)
    for score in (EMPTY, drums(), sound_effects, line(list(range(60, 72)))):
        assert find_key(score) == (None, 0.0)
    assert not pitch_class_histogram(drums()).any()


def test_histogram_weighs_by_time():
    score = Score.build(480, [Track("", 0)], [0, 0], [300, 100], [60, 67], [9, 9], [0, 0])
    assert pitch_class_histogram(score)[[0, 7]].tolist() == [0.75, 0.25]


def test_scores_keep_leading_shape_and_agree_with_numpy_correlation():
    h = np.random.default_rng(0).random((2, 3, 12))
    scores = key_scores(h, "krumhansl")
    assert scores.shape == (2, 3, 24)
    profile = np.roll(KEY_PROFILES["krumhansl"][1], 5)
    assert scores[1, 2, 17] == pytest.approx(np.corrcoef(h[1, 2], profile)[0, 1])


def test_unknown_profile_lists_the_known():
    with pytest.raises(UnknownNameError, match="krumhansl"):
        key_scores(np.ones(12), "temperley")


@given(st.lists(st.floats(0, 100), min_size=12, max_size=12), st.integers(0, 11))
def test_turning_the_histogram_turns_the_scores(histogram, shift):
    scores = key_scores(np.roll(histogram, shift)).reshape(2, 12)
    expected = np.roll(key_scores(np.array(histogram)).reshape(2, 12), shift, axis=1)
    assert np.allclose(scores, expected, atol=1e-6)
    assert (np.abs(scores) <= 1 + 1e-9).all()
