"""Words for figures: what a part plays all along, as musicians and others name it.

Knows phrases by figure, in lower case and without accents; does not know sentences
(``brief.figures``).
"""

from __future__ import annotations

from cantilena.text.wordlists import split_names

_WORDS: dict[str, str] = {
    "arpeggio": """
        arpeggio, arpeggios, arpeggi, arpeggiated, arpeggiating, arpeggiates, arpeggiator, arp,
        arps, arpege, arpeges, arpegio, arpegios, arpegiado, arpeggiato, arpeggien, arpeggierte,
        arpeggiertes, arpeggierter, rolling chords
    """,
    "broken chords": """
        broken chords, broken chord, broken triads, gebrochene akkorde, accords brises,
        acordes quebrados
    """,
    "alberti bass": "alberti bass, alberti figures, alberti figuration, alberti-bass",
    "block chords": "block chords, block chord, block-chord, blockakkorde, locked hands",
    "strumming": """
        strummed, strumming, strums, strum, strummy, rasgueado, rasgueo, rasgueos, geschrammelt
    """,
    "fingerpicking": """
        fingerpicked, fingerpicking, finger-picked, finger-picking, finger picked,
        finger picking, fingerstyle, fingerpicks, travis picking, gezupft, zupft, punteado,
        picked acoustic, picked guitar
    """,
    "comping": "comping, comps, comped, comp chords",
    "power chords": "power chords, power chord, powerchords, powerchord, power-chord",
    "riff": "riff, riffs, riffing, riffage, riffy",
    "ostinato": """
        ostinato, ostinatos, ostinati, ostinate, repeating figure, repeated figure,
        montuno, montunos, tumbao, tumbaos, guajeo, guajeos
    """,
    "pad": """
        pad, pads, synth pad, synth pads, warm pad, warm pads, pad synth, ambient pad, ambient
        pads, choir pad, choir pads, lush pads, string pad, string pads, vocal pad, synthesizer
        pad, synthesizer pads, flachen, nappes, nappe de synthe, drone pad, ethereal pad,
        atmospheric pad, atmospheric pads, warm synth pad, warm synth pads, analog pad
    """,
    "drone": "drone, drones, droning, bordun, bourdon, pedal point, drone note, pedal tone",
    "walking bass": """
        walking bass, walking bassline, walking bass line, walking basslines, walking bass
        lines, walking upright bass, walking double bass, walking acoustic bass, walks, walking
        contrabass
    """,
    "boogie bass": """
        boogie-woogie left hand, boogie woogie left hand, boogie left hand, boogie bass,
        boogie-woogie bass, boogie woogie bass, left-hand boogie, boogie-woogie bassline
    """,
    "stride": "stride, stride piano, stride left hand, striding",
    "oom-pah": "oom-pah, oompah, oom pah, oom-pah-pah, oompah-pah, oom-pahs, umpta, humtata",
    "octaves": "octaves, in octaves, octave bass, octave leaps, octave jumps, oktaven, octavas",
    "runs": "runs, scale runs, scalar runs, fast runs, laufe, scale passages",
    "fills": "fills, drum fill, drum fills, fill-ins",
    "tremolo": "tremolo, tremolos, tremolandi, tremolando, tremolo strings, string tremolo",
    "imitation": """
        canon, canons, canonic, imitation, imitative, two-part imitation, in imitation, imitating,
        fugal, fugato, kanon
    """,
    "call and response": """
        call and response, call-and-response, call & response, call and answer, trade fours,
        trading fours, trade phrases, trading phrases, trade licks, trading licks,
        question and answer, llamada y respuesta, appel et reponse, ruf und antwort
    """,
    "four on the floor": """
        four on the floor, four-on-the-floor, 4 on the floor, 4-on-the-floor, four to the floor,
        four-to-the-floor, 4 to the floor, 4/4 kick, straight kick on every beat,
        kick on every beat
    """,
    "backbeat": "backbeat, backbeats, back-beat, snare on two and four, snare on 2 and 4",
    "breakbeat": "breakbeat, breakbeats, amen break, break beat, break beats, breaks",
    "shuffle": "shuffle, shuffled, shuffling, shuffle feel, shuffle groove, shuffles",
    "syncopation": """
        syncopated, syncopation, syncopations, syncopating, synkopiert, synkopen, sincopado,
        syncope, syncopee
    """,
    "stabs": """
        stabs, stab, horn stabs, brass stabs, synth stabs, synth stab, string stabs, string stab,
        chord stabs, horn hits, brass hits, stabbing
    """,
    "offbeat chords": """
        offbeat chords, off-beat chords, offbeat guitar, offbeat piano, offbeats, off-beats,
        skank, skanks, skanking, upstrokes, skank guitar
    """,
    "repeated notes": """
        repeated notes, pulsing, pulsating, pulses, repeated eighths, repeated eighth notes,
        repeated chords, driving eighths, driving eighth notes, chugging
    """,
}
FIGURE_WORDS: dict[str, tuple[str, ...]] = {
    figure: split_names(words) for figure, words in _WORDS.items()
}
"""Phrases by figure."""
