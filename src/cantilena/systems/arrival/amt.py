"""The system ``amt``: the Anticipatory Music Transformer, alone.

Knows how a published or local checkpoint composes, goes on, fills a gap and accompanies; the
network is in ``models.amt``, the loop in ``decode``. It reads no text: of a Brief it takes what can
be a constraint or a header (instruments, length, tempo), and its report says what came of the rest.

Thickstun et al., *Anticipatory Music Transformer*, TMLR 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.systems import SYSTEMS
from cantilena.systems.arrival.system import ArrivalSystem
from cantilena.systems.request import Edit, Request, Span
from cantilena.tokens.arrival import AMT

if TYPE_CHECKING:
    from cantilena.decode.hf.interfaces import PromptState


class AmtSystem(ArrivalSystem):
    """A ``GPT2LMHeadModel`` over AMT's vocabulary."""

    system = "amt"
    seconds = 30.0

    def __init__(self, model: Any, name: str = "amt", hash: str = ""):
        from cantilena.decode.hf.engine import HFStepModel

        self.name, self.hash = name, hash
        self.step_model = HFStepModel(model, context=AMT.context)
        self.card = {"name": name, "system": self.system}

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> AmtSystem:
        """The checkpoint in a folder, of a hub name or of a short name ("music-small"); the small
        published one by default. Raises CheckpointError where it cannot be had."""
        from cantilena.models.amt import hub_folder, load_amt
        from cantilena.models.checkpoint import digest

        source = checkpoint or SYSTEMS["amt"].default
        model = load_amt(source, dtype, device)
        folder, name = Path(source), str(source)
        if folder.is_dir():
            name = folder.name
        else:
            folder = hub_folder(source)
        return cls(model, name, digest(folder, "config.json"))

    def prompt(self, text: str | None) -> PromptState:
        """An empty prompt: the piece's flag is all that stands before the music. Raises
        InputError for a text, which this system cannot read."""
        from cantilena.decode.hf.interfaces import PromptState

        if text is not None and text.strip():
            raise InputError("the system 'amt' reads no text; 'amt-prefix' and 'llama-music' do")
        return PromptState()

    # ------------------------------------------------------------------ plain calls

    def continuation(self, score: Score, seconds: float = 30.0, seed: int = 0) -> Score:
        """``score`` with ``seconds`` more behind its end."""
        end = float(score.seconds(score.end))
        return self._with(Edit(score, (Span(end, end + seconds, "seconds"),)), seed)

    def infill(self, score: Score, start: float, end: float, seed: int = 0) -> Score:
        """``score`` with new notes between two times (seconds) in place of those there."""
        return self._with(Edit.between(score, start, end), seed)

    def accompany(
        self, score: Score, keep: Sequence[int], since: float = 0.0, seed: int = 0
    ) -> Score:
        """The parts of ``score`` by the instruments ``keep`` (0-127, 128 drums), with others
        written to them; those of the Score before ``since`` seconds stay and are gone on from."""
        return self._with(Edit.accompanying(score, keep, since), seed)

    def _with(self, edit: Edit, seed: int) -> Score:
        return self.compose([Request(seed=seed, edit=edit)])[0].score
