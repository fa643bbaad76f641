"""LoRA in the paper's models, and their numbers of parameters."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import tiny_hf  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.adapters import (  # noqa: E402
    Lora,
    add_lora,
    load_in_4_bits,
    merge_lora,
    targets_of,
)
from cantilena.models.amt_prefix import AmtPrefix  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.models.parameters import counts, table  # noqa: E402

SMALL = tiny_hf.SMALL


def lora_names(model) -> list[str]:
    return [name for name in model.state_dict() if "lora_" in name]


def music_of(kind: str):
    if kind == "amt-prefix":
        model = AmtPrefix(tiny_hf.amt(), None, vocabulary=SMALL, layers=3, text_width=8)
        return model, tiny_hf.some_music()
    model = LlamaMusic(tiny_hf.llama(), None, SMALL)
    return model, tiny_hf.TEXT + tiny_hf.some_music()


@pytest.mark.parametrize("kind", ["amt-prefix", "llama-music"])
def test_lora_trains_few_weights_and_merges_into_the_published_names(kind, tmp_path):
    model, ids = music_of(kind)
    names = set(model.state_dict())
    before = model.eval()(ids).logits
    frozen = {k: v.clone() for k, v in model.backbone.named_parameters()}
    add_lora(model.backbone, Lora(rank=2, dropout=0.0))
    assert torch.allclose(model(ids).logits, before, atol=1e-6)  # B begins as zero
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    assert any("lora_A" in n for n in trainable)
    own = ("bridge.", "start", "music_embedding", "music_projection", "expanded_lm_head")
    assert all("lora_" in n or n.startswith(own) for n in trainable)
    assert any(n.startswith(own) for n in trainable)
    steps = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    for _ in range(2):
        steps.zero_grad()
        model(ids, labels=ids).loss.backward()
        steps.step()
    adapted = model(ids).logits
    assert (adapted - before).abs().max() > 1e-3 and lora_names(model)
    merge_lora(model)
    assert set(model.state_dict()) == names and not lora_names(model)
    assert torch.allclose(model(ids).logits, adapted, atol=1e-5)
    moved = [n for n, p in model.backbone.named_parameters() if not torch.equal(p, frozen[n])]
    assert moved and all("norm" not in n and "ln_" not in n and "embed" not in n for n in moved)


def test_every_matrix_of_a_block_is_adapted():
    for model, wanted in ((tiny_hf.llama(), 7), (tiny_hf.amt(), 4)):
        add_lora(model, Lora(rank=1))
        assert len([k for k in lora_names(model) if "lora_A" in k]) == 2 * wanted


def test_settings_that_cannot_be_are_named():
    with pytest.raises(InputError, match="rank 0"):
        add_lora(tiny_hf.llama(), Lora(rank=0))
    with pytest.raises(InputError, match="no_such_layer"):
        add_lora(tiny_hf.llama(), Lora(targets=("no_such_layer",)))
    with pytest.raises(InputError, match="'bert'"):
        targets_of(tiny_hf.bert())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_qlora_says_that_it_needs_a_gpu():
    with pytest.raises(InputError, match="needs a CUDA GPU"):
        load_in_4_bits("meta-llama/Llama-3.2-1B")


def test_trainable_parameters_are_those_of_the_papers_table_2():
    rows = counts()
    assert [(r.system, r.rounded, r.paper) for r in rows] == [
        ("amt-prefix, base", "783 M", "783 M"),
        ("amt-prefix, enhanced", "783 M", "783 M"),
        ("llama-music, 1B", "1.47 B", "1.47 B"),
        ("llama-music, 3B", "3.56 B", "3.56 B"),
    ]
    assert rows[1].parameters - rows[0].parameters == 17  # a weight for each layer
    assert f"{rows[2].parameters:,}" in table(rows)
