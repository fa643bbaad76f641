"""How much sound a codec codes, decodes and learns from in a second of one core, ours and others'.

CPU time of one thread, so that it may run on a busy machine; medians over rounds in which all take
turns. Weights are random: speed does not hang on them. transformers' EncodecModel and DacModel are
built with the sizes of ours; of EncodecModel there is no training, since its encoder and its books
get no gradient.

    python benchmarks/codec_speed.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel

from cantilena.models.audio.codec.base import Codec, codec
from cantilena.models.audio.codec.losses import MELS, MultiScaleMel, relative_wave_l1
from cantilena.models.audio.codec.published import PublishedDac, PublishedEncodec

RATE, SECONDS, BATCH = 16_000, 4, 1
STRIDES = (2, 4, 5, 8)


def codecs() -> dict[str, Codec]:
    """Codecs of 50 frames a second at 16 kHz, of 8 books of 1,024."""
    up = list(reversed(STRIDES))
    encodec = EncodecConfig(
        sampling_rate=RATE,
        num_filters=16,
        upsampling_ratios=up,
        target_bandwidths=[4.0],
        use_conv_shortcut=False,
        pad_mode="constant",
    )
    dac = DacConfig(
        sampling_rate=RATE,
        encoder_hidden_size=16,
        decoder_hidden_size=256,
        downsampling_ratios=list(STRIDES),
        upsampling_ratios=up,
        hidden_size=128,
        n_codebooks=8,
    )
    return {
        "frame (MDCT)": codec("frame"),
        "frame (STFT)": codec("frame", transform="stft"),
        "mel + Griffin-Lim": codec("mel"),
        "SEANet": codec("seanet"),
        "EncodecModel": PublishedEncodec(EncodecModel(encodec)),
        "DAC": codec("dac", quantizer_options={"books": 8}),
        "DacModel": PublishedDac(DacModel(dac)),
    }


def cost(work: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def step(model: Codec, mel: MultiScaleMel, sound: torch.Tensor) -> None:
    """Forward and backward of one training step, without the optimiser."""
    coded = model(sound)
    total = sum(coded.terms.values(), torch.zeros(()))
    if coded.audio is not None:
        total = total + mel(coded.audio, sound) + 3 * relative_wave_l1(coded.audio, sound)
    (total + coded.quantised.loss).backward()  # type: ignore[union-attr]
    model.zero_grad()


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    sound = 0.1 * torch.randn(BATCH, 1, RATE * SECONDS)
    models, mel = codecs(), MultiScaleMel(RATE, MELS["short"])
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for name, model in models.items():
            own = not name.endswith("Model")
            if own:
                model.train()
                spent = cost(lambda m=model: step(m, mel, sound))
                times.setdefault((name, "train"), []).append(spent)
            model.eval()
            with torch.inference_mode():
                codes = model.encode(sound)
                encoding = cost(lambda m=model: m.encode(sound))
                decoding = cost(lambda m=model, c=codes: m.decode(c))
            times.setdefault((name, "encode"), []).append(encoding)
            times.setdefault((name, "decode"), []).append(decoding)
        if number == 0:  # books begin, kernels are chosen
            times.clear()
    print(f"| codec | weights | {' | '.join(('encode', 'decode', 'train'))} |")
    print("|---|---|---|---|---|")
    for name, model in models.items():
        cells = [f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M"]
        for what in ("encode", "decode", "train"):
            spent = times.get((name, what))
            cells.append(f"{BATCH * SECONDS / statistics.median(spent):.0f}" if spent else "-")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
