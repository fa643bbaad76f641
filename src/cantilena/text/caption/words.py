"""The words of captions: names of instruments, genres, moods and line-ups, and turns of phrase.

Knows wording only; ``caption`` chooses. Every word here says no more than its label does: the
reader's tables (``labels``, ``lexicon``) are wider, since people also type narrower words.
"""

from __future__ import annotations

from cantilena.text.wordlists import split_names

INSTRUMENT_WORDS: dict[int, tuple[str, ...]] = {
    0: ("piano", "grand piano", "acoustic piano", "acoustic grand piano"),
    1: ("bright acoustic piano", "piano", "acoustic piano"),
    2: ("electric grand piano", "electric grand"),
    3: ("honky-tonk piano", "saloon piano", "honky tonk piano"),
    4: ("electric piano", "rhodes", "electric piano 1", "e-piano"),
    5: ("electric piano", "electric piano 2", "e-piano", "FM piano"),
    6: ("harpsichord", "cembalo"),
    7: ("clavinet", "clav"),
    8: ("celesta", "celeste"),
    9: ("glockenspiel",),
    10: ("music box",),
    11: ("vibraphone", "vibes"),
    12: ("marimba",),
    13: ("xylophone",),
    14: ("tubular bells", "chimes", "church bells"),
    15: ("dulcimer", "hammered dulcimer"),
    16: ("drawbar organ", "organ", "hammond organ", "hammond"),
    17: ("percussive organ", "organ", "jazz organ"),
    18: ("rock organ", "organ"),
    19: ("church organ", "pipe organ", "organ"),
    20: ("reed organ", "harmonium"),
    21: ("accordion",),
    22: ("harmonica",),
    23: ("bandoneon",),
    24: ("nylon-string guitar", "classical guitar", "acoustic guitar", "nylon guitar"),
    25: ("steel-string guitar", "acoustic guitar", "folk guitar"),
    26: ("jazz guitar", "electric guitar", "electric guitar (jazz)"),
    27: ("clean electric guitar", "electric guitar", "clean guitar"),
    28: ("muted electric guitar", "muted guitar", "palm-muted guitar"),
    29: ("overdriven guitar", "electric guitar", "overdrive guitar"),
    30: ("distortion guitar", "distorted guitar", "electric guitar"),
    31: ("guitar harmonics",),
    32: ("acoustic bass", "upright bass", "string bass"),
    33: ("fingered electric bass", "electric bass", "bass guitar", "bass"),
    34: ("picked electric bass", "electric bass", "bass guitar", "picked bass"),
    35: ("fretless bass", "electric bass"),
    36: ("slap bass", "slap bass 1", "slapped bass"),
    37: ("slap bass", "slap bass 2", "slapped bass"),
    38: ("synth bass", "synth bass 1", "synthesizer bass"),
    39: ("synth bass", "synth bass 2", "electronic bass"),
    40: ("violin",),
    41: ("viola",),
    42: ("cello", "violoncello"),
    43: ("double bass", "contrabass"),
    44: ("tremolo strings", "strings"),
    45: ("pizzicato strings", "pizzicato"),
    46: ("harp", "orchestral harp"),
    47: ("timpani", "kettledrums"),
    48: ("string ensemble", "strings", "string section", "string ensemble 1"),
    49: ("string ensemble", "strings", "slow strings", "string ensemble 2"),
    50: ("synth strings", "synth strings 1", "string synth"),
    51: ("synth strings", "synth strings 2", "string machine"),
    52: ("choir", "choir aahs", "voices"),
    53: ("voice oohs", "voice", "oohs"),
    54: ("synth voice", "synth choir"),
    55: ("orchestra hit", "orchestra hits"),
    56: ("trumpet",),
    57: ("trombone",),
    58: ("tuba",),
    59: ("muted trumpet",),
    60: ("french horn",),
    61: ("brass section", "brass"),
    62: ("synth brass", "synth brass 1"),
    63: ("synth brass", "synth brass 2"),
    64: ("soprano saxophone", "soprano sax"),
    65: ("alto saxophone", "alto sax", "saxophone", "sax"),
    66: ("tenor saxophone", "tenor sax", "saxophone", "sax"),
    67: ("baritone saxophone", "baritone sax", "bari sax"),
    68: ("oboe",),
    69: ("english horn", "cor anglais"),
    70: ("bassoon",),
    71: ("clarinet",),
    72: ("piccolo", "piccolo flute"),
    73: ("flute",),
    74: ("recorder",),
    75: ("pan flute", "panpipes"),
    76: ("blown bottle",),
    77: ("shakuhachi",),
    78: ("whistle",),
    79: ("ocarina",),
    80: ("square lead", "square synth", "synth lead"),
    81: ("saw lead", "sawtooth lead", "synth lead"),
    82: ("calliope lead", "synth lead"),
    83: ("chiff lead", "synth lead"),
    84: ("charang lead", "synth lead"),
    85: ("voice lead", "synth lead"),
    86: ("fifths lead", "synth lead"),
    87: ("synth lead",),
    88: ("new age pad", "synth pad"),
    89: ("warm pad", "synth pad", "warm synth pad"),
    90: ("polysynth pad", "polysynth", "synth pad"),
    91: ("choir pad", "synth pad"),
    92: ("bowed pad", "synth pad"),
    93: ("metallic pad", "synth pad"),
    94: ("halo pad", "synth pad"),
    95: ("sweep pad", "synth pad"),
    96: ("rain effect", "synth effects"),
    97: ("soundtrack effect", "synth effects"),
    98: ("crystal effect", "synth effects"),
    99: ("atmosphere effect", "synth effects"),
    100: ("brightness effect", "synth effects"),
    101: ("goblins effect", "synth effects"),
    102: ("echoes effect", "synth effects"),
    103: ("sci-fi effect", "synth effects"),
    104: ("sitar",),
    105: ("banjo",),
    106: ("shamisen",),
    107: ("koto",),
    108: ("kalimba", "thumb piano"),
    109: ("bagpipe", "bagpipes"),
    110: ("fiddle",),
    111: ("shanai", "shehnai"),
    112: ("tinkle bell",),
    113: ("agogo",),
    114: ("steel drums", "steelpan"),
    115: ("woodblock", "wood block"),
    116: ("taiko drum", "taiko"),
    117: ("melodic tom", "melodic toms"),
    118: ("synth drum", "synth drums"),
    119: ("reverse cymbal",),
    120: ("guitar fret noise",),
    121: ("breath noise",),
    122: ("seashore",),
    123: ("bird tweet",),
    124: ("telephone ring",),
    125: ("helicopter",),
    126: ("applause",),
    127: ("gunshot",),
    128: ("drums", "drum kit", "drum set"),
}
"""Names of the instruments 0-128 in captions, the plainest first."""

GENRE_ADJECTIVES: dict[str, tuple[str, ...]] = {
    "rnb": ("R&B", "rnb", "r&b"),
    "lofi": ("lofi", "lo-fi"),
    "hip hop": ("hip hop", "hip-hop"),
    "soundtrack": ("cinematic", "soundtrack", "film music"),
    "new age": ("new age", "new-age"),
    "game": ("video game", "game"),
    "christmas": ("Christmas", "christmas", "xmas"),
    "children": ("children's", "kids"),
    "latin": ("Latin", "latin"),
    "funk": ("funk", "funky"),
    "celtic": ("Celtic", "celtic"),
    "jazz": ("jazz", "jazzy"),
    "blues": ("blues", "bluesy"),
    "soul": ("soul", "soulful"),
    "romantic": ("romantic era", "romantic period"),
    "bossa nova": ("bossa nova", "bossa"),
    "folk": ("folk", "folky"),
    "ragtime": ("ragtime",),
    "electronic": ("electronic", "electronica"),
    "baroque": ("baroque", "Baroque"),
}
"""How a genre is written before a noun; one not listed is written as its name."""

GENRE_NOUNS: dict[str, str] = {
    "march": "march",
    "waltz": "waltz",
    "ragtime": "rag",
    "tango": "tango",
    "samba": "samba",
    "ballad": "ballad",
    "bossa nova": "bossa nova",
}
"""Genres that are themselves a kind of piece."""

NOUNS = ("piece", "song", "track", "tune", "composition")
BEATS = frozenset({"hip hop", "lofi", "house", "techno", "trance", "dance", "disco", "rnb"})
THEMES = frozenset({"soundtrack", "game"})

MOOD_ADJECTIVES: dict[str, tuple[str, ...]] = {
    "happy": ("happy", "cheerful", "joyful", "merry"),
    "sad": ("sad", "sorrowful", "mournful"),
    "calm": ("calm", "peaceful", "tranquil", "serene", "gentle"),
    "energetic": ("energetic", "vigorous", "high-energy", "spirited"),
    "dark": ("dark", "gloomy", "brooding"),
    "romantic": ("romantic", "amorous"),
    "epic": ("epic", "heroic", "grandiose"),
    "melancholic": ("melancholic", "melancholy", "wistful"),
    "mysterious": ("mysterious", "enigmatic"),
    "playful": ("playful", "whimsical", "humorous"),
    "tense": ("tense", "suspenseful", "uneasy"),
    "dreamy": ("dreamy", "ethereal", "dreamlike"),
    "aggressive": ("aggressive", "fierce", "angry"),
    "hopeful": ("hopeful", "optimistic"),
    "nostalgic": ("nostalgic", "sentimental"),
    "solemn": ("solemn", "dignified"),
    "relaxed": ("relaxed", "mellow", "easygoing", "chilled"),
}
"""How a mood is written; none of these words is one of tempo or density too."""

ENSEMBLES: dict[frozenset[int], tuple[tuple[str, str], ...]] = {
    # "string quartet" for violin, viola, cello: programs do not tell how many violins there are,
    # and a second violin is far more usual than none.
    frozenset({40, 41, 42}): (("string quartet", ""),),
    frozenset({40, 41, 42, 43}): (("string orchestra", ""),),
    frozenset({40, 42, 0}): (("piano trio", ""),),
    frozenset({40, 41, 42, 0}): (("piano quartet", ""),),
    frozenset({73, 68, 71, 70, 60}): (("wind quintet", ""), ("woodwind quintet", "")),
    frozenset({73, 68, 71, 70}): (("woodwind quartet", ""),),
    frozenset({68, 71, 70}): (("reed trio", ""),),
    frozenset({56, 60, 57, 58}): (("brass quintet", ""),),
    frozenset({56, 60, 57}): (("brass trio", ""),),
    frozenset({64, 65, 66, 67}): (("saxophone quartet", ""),),
    frozenset({52}): (("a cappella choir", ""),),
    frozenset({0, 32, 128}): (("jazz trio", "jazz"), ("jazz piano trio", "jazz")),
    frozenset({66, 0, 32, 128}): (("jazz quartet", "jazz"),),
    frozenset({56, 66, 0, 32, 128}): (("jazz quintet", "jazz"),),
    **{
        frozenset({guitar, bass, 128}): (("power trio", "rock"),)
        for guitar in (27, 29, 30)
        for bass in (33, 34)
    },
}
"""Line-ups that have a name, and the genre that the name claims ("" none)."""

GROUPS = {2: ("duo", "duet"), 3: ("trio",), 4: ("quartet",), 5: ("quintet",)}

PHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    # wish: (items of a list, phrases after a noun or "is", whole sentences)
    "key": (
        ("%s", "%s", "in %s", "key: %s", "key of %s"),
        ("in %s", "in %s", "in the key of %s"),
        ("The key is %s.", "It is in the key of %s.", "It is written in %s."),
    ),
    "metre": (
        ("%s", "%s", "%s time", "in %s"),
        ("in %s", "in %s time", "in %s time"),
        ("The time signature is %s.", "The metre is %s.", "It is in %s time.", "It moves in %s."),
    ),
    "bpm": (
        ("%s bpm", "%s bpm", "%s BPM", "%sbpm", "tempo %s", "tempo: %s bpm", "♩=%s"),
        ("at %s bpm", "at %s BPM", "at a tempo of %s bpm", "at %s beats per minute"),
        ("The tempo is %s bpm.", "It runs at %s BPM.", "Its tempo is %s beats per minute."),
    ),
    "pace": (
        ("%s", "%s tempo"),
        ("at a %s tempo", "at a %s pace"),
        ("The tempo is %s.", "It has a %s tempo.", "Its pace is %s."),
    ),
    "term": (
        ("%s", "%s"),
        ("marked %s", "with the tempo marking %s"),
        ("The tempo is %s.", "The tempo marking is %s.", "It is marked %s."),
    ),
    "chords": (
        ("chords: %s", "%s", "chords %s", "chord progression %s", "progression: %s"),
        ("with the chords %s", "over the chords %s", "with the chord progression %s"),
        ("The chords are %s.", "The chord progression is %s.", "The harmony follows %s."),
    ),
    "bars": (
        ("%s bars", "%s bars", "%s measures"),
        ("%s bars long", "of %s bars", "over %s bars"),
        ("It is %s bars long.", "It lasts %s bars.", "The length is %s bars."),
    ),
    "time": (
        ("%s", "%s long", "about %s"),
        ("of %s", "of about %s", "lasting %s"),
        ("It lasts %s.", "It is about %s long.", "The duration is %s."),
    ),
    "sparse": (
        ("sparse", "few notes", "sparse texture"),
        ("with a sparse texture", "with few notes"),
        ("The texture is sparse.", "It has few notes."),
    ),
    "medium": (
        ("not too dense", "not too sparse"),
        ("not too dense", "not too sparse"),
        ("The texture is not too dense.",),
    ),
    "dense": (
        ("dense", "busy", "many notes", "dense texture"),
        ("with a dense texture", "with many notes"),
        ("The texture is dense.", "It has many notes."),
    ),
    "swing": (
        ("swing", "swing feel", "swung", "shuffle feel", "swung eighths"),
        ("with a swing feel", "with swung eighths", "with a shuffle feel"),
        ("It swings.", "The eighths are swung.", "It has a swing feel."),
    ),
    "straight": (
        ("straight eighths", "straight feel"),
        ("with straight eighths", "with a straight feel"),
        ("The eighths are straight.", "It has a straight feel."),
    ),
    "no drums": (
        ("no drums", "without drums", "no drums"),
        ("without drums", "with no drums"),
        ("There are no drums.", "It has no drums."),
    ),
    "mood": (
        ("%s", "%s mood"),
        ("with a %s mood", "with a %s feel"),
        ("The mood is %s.", "It feels %s.", "It has a %s atmosphere."),
    ),
}
"""Turns of phrase for each wish; "%s" stands for its value."""

OPENINGS = (
    "write ",
    "compose ",
    "make ",
    "create ",
    "generate ",
    "give me ",
    "I want ",
    "I need ",
    "please write ",
    "please compose ",
    "write me ",
    "make me ",
    "can you make ",
    "let's make ",
)

WRITTEN_METRES: dict[tuple[int, int], tuple[str, ...]] = {
    (4, 4): ("common time", "four-four time"),
    (3, 4): ("waltz time", "three-four time"),
    (2, 2): ("cut time", "alla breve"),
    (6, 8): ("six-eight time",),
    (2, 4): ("two-four time",),
}
"""Metres in words, which the phrases of "metre" then leave as they are."""

ENHARMONIC: dict[str, tuple[str, ...]] = {
    "Db major": ("C# major",),
    "F# major": ("Gb major", "G flat major"),
    "Eb minor": ("D# minor",),
    "G# minor": ("Ab minor", "A flat minor"),
}
"""Second spellings of keys that are in use."""

PLAIN_PACES = split_names(
    """
    very slow, slow, moderately slow, medium slow, leisurely, moderate, medium, moderately fast,
    fast, very fast, quick, extremely slow
    """
)
ITALIAN_PACES = split_names(
    """
    grave, largo, larghetto, lento, adagio, andante, andantino, moderato, allegretto, allegro,
    vivace, presto, prestissimo, allegro moderato
    """
)
"""Tempo words; their ranges are those of ``lexicon.terms.PACES``."""

VOWELS = frozenset("aeioAEIO")


def article(text: str) -> str:
    """The text with its indefinite article: "an R&B song", "a waltz"."""
    low = text.lower()
    vowel = low[:1] in VOWELS or low.startswith(("r&b", "rnb", "un", "8", "11-", "18-"))
    return f"an {text}" if vowel else f"a {text}"


def capital(text: str) -> str:
    """The text with its first letter in upper case, the others as they are."""
    return text[:1].upper() + text[1:]
