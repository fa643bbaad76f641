"""Semantic tokens of clips: a quantiser fitted over a codec's latents, or over the states of a
frozen network's layer, and what it makes of each clip.

Knows latents, samples and quantisers; does not know words or stages. A network is opened where a
model in training, or one that is measured, needs it: what composes only writes such tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.audio.quantize.words import stack_frames, tokens
from cantilena.models.audio.states import FrozenStates, at_rate, frozen_states
from cantilena.systems.musiclm.model import MusicLM

FRAMES_TO_FIT = 30_000
"""On which semantic tokens are fitted: some hundred for each value."""
CLIPS_TO_FIT = 64
"""Clips that a network hears for that at most, as it is slow, and hears all of them afterwards."""
NOTHING = -1
"""Behind the tokens of a clip that is shorter than others, where they are kept."""


class Clips(Protocol):
    """What is known of a split's clips: ``latents`` (D, T) of each, ``coded`` with the codec, and
    what keeps rows in the ``folder``."""

    latents: list[np.ndarray]
    coded: Any
    folder: Any
    stem: str
    say: Callable[[str], None]

    def heard(self) -> Iterator[np.ndarray]: ...


def network_of(music: MusicLM) -> FrozenStates | None:
    """The network whose states semantic tokens are of; None where there is none. Raises InputError
    where it is another than in training, CheckpointError, MissingWeightsError."""
    about = music.config.semantic
    if "network" not in about:
        return None
    network = frozen_states(about["network"], about["layer"])
    if network.fingerprint != about["source"]:
        raise InputError(
            f"the semantic tokens are of the network {about['source'][:12]}, and that in "
            f"{about['network']!r} is another ({network.fingerprint[:12]})"
        )
    return network


def fit_semantic(
    music: MusicLM, clips: Clips, rng: np.random.Generator, say: Callable[[str], None] = print
) -> None:
    """Fits the quantiser of semantic tokens on frames of clips, where it has to be."""
    if music.semantic is None or not hasattr(music.semantic, "fit"):
        return
    network = network_of(music)
    if network is None:
        rows = [stacked(music, latents)[0].T for latents in clips.latents]
    else:
        some = set(rng.permutation(len(clips.latents))[:CLIPS_TO_FIT].tolist())
        heard = enumerate(clips.heard())
        rows = [states_of(music, network, clips, sound) for i, sound in heard if i in some]
    frames = torch.cat(rows)
    which = rng.permutation(len(frames))[:FRAMES_TO_FIT]
    say(f"semantic tokens: {music.config.semantic['size']} of {len(which):,} frames")
    music.semantic.fit(frames[torch.from_numpy(which)])


def semantic_of(music: MusicLM, clips: Clips) -> list[np.ndarray]:
    """(1, T') int64 semantic tokens of each clip, () of a model without. Those of a network are
    kept in the clips' folder. Raises as ``network_of``."""
    if music.semantic is None:
        return [np.zeros((1, 0), dtype=np.int64) for _ in clips.latents]
    if "network" not in music.config.semantic:
        return [_tokens(music, stacked(music, latents)) for latents in clips.latents]
    codec, rate = clips.coded.codec, music.config.semantic["rate"]
    lengths = [_count(len(sound), codec.sample_rate, rate) for sound in clips.heard()]

    def rows() -> Iterator[np.ndarray]:
        network = network_of(music)
        assert network is not None
        for sound in clips.heard():
            own = _tokens(music, states_of(music, network, clips, sound).T[None])[0]
            yield np.pad(own, (0, max(lengths) - len(own)), constant_values=NOTHING)

    centres = music.semantic.centres.detach().numpy().tobytes()
    source = str(music.config.semantic["source"])
    about = [source, hashlib.sha256(centres).hexdigest(), rate, clips.stem]
    name = "-".join(["semantic", source[:16], clips.stem]).rstrip("-")
    padded = clips.coded.cached(clips.folder, name, about, rows(), clips.say)
    return [row[None, :length] for row, length in zip(padded, lengths, strict=True)]


def states_of(music: MusicLM, network: FrozenStates, clips: Clips, sound: np.ndarray) -> Tensor:
    """(T', D) states of (n,) samples of a clip, as many a second as there are tokens."""
    rate, heard = music.config.semantic["rate"], clips.coded.codec.sample_rate
    states = network.states(sound, heard)
    count = _count(len(sound), heard, rate)
    return torch.from_numpy(at_rate(states, network.frame_rate, rate, count))


def _count(samples: int, heard: int, rate: float) -> int:
    return max(1, int(np.ceil(samples / heard * rate - 1e-6)))


def stacked(music: MusicLM, latents: np.ndarray) -> Tensor:
    """(1, D', T') of latents (D, T)."""
    return stack_frames(torch.from_numpy(latents).float()[None], music.config.semantic["stack"])


@torch.inference_mode()
def _tokens(music: MusicLM, features: Tensor) -> np.ndarray:
    """(1, T') of features (1, D, T')."""
    return tokens(music.semantic, features).numpy()
