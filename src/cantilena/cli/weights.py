"""``cantilena data weights``: which published weights there are, and getting them.

Knows options and what is printed; the work is done in ``data.weights``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from cantilena.cli.common import print_json, warn
from cantilena.errors import MissingExtraError


def weights_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``data weights``."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which to get; without a name: list what there is"
    )


def _convert(name: str, say: Callable[[str], None] | None) -> None:
    """Converts a language model now, where what that takes is installed; else at its first use."""
    from cantilena.models.packaged import GGUF, converted

    if name not in GGUF:
        return
    if say:
        say(f"{name} is converted to safetensors")
    try:
        converted(name)
    except MissingExtraError as error:
        warn(f"{name} will be converted at its first use: {error}")


def data_weights(args: argparse.Namespace) -> int:
    """Gets weights, or lists those there are; all names are checked before the first is got."""
    from cantilena.data.weights import PACKAGES, find_weights, get_weights, package

    for name in args.names:
        package(name)
    say = None if args.quiet else warn
    for name in args.names:
        get_weights(name, say)
        _convert(name, say)
    rows: list[dict[str, Any]] = []
    for name in args.names or PACKAGES:
        entry, folder = package(name), find_weights(name)
        rows.append(
            {
                "name": name,
                "what": entry.what,
                "package": entry.requirement,
                "licence": entry.licence,
                "bytes": entry.size,
                "folder": str(folder) if folder else None,
            }
        )
    if args.json:
        print_json(rows)
    elif not args.quiet:
        for row in rows:
            print(f"{row['name']}: {row['what']}")
            print(f"  {row['package']}, {row['licence']}, {row['bytes'] / 1e6:.0f} MB to download")
            print(f"  {row['folder'] or 'not here yet'}")
    return 0
