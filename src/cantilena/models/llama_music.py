"""``llama-music``: a text model whose vocabulary is extended by music tokens.

Knows token ids, embeddings and logits; does not know MIDI, corpora or sampling. Ids below the text
vocabulary's size are text; from there on id - size is an arrival token. The music side has its own
embedding (V_music, H), a square projection behind it and its own head; logits are joined as
[text | music], so that one softmax runs over both (Wu, Lee, Dun: *LLM-based Finetuning for Text to
Symbolic Music Generation*, the Llama systems). ``folded`` gives the same function as a plain causal
LM, the layout in which MIDI-LLM was published.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.models.checkpoint import WEIGHTS, Checkpoint, open_checkpoint, save_checkpoint
from cantilena.models.hub import dtype_of, need
from cantilena.models.published import save_tokenizer
from cantilena.models.saving import (
    leave_out_ties,
    load_tensors,
    load_weights,
    placed,
    save_tensors,
)
from cantilena.models.tuned import IGNORED, Output, Tuned, token_loss
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

SYSTEM = "llama-music"

INSTRUCTION = (
    "You are a world-class composer. Please compose some music according to the following "
    "description: "
)
"""Stands before the description, and a space behind it, as in MIDI-LLM."""


def prompt_text(description: str, instruction: str = INSTRUCTION) -> str:
    """What the text model reads for a description; the music's flag follows it."""
    return f"{instruction}{description} "


class LlamaMusic(Tuned):
    """The model. ``text``: a causal LM with an output head; ``music``: number of music tokens, at
    least the arrival vocabulary's (MIDI-LLM has two more). ``source`` names the text model.

    The music side starts Gaussian, with the text model's own standard deviation; see
    ``start_from_amt`` for the other start. Raises CheckpointError for a vocabulary too small.
    """

    def __init__(
        self,
        text: Any,
        music: int | None = None,
        vocabulary: ArrivalVocabulary = AMT,
        source: dict[str, Any] | None = None,
        instruction: str = INSTRUCTION,
    ):
        super().__init__()
        music = vocabulary.size if music is None else music
        if music < vocabulary.size:
            raise CheckpointError(
                f"{music} music tokens are fewer than the {vocabulary.size} of the arrival "
                "vocabulary: it is another vocabulary's"
            )
        self.offset, width = text.get_input_embeddings().weight.shape
        self.text, self.vocabulary, self.source = text, vocabulary, source or {}
        self.instruction = instruction
        keys = {"dtype": text.dtype, "device": text.device}
        self.music_embedding = nn.Embedding(music, width, **keys)
        self.music_projection = nn.Linear(width, width, bias=False, **keys)
        self.expanded_lm_head = nn.Linear(width, music, bias=False, **keys)
        std = float(getattr(text.config, "initializer_range", 0.02))
        for layer in (self.music_embedding, self.music_projection, self.expanded_lm_head):
            nn.init.normal_(layer.weight, std=std)
        leave_out_ties(self)

    @property
    def backbone(self) -> Any:
        """The text model."""
        return self.text

    @property
    def n_music(self) -> int:
        """Number of music tokens."""
        return self.music_embedding.num_embeddings

    def start_from_amt(self, embeddings: Tensor, head: Tensor | None = None) -> None:
        """Copies AMT's token embeddings (V, D) into the music embedding and its head's rows (the
        embeddings again, where AMT ties them) into the expanded head, each scaled to the standard
        deviation of the text model's, with zeros from column D on. The projection becomes the
        identity, so that the copied geometry arrives as it is.

        Raises InputError where AMT is wider than the text model or has too few tokens.
        """
        width = self.music_projection.in_features
        head = embeddings if head is None else head
        text_in = self.text.get_input_embeddings().weight
        text_out = self.text.get_output_embeddings().weight
        for rows in (embeddings, head):
            if rows.shape[1] > width or rows.shape[0] < self.vocabulary.size:
                raise InputError(
                    f"embeddings of shape {tuple(rows.shape)} do not go into "
                    f"{self.vocabulary.size} tokens of width {width}"
                )
        with torch.no_grad():
            _fill(self.music_embedding.weight, embeddings, float(text_in.float().std()))
            _fill(self.expanded_lm_head.weight, head, float(text_out.float().std()))
            nn.init.eye_(self.music_projection.weight)

    # ------------------------------------------------------------------ forward

    def embed(self, ids: Tensor) -> Tensor:
        """Joint ids (B, T) to vectors (B, T, H)."""
        music = (ids >= self.offset).unsqueeze(-1)
        words = self.text.get_input_embeddings()(ids.clamp(max=self.offset - 1))
        notes = self.music_embedding((ids - self.offset).clamp(min=0))
        return torch.where(music, self.music_projection(notes), words)

    def joint_logits(self, hidden: Tensor) -> Tensor:
        """(..., H) to [text | music] logits (..., V_text + V_music)."""
        words = self.text.get_output_embeddings()(hidden)
        return torch.cat([words, self.expanded_lm_head(hidden)], dim=-1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        position_ids: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        return_logits: bool = False,
        apart: bool = False,
    ) -> Output:
        """Joint ids (B, T). ``labels`` (B, T) are joint ids, -100 where not counted; label t is
        compared with the prediction made at t - 1, as HuggingFace's causal LMs do. ``logits``
        (B, T, V), given without labels or where asked, are in [:, t] the distribution of token
        t + 1. ``apart``: in place of the mean loss the sums of text and of music, ``text_nats`` and
        ``music_nats``, and their numbers of labels, ``text_tokens`` and ``music_tokens``. Raises
        InputError for more tokens than the model has positions."""
        most = getattr(self.text.config, "max_position_embeddings", None)
        if most is not None and input_ids.shape[1] > most:
            raise InputError(f"{input_ids.shape[1]} tokens do not fit the context of {most}")
        hidden = self.text.base_model(
            inputs_embeds=self.embed(input_ids),
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=False,
        ).last_hidden_state
        output = Output()
        if labels is not None and apart:
            shifted, ahead = hidden[:, :-1], labels[:, 1:]
            music = ahead >= self.offset
            for part, wanted in (("text", ~music & (ahead != IGNORED)), ("music", music)):
                these = ahead.masked_fill(~wanted, IGNORED)
                output[f"{part}_nats"] = token_loss(shifted, these, self.joint_logits, 1)
                output[f"{part}_tokens"] = wanted.sum()
        elif labels is not None:
            shifted, ahead = hidden[:, :-1], labels[:, 1:]
            output["loss"] = token_loss(shifted, ahead, self.joint_logits, num_items_in_batch)
        if return_logits or labels is None:
            output["logits"] = self.joint_logits(hidden)
        return output

    # ------------------------------------------------------------------ one plain model

    def folded(self) -> Any:
        """The same function as a plain causal LM of the text model's class, with
        V_text + V_music rows: music rows of the input are the projected embeddings, and the output
        head is not tied to them."""
        config = copy.deepcopy(self.text.config)
        config.vocab_size = self.offset + self.n_music
        config.tie_word_embeddings = False
        state = {k: v.detach() for k, v in self.text.state_dict().items()}
        embedding, head = self.text.get_input_embeddings(), self.text.get_output_embeddings()
        modules = {id(m): n for n, m in self.text.named_modules()}
        with torch.no_grad():
            wide, matrix = self.music_embedding.weight.float(), self.music_projection.weight.float()
            notes = (wide @ matrix.T).to(embedding.weight.dtype)
            state[modules[id(embedding)] + ".weight"] = torch.cat([embedding.weight, notes])
            rows = torch.cat([head.weight, self.expanded_lm_head.weight])
            state[modules[id(head)] + ".weight"] = rows
        return (
            type(self.text)
            .from_pretrained(None, config=config, state_dict=state, dtype=self.text.dtype)
            .eval()
        )

    @classmethod
    def unfolded(
        cls,
        model: Any,
        offset: int,
        vocabulary: ArrivalVocabulary = AMT,
        source: dict[str, Any] | None = None,
        instruction: str = INSTRUCTION,
    ) -> LlamaMusic:
        """The split model of a plain one whose first ``offset`` rows are text: the other rows are
        taken as they are, behind an identity projection. Its logits are the plain model's. What
        ends a text is no longer an id of music.

        Raises CheckpointError where too few rows are left for the arrival vocabulary.
        """
        rows = model.get_input_embeddings().weight.shape[0]
        if rows - offset < vocabulary.size:
            raise CheckpointError(
                f"a model of {rows} tokens, {offset} of them text, has no room for the "
                f"{vocabulary.size} of the arrival vocabulary"
            )
        notes = model.get_input_embeddings().weight.detach()[offset:].clone()
        head = model.get_output_embeddings().weight.detach()[offset:].clone()
        model.resize_token_embeddings(offset, mean_resizing=False)
        model.config.eos_token_id = text_ends(model.config, offset) or None
        split = cls(model, rows - offset, vocabulary, source, instruction)
        with torch.no_grad():
            split.music_embedding.weight.copy_(notes)
            split.expanded_lm_head.weight.copy_(head)
            nn.init.eye_(split.music_projection.weight)
        return split

    # ------------------------------------------------------------------ files

    def part(self) -> dict[str, Any]:
        """The card's ``model``: what ``load`` builds the network from."""
        return {
            "text": {**self.source, "config": self.text.config.to_dict()},
            "music": self.n_music,
            "instruction": self.instruction,
        }

    def save(
        self,
        folder: str | Path,
        tokenizer: Any = None,
        state: Mapping[str, Tensor] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> Path:
        """Writes a checkpoint, the text model's tokenizer in ``tokenizer/``, so that the folder
        needs nothing else. ``state``: weights to write in place of its own; ``card``: further
        entries, as what it was trained on. Raises InputError."""
        weights = self.state_dict() if state is None else state

        def write(stage: Path) -> None:
            save_tensors(stage / WEIGHTS, weights)
            if tokenizer is not None:
                save_tokenizer(tokenizer, stage / "tokenizer")

        entries = {
            "system": SYSTEM,
            "name": Path(folder).resolve().name,
            "scheme": self.vocabulary.to_dict(),
            "model": self.part(),
        }
        return save_checkpoint(folder, {**entries, **(card or {})}, write).folder

    @classmethod
    def load(
        cls, place: str | Path | Checkpoint, device: Any = None, dtype: Any = None
    ) -> LlamaMusic:
        """The model of a checkpoint; nothing else is needed. Raises CheckpointError where files are
        missing or do not fit, or where it holds an exported model."""
        transformers = need("transformers", f"the system {SYSTEM!r}")
        checkpoint = open_checkpoint(place, SYSTEM)
        part = checkpoint.model
        if part.get("layout") == "plain":
            raise CheckpointError(
                f"{checkpoint.folder} holds a plain Llama; 'cantilena import' makes one to train on"
            )
        weights = load_tensors(checkpoint.weights)
        try:
            config = transformers.AutoConfig.for_model(**part["text"]["config"])
            vocabulary = ArrivalVocabulary.from_dict(dict(checkpoint.card["scheme"]))
            music, instruction = int(part["music"]), str(part["instruction"])
            source = {k: v for k, v in part["text"].items() if k != "config"}
            with torch.device(device or "cpu"):  # a GPU draws the weights that are replaced at once
                text = transformers.AutoModelForCausalLM.from_config(config)
            model = cls(text, music, vocabulary, source, instruction)
        except (CheckpointError, MissingExtraError, MemoryError):
            raise
        except Exception as e:  # transformers raises many kinds for configs that are none
            reason = " ".join(f"{type(e).__name__}: {e}".split())[:200]
            raise CheckpointError(f"the card of {checkpoint.folder} is damaged: {reason}") from e
        load_weights(model, weights, checkpoint.folder)
        return placed(model, device, dtype_of(dtype)).eval()


def text_ends(config: Any, offset: int) -> list[int]:
    """What ends a text by a model's config: its end tokens, of which it may have several, below
    ``offset``, where music begins."""
    ends = config.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return [int(k) for k in ends if k < offset]


def piece_ends(
    config: Any, tokenizer: Any, offset: int, vocabulary: ArrivalVocabulary = AMT
) -> list[int]:
    """The joint ids that end a piece: SEPARATOR, with which training begins the next one, and the
    ends of a text, by the tokenizer (None for none) and by the model's config. They are the same
    for a split model, its export and what is imported of that."""
    end = None if tokenizer is None else tokenizer.eos_token_id
    text = [] if end is None or end >= offset else [int(end)]
    text += [k for k in text_ends(config, offset) if k not in text]
    return [offset + vocabulary.separator, *text]


def _fill(target: Tensor, rows: Tensor, std: float) -> None:
    """Writes ``rows`` scaled to ``std`` into the first columns of ``target``, zeros elsewhere; rows
    that ``target`` has beyond them stay."""
    rows = rows.detach().to(target.device, torch.float32)[: target.shape[0]]
    target[: rows.shape[0]] = 0
    target[: rows.shape[0], : rows.shape[1]] = (rows * (std / rows.std())).to(target.dtype)
