"""The system ``llama-music``: one language model over words and music.

Knows how a checkpoint (split, exported or MIDI-LLM's) and a text become something to generate
with; the network is in ``models.llama_music``, the loop in ``decode``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import CheckpointError, InputError
from cantilena.models.encoders import cut_at_sentence, say_cut
from cantilena.systems.arrival.system import ArrivalSystem
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.hf.interfaces import PromptState

LONGEST = 512
"""Tokens of a prompt at most, and never more than half of the context."""


class LlamaMusicSystem(ArrivalSystem):
    """A loaded model with its tokenizer. ``step_model`` reads music; ``prompt`` gives the
    instruction and the description as ids of the text vocabulary."""

    system = "llama-music"

    def __init__(
        self,
        step_model: HFStepModel,
        tokenizer: Any,
        offset: int,
        instruction: str,
        vocabulary: ArrivalVocabulary = AMT,
    ):
        self.step_model, self.tokenizer, self.vocabulary = step_model, tokenizer, vocabulary
        self.offset, self.instruction = offset, instruction
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
    return LlamaMusicSystem(
        steps, plain.tokenizer, plain.offset, plain.instruction, plain.vocabulary
    )


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
    return LlamaMusicSystem(steps, tokenizer, model.offset, model.instruction, model.vocabulary)
