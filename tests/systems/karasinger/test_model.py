"""The language model: what a code is told, attention that goes on, and writing as it was read."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.audio.karasinger import REACH, KaraConfig, KaraLM, nats  # noqa: E402
from cantilena.systems.karasinger.examples import KaraBatches, SungCodes  # noqa: E402
from cantilena.systems.karasinger.writing import (  # noqa: E402
    HOLD,
    MOST,
    TAIL,
    KaraOrder,
    KaraWriting,
)

torch.set_num_threads(1)
SIZES = (5, 4, 4, 6)
LYRICS = (1, 2, 3, 1, 2)


@pytest.fixture(scope="module")
def model() -> KaraLM:
    torch.manual_seed(0)
    made = KaraLM(KaraConfig(3, SIZES, width=16, inner=12, match=8, layers=1)).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "norm" not in name:
                weight.mul_(2.0)
    return made


def columns(frames: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(size, size=frames) for size in SIZES]
    return torch.from_numpy(np.stack(rows))[None]


def test_a_code_is_told_those_before_it_and_none_behind(model: KaraLM):
    phonemes, given = torch.tensor([LYRICS]), columns(6)
    logits = model(given, phonemes)[0]
    for frame, code in ((2, 1), (2, 3), (4, 0)):
        other = given.clone()
        other[0, code, frame] = (other[0, code, frame] + 1) % SIZES[code]
        changed = model(other, phonemes)[0]
        for k in range(len(SIZES)):
            same = torch.isclose(logits[k], changed[k]).all(-1)[0].tolist()
            told = [f > frame or (f == frame and k > code) for f in range(6)]
            assert same == [not t for t in told], (frame, code, k)


def test_attention_moves_on_by_a_few_phonemes_at_most(model: KaraLM):
    weights = model(columns(7), torch.tensor([[1, 2, 3] * 8]))[2][0]
    assert torch.allclose(weights.sum(-1), torch.ones(7), atol=1e-5)
    for frame, row in enumerate(weights):
        assert float(row[REACH * (frame + 1) + 1 :].detach().sum()) < 1e-3


def test_rows_of_a_batch_do_not_hear_what_fills_them_up(model: KaraLM):
    long, short = columns(6), columns(4, 1)
    padded = torch.cat([short, torch.zeros(1, 4, 2, dtype=torch.long)], 2)
    together = model(torch.cat([long, padded]), torch.tensor([LYRICS, (2, 3, 0, 0, 0)]))[0]
    alone = model(short, torch.tensor([[2, 3]]))[0]
    for k in range(4):
        assert torch.allclose(together[k][1, :4], alone[k][0], atol=1e-5)


def test_what_is_written_is_what_the_model_says_of_it(model: KaraLM):
    """Greedily: each code is the likeliest under the logits of the whole, and lyrics matter."""
    sampling = Sampling(temperature=0.0, best_of=1)
    written = KaraWriting(model, KaraOrder(LYRICS, None, 0, sampling)).run()
    assert 1 <= written.shape[1] <= MOST * len(LYRICS) + TAIL
    logits = model(torch.from_numpy(written)[None], torch.tensor([LYRICS]))[0]
    for k, row in enumerate(logits):
        assert row[0].argmax(-1).tolist() == written[k].tolist()
    other = KaraWriting(model, KaraOrder((3, 3, 1, 1, 3), 12, 0, sampling)).run()
    mine = KaraWriting(model, KaraOrder(LYRICS, 12, 0, sampling)).run()
    assert not np.array_equal(mine, other)


def test_a_length_that_is_asked_for_is_kept(model: KaraLM):
    for lyrics in (LYRICS, ()):
        writing = KaraWriting(model, KaraOrder(lyrics, 200, 3))
        shares = [done / of for done, of in writing.steps()]
        assert writing.codes[0].shape == (4, 200) and shares == sorted(shares)
    assert writing.turns >= 1
    again = KaraWriting(model, KaraOrder(LYRICS, 200, 3))
    assert np.array_equal(again.run()[:, :50], KaraWriting(model, KaraOrder(LYRICS, 50, 3)).run())
    assert again.turns > 1  # the words begin again


def test_the_last_phoneme_is_not_left_and_the_piece_ends_on_it(model: KaraLM):
    """Attention that is there alone goes back to no word; some columns later the piece is over."""
    lyrics = model.read(torch.tensor([LYRICS]))
    place = model.start(lyrics)
    there = torch.nn.functional.one_hot(torch.tensor([len(LYRICS) - 1]), len(LYRICS)).float()
    for _ in range(20):
        place = model.step(lyrics, place._replace(weights=there), model.begin[None])
        assert torch.allclose(place.weights.detach(), there)
    never = KaraLM(model.config).eval()
    never.load_state_dict(model.state_dict())
    with torch.no_grad():
        never.stop.bias.fill_(-50.0)
        never.energy.weight.zero_()
    written = KaraWriting(never, KaraOrder((1, 2, 3, 1), None, 0)).run()
    assert written.shape[1] < 4 + 3 * HOLD
    with torch.no_grad():
        never.stop.bias.fill_(50.0)
    sooner = KaraWriting(never, KaraOrder((1, 2, 3, 1), None, 0)).run()
    assert sooner.shape[1] <= written.shape[1] - HOLD + 1


def test_it_learns_which_phoneme_is_which_code():
    """Clips whose codes are their phonemes, two columns each: words are read, not guessed."""
    torch.manual_seed(1)
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(200):
        lyrics = tuple(int(n) for n in rng.integers(1, 4, size=5))
        row = np.repeat(np.array(lyrics), 2)
        clips.append(SungCodes(np.stack([row % s for s in SIZES]), lyrics))
    model = KaraLM(KaraConfig(3, SIZES, width=32, inner=16, match=16, layers=1, dropout=0.0))
    batches = KaraBatches(clips[:180], model.config.nothing, 0.1)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for step in range(120):
        batch = {k: torch.as_tensor(v) for k, v in batches.draw(step, 16).items()}
        logits = model(batch["columns"], batch["phonemes"])[0]
        loss = nats(logits, batch["columns"], torch.ones(16, 10, dtype=torch.bool)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()
    held = {k: torch.as_tensor(v) for k, v in KaraBatches(clips[180:], 4, 0.0).fixed(20)[0].items()}
    there = torch.ones(20, 10, dtype=torch.bool)
    own, other = (
        float(nats(model(held["columns"], p)[0], held["columns"], there)[0].detach())
        for p in (held["phonemes"], held["phonemes"].roll(1, 0))
    )
    assert own < 0.35 and other > 2 * own


def test_configs_that_cannot_be_are_refused():
    with pytest.raises(InputError):
        KaraConfig(0, SIZES)
    with pytest.raises(InputError):
        KaraConfig(3, ())
    config = KaraConfig(3, SIZES)
    assert KaraConfig.from_dict(config.to_dict()) == config
    for bad in ({}, {**config.to_dict(), "depth": 3}, {**config.to_dict(), "width": 0}, None):
        with pytest.raises(CheckpointError):
            KaraConfig.from_dict(bad)
    with pytest.raises(InputError, match="no clip"):
        KaraBatches([], 4, 0.0)
