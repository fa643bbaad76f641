"""A reader beside the rules: MuseCoco's first stage, from a text to a Brief.

Knows a checkpoint with its tokenizer, and Briefs; does not know how it was trained. It says
nothing exactly: of a tempo, a length or a key it knows the class alone, and the Brief asks for
what stands for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from cantilena.errors import CheckpointError
from cantilena.models.checkpoint import is_checkpoint, located, open_checkpoint
from cantilena.models.hub import chosen_device
from cantilena.models.text_attributes import SYSTEM, TextToAttributes
from cantilena.models.text_queries import FrozenTextToAttributes, is_frozen
from cantilena.systems.attributes.text_batches import Read, reading_by, reading_for, tokenizer_of
from cantilena.systems.attributes.texts import KEYS, VALUES
from cantilena.systems.attributes.wishes import brief_of
from cantilena.text.wishes import Brief


class AttributeReader:
    """A loaded checkpoint that reads. ``name``: as its Briefs say who read them."""

    def __init__(self, model: TextToAttributes | FrozenTextToAttributes, tokens: Read, name: str):
        self.model, self.tokens, self.name = model, tokens, name

    @classmethod
    def load(cls, place: str | Path, device: str | None = None) -> AttributeReader:
        """The reader in a checkpoint's folder, or in one of the published layout, with its
        tokenizer. Raises CheckpointError, MissingExtraError; InputError where its text model is a
        package's that has not been fetched."""
        folder, device = located(place), chosen_device(device)
        kind = TextToAttributes
        if is_checkpoint(folder) and is_frozen(open_checkpoint(folder, SYSTEM)):
            kind = FrozenTextToAttributes
        model = kind.load(folder, device)
        if tuple(model.values) != VALUES:
            raise CheckpointError(
                f"{folder} tells {len(model.values)} attributes; MuseCoco's first stage tells "
                f"{len(VALUES)}, of which some have other classes"
            )
        # where a run is named, its checkpoint lies in a folder of the run's
        name = folder.parent.name if folder != Path(place) else folder.name
        if isinstance(model, FrozenTextToAttributes):
            return cls(model, reading_for(model.encoder), name)
        return cls(model, reading_by(tokenizer_of(folder)), name)

    def classes(self, texts: Sequence[str]) -> list[dict[str, int]]:
        """The classes that each text says, by the names of ``ATTRIBUTE_CLASSES``."""
        ids, mask = (torch.from_numpy(x) for x in self.tokens(list(texts)))
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            logits = self.model(ids.to(device), mask.to(device))
        read = torch.stack([row.argmax(-1) for row in logits], 1).tolist()
        return [
            {key: k for key, k, count in zip(KEYS, row, VALUES, strict=True) if k < count - 1}
            for row in read
        ]

    def read(self, text: str) -> Brief:
        """The Brief of a text; ``read_by`` says who read it."""
        (classes,) = self.classes([text])
        return replace(brief_of(classes, text), read_by=self.name)
