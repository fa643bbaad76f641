"""The system ``karasinger``: the words of a Request, or other lyrics, are sung.

Knows Requests, lengths and loudness; how codes are written is ``writing``'s, how words become
phonemes ``lyrics``'. The melody is the model's own: no Score leads it. Needs torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cantilena.errors import InputError, Notice
from cantilena.models.audio.musicgen import TEXT
from cantilena.result import Result
from cantilena.systems import no_checkpoint
from cantilena.systems.base import Event, Request, System
from cantilena.systems.codes.streaming import sound_blocks
from cantilena.systems.codes.system import MusicgenSystem, Piece, text_seconds
from cantilena.systems.karasinger.checkpoint import Loaded, load_karasinger
from cantilena.systems.karasinger.hearing import errors, heard_phonemes
from cantilena.systems.karasinger.lyrics import phonemes_of
from cantilena.systems.karasinger.options import SYSTEM
from cantilena.systems.karasinger.writing import SAMPLING, KaraOrder, KaraWriting
from cantilena.text.brief import parse_brief
from cantilena.text.prompt import option_words
from cantilena.text.report.rows import Row
from cantilena.text.report.sound import sound_report
from cantilena.text.wishes import Brief

LYRICS = "lyrics"
"""The option that says what is sung in the place of the text."""
TEMPO = 120.0
"""Beats a minute of a length in bars where no tempo is asked for."""
LONGEST = 120.0
"""Seconds of a piece at most."""


@dataclass
class KaraPiece(Piece):
    """A Request on its way."""


class KaraSystem(MusicgenSystem):
    """A model that sings, with its codec."""

    system = SYSTEM
    sampling = SAMPLING
    options: ClassVar[Mapping[str, type]] = {LYRICS: str}
    piece = KaraPiece
    conditions = (TEXT,)  # type: ignore[assignment]

    def __init__(self, loaded: Loaded):
        self.model, self.codec, self.trained = loaded.model, loaded.codec, loaded.options
        checkpoint = loaded.checkpoint
        self.name, self.hash, self.card = checkpoint.name, checkpoint.hash, checkpoint.card

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        codec: str | None = None,
    ) -> KaraSystem:
        """The system of a checkpoint's folder or a run's. Raises as ``load_karasinger``, and
        InputError where none is named, or a codec or a dtype is: the model brings its own."""
        if checkpoint is None:
            raise no_checkpoint(cls.system)
        if codec is not None or dtype is not None:
            raise InputError("karasinger brings its own codec and dtype; leave both out")
        return cls(load_karasinger(checkpoint, device))

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.model,)

    # ------------------------------------------------------------------ what is asked

    def condition(self, request: Request) -> str:
        """The text, always."""
        return TEXT

    def without_effect(self, request: Request) -> Sequence[str]:
        """As ``System.without_effect``: there is a best only where words are sung and heard."""
        return ("repetition",) if self._is_heard(request) else ("repetition", "best_of")

    def _is_heard(self, request: Request) -> bool:
        """Whether words are sung, and the codec tells phonemes by its codes."""
        return bool(getattr(self.codec, "phonemes", ())) and bool(self.lyrics(request))

    def lyrics(self, request: Request) -> tuple[int, ...]:
        """The phonemes of what a Request sings, as numbers; none for a Request without words.
        Raises as ``phonemes_of``."""
        text = request.options.get(LYRICS, request.brief.text) or ""
        return tuple(phonemes_of(text, self.trained.lexicon, self.trained.names))

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the words can be sung for so long. A Notice names what
        options ask for that no singing follows."""
        System.check(self, request)  # musicgen's own has no length for bars without a tempo
        seconds = _length(request.brief)
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise InputError(f"a piece of {seconds:g} s is outside 0-{LONGEST:g} s")
        if (request.sampling or self.sampling).guidance != 1.0:
            raise InputError("karasinger has no guidance; leave it at 1")
        self.lyrics(request)
        brief = replace(request.brief, tempo=None, metre=None)  # by which bars have a length
        if unheard := option_words(brief, parse_brief(brief.text)):
            text = f"karasinger hears words to sing and a length alone, not: {', '.join(unheard)}"
            warnings.warn(text, Notice, stacklevel=2)

    # ------------------------------------------------------------------ how it is made

    def attempts(self, request: Request) -> int:
        """As ``System.attempts``, told apart by the words that are heard; 1 where none are."""
        return System.attempts(self, request) if self._is_heard(request) else 1

    def _compose(self, pieces: Sequence[Piece]) -> Iterator[tuple[int, Event]]:
        """Nothing: no Score leads."""
        return iter(())

    def _writing(self, piece: Piece) -> KaraWriting:
        request = piece.request
        lyrics, seconds = self.lyrics(request), _length(request.brief)
        if seconds is None and not lyrics:
            seconds = text_seconds(request.brief)
        frames = None
        if seconds is not None:
            frames = max(1, -(-round(seconds * self.codec.sample_rate) // self.codec.hop))
        sampling = request.sampling or self.sampling
        return KaraWriting(self.model, KaraOrder(lyrics, frames, piece.seed, sampling))

    def _blocks(self, piece: Any) -> Iterator[np.ndarray]:
        """As ``MusicgenSystem._blocks``; without a length as long as the words are sung."""
        seconds = _length(piece.request.brief)
        length = None if seconds is None else round(seconds * self.codec.sample_rate)
        return sound_blocks(self.codec, piece.writing, length)

    def _seconds(self, piece: Piece) -> float:
        """As asked, else as long as the words were sung."""
        asked = _length(piece.request.brief)
        if asked is not None:
            return asked
        assert piece.writing is not None
        return piece.writing.codes[0].shape[1] / self.codec.frame_rate

    def _result(self, piece: Piece) -> Result:
        """As of other sound; but no word is left over: they are sung, whatever they mean."""
        result = super()._result(piece)
        return replace(result, brief=replace(result.brief, unplaced=()))

    def _rows(self, piece: Piece, sound: Any) -> tuple[Row, ...]:
        """The report: the length, and how much of the words the codec hears in what was written,
        which chooses among attempts and is neither met nor missed."""
        brief = piece.request.brief
        rows = sound_report(brief, sound.seconds, _bar(brief))
        if not self._is_heard(piece.request):
            return rows
        assert piece.writing is not None
        names = self.trained.names
        words = [names[number - 1] for number in self.lyrics(piece.request)]
        heard = heard_phonemes(self.codec, piece.writing.codes[0])
        again = _length(brief) is not None
        wrong, count = errors(heard, words, again)
        score = max(0.0, 1 - wrong / count)
        achieved = f"heard by the codec, {100 * score:.0f} % of {count} phonemes"
        return (*rows, Row("words", "sung", achieved, None, score))

    def _facts(self, piece: Piece) -> dict[str, Any]:
        """What the JSON file says of how a piece was sung."""
        numbers, names = self.lyrics(piece.request), self.trained.names
        return {
            "condition": TEXT,
            "phonemes": " ".join(names[number - 1] for number in numbers),
            "codec": self.trained.codec[:16],
            "bits_per_second": round(self.codec.bits(), 1),
        }


def _bar(brief: Brief) -> float:
    """Seconds of a bar, of the tempo and metre that are asked for, else of ``TEMPO`` in 4/4."""
    number, unit = map(int, (brief.metre or "4/4").split("/"))
    return number * 4 / unit * 60 / (brief.tempo or TEMPO)


def _length(brief: Brief) -> float | None:
    """How long a piece is to be; None where no length is asked for."""
    if brief.seconds is not None or brief.bars is None:
        return brief.seconds
    return text_seconds(replace(brief, tempo=brief.tempo or TEMPO))
