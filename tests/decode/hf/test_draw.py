"""Drawing on the device and grouped attention: what a GPU does, here on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.decode.hf import attention, cache, graphs  # noqa: E402
from cantilena.decode.hf import single as single_module  # noqa: E402
from cantilena.decode.hf.cache import Reading  # noqa: E402
from cantilena.decode.hf.draw import Drawer  # noqa: E402
from cantilena.decode.hf.engine import HFStepModel  # noqa: E402
from cantilena.decode.hf.interfaces import PromptState  # noqa: E402
from cantilena.decode.loop import Job, Loop  # noqa: E402
from cantilena.decode.sampling import Sampling, choose  # noqa: E402
from cantilena.systems.arrival.grammar import ArrivalGrammar  # noqa: E402
from cantilena.systems.arrival.piece import ArrivalPiece  # noqa: E402
from cantilena.systems.arrival.stepper import ArrivalStepper  # noqa: E402
from tiny_hf import SMALL, amt, llama  # noqa: E402
from wishing import Instruments  # noqa: E402

HOW = [
    Sampling(0),
    Sampling(1.0, 1.0),
    Sampling(1.0, 0.98),
    Sampling(0.4, 0.3),
    Sampling(1.5, 0.9, 7),
    Sampling(1.0, 1.0, 1),
    Sampling(1e-9, 0.5),
    Sampling(1, 0.98, 10**6),
]


@pytest.mark.parametrize("wide", [3, 700, 9_000])
def test_values_are_those_that_one_row_alone_would_get(wide: int):
    rng = np.random.default_rng(wide)
    drawer = Drawer(torch.device("cpu"))
    for turn in range(12):
        logits = rng.normal(0, rng.choice([0.3, 2, 6]), (len(HOW), wide)).astype(np.float32)
        biases: list = [None] * len(HOW)
        for k in range(0 if turn else len(HOW), len(HOW), 2):
            biases[k] = np.where(rng.random(wide) < 0.7, -np.inf, 0.0)
            biases[k][rng.integers(wide)] = 0.0
        numbers = rng.random(len(HOW)).tolist()
        mask = drawer.masks(biases, len(biases), wide)
        assert (mask is None) == (turn == 0)
        found = drawer.draw(torch.from_numpy(logits), mask, HOW, numbers)
        for k, value in enumerate(found):
            row = logits[k].astype(np.float64) + (0 if biases[k] is None else biases[k])
            assert value == choose(row, HOW[k], numbers[k])


def test_masks_are_kept_apart_by_width_and_grow_with_the_rows():
    drawer = Drawer(torch.device("cpu"))
    one = drawer.masks([np.array([0, -np.inf])], 1, 2)
    two = drawer.masks(iter([None, np.array([1.0, 2.0]), None]), 3, 2)
    assert one is not None and two is not None
    assert two.tolist() == [[0, 0], [1, 2], [0, 0]]
    assert drawer.masks([None], 1, 2) is None


def pieces(model, draws: bool, count: int = 5) -> list[list[int]]:
    """Tokens of some pieces: windows move, rows end at different times and are dropped."""
    grammar = ArrivalGrammar(vocabulary=SMALL)
    steps = HFStepModel(model, size=SMALL.size)
    steps.draws = draws
    jobs = [
        Job(
            ArrivalPiece(vocabulary=SMALL),
            PromptState(),
            [Instruments([i % 3]), Instruments([9 % 4])],
            Sampling(1.0, 0.98, guidance=1.0),
            np.random.default_rng(i),
            limit=10 + 12 * i,
            sampling_by_field=(lambda k, chosen: Sampling(0.4, 0.6)) if i == 3 else None,
        )
        for i in range(count)
    ]
    Loop(ArrivalStepper(steps, grammar, jobs), grammar, jobs).run()
    assert any(job.dropped for job in jobs)
    return [[*job.dropped.values(), *job.piece.tokens] for job in jobs]


def test_a_model_that_draws_writes_the_same_pieces():
    model = amt(width=24)
    assert pieces(model, True) == pieces(model, False)


def test_compatible_pieces_are_chosen_row_by_row():
    steps = HFStepModel(amt(), size=SMALL.size)
    steps.draws = True
    grammar = ArrivalGrammar(vocabulary=SMALL)
    for compatible in (False, True):
        piece = ArrivalPiece(compatible=compatible, vocabulary=SMALL)
        job = Job(piece, PromptState(), (), Sampling(), np.random.default_rng(0), 2)
        assert ArrivalStepper(steps, grammar, [job]).draws is not compatible


def test_heads_that_share_keys_attend_as_if_each_had_its_own(monkeypatch):
    model = llama(SMALL.size)

    def logits() -> np.ndarray:
        steps = HFStepModel(model, size=SMALL.size)
        session = steps.session([PromptState(ids=[1, 2]), PromptState()])
        session.advance([[5], [7, 8, 9]])
        for new in ([3, 4], [5, 6]):
            session.advance(np.array(new))
        return session.logits()

    ids = torch.tensor([[1, 2, 3, 4], [1, 5, 6, 7]])
    padded = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    apart, whole = logits(), model(ids, attention_mask=padded).logits
    assert model.config._attn_implementation == "sdpa"
    single, own = [], attention.grouped

    def watched(module, query, *parts, **settings):
        single.append(query.shape[2] == 1)
        return own(module, query, *parts, **settings)

    monkeypatch.setattr(attention, "grouped", watched)
    monkeypatch.setattr(single_module, "single_step", lambda _: None)  # that of a CPU
    attention.attend_grouped(model.config)
    assert logits() == pytest.approx(apart, abs=1e-5)
    assert single.count(True) == 2 * model.config.num_hidden_layers
    # and whoever calls the model itself gets what it gave
    real = padded.bool()
    assert torch.allclose(model(ids, attention_mask=padded).logits[real], whole[real], atol=1e-5)


class Replay:
    """A recorded step, on a CPU: replaying it computes it."""

    def __init__(self, trunk, cache, inputs: tuple, states, held):
        self.trunk, self.cache, self.inputs = trunk, cache, inputs
        self.states, self.held = states, held

    def replay(self) -> None:
        self.cache.reading = self.held
        new = self.trunk(self.cache, self.inputs[0], self.inputs[1], self.held.mask)
        self.states.copy_(new)


def recorded(self, cache, vectors, places, reading):
    """``Steady._record`` without CUDA."""
    inputs = tuple(t.clone() for t in (vectors, places, reading.index, reading.mask))
    held = Reading(None, inputs[2], reading.seen, inputs[3])
    cache.reading = held
    states = self.trunk(cache, inputs[0], inputs[1], held.mask).clone()
    return Replay(self.trunk, cache, inputs, states, held), inputs, states


@pytest.mark.parametrize("kind", ["amt", "llama"])
def test_replayed_steps_are_those_that_are_run(monkeypatch, kind: str):
    monkeypatch.setattr(graphs.Steady, "_record", recorded)
    monkeypatch.setattr(graphs, "_ROUND", 16)
    monkeypatch.setattr(cache, "_ROUND", 16)
    # shapes whose hashes happen to be equal are not taken for each other
    monkeypatch.setattr(graphs, "hash", lambda _: 7, raising=False)
    model = amt() if kind == "amt" else llama(SMALL.size)
    plain, steady = (HFStepModel(model, size=SMALL.size, context=64) for _ in range(2))
    steady.records = True
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2):  # the first session's graphs stay its own
        sessions = [steps.session([PromptState()] * 3) for steps in (plain, steady)]
        held.append(sessions)
        for session in sessions:
            session.advance([[5], [7, 8, 9], [1]])
        for turn in range(40):
            new = rng.integers(0, SMALL.size, len(sessions[0].rows.place))
            for session in sessions:
                session.advance(new)
                if turn == 20:
                    session.keep([2, 0])
            assert sessions[1].logits() == pytest.approx(sessions[0].logits(), abs=1e-4)
        steady_session = sessions[1].steady
        assert steady_session is not None and steady_session.works
        assert len(steady_session.graphs) > 1
    sessions = held[0]
    for session in sessions:
        session.advance([[4], [4]])
    assert sessions[1].logits() == pytest.approx(sessions[0].logits(), abs=1e-4)
