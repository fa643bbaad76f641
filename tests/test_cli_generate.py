"""``cantilena generate``: options, prompt files and the outcome, without a network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "systems"))

from arrival_noise_system import NoiseSystem

from cantilena.cli import main
from cantilena.cli_generate import read_items
from cantilena.errors import InputError


@pytest.fixture
def system(monkeypatch) -> NoiseSystem:
    """Stands in for the checkpoint of whichever system is asked for."""
    import cantilena.systems

    made = NoiseSystem()
    loaded = type("Module", (), {"load": staticmethod(lambda path, device, dtype: made)})
    monkeypatch.setattr(cantilena.systems, "system", lambda name: loaded)
    return made


def prompts(path: Path, *lines: object) -> str:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return str(path)


def test_prompts_become_files(tmp_path: Path, system, capsys):
    source = prompts(
        tmp_path / "p.jsonl", {"id": "a", "text": "a waltz"}, {"id": 7}, {"text": "jazz", "x": 1}
    )
    out = tmp_path / "out"
    command = ["generate", "--prompts", source, "--system", "llama-music", "--checkpoint", "x"]
    command += ["--tokens", "12", "-o", str(out)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "3 pieces, 36 tokens" in said and "tokens/s" in said
    assert {p.name for p in out.glob("*.mid")} == {"a.mid", "7.mid", "piece-3.mid"}
    assert main([*command, "--n", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pieces"], told["before"], told["tokens"]) == (2, 3, 24)
    assert (out / "a-2.mid").exists() and (out / "7-2.mid").exists()
    assert main([*command, "--top-p", "0.5"]) == 2
    assert "another folder" in capsys.readouterr().err


def test_without_prompts_pieces_are_numbered(tmp_path: Path, system):
    out = str(tmp_path / "out")
    command = ["generate", "--system", "amt", "--tokens", "6", "-o", out, "--quiet", "--batch", "2"]
    assert main([*command, "--n", "3"]) == 0
    assert main([*command, "--n", "4", "--seed", "0"]) == 0
    names = sorted(p.name for p in Path(out).glob("*.mid"))
    assert names == [f"piece-00000{i}.mid" for i in (1, 2, 3, 4)]
    assert system.begun == 3


def test_items_have_seeds_in_a_row(tmp_path: Path):
    source = prompts(tmp_path / "p", {"id": "a", "text": "x"}, {"id": "b", "text": " "})
    found = read_items(source, 3, 10)
    assert [(i.id, i.text, i.seed) for i in found] == [
        ("a", "x", 10),
        ("b", None, 11),
        ("a-2", "x", 12),
    ]
    assert len(read_items(source, None, 0)) == 2 and len(read_items(source, 1, 0)) == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: not JSON"),
        (['{"id": "a"}', "[1]"], "line 2: not a JSON object"),
        ([{"id": "a", "text": 5}], "the text 5"),
        ([{"id": "a/b", "text": "x"}], "line 1: .*file's name"),
        ([{"id": True, "text": "x"}], "the id True"),
        ([{"id": "a"}, {"id": "A"}], "line 2: the id 'A'"),
        (["", " "], "no prompts"),
    ],
)
def test_bad_prompt_files(tmp_path: Path, lines: list, said: str):
    with pytest.raises(InputError, match=said):
        read_items(prompts(tmp_path / "p.jsonl", *lines), None, 0)


def test_names_that_meet(tmp_path: Path):
    source = prompts(tmp_path / "p.jsonl", {"id": "a"}, {"id": "a-2"})
    with pytest.raises(InputError, match="'a-2'"):
        read_items(source, 4, 0)


@pytest.mark.parametrize(
    "options",
    [
        *(["--n", "0"], ["--tokens", "2"], ["--batch", "0"], ["--seconds", "-1"], ["--most", "0"]),
        *(["--top-p", "2"], ["--seed", "-1"], ["--instruments", "zzxx"], ["--n", "many"]),
        *(["--prompts", "nowhere.jsonl"], ["--system", "note"], ["--system", "amt-prefix"]),
    ],
)
def test_bad_options_are_told_in_one_line(tmp_path: Path, options: list[str], capsys):
    command = ["generate", "--system", "amt", "-o", str(tmp_path / "out"), *options]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("cantilena: ") and said.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_missing_weights_are_told_in_one_line(tmp_path: Path, capsys):
    pytest.importorskip("transformers")
    where = str(tmp_path / "none")
    assert main(["generate", "--system", "amt", "--checkpoint", where, "-o", where + "-out"]) == 1
    said = capsys.readouterr().err
    assert "config.json is missing" in said and "'note'" in said and said.count("\n") == 1
