"""Table 3 from end to end, on eight small tunes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cantilena.cli import main
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.evaluate.sound import pieces as a
from cantilena.evaluate.sound.embedders import load_embedder
from cantilena.evaluate.table3 import Settings, evaluate_table3
from cantilena.evaluate.table3.protocols import read_references
from cantilena.evaluate.table3.text import table3_text
from cantilena.models.audio.clap import Clap
from cantilena.score.controls import CONTROL_CHANGE, Controls
from cantilena.score.midi import write_midi
from cantilena.systems.at_scale import MANIFEST, SETTINGS
from tiny_audio import TEXTS, tune, write_clap

N = 8
SYNTH = a.Renderer("synth", None, 2.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """References with texts and wishes; a system that is right, one that is wrong and fails on two
    pieces, and pieces without a text."""
    root = tmp_path_factory.mktemp("table3")
    for name in ("real", "same", "wrong", "free"):
        (root / name).mkdir()
    rows = []
    for i in range(N):
        write_midi(tune(i), root / "real" / f"{i}.mid")
        write_midi(tune(i), root / "same" / f"{i}.mid")
        wishes = {"tempo": 120, "metre": "4/4", "bars": 2}
        text = f"{TEXTS[i % 3]}, number {i}"
        rows.append({"id": str(i), "text": text, "midi": f"real/{i}.mid", "wishes": wishes})
        if i < 6:
            fast = replace(tune(i, 1, 56, 30), tempo_us=np.array([250_000]))
            write_midi(fast, root / "wrong" / f"{i}.mid")
        write_midi(tune(100 + i, 2, 24, 72), root / "free" / f"free-{i}.mid")
    (root / "wrong" / "6.mid").write_bytes(b"no music")
    (root / "references.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return root


@pytest.fixture(scope="module")
def made(place) -> dict:
    figures, _ = evaluate_table3(
        read_references(place / "references.jsonl"),
        {"same": place / "same", "wrong": place / "wrong"},
        {"logmel": load_embedder("logmel")},
        SYNTH,
        place / "out",
        unconditional=place / "free",
        losses={"same": {"": 1.25}},
        settings=Settings(size=3, compression=True),
    )
    return figures


def row(found: dict, name: str) -> dict:
    return next(r for r in found["rows"] if r["system"] == name)


def test_baselines_and_systems_stand_in_order(made):
    assert [(r["system"], r["kind"]) for r in made["rows"]] == [
        ("ground truth", "ground truth"),
        ("ground truth, random text", "random text"),
        ("unconditional", "unconditional"),
        ("same", "system"),
        ("wrong", "system"),
    ]


def test_distances_order_the_systems(made):
    distances = {r["system"]: r["distances"]["logmel"] for r in made["rows"] if "distances" in r}
    assert distances["ground truth"]["frechet"] == 0 and distances["ground truth"]["kad"] is None
    assert distances["same"]["frechet"] == pytest.approx(0, abs=1e-6)
    assert (
        distances["same"]["kad"] < 0 < distances["unconditional"]["kad"] < distances["wrong"]["kad"]
    )
    assert 0.1 < distances["unconditional"]["frechet"] < distances["wrong"]["frechet"]
    for name, d in distances.items():
        assert d["size"] == 3 and d["subsets"] == 5, name
        assert d["frechet_subsets"]["n"] == 5 and d["frechet_subsets"]["sem"] > 0
    real = distances["ground truth"]["frechet_subsets"]["mean"]
    assert 0 < real < distances["wrong"]["frechet_subsets"]["mean"]


def test_control_holds_failures_against_a_system(made):
    assert (row(made, "same")["n"], row(made, "same")["failed"]) == (8, 0)
    wrong = row(made, "wrong")
    assert (wrong["n"], wrong["failed"]) == (6, 2)
    assert set(wrong["failures"]) == {"6", "7"} and "no file" in wrong["failures"]["7"]
    assert row(made, "same")["control"]["tempo_bin"]["mean"] == 1
    assert wrong["control"]["tempo_bin"]["mean"] == 0
    assert wrong["control"]["metre"] == {
        **wrong["control"]["metre"], "mean": 0.75, "n": 8
    }  # fmt: skip
    assert wrong["control"]["metre"]["sem"] == pytest.approx(np.sqrt(0.75 * 0.25 / 7))
    assert "control" not in row(made, "unconditional")
    assert row(made, "ground truth")["control"]["bars"]["mean"] == 1
    assert row(made, "same")["compression_ratio"]["mean"] >= 1
    assert row(made, "same")["losses"] == {"": 1.25} and "losses" not in wrong


def test_losses_of_different_things_have_columns_of_their_own(made):
    named = {"same": {"music": 4.25, "text and music": 3.5}, "wrong": {"": 2.0}}
    rows = [
        {**r, "losses": named[r["system"]]} if r["system"] in named else r for r in made["rows"]
    ]
    table = [
        [cell.strip() for cell in line.split("|")]
        for line in table3_text({**made, "rows": rows}).splitlines()
        if line.startswith("|")
    ]
    heads = ("validation loss, music", "validation loss, text and music", "validation loss")
    places = [table[0].index(head) for head in heads]
    cells = {line[1]: [line[k] for k in places] for line in table}
    assert cells["same"] == ["4.25", "3.5", "-"] and cells["wrong"] == ["-", "-", "2"]
    assert cells["ground truth"] == ["-", "-", "-"]


def test_the_files_are_the_figures(made, place):
    assert json.loads((place / "out" / "table3.json").read_text()) == made
    text = (place / "out" / "table3.md").read_text()
    assert "8 references" in text and "log-mel Frechet distance-sub" in text and "1.25" in text
    assert "| wrong | 6 | 2 |" in text and "No CLAP score" in text
    assert "5 subsets of 3 generated pieces (asked: 3), each against the whole reference" in text
    assert "The paper's are 5 of 500" in text and "as the paper has it" not in text
    assert "AMT, enhanced (amt-enhanced; 1.0), Llama 1B (llama-1b; 1.0, 1.1)" in text
    assert "more for the rest" not in text and "Of the first two the ground truth's" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 5 and len({r.count("|") for r in rows}) == 1


def test_distances_over_features_of_our_own_are_never_called_fad(made, place):
    text = (place / "out" / "table3.md").read_text() + json.dumps(made)
    assert "FAD" not in text and made["embedders"]["logmel"]["name"] == "log-mel Frechet distance"


def test_the_floor_stands_beside_the_distances(made, place):
    floor = made["embedders"]["logmel"]["floor"]
    assert floor["pieces"] == N // 2 and floor["splits"] == 5
    assert 0 < floor["frechet"]["mean"] < row(made, "wrong")["distances"]["logmel"]["frechet"]
    lines = (place / "out" / "table3.md").read_text().splitlines()
    at = next(i for i, x in enumerate(lines) if "The floor of log-mel Frechet distance" in x)
    assert f"{floor['frechet']['mean']:.3g} (spread" in lines[at]
    assert "a half being 4 pieces" in lines[at] and "larger than the columns'" in lines[at]
    systems = floor["systems"]
    assert list(systems) == ["unconditional", "same", "wrong"]
    # one that is the references itself is as far from them as they are, at equal sizes
    assert systems["same"] == {k: floor[k] for k in ("frechet", "kad")}
    assert systems["wrong"]["frechet"]["mean"] > floor["frechet"]["mean"]
    assert f"same {floor['frechet']['mean']:.3g} (spread" in lines[at + 1]


def test_subsets_are_the_papers_where_they_are_five_of_500(made):
    rows = [
        {**r, "distances": {k: {**d, "size": 500} for k, d in r["distances"].items()}}
        if "distances" in r
        else r
        for r in made["rows"]
    ]
    text = table3_text({**made, "rows": rows, "subsets": {**made["subsets"], "size": 500}})
    assert "-sub, as the paper has it: 5 subsets of 500 generated pieces (asked: 500)" in text
    assert "The paper's are" not in text


def test_a_loss_after_divergence_is_a_dash_and_a_note(place, tmp_path):
    figures, text = evaluate_table3(
        read_references(place / "references.jsonl"),
        {"same": place / "same"},
        {"logmel": load_embedder("logmel")},
        SYNTH,
        tmp_path / "out",
        losses={"same": {"music": None}},
    )
    assert row(figures, "same")["losses"] == {"music": None}
    assert "- The last validation loss of same is no finite number" in text
    assert "| validation loss" not in text  # a column of dashes


def test_musicnn_without_its_weights_names_the_command(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arguments = ["--references", str(place / "real"), "--embedder", "musicnn", "-o", str(tmp_path)]
    assert main(["evaluate", "table3", *arguments]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "'cantilena data weights musicnn'" in message


def test_a_second_run_renders_nothing_and_gives_the_same_bytes(made, place, monkeypatch):
    before = (place / "out" / "table3.json").read_bytes()

    def no(*_):
        raise AssertionError("rendered again")

    monkeypatch.setattr(a, "render_audio", no)
    evaluate_table3(
        read_references(place / "references.jsonl"),
        {"same": place / "same", "wrong": place / "wrong"},
        {"logmel": load_embedder("logmel")},
        SYNTH,
        place / "out",
        unconditional=place / "free",
        losses={"same": {"": 1.25}},
        settings=Settings(size=3, compression=True),
    )
    assert (place / "out" / "table3.json").read_bytes() == before


def test_embeddings_of_other_code_are_not_taken_for_this_ones(place, tmp_path, monkeypatch):
    logmel = {"logmel": load_embedder("logmel")}
    paths = [place / "real" / "0.mid"]
    a.embed_pieces(paths, logmel, tmp_path, SYNTH)
    monkeypatch.setattr(a, "code_fingerprint", lambda: "other")
    a.embed_pieces(paths, logmel, tmp_path, SYNTH)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_answer_that_is_missing_is_not_taken_from_another_reference(place, tmp_path):
    real = {"a": place / "real" / "1.mid", "a-2": place / "real" / "2.mid"}
    rows = [{"id": name, "text": "", "midi": str(path)} for name, path in real.items()]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "system").mkdir()
    write_midi(tune(2), tmp_path / "system" / "a-2.mid")
    figures, text = evaluate_table3(
        read_references(tmp_path / "r.jsonl"),
        {"one": tmp_path / "system"},
        {"logmel": load_embedder("logmel")},
        SYNTH,
        tmp_path / "out",
    )
    assert row(figures, "one")["failures"] == {"a": "there is no file"}
    assert text == (tmp_path / "out" / "table3.md").read_text()


def test_a_protocol_that_is_none_is_refused_before_anything_is_rendered(place, tmp_path):
    with pytest.raises(UnknownNameError, match="text2midi"):
        evaluate_table3(
            read_references(place / "references.jsonl"),
            {"same": place / "same"},
            {"logmel": load_embedder("logmel")},
            SYNTH,
            tmp_path / "out",
            settings=Settings(protocol="none"),
        )
    assert not (tmp_path / "out").exists()


def test_clap_scores_stand_beside_and_random_texts_are_anothers(place, tmp_path):
    pytest.importorskip("transformers")
    clap = Clap(str(write_clap(tmp_path / "clap")))
    hear: list[float] = []
    found, _ = evaluate_table3(
        read_references(place / "references.jsonl"),
        {"same": place / "same"},
        {"clap": clap},
        SYNTH,
        tmp_path / "out",
        clap,
        place / "free",
        progress=lambda done, _: hear.append(done),
    )
    truth, swapped = row(found, "ground truth"), row(found, "ground truth, random text")
    assert truth["clap"]["n"] == N and -1 <= truth["clap"]["mean"] <= 1
    assert truth["clap"] == row(found, "same")["clap"] != swapped["clap"]
    assert "CLAP FAD" in (tmp_path / "out" / "table3.md").read_text()
    assert hear == sorted(hear) and hear[-1] == 1
    assert found["clap"] == clap.weights


def pieces_of(place: Path, folder: Path, temperature: float, unmasked: bool) -> Path:
    """The pieces of "same" as ``cantilena generate`` leaves them."""
    shutil.copytree(place / "same", folder)
    settings = {
        "system": "llama-music",
        "checkpoint": "abc",
        "sampling": {"temperature": temperature, "top_p": 0.98, "top_k": 0},
        "options": {"unmasked": True} if unmasked else {},
    }
    (folder / SETTINGS).write_text(json.dumps(settings))
    lines: list[dict] = [{"id": str(i), "tokens": 40} for i in range(N)]
    for i, line in enumerate(lines if unmasked else ()):
        line |= {"invalid_tokens": 10, "early": i < 2}
    (folder / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_temperatures_are_read_from_what_generate_wrote_and_degenerate_pieces_counted(
    place, tmp_path
):
    systems = {
        "masked": pieces_of(place, tmp_path / "masked", 1.1, False),
        "free": pieces_of(place, tmp_path / "free", 1.0, True),
        "other": place / "same",
    }
    piled = replace(tune(0, 12), onset=np.zeros(96, np.int64))
    write_midi(piled, systems["free"] / "0.mid")
    figures, text = evaluate_table3(
        read_references(place / "references.jsonl"),
        systems,
        {"logmel": load_embedder("logmel")},
        SYNTH,
        tmp_path / "out",
    )
    assert row(figures, "masked")["generation"]["temperature"] == 1.1
    assert row(figures, "free")["generation"]["unmasked"] and "generation" not in row(
        figures, "other"
    )
    free, other = row(figures, "free")["degenerate"], row(figures, "other")["degenerate"]
    assert (free["invalid"]["mean"], free["early"]["mean"]) == (0.25, 0.25)
    assert other["one_onset"]["mean"] == pytest.approx(1 / 16) and "invalid" not in other
    assert free["one_onset"]["mean"] == pytest.approx((1 + 7 / 16) / 8)
    assert (free["still"]["mean"], other["still"]["mean"]) == (1 / 8, 0)
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head, cells = lines[0], {line[0].strip("| "): line for line in lines[1:]}
    columns = {name: head.index(name) for name in ("temperature", "grammar")}
    shown = {k: [line[i] for i in columns.values()] for k, line in cells.items()}
    assert shown["masked"] == ["1.1", "ours"] and shown["free"] == ["1", "none"]
    assert shown["other"] == shown["ground truth"] == ["-", "-"]
    assert "tokens in no triple, %" in text and "time stands still" in text


def test_damaged_settings_are_one_error(place, tmp_path):
    folder = pieces_of(place, tmp_path / "pieces", 1.0, False)
    (folder / SETTINGS).write_text('{"system": "llama-music"}')
    with pytest.raises(InputError, match="no settings of 'cantilena generate'"):
        evaluate_table3(
            read_references(place / "references.jsonl"),
            {"one": folder},
            {"logmel": load_embedder("logmel")},
            SYNTH,
            tmp_path / "out",
        )


def test_two_tables_in_one_folder_are_refused(place, tmp_path):
    references = read_references(place / "references.jsonl")
    systems, logmel = {"same": place / "same"}, {"logmel": load_embedder("logmel")}
    refused: list[str] = []

    def second(*_: object) -> None:
        with pytest.raises(InputError, match="another process is writing to") as error:
            evaluate_table3(references, systems, logmel, SYNTH, tmp_path)
        refused.append(str(error.value))

    evaluate_table3(references, systems, logmel, SYNTH, tmp_path, progress=second)
    assert refused
    before = (tmp_path / "table3.json").read_bytes()
    (tmp_path / "table3.md").unlink()
    (tmp_path / "table3.md").mkdir()  # of the two files both are written or neither
    with pytest.raises(InputError, match=r"table3\.md"):
        evaluate_table3(references[:4], systems, logmel, SYNTH, tmp_path)
    assert (tmp_path / "table3.json").read_bytes() == before


# ---------------------------------------------------------------------------- sound


def test_the_opening_is_cut_from_the_first_note():
    late = tune(0, 4)
    late = replace(late, onset=late.onset + 96)
    cut = a.opening(late, 3.0)
    assert len(cut) == 12 and float(cut.seconds(cut.end)) == pytest.approx(5.0)
    assert cut.bpm == late.bpm and a.opening(late, None) is late
    assert len(a.opening(tune(0), 30.0)) == len(tune(0))
    pedal = Controls.build([0, 10**6], [0, 0], [CONTROL_CHANGE] * 2, [64] * 2, [127, 0])
    heard = a.opening(replace(late, controls=pedal), 3.0)
    assert heard.controls.tick.tolist() == [0] and heard.end == cut.end


def test_sound_lasts_what_was_asked_or_says_why_not(tmp_path, place):
    heard = a.sound(place / "real" / "0.mid", SYNTH)
    assert not isinstance(heard, str)
    samples, rate = heard
    assert rate == a.RATE and samples.shape == (2 * a.RATE,)
    assert samples.dtype == np.float32 and np.abs(samples).max() > 0.01
    assert "MIDI" in str(a.sound(place / "wrong" / "6.mid", SYNTH))
    write_midi(tune(0, 0), tmp_path / "none.mid")
    assert a.sound(tmp_path / "none.mid", SYNTH) == "it has no notes"


def test_two_processes_give_what_one_does(place, tmp_path):
    paths: list[Path | None] = [place / "real" / f"{i}.mid" for i in range(3)]
    paths.insert(1, None)
    logmel = {"logmel": load_embedder("logmel")}
    one, two = (a.embed_pieces(paths, logmel, tmp_path / str(n), SYNTH, workers=n) for n in (1, 2))
    assert one.failed == two.failed == {1: "there is no file"}
    for x, y in zip(one.vectors["logmel"], two.vectors["logmel"], strict=True):
        assert (x is None) == (y is None) and (x is None or np.array_equal(x, y))
    kept = sorted((tmp_path / "1").iterdir())
    kept[0].write_bytes(b"damaged")
    again = a.embed_pieces(paths, logmel, tmp_path / "1", SYNTH)
    assert all(
        x is None or np.array_equal(x, y)
        for x, y in zip(again.vectors["logmel"], two.vectors["logmel"], strict=True)
    )
    longer = replace(SYNTH, seconds=1.0)
    a.embed_pieces(paths[:1], logmel, tmp_path / "1", longer)
    assert len(list((tmp_path / "1").iterdir())) == 4


def test_the_renderer_is_one_for_all(monkeypatch):
    def none():
        raise CantilenaError("the program fluidsynth is not installed")

    monkeypatch.setattr(a, "find_fluidsynth", none)
    assert a.find_renderer().engine == "synth" and "first 30 s" in a.find_renderer().name
    assert "whole" in a.find_renderer("synth", None, None).name
    with pytest.raises(CantilenaError, match="fluidsynth"):
        a.find_renderer("fluidsynth")
    with pytest.raises(InputError, match="1-1800"):
        a.find_renderer("synth", None, 0.1)


# ---------------------------------------------------------------------------- the command


def test_the_command(place, tmp_path, capsys):
    arguments = [
        "evaluate",
        "table3",
        "--references",
        str(place / "references.jsonl"),
        "--system",
        f"same={place / 'same'}",
        "--loss",
        "same=2.5",
        "--seconds",
        "2",
        "--engine",
        "synth",
        "--n",
        "4",
        "-o",
        str(tmp_path),
        "--quiet",
    ]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 4 and row(found, "same")["losses"] == {"": 2.5}
    assert (tmp_path / "table3.md").is_file()
    assert main([*arguments[:-1], "--protocol", "text2midi"]) == 0
    text = capsys.readouterr().out
    assert "tempo bin (TB), %" in text and "| CR |" in text and "FAD |" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--system", "same"], "NAME=DIR"),
        (["--system", "a=/nowhere/at/all"], "no folder"),
        (["--system", "ground truth={real}"], "baseline"),
        (["--loss", "b=1.0"], "'b'"),
        (["--embedder", "ears"], "logmel"),
        (["--protocol", "mine"], "text2midi"),
        (["--subsets", "0"], "subsets"),
        (["--workers", "0"], "workers"),
        (["--n", "1"], "--n"),
        (["--seconds", "-3"], "1-1800"),
        (["--ids", "{real}"], "is not a file"),
    ],
)
def test_bad_input_is_one_line_and_code_two(place, tmp_path, capsys, options, message):
    options = [option.format(real=place / "real") for option in options]
    code = main(
        ["evaluate", "table3", "--references", str(place / "real"), "-o", str(tmp_path), *options]
    )
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "table3.json").exists()


def test_an_embedder_without_its_weights_says_which(place, tmp_path, capsys):
    where = ["--references", str(place / "real"), "-o", str(tmp_path)]
    assert main(["evaluate", "table3", *where, "--embedder", "vggish"]) == 1
    error = capsys.readouterr().err
    assert "vggish-10086976.pth" in error and error.count("\n") == 1
