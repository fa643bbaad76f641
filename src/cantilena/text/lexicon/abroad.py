"""Moods and genres in German, French, Italian and Spanish, and English forms of the labels.

Knows translations of the names in ``labels``; does not know sentences.
"""

from __future__ import annotations

from cantilena.text.wordlists import by_name

_GERMAN_MOODS = {
    "happy": "frohlich heiter lustig froh glucklich beschwingt vergnugt munter festlich",
    "sad": "traurig betrubt wehmutig trostlos",
    "calm": "ruhig sanft friedlich still leise zart besinnlich",
    "energetic": "energisch kraftvoll schwungvoll mitreissend energiegeladen",
    "dark": "duster dunkel unheimlich gruselig finster",
    "romantic": "romantisch verliebt innig zartlich",
    "epic": "episch heroisch heldenhaft majestatisch grossartig triumphal prachtig",
    "melancholic": "melancholisch schwermutig nachdenklich",
    "mysterious": "geheimnisvoll mysterios ratselhaft magisch",
    "playful": "verspielt witzig neckisch spielerisch",
    "tense": "spannend gespannt dramatisch bedrohlich nervos",
    "dreamy": "vertraumt traumerisch atherisch spharisch",
    "aggressive": "aggressiv wutend wild zornig",
    "hopeful": "hoffnungsvoll optimistisch aufbauend",
    "nostalgic": "nostalgisch sehnsuchtig sehnsuchtsvoll",
    "solemn": "feierlich ernst wurdevoll andachtig",
    "relaxed": "entspannt gemutlich locker lassig chillig entspannend",
}
_OTHER_MOODS = {
    "happy": (
        "joyeux joyeuse gai gaie heureux heureuse allegra allegri felice feliz alegre happily "
        "cheerfully joyfully merrily cheer happier"
    ),
    "sad": "triste tristes tristesse dolente tristeza sadly mournfully sadder",
    "calm": (
        "calme paisible doux douce tranquille calma sereno serena tranquilo tranquila tranquility "
        "tranquillity calmness softly gently quietly peacefully calmly suave"
    ),
    "energetic": (
        "energique energico energetico energy energetically vigor enthusiasm excitement liveliness"
    ),
    "dark": "sombre obscur oscuro oscura scuro tenebreux tenebroso darkness darker ominously",
    "romantic": "romantique romantico romantica amour amore amor passion",
    "epic": "epique epico epica heroique eroico heroico grandeur triumph majesty heroism epicness",
    "melancholic": "melancolique malinconica melancolico melancolica wistfully melancholically",
    "mysterious": "mysterieux mysterieuse misterioso misteriosa mystique magic mysteriously",
    "playful": "ludique espiegle giocosa scherzoso jugueton playfully playfulness humor humour",
    "tense": "tendu tensa dramatique drammatico dramatico drama dramatically suspenso anxiety",
    "dreamy": "reveur reveuse onirique sognante sonador dreaminess dreams dreaming",
    "aggressive": "agressif agressive aggressivo agresivo aggression agression fury",
    "hopeful": "speranzoso esperanzador optimism inspiration uplift",
    "nostalgic": "nostalgique nostalgico nostalgica nostalgically yearningly",
    "solemn": "solennel solenne solemne solemnity",
    "relaxed": (
        "detendu rilassante rilassato relajado relajante relaxation relaxedly chillin chilling "
        "chillaxed relaxes relaxant"
    ),
}
_GENRES = {
    "classical": (
        "klassisch klassik klassische klassisches klassischer classique classica clasica classic"
    ),
    "baroque": "barock barocke barocco barroco barocker barockes",
    "folk": "volksmusik folklore volkstumlich folkloric folkish",
    "waltz": "valzer waltzing",
    "march": "marsch marcia marcha trauermarsch hochzeitsmarsch militarmarsch",
    "children": (
        "kinderlied kinder kindermusik enfants bambini ninos kid child wiegenlied "
        "children-friendly schlaflied ninna-nanna nana"
    ),
    "christmas": "weihnachtslied weihnachtlich navidad natale christmassy weihnachtsmusik",
    "soundtrack": "filmmusik movie film cinema bande-originale colonna-sonora",
    "game": "videospiel spielemusik jeu-video videojuego zelda mario pokemon minecraft tetris",
    "pop": "popsong popmusik poppig",
    "rock": "rockig rockmusik rocksong",
    "jazz": "jazzig bop swingjazz jazzstandard",
    "blues": "bluesig",
    "lofi": "lofihiphop lo-fi-beat",
    "electronic": (
        "elektronisch elektronik elektro electronique elettronica electronico synthwavey dubsteppy"
    ),
    "ballad": "ballads balade ballata balada",
    "celtic": "irisch keltisch irlandais celtique ireland",
    "samba": "brazil brasil brasilianisch",
    "new age": "meditations meditativ",
    "ambient": "ambientes ambiental ambiences soundscapes",
}


def _table() -> tuple[dict[str, str], dict[str, str]]:
    moods: dict[str, str] = {}
    for mood, words in _GERMAN_MOODS.items():
        for word in words.split():
            for ending in ("", "e", "er", "es", "en", "em"):
                moods.setdefault(word + ending, mood)
    for mood, words in _OTHER_MOODS.items():
        for word in words.split():
            moods.setdefault(word, mood)
    genres = {word: genre for genre, words in _GENRES.items() for word in words.split()}
    return genres, moods


GENRES_MORE, MOODS_MORE = _table()
GENRES_MORE["dub techno"] = "techno"
GENRES_MORE |= by_name(
    {
        "country": "wild west, far west, spaghetti western, ranch, rodeo, saloon, barn dance",
        "folk": "folksy, folkloristic, campfire, village dance, peasant dance, country dance",
        "classical": "chamber piece, chamber work, chamber ensemble piece, salon piece",
        "soundtrack": "film noir, blockbuster",
        "latin": "latine, latina, latines",
        "jazz": "speakeasy, big band era",
    }
)
MOODS_MORE |= by_name(
    {
        "calm": """
            sense of zen, feeling of zen, moment of zen, zen-like, tenera, tenero, teneramente
        """,
        "romantic": "intima, intimo, intime",
        "energetic": """
            euphoric, euphoria, euphorically, treibend, treibende, treibender, treibendes, hyped,
            high-octane, adrenaline
        """,
        "mysterious": "haunting, hauntingly, spellbinding, ghostly",
        "tense": """
            insecurity, insecure, unease, uneasiness, fear, fearful, worry, worried, doubt, dread,
            paranoia
        """,
        "happy": """
            ensoleille, ensoleillee, sonnig, sonnige, sonniger, soleado, soleada, solare, elated,
            beaming
        """,
        "sad": "bereft, heartache, mourn, miserable, despair, desolate",
        "melancholic": "wistfulness, regret, longingly",
        "aggressive": "wrath, ferocity, menace, pounding, thrashing",
        "hopeful": "hopefully, aspirational",
        "playful": "jaunty, bubbly, peppy, zany",
        "dreamy": "trance-like, reverie, shimmering",
        "solemn": "reverence, dignity, gravitas",
        "relaxed": "breezy, easy-paced",
    }
)
"""Word: canonical genre or mood."""
