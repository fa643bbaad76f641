"""The step model and its ragged cache against the whole model run over each row."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from arrival_noise import NoiseModel  # noqa: E402
from cached_sampling import cached_sampling  # noqa: E402
from cantilena.decode.hf.engine import HFStepModel  # noqa: E402
from cantilena.decode.hf.interfaces import PromptState  # noqa: E402
from cantilena.decode.loop import Job, Loop  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.amt import amt_config, load_amt  # noqa: E402
from cantilena.systems.arrival.grammar import ArrivalGrammar  # noqa: E402
from cantilena.systems.arrival.piece import ArrivalPiece  # noqa: E402
from cantilena.systems.arrival.stepper import ArrivalStepper  # noqa: E402
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402
from plain_sampling import plain_greedy  # noqa: E402
from tiny_hf import SMALL, amt, llama  # noqa: E402
from wishing import Instruments  # noqa: E402

FLAG = SMALL.autoregress
GREEDY = Sampling(temperature=0)


def whole(model, ids: list[int]) -> np.ndarray:
    """Logits behind ``ids``, all positions through the model at once, without a cache."""
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0, -1].numpy()


def rows(seed: int, *lengths: int, size: int = SMALL.size) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, size, n).tolist() for n in lengths]


def test_rows_of_any_length_read_as_if_alone():
    model = amt()
    held = rows(0, 9, 1, 4)
    prompts = [PromptState(), PromptState(), PromptState(ids=held[2][:2])]
    steps = HFStepModel(model, size=SMALL.size).session(prompts)
    steps.advance([*held[:2], held[2][2:]])
    assert steps.logits().shape == (3, SMALL.size) and steps.logits().dtype == np.float32
    for new in (rows(1, 3, 0, 1), rows(2, 1, 1, 1), rows(3, 0, 5, 2)):
        steps.advance(np.array(new)[:, 0] if {len(n) for n in new} == {1} else new)
        held = [a + b for a, b in zip(held, new, strict=True)]
        found = steps.logits(20, 90)
        for row, ids in zip(found, held, strict=True):
            assert row == pytest.approx(whole(model, ids)[20:90], abs=1e-4)


def test_rows_are_read_anew_and_dropped():
    model = amt()
    held = rows(4, 7, 3, 5)
    prompt = [11, 12]
    steps = HFStepModel(model, size=SMALL.size).session([PromptState(ids=prompt)] * 3)
    steps.advance(held)
    held[1] = [8, 9, 10, 11]
    steps.restart([1], [held[1]])
    for row, ids in zip(steps.logits(), held, strict=True):
        assert row == pytest.approx(whole(model, prompt + ids), abs=1e-4)
    steps.keep([2, 1])
    steps.advance([[5], [6, 7]])
    found = steps.logits()
    assert found[0] == pytest.approx(whole(model, [*prompt, *held[2], 5]), abs=1e-4)
    assert found[1] == pytest.approx(whole(model, [*prompt, *held[1], 6, 7]), abs=1e-4)


def test_a_prefix_without_positions():
    """The music's positions start at 0; vectors of other lengths stand before each row."""
    model = amt()
    vectors = torch.randn(6, 24, generator=torch.Generator().manual_seed(0))
    held = rows(5, 4, 6)
    prompts = [PromptState(embeds=vectors, placed=False), PromptState(vectors[:2], placed=False)]
    steps = HFStepModel(model, size=SMALL.size).session(prompts)
    steps.advance(held)
    steps.advance(np.array([3, 4]))
    found = steps.logits()
    place = model.transformer.wpe.weight
    for row, prompt, ids in zip(found, prompts, held, strict=True):
        ids = [*ids, 3 if ids is held[0] else 4]
        # the same by hand: vectors that cancel the position embedding they will be given
        n = len(prompt)
        with torch.no_grad():
            music = model.transformer.wte(torch.tensor(ids)) + place[: len(ids)]
            x = torch.cat([prompt.embeds, music]) - place[: n + len(ids)]
            wanted = model(inputs_embeds=x[None]).logits[0, -1].numpy()
        assert row == pytest.approx(wanted, abs=1e-4)


def test_music_behind_text_in_one_vocabulary():
    offset = 48
    model = llama(offset + SMALL.size + 2)
    prompts, held = rows(6, 9, 2, size=offset), rows(7, 3, 8)
    texts = [PromptState(ids=ids) for ids in prompts]
    steps = HFStepModel(model, offset, SMALL.size).session(texts)
    steps.advance(held)
    steps.advance([[1, 2], [3]])
    held = [[*held[0], 1, 2], [*held[1], 3]]
    for row, text, ids in zip(steps.logits(5, 400), prompts, held, strict=True):
        wanted = whole(model, text + [offset + i for i in ids])[offset + 5 : offset + 400]
        assert row == pytest.approx(wanted, abs=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="vocabulary"):
        HFStepModel(amt(), offset=1, size=SMALL.size)
    model = HFStepModel(amt(), size=SMALL.size, context=16)
    with pytest.raises(InputError, match="context of 16"):
        model.session([PromptState(ids=[1] * 14)])
    steps = model.session([PromptState(ids=[1] * 4)])
    assert steps.room(0) == 12
    with pytest.raises(ValueError, match="16"):
        steps.advance([[1] * 13])


@pytest.mark.parametrize("kind", ["amt", "llama"])
def test_nothing_in_a_model_changes_while_it_generates(kind: str):
    model = amt() if kind == "amt" else llama(SMALL.size)
    steps = HFStepModel(model, size=SMALL.size)

    def state() -> list:
        own = [(name, id(value)) for name, value in sorted(vars(steps).items())]
        config = sorted((name, repr(value)) for name, value in vars(model.config).items())
        parts = [
            (name, type(part), part.training, len(part._forward_hooks), sorted(vars(part)))
            for name, part in model.named_modules()
        ]
        weights = [(name, id(p), p.requires_grad) for name, p in model.named_parameters()]
        return [own, config, parts, weights]

    before = state()
    session = steps.session([PromptState(ids=[1, 2]), PromptState()])
    session.advance([[5], [6, 7, 8]])
    session.advance([[1], [2]])
    session.restart([0], [[3]])
    session.logits()
    assert state() == before


def test_a_session_that_is_done_leaves_no_cache_behind():
    """Its memory is free at once, not when the collector of garbage comes round."""
    steps = HFStepModel(amt(), size=SMALL.size)
    gc.disable()
    try:
        session = steps.session([PromptState()])
        session.advance([[1, 2, 3]])
        cache = weakref.ref(session.cache)
        del session
        assert cache() is None
    finally:
        gc.enable()


# ------------------------------------------------------------------ through the loop


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A small random model in the published layout, over the published vocabulary, whose weights
    are large enough for its choices to depend on what it reads."""
    torch.manual_seed(1)
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel(amt_config(n_layer=2, n_head=2, n_embd=32))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.25)
    folder = tmp_path_factory.mktemp("published") / "music"
    model.save_pretrained(folder)
    return folder


def song(notes: int, step: int, seed: int = 0) -> list[int]:
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(0, step, notes))
    columns = (
        time,
        AMT.duration + rng.integers(1, 99, notes),
        AMT.note + rng.integers(0, 900, notes),
    )
    return np.stack(columns, axis=1).reshape(-1).tolist()


def later(seconds: int) -> list[int]:
    """Controls, one every seven seconds."""
    time = 700 * np.arange(seconds)
    columns = (time, AMT.duration + 20 + time * 0, AMT.note + 40 + time * 0)
    return (np.stack(columns, axis=1) + AMT.control).reshape(-1).tolist()


@pytest.mark.parametrize(
    ("given", "controls", "notes"),
    [
        ([], [], 12),
        (song(20, 60), [], 8),
        ([], later(9), 8),
        (song(336, 25), later(5), 2),
    ],
    ids=["nothing before", "a song goes on", "accompanied", "the window slides"],
)
def test_compatible_greedy_output_is_that_of_the_plain_loop(published, given, controls, notes):
    model = load_amt(published, device="cpu")
    wanted = plain_greedy(model, given, controls, notes)
    grammar = ArrivalGrammar()
    piece = ArrivalPiece(given, controls, compatible=True)
    job = Job(piece, PromptState(), (), GREEDY, np.random.default_rng(0), notes)
    Loop(ArrivalStepper(HFStepModel(model), grammar, [job]), grammar, [job]).run()
    assert piece.tokens == wanted
    if not controls:
        assert cached_sampling(model, given, notes) == wanted
    assert len(piece.rows) >= 2
    taken = len(controls) // 3 - len(piece.ahead)
    assert len(wanted) == len(given) + 3 * len(piece.rows) + 3 * taken


def pieces_of(model, chosen: list[int], notes: int = 24) -> dict[int, list[int]]:
    """Different pieces of one model, those ``chosen`` abreast: other seeds, pasts, lengths of
    prompt, constraints and ways of sampling."""
    grammar = ArrivalGrammar(vocabulary=SMALL)

    def job(i: int) -> Job:
        past = [t for k in range(i) for t in (10 * k, SMALL.duration + 3, SMALL.note + 7 + k)]
        piece = ArrivalPiece(past, start=10 * i, vocabulary=SMALL, rests=i != 2)
        wishes = [Instruments([i % 5, 4])] if i % 2 else []
        sampling = GREEDY if i == 3 else Sampling(1.0 + 0.1 * i, 0.95)
        prompt = PromptState(ids=list(range(1, 2 + 3 * i)))
        limit = notes if i != 1 else notes // 4
        return Job(piece, prompt, wishes, sampling, np.random.default_rng(i), limit)

    jobs = {i: job(i) for i in chosen}
    stepper = ArrivalStepper(HFStepModel(model, size=SMALL.size), grammar, list(jobs.values()))
    Loop(stepper, grammar, list(jobs.values())).run()
    return {i: job.piece.tokens for i, job in jobs.items()}


def test_a_piece_is_the_same_whatever_is_beside_it():
    """Windows move, rows end at different times and are dropped."""
    model = amt(width=24)
    together = pieces_of(model, [0, 1, 2, 3, 4])
    assert len({tuple(tokens) for tokens in together.values()}) == 5
    for i in together:
        assert pieces_of(model, [i])[i] == together[i]
    assert pieces_of(model, [4, 1])[4] == together[4]


def test_what_the_model_holds_is_the_window():
    """After windows have moved, the logits are those of the window read alone."""
    model = amt()
    grammar = ArrivalGrammar(vocabulary=SMALL)
    piece = ArrivalPiece(vocabulary=SMALL)
    job = Job(piece, PromptState(), (), Sampling(1.0, 1.0), np.random.default_rng(3), 70)
    loop = Loop(ArrivalStepper(HFStepModel(model, size=SMALL.size), grammar, [job]), grammar, [job])
    moved = 0
    for n in loop.steps():
        if job.done or n % 7:
            continue
        before = loop.stepper.moved
        loop.stepper._read()
        moved += loop.stepper.moved - before
        window = piece.tokens[3 * piece.first :]
        ids = [t - piece.offset * (i % 3 == 0) for i, t in enumerate(window)]
        assert len(ids) + 1 <= SMALL.context and min(ids[::3], default=0) >= 0
        wanted = whole(model, [piece.flag, *ids])
        assert loop.stepper.session.logits()[0] == pytest.approx(wanted, abs=1e-4)
    assert loop.stepper.moved >= 4 and piece.first > 0


def test_prompts_that_bring_their_flag_get_no_other():
    model = NoiseModel(context=64)
    grammar = ArrivalGrammar()
    for flagged, first in ((True, []), (False, [AMT.anticipate])):
        piece = ArrivalPiece([], later(1))
        job = Job(piece, PromptState(flagged=flagged), (), GREEDY, np.random.default_rng(0), 1)
        loop = Loop(ArrivalStepper(model, grammar, [job]), grammar, [job])
        next(loop.steps())
        assert model.read[0][: len(first) + 3] == first + later(1)
