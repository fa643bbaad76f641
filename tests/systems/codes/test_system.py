"""The system ``musicgen``: what leads its codes, how long and loud its sound is, where weights come
from."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

import cantilena.loading  # noqa: E402
import musicgen as published  # noqa: E402
from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.audio.wav import parse_wav, wav_bytes  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.errors import CheckpointError, InputError, UnknownNameError  # noqa: E402
from cantilena.models.audio.codec.files import save_codec, shipped_codec  # noqa: E402
from cantilena.models.audio.shipped import PACKAGE, shipped  # noqa: E402
from cantilena.render.audio import render_audio  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import write_midi  # noqa: E402
from cantilena.systems.codes.conditions import Wish  # noqa: E402
from cantilena.systems.codes.pair import load_pair, save_pair  # noqa: E402
from cantilena.systems.codes.system import MusicgenSystem  # noqa: E402
from cantilena.systems.codes.tune import melody_rows, tune_of  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.tokens.codes.symbols import score_symbols  # noqa: E402
from tiny_codecs import tiny  # noqa: E402
from tiny_hf import tokenizer  # noqa: E402
from tiny_pairs import HOP, write_pair  # noqa: E402

RATE = 16_000
WALTZ = Brief(seconds=2.0, text="slow sad waltz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_pair(tmp_path_factory.mktemp("pair")).parent


@pytest.fixture(scope="module")
def system(folder: Path) -> MusicgenSystem:
    return MusicgenSystem.load(folder / "pair", device="cpu")


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> MusicgenSystem:
    """One that reads Scores and texts."""
    return MusicgenSystem.load(write_pair(tmp_path_factory.mktemp("text"), "text,roll"), "cpu")


def tune(step: int = 0) -> Score:
    onset = np.arange(8) * 240
    return Score.build(
        480, [Track("a", 0)], onset, [240] * 8, 60 + step + np.arange(8), [90] * 8, [0] * 8
    )


def sounded(system: MusicgenSystem, score: Score, brief: Brief | None = None) -> np.ndarray:
    request = Request(brief or Brief(text="piano"), 1, score=score)
    return system.compose([request])[0].audio.samples


# ------------------------------------------------------------------ led by a Score


def test_the_score_is_the_one_that_note_composes(system: MusicgenSystem):
    result = system.compose([Request(WALTZ, 3)])[0]
    alone = cantilena.load(system="note").compose([Request(WALTZ, 3)])[0]
    assert write_midi(result.score) == write_midi(alone.score)
    for row, own in zip(result.rows, alone.rows, strict=True):
        assert row == own or row.wish == own.wish == "seconds"
    (length,) = (row for row in result.rows if row.wish == "seconds")
    assert length.achieved == "2.0 s" and length.met  # of the sound, not of the Score's bars
    assert result.chords == alone.chords
    assert result.audio is not None and result.facts["condition"] == "score"


@pytest.mark.parametrize("seconds", [1.0, 2.7, 5.03])
def test_seconds_are_exact_in_one_window_and_in_several(system: MusicgenSystem, seconds: float):
    audio = system.compose([Request(replace(WALTZ, seconds=seconds), 1)])[0].audio
    assert audio.samples.shape == (1, round(seconds * RATE))


def test_a_piece_of_bars_is_as_long_as_its_score(system: MusicgenSystem):
    result = system.compose([Request(Brief(bars=2, tempo=120.0, metre="3/4"), 1)])[0]
    assert result.audio.seconds == pytest.approx(float(result.score.seconds(result.score.end)))
    assert result.audio.seconds == pytest.approx(3.0, abs=1 / RATE)


def test_the_sound_is_audible_unclipped_and_ends_in_silence(system: MusicgenSystem):
    samples = system.compose([Request(WALTZ, 1)])[0].audio.samples
    assert 0.05 < np.abs(samples).max() < 0.9
    assert samples.std() > 0.01 and samples[0, -1] == 0


@pytest.mark.parametrize("what", ["codec", "checkpoint"])
def test_a_place_that_is_not_there_is_wrong_input(folder: Path, tmp_path, capsys, what: str):
    places = {"--checkpoint": str(folder / "codes"), f"--{what}": "nowhere"}
    named = [word for pair in places.items() for word in pair]
    out = tmp_path / "out"
    code = main(["compose", "piano", "--system", "musicgen", *named, "-o", str(out)])
    name = {"codec": "codec", "checkpoint": "MusicGen"}[what]
    assert code == 2 and f"there is no {name} 'nowhere'" in capsys.readouterr().err
    assert not out.exists()


def test_weights_in_8_bits_write_on_a_cpu_alone(folder: Path, system: MusicgenSystem):
    packed = MusicgenSystem.load(folder / "pair", dtype="int8")
    again = MusicgenSystem.load(folder / "pair", "cpu", "int8")
    sounds = [sounded(one, tune()) for one in (packed, again, system)]
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert sounds[0].shape == sounds[2].shape and (sounds[0] != sounds[2]).any()
    with pytest.raises(InputError, match="read on a CPU, not on 'meta'"):
        MusicgenSystem.load(folder / "pair", "meta", "int8")


def test_another_seed_of_the_same_score_is_another_sound(system: MusicgenSystem):
    one, two = (Request(Brief(text="piano"), seed, score=tune()) for seed in (1, 2))
    sounds = [system.compose([request])[0].audio.samples for request in (one, two, one)]
    assert np.array_equal(sounds[0], sounds[2]) and not np.array_equal(sounds[0], sounds[1])


def test_editing_the_score_edits_the_sound(system: MusicgenSystem):
    assert not np.array_equal(sounded(system, tune()), sounded(system, tune(5)))


def test_a_reference_score_is_kept_and_reported_on(system: MusicgenSystem):
    brief = Brief(tempo=120.0, text="piano")
    result = system.compose([Request(brief, 1, score=tune())])[0]
    assert result.score == tune()
    (row,) = result.rows
    assert (row.wish, row.met) == ("tempo", True)
    assert result.audio.seconds == pytest.approx(float(tune().seconds(tune().end)))


def test_the_model_is_told_of_those_controls_alone_that_are_asked(system: MusicgenSystem):
    """Of others it hears no more than in training, where they were left out."""
    alone = Request(WALTZ, 1, score=tune(), options={"controls": "beat"})
    whole = system.compose([replace(alone, options={})])[0]
    beat = system.compose([alone])[0]
    assert beat.guide == whole.guide == tune()
    assert not np.array_equal(beat.audio.samples, whole.audio.samples)
    layout = system.writer.layout(40)
    wishes = (Wish(score=score_symbols(tune(step)), controls=("beat",)) for step in (0, 5))
    one, other = (system.writer.conditioner.conditions(wish, layout) for wish in wishes)
    assert torch.equal(one.rows["roll"].states, one.null["roll"].states)
    assert torch.equal(one.rows["beat"].states, other.rows["beat"].states)
    assert not torch.equal(one.rows["beat"].states, one.null["beat"].states)
    both = system.compose([replace(alone, options={"controls": "beat, roll"})])[0]
    assert np.array_equal(both.audio.samples, whole.audio.samples)


def test_a_control_that_the_model_does_not_read_is_refused(system, reader):
    with pytest.raises(InputError, match="not told of 'chords'; it is told of roll, beat"):
        system.run([Request(WALTZ, options={"controls": "beat,chords"})])
    with pytest.raises(InputError, match="controls are of a Score"):
        reader.run([Request(WALTZ, options={"controls": "roll", "condition": "text"})])


# ------------------------------------------------------------------ led by a text


def test_a_text_alone_gives_sound_alone(reader: MusicgenSystem, tmp_path: Path):
    assert reader.conditions == ("score", "text")
    options = {"condition": "text"}
    one, two = (
        reader.compose([Request(replace(WALTZ, text=text), 1, options=options)])[0]
        for text in ("slow sad waltz", "loud metal drums")
    )
    assert one.guide is None and one.audio.samples.shape == (1, 2 * RATE)
    assert not np.array_equal(one.audio.samples, two.audio.samples)
    assert [row.wish for row in one.rows] == ["seconds"]
    assert sorted(one.save(tmp_path, "wav,json")) == ["json", "wav"]
    with pytest.raises(InputError, match="audio alone"):
        one.save(tmp_path, "mid")


@pytest.mark.parametrize(
    ("brief", "seconds"),
    [
        (Brief(text="a"), 10.0),
        (Brief(bars=4, tempo=120.0), 8.0),
        (Brief(bars=4, tempo=120.0, metre="6/8"), 6.0),
    ],
)
def test_lengths_without_a_score(brief: Brief, seconds: float):
    from cantilena.systems.codes.system import text_seconds

    assert text_seconds(brief) == seconds


def test_what_cannot_lead_is_refused(system: MusicgenSystem, reader: MusicgenSystem):
    with pytest.raises(UnknownNameError, match="tempo"):
        system.run([Request(WALTZ, 1, options={"condition": "tempo"})])
    with pytest.raises(InputError, match="cannot be led by text; it reads score"):
        system.run([Request(WALTZ, 1, options={"condition": "text"})])
    text = {"condition": "text"}
    with pytest.raises(InputError, match="give --seconds, or a tempo"):
        reader.run([Request(Brief(bars=4), 1, options=text)])
    with pytest.raises(InputError, match="text alone leads"):
        reader.run([Request(WALTZ, 1, options=text, score=tune())])
    with pytest.raises(InputError, match="no notes"):
        system.run([Request(WALTZ, 1, score=Score.build(480, [], [], [], [], [], []))])


# ------------------------------------------------------------------ led by a melody


def heard(score: Score) -> Audio:
    """A Score as the built-in synthesizer plays it."""
    samples, rate = render_audio(score, engine="synth")[:2]
    return Audio(samples.T, rate)


@pytest.fixture(scope="module")
def follower(tmp_path_factory) -> Path:
    """A pair that reads texts and melodies."""
    return write_pair(tmp_path_factory.mktemp("melody"), "text,melody")


def test_a_melody_is_followed_of_notes_and_of_a_recording(follower: Path, tmp_path, capsys):
    notes, other, sound = (tmp_path / name for name in ("a.mid", "b.mid", "a.wav"))
    notes.write_bytes(write_midi(tune()))
    other.write_bytes(write_midi(tune(5)))
    played = heard(tune())
    sound.write_bytes(wav_bytes(played.samples.T, played.rate))
    out = tmp_path / "out"
    for name, file in (("notes", notes), ("again", notes), ("other", other), ("sound", sound)):
        words = ["compose", "piano", "--checkpoint", str(follower), "--melody", str(file)]
        assert main([*words, "-o", str(out), "--name", name, "--formats", "wav,json"]) == 0
    assert "the tune" in capsys.readouterr().out
    files = {name: (out / f"{name}.wav").read_bytes() for name in ("notes", "again", "other")}
    assert files["notes"] == files["again"] != files["other"]
    assert json.loads((out / "sound.json").read_text())["facts"]["condition"] == "melody"
    replay = ["compose", "--replay", str(out / "sound.json"), "--checkpoint", str(follower)]
    assert main([*replay, "-o", str(tmp_path / "r")]) == 0
    assert (tmp_path / "r" / "sound.wav").read_bytes() == (out / "sound.wav").read_bytes()


def test_a_score_gives_the_melody_that_is_heard_of_it():
    sound = heard(tune())
    options = {"condition": "melody"}
    told, read = (
        melody_rows(request, tune_of(request))
        for request in (
            Request(Brief(), 1, score=tune(), options=options),
            Request(Brief(), 1, audio=sound, options=options),
        )
    )
    n = min(len(told), len(read))
    assert (told[:n].argmax(1) == read[:n].argmax(1)).mean() > 0.6
    assert (told.sum(1) == 1).all() and told.argmax(1).max() == 7


def test_a_melody_that_cannot_be_followed_is_refused(follower: Path, system: MusicgenSystem):
    led = MusicgenSystem.load(follower, "cpu")
    melody = {"condition": "melody"}
    drums = Score.build(480, [Track("d", 0, is_drum=True)], [0], [240], [36], [90], [0])
    for request, line in (
        (Request(Brief(), 1, options=melody), "give one"),
        (Request(Brief(bars=4), 1, score=tune(), options=melody), "leave the bars out"),
        (Request(Brief(), 1, score=drums, options=melody), "no tune in a piece without pitched"),
        (Request(Brief(), 1, audio=Audio(np.zeros((1, 9000)), 9000), options=melody), "silence"),
    ):
        with pytest.raises(InputError, match=line):
            led.run([request])
    with pytest.raises(InputError, match="cannot be led by melody; it reads score"):
        system.run([Request(WALTZ, 1, score=tune(), options=melody)])
    with pytest.raises(InputError, match="followed with the condition melody, not score"):
        system.run([Request(WALTZ, 1, audio=Audio(np.ones((1, 9000)), 9000))])


# ------------------------------------------------------------------ weights


def test_codes_get_their_codec_by_name(folder: Path, system: MusicgenSystem):
    pair = load_pair(folder / "codes", folder / "codec", "cpu")
    apart = MusicgenSystem(pair)
    assert np.array_equal(sounded(apart, tune()), sounded(system, tune()))


def test_codes_without_a_codec_and_with_another_are_refused(
    folder: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr("cantilena.systems.codes.pair.shipped_codec", lambda: None)
    with pytest.raises(InputError, match="--codec"):
        load_pair(folder / "codes")
    save_codec(tmp_path / "other", tiny("frame", seed=1, hop=HOP), {})
    for place in ("codes", "pair"):
        with pytest.raises(InputError, match="name its own with --codec"):
            load_pair(folder / place, tmp_path / "other", "cpu")
    with pytest.raises(InputError, match="name its own"):
        save_pair(tmp_path / "pair", folder / "codes", tmp_path / "other", "x")
    assert not (tmp_path / "pair").exists()


def test_a_damaged_pair_is_refused(folder: Path, tmp_path: Path):
    shutil.copytree(folder / "pair", tmp_path / "pair")
    (tmp_path / "pair" / "codec" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="damaged"):
        load_pair(tmp_path / "pair")


def test_a_published_musicgen_brings_codec_and_text(tmp_path: Path):
    place = tmp_path / "musicgen"
    published.whole().save_pretrained(place)
    tokenizer().save_pretrained(place)
    system = MusicgenSystem.load(place, "cpu")
    assert system.conditions == ("text",)
    result = system.compose([Request(Brief(seconds=0.5, text="aa bb"), 1)])[0]
    assert result.audio.samples.shape == (1, RATE // 2) and result.guide is None


def test_a_published_melody_model_follows_a_tune_beside_a_text(tmp_path: Path):
    place = tmp_path / "melody"
    whole = published.melody()
    for layer in whole.audio_encoder.quantizer.layers:  # zeros: all codes would sound alike
        layer.codebook.embed.normal_()
    whole.save_pretrained(place)
    tokenizer().save_pretrained(place)
    system = MusicgenSystem.load(place, "cpu")
    assert system.conditions == ("text", "melody")
    asked = (("aa", tune()), ("aa", tune(5)), ("aa bb c", tune()))
    led = {"condition": "melody"}
    requests = [
        Request(Brief(seconds=0.5, text=text), 1, score=s, options=led) for text, s in asked
    ]
    sounds = [result.audio.samples for result in system.compose(requests)]
    assert sounds[0].shape == (1, RATE // 2)
    assert (sounds[0] != sounds[1]).any() and (sounds[0] != sounds[2]).any()


# ------------------------------------------------------------------ the command line


@pytest.fixture
def installed(folder: Path, tmp_path: Path, monkeypatch) -> Path:
    """The distribution with the weights, as far as it is looked for."""
    package = tmp_path / "site" / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copytree(folder / "pair", package / "musicgen")
    monkeypatch.syspath_prepend(str(package.parent))
    return package


def test_the_contract_of_the_command_line(installed: Path, tmp_path: Path):
    cantilena.loading._loaded.cache_clear()
    assert shipped("musicgen") == installed / "musicgen"
    assert shipped_codec() == installed / "musicgen" / "codec"
    command = ["compose", "warm synth pad over a slow house beat", "--system", "musicgen"]
    command += ["--seconds", "2", "--seed", "5", "--formats", "wav,json", "--quiet"]
    for out in ("one", "two"):
        assert main([*command, "-o", str(tmp_path / out)]) == 0
    files = [sorted((tmp_path / out).iterdir()) for out in ("one", "two")]
    assert [path.suffix for path in files[0]] == [".json", ".wav"]
    for one, two in zip(*files, strict=True):
        assert one.name == two.name and one.read_bytes() == two.read_bytes()
    samples, rate = parse_wav(files[0][1].read_bytes())
    assert len(samples) == 2 * rate and 0.05 < np.abs(samples).max() < 0.9
    data = json.loads(files[0][0].read_text())
    assert data["system"] == "musicgen" and data["seconds"] == 2.0 and data["notes"]


def test_missing_weights_are_one_line(capsys, tmp_path: Path, monkeypatch):
    cantilena.loading._loaded.cache_clear()  # of what another test had installed
    monkeypatch.setattr("cantilena.models.audio.shipped.shipped", lambda name: None)
    out = tmp_path / "out"
    assert main(["compose", "waltz", "--system", "musicgen", "-o", str(out)]) == 2
    err = capsys.readouterr().err
    assert "pip install ./weights/audio" in err and len(err.splitlines()) == 1
    assert not out.exists()


def test_a_midi_file_sounds(folder: Path, tmp_path: Path, capsys):
    write_midi(tune(), tmp_path / "song.mid")
    command = ["compose", "--system", "musicgen", "--from", str(tmp_path / "song.mid")]
    where = ["--checkpoint", str(folder / "pair"), "--quiet", "-o", str(tmp_path / "out")]
    assert main([*command, *where, "--formats", "mid,wav,json"]) == 0
    samples, rate = parse_wav((tmp_path / "out" / "song-sound.wav").read_bytes())
    assert len(samples) == round(float(tune().seconds(tune().end)) * rate)
    replay = ["compose", "--replay", str(tmp_path / "out" / "song-sound.json"), *where[:3]]
    assert main([*replay, "-o", str(tmp_path / "again"), "--formats", "wav"]) == 0
    again = (tmp_path / "again" / "song-sound.wav").read_bytes()
    assert again == (tmp_path / "out" / "song-sound.wav").read_bytes()
    note = ["compose", "--from", str(tmp_path / "song.mid"), "-o", str(tmp_path / "no")]
    assert main(note) == 2
    assert "'note' reads no score; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--codec", "no 'codec'"),
        ("--condition", "the system 'note' has no --condition"),
        ("--lyrics", "the system 'note' has no --lyrics"),
    ],
)
def test_other_systems_have_no_options_of_sound(option: str, message: str, capsys):
    assert main(["compose", "waltz", option, "text", "-o", "never"]) == 2
    assert message in capsys.readouterr().err
