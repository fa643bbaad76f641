"""Labels: the genres and moods that models know, the words for them, and the labels of corpora.

Knows names only; reads no free text (``brief`` does) and no music. ``GENRES`` and ``MOODS`` are
rows of trained embeddings: their members and their order are part of every checkpoint.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from cantilena.text.wordlists import split_names

GENRES: tuple[str, ...] = split_names(
    """
    pop, rock, metal, punk, blues, jazz, bossa nova, latin, funk, soul, rnb, disco, dance, house,
    techno, trance, electronic, ambient, lofi, hip hop, reggae, country, folk, celtic, gospel,
    classical, baroque, romantic, march, waltz, ragtime, tango, samba, soundtrack, game, new age,
    christmas, children, ballad
    """
)
"""Canonical genres and forms, in the order of a model's embedding rows."""

MOODS: tuple[str, ...] = split_names(
    """
    happy, sad, calm, energetic, dark, romantic, epic, melancholic, mysterious, playful, tense,
    dreamy, aggressive, hopeful, nostalgic, solemn, relaxed
    """
)
"""Canonical moods, in the order of a model's embedding rows."""


GENRE_WORDS: dict[str, tuple[str, ...]] = {
    "pop": split_names(
        "pop, pop music, pop song, poppy, britpop, brit pop, synthpop, synth-pop, synth pop, "
        "electropop, electro pop, indie pop, dream pop, power pop, teen pop, k-pop, kpop, j-pop, "
        "jpop, c-pop, mandopop, cantopop, europop, eurobeat, bubblegum, schlager, chart music, "
        "easy listening, traditional pop, chanson, singer-songwriter, boy band, girl group"
    ),
    "rock": split_names(
        "rock, rock music, rock song, rocky, rock and roll, rock & roll, rock 'n' roll, rock n "
        "roll, rock'n'roll, rocknroll, rockabilly, hard rock, soft rock, classic rock, indie "
        "rock, indie, alternative rock, alt rock, alternative, prog rock, progressive rock, prog, "
        "grunge, garage rock, psychedelic rock, psychedelic, surf rock, surf, post-rock, post "
        "rock, shoegaze, southern rock, glam rock, arena rock, new wave, math rock, aor"
    ),
    "metal": split_names(
        "metal, heavy metal, heavymetal, death metal, black metal, thrash metal, thrash, "
        "metalcore, doom metal, power metal, nu metal, nu-metal, speed metal, glam metal, "
        "symphonic metal, djent, headbanger, headbanging"
    ),
    "punk": split_names(
        "punk, punk rock, punky, pop punk, pop-punk, post-punk, post punk, hardcore punk, oi, "
        "emo, skate punk, riot grrrl, ska punk, psychobilly"
    ),
    "blues": split_names(
        "blues, bluesy, 12-bar blues, 12 bar blues, twelve-bar blues, twelve bar blues, delta "
        "blues, chicago blues, boogie-woogie, boogie woogie, boogie, slow blues, electric blues"
    ),
    "jazz": split_names(
        "jazz, jazzy, jazz standard, swing jazz, bebop, be-bop, hard bop, post-bop, cool jazz, "
        "smooth jazz, free jazz, modal jazz, gypsy jazz, jazz manouche, acid jazz, nu jazz, jazz "
        "fusion, fusion, dixieland, new orleans jazz, trad jazz, lounge jazz, cocktail jazz, "
        "swing era, contemporary jazz, vocal jazz, great american songbook"
    ),
    "bossa nova": split_names("bossa nova, bossanova, bossa-nova, bossa, jobim"),
    "latin": split_names(
        "latin, latino, salsa, mambo, cha-cha, cha cha, cha-cha-cha, cha cha cha, chacha, rumba, "
        "rhumba, merengue, bachata, cumbia, bolero, son cubano, afro-cuban, afrocuban, afro "
        "cuban, reggaeton, mariachi, ranchera, mexican, cuban, latin american, norteno, tejano, "
        "vallenato, calypso, soca, beguine, guaracha, latin music, flamenco"
    ),
    "funk": split_names("funk, funky, p-funk, g-funk, funk groove, afrobeat"),
    "soul": split_names(
        "soul, soulful, motown, northern soul, neo-soul, neo soul, southern soul, stax, memphis "
        "soul, philly soul, soul music"
    ),
    "rnb": split_names(
        "rnb, r&b, r & b, r'n'b, r n b, r and b, rhythm and blues, rhythm & blues, contemporary "
        "r&b, new jack swing, quiet storm, doo-wop, doo wop, doowop"
    ),
    "disco": split_names(
        "disco, discotheque, italo disco, italo-disco, nu disco, nu-disco, euro disco"
    ),
    "dance": split_names(
        "dance, dance music, edm, electronic dance music, eurodance, euro dance, club music, "
        "clubby, rave, party music, big room, hardstyle, happy hardcore, dancefloor, dance floor"
    ),
    "house": split_names(
        "house, house music, deep house, tech house, progressive house, future house, acid house, "
        "electro house, tropical house, chicago house, french house, uk garage, future bass"
    ),
    "techno": split_names(
        "techno, detroit techno, minimal techno, acid techno, hard techno, industrial techno, "
        "schranz, gabber"
    ),
    "trance": split_names(
        "trance, psytrance, psy trance, psy-trance, goa, goa trance, uplifting trance, vocal "
        "trance, hard trance, progressive trance, dream trance"
    ),
    "electronic": split_names(
        "electronic, electronica, electronic music, electro, synthwave, synth wave, retrowave, "
        "vaporwave, outrun, idm, drum and bass, drum & bass, drum n bass, drum'n'bass, dnb, d&b, "
        "jungle, dubstep, breakbeat, big beat, trip hop, trip-hop, triphop, downtempo, glitch, "
        "electroacoustic, synth music, synthesizer music, berlin school, industrial, krautrock"
    ),
    "ambient": split_names(
        "ambient, ambient music, dark ambient, drone, drone music, soundscape, atmospheric pads, "
        "space music, ambience, chill out room"
    ),
    "lofi": split_names(
        "lofi, lo-fi, lo fi, low-fi, lowfi, lofi beat, lofi beats, lofi hip hop, lo-fi hip hop, "
        "lo-fi hip-hop, lofi hip-hop, chillhop, chill hop, chill-hop, chill beats, chill beat, "
        "study beats, study music, jazzhop, jazz hop, beats to study to, bedroom pop"
    ),
    "hip hop": split_names(
        "hip hop, hip-hop, hiphop, rap, rap beat, trap, trap beat, boom bap, boom-bap, boombap, "
        "drill, gangsta rap, hip hop beat, grime, crunk, phonk, old school hip hop, turntablism, "
        "rap music, west coast rap, cloud rap"
    ),
    "reggae": split_names(
        "reggae, ska, dub, rocksteady, roots reggae, dancehall, ragga, lovers rock, reggae "
        "groove, one drop, skank, jamaican"
    ),
    "country": split_names(
        "country, country music, country song, country and western, country & western, bluegrass, "
        "honky tonk, honky-tonk, americana, western swing, nashville, outlaw country, "
        "alt-country, alt country, western, hillbilly, hoedown, cowboy, line dance"
    ),
    "folk": split_names(
        "folk, folk song, folksong, folk music, folky, folk tune, indie folk, traditional, trad, "
        "acoustic folk, polka, klezmer, mazurka, balkan, shanty, sea shanty, ballroom folk, fado, "
        "yodel, tarantella, contra dance, volkslied, schottische, laendler, landler, folk dance, "
        "world music, world"
    ),
    "celtic": split_names(
        "celtic, irish, scottish, irish folk, celtic folk, jig, reel, hornpipe, slip jig, "
        "strathspey, ceilidh, breton, irish music, gaelic, highland"
    ),
    "gospel": split_names(
        "gospel, gospel music, spiritual, negro spiritual, black gospel, southern gospel, "
        "worship, praise, praise and worship, ccm, christian music, church music"
    ),
    "classical": split_names(
        "classical, classical music, symphony, sonata, sonatina, concerto, chamber music, opera, "
        "operatic, operetta, mozart, haydn, beethoven, mozartian, classical period, viennese "
        "classical, minimalist, minimalism, impressionist, impressionistic, debussy, satie, "
        "contemporary classical, modern classical, neoclassical, neo-classical, hymn, chorale, "
        "renaissance, medieval, madrigal, motet, gregorian, plainchant, etude, minuet, menuet, "
        "symphonic poem, rondo, divertimento, serenade"
    ),
    "baroque": split_names(
        "baroque, bach, handel, vivaldi, scarlatti, telemann, purcell, corelli, fugue, fugal, "
        "invention, gavotte, sarabande, allemande, gigue, courante, bourree, concerto grosso, "
        "toccata, passacaglia, chaconne, baroque music, bach-like, bachian"
    ),
    "romantic": split_names(
        "romantic era, romantic period, romantic style, romantic music, late romantic, 19th "
        "century, nineteenth century, chopin, liszt, schumann, brahms, tchaikovsky, chopinesque, "
        "nocturne, romantic-era, schubert, mendelssohn, rachmaninoff, rachmaninov, romantic "
        "composer, neo-romantic, lied, impromptu"
    ),
    "march": split_names(
        "march, marching, military march, marche, sousa, wedding march, funeral march, parade, "
        "quickstep march, military"
    ),
    "waltz": split_names("waltz, waltzes, valse, viennese waltz, walzer, vals, strauss waltz"),
    "ragtime": split_names("ragtime, rag, rag time, scott joplin, joplin, cakewalk"),
    "tango": split_names("tango, tango argentino, milonga, habanera, tango nuevo, piazzolla"),
    "samba": split_names(
        "samba, sambas, batucada, carnival samba, pagode, samba-reggae, brazilian, choro, forro, "
        "baiao, partido alto, mpb"
    ),
    "soundtrack": split_names(
        "soundtrack, film score, film music, movie score, movie music, movie soundtrack, film "
        "soundtrack, cinematic, score, underscore, trailer, trailer music, hans zimmer, john "
        "williams, filmic, tv theme, theme music, theme song, tv music, original score, stage and "
        "screen, showtune, show tune, show tunes, musical theatre, musical theater, broadway, "
        "disney, hollywood, anime, background music"
    ),
    "game": split_names(
        "game, video game, videogame, video-game, video game music, game music, game soundtrack, "
        "vgm, 8-bit, 8 bit, 8bit, 16-bit, 16 bit, 16bit, chiptune, chip tune, chip music, nes, "
        "snes, gameboy, game boy, arcade, nintendo, rpg, jrpg, boss battle, boss fight, boss "
        "theme, dungeon, overworld, battle theme, level music, platformer, sega, commodore 64, "
        "c64"
    ),
    "new age": split_names(
        "new age, new-age, newage, meditation, meditation music, meditative music, spa, spa "
        "music, yoga, healing music, zen, relaxation music, enya, sleep music, wellness"
    ),
    "christmas": split_names(
        "christmas, xmas, x-mas, christmas carol, carol, carols, christmas song, holiday music, "
        "holiday song, noel, yuletide, santa, festive season, winter holiday, weihnachten, advent"
    ),
    "children": split_names(
        "children, children's, childrens, child's, kids, kid's, kids', for kids, for children, "
        "nursery rhyme, nursery, nursery song, lullaby, children's song, kids song, cradle song, "
        "berceuse, preschool, toddler, toddlers, kinderlied"
    ),
    "ballad": split_names(
        "ballad, ballade, power ballad, love ballad, torch song, slow dance, love song"
    ),
}
"""What people type for each canonical genre. No phrase stands for two genres, and none joins two
("jazz waltz", "latin pop"), so that a reader finds both."""

MOOD_WORDS: dict[str, tuple[str, ...]] = {
    "happy": split_names(
        "happy, cheerful, joyful, joyous, jolly, merry, glad, upbeat, bright, sunny, gay, "
        "jubilant, cheery, feel-good, feel good, feelgood, delighted, exuberant, festive, "
        "blissful, celebratory, gleeful, giocoso, happiness, joy, lighthearted, light-hearted, "
        "carefree, party"
    ),
    "sad": split_names(
        "sad, sorrowful, mournful, unhappy, tearful, heartbroken, heartbreaking, heart-breaking, "
        "depressing, depressed, tragic, lamenting, weeping, crying, grieving, sadness, sorrow, "
        "grief, downcast, dolente, doloroso, lament, sad and slow, painful, broken-hearted, "
        "lonely"
    ),
    "calm": split_names(
        "calm, calming, peaceful, tranquil, serene, gentle, quiet, soothing, still, placid, soft, "
        "delicate, tranquillo, serenity, peace, meditative, contemplative, tender, hushed, sweet, "
        "dolce, calmo, pastoral"
    ),
    "energetic": split_names(
        "energetic, lively, vigorous, driving, high-energy, high energy, powerful, dynamic, "
        "exciting, excited, spirited, pumping, animated, vibrant, rousing, vivid, bouncy, uptempo "
        "energy, con brio, con fuoco, workout, energising, energizing, electrifying, fiery, "
        "passionate, animato, intense, hype"
    ),
    "dark": split_names(
        "dark, gloomy, sinister, ominous, brooding, bleak, menacing, evil, gothic, grim, scary, "
        "creepy, horror, haunted, macabre, doomy, somber mood, sombre mood, spooky, moody, "
        "foreboding, shadowy, halloween, demonic, murky, frightening"
    ),
    "romantic": split_names(
        "romantic, love, loving, amorous, intimate, sensual, romance, sexy, seductive, amoroso, "
        "affectionate, lovely, candlelit, candlelight, warm and tender, sultry"
    ),
    "epic": split_names(
        "epic, heroic, grand, majestic, triumphant, glorious, victorious, monumental, grandiose, "
        "maestoso, stately, bombastic, anthemic, larger than life, noble, legendary, soaring, "
        "adventurous, adventure, battle, huge"
    ),
    "melancholic": split_names(
        "melancholic, melancholy, wistful, bittersweet, plaintive, forlorn, blue, pensive, "
        "rueful, malinconico, elegiac, melancholia, yearning, autumnal, rainy, introspective"
    ),
    "mysterious": split_names(
        "mysterious, mystery, mystic, mystical, enigmatic, eerie, strange, uncanny, misterioso, "
        "exotic, magical, otherworldly, cryptic, arcane, secretive, weird, esoteric, noir"
    ),
    "playful": split_names(
        "playful, funny, humorous, comic, comical, whimsical, quirky, silly, cute, mischievous, "
        "scherzando, cheeky, witty, goofy, cartoonish, cartoony, perky, fun, naive, capricious, "
        "childlike, frolicsome, grazioso"
    ),
    "tense": split_names(
        "tense, suspenseful, suspense, anxious, nervous, uneasy, dramatic, agitated, restless, "
        "agitato, thrilling, thriller, tension, unsettling, urgent, nail-biting, nervy, "
        "dissonant, frantic, chase, panicked, edgy, stressful, ticking clock"
    ),
    "dreamy": split_names(
        "dreamy, ethereal, floating, hazy, dreamlike, dream-like, atmospheric, airy, celestial, "
        "spacey, spacy, hypnotic, surreal, weightless, heavenly, floaty, lush, cosmic, dream, "
        "fantasy, underwater, starry, misty, fairy tale, fairytale"
    ),
    "aggressive": split_names(
        "aggressive, angry, furious, violent, fierce, brutal, raging, rage, savage, ferocious, "
        "hard-hitting, hard hitting, hostile, wild, anger, menacingly loud, feroce, furioso, "
        "heavy, raw, rebellious, relentless"
    ),
    "hopeful": split_names(
        "hopeful, optimistic, uplifting, inspiring, inspirational, encouraging, positive, hope, "
        "motivational, motivating, reassuring, redemptive, life-affirming, aspiring, promising, "
        "heartwarming, heart-warming, touching"
    ),
    "nostalgic": split_names(
        "nostalgic, nostalgia, sentimental, reminiscent, vintage, retro, longing, homesick, "
        "old-time, old time, old-timey, old-fashioned, old fashioned, looking back, memories, "
        "memory, reminiscing, saudade"
    ),
    "solemn": split_names(
        "solemn, serious, sacred, reverent, dignified, ceremonial, grave mood, sober, devotional, "
        "prayerful, austere, holy, funereal, hymn-like, religioso, lofty, reflective, mourning, "
        "sombre, somber, processional, spiritual mood, contemplative and grave"
    ),
    "relaxed": split_names(
        "relaxed, relaxing, relax, chill, chilled, chilled-out, chilled out, chillout, chill out, "
        "laid-back, laid back, mellow, easygoing, easy-going, easy going, lazy, cozy, cosy, "
        "smooth, loungy, lounge, leisurely mood, warm, unhurried, groovy and relaxed, sleepy, "
        "sunday morning, coffee shop, cafe"
    ),
}
"""What people type for each canonical mood. No phrase stands for two moods."""

_SAME = re.compile(r"[\s_'’.-]+")


def _norm(label: str) -> str:
    """A label as the tables are asked: lower case, "and" for "&", separators dropped."""
    return _SAME.sub("", label.strip().lower().replace("&", "and"))


_EITHER: tuple[str, ...] = ("pop", "rock")
_CORPUS: dict[str, tuple[str, ...]] = {
    _norm(label): genres
    for label, genres in {
        # Lakh: the AMG top genres of the Million Song Dataset, then last.fm tags.
        "pop_rock": _EITHER,
        "electronic": ("electronic",),
        "vocal": (),
        "international": (),
        "downtempo": ("electronic",),
        "lounge": (),
        "hardcore": (),
        "oldies": (),
        "classic": (),
        "spiritual": ("gospel",),
        "world": (),
        "blue": (),
        "traditional": ("folk",),
        # Mutopia's styles: periods of art music are classical music too.
        "baroque": ("baroque", "classical"),
        "romantic": ("romantic", "classical"),
        "romantique": ("romantic", "classical"),
        "renaissance": ("classical",),
        "technique": ("classical",),
        "modern": ("classical",),
        "hymn": ("classical",),
        "popular / dance": (),
        "song": (),
        "folk": ("folk",),
        # Groove's styles.
        "neworleans": ("jazz",),
        "secondline": ("jazz",),
        "afrobeat": ("funk",),
        "brazilian": ("samba",),
        "bossa": ("bossa nova",),
        "chacarera": ("folk",),
        "brazilian-bossa": ("bossa nova",),
        "brazilian-baiao": ("latin",),
        "swing": ("jazz",),
        "brazilian-songo": ("latin",),
        "brazilian-samba": ("samba",),
        "bembe": ("latin",),
        "brazilian-sambareggae": ("samba",),
        "brazilian-ijexa": ("latin",),
        "fast": (),
        "brazilian-maracatu": ("latin",),
        "venezuelan-sangueo": ("latin",),
        "prog": ("rock",),
        "venezuelan-merengue": ("latin",),
        "venezuelan-joropo": ("latin",),
        # Discogs' genres and styles, as OpenEWLD has them.
        "folk, world, & country": ("folk",),
        "stage & screen": ("soundtrack",),
        "bop": ("jazz",),
        "big band": ("jazz",),
        "religious": (),
        "non-music": (),
        "soul-jazz": ("jazz", "soul"),
        "jazz-funk": ("jazz", "funk"),
        "mpb": ("latin",),
        "blues rock": ("blues", "rock"),
        "country rock": ("country", "rock"),
        "theme": (),
        "folk rock": ("folk", "rock"),
        "synth-pop": ("pop", "electronic"),
        "dub": ("reggae",),
        "pop rock": _EITHER,
        "marches": ("march",),
        "musical": (),
        "easy listening": (),
        "hip hop": ("hip hop",),
        "latin jazz": ("jazz", "latin"),
        "children's": ("children",),
        "score": ("soundtrack",),
        "ballad": ("ballad",),
        "music hall": (),
        "novelty": (),
    }.items()
}
for _genre, _phrases in GENRE_WORDS.items():
    for _phrase in _phrases:
        _CORPUS.setdefault(_norm(_phrase), (_genre,))

_FAMILY = {
    genre: family
    for family, genres in {
        "pop": "pop ballad",
        "rock": "rock metal punk",
        "black": "soul rnb funk disco gospel",
        "hip hop": "hip_hop lofi",
        "jazz": "jazz blues ragtime",
        "latin": "bossa_nova latin samba tango",
        "electronic": "dance house techno trance electronic",
        "quiet": "ambient new_age",
        "art": "classical baroque romantic",
        "folk": "folk celtic country",
    }.items()
    for genre in (g.replace("_", " ") for g in genres.split())
}
_BROAD = ("dance", "electronic", "rock", "pop")  # tags given to nearly everything come last


def _genres_of(label: str) -> tuple[str, ...]:
    """The canonical genres of one corpus label, or of its parts ("funk/rock", "jazz; blues")."""
    whole = _CORPUS.get(_norm(label))
    if whole is not None:
        return whole
    genres: list[str] = []
    for piece in re.split(r"[/;,|]", label):
        genres += _CORPUS.get(_norm(piece), ())
    return tuple(dict.fromkeys(genres))


def genres_from_labels(genre: str, tags: Iterable[str] = (), limit: int = 3) -> tuple[str, ...]:
    """Canonical genres of a piece, the surest first, at most ``limit``.

    ``genre``: the label a corpus gives the whole piece, "" if none: Lakh's AMG genre, Mutopia's
    or Groove's style ("funk/purdieshuffle"), a Discogs genre. ``tags``: what listeners wrote.
    A genre counts more when the corpus's own label says it, then when several tags of its family
    agree, then when it is specific; a label unknown here says nothing. "Pop_Rock" becomes the one
    of pop and rock that the tags name, and both where they decide nothing.
    """
    tags = [tags] if isinstance(tags, str) else list(tags)
    sure = list(_genres_of(genre))
    labels = [_genres_of(t) for t in tags]
    tagged = [g for label in labels if label != _EITHER for g in label]
    if _EITHER in labels and not sure:
        sure = list(_EITHER)
    if tuple(sure) == _EITHER:
        narrower = [g for g in _EITHER if g in tagged]
        family = [g for g in tagged if _FAMILY.get(g) in ("pop", "rock") and g not in _EITHER]
        sure = narrower or ([_FAMILY[family[0]]] if family else sure)
    votes = Counter(_FAMILY.get(g, g) for g in [*sure, *sure, *dict.fromkeys(tagged)])

    def rank(g: str) -> tuple[int, int, bool, int]:
        place = sure.index(g) if g in sure else len(sure)
        return (place, -votes[_FAMILY.get(g, g)], g in _BROAD, GENRES.index(g))

    return tuple(sorted(dict.fromkeys([*sure, *tagged]), key=rank)[:limit])


_MOOD_OF = {_norm(w): mood for mood, words in MOOD_WORDS.items() for w in words}
# Listeners' praise and occasions are not the music's mood: "love" means "I love it".
for _praise in ("love", "lovely", "loved", "sweet", "sexy", "dance", "memories", "party", "fun"):
    _MOOD_OF.pop(_praise, None)
_MOOD_OF[_norm("hymn")] = "solemn"


def moods_from_tags(tags: Iterable[str], limit: int = 2) -> tuple[str, ...]:
    """Canonical moods that a piece's tags name, at most ``limit``, those named most often first.

    Tags that contradict each other (happy with sad or melancholic, calm with aggressive or
    energetic) cancel out: listeners disagree, so nothing is claimed.
    """
    tags = [tags] if isinstance(tags, str) else list(tags)
    votes = Counter(m for m in (_MOOD_OF.get(_norm(t)) for t in tags) if m)
    for one, other in _OPPOSED:
        if votes[one] and votes[other]:
            del votes[one], votes[other]
    return tuple(m for m, n in sorted(votes.items(), key=lambda x: -x[1]) if n)[:limit]


_OPPOSED = (
    ("happy", "sad"),
    ("happy", "melancholic"),
    ("happy", "dark"),
    ("calm", "aggressive"),
    ("calm", "energetic"),
    ("relaxed", "tense"),
    ("relaxed", "aggressive"),
    ("calm", "tense"),
)
