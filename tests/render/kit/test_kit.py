"""Sampled instruments: every key sounds, in tune, neither silent nor clipped; SFZ files are read as
samplers read them; a piece is played by one."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from cantilena.audio.pitch import cents_off
from cantilena.audio.wav import read_wav, write_wav
from cantilena.cli import main
from cantilena.errors import CantilenaError, InputError
from cantilena.render.kit.making import LAYERS, Note, Sound, keys, looped, make_kit
from cantilena.render.kit.sampler import Sampler, played
from cantilena.render.kit.sfz import Region, read_sfz, sfz_text
from cantilena.render.kit.shape import Shape
from cantilena.render.kit.tones import shaped_voice, tone_maker
from cantilena.render.synth.tones import frequency
from cantilena.score import Score, Track
from cantilena.score.midi import write_midi
from cantilena.systems.instruments import make_instrument
from cantilena.text.timbre import read_timbre

RATE = 16_000


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kits") / "kit"
    assert main(["instrument", "bright plucked strings", "-o", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def pad(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kits") / "pad"
    make_instrument("slow warm strings", folder)
    return folder


def sine(key: int, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency(key) * time)).astype(np.float32)


# ------------------------------------------------------------------ what is made


def plain_reading(path: Path) -> list[dict[str, str]]:
    """The regions of an SFZ file, read by a few lines that know nothing of ours."""
    regions: list[dict[str, str]] = []
    for line in path.read_text().splitlines():
        if line.startswith("<"):
            regions += [{}] if line == "<region>" else []
        elif regions and not line.startswith("//"):
            regions[-1] |= dict(re.findall(r"(\w+)=(\S+)", line))
    return regions


@pytest.mark.parametrize("name", ["kit", "pad"])
def test_every_key_and_velocity_has_one_sample_that_is_there_in_tune_and_loud(name, request):
    folder = request.getfixturevalue(name)
    (path,) = folder.glob("*.sfz")
    regions = plain_reading(path)
    covered = np.zeros((128, 128), dtype=int)
    peaks = []
    for region in regions:
        low, high = int(region["lokey"]), int(region["hikey"])
        soft, loud = int(region["lovel"]), int(region["hivel"])
        centre = int(region["pitch_keycenter"])
        assert low <= centre <= high
        covered[low : high + 1, soft : loud + 1] += 1
        with wave.open(str(folder / region["sample"])) as file:
            assert file.getframerate() == 44_100 and file.getsampwidth() == 2
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        peaks.append(float(np.abs(data).max()))
        assert 0.01 < peaks[-1] < 0.95
        if 36 <= centre <= 96:
            assert abs(cents_off(data, frequency(centre), 44_100)) <= 20
        if "loop_end" in region:
            assert 0 <= int(region["loop_start"]) < int(region["loop_end"]) < len(data)
    assert (covered == 1).all()
    assert len(regions) == len(LAYERS) * len(keys())
    assert max(peaks) == pytest.approx(0.89, abs=0.01)
    assert len(list((folder / "samples").iterdir())) == len(regions)


def test_what_is_sustained_has_loops_and_what_dies_away_has_none(kit, pad):
    assert all(region.loop is None for region in read_sfz(kit))
    assert all(region.loop is not None for region in read_sfz(pad))


def test_words_shape_the_tone():
    def centroid(text: str) -> float:
        timbre = read_timbre(text)
        (sound,) = tone_maker(shaped_voice(timbre.program, timbre.shape), 0)([Note(60, 72)], 0)
        spectrum = np.abs(np.fft.rfft(sound.samples[:20_000]))
        return float((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())

    dark, plain, bright = (centroid(f"{word}violin") for word in ("dark ", "", "bright "))
    assert dark < 0.9 * plain and bright > 1.1 * plain


def test_the_same_text_gives_the_same_bytes_and_another_is_not_lost(kit, tmp_path, capsys):
    again = tmp_path / "again"
    make_instrument("bright plucked strings", again)
    for path in sorted(kit.rglob("*")):
        if path.is_file():
            assert (again / path.relative_to(kit)).read_bytes() == path.read_bytes()
    before = (again / "kit.json").read_bytes()
    assert main(["instrument", "bright plucked strings", "-o", str(again), "--quiet"]) == 0
    assert (again / "kit.json").read_bytes() == before
    assert main(["instrument", "dark flute", "-o", str(again), "--quiet"]) == 2
    assert "holds another instrument" in capsys.readouterr().err
    assert (again / "kit.json").read_bytes() == before
    assert main(["instrument", "dark flute", "-o", str(again), "--replace", "--quiet"]) == 0
    assert json.loads((again / "kit.json").read_text())["instrument"] == "flute"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert main(["instrument", "flute", "-o", str(tmp_path / "mine"), "--quiet"]) == 2
    assert "other files" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["drums"], "no keyboard of pitches"),
        (["purple elephants"], "says nothing of a sound"),
        ([""], "says nothing of a sound"),
        (["harp", "--seed", "-1"], "the seed"),
        (["harp", "--codec", "x"], "--checkpoint"),
    ],
)
def test_what_cannot_be_an_instrument_is_refused(command, message, tmp_path, capsys):
    assert main(["instrument", *command, "-o", str(tmp_path / "kit")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "kit").exists()


# ------------------------------------------------------------------ making


def test_a_sample_out_of_tune_is_made_again_and_in_the_end_of_its_neighbour():
    asked: list[list[int]] = []

    def make(notes: list[Note], attempt: int) -> list[Sound]:
        asked.append([note.key for note in notes])
        off = {60: 1, 63: 1 if attempt == 0 else 0}
        return [Sound(sine(note.key + off.get(note.key, 0))) for note in notes]

    kit = make_kit(make, RATE, 0.1, attempts=3, harmonics=1)
    rows = {(row["key"], row["velocity"]): row for row in kit.rows}
    assert set(asked[1]) == {60, 63} and set(asked[2]) == {60}
    for velocity in (36, 72, 110):
        assert rows[63, velocity]["origin"] == "made, attempt 2"
        assert rows[60, velocity]["origin"] == "made of key 57"
    for region, sound in zip(kit.regions, kit.sounds, strict=True):
        assert abs(cents_off(sound.samples, frequency(region.centre), RATE, 1)) <= 35


def test_a_sample_that_is_silent_beside_the_others_is_made_again_and_all_can_be_evened():
    def make(notes: list[Note], attempt: int) -> list[Sound]:
        soft = {60: 1.0 if attempt else 0.001, 90: 0.1}
        return [Sound(soft.get(note.key, 1.0) * sine(note.key)) for note in notes]

    rows = {row["key"]: row for row in make_kit(make, RATE, 0.1, 2).rows}
    assert rows[60]["origin"] == "made, attempt 2" and rows[90]["origin"] == "made"
    assert rows[90]["peak"] == pytest.approx(0.089, abs=0.01)
    rows = {row["key"]: row for row in make_kit(make, RATE, 0.1, 2, even=True).rows}
    assert min(row["peak"] for row in rows.values()) > 0.8


def test_where_no_sample_is_in_tune_it_is_said():
    silent = [Sound(np.zeros(1_000, np.float32))]
    with pytest.raises(CantilenaError, match="no sample"):
        make_kit(lambda notes, attempt: silent * len(notes), RATE, 0.1)


def test_a_loop_goes_round_without_a_seam():
    sound = looped(sine(57, 2.0), 57, RATE, 0.5)
    first, last = sound.loop
    turns = np.concatenate([sound.samples[: last + 1], *[sound.samples[first : last + 1]] * 3])
    steepest = np.abs(np.diff(sine(57, 2.0))).max()
    assert np.abs(np.diff(turns)).max() < 1.1 * steepest
    assert abs(cents_off(turns, frequency(57), RATE, 1)) <= 5


def test_shapes_join_and_say_what_they_change():
    both = Shape(cutoff=0.5, knock=0.1, attack_least=0.2).joined(Shape(cutoff=0.5, knock=0.2))
    assert both.to_dict() == pytest.approx({"cutoff": 0.25, "knock": 0.3, "attack_least": 0.2})
    assert Shape().to_dict() == {}


# ------------------------------------------------------------------ SFZ files


def test_what_is_written_is_read_again(tmp_path):
    regions = [
        Region("a.wav", 0, 59, 48, 0, 80, 0.25, (100, 900)),
        Region("b c.wav", 60, 127, 72, 81, 127, 0.5, None, -3.0, 12.0),
    ]
    for name in ("a.wav", "b c.wav"):
        write_wav(sine(60, 0.1), RATE, tmp_path / name)
    (tmp_path / "x.sfz").write_text(sfz_text(regions, "two regions"))
    assert read_sfz(tmp_path) == regions


def test_files_of_others_are_read_as_samplers_do(tmp_path):
    (tmp_path / "wav").mkdir()
    for name in ("one two.wav", "b.wav"):
        write_wav(sine(60, 0.1), RATE, tmp_path / "wav" / name)
    (tmp_path / "x.sfz").write_text(
        "// a comment with key=1\n<control> default_path=wav\\\n"
        "<global> ampeg_release=0.7 lovel=3\n"
        "<group> hikey=c5 lokey=c#4 /* none\nkey=2 */ pitch_keycenter=60\n"
        "<region> sample=one two.wav volume=-6 tune=7\n"
        "<group>\n<region>\nsample=b.wav key=64 loop_mode=one_shot unknown_opcode=9\n"
    )
    first, second = read_sfz(tmp_path / "x.sfz")
    assert first == Region("wav/one two.wav", 61, 72, 60, 3, 127, 0.7, None, -6.0, 7.0)
    assert (second.low, second.high, second.centre, second.one_shot) == (64, 64, 64, True)
    assert second.release == 0.7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "no regions"),
        ("<region> sample=none.wav", "no such file"),
        ("<region> sample=a.wav lokey=h4", "'h4' is no key"),
        ("<region> sample=a.wav volume=loud", "volume=loud is no number"),
    ],
)
def test_files_that_are_no_instruments_are_refused_by_name(text, message, tmp_path):
    write_wav(sine(60, 0.1), RATE, tmp_path / "a.wav")
    (tmp_path / "x.sfz").write_text(text)
    with pytest.raises(InputError, match=message):
        read_sfz(tmp_path / "x.sfz")
    with pytest.raises(InputError, match="no instrument"):
        read_sfz(tmp_path / "y.sfz")
    (tmp_path / "z.sfz").write_text(text)
    with pytest.raises(InputError, match="2 SFZ files"):
        read_sfz(tmp_path)


# ------------------------------------------------------------------ playing


def a_score() -> Score:
    tracks = [Track("lead", 73), Track("low", 33), Track("kit", 0, True)]
    return Score.build(
        480, tracks, [0, 480, 960, 0, 0], [400, 400, 800, 900, 100], [69, 74, 72, 40, 36],
        [90, 50, 110, 80, 90], [0, 0, 0, 1, 2],
    )  # fmt: skip


def test_notes_sound_at_their_keys_and_times_and_end_with_them(kit, pad):
    score, kits = a_score().select(np.arange(5) == 0), {0: Sampler(pad)}
    onset = float(score.seconds(score.onset)[0])
    out = played(score, kits, RATE, 3 * RATE)[0]
    body = out[round((onset + 0.2) * RATE) : round((onset + 0.4) * RATE)]
    assert abs(cents_off(body, frequency(int(score.pitch[0])), RATE)) <= 30
    end = float(score.seconds(score.onset + score.duration)[0])
    release = kits[0].regions[0].release
    assert np.abs(out[round((end + release + 0.01) * RATE) :]).max() == 0


def test_a_held_note_is_longer_than_its_sample(pad):
    sampler = Sampler(pad)
    region = sampler.region(60, 80)
    sound = sampler.note(region, 60, 8 * 44_100, 44_100)
    assert len(sound) >= 8 * 44_100
    levels = np.sqrt((sound[: 8 * 44_100].reshape(8, -1) ** 2).mean(1))
    assert levels[2:].min() > 0.7 * levels[2:].max()


def test_a_key_between_samples_is_in_tune(kit):
    sampler = Sampler(kit)
    for key in (61, 62, 70):
        region = sampler.region(key, 100)
        sound = sampler.note(region, key, RATE, RATE)
        assert region.centre != key and abs(cents_off(sound, frequency(key), RATE)) <= 20


def test_a_harder_stroke_is_louder(kit):
    score = a_score()
    levels = []
    for velocity in (30, 60, 120):
        one = score.select(np.array([0]))
        one = type(one)(**{**one.__dict__, "velocity": np.array([velocity])})
        levels.append(float(np.abs(played(one, {0: Sampler(kit)}, RATE, 2 * RATE)).max()))
    assert levels[0] < levels[1] < levels[2]


def test_render_plays_a_piece_or_a_part_by_a_kit(kit, tmp_path, capsys):
    write_midi(a_score(), tmp_path / "song.mid")
    song, sounds = str(tmp_path / "song.mid"), {}
    for name, more in {
        "plain": [],
        "all": ["--instrument", str(kit)],
        "lead": ["--instrument", f"lead={kit}"],
    }.items():
        command = ["render", song, "--formats", "wav", "--engine", "synth", "--quiet"]
        assert main([*command, "--name", name, "-o", str(tmp_path), *more]) == 0
        sounds[name], _ = read_wav(tmp_path / f"{name}.wav")
        assert np.abs(sounds[name]).max() > 0.05
    assert len({samples.shape for samples in sounds.values()}) == 1
    assert not np.array_equal(sounds["all"], sounds["lead"])
    assert not np.array_equal(sounds["lead"], sounds["plain"])
    capsys.readouterr()
    for more, message in {
        ("--instrument", f"harp={kit}"): "harp",
        ("--instrument", str(tmp_path / "none")): "no instrument",
        ("--instrument", str(kit), "--formats", "png"): "wav",
    }.items():
        assert main(["render", song, "-o", str(tmp_path), *more]) == 2
        assert message in capsys.readouterr().err
