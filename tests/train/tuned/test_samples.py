"""Pieces written during training leave the model that is trained as it was."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

import tiny_hf  # noqa: E402
from cantilena.decode.hf.engine import HFStepModel  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.models.plain_lm import PlainLM  # noqa: E402
from cantilena.models.restoring import restored  # noqa: E402
from cantilena.systems.trainable import trainable  # noqa: E402
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402
from cantilena.train.tuned.samples import Samples  # noqa: E402


@pytest.fixture(params=["amt", "amt-prefix", "llama-music"])
def model(request, tmp_path) -> Any:
    """A model in the middle of its training: a part of it frozen, and in evaluation, too."""
    torch.manual_seed(0)
    if request.param == "amt":
        built: Any = PlainLM(tiny_hf.amt(vocabulary=AMT)).train()
        built.model.transformer.h[0].eval().requires_grad_(False)
    elif request.param == "llama-music":
        built = LlamaMusic(tiny_hf.llama(), None, AMT, instruction="you are :").train()
        built.text.model.layers[0].eval().requires_grad_(False)
    else:
        text = tiny_hf.saved(tiny_hf.llama(), tmp_path / "text", tiny_hf.tokenizer())
        music = tiny_hf.saved(tiny_hf.amt(vocabulary=AMT), tmp_path / "music")
        built = tiny_hf.prefix(music, text_encoder(text), vocabulary=AMT).train()
        built.music.transformer.h[0].eval().requires_grad_(False)
    return built


def parts(model: Any) -> list[tuple[str, type, bool, list, dict]]:
    """Of every module: its name and type, whether it trains, its hooks and its own attributes."""
    return [
        (
            name,
            type(part),
            part.training,
            [list(part._forward_hooks), list(part._forward_pre_hooks)],
            {k: id(v) for k, v in vars(part).items() if k != "training"},
        )
        for name, part in model.named_modules()
    ]


def configs(model: Any) -> list[str]:
    """All that the configs say, attention included."""
    held = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    return [repr(sorted((k, repr(v)) for k, v in vars(c).items())) for c in held.values()]


def state(model: Any) -> tuple:
    weights = [(n, id(p), p.requires_grad) for n, p in model.named_parameters()]
    return parts(model), configs(model), weights


def sampled(model: Any, folder: Any) -> None:
    texts = [None] if isinstance(model, PlainLM) else ["slow sad waltz"]
    system = {"PlainLM": "amt", "AmtPrefix": "amt-prefix", "LlamaMusic": "llama-music"}
    sampler = partial(trainable(system[type(model).__name__]).sampler, model, tiny_hf.tokenizer())
    samples = Samples(folder, model, sampler, texts, every=2, tokens=9)
    now = SimpleNamespace(is_world_process_zero=True, global_step=2)
    samples.on_step_end(None, now, None)
    assert (folder / "samples" / "step-2" / "0.mid").is_file()


def test_what_is_trained_is_as_it_was(model, tmp_path, monkeypatch):
    """Attention that cannot take the masks is switched, and on a GPU activations and the attention
    of heads that share keys; here without one."""
    music = model.text if isinstance(model, LlamaMusic) else getattr(model, "music", None)
    music = model.model if music is None else music
    music.config._attn_implementation = "flex_attention"
    own, prepared = HFStepModel._prepare, []

    def as_on_a_gpu(self: HFStepModel, on_gpu: bool) -> None:
        own(self, True)
        prepared.append(self.model.config._attn_implementation)

    monkeypatch.setattr(HFStepModel, "_prepare", as_on_a_gpu)
    before = state(model)
    sampled(model, tmp_path)
    assert prepared and prepared[0] != "flex_attention"
    assert state(model) == before


def test_a_piece_that_cannot_be_written_leaves_the_model_as_it_was(model, tmp_path, monkeypatch):
    def breaks(*_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("cantilena.train.tuned.samples.write", breaks)
    before = state(model)
    with pytest.raises(RuntimeError, match="memory"):
        sampled(model, tmp_path)
    assert state(model) == before


def test_a_hook_can_be_taken_off_after_a_model_was_restored():
    model = tiny_hf.amt()
    handle = model.transformer.register_forward_hook(lambda *_: None)
    with restored(model):
        model.transformer.register_forward_hook(lambda *_: None)
    assert len(model.transformer._forward_hooks) == 1
    handle.remove()
    assert not model.transformer._forward_hooks
