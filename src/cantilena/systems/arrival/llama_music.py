"""The system ``llama-music``: one language model over words and music.

Knows how a checkpoint (split, exported or MIDI-LLM's) and a text become something to generate
with; the network is in ``models.llama_music``, the loop in ``decode``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import CheckpointError, InputError
from cantilena.models.encoders import cut_at_sentence, say_cut
from cantilena.result import Result
from cantilena.systems.arrival.system import ArrivalSystem, header_for
from cantilena.systems.arrival.unmasked import joint_model
from cantilena.systems.arrival.writing import TOKENS
from cantilena.systems.base import Attempt, Event, Finished, NoteMade, Progress, Request
from cantilena.text.report import report
from cantilena.tokens.arrival import to_score
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.hf.interfaces import PromptState, StepModel
    from cantilena.systems.arrival.unmasked import UnmaskedJob

LONGEST = 512
"""Tokens of a prompt at most, and never more than half of the context."""


class LlamaMusicSystem(ArrivalSystem):
    """A loaded model with its tokenizer. ``step_model`` reads music; ``prompt`` gives the
    instruction and the description as ids of the text vocabulary."""

    system = "llama-music"
    options: ClassVar[Mapping[str, type]] = {**ArrivalSystem.options, "unmasked": bool}
    joint: StepModel | None = None
    """Reads and samples words and music alike; for the option ``unmasked``."""

    def __init__(
        self,
        step_model: HFStepModel,
        tokenizer: Any,
        offset: int,
        instruction: str,
        vocabulary: ArrivalVocabulary = AMT,
    ):
        from cantilena.models.llama_music import piece_ends

        self.step_model, self.tokenizer, self.vocabulary = step_model, tokenizer, vocabulary
        self.offset, self.instruction = offset, instruction
        self.ends = piece_ends(step_model.model.config, tokenizer, offset, vocabulary)
        self.identify(None)
        self.longest = min(LONGEST, step_model.context // 2)

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        tokenizer: str | Path | None = None,
        context: int | None = None,
    ) -> LlamaMusicSystem:
        """The system from a trained folder, an exported one, or a published model in MIDI-LLM's
        layout by hub name or folder. ``tokenizer``: where that of the text model is, if not with
        it; ``context``: positions in all. Raises CheckpointError where something is missing."""
        from cantilena.models.checkpoint import open_checkpoint
        from cantilena.models.hub import chosen_device

        path = cls.need(checkpoint)
        device = chosen_device(device)
        dtype = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
        if not Path(path).is_dir():  # a name on the hub
            system = _plain(path, device, dtype, tokenizer, context)
            system.name = system.hash = str(path)
            return system
        opened = open_checkpoint(path, cls.system)
        read = _plain if opened.model.get("layout") == "plain" else _split
        system = read(opened.folder, device, dtype, tokenizer, context)
        system.identify(opened)
        return system

    def check(self, request: Request) -> None:
        """As ``System.check``; what is unmasked has no masks to set."""
        super().check(request)
        for name in ("most", "compatible"):
            if request.options.get("unmasked") and request.options.get(name):
                raise InputError(f"an unmasked piece has no masks; leave out the option {name!r}")

    def alike(self, request: Request) -> Any:
        """As ``System.alike``."""
        return super().alike(request), bool(request.options.get("unmasked"))

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``. With ``unmasked`` the joint vocabulary is sampled as HuggingFace's
        ``generate`` does, and no note is held to a wish: the report says what came of them. Tempo
        and metre stand beside the tokens, and are written as asked for here too."""
        if attempts[0].request.options.get("unmasked"):
            return self._unmasked(attempts)
        return super().attempt(attempts)

    def _unmasked(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        from cantilena.systems.arrival import unmasked

        assert self.joint is not None
        requests = [attempt.request for attempt in attempts]
        orders = [self.order(attempt) for attempt in attempts]
        loop = unmasked.free_loop(
            self.joint,
            [self.prompt(order.text) for order in orders],
            [order.seed for order in orders],
            [order.sampling for order in orders],
            int(requests[0].options.get("tokens", TOKENS)),
            self.offset + self.vocabulary.autoregress,
            self.ends,
        )
        open_ = set(range(len(requests)))
        for _ in self.steps(loop):
            for k in sorted(open_):
                job = loop.jobs[k]
                if not job.done:
                    yield k, Progress(len(job.piece.rows) / job.limit)
                    continue
                open_.discard(k)
                result = self._free_result(requests[k], job)
                yield from ((k, NoteMade(note)) for note in unmasked.notes_of(result.score))
                yield k, Finished(result)

    def _free_result(self, request: Request, job: UnmaskedJob) -> Result:
        from cantilena.systems.arrival.unmasked import facts, parsed

        music = parsed(job.piece.rows, self.offset, self.vocabulary)
        header = header_for(request.brief)
        score = to_score(music.events, header=header, vocabulary=self.vocabulary)
        return Result(
            artefact=score,
            brief=request.brief,
            request=request.to_dict(),
            rows=report(request.brief, score),
            system=self.system,
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            facts=facts(job, music, score),
        )

    def prompt(self, text: str | None) -> PromptState:
        """The instruction with ``text``; without one the tokenizer's beginning alone, or the bare
        instruction where it has none. A description that is too long is cut at a sentence, with a
        warning. Raises InputError where a text spells music tokens."""
        from cantilena.decode.hf.interfaces import PromptState

        if text is None or not text.strip():
            begin = self.tokenizer.bos_token_id
            return PromptState(ids=self.ids("") if begin is None else [int(begin)])
        kept, cut = cut_at_sentence(text, lambda t: len(self.ids(t)) <= self.longest)
        if cut:
            say_cut(text, kept, self.longest)
        return PromptState(ids=self.ids(kept))

    def ids(self, text: str) -> list[int]:
        """Token ids of the whole prompt for a description."""
        from cantilena.models.llama_music import prompt_text

        ids = self.tokenizer(prompt_text(text, self.instruction), verbose=False)["input_ids"]
        if max(ids, default=0) >= self.offset:
            raise InputError("the text spells music tokens; describe the music in words")
        return [int(k) for k in ids]


def _plain(
    path: str | Path, device: str, dtype: Any, tokenizer: Any, context: int | None
) -> LlamaMusicSystem:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.models.llama_plain import read_plain

    plain = read_plain(path, tokenizer, device=device, dtype=dtype)
    model = plain.model.requires_grad_(False)
    steps = HFStepModel(model, plain.offset, plain.vocabulary.size, context=context)
    system = LlamaMusicSystem(
        steps, plain.tokenizer, plain.offset, plain.instruction, plain.vocabulary
    )
    inner, outer = model.get_input_embeddings(), model.get_output_embeddings()
    system.joint = joint_model(steps, inner, outer, inner.weight.shape[0])
    return system


def _split(
    path: str | Path, device: str, dtype: Any, tokenizer: Any, context: int | None
) -> LlamaMusicSystem:
    from cantilena.models.hub import loading, need
    from cantilena.models.llama_music import LlamaMusic

    folder = Path(path)
    model = LlamaMusic.load(folder, device=device, dtype=dtype).requires_grad_(False)
    own = folder / "tokenizer"
    place = tokenizer or (own if own.is_dir() else model.source.get("name"))
    if not place:
        raise CheckpointError(f"{folder} has no tokenizer; say where that of its text model is")
    transformers = need("transformers", "the system 'llama-music'")
    with loading("tokenizer", place):
        words = transformers.AutoTokenizer.from_pretrained(str(place))
    return of_model(model, words, context)


def of_model(model: Any, tokenizer: Any, context: int | None = None) -> LlamaMusicSystem:
    """The system of a split ``LlamaMusic`` in memory, as for samples during training."""
    from cantilena.decode.hf.engine import HFStepModel

    def embed(ids: Any) -> Any:
        return model.music_projection(model.music_embedding(ids))

    head = model.expanded_lm_head.weight
    steps = HFStepModel(model.text, 0, model.vocabulary.size, embed, head, context)
    system = LlamaMusicSystem(steps, tokenizer, model.offset, model.instruction, model.vocabulary)
    size = model.offset + model.n_music
    system.joint = joint_model(steps, model.embed, model.joint_logits, size)
    return system
