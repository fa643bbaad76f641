"""UniAudio's model: two transformers, one over patches and one within them."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

import torch.nn.functional as F  # noqa: E402

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.audio.uniaudio import UniAudio, UniConfig, UniSession  # noqa: E402

CONFIG = UniConfig(60, 50, 3, 12, 8, 16, 2, 2, 24, 8, 2, 1, 12)


@pytest.fixture(scope="module")
def model() -> UniAudio:
    torch.manual_seed(0)
    return UniAudio(CONFIG).eval()


def batch(rows: int = 2, length: int = 9, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    patches = torch.randint(0, 50, (rows, length, 3), generator=generator)
    when = torch.randint(-1, 12, (rows, length), generator=generator)
    return patches, when


def test_a_patch_follows_from_those_before_it_alone(model: UniAudio):
    patches, when = batch()
    whole = torch.ones(2, 9, dtype=torch.bool)
    whole[:, 0] = False
    with torch.no_grad():
        before = model.nats(patches, when, whole).view(2, 8, 3)
        other = patches.clone()
        other[:, 5, 1] = (other[:, 5, 1] + 1) % 50
        after = model.nats(other, when, whole).view(2, 8, 3)
    same = torch.isclose(before, after, atol=1e-6)
    assert same[:, :4].all() and same[:, 4, 0].all()  # what stands before, and the field before
    assert not same[:, 4, 1].any() and not same[:, 4, 2].any() and not same[:, 5:].all()


def test_nats_are_those_of_the_fields_one_by_one(model: UniAudio):
    patches, when = batch()
    target = torch.zeros(2, 9, dtype=torch.bool)
    target[0, 4:7], target[1, 8] = True, True
    with torch.no_grad():
        nats = model.nats(patches, when, target)
        hidden = model.hidden(patches, when)
        rows = []
        for b, s in target.nonzero().tolist():
            own = patches[b, s]
            fields = [
                model.fields(hidden[b : b + 1, s - 1], own[None, :k])[0, -1] for k in range(3)
            ]
            rows.append(F.cross_entropy(torch.stack(fields), own, reduction="none"))
    assert torch.allclose(nats, torch.stack(rows), atol=1e-5)


def test_a_session_reads_as_the_model_does(model: UniAudio):
    patches, when = batch(length=10)
    with torch.inference_mode():
        hidden = model.hidden(patches, when)
    session = UniSession(model, 2, 10)
    for start, stop in ((0, 4), (4, 5), (5, 8), (8, 9), (9, 10)):
        last = session.read(patches[:, start:stop], when[:, start:stop])
        assert torch.allclose(last, hidden[:, stop - 1], atol=1e-5)
    tokens = patches[:, 0, :2]
    with torch.inference_mode():
        fields = model.fields(hidden[:, -1], tokens)
    assert torch.allclose(session.logits(last, tokens), fields[:, -1], atol=1e-5)


def test_the_frame_that_a_patch_belongs_to_is_read(model: UniAudio):
    patches, when = batch()
    with torch.no_grad():
        own = model.hidden(patches, when)
        other = model.hidden(patches, torch.where(when >= 0, (when + 1) % 12, when))
        none = model.hidden(patches, when.clamp_max(-1))
    assert not torch.allclose(own[:, -1], other[:, -1], atol=1e-3)
    assert not torch.allclose(own[:, -1], none[:, -1], atol=1e-3)


def test_what_does_not_fit_is_refused(model: UniAudio):
    patches, when = batch()
    with pytest.raises(InputError, match="frame 12 is outside"):
        model.hidden(patches, when.clamp_min(12))
    with pytest.raises(InputError, match="heads"):
        UniAudio(replace(CONFIG, width=18, heads=4))
    with pytest.raises(CheckpointError, match="does not fit"):
        UniConfig.from_dict({**CONFIG.to_dict(), "colour": 1})
    assert UniConfig.from_dict(CONFIG.to_dict()) == CONFIG


def test_it_learns_to_copy_what_it_reads():
    """A source of four patches, and the same once more: no token is known but from there."""
    torch.manual_seed(0)
    model = UniAudio(UniConfig(8, 8, 2, 4, 16, 32, 4, 2, 64, 16, 2, 1, 32))
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2)
    when = torch.arange(4).repeat(2).expand(16, -1)
    target = (torch.arange(8) >= 4).expand(16, -1)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(120):
        source = torch.randint(0, 8, (16, 4, 2), generator=generator)
        loss = model.nats(torch.cat([source, source], 1), when, target).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[0] > 1.9 and sum(losses[-5:]) / 5 < 1.75, losses[::20]  # ln 8 is 2.08
