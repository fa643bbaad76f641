"""Threads of torch: one within a step, and as many as before behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from cantilena.models import threads  # noqa: E402
from cantilena.models.audio.code_lm import CodeConfig, CodeLM  # noqa: E402
from cantilena.systems.codes.conditions import Conditioner  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, CodeWriter, CodeWriting  # noqa: E402


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_an_error_within_gives_the_threads_back():
    with pytest.raises(KeyError), threads.one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == 2


def test_steps_are_in_one_thread_and_what_comes_between_is_not():
    steps = threads.in_one_thread(torch.get_num_threads() for _ in range(3))
    assert [(step, torch.get_num_threads()) for step in steps] == [(1, 2)] * 3
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("worth", "expected"), [(threads.WORTH_SHARING, 1), (1, 2)])
def test_small_models_of_codes_write_in_one_thread(
    worth: int, expected: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(threads, "WORTH_SHARING", worth)
    torch.manual_seed(0)
    model = CodeLM(CodeConfig(2, 8, 16, 2, 1, 16)).eval()
    seen: list[int] = []
    embed = model.embed

    def noted(columns: torch.Tensor) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return embed(columns)

    monkeypatch.setattr(model, "embed", noted)
    writer = CodeWriter(model, 10.0, Conditioner(model.config, 10.0))
    for done, total in CodeWriting(writer, [CodeOrder(6)]).steps():
        assert torch.get_num_threads() == 2 and done <= total
    assert set(seen) == {expected} and torch.get_num_threads() == 2
