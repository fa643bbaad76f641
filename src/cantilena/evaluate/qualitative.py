"""Captions marked word by word as followed, violated or not measurable, beside their pieces.

Knows which words the reader of texts used for which wish, the report's rows and HTML; does not
measure anything itself, and composes nothing. After the qualitative study of LLM-based Finetuning
for Text to Symbolic Music Generation (Wu, Lee, Dun).
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cantilena.analysis import parts
from cantilena.errors import InputError
from cantilena.evaluate.pieces import find_answers, read_piece
from cantilena.files import write_bytes
from cantilena.render.page import html_page
from cantilena.score.score import Score
from cantilena.text.brief import parse_brief
from cantilena.text.brief.reader import read
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.report import is_heard, match_instruments, report
from cantilena.text.wishes import Brief

FOLLOWED, VIOLATED, UNMEASURED = "followed", "violated", "not measurable"
COLOURS = {FOLLOWED: "#1a7f37", VIOLATED: "#cf222e", UNMEASURED: "#8c959f"}
"""Green, red and grey, as CSS has them."""
_ROWS = {
    "tempo": ("tempo",),
    "metre": ("metre",),
    "dance": ("metre",),
    "key": ("key",),
    "chords": ("chords", "chord order"),
    "length": ("bars", "seconds"),
    "swing": ("swing",),
    "timing": ("timing",),
    "density": ("density",),
}
"""Rows of the report that answer what the reader read a span as; instruments are looked at one by
one, and genres and moods are measured by none."""


@dataclass(frozen=True)
class Mark:
    """Letters ``start`` to ``end`` (exclusive) of a caption in Unicode NFC, and their ``state``."""

    start: int
    end: int
    state: str


def marks(caption: str, score: Score) -> tuple[str, tuple[Mark, ...]]:
    """The caption in Unicode NFC, and a Mark for each of its words but those that say nothing
    ("a", "with"), in order.

    A word is followed where the report says that the wish it was read as is met, violated where it
    is not, and not measurable where no rule measures it (a genre, a mood), no wish took it up, or
    it contradicts a word before it. Of several wishes one that is not met decides.
    """
    brief, reading = read(caption)
    met = {row.wish: row.met for row in report(brief, score)}
    states: list[tuple[int, int, str]] = []
    for use in reading.uses:
        state = _state(use.field, reading.text[use.start : use.end], brief, met, score)
        states.append((use.start, use.end, state))
    conflicts = {(use.start, use.end) for use in reading.conflicts}
    states += [(a, b, UNMEASURED) for a, b in sorted(conflicts)]
    result = []
    for word in reading.words:
        over = [s for a, b, s in states if a < word.end and word.start < b]
        if any(a <= word.start and word.end <= b for a, b in conflicts):
            over = [UNMEASURED]
        if not over and word.low in STOP:
            continue
        state = next((s for s in (VIOLATED, FOLLOWED) if s in over), UNMEASURED)
        result.append(Mark(word.start, word.end, state))
    return reading.text, tuple(result)


def _state(
    field: str, text: str, brief: Brief, met: Mapping[str, bool | None], score: Score
) -> str:
    """Of a span that was read as a wish of ``field``."""
    if field in ("instruments", "excluded"):
        return _state_of_parts(field, text, brief, met, score)
    answers = [met[row] for row in _ROWS.get(field, ()) if met.get(row) is not None]
    return _named(all(answers)) if answers else UNMEASURED


def _named(followed: bool | None) -> str:
    return UNMEASURED if followed is None else FOLLOWED if followed else VIOLATED


def _state_of_parts(
    field: str, text: str, brief: Brief, met: Mapping[str, bool | None], score: Score
) -> str:
    """Of the words on who plays: each instrument by itself."""
    players = parts(score)
    if field == "excluded" and brief.excluded:
        excluded = set(parse_brief(text).excluded) & set(brief.excluded) or set(brief.excluded)
        return _named(not excluded & {p.instrument for p in players})
    heard = match_instruments(brief.instruments, (p.instrument for p in players if is_heard(p)))
    answers = {i.name: a for i, a in zip(brief.instruments, heard, strict=True)}
    names = [i.name for i in parse_brief(text).instruments if i.name in answers]
    if names:
        return _named(all(answers[name] is not None for name in names))
    return _named(met.get("only", met.get("instruments")))  # "only", "duo"


# ------------------------------------------------------------------ the page


def marked_html(caption: str, score: Score) -> str:
    """The caption with its words in the colours of their states, as HTML."""
    text, words = marks(caption, score)
    pieces, at = [], 0
    for mark in words:
        pieces.append(html.escape(text[at : mark.start]))
        word = html.escape(text[mark.start : mark.end])
        pieces.append(
            f'<span title="{mark.state}" style="color:{COLOURS[mark.state]}">{word}</span>'
        )
        at = mark.end
    return "".join(pieces) + html.escape(text[at:])


def qualitative_page(
    folder: str | Path,
    captions: Mapping[str, str],
    page: str | Path,
    progress: Callable[[float], None] | None = None,
) -> dict[str, int]:
    """Writes an HTML page of the pieces in ``folder`` (``<id>.mid``): the caption of each, marked,
    its report, its roll, a player and links to its files; gives how many words have each state.

    ``captions``: texts by id, in the order of the page; a piece that is missing or cannot be read
    is said to be. Raises InputError where the folder holds none, or the page cannot be written.
    """
    page = Path(page)
    ids = list(captions)
    if not ids:
        raise InputError("there are no captions to mark")
    paths = find_answers(folder, ids, "caption")
    counts = dict.fromkeys(COLOURS, 0)
    blocks: list[str] = []
    for n, (name, path) in enumerate(zip(ids, paths, strict=True), 1):
        score = read_piece(path)
        if path is None or score is None or not len(score):
            blocks.append(f"<p><b>{html.escape(name)}</b>: no notes to look at</p>")
        else:
            for mark in marks(captions[name], score)[1]:
                counts[mark.state] += 1
            blocks.append(_block(name, captions[name], score, path, page))
        if progress:
            progress(n / len(ids))
    write_bytes(page, _document(blocks, counts).encode())
    return counts


def _block(name: str, caption: str, score: Score, path: Path, page: Path) -> str:
    rows = [("wish", "asked", "achieved", "met")]
    words = {True: "yes", False: "no", None: "-"}
    rows += [
        (r.wish, r.asked, r.achieved, words[r.met]) for r in report(parse_brief(caption), score)
    ]
    links = " ".join(_links(path, page))
    return (
        f'<section><p style="font-size:1.2em">{marked_html(caption, score)}</p>'
        f"{html_page(score, name, table=rows)}<p>{links}</p></section>"
    )


def _links(path: Path, page: Path) -> Iterator[str]:
    """Links to a piece's files that there are, from where the page stands."""
    for suffix in (path.suffix, ".wav", ".musicxml", ".json"):
        file = path.with_suffix(suffix)
        if file.is_file():
            place = Path(os.path.relpath(file.resolve(), page.resolve().parent)).as_posix()
            yield f'<a href="{quote(place)}">{html.escape(file.name)}</a>'


def _document(blocks: Sequence[str], counts: Mapping[str, int]) -> str:
    legend = ", ".join(
        f'<span style="color:{COLOURS[state]}">{state}</span> ({n:,} words)'
        for state, n in counts.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Captions and pieces</title>'
        '<body style="max-width:60em;margin:auto;font-family:sans-serif">'
        f"<p>{legend}</p>{'<hr>'.join(blocks)}</body></html>\n"
    )
