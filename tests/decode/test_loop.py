"""The loop by itself, with a model of a few lines: wishes, forced steps, drawing, cancelling."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling, choose
from cantilena.errors import CantilenaError

SIZES = (4, 3)


class Piece:
    def __init__(self):
        self.rows: list[tuple[int, ...]] = []

    def push(self, *fields: int) -> None:
        self.rows.append(fields)


class Plain:
    """Ends at value 3 of field 0; ``steps`` are forced, None where there is a choice."""

    def __init__(self, steps=(), mask=None):
        self.steps, self.mask = list(steps), mask

    def bias(self, field, piece, chosen):
        return self.mask if field == 0 else None

    def forced(self, piece):
        return self.steps[len(piece.rows)] if len(piece.rows) < len(self.steps) else None

    def ends(self, piece, chosen):
        return chosen[0] == 3


class Model:
    """Random logits by job and row, the same whether they are asked for or drawn from."""

    fields = 2

    def __init__(self, jobs, draws=False):
        self.jobs, self.draws, self.advanced, self.samplings = jobs, draws, 0, []

    def begin(self):
        pass

    def advance(self):
        self.advanced += 1

    def logits(self, k):
        rngs = [np.random.default_rng([i, k, len(j.piece.rows)]) for i, j in enumerate(self.jobs)]
        return [rng.normal(size=SIZES[k]) - 9 * (np.arange(SIZES[k]) == 3) for rng in rngs]

    def draw(self, k, bias, samplings, numbers):
        self.samplings.append(list(samplings))
        values = []
        for i, row in enumerate(self.logits(k)):
            added = bias(i)
            values.append(choose(row if added is None else row + added, samplings[i], numbers[i]))
        return values

    def chose(self, k, chosen):
        self.chosen = [list(step) for step in chosen]


class Never:
    name = "never"

    def __init__(self, field, values):
        self.field, self.values = field, values

    def bias(self, field, piece, chosen):
        if field != self.field:
            return None
        mask = np.zeros(SIZES[field])
        mask[self.values] = -np.inf
        return mask


def jobs(n=2, constraints=(), limit=6, **how) -> list[Job]:
    rngs = [np.random.default_rng(seed) for seed in range(n)]
    return [Job(Piece(), None, constraints, Sampling(), rng, limit, **how) for rng in rngs]


def rows(made: list[Job]) -> list[list[tuple[int, ...]]]:
    return [job.piece.rows for job in made]


def run(made: list[Job], grammar=None, draws=False) -> Model:
    model = Model(made, draws)
    Loop(model, grammar or Plain(), made).run()
    return model


@pytest.mark.parametrize("constraints", [(), (Never(1, [0]),), (Never(0, [0, 1]), Never(1, [2]))])
def test_drawing_and_choosing_give_the_same(constraints):
    chosen, drawn = jobs(3, constraints), jobs(3, constraints)
    run(chosen)
    run(drawn, draws=True)
    assert rows(chosen) == rows(drawn) and any(rows(chosen))


@pytest.mark.parametrize("draws", [False, True])
def test_sampling_by_field_is_obeyed_by_both(draws):
    """Field 1 takes the likeliest after value 0 of field 0, whoever draws."""
    greedy = Sampling(temperature=0)

    def by_field(k, chosen):
        return greedy if k == 1 and chosen[0] == 0 else Sampling()

    made = jobs(4, sampling_by_field=by_field, limit=20)
    run(made, draws=draws)
    seen = 0
    for i, job in enumerate(made):
        for n, (first, second) in enumerate(job.piece.rows):
            if first == 0:
                logits = np.random.default_rng([i, 1, n]).normal(size=SIZES[1])
                assert second == int(np.argmax(logits))
                seen += 1
    assert seen > 3


def test_a_model_without_any_allowed_value_is_named():
    """The grammar never gives way, so there is no piece; a sentence says whose fault it is."""

    class Narrow(Model):
        def logits(self, k):
            return [np.where(np.arange(len(row)) < 2, -np.inf, row) for row in super().logits(k)]

    grammar, made = Plain(mask=np.array([0.0, 0.0, -np.inf, -np.inf])), jobs(1)
    with pytest.raises(CantilenaError, match=r"weight above 0 to none .* field 0; .* never gives"):
        Loop(Narrow(made), grammar, made).run()


@pytest.mark.parametrize("draws", [False, True])
def test_a_wish_that_leaves_nothing_is_dropped_and_counted_by_name(draws):
    grammar = Plain(mask=np.array([0.0, 0.0, -np.inf, -np.inf]))
    made = jobs(1, [Never(0, [0]), Never(0, [1])])
    run(made, grammar, draws)
    assert {row[0] for row in made[0].piece.rows} == {1}  # the first wish stands, the second fell
    assert made[0].dropped == {"never": 6 + (len(made[0].piece.rows) == 6)}


def test_a_grammar_that_leaves_nothing_is_an_error():
    with pytest.raises(ValueError, match="no value for field 0"):
        run(jobs(1), Plain(mask=np.full(4, -np.inf)))


@pytest.mark.parametrize("draws", [False, True])
def test_forced_steps_are_taken_whole_and_no_wish_is_asked(draws):
    forced = [(2, 1), (0, 0), (1, 2)]
    made = jobs(2, [Never(1, [0, 1, 2])])
    run(made, Plain(forced), draws)
    for job in made:
        assert job.piece.rows[:3] == forced
        assert job.dropped.get("never", 0) == len(job.piece.rows) - 3
    assert any(job.dropped for job in made)
    # the random stream is untouched by them: the next number is the first
    free, held = jobs(1), jobs(1)
    run(free)
    loop = Loop(Model(held, draws), Plain(forced), held)
    steps = loop.steps()
    for _ in forced:
        next(steps)
    assert held[0].rng.random() == np.random.default_rng(0).random()


def test_closing_the_steps_ends_the_work():
    made = jobs(1, limit=50)
    model = Model(made)
    steps = Loop(model, Plain(), made).steps()
    for _ in range(3):
        next(steps)
    steps.close()
    assert len(made[0].piece.rows) == 3 and model.advanced == 2


def test_a_piece_that_ends_is_left_alone_while_others_go_on():
    made = jobs(3, limit=9)
    made[1].limit = 2
    run(made)
    assert len(made[1].piece.rows) <= 2 and made[1].done and made[1].step == []
    alone = jobs(3, limit=9)
    run(alone[:1])
    assert alone[0].piece.rows == made[0].piece.rows
