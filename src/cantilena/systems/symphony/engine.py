"""A SymphonyNet, alone or behind a bridge, as something to be led row by row.

Knows networks, states, memory and rows of integers; does not know what they mean or how one is
chosen. The model never changes; a session has all that does. A step costs the same however long the
piece is, since linear attention carries sums; but a model writes nonsense behind more rows than it
was trained on, so that a piece which has as many is read again from a later bar on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.decode.interfaces import Job
from cantilena.models.contexts import Memory
from cantilena.models.linear_attention import State, kept
from cantilena.models.symphony import FIELDS
from cantilena.systems.symphony.examples import BEGIN
from cantilena.tokens.symphony import Places

if TYPE_CHECKING:
    from cantilena.models.bert_symphony import BertSymphony, Entering
    from cantilena.models.symphony import SymphonyLM
    from cantilena.systems.symphony.order import OrderPiece

CONTEXT = 4_096
"""Rows of a sample that the published model was trained on."""


@dataclass(frozen=True)
class Prompt:
    """What stands before a piece's first step: ``rows`` (T, 6), the row before the first among
    them, and a text, None for nothing."""

    rows: np.ndarray
    text: str | None = None


class RowEngine:
    """``bridged``: the model with a bridge, whose ``music`` is the model; None for a model alone.
    ``context``: rows that the model was trained on at a time."""

    def __init__(
        self, model: SymphonyLM, bridged: BertSymphony | None = None, context: int = CONTEXT
    ):
        self.model, self.bridged, self.context = model, bridged, context
        self.device = next(model.parameters()).device
        self.limits = (model.config.relative, model.config.measures)

    def session(self, prompts: Sequence[Prompt]) -> RowSession:
        """A session behind some prompts."""
        return RowSession(self, prompts)

    @torch.inference_mode()
    def memory(self, text: str | None) -> Memory | None:
        """The memory of a text; None without a bridge, and empty without a text."""
        if self.bridged is None:
            return None
        if text is None or not text.strip():
            nothing = torch.zeros(1, 1, self.model.config.width, device=self.device)
            return Memory(nothing, torch.zeros(1, 1, dtype=torch.bool, device=self.device))
        states, mask = self.bridged.encode([text])
        states = states.to(self.device, next(self.bridged.bridge.parameters()).dtype)
        return self.bridged.bridge.memory(states, mask.to(self.device).bool())


class RowSession:
    """Pieces under way, a row of a batch each: states, memory, and what may come next."""

    def __init__(self, engine: RowEngine, prompts: Sequence[Prompt]):
        self.engine = engine
        memories = [engine.memory(prompt.text) for prompt in prompts]
        read = [self._begun(p.rows, m) for p, m in zip(prompts, memories, strict=True)]
        layers = zip(*(states for _, states in read), strict=True)
        self.states = [State(*map(torch.cat, zip(*layer, strict=True))) for layer in layers]
        self.hidden = torch.cat([hidden for hidden, _ in read])
        self.memory = _joined([m for m in memories if m is not None])
        self.entering = self._enter(self.memory)
        self._tell()

    @torch.inference_mode()
    def _begun(self, rows: np.ndarray, memory: Memory | None) -> tuple[Tensor, list[State]]:
        """(1, 1, D) what the heads read behind rows, and the states there. Each piece is read
        alone, so that it does not depend on those beside it."""
        entering = self._enter(memory)
        before = None if entering is None else entering.states
        if memory is not None and not bool(memory.mask.any()):
            before = None  # a piece without a text begins as without a bridge
        batch = torch.as_tensor(rows, device=self.engine.device)[None]
        hidden, states = self._hidden(batch, before, entering)
        return hidden[:, -1:], states

    def _enter(self, memory: Memory | None) -> Entering | None:
        if memory is None or self.engine.bridged is None:
            return None
        with torch.inference_mode():
            return self.engine.bridged.entering(memory)

    def _hidden(
        self, rows: Tensor, states: Sequence[State] | None, entering: Entering | None
    ) -> tuple[Tensor, list[State]]:
        rows = rows.clone()
        for column, limit in zip((4, 5), self.engine.limits, strict=True):
            rows[..., column].clamp_(max=limit)
        if entering is None:
            return self.engine.model.hidden(rows, states)
        return self.engine.model.hidden(rows, states, entering.branches, entering.added)

    @torch.inference_mode()
    def advance(self, rows: np.ndarray) -> None:
        """Reads one row (B, 6) of each piece."""
        new = torch.as_tensor(rows, device=self.engine.device)[:, None]
        self.hidden, self.states = self._hidden(new, self.states, self.entering)
        self._tell()

    @torch.inference_mode()
    def restart(self, row: int, rows: np.ndarray) -> None:
        """Forgets what was read of a piece, not its text, and reads these rows (T, 6) instead, the
        row before the first among them."""
        memory = self.memory
        if memory is not None:
            memory = Memory(memory.states[row : row + 1], memory.mask[row : row + 1])
        hidden, states = self._begun(rows, memory)
        self.hidden[row] = hidden[0]
        for old, new in zip(self.states, states, strict=True):
            old.sums[row], old.weights[row] = new.sums[0], new.weights[0]
        self._tell()

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all pieces but these; they are numbered anew in this order."""
        self.states = kept(self.states, rows)
        if self.memory is not None:
            self.memory = Memory(self.memory.states[list(rows)], self.memory.mask[list(rows)])
            self.entering = self._enter(self.memory)

    @torch.inference_mode()
    def _tell(self) -> None:
        logits = self.engine.model.logits(self.hidden)
        self.logits = [x[:, 0].float().cpu().numpy() for x in logits]


def _joined(memories: Sequence[Memory]) -> Memory | None:
    """Memories of one text each as a batch, filled to the longest."""
    if not memories:
        return None
    most = max(memory.mask.shape[1] for memory in memories)
    states = [F.pad(m.states, (0, 0, 0, most - m.states.shape[1])) for m in memories]
    masks = [F.pad(m.mask, (0, most - m.mask.shape[1])) for m in memories]
    return Memory(torch.cat(states), torch.cat(masks))


class RowStepper:
    """A SymphonyNet led through the pieces of some jobs: four fields a step, read from one hidden
    state, so that a field's logits do not depend on those chosen before. Pieces that are done are
    dropped once they are half of all."""

    fields = len(FIELDS)
    draws = False

    def __init__(self, engine: RowEngine, jobs: Sequence[Job[OrderPiece, str | None]]):
        self.engine, self.jobs = engine, list(jobs)
        self.places = [Places(job.piece.vocabulary) for job in jobs]
        self.row = list(range(len(self.jobs)))  # the session's row of each job, -1 when dropped
        self.read = [0] * len(self.jobs)  # rows of each job that are in the session's sums

    def begin(self) -> None:
        """Reads the prompts."""
        prompts = [Prompt(self._window(i), job.conditions) for i, job in enumerate(self.jobs)]
        self.session = self.engine.session(prompts)

    def advance(self) -> None:
        """Reads the row that each piece has taken up."""
        live = [i for i, job in enumerate(self.jobs) if not job.done]
        held = sum(row >= 0 for row in self.row)
        if 2 * len(live) <= held and live:
            self.session.keep([self.row[i] for i in live])
            self.row = [-1] * len(self.jobs)
            for row, i in enumerate(live):
                self.row[i] = row
            held = len(live)
        # a done piece has nothing left to read, and its row in the batch may be any
        rows = np.tile(np.array(BEGIN, dtype=np.int64), (held, 1))
        for i in live:
            event = self.jobs[i].piece.rows[-1][0]
            rows[self.row[i]] = (*self.jobs[i].piece.rows[-1], *self.places[i].push(event))
            self.read[i] += 1
        self.session.advance(rows)
        for i in live:
            if self.read[i] >= self.engine.context:
                self.session.restart(self.row[i], self._window(i))

    def _window(self, i: int) -> np.ndarray:
        """(T, 6) the row before the first one, and the last rows of a piece from a bar on: at most
        half of the context, or its last bar. Bars count anew."""
        piece, most = self.jobs[i].piece, self.engine.context // 2
        rows = piece.rows
        bars = [n for n, row in enumerate(rows) if row[0] in piece.vocabulary.length_of]
        start = next((n for n in bars if len(rows) - n <= most), bars[-1] if bars else 0)
        self.places[i] = places = Places(piece.vocabulary)
        window = [BEGIN, *((*row, *places.push(row[0])) for row in rows[start:])]
        self.read[i] = len(window)
        return np.array(window, dtype=np.int64)

    def logits(self, k: int) -> list[np.ndarray]:
        """(values,) of field ``k`` of each job."""
        values = self.session.logits[k]
        return [values[max(row, 0)] for row in self.row]

    def draw(self, *args: Any, **options: Any) -> list[int]:
        """Never asked for: ``draws`` is False."""
        raise NotImplementedError("rows are chosen on the CPU")

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Nothing: fields do not depend on each other."""
