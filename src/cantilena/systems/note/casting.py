"""Who plays: the instruments of a Brief, those that join them, and every part's role and range.

Knows instruments, genres' line-ups and the habits counted on the training songs; does not know
tempo, form, models, or how notes are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from cantilena.errors import BriefError
from cantilena.score import DRUMS, gm
from cantilena.systems.note.lineups import KINDRED, LINEUPS, by_name
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan
from cantilena.text.lexicon.ensembles import is_line_up
from cantilena.text.wishes import Brief, Instrument

_BASSES_OF_GM = range(32, 40)
BASSES = frozenset(
    {*_BASSES_OF_GM, *by_name("double bass, tuba, baritone saxophone, bassoon")},
)
_ALSO_LOW = frozenset(by_name("baritone saxophone, bassoon"))
"""Basses of a small wind band, which are none beside guitars and drums."""
BEAT_GENRES = frozenset(
    {
        "pop",
        "rock",
        "metal",
        "punk",
        "blues",
        "jazz",
        "bossa nova",
        "latin",
        "funk",
        "soul",
        "rnb",
        "disco",
        "dance",
        "house",
        "techno",
        "trance",
        "electronic",
        "lofi",
        "hip hop",
        "reggae",
        "country",
        "samba",
    }
)
"""Genres of bands: others join the instruments that a text names."""
PERCUSSION = frozenset({"latin", "bossa nova", "samba", "tango", "reggae", "disco"})
"""Genres in which hand percussion is at home, where nobody names it."""
BOWED = frozenset(by_name("violin, viola, cello, double bass, fiddle"))
TUNE_LOW = 53  # MIDI pitch: a tune over a bass does not go down among its notes
BASS_RANGE = 24  # semitones: a bass that may go up as far as it can wanders among the others
LEAST_RANGE = 12  # semitones: where training songs use less of an instrument it may play it all
MIN_SHARE = {MELODY: 0.8, HARMONY: 0.6, BASS: 0.4, DRUM: 0.4}
"""What parts are to have at least of an equal share of the notes, by role. More makes parts more
alike; less lets the model forget some."""
MAX_PARTS = 5  # of a piece that a text names some parts of; where it names none one more
ASKED_ENOUGH = 3  # named instruments that nobody joins any more, but who the genre lives on
ALL_NAMED = 5  # named instruments that are the whole band: nobody at all joins
UNACCOMPANIED = frozenset({"classical", "baroque", "romantic", "new age", "ambient", "soundtrack"})
"""Genres in which an instrument of one note at a time may well play by itself."""
CORES = {"metal": frozenset({"guitar", "bass", "drums"})}
"""Kinds of instruments without which a genre is not itself; nothing that is named replaces them."""
BAND_CORE = frozenset({"bass", "drums"})
"""The same for other ``BEAT_GENRES``, where fewer than ``ALL_NAMED`` are named."""
EPIC_CORE = frozenset({"bass", "brass"})
"""The same for an epic soundtrack: low strings and brass."""
LINEUP_NOISE = 0.8
"""A line-up's fit counts the kinds of instruments it shares with those that are named; up to this
is added at random. Below 1 a better fit always wins, and among equals chance decides."""
SIZE_PENALTY = 0.3
"""What an ensemble of training songs loses for each part more or less than ``MAX_PARTS``, where its
instruments' being usual gives it 0 to 2."""
_LEADS = by_name(
    "violin, fiddle, flute, piccolo, recorder, pan flute, whistle, clarinet, oboe, trumpet, "
    "muted trumpet, alto saxophone, soprano saxophone, tenor saxophone, distortion guitar, "
    "overdriven guitar, choir aahs, voice oohs, synth voice, square lead, saw lead, harmonica, "
    "bandoneon, accordion, banjo, harp, cello, french horn, vibraphone, celesta, music box, "
    "glockenspiel, jazz guitar, clean electric guitar, steel-string guitar, nylon-string guitar, "
    "acoustic grand piano, bright acoustic piano, honky-tonk piano, electric piano 1, "
    "electric piano 2, harpsichord"
)
"""Who has the tune, the likeliest first."""
_DRUM_VOICES = 5  # that a drummer strikes at once: two hands and feet, and a cymbal that rings
LEAD_VOICES = {"piano": 2}
"""Notes at once of who leads beside others that play no chords, by family; 1 for others."""
TUNE_VOICES = 2
"""Notes at once of a tune beside others that play chords: songs' tunes on pianos and guitars have
1.1 to 1.2 to an onset, and composed ones had 1.4 to 1.6 (``benchmarks/chords_struck.py``)."""
STRUCK = frozenset(
    by_name("timpani, agogo, woodblock, taiko drum, melodic tom, synth drum, reverse cymbal")
)
"""Pitched percussion of which a player strikes one at a time, and which carries no harmony."""
_VOICES = {"guitar": 5, "piano": 7, "organ": 5, "ensemble": 5, "synth pad": 4}
"""Notes that an instrument sounds at once, by family; 4 for others that play chords."""


def cast(brief: Brief, habits: dict[str, Any], rng: np.random.Generator) -> tuple[PartPlan, ...]:
    """The planned instruments: those asked for and, where the Brief leaves room, those that make
    up a line-up with them. Raises BriefError where every instrument is excluded."""
    asked = asked_programs(brief)
    taken = [i for i, _ in asked]
    core, roles = _core(brief, len(asked)), asked_roles(brief)
    lone = _is_lone_line(taken, brief)
    if lone and taken[0] not in BASSES | STRUCK:
        roles.setdefault(taken[0], ("lead",))  # those that join do not take the tune
    if not asked or (not brief.only and (lone or (core and len(asked) < ASKED_ENOUGH))):
        taken += _accompaniment(taken, brief, habits, rng)
    elif core and not brief.only:
        taken += _missing(taken, core, brief, rng)
    if not taken:
        raise BriefError("every instrument is excluded; leave at least one to play")
    return plan_parts(taken, dict(asked), habits["registers"], roles)


def _core(brief: Brief, n_asked: int) -> frozenset[str]:
    """The kinds of instruments that the Brief's genre lives on; empty where those that are named
    may stand by themselves."""
    core: frozenset[str] = frozenset()
    for genre in brief.genres:
        core |= CORES.get(genre, frozenset())
    complete = n_asked >= ASKED_ENOUGH and is_line_up(brief.instruments)
    if n_asked < ALL_NAMED and not complete:
        core |= BAND_CORE if BEAT_GENRES & set(brief.genres) else frozenset()
        core |= EPIC_CORE if _is_epic(brief) else frozenset()
    return core


def _is_lone_line(asked: Sequence[int], brief: Brief) -> bool:
    """Whether a text names one instrument of one note at a time and a genre of ensembles: "polka
    with tuba" is no piece for a tuba by itself."""
    lines = [i for i in asked if i in gm.MONOPHONIC or i in BOWED or i in STRUCK]
    return len(asked) == len(lines) == 1 and bool(set(brief.genres) - UNACCOMPANIED)


def _is_epic(brief: Brief) -> bool:
    return "epic" in brief.moods and "soundtrack" in brief.genres


def asked_programs(brief: Brief) -> list[tuple[int, Instrument]]:
    """A program for each asked instrument, none twice and none that is excluded. Wishes with few
    programs choose first, or "synth strings" would take the one program of "synth strings 1"."""
    wish_of: dict[int, int] = {}  # program -> place of its wish
    order = sorted(range(len(brief.instruments)), key=lambda k: len(brief.instruments[k].programs))
    roles = {wish.part: wish.value for wish in brief.roles if wish.value in _FITTING}
    for k in order:
        fitting = _FITTING.get(roles.get(brief.instruments[k].name, ""), ())
        for program in sorted(brief.instruments[k].programs, key=lambda p: p not in fitting):
            if program not in wish_of and program not in brief.excluded:
                wish_of[program] = k
                break
    return [(p, brief.instruments[k]) for p, k in sorted(wish_of.items(), key=lambda x: x[1])]


_FITTING = {"bass": BASSES, "drums": frozenset({DRUMS})}
"""Programs that are made for a role: a synthesizer that plays the bass is a synth bass."""


def asked_roles(brief: Brief) -> dict[int, tuple[str, ...]]:
    """The roles (of ``text.wishes.ROLES``) that each asked program is asked to play, the programs
    in the order in which the Brief gives them their roles."""
    program_of = {instrument.name: program for program, instrument in asked_programs(brief)}
    roles: dict[int, tuple[str, ...]] = {}
    for wish in brief.roles:
        if wish.part in program_of:
            program = program_of[wish.part]
            roles[program] = (*roles.get(program, ()), wish.value)
    return roles


def _missing(
    taken: list[int], core: frozenset[str], brief: Brief, rng: np.random.Generator
) -> list[int]:
    """Instruments of those kinds that the genre lives on and nobody of ``taken`` is of."""
    kinds = {_kind(i) for i in taken if i not in _ALSO_LOW}
    lineups = _lineups(brief.genres, brief)
    fit = np.array([len(kinds & {_kind(i) for i in lineup}) for lineup in lineups])
    joined: dict[str, int] = {}
    for k in np.argsort(-(fit + LINEUP_NOISE * rng.random(len(fit)))):
        for i in lineups[k]:
            if _kind(i) in core - kinds and i not in brief.excluded:
                joined.setdefault(_kind(i), i)
    return list(joined.values())


def _lineups(genres: Sequence[str], brief: Brief) -> list[Sequence[int]]:
    """The line-ups of some genres; of those of an epic soundtrack the ones with its core."""
    lineups: list[Sequence[int]] = [lineup for genre in genres for lineup in LINEUPS[genre]]
    if "epic" in brief.moods and "soundtrack" in genres:
        grand = [lineup for lineup in lineups if {_kind(i) for i in lineup} >= EPIC_CORE]
        return grand or lineups
    return lineups


def _accompaniment(
    taken: list[int], brief: Brief, habits: dict[str, Any], rng: np.random.Generator
) -> list[int]:
    """Instruments to go with those taken, who play what none of them does: of the line-up that
    suits genre or mood and those taken best, or of a training song where neither is named."""
    kinds = {_kind(i) for i in taken}
    genres = brief.genres or [KINDRED[mood] for mood in brief.moods if mood in KINDRED]
    lineups = _lineups(genres, brief)
    fit = np.array([len(kinds & {_kind(i) for i in lineup}) for lineup in lineups])
    if not lineups:
        lineups = [ensemble["instruments"] for ensemble in habits["ensembles"]]
        fit = _usualness(lineups)
    places_left = MAX_PARTS - len(taken) if taken else MAX_PARTS + 1
    for k in np.argsort(-(fit + LINEUP_NOISE * rng.random(len(fit)))):
        free = [i for i in lineups[k] if i not in brief.excluded and _kind(i) not in kinds]
        # where there is no place for all, bass and drums come first
        kept = sorted(free, key=lambda i: i not in BASSES and i != DRUMS)[:places_left]
        if kept:
            return [i for i in free if i in kept]
    return [] if taken else [i for i in range(DRUMS + 1) if i not in brief.excluded][:1]


def _kind(instrument: int) -> str:
    """What an instrument does in a band, of which one is enough: its family, or "bass"."""
    return "bass" if instrument in BASSES else gm.family(instrument)


def _usualness(ensembles: Sequence[Sequence[int]]) -> np.ndarray:
    """(N,) how usual each of the ensembles is: its instruments among all, and its size."""
    counts = np.bincount([i for e in ensembles for i in e], minlength=DRUMS + 1)
    common = np.log1p(counts) / np.log1p(max(1, counts.max()))
    instruments = np.array([2.0 * common[list(e)].mean() for e in ensembles])
    sizes = np.array([len(e) for e in ensembles])
    return instruments - SIZE_PENALTY * abs(sizes - MAX_PARTS)


def plan_parts(
    instruments: Sequence[int],
    named: dict[int, Instrument],
    registers: dict[str, Sequence[int]],
    asked: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> tuple[PartPlan, ...]:
    """Roles, ranges, voices and least shares of instruments that play together. A range is what
    the instrument can play, narrowed to where it usually plays. ``asked``: roles (of
    ``text.wishes.ROLES``) that instruments are asked to play, in the order of the text."""
    pitched = [i for i in instruments if i != DRUMS]
    basses = _basses(pitched, asked)
    others = [i for i in pitched if i not in basses]
    leads = _leads(pitched, others, asked)
    # who plays chords with nobody else to do so, carries the harmony, tune and all
    alone = len(others) == 1 and others[0] not in gm.MONOPHONIC and others[0] not in BOWED
    alone = alone and (len(pitched) == 1 or "lead" not in asked.get(others[0], ()))
    parts = []
    for i in instruments:
        low, high = _range(i, registers)
        if i in basses:
            high = min(high, low + BASS_RANGE)
        players = named[i].count if i in named else 1
        role = DRUM if i == DRUMS else BASS if i in basses else MELODY if i in leads else HARMONY
        role = HARMONY if alone and role == MELODY else role
        if role == MELODY and basses:
            low = max(low, min(TUNE_LOW, high - 12))
        name = _part_name(i, named)
        share = MIN_SHARE[role] / len(instruments)
        parts.append(PartPlan(i, role, low, high, _voices(i, role, players), share, name, players))
    return tuple(_in_company(part, parts, asked) for part in parts)


def _in_company(
    part: PartPlan, parts: Sequence[PartPlan], asked: Mapping[int, Sequence[str]]
) -> PartPlan:
    """A part with the voices that it has where others go with it: who leads beside others that play
    chords has a tune, and who is asked to lead one of single notes."""
    others = [p.voices for p in parts if p.role == HARMONY]
    if part.role != MELODY or not others:
        return part
    with_chords = max(others) > 1
    if "lead" in asked.get(part.instrument, ()):
        most = 1 if with_chords else LEAD_VOICES.get(gm.family(part.instrument), 1)
    else:
        most = TUNE_VOICES if with_chords else part.voices
    return replace(part, voices=min(part.voices, max(most, part.players)))


def _basses(pitched: Sequence[int], asked: Mapping[int, Sequence[str]]) -> list[int]:
    """Who plays the bass: who is asked to, and basses that are not asked to lead; else the lowest
    of three and more, or of two melody instruments, where it has not the tune."""
    if len(pitched) < 2:
        return []
    free = [i for i in pitched if "lead" not in asked.get(i, ())]
    basses = [i for i in pitched if "bass" in asked.get(i, ()) or (i in BASSES and i in free)]
    if basses or not free:
        return basses
    if len(pitched) >= 3 or (_low_and_high(pitched) and len(free) == 2):
        return [min(free, key=lambda i: sum(gm.playable(i)))]
    return []


def _leads(
    pitched: Sequence[int], others: Sequence[int], asked: Mapping[int, Sequence[str]]
) -> list[int]:
    """Who has the tune: who is asked to lead (several share it where somebody is left to go with
    them, else the first has it), else the first that is asked for a solo, else the likeliest of
    ``others`` (all but the basses), those that are asked to accompany last."""
    leads = [i for i in asked if i in others and "lead" in asked[i]]
    soloists = [i for i in asked if i in others and "solo" in asked[i]]
    if leads:
        return leads if len(leads) < len(pitched) else leads[:1]
    if soloists:
        return soloists[:1]
    quiet = {i for i in others if _BEHIND.intersection(asked.get(i, ()))}
    return sorted(others, key=lambda i: (i in quiet, _lead_rank(i)))[:1]


_BEHIND = frozenset({"accompaniment", "background"})


def _lead_rank(instrument: int) -> int:
    return _LEADS.index(instrument) if instrument in _LEADS else len(_LEADS)


def _low_and_high(pitched: Sequence[int]) -> bool:
    """Whether two are a duo of melody instruments, one of which lies well below the other."""
    if len(pitched) != 2 or any(i not in gm.MONOPHONIC and i not in BOWED for i in pitched):
        return False
    one, other = (sum(gm.playable(i)) for i in pitched)
    return abs(one - other) >= 12


def _range(instrument: int, registers: dict[str, Sequence[int]]) -> tuple[int, int]:
    """Playable pitches between the lowest and the highest that training songs usually use."""
    low, high = gm.playable(instrument)
    usual_low, usual_high = registers.get(str(instrument), (low, high))
    narrow = max(low, usual_low), min(high, usual_high)
    return narrow if narrow[1] - narrow[0] >= LEAST_RANGE else (low, high)


def _part_name(instrument: int, named: dict[int, Instrument]) -> str:
    name = named[instrument].name if instrument in named else gm.name(instrument)
    return name[:1].upper() + name[1:]


def _voices(instrument: int, role: str, players: int) -> int:
    """Notes an instrument sounds at once."""
    if role == DRUM:
        return _DRUM_VOICES
    one_by_one = instrument in gm.MONOPHONIC or instrument in BOWED or instrument in STRUCK
    if role == BASS or one_by_one:
        return players
    return _VOICES.get(gm.family(instrument), 4)
