"""How tables of words are written."""

import pytest

from cantilena.text.wordlists import by_name, split_names, split_words, word_set


def test_words_and_names_are_split_over_lines():
    text = """
    no without,
    lead
    guitar,, bass ,
    """
    assert split_words(text) == ("no", "without,", "lead", "guitar,,", "bass", ",")
    assert word_set("a b a") == {"a", "b"}
    assert split_names(text) == ("no without", "lead guitar", "bass")


def test_a_table_is_turned_round_and_has_each_name_once():
    assert by_name({3: "trio, terzett", 2: "duo"}) == {"trio": 3, "terzett": 3, "duo": 2}
    with pytest.raises(ValueError, match="'duo' is listed twice"):
        by_name({3: "trio, duo", 2: "duo"})
