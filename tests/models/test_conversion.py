"""Published files become checkpoints by what their weights are."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

import tiny_bridges  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.checkpoint import open_checkpoint  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.models.saving import save_tensors  # noqa: E402

SYSTEMS = {"symphony": "symphony", "attributes": "attributes", "frames": "frames"}


@pytest.mark.parametrize(("name", "system"), SYSTEMS.items())
def test_the_system_is_told_by_the_weights(tmp_path, name, system, capsys):
    path = tiny_bridges.published(name, tmp_path)
    assert main(["import", str(path), "-o", str(tmp_path / "ours")]) == 0
    assert system in capsys.readouterr().out
    card = open_checkpoint(tmp_path / "ours", system).card
    assert card["training"]["converted from"]["file"] == path.name
    assert sorted(card["files"]) == ["model.safetensors"]


def test_an_adapter_needs_its_base_and_nothing_else_has_one(tmp_path):
    base, adapter = (tiny_bridges.published(name, tmp_path) for name in ("frames", "FA_self"))
    with pytest.raises(InputError, match=r"FA_self.* needs its base"):
        convert(adapter, tmp_path / "a")
    with pytest.raises(InputError, match="has no base"):
        convert(base, tmp_path / "a", base)
    assert not (tmp_path / "a").exists()
    assert main(["import", str(adapter), "--base", str(base), "-o", str(tmp_path / "a")]) == 0
    assert open_checkpoint(tmp_path / "a", "aligned").model["base"] == {"name": "frames.ckpt"}


def test_weights_of_others_are_named_and_nothing_is_written(tmp_path, capsys):
    save_tensors(tmp_path / "x.safetensors", {"transformer.wte.weight": torch.zeros(2)})
    with pytest.raises(CheckpointError, match="a GPT-2, as AMT is; they are not converted"):
        convert(tmp_path / "x.safetensors", tmp_path / "a")
    path = tiny_bridges.published("symphony", tmp_path)
    options = ["--offset", "3"]
    assert main(["import", str(path), "-o", str(tmp_path / "a"), *options]) == 2
    assert "--offset" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
