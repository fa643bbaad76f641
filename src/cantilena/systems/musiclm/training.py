"""Training MusicLM: options, recipes, the loss of all stages at once, and the checkpoint.

Knows what the stages are trained by; does not know clips, how words and semantic tokens are fitted
(``train.audio.musiclm``) or how a run goes (``train.audio.loop``). Light to import: torch comes
when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.systems.musiclm.model import MusicConfig, MusicLM, StageConfig

SYSTEM = "musiclm"
SEMANTIC, COARSE, FINE = "semantic", "coarse", "fine"
GIVEN = "given"
NAMES = (SEMANTIC, COARSE, FINE)
LEVELS = ("top", "middle", "bottom")
"""The stages over a codec of levels, from the coarsest on: Jukebox's prior and its upsamplers."""
LEVEL_STRIDES = (0.125, 0.5, 0.5)
"""Of their windows: Jukebox's."""
KINDS = ("kmeans", "random-projection")
TEMPERATURES = {SEMANTIC: 1.0, COARSE: 0.95, FINE: 0.4}
"""MusicLM's."""
COLUMNS, MASK = "columns", "mask"
LEARNS = "models."
"""What is trained by the loop begins with this; all else is fitted before and frozen."""


@dataclass(frozen=True)
class MusicOptions(Checked):
    """Options of a MusicLM's training.

    ``books``, ``card``, ``frame_rate`` (Hz), ``latent`` (numbers of a codec's frame), ``codec``
    (its fingerprint) and ``codec_folder`` are those of the codec. ``stages``: which there are, with
    commas; without the semantic one coarse codes are written of the words alone. The coarse stage
    writes the first ``coarse_books``, the fine one the rest. ``semantic``: how its tokens are told,
    of ``stack`` latents each, of ``semantic_size`` values. ``semantic_seconds`` to
    ``fine_seconds``: windows, half of which is the stride. ``fuse``: words before the columns,
    token by token, or summed up and added. ``text_share``: how often an example's words are those
    of its caption and not of its sound; ``word_dropout``: how often only some of the tokens of its
    words, the first, are read; ``dropout``: share of values left out in the stages; ``drop``: how
    often conditions are left out. ``stem``: the stem of the clips that is written, to the others,
    which are read as codes with white ``noise`` over them (SingSong's, so that what leaks of the
    stem in separated recordings cannot be copied). ``level_rates``: of a codec of levels
    (Jukebox's), how many frames of each are in one of the coarsest: each is a stage of its own,
    in windows of ``level_seconds``."""

    books: int = option(3, "books of the codec", least=1)
    card: int = option(256, "values of a book", least=2)
    frame_rate: float = option(50.0, "frames of codes a second", least=0.1)
    latent: int = option(64, "numbers of a frame of latents", least=1)
    codec: str = ""
    codec_folder: str = ""
    stages: str = option("semantic,coarse,fine", "which stages there are")
    coarse_books: int = option(1, "books of the coarse stage", least=1)
    semantic: str = option("kmeans", "how semantic tokens are told", choices=KINDS)
    stack: int = option(4, "latents of a semantic token", least=1)
    semantic_size: int = option(128, "semantic tokens", least=2)
    semantic_seconds: float = option(16.0, "window of the semantic stage", least=0.1)
    coarse_seconds: float = option(5.0, "window of the coarse stage", least=0.1)
    fine_seconds: float = option(2.0, "window of the fine stage", least=0.1)
    width: int = option(80, "vectors", least=2)
    layers: int = option(2, "blocks", least=1)
    heads: int = option(4, "of attention", least=1)
    hidden: int = option(240, "within a block", least=1)
    fuse: str = option("sum", "how words are read", choices=("sum", "prepend"))
    buckets: int = option(1024, "hashed words", least=2)
    word_width: int = option(48, "vectors of words, and of the embedding", least=2)
    word_books: int = option(12, "tokens of words", least=1)
    word_size: int = option(32, "values of a token of words", least=2)
    word_steps: int = option(400, "updates of the embedding", least=1)
    word_dropout: float = option(0.5, "how often words lose tokens", least=0, free=True)
    dropout: float = option(0.1, "share of values left out", least=0)
    level_rates: str = ""
    level_seconds: str = option("16,4,1", "windows of the stages over a codec of levels")
    stem: str = option("", "stem that is written to the others")
    noise: float = option(0.01, "deviation of the noise over what is given", least=0, free=True)
    text_share: float = option(0.5, "how often words are a caption's", least=0)
    drop: float = option(0.15, "how often conditions are left out", least=0, free=True)
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = LEVELS[: len(self.levels)] if self.levels else NAMES
        for name in self.names:
            if name not in known:
                raise InputError(f"there is no stage {name!r}; known: {', '.join(known)}")
        first = LEVELS[0] if self.levels else COARSE
        if first not in self.names or list(self.names) != [n for n in known if n in self.names]:
            raise InputError(f"the stages are of {', '.join(known)} in this order, with {first}")
        if self.levels and (len(self.levels) > len(LEVELS) or self.stem):
            raise InputError("over a codec of levels stand up to three stages, and no stem")
        if self.levels and len(self.windows) < len(self.levels):
            raise InputError(f"of {len(self.levels)} levels each needs its level_seconds")
        if FINE in self.names and self.coarse_books >= self.books:
            raise InputError(f"of {self.books} books none is left for the fine stage")
        if self.stem and SEMANTIC in self.names:
            raise InputError("a stem is written to the others without a semantic stage")
        for name in ("drop", "text_share", "word_dropout"):
            if getattr(self, name) > 1:
                raise InputError(f"{name} is a share from 0 to 1, not {getattr(self, name):g}")

    @property
    def names(self) -> tuple[str, ...]:
        """The stages."""
        return tuple(name.strip() for name in self.stages.split(",") if name.strip())

    @property
    def levels(self) -> tuple[int, ...]:
        """Frames of each level in one of the codec's; () of a codec without levels."""
        return tuple(int(rate) for rate in self.level_rates.split(",") if rate)

    @property
    def windows(self) -> tuple[float, ...]:
        """Seconds of each level's windows. Raises InputError."""
        try:
            return tuple(float(length) for length in str(self.level_seconds).split(",") if length)
        except ValueError:
            raise InputError(f"level_seconds are numbers, not {self.level_seconds!r}") from None

    @property
    def rate(self) -> float:
        """Semantic tokens a second."""
        return self.frame_rate / self.stack


RECIPES: dict[str, dict[str, Any]] = {
    "musiclm-small": {},
    "musiclm-without-semantic": {"stages": "coarse,fine"},
    "musiclm-random-projection": {"semantic": "random-projection"},
    "drums-for-a-rest": {"stages": "coarse,fine", "stem": "drums"},
    "bass-for-a-rest": {"stages": "coarse,fine", "stem": "bass"},
    "jukebox": {"stages": "top,middle,bottom", "level_rates": "1,4,16", "fuse": "prepend"},
    "musiclm": {
        "semantic_size": 1024,
        "semantic_seconds": 30.0,
        "coarse_seconds": 10.0,
        "fine_seconds": 3.0,
        "coarse_books": 4,
        "books": 12,
        "card": 1024,
        "width": 1024,
        "layers": 24,
        "heads": 16,
        "hidden": 4096,
        "fuse": "prepend",
        "word_size": 1024,
        "word_width": 128,
        "buckets": 65536,
        "text_share": 0.0,
    },
}
"""The options of each recipe: what is shipped; without the semantic stage; with semantic tokens
that nothing was trained for; drums (JukeDrummer) and a bass (SingSong) to a recording without
them; a prior and two upsamplers over Jukebox's codec; the published size."""


def music_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = Settings(
        steps=6_000,
        batch=8,
        rate=3e-3,
        warmup=50,
        decay=0.4,
        weight_decay=0.1,
        beta2=0.95,
        clip=1.0,
        valid_every=500,
        save_minutes=3.0,
        log_every=50,
    )
    return Recipe(SYSTEM, settings, MusicOptions(**RECIPES[name]))


class MusicLmTraining:
    """The ``Trainable`` of MusicLM."""

    system: ClassVar[str] = SYSTEM
    driver: ClassVar[str] = "audio"
    Options: ClassVar[Any] = MusicOptions
    drawn: ClassVar[tuple[str, ...]] = NAMES

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(music_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        if recipe.settings.steps is None or recipe.settings.accumulate != 1:
            raise InputError("a run over codes needs a number of steps, and takes batches whole")
        if recipe.options.width % recipe.options.heads or recipe.options.width % 2:
            raise InputError(
                f"a width of {recipe.options.width} does not divide into "
                f"{recipe.options.heads} heads"
            )

    def check_models(self, recipe: Recipe) -> None:
        """Nothing is begun with."""

    def config(self, recipe: Recipe) -> MusicConfig:
        """The stages' sizes, and how they read one another."""
        from cantilena.systems.musiclm.model import MusicConfig
        from cantilena.systems.musiclm.words import WordsConfig

        options = recipe.options
        width, features = options.word_width, 3 * options.latent
        words = WordsConfig(
            options.buckets,
            width,
            features,
            2 * width,
            width,
            options.word_books,
            options.word_size,
        )
        semantic: dict[str, Any] = {}
        if SEMANTIC in options.names:
            semantic = {"kind": options.semantic, "stack": options.stack}
            semantic |= {"dim": options.latent * options.stack, "size": options.semantic_size}
        stages = tuple(self._stages(options))
        given = (options.card,) * options.books if options.stem else ()
        about = (options.codec, options.frame_rate, options.fuse, given, options.stem)
        return MusicConfig(stages, words, semantic, *about)

    def _stages(self, options: MusicOptions) -> Iterable[StageConfig]:
        from cantilena.systems.musiclm.model import StageConfig

        if options.levels:
            yield from self._levels(options)
            return
        fine = options.books - options.coarse_books
        source = f"{options.semantic} of {options.codec}"
        rows: dict[str, tuple[tuple[int, ...], float, str, float]] = {
            SEMANTIC: ((options.semantic_size,), options.rate, source, options.semantic_seconds),
            COARSE: (
                (options.card,) * options.coarse_books,
                options.frame_rate,
                options.codec,
                options.coarse_seconds,
            ),
            FINE: ((options.card,) * fine, options.frame_rate, options.codec, options.fine_seconds),
        }
        heard = (GIVEN,) if options.stem else ()
        before = heard
        for name in options.names:
            sizes, rate, source, seconds = rows[name]
            yield StageConfig(
                name,
                sizes,
                rate,
                source,
                before,
                seconds,
                seconds / 2,
                options.width,
                options.heads,
                options.layers,
                options.hidden,
                around=int(bool(before)),
                temperature=TEMPERATURES[name],
                guided=name != FINE,
                dropout=options.dropout,
            )
            before = (name, *heard)

    def _levels(self, options: MusicOptions) -> Iterable[StageConfig]:
        """A stage for each level of a codec."""
        from cantilena.systems.musiclm.model import StageConfig

        sizes = (options.width, options.heads, options.layers, options.hidden)
        before: tuple[str, ...] = ()
        for i, name in enumerate(options.names):
            rate, length = options.frame_rate * options.levels[i], options.windows[i]
            window = (length, length * LEVEL_STRIDES[i])
            yield StageConfig(
                name,
                (options.card,),
                rate,
                options.codec,
                before,
                *window,
                *sizes,
                around=int(bool(before)),
                guided=not before,
                dropout=options.dropout,
            )
            before = (name,)

    def build(self, recipe: Recipe) -> tuple[MusicLM, None]:
        """The model with random weights. Raises InputError."""
        from cantilena.systems.musiclm.model import MusicLM

        model = MusicLM(self.config(recipe))
        model.cascade()
        return model, None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """Batches come whole from ``systems.musiclm.examples``."""
        raise NotImplementedError("batches of codes are drawn, not collated")

    def loss(self, model: MusicLM, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum over stages of the mean nats of a token, and each stage's."""
        from cantilena.systems.musiclm.examples import stage_nats

        nats = {name: stage_nats(model, batch, name)[0].mean() for name in model.models}
        total = sum(nats.values())
        assert not isinstance(total, int)
        return total, {name: value.detach() for name, value in nats.items()}

    def held_out(self, model: MusicLM, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) nats of all tokens of a stage and their number: under what belongs to them
        ("semantic"), and with one condition of the batch's next example ("semantic, other text") or
        without it ("semantic, no text")."""
        from cantilena.systems.musiclm.examples import stage_sums

        return stage_sums(model, batch)

    def optimisers(self, model: MusicLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices of the blocks alone."""
        import torch

        settings = recipe.settings
        named = [(n, p) for n, p in model.named_parameters() if n.startswith(LEARNS)]
        matrices = [p for n, p in named if ".blocks." in n and p.ndim == 2]
        others = [p for n, p in named if not (".blocks." in n and p.ndim == 2)]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return [torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, settings.beta2))]

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: codes are no music without their codec."""

    def save(
        self,
        folder: Path,
        model: MusicLM,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights with its codec."""
        from cantilena.models.audio.codec.files import load_codec
        from cantilena.systems.musiclm.checkpoint import save_musiclm

        options = Recipe.from_dict(card["training"]).options
        codec = load_codec(options.codec_folder, "cpu")
        return save_musiclm(folder, model, codec, card, half=options.half).folder
