"""eSpeak NG as a voice: words spoken at one pitch, with what sounds when.

Knows the library, which ``espeakng-loader`` (the extra "sing") carries, and its events; does not
know notes or melodies (``render.singing``). eSpeak NG is GPL-3.0-or-later: it is loaded where it is
installed, and no part of it is here.
"""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cantilena.errors import InputError, MissingExtraError

VOICE = "en-us+f2"
"""American English, the second of eSpeak NG's female variants."""
SLOWEST, FASTEST = 80, 450
"""Words a minute that it speaks."""
VOWELS = "@3aAeEiIoOuUV0&"
"""How the names of vowels begin."""
_RETRIEVAL, _PHONEME_EVENTS, _NO_EXIT = 2, 1, 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME, _UTF8 = 7, 1
_LOCK = threading.Lock()  # the library keeps one state for a process
_MEASURED = (0, 12, 25, 37, 50, 62, 75, 87, 99)
_ALIKE = 0.85
"""Of the strongest lag's correlation, from which a shorter lag is a period, too."""
_HELD = "ma ma ma ma"


class _Value(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Value),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Spoken:
    """``samples`` (n,) float32 in -1..1 at ``rate`` Hz; ``phonemes``: eSpeak NG's names without
    stress, and ``edges`` (len(phonemes) + 1,), the sample at which each begins, and the end."""

    samples: np.ndarray
    rate: int
    phonemes: tuple[str, ...]
    edges: np.ndarray


def is_vowel(phoneme: str) -> bool:
    """Whether a phoneme can be held on a note."""
    return phoneme[:1] in VOWELS if phoneme else False


def plain(name: str) -> str:
    """A phoneme's name without stress and eSpeak NG's marks of variants: "" for a pause."""
    bare = name.strip("',%=|").rstrip("#2")
    return "" if bare.startswith("_") else bare


class Voice:
    """A voice by eSpeak NG's name. Raises MissingExtraError where the library is not installed,
    InputError for a voice that it does not have."""

    def __init__(self, name: str = VOICE):
        self.name = name
        self._library, self.rate = _library()
        with _LOCK:
            self._choose()
        self._hertz = _measured(self)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest pitch in Hz."""
        return float(self._hertz[0]), float(self._hertz[-1])

    def say(self, text: str, hertz: float | None = None, speed: int = 160) -> Spoken:
        """``text`` on one pitch (None: the middle of the range), ``speed`` in words a minute.
        Raises InputError where nothing of it can be spoken, or a pitch is out of range."""
        low, high = self.range
        pitch = (low * high) ** 0.5 if hertz is None else hertz
        if not low * 0.99 <= pitch <= high * 1.01:
            raise InputError(
                f"the voice {self.name!r} sings {low:.0f} to {high:.0f} Hz, not {pitch:.0f}"
            )
        level = np.interp(np.log(pitch), np.log(self._hertz), _MEASURED)
        return self._at(text, round(float(level)), speed)

    def _choose(self) -> None:
        if self._library.espeak_SetVoiceByName(self.name.encode()):
            raise InputError(f"eSpeak NG has no voice {self.name!r}; one is {VOICE!r}")

    def _at(self, text: str, level: int, speed: int) -> Spoken:
        data = text.replace("\0", " ").encode()
        heard = _Heard()
        with _LOCK:
            self._choose()
            callback = _CALLBACK(heard.take)
            self._library.espeak_SetSynthCallback(callback)
            speed = min(max(speed, SLOWEST), FASTEST)
            for number, value in ((_RATE, speed), (_PITCH, level), (_RANGE, 0)):
                self._library.espeak_SetParameter(number, value, 0)
            self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
            self._library.espeak_Synchronize()
        return heard.spoken(text, self.rate)


class _Heard:
    """What the library calls back with."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.events: list[tuple[int, str]] = []

    def take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self.blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == _PHONEME:
                raw = ctypes.string_at(ctypes.addressof(events[i].id), 8)
                name = raw.split(b"\0")[0].decode("utf-8", "replace")
                self.events.append((events[i].sample, name))
            i += 1
        return 0

    def spoken(self, text: str, rate: int) -> Spoken:
        """The sound with its phonemes; one without a length sounds within the one before."""
        joined = np.concatenate([np.zeros(0, np.int16), *self.blocks])
        names, edges, end = [], [], len(joined)
        starts = [at for at, _ in self.events] + [end]
        for (at, name), stop in zip(self.events, starts[1:], strict=True):
            bare = plain(name)
            if bare:
                names.append(bare)
                edges.append(at)
                end = stop
        if not names:
            raise InputError(f"nothing of {text!r} can be spoken")
        samples = joined.astype(np.float32) / np.float32(32_768)
        return Spoken(samples, rate, tuple(names), np.array([*edges, end]))


@lru_cache(maxsize=1)
def _library() -> tuple[Any, int]:
    """The library, begun, and its sample rate."""
    try:
        import espeakng_loader  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("espeakng-loader", "sing", "singing words") from error
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path())
    except (OSError, RuntimeError) as error:
        raise InputError(f"eSpeak NG cannot be loaded: {error}") from error
    options = _PHONEME_EVENTS | _NO_EXIT
    rate = library.espeak_Initialize(_RETRIEVAL, 0, data.encode(), options)
    if rate <= 0:
        raise InputError(f"eSpeak NG cannot be begun with its data in {data!r}")
    return library, rate


@lru_cache(maxsize=16)
def _curve(name: str) -> tuple[float, ...]:
    voice = Voice.__new__(Voice)
    voice.name = name
    voice._library, voice.rate = _library()
    return tuple(_pitch_of(voice._at(_HELD, level, 120)) for level in _MEASURED)


def _measured(voice: Voice) -> np.ndarray:
    """The pitches in Hz of the levels in ``_MEASURED``, which have to rise."""
    return np.maximum.accumulate(np.array(_curve(voice.name)))


def _pitch_of(spoken: Spoken) -> float:
    """Hz of a sound on one pitch: the shortest lag of its autocorrelation, from 50 to 600 Hz,
    that is about as strong as any."""
    sound = spoken.samples.astype(np.float64)
    power = np.abs(np.fft.rfft(sound - sound.mean(), 2 * len(sound))) ** 2
    row = np.fft.irfft(power)
    first, stop = spoken.rate // 600, spoken.rate // 50
    peaks = first + np.flatnonzero(row[first:stop] > _ALIKE * row[first:stop].max())
    k = int(peaks[0])  # of several periods the shortest
    while row[k + 1] > row[k]:
        k += 1
    before, here, after = row[k - 1 : k + 2]
    return spoken.rate / (k + 0.5 * (before - after) / (before - 2 * here + after))
