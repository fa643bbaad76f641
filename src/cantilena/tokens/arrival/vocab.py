"""The Anticipatory Music Transformer's vocabulary, as data.

Knows which integer means what; does not know Scores, models or sampling. The published vocabulary
has 10 ms steps: arrival times of up to 100 s, durations of up to 10 s, and one token for each pair
of instrument and pitch; the same three again as controls; three specials (Thickstun et al.,
*Anticipatory Music Transformer*, TMLR 2024, section 3 and appendix A).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cantilena.errors import InputError


@dataclass(frozen=True)
class ArrivalVocabulary:
    """Sizes and offsets. ``resolution``: steps a second; ``times`` and ``durations``: how many
    values each has; ``instruments``: programs and, last, drums; ``pitches``: 128.

    Event tokens: ``time`` .. ``time + times - 1``, ``duration`` .., ``note`` + 128 x instrument +
    pitch, ``rest``. Controls: the same three shifted by ``control``. Then ``separator``,
    ``autoregress``, ``anticipate``.
    """

    resolution: int = 100
    times: int = 10_000
    durations: int = 1_000
    instruments: int = 129
    pitches: int = 128
    anticipation: int = 500  # steps that a control comes early
    context: int = 1_024  # a flag and 341 triples
    longest: int = 3_600  # seconds of a piece
    most_instruments: int = 16

    @property
    def time(self) -> int:
        """First arrival-time token."""
        return 0

    @property
    def duration(self) -> int:
        """First duration token."""
        return self.times

    @property
    def note(self) -> int:
        """First note token."""
        return self.times + self.durations

    @property
    def notes(self) -> int:
        """How many note tokens there are."""
        return self.instruments * self.pitches

    @property
    def rest(self) -> int:
        """The REST token, which stands in a note's place."""
        return self.note + self.notes

    @property
    def control(self) -> int:
        """Shift from an event token to its control."""
        return self.rest + 1

    @property
    def separator(self) -> int:
        """SEPARATOR, three of which begin a piece in training."""
        return self.control + self.rest

    @property
    def autoregress(self) -> int:
        """The flag of a sequence without anticipation."""
        return self.separator + 1

    @property
    def anticipate(self) -> int:
        """The flag of a sequence with controls."""
        return self.separator + 2

    @property
    def size(self) -> int:
        """Number of tokens; 55,028 in the published vocabulary."""
        return self.separator + 3

    @property
    def drums(self) -> int:
        """The instrument that means drums."""
        return self.instruments - 1

    @property
    def triples(self) -> int:
        """Triples in a context, the flag taken off."""
        return (self.context - 1) // 3

    def to_dict(self) -> dict[str, Any]:
        """Plain data, to be saved with a checkpoint."""
        return {"scheme": "arrival", **asdict(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ArrivalVocabulary:
        """The vocabulary that ``to_dict`` wrote. Raises InputError for another scheme's."""
        if data.get("scheme") != "arrival":
            raise InputError(f"not an arrival vocabulary: {data.get('scheme')!r}")
        try:
            return cls(**{k: int(v) for k, v in data.items() if k != "scheme"})
        except (TypeError, ValueError) as e:
            raise InputError(f"the arrival vocabulary is not complete: {e}") from e


AMT = ArrivalVocabulary()
"""The published vocabulary, 55,028 tokens."""
