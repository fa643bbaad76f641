"""Audio words, bags of them, and random projections."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.audio.quantize import quantizer
from cantilena.models.audio.quantize.base import rows_of
from cantilena.models.audio.quantize.kmeans import KMeans
from cantilena.models.audio.quantize.words import bag, stack_frames, tokens


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fitted(size: int = 4, dim: int = 3) -> KMeans:
    torch.manual_seed(0)
    q = quantizer("kmeans", dim, size=size)
    assert isinstance(q, KMeans)
    q.fit(normal(500, dim))
    return q.eval()


# ---------------------------------------------------------------------------- k-means


def test_clusters_are_told_apart_though_one_value_is_a_thousand_times_the_others():
    """Without standardising, the loud value that says nothing would decide."""
    which = torch.arange(400) % 2
    features = torch.stack([1000 * normal(400), 6.0 * which + normal(400, seed=1) / 10], dim=1)
    torch.manual_seed(0)
    q = quantizer("kmeans", 2, size=6)
    assert isinstance(q, KMeans)
    q.fit(features)
    words = tokens(q.eval(), features.T[None])[0]
    for word in range(6):
        assert len(which[words == word].unique()) <= 1


def test_a_word_is_the_nearest_centre_of_standardised_features_and_stands_for_it():
    q = fitted()
    z = 2 * normal(2, 3, 30, seed=5)
    rows = (rows_of(z) - q.mean) / q.deviation
    which = (rows[:, None] - q.centres[None]).square().sum(dim=2).argmin(dim=1)
    result = q(z)
    assert torch.equal(result.indices.flatten(), which)
    torch.testing.assert_close(rows_of(result.values), q.centres[which] * q.deviation + q.mean)
    assert result.losses == {}


def test_a_value_that_never_changes_counts_for_nothing():
    features = torch.cat([normal(100, 2), torch.full((100, 1), 5.0)], dim=1)
    torch.manual_seed(0)
    q = quantizer("kmeans", 3, size=4)
    assert isinstance(q, KMeans)
    q.fit(features)
    assert q.centres.isfinite().all() and not q.centres[:, 2].any()
    assert (q.decode(torch.arange(4)[None, None])[0, 2] == 5).all()


def test_centres_are_frozen_once_they_are_fitted():
    q = fitted().train()
    before = q.centres.clone()
    q(10 * normal(2, 3, 30, seed=5))
    assert torch.equal(q.centres, before)


def test_features_that_do_not_fit_are_refused():
    for bad in (normal(10, 2), normal(3, 10, 3), normal(0, 3)):
        with pytest.raises(InputError, match=r"are not \(N, 3\)"):
            fitted().fit(bad)


# ---------------------------------------------------------------------------- random projection


def test_a_token_is_the_nearest_random_code_by_angle_of_the_normed_projection():
    q = quantizer("random-projection", 20, size=50, width=6).eval()
    z = 5 + 3 * normal(2, 20, 40)
    x = z.transpose(1, 2).reshape(-1, 20).double().numpy()
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x = x @ q.projection.double().numpy()
    codes = q.codes.double().numpy()
    cosine = x @ codes.T / np.linalg.norm(x, axis=1, keepdims=True)
    assert q(z).indices.flatten().tolist() == cosine.argmax(axis=1).tolist()


def test_tokens_depend_on_the_seed_alone_and_neither_on_loudness_nor_on_offset():
    z = normal(1, 20, 60)
    torch.manual_seed(1)
    first = tokens(quantizer("random-projection", 20).eval(), z)
    torch.manual_seed(2)
    again = quantizer("random-projection", 20).eval()
    assert torch.equal(tokens(again, z), first)
    assert (tokens(again, 7 * z + 3) == first).float().mean() > 0.95
    assert not torch.equal(tokens(quantizer("random-projection", 20, seed=1).eval(), z), first)


def test_codes_are_spread_over_the_sphere_and_the_matrix_is_xaviers():
    q = quantizer("random-projection", 64, size=4096, width=3)
    torch.testing.assert_close(q.codes.norm(dim=1), torch.ones(4096))
    # each coordinate of a point of the sphere in three dimensions is uniform; a cube's is not
    shares = torch.histc(q.codes.flatten(), bins=10, min=-1, max=1) / q.codes.numel()
    torch.testing.assert_close(shares, torch.full((10,), 0.1), atol=0.01, rtol=0)
    assert q.projection.std() == pytest.approx((2 / 67) ** 0.5, rel=0.1)


def test_a_value_projects_to_its_code():
    q = quantizer("random-projection", 20, size=50, width=6).eval()
    values = q.decode(torch.arange(50)[None, None])
    torch.testing.assert_close(rows_of(values) @ q.projection, q.codes, atol=1e-5, rtol=1e-4)


# ---------------------------------------------------------------------------- words and bags


def test_frames_are_stacked_in_order():
    features = torch.arange(14.0).view(1, 2, 7)
    stacked = stack_frames(features, 3)
    assert stacked[0].T.tolist() == [[0, 7, 1, 8, 2, 9], [3, 10, 4, 11, 5, 12]]
    for count in (0, 8):
        with pytest.raises(InputError, match="7 frames"):
            stack_frames(features, count)


def test_a_bag_is_the_share_of_each_word():
    words = torch.tensor([[0, 0, 3, 1], [2, 2, 2, 2]])
    assert bag(words, 5).tolist() == [[0.5, 0.25, 0, 0.25, 0], [0, 0, 1, 0, 0]]
    for bad in (-1, 5):
        with pytest.raises(InputError, match="0 to 4"):
            bag(torch.tensor([[0, bad]]), 5)


def test_bags_of_audio_words_tell_sounds_apart_whatever_their_order():
    torch.manual_seed(0)
    low, high = normal(6, 3, 40) - 2, normal(6, 3, 40, seed=1) + 2
    q = quantizer("kmeans", 3, size=8)
    assert isinstance(q, KMeans)
    q.fit(rows_of(torch.cat([low, high])))
    bags = bag(tokens(q.eval(), torch.cat([low, high])), 8)
    assert bags.sum(dim=1).tolist() == pytest.approx([1.0] * 12)
    similar = F.cosine_similarity(bags[:, None], bags[None], dim=2)
    assert similar[:6, :6].min() > similar[:6, 6:].max()
    shuffled = low[:, :, torch.randperm(40)]
    torch.testing.assert_close(bag(tokens(q, shuffled), 8), bags[:6])


def test_words_need_one_book_that_does_not_learn():
    with pytest.raises(InputError, match="1 book"):
        tokens(quantizer("residual", 3, books=2, size=4).eval(), normal(1, 3, 5))
    with pytest.raises(InputError, match="evaluation"):
        tokens(fitted().train(), normal(1, 3, 5))
