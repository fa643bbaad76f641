"""``amt-prefix``: a music model that reads a text as vectors put before its tokens.

Knows states, a bridge and a HuggingFace causal LM over music; does not know MIDI, corpora or
sampling. The sequence is

    [projected text states] [start of music] [flag] [time duration note] [time duration note] ...

The text's vectors and the learned start vector get no position embedding, so that the music keeps
the positions it was pretrained with; the text model is frozen; the loss is on the music alone
(Wu, Lee, Dun: *LLM-based Finetuning for Text to Symbolic Music Generation*, the AMT systems).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.models.amt import allow_no_place
from cantilena.models.bridges import Bridge
from cantilena.models.checkpoint import WEIGHTS, Checkpoint, open_checkpoint, save_checkpoint
from cantilena.models.hub import dtype_of, need
from cantilena.models.saving import (
    leave_out_ties,
    load_tensors,
    load_weights,
    placed,
    save_tensors,
)
from cantilena.models.tuned import Output, Tuned, token_loss
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cantilena.models.encoders import TextEncoder, TextStates

SYSTEM = "amt-prefix"


class AmtPrefix(Tuned):
    """The model. ``music``: a causal LM whose vocabulary is at least the arrival vocabulary's;
    ``encoder``: any text encoder, None for one whose states will always be given; ``mix``: "last"
    (the paper's base) or "layers" (enhanced). ``source`` names the music model, for the card.

    Raises CheckpointError where the music model's vocabulary is too small.
    """

    def __init__(
        self,
        music: Any,
        encoder: TextEncoder | None,
        mix: str = "last",
        vocabulary: ArrivalVocabulary = AMT,
        source: dict[str, Any] | None = None,
        layers: int | None = None,
        text_width: int | None = None,
    ):
        super().__init__()
        rows = music.get_input_embeddings().weight.shape[0]
        if rows < vocabulary.size:
            raise CheckpointError(
                f"the music model has {rows} tokens where the arrival vocabulary has "
                f"{vocabulary.size}: it is another vocabulary's"
            )
        layers = encoder.layers if encoder is not None else layers
        text_width = encoder.width if encoder is not None else text_width
        if layers is None or text_width is None:
            raise InputError("without a text encoder, say how many layers and how wide its states")
        self.width = music.get_input_embeddings().weight.shape[1]
        self.music, self.encoder, self.vocabulary = music, encoder, vocabulary
        self.sizes = {"layers": layers, "text_width": text_width, "mix": mix}
        self.source = source or {}
        self.bridge = Bridge(layers, text_width, self.width, mix)
        self.start = nn.Parameter(torch.randn(self.width) * 0.02)
        self.bridge.to(music.dtype)
        self.start.data = self.start.data.to(music.dtype)
        self.learned_positions = hasattr(music.base_model, "wpe")
        if self.learned_positions:
            allow_no_place(music.base_model)
        leave_out_ties(self)

    @property
    def backbone(self) -> Any:
        """The music model."""
        return self.music

    # ------------------------------------------------------------------ the sequence

    def prefix(
        self,
        rows: int,
        text_ids: Tensor | None = None,
        text_mask: Tensor | None = None,
        text_states: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Vectors (B, P, D) that come before the music and their mask (B, P): the projected states
        of a text given as ids or as states (L, B, W, D_text), and the start vector. Without a text
        it is the start vector alone, the unconditional baseline."""
        start = self.start.expand(rows, 1, -1)
        if text_states is None and text_ids is not None:
            if self.encoder is None:
                raise InputError("this model has no text encoder; give it text states")
            mask = torch.ones_like(text_ids) if text_mask is None else text_mask
            text_states, text_mask = self.encoder.states(text_ids, mask.bool()), mask
        if text_states is None:
            return start, torch.ones(rows, 1, dtype=torch.long, device=start.device)
        vectors = self.bridge(text_states.to(start.device))
        if text_mask is None:
            text_mask = torch.ones(vectors.shape[:2])
        mask = text_mask.to(start.device, torch.long)
        mask = torch.cat([mask, mask.new_ones(rows, 1)], dim=1)
        return torch.cat([vectors, start], dim=1), mask

    def positions(self, mask: Tensor, music: int) -> Tensor:
        """Position ids (B, P + T) of a mask (B, P + T) whose last ``music`` columns are music:
        -1 for the prefix and 0.. for the music where positions are learned, else the count of what
        is there (rotary positions)."""
        if not self.learned_positions:
            return (mask.cumsum(1) - 1).clamp(min=0)
        before = mask.new_full((mask.shape[0], mask.shape[1] - music), -1)
        after = torch.arange(music, device=mask.device).expand(mask.shape[0], -1)
        return torch.cat([before, after], dim=1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        text_ids: Tensor | None = None,
        text_mask: Tensor | None = None,
        text_states: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        return_logits: bool = False,
    ) -> Output:
        """Music tokens (B, T) after their texts. ``labels`` (B, T) are music tokens, -100 where
        not counted; label t is compared with the prediction of token t. ``logits`` (B, T, V), given
        without labels or where asked, are in [:, t] the distribution of token t given the text and
        the tokens before it. Raises InputError for more tokens than the model has positions."""
        rows, length = input_ids.shape
        self._check(length)
        before, before_mask = self.prefix(rows, text_ids, text_mask, text_states)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mask = torch.cat([before_mask, mask.to(before_mask)], dim=1)
        music = self.music.get_input_embeddings()(input_ids)
        hidden = self.music.base_model(
            inputs_embeds=torch.cat([before.to(music.dtype), music], dim=1),
            attention_mask=mask,
            position_ids=self.positions(mask, length),
            use_cache=False,
        ).last_hidden_state[:, before.shape[1] - 1 : -1]  # what predicts tokens 0 .. T - 1
        head = self.music.get_output_embeddings()
        output = Output()
        if labels is not None:
            output["loss"] = token_loss(hidden, labels, head, num_items_in_batch)
        if return_logits or labels is None:
            output["logits"] = head(hidden)
        return output

    def _check(self, length: int) -> None:
        most = getattr(self.music.config, "max_position_embeddings", None)
        if most is not None and length > most:
            raise InputError(f"{length} music tokens do not fit the model's context of {most}")

    def encode(self, texts: Sequence[str]) -> TextStates:
        """The frozen states of texts, to be kept and given as ``text_states`` and ``text_mask``."""
        if self.encoder is None:
            raise InputError("this model has no text encoder")
        return self.encoder.encode(texts)

    # ------------------------------------------------------------------ files

    def part(self) -> dict[str, Any]:
        """The card's ``model``: what ``load`` builds the network from."""
        return {
            "text": None if self.encoder is None else self.encoder.card,
            "music": {**self.source, "config": self.music.config.to_dict()},
            "bridge": self.sizes,
        }

    def save(
        self,
        folder: str | Path,
        state: Mapping[str, Tensor] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> Path:
        """Writes a checkpoint: the music model and the bridge; of the text model its name and
        revision alone. ``state``: weights to write in place of its own; ``card``: further entries,
        as what it was trained on. Raises InputError."""
        weights = self.state_dict() if state is None else state
        entries = {
            "system": SYSTEM,
            "name": Path(folder).resolve().name,
            "scheme": self.vocabulary.to_dict(),
            "model": self.part(),
        }
        card = {**entries, **(card or {})}
        return save_checkpoint(folder, card, lambda s: save_tensors(s / WEIGHTS, weights)).folder

    @classmethod
    def load(
        cls,
        place: str | Path | Checkpoint,
        device: Any = None,
        dtype: Any = None,
        text: bool = True,
    ) -> AmtPrefix:
        """The model of a checkpoint. ``text``: load the text model too. Raises CheckpointError
        where files are missing or do not fit, or the text model cannot be had."""
        from cantilena.models.encoders import encoder_from_card

        transformers = need("transformers", f"the system {SYSTEM!r}")
        checkpoint = open_checkpoint(place, SYSTEM)
        weights = load_tensors(checkpoint.weights)
        part = checkpoint.model
        try:
            config = transformers.AutoConfig.for_model(**part["music"]["config"])
            layers, width, mix = (part["bridge"][key] for key in ("layers", "text_width", "mix"))
            vocabulary = ArrivalVocabulary.from_dict(dict(checkpoint.card["scheme"]))
            source = {k: v for k, v in part["music"].items() if k != "config"}
            encoder = None
            if text and part.get("text"):
                encoder = encoder_from_card(part["text"], device=device, dtype=dtype)
            with torch.device(device or "cpu"):  # a GPU draws the weights that are replaced at once
                music = transformers.AutoModelForCausalLM.from_config(config)
            model = cls(music, encoder, mix, vocabulary, source, int(layers), int(width))
        except (CheckpointError, MissingExtraError, MemoryError):
            raise
        except Exception as e:  # transformers raises many kinds for configs that are none
            reason = " ".join(f"{type(e).__name__}: {e}".split())[:200]
            raise CheckpointError(f"the card of {checkpoint.folder} is damaged: {reason}") from e
        load_weights(model, weights, checkpoint.folder)
        return placed(model, device, dtype_of(dtype)).eval()
