"""Training MusicLM: recipes, the loss of all stages at once, and the checkpoint.

Knows what the stages are trained by; does not know clips, how words and semantic tokens are fitted
(``train.audio.musiclm``) or how a run goes (``train.audio.loop``). Light to import: torch comes
when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.musiclm.options import (
    COARSE,
    FINE,
    NAMES,
    RECORDING,
    SEMANTIC,
    SYSTEM,
    MusicOptions,
)
from cantilena.systems.sound import SETTINGS, SoundTraining, blocks_decay, trained_on
from cantilena.systems.trainable import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.systems.musiclm.joint_words import JointWordsConfig
    from cantilena.systems.musiclm.model import MusicConfig, MusicLM, StageConfig
    from cantilena.systems.musiclm.words import WordsConfig

LEVEL_STRIDES = (0.125, 0.5, 0.5)
"""Strides of their windows as shares of the windows, from the top on: Jukebox's."""
TEMPERATURES = {SEMANTIC: 1.0, COARSE: 0.95, FINE: 0.4}
"""Of sampling, as MusicLM has them."""
LEARNS = "models."
"""How the names of the weights that are trained begin; all others are fitted before and frozen."""


RECIPES: dict[str, dict[str, Any]] = {
    "musiclm-small": {},
    "musiclm-without-semantic": {"stages": "coarse,fine"},
    "musiclm-random-projection": {"semantic": "random-projection"},
    "musiclm-melody": {"melody": "semantic,coarse"},
    "drums-for-a-rest": {"stages": "coarse,fine", "stem": "drums"},
    "bass-for-a-rest": {"stages": "coarse,fine", "stem": "bass"},
    "jukebox": {
        "stages": "top,middle,bottom",
        "level_rates": "1,4,16",
        "fuse": "prepend",
        "timing": True,
    },
    "jukebox-lyrics": {
        "stages": "top,middle,bottom",
        "level_rates": "1,2,4",
        "level_seconds": "2,1,0.5",
        "fuse": "prepend",
        "timing": True,
        "lyrics": "top",
        "lines": 4,
        "beat": False,
        "guided": False,
    },
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
that nothing was trained for; led by a tune too; drums (JukeDrummer) and a bass (SingSong) to a
recording without them; a prior and two upsamplers over Jukebox's codec; the same over
KaraSinger's, led by lyrics, and not guided, by which fewer words were wrong
(docs/papers/jukebox.md); the published size of MusicLM."""


def music_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = replace(
        SETTINGS,
        steps=6_000,
        rate=3e-3,
        warmup=50,
        decay=0.4,
        weight_decay=0.1,
        beta2=0.95,
        valid_every=500,
        save_minutes=3.0,
    )
    return Recipe(SYSTEM, settings, MusicOptions(**RECIPES[name]))


class MusicLmTraining(SoundTraining):
    """The ``Trainable`` of MusicLM."""

    system: ClassVar[str] = SYSTEM
    Options: ClassVar[Any] = MusicOptions
    drawn: ClassVar[tuple[str, ...]] = NAMES

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(music_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        if recipe.options.width % recipe.options.heads or recipe.options.width % 2:
            raise InputError(
                f"a width of {recipe.options.width} does not divide into "
                f"{recipe.options.heads} heads"
            )

    def config(self, recipe: Recipe) -> MusicConfig:
        """The stages' sizes, and how they read one another."""
        from cantilena.systems.musiclm.model import MusicConfig

        options = recipe.options
        semantic: dict[str, Any] = {}
        if SEMANTIC in options.names and options.network:
            semantic = {"kind": "kmeans", "dim": options.semantic_width}
            semantic |= {"network": options.semantic, "layer": options.semantic_layer}
            semantic |= {"rate": options.rate, "source": options.semantic_source}
        elif SEMANTIC in options.names:
            semantic = {"kind": options.semantic, "stack": options.stack}
            semantic["dim"] = options.latent * options.stack
        if semantic:
            semantic["size"] = options.semantic_size
        stages = tuple(self._stages(options))
        given = (options.card,) * options.books if options.stem else ()
        about = (options.codec, options.frame_rate, options.fuse, given, options.stem)
        noise = options.noise if options.stem else 0.0
        words = self._words(options)
        read = {"beat": options.beat, "chroma": options.chroma, "melody": options.led}
        read |= {"timing": options.timing, "lyrics": options.sung}
        return MusicConfig(stages, words, semantic, *about, noise=noise, **read)

    def _words(self, options: MusicOptions) -> WordsConfig | JointWordsConfig:
        """Those of a joint embedding, else of the small one that is trained with the stages."""
        from cantilena.systems.musiclm.joint_words import joint_words_config
        from cantilena.systems.musiclm.words import WordsConfig

        if options.words:
            return joint_words_config(options.words, options.word_books, options.word_size)
        width, features = options.word_width, 3 * options.latent
        towers = (options.buckets, width, features, 2 * width, width)
        return WordsConfig(*towers, options.word_books, options.word_size)

    def _stages(self, options: MusicOptions) -> Iterable[StageConfig]:
        from cantilena.systems.musiclm.model import StageConfig

        if options.levels:
            yield from self._levels(options)
            return
        fine = options.books - options.coarse_books
        of = options.semantic_source if options.network else options.codec
        source = f"{'kmeans' if options.network else options.semantic} of {of}"
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
        heard = (RECORDING,) if options.stem else ()
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
                guided=options.guided and name != FINE,
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
                guided=options.guided and not before,
                dropout=options.dropout,
            )
            before = (name,)

    def build(self, recipe: Recipe) -> tuple[MusicLM, None]:
        """The model with random weights. Raises InputError."""
        from cantilena.systems.musiclm.model import MusicLM

        model = MusicLM(self.config(recipe))
        model.cascade()
        return model, None

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
        named = [(n, p) for n, p in model.named_parameters() if n.startswith(LEARNS)]
        return [blocks_decay(recipe.settings, named)]

    def save(
        self,
        folder: Path,
        model: MusicLM,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights with its codec."""
        from cantilena.systems.musiclm.checkpoint import save_musiclm

        options, codec = trained_on(card)
        return save_musiclm(folder, model, codec, card, half=options.half).folder
