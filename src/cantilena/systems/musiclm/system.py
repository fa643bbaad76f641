"""The system ``musiclm``: words become tokens, tokens sound, by stages; a story changes the words
on the way.

Knows Requests, parts of a story and how the stages' codes become Audio; the stages stand in
``model``, what is written when in ``decode.cascade``. Needs torch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from cantilena.audio.audio import Audio
from cantilena.decode.cascade import TokensByName, Writing
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import decode_blocks, decode_windows
from cantilena.models.threads import stepwise
from cantilena.render.synth import room
from cantilena.result import Result
from cantilena.systems.base import Attempt, Event, Finished, Progress, Request, System
from cantilena.systems.codes.judging import OPTION, judge, judged_facts, seed_of, sound_row
from cantilena.systems.codes.progress import SavedProgress
from cantilena.systems.codes.system import bar_seconds, fade, text_seconds
from cantilena.systems.codes.tune import Tune, tune_of, tune_row
from cantilena.systems.musiclm import accompanying
from cantilena.systems.musiclm.checkpoint import Loaded, load_musiclm
from cantilena.systems.musiclm.joint_words import OPTION as WORDS
from cantilena.systems.musiclm.joint_words import JointWords
from cantilena.systems.musiclm.levels import books_of, frames_in, joined
from cantilena.systems.musiclm.lyrics import LYRICS
from cantilena.systems.musiclm.options import RECORDING, SYSTEM
from cantilena.systems.musiclm.pitches import pitch_classes
from cantilena.systems.musiclm.song import (
    OFFSET,
    TOTAL,
    check_source,
    lyrics_asked,
    sung_seconds,
    timing_asked,
)
from cantilena.systems.musiclm.story import MORE, Part, read_story
from cantilena.systems.musiclm.timing import Timing
from cantilena.systems.musiclm.wish import (
    METRE,
    TEMPO,
    MusicWish,
    beats_of,
    beats_of_score,
    repeated,
)
from cantilena.text.brief import parse_brief
from cantilena.text.prompt import prompt_of, with_options
from cantilena.text.report.rows import Row
from cantilena.text.report.sound import sound_report
from cantilena.text.wishes import Brief

SAMPLING = Sampling(temperature=1.0, top_p=1.0, top_k=0, guidance=3.0, best_of=1, repetition=0.0)
"""Of the semantic stage; the others are sampled cooler, as their configs say."""
STORY, ALONE = "story", "alone"


@dataclass
class _Piece:
    """A Request on its way."""

    request: Request
    seconds: float
    parts: tuple[Part, ...]
    writing: Writing[MusicWish]
    saved: SavedProgress | None = None


class MusicLmSystem(System):
    """The stages, the words and the codec of one checkpoint. ``folder``: where the progress of
    pieces is kept, None for nowhere."""

    system = SYSTEM
    sampling = SAMPLING
    options: ClassVar[Mapping[str, type]] = {
        STORY: str,
        ALONE: bool,
        OPTION: str,
        WORDS: str,
        LYRICS: str,
        TOTAL: float,
        OFFSET: float,
    }
    """``words``: where the ClapModel is that reads the words, if no more where it was in training;
    ``joint``: the folder of a joint embedding, by which the best of several sounds is the one
    that is most like the text; ``alone``: of a recording that is accompanied, the new part without
    the recording; else that part stands in a file of its own beside the mix; ``lyrics``: what is
    sung in the song of which the piece is a part, ``total``: how many seconds that lasts, and
    ``offset``: at which of them the piece begins."""
    folder: Path | None = None

    def __init__(self, loaded: Loaded):
        self.music, self.codec = loaded.music, loaded.codec
        checkpoint = loaded.checkpoint
        self.name, self.hash, self.card = checkpoint.name, checkpoint.hash, checkpoint.card
        self.cascade, self.whole = self.music.cascade(), loaded.whole

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        codec: str | None = None,
    ) -> MusicLmSystem:
        """The system of ``checkpoint.load_musiclm``, and raises as that does."""
        return cls(load_musiclm(checkpoint, codec, device))

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.music.models,)

    def keeping(self, folder: str | Path) -> MusicLmSystem:
        """The same system, which keeps the progress of its pieces in a folder: one that is asked
        for again after a kill goes on at its stage and window."""
        other = copy.copy(self)
        other.folder = Path(folder)
        return other

    # ------------------------------------------------------------------ what is asked

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the story can be read and fits the length, and there is
        a recording where one is to be accompanied, and none elsewhere."""
        super().check(request)
        if place := request.options.get(OPTION):
            judge(place)
        self._check_words(request)
        stem = self.music.config.stem
        if stem and request.audio is None:
            raise InputError(
                f"the model {self.name!r} writes {stem} to a recording; give one, as in "
                f"'cantilena accompany song.wav --with {stem}'"
            )
        if request.options.get(ALONE) and not stem:
            raise InputError(
                f"alone= is of a part to a recording, and the model {self.name!r} writes none"
            )
        check_source(self.music.config, self.name, request)
        if stem and not self.whole:
            raise InputError(f"the model {self.name!r} lacks what reads a recording")
        if request.audio is not None:
            accompanying.check(request.audio)
        self._timing(request)
        self._lyrics(request)
        self._tune(request)

    def _tune(self, request: Request) -> Tune | None:
        """The tune that a Request gives. Raises InputError where none is heard."""
        is_given = request.score is not None or request.audio is not None
        return tune_of(request) if self.music.config.melody and is_given else None

    def _timing(self, request: Request) -> Timing | None:
        """As ``timing_asked``."""
        seconds = self._parts(request)[0]
        return timing_asked(self.music.config, self.name, request.options, seconds)

    def _lyrics(self, request: Request) -> np.ndarray | None:
        """As ``lyrics_asked``."""
        return lyrics_asked(self.music.config, self.name, request.options)

    def _check_words(self, request: Request) -> None:
        """Raises CheckpointError, InputError where words cannot be read."""
        words, place = self.music.words, request.options.get(WORDS, "")
        if isinstance(words, JointWords):
            words.embedding(place)
        elif place:
            raise InputError("the words of this model are in its checkpoint; leave out words=")

    def _tokens(self, request: Request, text: str) -> Tensor:
        """(1, books) of a text."""
        words, place = self.music.words, request.options.get(WORDS, "")
        if isinstance(words, JointWords):
            return words.tokens_of_text([text], place)
        return words.tokens_of_text([text])

    def without_effect(self, request: Request) -> Sequence[str]:
        """As ``System.without_effect``: there is a best only of sounds that are judged, and some
        models are not guided."""
        names = ("repetition",) if request.options.get(OPTION) else ("repetition", "best_of")
        is_guided = any(stage.guided for stage in self.music.config.stages)
        return names if is_guided else (*names, "guidance")

    def attempts(self, request: Request) -> int:
        """1, as nothing is measured by which one could be chosen, but where sounds are judged."""
        return super().attempts(request) if request.options.get(OPTION) else 1

    def _parts(self, request: Request) -> tuple[float, tuple[Part, ...]]:
        """How long a piece is, and its parts. Bars without a tempo are as fast as the piece begins.
        Raises InputError."""
        brief, story = request.brief, request.options.get(STORY, "")
        length = None if request.audio is None else request.audio.seconds
        if request.score is not None:
            length = float(request.score.seconds(request.score.bar_starts[-1]))
        if length is not None and brief.seconds is None:
            brief = replace(brief, seconds=length, bars=None)
        sung = sung_seconds(request.options) if self.music.config.lyrics and not story else None
        if sung is not None and brief.seconds is None and brief.bars is None:
            brief = replace(brief, seconds=sung)
        if not story:
            parts = (Part(0.0, brief.text),)
        elif brief.seconds is None and brief.bars is None:
            parts = read_story(story)
            return parts[-1].start + MORE, parts
        else:
            parts = read_story(story)
        tempo, metre = _time(brief, parts[0].text)
        seconds = text_seconds(replace(brief, tempo=tempo, metre=metre))
        is_longer = request.audio is not None and seconds > request.audio.seconds + 1e-6
        if request.audio is not None and is_longer and self.music.config.stem:
            raise InputError(
                f"the recording lasts {request.audio.seconds:.2f} s, not {seconds:g} s"
            )
        return seconds, (read_story(story, seconds) if story else parts)

    def wish(self, request: Request) -> MusicWish:
        """What the stages hear of a Request: words as tokens, and beats by the tempo that is asked
        for, or that the words of a part have."""
        seconds, parts = self._parts(request)
        states = []
        for words in self._words(request, parts):
            tokens = self._tokens(request, words)
            states.append(self.music.states(tokens)[0] if words.strip() else None)
        pairs = [(part.start, own) for part, own in zip(parts, states, strict=True)]
        timed = [(part.start, *_time(request.brief, part.text)) for part in parts]
        beats = beats_of(timed, seconds)
        tune = self._tune(request)
        if request.score is not None:
            beats = beats_of_score(request.score, seconds)
        elif request.audio is not None and (tune is not None or request.brief.tempo is None):
            rate = self.codec.sample_rate
            heard = accompanying.as_heard(request.audio, rate)
            beats_heard = accompanying.heard_beats(heard, rate)
            if beats_heard is not None and tune is not None:
                beats_heard = repeated(beats_heard, request.audio.seconds, seconds)
            beats = beats_heard or beats
        return MusicWish(
            pairs,
            beats,
            request.sampling or self.sampling,
            tune,
            self._chroma(request),
            self._timing(request),
            self._lyrics(request),
        )

    def _chroma(self, request: Request) -> np.ndarray | None:
        """The pitch classes of a Request's recording, where stages read them."""
        config, rate = self.music.config, self.codec.sample_rate
        if request.audio is None or not config.chroma:
            return None
        heard = accompanying.as_heard(request.audio, rate)
        return pitch_classes(accompanying.under_noise(heard, config.noise), rate)

    def _words(self, request: Request, parts: Sequence[Part]) -> list[str]:
        """What the stages are told in each part: its words, and what options ask for besides."""
        brief = request.brief
        if not request.options.get(STORY):
            return [prompt_of(brief)]
        return [with_options(part.text, brief) for part in parts]

    # ------------------------------------------------------------------ how it is made

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``, piece by piece in turns of equal work, so that no rounding of a
        batch lets one piece hang on another."""
        pieces = [self._piece(attempt.request, attempt.number) for attempt in attempts]
        going = {
            k: self._steps(piece.writing, piece.saved.keep if piece.saved else None)
            for k, piece in enumerate(pieces)
        }
        done = dict.fromkeys(going, 0)
        while going:
            k = min(going, key=lambda k: (done[k], k))  # so that short pieces do not wait
            step = next(going[k], None)
            if step is None:
                del going[k]
                yield k, Finished(self._result(pieces[k]))
                if (saved := pieces[k].saved) is not None:  # its files are written by now
                    saved.remove()
            else:
                done[k] = max(done[k], step[0])
                yield k, Progress(done[k] / step[1])

    def _steps(
        self, writing: Writing, keep: Callable[[TokensByName], None] | None = None
    ) -> Iterator[tuple[int, int]]:
        return stepwise(writing.steps(keep), *self.music.models.values())

    def _piece(self, request: Request, number: int = 0) -> _Piece:
        seconds, parts = self._parts(request)
        changes = [part.start for part in parts[1:]]
        wish = self.wish(request)
        inputs: dict[str, np.ndarray] = {}
        if request.audio is not None and self.music.config.stem:
            heard = accompanying.as_heard(request.audio, self.codec.sample_rate)
            noise = self.music.config.noise
            inputs[RECORDING] = accompanying.codes(self.codec, heard, noise)
        seed = seed_of(request.seed, number)
        writing = Writing(self.cascade, wish, seconds, seed, changes, inputs)
        saved = None
        if self.folder is not None:
            saved = SavedProgress.of(self.folder, request, self.hash, number)
            saved.restore(writing)
        return _Piece(request, seconds, parts, writing, saved)

    def blocks(self, request: Request) -> Iterator[np.ndarray]:
        """The sound of a piece in blocks (n, channels) as soon as they cannot change any more, as
        the codec gives them: neither brought to a loudness nor faded, as both need the whole.
        Raises InputError."""
        request = self.completed(request)
        self.check(request)
        piece = self._piece(request)
        left = round(piece.seconds * self.codec.sample_rate)
        for block in decode_windows(self.codec, self._parts_of_codes(piece)):
            yield block[:left]
            left -= min(left, len(block))

    def _parts_of_codes(self, piece: _Piece) -> Iterator[np.ndarray]:
        """Codes of the codec's books as soon as all of a frame's are written."""
        config, sent = self.music.config, 0
        within = {name: frames_in(config, config.stage(name)) for name in config.written}
        writing = piece.writing
        for _ in self._steps(writing):
            ready = min(writing.written(name).shape[1] // n for name, n in within.items())
            if ready > sent:
                yield joined(config, writing.tokens, sent, ready)
                sent = ready
        if (rest := joined(config, writing.tokens, sent)).shape[1]:
            yield rest

    def codes(self, writing: Writing[MusicWish]) -> np.ndarray:
        """(K, T) codes of the codec of a piece that is written."""
        return joined(self.music.config, writing.tokens)

    def _result(self, piece: _Piece) -> Result:
        (sound, files), brief = self._sound(piece), piece.request.brief
        config = self.music.config
        facts: dict[str, Any] = {
            "stages": [stage.name for stage in config.stages],
            "codec": config.codec[:16],
            "bits_per_second": round(self.codec.bits(len(books_of(config))), 1),
            "story": [[part.start, part.text] for part in piece.parts],
            "word_tokens": [
                self._tokens(piece.request, words)[0].tolist()
                for words in self._words(piece.request, piece.parts)
            ],
            **judged_facts(piece.request.options.get(OPTION)),
        }
        place = piece.request.options.get(OPTION)
        words = ". ".join(self._words(piece.request, piece.parts))
        judged = (sound_row(place, words, sound),) if place else ()
        return Result(
            artefact=sound,
            brief=brief,
            request=piece.request.to_dict(),
            rows=(*self._rows(piece, sound), *judged),
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            system=self.system,
            facts=facts,
            files=files,
        )

    def _rows(self, piece: _Piece, sound: Audio) -> tuple[Row, ...]:
        """The report. A bar is as long as the first part has it; without a story the words of the
        only part are the Brief's own."""
        brief, parts = piece.request.brief, piece.parts
        tempo, metre = _time(brief, parts[0].text)
        bar = bar_seconds(replace(brief, tempo=tempo, metre=metre))
        story = parts if piece.request.options.get(STORY) else ()
        rows = sound_report(brief, sound.seconds, bar, story)
        tune = piece.writing.wish.tune
        return rows if tune is None else (*rows, tune_row(tune, sound))

    def _sound(self, piece: _Piece) -> tuple[Audio, dict[str, bytes]]:
        """The sound of a piece's codes, as loud as a rendered Score is, its end faded; of a part to
        a recording both together, and the files that hold them exactly."""
        rate = self.codec.sample_rate
        length = round(piece.seconds * rate)
        blocks = list(decode_blocks(self.codec, self.codes(piece.writing), length))
        sound = np.concatenate(blocks).T[:2]
        heard = piece.request.audio
        if heard is not None and self.music.config.stem:
            alone = bool(piece.request.options.get(ALONE, False))
            mix = accompanying.mixed(sound[0], rate, heard, piece.seconds)
            return mix.sound(alone), mix.files(alone, self.music.config.stem)
        pair = np.broadcast_to(sound, (2, sound.shape[1])).copy()
        fade(pair, rate)
        return Audio(room.master(pair, rate)[: len(sound)], rate), {}


def _time(brief: Brief, text: str) -> tuple[float, str]:
    """Tempo, in quarters a minute, and metre of a part: as the Brief asks, which options and, but
    for a story's, the text set, else as the part's own words do, else ``TEMPO`` and ``METRE``."""
    own = parse_brief(text)
    span = own.tempo_range or brief.tempo_range
    middle = TEMPO if span is None else min(max(TEMPO, span[0]), span[1])
    explicit = brief.tempo if brief.how.get("tempo") != "implied" else None
    tempo = explicit or own.tempo or brief.tempo or middle
    return tempo, brief.metre or own.metre or METRE
