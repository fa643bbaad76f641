"""Code models as stages: how tokens of other rates are read, what does not fit, what is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.decode.cascade import OPEN, Cascade, Tokens, Writing  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.decode.windows import Windows  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.audio.code_lm import CodeConfig, CodeLM, ConditionConfig  # noqa: E402
from cantilena.systems.codes.stages import CodeStage, TokenRows  # noqa: E402
from cantilena.tokens.codes.patterns import pattern  # noqa: E402

ABOVE = Tokens(2.0, (3,), "semantic")
OWN = Tokens(4.0, (5, 5), "codec")


def nothing(*_: Any) -> Any:
    raise AssertionError("there is no other condition")


def stage(around: int = 1, reads: bool = True, sizes: tuple[int, ...] = (5, 5)) -> CodeStage:
    rows = TokenRows(ABOVE, OWN.rate, around)
    torch.manual_seed(0)
    conditions = {"above": rows.config} if reads else {}
    model = CodeLM(CodeConfig(2, 5, 8, 2, 1, 12, conditions=conditions)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4.0)
    return CodeStage(
        "own",
        model,
        Tokens(4.0, sizes, "codec"),
        Windows(2.0, 1.0),
        nothing,
        lambda wish: wish,
        {"above": ABOVE},
        around,
        temperature=0.5,
    )


def test_tokens_of_a_slower_rate_stand_beside_what_sounds_with_them():
    codes = np.array([[0, 1, 2, OPEN]])
    layout = pattern("parallel", 2, 6, 5)
    rows = TokenRows(ABOVE, 4.0).rows(codes, layout, 0)
    # a step stands beside the frame that it predicts; the last predicts none and repeats it
    assert rows.argmax(1).tolist() == [0, 0, 1, 1, 2, 2, 2] and (rows.sum(1) == 1).all()
    later = TokenRows(ABOVE, 4.0).rows(codes, layout, 4)
    assert later.sum(1).tolist() == [1, 1, 0, 0, 0, 0, 0]  # open, and behind the end


def test_neighbours_are_read_on_either_side():
    codes = np.array([[0, 1, 2]])
    wide = TokenRows(ABOVE, 4.0, around=1)
    rows = wide.rows(codes, pattern("parallel", 2, 6, 5), 0)
    assert wide.width == 9
    assert [np.flatnonzero(row).tolist() for row in rows[[0, 2, 4]]] == [
        [3, 7],
        [0, 4, 8],
        [1, 5],
    ]


def test_several_books_have_columns_of_their_own():
    rows = TokenRows(Tokens(4.0, (3, 2), ""), 4.0)
    codes = np.array([[2, 0], [1, OPEN]])
    there = rows.rows(codes, pattern("parallel", 1, 2, 5), 0)
    assert [np.flatnonzero(row).tolist() for row in there[:2]] == [[2, 4], [0]]


def test_a_model_that_does_not_read_or_write_the_tokens_is_refused():
    with pytest.raises(InputError, match="'own' reads 'above' as 9 numbers; its model has none"):
        stage(reads=False)
    with pytest.raises(InputError, match=r"'own' writes books of \[5, 6\] values, its model has 2"):
        stage(sizes=(5, 6))
    good = stage()
    with pytest.raises(InputError, match="as 15 numbers; its model has 9 numbers"):
        CodeStage(**{**vars(good), "around": 2})


def test_writing_goes_window_by_window_and_hangs_on_what_is_read():
    cascade = Cascade([stage()], {"above": ABOVE})
    told = [np.full((1, 11), value) for value in (0, 2)]
    codes = [
        Writing(cascade, Sampling(top_p=1.0), 5.3, 1, inputs={"above": rows}).run()["own"]
        for rows in (told[0], told[0], told[1])
    ]
    assert codes[0].shape == (2, 22) and codes[0].min() >= 0 and codes[0].max() < 5
    assert np.array_equal(codes[0], codes[1]) and not np.array_equal(codes[0], codes[2])


def test_a_stage_looks_no_further_than_its_reach():
    assert stage(2).reach == 1.0
    changed = np.zeros((1, 12), dtype=int)
    changed[0, 8:] = 1
    wish = Sampling(top_p=1.0)
    runs = [
        Writing(Cascade([stage()], {"above": ABOVE}), wish, 6.0, 1, inputs={"above": rows}).run()
        for rows in (np.zeros((1, 12), dtype=int), changed)
    ]
    # frames before the change less the reach of half a second are the same, later ones are not
    assert np.array_equal(runs[0]["own"][:, :13], runs[1]["own"][:, :13])
    assert not np.array_equal(runs[0]["own"], runs[1]["own"])


def test_sampling_is_the_pieces_own_made_cooler():
    one = stage()
    wish = Sampling(temperature=0.8, guidance=3.0)
    rows = {"own": np.full((2, 8), OPEN), "above": np.zeros((1, 4), dtype=int)}
    begun = one.begin(wish, one.windows.over(2.0, 4.0)[0], rows, np.random.default_rng(0))
    assert begun is not None and begun.job.sampling.guidance == 3.0
    assert begun.job.sampling.temperature == pytest.approx(0.4)
    settled = {**rows, "own": np.zeros((2, 8), dtype=int)}
    rng = np.random.default_rng(0)
    assert one.begin(wish, one.windows.over(2.0, 4.0)[0], settled, rng) is None


def test_a_condition_beside_tokens_comes_from_the_wish():
    one = stage()
    config = CodeConfig(
        2, 5, 8, 2, 1, 12, conditions={"above": one.token_rows("above").config, "x": COND}
    )
    asked: list[tuple[str, int]] = []

    def others(wish: Any, name: str, layout: Any, window: Any) -> Any:
        asked.append((name, window.start))
        from cantilena.systems.codes.stages import token_row

        return token_row(np.zeros((layout.steps, 2), dtype=np.float32))

    with_x = CodeStage(**{**vars(one), "model": CodeLM(config).eval(), "others": others})
    told = {"above": np.zeros((1, 6), dtype=int)}
    Writing(Cascade([with_x], {"above": ABOVE}), Sampling(), 3.0, inputs=told).run()
    assert asked == [("x", 0), ("x", 4)]


COND = ConditionConfig(2, "sum")
