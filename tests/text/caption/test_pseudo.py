"""Pseudo-captions: nothing is claimed that is no fact, whoever writes."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import UnknownNameError
from cantilena.score.harmony import Key
from cantilena.text.caption.pseudo import TASKS, checked, implied, invented, pseudo_captions, tags
from cantilena.text.facts import Facts

HARP = Facts(
    Key.from_name("D minor"),
    (3, 4),
    96.0,
    (46, 42),
    chords=("Dm", "Gm", "A7"),
    swing=False,
    genres=("waltz",),
    moods=("sad",),
)


def some_facts(n: int = 60) -> list[Facts]:
    rng = np.random.default_rng(0)
    return [
        Facts(
            Key(int(rng.integers(12)), bool(rng.integers(2))),
            ((4, 4), (3, 4), (6, 8))[i % 3],
            float(rng.integers(60, 180)),
            tuple(rng.permutation(129)[: 1 + i % 6].tolist()),
            genres=(("jazz",), ("rock",), ())[i % 3],
            moods=(("calm",), (), ("energetic",))[i % 3],
        )
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("A sad waltz for harp and cello in D minor, 3/4, at 96 bpm.", ()),
        ("It has no drums, with the chords Dm Gm A7.", ()),
        ("A sad waltz with a flute.", ("instrument flute",)),
        ("A harp piece in F major.", ("key F major",)),
        ("At 140 bpm.", ("tempo 140", "number 140")),
        ("Very fast.", ("tempo",)),
        ("A happy harp piece.", ("mood happy",)),
        ("Jazz for harp.", ("genre jazz",)),
        ("It is in 4/4.", ("metre 4/4",)),
        ("A harp piece without cello.", ("without cello",)),
        ("Harp music as in 1987.", ("number 1987",)),
        ("With the chords Dm Gm C7.", ("chord C7",)),
    ],
)
def test_what_is_claimed_is_compared_with_what_is_known(text, claims):
    assert set(invented(text, HARP)) == set(claims)


def test_sentences_that_claim_what_is_no_fact_are_taken_out():
    draft = "A sad waltz for harp. The saxophone plays a solo. It is in D minor at 96 bpm."
    assert checked(draft, HARP) == "A sad waltz for harp. It is in D minor at 96 bpm."
    assert checked("The saxophone plays.", HARP) == ""
    assert checked("What a lovely evening it was.", HARP) == ""


@pytest.mark.parametrize("task", TASKS)
def test_our_captioner_invents_nothing(task):
    facts = some_facts()
    captions = pseudo_captions(facts, task)
    odd = [caption.draft for caption in captions if caption.invented]
    assert all("saloon piano" in text for text in odd)  # which is read as country
    assert all(c.invented or c.text == c.draft for c in captions)
    assert len({caption.text for caption in captions}) > len(facts) // 2
    assert captions == pseudo_captions(facts, task)
    assert captions != pseudo_captions(facts, task, seed=1)


@pytest.mark.parametrize("task", TASKS)
def test_a_writer_is_asked_with_the_facts_and_not_believed(task):
    asked: list[str] = []

    def writer(requests):
        asked.extend(requests)
        return ["A **sad** waltz for harp.", "A sad waltz, the tuba leads.", "Lovely. It goes o"]

    captions = pseudo_captions([HARP] * 3, task, writer=writer)
    assert all("D minor" in text and "harp, cello" in text and "96 bpm" in text for text in asked)
    assert captions[0].text == "A sad waltz for harp."
    assert captions[1].invented == ("instrument tuba",)
    for caption in captions[1:]:  # what is left says nothing, so ours stands in its place
        assert caption.text != caption.draft and not invented(caption.text, HARP)


def test_attributes_follow_from_facts():
    assert {"minor mode", "no drums"} <= set(implied(HARP))
    assert "solo" in implied(Facts(None, (4, 4), 100.0, (0,)))
    assert "no drums" not in implied(Facts(None, (4, 4), 100.0, (0, 128)))
    assert pseudo_captions([HARP], "attributes")[0].attributes == implied(HARP)
    assert "genre: waltz" in tags(HARP)


def test_unknown_tasks_are_refused():
    with pytest.raises(UnknownNameError, match="opera"):
        pseudo_captions([HARP], "opera")
