"""The system ``bert-symphony``: a frozen text model, context layers, and SymphonyNet behind them.

Knows how a checkpoint becomes something to write with; all else is as in ``symphony``, whose wishes
are held by the grammar here too. The text is read besides: of what rows cannot say the model may
have learnt something from it. The network is in ``models.bert_symphony``.
"""

from __future__ import annotations

from pathlib import Path

from cantilena.systems.request import Request
from cantilena.systems.symphony.system import SymphonySystem, context_of, open_with_vocabulary


class BertSymphonySystem(SymphonySystem):
    """A loaded checkpoint, with its text model."""

    system = "bert-symphony"

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> BertSymphonySystem:
        """As ``SymphonySystem.load``; raises CheckpointError too where the text model cannot be
        had."""
        from cantilena.models.bert_symphony import BertSymphony
        from cantilena.models.hub import chosen_device
        from cantilena.systems.symphony.engine import RowEngine

        opened = open_with_vocabulary(cls, checkpoint)
        model = BertSymphony.load(opened, chosen_device(device), dtype).requires_grad_(False)
        return cls(RowEngine(model.music, model, context_of(opened)), opened)

    def text(self, request: Request) -> str | None:
        """The words of the Request, None where it has none."""
        return request.brief.text.strip() or None
