"""A piece as HTML for a notebook: piano roll, player and report, all within the page.

Knows HTML; the roll and the sound come from their modules.
"""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cantilena.score.score import Score

PLAYER_RATE = 22_050
"""Samples a second of the player's sound: half the usual rate, mono, so that a page stays small."""
MAX_PLAYER_SECONDS = 5 * 60
"""Pieces that last longer get no player: at two bytes a sample this is 13 MB of sound."""


def html_page(
    score: Score,
    heading: str,
    caption: str = "",
    chords: Sequence[tuple[int, str]] = (),
    table: Sequence[Sequence[object]] = (),
) -> str:
    """A ``div`` that shows and plays a Score. ``chords``: (tick, symbol), shown in the roll;
    ``table``: rows of cells, the first being the head, put below the player."""
    from cantilena.render.roll import draw_roll

    with tempfile.TemporaryDirectory(prefix="cantilena-") as folder:
        roll = Path(folder, "roll.png")
        draw_roll(score, roll, chords=chords)
        image = _base64(roll)
        player = _player(score, Path(folder, "sound.wav"))
    return (
        f"<div><p><b>{html.escape(heading)}</b></p>"
        f'<img alt="piano roll" style="max-width:100%" src="data:image/png;base64,{image}">'
        f"{player}{_table(table)}<p>{html.escape(caption)}</p></div>"
    )


def _player(score: Score, path: Path) -> str:
    """An audio element with the sound in it, which is written to ``path`` on the way."""
    from cantilena.render.audio import render_audio, write_wav

    seconds = float(score.seconds(score.end))
    if seconds > MAX_PLAYER_SECONDS:
        return f"<p>No player: the piece lasts {seconds / 60:.0f} minutes; save it as wav.</p>"
    samples, rate = render_audio(score, rate=PLAYER_RATE)
    write_wav(samples.mean(axis=1), rate, path)
    return f'<audio controls src="data:audio/wav;base64,{_base64(path)}"></audio>'


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _table(rows: Sequence[Sequence[object]]) -> str:
    """A table of cells, "" without rows."""
    if not rows:
        return ""
    lines = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
