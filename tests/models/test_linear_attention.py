"""Linear attention: three forms that agree, two layouts, and what states carry."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from cantilena.errors import InputError  # noqa: E402
from cantilena.models import linear_attention as la  # noqa: E402

CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def trunk(norm: str, width: int = 16, heads: int = 4, seed: int = 0) -> la.LinearTrunk:
    torch.manual_seed(seed)
    return la.LinearTrunk(la.TrunkConfig(2, width, heads, 24, norm)).eval()


def naive(q, k, v):
    """The formula, position by position and head by head."""
    out = torch.zeros_like(v)
    for b, h, i in torch.cartesian_prod(*(torch.arange(n) for n in v.shape[:3])).tolist():
        weights = [(q[b, h, i] * k[b, h, j]).sum() for j in range(i + 1)]
        total = sum(w * v[b, h, j] for j, w in enumerate(weights))
        out[b, h, i] = total / (sum(weights) + la.EPSILON)
    return out


@settings(max_examples=20, deadline=None)
@given(
    length=st.integers(1, 24),
    block=st.integers(1, 12),
    before=st.integers(0, 9),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
    seed=st.integers(0, 10_000),
)
def test_the_three_forms_agree_behind_any_state(length, block, before, scale, seed):
    torch.manual_seed(seed)
    q, k, v = (torch.randn(2, 3, before + length, 5) * scale for _ in range(3))
    q, k = la.features(q), la.features(k)
    empty = la.State(torch.zeros(2, 3, 5, 5), torch.zeros(2, 3, 5))
    whole, _ = la.parallel(q, k, v, empty)
    _, state = la.recurrent(*(x[:, :, :before] for x in (q, k, v)), empty) if before else (0, empty)
    new = [x[:, :, before:] for x in (q, k, v)]
    outcomes = [
        la.parallel(*new, state),
        la.chunked(*new, state, block),
        la.recurrent(*new, state),
    ]
    for output, after in outcomes:
        torch.testing.assert_close(output, whole[:, :, before:], **CLOSE)
        torch.testing.assert_close(after.sums, outcomes[0][1].sums, **CLOSE)
        torch.testing.assert_close(after.weights, outcomes[0][1].weights, **CLOSE)


def test_attention_is_the_formula():
    torch.manual_seed(1)
    q, k, v = (torch.randn(1, 2, 6, 3) for _ in range(3))
    q, k = la.features(q), la.features(k)
    assert (q > 0).all()
    empty = la.State(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3))
    torch.testing.assert_close(la.parallel(q, k, v, empty)[0], naive(q, k, v), **CLOSE)


@pytest.mark.parametrize("norm", la.NORMS)
@pytest.mark.parametrize("heads", [4, 3])  # 16 numbers in 3 heads leave one that no head has
def test_a_trunk_gives_the_same_in_one_go_in_pieces_and_step_by_step(norm, heads):
    model, x = trunk(norm, heads=heads), torch.randn(2, 150, 16)
    whole, after = model(x)
    assert la.form_for(150) == "chunked" and la.form_for(60) == "parallel"
    for sizes in ([40, 110], [1] * 150):
        states, outputs = None, []
        for some in x.split(sizes, 1):
            hidden, states = model(some, states=states)
            outputs.append(hidden)
        torch.testing.assert_close(torch.cat(outputs, 1), whole, **CLOSE)
        torch.testing.assert_close(states[-1].sums, after[-1].sums, **CLOSE)


@pytest.mark.parametrize("norm", la.NORMS)
def test_a_trunk_is_causal_and_reads_no_padding(norm):
    model, x = trunk(norm), torch.randn(2, 9, 16)
    changed = x.clone()
    changed[:, 5] += 1
    a, b = model(x)[0], model(changed)[0]
    assert torch.equal(a[:, :5], b[:, :5]) and not torch.allclose(a[:, 5:], b[:, 5:])
    keep = torch.ones(2, 9, dtype=torch.bool)
    keep[:, 5] = False
    a, b = model(x, keep)[0], model(changed, keep)[0]
    torch.testing.assert_close(a[:, 6:], b[:, 6:])


def test_a_steps_state_does_not_grow():
    model, states = trunk("pre"), None
    sizes = set()
    for _ in range(20):
        _, states = model(torch.randn(1, 1, 16), states=states)
        sizes.add(sum(state.sums.numel() + state.weights.numel() for state in states))
    assert len(sizes) == 1


def test_sums_are_float32_whatever_the_rest_is():
    model, x = trunk("post"), torch.randn(1, 40, 16)
    hidden, states = model.bfloat16()(x.bfloat16())
    assert hidden.dtype == torch.bfloat16 and states[0].sums.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        _, states = trunk("post")(x)
    assert states[0].sums.dtype == torch.float32


def test_rows_of_a_batch_are_kept_alone():
    model, x = trunk("pre"), torch.randn(3, 4, 16)
    _, states = model(x)
    kept = la.kept(states, [2, 0])
    torch.testing.assert_close(kept[1].sums, model(x[[2, 0]])[1][1].sums)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="post, pre"):
        la.TrunkConfig(1, 8, 2, 8, "both")
    with pytest.raises(InputError, match="each head needs a number"):
        la.TrunkConfig(1, 8, 9, 8, "pre")
    with pytest.raises(InputError, match="parallel, chunked, recurrent"):
        trunk("pre")(torch.randn(1, 2, 16), form="square")
