"""Words for tempo, metre, length, feel and density, numbers, and the words that ask for nothing.

Knows lists; does not know sentences. Genres and moods have their own table (``labels``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """A tempo word: the tempo it stands for and its range, in quarters per minute. ``rank`` 2 for
    musicians' terms ("Andante"), 1 for plain words ("slow"): the higher rank wins."""

    bpm: float
    low: float
    high: float
    rank: int = 1


_TERMS: dict[str, tuple[float, float, float]] = {
    "larghissimo": (28, 20, 40), "grave": (42, 35, 50), "largo": (50, 40, 60),
    "larghetto": (60, 55, 68), "lento": (54, 45, 66), "lento assai": (48, 40, 56),
    "adagissimo": (44, 36, 52), "adagio": (66, 55, 76), "adagietto": (70, 64, 80),
    "adagio molto": (56, 48, 64), "largo assai": (44, 38, 52),
    "andante": (82, 72, 96), "andantino": (90, 80, 104), "andante con moto": (90, 80, 104),
    "andante moderato": (94, 86, 104), "andante sostenuto": (76, 68, 84),
    "andante cantabile": (78, 70, 90), "tranquillo": (72, 60, 88), "comodo": (96, 84, 110),
    "moderato": (104, 94, 116), "moderato assai": (104, 94, 116), "maestoso": (88, 76, 104),
    "tempo giusto": (104, 90, 120), "con moto": (112, 100, 126), "tempo di marcia": (112, 100, 124),
    "tempo di valse": (160, 132, 180), "tempo di minuetto": (118, 104, 132),
    "allegretto": (112, 100, 124), "allegro": (134, 116, 156), "allegro moderato": (118, 108, 128),
    "allegro non troppo": (120, 110, 132), "allegro ma non troppo": (120, 110, 132),
    "allegro con brio": (144, 130, 160), "allegro molto": (150, 138, 168),
    "molto allegro": (150, 138, 168), "allegro assai": (146, 134, 164),
    "allegro vivace": (150, 138, 168), "allegro con fuoco": (152, 138, 168),
    "allegro giusto": (128, 116, 140), "allegrissimo": (170, 156, 184),
    "allegro maestoso": (122, 112, 134), "vivo": (152, 140, 170), "vivace": (158, 144, 176),
    "vivacissimo": (174, 162, 188), "presto": (180, 168, 200), "presto con fuoco": (188, 174, 208),
    "prestissimo": (206, 192, 230), "veloce": (176, 160, 200), "con brio": (140, 126, 156),
    "langsam": (62, 48, 76), "sehr langsam": (50, 40, 60), "massig": (100, 88, 112),
    "lebhaft": (140, 124, 160), "schnell": (152, 136, 176), "sehr schnell": (176, 160, 200),
    "rasch": (144, 130, 164), "gehend": (84, 74, 96), "bewegt": (116, 104, 130),
    "mittleres tempo": (104, 92, 116), "mittelschnell": (108, 96, 120),
    "lent": (56, 46, 68), "lente": (56, 46, 68), "lenta": (56, 46, 68),
    "tres lent": (48, 40, 56), "lentement": (56, 46, 68),
    "modere": (100, 90, 112), "vif": (152, 138, 172), "rapide": (152, 136, 176),
}  # fmt: skip

_PLAIN: dict[str, tuple[float, float, float]] = {
    "extremely slow": (44, 34, 54), "very slow": (54, 42, 64), "really slow": (54, 42, 64),
    "super slow": (50, 40, 60), "painfully slow": (44, 34, 54), "slow": (68, 52, 82),
    "slow tempo": (68, 52, 82), "slowly": (68, 52, 82), "slower": (68, 52, 82),
    "slow moving": (64, 50, 78), "slow-paced": (68, 52, 82), "low tempo": (68, 52, 82),
    "slow medium": (84, 74, 94), "medium slow": (84, 74, 94), "slow to medium": (84, 74, 94),
    "fairly slow": (78, 66, 88), "moderately slow": (80, 70, 90), "quite slow": (64, 50, 76),
    "unhurried": (76, 62, 90), "leisurely": (84, 72, 96), "laid-back": (86, 72, 100),
    "laid back tempo": (86, 72, 100), "relaxed tempo": (86, 72, 100),
    "downtempo": (84, 66, 100), "down-tempo": (84, 66, 100), "walking pace": (88, 76, 100),
    "walking tempo": (88, 76, 100), "not too fast": (102, 88, 114), "not so fast": (102, 88, 114),
    "not too slow": (106, 94, 120), "not very fast": (100, 86, 112), "not fast": (96, 80, 110),
    "not slow": (112, 98, 130), "nicht zu schnell": (102, 88, 114),
    "nicht zu langsam": (106, 94, 120), "medium tempo": (106, 94, 118),
    "medium-tempo": (106, 94, 118), "mid-tempo": (106, 94, 118), "midtempo": (106, 94, 118),
    "moderate": (104, 94, 116), "moderate tempo": (104, 94, 116), "moderately": (104, 94, 116),
    "moderate paced": (104, 94, 116), "medium pace": (106, 94, 118), "medium": (106, 94, 118),
    "moderate pace": (104, 94, 116), "medium swing": (132, 116, 150),
    "medium-up": (160, 140, 180), "medium up swing": (168, 150, 190),
    "up swing": (200, 176, 230), "moderately fast": (124, 112, 136), "fairly fast": (130, 116, 144),
    "medium fast": (126, 114, 138), "upbeat": (126, 112, 144), "up-beat": (126, 112, 144),
    "bouncy": (120, 104, 138), "lively": (136, 120, 156), "uptempo": (144, 128, 168),
    "up-tempo": (144, 128, 168), "up tempo swing": (200, 176, 230), "brisk": (138, 122, 156),
    "briskly": (138, 122, 156), "quick": (144, 126, 164), "quickly": (144, 126, 164),
    "fast": (152, 132, 176), "fast tempo": (152, 132, 176), "fast-paced": (152, 132, 176),
    "faster": (148, 130, 170), "high tempo": (152, 132, 176), "quite fast": (146, 130, 164),
    "driving": (140, 122, 160), "rapid": (160, 142, 184), "rapidly": (160, 142, 184),
    "speedy": (160, 142, 184), "racing": (168, 150, 190), "galloping": (160, 140, 184),
    "very fast": (178, 160, 208), "really fast": (178, 160, 208), "super fast": (186, 166, 220),
    "super quick": (180, 160, 208), "very quick": (174, 156, 200),
    "extremely fast": (196, 172, 230), "breakneck": (200, 176, 240),
    "blazing fast": (190, 170, 230), "as fast as possible": (210, 180, 240),
    "breakneck speed": (200, 176, 240), "frantic": (176, 156, 208),
    "frenetic": (172, 152, 200), "hyper": (176, 156, 208), "furious": (172, 152, 200),
    "schleppend": (60, 48, 74), "flott": (138, 122, 156), "zugig": (134, 118, 150),
    "gemutlich": (92, 78, 106),
}  # fmt: skip

_INFLECTED = ("langsam", "schnell", "lebhaft", "rasch", "flott", "zugig")
_TERMS |= {w + e: _TERMS[w] for w in _INFLECTED if w in _TERMS for e in ("e", "er", "es", "en")}
_PLAIN |= {w + e: _PLAIN[w] for w in _INFLECTED if w in _PLAIN for e in ("e", "er", "es", "en")}

PACES: dict[str, Pace] = {
    **{word: Pace(*numbers, 2) for word, numbers in _TERMS.items()},
    **{word: Pace(*numbers, 1) for word, numbers in _PLAIN.items()},
}
"""Tempo words. Italian ranges follow common metronome markings, plain words common use."""

GENRE_TEMPO: dict[str, tuple[float, float]] = {
    "waltz": (84, 186), "ballad": (56, 88), "lofi": (68, 92), "hip hop": (80, 105),
    "house": (118, 130), "techno": (124, 145), "trance": (130, 145), "disco": (110, 130),
    "dance": (116, 134), "drum and bass": (164, 180), "dubstep": (136, 145), "trap": (130, 150),
    "reggae": (66, 92), "ambient": (50, 90), "punk": (150, 200), "metal": (96, 190),
    "bossa nova": (110, 150), "samba": (168, 208), "tango": (108, 136), "march": (100, 126),
    "funeral march": (48, 72),
    "ragtime": (84, 110), "celtic": (96, 132), "funk": (94, 120), "rnb": (66, 104),
    "salsa": (160, 210), "jig": (108, 132), "reel": (100, 124), "polka": (108, 132),
    "lullaby": (56, 84), "minuet": (104, 132), "hardcore": (160, 190), "eurodance": (126, 144),
}  # fmt: skip
"""Usual tempi by genre or dance, quarters per minute."""

DANCES: dict[str, tuple[str, str]] = {
    "waltz": ("3/4", "waltz"), "waltzes": ("3/4", "waltz"), "valse": ("3/4", "waltz"),
    "walzer": ("3/4", "waltz"), "vals": ("3/4", "waltz"), "landler": ("3/4", "waltz"),
    "minuet": ("3/4", "minuet"), "menuet": ("3/4", "minuet"), "menuett": ("3/4", "minuet"),
    "minuetto": ("3/4", "minuet"), "mazurka": ("3/4", ""), "polonaise": ("3/4", ""),
    "sarabande": ("3/4", ""), "chaconne": ("3/4", ""), "passacaglia": ("3/4", ""),
    "courante": ("3/4", ""), "galliard": ("3/4", ""), "bolero": ("3/4", ""),
    "scherzo": ("3/4", ""), "jota": ("3/4", ""), "fandango": ("3/4", ""),
    "jig": ("6/8", "jig"), "jigs": ("6/8", "jig"), "gigue": ("6/8", "jig"),
    "double jig": ("6/8", "jig"), "slip jig": ("9/8", "jig"), "slide": ("", ""),
    "tarantella": ("6/8", ""), "barcarolle": ("6/8", ""), "barcarole": ("6/8", ""),
    "siciliana": ("6/8", ""), "siciliano": ("6/8", ""), "sicilienne": ("6/8", ""),
    "pastorale": ("6/8", ""), "reel": ("4/4", "reel"), "reels": ("4/4", "reel"),
    "hornpipe": ("4/4", ""), "strathspey": ("4/4", ""), "polka": ("2/4", "polka"),
    "march": ("4/4", "march"), "marches": ("4/4", "march"), "marsch": ("4/4", "march"),
    "marche": ("4/4", "march"), "marcia": ("4/4", "march"), "militarmarsch": ("4/4", "march"),
    "hochzeitsmarsch": ("4/4", "march"), "trauermarsch": ("4/4", "funeral march"),
    "funeral march": ("4/4", "funeral march"), "marcia funebre": ("4/4", "funeral march"),
    "marche funebre": ("4/4", "funeral march"), "tango": ("4/4", "tango"),
    "tangos": ("4/4", "tango"), "habanera": ("2/4", ""), "gavotte": ("4/4", ""),
    "bourree": ("4/4", ""), "allemande": ("4/4", ""), "pavane": ("4/4", ""),
    "ecossaise": ("2/4", ""), "contredanse": ("2/4", ""), "galop": ("2/4", ""),
    "csardas": ("2/4", ""), "choro": ("2/4", ""), "lullaby": ("", "lullaby"),
    "lullabies": ("", "lullaby"), "wiegenlied": ("", "lullaby"), "berceuse": ("6/8", "lullaby"),
    "salsa": ("4/4", "salsa"), "rumba": ("4/4", ""), "mambo": ("4/4", ""),
    "drum and bass": ("4/4", "drum and bass"), "drum n bass": ("4/4", "drum and bass"),
    "dnb": ("4/4", "drum and bass"), "d&b": ("4/4", "drum and bass"),
    "dubstep": ("4/4", "dubstep"), "trap": ("4/4", "trap"), "gabber": ("4/4", "hardcore"),
    "eurodance": ("4/4", "eurodance"),
}  # fmt: skip
"""Dances and styles: the metre they imply ("" none), their row of ``GENRE_TEMPO`` ("" none)."""

METRES: dict[str, str] = {
    "common time": "4/4", "cut time": "2/2", "alla breve": "2/2", "cut common time": "2/2",
    "waltz time": "3/4", "march time": "4/4", "triple time": "3/4", "triple metre": "3/4",
    "triple meter": "3/4", "duple time": "2/4", "duple metre": "2/4", "duple meter": "2/4",
    "quadruple time": "4/4", "quadruple meter": "4/4", "compound time": "6/8",
    "compound meter": "6/8", "compound metre": "6/8", "compound duple": "6/8",
    "compound triple": "9/8", "jig time": "6/8", "dreivierteltakt": "3/4",
    "viervierteltakt": "4/4", "sechsachteltakt": "6/8", "zweivierteltakt": "2/4",
    "zwolfachteltakt": "12/8", "funfvierteltakt": "5/4", "siebenachteltakt": "7/8",
    "neunachteltakt": "9/8", "dreiertakt": "3/4", "walzertakt": "3/4", "dreiachteltakt": "3/8",
}  # fmt: skip
"""Names of metres."""

IN_METRES: dict[int, str] = {
    2: "2/4", 3: "3/4", 4: "4/4", 5: "5/4", 6: "6/8", 7: "7/8", 9: "9/8", 11: "11/8", 12: "12/8",
}  # fmt: skip
"""What "in three" stands for."""

SWING: dict[str, bool] = {
    "swing": True, "swinging": True, "swung": True, "shuffle": True, "shuffled": True,
    "swing feel": True, "shuffle feel": True, "triplet feel": True, "shuffling": True,
    "swings": True, "swingy": True, "shuffle groove": True, "swung eighths": True,
    "swing eighths": True, "swung notes": True, "geswingt": True, "swingend": True,
    "straight": False, "straight eighths": False, "straight feel": False, "unswung": False,
    "straight 8ths": False, "straight eighth notes": False, "straight time": False,
    "straight sixteenths": False, "even eighths": False, "straight 16ths": False,
}  # fmt: skip

TIMING: dict[str, str] = {
    **dict.fromkeys(
        ("humanized", "humanised", "humanize", "humanise", "human feel", "human timing",
         "human touch", "humanized timing", "humanised timing", "live feel", "live timing",
         "played live", "played by hand", "hand-played", "hand played", "unquantized",
         "unquantised", "off the grid", "off-grid", "off grid", "loose timing", "loose feel",
         "natural timing", "expressive timing", "played timing", "not quantized", "not quantised"),
        "played",
    ),
    **dict.fromkeys(
        ("quantized", "quantised", "fully quantized", "fully quantised", "on the grid", "on grid",
         "on-grid", "to the grid", "grid-aligned", "tight timing", "machine timing",
         "strict timing", "quantisiert", "hard quantized"),
        "quantized",
    ),
}  # fmt: skip
"""Whether notes stand where they are written or where players put them."""

DENSITY: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("sparse", "sparsely", "few notes", "low density", "sparse texture", "not dense"),
        ("sparse", "said"),
    ),
    **dict.fromkeys(
        ("minimal", "minimalist", "minimalistic", "minimalism", "stripped-down", "stripped back",
         "bare", "spacious", "airy", "thin", "uncluttered", "simple", "very simple", "simplistic",
         "not too busy", "not busy", "skeletal", "sparing", "einfach", "easy", "schlicht"),
        ("sparse", "implied"),
    ),
    **dict.fromkeys(
        ("medium density", "moderately dense", "not too dense", "not too sparse"),
        ("medium", "said"),
    ),
    **dict.fromkeys(
        ("dense", "densely", "busy", "high density", "many notes", "lots of notes", "very busy",
         "dense texture", "very dense", "note-heavy"),
        ("dense", "said"),
    ),
    **dict.fromkeys(
        ("virtuosic", "virtuoso", "intricate", "thick texture", "wall of sound", "shred",
         "shredding", "full texture", "lavish", "black midi", "thick", "layered", "richly layered"),
        ("dense", "implied"),
    ),
}  # fmt: skip
"""How many notes a word asks for, and whether it says so or implies it."""

SHORT: dict[str, int] = {
    "very short": 4, "tiny": 4, "short": 8, "brief": 8, "miniature": 12, "jingle": 8,
    "snippet": 4, "kurz": 8, "kurze": 8, "kurzes": 8, "kurzer": 8, "kurzen": 8,
    "sting": 4, "ringtone": 8, "interlude": 16, "court": 8, "courte": 8,
    "medium length": 32, "long": 64, "very long": 96, "extended": 64, "lang": 64, "lange": 64,
    "langes": 64, "full-length": 64, "full length": 64,
}  # fmt: skip
"""Words of length, in bars."""

NUMBERS: dict[str, int] = {
    word: value
    for value, words in {
        1: "one a an ein eine einen un une", 2: "two zwei deux due dos", 3: "three drei trois tre",
        4: "four vier quatre quattro", 5: "five funf cinq cinque", 6: "six sechs sei",
        7: "seven sieben sept sette", 8: "eight acht huit otto", 9: "nine neun neuf",
        10: "ten zehn dix", 11: "eleven elf", 12: "twelve zwolf douze", 13: "thirteen",
        14: "fourteen", 15: "fifteen funfzehn", 16: "sixteen sechzehn seize", 17: "seventeen",
        18: "eighteen", 19: "nineteen", 20: "twenty zwanzig", 24: "vierundzwanzig",
        30: "thirty dreissig trente", 32: "zweiunddreissig", 40: "forty", 48: "achtundvierzig",
        50: "fifty", 60: "sixty", 64: "vierundsechzig", 70: "seventy", 80: "eighty", 90: "ninety",
        100: "hundred",
    }.items()
    for word in words.split()
}  # fmt: skip
"""Number words."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _words(
    """
    zum zur looking gimme assai poco piu quasi plus ok okay follows marked marking eighths vamp
    repeats repeating repeated alternates
    alternating loves
    a an the this that these those some any it its it's itself they them their there here i im
    i'm i'd i'll id we you your he she his her our my me us am is are was were be been being
    isn't do does did done has have had having can could will would should shall may might
    must let let's lets make makes made making create creates created creating write writes
    written writing compose composes composed composing generate generated give gives play
    plays played playing want wants need needs like please just really very quite rather
    somewhat bit little lot lots also too so as such of in on at by to from for with into onto
    over under between through throughout across around about within along after before during
    while when where which who whose what how why then than and or but nor if because since
    until though although however yet both either each every all more most less least much
    many few several other another same own one two three four five first second third last
    next only up out off again further once now well not-only etc eg e.g ie song songs piece
    pieces music musical track tracks tune tunes composition compositions work theme melody
    melodies melodic melodically harmony harmonies harmonic harmonically rhythm rhythms
    rhythmic beat beats groove grooves arrangement instrumentation instrument instruments
    instrumental sound sounds sounding sonic feel feels feeling feelings mood moods vibe vibes
    atmosphere style styles styled genre genres type kind sort element elements touch hint
    hints blend blends mix mixes mixed mixture combination combines combining combined fusion
    fuses featuring feature features featured include includes including included contain
    contains containing using use uses used built build builds based set sets setting time
    signature signatures tempo tempi pace paced speed bpm beats-per-minute per minute key keys
    scale mode tonality chord chords progression progressions sequence harmonized metre meter
    measure measures bar bars takt evoke evokes evoking evoked create convey conveys conveying
    conveyed express expresses expressing capture captures capturing quality qualities
    character sense moves moving move runs running spans lasts lasting duration length
    long-lasting overall main foundation pls plz thx thanks cue chart alla w riff riffs
    interplay backdrop primary primarily mainly mostly predominantly accompanied accompaniment
    accompanying accompany backed backing supported along-with together layered lead leads
    leading led driven steady prominent prominently notable background foreground rich part
    parts voice-parts line lines section sections texture textures full nice good great cool
    beautiful lovely something thing stuff someone anything everything get go goes going gets
    put add adds added adding keep keeps keeping loop loops short-loop midi file audio output
    version original new maybe perhaps preferably possibly ideally around-about roughly
    approximately approx circa ca reminiscent suitable perfect ideal meant intended evoking
    inspired infused tinged inflected influenced influences influence ein eine einen einem
    einer eines der die das den dem des und oder mit im in fur von zu am auf ist es ich mir
    mich bitte mochte will hatte gern stuck lied musik melodie sehr etwas bisschen wie so soll
    sein nur-so takte tempo tonart schones schoner schone schon einmal mal auch als bei le la
    les un une des du de et avec pour dans en au aux tres musique morceau chanson piece el los
    las una con para por y e del musica cancion pieza muy il lo gli i di da per molto brano
    canzone musica uno
    """
)
"""Words that ask for nothing by themselves."""

REAL = _words(
    """
    braam braams strong string strongest record records recorded recording order orders
    corner corners table tables dull full fall small tall tell bell ball hall
    group groups level levels stage stages power powers
    spring springs string bored board heard heart heavy heaven country county counter court
    courts walk walks talk minor miner major mayor house horse hours hour mouse night light
    right bright fright sight ocean organic orange range strange stranger strangers panic
    planet plane plans plant plants pianist violet violent violence choice voices vice
    floating floats flat flute fluke basin basic basics based cells cello hello jelly trumps
    triumph triumphs trampoline trombones rocket rockets rocks rocky pocket sleep sleeping
    sweep sweeping steep sheep wave waves slave brave grave graves gravel gravy morning
    mourning evening meeting metals mental medal petal pedal middle riddle harmful sharp shape
    shark drama dream dreams cream steam stream streams team train trains rain fairy fairly
    faith flight fight tragic magic music logic public chase chose close closed battle bottle
    bottles cattle castle castles cassette credits edits wedding wooden window windows winter
    water waters watery wander wonder wonders wandering wondering sailing falling calling
    rolling raining running singing ringing bringing playing praying staying world words sword
    swords loud cloud clouds proud crowd crown brown town down dawn space spice spade scape
    peace piece place palace police surprise sunrise sunset sunny funny money honey monkey
    donkey happen happens flying crying trying frying lying dying child children chicken
    kitchen chance change changes chapel church march marching festive festival carnival
    arrival rival revival survival battery batter better butter letter danger dancer dancers
    dancing trance france french trench bench beach teach reach garden golden olden hidden
    forest forests florist modest honest harvest marine machine machines matching watching
    catching salad salads ballot ballet valid solid gold cold bold hold bald sold epoch topic
    tropic tropical typical tonic tonight fashion passion mission vision tension pension
    version reading riding rising raising rocking locking smoking friend friends trend trends
    spooky smoky smooth tooth booth south mouth youth drunk drink drinks druids dragon dragons
    wagon lagoon cartoon carton classic classics class classes glass glasses grass brass
    brassy summer hummer hammer drummer simmer shimmer shimmering glimmer quest guest quiet
    quite queen quick thick trick brick click flash flesh fresh french crash trash splash
    smash hunting haunting haunted hunted counting mounting mountain mountains fountain seven
    eleven even event events seventh eighth opera operas operatic operation generation pirate
    pirates private lullaby ladder border order older folder holder shoulder soldier soldiers
    shadow shadows shallow hollow yellow mellow fellow pillow willow bridge bride pride prime
    crime crimes rhyme rhymes chimes climb vampire vampires empire umpire temple temples
    sample samples simple
    """
)
"""Everyday words that must not be taken for a slip in writing a musical one."""
