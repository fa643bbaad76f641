"""A published MusicGen's folder writes codes by its own text encoder and tokenizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.encoders import PretrainedEncoder  # noqa: E402
from cantilena.systems.codes.checkpoint import load_writer  # noqa: E402
from cantilena.systems.codes.conditions import Wish  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, write_codes  # noqa: E402
from musicgen import BOOKS, CARD, causal, melody, whole  # noqa: E402
from tiny_hf import tokenizer  # noqa: E402

TEXT = "slow sad waltz"


@pytest.fixture(scope="module", params=[whole, melody])
def folder(request: Any, tmp_path_factory: Any) -> Any:
    place = tmp_path_factory.mktemp("published")
    request.param().save_pretrained(place)
    tokenizer().save_pretrained(place)
    return place


def test_a_published_folder_writes(folder: Any):
    writer = load_writer(folder)
    assert writer.pattern == "delay" and (writer.seconds, writer.stride) == (30.0, 18.0)
    assert writer.rate == 50.0  # 16 kHz, a frame each 320 samples
    assert isinstance(writer.conditioner.encoder, PretrainedEncoder)
    orders = [CodeOrder(6, Wish(text), seed=1) for text in (TEXT, "happy quick jazz trio", "")]
    got = write_codes(writer, orders)
    assert all(codes.shape == (BOOKS, 6) and codes.max() < CARD for codes in got)
    assert (got[0] != got[1]).any() and (got[0] != got[2]).any()
    np.testing.assert_array_equal(write_codes(writer, orders[:1])[0], got[0])


def test_its_text_states_are_its_encoders(folder: Any):
    encoder = load_writer(folder).conditioner.encoder
    read = encoder.encode([TEXT])
    with torch.no_grad():
        expected = encoder.model(torch.tensor([encoder._ids(TEXT)])).last_hidden_state
    torch.testing.assert_close(read.states[-1], expected)


def test_in_half_precision_codes_are_near_those_in_full(folder: Any):
    full, half = load_writer(folder), load_writer(folder, dtype="bfloat16")
    columns = torch.randint(0, CARD, (1, BOOKS, 9), generator=torch.Generator().manual_seed(0))
    one, two = (lm.model(columns).float().flatten() for lm in (full, half))
    assert half.model.head.weight.dtype == torch.bfloat16
    assert torch.corrcoef(torch.stack([one, two]))[0, 1] > 0.99
    assert write_codes(half, [CodeOrder(4, Wish(TEXT))])[0].shape == (BOOKS, 4)


def test_a_decoder_alone_reads_no_text(tmp_path: Any):
    causal().save_pretrained(tmp_path)
    writer = load_writer(tmp_path)
    assert write_codes(writer, [CodeOrder(4)])[0].shape == (BOOKS, 4)
    with pytest.raises(InputError, match="reads no text"):
        write_codes(writer, [CodeOrder(4, Wish(TEXT))])


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Any):
    whole().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_writer(tmp_path)
