"""The description of a Score in plain sentences, as ``cantilena describe`` prints it.

Knows how Attributes are stated in full, always alike. Does not know captions for training, which
vary (``caption``).
"""

from __future__ import annotations

from cantilena.analysis.attributes import Attributes
from cantilena.score import gm
from cantilena.text.caption.words import article, capital
from cantilena.text.facts import density_word, mood_rule


def describe_in_words(attributes: Attributes) -> str:
    """What a Score is, in full sentences, nothing left out; the same Score, the same words."""
    a = attributes
    if not a.parts:
        return "An empty piece: it has no notes."
    names = [gm.name(p.instrument) for p in a.parts]
    row = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    key = f" in {a.key.name}" if a.key else ""
    players = f"for solo {row}" if len(names) == 1 else f"for {row}"
    tempo = f"at {a.bpm:.4g} quarter notes per minute"
    minutes, seconds = divmod(round(a.seconds), 60)
    time = _count(seconds, "second")
    if minutes:
        time = _count(minutes, "minute") + (f" {time}" if seconds else "")
    sentences = [
        f"{capital(article(a.tempo_class))} piece{key} {players}.",
        f"It is in {a.metre[0]}/{a.metre[1]} {tempo}, {_count(a.bars, 'bar')} or {time} long.",
    ]
    if a.progression:
        sentences.append(f"Its most repeated chords are {', '.join(a.progression)}.")
    word = density_word(a.density)
    texture = f"The texture is {word}: " if word else "It has "
    text = f"{texture}about {a.density:.3g} notes per bar"
    if a.polyphony:
        text += f", {a.polyphony:.2g} pitched notes at once on average"
    sentences.append(text + ".")
    sentences.append("The eighths swing." if a.swing else "The rhythm is straight.")
    if not a.drums:
        sentences.append("There are no drums.")
    if a.form:
        sentences.append(f"Its sections follow the form {a.form}.")
    moods = mood_rule(a.key, a.bpm, a.density, a.metre)
    if moods:
        sentences.append(f"Mode and tempo suggest {article(' and '.join(moods))} mood.")
    return " ".join(sentences)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
