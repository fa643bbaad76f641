"""The reader of TensorFlow's checkpoints, and musicnn against what the original graph gave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cantilena.data.weights import find_weights
from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.tf_checkpoint import read_tf_checkpoint
from tf_bundle import musicnn_tensors, write_tf_checkpoint

ASSETS = Path(__file__).parents[2] / "assets" / "musicnn"


# ---------------------------------------------------------------------------- the checkpoint


def test_what_tensorflow_wrote_is_read():
    """Written by TensorFlow 2.21's SaveV2."""
    tensors = read_tf_checkpoint(ASSETS / "tiny")
    expected = {
        "beta_power": np.array(0.9, np.float32),
        "net/dense/bias": np.array([-1, 0.5, 2], np.float32),
        "net/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "net/dense_1/kernel": np.arange(3, dtype=np.float64),
        "net/ids": np.array([[1, -2]], np.int32),
        "net/step": np.array(7, np.int64),
    }
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        assert tensors[name].dtype == value.dtype
        np.testing.assert_array_equal(tensors[name], value)


@pytest.mark.parametrize("per_block", [1, 7, 1000])
def test_many_blocks_are_read(per_block: int, tmp_path):
    tensors = musicnn_tensors()
    read = read_tf_checkpoint(write_tf_checkpoint(tmp_path / "net", tensors, per_block))
    assert read.keys() == tensors.keys() and len(read) > 60
    for name, value in tensors.items():
        np.testing.assert_array_equal(read[name], value)
        assert read[name].shape == value.shape


def test_a_folder_stands_for_the_files_that_begin_with_the_dot(tmp_path):
    write_tf_checkpoint(Path(f"{tmp_path}/"), {"a": np.ones(2, np.float32)})
    (tmp_path.parent / f"{tmp_path.name}.index").rename(tmp_path / ".index")
    data = ".data-00000-of-00001"
    (tmp_path.parent / f"{tmp_path.name}{data}").rename(tmp_path / data)
    np.testing.assert_array_equal(read_tf_checkpoint(tmp_path)["a"], [1, 1])


def test_every_cut_or_changed_file_is_refused(tmp_path):
    prefix = write_tf_checkpoint(tmp_path / "net", {"a/b": np.ones(9, np.float32)})
    index, data = (Path(f"{prefix}{end}") for end in (".index", ".data-00000-of-00001"))
    whole = index.read_bytes()
    for size in range(len(whole)):
        index.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"net\.index is no whole checkpoint"):
            read_tf_checkpoint(prefix)
    rng = np.random.default_rng(0)
    for _ in range(2000):  # whatever a byte becomes, no other error is raised
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] = rng.integers(256)
        index.write_bytes(changed)
        try:
            read_tf_checkpoint(prefix)
        except CheckpointError as error:
            assert "\n" not in str(error)
    index.write_bytes(whole)
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="cut off"):
        read_tf_checkpoint(prefix)
    data.unlink()
    with pytest.raises(CheckpointError, match="data-00000-of-00001"):
        read_tf_checkpoint(prefix)


# ---------------------------------------------------------------------------- the network


def network(tensors):
    pytest.importorskip("torch")
    from cantilena.models.audio.musicnn import Musicnn

    return Musicnn(tensors)


def test_another_models_weights_are_refused():
    tensors = musicnn_tensors()
    short = {k: v for k, v in tensors.items() if k != "batch_normalization_10/beta"}
    with pytest.raises(InputError, match="batch_normalization_10/beta"):
        network(short)
    with pytest.raises(InputError, match="shape"):
        network(tensors | {"dense/bias": np.zeros(7, np.float32)})
    with pytest.raises(InputError, match="another model"):
        network(tensors | {"conv2d/kernel": np.zeros((7, 38), np.float32)})


def test_a_patch_is_three_seconds_and_a_short_sound_is_repeated():
    patches = network(musicnn_tensors()).patches
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 30 * 16_000).astype(np.float32)
    assert patches(sound).shape == (10, 187, 96)
    short = patches(sound[:16_000])[0].numpy()
    np.testing.assert_array_equal(short[63:126], short[:63])
    assert patches(sound[:1]).shape == (1, 187, 96)
    # a patch does not depend on its neighbours
    net = network(musicnn_tensors())
    together = net(patches(sound))[0].detach().numpy()
    alone = net(patches(sound)[3:4])[0].detach().numpy()
    np.testing.assert_allclose(together[3:4], alone, atol=1e-5)


def test_bands_are_those_of_an_independent_bank():
    """transformers' Slaney bank stands in for librosa's, which it equals."""
    pytest.importorskip("torch")
    mel_filter_bank = pytest.importorskip("transformers.audio_utils").mel_filter_bank
    from cantilena.audio.mel import slaney_bank

    expected = mel_filter_bank(257, 96, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(slaney_bank(16_000, 512, 96), expected, atol=1e-9)


def chord() -> np.ndarray:
    """(48000,) three decaying sines, struck each half second."""
    n = np.arange(48_000)
    sines = sum(0.2 * np.sin(2 * np.pi * f * n / 16_000) for f in (220.0, 277.5, 330.0))
    return (sines * np.exp(-(n % 8000) / 4000)).astype(np.float32)


def test_bands_are_librosas():
    pytest.importorskip("torch")
    from cantilena.models.audio.musicnn import log_bands

    golden = json.loads((ASSETS / "golden.json").read_text())["bands"]
    bands = log_bands(chord())[golden["frame"], : len(golden["values"])]
    np.testing.assert_allclose(bands, golden["values"], atol=1e-4)


@pytest.mark.parametrize("name", ["MTT_musicnn", "MSD_musicnn"])
def test_the_published_weights_give_what_the_original_graph_gives(name: str):
    """Run by TensorFlow 2.21 on the package's ``models.py``, on ``chord``."""
    pytest.importorskip("torch")
    folder = find_weights("musicnn")
    if folder is None:
        pytest.skip("the weights are not in the cache: cantilena data weights musicnn")
    net = network(read_tf_checkpoint(folder / "musicnn" / name))
    golden = json.loads((ASSETS / "golden.json").read_text())[name]
    embeddings, logits = (x.detach() for x in net(net.patches(chord())))
    assert embeddings.shape == (1, 200) and logits.shape == (1, 50)
    np.testing.assert_allclose(embeddings[0, :8].numpy(), golden["penultimate"], atol=1e-4)
    np.testing.assert_allclose(logits.sigmoid()[0].numpy(), golden["tags"], atol=1e-5)
