"""Training SymphonyNet and its bridges: windows, captions, what is trained, and runs of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

import tiny_bridges  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data import dataset  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.checkpoint import open_checkpoint  # noqa: E402
from cantilena.systems.symphony.examples import (  # noqa: E402
    BEGIN,
    END,
    RowBatches,
    Windows,
    learn_vocabulary,
    row_pieces,
    song_parts,
)
from cantilena.systems.symphony.training import (  # noqa: E402
    BertSymphonyTraining,
    SymphonyTraining,
    bert_recipe,
    published_recipe,
    symphony_recipe,
)
from cantilena.systems.trainable import recipes, trainable  # noqa: E402
from cantilena.tokens.note import NoteScheme  # noqa: E402
from cantilena.tokens.symphony import SymphonyScheme, Vocabulary  # noqa: E402
from cantilena.tokens.symphony import vocab as v  # noqa: E402
from songs import FakeSongs, random_songs, scale_song  # noqa: E402

VOCABULARY = Vocabulary()
LIMITS = (201, 60)


TRIADS = np.array([(96 * k, 0, p + k % 3, 9, 4) for k in range(8) for p in (60, 64, 67)])


class RowSongs(FakeSongs):
    """Songs whose bars say their metre."""

    scheme = NoteScheme()

    def metres(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        bars = len(self.bars(i)) - 1
        return np.full(bars, 4), np.full(bars, 4)


def some_songs() -> RowSongs:
    return RowSongs([*random_songs(2).tables, *scale_song().tables, TRIADS])


def windows(context: int = 40) -> Windows:
    return Windows(row_pieces(some_songs(), VOCABULARY), VOCABULARY, context, LIMITS)


def test_a_song_of_a_data_set_is_the_parts_that_its_table_says():
    songs = RowSongs(scale_song().tables)
    parts = song_parts(songs, 0)
    assert [part.program for part in parts.parts] == sorted({*songs.table(0)[:, 1].tolist()})
    assert len(parts) == songs.length(0) and parts.metres[1] == (96, 4, 4)


def test_windows_go_over_whole_pieces_and_each_row_follows_the_one_before():
    some = windows()
    for n, (number, start) in enumerate(some.spans):
        piece = some.pieces[number]
        read, target = some.rows(n)
        last = start + some.context >= len(piece.rows)
        assert tuple(read[0]) == BEGIN and len(read) == len(target)
        assert (read[1:, :4] == target[:-1]).all() and read[1, 5] == 1
        assert (tuple(target[-1]) == END) == last
        assert start in piece.bars
    for number, piece in enumerate(some.pieces):
        starts = [start for k, start in some.spans if k == number]
        ends = [start + some.context for start in starts]
        assert starts[0] == 0 and ends[-1] >= len(piece.rows)
        assert all(b <= e for b, e in zip(starts[1:], ends, strict=False))


def test_numbers_of_tracks_and_the_bar_that_a_window_begins_with_are_drawn():
    some, plain = windows(), windows().rows(0)
    drawn = [some.rows(0, np.random.default_rng(seed)) for seed in range(8)]
    for read, target in drawn:
        assert (read[1:, [0, 1, 3]] == plain[0][1:, [0, 1, 3]]).all()
        pairs = set(zip(plain[1][:, 2].tolist(), target[:, 2].tolist(), strict=True))
        assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
        assert (v.PAD, v.PAD) in pairs
        assert read[:, 5].max() <= LIMITS[1] and (read[1, 5] - 1) % 3 == 0
    assert len({read[1, 5] for read, _ in drawn}) > 2
    assert len({target[:, 2].tobytes() for _, target in drawn}) == 8


def test_a_caption_says_what_its_window_is_and_is_always_the_same():
    some = Windows(row_pieces(RowSongs(scale_song().tables), VOCABULARY), VOCABULARY, 40, LIMITS)
    text = some.text(0, drop=0.0)
    assert "rock" in text and "violin" in text
    assert text == some.text(0, drop=0.0) != some.text(0, 1, drop=0.0)


def test_a_batch_depends_on_the_seed_and_the_step_alone():
    def read(texts: Any) -> tuple[Any, Any]:
        return torch.ones(1, len(texts), 2, 3), torch.ones(len(texts), 2, dtype=torch.bool)

    first, again = (RowBatches(windows(), 3, read, 0.5) for _ in range(2))
    one, two = first.draw(4, 6), again.draw(4, 6)
    for name, values in one.items():
        assert (torch.as_tensor(values) == torch.as_tensor(two[name])).all()
    assert not np.array_equal(one["rows"], first.draw(5, 6)["rows"])
    masks = torch.cat([first.draw(step, 6)["text_mask"] for step in range(6)])
    assert 0.2 < masks[:, 0].float().mean() < 0.8 and first.fixed(2, 3)[1]["text_mask"].all()


def test_chords_that_often_sound_are_merged():
    songs = RowSongs([np.array([(96 * k, 0, p, 9, 4) for k in range(4) for p in (60, 64)])])
    assert learn_vocabulary(songs, 5, 0).tokens == ((60, 64),)
    assert not learn_vocabulary(songs, 0, 0).merges


def test_songs_that_no_rows_can_hold_are_left_out():
    empty = RowSongs([np.zeros((0, 5), dtype=np.int64)])
    empty.bars = lambda i: np.array([0, 96])  # type: ignore[method-assign]
    with pytest.raises(InputError, match="none of the songs"):
        row_pieces(empty, VOCABULARY)


# ---------------------------------------------------------------------------- what is trained


def test_the_published_recipe_has_the_published_sizes():
    scheme = SymphonyScheme(Vocabulary((((60,), (64,)),)))
    recipe = published_recipe()
    recipe = recipe.changed(vocabulary=recipe.options.with_scheme(scheme).vocabulary)
    config = SymphonyTraining().config(recipe)
    assert (config.width, config.layers, config.heads, config.inner) == (512, 12, 16, 2048)
    assert config.event == scheme.sizes[0] and config.measures == 5360


@pytest.mark.parametrize("kind", ["linear", "transformer", "queries"])
def test_only_context_and_cross_branches_are_optimised(kind: str, tmp_path: Path):
    music = tiny_bridges.with_words(tmp_path / "music")
    recipe = bert_recipe(
        music=str(music), kind=kind, heads=2, context_width=8, memory=3, context_layers=1
    )
    training = BertSymphonyTraining()
    model, _ = training.build(recipe)
    (optimiser,) = training.optimisers(model, recipe)
    names = {id(p): name for name, p in model.named_parameters()}
    optimised = {names[id(p)] for group in optimiser.param_groups for p in group["params"]}
    assert optimised == set(model.trained())
    assert {name.split(".")[1] for name in optimised} == {"context", "entry"}
    assert not any(name.startswith("music.") for name in optimised)
    assert all(p.requires_grad == (names[id(p)] in optimised) for p in model.parameters())


def test_what_trains_is_in_the_registry_and_a_music_model_must_be_named():
    assert trainable("symphony").driver == trainable("bert-symphony").driver == "audio"
    assert not [name for name in recipes() if "symphony" in name]  # those of finetune
    assert list(trainable("bert-symphony").recipes()) == [
        "bert-symphony-queries", "bert-symphony-linear", "bert-symphony-transformer",
    ]  # fmt: skip
    with pytest.raises(InputError, match="option music=DIR"):
        BertSymphonyTraining().build(bert_recipe())
    with pytest.raises(InputError, match="number of steps"):
        symphony_recipe(accumulate=2)


# ---------------------------------------------------------------------------- runs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder in which a data set stands, of the same songs for each split."""
    manifest = {"mix": ["made up"], "counts": {}}
    monkeypatch.setattr(dataset, "load_split", lambda *a, **k: some_songs())
    monkeypatch.setattr(dataset, "read_manifest", lambda folder: manifest)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SMALL = ["width=8", "layers=1", "heads=2", "inner=8", "merges=2", "context=32", "held_out=3"]


def train(system: str, out: str, options: list[str], *more: str) -> int:
    pairs = [part for option in options for part in ("--option", option)]
    argv = ["train", "--system", system, "--data", "data", "--out", out, "--batch", "2"]
    return main([*argv, *pairs, *more])


def test_songs_become_a_model_a_bridge_and_pieces(here: Path, capsys: Any):
    assert train("symphony", "music", SMALL, "--steps", "2") == 0
    out = capsys.readouterr().out
    assert "held out  row" in out and "windows of rows" in out
    card = open_checkpoint("music", "symphony").card
    assert len(card["scheme"]["merges"]) == 2
    assert card["training"]["options"]["vocabulary"] == ""
    assert card["figures"]["row"] == pytest.approx(
        sum(card["figures"][field] for field in ("event", "duration", "track", "instrument")),
        abs=1e-4,
    )
    assert train("symphony", "music", [], "--steps", "3") == 0
    assert json.loads((here / "music" / "log.jsonl").read_text().splitlines()[-1])["step"] == 3

    bridge = ["music=music", "context_width=8", "heads=2", "memory=2", "context=32", "held_out=3"]
    capsys.readouterr()
    assert train("bert-symphony", "bridge", bridge, "--steps", "2") == 0
    assert "row, another's" in capsys.readouterr().out
    card = open_checkpoint("bridge", "bert-symphony").card
    assert card["scheme"] == open_checkpoint("music", "symphony").card["scheme"]
    assert card["model"]["text"]["encoder"] == "hashed"
    for place in ("music", "bridge"):
        command = ["compose", "--checkpoint", place, "piano and bass, 2 bars", "-o", place + "-out"]
        assert main([*command, "--formats", "mid", "--quiet"]) == 0
    assert len(list(here.glob("*-out/*.mid"))) == 2


def test_a_bridge_reads_a_text_model_in_a_folder(here: Path, capsys: Any):
    pytest.importorskip("transformers")
    import tiny_hf

    folder = tiny_hf.saved(tiny_hf.bert(), here / "words", tiny_hf.tokenizer())
    assert train("symphony", "music", SMALL, "--steps", "1") == 0
    bridge = ["music=music", "context_width=8", "heads=2", "memory=2", "context=32", "held_out=3"]
    assert train("bert-symphony", "b", bridge, "--steps", "1", "--text-model", "words") == 0
    card = open_checkpoint("b", "bert-symphony").card
    assert card["model"]["text"]["name"] == str(folder)  # from wherever it is opened
    assert card["licence"] and card["sources"] == {"made up": {"licence": "not known"}}
    capsys.readouterr()
    (here / "empty").mkdir()
    for name, problem in (
        ("empty", "config.json or model.safetensors is missing"),
        ("nobody", "unknown text encoder 'nobody'"),
    ):
        assert train("bert-symphony", "c", bridge, "--steps", "1", "--text-model", name) != 0
        err = capsys.readouterr().err
        assert problem in err and err.count("\n") == 1 and not (here / "c").exists()
    assert train("symphony", "d", SMALL, "--text-model", "words") == 2
    assert "--text-model is of --system" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("system", "options", "more", "problem"),
    [
        ("symphony", SMALL, ["--notes", "5"], "--notes is not an option of"),
        ("symphony", SMALL, ["--codec", "x"], "--codec is not an option"),
        ("symphony", SMALL, ["--recipe", "opera"], "opera"),
        ("symphony", [*SMALL, "vocabulary=x"], [], "leave it out"),
        ("symphony", [*SMALL, "heads=3"], ["--steps", "0"], "steps"),
        ("bert-symphony", [], [], "option music=DIR"),
        ("bert-symphony", ["music=nowhere"], [], "nowhere"),
        ("bert-symphony", ["kind=opera"], [], "unknown kind 'opera'"),
    ],
)
def test_what_cannot_be_is_one_line(
    system: str, options: list[str], more: list[str], problem: str, here: Path, capsys: Any
):
    assert train(system, "run", options, *more) == 2
    err = capsys.readouterr().err
    assert problem in err and err.count("\n") == 1
    assert not (here / "run").exists()
