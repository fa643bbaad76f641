"""Published latent diffusion in diffusers' layout, behind the system ``latent``: Stable Audio,
AudioLDM 2, MusicLDM.

Knows folders with a ``model_index.json`` and what has to be done so that such pipelines load and
run here; does not know networks. They are led by the text alone. Needs torch, diffusers and
transformers.
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from cantilena.audio.audio import Audio
from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json
from cantilena.models.checkpoint import hashes
from cantilena.models.hub import chosen_device, dtype_of, loading, need
from cantilena.render.synth import room
from cantilena.systems.base import Request
from cantilena.systems.codes.judging import OPTION, judged_facts
from cantilena.systems.codes.system import MusicgenSystem, fade, text_seconds
from cantilena.systems.latent.options import SYSTEM, TEXT
from cantilena.systems.latent.writing import SAMPLING, STEPS
from cantilena.systems.note.composer import NoteSystem
from cantilena.text.prompt import prompt_of

INDEX = "model_index.json"
STABLE_AUDIO, AUDIOLDM2, MUSICLDM = "StableAudioPipeline", "AudioLDM2Pipeline", "MusicLDMPipeline"
PIPELINES = (STABLE_AUDIO, AUDIOLDM2, MUSICLDM)
"""What ``model_index.json`` may name."""
_STRIDE = 1_000_003
"""Between the random numbers of two seeds, as in ``writing``."""


def is_published(place: str | Path) -> bool:
    """Whether a folder is in diffusers' layout."""
    return (Path(place) / INDEX).is_file()


class PublishedLatent(MusicgenSystem):
    """A pipeline of diffusers, led by the text: what ``LatentSystem.load`` gives of its folder."""

    system = SYSTEM
    sampling = SAMPLING
    options: ClassVar[Mapping[str, type]] = {"condition": str, OPTION: str, "steps": int}

    def __init__(self, pipeline: Any, kind: str, name: str, hash_: str):
        self.pipeline, self.kind, self.name, self.hash = pipeline, kind, name, hash_
        self.card = {"pipeline": kind}
        self.notes = NoteSystem.load()

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        codec: str | None = None,
    ) -> PublishedLatent:
        """The pipeline in a folder. Raises CheckpointError for one that cannot be loaded, or of
        another kind than ``PIPELINES``; MissingExtraError, InputError."""
        assert checkpoint is not None
        folder, where = Path(checkpoint), chosen_device(device)
        pipeline, kind = load_pipeline(folder, dtype)
        total = hashlib.sha256(repr(sorted(hashes(folder).items())).encode()).hexdigest()
        return cls(pipeline.to(where), kind, folder.resolve().name, total[:16])

    @property
    def conditions(self) -> tuple[str, ...]:
        """The text alone."""
        return (TEXT,)

    def without_effect(self, request: Request) -> Sequence[str]:
        """As ``MusicgenSystem.without_effect``; pipelines take guidance alone."""
        return ("temperature", "top_p", "top_k", *super().without_effect(request))

    def check(self, request: Request) -> None:
        """As ``MusicgenSystem.check``; and whether length, steps and options can be."""
        super().check(request)
        if request.audio is not None:
            raise InputError(f"{self.name!r} changes no recordings; it makes sound of a text")
        if request.options.get("steps", STEPS) < 1:
            raise InputError(f"{request.options['steps']} steps are none; give 1 or more")
        seconds, longest = text_seconds(request.brief), self.longest
        if seconds > longest:
            raise InputError(f"{self.name!r} makes at most {longest:g} s, not {seconds:g}")

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        parts = ("transformer", "unet", "language_model", "projection_model")
        return [part for name in parts if (part := getattr(self.pipeline, name, None)) is not None]

    @property
    def longest(self) -> float:
        """Seconds of a piece at most."""
        if self.kind != STABLE_AUDIO:
            return float("inf")
        pipe = self.pipeline
        frames = pipe.transformer.config.sample_size
        return frames * pipe.vae.hop_length / pipe.vae.config.sampling_rate

    @property
    def rate(self) -> int:
        """Hz of what comes out."""
        if self.kind == STABLE_AUDIO:
            return int(self.pipeline.vae.config.sampling_rate)
        return int(self.pipeline.vocoder.config.sampling_rate)

    def _seconds(self, piece: Any) -> float:
        return text_seconds(piece.request.brief)

    def _writing(self, piece: Any) -> Any:
        request, seconds = piece.request, self._seconds(piece)
        sampling = request.sampling or self.sampling
        steps = request.options.get("steps", STEPS)
        length = "audio_end_in_s" if self.kind == STABLE_AUDIO else "audio_length_in_s"
        how = {
            "prompt": prompt_of(request.brief),
            "num_inference_steps": steps,
            "guidance_scale": sampling.guidance,
            "generator": torch.Generator("cpu").manual_seed(piece.seed * _STRIDE % 2**63),
            length: seconds,
        }
        return PipelineWriting(self.pipeline, how, steps)

    def _blocks(self, piece: Any) -> Iterator[np.ndarray]:
        """All at once, as a pipeline writes all of a piece together."""
        for _ in piece.writing.steps():
            pass
        yield piece.writing.sound[:2, : round(self._seconds(piece) * self.rate)].T

    def _sound(self, piece: Any) -> Audio:
        length = round(self._seconds(piece) * self.rate)
        sound = piece.writing.sound[:2, :length]
        pair = np.zeros((2, length), dtype=np.float32)
        pair[:, : sound.shape[1]] = sound
        fade(pair, self.rate)
        return Audio(room.master(pair, self.rate)[: len(sound)], self.rate)

    def _facts(self, piece: Any) -> dict[str, Any]:
        return {
            "condition": TEXT,
            "pipeline": self.kind,
            "steps": piece.writing.total,
            "function_evaluations": piece.writing.evaluations,
            **judged_facts(piece.request.options.get(OPTION)),
        }


class PipelineWriting:
    """A pipeline at work. It calls back after each step, from a thread of its own which then waits,
    so that the work is done step by step as all else is; closing ``steps`` ends it there. ``sound``
    (C, n) stands at the end."""

    def __init__(self, pipeline: Any, how: dict[str, Any], steps: int):
        self.pipeline, self.how, self.total = pipeline, how, steps
        self.evaluations = steps * (1 if how["guidance_scale"] <= 1 else 2)
        self.sound = np.zeros((1, 0), dtype=np.float32)

    def steps(self) -> Iterator[tuple[int, int]]:
        """As ``CodeWriting.steps``. Raises what the pipeline raises."""
        steps: queue.Queue[Any] = queue.Queue()
        turn, stop = threading.Semaphore(0), threading.Event()

        def called(step: int, time: Any, latents: Any) -> None:
            steps.put(step + 1)
            turn.acquire()
            if stop.is_set():
                raise _StoppedError

        thread = threading.Thread(target=self._run, args=(called, steps), daemon=True)
        thread.start()
        try:
            done = 0
            while not isinstance(event := steps.get(), (np.ndarray, BaseException)):
                done = max(done, min(int(event), self.total))
                yield done, self.total
                turn.release()
        finally:
            stop.set()
            turn.release()
            thread.join()
        if isinstance(event, BaseException):
            raise event
        self.sound = event

    def _run(self, called: Callable[..., None], steps: queue.Queue[Any]) -> None:
        try:
            with torch.inference_mode():
                out = self.pipeline(**self.how, callback=called, callback_steps=1).audios
            sound = np.asarray(torch.as_tensor(out[0]).float().cpu(), dtype=np.float32)
            steps.put(np.atleast_2d(sound))
        except BaseException as error:  # it is raised where the sound is waited for
            steps.put(error)


class _StoppedError(Exception):
    """The piece is not wanted any more."""


# ------------------------------------------------------------------ loading


def load_pipeline(folder: Path, dtype: str | None = None) -> tuple[Any, str]:
    """The pipeline in a folder, and its kind. Raises CheckpointError, MissingExtraError."""
    diffusers = need("diffusers", "a published diffusion", "audio")
    transformers = need("transformers", "a published diffusion", "hf")
    index = read_json(folder / INDEX, "diffusers' index of a pipeline")
    kind = index.get("_class_name") if isinstance(index, dict) else None
    if kind not in PIPELINES:
        raise CheckpointError(
            f"{str(folder)!r} holds the pipeline {kind!r}; known: {', '.join(PIPELINES)}"
        )
    keys = {"dtype": dtype_of(dtype)}
    with loading("pipeline", folder), _quietly(diffusers):
        if kind == STABLE_AUDIO:
            pipeline = _stable_audio(diffusers, transformers, folder, index, keys)
        else:
            parts = {}
            if index.get("language_model", ["", ""])[1] == "GPT2Model":
                # the pipeline asks it for what only the class with a head still has
                language_model = transformers.GPT2LMHeadModel
                parts["language_model"] = language_model.from_pretrained(
                    folder / "language_model", **keys
                )
            pipeline = getattr(diffusers, kind).from_pretrained(
                folder, torch_dtype=keys["dtype"], local_files_only=True, **parts
            )
    pipeline.set_progress_bar_config(disable=True)
    if kind == MUSICLDM:
        _plain_features(pipeline.text_encoder)
    return pipeline, kind


@contextlib.contextmanager
def _quietly(diffusers: Any) -> Iterator[None]:
    """Without bars, and without the notice that a pipeline is mended no more."""
    logging = diffusers.utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def _stable_audio(
    diffusers: Any, transformers: Any, folder: Path, index: Any, keys: dict[str, Any]
) -> Any:
    """Part by part: the scheduler that the folder names would have to be loaded otherwise."""
    dtype = {"torch_dtype": keys["dtype"]}
    tokenizer = getattr(transformers, index["tokenizer"][1])
    return diffusers.StableAudioPipeline(
        vae=diffusers.AutoencoderOobleck.from_pretrained(folder / "vae", **dtype),
        text_encoder=transformers.T5EncoderModel.from_pretrained(folder / "text_encoder", **keys),
        projection_model=diffusers.StableAudioProjectionModel.from_pretrained(
            folder / "projection_model", **dtype
        ),
        tokenizer=tokenizer.from_pretrained(folder / "tokenizer"),
        transformer=diffusers.StableAudioDiTModel.from_pretrained(folder / "transformer", **dtype),
        scheduler=_ode_solver(diffusers, folder),
    )


def _ode_solver(diffusers: Any, folder: Path) -> Any:
    """Stable Audio's own schedule by DPM-Solver++ without noise of its own: the published scheduler
    draws Brownian noise by a package (torchsde) that is not among ours."""

    class Solver(diffusers.EDMDPMSolverMultistepScheduler):
        def precondition_noise(self, sigma: Any) -> Any:
            return torch.as_tensor(sigma).atan() * (2 / torch.pi)

    config = read_json(folder / "scheduler" / "scheduler_config.json")
    names = ("sigma_min", "sigma_max", "sigma_data", "sigma_schedule", "prediction_type")
    defaults = (0.3, 500.0, 1.0, "exponential", "v_prediction")
    settings = {n: config.get(n, d) for n, d in zip(names, defaults, strict=True)}
    return Solver(**settings)


def _plain_features(encoder: Any) -> None:
    """Lets a CLAP give features as a tensor, as the pipeline expects them; transformers 5 wraps
    them."""
    get = encoder.get_text_features

    def features(*args: Any, **options: Any) -> Any:
        out = get(*args, **options)
        return getattr(out, "pooler_output", out)

    encoder.get_text_features = features
