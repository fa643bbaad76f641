"""The single step on a CPU against the model's own modules, and which models go without it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cantilena.decode.hf import single as single_module  # noqa: E402
from cantilena.decode.hf.engine import HFStepModel  # noqa: E402
from cantilena.decode.hf.interfaces import PromptState  # noqa: E402
from cantilena.decode.hf.single import Single  # noqa: E402
from tiny_hf import SMALL, amt, llama  # noqa: E402


def gpt2(**changes):
    torch.manual_seed(0)
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 24, "n_positions": SMALL.context}
    config = transformers.GPT2Config(vocab_size=SMALL.size, **{**sizes, **changes})
    return loud(transformers.GPT2LMHeadModel(config))


def loud(model):
    """The model with weights, biases too, that are all large enough to be missed."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.2 * torch.randn_like(weights))
    return model.eval()


def rope(kind: str, **values) -> dict:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 500.0, **values}}


LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
MODELS = {
    "amt": amt,
    "gpt2": gpt2,
    "gpt2, plain scale, wide": lambda: gpt2(scale_attn_weights=False, n_inner=50),
    "gpt2, relu": lambda: gpt2(activation_function="relu"),
    "gpt2, eager": lambda: gpt2(attn_implementation="eager"),
    "llama, grouped": lambda: loud(llama(SMALL.size)),
    "llama, one key head": lambda: loud(llama(SMALL.size, num_key_value_heads=1)),
    "llama, a key head each": lambda: loud(llama(SMALL.size, num_key_value_heads=4)),
    "llama, biases, gelu": lambda: loud(
        llama(SMALL.size, attention_bias=True, mlp_bias=True, hidden_act="gelu")
    ),
    "llama, wide heads": lambda: loud(llama(SMALL.size, head_dim=12)),
    "llama, linear": lambda: loud(llama(SMALL.size, **rope("linear", factor=4.0))),
    "llama, llama3": lambda: loud(llama(SMALL.size, **rope("llama3", **LLAMA3))),
    "llama, yarn": lambda: loud(
        llama(SMALL.size, **rope("yarn", factor=4.0, original_max_position_embeddings=32))
    ),
    "llama, dynamic": lambda: loud(llama(SMALL.size, **rope("dynamic", factor=2.0))),
}


def logits(steps: HFStepModel) -> list[np.ndarray]:
    """Of single steps behind prompts of other lengths, some rows standing still, one dropped."""
    rng = np.random.default_rng(0)
    session = steps.session([PromptState(ids=[1, 2, 3]), PromptState(), PromptState(ids=[4])])
    session.advance([[5], [7, 8, 9], [1]])
    result = []
    for turn in range(24):
        new = rng.integers(0, SMALL.size, (3 if turn < 16 else 2, 1)).tolist()
        if turn % 5 == 4:
            new[1] = []
        session.advance(new)
        if turn == 15:
            session.keep([2, 0])
        result.append(session.logits())
    alone = steps.session([PromptState()])  # a cache that nothing has written to
    for token in rng.integers(0, SMALL.size, 12).tolist():
        alone.advance([[token]])
        result.append(alone.logits(3, 90))
    return result


@pytest.mark.parametrize("name", MODELS)
def test_single_steps_are_those_of_the_model(name: str):
    steps = HFStepModel(MODELS[name](), size=SMALL.size)
    assert isinstance(steps.single, Single)
    fast, calls = logits(steps), []
    steps.base.register_forward_hook(lambda *_: calls.append(1))
    again = logits(steps)
    # the prompts and the first tokens of unequal number, and not one of 36 single steps
    assert len(calls) == 2
    steps.single = None
    slow = logits(steps)
    assert len(calls) > 36
    for x, y, z in zip(fast, slow, again, strict=True):
        assert np.array_equal(x, z)
        assert x == pytest.approx(y, abs=2e-4 * float(np.abs(y).max()))


def test_a_prefix_without_positions_is_read_by_the_model_itself():
    """Also where it is a single vector, which has no position to be given."""
    steps = HFStepModel(amt(), size=SMALL.size)
    assert steps.single is not None
    prompt = PromptState(torch.randn(1, 24, generator=torch.Generator().manual_seed(0)), (), False)
    results = []
    for single in (steps.single, None):
        steps.single = single
        session = steps.session([prompt])
        for token in (3, 4, 5):
            session.advance([[token]])
        results.append(session.logits())
    assert results[0] == pytest.approx(results[1], abs=1e-5)


def test_a_full_row_is_refused():
    session = HFStepModel(amt(), size=SMALL.size, context=6).session([PromptState()])
    for token in range(6):
        session.advance([[token]])
    with pytest.raises(ValueError, match="6 positions cannot hold 7"):
        session.advance([[1]])


def adapted():
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(target_modules=["q_proj"], r=2)
    return peft.get_peft_model(llama(SMALL.size), config).base_model.model


def hooked():
    model = amt()
    model.transformer.h[1].mlp.register_forward_hook(lambda module, x, y: 2 * y)
    return model


def offloaded():
    """As accelerate places a model whose weights come when they are needed."""
    model = llama(SMALL.size)
    part = model.model.layers[0].mlp
    own = part.forward
    part.forward = lambda x: own(x)
    return model


def another_family():
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    kind = transformers.Qwen3Config(
        vocab_size=SMALL.size, intermediate_size=32, num_key_value_heads=1, **sizes
    )
    return transformers.Qwen3ForCausalLM(kind).eval()


@pytest.mark.parametrize(
    "model", [adapted, hooked, offloaded, another_family, lambda: amt().to(torch.bfloat16)]
)
def test_other_models_go_through_their_modules(model):
    steps = HFStepModel(model(), size=SMALL.size)
    assert steps.single is None
    calls = []
    steps.base.register_forward_hook(lambda *_: calls.append(1))
    session = steps.session([PromptState()])
    for token in (1, 2, 3):
        session.advance([[token]])
    assert len(calls) == 3 and np.isfinite(session.logits()).all()


def test_a_model_that_computes_something_else_is_noticed(monkeypatch):
    """As another version of ``transformers`` might, under the same names."""
    from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

    own = GPT2MLP.forward
    monkeypatch.setattr(GPT2MLP, "forward", lambda self, x: 1.5 * own(self, x))
    model = gpt2()
    assert single_module._family(model.transformer) is not None
    assert HFStepModel(model, size=SMALL.size).single is None


def test_other_names_in_transformers_are_no_failure(monkeypatch):
    from transformers.models.gpt2 import modeling_gpt2

    model = gpt2()
    monkeypatch.delattr(modeling_gpt2, "GPT2MLP")
    assert HFStepModel(model, size=SMALL.size).single is None
