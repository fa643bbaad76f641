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
    from cantilena.audio.audio import Audio
    from cantilena.score.score import Score

PLAYER_RATE = 22_050
"""Samples a second of the player's sound: half the usual rate, mono, so that a page stays small."""
MAX_PLAYER_SECONDS = 5 * 60
"""Pieces that last longer get no player: at two bytes a sample this is 13 MB of sound."""


def html_page(
    score: Score | None,
    heading: str,
    caption: str = "",
    chords: Sequence[tuple[int, str]] = (),
    table: Sequence[Sequence[object]] = (),
    audio: Audio | None = None,
) -> str:
    """A ``div`` that shows a Score, where there is one, and plays it, or ``audio`` where that is
    given. ``chords``: (tick, symbol), shown in the roll; ``table``: rows of cells, the first being
    the head, put below the player."""
    roll = "" if score is None else _roll(score, chords)
    return (
        f"<div><p><b>{html.escape(heading)}</b></p>{roll}{_player(score, audio)}{_table(table)}"
        f"<p>{html.escape(caption)}</p></div>"
    )


def _roll(score: Score, chords: Sequence[tuple[int, str]]) -> str:
    """The piano roll as a picture."""
    from cantilena.render.roll import draw_roll

    with tempfile.TemporaryDirectory(prefix="cantilena-") as folder:
        path = Path(folder, "roll.png")
        draw_roll(score, path, chords=chords)
        image = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="piano roll" style="max-width:100%" src="data:image/png;base64,{image}">'


def _player(score: Score | None, audio: Audio | None) -> str:
    """An audio element with the sound in it, mono."""
    from cantilena.audio.wav import wav_bytes

    seconds = 0.0
    if audio is not None:
        seconds = audio.seconds
    elif score is not None:
        seconds = float(score.seconds(score.end))
    if seconds > MAX_PLAYER_SECONDS:
        return f"<p>No player: the piece lasts {seconds / 60:.0f} minutes; save it as wav.</p>"
    if audio is not None:
        data = wav_bytes(audio.samples.mean(axis=0), audio.rate)
    elif score is not None:
        from cantilena.render.audio import render_audio

        samples, rate = render_audio(score, rate=PLAYER_RATE)
        data = wav_bytes(samples.mean(axis=1), rate)
    else:
        return ""
    return f'<audio controls src="data:audio/wav;base64,{base64.b64encode(data).decode()}"></audio>'


def _table(rows: Sequence[Sequence[object]]) -> str:
    """A table of cells, "" without rows."""
    if not rows:
        return ""
    lines = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
