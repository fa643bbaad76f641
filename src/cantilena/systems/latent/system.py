"""The system ``latent``: a Brief becomes a Score, the Score and the text lead a diffusion over a
VAE's latents, and the VAE makes sound of them.

Knows how these are wired, lengths, gaps in sound and loudness; each part is elsewhere. With the
condition "text", JEN-1's own, there is no Score; nor where a recording is gone on from or a stretch
of it made anew, which is the same diffusion with the rest of it known. Needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch

from cantilena.audio.audio import Audio
from cantilena.audio.wav import resample
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import decode_blocks
from cantilena.models.audio.diffusion import sampler
from cantilena.models.checkpoint import is_checkpoint
from cantilena.render.synth import room
from cantilena.systems import no_checkpoint
from cantilena.systems.base import Request
from cantilena.systems.codes.joining import joined, stretch_of
from cantilena.systems.codes.judging import OPTION, judged_facts, sound_row
from cantilena.systems.codes.pair import Pair, load_pair
from cantilena.systems.codes.streaming import sound_blocks
from cantilena.systems.codes.system import (
    CONDITIONS,
    CONTROLS,
    SCORE,
    MusicgenSystem,
    Piece,
    fade,
    text_rows,
)
from cantilena.systems.latent.cascade import LedByCodes, check_pair
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.model import LatentModel, load_latent
from cantilena.systems.latent.options import CODES, SYSTEM, TEXT
from cantilena.systems.latent.writing import SAMPLING, STEPS, LatentOrder, LatentWriting
from cantilena.systems.note.composer import NoteSystem
from cantilena.text.prompt import prompt_of
from cantilena.text.report.rows import Row
from cantilena.tokens.codes.symbols import SYMBOLS, score_symbols

LEAST = 1e-4
"""Loudness below which sound is taken as it is: of silence nothing can be measured."""


@dataclass
class LatentPiece(Piece):
    """A Request on its way. ``stretch``: of a recording the samples, at the model's rate, from
    which on and up to which it is new."""

    stretch: tuple[int, int] | None = None
    recording: np.ndarray | None = None


class LatentSystem(MusicgenSystem):
    """A diffusion with its autoencoder, and the note system's shipped model where a Score leads."""

    system = SYSTEM
    sampling = SAMPLING
    options: ClassVar[Mapping[str, type]] = {
        "condition": str,
        CONTROLS: str,
        OPTION: str,
        "steps": int,
        "sampler": str,
        "start": float,
        "stop": float,
    }
    piece = LatentPiece

    def __init__(
        self,
        model: LatentModel,
        name: str,
        hash_: str,
        card: Mapping[str, Any],
        pair: Pair | None = None,
    ):
        self.model, self.name, self.hash, self.card = model, name, hash_, card
        self.pair = pair
        self.notes = NoteSystem.load()

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        codec: str | None = None,
    ) -> MusicgenSystem:
        """The system of a checkpoint's folder, a run's, or one in diffusers' layout
        (``systems.latent.published``). ``codec``: of a diffusion that reads codes, the folder of
        ``musicgen`` that writes them (the installed one). Raises CheckpointError, InputError,
        MissingExtraError."""
        if checkpoint is None:
            raise no_checkpoint(cls.system)
        if not is_checkpoint(checkpoint):
            from cantilena.systems.latent.published import PublishedLatent, is_published

            if is_published(checkpoint):
                return PublishedLatent.load(checkpoint, device, dtype)
        model, opened = load_latent(checkpoint, device, dtype)
        if CODES not in model.dit.config.frames:
            if codec is not None:
                raise InputError("latent brings its own autoencoder; leave --codec out")
            return cls(model, opened.name, opened.hash, opened.card)
        pair = load_pair(codec, device=device)
        check_pair(model, pair)
        total = hashlib.sha256(f"{opened.hash} {pair.hash}".encode()).hexdigest()[:16]
        return cls(model, opened.name, total, opened.card, pair)

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.model.dit, *(() if self.pair is None else (self.pair.writer.model,)))

    # ------------------------------------------------------------------ what is asked

    @property
    def conditions(self) -> tuple[str, ...]:
        """As ``MusicgenSystem.conditions``."""
        able = {SCORE: bool(self.symbols), TEXT: bool(self.model.dit.config.text)}
        return tuple(name for name in CONDITIONS if able.get(name))

    @property
    def symbols(self) -> Sequence[str]:
        """As ``MusicgenSystem.symbols``; where codes lead, what is read of them too."""
        reads = set(self.model.dit.config.frames)
        if self.pair is not None:
            reads |= set(self.pair.writer.model.config.conditions)
        return [name for name in SYMBOLS if name in reads]

    def condition(self, request: Request) -> str:
        """As ``MusicgenSystem.condition``; of a recording the text."""
        if request.audio is not None and not request.options.get("condition"):
            request = replace(request, options={**request.options, "condition": TEXT})
        return super().condition(request)

    def without_effect(self, request: Request) -> Sequence[str]:
        """As ``MusicgenSystem.without_effect``; nothing is drawn from a nucleus."""
        return ("top_p", "top_k", *super().without_effect(request))

    def check(self, request: Request) -> None:
        """As ``MusicgenSystem.check``; and whether sampler and stretch can be."""
        super().check(request)
        options = request.options
        sampler(options.get("sampler", "ddim"), self.objective, options.get("steps", STEPS))
        if request.audio is None:
            for name in ("start", "stop"):
                if name in options:
                    raise InputError(f"{name} is of a recording: give one by --continue")
        else:
            if self.condition(request) != TEXT:
                raise InputError("a recording is changed by a text; leave --condition out")
            stretch_of(request)

    @property
    def objective(self) -> Any:
        """What the network predicts."""
        return self.model.objective

    # ------------------------------------------------------------------ how it is made

    @property
    def rate(self) -> int:
        """Hz of what comes out."""
        return self.model.vae.sample_rate

    def _seconds(self, piece: Any) -> float:
        audio = piece.request.audio
        if audio is None:
            return super()._seconds(piece)
        return max(audio.seconds, stretch_of(piece.request)[1])

    def _writing(self, piece: Any) -> Any:
        request, vae = piece.request, self.model.vae
        sampling = request.sampling or self.sampling
        length = round(self._seconds(piece) * self.rate)
        wish = LatentWish(
            prompt_of(request.brief) if TEXT in self.conditions else "",
            None if piece.score is None else score_symbols(piece.score),
            controls=self.controls(request),
        )
        order = LatentOrder(
            max(1, -(-length // vae.hop)),
            wish,
            piece.seed,
            request.options.get("steps", STEPS),
            request.options.get("sampler", "ddim"),
            sampling.guidance,
            sampling.temperature,
        )
        if request.audio is not None:
            order = self._with_context(piece, order, length)
        if self.pair is not None and wish.score is not None:
            return LedByCodes(self.model, order, self.pair.writer)
        return LatentWriting(self.model, order)

    def _with_context(self, piece: Any, order: LatentOrder, length: int) -> LatentOrder:
        """The order with the latents of a recording, kept but for the stretch that is new."""
        start, stop = (round(s * self.rate) for s in stretch_of(piece.request))
        audio = piece.request.audio
        sound = np.stack([resample(row, audio.rate, self.rate) for row in audio.samples])
        padded = np.zeros((len(sound), length), dtype=np.float32)
        padded[:, : sound.shape[1]] = sound[:, :length]
        piece.stretch, piece.recording = (start, min(stop, length)), padded
        vae = self.model.vae
        heard = padded if len(padded) == vae.channels else padded.mean(0, keepdims=True)
        loud = torch.from_numpy(heard * self._gain(piece))
        device = next(vae.parameters()).device
        with torch.inference_mode():
            context = vae.latents(loud.expand(1, vae.channels, -1).to(device))[0]
        frame = np.arange(order.frames) * vae.hop
        kept = (frame + vae.hop <= start) | (frame >= stop)
        return replace(order, context=context, kept=kept)

    def _gain(self, piece: Any) -> float:
        """How much louder than a recording what the model heard in training is."""
        start, stop = piece.stretch
        kept = np.delete(piece.recording, np.s_[start:stop], axis=1)
        loudness = float(np.sqrt(np.mean(kept**2))) if kept.size else 0.0
        heard = float(self.model.about.get("loudness", loudness))
        return heard / loudness if loudness > LEAST else 1.0

    @property
    def _decoder(self) -> Any:
        """What makes sound of latents, with the face by which a codec does of codes."""
        vae = self.model.vae
        return SimpleNamespace(
            margin=vae.margin,
            period=vae.period,
            frame_rate=vae.frame_rate,
            hop=vae.hop,
            parameters=vae.parameters,
            decode=vae.sound,
        )

    def _blocks(self, piece: Any) -> Iterator[np.ndarray]:
        """As ``MusicgenSystem._blocks``, window by window; a recording as loud as it is."""
        gain = 1.0 if piece.stretch is None else self._gain(piece)
        length = round(self._seconds(piece) * self.rate)
        for block in sound_blocks(self._decoder, piece.writing, length, every=1):
            yield block / np.float32(gain)

    def _sound(self, piece: Any) -> Audio:
        """The sound of a piece's latents, as loud as a rendered Score is, its end faded; of a
        recording as loud as that, and what is kept of it as it was."""
        length = round(self._seconds(piece) * self.rate)
        latents = piece.writing.latents.cpu().numpy()
        sound = np.concatenate(list(decode_blocks(self._decoder, latents, length))).T
        if piece.stretch is not None:
            new = sound / self._gain(piece)
            return Audio(joined(piece.recording, new, piece.stretch, self.rate), self.rate)
        pair = np.broadcast_to(sound[:2], (2, length)).copy()
        fade(pair, self.rate)
        return Audio(room.master(pair, self.rate)[: len(sound)], self.rate)

    def _rows(self, piece: Any, sound: Audio) -> tuple[Row, ...]:
        """As ``MusicgenSystem._rows``; of a recording the length of what is new."""
        if piece.stretch is None:
            return super()._rows(piece, sound)
        start, stop = piece.stretch
        rows = text_rows(piece.request.brief, (stop - start) / self.rate)
        place = piece.request.options.get(OPTION)
        return (*rows, sound_row(place, prompt_of(piece.request.brief), sound)) if place else rows

    def _facts(self, piece: Any) -> dict[str, Any]:
        """What the JSON file says of how a piece was sounded."""
        order, writing = piece.writing.order, piece.writing
        facts: dict[str, Any] = {
            "condition": piece.condition,
            "sampler": order.sampler,
            "steps": order.steps,
            "function_evaluations": writing.evaluations,
            **judged_facts(piece.request.options.get(OPTION)),
        }
        if piece.stretch is not None:
            facts["new_between"] = [round(s / self.rate, 3) for s in piece.stretch]
        if self.pair is not None:
            facts["codes_by"] = {"name": self.pair.name, "sha256": self.pair.hash}
        if piece.guide is not None:
            by = {"name": piece.guide.checkpoint, "sha256": piece.guide.checkpoint_hash}
            facts["score_by"] = by
        return facts
