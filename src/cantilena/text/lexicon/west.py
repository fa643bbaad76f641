"""Instruments and genres in German, French, Spanish, Italian and Portuguese.

Knows translations that ``instruments`` and ``abroad`` lack; accents are left out, as in all tables.
"""

from __future__ import annotations

from cantilena.text.wordlists import by_name

INSTRUMENTS: dict[str, str] = by_name(
    {
        "piano": """
            piano a queue, piano droit, piano de cola, pianoforte a coda, klaviers
        """,
        "electric piano": """
            piano electrique, piano electrico, pianoforte elettrico, piano eletrico, e-klavier
        """,
        "keyboard": "clavier, claviers, teclado, teclados, tastiera, tastiere, keyboarder",
        "harpsichord": "clavecins, clavecin baroque, clavicordio, clave, cravo, cembali",
        "glockenspiel": "carillon, campanelli, metalofono",
        "music box": "caja de musica, scatola musicale, caixa de musica",
        "vibraphone": "vibrafono, vibrafone",
        "xylophone": "xilofono, xilofone, silofono",
        "bells": "cloches, campanas, campane, sinos",
        "tubular bells": "cloches tubulaires, campanas tubulares, campane tubolari",
        "organ": "orgues, orgao, organi",
        "hammond organ": "orgue hammond, organo hammond, hammondorgel",
        "church organ": """
            orgue d'eglise, organo de iglesia, organo da chiesa, orgao de igreja, pfeifenorgel
        """,
        "accordion": "accordeons, acordeones, acordeao, sanfona, fisarmoniche",
        "harmonica": "armonica, gaita de boca, armonica a bocca",
        "guitar": "guitares, chitarre, guitarras, violao, violoes, gitarrenriff",
        "acoustic guitar": "guitares acoustiques, guitarra acustica, guitarras acusticas",
        "nylon-string guitar": """
            guitare classique, guitarra clasica, guitarra espanola, guitarra flamenca, guitare
            flamenca, chitarra classica, violao classico, klassische gitarre, laute, luth, laud,
            liuto
        """,
        "electric guitar": """
            guitares electriques, guitarra electrica, guitarras electricas, chitarre elettriche,
            guitarra eletrica, guitarras eletricas, elektrische gitarre, stromgitarre
        """,
        "distortion guitar": """
            guitare saturee, guitares saturees, guitarra distorsionada, guitarras distorsionadas,
            chitarra distorta, chitarre distorte, guitarra distorcida, verzerrten gitarren,
            verzerrter gitarre, verzerrte e-gitarre, verzerrten e-gitarren
        """,
        "ukulele": "ukelele, ukulele hawaien",
        "mandolin": "mandolino, mandolina, bandolim, mandolines",
        "bass": """
            ligne de basse, lignes de basse, linea de bajo, linea di basso, linha de baixo, baixo
        """,
        "acoustic bass": "contrebasse jazz, kontrabass pizzicato",
        "electric bass": """
            guitare basse, bajo electrico, baixo eletrico, elektrischer bass, basses electriques
        """,
        "synth bass": "basse synthe, bajo sintetizado, synthbasse",
        "violin": "violines, violinos, violinista, geiger, violoniste",
        "viola": "altos a cordes, violoncelo alto, bratscher",
        "cello": """
            violoncelles, violonchelo, violonchelos, violoncelo, violoncelos, cellistin
        """,
        "double bass": "contrebasses, contrabbassi, contrabajos, contrabaixo, contrabaixos",
        "strings": "cordas, streichinstrumente, streichern, corde",
        "harp": "harpes, arpas, harpa, harfen, arpe",
        "timpani": "timbales, timpanos, timbale, timpano sinfonico",
        "choir": """
            choeurs, choeur mixte, coros, cori, coral, chore, choren, chorgesang, kinderchor,
            mannerchor, frauenchor
        """,
        "voice": """
            voces, vozes, voci, chanteur, chanteuse, cantante, cantor, cantora, gesungen, sangern,
            frauenstimme, mannerstimme, canto
        """,
        "trumpet": "trompettes, trompetas, trombe, trompetes, trompete solo",
        "trombone": "trombones a coulisse, trombon, trombones tenores, tromboni, posaunist",
        "tuba": "basstuba",
        "french horn": "cor d'harmonie, cors, trompa, trompas, corni francesi, waldhornern",
        "horn": "horner",
        "brass": "metais, metal viento, blechblasern, fiati di ottone",
        "saxophone": "saxofones, saxofone, sassofoni, saxophonen, saxos",
        "soprano saxophone": "saxophone soprano, saxofon soprano, sassofono soprano",
        "alto saxophone": "saxophone alto, saxo alto, saxofon alto, sassofono contralto",
        "tenor saxophone": "saxophone tenor, saxo tenor, saxofon tenor, sassofono tenore",
        "baritone saxophone": "saxophone baryton, saxofon baritono, sassofono baritono",
        "oboe": "oboi, oboes d'amour",
        "english horn": "corno ingles, cors anglais",
        "bassoon": "bassons, fagot, fagotes, fagotti, fagotes graves",
        "clarinet": "clarinettes, clarinetes, clarinetti, klarinettist",
        "woodwinds": "bois, maderas, legni, madeiras, holzblasinstrumente, vents",
        "piccolo": "flautin, ottavino, flautim, pikkoloflote",
        "flute": """
            flutes traversieres, flute traversiere, flautas, flauti, flauta travesera, querfloten
        """,
        "recorder": "flauta dulce, flauto dolce, flauta doce, flutes a bec",
        "pan flute": "flute de pan, flauta de pan, flauto di pan, flauta de pa",
        "synth": """
            synthe, synthes, synthetiseur, synthetiseurs, sintetizador, sintetizadores,
            sintetizzatore
        """,
        "synth pad": "nappe, nappes, nappe de synthe, teppiche, flachenklang",
        "drums": """
            batteries, tambor, tambores, tamburi, trommeln und becken, caisse claire, grosse caisse,
            boite a rythmes, caja de ritmos, bateria eletronica, schlagzeuger
        """,
        "percussion": """
            percussioni, percusiones, percussao, percussoes, perkussionsinstrumente, castagnettes,
            castanuelas, pandereta, tamburello, tambourin
        """,
        "banjo": "banyo, bandjo",
        "bagpipe": "cornamusa, gaita, gaitas, gaita gallega, zampogna",
    }
)
"""Name: canonical instrument."""

GENRES: dict[str, str] = by_name(
    {
        "classical": "musique classique, musica clasica, musica classica, klassische musik",
        "folk": """
            musica popolare, musica folklorica, musique folklorique, volkstanz, musica folclorica
        """,
        "electronic": """
            musique electronique, musica electronica, musica elettronica, musica eletronica
        """,
        "soundtrack": """
            musique de film, musica de cine, musica da film, banda sonora, trilha sonora
        """,
        "children": "comptine, berceuses, cancion de cuna, cancion infantil, nana infantil",
        "waltz": "walzertakt, valses, valzer lento",
        "march": "marches militaires, marcha militar, marsche",
        "christmas": """
            chant de noel, villancico, villancicos, canto di natale, musica de natal
        """,
        "dance": "tanzmusik, tanzbar, musique de danse, musica de baile, dancante",
        "rock": "rockmusik, rocksongs, musique rock, musica rock",
        "jazz": "musique jazz, musica jazz, jazzmusik, jazzballade",
        "metal": "metalsong, schwermetall",
        "blues": "bluessong, musica blues",
    }
)
"""Name: canonical genre."""

MOODS: dict[str, str] = by_name(
    {
        "happy": """
            dansante joyeuse, contento, contenta, radieux, radieuse, ausgelassen, vrolijk
        """,
        "sad": """
            malheureux, malheureuse, infeliz, trauer, tristemente, tristezza, tristesse profonde
        """,
        "calm": """
            apaisant, apaisante, pacifico, pacifica, tranquillamente, ruhiges, beruhigend,
            suavemente
        """,
        "energetic": "entrainant, entrainante, enthousiaste, vibrante, mitreissende, feurig",
        "dark": "lugubre, tetro, tetra, inquietant, tenebrosa, unheilvoll",
        "romantic": "amoureux, amoureuse, enamorado, innamorato, apaixonado, liebevoll",
        "epic": """
            grandiose epique, majestueux, majestueuse, majestuoso, maestosa, heldenhafte
        """,
        "melancholic": "nostalgie melancolique, saudosa, wehmutige",
        "mysterious": "enigmatique, enigmatico, enigmatica, magico, magica, zauberhaft",
        "tense": "angoissant, angoissante, angustiante, tesa, teso, beklemmend",
        "dreamy": "reve, sueno, etereo, eterea, sonhador, sonhadora, traumhaft",
        "aggressive": "furieux, furieuse, rabioso, rabbioso, raivoso",
        "hopeful": "plein d'espoir, esperanzadora, esperancoso, zuversichtlich",
        "relaxed": "detente, tranquila y relajada, relaxante, entspannte stimmung",
        "solemn": "solennelle, sacre, sacra, sagrado",
        "playful": "enjoue, enjouee, jugueton alegre, brincalhao, scherzosa",
    }
)
"""Name: canonical mood."""
