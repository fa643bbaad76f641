"""MeLoDy beside the model of codes that it shares: a language model writes what is played, and then
either its other books or a diffusion make the sound.

Of held-out clips, under the clips' own Scores: all books of `musicgen`, decoded by their codec; the
first book alone written, and the sound by the diffusion (MeLoDy whole); the diffusion under the
first book of the clip's own sound; the diffusion under nothing; and the codec's own decoder behind
that first book, which is what the diffusion has to be better than. Prints how far pitch classes
are those of the clip, frame by frame, against the other clips', and CPU seconds a second of sound;
writes the sounds into folders, which `cantilena evaluate audio` takes.

    python benchmarks/codes_then_diffusion.py --checkpoint melody --data clips --out sounds
    cantilena evaluate audio sounds/melody --real sounds/clips --seconds 5
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from led_by_score import classes, own_and_other
from sound_controls import sound_of

import cantilena
from cantilena.audio.wav import write_wav
from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import Clip
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriting
from cantilena.systems.latent.cascade import LedByCodes
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.writing import LatentOrder, LatentWriting


class Systems:
    """The diffusion and the pair that writes its codes; each method gives (n,) samples of a clip
    made anew with a seed."""

    def __init__(self, checkpoint: str, codec: str | None, seconds: float, guidance: float):
        self.latent: Any = cantilena.load(checkpoint, "latent", device="cpu", codec=codec)
        if self.latent.pair is None:
            raise SystemExit(f"{checkpoint!r} reads no codes: train the recipe latent-codes")
        self.pair, self.model = self.latent.pair, self.latent.model
        self.frames = round(seconds * self.model.vae.frame_rate)
        self.length, self.guidance = self.frames * self.model.vae.hop, guidance

    def _order(self, wish: LatentWish, seed: int) -> LatentOrder:
        return LatentOrder(self.frames, wish, seed, guidance=self.guidance)

    def _heard(self, latents: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            return self.model.vae.sound(latents[None], self.length)[0].mean(0).numpy()

    def clip(self, clip: Clip, seed: int = 0) -> np.ndarray:
        """Its own sound."""
        return clip.samples[: self.length]

    def musicgen(self, clip: Clip, seed: int) -> np.ndarray:
        """All books by the language model."""
        wish = Wish(score=clip.symbols)
        order = CodeOrder(self.frames, wish, seed, sampling=SAMPLING)
        writing = CodeWriting(self.pair.writer, [order])
        list(writing.steps())
        return sound_of(self.pair.codec, writing.codes[0], self.length)

    def melody(self, clip: Clip, seed: int) -> np.ndarray:
        """The first book by the language model, the sound by the diffusion."""
        order = self._order(LatentWish(clip.captions[0], clip.symbols), seed)
        writing = LedByCodes(self.model, order, self.pair.writer)
        list(writing.steps())
        return self._heard(writing.latents)

    def own_codes(self, clip: Clip, seed: int) -> np.ndarray:
        """The diffusion under the first book of the clip's sound."""
        sound = torch.from_numpy(clip.samples)[None, None]
        with torch.inference_mode():
            codes = self.pair.codec.encode(sound, 1)[0, 0].numpy()
        writing = LatentWriting(
            self.model, self._order(LatentWish(clip.captions[0], codes=codes), seed)
        )
        list(writing.steps())
        return self._heard(writing.latents)

    def nothing(self, clip: Clip, seed: int) -> np.ndarray:
        """The diffusion alone."""
        writing = LatentWriting(self.model, self._order(LatentWish(), seed))
        list(writing.steps())
        return self._heard(writing.latents)

    def codec(self, clip: Clip, seed: int) -> np.ndarray:
        """What the codec leaves of the clip."""
        with torch.inference_mode():
            codes = self.pair.codec.encode(torch.from_numpy(clip.samples)[None, None])[0]
        return sound_of(self.pair.codec, codes.numpy()[:, : self.frames], self.length)

    def first_book(self, clip: Clip, seed: int) -> np.ndarray:
        """What the codec itself makes of the first book of the clip's sound."""
        with torch.inference_mode():
            codes = self.pair.codec.encode(torch.from_numpy(clip.samples)[None, None], 1)[0]
        return sound_of(self.pair.codec, codes.numpy()[:, : self.frames], self.length)

    def autoencoder(self, clip: Clip, seed: int) -> np.ndarray:
        """What the diffusion's autoencoder leaves of the clip."""
        with torch.inference_mode():
            sound = torch.from_numpy(clip.samples[: self.length])
            latents = self.model.vae.latents(sound[None, None])[0]
        return self._heard(latents)


def main() -> None:
    """Writes the sounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True, metavar="DIR")
    parser.add_argument("--codec", metavar="DIR", help="musicgen's folder (the installed one)")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--n", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.12)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="NAMES", help="these rows, with commas between")
    args = parser.parse_args()
    torch.set_num_threads(1)
    systems = Systems(args.checkpoint, args.codec, args.seconds, args.guidance)
    rate = systems.model.vae.sample_rate
    data = AudioData(args.data, args.split, stems=False)
    numbers = np.linspace(0, len(data) - 1, args.n).astype(int).tolist()
    clips = [data.clip(i) for i in numbers]
    writers = {
        "clips": systems.clip,
        "codec": systems.codec,
        "first-book": systems.first_book,
        "autoencoder": systems.autoencoder,
        "musicgen": systems.musicgen,
        "melody": systems.melody,
        "own-codes": systems.own_codes,
        "nothing": systems.nothing,
    }
    if args.only:
        named = args.only.split(",")
        unknown = [name for name in named if name not in writers]
        if unknown:
            parser.error(f"no row {unknown[0]!r}; there are {', '.join(writers)}")
        writers = {name: writers[name] for name in named}
    own = [classes(systems.clip(clip), rate) for clip in clips]
    print(f"{'':16}{'own clip':>10}{'others':>10}{'gain':>10}{'CPU s/s':>10}")
    for name, write in writers.items():
        began = time.process_time()
        sounds = [write(clip, args.seed + i) for i, clip in enumerate(clips)]
        spent = (time.process_time() - began) / (args.n * args.seconds)
        folder = Path(args.out) / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, sound in zip(numbers, sounds, strict=True):
            write_wav(sound, rate, folder / f"{number:04d}.wav")
        mine, others = own_and_other([classes(sound, rate) for sound in sounds], own)
        print(f"{name:16}{mine:10.3f}{others:10.3f}{mine - others:10.3f}{spent:10.3f}", flush=True)


if __name__ == "__main__":
    main()
