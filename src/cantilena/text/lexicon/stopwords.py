"""Words that ask for nothing, and words that are no misspelling of a musical one.

Knows lists; does not know sentences.
"""

from __future__ import annotations

from cantilena.text.lexicon.east import STOP as EAST
from cantilena.text.wordlists import word_set

STOP = word_set(
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
STOP |= EAST
"""Words that ask for nothing by themselves."""

REAL = word_set(
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
"""Everyday words that must not be taken for a misspelled musical one."""
