"""Line-ups: who plays a genre's music where a text names no one, as a musician would cast it.

Knows General MIDI programs by genre; does not know Briefs or how parts are planned. The corpora
cannot tell this: most of their labels are "rock" and "pop", and songs of other genres are often
arrangements for whatever the sequencer had.
"""

from __future__ import annotations

from cantilena.score import DRUMS, gm

_PLAYERS: dict[str, tuple[str, ...]] = {
    "pop": (
        "acoustic grand piano, clean electric guitar, fingered electric bass, drums",
        "electric piano 1, steel-string guitar, string ensemble 1, fingered electric bass, drums",
        "bright acoustic piano, warm pad, synth bass 1, drums, clean electric guitar",
        "steel-string guitar, acoustic grand piano, voice oohs, fretless bass, drums",
    ),
    "rock": (
        "overdriven guitar, clean electric guitar, fingered electric bass, drums",
        "distortion guitar, rock organ, picked electric bass, drums",
        "overdriven guitar, acoustic grand piano, fingered electric bass, drums",
        "steel-string guitar, overdriven guitar, string ensemble 1, picked electric bass, drums",
    ),
    "metal": (
        "distortion guitar, overdriven guitar, picked electric bass, drums",
        "distortion guitar, picked electric bass, drums",
        "distortion guitar, choir aahs, picked electric bass, drums",
        "distortion guitar, string ensemble 1, fingered electric bass, drums",
    ),
    "punk": (
        "distortion guitar, picked electric bass, drums",
        "overdriven guitar, distortion guitar, picked electric bass, drums",
        "overdriven guitar, rock organ, picked electric bass, drums",
    ),
    "blues": (
        "clean electric guitar, acoustic grand piano, fingered electric bass, drums",
        "harmonica, steel-string guitar, acoustic bass, drums",
        "overdriven guitar, rock organ, fingered electric bass, drums",
        "tenor saxophone, honky-tonk piano, jazz guitar, acoustic bass, drums",
    ),
    "jazz": (
        "acoustic grand piano, acoustic bass, drums",
        "tenor saxophone, acoustic grand piano, acoustic bass, drums",
        "trumpet, alto saxophone, acoustic grand piano, acoustic bass, drums",
        "vibraphone, jazz guitar, acoustic bass, drums",
        "muted trumpet, acoustic grand piano, acoustic bass, drums",
    ),
    "bossa nova": (
        "nylon-string guitar, flute, acoustic bass, drums",
        "nylon-string guitar, acoustic grand piano, acoustic bass, drums",
        "tenor saxophone, nylon-string guitar, acoustic bass, drums",
    ),
    "latin": (
        "acoustic grand piano, trumpet, trombone, acoustic bass, drums",
        "nylon-string guitar, flute, acoustic bass, drums",
        "acoustic grand piano, brass section, fingered electric bass, drums",
        "accordion, nylon-string guitar, acoustic bass, drums",
    ),
    "funk": (
        "muted electric guitar, clavinet, brass section, slap bass 1, drums",
        "clean electric guitar, electric piano 1, slap bass 1, drums",
        "muted electric guitar, rock organ, alto saxophone, fingered electric bass, drums",
    ),
    "soul": (
        "electric piano 1, clean electric guitar, brass section, fingered electric bass, drums",
        "drawbar organ, clean electric guitar, alto saxophone, fingered electric bass, drums",
        "acoustic grand piano, string ensemble 1, clean electric guitar, fretless bass, drums",
    ),
    "rnb": (
        "electric piano 1, synth strings 1, synth bass 1, drums",
        "electric piano 2, clean electric guitar, voice oohs, fingered electric bass, drums",
        "electric piano 1, alto saxophone, warm pad, fretless bass, drums",
    ),
    "disco": (
        "muted electric guitar, string ensemble 1, electric piano 1, fingered electric bass, drums",
        "acoustic grand piano, synth strings 1, clean electric guitar, slap bass 1, drums",
        "brass section, muted electric guitar, string ensemble 1, fingered electric bass, drums",
    ),
    "dance": (
        "saw lead, polysynth pad, synth bass 1, drums",
        "bright acoustic piano, synth strings 1, synth bass 2, drums",
        "square lead, warm pad, synth bass 2, drums",
    ),
    "house": (
        "bright acoustic piano, warm pad, synth bass 1, drums",
        "percussive organ, synth strings 1, synth bass 2, drums",
        "saw lead, polysynth pad, synth bass 1, drums",
    ),
    "techno": (
        "saw lead, sweep pad, synth bass 1, drums",
        "square lead, polysynth pad, synth bass 2, drums",
        "bass and lead, saw lead, synth bass 1, drums",
    ),
    "trance": (
        "saw lead, polysynth pad, synth bass 1, drums",
        "saw lead, synth strings 1, choir pad, synth bass 2, drums",
        "square lead, warm pad, synth bass 2, drums",
    ),
    "electronic": (
        "saw lead, warm pad, synth bass 1, drums",
        "square lead, electric piano 2, synth bass 2, drums",
        "electric piano 1, synth strings 1, saw lead, synth bass 1, drums",
    ),
    "ambient": (
        "warm pad, acoustic grand piano",
        "new age pad, synth strings 1, electric piano 1",
        "halo pad, vibraphone, fretless bass",
        "sweep pad, choir aahs, harp",
    ),
    "lofi": (
        "electric piano 1, acoustic bass, drums",
        "electric piano 1, jazz guitar, fretless bass, drums",
        "acoustic grand piano, warm pad, fingered electric bass, drums",
        "electric piano 2, vibraphone, acoustic bass, drums",
    ),
    "hip hop": (
        "electric piano 1, synth bass 1, drums",
        "acoustic grand piano, string ensemble 1, synth bass 2, drums",
        "clean electric guitar, electric piano 2, fingered electric bass, drums",
    ),
    "reggae": (
        "muted electric guitar, drawbar organ, fingered electric bass, drums",
        "clean electric guitar, acoustic grand piano, brass section, fingered electric bass, drums",
        "muted electric guitar, rock organ, tenor saxophone, fingered electric bass, drums",
    ),
    "country": (
        "steel-string guitar, fiddle, acoustic bass, drums",
        "steel-string guitar, clean electric guitar, fingered electric bass, drums",
        "banjo, steel-string guitar, fiddle, acoustic bass",
        "steel-string guitar, honky-tonk piano, harmonica, acoustic bass, drums",
    ),
    "folk": (
        "steel-string guitar, flute",
        "nylon-string guitar, fiddle, acoustic bass",
        "accordion, fiddle, steel-string guitar",
        "steel-string guitar, harmonica, acoustic bass",
    ),
    "celtic": (
        "fiddle, flute, steel-string guitar",
        "whistle, fiddle, accordion, steel-string guitar",
        "harp, flute",
        "fiddle, whistle, steel-string guitar, acoustic bass",
    ),
    "gospel": (
        "choir aahs, drawbar organ, acoustic grand piano, fingered electric bass, drums",
        "acoustic grand piano, choir aahs",
        "choir aahs, rock organ, fingered electric bass, drums",
    ),
    "classical": (
        "acoustic grand piano",
        "violin, viola, cello",
        "flute, oboe, clarinet, bassoon",
        "violin, acoustic grand piano",
        "flute, clarinet, french horn, string ensemble 1, double bass",
    ),
    "baroque": (
        "harpsichord",
        "recorder, harpsichord, cello",
        "oboe, violin, cello, harpsichord",
        "church organ",
        "violin, viola, cello, harpsichord",
    ),
    "romantic": (
        "acoustic grand piano",
        "cello, acoustic grand piano",
        "violin, cello, acoustic grand piano",
        "clarinet, french horn, string ensemble 1, double bass",
    ),
    "march": (
        "piccolo, clarinet, trumpet, trombone, tuba, drums",
        "trumpet, french horn, trombone, tuba, drums",
        "flute, clarinet, french horn, tuba, drums",
    ),
    "waltz": (
        "acoustic grand piano",
        "violin, viola, cello, double bass",
        "accordion, clarinet, acoustic bass",
        "flute, string ensemble 1, double bass",
    ),
    "ragtime": ("acoustic grand piano", "honky-tonk piano", "clarinet, honky-tonk piano, tuba"),
    "tango": (
        "bandoneon, violin, acoustic grand piano, double bass",
        "accordion, acoustic grand piano, acoustic bass",
        "bandoneon, nylon-string guitar, double bass",
    ),
    "samba": (
        "nylon-string guitar, flute, acoustic bass, drums",
        "nylon-string guitar, trombone, acoustic grand piano, acoustic bass, drums",
        "acoustic grand piano, brass section, fingered electric bass, drums",
    ),
    "soundtrack": (
        "french horn, trombone, string ensemble 1, double bass, timpani",
        "acoustic grand piano, string ensemble 1, cello",
        "harp, flute, string ensemble 1, double bass",
        "choir aahs, brass section, string ensemble 1, double bass, timpani",
    ),
    "game": (
        "square lead, saw lead, synth bass 1, drums",
        "square lead, polysynth pad, synth bass 2, drums",
        "flute, string ensemble 1, harp, double bass",
        "distortion guitar, saw lead, picked electric bass, drums",
    ),
    "new age": (
        "acoustic grand piano, warm pad",
        "harp, flute, new age pad",
        "pan flute, nylon-string guitar, string ensemble 1",
    ),
    "christmas": (
        "celesta, string ensemble 1, acoustic bass",
        "acoustic grand piano, tubular bells, choir aahs",
        "acoustic grand piano, acoustic bass, drums, glockenspiel",
    ),
    "children": (
        "glockenspiel, acoustic grand piano",
        "recorder, nylon-string guitar",
        "xylophone, flute, acoustic bass",
        "music box, acoustic grand piano",
    ),
    "ballad": (
        "acoustic grand piano, string ensemble 1, fretless bass, drums",
        "acoustic grand piano, cello",
        "nylon-string guitar, acoustic grand piano, string ensemble 1, fingered electric bass",
        "electric piano 1, alto saxophone, fretless bass, drums",
    ),
}

_NUMBERS = {gm.name(i): i for i in range(DRUMS + 1)}


def by_name(names: str) -> tuple[int, ...]:
    """The instruments (0-128) of General MIDI names with ", " between them."""
    return tuple(_NUMBERS[name] for name in names.split(", "))


LINEUPS: dict[str, tuple[tuple[int, ...], ...]] = {
    genre: tuple(by_name(line) for line in lines) for genre, lines in _PLAYERS.items()
}
"""Line-ups by genre: instruments 0-128."""

KINDRED = {
    "epic": "soundtrack",
    "mysterious": "soundtrack",
    "tense": "soundtrack",
    "dark": "soundtrack",
    "calm": "new age",
    "dreamy": "new age",
    "sad": "ballad",
    "melancholic": "ballad",
    "romantic": "ballad",
    "nostalgic": "ballad",
    "solemn": "classical",
    "playful": "children",
    "aggressive": "metal",
    "energetic": "rock",
    "happy": "pop",
    "hopeful": "pop",
    "relaxed": "lofi",
}
"""For moods, the genre whose line-ups suit them where no genre is named."""
