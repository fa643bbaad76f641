"""Places that are a folder or a hub name: what is said where there is neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cantilena.cli import main
from cantilena.errors import CheckpointError, InputError, MissingWeightsError
from cantilena.models import hub
from cantilena.models.checkpoint import open_checkpoint
from cantilena.models.hub import check_place, folder_of, loading


@pytest.mark.parametrize("place", ["", "nowhere", "no/such/folder", "./x", "a b/c", "owner/"])
def test_what_is_no_folder_and_no_hub_name(place: str, tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingWeightsError, match="no such folder, and no hub name such as"):
        check_place(place, "codec")
    with pytest.raises(InputError, match="there is no codec"):
        folder_of(place, "codec")


def test_a_hub_name_that_cannot_be_reached_is_read_in_both_ways(monkeypatch: Any):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingWeightsError) as raised:
        folder_of("owner/name", "CLAP")
    assert str(raised.value) == (
        "there is no CLAP 'owner/name': no such folder, and of it as a hub name it is not in the "
        "hub's cache and HF_HUB_OFFLINE is set"
    )


def test_a_model_on_a_hub_that_cannot_be_reached_is_not_waited_for(monkeypatch: Any, tmp_path):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(hub, "_unreachable", lambda: "huggingface.co cannot be reached")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def asked(*_: Any, **__: Any):
        pytest.fail("the hub was asked")

    monkeypatch.setattr(transformers.GPT2LMHeadModel, "from_pretrained", asked)
    with pytest.raises(MissingWeightsError, match="as far as this machine can reach it"):
        hub.load_pretrained(transformers.GPT2LMHeadModel, "owner/no-such-model", device="cpu")


@pytest.mark.parametrize(
    ("name", "error", "kind"),
    [
        ("owner/name", OSError("offline"), InputError),
        ("no/such/folder", OSError("offline"), InputError),
        ("meta/gated", OSError("401 gated"), CheckpointError),
        (".", OSError("cannot be parsed"), CheckpointError),
    ],
)
def test_what_is_not_there_is_input_and_what_is_damaged_is_not(
    name: str, error: Exception, kind: type
):
    with pytest.raises(CheckpointError) as raised, loading("model", name):
        raise error
    assert isinstance(raised.value, kind)
    assert isinstance(raised.value, InputError) == (kind is InputError)


@pytest.mark.parametrize(
    "line",
    [["--system", "amt", "--checkpoint"], ["--reader"], ["--system", "amt-prefix", "--checkpoint"]],
)
def test_a_folder_that_is_no_checkpoint_is_wrong_input(line: list[str], tmp_path: Path, capsys):
    pytest.importorskip("transformers")
    (tmp_path / "empty").mkdir()
    command = ["compose", "calm", *line, str(tmp_path / "empty"), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "is missing" in error and error.count("\n") == 1


def test_a_folder_without_a_checkpoint_is_input(tmp_path: Path):
    with pytest.raises(MissingWeightsError, match=r"is no checkpoint: card\.json is missing"):
        open_checkpoint(tmp_path)
