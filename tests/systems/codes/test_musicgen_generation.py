"""Greedy writing in the project's loop gives the codes of transformers' ``generate``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.models.audio.musicgen import from_transformers  # noqa: E402
from cantilena.models.encoders import TextStates  # noqa: E402
from cantilena.systems.codes.conditions import Conditioner, Wish  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, CodeWriter, write_codes  # noqa: E402
from musicgen import BOOKS, CARD, melody, whole  # noqa: E402

STEPS = 12
TEXTS = {"warm pad": [5, 9, 3, 1], "fast drums": [7, 12, 30, 1]}


class Words:
    """A text encoder around a MusicGen's own, with a tokenizer of two texts."""

    def __init__(self, model: Any):
        self.model, self.width = model, model.config.d_model

    def encode(self, texts: Any) -> TextStates:
        ids = torch.tensor([TEXTS[text] for text in texts])
        with torch.no_grad():
            states = self.model(input_ids=ids).last_hidden_state
        return TextStates(states[None], torch.ones_like(ids, dtype=torch.bool))


def their_codes(model: Any, guidance: float, **inputs: Any) -> Any:
    """(B, K, T) codes of a greedy ``generate``."""
    heard: list[Any] = []
    decode = model.audio_encoder.decode

    def listening(codes: Any, *args: Any, **settings: Any) -> Any:
        heard.append(codes[0] if codes.ndim == 4 else codes)
        return decode(codes, *args, **settings)

    model.audio_encoder.decode = listening
    ids = torch.tensor(list(TEXTS.values()))
    model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        guidance_scale=guidance,
        max_new_tokens=STEPS + BOOKS - 1,
        **inputs,
    )
    return heard[-1].numpy()


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("build", [whole, melody])
def test_greedy_codes_are_transformers(build: Any, guidance: float):
    model = build()
    ours = from_transformers(model)
    conditioner = Conditioner(ours.config, rate=50.0, encoder=Words(model.text_encoder))
    chroma = np.eye(12, dtype=np.float32)[[[0, 4, 7, 9], [2, 2, 5, 11]]]
    tunes: Any = chroma if build is melody else [None, None]
    inputs = {"input_features": torch.from_numpy(chroma)} if build is melody else {}
    expected = their_codes(model, guidance, **inputs)
    assert expected.shape == (2, BOOKS, STEPS)
    assert len(np.unique(expected)) > 6
    greedy = Sampling(temperature=0.0, top_p=1.0, guidance=guidance, best_of=1)
    orders = [
        CodeOrder(STEPS, Wish(text, tune), sampling=greedy)
        for text, tune in zip(TEXTS, tunes, strict=True)
    ]
    got = write_codes(CodeWriter(ours, 50.0, conditioner), orders)
    np.testing.assert_array_equal(np.stack(got), expected)


def test_guidance_changes_the_codes():
    one, three = (their_codes(whole(), guidance) for guidance in (1.0, 3.0))
    assert (one != three).any()
    assert one.max() < CARD
