"""Do systems of sound obey controls beyond text: the roll, drums, chords and beat of a Score?

Takes held-out clips of music whose notes are known, has each system write as much sound under the
controls of each clip, all of them and one by one, and says how far what is heard has the pitch
classes, chords, drum strokes and beats of its own clip, against those of the other clips. The first
rows are the clips themselves, and what the codec alone makes of them. "remix" is a clip's Score
under the words of the next clip.

    python benchmarks/sound_controls.py --data clips --systems musicgen,musiclm
    python benchmarks/sound_controls.py --data clips --systems "" --checkpoint latent=run/latent
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import cantilena
from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import Clip
from cantilena.decode.cascade import Writing
from cantilena.evaluate.sound.led import MEASURES, Listened, own_and_others
from cantilena.models.audio.codec.stream import decode_blocks
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.writing import CodeOrder, CodeWriting
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.writing import LatentOrder, LatentWriting
from cantilena.systems.musiclm.wish import MusicWish
from cantilena.tokens.codes.symbols import SYMBOLS

ALONE = ("roll", "drums", "chords", "beat")
Control = tuple[str, ...] | None
"""The controls that are told; None for all, () for none."""


def by_codes(system: Any, clips: Sequence[Clip], seconds: float, told: Control, remix: bool) -> Any:
    """Sounds (n,) of ``musicgen``, written abreast."""
    reads_text = "text" in system.conditions
    texts = words(clips, remix) if reads_text and (told is None or remix) else [""] * len(clips)
    frames = round(seconds * system.writer.rate)
    orders = []
    for seed, (clip, text) in enumerate(zip(clips, texts, strict=True)):
        wish = Wish(text, score=clip.symbols if told != () else None, controls=told)
        orders.append(CodeOrder(frames, wish, seed, sampling=system.sampling))
    writing = CodeWriting(system.writer, orders)
    list(writing.steps())
    length = round(seconds * system.codec.sample_rate)
    return [sound_of(system.codec, codes, length) for codes in writing.codes]


def by_diffusion(
    system: Any, clips: Sequence[Clip], seconds: float, told: Control, remix: bool
) -> Any:
    """Sounds (n,) of ``latent``."""
    vae, sampling = system.model.vae, system.sampling
    texts = words(clips, remix) if told is None or remix else [""] * len(clips)
    length = round(seconds * vae.sample_rate)
    out = []
    for seed, (clip, text) in enumerate(zip(clips, texts, strict=True)):
        score = clip.symbols if told != () else None
        wish = LatentWish(text, score, controls=told)
        order = LatentOrder(-(-length // vae.hop), wish, seed, guidance=sampling.guidance)
        writing = LatentWriting(system.model, order)
        list(writing.steps())
        with torch.inference_mode():
            out.append(vae.sound(writing.latents[None], length)[0].mean(0).numpy())
    return out


def by_stages(system: Any, clips: Sequence[Clip], seconds: float, told: Control, _: bool) -> Any:
    """Sounds (n,) of ``musiclm``, which knows no control but the beat; "all" has the words too."""
    texts = words(clips, False) if told is None else [""] * len(clips)
    length = round(seconds * system.codec.sample_rate)
    out = []
    for seed, (clip, text) in enumerate(zip(clips, texts, strict=True)):
        states = system.music.states(system.music.words.tokens_of_text([text]))[0] if text else None
        wish = MusicWish([(0.0, states)], clip.symbols if told != () else None, system.sampling)
        writing = Writing(system.cascade, wish, seconds, seed)
        writing.run()
        out.append(sound_of(system.codec, system.codes(writing), length))
    return out


WRITERS: dict[str, Callable[..., Any]] = {
    "musicgen": by_codes,
    "latent": by_diffusion,
    "musiclm": by_stages,
}


def words(clips: Sequence[Clip], remix: bool) -> list[str]:
    """A caption of each clip, or of the next."""
    texts = [(clip.captions or ("",))[0] for clip in clips]
    return texts[1:] + texts[:1] if remix else texts


def sound_of(codec: Any, codes: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate(list(decode_blocks(codec, codes, length)))[:, 0]


def controls_of(system: Any) -> dict[str, tuple[Control, bool]]:
    """The rows of a system: what is told of the Score, and whether under another's words."""
    if system.system == "musiclm":
        return {"words and beat": (None, False), "beat": (("beat",), False), "nothing": ((), False)}
    rows: dict[str, tuple[Control, bool]] = {"all": (None, False)}
    if "text" in system.conditions:
        rows["remix"] = (tuple(SYMBOLS), True)
    rows |= {name: ((name,), False) for name in ALONE if name in system.symbols}
    return {**rows, "nothing": ((), False)}


def print_row(name: str, figures: dict[str, Any], seconds: float) -> None:
    cells = []
    for own, others, error, count in figures.values():
        cells.append("-" if not count else f"{own:.2f} / {others:.2f} ± {error:.2f}")
    print(f"| {name} | " + " | ".join(cells) + f" | {seconds:.0f} |", flush=True)


def loaded(names: str, places: Sequence[str]) -> list[Any]:
    """The systems of both options."""
    pairs = [(name.strip(), None) for name in names.split(",") if name.strip()]
    for place in places:
        name, _, folder = place.partition("=")
        pairs = [pair for pair in pairs if pair[0] != name] + [(name, folder)]
    if odd := [name for name, _ in pairs if name not in WRITERS]:
        raise SystemExit(f"{odd[0]!r} is none of {', '.join(WRITERS)}")
    return [cantilena.load(place, name, device="cpu") for name, place in pairs]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="clips with notes")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--systems", default="musicgen,musiclm", metavar="LIST")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="SYSTEM=DIR")
    parser.add_argument("--n", type=int, default=16, help="clips")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = AudioData(args.data, args.split, stems=False)
    numbers = np.linspace(0, len(data) - 1, args.n).astype(int).tolist()
    clips = [data.clip(i) for i in numbers]
    symbols: list[Any] = [clip.symbols for clip in clips]
    results: dict[str, Any] = {}

    def judge(name: str, sounds: Sequence[np.ndarray], rate: int, seconds: float) -> None:
        results[name] = own_and_others([Listened(sound, rate) for sound in sounds], symbols)
        print_row(name, results[name], seconds)

    print("| sound | " + " | ".join(MEASURES) + " | CPU s |")
    print("|---|" + "---:|" * (len(MEASURES) + 1))
    own = [clip.samples[: round(args.seconds * clip.rate)] for clip in clips]
    judge("the clips", own, clips[0].rate, 0)
    counts = {name: row[3] for name, row in results["the clips"].items()}
    print("| clips that have them | " + " | ".join(map(str, counts.values())) + " | |")
    for system in loaded(args.systems, args.checkpoint):
        codec = system.model.vae if system.system == "latent" else system.codec
        rows = controls_of(system)
        if getattr(system, "whole", True):  # else it has lost what reads sound
            rows = {"codec": (None, False), **rows}
        for name, (told, remix) in rows.items():
            began = time.process_time()
            if name == "codec":
                sounds = [through(codec, clips[0].rate, sound) for sound in own]
            else:
                sounds = WRITERS[system.system](system, clips, args.seconds, told, remix)
            spent = time.process_time() - began
            judge(f"{system.system}, {name}", sounds, codec.sample_rate, spent)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1))


def through(codec: Any, rate: int, sound: np.ndarray) -> np.ndarray:
    """(n,) what the codec alone makes of a clip."""
    if rate != codec.sample_rate:
        raise SystemExit(f"clips of {rate} Hz, and a codec of {codec.sample_rate}")
    mono = torch.from_numpy(sound)[None, None]
    with torch.inference_mode():
        if hasattr(codec, "latents"):
            return codec.sound(codec.latents(mono), len(sound))[0].mean(0).numpy()
        return codec.decode(codec.encode(mono))[0].mean(0).numpy()[: len(sound)]


if __name__ == "__main__":
    main()
