"""A small checkpoint of every system, untrained, as its own commands and writers make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def note(folder: Path) -> Path:
    """The note model's: a run of a tiny model, exported."""
    pytest.importorskip("onnx")
    from cantilena.train.note.export import export
    from tiny import write_run

    run = folder / "run"
    run.mkdir()
    return export(write_run(run), folder / "checkpoint")


def aligned(folder: Path) -> Path:
    """Adapters with open gates on a tiny note model."""
    import torch

    from cantilena.models.step_aligned import CrossConfig, CrossSteps
    from cantilena.systems.aligned.base import base_entry, open_base
    from cantilena.systems.note.torch_engine import load_network

    base = open_base(note(folder))
    torch.manual_seed(0)
    model = CrossSteps(load_network(base), CrossConfig(1, 32, 2))
    for adapter in model.adapters:
        torch.nn.init.normal_(adapter.gate.weight, std=0.5)  # type: ignore[union-attr, arg-type]
    card = {"model": {"task": "melody-to-accompaniment"}, "scheme": dict(base.card["scheme"])}
    return model.save(folder / "adapters", base_entry(base), card).folder


def amt(folder: Path) -> Path:
    """AMT's: GPT-2 in the published layout."""
    import tiny_hf
    from cantilena.tokens.arrival.vocab import AMT

    return tiny_hf.saved(tiny_hf.amt(vocabulary=AMT), folder / "music")


def amt_prefix(folder: Path) -> Path:
    """A bridge between a tiny text model and a tiny AMT."""
    import torch

    import tiny_hf
    from cantilena.models.encoders import text_encoder

    text = tiny_hf.saved(tiny_hf.llama(), folder / "text", tiny_hf.tokenizer())
    music = tiny_hf.saved(tiny_hf.amt(), folder / "music")
    torch.manual_seed(0)
    model = tiny_hf.prefix(music, text_encoder(text))
    torch.nn.init.normal_(model.bridge.project.weight, std=0.5)
    return model.save(folder / "prefix")


def llama_music(folder: Path) -> Path:
    """A Llama with music in its vocabulary, exported as a plain one."""
    import tiny_hf
    from cantilena.models.llama_music import LlamaMusic
    from cantilena.models.llama_plain import export_plain

    model = LlamaMusic(tiny_hf.llama(), None, tiny_hf.SMALL, instruction="you are :").eval()
    return export_plain(model, folder / "plain", tiny_hf.tokenizer())


def attributes(folder: Path) -> Path:
    """MuseCoco's second stage, of two layers."""
    import torch

    from cantilena.models.attribute_lm import AttributeConfig, AttributeLM

    torch.manual_seed(0)
    model = AttributeLM(AttributeConfig(layers=2, width=16, heads=2, inner=16))
    return model.save(folder / "attributes")


def symphony(folder: Path) -> Path:
    """SymphonyNet's: a model with random weights and its vocabulary."""
    import tiny_bridges

    return tiny_bridges.with_words(folder / "rows")


def bert_symphony(folder: Path) -> Path:
    """The same behind a bridge, whose gates are open, from hashed words."""
    import tiny_bridges

    return tiny_bridges.bridged_with_words(folder / "bridged")


def musicgen(folder: Path) -> Path:
    """A tiny codec, and a model of its codes that a Score leads."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_pairs import write_pair

    return write_pair(folder)


def code_notes(folder: Path) -> Path:
    """A tiny codec, and a model of its codes that is told of single notes."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_pairs import write_pair

    return write_pair(folder, "note", system="code-notes")


def musiclm(folder: Path) -> Path:
    """A tiny codec, and the stages that write its codes of words."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_musiclm import write_musiclm

    return write_musiclm(folder / "musiclm")


def latent(folder: Path) -> Path:
    """A tiny autoencoder, and a diffusion over its latents that a Score or a text leads."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_latent import write_latent

    return write_latent(folder, seconds=8.0)  # most pieces in one window


def uniaudio(folder: Path) -> Path:
    """A tiny codec, and a model of all tasks that writes its codes."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_uniaudio import write_uniaudio

    return write_uniaudio(folder, seconds=4.0)


def karasinger(folder: Path) -> Path:
    """A tiny codec of levels, and a model that sings its codes."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_karasinger import write_karasinger

    return write_karasinger(folder)


CHECKPOINTS: dict[str, Callable[[Path], Path]] = {
    "note": note,
    "aligned": aligned,
    "amt": amt,
    "amt-prefix": amt_prefix,
    "llama-music": llama_music,
    "attributes": attributes,
    "symphony": symphony,
    "bert-symphony": bert_symphony,
    "musicgen": musicgen,
    "code-notes": code_notes,
    "musiclm": musiclm,
    "latent": latent,
    "karasinger": karasinger,
    "uniaudio": uniaudio,
}
"""What makes the checkpoint, in an empty folder, by the system's name."""
