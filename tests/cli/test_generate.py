"""``cantilena generate``: options, prompt files and the outcome, without a network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from arrival_noise_system import NoiseSystem
from cantilena.cli import main
from cantilena.cli.generate import read_items
from cantilena.errors import InputError
from cantilena.files import jsonl
from cantilena.locks import lock
from cantilena.systems.request import Span
from fakes import FakeSystem


@pytest.fixture
def system(monkeypatch) -> NoiseSystem:
    """Stands in for the checkpoint of whichever system is asked for."""
    fake = NoiseSystem()
    monkeypatch.setattr("cantilena.api.load", lambda checkpoint, system, **options: fake)
    return fake


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
    command = ["generate", "--system", "llama-music", "--tokens", "6", "-o", out]
    command += ["--quiet", "--batch", "2"]
    assert main([*command, "--n", "3"]) == 0
    assert main([*command, "--n", "4", "--seed", "0"]) == 0
    names = sorted(p.name for p in Path(out).glob("*.mid"))
    assert names == [f"piece-00000{i}.mid" for i in (1, 2, 3, 4)]
    assert system.begun == 3


def test_items_have_seeds_in_a_row(tmp_path: Path):
    source = prompts(tmp_path / "p", {"id": "a", "text": "x"}, {"id": "b", "text": " "})
    items = read_items(source, 3, 10)
    assert [(i.id, i.text, i.seed) for i in items] == [
        ("a", "x", 10),
        ("b", None, 11),
        ("a-2", "x", 12),
    ]
    assert len(read_items(source, None, 0)) == 2 and len(read_items(source, 1, 0)) == 1


def test_a_prompt_has_a_seed_and_wishes_of_its_own(tmp_path: Path):
    own = {"id": "a", "text": "x", "seed": 7, "options": {"bars": 8}}
    source = prompts(tmp_path / "p", own, {"id": "b", "text": "y"})
    items = read_items(source, 3, None)
    assert [(i.id, i.seed, dict(i.options)) for i in items] == [
        ("a", 7, {"bars": 8}),
        ("b", 1, {}),
        ("a-2", 8, {"bars": 8}),
    ]
    assert [i.seed for i in read_items(source, 3, 10)] == [10, 11, 12]  # as asked for all


def test_prompts_may_be_lines_of_text(tmp_path: Path):
    source = prompts(tmp_path / "p.txt", "a slow waltz", "", "jazz", "jazz")
    items = [(i.id, i.text) for i in read_items(source, None, None)]
    assert items == [("a-slow-waltz", "a slow waltz"), ("jazz", "jazz"), ("jazz-2", "jazz")]


def test_options_of_a_system_of_sound(tmp_path: Path, monkeypatch, capsys):
    """They reach its Requests, and wrong ones are told in a line."""
    pytest.importorskip("torch")
    pytest.importorskip("vector_quantize_pytorch")
    loaded = []

    def load(checkpoint: str, system: str, **options: str) -> FakeSystem:
        loaded.append(options)
        fake.system = "latent"
        return fake

    fake = FakeSystem()
    monkeypatch.setattr("cantilena.api.load", load)
    source = prompts(tmp_path / "p.jsonl", {"id": "a", "text": "x", "options": {"seconds": 3}})
    command = ["generate", "--prompts", source, "--system", "latent", "-o", str(tmp_path / "out")]
    own = ["--option", "steps=4", "--condition", "text", "--guidance", "3", "--best-of", "2"]
    assert main([*command, *own, "--codec", "pair", "--formats", "mid"]) == 0
    (request,) = fake.requests
    assert request.options == {"steps": 4, "condition": "text"}
    assert (request.sampling.guidance, request.sampling.best_of) == (3, 2)
    assert request.brief.seconds == 3 and loaded == [{"codec": "pair"}]
    manifest = (tmp_path / "out" / "manifest.jsonl").read_text()
    assert json.loads(manifest)["options"] == {"seconds": 3}
    capsys.readouterr()
    for wrong in (["--option", "steps=many"], ["--option", "stairs=4"]):
        assert main([*command, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: not JSON"),
        (['{"id": "a"}', "[1]"], "line 2: not a JSON object"),
        ([{"id": "a", "text": 5}], "the text 5"),
        ([{"id": "a/b", "text": "x"}], "line 1: .*file's name"),
        ([{"id": True, "text": "x"}], "the id True"),
        ([{"id": "a"}, {"id": "A"}], "line 2: the id 'A'"),
        ([{"id": "a", "seed": "x"}], "line 1: the seed 'x'"),
        ([{"id": "a", "seed": -1}], "line 1: the seed .* from 0"),
        ([{"id": "a", "options": {"story": "0:calm"}}], "line 1: unknown option 'story'"),
        (["", " "], "no prompts"),
    ],
)
def test_bad_prompt_files(tmp_path: Path, lines: list, said: str):
    with pytest.raises(InputError, match=said):
        read_items(prompts(tmp_path / "p.jsonl", *lines), None, 0)


def test_texts_may_hold_separators_of_lines(tmp_path: Path):
    texts = [f"a{c}b" for c in "\u2028\u2029\x85\x0b\x0c\x1c"]
    path = tmp_path / "p.jsonl"
    path.write_bytes(jsonl({"id": i, "text": text} for i, text in enumerate(texts)))
    assert [item.text for item in read_items(str(path), None, 0)] == texts


def test_names_that_meet(tmp_path: Path):
    source = prompts(tmp_path / "p.jsonl", {"id": "a"}, {"id": "a-2"})
    with pytest.raises(InputError, match="'a-2'"):
        read_items(source, 4, 0)


@pytest.mark.parametrize(
    "options",
    [
        ["--n", "0"],
        ["--tokens", "2"],
        ["--batch", "0"],
        ["--seconds", "-1"],
        ["--most", "0"],
        ["--top-p", "2"],
        ["--seed", "-1"],
        ["--instruments", "zzxx"],
        ["--n", "many"],
        ["--prompts", "nowhere.jsonl"],
        ["--system", "none"],
        ["--system", "amt-prefix"],
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
    assert main(["generate", "--system", "amt", "--checkpoint", where, "-o", where + "-out"]) == 2
    said = capsys.readouterr().err
    assert "there is no checkpoint" in said and said.count("\n") == 1


@pytest.fixture
def onto(monkeypatch, tmp_path: Path):
    """(a system that keeps its requests, options that all commands share, the folder)."""
    from cantilena.score import Score, Track
    from cantilena.score.midi import write_midi

    fake = FakeSystem()
    monkeypatch.setattr("cantilena.api.load", lambda checkpoint, system, **options: fake)
    source, out = tmp_path / "old song.mid", tmp_path / "out"
    tracks = [Track("a", 73), Track("b", 0)]
    write_midi(Score.build(480, tracks, [0, 0], [480] * 2, [60, 48], [80] * 2, [0, 1]), source)
    command = ["generate", "--system", "amt", "--onto", str(source), "-o", str(out)]
    return fake, command, out


def test_a_file_is_gone_on_from(onto, capsys):
    fake, command, out = onto
    assert main([*command, "--seconds", "12", "--n", "2", "--seed", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [p["file"] for p in told["pieces"]] == ["old song-1.mid", "old song-2.mid"]
    assert [r.seed for r in fake.requests] == [4, 5] and fake.requests[0].brief.seconds == 12
    assert fake.requests[0].edit.kind == "go on"
    assert sorted(p.name for p in out.iterdir()) == ["old song-1.mid", "old song-2.mid"]


def test_pieces_onto_a_file_replace_none(onto, capsys):
    """Others are numbered behind those that are there, whatever their format and gaps."""
    _, command, out = onto
    assert main([*command, "--n", "2", "--quiet"]) == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert main([*command, "--seed", "9", "--formats", "json", "--json"]) == 0
    (piece,) = json.loads(capsys.readouterr().out)["pieces"]
    assert (piece["file"], piece["seed"]) == ("old song-3.json", 9)
    (out / "OLD song-7.wav").touch()
    (out / "old song-best-90.mid").touch()
    assert main([*command, "--n", "2"]) == 0
    assert "old song-8.mid to old song-9.mid" in capsys.readouterr().out
    assert all(path.read_bytes() == data for path, data in before.items())
    assert len(list(out.iterdir())) == 7


def test_wishes_that_are_not_met_are_named(system, tmp_path: Path, capsys):
    """Of three instruments two may sound; the folder's lines and the terminal say which wish."""
    command = ["generate", "--system", "llama-music", "--tokens", "90", "--n", "2"]
    command += ["-o", str(tmp_path), "--instruments", "piano,violin,flute", "--most", "2"]
    assert main(command) == 0
    assert "not met: instruments (2 of 2)" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [line["unmet"] for line in lines] == [["instruments"]] * 2
    assert [line["dropped"] for line in lines] == [{}] * 2
    command[command.index("--n") + 1] = "3"
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "2 pieces there before" in printed
    assert "not met: instruments (1 of the 1 new)" in printed


def test_wishes_that_give_way_are_named(onto, monkeypatch, capsys):
    fake, command, _ = onto
    whole = fake._result
    monkeypatch.setattr(fake, "_result", lambda r: replace(whole(r), dropped={"key": 3}))
    assert main([*command, "--n", "2"]) == 0
    assert "gave way to stronger wishes: key (6x)" in capsys.readouterr().out


def test_pieces_onto_a_file_are_written_one_by_one(onto, capsys):
    """A stop leaves those that are done."""
    fake, command, out = onto
    fake.error, fake.fails = KeyboardInterrupt(), 2
    assert main([*command, "--n", "4", "--quiet"]) == 130
    assert sorted(p.name for p in out.iterdir()) == ["old song-1.mid", "old song-2.mid"]


def test_a_folder_that_another_writes_to_gets_nothing_onto_a_file(onto, capsys):
    _, command, out = onto
    out.mkdir()
    with lock(out):
        assert main(command) == 2
    assert "another process" in capsys.readouterr().err and not list(out.iterdir())


def test_a_gap_is_filled_and_parts_are_accompanied(onto):
    fake, command, _ = onto
    assert main([*command, "--between", "1", "2.5", "--instruments", "piano"]) == 0
    (request,) = fake.requests
    assert (
        request.edit.spans == (Span(1, 2.5, "seconds"),)
        and request.brief.instruments[0].programs[0] == 0
    )
    assert main([*command, "--keep", "flute, drums", "--since", "1", "--top-p", "0.9"]) == 0
    request = fake.requests[1]
    assert request.edit.tracks == {1} and request.edit.spans == (Span(1, None, "seconds"),)
    assert request.sampling.top_p == 0.9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--between", "1", "2", "--keep", "flute"], "stands alone"),
        (["--since", "1"], "goes with --keep"),
        (["--keep", "flute", "--seconds", "3"], "as long as they are"),
        (["--prompts", "x"], "leave out --prompts"),
        (["--workers", "2"], "leave out --workers"),
        (["--ray"], "leave out --workers"),
        (["--batch", "0"], "1 piece or more"),
        (["--onto", "nowhere.mid"], "nowhere.mid"),
    ],
)
def test_what_cannot_go_onto_a_file(onto, options: list[str], said: str, capsys):
    _, command, out = onto
    assert main([*command, *options]) == 2
    assert said in capsys.readouterr().err and not out.exists()


def test_gaps_need_a_file(system, capsys):
    assert main(["generate", "--system", "amt", "--between", "1", "2"]) == 2
    assert "--onto" in capsys.readouterr().err


def test_workers_need_ray(tmp_path: Path, monkeypatch, capsys):
    command = ["generate", "--system", "note", "-o", str(tmp_path / "out")]
    monkeypatch.setattr("cantilena.cluster.find_spec", lambda name: None)
    for options in (["--workers", "2"], ["--ray"], ["--ray", "head:6379", "--workers", "3"]):
        assert main([*command, *options]) == 1
        assert "cantilena[ray]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*command, "--workers", "0"]) == 2
    assert "--workers must be 1 or more" in capsys.readouterr().err
