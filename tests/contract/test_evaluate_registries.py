"""What every embedder and every figure of a table has to hold."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import cantilena
from cantilena.analysis import degenerate
from cantilena.analysis.audio import accuracy
from cantilena.errors import CheckpointError, InputError
from cantilena.evaluate import control
from cantilena.evaluate.distances import frechet, mmd
from cantilena.evaluate.sound import control as sound_control
from cantilena.evaluate.sound.embedders import EMBEDDERS, frechet_name, identity, load_embedder
from cantilena.evaluate.table3.protocols import PROTOCOLS
from cantilena.evaluate.tables import HEARD, LABELS
from cantilena.systems.arrival import grammar
from cantilena.systems.trainable import recipe
from tf_bundle import musicnn_tensors, write_tf_checkpoint
from tiny_audio import cnn14_weights, tone, vggish_weights, write_clap, write_encodec

PLAIN = {
    "degenerate",
    "temperature",
    "frechet",
    "frechet_subsets",
    "kad",
    "kad_subsets",
    "clap",
    "clap_floored",
    "loss",
    "compression_ratio",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every embedder, those with weights from small random ones in the published layout."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("weights")
    torch.save(vggish_weights(), folder / "vggish.pth")
    torch.save({"model": cnn14_weights()}, folder / "cnn14.pth")
    write_tf_checkpoint(folder / "musicnn", musicnn_tensors())
    places = {
        "logmel": None,
        "chroma": None,
        "vggish": str(folder / "vggish.pth"),
        "pann": str(folder / "cnn14.pth"),
        "musicnn": str(folder / "musicnn"),
        "clap": str(write_clap(folder / "clap")),
        "encodec": str(write_encodec(folder / "encodec")),
    }
    return {name: load_embedder(name, places[name]) for name in EMBEDDERS}


@pytest.mark.parametrize("name", EMBEDDERS)
def test_an_embedder_gives_finite_vectors_of_one_size_and_always_the_same(name: str, loaded):
    embedder = loaded[name]
    assert embedder.label == EMBEDDERS[name].label and 8000 <= embedder.rate <= 48_000
    sizes = set()
    for seconds in (0.01, 1.0, 12.3):
        sound = tone(440, seconds, embedder.rate)
        before = sound.copy()
        found = embedder.embed(sound)
        assert found.ndim == 2 and len(found) >= 1 and found.dtype == np.float32
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found, embedder.embed(sound))
        np.testing.assert_array_equal(sound, before)
        sizes.add(found.shape[1])
    assert len(sizes) == 1
    assert np.isfinite(embedder.embed(np.zeros(embedder.rate, np.float32))).all()


@pytest.mark.parametrize("name", EMBEDDERS)
def test_an_embedder_tells_sounds_apart(name: str, loaded):
    embedder = loaded[name]
    low, high = (embedder.embed(tone(f, 3, embedder.rate)) for f in (220, 1760))
    assert np.abs(low - high).max() > 1e-4


@pytest.mark.parametrize("name", EMBEDDERS)
def test_an_entry_says_what_it_is_and_how_its_weights_are_had(name: str):
    kind = EMBEDDERS[name]
    assert len(kind.what) > 10 and "FAD" not in kind.label
    if not kind.get:
        assert load_embedder(name).weights == ""
        return
    with pytest.raises(CheckpointError) as error:
        load_embedder(name, "no such place")
    message = str(error.value)
    assert name in message.lower() and "no such place" in message and "\n" not in message
    assert "'--embedder logmel' works without" in message


def test_identities_differ(loaded):
    assert len({identity(e) for e in loaded.values()}) == len(EMBEDDERS)


@pytest.mark.parametrize("name", EMBEDDERS)
def test_only_distances_that_are_published_as_fad_are_called_so(name: str, loaded):
    published = name not in ("logmel", "chroma", "musicnn")
    assert ("FAD" in frechet_name(loaded[name])) == published
    assert frechet_name(loaded[name]).startswith(EMBEDDERS[name].label)


@pytest.mark.parametrize("distance", [frechet.frechet_distance, mmd.kad, mmd.mmd_squared])
def test_a_distance_is_a_finite_number_that_grows(distance):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    near, far = distance(x + 0.1, x), distance(x + 1, x)
    assert isinstance(near, float) and np.isfinite(far) and near < far
    assert distance(x.astype(np.float32), x) == distance(x.astype(np.float32), x)
    for bad in (x[:1], x[:, :3], np.full_like(x, np.inf)):
        with pytest.raises(InputError):
            distance(bad, x)


def test_time_stands_still_where_our_grammar_would_have_let_it_go_on():
    assert degenerate.MOST_AT_ONCE == grammar.MOST_AT_ONCE


def test_each_row_of_the_papers_table_has_a_recipe():
    """1B, and 3B with and without AMT's embeddings, beside the two of AMT; the 1B with AMT's is
    beyond the paper."""
    rows = {row.recipe: row for row in PROTOCOLS["paper"].rows}
    assert list(rows) == ["amt-base", "amt-enhanced", "llama-1b", "llama-3b", "llama-3b-amt"]
    assert all(recipe(name).settings.steps for name in rows)
    assert {rows[name].temperatures for name in rows if "llama" in name} == {(1.0, 1.1)}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_prints_figures_that_there_are(name: str):
    of = PROTOCOLS[name]
    assert len(of.source) > 10 and of.columns
    for column in of.columns:
        assert column in PLAIN or (column in control.METRICS and column in LABELS)


def test_what_is_heard_has_a_name_and_an_accuracy():
    assert set(HEARD) == set(sound_control.METRICS)
    assert set(sound_control.METRICS) - {"instruments"} <= set(accuracy())


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_uses(path: Path) -> list[str]:
    """Private names of other modules that a file imports, or reaches through a module's name."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imports = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    aliases = [a for n in imports if (n.module or "").startswith("cantilena") for a in n.names]
    modules = {alias.asname or alias.name for alias in aliases}
    private = [alias.name for alias in aliases if is_private(alias.name)]
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            private += [f"{name}.{node.attr}"] if name in modules and is_private(node.attr) else []
    return private


def test_what_measures_keeps_out_of_other_modules_private_names(tmp_path):
    (tmp_path / "a.py").write_text("from cantilena.evaluate import run\nrun._read(1)")
    assert private_uses(tmp_path / "a.py") == ["run._read"]
    root = Path(cantilena.__path__[0])
    paths = [p for folder in ("evaluate", "audio", "cli") for p in (root / folder).rglob("*.py")]
    assert {str(p): names for p in paths if (names := private_uses(p))} == {}
