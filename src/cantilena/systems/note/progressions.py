"""The chords of a piece for which a Brief names none: phrases of eight bars, set out by sections.

Knows the habits counted on the training songs, written idioms and what cadences are; does not know
who plays, models, or how chords that are asked for are laid out (``systems.note.planning``).

All phrases are tuples of 16 reduced chord numbers, two to a bar, as if the tonic were C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cantilena.analysis.key import key_scores
from cantilena.score.harmony import QUALITIES, QUALITY_NAMES, Chord, Key, parse_chord
from cantilena.systems.note.idioms import idioms, phrase
from cantilena.systems.note.plan import Plan, Progression
from cantilena.systems.note.sections import SectionPlan
from cantilena.text.wishes import Brief
from cantilena.text.wordlists import split_names
from cantilena.tokens.note import GRID

PHRASE = 8  # bars
HALF = 4  # bars of a phrase's half, and of a piece's close
Phrase = tuple[int, ...]

SEVENTH_GENRES = frozenset({"jazz", "lofi", "bossa nova", "soul", "rnb", "funk"})
VAMPING = frozenset(
    split_names("funk, house, techno, trance, electronic, dance, ambient, lofi, reggae, hip hop")
)
"""Genres in which two chords may alternate all through a phrase, or one stay for half of it."""
MODAL = VAMPING | frozenset(
    split_names("rock, metal, punk, folk, celtic, soundtrack, game, rnb, soul, disco")
)
"""Genres that come home without a leading note: by v, bVII or IV, where others need a dominant."""
MODAL_WAYS = (5, 7, 10)
"""Semitones above the tonic of chords from which modal music comes home."""
APPLIED = frozenset(
    split_names(
        "jazz, bossa nova, samba, ragtime, waltz, march, tango, classical, romantic, gospel, "
        "christmas, soul"
    )
)
"""Genres that live on dominants of other degrees than the first (V7/V, V7/ii ...)."""
KIN = (
    frozenset({"pop", "ballad", "christmas", "new age", "children"}),
    frozenset({"rock", "metal", "punk", "blues"}),
    frozenset({"jazz", "bossa nova", "samba", "lofi", "ragtime"}),
    frozenset({"soul", "rnb", "funk", "disco", "gospel", "hip hop", "reggae"}),
    frozenset({"electronic", "dance", "house", "techno", "trance", "ambient"}),
    frozenset({"country", "folk", "celtic", "children", "gospel"}),
    frozenset({"classical", "baroque", "romantic", "waltz", "march"}),
    frozenset({"soundtrack", "game"}),
    frozenset({"latin", "samba", "tango", "bossa nova"}),
)
"""Genres whose phrases stand in for those of one another where too few of a genre are counted."""
ENOUGH = 30
"""Phrases from which a genre, or its kin, is drawn from alone."""
IDIOM_SHARE, IDIOM_SHARE_ALONE = 0.5, 0.85
"""How often a phrase is one that is written down for its genre, where there are such: of a genre
with ``ENOUGH`` phrases counted, and of one for which its kin stand in."""
SONGS_POWER = 0.8
"""Counts of phrases are raised to this: 1 draws them as often as songs have them, less gives
the rarer ones a better chance."""
CADENCE_GAIN, APPLIED_GAIN, AWAY_GAIN = 2.5, 4.0, 2.0
"""How much likelier a phrase is drawn that ends with a cadence; that has a dominant of another
degree, in genres that live on these; that begins away from home, for a contrasting section."""
SAME_ENOUGH = 0.5
"""Share of moments with the same chord from which two phrases are no contrast."""
PROGRESSION_DRAWS = 12
"""Progressions drawn at most in search of one that makes its key plain."""
KEY_LEAD_ENOUGH = 0.08
"""A progression whose key leads over every other by this much in score (a correlation, so at most
2) is taken at once; a larger lead leaves fewer progressions."""
ROOT_WEIGHT = 1.7
"""What a chord's root counts in its key's histogram, where each other tone counts 1: basses play
it as well. The more it counts, the more plainly is the first chord's root the tonic."""
SHORTEST_HALVED_BAR = 3 * GRID  # ticks: a shorter bar does not change its chord in the middle
AS_THE_FIRST = frozenset({"intro", "outro", "coda", "verse", "head", "theme", "solo", "start"})
"""Sections that stand on one phrase."""
P_FALLING_SEVENTHS = 0.5
"""Share of pieces in which chords that lead on by a fifth, but the first degree, have sevenths: of
the half bars of real bands' songs a sixth have four tones (``cantilena evaluate realism``)."""
PLAIN = {
    "major": ("C | G | Am | F | C | G | F G | C", "C | Am | F | G | C | Am | F | G"),
    "minor": ("Cm | Ab | Eb | Bb | Cm | Ab | G | Cm", "Cm | Fm | Ab | G | Cm | Fm | Ab | G"),
}
"""Phrases that everybody knows: where the habits have none."""
_DOMINANT = 7  # semitones above the tonic


def choose_chords(
    brief: Brief, plan: Plan, habits: dict[str, Any], rng: np.random.Generator, n: int = 1
) -> list[Progression]:
    """``n`` progressions, with a chord wherever it changes or a bar begins. Of up to
    ``PROGRESSION_DRAWS`` draws the first is taken whose key is plain enough by ear (``key_lead``),
    else the plainest."""
    stock = _Stock(brief, plan, habits)
    return [_plain(stock, brief, plan, rng) for _ in range(n)]


def _plain(stock: _Stock, brief: Brief, plan: Plan, rng: np.random.Generator) -> Progression:
    best: tuple[float, list[tuple[int, Chord]]] = (-np.inf, [])
    for _ in range(PROGRESSION_DRAWS):
        chords = _laid_out(_numbers(stock, plan, rng), brief, plan)
        lead = key_lead([chord for _, chord in chords], plan.key)
        if lead > best[0]:
            best = (lead, chords)
        if lead > KEY_LEAD_ENOUGH:
            break
    return tuple(best[1])


def key_histogram(chords: Sequence[Chord]) -> np.ndarray:
    """(12,) how much of each pitch class a progression has, a chord's root counting more."""
    histogram = np.zeros(12)
    for chord in chords:
        for pc in chord.pitch_classes:
            histogram[pc] += 1.0
        histogram[chord.root] += ROOT_WEIGHT - 1.0
    return histogram


def key_lead(chords: Sequence[Chord], key: Key) -> float:
    """By how much the key's score leads over any other's, on a histogram of the chords' tones."""
    scores = np.array(key_scores(key_histogram(chords)))
    score = scores[key.index]
    scores[key.index] = -np.inf
    return float(score - scores.max())


# ---------------------------------------------------------------------------- what there is


class _Stock:
    """The phrases that a piece may be made of, and how likely each is."""

    def __init__(self, brief: Brief, plan: Plan, habits: dict[str, Any]):
        genres = set(brief.genres)
        self.modal = bool(MODAL & genres)
        self.phrases, weights = _candidates(brief, plan, habits)
        chords = [tuple(map(Chord.from_number, numbers)) for numbers in self.phrases]
        cadence = np.array([closes(c, self.modal) or half_closes(c) for c in chords])
        applied = np.array([bool(APPLIED & genres) and _is_applied(c) for c in chords])
        gain = np.where(cadence, CADENCE_GAIN, 1.0) * np.where(applied, APPLIED_GAIN, 1.0)
        self.weights = weights * gain
        self.at_home = np.array([_is_tonic(c[0], plan.key.minor) for c in chords])
        self.closed = np.array([closes(c, self.modal) for c in chords])

    def draw(self, rng: np.random.Generator, *wished: np.ndarray) -> Phrase:
        """A phrase, of those that have all that is wished for, as far as there are any; of two
        wishes the first counts more."""
        weights = self.weights
        for wish in wished:
            weights = weights * wish if (weights * wish).any() else weights
        return self.phrases[int(rng.choice(len(self.phrases), p=weights / weights.sum()))]

    def contrast(self, first: Phrase) -> np.ndarray:
        """Weights of phrases that are another music than ``first``: other chords, and rather not
        from the tonic."""
        unlike = np.array([_likeness(p, first) <= SAME_ENOUGH for p in self.phrases])
        return unlike * np.where(self.at_home, 1.0, AWAY_GAIN)


@dataclass(frozen=True)
class _Counted:
    """A phrase of the habits: how many songs have it, their genres, and whether most of these have
    three beats."""

    numbers: Phrase
    songs: float
    genres: frozenset[str] = frozenset()
    triple: bool = False

    @classmethod
    def of(cls, row: Sequence[Any]) -> _Counted:
        """Of a row of the habits; those of checkpoints of before are loops of four bars, of one or
        two chords a bar, without genres."""
        if len(row) == 4:
            return cls(tuple(row[0]), row[1], frozenset(row[2]), row[3])
        per_half = 2 * HALF // len(row[0])
        return cls(tuple(n for n in row[0] for _ in range(per_half)) * 2, row[1])

    @property
    def rate(self) -> float:
        """Changes of chord a bar."""
        return sum(a != b for a, b in pairwise(self.numbers)) / PHRASE

    @property
    def is_vamp(self) -> bool:
        """Whether it has no more than two chords, or stays on one for half its bars."""
        roots = [Chord.from_number(number).root for number in self.numbers]
        stays = any(len(set(roots[k : k + PHRASE])) == 1 for k in range(PHRASE + 1))
        return stays or len(set(roots)) < 3


def _candidates(
    brief: Brief, plan: Plan, habits: dict[str, Any]
) -> tuple[list[Phrase], np.ndarray]:
    """Phrases that suit a piece and their weights, the counted and the written."""
    mode = "minor" if plan.key.minor else "major"
    rows = [_Counted.of(row) for row in habits["progressions"][mode]]
    counted = _suited(rows, brief, plan, habits)
    written = [numbers for genre in brief.genres for numbers in idioms(genre, plan.key.minor)]
    if not rows and not written:
        written = [phrase(names) for names in PLAIN[mode]]
    weights = np.array([row.songs for row in counted]) ** SONGS_POWER
    genres = set(brief.genres)
    alone = sum(bool(genres & row.genres) for row in rows) < ENOUGH
    share = IDIOM_SHARE_ALONE if alone else IDIOM_SHARE
    if counted and written:
        each = weights.sum() * share / (1 - share) / len(written)
        weights = np.concatenate([weights, np.full(len(written), each)])
    elif written:
        weights = np.ones(len(written))
    return [*(row.numbers for row in counted), *written], weights


def _suited(
    rows: list[_Counted], brief: Brief, plan: Plan, habits: dict[str, Any]
) -> list[_Counted]:
    """The counted phrases that suit a piece: those of its genres, where there are enough, else with
    those of their kin, else all whose chords change about as often as the genre's do; those of
    three beats for three beats, where there are enough; vamps where a genre has them."""
    genres = set(brief.genres)
    if not VAMPING & genres:
        rows = [row for row in rows if not row.is_vamp] or rows
    threes = [row for row in rows if row.triple == (plan.metre[0] == 3)]
    rows = threes if len(threes) >= ENOUGH else rows
    kin = genres.union(*(group for group in KIN if group & genres))
    spans = [span for genre, span in habits.get("rhythms", {}).items() if genre in genres]
    for suited in (
        [row for row in rows if genres & row.genres],
        [row for row in rows if kin & row.genres],
        [row for row in rows if any(low <= row.rate <= high for low, _, high in spans)],
    ):
        if len(suited) >= ENOUGH:
            return suited
    return rows


def _likeness(a: Phrase, b: Phrase) -> float:
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)


def _is_tonic(chord: Chord, minor: bool) -> bool:
    return chord.root == 0 and chord.quality in (("m", "m7") if minor else ("", "7", "maj7"))


def _is_dominant(chord: Chord) -> bool:
    return chord.root == _DOMINANT and chord.quality in ("", "7")


def closes(chords: Sequence[Chord], modal: bool) -> bool:
    """Whether a phrase comes home: its last bar on the tonic, and before it what leads there."""
    if chords[-1].root or chords[-2].root:
        return False
    return _comes_home(chords[-3], modal)


def half_closes(chords: Sequence[Chord]) -> bool:
    """Whether a phrase ends on the dominant, open."""
    return _is_dominant(chords[-1])


def _is_applied(chords: Sequence[Chord]) -> bool:
    """Whether a phrase has a dominant of another degree than the first, and where it leads."""
    return any(
        a.quality in ("", "7") and a.root != _DOMINANT and _leads(a, b) and (a.root or a.quality)
        for a, b in pairwise(chords)
    )


def _leads(chord: Chord, coming: Chord) -> bool:
    """Whether a chord's root falls a fifth to the next."""
    return (chord.root - coming.root) % 12 == _DOMINANT


# ---------------------------------------------------------------------------- setting it out


def _numbers(stock: _Stock, plan: Plan, rng: np.random.Generator) -> list[int]:
    """Two chord numbers a bar, above C: a phrase for each section's letter, the first at home and
    the next another music; the last four bars come home. In some pieces chords that fall a fifth
    have their sevenths."""
    first = stock.draw(rng, stock.at_home)
    sevenths = rng.random() < P_FALLING_SEVENTHS
    letters = [section.letter for section in plan.sections]
    alike = AS_THE_FIRST & set(letters) or set(letters[:1])
    phrases: dict[str, Phrase] = {}
    numbers: list[int] = []
    for section in plan.sections:
        letter = section.letter
        if letter not in phrases:
            wishes = [stock.contrast(first)] if phrases else [stock.at_home, stock.contrast(first)]
            phrases[letter] = first if letter in alike else stock.draw(rng, *wishes)
            if sevenths:
                phrases[letter] = _with_sevenths(phrases[letter], plan.key.minor)
        for bar in _bars_of_phrase(section, plan.bars):
            numbers += phrases[letter][2 * bar : 2 * bar + 2]
    last = phrases[plan.sections[-1].letter]
    if plan.bars > HALF and not closes([Chord.from_number(n) for n in last], stock.modal):
        numbers[-2 * HALF :] = stock.draw(rng, stock.closed, stock.at_home)[-2 * HALF :]
    return numbers


def _with_sevenths(numbers: Phrase, minor: bool) -> Phrase:
    """A phrase whose triads, but the tonic's, have their sevenths where the root falls a fifth to
    the next chord; behind the last comes the first."""
    out = []
    for k, number in enumerate(numbers):
        later = (n for n in (*numbers[k:], *numbers) if n != number)
        chord, coming = Chord.from_number(number), Chord.from_number(next(later, number))
        fuller = _seventh(chord, minor) if chord.root and _leads(chord, coming) else chord
        out.append(fuller.number)
    return tuple(out)


def _bars_of_phrase(section: SectionPlan, bars: int) -> list[int]:
    """Which bar of its phrase each bar of a section is: whole phrases, and of what is left the end
    of the phrase, so that the section closes as the phrase does; of a section no longer than half a
    phrase its beginning, unless it is the last of several."""
    whole, left = divmod(section.bars, PHRASE)
    if not whole and left <= HALF and (section.start == 0 or section.stop < bars):
        return list(range(left))
    opening = range(max(0, left - HALF))
    return [*range(PHRASE)] * whole + [*opening, *range(PHRASE - left + len(opening), PHRASE)]


def _laid_out(numbers: Sequence[int], brief: Brief, plan: Plan) -> list[tuple[int, Chord]]:
    """The chords in the plan's key, on their ticks. The last bar is the tonic and, where music is
    not modal, what is before it the dominant; what leads to a minor tonic has a leading note."""
    halves = _has_middle(plan)
    minor, modal = plan.key.minor, bool(MODAL & set(brief.genres))
    tonic = Chord.from_number(1 + QUALITY_NAMES.index("m" if minor else ""))
    moments: list[tuple[int, Chord]] = []
    for bar in range(plan.bars):
        here = [Chord.from_number(n) for n in numbers[2 * bar : 2 * bar + 2]]
        moments.append((bar * plan.bar_ticks, here[0]))
        if halves and here[1] != here[0]:
            moments.append((bar * plan.bar_ticks + plan.bar_ticks // 2, here[1]))
    if plan.bars > 1:
        last = (plan.bars - 1) * plan.bar_ticks
        moments = [m for m in moments if m[0] < last] + [(last, tonic)]
    if plan.bars > 3 and not _comes_home(moments[-2][1], modal):
        tick = moments[-2][0]
        moments[-2] = (tick, parse_chord("G7"))
    chords = [chord for _, chord in moments]
    if minor and not modal:
        chords = [
            _with_leading_note(a, b) for a, b in zip(chords, [*chords[1:], tonic], strict=True)
        ]
    if SEVENTH_GENRES & set(brief.genres):
        chords = [_seventh(chord, plan.key.minor) for chord in chords]
    ticks = [tick for tick, _ in moments]
    return [
        (tick, chord.transposed(plan.key.tonic))
        for k, (tick, chord) in enumerate(zip(ticks, chords, strict=True))
        if tick % plan.bar_ticks == 0 or chord != chords[k - 1]
    ]


def _comes_home(chord: Chord, modal: bool) -> bool:
    """Whether a chord leads to the tonic: the dominant, in modal music any of ``MODAL_WAYS``."""
    return chord.root in MODAL_WAYS if modal else _is_dominant(chord)


def _has_middle(plan: Plan) -> bool:
    """Whether the plan's bars are long enough for two chords and have a beat in their middle."""
    middle = plan.bar_ticks // 2
    return plan.bar_ticks >= SHORTEST_HALVED_BAR and middle % plan.beat_ticks == 0


def _with_leading_note(chord: Chord, coming: Chord) -> Chord:
    """V for v where a minor tonic follows."""
    if chord.root == _DOMINANT and coming.root == 0 and chord.quality in ("m", "m7"):
        symbol = "" if chord.quality == "m" else "7"
        return Chord(chord.root, QUALITIES[symbol], symbol)
    return chord


def _seventh(chord: Chord, minor: bool) -> Chord:
    """A triad above C with the seventh that the key's scale gives it: a small one if that alone
    lies in the scale."""
    if chord.symbol not in ("", "m"):
        return chord
    scale = Key(0, minor).scale
    small, large = ((chord.root + i) % 12 in scale for i in (10, 11))
    symbol = "m7" if chord.symbol == "m" else "7" if small and not large else "maj7"
    if chord.root == _DOMINANT and chord.symbol == "":
        symbol = "7"
    return Chord(chord.root, QUALITIES[symbol], symbol)
