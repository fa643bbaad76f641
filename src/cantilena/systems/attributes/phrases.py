"""How attributes are said in English: patterns by attribute, and the words in their slots.

Knows wording alone. Of each attribute's patterns those of ``HELD_OUT`` are for tests: no text to
learn from has them. ``{}`` is the slot.
"""

from __future__ import annotations

from collections.abc import Mapping

Patterns = Mapping[str, tuple[str, ...]]

TRAINED: Patterns = {
    "with": (
        "featuring {}",
        "with {}",
        "for {}",
        "The music is played by {}.",
        "It uses {}.",
        "The instruments are {}.",
        "You can hear {}.",
        "The arrangement includes {}.",
        "{} should be in it.",
    ),
    "without": (
        "without {}",
        "no {}",
        "There is no {}.",
        "It does not use {}.",
        "Leave out the {}.",
        "{} must not play.",
    ),
    "R1_0": ("good to dance to", "danceable", "The beat makes you want to dance."),
    "R1_1": ("not danceable", "It is not for dancing.", "You could not dance to it."),
    "R3_0": ("sparse", "with few notes", "The rhythm is very light.", "of low rhythmic intensity"),
    "R3_1": ("of moderate density", "The rhythm is moderately busy.", "of medium intensity"),
    "R3_2": ("dense", "busy", "with many notes", "The rhythm is very intense."),
    "S2s1": ("in the style of {}", "It sounds like {}.", "The composer could be {}.", "like {}"),
    "S4_0": ("{}", "a {} piece", "in {} style", "The genre is {}.", "It is a {} song.", "some {}"),
    "S4_1": ("not {}", "It is no {}.", "anything but {}"),
    "B1s1": (
        "{} bars",
        "{} bars long",
        "It lasts {} bars.",
        "The piece has {} bars.",
        "{} measures",
    ),
    "TS1s1": ("in {}", "in {} time", "The metre is {}.", "The time signature is {}.", "{} metre"),
    "K1": ("in {}", "The key is {}.", "It is written in {}.", "{}"),
    "T1s1_word": ("{}", "{} tempo", "The tempo is {}.", "It moves at a {} pace.", "played {}"),
    "T1s1_number": ("at {} bpm", "{} bpm", "The tempo is {} bpm.", "{} beats per minute"),
    "P4": ("a range of {} octaves", "It spans {} octaves.", "The pitches cover {} octaves."),
    "EM1": ("{}", "a {} mood", "It feels {}.", "The music is {}.", "It sounds {}."),
    "TM1": ("{} long", "It lasts {}.", "about {}", "The length is {}.", "{} of music"),
}
"""Patterns to learn from."""

HELD_OUT: Patterns = {
    "with": ("{} carry the piece.", "scored for {}", "Write parts for {}, please."),
    "without": ("I want it free of {}.", "minus the {}", "Do not let any {} sound."),
    "R1_0": ("made for the dance floor", "people should dance"),
    "R1_1": ("nobody can dance to this", "unsuited to dancing"),
    "R3_0": ("only a few notes", "a thin, light rhythm"),
    "R3_1": ("a middling amount of notes", "rhythm of average intensity"),
    "R3_2": ("full of notes", "a crowded, intense rhythm"),
    "S2s1": ("something {} might have written", "after the manner of {}"),
    "S4_0": ("think of {}", "A {} tune would be great.", "{} vibes"),
    "S4_1": ("It must not sound like {}.", "keep away from {}"),
    "B1s1": ("a length of {} bars", "make it {} bars", "{}-bar piece"),
    "TS1s1": ("counted in {}", "with a {} beat", "use {} as time signature"),
    "K1": ("set in {}", "let it be in {}", "its key should be {}"),
    "T1s1_word": ("take it {}", "a rather {} speed", "keep the tempo {}"),
    "T1s1_number": ("tempo: {}", "♩ = {}", "a metronome mark of {}"),
    "P4": ("{} octaves between the lowest and the highest note", "a compass of {} octaves"),
    "EM1": ("make me feel {}", "an atmosphere that is {}", "full of {} feeling"),
    "TM1": ("duration {}", "I need {}", "it should be over after {}"),
}
"""Patterns that are in no text to learn from."""

OPENINGS = ("", "", "a piece of music", "Write a song", "Please compose a tune", "music")
CLOSINGS = ("", "", "", " Thank you.", " Make it nice.")

ARTISTS = (
    "Beethoven",
    "Mozart",
    "Chopin",
    "Schubert",
    "Schumann",
    "Bach",
    "Haydn",
    "Brahms",
    "Handel",
    "Tchaikovsky",
    "Mendelssohn",
    "Dvorak",
    "Liszt",
    "Stravinsky",
    "Mahler",
    "Prokofiev",
    "Shostakovich",
)
"""The classes of S2s1."""

TEMPOS = (
    ("slow", "slowly", "adagio", "largo", "lento", "very slow", "grave"),
    ("moderate", "medium", "andante", "moderato", "mid-tempo", "walking", "unhurried"),
    ("fast", "quick", "allegro", "presto", "rapid", "lively", "very fast", "up-tempo", "brisk"),
)
"""Words of each class of T1s1."""

MOODS = (
    (
        "happy",
        "cheerful",
        "joyful",
        "merry",
        "energetic",
        "excited",
        "playful",
        "upbeat",
        "hopeful",
    ),
    ("tense", "suspenseful", "uneasy", "angry", "aggressive", "fierce", "dark", "scary", "anxious"),
    ("sad", "sorrowful", "mournful", "melancholic", "melancholy", "wistful", "gloomy", "lonely"),
    ("calm", "peaceful", "tranquil", "serene", "gentle", "relaxed", "mellow", "dreamy", "soothing"),
)
"""Words of each quadrant of EM1."""

GENRE_WORDS: Mapping[int, tuple[str, ...]] = {
    4: ("world music", "international music"),
    5: ("easy listening",),
    6: ("avant-garde music", "experimental music"),
    12: ("comedy", "spoken comedy"),
    18: ("vocal music", "vocal"),
    21: ("a symphony", "symphonic music", "symphony"),
}
"""Words of the genres of S4 that no label of ours is in."""

METRE_WORDS: Mapping[int, tuple[str, ...]] = {
    0: ("4/4", "common time", "4/4 time"),
    1: ("2/4", "2/4 time"),
    2: ("3/4", "waltz time"),
    3: ("1/4",),
    4: ("6/8",),
    5: ("3/8",),
    6: ("5/4", "7/8", "12/8", "9/8", "7/4", "5/8", "2/2", "cut time"),
}
"""Words of the classes of TS1s1."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
