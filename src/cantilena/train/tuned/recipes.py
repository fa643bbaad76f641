"""Recipes of the text-to-symbolic paper's systems: functions that return a run's whole settings.

Knows numbers; does not know models, data or the Trainer, and needs no torch. The paper is
*LLM-based Finetuning for Text to Symbolic Music Generation* (Wu, Lee, Dun); its Table 2 trains the
AMT systems for 60K steps of 16 examples at 1e-5 and the Llama systems for 15K steps of 64 at 2e-4,
both after 500 steps of warm-up along a cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cantilena.errors import InputError, UnknownNameError

SYSTEMS = ("amt", "text", "amt-prefix", "llama-music")
"""What can be tuned: a music model alone, a text model on captions alone, and the paper's two."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "system": SYSTEMS,
    "init": ("gaussian", "amt"),
    "layers": ("last", "all"),
    "attention": ("auto", "sdpa", "eager", "flash_attention_2"),
    "precision": ("auto", "float32", "bfloat16"),
    "chunks": ("turn", "all"),
}


@dataclass(frozen=True)
class TuneConfig:
    """One run.

    What is trained: ``system``; ``text_model`` and ``music_model`` by hub name or folder; ``init``
    of llama-music's music side; ``layers`` of the text model that amt-prefix reads; ``start``: a
    folder of an earlier run whose weights come first; ``lora``: rank, 0 for all weights;
    ``four_bits``: QLoRA.

    How: ``steps`` updates of ``batch`` examples over all processes, each taken in ``accumulate``
    parts; peak ``rate`` after ``warmup`` steps, then a cosine to 0. ``context``: music tokens of an
    example; ``text_tokens``: of its text. A row of llama-music holds both, so that a text costs no
    music. ``pack``: several examples in a row; ``checkpointing``: activations computed again.
    ``text_loss``: llama-music learns its text too, as the paper has it.

    On what: ``captions`` False leaves the texts out (pretraining on music); ``chunks``: one of a
    song and epoch in "turn", or "all"; ``augment``: AMT's variants with controls.

    Every so many steps: ``valid_every`` on ``valid_songs``, ``save_every`` (the last ``keep``
    stay; 0: only where it is stopped), ``log_every``, ``sample_every`` (0: never) with ``samples``
    pieces. Raises InputError for what cannot be.
    """

    system: str = "amt-prefix"
    text_model: str = ""
    music_model: str = ""
    init: str = "gaussian"
    layers: str = "last"
    start: str = ""
    lora: int = 0
    four_bits: bool = False
    steps: int = 60_000
    batch: int = 16
    accumulate: int = 1
    rate: float = 1e-5
    warmup: int = 500
    weight_decay: float = 0.01
    beta2: float = 0.999
    clip: float = 1.0
    context: int = 1_024
    text_tokens: int = 256
    pack: bool = False
    checkpointing: bool = False
    attention: str = "auto"
    precision: str = "auto"
    text_loss: bool = True
    captions: bool = True
    chunks: str = "turn"
    augment: bool = False
    seed: int = 0
    valid_every: int = 1_000
    valid_songs: int = 4_000
    save_every: int = 500
    keep: int = 2
    log_every: int = 10
    sample_every: int = 0
    samples: int = 4
    workers: int = 0

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                said = ", ".join(known)
                raise InputError(f"unknown {name} {getattr(self, name)!r}; known: {said}")
        at_least = {"steps": 1, "batch": 1, "accumulate": 1, "warmup": 0, "context": 4, "lora": 0}
        at_least |= {"text_tokens": 1, "valid_every": 1, "valid_songs": 1, "save_every": 0}
        at_least |= {"keep": 1, "log_every": 1, "sample_every": 0, "samples": 1, "workers": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} of {getattr(self, name)} is less than {least}")
        if not 0 < self.rate < 1:
            raise InputError(f"a learning rate of {self.rate:g} is outside 0-1")
        if self.batch % self.accumulate:
            raise InputError(
                f"a batch of {self.batch} examples does not divide into {self.accumulate} parts"
            )
        if self.four_bits and not self.lora:
            raise InputError("weights in 4 bits cannot be trained themselves; give LoRA a rank")
        if self.pack and self.system not in ("llama-music", "text"):
            raise InputError(f"{self.system!r} has no packing: its texts stand before each piece")
        if self.augment and (self.captions and self.system != "amt"):
            raise InputError("variants with controls are for training without captions")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TuneConfig:
        """The settings that ``to_dict`` wrote. Raises InputError for names unknown here."""
        known = {f.name for f in fields(cls)}
        odd = sorted(set(data) - known)
        if odd:
            raise InputError(f"the run has settings of another version: {', '.join(odd)}")
        return cls(**data)


# ------------------------------------------------------------------ Table 2


def amt_base() -> TuneConfig:
    """AMT large behind a projection of Llama 3.2 1B's last layer."""
    return TuneConfig(
        system="amt-prefix",
        text_model="meta-llama/Llama-3.2-1B",
        music_model="stanford-crfm/music-large-800k",
    )


def amt_enhanced() -> TuneConfig:
    """The same over all layers of the text model, by learned weights."""
    return replace(amt_base(), layers="all")


def llama_1b() -> TuneConfig:
    """Llama 3.2 1B with AMT's vocabulary beside its own, music rows Gaussian."""
    return TuneConfig(
        system="llama-music",
        text_model="meta-llama/Llama-3.2-1B",
        music_model="stanford-crfm/music-large-800k",
        steps=15_000,
        batch=64,
        accumulate=8,
        rate=2e-4,
    )


def llama_1b_amt() -> TuneConfig:
    """The same, music rows copied from AMT large."""
    return replace(llama_1b(), init="amt")


def llama_3b() -> TuneConfig:
    """Llama 3.2 3B, music rows copied from AMT large."""
    base = replace(llama_1b_amt(), text_model="meta-llama/Llama-3.2-3B")
    return replace(base, accumulate=32, checkpointing=True)


# ------------------------------------------------------------------ adaptation


def long(base: TuneConfig, context: int) -> TuneConfig:
    """``base`` for examples of ``context`` tokens: the same tokens an update in fewer examples,
    packed where the system can, activations computed again. Raises InputError for amt-prefix
    beyond the 1,024 positions it was pretrained with."""
    if base.system in ("amt", "amt-prefix") and context > 1_024:
        raise InputError(
            f"{base.system!r} has 1,024 learned positions; contexts of {context:,} are for "
            "'llama-music'"
        )
    batch = max(1, base.batch * base.context // context)
    return replace(
        base,
        context=context,
        batch=batch,
        accumulate=batch,
        checkpointing=True,
        pack=base.system == "llama-music",
    )


def music_pretraining() -> TuneConfig:
    """Llama 3.2 1B on music alone, before its text stage (which begins with ``start``)."""
    return replace(llama_1b_amt(), captions=False, chunks="all", augment=True)


def llama_lora() -> TuneConfig:
    """Llama 3.2 3B with LoRA of rank 64; the music side is trained whole."""
    return replace(llama_3b(), lora=64)


def llama_qlora() -> TuneConfig:
    """The same with the text model's weights in 4 bits, which needs a CUDA GPU."""
    return replace(llama_lora(), four_bits=True)


# ------------------------------------------------------------------ small


def small(system: str, **changes: Any) -> TuneConfig:
    """A system on models of a few million weights, as ``cantilena init`` makes them, for a laptop
    without published weights: rates higher, as for small models, and few steps."""
    rates = {"amt": 1e-3, "text": 1e-3, "amt-prefix": 5e-4, "llama-music": 1e-3}
    if system not in rates:
        raise UnknownNameError("system", system, SYSTEMS)
    base = TuneConfig(
        system=system,
        rate=rates[system],
        steps=2_000,
        warmup=100,
        batch=16,
        accumulate=4,
        context=256,
        text_tokens=160,
        valid_every=250,
        valid_songs=200,
        save_every=250,
        captions=system != "amt",
        chunks="all" if system == "amt" else "turn",
        pack=system == "text",
    )
    return replace(base, **changes)


def small_amt() -> TuneConfig:
    """A small music model on music alone, with AMT's variants."""
    return small("amt", augment=True)


def small_text() -> TuneConfig:
    """A small text model on captions alone."""
    return small("text", accumulate=1, batch=32)


def small_amt_prefix() -> TuneConfig:
    """A small amt-prefix, last layer."""
    return small("amt-prefix")


def small_llama_music() -> TuneConfig:
    """A small llama-music, Gaussian."""
    return small("llama-music")


RECIPES: dict[str, Callable[[], TuneConfig]] = {
    "amt-base": amt_base,
    "amt-enhanced": amt_enhanced,
    "llama-1b": llama_1b,
    "llama-1b-amt": llama_1b_amt,
    "llama-3b": llama_3b,
    "llama-1b-4k": lambda: long(llama_1b_amt(), 4_096),
    "llama-1b-16k": lambda: long(llama_1b_amt(), 16_384),
    "music-pretraining": music_pretraining,
    "llama-3b-lora": llama_lora,
    "llama-3b-qlora": llama_qlora,
    "small-amt": small_amt,
    "small-text": small_text,
    "small-amt-prefix": small_amt_prefix,
    "small-llama-music": small_llama_music,
}
"""Every recipe by name."""

DEFAULTS = {
    "amt": "small-amt",
    "text": "small-text",
    "amt-prefix": "amt-base",
    "llama-music": "llama-1b",
}
"""The recipe of a system where none is named."""


def recipe(name: str) -> TuneConfig:
    """A recipe's settings. Raises UnknownNameError."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]()
