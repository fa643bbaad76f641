"""Held-out nats of a model of codes, as its training measures them at the end.

    python benchmarks/code_held_out.py --clips clips [--codes DIR --codec DIR]

``--clips``: a folder of ``cantilena data audio``, with the codec's codes beside it or to be made;
``--codes`` and ``--codec``: the packaged ones by default. "codes": under a clip's own conditions,
"shuffled": under those of another song, beside unigrams and bigrams of the clips' training part.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from cantilena.data.audio.reader import AudioData
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.checkpoint import open_checkpoint
from cantilena.systems.codes.checkpoint import load_writer
from cantilena.systems.codes.examples import CodeBatches
from cantilena.systems.codes.ngrams import ngram_nats
from cantilena.systems.codes.training import CodeTraining
from cantilena.train.audio.codes import CodeClips

PAIR = Path(__file__).parents[1] / "weights/audio/src/cantilena_audio_weights/musicgen"


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR")
    parser.add_argument("--codes", type=Path, default=PAIR / "codes", metavar="DIR")
    parser.add_argument("--codec", type=Path, default=PAIR / "codec", metavar="DIR")
    args = parser.parse_args()
    torch.set_num_threads(1)
    training = open_checkpoint(args.codes).card["training"]
    options, size = training["options"], training["settings"]["batch"]
    writer, codec = load_writer(args.codes, "cpu"), load_codec(args.codec, "cpu")
    stem = options.get("stem", "")
    train, valid = (
        CodeClips(
            AudioData(args.clips, split, stems=bool(stem)), codec, args.clips / "codes", stem=stem
        )
        for split in ("train", "valid")
    )
    layout = writer.layout(max(1, round(options["seconds"] * options["frame_rate"])))
    sums: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for batch in CodeBatches(valid, writer.conditioner, layout).fixed(size):
            for name, pair in CodeTraining().held_out(writer.model, batch).items():
                sums[name] = sums.get(name, torch.zeros(2).double()) + pair.double()
    figures = {name: round(float(pair[0] / pair[1]), 5) for name, pair in sums.items()}
    counts = ngram_nats(train.codes(), valid.codes(), options["card"])
    means = {name: round(sum(nats) / len(nats), 5) for name, nats in counts.items()}
    print(json.dumps({**means, **figures}, indent=1))


if __name__ == "__main__":
    main()
