"""The MusicLM of the distribution of weights for sound: installed, no checkpoint is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

import cantilena.loading  # noqa: E402
from cantilena.audio.wav import parse_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.models.audio.shipped import MUSICLM, PACKAGE, shipped  # noqa: E402
from cantilena.systems.musiclm.checkpoint import load_musiclm  # noqa: E402

SOURCES = Path(__file__).parents[3] / "weights" / "audio" / "src"
pytestmark = pytest.mark.skipif(not SOURCES.exists(), reason="the weights are not beside the tests")

LIMIT = 2_000_000
"""Bytes of all its files."""


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """The distribution with the weights, as far as it is looked for."""
    cantilena.loading._loaded.cache_clear()  # of what another test had installed
    monkeypatch.syspath_prepend(str(SOURCES))


def test_it_is_small_and_says_what_it_is():
    folder = shipped(MUSICLM)
    assert folder == SOURCES / PACKAGE / MUSICLM
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LIMIT
    card = json.loads((folder / "card.json").read_text())
    assert set(card["sources"]) == {"mutopia", "game", "pop909"} and card["licence"]
    figures = card["figures"]
    for stage in ("semantic", "coarse"):
        assert figures[stage] < figures[f"{stage}, bigram"] < figures[f"{stage}, unigram"]
        assert figures[stage] < figures[f"{stage}, other text"]
    assert card["seed"] == 0 and card["training"]["steps"] > 100
    assert "/" not in json.dumps(card["training"])  # no places of whoever trained it
    loaded = load_musiclm(device="cpu")
    weights = [p for module in (loaded.music, loaded.codec) for p in module.parameters()]
    assert not loaded.whole and all(bool(torch.isfinite(p).all()) for p in weights)


def test_a_story_of_ten_seconds_and_its_replay(tmp_path: Path):
    command = ["compose", "--system", "musiclm", "--story", "0:calm 5:fast drums", "--seconds"]
    command += ["10", "--seed", "3", "--formats", "wav,json", "--quiet"]
    assert main([*command, "-o", str(tmp_path / "one")]) == 0
    wav, piece = (tmp_path / "one" / f"0-calm-5-fast-drums.{form}" for form in ("wav", "json"))
    samples, rate = parse_wav(wav.read_bytes())
    assert len(samples) == 10 * rate and np.isfinite(samples).all()
    seconds = np.asarray(samples).reshape(10, -1)
    assert (seconds.std(1) > 0.003).all() and np.abs(samples).max() < 0.99
    replay = ["compose", "--replay", str(piece), "-o", str(tmp_path / "two"), "--quiet"]
    assert main([*replay, "--formats", "wav,json"]) == 0
    for file in (wav, piece):
        assert (tmp_path / "two" / file.name).read_bytes() == file.read_bytes()
    assert sorted(path.name for path in wav.parent.iterdir()) == [piece.name, wav.name]


def test_missing_weights_are_one_line(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("cantilena.models.audio.shipped.shipped", lambda name: None)
    out = tmp_path / "out"
    command = ["compose", "--system", "musiclm", "--story", "0:calm", "-o", str(out)]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert "pip install ./weights/audio" in err and len(err.splitlines()) == 1
    assert not out.exists()


def test_other_words_and_other_seeds_are_other_music():
    sounds = [
        cantilena.compose(text, system="musiclm", seconds=2, seed=seed).audio.samples
        for text, seed in (("calm piano", 1), ("calm piano", 2), ("fast rock drums", 1))
    ]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(sounds[i], sounds[j])
