"""Labels: the tables are sound, and corpora's labels reach the right genres and moods."""

import pytest

from cantilena.text.labels import (
    GENRE_WORDS,
    GENRES,
    MOOD_WORDS,
    MOODS,
    genres_from_labels,
    moods_from_tags,
)


def test_rows_of_the_embeddings_never_move():
    assert (len(GENRES), len(MOODS)) == (39, 17)
    assert GENRES[:3] == ("pop", "rock", "metal") and GENRES[-2:] == ("children", "ballad")
    assert [GENRES.index(g) for g in ("bossa nova", "lofi", "waltz", "game")] == [6, 18, 29, 34]
    assert MOODS[:2] == ("happy", "sad") and MOODS[-1] == "relaxed"


@pytest.mark.parametrize(("table", "names"), [(GENRE_WORDS, GENRES), (MOOD_WORDS, MOODS)])
def test_tables_cover_every_name_once(table, names):
    assert tuple(table) == names
    phrases = [phrase for synonyms in table.values() for phrase in synonyms]
    assert len(phrases) == len(set(phrases))
    assert all(phrase == phrase.strip().lower() and phrase for phrase in phrases)
    assert all(len(synonyms) >= 5 for synonyms in table.values())


@pytest.mark.parametrize("name", sorted(set(GENRES) - {"romantic"}))
def test_a_genre_is_a_word_for_itself(name):
    assert name in GENRE_WORDS[name]  # "romantic" alone is the mood


@pytest.mark.parametrize(
    ("phrase", "genre"),
    [
        ("lo-fi", "lofi"),
        ("chillhop", "lofi"),
        ("rap", "hip hop"),
        ("trap", "hip hop"),
        ("film score", "soundtrack"),
        ("cinematic", "soundtrack"),
        ("8-bit", "game"),
        ("chiptune", "game"),
        ("r&b", "rnb"),
        ("nursery rhyme", "children"),
        ("xmas", "christmas"),
        ("edm", "dance"),
        ("fugue", "baroque"),
        ("nocturne", "romantic"),
        ("jig", "celtic"),
    ],
)
def test_words_people_type(phrase, genre):
    assert phrase in GENRE_WORDS[genre]


@pytest.mark.parametrize(
    ("label", "tags", "genres"),
    [
        ("Pop_Rock", (), ("pop", "rock")),
        ("Pop_Rock", ("80s", "rock", "guitar"), ("rock",)),
        ("Pop_Rock", ("metal",), ("rock", "metal")),
        ("", ("Pop_Rock", "pop"), ("pop",)),
        ("RnB", ("dance", "soul", "pop"), ("rnb", "soul", "pop")),
        ("Rap", (), ("hip hop",)),
        ("New Age", ("new-age", "piano"), ("new age",)),
        ("International", ("favorites", "80s"), ()),
        ("", ("Country", "classic", "oldies"), ("country",)),
        ("", ("trance", "techno", "rock"), ("techno", "trance", "rock")),
        ("Baroque", (), ("baroque", "classical")),
        ("March", (), ("march",)),
        ("Popular / Dance", (), ()),
        ("funk/purdieshuffle", (), ("funk",)),
        ("latin/brazilian-bossa", (), ("latin", "bossa nova")),
        ("hiphop/groove6", (), ("hip hop",)),
        ("rock/halftime", (), ("rock",)),
        ("dance/disco", (), ("dance", "disco")),
        ("Folk, World, & Country", (), ("folk",)),
        ("Funk / Soul", (), ("funk", "soul")),
        ("", (), ()),
    ],
)
def test_labels_of_corpora(label, tags, genres):
    assert genres_from_labels(label, tags) == genres


def test_limit_and_members():
    tags = ["rock", "pop", "jazz", "blues", "soul", "techno", "house"]
    genres = genres_from_labels("Jazz", tags)
    assert genres[0] == "jazz" and len(genres) == 3 and set(genres) <= set(GENRES)
    assert genres_from_labels("Jazz", tags, limit=1) == ("jazz",)


def test_moods_from_tags():
    assert moods_from_tags(["chillout", "chill", "sad", "80s"]) == ("relaxed", "sad")
    assert moods_from_tags(["love", "loved", "sexy", "party", "fun"]) == ()  # praise, not mood
    assert moods_from_tags(["happy", "sad", "melancholy"]) == ("melancholic",)
    assert moods_from_tags(["happy", "sad"]) == ()
    assert moods_from_tags(["mellow"]) == ("relaxed",)
    assert moods_from_tags([]) == ()
