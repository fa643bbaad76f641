"""Captions: true, varied, droppable, repeatable, and read back by ``parse_brief``."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.analysis.attributes import Attributes, Part
from cantilena.score.harmony import Chord, Key, parse_chord
from cantilena.text.brief import parse_brief
from cantilena.text.caption import (
    INSTRUMENT_WORDS,
    Facts,
    density_word,
    describe_in_words,
    mood_rule,
    write_caption,
)
from cantilena.text.caption.words import (
    ENSEMBLES,
    GENRE_ADJECTIVES,
    ITALIAN_PACES,
    MOOD_ADJECTIVES,
    PHRASES,
    PLAIN_PACES,
    article,
)
from cantilena.text.labels import GENRE_WORDS, GENRES, MOOD_WORDS, MOODS
from cantilena.text.lexicon.ensembles import ensembles
from cantilena.text.lexicon.instruments import find_instrument
from cantilena.text.lexicon.terms import DENSITY, PACES

WALTZ = Facts(
    key=Key(2, True),
    metre=(3, 4),
    bpm=66.0,
    instruments=(40, 42, 41),
    chords=("Dm", "Gm", "A7", "Dm"),
    bars=16,
    seconds=43.6,
    density="sparse",
    swing=False,
    genres=("waltz", "classical"),
    moods=("sad",),
)
BARE = Facts(key=None, metre=(4, 4), bpm=100.0, instruments=())
METRES = ((4, 4), (3, 4), (6, 8), (2, 4), (2, 2), (12, 8), (5, 4), (7, 8), (9, 8))


def random_facts(rng: np.random.Generator) -> Facts:
    """Facts of any kind, most with common instruments."""
    key = Key.from_index(int(rng.integers(24)))
    common = [0, 4, 24, 25, 27, 30, 32, 33, 38, 40, 41, 42, 48, 52, 56, 57, 60, 61, 65, 66, 68, 71]
    pool = np.array([*common, 73, 81, 89, 128, 128] if rng.random() < 0.7 else range(129))
    players = rng.permutation(pool)[: int(rng.integers(1, 7))].tolist()
    numbers = rng.integers(1, 109, int(rng.integers(0, 8))).tolist()
    return Facts(
        key=key,
        metre=METRES[rng.integers(len(METRES))],
        bpm=float(rng.integers(40, 220)),
        instruments=tuple(dict.fromkeys(players)),
        chords=tuple(Chord.from_number(n).name(key.flats) for n in numbers),
        bars=int(rng.integers(1, 200)),
        seconds=float(rng.integers(5, 400)),
        density=(None, "sparse", "medium", "dense")[rng.integers(4)],
        swing=(None, True, False)[rng.integers(3)],
        genres=tuple(rng.permutation(GENRES)[: rng.integers(0, 3)].tolist()),
        moods=tuple(rng.permutation(MOODS)[: rng.integers(0, 3)].tolist()),
    )


def facts_read_back(facts: Facts, text: str) -> dict[str, bool]:
    """Which of the facts that a full caption must say come back from reading it."""
    brief = parse_brief(text)
    programs = {p for instrument in brief.instruments for p in instrument.programs}
    true = all(
        set(instrument.programs) & set(facts.instruments) for instrument in brief.instruments
    )
    low, high = brief.tempo_range or (0.0, 0.0)
    near = brief.tempo is not None and abs(brief.tempo - facts.bpm) <= 0.25 * facts.bpm
    exact = brief.tempo is not None and abs(brief.tempo - facts.bpm) <= 1
    return {
        "key": brief.key is not None and Key.from_name(brief.key) == facts.key,
        "metre": brief.metre_parts == facts.metre,
        "tempo": exact if brief.how.get("tempo") == "said" else near or low <= facts.bpm <= high,
        "instruments": true and set(facts.instruments) <= programs,
        "excluded": not set(brief.excluded) & set(facts.instruments),
        "bars": brief.how.get("bars") != "said" or brief.bars == facts.bars,
        "density": brief.density in (None, facts.density),
        "swing": brief.swing in (None, facts.swing),
    }


def test_what_a_full_caption_says_can_be_read_back():
    rng = np.random.default_rng(7)
    results = []
    for _ in range(500):
        facts = random_facts(rng)
        results.append(facts_read_back(facts, write_caption(facts, rng)))
    for wish in results[0]:
        assert np.mean([r[wish] for r in results]) >= 0.97, wish
    needed = ("key", "metre", "tempo", "instruments")
    assert np.mean([all(r[wish] for wish in needed) for r in results]) >= 0.96


def test_chords_are_said_in_their_order():
    rng = np.random.default_rng(8)
    chords = ("Am7", "D7", "Gmaj7", "Cmaj7", "F#m7b5", "B7", "Em")
    facts = dataclasses.replace(WALTZ, chords=chords, key=Key(4, True))
    progressions = [parse_brief(write_caption(facts, rng)).chords for _ in range(60)]
    numbers = [parse_chord(c).number for c in chords]
    right = [
        len(c) >= 2 and [parse_chord(x).number for x in c] == numbers[: len(c)]
        for c in progressions
    ]
    assert np.mean(right) >= 0.95


def test_captions_of_the_same_facts_differ():
    rng = np.random.default_rng(0)
    assert len({write_caption(WALTZ, rng) for _ in range(100)}) >= 90
    assert len({write_caption(WALTZ, rng, drop=0.25) for _ in range(100)}) >= 85


def test_the_same_generator_state_gives_the_same_caption():
    one = [write_caption(WALTZ, np.random.default_rng(s), 0.3) for s in range(30)]
    assert one == [write_caption(WALTZ, np.random.default_rng(s), 0.3) for s in range(30)]


@pytest.mark.parametrize("drop", [0.0, 0.25, 0.5, 0.9])
def test_each_wish_is_dropped_with_the_probability_given(drop):
    rng = np.random.default_rng(1)
    captions = [write_caption(WALTZ, rng, drop).lower() for _ in range(800)]
    for words in (("d minor", "dm,"), ("sad", "sorrowful", "mournful"), ("3/4", "waltz time")):
        if words[0] == "d minor":  # "Dm" is one of the chords too: ask the reader
            present = [parse_brief(c).key is not None for c in captions[:300]]
        else:
            present = [any(w in c for w in (*words, "three-four")) for c in captions]
        assert 1 - np.mean(present) == pytest.approx(drop, abs=0.07), words


def test_everything_dropped_says_nothing():
    for seed in range(20):
        brief = parse_brief(write_caption(WALTZ, np.random.default_rng(seed), drop=1.0))
        plain = (brief.key, brief.metre, brief.tempo, brief.instruments, brief.chords)
        assert plain == (None, None, None, (), ())


def test_facts_that_are_unknown_are_not_said():
    rng = np.random.default_rng(2)
    for _ in range(100):
        brief = parse_brief(write_caption(BARE, rng))
        assert brief.key is None and not brief.instruments and not brief.chords
        assert not brief.genres and not brief.moods and not brief.excluded
        assert brief.bars is None and brief.seconds is None and brief.swing is None


def test_one_bar_is_a_bar():
    rng = np.random.default_rng(4)
    facts = dataclasses.replace(BARE, bars=1)
    captions = [write_caption(facts, rng) for _ in range(60)]
    assert any("1 bar" in caption for caption in captions)
    assert not [c for c in captions if "1 bars" in c or "1 measures" in c]
    assert {parse_brief(c).bars for c in captions} == {1}


def test_named_line_ups():
    rng = np.random.default_rng(3)
    captions = [write_caption(WALTZ, rng) for _ in range(60)]
    assert any("string quartet" in c for c in captions)
    trio = dataclasses.replace(WALTZ, instruments=(0, 32, 128), genres=("jazz",), metre=(4, 4))
    assert any("jazz trio" in write_caption(trio, rng) for _ in range(60))
    other = dataclasses.replace(trio, genres=("pop",))
    assert not any("jazz" in write_caption(other, rng) for _ in range(60))
    solo = dataclasses.replace(WALTZ, instruments=(46,))
    assert any("solo harp" in write_caption(solo, rng).lower() for _ in range(60))


def test_part_of_the_instruments_is_never_called_all():
    rng = np.random.default_rng(4)
    many = dataclasses.replace(WALTZ, instruments=(0, 40, 73, 42, 60, 33), genres=(), moods=())
    for _ in range(300):
        text = write_caption(many, rng, drop=0.5)
        brief = parse_brief(text)
        assert len(brief.instruments) == 6 or not brief.only, text


def test_no_drums_only_where_there_are_none():
    rng = np.random.default_rng(5)
    drums = dataclasses.replace(WALTZ, instruments=(33, 128, 27))
    for phrase in ("no drums", "without drums"):
        assert not any(phrase in write_caption(drums, rng).lower() for _ in range(200))
        assert any(phrase in write_caption(WALTZ, rng).lower() for _ in range(200))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_captions_are_clean_text(seed, drop):
    rng = np.random.default_rng(seed)
    text = write_caption(random_facts(rng), rng, drop)
    assert text and text == text.strip() and "  " not in text and "%" not in text
    assert ",," not in text and " ," not in text and "None" not in text
    assert not any(f" a {vowel}" in text for vowel in ("easy", "epic", "ethereal", "optimistic"))


def test_every_name_of_an_instrument_is_understood():
    assert sorted(INSTRUMENT_WORDS) == list(range(129))
    for instrument, names in INSTRUMENT_WORDS.items():
        for name in names:
            match = find_instrument(name)
            assert match is not None and instrument in match.programs, name


def test_words_of_captions_belong_to_their_labels():
    assert set(MOOD_ADJECTIVES) == set(MOODS) and set(GENRE_ADJECTIVES) <= set(GENRES)
    for genre, adjectives in GENRE_ADJECTIVES.items():
        assert {w.lower() for w in adjectives} <= set(GENRE_WORDS[genre])
    for mood, adjectives in MOOD_ADJECTIVES.items():
        assert set(adjectives) <= set(MOOD_WORDS[mood])
        assert not set(adjectives) & {*PACES, *DENSITY}  # would claim a tempo or a density too
    assert {*PLAIN_PACES, *ITALIAN_PACES} <= set(PACES)
    assert all(len(forms) == 3 and all(forms) for forms in PHRASES.values())


def test_line_ups_mean_what_the_reader_takes_them_for():
    for players, names in ENSEMBLES.items():
        for name, _ in names:
            ensemble = ensembles().get(name)
            assert ensemble is not None, name
            assert all(set(m.programs) & players for m in ensemble.members)
            assert all(any(p in m.programs for m in ensemble.members) for p in players)


@pytest.mark.parametrize(
    ("key", "bpm", "density", "moods"),
    [
        (Key(2, True), 60, 8, ("sad", "melancholic")),
        (Key(0), 60, 8, ("calm", "relaxed")),
        (Key(0), 140, 30, ("happy", "energetic")),
        (Key(9, True), 140, 30, ("energetic",)),
        (Key(9, True), 180, 40, ("energetic", "tense")),
        (Key(0), 100, 16, ()),
        (None, 140, 30, ("energetic",)),
        (None, 60, 30, ()),
    ],
)
def test_mood_rule(key, bpm, density, moods):
    assert mood_rule(key, bpm, density) == moods


def attributes(**changes) -> Attributes:
    part = Part(40, 0.6, 60, 70, 80, 50, 1.0)
    values = {
        "key": Key(2, True),
        "key_strength": 0.8,
        "metre": (3, 4),
        "bpm": 66.0,
        "tempo_class": "slow",
        "parts": (part, dataclasses.replace(part, instrument=0)),
        "chords": (20, 20),
        "progression": ("Dm", "A7"),
        "bars": 32,
        "seconds": 87.3,
        "density": 7.5,
        "polyphony": 2.14,
        "drums": False,
        "swing": False,
        "form": "AABA",
    }
    return Attributes(**{**values, **changes})


def test_description_leaves_nothing_out():
    assert describe_in_words(attributes()) == (
        "A slow piece in D minor for violin and acoustic grand piano. It is in 3/4 at 66 quarter "
        "notes per minute, 32 bars or 1 minute 27 seconds long. Its most repeated chords are Dm, "
        "A7. It has about 7.5 notes per bar, 2.1 pitched notes at once on average. The rhythm is "
        "straight. There are no drums. Its sections follow the form AABA. Mode and tempo suggest "
        "a sad and melancholic mood."
    )


def test_description_of_odd_scores():
    assert describe_in_words(attributes(parts=())) == "An empty piece: it has no notes."
    drums = (Part(128, 1.0, 36, 38, 42, 90, 1.0),)
    text = describe_in_words(
        attributes(key=None, parts=drums, progression=(), bars=1, drums=True, form="")
    )
    assert text.startswith("A slow piece for solo drums. It is in 3/4") and "1 bar or" in text
    assert "drums." in text and "no drums" not in text and "chords" not in text


def test_facts_of_attributes():
    facts = Facts.of(attributes(), genres=["waltz"])
    assert facts.instruments == (40, 0) and facts.chords == ("Dm", "A7")
    assert facts.moods == ("sad", "melancholic") and facts.genres == ("waltz",)
    assert Facts.of(attributes(), moods=["dark"]).moods == ("dark",)
    assert [density_word(d) for d in (2, 20, 60)] == ["sparse", None, "dense"]


@pytest.mark.parametrize(
    ("text", "with_article"),
    [("R&B song", "an R&B song"), ("8-bar loop", "an 8-bar loop"), ("waltz", "a waltz")],
)
def test_articles(text, with_article):
    assert article(text) == with_article


@pytest.mark.parametrize(
    ("instrument", "word"), [(i, w) for i in range(129) for w in INSTRUMENT_WORDS[i]]
)
def test_an_instrument_is_read_back_by_each_of_its_names(instrument: int, word: str):
    """Or as another that goes by the same name."""
    (match,) = parse_brief(f"a piece for {word}").instruments
    assert word in INSTRUMENT_WORDS[match.programs[0]], (word, match)
