"""Words for tempo, metre, length, feel and density, and numbers.

Knows lists; does not know sentences. Genres and moods have their own table (``labels``).
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.text.wordlists import by_name


@dataclass(frozen=True)
class Pace:
    """A tempo word: the tempo it stands for and its range, in quarters per minute. ``rank`` 2 for
    musicians' terms ("Andante"), 1 for plain words ("slow"): the higher rank wins."""

    bpm: float
    low: float
    high: float
    rank: int = 1


_TERMS: dict[str, tuple[float, float, float]] = by_name(
    {
        (28, 20, 40): "larghissimo",
        (42, 35, 50): "grave",
        (50, 40, 60): "largo, sehr langsam",
        (60, 55, 68): "larghetto",
        (54, 45, 66): "lento",
        (48, 40, 56): "lento assai, tres lent",
        (44, 36, 52): "adagissimo",
        (66, 55, 76): "adagio",
        (70, 64, 80): "adagietto",
        (56, 48, 64): "adagio molto",
        (44, 38, 52): "largo assai",
        (82, 72, 96): "andante",
        (90, 80, 104): "andantino, andante con moto",
        (94, 86, 104): "andante moderato",
        (76, 68, 84): "andante sostenuto",
        (78, 70, 90): "andante cantabile",
        (72, 60, 88): "tranquillo",
        (96, 84, 110): "comodo",
        (104, 94, 116): "moderato, moderato assai",
        (88, 76, 104): "maestoso",
        (104, 90, 120): "tempo giusto",
        (112, 100, 126): "con moto",
        (112, 100, 124): "tempo di marcia, allegretto",
        (160, 132, 180): "tempo di valse",
        (118, 104, 132): "tempo di minuetto",
        (134, 116, 156): "allegro",
        (118, 108, 128): "allegro moderato",
        (120, 110, 132): "allegro non troppo, allegro ma non troppo",
        (144, 130, 160): "allegro con brio",
        (150, 138, 168): "allegro molto, molto allegro, allegro vivace",
        (146, 134, 164): "allegro assai",
        (152, 138, 168): "allegro con fuoco",
        (128, 116, 140): "allegro giusto",
        (170, 156, 184): "allegrissimo",
        (122, 112, 134): "allegro maestoso",
        (152, 140, 170): "vivo",
        (158, 144, 176): "vivace",
        (174, 162, 188): "vivacissimo",
        (180, 168, 200): "presto",
        (188, 174, 208): "presto con fuoco",
        (206, 192, 230): "prestissimo",
        (176, 160, 200): "veloce, sehr schnell",
        (140, 126, 156): "con brio",
        (62, 48, 76): "langsam",
        (100, 88, 112): "massig",
        (140, 124, 160): "lebhaft",
        (152, 136, 176): "schnell, rapide",
        (144, 130, 164): "rasch",
        (84, 74, 96): "gehend",
        (116, 104, 130): "bewegt",
        (104, 92, 116): "mittleres tempo",
        (108, 96, 120): "mittelschnell",
        (56, 46, 68): "lent, lente, lenta, lentement",
        (100, 90, 112): "modere",
        (152, 138, 172): "vif",
    }
)

_PLAIN: dict[str, tuple[float, float, float]] = by_name(
    {
        (44, 34, 54): "extremely slow, painfully slow",
        (54, 42, 64): "very slow, really slow",
        (50, 40, 60): "super slow",
        (68, 52, 82): "slow, slow tempo, slowly, slower, slow-paced, low tempo",
        (64, 50, 78): "slow moving",
        (84, 74, 94): "slow medium, medium slow, slow to medium",
        (78, 66, 88): "fairly slow",
        (80, 70, 90): "moderately slow",
        (64, 50, 76): "quite slow",
        (76, 62, 90): "unhurried",
        (84, 72, 96): "leisurely",
        (86, 72, 100): "laid-back, laid back tempo, relaxed tempo",
        (84, 66, 100): "downtempo, down-tempo",
        (88, 76, 100): "walking pace, walking tempo",
        (102, 88, 114): "not too fast, not so fast, nicht zu schnell",
        (106, 94, 120): "not too slow, nicht zu langsam",
        (100, 86, 112): "not very fast",
        (96, 80, 110): "not fast",
        (112, 98, 130): "not slow",
        (
            106,
            94,
            118,
        ): (
            "neither fast nor slow, neither slow nor fast, medium tempo, medium-tempo, mid-tempo, "
            "midtempo, medium pace, medium"
        ),
        (104, 94, 116): "moderate, moderate tempo, moderately, moderate paced, moderate pace",
        (132, 116, 150): "medium swing",
        (160, 140, 180): "medium-up",
        (168, 150, 190): "medium up swing, racing",
        (200, 176, 230): "up swing, up tempo swing",
        (124, 112, 136): "moderately fast",
        (130, 116, 144): "fairly fast",
        (126, 114, 138): "medium fast",
        (126, 112, 144): "upbeat, up-beat",
        (120, 104, 138): "bouncy",
        (136, 120, 156): "lively",
        (144, 128, 168): "uptempo, up-tempo",
        (138, 122, 156): "brisk, briskly, brisk pace, flott, zippy",
        (144, 126, 164): ("quick, quickly, swift, swiftly, swift pace, hurried, hurriedly, hasty"),
        (152, 132, 176): "fast, fast tempo, fast-paced, high tempo",
        (148, 130, 170): "faster",
        (146, 130, 164): "quite fast",
        (140, 122, 160): "driving",
        (160, 142, 184): "rapid, rapidly, speedy",
        (160, 140, 184): "galloping",
        (178, 160, 208): "very fast, really fast",
        (186, 166, 220): "super fast",
        (180, 160, 208): "super quick",
        (174, 156, 200): "very quick",
        (196, 172, 230): "extremely fast",
        (200, 176, 240): "breakneck, breakneck speed",
        (190, 170, 230): "blazing fast",
        (210, 180, 240): "as fast as possible",
        (176, 156, 208): "frantic, hyper",
        (172, 152, 200): "frenetic, furious",
        (60, 48, 74): "schleppend",
        (134, 118, 150): "zugig",
        (92, 78, 106): "gemutlich",
    }
)

_INFLECTED = ("langsam", "schnell", "lebhaft", "rasch", "flott", "zugig")
_TERMS |= {w + e: _TERMS[w] for w in _INFLECTED if w in _TERMS for e in ("e", "er", "es", "en")}
_PLAIN |= {w + e: _PLAIN[w] for w in _INFLECTED if w in _PLAIN for e in ("e", "er", "es", "en")}

PACES: dict[str, Pace] = {
    **{word: Pace(*numbers, 2) for word, numbers in _TERMS.items()},
    **{word: Pace(*numbers, 1) for word, numbers in _PLAIN.items()},
}
"""Tempo words. Italian ranges follow common metronome markings, plain words common use."""

GENRE_TEMPO: dict[str, tuple[float, float]] = {
    "waltz": (84, 186),
    "ballad": (56, 88),
    "lofi": (68, 92),
    "hip hop": (80, 105),
    "house": (118, 130),
    "techno": (124, 145),
    "trance": (130, 145),
    "disco": (110, 130),
    "dance": (116, 134),
    "drum and bass": (164, 180),
    "dubstep": (136, 145),
    "trap": (130, 150),
    "reggae": (66, 92),
    "ambient": (50, 90),
    "punk": (150, 200),
    "metal": (96, 190),
    "bossa nova": (110, 150),
    "samba": (168, 208),
    "tango": (108, 136),
    "march": (100, 126),
    "funeral march": (48, 72),
    "ragtime": (84, 110),
    "celtic": (96, 132),
    "funk": (94, 120),
    "rnb": (66, 104),
    "salsa": (160, 210),
    "jig": (108, 132),
    "reel": (100, 124),
    "polka": (108, 132),
    "lullaby": (56, 84),
    "minuet": (104, 132),
    "hardcore": (160, 190),
    "eurodance": (126, 144),
}
"""Usual tempi by genre or dance, quarters per minute."""

DANCES: dict[str, tuple[str, str]] = by_name(
    {
        ("3/4", "waltz"): "waltz, waltzes, valse, walzer, vals, landler",
        ("3/4", "minuet"): "minuet, menuet, menuett, minuetto",
        ("3/4", ""): (
            "mazurka, polonaise, sarabande, chaconne, passacaglia, courante, galliard, bolero, "
            "scherzo, jota, fandango"
        ),
        ("6/8", "jig"): "jig, jigs, gigue, double jig",
        ("9/8", "jig"): "slip jig",
        ("", ""): "slide",
        ("6/8", ""): (
            "tarantella, barcarolle, barcarole, siciliana, siciliano, sicilienne, pastorale"
        ),
        ("4/4", "reel"): "reel, reels",
        ("4/4", ""): "hornpipe, strathspey, gavotte, bourree, allemande, pavane, rumba, mambo",
        ("2/4", "polka"): "polka",
        ("4/4", "march"): "march, marches, marsch, marche, marcia, militarmarsch, hochzeitsmarsch",
        ("4/4", "funeral march"): "trauermarsch, funeral march, marcia funebre, marche funebre",
        ("4/4", "tango"): "tango, tangos",
        ("2/4", ""): "habanera, ecossaise, contredanse, galop, csardas, choro",
        ("", "lullaby"): "lullaby, lullabies, wiegenlied",
        ("6/8", "lullaby"): "berceuse",
        ("4/4", "salsa"): "salsa",
        ("4/4", "drum and bass"): "drum and bass, drum n bass, dnb, d&b",
        ("4/4", "dubstep"): "dubstep",
        ("4/4", "trap"): "trap",
        ("4/4", "hardcore"): "gabber",
        ("4/4", "eurodance"): "eurodance",
    }
)
"""Dances and styles: the metre they imply ("" none), their row of ``GENRE_TEMPO`` ("" none)."""

METRES: dict[str, str] = by_name(
    {
        "4/4": "common time, march time, quadruple time, quadruple meter, viervierteltakt",
        "2/2": "cut time, alla breve, cut common time",
        "3/4": (
            "waltz time, triple time, triple metre, triple meter, dreivierteltakt, dreiertakt, "
            "walzertakt"
        ),
        "2/4": "duple time, duple metre, duple meter, zweivierteltakt",
        "6/8": (
            "compound time, compound meter, compound metre, compound duple, jig time, "
            "sechsachteltakt"
        ),
        "9/8": "compound triple, neunachteltakt",
        "12/8": "zwolfachteltakt",
        "5/4": "funfvierteltakt",
        "7/8": "siebenachteltakt",
        "3/8": "dreiachteltakt",
    }
)
"""Names of metres."""

IN_METRES: dict[int, str] = {
    2: "2/4",
    3: "3/4",
    4: "4/4",
    5: "5/4",
    6: "6/8",
    7: "7/8",
    9: "9/8",
    11: "11/8",
    12: "12/8",
}
"""What "in three" stands for."""

SWING: dict[str, bool] = by_name(
    {
        True: (
            "swing, swinging, swung, shuffle, shuffled, swing feel, shuffle feel, triplet feel, "
            "shuffling, swings, swingy, shuffle groove, swung eighths, swing eighths, swung "
            "notes, geswingt, swingend"
        ),
        False: (
            "straight, straight eighths, straight feel, unswung, straight 8ths, straight eighth "
            "notes, straight time, straight sixteenths, even eighths, straight 16ths"
        ),
    }
)

TIMING: dict[str, str] = by_name(
    {
        "played": (
            "humanized, humanised, humanize, humanise, human feel, human timing, human touch, "
            "humanized timing, humanised timing, live feel, live timing, played live, played by "
            "hand, hand-played, hand played, unquantized, unquantised, off the grid, off-grid, "
            "off grid, loose timing, loose feel, natural timing, expressive timing, played "
            "timing, not quantized, not quantised"
        ),
        "quantized": (
            "quantized, quantised, fully quantized, fully quantised, on the grid, on grid, "
            "on-grid, to the grid, grid-aligned, tight timing, machine timing, strict timing, "
            "quantisiert, hard quantized"
        ),
    }
)
"""Whether notes stand where they are written or where players put them."""

DENSITY: dict[str, tuple[str, str]] = by_name(
    {
        ("sparse", "said"): "sparse, sparsely, few notes, low density, sparse texture, not dense",
        ("sparse", "implied"): (
            "minimal, minimalist, minimalistic, minimalism, stripped-down, stripped back, bare, "
            "spacious, airy, thin, uncluttered, simple, very simple, simplistic, not too busy, "
            "not busy, skeletal, sparing, einfach, easy, schlicht"
        ),
        ("medium", "said"): "medium density, moderately dense, not too dense, not too sparse",
        ("dense", "said"): (
            "dense, densely, busy, high density, many notes, lots of notes, very busy, dense "
            "texture, very dense, note-heavy"
        ),
        ("dense", "implied"): (
            "virtuosic, virtuoso, intricate, thick texture, wall of sound, shred, shredding, full "
            "texture, lavish, black midi, thick, layered, richly layered"
        ),
    }
)
"""How many notes a word asks for, and whether it says so or implies it."""

SHORT: dict[str, int] = by_name(
    {
        4: "very short, tiny, snippet, sting",
        8: "short, brief, jingle, kurz, kurze, kurzes, kurzer, kurzen, ringtone, court, courte",
        12: "miniature",
        16: "interlude",
        32: "medium length",
        64: "long, lengthy, extended, lang, lange, langes, full-length, full length",
        96: "very long",
    }
)
"""Words of length, in bars."""

NUMBERS: dict[str, int] = {
    word: value
    for value, words in {
        1: "one a an ein eine einen un une",
        2: "two zwei deux due dos",
        3: "three drei trois tre",
        4: "four vier quatre quattro",
        5: "five funf cinq cinque",
        6: "six sechs sei",
        7: "seven sieben sept sette",
        8: "eight acht huit otto",
        9: "nine neun neuf",
        10: "ten zehn dix",
        11: "eleven elf",
        12: "twelve zwolf douze",
        13: "thirteen",
        14: "fourteen",
        15: "fifteen funfzehn",
        16: "sixteen sechzehn seize",
        17: "seventeen",
        18: "eighteen",
        19: "nineteen",
        20: "twenty zwanzig",
        24: "vierundzwanzig",
        30: "thirty dreissig trente",
        32: "zweiunddreissig",
        40: "forty",
        48: "achtundvierzig",
        50: "fifty",
        60: "sixty",
        64: "vierundsechzig",
        70: "seventy",
        80: "eighty",
        90: "ninety",
        100: "hundred",
    }.items()
    for word in words.split()
}
"""Number words."""
