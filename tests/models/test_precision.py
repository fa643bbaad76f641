"""The precision that a machine's instructions decide, wherever it is asked for."""

from __future__ import annotations

import time

import pytest

torch = pytest.importorskip("torch")

from cantilena.models.precision import half_is_quick, mixed, precision_of, uses_half  # noqa: E402


def instructions(monkeypatch, amx: bool, avx512: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)


@pytest.mark.parametrize("amx, avx512", [(False, False), (False, True), (True, False)])
def test_instructions_decide(monkeypatch, amx: bool, avx512: bool):
    instructions(monkeypatch, amx, avx512)
    assert half_is_quick("cpu") == (amx or avx512)
    assert precision_of("auto", "cpu") == ("bfloat16" if amx or avx512 else "float32")
    assert half_is_quick("cuda")


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_busy_machine_decides_as_an_idle_one(monkeypatch, seconds: float):
    """Clocks that say the one or the other precision was slow."""
    instructions(monkeypatch, False, False)
    ticks = iter(range(1_000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) % 4 * seconds)
    assert not half_is_quick("cpu")
    instructions(monkeypatch, True, True)
    assert half_is_quick("cpu")


def test_it_can_be_asked_where_gradients_are_off():
    with torch.no_grad(), mixed("cpu"):
        assert torch.is_autocast_enabled("cpu") == half_is_quick("cpu")


def test_what_is_asked_for_stands_and_auto_keeps_what_was():
    assert uses_half("bfloat16", "cpu") and not uses_half("float32", "cpu")
    assert uses_half("auto", "cpu") == half_is_quick("cpu")
    for precision in ("float32", "bfloat16"):
        assert precision_of("auto", "cpu", precision) == precision
    assert precision_of("float32", "cpu", "bfloat16") == "float32"
