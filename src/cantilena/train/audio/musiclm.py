"""Clips for MusicLM: codes, latents and captions in memory; words and semantic tokens fitted.

Knows clips, a codec's latents, and what is fitted before the stages are trained: the joint
embedding with its quantiser; semantic tokens stand in ``semantic``. Does not know the stages.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.data.audio.clips import from_pcm
from cantilena.errors import InputError
from cantilena.models.audio.codec.base import LatentCodec
from cantilena.models.audio.codec.levels import Levels
from cantilena.score import gm
from cantilena.systems.codes.tune import Tune, tune_of_sound, tune_of_symbols
from cantilena.systems.musiclm.examples import MusicExample, words_of
from cantilena.systems.musiclm.joint_words import JointWords
from cantilena.systems.musiclm.lyrics import characters_of
from cantilena.systems.musiclm.model import MusicLM
from cantilena.systems.musiclm.pitches import pitch_classes
from cantilena.systems.musiclm.timing import Timing
from cantilena.systems.musiclm.words import Words
from cantilena.train.audio.codes import ClipData, CodeClips
from cantilena.train.audio.semantic import fit_semantic, semantic_of

Say = Callable[[str], None]
BATCH, RATE, DECAY = 128, 3e-3, 0.05
"""Pairs of an update of the joint embedding, AdamW's rate and its weight decay."""
WARMUP = 20
"""Updates over which that rate rises; then it falls to 0 in a line."""
WORD_DROPOUT = 0.25
"""Share of a text's words left out in that training."""
PARTS = 2
"""Of a clip whose features are one example each of the joint embedding."""


class MusicClips:
    """A split's clips: codes as ``CodeClips`` keeps them, and latents of the codec. Raises
    InputError where the codec has no latents."""

    def __init__(
        self,
        data: ClipData,
        codec: Any,
        folder: str | Path,
        say: Say = print,
        stem: str = "",
        noise: float = 0.0,
        leak: float = 0.0,
    ):
        if not isinstance(codec, (LatentCodec, Levels)):
            raise InputError(
                f"a codec of the kind {codec.kind!r} has no latents; MusicLM needs one that has"
            )
        self.coded = CodeClips(data, codec, folder, say, stem)
        kept = [i for i, length in enumerate(self.coded.lengths) if length]
        codes = list(self.coded.codes())
        self.codes = [codes[i] for i in kept]
        self.clips = [data.clip(i) for i in kept]
        say(f"{data.split}: latents of {len(self.clips)} clips")
        heard = [rest_of(clip, stem, noise, leak) for clip in self.clips]
        self.latents = [latents_of(codec, samples) for samples in heard]
        self.recordings = [codes_of(codec, latents) for latents in self.latents] if stem else None
        self.stem, self.noise, self.leak, self.say = stem, noise, leak, say
        self.folder = Path(folder)

    def heard(self) -> Iterator[np.ndarray]:
        """(n,) samples of each clip as stages hear of it: without the stem that is written."""
        return (rest_of(clip, self.stem, self.noise, self.leak) for clip in self.clips)

    def chroma(self) -> list[np.ndarray]:
        """(T, 12) pitch classes of what stages hear of each clip."""
        rate = self.coded.codec.sample_rate
        return [pitch_classes(samples, rate) for samples in self.heard()]

    def features(self, words: Words | JointWords) -> np.ndarray:
        """(N, F) float32 of the clips, by which words are told of sound: of their latents, or the
        vectors of a joint embedding, which are kept in the folder."""
        if isinstance(words, Words):
            return np.stack([features_of(row) for row in self.latents]).astype(np.float32)
        name = "-".join(["words", words.config.fingerprint[:16], self.stem]).rstrip("-")
        about = [words.config.fingerprint, self.stem, self.noise, self.leak]
        rate = self.coded.codec.sample_rate
        rows = (words.sound_of(samples, rate) for samples in self.heard())
        return self.coded.cached(self.folder, name, about, rows, self.say)

    def halves(self) -> np.ndarray:
        """(N * PARTS, 3 D) float32: those of the parts of each clip, one after the other."""
        rows = [features_of(part) for row in self.latents for part in halves(row)]
        return np.stack(rows).astype(np.float32)

    def examples(self, music: MusicLM) -> list[MusicExample]:
        """The clips as examples for the stages of a model that is fitted."""
        out = []
        recordings = self.recordings or [None] * len(self.clips)
        features, meaning = self.features(music.words), semantic_of(music, self)
        chroma = self.chroma() if music.config.chroma else [None] * len(self.clips)
        rows = zip(self.clips, self.codes, meaning, recordings, features, chroma, strict=True)
        for clip, codes, semantic, recording, own, classes in rows:
            names = [gm.name(number) for number in clip.meta.get("instruments", ())]
            out.append(
                MusicExample(
                    codes,
                    semantic,
                    texts_of(clip),
                    words_of(clip.meta, names),
                    own,
                    clip.meta["file"],
                    clip.symbols,
                    recording,
                    tune_of(clip) if music.config.melody else None,
                    classes,
                    timing_of(clip) if music.config.timing or music.config.lyrics else None,
                    lyrics_of(clip) if music.config.lyrics else None,
                )
            )
        return out


def tune_of(clip: Any) -> Tune | None:
    """A clip's melody, by its notes, or of a recording as it is heard; None where there is none."""
    if clip.symbols is not None:
        return tune_of_symbols(clip.symbols, len(clip.samples) / clip.rate)
    try:
        return tune_of_sound(clip.samples, clip.rate)
    except InputError:
        return None


def texts_of(clip: Any) -> tuple[str, ...]:
    """What is said of a clip's music: none of a sung line, whose caption is what is sung."""
    return () if "phonemes" in clip.meta else tuple(clip.captions)


def timing_of(clip: Any) -> Timing:
    """Where in its song a clip lies. Raises InputError where it does not say it."""
    if clip.place is None:
        raise InputError(
            f"the clip {clip.id!r} does not say where in its song it lies; make the clips again "
            "with 'cantilena data audio', or train with --option timing=false"
        )
    return Timing(*clip.place)


def lyrics_of(clip: Any) -> np.ndarray:
    """The characters of what is sung in a clip. Raises InputError where nothing is."""
    if "phonemes" not in clip.meta or not clip.captions:
        raise InputError(
            f"in the clip {clip.id!r} nothing is sung; 'cantilena data sung' makes clips in which "
            "something is"
        )
    return characters_of(clip.captions[0])


def joined_lines(
    examples: Sequence[MusicExample], lines: int, rate: float, seed: int
) -> list[MusicExample]:
    """As many songs of 1 to ``lines`` sung lines: each example with others at random behind it.
    ``rate``: frames of codes a second."""
    rng, space = np.random.default_rng(seed), characters_of("a b")[1:2]
    out = []
    for i, example in enumerate(examples):
        others = rng.integers(len(examples), size=i % lines)
        part = [example, *(examples[j] for j in others)]
        codes = np.concatenate([one.codes for one in part], axis=1)
        lyrics = [piece for one in part for piece in (space, one.lyrics) if piece is not None][1:]
        out.append(
            replace(
                example,
                codes=codes,
                semantic=np.concatenate([one.semantic for one in part], axis=1),
                timing=Timing(0.0, codes.shape[1] / rate),
                lyrics=np.concatenate(lyrics),
            )
        )
    return out


def rest_of(clip: Any, stem: str, noise: float, leak: float = 0.0) -> np.ndarray:
    """(n,) samples of a clip without a stem, but for a share ``leak`` of it, as a separated
    recording has it, under white noise of a deviation, the same each time; of the whole clip where
    no stem is named."""
    if not stem:
        return clip.samples
    rest = np.sum([from_pcm(own) for name, own in clip.stems.items() if name != stem], axis=0)
    if leak:
        rest = rest + leak * from_pcm(clip.stems[stem])
    rng = np.random.default_rng(zlib.crc32(clip.id.encode()))
    return (rest + noise * rng.standard_normal(len(rest))).astype(np.float32)


@torch.inference_mode()
def codes_of(codec: Any, latents: np.ndarray) -> np.ndarray:
    """(K, T) codes of latents (D, T)."""
    device = next(codec.parameters()).device
    rows = torch.from_numpy(latents).float().to(device)[None]
    return codec.quantizer(rows).indices[0].cpu().numpy()


@torch.inference_mode()
def latents_of(codec: Any, samples: np.ndarray) -> np.ndarray:
    """(D, T) float16 latents of (n,) samples; of a codec of levels those of the coarsest."""
    sound = torch.from_numpy(np.ascontiguousarray(samples)).expand(1, codec.channels, -1)
    analyse = codec.analyse if isinstance(codec, LatentCodec) else codec.top_latents
    device = next(codec.parameters()).device
    return analyse(codec.padded(sound.to(device)))[0].half().cpu().numpy()


def halves(latents: np.ndarray) -> list[np.ndarray]:
    """A clip's latents in ``PARTS``; whole where it is short."""
    length = latents.shape[1] // PARTS
    return [
        latents[:, i * length : (i + 1) * length] if length > 1 else latents for i in range(PARTS)
    ]


def features_of(latents: np.ndarray) -> np.ndarray:
    """(3 D,) what latents (D, T) are like on the whole: means, spreads, and how much they move."""
    wide = latents.astype(np.float32)
    moves = np.abs(np.diff(wide, axis=1)).mean(1) if wide.shape[1] > 1 else np.zeros(len(wide))
    return np.concatenate([wide.mean(1), wide.std(1), moves])


# ------------------------------------------------------------------ fitting


def fit(music: MusicLM, clips: MusicClips, steps: int, seed: int = 0, say: Say = print) -> None:
    """Fits the semantic tokens, and in ``steps`` updates the words, of a model on clips."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    fit_semantic(music, clips, rng, say)
    examples = [_texts_only(clip) for clip in clips.clips]
    if isinstance(music.words, JointWords):
        texts = [example.text(rng) for example in examples]
        music.words.take()
        music.words.learn(clips.features(music.words), texts, seed)
        say(f"words: those of {music.words.config.name}")
    else:
        train_words(music.words, examples, torch.from_numpy(clips.halves()), steps, rng, say)


def _texts_only(clip: Any) -> MusicExample:
    """A clip without codes, for its texts."""
    names = [gm.name(number) for number in clip.meta.get("instruments", ())]
    none = np.zeros((1, 0))
    words = words_of(clip.meta, names)
    return MusicExample(none, none, texts_of(clip), words, none, clip.meta["file"])


def train_words(
    words: Words,
    examples: Sequence[MusicExample],
    features: Tensor,
    steps: int,
    rng: np.random.Generator,
    say: Say = print,
) -> None:
    """Trains the towers on (text, part of a clip) pairs, then fits the quantiser on both sides."""
    words.requires_grad_(True)
    learned = [p for n, p in words.named_parameters() if not n.startswith("quantizer.")]
    optimiser = torch.optim.AdamW(learned, lr=RATE, weight_decay=DECAY)
    songs = np.unique([example.song for example in examples], return_inverse=True)[1]
    for step in range(steps):
        size = min(BATCH, len(features))
        which = rng.permutation(len(features))[:size]
        own = which // PARTS
        bags = [_dropped(words.hashed(examples[i].text(rng)), rng) for i in own]
        song = torch.from_numpy(songs[own])
        loss = words.loss(
            words.bag_vectors(bags),
            words.sound_vectors(features[torch.from_numpy(which)]),
            song[:, None] == song[None],
        )
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARMUP) * (1 - step / steps)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    words.requires_grad_(False)
    with torch.no_grad():
        sound = words.sound_vectors(features)
        texts = words.text_vectors([e.text(rng) for e in examples for _ in range(PARTS)])
        words.fit_quantizer(torch.cat([sound, texts]))
    say(f"words: loss {float(loss.detach()):.3f} after {steps} updates")


def _dropped(bag: list[int], rng: np.random.Generator) -> list[int]:
    """Some of a bag's words left out, never all."""
    kept = [word for word in bag if rng.random() >= WORD_DROPOUT]
    return kept or bag[:1]


def recall(words: Words | JointWords, examples: Sequence[MusicExample], count: int = 10) -> float:
    """Share of clips that are among the first ``count`` for their own first caption; clips of one
    song count as one another."""
    texts = words.text_vectors([(e.texts or ("",))[0] for e in examples])
    features = torch.from_numpy(np.stack([e.features for e in examples]))
    order = (texts @ words.sound_vectors(features).T).argsort(dim=1, descending=True)[:, :count]
    songs = np.array([e.song for e in examples])
    return float((songs[order.numpy()] == songs[:, None]).any(1).mean())
