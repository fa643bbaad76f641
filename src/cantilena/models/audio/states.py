"""Frozen networks of sound: samples in, the states of one of their layers out, frame by frame.

Knows the published layouts of w2v-BERT 2.0, wav2vec 2.0, HuBERT and MERT in folders as transformers
writes them; does not know tokens, codecs or music. MERT brings code of its own, of which nothing is
run: its tensors are those of a HubertModel and are read into one, where its config has neither a
constant-Q front end nor deepnorm, as those that are published. No layers behind the one that is
asked for are read.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.audio.wav import resample
from cantilena.errors import InputError, MissingWeightsError
from cantilena.files import read_json
from cantilena.models.hub import folder_of, loading, need, quietly

MERT = "mert_model"
NETWORKS = {
    "wav2vec2-bert": ("Wav2Vec2BertConfig", "Wav2Vec2BertModel"),
    "wav2vec2": ("Wav2Vec2Config", "Wav2Vec2Model"),
    "hubert": ("HubertConfig", "HubertModel"),
    MERT: ("HubertConfig", "HubertModel"),
}
"""What is read: transformers' classes by the model type that a config names."""
READ = "w2v-BERT (Wav2Vec2BertModel), wav2vec 2.0, HuBERT and MERT are read"
CONFIG, EXTRACTOR = "config.json", "preprocessor_config.json"
BLOCK = 30.0
"""Seconds that are read at a time at most: attention grows with their square."""
SHORTEST = 0.1
"""Seconds to which what is shorter is filled up, as convolutions need some."""
HOPS = 100
"""Mel frames a second of w2v-BERT's front end, of which ``stride`` are one."""
_UNUSED = ("masked_spec_embed",)
"""Weights that training alone uses, and some checkpoints lack."""


class FrozenStates:
    """The states of layer ``layer`` (from 1) of the network in a folder, or of a hub name: ``rate``
    in Hz of the sound that it hears, ``frame_rate`` of its states a second, their ``width``, and
    the ``fingerprint`` of the weights that they go through. Raises InputError, MissingWeightsError,
    CheckpointError, MissingExtraError."""

    def __init__(self, place: str, layer: int):
        self.place, self.layer = place, layer
        folder = Path(folder_of(place, "network of sound"))
        self.kind, data = _config_of(folder)
        if not 1 <= layer <= int(data.get("num_hidden_layers", 0)):
            raise InputError(
                f"the network in {place!r} has {data.get('num_hidden_layers', 0)} layers; there is "
                f"no layer {layer}"
            )
        transformers = need("transformers", "a network of sound")
        config_class, model_class = (getattr(transformers, name) for name in NETWORKS[self.kind])
        with loading("network of sound", folder), quietly():
            config = config_class.from_dict({**data, "num_hidden_layers": layer})
            self.model, info = model_class.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
            self.extractor = self._extractor(transformers, folder)
        odd = [k if isinstance(k, str) else k[0] for k in info["mismatched_keys"]]
        lost = sorted(k for k in info["missing_keys"] if not k.endswith(_UNUSED)) + sorted(odd)
        if lost:
            raise InputError(
                f"the weights in {place!r} are no {NETWORKS[self.kind][1]}'s: {lost[0]} is missing "
                f"or of another shape"
            )
        self.model.eval().requires_grad_(False)
        self.width = int(config.hidden_size)
        self.rate = int(self.extractor.sampling_rate)
        mel = self.kind == "wav2vec2-bert"
        self.frame_rate = (
            HOPS / self.extractor.stride if mel else self.rate / prod(config.conv_stride)
        )
        self.fingerprint = self._fingerprint()

    def _extractor(self, transformers: Any, folder: Path) -> Any:
        mel = self.kind == "wav2vec2-bert"
        name = "SeamlessM4TFeatureExtractor" if mel else "Wav2Vec2FeatureExtractor"
        if not (folder / EXTRACTOR).is_file():
            raise MissingWeightsError(
                f"{str(folder)!r} has no {EXTRACTOR}, which says how the network hears sound"
            )
        return getattr(transformers, name).from_pretrained(folder)

    def _fingerprint(self) -> str:
        total = hashlib.sha256(f"{self.kind} {self.layer} {self.rate}\n".encode())
        state = self.model.state_dict()
        for name in sorted(name for name in state if not name.endswith(_UNUSED)):
            value = state[name]
            total.update(f"{name} {tuple(value.shape)}\n".encode())
            total.update(value.float().contiguous().numpy().tobytes())
        return total.hexdigest()

    @torch.inference_mode()
    def states(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """(T, width) float32 of (n,) samples at any rate, T = their seconds times ``frame_rate``,
        rounded up. The last states hold on where the network has a frame less than that."""
        sound = resample(np.asarray(samples, dtype=np.float32), rate, self.rate)
        count = max(1, int(np.ceil(len(samples) / rate * self.frame_rate - 1e-6)))
        block = round(BLOCK * self.rate)
        parts = [self._block(sound[i : i + block]) for i in range(0, len(sound), block)]
        out: list[np.ndarray] = []
        for part in parts:
            room = min(round(BLOCK * self.frame_rate), count - sum(map(len, out)))
            if room > 0:
                out.append(np.pad(part[:room], ((0, max(0, room - len(part))), (0, 0)), "edge"))
        return np.concatenate(out)

    def _block(self, sound: np.ndarray) -> np.ndarray:
        least = round(SHORTEST * self.rate)
        sound = np.pad(sound, (0, max(0, least - len(sound))))
        inputs = self.extractor(sound, sampling_rate=self.rate, return_tensors="pt")
        heard: list[Tensor] = []

        def keep(_module: Any, _inputs: Any, output: Any) -> None:
            heard.append(output[0] if isinstance(output, tuple) else output)

        # what the layer itself gives: behind the last one some networks have a norm of their own
        handle = self.model.encoder.layers[-1].register_forward_hook(keep)
        try:
            self.model(**{k: v for k, v in inputs.items() if k != "attention_mask"})
        finally:
            handle.remove()
        return heard[0][0].float().numpy()


@lru_cache(maxsize=1)
def frozen_states(place: str, layer: int) -> FrozenStates:
    """The network in a place, loaded once. Raises as ``FrozenStates``."""
    return FrozenStates(place, layer)


def _config_of(folder: Path) -> tuple[str, dict[str, Any]]:
    """(kind of ``NETWORKS``, config) of a folder. Raises InputError in one line."""
    path = folder / CONFIG
    if not path.is_file():
        raise MissingWeightsError(f"{str(folder)!r} has no {CONFIG}; {READ}")
    data = read_json(path, "a network's config")
    kind = data.get("model_type") if isinstance(data, dict) else None
    if kind not in NETWORKS:
        raise InputError(
            f"{str(folder)!r} holds a {kind!r}, which is no network that is read; {READ}"
        )
    if kind == MERT:
        for name, what in (
            ("feature_extractor_cqt", "a constant-Q front end"),
            ("deepnorm", "deepnorm"),
        ):
            if data.get(name):
                raise InputError(
                    f"the MERT in {str(folder)!r} has {what}, which its own code alone computes; "
                    "MERT without (v0 and v1, as published) is read as a HubertModel"
                )
        data = {k: v for k, v in data.items() if k not in ("auto_map", "model_type")}
    return kind, data


def at_rate(states: np.ndarray, own: float, wanted: float, count: int) -> np.ndarray:
    """(count, D) states a frame of ``wanted`` a second, of (T, D) of ``own`` a second: the mean of
    what holds within each frame, each state by how long it does. Equal rates leave states as they
    are; behind the last state it holds on."""
    edges = np.arange(count + 1) / wanted * own
    sums = np.concatenate([np.zeros((1, states.shape[1])), np.cumsum(states, 0, np.float64)])
    place = np.clip(edges, 0, len(states))
    whole = np.minimum(place.astype(np.int64), len(states) - 1)
    integral = sums[whole] + (place - whole)[:, None] * states[whole]
    integral += (edges - place)[:, None] * states[-1]
    return (np.diff(integral, axis=0) / np.diff(edges)[:, None]).astype(np.float32)
