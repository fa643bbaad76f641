"""CLAP: a small random model in the published layout."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import CheckpointError
from cantilena.models.audio import clap as c
from tiny_audio import TEXTS, tone, write_clap


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("transformers")
    return write_clap(tmp_path_factory.mktemp("clap"))


@pytest.fixture(scope="module")
def clap(folder):
    return c.Clap(str(folder))


def test_the_published_layout_loads(folder, clap):
    names = {p.name for p in folder.iterdir()}
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= names
    assert clap.rate == 48_000 and clap.window == 480_000


def test_vectors_are_those_of_transformers_own_calls(clap):
    """One window, one text: what ClapModel gives for the extractor's and tokenizer's output."""
    import torch

    sound = tone(440, 10, 48_000)
    made = clap.extractor(sound, sampling_rate=48_000, return_tensors="pt")
    words = clap.tokenizer(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        audio = clap.model.get_audio_features(**made).pooler_output.numpy()
        text = clap.model.get_text_features(
            input_ids=words["input_ids"], attention_mask=words["attention_mask"]
        ).pooler_output.numpy()
    np.testing.assert_allclose(clap.embed(sound), audio, atol=1e-6)
    np.testing.assert_allclose(clap.embed_texts([TEXTS[0]]), text, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(audio, axis=1), 1, atol=1e-5)


def test_long_sound_gives_the_same_windows_each_time(clap):
    sound = np.concatenate([tone(220, 10, 48_000), tone(900, 6, 48_000)])
    found = clap.embed(sound)
    assert found.shape == (2, 16)
    np.testing.assert_array_equal(found, clap.embed(sound))
    np.testing.assert_allclose(found[:1], clap.embed(sound[:480_000]), atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_a_texts_vector_does_not_hang_on_its_neighbours(clap):
    together = clap.embed_texts(list(TEXTS))
    for row, text in zip(together, TEXTS, strict=True):
        np.testing.assert_allclose(row, clap.embed_texts([text])[0], atol=1e-5)
    before = clap.texts_cut
    assert clap.embed_texts(["a b c " * 100]).shape == (1, 16) and clap.texts_cut == before + 1


@pytest.mark.parametrize("weights", ["no/such/folder", "nowhere"])
def test_missing_weights_are_named_with_the_way_out(weights: str):
    pytest.importorskip("transformers")
    with pytest.raises(CheckpointError) as error:
        c.Clap(weights)
    message = str(error.value)
    assert weights in message and "huggingface-cli download" in message and "logmel" in message
    assert c.PAPER in message and "\n" not in message


def test_a_damaged_folder_and_a_file_are_named(folder, tmp_path, monkeypatch):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="broken"):
        c.Clap(str(broken))
    with pytest.raises(CheckpointError, match=r"config\.json' cannot be read"):
        c.Clap(str(broken / "config.json"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE"):
        c.Clap("someone/no-such-model")
