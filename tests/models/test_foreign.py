"""Pickles of fairseq and Lightning: weights are taken, nothing else is made."""

from __future__ import annotations

import argparse
import pickle

import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models import foreign  # noqa: E402
from cantilena.models.saving import save_tensors  # noqa: E402


def test_weights_and_plain_settings_come_from_both_formats(tmp_path):
    fairseq = foreign.read_foreign(tiny_bridges.published("symphony", tmp_path), "symphony")
    assert fairseq.settings["num_attention_heads"] == 4
    assert fairseq.weights["decoder.wEvte.weight"].shape == (1125, 32)
    lightning = foreign.read_foreign(tiny_bridges.published("FA_cross", tmp_path), "FA_cross")
    assert lightning.settings["n_skip"] == 2
    assert "yinyang_attn.0.gates" in lightning.weights
    assert lightning.origin()["file"] == "FA_cross.ckpt"


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_wants_other_objects_is_refused_and_nothing_of_it_is_run(tmp_path):
    trap, content = tmp_path / "made", tiny_bridges.content("symphony")
    places = [
        {**content, "extra_state": Harm(trap)},
        {**content, "args": argparse.Namespace(task=Harm(trap))},
        {"state_dict": {"a": torch.zeros(1), "b": Harm(trap)}},
    ]
    for place in places:
        torch.save(place, tmp_path / "bad.pt")
        with pytest.raises(CheckpointError, match=r"other objects than weights \((io|_io)\.open"):
            foreign.read_foreign(tmp_path / "bad.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Harm(trap)))
    with pytest.raises(CheckpointError):
        foreign.read_foreign(tmp_path / "plain.pt")
    assert not trap.exists()


def test_a_namespace_is_read_in_this_reader_alone(tmp_path):
    path = tiny_bridges.published("symphony", tmp_path)
    foreign.read_foreign(path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


def test_only_plain_values_of_the_settings_are_taken(tmp_path):
    content = tiny_bridges.content("symphony")
    content["args"].nested = {"a": [1]}
    torch.save(content, tmp_path / "a.pt")
    settings = foreign.read_foreign(tmp_path / "a.pt").settings
    assert "nested" not in settings and settings["dropout"] == 0.1


@pytest.mark.parametrize(
    ("weights", "owner"),
    [
        ({"decoder.wEvte.weight": 1}, "SymphonyNet"),
        ({"decoder.layers.0.self_attn_layer_norm.weight": 1}, "second stage"),
        ({"bert.embeddings.word_embeddings.weight": 1, "classifieratt.0.weight": 1}, "first stage"),
        ({"bert.embeddings.word_embeddings.weight": 1}, "a BERT without heads"),
        ({"global_sos": 1}, "the base of function alignment"),
        ({"yinyang_attn.0.gates": 1, "masked_embedding": 1}, "FA_cross"),
        ({"sentence_embedding": 1}, "FA_self"),
        ({"transformer.wte.weight": 1}, "GPT-2"),
        ({"model.layers.0.self_attn.q_proj.weight": 1}, "a Llama"),
        ({"model.decoder.embed_tokens.0.weight": 1}, "MusicGen"),
        ({"something.weight": 1}, "a layout that is not known"),
    ],
)
def test_another_systems_weights_are_named(tmp_path, weights, owner):
    path = tmp_path / "other.safetensors"
    save_tensors(path, {name: torch.zeros(2) for name in weights})
    needed = "attributes" if owner == "SymphonyNet" else "symphony"
    with pytest.raises(CheckpointError, match=r"are .*" + owner):
        foreign.read_foreign(path, needed)


def test_files_that_are_no_checkpoint_are_refused_in_a_line(tmp_path):
    path = tmp_path / "a.pt"
    cases = {
        b"": "is no checkpoint",
        b"MThd": "is no checkpoint",  # a MIDI file
        b"\x80\x02hello": "cannot be read",
        b"PK\x03\x04" + bytes(100): "cannot be read",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=message) as caught:
            foreign.read_foreign(path)
        assert "\n" not in str(caught.value)
    for content in ([1, 2], {"model": {}}, {"model": {"a": 1}}, 5):
        torch.save(content, path)
        with pytest.raises(CheckpointError, match="holds no weights"):
            foreign.read_foreign(path)
    whole = tiny_bridges.published("symphony", tmp_path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="cannot be read"):
        foreign.read_foreign(path)
    with pytest.raises(CheckpointError, match="there is no file"):
        foreign.read_foreign(tmp_path / "absent.pt")
