"""The commands on models: counts, layer weights, import and export."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.models.amt_prefix import AmtPrefix  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.systems.arrival import llama_music  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT


def said(capsys, code: int, arguments: list) -> str:
    assert main([str(a) for a in arguments]) == code
    found = capsys.readouterr()
    return found.err.strip() if code else found.out.strip()


def test_parameters_prints_the_papers_table(capsys):
    text = said(capsys, 0, ["parameters"])
    for figure in ("783 M", "1.47 B", "3.56 B"):
        assert f"| {figure} | {figure} |" in text
    rows = json.loads(said(capsys, 0, ["parameters", "--json"]))
    assert all(row["rounded"] == row["paper"] for row in rows)


def test_layers_prints_and_draws_the_weights(capsys, tmp_path):
    sizes = {"vocabulary": SMALL, "layers": 3, "text_width": 8}
    model = AmtPrefix(tiny_hf.amt(), None, "layers", **sizes)
    model.bridge.mix.logits.data = torch.tensor([0.0, 1.0, 2.0])
    folder = model.save(tmp_path / "run")
    picture = tmp_path / "layers.svg"
    assert "| 2 | 0.6652 |" in said(capsys, 0, ["layers", folder, "-o", picture])
    assert picture.read_text().startswith("<?xml")
    assert len(json.loads(said(capsys, 0, ["layers", folder, "--json"]))) == 3
    base = AmtPrefix(tiny_hf.amt(), None, "last", **sizes).save(tmp_path / "base")
    assert "last layer only" in said(capsys, 1, ["layers", base])
    assert "only 'llama-music'" in said(capsys, 2, ["export", base, "-o", tmp_path / "x"])


def test_export_and_import_go_round(capsys, tmp_path):
    torch.manual_seed(0)
    model = LlamaMusic(tiny_hf.llama(), None, SMALL).eval()
    run, plain, back = (tmp_path / name for name in ("run", "plain", "back"))
    model.save(run, tiny_hf.tokenizer())
    text = said(capsys, 0, ["export", run, "-o", plain, "--dtype", "float32"])
    assert f"{TEXT + SMALL.size:,} rows, music from {TEXT}" in text
    assert "exported already" in said(capsys, 2, ["export", plain, "-o", back])
    found = json.loads(said(capsys, 0, ["import", plain, "-o", back, "--json"]))
    assert found["text"] == TEXT and found["music"] == SMALL.size
    ids = torch.tensor([[1, 5, TEXT + SMALL.autoregress, TEXT + 4]])
    again = LlamaMusic.load(back)
    assert torch.allclose(again(ids).logits, model(ids).logits, atol=1e-5)
    for folder in (run, plain, back):
        assert next(iter(llama_music.LlamaMusicSystem.load(folder).prompt("rock").ids)) == 1
    nothing = said(capsys, 2, ["import", tmp_path / "none", "-o", back])
    assert "none" in nothing and "\n" not in nothing
