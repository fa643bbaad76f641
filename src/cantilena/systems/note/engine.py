"""The engine of the default install: a step model on onnxruntime and numpy, without torch.

Knows the checkpoint's files and vectors; does not know fields' meanings, wishes or Scores. The
trunk runs in onnxruntime with a KV cache that is written in place; embeddings, heads and the text
encoder run in numpy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from cantilena.errors import CheckpointError
from cantilena.models.checkpoint import Checkpoint
from cantilena.systems.note.checkpoint import TRUNK, load_weights, open_note
from cantilena.systems.note.load import OtherLoad

EPS = 1e-5
FREE = 0.4
"""Cores that others may use before one thread goes on alone: less than a busy process takes, more
than an idle machine's services need."""


class Head:
    """Logits of one field, as ``models.step_lm.Head``."""

    def __init__(self, weights: dict[str, np.ndarray], name: str):
        self.norm1 = weights[name + ".norm1.weight"]
        self.up = np.ascontiguousarray(weights[name + ".up.weight"].T)
        self.down = np.ascontiguousarray(weights[name + ".down.weight"].T)
        norm2 = weights[name + ".norm2.weight"]
        self.out = np.ascontiguousarray((weights[name + ".logits.weight"] * norm2).T)
        self.bias = weights[name + ".logits.bias"]
        self.hidden = len(self.down)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(B, D) -> (B, size). Each row is multiplied by itself, (1, D) at a time: a product over
        the whole batch would round differently with its size, and a piece must not depend on what
        is generated beside it."""
        x = x[:, None]
        both = (rms(x) * self.norm1) @ self.up
        gate, up = both[..., : self.hidden], both[..., self.hidden :]
        y = x + (gate / (1 + np.exp(-gate)) * up) @ self.down
        return (rms(y) @ self.out + self.bias)[:, 0]


def rms(x: np.ndarray) -> np.ndarray:
    """x over its root mean square along the last axis."""
    return x / np.sqrt(np.einsum("...i,...i->...", x, x)[..., None] / x.shape[-1] + EPS)


class Engine:
    """A loaded checkpoint. Immutable; a ``Session`` holds what changes. ``threads`` run the trunk;
    their number changes nothing but the speed. While they wait for each other they spin, which is
    the quickest where the cores are theirs. Where other processes need these, a second trunk of one
    thread takes the steps: two that wait for a core take twice its time
    (``benchmarks/compose_speed.py --beside-load``).

    Raises CheckpointError when a file is missing, damaged or of another version.
    """

    def __init__(self, folder: str | Path | Checkpoint, threads: int = 1):
        checkpoint = open_note(folder)
        self.card = dict(checkpoint.card)
        self.model: dict[str, Any] = self.card["model"]
        self._take(load_weights(checkpoint))
        self.threads, self.path = threads, checkpoint.folder / TRUNK
        self.trunk = self._trunk(threads)
        self._single: Any = self.trunk if threads == 1 else None
        self._lock = Lock()
        self._check_trunk(checkpoint.folder)

    def single_trunk(self) -> Any:
        """The trunk of one thread, loaded when it is first needed."""
        with self._lock:
            if self._single is None:
                self._single = self._trunk(1)
            return self._single

    def _take(self, raw: dict[str, np.ndarray]) -> None:
        """Sizes and weights of everything but the trunk."""
        weights = {k: v.astype(np.float32) for k, v in raw.items() if not k.startswith("blocks.")}
        self.width, self.layers = self.model["width"], self.model["layers"]
        self.n_heads = self.model["heads"]
        self.fields = tuple(self.model["fields"])
        self.n_prefix = len(self.model["scalars"]) + self.model["slots"] + self.model["words"]
        self.length = self.n_prefix + self.model["context"]
        self.weights = weights
        self.tables = {
            part: (weights[f"{part}.table.weight"], _offsets(self.model[part]))
            for part in ("state", "scalars", "at_onset", "at_instrument")
        }
        for part, sizes in self.model.get("plan", {}).items():
            name = f"plan.{part}"
            self.tables[name] = (weights[f"{name}.table.weight"], _offsets(sizes))
        self.heads = [Head(weights, f"heads.{k}") for k in range(len(self.fields))]
        self.chosen = [weights[f"chosen.{k}.weight"] for k in range(len(self.fields) - 1)]

    def _trunk(self, threads: int) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            trunk = ort.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:  # onnxruntime raises its own kinds
            raise CheckpointError(f"the checkpoint's {self.path} cannot be loaded: {e}") from e
        return trunk

    def _check_trunk(self, folder: Path) -> None:
        """Reads one position, the last that the sizes allow, which is what most often fails."""
        inputs = {i.name: i.shape for i in self.trunk.get_inputs()}
        cache = [None, self.n_heads, None, self.width // self.n_heads]
        wanted = {f"{c}{i}": cache for i in range(self.layers) for c in "kv"}
        wanted |= {"x": [None, None, self.width], "seqlens": [None], "total": []}
        if inputs.keys() != wanted.keys() or any(
            len(inputs[name]) != len(shape)
            or any(b is not None and a != b for a, b in zip(inputs[name], shape, strict=True))
            for name, shape in wanted.items()
        ):
            raise CheckpointError(
                f"trunk.onnx of the checkpoint in {folder} is another model's: it does not have "
                f"{self.layers} layers of {self.n_heads} heads and width {self.width}"
            )
        try:
            session = self.session(1)
            session.used = self.length - 1
            states = session.run(np.zeros((1, 1, self.width), dtype=np.float32))
        except Exception as e:  # of a graph that does not fit onnxruntime raises what it likes
            raise CheckpointError(
                f"trunk.onnx of the checkpoint in {folder} cannot read {self.length} positions: {e}"
            ) from e
        if states.shape != (1, self.width) or not np.isfinite(states).all():
            raise CheckpointError(
                f"trunk.onnx of the checkpoint in {folder} is damaged: it gives no numbers"
            )

    def standing(self, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """(B, size) what the logits of an instrument gain by how it stands, from hidden states
        (B, D) and classes (B, size); each row by itself, as in ``Head``."""
        w = self.weights
        gains = rms(x[:, None]) @ w["standing.gain.weight"].T + w["standing.gain.bias"]
        return np.take_along_axis(gains[:, 0], classes, axis=-1)

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """(..., F) int features of a part -> (..., D) summed embeddings."""
        table, offset = self.tables[part]
        return table[index + offset].sum(axis=-2)

    def prefix(
        self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Prefix vectors (B, P, D) and what every step adds (B, D)."""
        w = self.weights
        table, offset = self.tables["scalars"]
        mix = np.exp(w["layer_weights"] - w["layer_weights"].max())
        mix = (mix / mix.sum())[:, None] * w["text_scale"]
        text = np.einsum("ld,lbwd->bwd", mix, rms(self._text(words)))
        is_word = (words > 0)[..., None]
        total = (text * is_word).sum(axis=1, keepdims=True)  # (B, 1, D_text)
        count = np.maximum(is_word.sum(axis=1, keepdims=True), 1)
        # (B, 1, D) products: a piece's numbers must not depend on how many are beside it
        logits = ((total / np.sqrt(count)) @ w["text_guess.weight"].T + w["text_guess.bias"])[:, 0]
        has_text = is_word.any(axis=1)  # (B, 1)
        single = table[scalars + offset]
        for k, (start, size) in enumerate(zip(offset, self.model["scalars"].values(), strict=True)):
            guess = np.exp(logits[:, start : start + size] - logits[:, start : start + size].max())
            guess = (guess / guess.sum(axis=-1, keepdims=True))[:, None] @ table[start:][:size]
            single[:, k] = np.where(
                (scalars[:, k : k + 1] == 0) & has_text, guess[:, 0], single[:, k]
            )
        slots = np.where(has_text, self._named(slots, logits[:, len(table) :]), slots)
        asked = w["instruments.weight"][slots] + w["slot"]
        everywhere = single.sum(axis=1, keepdims=True) @ w["everywhere.weight"].T
        everywhere = (everywhere + (total / count) @ w["text_everywhere.weight"].T)[:, 0]
        vectors = [single, asked, text @ w["text_in.weight"].T]
        return np.concatenate(vectors, axis=1).astype(np.float32), everywhere

    def _named(self, slots: np.ndarray, plays: np.ndarray) -> np.ndarray:
        """Slots (B, I), those of rows that name no instrument filled with the likely ones by
        their logits (B, instruments), the likeliest first."""
        none = plays.shape[1]
        order = np.argsort(-plays, axis=1, kind="stable")[:, : slots.shape[1]]
        likely = np.where(np.take_along_axis(plays, order, axis=1) > 0, order, none)
        return np.where((slots == none).all(axis=1, keepdims=True), likely, slots)

    def _text(self, words: np.ndarray) -> np.ndarray:
        """(layers + 1, B, W, text width) states, as ``models.step_lm.TextEncoder``."""
        w = self.weights
        pieces = w["text.pieces.weight"][words]
        x = pieces / np.sqrt((pieces**2).mean(-1, keepdims=True) + 1e-6) + w["text.place"]
        states = [x]
        b, t, d = x.shape
        for i in range(self.model["text_layers"]):
            name = f"text.blocks.{i}."
            qkv = (rms(x) * w[name + "norm1.weight"]) @ w[name + "qkv.weight"].T
            q, k, v = qkv.reshape(b, t, 3, 4, d // 4).transpose(2, 0, 3, 1, 4)
            score = q @ k.swapaxes(-1, -2) / np.sqrt(d // 4)
            score = np.exp(score - score.max(-1, keepdims=True))
            y = (score / score.sum(-1, keepdims=True)) @ v
            x = x + y.transpose(0, 2, 1, 3).reshape(b, t, d) @ w[name + "out.weight"].T
            both = (rms(x) * w[name + "norm2.weight"]) @ w[name + "up.weight"].T
            gate, up = np.split(both, 2, axis=-1)
            x = x + (gate / (1 + np.exp(-gate)) * up) @ w[name + "down.weight"].T
            states.append(x)
        return np.stack(states)

    def session(self, rows: int) -> Session:
        """A fresh session of ``rows`` sequences that advance together."""
        return Session(self, rows)


class Session:
    """The KV caches of B sequences of equal length."""

    def __init__(self, engine: Engine, rows: int):
        import onnxruntime as ort

        self.engine, self.rows, self.used = engine, rows, 0
        self.load, self.cores = OtherLoad(), os.cpu_count() or 1
        shape = (rows, engine.n_heads, engine.length, engine.width // engine.n_heads)
        self.caches: list[tuple[str, Any]] = []
        for i in range(engine.layers):
            for c in "kv":
                value = ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, dtype=np.float32))
                self.caches.append((f"{c}{i}", value))
        self.whole, self.single = self._bound(engine.trunk), None

    def _bound(self, trunk: Any) -> tuple[Any, Any]:
        """A trunk, and what it reads and writes: the same caches, whichever it is."""
        binding = trunk.io_binding()
        for name, value in self.caches:
            binding.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_output(f"{name}_out", value)
        return trunk, binding

    def _chosen(self) -> tuple[Any, Any]:
        """The trunk for the next step: that of all threads as long as their cores are free."""
        if self.load.update() + self.engine.threads <= self.cores + FREE:
            return self.whole
        if self.single is None:
            self.single = self._bound(self.engine.single_trunk())
        return self.single

    def rewind(self) -> None:
        """Forgets everything; the next ``run`` starts from position 0."""
        self.used = 0

    def narrow(self, rows: Sequence[int]) -> bool:
        """Goes on with some of the rows alone: a row's numbers do not depend on the others."""
        import onnxruntime as ort

        self.rows = len(rows)
        self.caches = [
            (name, ort.OrtValue.ortvalue_from_numpy(value.numpy()[list(rows)]))
            for name, value in self.caches
        ]
        self.whole, self.single = self._bound(self.engine.trunk), None
        return True

    def run(self, x: np.ndarray) -> np.ndarray:
        """Advances by the S embedded positions x (B, S, D); gives the last hidden states (B, D).
        More than one position may be given only at the start."""
        return self.hidden(x)[:, -1]

    def hidden(self, x: np.ndarray) -> np.ndarray:
        """``run`` with the hidden states of all S positions (B, S, D)."""
        b, s, _ = x.shape
        total = self.used + s
        trunk, binding = self._chosen()
        binding.bind_cpu_input("x", np.ascontiguousarray(x, dtype=np.float32))
        binding.bind_cpu_input("seqlens", np.full(b, total - 1, dtype=np.int32))
        binding.bind_cpu_input("total", np.array(total, dtype=np.int32))
        binding.bind_output("h")
        trunk.run_with_iobinding(binding)
        self.used = total
        # outputs come in the order in which they were bound: the caches, then h
        return binding.get_outputs()[len(self.caches)].numpy()


def _offsets(sizes: dict[str, int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(list(sizes.values()))[:-1]])
