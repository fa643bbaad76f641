"""Function alignment's base: the published layout and logits, frames' padding, steps, files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.models.frame_lm import PLACES, FrameConfig, FrameLM  # noqa: E402


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return tiny_bridges.published("frames", tmp_path_factory.mktemp("frames"))


def tiny(**changes) -> FrameLM:
    torch.manual_seed(0)
    sizes = {"words": 20, "width": 16, "layers": 2, "heads": 2, "inner": 24, "local_layers": 1}
    sizes |= {"local_heads": 2, "local_inner": 24, "positions": 30, "local_positions": 40}
    return FrameLM(FrameConfig(**{**sizes, **changes})).eval()


def frames(length: int = 5, places: int = PLACES) -> torch.Tensor:
    """Two pieces of frames of up to three words."""
    torch.manual_seed(1)
    words = torch.full((2, length, places), 19)
    words[..., :3] = torch.randint(0, 17, (2, length, 3))
    words[..., 3] = 18
    return words


@torch.no_grad()
def test_logits_are_those_of_the_published_class(published):
    golden = tiny_bridges.golden("frames")
    logits = FrameLM.load(published)(golden["tokens"])[:, :12, :3, ::67]
    torch.testing.assert_close(logits, golden["logits"], atol=5e-6, rtol=1e-5)


def test_the_published_size_has_the_published_numbers():
    with torch.device("meta"):
        model = FrameLM(FrameConfig())
    assert sum(p.numel() for p in model.parameters()) == 111_847_939


@torch.no_grad()
def test_frame_by_frame_and_word_by_word_it_says_what_it_says_at_once():
    model, words = tiny(), frames()
    whole, pasts, vectors = model(words), None, None
    for i in range(5):
        hidden, pasts = model.step(vectors, pasts)
        hidden = hidden.expand(2, -1)
        if i == 0:
            pasts = [type(p)(*(x.expand(2, -1, -1, -1) for x in p)) for p in pasts]
        logits, inner = model.word_step(hidden)
        for k in range(4):
            torch.testing.assert_close(logits, whole[:, i, k], atol=1e-5, rtol=1e-4)
            logits, inner = model.word_step(words[:, i, k], inner)
        vectors = model.vectors(words[:, i : i + 1])


@torch.no_grad()
def test_a_masked_model_takes_any_number_of_places_and_the_published_one_32():
    short, long = frames(places=6), frames()
    masked = tiny(masked=True)
    torch.testing.assert_close(masked(short), masked(long)[:, :, :6], atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="6 places where the model reads exactly 32"):
        tiny()(short)
    with pytest.raises(InputError, match="at most 32"):
        masked(frames(places=33))


@torch.no_grad()
def test_frames_know_nothing_of_later_ones():
    model, words = tiny(), frames()
    changed = words.clone()
    changed[:, 3, 1] = (changed[:, 3, 1] + 1) % 17
    a, b = model(words), model(changed)
    assert torch.equal(a[:, :3], b[:, :3]) and torch.equal(a[:, 3, :2], b[:, 3, :2])
    assert not torch.allclose(a[:, 3, 2], b[:, 3, 2]) and not torch.allclose(a[:, 4], b[:, 4])


@torch.no_grad()
def test_a_converted_checkpoint_is_the_same_model(published, tmp_path):
    folder = convert(published, tmp_path / "ours")
    words = tiny_bridges.golden("frames")["tokens"][:, :4]
    assert torch.equal(FrameLM.load(folder)(words), FrameLM.load(published)(words))


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="31 positions do not fit the model's 30"):
        tiny()(frames(31))
    with pytest.raises(CheckpointError, match="FA_cross"):
        FrameLM.load(tiny_bridges.published("FA_cross", tmp_path))
    content = tiny_bridges.content("frames")
    content["state_dict"]["global_sos"] = torch.zeros(47)
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=r"sizes in .* cannot be"):
        FrameLM.load(tmp_path / "a.ckpt")
