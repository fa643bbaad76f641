"""The precision that is found to be quick, wherever it is asked for."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from cantilena.models.precision import half_is_quick, mixed, uses_half  # noqa: E402


def test_it_can_be_asked_where_gradients_are_off():
    half_is_quick.cache_clear()
    with torch.no_grad(), mixed("cpu"):
        assert torch.is_autocast_enabled("cpu") == half_is_quick("cpu")


def test_what_is_said_stands():
    assert uses_half("bfloat16", "cpu") and not uses_half("float32", "cpu")
    assert uses_half("auto", "cpu") == half_is_quick("cpu")
