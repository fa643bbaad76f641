"""Pieces made by two workers of a real Ray: the same bytes as without, resumed, refused."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray")

import cantilena
from arrival_noise_system import NoiseSystem
from cantilena import cluster
from cantilena.cli import main
from cantilena.errors import CantilenaError, CheckpointError, InputError, Notice
from cantilena.files import jsonl
from cantilena.locks import lock
from cantilena.options import make_brief
from cantilena.systems.at_scale import Item, Settings, generate_all, read_manifest
from cantilena.systems.at_scale_ray import _Worker, generate_all_on_ray

TEXTS = ("a waltz", "jazz for piano", "", "a slow tune", "piano and drums", "a march")
ITEMS = [Item(f"piece {i}", text or None, 3 + i) for i, text in enumerate(TEXTS)]
SHORT = Settings(make_brief("", True, seconds=4), formats=("mid", "json"))


@pytest.fixture(scope="module")
def load(tiny_checkpoint) -> partial:
    return partial(cantilena.load, str(tiny_checkpoint))


@pytest.fixture(scope="module")
def plain(load, tmp_path_factory) -> Path:
    """The folder that a run without Ray writes."""
    folder = tmp_path_factory.mktemp("plain")
    generate_all(load(), ITEMS, folder, SHORT)
    return folder


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    """A Ray of two processors, started once since that takes seconds."""
    with cluster.connected(2, cluster.HERE) as running:
        yield running


def files(folder: Path) -> dict[str, bytes]:
    """All that a run leaves, without the manifest, whose lines come in another order."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.jsonl"}


def test_two_workers_make_the_same_and_go_on_where_they_stopped(
    load, plain, tiny_checkpoint, tmp_path, capsys, monkeypatch
):
    """Stopped from Python after three pieces, and gone on with by the command line: a run for each
    would take seconds more."""
    out, shares = tmp_path / "out", []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_all_on_ray(load, ITEMS, out, SHORT, stop, workers=2)
    done = read_manifest(out)
    assert len(done) == 3 and shares == [1 / 6, 2 / 6, 3 / 6]
    whole = {name: data for name, data in files(plain).items() if name.split(".")[0] in done}
    assert files(out) == {**whole, "generate.json": files(plain)["generate.json"]}

    monkeypatch.chdir(tiny_checkpoint.parent)  # the workers stand elsewhere
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_bytes(jsonl({"id": item.id, "text": item.text} for item in ITEMS))
    command = ["generate", "--checkpoint", tiny_checkpoint.name, "--prompts", str(prompts)]
    command += ["--seed", "3", "--seconds", "4", "--formats", "mid,json", "-o", str(out)]
    assert main([*command, "--workers", "2", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pieces"], summary["before"]) == (3, 3)
    assert files(out) == files(plain)
    lines = read_manifest(out)
    assert lines == read_manifest(plain)
    later = sum(line["notes"] for name, line in lines.items() if name not in done)
    assert summary["notes"] == later
    # and nothing is left to do, with Ray or without
    assert generate_all_on_ray(load, ITEMS, out, SHORT, workers=2).pieces == 0
    assert generate_all(load(), ITEMS, out, SHORT).pieces == 0


def test_what_cannot_be_made_is_refused_before_anything_is(load, plain, tmp_path):
    """By the worker that would have made it, in the words of the run without Ray."""
    unknown = Settings(options={"tokens": 24})
    with pytest.raises(InputError) as expected:
        generate_all(load(), ITEMS, tmp_path / "a", unknown)
    with pytest.raises(InputError, match=r"^piece 'piece 2'") as refused:
        generate_all_on_ray(load, ITEMS, tmp_path / "b", unknown, workers=2)
    assert str(refused.value) == str(expected.value)
    with pytest.raises(InputError, match="another folder"):
        generate_all_on_ray(load, ITEMS, plain, replace(SHORT, obey=True), workers=2)
    with lock(plain), pytest.raises(InputError, match="another process is writing to"):
        generate_all_on_ray(load, ITEMS, plain, SHORT, workers=2)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    broken = partial(cantilena.load, str(damaged))
    with pytest.raises(CheckpointError):
        generate_all_on_ray(broken, ITEMS, tmp_path / "c", SHORT, workers=2)
    assert not [*tmp_path.rglob("*.mid"), *tmp_path.rglob("manifest.jsonl")]


def test_workers_go_on_with_half_written_sound(tmp_path):
    """The progress of pieces that this process began is where workers look for it."""
    pytest.importorskip("vector_quantize_pytorch")
    from tiny_musiclm import write_musiclm

    place = write_musiclm(tmp_path / "music")
    load = partial(cantilena.load, str(place), "musiclm", device="cpu")
    short = Settings(make_brief("", True, seconds=3), formats=("wav",))
    generate_all(load(), ITEMS[:2], tmp_path / "plain", short)
    out = tmp_path / "out"

    def stop(share: float) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_all(load(), ITEMS[:2], out, short, stop)
    under_way = [path.name for path in out.iterdir() if path.name.endswith(".cascade.npz")]
    assert len(under_way) == 2 and not read_manifest(out)
    assert generate_all_on_ray(load, ITEMS[:2], out, short, workers=2).sound == 6.0
    assert files(out) == files(tmp_path / "plain")


class Breaking(NoiseSystem):
    """Gives a Notice of each batch; the second cannot be made."""

    batch = 1

    def session(self, prompts):
        warnings.warn(f"batch {self.begun}", Notice, stacklevel=1)
        if self.begun == 1:
            raise CantilenaError("the model broke")
        return super().session(prompts)


def test_an_error_names_the_pieces_that_it_kept_from_being_made():
    """And those before it, with what was noticed of them, come first."""
    settings = Settings(options={"tokens": 24})
    pieces = [
        {
            "item": {"id": item.id, "text": item.text, "seed": item.seed},
            "request": settings.request(NoiseSystem(), item).to_dict(),
        }
        for item in ITEMS[:3]
    ]
    batches = _Worker(Breaking, ("mid",))({"pieces": [json.dumps(pieces)]})
    first, error = (pickle.loads(batch["outcome"][0]) for batch in batches)
    assert (first.line["id"], list(first.files)) == ("piece 0", ["piece 0.mid"])
    assert first.notices == ["batch 0"]
    assert str(error) == "pieces 'piece 1', 'piece 2': the model broke"
