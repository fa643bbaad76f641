"""Why Jukebox's codec falls to a code or two, and what keeps it from it.

Trains `codec-jukebox` for some steps from the same seed, as it is and with one thing or all of them
as they were: torch's own random weights, behind which latents are a constant with hardly any music;
codes whose use is averaged over so many steps (0.99) that none is found dead in a short training;
and a pull to the codes of 1 in the place of 0.25. Prints for each level, before and after, how much
of the latents moves (their deviation over time beside the size of their means), and of held-out
clips the perplexity of the codes and the SI-SDR.

    python benchmarks/jukebox_collapse.py --data clips --steps 60
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.data.audio import AudioData
from cantilena.models.audio.codec.levels import JukeboxCodec
from cantilena.models.audio.codec.losses import si_sdr
from cantilena.systems.codec.training import CodecTraining, codec_recipe, with_option
from cantilena.train.audio.clips import Cuts
from cantilena.train.audio.loop import rate_at

SIZES: dict[str, Any] = {"width": 16, "depth": 2, "downs": [4, 6, 8], "size": 256, "latent": 32}
OLD: dict[str, dict[str, Any]] = {
    "as it is": {},
    "torch's weights": {"weights": True},
    "slow averages": {"decay": 0.99, "revive": 0.1},
    "strong pull": {"commitment": 1.0},
    "all three": {"weights": True, "decay": 0.99, "revive": 0.1, "commitment": 1.0},
}
"""What is as it was; of weights True for torch's own."""
BATCH, RATE, WARMUP = 4, 2e-3, 20


def figures(codec: JukeboxCodec, clips: Tensor) -> list[str]:
    """For each level: how much of the latents moves, and what its codes say of clips (B, 1, N)."""
    rows = []
    for level, quantizer in zip(codec.levels, codec.quantizers, strict=True):
        latents = level.encoder(codec.padded(clips))
        still = float(latents.mean((0, 2)).abs().mean())
        row = f"{float(latents.std(2).mean()):.3f} / {still:.3f}"
        if quantizer.book.started:
            quantised = quantizer(latents)
            sound = level.decoder(quantised.values)[..., : clips.shape[-1]]
            row += f", {quantised.usage['perplexity']:.1f} codes"
            row += f", {float(si_sdr(sound, clips).mean()):.1f} dB"
        rows.append(row)
    return rows


def show(name: str, codec: JukeboxCodec, clips: Tensor) -> None:
    """A line of a codec's figures."""
    codec.eval()
    with torch.no_grad():
        print(f"{name:<32}" + "".join(f"{row:<34}" for row in figures(codec, clips)), flush=True)
    codec.train()


def run(name: str, changes: dict[str, Any], args: argparse.Namespace, clips: Tensor) -> None:
    """Trains a codec and prints two lines."""
    recipe = codec_recipe("codec-jukebox").changed(rate=RATE, warmup=WARMUP, steps=args.steps)
    own = {key: value for key, value in changes.items() if key != "weights"}
    for option, value in {**SIZES, **own}.items():
        recipe = with_option(recipe, option, value)
    torch.manual_seed(args.seed)
    training: Any = CodecTraining()
    model, _ = training.build(recipe)
    if changes.get("weights"):
        for module in model.codec.levels.modules():
            if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
                module.reset_parameters()
    (optimiser,) = training.optimisers(model, recipe)
    cuts = Cuts(AudioData(args.data, "train", stems=False), 1, model.codec.sample_rate)
    show(f"{name}: before", model.codec, clips)
    began = time.process_time()
    for step in range(args.steps):
        optimiser.param_groups[0]["lr"] = RATE * rate_at(step, recipe.settings, 0.0)
        audio = torch.from_numpy(cuts.draw(args.seed, step, BATCH)["audio"])
        training.loss(model, {"audio": audio, "step": step})[0].backward()
        nn.utils.clip_grad_norm_(model.codec.parameters(), recipe.settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    spent = time.process_time() - began
    show(f"{name}: {spent:.0f} CPU s", model.codec, clips)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, default=16, help="held out, of two seconds")
    parser.add_argument("--only", choices=tuple(OLD), action="append")
    args = parser.parse_args()
    batches = Cuts(AudioData(args.data, "valid", stems=False), 1, 32_000).fixed(8, args.clips)
    clips = torch.cat([torch.from_numpy(batch["audio"]) for batch in batches])
    print(" " * 32 + "".join(f"level {i} (moves / still)".ljust(34) for i in (1, 2, 3)))
    for name in args.only or OLD:
        run(name, OLD[name], args, clips)


if __name__ == "__main__":
    main()
