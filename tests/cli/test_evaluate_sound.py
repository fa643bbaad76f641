"""``cantilena evaluate audio`` and ``evaluate codec``: outcomes, resuming, and bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from cantilena.audio.audio import Audio
from cantilena.audio.sources import source_file
from cantilena.audio.wav import write_wav
from cantilena.cli import main
from cantilena.evaluate import audio, composing
from cantilena.evaluate import codec as evaluate_codec
from cantilena.evaluate.prompts import Prompt, write_prompts
from cantilena.models.audio.codec.files import save_codec
from cantilena.text.wishes import Brief
from heard_pieces import RATE, score_of, sound_of
from tf_bundle import musicnn_tensors, write_tf_checkpoint
from tiny_audio import write_clap
from tiny_codecs import tiny, tones

PIECES = {"a": (100, 0), "b": (120, 5), "c": (140, 7), "d": (90, 2)}
FAST = ("--embedder", "logmel", "--seconds", "4")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> Path:
    """Four real pieces, and generated ones that answer them, a little noisy."""
    folder = tmp_path_factory.mktemp("pieces")
    rng = np.random.default_rng(0)
    for name in ("real", "made"):
        (folder / name).mkdir()
    for name, (bpm, up) in PIECES.items():
        sound = sound_of(score_of(bpm, bars=3, up=up))
        write_wav(sound, RATE, folder.joinpath("real", f"{name}.wav"))
        noisy = sound + 0.01 * rng.standard_normal(len(sound)).astype(np.float32)
        write_wav(noisy, RATE, folder.joinpath("made", f"{name}.wav"))
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, pieces) -> Path:
    shutil.copytree(pieces, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *argv: str) -> str:
    code, out, err = run(capsys, *argv)
    assert code == 2 and not out, (code, out, err)
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1 and "Traceback" not in err
    return lines[0]


# ---------------------------------------------------------------------------- audio


def test_sound_against_real_music(here, capsys):
    code, out, err = run(capsys, "evaluate", "audio", "made", "--real", "real", *FAST, "--json")
    assert code == 0, err
    figures = json.loads(out)
    (row,) = figures["rows"]
    assert (row["name"], row["n"], row["failed"], row["control"]) == ("generated", 4, 0, {})
    distances = row["distances"]["logmel"]
    assert distances["pieces"] == 4 and distances["frechet"] > 0
    floor = figures["embedders"]["logmel"]["floor"]
    assert floor["pieces"] == 2 and floor["systems"]["generated"]["frechet"]["mean"] > 0
    assert row["melody"]["pairs"]["mean"] > 0.8 > row["melody"]["chance"]["mean"]
    assert figures["tagger"] is None and row["clap"] is None
    assert json.loads(Path("evaluation/audio.json").read_text()) == figures
    assert "log-mel" in Path("evaluation/audio.md").read_text()


def test_tags_texts_and_wishes(here, capsys):
    pytest.importorskip("transformers")
    write_tf_checkpoint(Path("musicnn"), musicnn_tensors())
    write_clap(Path("clap"))
    prompts = [
        Prompt(name, f"piece {name}", Brief(tempo=float(bpm))) for name, (bpm, _) in PIECES.items()
    ]
    write_prompts(prompts, "prompts.jsonl")
    options = ("--embedder", "musicnn=musicnn", "--clap", "clap", "--prompts", "prompts.jsonl")
    command = ("evaluate", "audio", "made", "--real", "real", "--seconds", "6", *options)
    code, out, err = run(capsys, *command, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["tags"]["sets"] >= 0 and row["tags"]["pairs"]["n"] == 4
    assert row["clap"]["pairs"]["n"] == row["clap"]["chance"]["n"] == 4
    assert (
        row["control"]["tempo_octave"]["n"] == 4 and row["control"]["tempo_octave"]["mean"] >= 0.75
    )
    code, out, _ = run(capsys, *command)
    assert code == 0 and "KL of tags, of pairs" in out and "CLAP score" in out
    assert "the estimator is right" in out


def test_a_second_run_embeds_nothing_again(here, capsys, monkeypatch):
    command = ("evaluate", "audio", "made", "--real", "real", *FAST, "--json")
    first = run(capsys, *command)
    monkeypatch.setattr(audio, "sound", None)

    def fail(*_: object) -> None:
        raise AssertionError("a piece was embedded again")

    from cantilena.evaluate.sound import pieces as module

    monkeypatch.setattr(module, "recorded", fail)
    assert run(capsys, *command) == first


def test_a_brief_beside_a_piece_says_what_was_asked(here, capsys):
    beside = {"text": "fast", "brief": Brief(text="fast", tempo=100.0).to_dict()}
    Path("made/a.json").write_text(json.dumps(beside))
    _, out, _ = run(capsys, "evaluate", "audio", "made", "--real", "real", *FAST, "--json")
    assert json.loads(out)["rows"][0]["control"]["tempo"]["n"] == 1


def test_the_recording_that_a_piece_was_made_from_is_no_piece(here):
    name, content = source_file(Audio(np.zeros((1, 8)), RATE))
    here.joinpath("made", name).write_bytes(content)
    assert [path.name for path in audio.sound_files("made")] == [f"{p}.wav" for p in PIECES]


def test_names_with_a_seed_answer_the_name():
    names = {"a": 1, "a-2": 2}
    assert audio.base_name("a", names) == audio.base_name("a-7", names) == "a"
    assert audio.base_name("a-2", names) == "a-2" and audio.base_name("b-1", names) is None


def test_bad_pieces_are_left_out_and_named(here, capsys):
    write_wav(np.zeros(RATE), RATE, "made/silent.wav")
    write_wav(np.full(1, 0.5), RATE, "made/one.wav")
    write_nan("made/nan.wav")
    Path("made/empty.wav").write_bytes(b"")
    loud = np.stack([tones(2.0, 44_100)] * 2, 1)
    write_wav(loud, 44_100, "made/stereo.wav")
    code, out, _ = run(capsys, "evaluate", "audio", "made", "--real", "real", *FAST, "--json")
    assert code == 0
    figures = json.loads(out)
    (row,) = figures["rows"]
    assert row["n"] == 5 and set(row["left_out"]) == {
        "silent.wav",
        "one.wav",
        "nan.wav",
        "empty.wav",
    }
    assert "silent" in row["left_out"]["silent.wav"]
    assert "not finite" in row["left_out"]["nan.wav"]
    assert "less than" in row["left_out"]["one.wav"]
    assert any("1 of 9 files were mixed to one channel" in note for note in figures["notes"])


def write_nan(path: str) -> None:
    """A WAV file of floats, one of which is no number."""
    import struct

    body = np.array([0.1, np.nan] * RATE, "<f4").tobytes()
    head = struct.pack(
        "<4sIHHIIHH4sI", b"fmt ", 16, 3, 1, RATE, 4 * RATE, 4, 32, b"data", len(body)
    )
    data = b"WAVE" + head + body
    Path(path).write_bytes(b"RIFF" + struct.pack("<I", len(data)) + data)


@pytest.mark.parametrize("kind", ["silent", "nan", "one", "empty folder", "no folder", "text"])
def test_nothing_to_measure_is_a_line(here, capsys, kind: str):
    Path("bad").mkdir()
    if kind == "silent":
        write_wav(np.zeros(RATE), RATE, "bad/a.wav")
    elif kind == "nan":
        write_nan("bad/a.wav")
    elif kind == "one":
        write_wav(np.full(1, 0.5), RATE, "bad/a.wav")
    place = {"no folder": "nowhere", "text": "note.txt"}.get(kind, "bad")
    Path("note.txt").write_text("no sound")
    line = refused(capsys, "evaluate", "audio", place, "--real", "real", *FAST)
    assert place in line or "a.wav" in line


def test_bad_options_are_a_line(here, capsys):
    command = ("evaluate", "audio", "made", "--real")
    assert "2 or more" in refused(capsys, *command, "real/a.wav", *FAST)
    assert "seconds" in refused(capsys, *command, "real", "--seconds", "-3")
    assert "embedder" in refused(capsys, *command, "real", "--embedder", "vgish")
    assert "--n" in refused(capsys, *command, "real", *FAST, "--n", "0")


def test_a_system_that_gives_sound_is_composed_and_reused(here, capsys, monkeypatch):
    from cantilena.audio.audio import Audio
    from cantilena.systems.request import Request

    class Sounding:
        """A system of one note for each prompt."""

        system, name, hash = "musicgen", "tiny", "1" * 16
        calls = 0

        def completed(self, request: Request) -> Request:
            return request

        def compose(self, requests, progress=None):
            Sounding.calls += len(requests)
            made = [Audio(tones(2.0 + r.seed % 3, RATE), RATE) for r in requests]
            return [type("R", (), {"score": None, "audio": sound})() for sound in made]

    from cantilena.cli import evaluate

    system = Sounding()
    monkeypatch.setattr(evaluate, "_system", lambda args: system)
    monkeypatch.setitem(
        evaluate.EVALUATIONS,
        "audio",
        evaluate.Evaluation(
            "",
            evaluate.EVALUATIONS["audio"].arguments,
            lambda args: evaluate.audio(args, lambda _: system, evaluate._request),
        ),
    )
    command = ("evaluate", "audio", "--real", "real", *FAST, "--n", "3", "--json")
    code, out, err = run(capsys, *command)
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["name"] == composing.label(system) and row["n"] == 3 and Sounding.calls == 3
    assert sorted(p.name for p in Path("evaluation/sound").glob("*.wav")) == [
        f"{i:03d}-0.wav" for i in range(3)
    ]
    assert row["control"]["tempo"]["n"] == 3
    assert run(capsys, *command)[1] == out and Sounding.calls == 3


# ---------------------------------------------------------------------------- codec


@pytest.fixture
def recordings(here) -> Path:
    save_codec(here / "codec", tiny("frame"), {})
    (here / "recordings").mkdir()
    for i, seconds in enumerate((1.0, 1.5)):
        write_wav(tones(seconds), 16_000, f"recordings/{i}.wav")
    return here


CODEC = ("evaluate", "codec", "recordings", "--checkpoint", "codec")


def test_a_codec_over_a_folder(recordings, capsys):
    code, out, err = run(capsys, *CODEC, "--json")
    assert code == 0, err
    figures = json.loads(out)
    assert figures["n"] == 2 and figures["seconds"] == 2.5 and len(figures["books"]) == 3
    _, single, _ = run(capsys, "codec", "recordings/0.wav", "--checkpoint", "codec", "--json")
    row = json.loads(single)
    first = figures["files"][0]
    assert all(first[name] == row[name] for name in ("si_sdr", "mel", "stft", "books", "seconds"))
    mel = figures["figures"]["mel"]
    values = [row["mel"] for row in figures["files"]]
    assert mel["mean"] == pytest.approx(np.mean(values)) and mel["n"] == 2
    assert mel["spread"] == pytest.approx(np.std(values, ddof=1))
    assert (mel["least"], mel["most"]) == (min(values), max(values))
    code, out, _ = run(capsys, *CODEC)
    assert code == 0 and "SI-SDR" in out and "perplexity" in out
    assert "| mel distance |" in Path("evaluation/codec.md").read_text()


def test_round_trips_are_kept_by_file_codec_and_books(recordings, capsys, monkeypatch):
    first = run(capsys, *CODEC, "--json")
    from cantilena.cli import codec as cli

    calls: list[str] = []
    whole = cli.measured
    monkeypatch.setattr(
        cli, "measured", lambda path, *rest: calls.append(path) or whole(path, *rest)
    )
    assert run(capsys, *CODEC, "--json")[1] == first[1] and calls == []
    for record in Path("evaluation/round-trips").iterdir():
        record.write_text(record.read_text()[:-20])
        break
    assert run(capsys, *CODEC, "--json")[0] == 0 and len(calls) == 1
    run(capsys, *CODEC, "--books", "2", "--quiet")
    assert len(calls) == 3
    write_wav(tones(1.2), 16_000, "recordings/1.wav")
    run(capsys, *CODEC, "--quiet")
    assert calls[3:] == ["recordings/1.wav"]


def test_what_is_done_to_recordings_and_what_is_left_out(recordings, capsys):
    write_wav(np.stack([tones(1.0, 44_100)] * 2, 1), 44_100, "recordings/stereo.wav")
    write_wav(np.zeros(16_000), 16_000, "recordings/silent.wav")
    write_wav(np.full(1, 0.5), 16_000, "recordings/one.wav")
    write_nan("recordings/nan.wav")
    code, out, err = run(capsys, *CODEC, "--json")
    assert code == 0, err
    figures = json.loads(out)
    assert figures["n"] == 3 and set(figures["left_out"]) == {"silent.wav", "one.wav", "nan.wav"}
    notes = "\n".join(figures["notes"])
    assert "1 of 3 files: 2 channels are mixed to one" in notes
    assert "1 of 3 files: resampled from 44100 to 16000 Hz" in notes


@pytest.mark.parametrize("kind", ["empty", "silent", "nan", "one", "missing"])
def test_a_folder_without_anything_to_code_is_a_line(recordings, capsys, kind: str):
    shutil.rmtree("recordings")
    if kind != "missing":
        Path("recordings").mkdir()
    if kind == "silent":
        write_wav(np.zeros(16_000), 16_000, "recordings/a.wav")
    elif kind == "nan":
        write_nan("recordings/a.wav")
    elif kind == "one":
        write_wav(np.full(1, 0.5), 16_000, "recordings/a.wav")
    assert "recordings" in refused(capsys, *CODEC)
    assert not Path("evaluation/codec.json").exists()


def test_the_folder_of_recordings_is_read_by_name(recordings):
    assert [p.name for p in evaluate_codec.recordings_in("recordings")] == ["0.wav", "1.wav"]
