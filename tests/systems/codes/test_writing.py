"""Writing codes: what is kept, what may come, windows, stories, and independence of neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.decode.interfaces import Job  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.decode.windows import Window, in_force, windows  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.audio.code_lm import CodeConfig, CodeLM, ConditionConfig  # noqa: E402
from cantilena.models.encoders import HashedEncoder  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.systems.codes.conditions import (  # noqa: E402
    Conditioner,
    Wish,
    frames_of_steps,
)
from cantilena.systems.codes.piece import OPEN, CodeGrammar, CodePiece  # noqa: E402
from cantilena.systems.codes.stepper import CodeStepper, batched  # noqa: E402
from cantilena.systems.codes.writing import (  # noqa: E402
    SAMPLING,
    CodeOrder,
    CodeWriter,
    CodeWriting,
    write_codes,
)
from cantilena.tokens.codes.patterns import PATTERNS, pattern  # noqa: E402
from cantilena.tokens.codes.symbols import SYMBOLS, ScoreSymbols, score_symbols  # noqa: E402

BOOKS, CARD, RATE = 4, 9, 2.0
ONE_WINDOW = [name for name in PATTERNS if name != "multi-rate"]


def writer(name: str = "delay", fuse: str = "cross", **settings: Any) -> CodeWriter:
    conditions = {
        "melody": ConditionConfig(12, "prepend", length=3),
        "text": ConditionConfig(8, fuse),
        "beat": ConditionConfig(SYMBOLS["beat"].width, "sum"),
    }
    torch.manual_seed(0)
    config = CodeConfig(BOOKS, CARD, 16, heads=2, layers=2, hidden=24, conditions=conditions)
    model = CodeLM(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0)
    conditioner = Conditioner(config, RATE, HashedEncoder(8, buckets=64))
    return CodeWriter(model, RATE, conditioner, name, **settings)


def score(bpm: int = 120) -> ScoreSymbols:
    played = Score.build(
        24,
        [Track("piano", 0)],
        [0, 24, 48, 72],
        [24] * 4,
        [60, 64, 67, 72],
        [80] * 4,
        [0] * 4,
        tempos=[(0, 60_000_000 // bpm)],
    )
    return score_symbols(played)


# ------------------------------------------------------------------ windows


def test_musicgens_windows_of_70_seconds():
    spans = [(w.start, w.begin, w.stop) for w in windows(70, 30, 18)]
    assert spans == [(0, 0, 30), (18, 30, 48), (36, 48, 66), (54, 66, 70)]


def test_a_story_of_65_seconds():
    story = ((0, "calm"), (30, "waking"), (45, "running"), (60, "crossing the line"))
    plan = windows(65, 30, 15, [at for at, _ in story])
    assert [(w.start, w.stop) for w in plan] == [(0, 30), (15, 45), (30, 60), (45, 65)]
    assert [in_force(story, w.begin) for w in plan] == [text for _, text in story]


def test_no_window_goes_across_a_change():
    plan = windows(40, 30, 15, changes=(0, 10, 12))
    assert plan == [Window(0, 0, 10), Window(0, 10, 12), Window(0, 12, 30), Window(15, 30, 40)]
    assert in_force(((3, "a"),), 0) == "a" and in_force((), 9) == ""


def test_windows_behind_a_prompt():
    assert windows(50, 30, 18, begin=20) == [Window(8, 20, 38), Window(26, 38, 50)]
    assert windows(5, 30, 18, begin=5) == []


@pytest.mark.parametrize(("stride", "begin"), [(0, 0), (31, 0), (10, 6)])
def test_windows_that_cannot_be(stride: int, begin: int):
    with pytest.raises(InputError):
        windows(5, 30, stride, begin=begin)


# ------------------------------------------------------------------ pieces


@pytest.mark.parametrize("name", PATTERNS)
def test_special_tokens_stand_where_the_pattern_has_no_code(name: str):
    layout, grammar = pattern(name, BOOKS, 8, CARD), CodeGrammar()
    piece, rng = CodePiece(layout), np.random.default_rng(0)
    while not grammar.ends(piece, []):
        column = []
        for k in range(BOOKS):
            allowed = np.flatnonzero(np.isfinite(grammar.bias(k, piece, column)))
            there = layout.mask[k, piece.place]
            assert allowed.tolist() == (list(range(CARD)) if there else [CARD])
            column.append(int(rng.choice(allowed)))
        piece.push(*column)
    assert piece.complete and len(piece.rows) == layout.steps - 1
    np.testing.assert_array_equal(piece.columns, layout.build(piece.codes()[None])[0][0])


def test_what_is_known_is_forced_or_the_only_value():
    known = np.full((BOOKS, 3), OPEN)
    known[:, 0] = [1, 2, 3, 4]
    known[0, 2] = 8
    grammar, piece = CodeGrammar(), CodePiece(pattern("delay", BOOKS, 3, CARD), known)
    assert piece.settled == 1  # the second column has an open code of book 0
    assert grammar.forced(piece) == [1, CARD, CARD, CARD]
    piece.take(1)
    assert grammar.forced(piece) is None
    assert np.flatnonzero(np.isfinite(grammar.bias(1, piece, [0]))).tolist() == [2]
    assert np.isfinite(grammar.bias(0, piece, [])).sum() == CARD
    with pytest.raises(ValueError, match="only 1 are settled"):
        piece.take(2)


@pytest.mark.parametrize("bad", [np.zeros((BOOKS, 4)), np.full((BOOKS, 3), CARD), [[-2] * 3] * 4])
def test_codes_that_do_not_fit_a_piece(bad: Any):
    with pytest.raises(InputError):
        CodePiece(pattern("delay", BOOKS, 3, CARD), np.asarray(bad))


def test_steps_are_told_of_the_frame_that_they_predict():
    def frames(name: str) -> list[int]:
        return frames_of_steps(pattern(name, 2, 3, CARD)).tolist()

    assert frames("parallel") == [0, 1, 2, 2]
    assert frames("delay") == [0, 1, 2, 2, 2]
    assert frames("flatten") == [0, 0, 1, 1, 2, 2, 2]
    assert frames("valle") == [0, 1, 2, 0, 1, 2, 2]
    rates = pattern("multi-rate", 2, 4, CARD)  # T M M: 2 frames of T for 4 of M
    assert frames_of_steps(rates).tolist() == [0, 0, 1, 2, 2, 3, 3]


# ------------------------------------------------------------------ writing


@pytest.mark.parametrize("name", ONE_WINDOW)
def test_what_surrounds_a_gap_is_kept(name: str):
    rng = np.random.default_rng(1)
    known = rng.integers(0, CARD, (BOOKS, 12))
    known[:, 4:8] = OPEN
    known[2, 9] = OPEN
    (got,) = write_codes(writer(name), [CodeOrder(12, known=known, seed=3)])
    assert got.min() >= 0 and got.max() < CARD
    np.testing.assert_array_equal(got[known != OPEN], known[known != OPEN])


def test_books_of_unequal_rate_are_written_in_one_window():
    one = writer("multi-rate", options={"rates": [1, 2, 4, 4]})
    (got,) = write_codes(one, [CodeOrder(8)])
    assert (got[0, :2] < CARD).all() and (got[0, 2:] == CARD).all() and (got[3] < CARD).all()
    with pytest.raises(InputError, match="books differ in rate"):
        write_codes(replace(one, seconds=4.0, stride=2.0), [CodeOrder(16)])


@pytest.mark.parametrize("name", ONE_WINDOW)
def test_a_piece_is_the_same_beside_others(name: str):
    lm = writer(name, seconds=6.0, stride=4.0)
    prompt = np.random.default_rng(2).integers(0, CARD, (BOOKS, 5))
    orders = [
        CodeOrder(20, Wish("slow strings", score=score()), seed=1),
        CodeOrder(9, Wish("fast drums and bass"), seed=2),
        CodeOrder(14, Wish(""), seed=1, known=prompt),
    ]
    together = write_codes(lm, orders)
    for order, codes in zip(orders, together, strict=True):
        np.testing.assert_array_equal(write_codes(lm, [order])[0], codes)
        assert codes.shape == (BOOKS, order.frames) and codes.min() >= 0
    assert (together[0][:, :9] != together[1]).any()
    np.testing.assert_array_equal(together[2][:, :5], prompt)


@pytest.mark.parametrize("fuse", ["cross", "prepend"])
def test_every_condition_and_the_seed_change_the_codes(fuse: str):
    lm = writer(fuse=fuse)
    tune = np.eye(12, dtype=np.float32)[[0, 5, 7]]
    base = CodeOrder(16, Wish("slow strings", tune, score(120)), seed=1)
    wishes = [
        Wish("fast drums", tune, score(120)),
        Wish("slow strings", tune[::-1].copy(), score(120)),
        Wish("slow strings", tune, score(70)),
    ]
    others = [replace(base, wish=wish) for wish in wishes] + [replace(base, seed=2)]
    codes = write_codes(lm, [base, *others, base])
    np.testing.assert_array_equal(codes[0], codes[-1])
    for other in codes[1:-1]:
        assert (other != codes[0]).any()


def test_without_guidance_the_null_row_is_not_asked():
    lm = writer()
    plain = Sampling(temperature=1.0, best_of=1, guidance=1.0)
    wish = Wish("slow strings")
    one, two = write_codes(
        lm, [CodeOrder(12, wish, sampling=s) for s in (plain, replace(plain, guidance=3.0))]
    )
    (alone,) = write_codes(lm, [CodeOrder(12, wish, sampling=plain)])
    np.testing.assert_array_equal(one, alone)
    assert (one != two).any()


@pytest.mark.parametrize("fuse", ["cross", "prepend"])
def test_double_guidance_is_the_closed_form(fuse: str):
    """Against logits of the whole model, each row read alone: u + a (w + b (c - w) - u)."""
    lm, layout = writer(fuse=fuse), pattern("delay", BOOKS, 6, CARD)
    known = np.random.default_rng(4).integers(0, CARD, (BOOKS, 6))
    wish = Wish("slow strings", np.eye(12, dtype=np.float32)[[0, 5, 7]], score())
    cases, jobs = [(3.0, 5.0), (1.0, 2.0), (2.0, 0.0)], []
    for a, b in cases:
        conditions = replace(lm.conditioner.conditions(wish, layout), text_guidance=b)
        piece = CodePiece(layout, known)
        piece.take(4)
        sampling = Sampling(guidance=a, best_of=1)
        jobs.append(Job(piece, conditions, (), sampling, np.random.default_rng(0), limit=9))
    stepper = CodeStepper(lm.model, jobs)
    stepper.begin()
    c, w, u = (
        lm.model(
            torch.from_numpy(jobs[0].piece.columns[None]),
            {name: batched([row]) for name, row in rows.items()},
        )[0, :, 4]
        .detach()
        .numpy()
        for rows in (
            jobs[0].conditions.rows,
            {**jobs[0].conditions.rows, "text": jobs[0].conditions.null["text"]},
            jobs[0].conditions.null,
        )
    )
    assert np.abs(c - w).max() > 0.05 < np.abs(w - u).max()
    for i, (a, b) in enumerate(cases):
        expected = u + a * (w + b * (c - w) - u)
        for k in range(BOOKS):
            np.testing.assert_allclose(stepper.logits(k)[i, :-1], expected[k], atol=2e-4)


def test_the_text_guides_beside_what_else_is_asked():
    lm = writer()
    order = CodeOrder(12, Wish("slow strings", score=score()), seed=1)
    plain, one, five = write_codes(
        lm, [order, replace(order, text_guidance=1.0), replace(order, text_guidance=5.0)]
    )
    np.testing.assert_array_equal(plain, one)
    assert (plain != five).any()
    for share in (-1.0, 11.0, float("nan")):
        with pytest.raises(InputError, match="is outside 0-10"):
            write_codes(lm, [replace(order, text_guidance=share)])
    beat = {"beat": ConditionConfig(SYMBOLS["beat"].width, "sum")}
    config = CodeConfig(BOOKS, CARD, 16, 2, 1, 24, conditions=beat)
    deaf = CodeWriter(CodeLM(config), RATE, Conditioner(config, RATE))
    with pytest.raises(InputError, match="reads no text that could guide it"):
        write_codes(deaf, [CodeOrder(4, text_guidance=2.0)])


def test_a_story_is_told_to_the_windows(monkeypatch: Any):
    lm, heard = writer(seconds=6.0, stride=3.0), []
    tell = Conditioner.conditions

    def listening(self: Any, wish: Wish, layout: Any, start: int = 0) -> Any:
        heard.append((start, layout.frames, wish.text))
        return tell(self, wish, layout, start)

    monkeypatch.setattr(Conditioner, "conditions", listening)
    write_codes(lm, [CodeOrder(20, story=((0, "calm"), (12, "loud"), (18, "end")))])
    assert heard == [(0, 12, "calm"), (6, 12, "loud"), (12, 8, "end")]


def test_progress_counts_every_step():
    writing = CodeWriting(writer(seconds=6.0, stride=4.0), [CodeOrder(20), CodeOrder(5)])
    counts = list(writing.steps())
    assert counts[-1] == (writing.total, writing.total)
    assert [done for done, _ in counts] == sorted(done for done, _ in counts)
    assert writing.total == 2 * (12 + 3) + (5 + 3)  # windows of 12 frames, 4 of them read again


def test_nothing_is_written_where_all_is_known():
    known = np.ones((BOOKS, 4), dtype=np.int64)
    writing = CodeWriting(writer(), [CodeOrder(4, known=known)])
    assert writing.total == 0
    np.testing.assert_array_equal(writing.run()[0], known)


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (CodeOrder(0), "at least one frame"),
        (CodeOrder(4, known=np.zeros((BOOKS, 5))), "do not fit a piece of 4"),
        (CodeOrder(4, known=np.zeros((2, 3))), "must have 4 books"),
        (CodeOrder(4, known=np.full((BOOKS, 3), 50)), "codes must be 0 to 8"),
    ],
)
def test_orders_that_cannot_be_taken(order: CodeOrder, problem: str):
    with pytest.raises(InputError, match=problem):
        write_codes(writer(), [order])


def test_a_wish_that_the_model_cannot_read_is_refused():
    config = CodeConfig(BOOKS, CARD, 16, 2, 1, 24, conditions={"text": ConditionConfig(8, "sum")})
    plain = CodeWriter(CodeLM(config), RATE, Conditioner(config, RATE))
    for wish, kind in ((Wish("loud"), "text"), (Wish(score=score()), "score")):
        with pytest.raises(InputError, match=f"reads no {kind}; it reads nothing"):
            write_codes(plain, [CodeOrder(4, wish)])
    with pytest.raises(InputError, match="states of width 9, the model reads 8"):
        Conditioner(config, RATE, HashedEncoder(9, buckets=64))


def test_musicgens_sampling():
    assert (SAMPLING.top_k, SAMPLING.guidance, SAMPLING.temperature) == (250, 3.0, 1.0)
