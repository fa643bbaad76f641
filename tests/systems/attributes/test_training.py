"""Training on attributes: windows of songs, which attributes are told, the loss and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.cli import main  # noqa: E402
from cantilena.data.build import build  # noqa: E402
from cantilena.data.dataset import Songs, load_split  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.attribute_lm import AttributeConfig, AttributeLM  # noqa: E402
from cantilena.systems.attributes.examples import Windows, chosen, window_of  # noqa: E402
from cantilena.systems.attributes.training import music_nats  # noqa: E402
from cantilena.tokens.remi import RemiScheme, read_words  # noqa: E402
from cantilena.tokens.remi import vocab as v  # noqa: E402
from cantilena.tokens.remi.attributes import read_prefix  # noqa: E402
from cantilena.tokens.remi.bars import key_of_pitches  # noqa: E402
from corpus_pieces import add_lakh, piece  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data set of a few songs in every split."""
    root = tmp_path_factory.mktemp("attributes")
    for i, digit in enumerate("0123456789abcdef"):
        add_lakh(root / "corpora", digit, piece(i, shift=i % 5))
    build(root / "corpora", root / "data", ("lakh",))
    return root / "data"


@pytest.fixture(scope="module")
def songs(data: Path) -> Songs:
    return load_split(data, "train")


def test_a_window_says_its_bars_and_what_they_are(songs: Songs):
    whole = window_of(songs, 0, 0, 100, 10**6)
    assert whole is not None
    bars = len(songs.bars(0)) - 1
    assert len(read_words(whole.words).bar_ends) == bars
    two = window_of(songs, 0, 2, 2, 10**6)
    assert two is not None and two.classes["B1s1"] == 0
    assert len(read_words(two.words).bar_ends) <= 2
    short = window_of(songs, 0, 0, 100, len(whole.words) - 1)
    assert short is not None and 0 < len(read_words(short.words).bar_ends) < bars
    assert whole.words[: len(short.words)].tolist() == short.words.tolist()
    assert window_of(songs, 0, 0, 4, 5) is None
    score = RemiScheme().decode(whole.words[:, None])
    playing = {f"I1s2_{k}" for k in range(28) if whole.classes[f"I1s2_{k}"] == 0}
    assert len(playing) <= len(score.tracks) and playing


def test_music_stands_in_c_major_or_a_minor(songs: Songs):
    from cantilena.score import DRUMS

    for i in range(len(songs)):
        example = window_of(songs, i, 0, 1000, 10**6)
        assert example is not None
        notes = read_words(example.words).notes
        _, shift = key_of_pitches([n[2] for n in notes if n[1] != DRUMS])
        assert shift == 0 and example.classes["K1"] in (0, 1)


def test_some_of_what_is_known_is_told():
    known = {"K1": 0, "T1s1": 2, "TS1s1": 0, **{f"I1s2_{k}": int(k > 3) for k in range(28)}}
    numbers = set()
    for seed in range(60):
        told = chosen(known, 2, np.random.default_rng(seed))
        assert all(known[name] == value for name, value in told.items())
        instruments = [name for name in told if name.startswith("I1s2")]
        assert not instruments or any(known[name] == 0 for name in instruments)
        numbers.add(len({name.split("_")[0] for name in told}))
    assert numbers == {2}


def test_batches_depend_on_seed_and_step_alone(songs: Songs):
    one, two = Windows(songs, 200), Windows(songs, 200)
    one.draw(0, 2)
    assert (one.draw(3, 3)["ids"] == two.draw(3, 3)["ids"]).all()
    ids = one.draw(3, 3)["ids"]
    assert not np.array_equal(ids, one.draw(4, 3)["ids"])
    for row in ids:
        words = row[row != v.PAD]
        assert words[0] == words[-1] == v.END_OF_PIECE and words[64] == v.SEPARATOR
        assert read_prefix(words[1:64])
        assert len(words) <= 200 + 66
    with pytest.raises(InputError, match="more words"):
        Windows(songs, 5).draw(0, 1)


def test_windows_keep_to_their_limits(songs: Songs):
    rng = np.random.default_rng(0)
    words = Windows(songs, 10**6, bars=3, parts=3).example(rng).words
    assert len({note[1] for note in read_words(words).notes}) == 3
    with pytest.raises(InputError):
        Windows(songs, 10**6, bars=3, parts=2).example(rng)
    whole = {len(Windows(songs, 150).example(rng).words) for _ in range(20)}
    assert max(whole) <= 150 and max(whole) > 75


def test_the_loss_is_of_music_alone():
    torch.manual_seed(0)
    model = AttributeLM(AttributeConfig(layers=1, width=8, heads=1, inner=8, control="norm"))
    model.eval()
    music = [v.METRE, v.TEMPO, v.END_OF_PIECE]
    before = [v.END_OF_PIECE, *range(985, 985 + 3), v.SEPARATOR]
    ids = torch.tensor([before + music, [*before, *music[:2], v.PAD]])
    nats, count = music_nats(model, ids)
    assert count == 5
    logits = torch.log_softmax(model(ids[:1]), -1)[0]
    rows = logits[4:7].gather(1, torch.tensor(music)[:, None])
    alone, _ = music_nats(model, ids[:1])
    torch.testing.assert_close(alone, -rows.sum())
    assert nats > alone


TINY = ("width=8", "layers=1", "heads=1", "inner=8", "longest=150")


def run(capsys: Any, data: Path, out: Path, *more: str) -> tuple[int, str, str]:
    options = [part for option in TINY for part in ("--option", option)]
    argv = ["train", "--system", "attributes", "--data", str(data), "--out", str(out)]
    return main([*argv, *options, *more]), *capsys.readouterr()


def test_a_data_set_becomes_a_model_that_composes(data: Path, tmp_path: Path, capsys: Any):
    out = tmp_path / "run"
    code, text, err = run(capsys, data, out, "--steps", "2", "--batch", "2")
    assert code == 0 and "held out" in text, err
    card = json.loads((out / "model" / "card.json").read_text())
    assert card["system"] == "attributes" and card["figures"]["music"] > 0
    assert card["training"]["options"]["longest"] == 150
    assert card["licence"] and all(row["licence"] for row in card["sources"].values())
    assert {row["songs"] > 0 for row in card["sources"].values()} == {True}
    code, text, err = run(capsys, data, out, "--steps", "3", "--batch", "2")
    assert code == 0, err
    argv = ["compose", "--system", "attributes", "--checkpoint", str(out), "2 bars in 3/4"]
    code = main([*argv, "-o", str(tmp_path / "out"), "--formats", "mid,json"])
    assert code == 0 and "3/4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--notes", "5"], "--notes is not an option of --system attributes"),
        (["--codec", "x"], "--codec is not an option"),
        (["--recipe", "opera", "--steps", "1"], "opera"),
        (["--option", "control=telepathy"], "telepathy"),
        (["--option", "width=7"], "it is even"),
        (["--option", "longest=16", "--steps", "1"], "allow more words"),
    ],
)
def test_what_cannot_be_trained(data: Path, tmp_path: Path, capsys: Any, more: list, problem: str):
    code, _, err = run(capsys, data, tmp_path / "run", *more)
    assert code == 2 and problem in err and "Traceback" not in err
    assert not (tmp_path / "run").exists()
