"""Phrases that genres live on, above C, as a musician would write them down.

Knows chord names by genre; does not know Briefs, keys or how a phrase is chosen
(``systems.note.progressions``). The corpora cannot tell these: no song of theirs is labelled
ragtime, tango or gospel, and of those called jazz or blues there are few.
"""

from __future__ import annotations

from functools import cache

from cantilena.score.harmony import parse_chord

_DANCE_MAJOR = (
    "C | C | G7 | G7 | G7 | G7 | C | C",
    "C | C | A7 | Dm | G7 | G7 | G7 | C",
    "C | E7 | Am | C7 | F | C | G7 | C",
    "C | Am | Dm | G7 | C | D7 | G7 | C",
    "G7 | C | G7 | C | D7 | G | D7 | G7",
    "F | F | C | C | F | C | G7 | C",
)
_DANCE_MINOR = (
    "Cm | Cm | G7 | G7 | G7 | G7 | Cm | Cm",
    "Cm | Fm | G7 | Cm | Ab | Fm | G7 | Cm",
    "Cm | C7 | Fm | Cm | D7 | D7 | G7 | G7",
    "Fm | Cm | G7 | Cm | Ab | Eb | D7 | G7",
    "Eb | Bb7 | Bb7 | Eb | Fm | Cm | G7 | Cm",
)
_CHANGES_MAJOR = (
    "Cmaj7 | A7 | Dm7 | G7 | Em7 | A7 | Dm7 G7 | C",
    "Cmaj7 Am7 | Dm7 G7 | Em7 A7 | Dm7 G7 | C C7 | F Fm | Dm7 G7 | C",
    "Cmaj7 | Cmaj7 | Gm7 | C7 | Fmaj7 | Fm7 | Dm7 | G7",
    "Cmaj7 | Cmaj7 | D7 | D7 | Dm7 | G7 | Cmaj7 A7 | Dm7 G7",
    "E7 | E7 | A7 | A7 | D7 | D7 | G7 | G7",
    "Fmaj7 | Fm7 | Em7 | A7 | Dm7 | D7 | Dm7 | G7",
)
_CHANGES_MINOR = (
    "Cm7 | Fm7 | Bb7 | Ebmaj7 | Abmaj7 | Dm7b5 | G7 | Cm7",
    "Cm7 | Dm7b5 G7 | Cm7 | Cm7 | Fm7 | Cm7 | Dm7b5 G7 | Cm7",
    "Cm7 | Cm7 | Fm7 | Fm7 | Dm7b5 | G7 | Cm7 | Dm7b5 G7",
    "Fm7 | Bb7 | Ebmaj7 | Abmaj7 | Dm7b5 | G7 | Cm7 | G7",
)
_RAG = (
    "C | A7 | D7 | G7 | C | A7 | D7 G7 | C",
    "C | C E7 | Am | C7 | F Fm | C A7 | D7 G7 | C",
    "C | G7 | C | C7 | F Gbdim | C A7 | D7 G7 | C",
    "E7 | E7 | Am | Am | D7 | D7 | G7 | G7",
    "F | Fm | C | A7 | D7 | D7 | G7 | G7",
)
_RAG_MINOR = (
    "Cm | G7 | Cm | C7 | Fm | Cm | Ab7 G7 | Cm",
    "Cm | Cm | Fm | Cm | D7 | D7 | G7 | G7",
    "Eb | Bb7 | Eb | Eb | Ab Adim | Eb C7 | Fm G7 | Cm",
)
_BLUES = (
    "C | F | C | C7 | F | F7 | C G7 | C",
    "C | C7 | F | Fm | C | A7 | D7 G7 | C",
    "C | G7 | F | F7 | C | G7 | C | G7",
    "F | F7 | C | C | D7 | D7 | G7 | G7",
)
_BLUES_MINOR = (
    "Cm | Fm | Cm | Cm | Fm | Cm | Ab G7 | Cm",
    "Cm | Cm | Fm | Cm | Ab | G7 | Cm | G7",
    "Fm | Fm | Cm | Cm | Ab | Ab | G7 | G7",
)
_TANGO = (
    "Cm | Bb | Ab | G7 | Cm | Bb | Ab G7 | Cm",
    "Cm | G7 | Cm | C7 | Fm | Cm | D7 G7 | Cm",
    "Fm | Fm | Cm | Cm | D7 | D7 | G7 | G7",
)
_JIG = (
    "C | C | F | G | C | F | G | C",
    "C | G | Am | F | C | G | F G | C",
    "C | Bb | C | F | C | Bb | F G | C",
    "Am | G | F | C | Am | G | F | G",
)
_JIG_MINOR = (
    "Cm | Cm | Bb | Bb | Cm | Eb | Bb | Cm",
    "Cm | Bb | Cm | Eb | Cm | Bb | Eb Bb | Cm",
    "Eb | Bb | Cm | Bb | Eb | Bb | Ab | Bb",
)
_GROOVE = (
    "C | Dm | C | Dm | C | Dm | F G | C",
    "C | Em | F | G | C | Em | Dm G | C",
    "C | Bb | F | C | C | Bb | F G | C",
    "F | F | C | C | Dm | Dm | G | G7",
)
_GROOVE_MINOR = (
    "Cm7 | F7 | Cm7 | F7 | Cm7 | F7 | Cm7 | F7",
    "Cm7 | Gm7 | Cm7 | Gm7 | Cm7 | Gm7 | Bb | Cm7",
    "Cm7 | Cm7 | Eb | F | Cm7 | Cm7 | Bb | Cm7",
    "Ab | Ab | Cm7 | Cm7 | Ab | Ab | G7 | G7",
    "Fm7 | Fm7 | Cm7 | Cm7 | Fm7 | Fm7 | G7 | G7",
)
_GOSPEL = (
    "C | C7 | F | Fm | C | A7 | D7 G7 | C",
    "C | E7 | Am | C7 | F | C | D7 G7 | C",
    "C | F C | C | G7 | C C7 | F Fm | C G7 | C",
    "C | Am | Dm | G7 | C C7 | F Gbdim | C G7 | C",
    "F | C | E7 | Am | F | D7 | G | G7",
)
_GOSPEL_MINOR = (
    "Cm | C7 | Fm | Bb7 | Eb | Ab | Dm7b5 G7 | Cm",
    "Cm | Cm C7 | Fm | Cm | Ab | Fm G7 | Cm G7 | Cm",
    "Cm | Gm7b5 C7 | Fm | Dm7b5 G7 | Cm | Ab | Dm7b5 G7 | Cm",
    "Fm | Cm | Fm | Cm | Ab | Eb | D7 | G7",
)
_SONG = (
    "C | F | C | G7 | C | F | G7 | C",
    "C | C | F | C | G7 | C | G7 | C",
    "C | Am | Dm | G7 | C | F | G7 | C",
    "G7 | C | G7 | C | F | C | D7 | G7",
)
_LOFI = (
    "Cmaj7 | Am7 | Dm7 | G7 | Em7 | Am7 | Dm7 G7 | Cmaj7",
    "Cmaj7 | Em7 | Fmaj7 | Fm7 | Cmaj7 | Am7 | Dm7 G7 | Cmaj7",
    "Cmaj7 | Gm7 C7 | Fmaj7 | Fm7 | Em7 | A7 | Dm7 | G7",
    "Cmaj7 | Fmaj7 | Em7 | Am7 | Dm7 | Fmaj7 | Dm7 G7 | Cmaj7",
    "Dm7 | G7 | Cmaj7 | Am7 | Dm7 | G7 | Cmaj7 | A7",
    "Fmaj7 | Em7 | Dm7 | Cmaj7 | Fmaj7 | Em7 | Dm7 | G7",
)
_LOFI_MINOR = (
    "Cm7 | Fm7 | Bb7 | Ebmaj7 | Abmaj7 | Fm7 | G7 | Cm7",
    "Cm7 | Abmaj7 | Fm7 | G7 | Cm7 | Abmaj7 | Fm7 | G7",
    "Cm7 | Ebmaj7 | Abmaj7 | Bb7 | Cm7 | Ebmaj7 | Fm7 Bb7 | Cm7",
    "Cm7 | Cm7 | Abmaj7 | Abmaj7 | Fm7 | Fm7 | Dm7b5 G7 | Cm7",
    "Abmaj7 | G7 | Cm7 | Ebmaj7 | Abmaj7 | G7 | Cm7 | Bb7",
)
_CLUB = (
    "C | G | Am | F | C | G | Am | F",
    "C | C | Am | Am | F | F | G | G",
    "F | G | C | Am | F | G | C | C",
    "C | Am | F | G | C | Am | F G | C",
)
_CLUB_MINOR = (
    "Cm | Cm | Cm | Cm | Ab | Ab | Bb | Bb",
    "Cm | Cm | Fm | Fm | Ab | Ab | Gm | Gm",
    "Cm | Ab | Eb | Bb | Cm | Ab | Gm | Cm",
    "Ab | Bb | Cm | Cm | Ab | Bb | Gm | Cm",
    "Cm | Cm | Ab | Ab | Fm | Fm | Bb | Cm",
)
_DISCO = (
    "C | Am | Dm | G7 | C | Am | Dm G7 | C",
    "C | C | Em | Em | F | F | G | G",
    "Am | D7 | Dm7 | G7 | Em | Am | Dm7 G7 | C",
    "F | G | Em | Am | F | G | F G | C",
)
_DISCO_MINOR = (
    "Cm | Fm | Bb7 | Eb | Ab | Dm7b5 | G7 | Cm",
    "Cm | Cm | Fm | Fm | Bb | Bb | G7 | G7",
    "Cm | Bb | Ab | G7 | Cm | Bb | Ab G7 | Cm",
    "Cm | Cm | Eb | Eb | F | F | Bb | Bb",
    "Ab | Bb | Cm | Cm | Ab | Bb | G7 | G7",
)
_REGGAE = (
    "C | F | C | F | C | F | C | F",
    "C | Am | F | G | C | Am | F G | C",
    "C | G | F | C | C | G | F | C",
    "F | G | C | Am | F | G | F | G",
)
_REGGAE_MINOR = (
    "Cm | Fm | Cm | Fm | Cm | Fm | Cm | Fm",
    "Cm | Bb | Cm | Bb | Ab | Bb | Cm | Cm",
    "Cm | Cm | Fm | Cm | Ab | Bb | Gm | Cm",
    "Ab | Bb | Cm | Cm | Ab | Bb | Eb | Bb",
)
_BY_GENRE = {
    "waltz": (_DANCE_MAJOR, _DANCE_MINOR),
    "march": (_DANCE_MAJOR, _DANCE_MINOR),
    "jazz": (_CHANGES_MAJOR, _CHANGES_MINOR),
    "bossa nova": (_CHANGES_MAJOR, _CHANGES_MINOR),
    "samba": (_CHANGES_MAJOR, _CHANGES_MINOR),
    "ragtime": (_RAG, _RAG_MINOR),
    "blues": (_BLUES, _BLUES_MINOR),
    "tango": (_DANCE_MAJOR, _TANGO),
    "celtic": (_JIG, _JIG_MINOR),
    "funk": (_GROOVE, _GROOVE_MINOR),
    "reggae": (_REGGAE, _REGGAE_MINOR),
    "disco": (_DISCO, _DISCO_MINOR),
    "gospel": (_GOSPEL, _GOSPEL_MINOR),
    "children": (_SONG, _DANCE_MINOR[:2]),
    "christmas": (_SONG + _DANCE_MAJOR[2:3], _DANCE_MINOR),
    "lofi": (_LOFI, _LOFI_MINOR),
    "house": (_CLUB, _CLUB_MINOR),
    "techno": (_CLUB, _CLUB_MINOR),
    "trance": (_CLUB, _CLUB_MINOR),
}


def phrase(names: str) -> tuple[int, ...]:
    """The chord numbers of a written phrase, two to a bar: "C | F G" has two bars."""
    numbers: list[int] = []
    for bar in names.split("|"):
        chords = [parse_chord(name).number for name in bar.split()]
        numbers += [chords[0], chords[-1]]
    return tuple(numbers)


@cache
def idioms(genre: str, minor: bool) -> tuple[tuple[int, ...], ...]:
    """Phrases of eight bars of a genre, each as 16 chord numbers as if the tonic were C; () for a
    genre of which none are written down."""
    return tuple(map(phrase, _BY_GENRE[genre][minor])) if genre in _BY_GENRE else ()
