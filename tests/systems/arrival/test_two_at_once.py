"""Two pieces at once on one loaded system are what each is alone: interleaved, and in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.systems.arrival import amt, amt_prefix, llama_music  # noqa: E402
from cantilena.systems.arrival.writing import Order, stream, write  # noqa: E402
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402

SMALL = tiny_hf.SMALL
SYSTEMS = ("amt", "amt-prefix", "llama-music")
TEXTS = {"amt": (None, None)}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request, tmp_path_factory) -> Any:
    """A loaded system of tiny random weights, large enough for what is read to matter."""
    torch.manual_seed(0)
    if request.param == "amt":
        return amt.Composer(tiny_hf.amt(vocabulary=AMT))
    if request.param == "llama-music":
        model = LlamaMusic(tiny_hf.llama(), None, SMALL, instruction="you are :").eval()
        return llama_music.of_model(model, tiny_hf.tokenizer())
    folder = tiny_hf.saved(
        tiny_hf.llama(), tmp_path_factory.mktemp("text") / "llama", tiny_hf.tokenizer()
    )
    music = tiny_hf.saved(tiny_hf.amt(), tmp_path_factory.mktemp("music") / "gpt2")
    model = tiny_hf.prefix(music, text_encoder(folder))
    torch.nn.init.normal_(model.bridge.project.weight, std=0.5)
    return amt_prefix.AmtPrefixSystem(model.requires_grad_(False))


def orders(system: Any) -> list[Order]:
    """Orders of other texts, seeds and lengths; windows move in both."""
    texts = TEXTS.get(system.name, ("slow sad waltz", "rock !"))
    return [Order(text, seed=5 + k, tokens=90 + 30 * k) for k, text in enumerate(texts)]


def alone(system: Any) -> list[list[tuple[int, int, int]]]:
    pieces = [list(stream(system, order)) for order in orders(system)]
    assert len(pieces[0]) >= 10 and pieces[0] != pieces[1][: len(pieces[0])]
    return pieces


def test_two_interleaved_streams_are_what_each_is_alone(system: Any):
    wanted = alone(system)
    streams = [stream(system, order) for order in orders(system)]
    pieces: list[list[tuple[int, int, int]]] = [[], []]
    going = [0, 1]
    while going:
        for k in list(going):
            row = next(streams[k], None)
            if row is None:
                going.remove(k)
            else:
                pieces[k].append(row)
    assert pieces == wanted


def test_two_threads_write_what_each_writes_alone(system: Any):
    wanted = [written.tokens.tolist() for o in orders(system) for written in write(system, [o])]
    begun = Barrier(2)

    def one(order: Order) -> list[int]:
        begun.wait()
        return write(system, [order])[0].tokens.tolist()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(one, orders(system))) == wanted
