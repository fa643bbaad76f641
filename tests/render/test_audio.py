"""What the audio measures: level, length, pitch, time, colour, engines, files."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.render import audio, synth
from cantilena.render.audio import Audio, find_soundfont, render_audio
from cantilena.render.synth import room
from cantilena.render.synth.tones import frequency, tone
from cantilena.render.synth.voices import VOICES
from cantilena.score.score import Score, Track

RATE = 22050
needs_fluidsynth = pytest.mark.skipif(
    not shutil.which("fluidsynth"), reason="FluidSynth is not installed"
)


def piece(
    programs: list[int], pitches: list[int], drums: bool = False, length: int = 480, vel: int = 90
) -> Score:
    """One note after the other in each part, a quarter of half a second each."""
    tracks = [Track("", p) for p in programs] + [Track("", 0, True)] * drums
    n, parts = len(pitches), len(tracks)
    return Score.build(
        480,
        tracks,
        np.tile(np.arange(n) * 480, parts),
        [length] * n * parts,
        np.concatenate([pitches] * len(programs) + [np.resize([36, 42, 38, 46], n)] * drums),
        [vel] * n * parts,
        np.repeat(np.arange(parts), n),
    )


def synthesized(score: Score, rate: int = RATE) -> np.ndarray:
    return render_audio(score, rate=rate, engine="synth").samples


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def spectrum(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    window = np.hanning(len(x))
    size = 1 << 17
    return np.fft.rfftfreq(size, 1 / rate), np.abs(np.fft.rfft(x * window, size))


# -- shape, level, determinism -----------------------------------------------------------


def test_unpacks_as_samples_and_rate_and_says_which_engine():
    result = render_audio(piece([0], [60]), rate=RATE, engine="synth")
    samples, rate = result
    assert isinstance(result, Audio) and samples.dtype == np.float32
    assert samples.shape == (round((0.5 + synth.TAIL) * RATE), 2) and rate == RATE
    assert (result.engine, result.soundfont, result.note) == ("synth", None, "")
    assert samples.flags.c_contiguous


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_lasts_as_long_as_the_score_and_its_tail(rate: int):
    score = Score.build(
        96,
        [Track("", 0)],
        [0],
        [96],
        [60],
        [80],
        [0],
        tempos=[(0, 600_000), (96, 300_000)],
        end=480,
    )
    seconds = float(score.seconds(score.end))
    assert seconds == pytest.approx(1.8)
    assert len(synthesized(score, rate)) == round((seconds + synth.TAIL) * rate)


@pytest.mark.parametrize("velocity", [1, 40, 127])
@pytest.mark.parametrize("programs", [[0], [48, 0, 56, 32], list(range(0, 128, 8))])
def test_is_neither_silent_nor_clipped(programs: list[int], velocity: int):
    x = synthesized(piece(programs, [48, 60, 64, 72], drums=True, vel=velocity))
    assert np.isfinite(x).all()
    assert np.abs(x).max() <= room.CEILING + 1e-6
    assert np.abs(x).max() > 0.25
    loud = rms(x[: RATE * 2])
    assert 0.05 < loud < 0.25


def test_ends_in_silence_and_begins_without_a_click():
    x = synthesized(piece([48], [60, 64]))
    assert np.abs(x[-50:]).max() < 1e-4
    assert np.abs(x[:3]).max() < 0.01


def test_same_score_same_samples():
    score = piece([0, 40, 89, 119], [50, 62, 74], drums=True)
    assert np.array_equal(synthesized(score), synthesized(score))


def test_is_stereo_and_parts_have_places():
    solo = synthesized(piece([73], [60, 64, 67, 72, 76, 79]))
    assert not np.array_equal(solo[:, 0], solo[:, 1])  # the room
    assert rms(solo[:, 0]) == pytest.approx(rms(solo[:, 1]), rel=0.25)
    places = room.pans(piece([40, 40, 41, 42, 33, 0, 0], [60], drums=True))
    assert places[0] < places[1] < 0 < places[2] < places[3]  # as a quartet sits
    assert places[4] == places[7] == 0 and places[5] == -places[6] != 0
    assert not room.pans(piece([40], [60])).any()
    left, right = room.gains(-0.5)
    assert left > 1 > right and left**2 + right**2 == pytest.approx(2.0)


def test_no_notes_are_silence():
    for score in (
        Score.build(480, [], [], [], [], [], [], end=960),
        Score.build(480, [Track("", 0)], [], [], [], [], []),
    ):
        x = synthesized(score)
        assert x.shape == (round((float(score.seconds(score.end)) + synth.TAIL) * RATE), 2)
        assert not x.any()


def test_twenty_parts_and_drums_alone_and_odd_drum_notes():
    many = synthesized(piece([6 * i for i in range(20)], [55, 67], drums=True))
    assert 0.05 < rms(many) < 0.3
    only = Score.build(
        480, [Track("", 0, True)], [0, 240, 480, 720], [1] * 4, [0, 36, 100, 127], [99] * 4, [0] * 4
    )
    assert rms(synthesized(only)) > 0.01


note = st.tuples(
    st.integers(0, 4000),
    st.integers(1, 9000),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 3),
)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(note, max_size=12),
    st.lists(st.integers(0, 127), min_size=4, max_size=4),
    st.integers(100_000, 1_500_000),
)
def test_anything_gives_finite_sound_within_bounds(notes, programs, tempo):
    tracks = [Track("", p, i == 3) for i, p in enumerate(programs)]
    columns = list(zip(*notes, strict=True)) or [[]] * 5
    score = Score.build(480, tracks, *columns, tempos=[(0, tempo)])
    x = synthesized(score, 8000)
    assert np.isfinite(x).all() and np.abs(x).max(initial=0.0) <= room.CEILING + 1e-6


# -- the right note at the right time ----------------------------------------------------


@pytest.mark.parametrize("program", [0, 4, 16, 24, 33, 40, 48, 52, 56, 71, 73, 80, 88])
@pytest.mark.parametrize("pitch", [45, 60, 76])
def test_pitch_is_right(program: int, pitch: int):
    x = tone(VOICES[program], pitch, 0.6, 44100, 44100, 7)
    freq, power = spectrum(x[4000:], 44100)
    # the comb of harmonics that holds most of the sound, within a third of a semitone
    expected = frequency(pitch)
    candidates = expected * 2.0 ** (np.arange(-100, 101, 4) / 1200.0)
    strength = [
        sum(np.interp(k * c, freq, power) for k in range(1, 7) if k * c < 20_000)
        for c in candidates
    ]
    cents = 1200 * np.log2(candidates[int(np.argmax(strength))] / expected)
    assert abs(cents) <= 24


def test_note_is_heard_when_it_should_be():
    score = Score.build(480, [Track("", 0)], [960], [480], [69], [100], [0])
    x = synthesized(score, 44100).mean(1)
    start = np.flatnonzero(np.abs(x) > 0.02 * np.abs(x).max())[0] / 44100
    assert start == pytest.approx(1.0, abs=0.01)
    body = x[int(1.0 * 44100) : int(1.5 * 44100)]
    freq, power = spectrum(body, 44100)
    assert freq[np.argmax(power)] == pytest.approx(440.0, rel=0.01)


def test_louder_notes_are_louder_and_brighter():
    notes = [np.array([0, 960]), [480] * 2, [57, 57], [40, 120], [0, 0]]
    x = synth.synthesize(Score.build(480, [Track("", 0)], *notes), RATE).mean(0)
    soft, hard = x[: RATE // 2], x[RATE : RATE + RATE // 2]
    assert rms(hard) > 3 * rms(soft)
    centres = [(f * p).sum() / p.sum() for f, p in (spectrum(y, RATE) for y in (soft, hard))]
    assert centres[1] > 1.15 * centres[0]


def test_long_notes_go_on_and_plucked_ones_die_away():
    def levels(program: int) -> tuple[float, float]:
        score = Score.build(480, [Track("", program)], [0], [480 * 40], [60], [90], [0])
        x = synth.synthesize(score, 8000)
        return rms(x[:, 8000:16000]), rms(x[:, 8000 * 18 : 8000 * 19])

    early, late = levels(48)  # strings, beyond what is computed of a tone
    assert late == pytest.approx(early, rel=0.3)
    early, late = levels(25)
    assert late < 0.1 * early


@pytest.mark.parametrize("program", [0, 16, 48, 56, 73, 81])
def test_no_clicks_where_notes_end_or_loop(program: int):
    """A click is energy far above the partials: the upper octave stays as quiet at joints."""
    score = Score.build(480, [Track("", program)], [0], [480 * 28], [48], [90], [0])
    x = synth.synthesize(score, 44100)[0]
    size = 1024
    frames = x[: len(x) // size * size].reshape(-1, size) * np.hanning(size)
    high = np.abs(np.fft.rfft(frames))[:, size // 2 - 60 :].sum(1)
    after = high[int(44100 / size) :]  # the attack may have noise of its own
    assert after.max() < 0.05 + 8 * np.median(after[: len(after) // 2])


# -- the desk ----------------------------------------------------------------------------


def test_limiter_is_smooth_and_keeps_the_ceiling():
    t = np.arange(4 * RATE) / RATE
    x = 0.1 * np.sin(2 * np.pi * 220 * t)
    x[2 * RATE : 2 * RATE + 40] += 3.0
    y = room.master(np.stack([x, x]).astype(np.float32), RATE)
    assert np.abs(y).max() <= room.CEILING + 1e-6
    gain = y[0, 1:] / np.where(np.abs(x[1:]) > 0.05, x[1:], np.nan)
    assert np.nanmax(np.abs(np.diff(gain))) < 0.02


def test_reverb_is_a_decaying_room_of_equal_sides():
    response = room.impulse(RATE)
    energy = (response.astype(np.float64) ** 2).sum(1)
    assert energy == pytest.approx([1.0, 1.0], rel=1e-3)
    assert abs(np.corrcoef(response)[0, 1]) < 0.3
    tail = [rms(response[:, int(s * RATE) : int((s + 0.1) * RATE)]) for s in (0.1, 0.5, 0.9, 1.3)]
    assert tail == sorted(tail, reverse=True) and tail[3] < 0.03 * tail[0]
    send = np.zeros(5 * RATE, dtype=np.float32)
    send[100] = 1.0
    mix = np.zeros((2, len(send)), dtype=np.float32)
    room.reverb(send, RATE, mix, 1.0)
    assert np.allclose(mix[:, 100 : 100 + response.shape[1]], response, atol=1e-5)


# -- files -------------------------------------------------------------------------------


def test_wav_file_reads_back(tmp_path: Path):
    path = tmp_path / "a.wav"
    result = render_audio(piece([0], [60]), path, rate=RATE, engine="synth")
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.allclose(pcm / 32767, result.samples, atol=1 / 32767)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_bad_requests_are_told():
    score = piece([0], [60])
    with pytest.raises(UnknownNameError, match="auto, fluidsynth, synth"):
        render_audio(score, engine="midi")
    with pytest.raises(InputError, match="8000 to 192000"):
        render_audio(score, rate=100)
    long = Score.build(1, [Track("", 0)], [0], [100_000], [60], [60], [0])
    with pytest.raises(InputError, match="at most 30 minutes"):
        render_audio(long)


# -- FluidSynth --------------------------------------------------------------------------


def _fake_program(folder: Path, script: str) -> None:
    program = folder / "fluidsynth"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    font = tmp_path / "some.sf2"
    font.write_bytes(b"RIFF")
    monkeypatch.setenv(audio.SOUNDFONT_VARIABLE, str(font))
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="fakes the program by a script")
def test_falls_back_with_a_note(fake: Path):
    score = piece([0], [60])
    result = render_audio(score, rate=8000)
    assert result.engine == "synth" and "not installed; the built-in" in result.note
    with pytest.raises(CantilenaError, match="not installed"):
        render_audio(score, engine="fluidsynth")
    _fake_program(fake, "import sys; sys.stderr.write('no such thing'); sys.exit(3)")
    result = render_audio(score, rate=8000)
    assert result.engine == "synth" and "no such thing" in result.note
    with pytest.raises(CantilenaError, match="no such thing"):
        render_audio(score, rate=8000, engine="fluidsynth")


@pytest.mark.skipif(os.name != "posix", reason="fakes the program by a script")
def test_reads_the_bare_samples_of_a_fluidsynth_without_libsndfile(fake: Path):
    script = """import sys, array
out = sys.argv[sys.argv.index("-F") + 1]
data = array.array("h", [1000, -1000] * 20000).tobytes()
open(out, "wb").write(data)"""
    _fake_program(fake, script)
    result = render_audio(piece([0], [60]), rate=8000)
    assert (result.engine, result.note) == ("fluidsynth", "")
    left, right = result.samples[800:2000].T
    assert rms(left + right) < 0.5 * rms(left)


def test_soundfonts_are_found_and_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(audio.SOUNDFONT_VARIABLE, raising=False)
    monkeypatch.setattr(audio, "_FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    with pytest.raises(CantilenaError, match="no soundfont"):
        find_soundfont()
    for name in ("zebra.sf2", "TimGM6mb.sf2", "FluidR3_GM.sf2", "FluidR3Mono_GM.sf3", "note.txt"):
        (tmp_path / name).write_bytes(b"")
    assert find_soundfont().name == "FluidR3Mono_GM.sf3"
    assert find_soundfont(tmp_path / "zebra.sf2").name == "zebra.sf2"
    with pytest.raises(InputError, match=r"\.sf2 or \.sf3"):
        find_soundfont(tmp_path / "note.txt")
    monkeypatch.setenv(audio.SOUNDFONT_VARIABLE, str(tmp_path / "gone.sf2"))
    with pytest.raises(InputError, match=audio.SOUNDFONT_VARIABLE):
        find_soundfont()


def _fluid(score: Score, rate: int = RATE) -> Audio:
    try:
        return render_audio(score, rate=rate, engine="fluidsynth")
    except CantilenaError as error:
        pytest.skip(str(error))


@needs_fluidsynth
def test_fluidsynth_measures_as_the_synthesizer_does():
    score = piece([40, 42], [69, 69], drums=True)
    first, again = _fluid(score), _fluid(score)
    assert np.array_equal(first.samples, again.samples)
    assert first.engine == "fluidsynth" and first.soundfont is not None
    assert first.samples.shape == synthesized(score).shape
    assert 0.25 < np.abs(first.samples).max() <= room.CEILING + 1e-6
    assert 0.03 < rms(first.samples[: 2 * RATE]) < 0.3
    violins = _fluid(piece([40, 33], [69] * 4)).samples  # left of the bass
    assert rms(violins[:, 0]) > 1.05 * rms(violins[:, 1])


@needs_fluidsynth
def test_fluidsynth_plays_the_right_note_at_the_right_time():
    score = Score.build(480, [Track("", 73)], [960], [480], [69], [100], [0])
    x = _fluid(score, 44100).samples.mean(1)
    start = np.flatnonzero(np.abs(x) > 0.05 * np.abs(x).max())[0] / 44100
    assert start == pytest.approx(1.0, abs=0.06)
    freq, power = spectrum(x[int(1.1 * 44100) : int(1.4 * 44100)], 44100)
    assert freq[np.argmax(power)] == pytest.approx(440.0, rel=0.012)
    assert not _fluid(Score.build(480, [], [], [], [], [], [], end=480)).samples.any()
