"""Words for how music is played: how loud, how articulated, in which register, what returns.

Knows lists; does not know sentences.
"""

from __future__ import annotations

from cantilena.text.wordlists import by_name, word_set

LOUDNESS_WORDS: dict[str, str] = by_name(
    {
        "very soft": """
            pianissimo, pianississimo, pp, ppp, very soft, very softly, very quiet, very quietly,
            really quiet, really soft, extremely quiet, extremely soft, super quiet, super soft,
            barely audible, whisper-quiet, sehr leise, ganz leise, tres doux, tres douce,
            tres doucement, muy suave, muy suavemente, hushed, pianissimi
        """,
        "soft": """
            soft, softly, quiet, quietly, sotto voce, mezza voce, subdued, low volume, quiet volume,
            soft volume, low dynamics, soft dynamics, quiet dynamics, leise, doux, douce,
            doucement, suave, suavemente, faint, faintly, fairly quiet, fairly soft
        """,
        "medium": """
            mf, mp, mezzo forte, mezzo-forte, mezzoforte, mezzo piano, mezzo-piano, medium volume,
            moderate volume, moderately loud, medium loud, medium loudness, moderate dynamics,
            medium dynamics, halblaut
        """,
        "loud": """
            forte, loud, loudly, laut, fuerte, high volume, blaring, blasting, quite loud,
            loud volume, loud dynamics
        """,
        "very loud": """
            fortissimo, fortississimo, ff, fff, very loud, very loudly, really loud, extremely loud,
            super loud, insanely loud, deafening, ear-splitting, thunderous, thundering, full blast,
            full volume, maximum volume, sehr laut, tres fort, muy fuerte
        """,
    }
)
"""Words for loudness, and what of ``LOUDNESS`` they stand for."""

MARKS: dict[str, str] = {
    **dict.fromkeys(("p", "piano"), "soft"),
    **dict.fromkeys(("f", "forte", "fort"), "loud"),
    **{m: LOUDNESS_WORDS[m] for m in ("ppp", "pp", "mp", "mf", "ff", "fff")},
    **{m: LOUDNESS_WORDS[m] for m in ("pianissimo", "fortissimo", "mezzo forte", "mezzo piano")},
}
"""Marks of a score, which are read where two of them stand as a range, or where the text speaks of
dynamics; "p" and "piano" mean something else elsewhere."""

LIGHT = word_set("light lightly lighter gentle gently delicate whispering whispered")
"""What is soft where it is said of a part: "light percussion"; of a piece it is a mood."""

PIECES = word_set(
    """
    ballad ballads waltz march lullaby minuet hymn carol nocturne ragtime tango samba wiegenlied
    """
)
"""Genres that are a kind of piece: a soft ballad is soft, while soft rock is a style."""

ARTICULATION_WORDS: dict[str, str] = by_name(
    {
        "legato": """
            legato, legatissimo, slurred, smoothly connected, smooth and connected, connected notes,
            gebunden, ligado, legati
        """,
        "staccato": """
            staccato, staccatissimo, staccatos, stacc, spiccato, detached, short and detached,
            clipped notes, abgesetzt, picado
        """,
        "pizzicato": "pizzicato, pizzicati, pizz, pizzicatos",
        "bowed": "bowed, arco, gestrichen, con arco, with the bow, with a bow",
        "plucked": "plucked, plucking, plucks, gezupft, gezupfte, pince, punteado, punteada",
        "accented": """
            accented, marcato, sforzando, sforzandi, sfz, martellato, accentuated, strong accents,
            sharp accents, hard accents, heavy accents, punchy accents
        """,
        "muted": """
            muted, palm-muted, palm muted, palm-muting, palm muting, palm mutes, palm-mutes,
            palm mute, con sordino, con sordini, sordino, with mute, with mutes, with a mute,
            gedampft, gedampfte, harmon mute, straight mute, damped
        """,
        "sustained": """
            sustained, long sustained, long held, held notes, held chords, long held notes,
            long notes, long tones, tenuto, sostenuto, drawn-out notes, drawn out notes,
            sustaining, gehalten, gehaltene, tenu, tenues, tenute
        """,
        "slides": """
            slides, sliding, slide, glissando, glissandi, glissandos, gliss, portamento,
            portamenti, glides, gliding notes
        """,
        "bends": """
            bends, string bends, pitch bends, note bends, bluesy bends, bent notes, bending notes,
            bending strings, string bending, pitch bending, pitch bend, bendings
        """,
        "vibrato": "vibrato, vibratos",
        "trills": "trill, trills, trilled, trilling, triller, trilles, trinos, trilli",
    }
)
"""Words for articulation, and what of ``ARTICULATIONS`` they stand for."""

REGISTER_WORDS: dict[str, str] = by_name(
    {
        "low": """
            low, lower, lowest, bottom, deep, deeper, deepest, bass, tief, tiefe, tiefen, tiefer,
            tiefes, grave, graves, bajo, baja, basso
        """,
        "middle": "middle, mid, medium, central, mittlere, mittleren, mittlerer, medio, media",
        "high": """
            high, higher, highest, upper, top, treble, soaring high, hoch, hohe, hohen, hoher,
            hohes, aigu, aigus, aigue, agudo, aguda, agudos, acuto
        """,
    }
)
"""Words for a register, and what of ``REGISTERS`` they stand for where they are said of pitch."""

REPETITION_WORDS: dict[str, str] = by_name(
    {
        "endless": """
            seamless loop, seamless loops, seamlessly looping, seamlessly looped, seamless looping,
            seamlessly loops, loops seamlessly, loop seamlessly, loop perfectly, loops perfectly,
            perfect loop, perfectly looping, perfectly loopable, seamlessly loopable, loopable,
            loop-able, gapless loop, endless loop, infinite loop, infinitely looping,
            endlessly looping, loop endlessly, loops endlessly, loop forever, loops forever,
            can be looped, can loop, that loops, loop infinitely, looping forever,
            without an ending, without ending, without any ending, without end, no ending,
            no real ending, no clear ending, no definite ending, never-ending, never ending,
            never ends, endless, endlessly, endlosschleife, endlos, sans fin, sin fin, senza fine
        """,
        "through-composed": """
            through-composed, through composed, throughcomposed, durchkomponiert, no repeats,
            no repetition, no repetitions, never repeats, without repeats, without repetition,
            without repetitions, without any repetition, nothing repeats
        """,
        "hook": "hook, hooks, hooky, earworm, earworms, ohrwurm",
        "motif": """
            motif, motifs, leitmotif, leitmotifs, leitmotiv, motiv, recurring theme,
            recurring melody, recurring pattern, recurring phrase, recurring figure, recurring riff,
            repeating theme, repeating melody, repeating pattern, repeating phrase,
            repeating figure, repeating riff, repeated theme, repeated melody, repeated pattern,
            repeated phrase, repeated figure, repeated riff, repetitive riff, repetitive melody,
            repetitive pattern, repetitive phrase, looping riff
        """,
        "varied": """
            variation, variations, variationen, variaciones, variazioni, varied repetition,
            varied repetitions, varied repeats, varied each time, changes each time
        """,
        "loop": "loop, loops, looped, looping, schleife, boucle, bucle",
    }
)
"""Words for what returns, and what of ``REPETITIONS`` they stand for."""

NO_PITCH = word_set(
    """
    energy tempo tempos speed volume density quality fidelity gain hat hats pass end ends key school
    fi octane drama stakes power powered intensity tension pace bpm level levels budget cut shelf
    frequency frequencies spirits impact voltage def definition roller rise noon fantasy contrast
    dynamic dynamics mood moods profile rider street sea seas tide tides country mountains mountain
    """
)
"""What "high" and "low" say of something else than pitch: "high energy", "low tempo"."""

OF_MUSIC = word_set(
    """
    intro verse chorus bridge outro coda solo drop breakdown refrain ending endings end start
    beginning opening finish finale dynamics dynamic volume level levels sound sounds tone tones
    timbre touch playing singing voice vocals feel feeling passage passages phrase phrases attack
    accents notes chords played until till towards toward but background vibe hits fill fills layer
    layers staccato legato suite climax
    """
)
"""What a word for loudness may be said of, beside the words that ask for nothing."""
