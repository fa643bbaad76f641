"""Words for the sections of a piece, for forms, and for places in a piece.

Knows lists; does not know sentences.
"""

from __future__ import annotations

from cantilena.text.wordlists import by_name, split_names, word_set

SECTIONS: dict[str, str] = by_name(
    {
        "intro": "intro, introduction, introduktion, einleitung",
        "verse": "verse, verses, strophe, strophen, couplet, couplets, estrofa, estrofas, strofa",
        "pre-chorus": "pre-chorus, prechorus, pre chorus, pre-choruses",
        "chorus": "chorus, choruses, refrain, refrains, estribillo, estribillos, ritornello",
        "post-chorus": "post-chorus, postchorus, post chorus",
        "bridge": "bridge, bridges, middle eight, middle 8, puente",
        "outro": "outro",
        "coda": "coda",
    }
)
"""Words for a section, and its name."""

LISTED: dict[str, str] = by_name(
    {
        "interlude": "interlude, interludes, zwischenspiel",
        "solo": "solo",
        "solos": "solos",
        "head": "head",
        "hook": "hook",
        "build-up": "build-up, buildup, build up, build, riser",
        "drop": "drop, drops",
        "breakdown": "breakdown, break, breaks",
        "theme": "theme",
        "exposition": "exposition",
        "development": "development",
        "recapitulation": "recapitulation",
        "climax": "climax",
        "ending": "ending",
    }
)
"""Words for a section where they stand in a list of sections or have a number of bars; elsewhere
they mean something else."""

FORMS: dict[str, tuple[str, ...]] = {
    word: split_names(sections)
    for words, sections in {
        "ternary form, ternary, dreiteilige liedform, da capo form": "A, B, A",
        "binary form": "A, B",
        "rounded binary form, rounded binary": "A, A, B, A",
        "rondo form, rondo, rondeau": "A, B, A, C, A",
        "arch form": "A, B, C, B, A",
        "32-bar form, thirty-two-bar form": "A, A, B, A",
        "sonata form, sonata-allegro form, sonata allegro form, sonatenform, "
        "sonatenhauptsatzform": "exposition, development, recapitulation",
    }.items()
    for word in split_names(words)
}
"""Forms by name, as sections in order."""

PLACES: dict[str, str] = by_name(
    {
        "start": """
            start, beginning, very beginning, opening, outset, first bars, first few bars,
            first half, anfang, beginn, debut, principio, inizio, comienzo
        """,
        "middle": """
            middle, middle section, middle part, mittelteil, midpoint, halfway point, centre,
            center, mitte, milieu, medio, mitad
        """,
        "end": """
            end, very end, ending, close, finish, finale, final bars, last bars, last few bars,
            last bar, final bar, second half, last half, schluss, ende, fin, final, fine
        """,
    }
)
"""Nouns for places in a piece: "at the end", "zum Schluss"."""

MIDDLE = ("middle section", "middle part", "mittelteil")
"""Names of the middle that are places without a preposition: "a quiet middle section"."""

SCENES = word_set(
    """
    podcast podcasts youtube video videos vlog vlogs stream streams streaming twitch show shows
    channel game games movie film films news radio tv television app trailer series anime episode
    website wedding presentation lecture ad commercial brand company logo tiktok reel reels title
    """
)
"""What an "intro" belongs to where it is music for one, and no section of the piece."""
