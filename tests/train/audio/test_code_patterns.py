"""``benchmarks/code_patterns.py``: losses that can be compared between patterns, and its lines."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.systems.codes.training import code_recipe  # noqa: E402
from cantilena.tokens.codes.patterns import pattern  # noqa: E402

PATH = Path(__file__).parents[3] / "benchmarks" / "code_patterns.py"
BOOKS, CARD, FRAMES = 3, 5, 7

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="the benchmarks are not beside the tests")


@pytest.fixture(scope="module")
def benchmark() -> Any:
    sys.path.insert(0, str(PATH.parent))
    spec = importlib.util.spec_from_file_location("code_patterns", PATH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    sys.path.remove(str(PATH.parent))
    return module


def oracle(columns: Any, signals: Any) -> Any:
    """Logits that know the next column: 20 for its codes, 0 for all others."""
    behind = torch.roll(columns, -1, dims=2)
    return 20.0 * torch.nn.functional.one_hot(behind, CARD + 1)[..., :CARD].float()


def by_book(columns: Any, signals: Any) -> Any:
    """Logits that depend on the book alone."""
    logits = torch.arange(BOOKS * CARD).view(BOOKS, 1, CARD) % 7 * 0.5
    return logits.expand(len(columns), BOOKS, columns.shape[2], CARD)


def test_losses_are_of_the_same_codes_under_every_pattern(benchmark: Any):
    codes = np.random.default_rng(0).integers(0, CARD, (4, BOOKS, FRAMES))
    share = torch.log_softmax(by_book(torch.zeros(1, BOOKS, 1), {})[0, :, 0], -1).numpy()
    kept = FRAMES - BOOKS + 1
    expected = np.stack([-share[k][codes[:, k, :kept]] for k in range(BOOKS)], 1)
    for name in benchmark.PATTERNS:
        layout = pattern(name, BOOKS, FRAMES, CARD)
        nats = benchmark.code_nats(by_book, layout, codes, {})
        np.testing.assert_allclose(nats, expected, rtol=1e-5)
        assert benchmark.code_nats(oracle, layout, codes, {}).max() < 1e-6


def test_shuffled_clips_are_of_other_songs(benchmark: Any):
    files = ["a", "a", "a", "b", "b", "c"]
    order = benchmark.of_other_files(files)
    assert sorted(order) == list(range(6))
    assert all(files[i] != files[j] for i, j in enumerate(order))
    with pytest.raises(SystemExit, match="too few held-out songs"):
        benchmark.of_other_files(["a", "a", "b"])


def test_songs_that_are_imitated_are_not_the_reference(benchmark: Any):
    files = ["a", "a", "a", "b", "b", "c"]
    clips = benchmark.of_some_files(files, 3)
    assert len(clips) == 3
    whole = {files[i] for i in clips}
    assert len(whole) < 3
    with pytest.raises(SystemExit, match="held-out clips to imitate, not 6"):
        benchmark.of_some_files(files, 6)


def line(benchmark: Any, seed: int, true: float, **changes: Any) -> dict[str, Any]:
    recipe = code_recipe("codes-score").changed(**benchmark.SMALL, seed=seed, minutes=1.0)
    return {
        **benchmark.key_of(recipe.changed(**changes), "codes-score"),
        "columns_a_second": 50.8,
        "steps": 100,
        "columns": 2_000,
        "cpu_seconds": 60.0,
        "nats": {"true": true, "shuffled": 3.0, "none": 2.9},
        "books": [true - 1, true + 1],
        "unigram": 5.4,
        "bigram": 3.2,
        "write_cpu_a_second": 0.02,
        "frechet": {"logmel": 12.0},
    }


def test_the_table_has_means_over_seeds_and_floors(benchmark: Any):
    without_pieces = line(benchmark, 0, 2.2, word_dropout=0.3)
    del without_pieces["frechet"], without_pieces["write_cpu_a_second"]
    lines = [
        {"floor": "the clips themselves", "frechet": {"logmel": 7.0}},
        line(benchmark, 0, 2.5),
        line(benchmark, 1, 2.7),
        without_pieces,
    ]
    rows = benchmark.table(lines, benchmark.usual_options).split("\n")
    assert len({row.count("|") for row in rows[:5]}) == 1
    assert "| codes-score | delay | 2 | 60 | 100 | 2,000 | 2.600 ± 0.100 | 1.60, 3.60 |" in rows[2]
    assert rows[2].endswith("| 51 | 0.020 | 12 |")
    assert (
        rows[3].startswith("| codes-score, word_dropout=0.3 | delay | 1 |") and "±" not in rows[3]
    )
    assert rows[3].endswith("| 51 |  |  |")
    assert rows[4].startswith("| the clips themselves |") and rows[4].endswith("| 7 |")
    assert rows[-1] == "unigrams 5.400, bigrams 3.200 nats"


def test_a_run_that_has_a_line_is_not_done_again(
    benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, done = tmp_path / "runs.jsonl", []

    def recipe_of(bench: Any, name: str, layout: str, seed: int) -> Any:
        return code_recipe(name).changed(pattern=layout, seed=seed, minutes=1.0)

    def run(bench: Any, recipe: Any, name: str) -> dict[str, Any]:
        done.append((recipe.options.pattern, recipe.settings.seed))
        return {**benchmark.key_of(recipe, name), "steps": 1}

    monkeypatch.setattr(benchmark.Bench, "load", lambda args: None)
    monkeypatch.setattr(benchmark, "recipe_of", recipe_of)
    monkeypatch.setattr(benchmark, "run", run)
    monkeypatch.setattr(benchmark, "floors", lambda *_: [{"floor": "real", "frechet": {}}])
    args = argparse.Namespace(
        out=out, seeds=[0, 1], pieces=4, recipes=["codes-score"], patterns=["delay", "valle"]
    )
    benchmark.run_all(args)
    assert done == [("delay", 0), ("valle", 0), ("delay", 1), ("valle", 1)]
    out.write_bytes(out.read_bytes()[:-9])  # the last line was cut short by a kill
    benchmark.run_all(args)
    assert done[4:] == [("valle", 1)]
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    assert len(lines) == 5 and sum("floor" in entry for entry in lines) == 1
