"""LAION's CLAP layout: a small random ClapModel written back in it, and read again."""

from __future__ import annotations

import argparse
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.audio import clap as c  # noqa: E402
from tiny_audio import TEXTS, tone, write_clap  # noqa: E402


def laion_state(model) -> dict:
    """The weights of a ClapModel by the names in LAION's files, those it does not read among them:
    ``CLAP`` of laion_clap has ``audio_branch`` (HTSAT, queries, keys and values in one matrix),
    ``text_branch`` (a RobertaModel), projections as Sequentials of linear, ReLU, linear, and MLPs
    ``..._transform`` for training."""
    names = [
        ("audio_model.audio_encoder", "audio_branch"), ("text_model", "text_branch"),
        ("attention.output.dense", "attn.proj"), ("attention.self", "attn"),
        ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"),
        ("layernorm_before", "norm1"), ("layernorm_after", "norm2"), ("batch_norm", "bn0"),
        ("projection.linear1", "projection.0"), ("projection.linear2", "projection.2"),
    ]  # fmt: skip
    state = {}
    for key, value in model.state_dict().items():
        name = key
        for new, old in names[: 2 if key.startswith("text_model") else None]:
            name = name.replace(new, old)
        state[name] = value
    for name in [n for n in state if n.endswith(("attn.query.weight", "attn.query.bias"))]:
        parts = [state.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        state[name.replace("query", "qkv")] = torch.cat(parts)
    state["audio_branch.logmel_extractor.melW"] = torch.zeros(513, 64)
    state["audio_branch.layers.0.blocks.0.attn_mask"] = torch.zeros(4)
    state["audio_branch.tscam_conv.weight"] = torch.zeros(3)
    state["audio_transform.sequential.0.weight"] = torch.zeros(4, 4)
    return {f"module.{name}": value for name, value in state.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """transformers' layout, beside it LAION's file."""
    from transformers import ClapConfig, ClapModel

    place = write_clap(tmp_path_factory.mktemp("clap"))
    config = ClapConfig.from_pretrained(place)
    config.text_config.update({"hidden_size": 128, "layer_norm_eps": 1e-5})
    torch.manual_seed(0)
    model = ClapModel(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def state(folder):
    return laion_state(c.Clap(str(folder)).model)


@pytest.mark.parametrize("kind", ["run", "numbers of numpy", "state alone", "safetensors"])
def test_a_file_gives_what_the_same_weights_in_transformers_layout_give(folder, state, kind):
    path = folder / "music_audioset_epoch_15_esc_90.14.pt"
    run = {"epoch": 15, "name": "music", "state_dict": state, "optimizer": {"lr": 1e-4}}
    if kind == "safetensors":
        from safetensors.torch import save_file

        path = path.with_suffix(".safetensors")
        save_file({k: v.clone() for k, v in state.items()}, path)
    elif kind == "numbers of numpy":
        torch.save({**run, "best": np.float64(0.9)}, path)
    else:
        torch.save(run if kind == "run" else state, path)
    ours, theirs = c.Clap(str(path)), c.Clap(str(folder))
    sound = np.concatenate([tone(440, 10, 48_000), tone(300, 7, 48_000)])
    np.testing.assert_allclose(ours.embed(sound), theirs.embed(sound), atol=1e-6)
    np.testing.assert_allclose(ours.embed_texts(TEXTS), theirs.embed_texts(TEXTS), atol=1e-6)
    assert ours.weights == str(path)


def test_a_folder_with_the_file_alone_is_as_good_as_the_file(folder, state, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    torch.save(state, tmp_path / "music.pt")
    one, other = c.Clap(str(tmp_path)), c.Clap(str(tmp_path / "music.pt"))
    np.testing.assert_array_equal(one.embed_texts(TEXTS), other.embed_texts(TEXTS))
    torch.save(state, tmp_path / "more.pt")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        c.Clap(str(tmp_path))


@pytest.mark.parametrize("odd", ["size", "specials"])
def test_another_models_tokenizer_beside_the_file_is_refused(folder, state, tmp_path, odd):
    """Its ids would be read as other words, or lie beyond the vocabulary."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if odd == "size":
        tokenizer.add_tokens(["<music>"])
    else:
        tokenizer.pad_token = "</s>"
    tokenizer.save_pretrained(tmp_path)
    torch.save(state, tmp_path / "music.pt")
    with pytest.raises(CheckpointError, match=r"tokenizer for .*roberta-base beside") as error:
        c.Clap(str(tmp_path / "music.pt"))
    assert "\n" not in str(error.value)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_other_objects_are_refused_in_one_line_and_not_made(tmp_path, state):
    for name, odd in (("args", argparse.Namespace(lr=1)), ("bomb", Bomb(tmp_path / "made"))):
        path = tmp_path / f"{name}.pt"
        torch.save({"state_dict": state, name: odd}, path)
        with pytest.raises(CheckpointError, match="other objects than weights") as error:
            c.Clap(str(path))
        assert "\n" not in str(error.value) and "safetensors" in str(error.value)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "drop", ["text_branch.pooler", "audio_branch.patch_embed.proj", "text_projection"]
)
def test_a_file_of_another_layout_is_named(tmp_path, state, drop):
    torch.save({k: v for k, v in state.items() if drop not in k}, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match=re.escape("no unfused HTSAT CLAP")) as error:
        c.Clap(str(tmp_path / "odd.pt"))
    assert "\n" not in str(error.value)
