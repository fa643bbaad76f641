"""The joint embedding: its losses against their definitions, and numpy against torch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from cantilena.models.audio.joint import (  # noqa: E402
    Joint,
    JointConfig,
    clap_loss,
    mulan_loss,
)
from cantilena.models.audio.joint_input import (  # noqa: E402
    BANDS,
    CLASSES,
    FRAMES,
    GROUPS,
    LAGS,
    MARGIN,
    PROFILE,
    ROWS,
    STEP,
    bands,
    crop,
    hashed,
    hashes,
    moved,
    moved_profile,
    profile,
    sound_rows,
    statistics,
)
from cantilena.models.audio.joint_plain import PlainJoint  # noqa: E402

TEXTS = ["calm harp", "rock with drums in D minor at 120 bpm", ""]
SIZES = JointConfig(dim=12, width=8, layers=2, buckets=64, word_width=6, hidden=10)


@pytest.fixture(scope="module")
def joint():
    torch.manual_seed(1)
    return Joint(SIZES).eval()


def plain(joint, seconds=1.0):
    return PlainJoint({k: v.numpy() for k, v in joint.state_dict().items()}, seconds)


def apart(n):
    return torch.zeros(n, n, dtype=torch.bool)


def test_losses_fall_to_nothing_where_pairs_are_one_and_to_guessing_where_all_are_alike():
    eye, one = torch.eye(8), torch.ones(8, 4) / 2
    two = torch.full((2,), 60.0)
    assert float(clap_loss(eye, eye, two, apart(8))) < 1e-6
    assert float(mulan_loss(eye, eye, torch.tensor(60.0), apart(8))) < -50
    assert float(clap_loss(one, one, two, apart(8))) == pytest.approx(math.log(8))
    own = float(mulan_loss(one, one, torch.tensor(60.0), apart(8)))
    assert own == pytest.approx(math.log(14), abs=1e-4)


def test_mulans_loss_is_its_definition():
    rng = np.random.default_rng(0)
    a, t = (
        torch.tensor(x / np.linalg.norm(x, axis=1, keepdims=True))
        for x in rng.normal(size=(2, 5, 3))
    )
    h = torch.exp(7 * a @ t.T)
    rows = [
        -torch.log(h[i, i] / sum(h[i, j] + h[j, i] for j in range(5) if j != i)) for i in range(5)
    ]
    same = apart(5).fill_diagonal_(True)
    own = mulan_loss(a, t, torch.tensor(7.0), same)
    assert float(own) == pytest.approx(float(torch.stack(rows).mean()), abs=1e-9)


@pytest.mark.parametrize("kind", ["clap", "mulan"])
def test_the_order_of_pairs_is_nothing_and_alike_texts_are_no_negatives(kind):
    torch.manual_seed(0)
    model = Joint(SIZES, kind)
    a, t = torch.nn.functional.normalize(torch.randn(2, 6, 12), dim=2)
    same = apart(6).fill_diagonal_(True)
    order = torch.randperm(6)
    with torch.no_grad():
        moved = float(model.loss(a[order], t[order], same))
        assert moved == pytest.approx(float(model.loss(a, t, same)), abs=1e-6)
    t[1], same[0, 1], same[1, 0] = t[0], True, True
    loss = model.loss(a, t, same)
    assert float(loss.detach()) < float(model.loss(a, t, apart(6)).detach())
    loss.backward()
    assert torch.isfinite(model.scales.grad).all()


def test_numpy_is_torch(joint):
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32) / 9
    features = torch.from_numpy(crop(bands(sound), 0, 50))[None]
    with torch.no_grad():
        audio = joint.of_audio(features).numpy()
        text = joint.of_text(torch.from_numpy(hashed(TEXTS, SIZES.buckets))).numpy()
    np.testing.assert_allclose(plain(joint).embed(sound), audio, atol=1e-5)
    np.testing.assert_allclose(plain(joint).embed_texts(TEXTS), text, atol=1e-5)


@pytest.mark.parametrize("tower", ["convolutions", "statistics"])
def test_numpy_is_torch_with_a_profile_too(tower):
    torch.manual_seed(2)
    model = Joint(replace(SIZES, profile=6, tower=tower)).eval()
    for value in model.buffers():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    sound = np.random.default_rng(0).normal(size=32_000).astype(np.float32) / 9
    rows = crop(sound_rows(sound), 0, 100)
    read = statistics(rows[:, :BANDS]) if tower == "statistics" else rows[:, :BANDS]
    with torch.no_grad():
        audio = model.of_audio(*(torch.from_numpy(x)[None] for x in (read, profile(rows))))
    np.testing.assert_allclose(plain(model, 2.0).embed(sound), audio.numpy(), atol=1e-5)


def clicks(bpm, seconds=10):
    """Rows of a second of sound of a click a beat with a tone of C above."""
    rows = np.zeros((seconds * FRAMES, ROWS), dtype=np.float32)
    rows[np.arange(0, len(rows), 60 * FRAMES / bpm).astype(int), :BANDS] = 1.0
    rows[:, BANDS + CLASSES // 2] = 1.0
    return rows


def test_a_profile_knows_pulse_and_pitch_classes():
    lags = 8 * STEP ** np.arange(LAGS)
    for bpm in (60, 100, 150):
        pulse = profile(clicks(bpm))[: GROUPS * LAGS].reshape(GROUPS, LAGS)
        beat = 60 * FRAMES / bpm
        assert lags[pulse[0].argmax()] / beat == pytest.approx(
            round(lags[pulse[0].argmax()] / beat), abs=0.06
        )
    time = np.arange(32_000) / 16_000
    for semitone in (0, 4, 11):
        tone = np.sin(2 * np.pi * 261.63 * 2 ** (1 + semitone / 12) * time).astype(np.float32)
        values = profile(sound_rows(tone))
        high = values[GROUPS * LAGS + CLASSES // 2 : GROUPS * LAGS + CLASSES]
        assert values.shape == (PROFILE,) and high.argmax() == semitone


def test_a_moved_profile_is_that_of_faster_and_higher_sound():
    plain, wide = profile(clicks(100)), profile(clicks(100), MARGIN)
    assert np.array_equal(moved_profile(wide, 0, 0), plain)
    higher = moved_profile(wide, 3, 0)[GROUPS * LAGS :].reshape(4, -1)
    assert higher[1].argmax() == 3 and higher[0].max() == 0
    faster = moved_profile(wide, 0, 5)[: GROUPS * LAGS]
    other = profile(clicks(100 * STEP**5))[: GROUPS * LAGS]
    assert np.corrcoef(faster, other)[0, 1] > 0.8
    assert np.corrcoef(plain[: GROUPS * LAGS], other)[0, 1] < 0.6
    rows = moved(clicks(100), 3, 0, 400, STEP**5)
    assert rows[:, BANDS + CLASSES // 2 + 3].min() == 1
    pulse = profile(rows)[: GROUPS * LAGS]
    assert np.corrcoef(pulse, other)[0, 1] > 0.8


def test_bands_do_not_hear_how_loud_sound_is_and_know_pitch():
    time = np.arange(16_000) / 16_000
    noise = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    assert np.abs(bands(noise) - bands(0.1 * noise)).max() < 0.01
    low, high = (np.sin(2 * np.pi * f * time).astype(np.float32) for f in (220.0, 3520.0))
    assert bands(low).shape == (51, BANDS)
    assert bands(low)[25].argmax() < bands(high)[25].argmax()


def test_windows_and_short_sound(joint):
    model, rng = plain(joint), np.random.default_rng(0)
    sound = rng.normal(size=40_000).astype(np.float32) / 9
    assert model.embed(sound).shape == (3, 12)
    assert model.embed(sound[:100]).shape == (1, 12)
    assert np.linalg.norm(model.of_sound(sound, 16_000)) == pytest.approx(1)
    assert np.allclose(
        model.of_sound(sound, 16_000), model.of_sound(0.3 * sound, 16_000), atol=0.05
    )


def test_numbers_near_each_other_share_a_hash():
    a, b, c = (set(hashes(f"{bpm} bpm", 4096).tolist()) for bpm in (120, 122, 61))
    assert len(a & b) > len(a & c)
    assert not hashes("", 4096).any()
    assert hashes("word " * 500, 4096).all()
