"""Sound of a Score: through FluidSynth and a soundfont where they are installed, else through the
built-in synthesizer.

Knows how to find and run FluidSynth; does not know how sounds are made. The FluidSynth program is
run as a process of its own, with a temporary MIDI file; nothing is linked or imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from cantilena.audio.wav import parse_wav, write_wav
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.render.synth import TAIL, room, synthesize
from cantilena.score.midi import smf, write_midi
from cantilena.score.score import Score

ENGINES = ("auto", "fluidsynth", "synth")
MAX_SECONDS = 30 * 60
SOUNDFONT_VARIABLE = "CANTILENA_SOUNDFONT"

_PAN = 10  # controller

# File names that distributions give General MIDI soundfonts, better and smaller ones first.
_PREFERRED = (
    "musescore_general",
    "ms_basic",
    "fluidr3mono",
    "fluidr3",
    "generaluser",
    "sgm",
    "timgm6mb",
    "default-gm",
    "default",
)
_FOLDERS = (
    "~/.local/share/soundfonts",
    "~/.local/share/sounds/sf3",
    "~/.local/share/sounds/sf2",
    "~/.fluidsynth",
    "/usr/share/sounds/sf3",
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf3",
    "/usr/local/share/sounds/sf2",
    "/usr/local/share/fluidsynth",
    "/opt/homebrew/share/soundfonts",
    "/opt/homebrew/share/fluid-synth/sf2",
    "/usr/local/share/fluid-synth/sf2",
    "~/Library/Audio/Sounds/Banks",
    "/Library/Audio/Sounds/Banks",
    "C:/soundfonts",
)
# No shell, no MIDI input, quiet, without reverb and chorus; gain 0.3, float samples.
_FLUIDSYNTH_OPTIONS = (
    "-n -i -q -R 0 -C 0 -g 0.3 -T wav -O float"
    " -o synth.dynamic-sample-loading=1 -o synth.cpu-cores=1"
)


class Audio(tuple[np.ndarray, int]):
    """``(samples, rate)``: float32 of shape (n, 2) in -1..1, and Hz; unpacks as such.

    ``engine`` says what made it ("fluidsynth" or "synth"), ``soundfont`` with which soundfont
    (None: none), ``note`` what the user may want to know ("" when all went as asked).
    """

    engine: str
    soundfont: Path | None
    note: str

    def __new__(
        cls,
        samples: np.ndarray,
        rate: int,
        engine: str,
        soundfont: Path | None = None,
        note: str = "",
    ) -> Audio:
        pair = super().__new__(cls, (samples, rate))
        pair.engine, pair.soundfont, pair.note = engine, soundfont, note
        return pair

    @property
    def samples(self) -> np.ndarray:
        """(n, 2) float32."""
        return self[0]

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self[1]


def render_audio(
    score: Score,
    path: str | Path | None = None,
    rate: int = 44100,
    engine: str = "auto",
    soundfont: str | Path | None = None,
) -> Audio:
    """The sound of a Score, and a WAV file at ``path`` where one is given.

    ``engine`` "fluidsynth" needs the FluidSynth program and a soundfont (``soundfont``, else the
    environment's CANTILENA_SOUNDFONT, else one in the usual folders); "synth" needs nothing;
    "auto" takes FluidSynth where it can and says in ``note`` why where it cannot.

    The result lasts the Score's seconds and 2 s for the room to fade. Loud passages are at about
    -17 dBFS RMS, no sample above -1 dBFS; a Score without notes is silent. The same Score on the
    same machine gives the same bytes. Raises InputError for a rate outside 8,000-192,000 Hz, a
    Score of more than 30 minutes, a soundfont that is not there; UnknownNameError for an engine
    that is none; CantilenaError where "fluidsynth" was asked for and cannot be had or fails.
    """
    if engine not in ENGINES:
        raise UnknownNameError("audio engine", engine, ENGINES)
    if not 8000 <= rate <= 192_000:
        raise InputError(f"the sample rate must be 8000 to 192000 Hz, not {rate}")
    seconds = float(score.seconds(score.end))
    if seconds > MAX_SECONDS:
        raise InputError(
            f"the score lasts {seconds / 60:.0f} minutes; audio is made of at most "
            f"{MAX_SECONDS // 60} minutes: render a part of it"
        )
    sound, font, note = None, None, ""
    if engine != "synth":
        try:
            program, font = find_fluidsynth(), find_soundfont(soundfont)
            sound = unmastered(score, rate, program, font)
        except InputError:
            raise
        except CantilenaError as error:
            if engine == "fluidsynth":
                raise
            font, note = None, f"{error}; the built-in synthesizer was used"
    mix = unmastered(score, rate) if sound is None else sound
    samples = np.ascontiguousarray(room.master(mix, rate).T)
    result = Audio(samples, rate, "synth" if sound is None else "fluidsynth", font, note)
    if path is not None:
        write_wav(samples, rate, path)
    return result


def unmastered(
    score: Score, rate: int, program: str | None = None, soundfont: Path | None = None
) -> np.ndarray:
    """(2, n) float32 sound of a Score, n = (seconds + 2) * rate, as loud as its notes make it: by
    the FluidSynth at the path ``program`` with ``soundfont``, without them by the built-in
    synthesizer. Sounds of parts can be added up. Raises CantilenaError where FluidSynth fails."""
    if program is None or soundfont is None:
        return synthesize(score, rate)
    return _fluidsynth(score, program, soundfont, rate)


def find_fluidsynth() -> str:
    """The path of the FluidSynth program. Raises CantilenaError where none is installed."""
    path = shutil.which("fluidsynth")
    if not path:
        raise CantilenaError("the program fluidsynth is not installed")
    return path


def find_soundfont(soundfont: str | Path | None = None) -> Path:
    """The soundfont to use: ``soundfont``, else $CANTILENA_SOUNDFONT, else the best of those in the
    usual folders. Raises InputError where the one named does not exist, CantilenaError where
    none is installed."""
    name = soundfont or os.environ.get(SOUNDFONT_VARIABLE)
    if name:
        path = Path(name).expanduser()
        if path.suffix.lower() not in (".sf2", ".sf3") or not path.is_file():
            where = "" if soundfont else f" (from {SOUNDFONT_VARIABLE})"
            raise InputError(f"{str(path)!r}{where} is not a soundfont; give an .sf2 or .sf3 file")
        return path
    fonts: list[Path] = []
    for folder in _FOLDERS:
        there = Path(folder).expanduser()
        if there.is_dir():
            fonts += [p for p in sorted(there.iterdir()) if p.suffix.lower() in (".sf2", ".sf3")]
    fonts = [p for p in fonts if p.is_file()]
    if not fonts:
        raise CantilenaError("no soundfont (.sf2 or .sf3) is installed")
    return min(fonts, key=_rank)


def _rank(path: Path) -> tuple[int, int, str]:
    """Preferred names first; of one name the compressed kind, which loads sooner."""
    name = path.stem.lower().replace(" ", "_")
    places = [i for i, prefix in enumerate(_PREFERRED) if name.startswith(prefix)]
    return (min(places, default=len(_PREFERRED)), path.suffix.lower() != ".sf3", str(path))


def _fluidsynth(score: Score, program: str, soundfont: Path, rate: int) -> np.ndarray:
    """(2, n) float32 from FluidSynth, without its own reverb and chorus: both engines get the
    same reverb here. Raises CantilenaError where it fails."""
    seconds = float(score.seconds(score.end))
    n = round((seconds + TAIL) * rate)
    if not len(score):
        return np.zeros((2, n), dtype=np.float32)
    with tempfile.TemporaryDirectory(prefix="cantilena-") as folder:
        midi, sound = Path(folder, "score.mid"), Path(folder, "sound.wav")
        midi.write_bytes(_panned_midi(score))
        files = ["-F", str(sound), str(soundfont), str(midi)]
        command = [program, *_FLUIDSYNTH_OPTIONS.split(), "-r", str(rate), *files]
        try:
            process = subprocess.run(
                command, capture_output=True, timeout=60 + 2 * seconds, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise CantilenaError("FluidSynth took too long") from error
        except OSError as error:
            raise CantilenaError(f"FluidSynth could not be started: {error.strerror}") from error
        if process.returncode or not sound.is_file():
            messages = process.stderr.decode("utf-8", "replace").strip().splitlines()
            reason = messages[-1] if messages else "it did not say why"
            raise CantilenaError(f"FluidSynth failed: {reason}")
        dry = _samples(sound.read_bytes())
    if dry.shape[1] < 0.5 * n or not np.abs(dry).max(initial=0.0) > 0:
        raise CantilenaError(f"FluidSynth made no sound with {soundfont.name}")
    mix = np.zeros((2, n), dtype=np.float32)
    mix[:, : dry.shape[1]] = dry[:, :n]
    room.reverb(0.5 * (mix[0] + mix[1]), rate, mix, 0.16)
    room.fade_out(mix, rate)
    return mix


def _panned_midi(score: Score) -> bytes:
    """The Score's MIDI file, with its controllers, and one more track: the pan of each channel that
    the Score says none of at its start, and a last event two seconds after the end, so that
    FluidSynth renders the releases, and nothing behind them."""
    score = _until_its_end(score)
    data = write_midi(score)
    events = smf.parse(data)
    waiting: dict[int, list[float]] = {}  # places of the parts of a program, in the file's order
    for part, place in zip(score.tracks, room.pans(score).tolist(), strict=True):
        if not part.is_drum:
            waiting.setdefault(part.program, []).append(place)
    first: dict[int, float] = {}
    change = events.status & 0xF0 == 0xC0
    for status, program in zip(events.status[change], events.a[change], strict=True):
        channel, places = int(status) & 0x0F, waiting.get(int(program), [])
        if channel not in first and channel != 9 and places:
            first[channel] = places.pop(0) if len(places) > 1 else places[0]
    own = (events.status & 0xF0 == 0xB0) & (events.a == _PAN) & (events.tick == 0)
    body = b""
    for channel in sorted(set(first) - set((events.status[own] & 0x0F).tolist())):
        value = int(np.clip(round(64 + 63 * first[channel]), 0, 127))
        body += smf.delta(0) + bytes((0xB0 | channel, _PAN, value))
    ticks = score.tpq * TAIL * 1e6 / float(score.tempo_us[-1])
    body += smf.delta(score.end + int(ticks) + 1) + bytes((0xB0, 3, 0))
    body += smf.delta(0) + smf.meta(smf.END_OF_TRACK, b"")
    chunks = int.from_bytes(data[10:12], "big") + 1
    return data[:10] + chunks.to_bytes(2, "big") + data[12:] + smf.chunk(body)


def _until_its_end(score: Score) -> Score:
    """The Score without what stands behind its end, which would only lengthen the sound, and
    without texts."""
    tempos = zip(score.tempo_tick, score.tempo_us, strict=True)
    metres = zip(score.metre_tick, score.metre_num, score.metre_den, strict=True)
    keys = zip(score.key_tick, score.key_fifths, score.key_minor, strict=True)
    return Score.build(
        score.tpq,
        score.tracks,
        score.onset,
        score.duration,
        score.pitch,
        score.velocity,
        score.track,
        [row for row in tempos if row[0] <= score.end],
        [row for row in metres if row[0] <= score.end],
        [row for row in keys if row[0] <= score.end],
        score.end,
        controls=score.controls,
        opaque=[event for event in score.opaque if event.tick <= score.end],
    )


def _samples(data: bytes) -> np.ndarray:
    """(2, n) float32 of FluidSynth's file: WAV of floats, or, where it was built without
    libsndfile, bare 16-bit samples."""
    if data[:4] != b"RIFF":
        return np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2).T / np.float32(32768)
    try:
        samples, _ = parse_wav(data)
    except InputError as error:
        raise CantilenaError(f"FluidSynth wrote a file that cannot be read: {error}") from error
    if samples.shape[1] != 2:
        raise CantilenaError(f"FluidSynth wrote {samples.shape[1]} channels, not 2")
    return samples.T
