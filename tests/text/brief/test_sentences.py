"""Sentences as captions of recordings have them, made by a small grammar with seeds, and what is to
be read out of them."""

from __future__ import annotations

import random

from cantilena.score.harmony import Key
from cantilena.text.brief import parse_brief

SIGNS = {"#": (" sharp", "-sharp"), "b": (" flat", "-flat")}
OPENINGS = (
    "A soft piano plays over a steady beat.",
    "The recording is noisy and in mono, with a crowd that claps at the end.",
    "This is a live performance of a rock band. It gets louder towards the end.",
    "A woman sings a melancholic ballad while a guitar is strummed.",
    "An energetic dance track that could be played in a club at night.",
    "",
)
SUFFIXES = ("", "", "m", "m", "7", "maj7", "m7", "sus4", "dim", "m7b5", "/E")
METRES = {"2": "2/4", "3": "3/4", "4": "4/4"}


def key_sentence(rng: random.Random, key: Key) -> str:
    tonic, mode = key.name.split()
    name = rng.choice(
        [
            f"{tonic} {mode}",
            f"{tonic}{mode}",
            f"{tonic} {mode[:3]}",
            f"{tonic}{mode[:3]}",
            f"{tonic}{'m' if mode == 'minor' else 'M'}",
        ]
    )
    if tonic[1:] and rng.random() < 0.3:
        name = f"{tonic[0]}{rng.choice(SIGNS[tonic[1]])} {mode}"
    sentence = rng.choice(
        [
            "The key is {}.",
            "The key of this song is {}.",
            "The key of this piece is {}.",
            "This song is in the key of {}.",
            "It is in the key of {}.",
            "The song is in {}.",
            "The key for this track is {}.",
            "Key: {}.",
        ]
    )
    return sentence.format(name)


def chords_sentence(rng: random.Random, chords: tuple[str, ...]) -> str:
    quote = rng.choice(["", "", "", '"', "'"])
    listed = [f"{quote}{chord}{quote}" for chord in chords]
    joined = ", ".join(listed)
    if len(listed) > 1 and rng.random() < 0.3:
        joined = f"{', '.join(listed[:-1])} and {listed[-1]}"
    sentence = rng.choice(
        [
            "The chords are {}.",
            "The chord sequence is {}.",
            "The chord progression is {}.",
            "The chord progression of this song is {}.",
            "The chord progression in this piece is {}.",
            "The chords in this song are {}.",
        ]
    )
    return sentence.format(joined)


def tempo_sentence(rng: random.Random, bpm: float) -> str:
    sentence = rng.choice(
        [
            "The bpm is {}.",
            "The tempo is {} bpm.",
            "The tempo of this song is {} beats per minute.",
            "The bpm of this song is {}.",
            "It has a tempo of {}.",
            "The song runs at {} BPM.",
        ]
    )
    return sentence.format(f"{bpm:.1f}" if rng.random() < 0.5 else f"{bpm:g}")


def metre_sentence(rng: random.Random, beats: str) -> str:
    sentence = rng.choice(
        [
            "The beat counts to {}.",
            "The beat is {}.",
            "The time signature is {}.",
            "There are {} beats in each bar.",
            "The beat counts up to {}.",
        ]
    )
    number = METRES[beats] if "signature" in sentence else beats
    return sentence.format(number)


def prompt(seed: int) -> tuple[str, dict]:
    rng = random.Random(seed)
    key = Key.from_index(rng.randrange(24))
    roots = ["C", "D", "E", "F", "G", "A", "B", "Bb", "Eb", "F#", "C#", "Ab"]
    n = rng.randint(1, 6)
    chords = tuple(rng.choice(roots) + rng.choice(SUFFIXES) for _ in range(n))
    bpm = rng.randint(50, 190) + rng.choice([0, 0, 0.5])
    beats = rng.choice("234")
    sentences = [
        key_sentence(rng, key),
        chords_sentence(rng, chords),
        tempo_sentence(rng, bpm),
        metre_sentence(rng, beats),
    ]
    rng.shuffle(sentences)
    text = " ".join([rng.choice(OPENINGS), *sentences]).strip()
    return text, {"key": key.name, "chords": chords, "tempo": bpm, "metre": METRES[beats]}


def test_sentences_of_captions_are_read() -> None:
    """99 % of 500; a lone letter between sentences leaves room for a few others."""
    wrong = []
    for seed in range(500):
        text, wishes = prompt(seed)
        brief = parse_brief(text)
        read = {name: getattr(brief, name) for name in wishes}
        if read != wishes:
            wrong.append((text, {k: (v, read[k]) for k, v in wishes.items() if read[k] != v}))
    assert len(wrong) <= 5, "\n".join(map(str, wrong[:20]))
