"""A column read from the weights gives what the modules give, in whatever form products take."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.models.audio import code_step  # noqa: E402
from cantilena.models.audio.code_lm import (  # noqa: E402
    CodeConfig,
    CodeLM,
    ConditionConfig,
    Signal,
)
from cantilena.models.audio.code_session import CodeSession  # noqa: E402

BOOKS, CARD, COLUMNS = 4, 40, 7
CONDITIONS = {
    "none": {},
    "across": {"text": ConditionConfig(5, "cross")},
    "before": {"tune": ConditionConfig(5, "prepend"), "beat": ConditionConfig(5, "sum")},
}


def model(conditions: dict[str, ConditionConfig]) -> CodeLM:
    torch.manual_seed(0)
    lm = CodeLM(CodeConfig(BOOKS, CARD, 16, heads=2, layers=2, hidden=48, conditions=conditions))
    with torch.no_grad():
        for weight in lm.parameters():
            weight.copy_(torch.randn_like(weight) * 0.4 + 0.1)
    return lm.eval().requires_grad_(False)


def signals(conditions: dict[str, ConditionConfig], rows: int) -> dict[str, Signal]:
    """Random states; the last row's are masked but for the first."""
    mask = torch.ones(rows, COLUMNS, dtype=torch.bool)
    mask[-1, 1:] = False
    return {name: Signal(torch.randn(rows, COLUMNS, 5), mask) for name in conditions}


def read(session: CodeSession, columns: Any, parts: list[int]) -> Any:
    """(B, K, card) logits behind each part of the columns, one behind the other."""
    return torch.stack([session.logits(session.read(x)) for x in columns.split(parts, 2)], 2)


@pytest.mark.parametrize("large", [1, 10**9])
@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("name", CONDITIONS)
def test_column_by_column_logits_are_the_whole_models(
    monkeypatch, name: str, rows: int, large: int
):
    monkeypatch.setattr(code_step, "LARGE", large)
    lm = model(CONDITIONS[name])
    columns = torch.randint(0, CARD + 1, (rows, BOOKS, COLUMNS))
    how = signals(CONDITIONS[name], rows)
    whole = lm(columns, how)
    assert whole.std() > 0.5
    for parts in ([1] * COLUMNS, [3, 1, 1, 2]):
        got = read(CodeSession(lm, how, rows, COLUMNS), columns, parts)
        ends = torch.tensor(parts).cumsum(0) - 1
        torch.testing.assert_close(got, whole[:, :, ends], rtol=1e-4, atol=1e-4)


def test_a_step_calls_no_module(monkeypatch):
    lm = model(CONDITIONS["across"])
    session = CodeSession(lm, signals(CONDITIONS["across"], 2), 2, COLUMNS)
    columns = torch.zeros(2, BOOKS, 1, dtype=torch.long)

    def fail(*_: Any) -> None:
        raise AssertionError("a module was called")

    for block in lm.blocks:
        for part in block.modules():
            monkeypatch.setattr(part, "forward", fail)
    assert torch.isfinite(session.logits(session.read(columns))).all()


def test_in_8_bits_logits_stay_near_and_no_row_depends_on_another():
    lm = model(CONDITIONS["across"])
    packed = code_step.packed_weights(lm)
    how, columns = signals(CONDITIONS["across"], 2), torch.randint(0, CARD, (2, BOOKS, COLUMNS))
    exact = lm(columns, how)
    got = read(CodeSession(lm, how, 2, COLUMNS, packed), columns, [1] * COLUMNS)
    apart = (got - exact).square().mean().sqrt() / exact.std()
    assert 0 < apart < 0.05
    alone = {name: Signal(x[:1], mask[:1]) for name, (x, mask) in how.items()}
    one = read(CodeSession(lm, alone, 1, COLUMNS, packed), columns[:1], [1] * COLUMNS)
    torch.testing.assert_close(one[0], got[0], rtol=1e-4, atol=1e-4)
