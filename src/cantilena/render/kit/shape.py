"""How a tone of the built-in synthesizer is shaped to be another's.

Knows Voices; does not know words (``text.timbre``) or samples.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from cantilena.render.synth.tones import Voice

_BRIGHTEST = 12_000.0
_LONGEST = 20.0
"""Seconds."""
_SPEED = 5.0
"""Hz of a tremolo where the Voice has none."""


@dataclass(frozen=True)
class Shape:
    """How a tone differs from the program's own. Factors: of ``cutoff`` (brightness), ``decay``,
    ``attack``, ``release``, ``even`` harmonics; least ``attack_least`` in seconds; added: ``knock``
    (noise of the stroke), ``breath``, ``vibrato`` and ``spread`` in cents, ``tremolo`` 0-1."""

    cutoff: float = 1.0
    decay: float = 1.0
    attack: float = 1.0
    release: float = 1.0
    even: float = 1.0
    attack_least: float = 0.0
    knock: float = 0.0
    breath: float = 0.0
    vibrato: float = 0.0
    spread: float = 0.0
    tremolo: float = 0.0

    def joined(self, other: Shape) -> Shape:
        """Both: factors multiplied, what is added added, the longer least attack."""
        out = {}
        for entry in fields(self):
            one, two = getattr(self, entry.name), getattr(other, entry.name)
            if entry.name == "attack_least":
                out[entry.name] = max(one, two)
            else:
                out[entry.name] = one * two if entry.default == 1.0 else one + two
        return Shape(**out)

    def to_dict(self) -> dict[str, float]:
        """What differs from the program's own."""
        return {
            entry.name: value
            for entry in fields(self)
            if (value := getattr(self, entry.name)) != entry.default
        }

    def applied(self, voice: Voice) -> Voice:
        """The Voice in this shape."""
        speed, depth = voice.tremolo
        wide = self.spread > 0
        return replace(
            voice,
            cutoff=min(_BRIGHTEST, voice.cutoff * self.cutoff),
            decay=min(_LONGEST, voice.decay * self.decay),
            tail_decay=min(2 * _LONGEST, voice.tail_decay * self.decay),
            attack=max(voice.attack * self.attack, self.attack_least),
            release=voice.release * self.release,
            even=voice.even * self.even,
            knock=max(0.0, voice.knock + self.knock),
            breath=max(0.0, voice.breath + self.breath),
            vibrato=voice.vibrato + self.vibrato,
            unison=max(3, voice.unison) if wide else voice.unison,
            spread=voice.spread + self.spread,
            tremolo=(speed or _SPEED, min(0.9, depth + self.tremolo))
            if self.tremolo
            else voice.tremolo,
        )
