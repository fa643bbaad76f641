"""What moods and genres ask of music that is measured: tables for search.

Knows which way moods point and which groups genres belong to; measures nothing.
"""

from __future__ import annotations

from cantilena.text.wordlists import by_name

UNKNOWN = 0.35
"""Likeness of a wish that a file was not measured for: less than half, so that a file that is known
to obey comes first, and more than of one that is known not to."""
AXES = ("mode", "pace", "power", "height")
"""What moods are recognised by: minor (-1) to major (1), slow to fast, gentle to powerful, low to
high."""

MOODS: dict[str, tuple[float, float, float, float]] = {
    "happy": (1.0, 0.7, 0.1, 0.2),
    "sad": (-1.0, -0.8, -0.4, 0.0),
    "calm": (0.1, -1.0, -0.8, 0.0),
    "energetic": (0.0, 1.0, 0.8, 0.0),
    "dark": (-1.0, -0.3, 0.0, -0.7),
    "romantic": (0.2, -0.7, -0.4, 0.0),
    "epic": (-0.2, 0.1, 1.0, -0.1),
    "melancholic": (-1.0, -0.6, -0.4, 0.0),
    "mysterious": (-0.8, -0.4, -0.4, -0.1),
    "playful": (0.8, 0.7, -0.2, 0.4),
    "tense": (-0.8, 0.6, 0.4, 0.0),
    "dreamy": (0.3, -0.8, -0.8, 0.2),
    "aggressive": (-0.6, 0.9, 1.0, -0.2),
    "hopeful": (0.9, 0.1, 0.0, 0.1),
    "nostalgic": (0.1, -0.6, -0.4, 0.0),
    "solemn": (-0.2, -0.8, 0.0, -0.2),
    "relaxed": (0.3, -0.8, -0.5, 0.0),
}
"""How much each axis says of a mood (0: nothing) and which way it points. Mode carries valence and
tempo, note rate and loudness arousal, by Russell's circumplex (1980), Hevner (1936, 1937) and the
results that Gabrielsson & Lindström (2010) review, as for ``text.facts.mood_rule``; the size of
each number is our own estimate."""

GROUP_OF: dict[str, str] = by_name(
    {
        "classical": "classical, baroque, romantic, waltz, march, christmas, children",
        "country": "country",
        "electronic": "electronic, house, techno, trance, dance, disco, game, lofi, hip hop",
        "folk": "folk, celtic",
        "jazz": "jazz, ragtime, blues",
        "latin": "latin, bossa nova, samba, tango, reggae",
        "new age": "new age, ambient, soundtrack",
        "pop": "pop, ballad",
        "rnb": "rnb, soul, funk, gospel",
        "rock": "rock, metal, punk",
    }
)
"""For each genre of ``text.labels`` the group of genres as which ``analysis.likeness`` recognises
it, its own or the nearest."""
OWN_GROUP = frozenset(GROUP_OF) - frozenset(
    {"waltz", "march", "christmas", "children", "disco", "game", "lofi", "hip hop", "ragtime"}
    | {"blues", "reggae", "soundtrack", "gospel"}
)
"""Genres of which the group's songs really are."""
