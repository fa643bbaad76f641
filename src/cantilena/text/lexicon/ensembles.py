"""Ensembles: which instruments a quartet, a band or an orchestra is made of.

Knows line-ups; does not know programs (``instruments``) or sentences (``brief.parts``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from cantilena.text.lexicon import Phrasebook
from cantilena.text.lexicon.instruments import find_instrument
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import by_name

SIZES: dict[str, int] = by_name(
    {
        2: "duo, duet, duett, duos, duets",
        3: "trio, trios, terzett",
        4: "quartet, quartett, quartets, quatuor, quartetto, cuarteto",
        5: "quintet, quintett, quintets, quintette, quintetto",
        6: "sextet, sextett",
        7: "septet, septett",
        8: "octet, oktett",
        9: "nonet",
    }
)
"""How many players a word asks for."""


@dataclass(frozen=True)
class Ensemble:
    """A line-up. ``closed``: nothing else is to sound. ``size``: instruments that the text names
    take seats in it ("jazz trio with guitar"), so that it stays this large; 0: they join it.
    ``genre`` is implied by the name. ``implied``: the word only suggests it ("orchestral")."""

    name: str
    members: tuple[Instrument, ...]
    closed: bool = False
    size: int = 0
    genre: str = ""
    implied: bool = False
    voices_only: bool = False


_STRINGS4 = "violin*2, viola, cello"
_ORCHESTRA = "strings, flute, oboe, clarinet, bassoon, french horn*2, trumpet, trombone, timpani"
_ROCK = "electric guitar, electric bass, drums"

_TABLE: tuple[tuple[str, str, str], ...] = (
    # names | members | flags: closed, size=n (named instruments take seats), genre=..., implied
    ("string quartet, streichquartett, quatuor a cordes, quartetto d'archi", _STRINGS4, "closed"),
    ("string trio, streichtrio", "violin, viola, cello", "closed"),
    ("string duo, string duet", "violin, cello", "closed"),
    ("string quintet, streichquintett", "violin*2, viola*2, cello", "closed"),
    ("string sextet, streichsextett", "violin*2, viola*2, cello*2", "closed"),
    ("string octet, streichoktett", "violin*4, viola*2, cello*2", "closed"),
    (
        "string orchestra, streichorchester, string chamber orchestra, orchestre a cordes",
        "violin*2, viola, cello, double bass",
        "closed",
    ),
    ("piano trio, klaviertrio, trio with piano, trio avec piano", "violin, cello, piano", "closed"),
    ("piano quartet, klavierquartett", "violin, viola, cello, piano", "closed"),
    ("piano quintet, klavierquintett", "violin*2, viola, cello, piano", "closed"),
    ("clarinet trio", "clarinet, cello, piano", "closed"),
    ("clarinet quintet, klarinettenquintett", "clarinet, violin*2, viola, cello", "closed"),
    ("horn trio, horntrio", "horn, violin, piano", "closed"),
    ("flute quartet", "flute, violin, viola, cello", "closed"),
    ("oboe quartet", "oboe, violin, viola, cello", "closed"),
    (
        "wind quintet, woodwind quintet, blaserquintett, holzblaserquintett, quintette a vent",
        "flute, oboe, clarinet, bassoon, french horn",
        "closed",
    ),
    (
        "wind quartet, woodwind quartet, holzblaserquartett",
        "flute, oboe, clarinet, bassoon",
        "closed",
    ),
    ("wind trio, woodwind trio, reed trio", "oboe, clarinet, bassoon", "closed"),
    (
        "wind octet, woodwind octet, harmonie",
        "oboe*2, clarinet*2, bassoon*2, french horn*2",
        "closed",
    ),
    ("brass quintet, blechblaserquintett", "trumpet*2, french horn, trombone, tuba", "closed"),
    ("brass quartet, blechblaserquartett", "trumpet*2, french horn, trombone", "closed"),
    ("brass trio", "trumpet, french horn, trombone", "closed"),
    (
        "saxophone quartet, sax quartet, saxophonquartett",
        "soprano saxophone, alto saxophone, tenor saxophone, baritone saxophone",
        "closed",
    ),
    ("saxophone trio, sax trio", "alto saxophone, tenor saxophone, baritone saxophone", "closed"),
    ("recorder quartet, blockflotenquartett", "recorder*4", "closed"),
    ("recorder consort, viol consort", "recorder*4", "closed"),
    (
        "satb choir, satb, choir satb, vierstimmiger chor, four-part choir, 4-part choir",
        "choir*4",
        "",
    ),
    ("a cappella choir", "choir*4", "closed voices"),
    ("a cappella, acappella, acapella, a capella", "choir*4", "closed voices"),
    ("barbershop quartet, barbershop", "voice*4", "closed voices"),
    ("vocal quartet", "voice*4", "closed voices"),
    (
        "vocal duet, vocal duo, female and male duet, male and female duet, male-female duet, "
        "duet of singers, female and male vocals, male and female vocals, male and female singers, "
        "female and male singers, male and female voices, female and male voices",
        "voice*2",
        "",
    ),
    ("vocal trio", "voice*3", "closed voices"),
    (
        "jazz trio, jazztrio, jazz piano trio, piano jazz trio, bop trio",
        "piano, acoustic bass, drums",
        "closed size=3 genre=jazz",
    ),
    (
        "jazz quartet, jazzquartett",
        "tenor saxophone, piano, acoustic bass, drums",
        "closed size=4 genre=jazz",
    ),
    (
        "jazz quintet, jazzquintett, bebop quintet",
        "trumpet, tenor saxophone, piano, acoustic bass, drums",
        "closed size=5 genre=jazz",
    ),
    (
        "jazz sextet",
        "trumpet, tenor saxophone, trombone, piano, acoustic bass, drums",
        "closed size=6 genre=jazz",
    ),
    (
        "jazz combo, jazz band, jazzband, jazz ensemble, swing band, dixieland band",
        "saxophone, piano, acoustic bass, drums",
        "genre=jazz",
    ),
    ("organ trio, hammond trio", "hammond organ, jazz guitar, drums", "closed genre=jazz"),
    (
        "big band, bigband, jazz orchestra, swing orchestra",
        "trumpet*4, trombone*4, alto saxophone*2, tenor saxophone*2, baritone saxophone, piano, "
        "acoustic bass, drums",
        "genre=jazz",
    ),
    ("gypsy jazz band, manouche", "jazz guitar*2, violin, acoustic bass", "genre=jazz"),
    ("rock trio, blues trio, rock power trio", _ROCK, "closed size=3"),
    ("power trio, powertrio", _ROCK, "closed size=3 genre=rock"),
    (
        "rock band, rockband, indie band, garage band, four-piece rock band",
        "electric guitar*2, electric bass, drums",
        "genre=rock",
    ),
    ("punk band", "distortion guitar, electric bass, drums", "genre=punk"),
    (
        "metal band, heavy metal band, metalband",
        "distortion guitar*2, electric bass, drums",
        "genre=metal",
    ),
    ("pop band, popband", "piano, electric guitar, electric bass, drums", "genre=pop"),
    ("blues band", "electric guitar, piano, electric bass, drums", "genre=blues"),
    ("funk band", "electric guitar, clavinet, electric bass, drums, brass section", "genre=funk"),
    (
        "soul band",
        "electric guitar, hammond organ, electric bass, drums, brass section",
        "genre=soul",
    ),
    ("reggae band", "electric guitar, organ, electric bass, drums", "genre=reggae"),
    ("country band", "steel-string guitar, fiddle, electric bass, drums", "genre=country"),
    (
        "bluegrass band, string band",
        "banjo, fiddle, steel-string guitar, mandolin, acoustic bass",
        "genre=country",
    ),
    ("folk band, irish band, celtic band", "fiddle, whistle, steel-string guitar, accordion", ""),
    (
        "mariachi band, mariachi",
        "trumpet*2, violin*2, nylon-string guitar, acoustic bass",
        "genre=latin",
    ),
    (
        "latin band, salsa band, conjunto",
        "piano, bass, percussion, trumpet*2, trombone",
        "genre=latin",
    ),
    ("ska band", "electric guitar, electric bass, drums, trumpet, trombone", "genre=reggae"),
    ("klezmer band", "clarinet, violin, accordion, acoustic bass, drums", ""),
    ("full band, live band, complete band", "piano, electric guitar, electric bass, drums", ""),
    ("brass band, blaskapelle", "trumpet*3, french horn, trombone*2, tuba, drums", ""),
    ("marching band", "trumpet*2, trombone*2, clarinet, piccolo, tuba, drums", "genre=march"),
    (
        "concert band, wind band, wind orchestra, wind ensemble, military band, blasorchester, "
        "harmonieorchester, symphonic band",
        "flute, clarinet*2, alto saxophone, trumpet*2, french horn, trombone, tuba, drums",
        "",
    ),
    (
        "orchestra, symphony orchestra, full orchestra, orchester, orchestre, sinfonieorchester, "
        "philharmonic orchestra, symphonic orchestra, orquesta, orchestras",
        _ORCHESTRA,
        "",
    ),
    (
        "chamber orchestra, kammerorchester, baroque orchestra, small orchestra",
        "violin*2, viola, cello, double bass, oboe, french horn",
        "",
    ),
    (
        "orchestral, symphonic, orchestrated, orchestration, symphony, orchestrally",
        _ORCHESTRA,
        "implied",
    ),
    ("percussion ensemble", "percussion, marimba, xylophone, timpani", "closed"),
    ("rhythm section, rhythmusgruppe", "piano, bass, drums", ""),
    ("steel pan band, steel drum band", "steel drums, drums", ""),
    ("samba band", "percussion, nylon-string guitar", ""),
)

_BARE: dict[tuple[str, int], str] = {
    ("jazz", 3): "jazz trio",
    ("jazz", 4): "jazz quartet",
    ("jazz", 5): "jazz quintet",
    ("rock", 3): "power trio",
    ("", 3): "piano trio",
    ("", 4): "string quartet",
    ("", 5): "string quintet",
    ("", 6): "string sextet",
    ("", 8): "string octet",
    ("brass", 5): "brass quintet",
    ("jazz", 6): "jazz sextet",
}
_JAZZY = frozenset({"jazz", "bossa nova", "latin", "funk", "soul", "rnb", "lofi", "gospel"})
_ROCKY = frozenset({"rock", "metal", "punk", "blues", "pop", "country", "reggae"})


@lru_cache(maxsize=1)
def ensembles() -> Phrasebook[Ensemble]:
    """Every ensemble by each of its names."""
    entries: list[tuple[str, Ensemble]] = []
    for names, members, flags in _TABLE:
        settings: dict[str, str] = {}
        for flag in flags.split():
            name, _, value = flag.partition("=")
            settings[name] = value
        first, *others = names.split(", ")
        ensemble = Ensemble(
            first,
            tuple(_member(m) for m in members.split(", ")),
            closed="closed" in settings,
            size=int(settings.get("size", 0)),
            genre=settings.get("genre", ""),
            implied="implied" in settings,
            voices_only="voices" in settings,
        )
        entries += [(name, ensemble) for name in (first, *others)]
    return Phrasebook(entries)


def is_line_up(instruments: Iterable[Instrument]) -> bool:
    """Whether these are the members of an ensemble whose name alone says who plays, and which
    others may join ("gypsy jazz band")."""
    return frozenset((i.name, i.count) for i in instruments) in _open_line_ups()


@lru_cache(maxsize=1)
def _open_line_ups() -> frozenset[frozenset[tuple[str, int]]]:
    named = filter(None, (ensembles().get(names.split(", ")[0]) for names, _, _ in _TABLE))
    return frozenset(
        frozenset((m.name, m.count) for m in ensemble.members)
        for ensemble in named
        if not (ensemble.closed or ensemble.size or ensemble.implied)
    )


def _member(text: str) -> Instrument:
    name, _, count = text.strip().partition("*")
    instrument = find_instrument(name)
    if instrument is None:
        raise KeyError(name)
    return replace(instrument, count=int(count or 1))


def bare(size: int, genres: tuple[str, ...]) -> Ensemble | None:
    """What "trio" or "quartet" alone means in these genres; None where nothing is usual."""
    kind = "jazz" if set(genres) & _JAZZY else "rock" if set(genres) & _ROCKY else ""
    name = _BARE.get((kind, size)) or _BARE.get(("", size))
    return ensembles().get(name) if name else None
