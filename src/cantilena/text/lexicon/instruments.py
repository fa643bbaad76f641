"""The names of instruments as people say them, and the General MIDI programs that satisfy each.

Knows names in English, German and a little French, Italian and Spanish. Does not know ensembles
(``ensembles``) or sentences: counts and refusals are read in ``brief.parts``.
"""

from __future__ import annotations

import difflib
from functools import lru_cache

from cantilena.errors import UnknownNameError
from cantilena.score import gm
from cantilena.score.score import DRUMS
from cantilena.text.lexicon import Phrasebook, Speller, east, split, west
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import split_names

INSTRUMENTS: dict[str, tuple[tuple[int, ...], str]] = {
    # keyboards
    "piano": (
        (0, 1, 2, 3),
        "pianist, grand piano, acoustic piano, pno, pianoforte, klavier, flugel, pianos, "
        "klaviere, piano keys, concert piano, upright piano, felt piano, acoustic grand",
    ),
    "honky-tonk piano": (
        (3, 1, 0),
        "honky tonk, honkytonk piano, honkytonk, saloon piano, bar piano, detuned piano, ragtime "
        "piano, tack piano",
    ),
    "electric piano": (
        (4, 5),
        "rhodes, rhodes piano, fender rhodes, wurlitzer, wurli, wurly, e-piano, epiano, electric "
        "pianos, e piano",
    ),
    "fm piano": ((5, 4), "dx7, dx7 piano, fm electric piano"),
    "electric grand piano": ((2, 4, 0), "electric grand, cp80"),
    "keyboard": ((0, 4, 5, 2, 16, 90), "keyboards, keys, kbd, keyboardist, keyboard player"),
    "harpsichord": (
        (6,),
        "cembalo, clavecin, clavicembalo, clavichord, spinet, harpsichords",
    ),
    "clavinet": ((7,), "clavi, clav, clavinets"),
    "celesta": ((8,), "celeste"),
    "glockenspiel": ((9, 8), "glockenspiels, glocken, orchestra bells"),
    "music box": ((10, 8), "musicbox, spieluhr, spieldose, toy piano, boite a musique"),
    "vibraphone": ((11,), "vibes, vibraphones, vibraphon"),
    "marimba": ((12, 13), "marimbas, balafon"),
    "xylophone": ((13, 12), "xylophones, xylophon"),
    "mallets": ((11, 12, 13, 9), "mallet percussion, mallet instruments, mallet"),
    "bells": ((14, 9, 112, 10, 98), "bell, handbells, sleigh bells, jingle bells sound, glocken"),
    "tubular bells": ((14,), "chimes, church bells, tubular bell, rohrenglocken"),
    "dulcimer": (
        (15,),
        "hammered dulcimer, santur, santoor, cimbalom, zither, hackbrett",
    ),
    "organ": ((16, 19, 17, 18, 20), "organist, organs, orgel, organo, orgue"),
    "hammond organ": (
        (16, 17, 18),
        "hammond, b3, drawbar organ, organ b3, electric organ, tonewheel organ",
    ),
    "jazz organ": ((17, 16, 18), ""),
    "rock organ": ((18, 16, 17), ""),
    "church organ": ((19, 20), "pipe organ, kirchenorgel, cathedral organ, organ pipes"),
    "reed organ": ((20, 21), "harmonium, pump organ, melodica, melodeon, concertina"),
    "accordion": (
        (21, 23),
        "accordionist, accordions, akkordeon, accordeon, squeezebox, musette, fisarmonica, "
        "acordeon, ziehharmonika",
    ),
    "harmonica": (
        (22,),
        "harmonicas, mouth organ, mundharmonika, blues harp, mouth harp",
    ),
    "bandoneon": ((23, 21), "tango accordion, bandoneons"),
    # guitars and basses
    "guitar": (
        (25, 24, 27, 26, 28, 29, 30),
        "guitarist, guitar player, guitars, gitarre, gitarren, guitare, chitarra, guitarra, "
        "guitar riff, guitar riffs, rhythm guitar, lead guitar, rhythm guitars, lead guitars, "
        "guitar chords, gtr",
    ),
    "acoustic guitar": (
        (25, 24),
        "acoustic guitars, akustikgitarre, akustische gitarre, guitare acoustique, chitarra "
        "acustica",
    ),
    "nylon-string guitar": (
        (24, 25),
        "classical guitar, nylon guitar, spanish guitar, flamenco guitar, konzertgitarre, nylon "
        "string guitars, lute, vihuela, oud, classical guitars, "
        "nylon strings, nylon string",
    ),
    "steel-string guitar": (
        (25, 24),
        "steel guitar, western guitar, folk guitar, westerngitarre, twelve-string guitar, "
        "12-string guitar, dobro, resonator guitar, country guitar, fingerstyle guitar, "
        "fingerpicked guitar, steel strings",
    ),
    "jazz guitar": (
        (26, 27),
        "hollow body guitar, archtop guitar, archtop, jazz guitars, electric guitar (jazz)",
    ),
    "electric guitar": (
        (27, 29, 30, 26, 28),
        "electric guitars, e-gitarre, egitarre, e-gitarren, guitare electrique, chitarra elettrica",
    ),
    "clean electric guitar": (
        (27, 26),
        "clean guitar, electric guitar (clean), clean guitars, surf guitar, guitar clean, chorus "
        "guitar",
    ),
    "muted electric guitar": (
        (28, 27),
        "muted guitar, palm-muted guitar, electric guitar (muted), palm muted guitars, muted "
        "guitars, funk guitar",
    ),
    "overdriven guitar": (
        (29, 30),
        "overdrive guitar, overdrive, crunch guitar, crunchy guitar, overdriven guitars, "
        "overdriven electric guitar, rock guitar",
    ),
    "distortion guitar": (
        (30, 29),
        "distorted guitar, distorted guitars, distorted electric guitar, distorted electric "
        "guitars, fuzz guitar, heavy guitar, heavy guitars, metal guitar, metal guitars, "
        "verzerrte gitarre, verzerrte gitarren, distortion guitars, power chords guitar, "
        "distortion, power chord riff, power chord riffs, power chord guitar",
    ),
    "guitar harmonics": ((31, 27), ""),
    "pedal steel guitar": ((25, 27), "pedal steel, lap steel, slide guitar, pedal steel guitars"),
    "ukulele": ((24, 25), "uke, ukelele, ukuleles"),
    "mandolin": ((25, 24), "mandoline, mandolins, bouzouki, balalaika"),
    "bass": (
        (33, 32, 34, 35, 38, 39, 36, 37),
        "basses, bass line, bassline, basslines, bass lines, bass riff, basso, bajo",
    ),
    "acoustic bass": (
        (32, 43),
        "upright bass, upright, stand-up bass, standup bass, walking bass, acoustic bass guitar, "
        "string bass, walking bassline, walking bass line",
    ),
    "electric bass": (
        (33, 34, 35, 36, 37),
        "bass guitar, e-bass, ebass, fingered bass, electric bass guitar, bassgitarre, finger "
        "bass, bass guitars, basse electrique, electric basses, basso elettrico, walking bass "
        "guitar, bassist, bass player",
    ),
    "picked bass": ((34, 33), "picked electric bass, pick bass, electric bass (pick)"),
    "fingered electric bass": ((33, 34), "electric bass (finger), fingered bass guitar"),
    "fretless bass": ((35, 33), "fretless electric bass, fretless"),
    "slap bass": (
        (36, 37),
        "slapped bass, slap bass guitar, slapping bass, funk bass, slap-bass",
    ),
    "synth bass": (
        (38, 39),
        "synth basses, synthesizer bass, sub bass, subbass, 808, 808s, 808 bass, reese bass, "
        "wobble bass, acid bass, analog bass, moog bass, 303, tb-303, bass synth, synthbass, bass "
        "drop",
    ),
    "electronic bass": ((39, 38), ""),
    # strings
    "violin": (
        (40, 110),
        "violinist, violinists, violins, vln, vlns, violine, violinen, geige, geigen, violino, "
        "violon, violons, violini, first violin, solo violin, violin solo line",
    ),
    "viola": ((41,), "violist, violas, vla, bratsche, bratschen, viole"),
    "cello": (
        (42,),
        "cellist, cellists, cellos, vlc, vc, celli, violoncello, violoncelle, violoncelli, "
        "violoncellos, chelo",
    ),
    "double bass": (
        (43, 32),
        "contrabass, double basses, contrabasses, kontrabass, kontrabasse, contrebasse, "
        "contrabbasso, contrabajo, bull fiddle, bowed bass, "
        "bowed double bass, arco bass, bowed upright bass, orchestral basses",
    ),
    "fiddle": (
        (110, 40),
        "fiddler, fiddlers, fiddles, fidel, hardanger fiddle, hurdy-gurdy, erhu",
    ),
    "strings": (
        (48, 49, 44, 45, 50, 51, 40, 41, 42, 43),
        "streicher, cordes, archi, string instruments, cuerdas, string arrangement, string lines, "
        "strings section, string stabs, string stab, string arrangements, string parts, string "
        "runs, string melody, string accompaniment, string backing",
    ),
    "string ensemble": (
        (48, 49, 50, 51),
        "string section, string ensembles, orchestral strings, lush strings, string sections, "
        "symphonic strings, violin section, strings ensemble, legato strings, string pads",
    ),
    "slow strings": ((49, 48), ""),
    "tremolo strings": ((44, 48), "string tremolo, tremolo string"),
    "pizzicato strings": ((45,), "pizzicato, pizz, plucked strings, pizz strings, pizzicati"),
    "synth strings": (
        (50, 51),
        "synthesizer strings, synthetic strings, string synth, synth string, string pad",
    ),
    "string machine": ((51, 50), "solina, string machines"),
    "harp": (
        (46,),
        "harpist, harps, harfe, harpe, orchestral harp, arpa, concert harp, celtic harp, lyre",
    ),
    "timpani": (
        (47,),
        "kettledrums, kettle drums, pauken, pauke, timpano, timbales d'orchestre, kettledrum, "
        "timps",
    ),
    # voices
    "choir": (
        (52, 53, 54, 91),
        "choirs, chorus of voices, chor, coro, choeur, choir aahs, aahs, choral, chorale voices, "
        "singers, choral voices, mens choir, womens choir, men's choir, women's choir, "
        "children's choir, childrens choir, chants, chanting, gregorian chant, backing vocals, "
        "background vocals, choir voices, oohs and aahs, male choir, female choir, boys choir, "
        "gospel choir, mixed choir, male chorus, female chorus, mixed chorus, men's chorus, "
        "women's chorus, children's chorus, gemischter chor, chamber choir, angelic choir",
    ),
    "voices": ((52, 53, 54), ""),
    "voice": (
        (53, 52, 54, 85, 91),
        "woman sings, man sings, girl sings, boy sings, crooner, songstress, soprano "
        "singer, rapper, vocals, vocal, singer, singing, sung, stimme, gesang, voice oohs, oohs, "
        "soprano voice, tenor voice, alto voice, baritone voice, bass voice, soprano, tenor, "
        "baritone, mezzo, mezzo-soprano, countertenor, voix, voce, voz, humming, lead vocals, "
        "vocalist, female vocals, male vocals, lyrics, female voice, male voice, stimmen, "
        "sopran, sangerin, sanger, vocalists, vocalise",
    ),
    "synth voice": (
        (54, 85, 91),
        "synth voices, vocoder, synth choir, robot voice, synth vocals",
    ),
    "orchestra hit": ((55,), "orchestral hit, orchestra hits, orchestral hits"),
    # brass
    "trumpet": (
        (56, 59),
        "trumpeter, trumpet player, trumpets, tpt, trompete, trompeten, trompette, tromba, "
        "trompeta, cornet, cornets, piccolo trumpet, flugelhorn, fluegelhorn, kornett, bugle",
    ),
    "trombone": (
        (57,),
        "trombonist, trombones, tbn, posaune, posaunen, bass trombone, tenor trombone",
    ),
    "tuba": ((58,), "tubas, sousaphone, helicon"),
    "euphonium": (
        (57, 58, 60),
        "euphoniums, tenor horn, baritone horn, tenorhorn, bariton horn",
    ),
    "muted trumpet": ((59, 56), "harmon mute trumpet, trumpet with mute, muted trumpets"),
    "french horn": (
        (60,),
        "french horns, waldhorn, waldhorner, corno, hunting horn, corni, f horn, alphorn",
    ),
    "horn": ((60, 61), "hoerner, horner, hrn"),
    "horns": (
        (60, 61, 56, 57),
        "horn section, horn stabs, horns section, bugles, horn lines, horn line, horn riffs, "
        "horn parts, horn hits, horn arrangements",
    ),
    "brass": (
        (61, 60, 56, 57, 58, 59, 62, 63),
        "blech, blechblaser, cuivres, ottoni, brass instruments, metales, brass stabs",
    ),
    "brass section": ((61, 62, 63), "brass sections, brass hits"),
    "synth brass": (
        (62, 63),
        "synthesizer brass, synth horns, brass synth, synthetic brass",
    ),
    # woodwinds
    "saxophone": (
        (65, 66, 64, 67),
        "saxophonist, sax player, sax, saxes, saxophones, saxophon, saxofon, sassofono, "
        "saxofono, saxophon solo line",
    ),
    "soprano saxophone": ((64,), "soprano sax, sopransaxophon, soprano saxes, soprano saxophones"),
    "alto saxophone": ((65,), "alto sax, altsaxophon, alto saxes, alto saxophones"),
    "tenor saxophone": ((66,), "tenor sax, tenorsaxophon, tenor saxes, tenor saxophones"),
    "baritone saxophone": (
        (67,),
        "baritone sax, baritone saxes, baritone saxophones, bari sax, baritonsaxophon, bari "
        "saxophone, bass saxophone",
    ),
    "oboe": ((68,), "oboist, oboes, oboen, hautbois, oboe d'amore, shawm, duduk"),
    "english horn": ((69, 68), "cor anglais, englischhorn, corno inglese, english horns"),
    "bassoon": (
        (70,),
        "bassoonist, bassoons, bsn, fagott, fagotte, fagotto, basson, contrabassoon, dulcian",
    ),
    "clarinet": (
        (71,),
        "clarinetist, clarinettist, clarinets, klarinette, klarinetten, clarinette, clarinetto, "
        "clarinete, bass clarinet, bassklarinette, basset horn, eb clarinet, bb clarinet, "
        "chalumeau",
    ),
    "woodwinds": (
        (73, 71, 68, 70, 72, 74, 69),
        "woodwind, woodwind section, wood winds, winds, holzblaser, wind instruments, wind "
        "section, woodwind instruments, blaser",
    ),
    "piccolo": ((72, 73), "piccolo flute, piccolos, pikkolo, flautino"),
    "flute": (
        (73, 72),
        "flautist, flutist, flutes, flote, floten, querflote, flauto, flauta, alto flute, bass "
        "flute, transverse flute, traverso, bansuri",
    ),
    "recorder": (
        (74, 73),
        "recorders, blockflote, blockfloten, flute a bec, soprano recorder, alto recorder, tenor "
        "recorder",
    ),
    "pan flute": (
        (75,),
        "panpipes, pan pipes, panflote, zampona, pan flutes, pan pipe, panpipe, andean flute, "
        "quena, native american flute",
    ),
    "bottle": ((76,), "blown bottle, bottle blow"),
    "shakuhachi": ((77, 73), "japanese flute, bamboo flute, dizi"),
    "whistle": (
        (78, 72),
        "tin whistle, penny whistle, pennywhistle, irish whistle, low whistle, whistling, "
        "whistled, tin-whistle",
    ),
    "ocarina": ((79,), "ocarinas"),
    # synthesizers
    "synth": (
        (81, 80, 90, 88, 89, 62, 50, 38, 82, 87),
        "synths, synthesizer, synthesizers, synthesiser, synthesisers, analog synth, analogue "
        "synth, synthie, synthetizer, synthy, modular synth, moog, juno, prophet, keytar, "
        "synthesizer sounds",
    ),
    "synth lead": (
        (81, 80, 84, 87, 82, 83, 85, 86),
        "lead synth, synth leads, synth melody, lead synthesizer, supersaw, supersaws, synth arp, "
        "synth arpeggio, arpeggiator, synth arps, lead synths, synthesizer lead",
    ),
    "square lead": (
        (80, 81),
        "square wave, square synth, chiptune lead, pulse wave, square waves, square wave lead, "
        "synth lead (square), 8-bit lead",
    ),
    "saw lead": (
        (81, 80),
        "sawtooth lead, sawtooth, saw synth, saw wave, sawtooth synth, synth lead (sawtooth), "
        "sawtooth wave, sawtooth waves, saw waves",
    ),
    "synth pad": (
        (89, 88, 90, 91, 92, 93, 94, 95),
        "pad, pads, synth pads, synthesizer pad, ambient pad, ambient pads, pad synth, "
        "synthesizer pads, atmospheric pad, drone pad, flachen, ethereal pad, atmospheric pads, "
        "lush pads",
    ),
    "warm pad": ((89, 88), "warm pads, warm synth pad, analog pad, warm synth pads"),
    "choir pad": ((91, 52, 54), "choir pads, vocal pad"),
    "polysynth": (
        (90, 81),
        "polysynth pad, poly synth, synth chords, synth stabs, synth stab",
    ),
    "synth effects": (
        (99, 96, 97, 98, 100, 101, 102, 103),
        "synth effect, atmospheric effects, sound effects, fx, ambient effects, synth fx",
    ),
    # the world's, and percussion
    "sitar": ((104,), "sitars, veena, sarod, tanpura, tambura"),
    "banjo": ((105,), "banjos"),
    "shamisen": ((106,), "pipa, sanshin"),
    "koto": ((107,), "guzheng, gayageum, kotos, guqin"),
    "kalimba": ((108,), "mbira, thumb piano, kalimbas"),
    "bagpipe": (
        (109,),
        "bagpipes, dudelsack, uilleann pipes, highland pipes, pipes, cornemuse",
    ),
    "shanai": ((111,), "shehnai, zurna, suona, snake charmer horn"),
    "tinkle bell": ((112, 9), "tinkle bells, tinkling bells"),
    "agogo": ((113, DRUMS), ""),
    "steel drums": (
        (114,),
        "steel drum, steelpan, steelpans, steel pan, steel pans, steeldrum, hang drum, handpan, "
        "hang, steel band",
    ),
    "woodblock": ((115, DRUMS), "wood block, woodblocks, temple blocks, claves"),
    "taiko drum": ((116,), "taiko, taikos, taiko drums, war drums, epic drums, war drum"),
    "melodic tom": ((117,), "melodic toms, tom toms melodic"),
    "synth drum": ((118,), "synth drums, simmons drums"),
    "drums": (
        (DRUMS,),
        "drum, drum kit, drumkit, drum set, drumset, drum machine, drum beat, drumbeat, drum "
        "loop, drum loops, schlagzeug, batterie, bateria, batteria, trap drums, snare, kick, kick "
        "drum, bass drum, hi-hat, hi-hats, hihat, hihats, hats, cymbals, cymbal, snares, snare "
        "drum, toms, drum fill, drum fills, drummer, brushes, brushed drums, four on the floor, 4 "
        "on the floor, breakbeat, breakbeats, blast beats, blast beat, 909, tr-808, tr-909, drum "
        "groove, drumming, claps, kicks, handclaps, hand claps, clap, drum beats, drum pattern, "
        "trommel, trommeln, electronic drums, acoustic drums, double kick, double bass drum, "
        "rimshot, drum machines, drum break, boom bap drums, amen break, ride cymbal, drum kits",
    ),
    "percussion": (
        (DRUMS, 117, 116, 118, 115, 113, 47),
        "percussionist, percussionists, perc, percussions, percussion section, perkussion, "
        "schlagwerk, percussion instruments, percusion, auxiliary percussion, hand percussion, "
        "latin percussion, tribal percussion, tabla, tablas, congas, bongos, conga, bongo, "
        "djembe, cajon, shaker, shakers, tambourine, tambourines, maracas, bodhran, timbales, "
        "guiro, castanets, triangle, cowbell, darbuka, hand drums, frame drum, hand drum, bongo "
        "drums, tribal drums, surdo, pandeiro, gong, finger snaps, body percussion, cabasa",
    ),
}
"""Canonical name: (programs that satisfy it, best first; 128 is drums), other names."""

VOICES = (52, 53, 54, 85, 91)
"""Programs that sound like people singing."""


REFUSED: dict[str, tuple[int, ...]] = {
    "guitar": tuple(range(24, 32)),
    "bass": tuple(range(32, 40)),
    "brass": tuple(range(56, 64)),
    "woodwinds": tuple(range(64, 80)),
    "piano": (0, 1, 2, 3),
    "drums": (DRUMS,),
    "percussion": (DRUMS, 47, *range(112, 120)),
    "choir": VOICES,
    "voice": VOICES,
    "voices": VOICES,
    "strings": (*range(40, 46), *range(48, 52), 110),
    "organ": tuple(range(16, 21)),
    "electric guitar": tuple(range(26, 32)),
    "keyboard": (*range(8), *range(16, 21)),
    "synth": (38, 39, 50, 51, 54, 62, 63, *range(80, 104)),
    "saxophone": (64, 65, 66, 67),
    "synth pad": tuple(range(88, 96)),
    "synth lead": tuple(range(80, 88)),
    "synth effects": tuple(range(96, 104)),
    "horns": (60, 61, 62, 63),
    "bells": (9, 14, 98, 112),
}
"""Programs that must not sound when a name is refused; wider than what would satisfy it."""

_FIRST: tuple[tuple[str, tuple[int, ...], str], ...] = (
    (
        "bass",
        (32,),
        "jazz, bossa nova, tango, swing, celtic, folk, classical, baroque, ragtime, gospel, "
        "new age",
    ),
    ("bass", (38, 39), "house, techno, trance, electronic, dance, ambient, game"),
    ("bass", (36, 33), "funk"),
    (
        "double bass",
        (32,),
        "jazz, bossa nova, tango, swing, celtic, folk, ragtime, gospel, rock, blues, country, "
        "pop, soul, rnb, latin, samba, reggae, lofi, funk",
    ),
    ("acoustic bass", (43,), "classical, baroque, romantic"),
    ("guitar", (30, 29), "metal"),
    ("guitar", (29, 30, 27), "rock, punk"),
    ("guitar", (27, 26, 28), "blues, funk, soul, rnb, disco, reggae, pop"),
    ("guitar", (26, 27), "jazz, lofi"),
    ("guitar", (24, 25), "bossa nova, samba, latin, tango, classical, baroque, romantic"),
    ("electric guitar", (30, 29), "metal"),
    ("electric guitar", (29, 30, 27), "rock, punk"),
    ("electric guitar", (26, 27), "jazz"),
    ("saxophone", (66, 65), "jazz, rock, blues, soul, rnb"),
    (
        "horns",
        (61, 56, 57),
        "funk, soul, rnb, jazz, disco, latin, pop, rock, reggae, blues, hip hop, gospel",
    ),
    (
        "horn",
        (61,),
        "funk, soul, rnb, jazz, disco, latin, reggae, blues, hip hop, gospel",
    ),
    ("organ", (19, 16), "classical, baroque, romantic, solemn"),
    ("organ", (18, 16), "rock, metal"),
    ("keyboard", (4, 5, 0), "lofi, soul, rnb, funk, hip hop"),
    ("keyboard", (90, 81, 4), "electronic, house, techno, trance, disco"),
    ("strings", (50, 51, 48), "disco, house, trance, techno"),
    ("voice", (52, 53), "classical, gospel, baroque"),
)
FIRST: dict[tuple[str, str], tuple[int, ...]] = {
    (name, genre): programs for name, programs, genres in _FIRST for genre in split_names(genres)
}
"""(name, genre): the programs that come first in that genre."""


@lru_cache(maxsize=1)
def instruments() -> Phrasebook[Instrument]:
    """Every name of an instrument, General MIDI's own names included."""
    entries: list[tuple[str, Instrument]] = []
    for name, (programs, others) in INSTRUMENTS.items():
        instrument = Instrument(name, programs)
        entries += [(phrase, instrument) for phrase in (name, *others.split(", "))]
    for table in (west.INSTRUMENTS, east.INSTRUMENTS):
        entries += [(phrase, Instrument(n, INSTRUMENTS[n][0])) for phrase, n in table.items()]
    for program, name in enumerate(gm.PROGRAMS):
        entries.append((name, Instrument(name, (program,))))
    return Phrasebook(entries)


def find_instrument(name: str) -> Instrument | None:
    """The instrument of a whole name, also where it is misspelled; None where there is none."""
    instrument = instruments().get(name)
    if instrument is None:
        mended = " ".join(_speller().mend(word) for word in split(name))
        instrument = instruments().get(mended)
    return instrument


def unknown_instrument(name: str) -> UnknownNameError:
    """The error for a name that no table holds; it lists the names nearest to it."""
    names = list(dict.fromkeys((*INSTRUMENTS, *gm.PROGRAMS)))
    near = difflib.get_close_matches(name.lower().strip(), names, n=6, cutoff=0.5)
    return UnknownNameError("instrument", name, near or list(INSTRUMENTS))


def single_words(words: set[str]) -> set[str]:
    """Those words that name an instrument by themselves, to which misspellings are corrected."""
    return {w for w in words if w not in west.INSTRUMENTS and instruments().get(w) is not None}


@lru_cache(maxsize=1)
def _speller() -> Speller:
    return Speller(instruments().words, (), single_words(instruments().words))
