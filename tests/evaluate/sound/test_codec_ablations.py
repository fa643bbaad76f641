"""``benchmarks/codec_ablations.py``: its budgets are equal, its tables are of the stored lines."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.data.audio.clips import Clip, to_pcm  # noqa: E402
from cantilena.models.audio.codec.base import codec  # noqa: E402

PATH = Path(__file__).parents[3] / "benchmarks" / "codec_ablations.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("codec_ablations", PATH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["codec_ablations"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["codec_ablations"]


def stored(benchmark, group, name, seed, **figures):
    """A line of a run's seed, with figures of all of its books."""
    run = benchmark.GROUPS[group][name]
    whole = {"bands": 0.3, "mel": 0.4, "stft": 1.25, "si_sdr": 2.0}
    whole |= {"perplexity": 30.0, "used": 0.5, "bits": 900.0, "entropy_bits": 800.0, **figures}
    return {
        "key": benchmark.key(run),
        "name": name,
        "seed": seed,
        "steps": 100,
        "cpu_seconds": 45.0,
        "sound_seconds": 900.0,
        "weights": 700_000,
        "sizes": [32] * 8,
        "books": {str(n): {**whole, "bands": whole["bands"] / n} for n in run.heard or (1,)},
        "curve": [
            {"cpu_seconds": t, **whole, "mel": 0.4 + (45 - t) / 100, "si_sdr": t / 10}
            for t in (5, 25, 45)
        ],
    }


def cells(text, row):
    """The cells of the row of a table that begins with a name."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_codecs_of_a_question_send_as_many_bits(benchmark):
    pytest.importorskip("vector_quantize_pytorch")
    for group, bits in {"depth": 900, "learning": 900, "latent": 900, "books": 1200}.items():
        for name, run in benchmark.GROUPS[group].items():
            options = run.settings(0).options
            assert codec(options.codec, **options.model).bits() == pytest.approx(bits), name


def test_tables_are_means_and_deviations_of_the_lines_of_today_s_settings(benchmark, tmp_path):
    lines = [
        stored(benchmark, "depth", "2 x 512", 0, mel=0.3),
        stored(benchmark, "depth", "2 x 512", 1, mel=0.5),
        stored(benchmark, "depth", "3 x 64", 0, used=0.25),
        {**stored(benchmark, "depth", "9 x 4", 0), "key": "of other settings"},
    ]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"key": "cut o')
    text = benchmark.tables(benchmark.read(path), ["depth", "latent", "speed"])
    assert "depth, seeds: 1 to 2" in text and "speed" not in text
    assert cells(text, "2 x 512")[2] == "0.400 ± 0.141"  # sample deviation of 0.3 and 0.5
    assert cells(text, "3 x 64")[2:6] == ["0.400", "1.250", "30.0", "25 %"]
    assert cells(text, "64")[2] == cells(text, "2 x 512")[2]  # one run answers two questions
    assert "9 x 4" not in text


def test_a_table_of_dropout_has_a_column_for_each_number_of_books(benchmark):
    line = stored(benchmark, "dropout", "none", 0)
    text = benchmark.tables({line["key"]: {0: line}}, ["dropout"])
    assert "bands, 1 of 8 | bands, 4 of 8 | bands, 8 of 8 | mel, 1 of 8" in text
    assert cells(text, "none")[1:4] == ["0.300", "0.075", "0.037"]


def test_speed_says_when_a_codec_was_as_near_as_seanet_at_its_end(benchmark):
    frame = stored(benchmark, "speed", "frame", 0)
    seanet = stored(benchmark, "speed", "SEANet", 0)
    seanet["curve"][-1] |= {"mel": 0.5, "si_sdr": 3.5}
    text = benchmark.tables({row["key"]: {0: row} for row in (frame, seanet)}, ["speed"])
    assert cells(text, "frame")[-2:] == ["35", "35"]  # 0.6 at 25 s, 0.4 at 45 s; 2.5 dB, 4.5 dB
    assert cells(text, "SEANet")[-2:] == ["45", "45"] and cells(text, "SEANet")[3] == "20.0"
    assert benchmark.reached(frame["curve"], {"mel": 0.39}, "mel") is None
    assert benchmark.reached(frame["curve"], {"mel": 0.95}, "mel") == 5
    assert benchmark.reached(frame["curve"], {"si_sdr": 4.6}, "si_sdr") is None
    alone = benchmark.tables({frame["key"]: {0: frame}}, ["speed"])
    assert cells(alone, "frame")[-1] == "-"


class Noise:
    """Eight clips of two seconds of noise, as a split of a data set."""

    rate = 16_000

    def __init__(self):
        rng = np.random.default_rng(0)
        self.clips = [0.1 * rng.standard_normal(32_000, dtype=np.float32) for _ in range(8)]

    def __len__(self):
        return len(self.clips)

    def clip(self, i):
        return Clip(self.rate, to_pcm(self.clips[i]), {})

    def order(self, epoch, seed):
        return np.random.default_rng((epoch, seed)).permutation(len(self))


def test_a_run_is_the_same_for_the_same_seed(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "STEPS", 2)
    data = Noise()
    held = [torch.from_numpy(np.stack(data.clips[:2])[:, None])]
    run = benchmark.GROUPS["dropout"]["half of the batches"]
    first, again, other = (benchmark.line(run, seed, data, held) for seed in (0, 0, 1))
    assert first["books"] == again["books"] != other["books"]
    assert first["steps"] == 2 and first["sound_seconds"] == 2 * 8 * 1.5
    sent = {books: figures["bits"] for books, figures in first["books"].items()}
    assert sent == {"1": 250, "4": 1000, "8": 2000}


def test_what_has_its_line_is_not_trained_again(benchmark, tmp_path, monkeypatch, capsys):
    seeds = []

    def line(run, seed, data, held):
        seeds.append(seed)
        whole = stored(benchmark, "dropout", "none", seed)
        return {k: v for k, v in whole.items() if k not in ("key", "name", "seed")}

    monkeypatch.setattr(benchmark, "AudioData", lambda folder, split: Noise())
    monkeypatch.setattr(benchmark, "line", line)
    monkeypatch.setattr(benchmark.torch, "set_num_threads", lambda number: None)
    path = str(tmp_path / "lines.jsonl")
    for count in ("1", "2"):
        arguments = [path, "--data", "clips", "--groups", "dropout", "--seeds", count]
        monkeypatch.setattr(sys, "argv", ["codec_ablations.py", *arguments])
        benchmark.main()
    assert seeds == [0, 0, 1, 1]
    assert "dropout, seeds: 2\n" in capsys.readouterr().out
