"""The code model: causality under every pattern, conditions on their places, first weights."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.audio.code_lm import (  # noqa: E402
    CodeConfig,
    CodeLM,
    ConditionConfig,
    Signal,
    nats_by_book,
)
from cantilena.tokens.codes.patterns import PATTERNS, pattern  # noqa: E402

BOOKS, CARD, FRAMES = 4, 7, 8


def config(**conditions: ConditionConfig) -> CodeConfig:
    return CodeConfig(BOOKS, CARD, 16, heads=2, layers=2, hidden=24, conditions=conditions)


def model(**conditions: ConditionConfig) -> CodeLM:
    torch.manual_seed(0)
    return CodeLM(config(**conditions)).double().eval()


def ones(*shape: int) -> Any:
    return torch.ones(*shape, dtype=torch.bool)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_code_changes_all_later_columns_and_no_earlier_one(name: str):
    layout, lm = pattern(name, BOOKS, FRAMES, CARD), model()
    codes = torch.randint(0, CARD, (1, BOOKS, FRAMES), generator=torch.Generator().manual_seed(1))
    before = lm(layout.build(codes)[0])
    for k, t in ((0, 0), (1, 3), (3, 5)):
        if name == "multi-rate" and (k, t) == (1, 3):
            t = 1  # book 1 has a quarter of the frames
        (own,) = (layout.times[k] == t).nonzero()[0]
        changed = codes.clone()
        changed[0, k, t] = (changed[0, k, t] + 1) % CARD
        differs = (lm(layout.build(changed)[0]) != before).flatten(0, 1).any(0).any(-1)
        # the logits of column s are those at s - 1: with the code, from its own column on
        assert not differs[:own].any()
        assert differs[own:].all()


def test_what_is_added_reaches_its_column_and_those_behind():
    lm = model(beat=ConditionConfig(3, "sum"))
    columns = torch.randint(0, CARD, (1, BOOKS, 6), generator=torch.Generator().manual_seed(1))
    states = torch.randn(1, 6, 3, dtype=torch.float64)
    other = states.clone()
    other[0, 2] += 1
    pair = [lm(columns, {"beat": Signal(x, ones(1, 6))}) for x in (states, other)]
    differs = (pair[0] != pair[1]).flatten(0, 1).any(0).any(-1)
    assert differs.tolist() == [False, False, True, True, True, True]


def test_one_state_is_added_to_all_and_stretched_ones_to_their_share():
    one, stretched = (model(x=ConditionConfig(3, fuse)) for fuse in ("sum", "interpolate"))
    columns = torch.zeros(1, BOOKS, 6, dtype=torch.long)
    states = torch.randn(1, 2, 3, dtype=torch.float64)
    fused = stretched.fuse({"x": Signal(states, ones(1, 2))}, 6).added
    projected = stretched.conditions["x"](states)
    assert torch.equal(fused[0], projected[0][[0, 0, 0, 1, 1, 1]])
    many = states[:, :1].expand(1, 6, 3)
    both = [one(columns, {"x": Signal(x, ones(1, x.shape[1]))}) for x in (states[:, :1], many)]
    torch.testing.assert_close(*both)


def test_what_is_prepended_stands_in_the_configs_order():
    lm = model(front=ConditionConfig(3, "prepend"), behind=ConditionConfig(2, "prepend", length=5))
    front, behind = torch.randn(1, 1, 3).double(), torch.randn(1, 2, 2).double()
    fused = lm.fuse({"behind": Signal(behind, ones(1, 2)), "front": Signal(front, ones(1, 1))}, 6)
    repeated = lm.conditions["behind"](behind)[:, [0, 1, 0, 1, 0]]
    assert torch.equal(fused.prefix, torch.cat([lm.conditions["front"](front), repeated], 1))
    columns = torch.zeros(1, BOOKS, 6, dtype=torch.long)
    assert lm(columns, {"front": Signal(front, ones(1, 1))}).shape == (1, BOOKS, 6, CARD)


def test_what_is_masked_is_not_read_across():
    lm = model(text=ConditionConfig(3, "cross"))
    columns = torch.zeros(2, BOOKS, 4, dtype=torch.long)
    states = torch.randn(2, 3, 3, dtype=torch.float64)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    other = states.clone()
    other[0, 2] = other[1] = 9.0
    got = [lm(columns, {"text": Signal(x, mask)}) for x in (states, other)]
    assert torch.equal(*got)
    assert torch.equal(got[0][1], lm(columns[:1])[0])  # nothing to read is nothing added
    assert not torch.equal(got[0][0], got[0][1])


@pytest.mark.parametrize(
    ("name", "width", "length", "problem"),
    [
        ("tempo", 3, 4, "no condition 'tempo'; it has: beat"),
        ("beat", 5, 4, "width of 3, not 5"),
        ("beat", 3, 2, "2 states for 4 columns"),
    ],
)
def test_conditions_that_do_not_fit(name: str, width: int, length: int, problem: str):
    lm = model(beat=ConditionConfig(3, "sum"))
    signal = Signal(torch.zeros(1, length, width).double(), ones(1, length))
    with pytest.raises(InputError, match=problem):
        lm(torch.zeros(1, BOOKS, 4, dtype=torch.long), {name: signal})


def test_first_weights_are_audiocrafts():
    torch.manual_seed(0)
    wide = CodeConfig(2, 64, 128, 4, 3, 256, conditions={"text": ConditionConfig(8, "cross")})
    lm = CodeLM(wide)
    cut = 0.9866  # deviation of a normal cut off at 3 deviations
    assert lm.embedding.weight.std().item() == pytest.approx(cut / math.sqrt(128), rel=0.03)
    for number, block in enumerate(lm.blocks, 1):
        for layer, fan in ((block.out, 128), (block.cross.out, 128), (block.down, 256)):
            expected = cut / math.sqrt(2 * number * fan)
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.03)
            assert layer.weight.abs().max().item() <= 3 / math.sqrt(2 * number * fan)
        assert block.qkv.weight.abs().max().item() == pytest.approx(1 / math.sqrt(128), rel=0.01)
    assert all(p.bias is None for p in lm.blocks.modules() if isinstance(p, torch.nn.Linear))


def test_a_config_comes_back_from_its_card():
    made = config(text=ConditionConfig(3, "cross"), tune=ConditionConfig(12, "prepend", length=9))
    assert CodeConfig.from_dict(made.to_dict()) == made
    with pytest.raises(CheckpointError, match="fused by 'add'"):
        CodeConfig.from_dict({**made.to_dict(), "conditions": {"x": {"width": 1, "fuse": "add"}}})
    with pytest.raises(InputError, match="does not divide into 5 heads"):
        CodeConfig(4, 7, 16, heads=5)


class Counting:
    """Logits that say the code behind the newest column's, of the book ``shift`` before it."""

    def __init__(self, shift: int):
        self.shift = shift

    def __call__(self, sequence: Any) -> Any:
        following = (sequence.roll(self.shift, 1) + 1) % CARD
        return torch.nn.functional.one_hot(following, CARD).float() * 60


def test_the_loss_looks_at_the_next_column_of_the_same_book():
    frames, books = torch.arange(FRAMES), torch.arange(BOOKS)[:, None]
    layout = pattern("delay", BOOKS, FRAMES, CARD).valid
    sequence, mask = layout.build(((frames + 2 * books) % CARD)[None])
    mask[:, : BOOKS + 1] = False  # a book's first code does not follow from any
    right = nats_by_book(Counting(0)(sequence), sequence, mask)
    torch.testing.assert_close(right, torch.zeros(BOOKS))
    wrong = nats_by_book(Counting(1)(sequence), sequence, mask)
    torch.testing.assert_close(wrong, torch.full((BOOKS,), 60.0))
    even = nats_by_book(torch.zeros(1, BOOKS, sequence.shape[2], CARD), sequence, mask)
    torch.testing.assert_close(even, torch.full((BOOKS,), math.log(CARD)))


def test_a_book_without_codes_costs_nothing():
    sequence = torch.zeros(1, 2, 3, dtype=torch.long)
    mask = torch.tensor([[False, True, True], [False, False, False]])
    got = nats_by_book(torch.zeros(1, 2, 3, CARD), sequence, mask)
    assert got[1].item() == 0 and got[0].item() == pytest.approx(math.log(CARD))
