"""What drummers strike, in pieces beside the songs whose wishes they have.

python benchmarks/kits.py FOLDER [--kind band]

FOLDER is one of ``cantilena evaluate realism``. Of the bars in which drums play, the share with a
kick, a snare (or rim, clap), what keeps time (hats, rides, shakers, tambourine), toms and crashes,
means over pieces; and the share of pieces in which fewer than a fifth of the bars have a kick, or
something that keeps time, and in which more than half have toms, or crashes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from cantilena.score import Score
from cantilena.score.midi import read_midi

DRUMS = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "time": (42, 44, 46, 51, 53, 54, 59, 69, 70, 82),
    "toms": (41, 43, 45, 47, 48, 50),
    "crashes": (49, 52, 55, 57),
}
FEW, MANY = 0.2, 0.5  # shares of bars


def shares(score: Score) -> dict[str, float] | None:
    """Of the bars with drums the share with each of ``DRUMS``; None without any."""
    pitches = score.pitch[score.is_drum]
    bars = np.searchsorted(score.bar_starts, score.onset[score.is_drum], side="right")
    played = len(np.unique(bars))
    if not played:
        return None
    return {
        name: len(np.unique(bars[np.isin(pitches, drums)])) / played
        for name, drums in DRUMS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="band")
    args = parser.parse_args()
    columns = ["pieces", *DRUMS, "few kicks", "little time", "many toms", "many crashes"]
    print("| | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
    for side in ("real", "composed"):
        files = sorted((args.folder / f"{side}-{args.kind}").glob("*.mid"))
        pieces = [one for one in (shares(read_midi(file)) for file in files) if one]
        row = [float(np.mean([piece[name] for piece in pieces])) for name in DRUMS]
        row += [
            float(np.mean([piece[name] < FEW for piece in pieces])) for name in ("kick", "time")
        ]
        row += [float(np.mean([piece[k] > MANY for piece in pieces])) for k in ("toms", "crashes")]
        print(f"| {side} | {len(pieces)} | " + " | ".join(f"{x:.2f}" for x in row) + " |")


if __name__ == "__main__":
    main()
