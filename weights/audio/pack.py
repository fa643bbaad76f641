"""Puts a model of codes and its codec, of two runs or checkpoints, into this distribution.

Knows where the distribution keeps them; what a pair is is ``cantilena.systems.codes.pair``'s.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cantilena.models.audio.shipped import MUSICGEN, PACKAGE
from cantilena.systems.codes.pair import PAIRS, save_pair

LIMIT = 40_000_000
"""Bytes that the distribution may have."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", required=True, metavar="DIR", help="the model of codes")
    parser.add_argument("--codec", required=True, metavar="DIR", help="the codec of its codes")
    parser.add_argument("--system", choices=PAIRS, default=MUSICGEN)
    args = parser.parse_args()
    folder = Path(__file__).parent / "src" / PACKAGE / args.system
    name = f"{MUSICGEN}-score" if args.system == MUSICGEN else args.system
    save_pair(folder, args.codes, args.codec, name, args.system)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > LIMIT:
        raise SystemExit(f"{folder} has {size / 1e6:.1f} MB; at most {LIMIT / 1e6:.0f} may be kept")
    print(f"{folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
