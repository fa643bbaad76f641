"""A gallery as one HTML page: prompts below one another, the systems' pieces of each side by side.

Knows HTML and the figures of a gallery; makes no sound and no pictures, which the page takes from
the files beside it, or holds. It needs no script and nothing from elsewhere; colours are those of
the reader's light or dark scheme, and what they say stands in words too.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import quote

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 25%, Canvas); }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 110rem;
  background: Canvas; color: CanvasText; }
a { color: LinkText; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; background: Canvas; padding: .5rem; }
.pieces { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; min-width: 0; }
article h3 { margin: 0 0 .25rem; }
audio { width: 100%; }
img { max-width: 100%; height: auto; display: block; margin: .5rem 0; }
.roll { background: white; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .15rem .6rem .15rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
.yes { font-weight: bold; } .no { font-weight: bold; text-decoration: underline; }
.small { font-size: .85rem; } h2 { margin-top: 2.5rem; }
"""
_MET = {True: "yes", False: "no", None: "-"}
_TYPES = {".wav": "audio/wav", ".png": "image/png", ".mid": "audio/midi"}
"""Of the files that a page shows."""

Address = Callable[[str], str]
"""The address of a file, by its place within the gallery's folder."""


def within(folder: Path) -> Address:
    """Addresses that hold the files of a folder themselves, so that the page stands alone."""

    def address(place: str) -> str:
        data = base64.b64encode((folder / place).read_bytes()).decode()
        return f"data:{_TYPES[Path(place).suffix]};base64,{data}"

    return address


def gallery_html(figures: Mapping[str, Any], address: Address = quote) -> str:
    """The page of what ``gallery.make_gallery`` gives; places of files are within its folder, where
    the page is to stand too, unless ``address`` holds them (``within``)."""
    prompts, systems = figures["prompts"], figures["systems"]
    title = f"Gallery: {_plural(len(prompts), 'prompt')} by {_plural(len(systems), 'system')}"
    sections = "\n".join(_prompt(n, p, systems, address) for n, p in enumerate(prompts))
    beside = (
        "Sound and pictures are files in the folders beside this page: move them together."
        if address is quote
        else "Sound and pictures are within this page."
    )
    links = "".join(
        f'<li><a href="#prompt-{n}">{escape(p["text"])}</a></li>' for n, p in enumerate(prompts)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<a class="skip" href="#prompts">To the prompts</a>
<header>
<h1>{escape(title)}</h1>
<p>The same words and seed ({int(figures["seed"])}) were given to every system. {beside}</p>
</header>
<main>
<section aria-labelledby="systems">
<h2 id="systems">Systems</h2>
{_systems(systems)}
{_left_out(figures["left_out"])}
{_accuracy(figures)}
</section>
<nav aria-labelledby="prompts">
<h2 id="prompts">Prompts</h2>
<ol>{links}</ol>
</nav>
{sections}
</main>
</body>
</html>
"""


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---------------------------------------------------------------------------- systems


def summary(column: Mapping[str, Any]) -> dict[str, Any]:
    """A system's pieces counted: ``pieces`` and ``failed``; ``took`` and ``seconds``, means of
    seconds to make one and of its length (None: there is none); ``met`` and by each thing that is
    heard, (how many agree, of how many)."""
    there = [piece for piece in column["pieces"] if "error" not in piece]
    met = [row["met"] for piece in there for row in piece["report"] if row["met"] is not None]
    counted: dict[str, Any] = {
        "pieces": len(column["pieces"]),
        "failed": len(column["pieces"]) - len(there),
        "took": fmean(piece["took"] for piece in there) if there else None,
        "seconds": fmean(piece["seconds"] for piece in there) if there else None,
        "met": (sum(met), len(met)),
    }
    for what in HEARD:
        rows = [row for piece in there for row in piece["heard"] if row["what"] == what]
        judged = [row["agrees"] for row in rows if row["agrees"] is not None]
        counted[what] = (sum(judged), len(judged))
    return counted


HEARD = ("tempo", "key", "chords", "instruments")
"""What is listened for."""
HEAD = (
    "system",
    "is",
    "checkpoint",
    "parameters",
    "pieces",
    "seconds to make one",
    "its length, s",
    "wishes met",
    *(f"{what} heard" for what in HEARD),
)


def summary_cells(column: Mapping[str, Any]) -> list[str]:
    """A system's row of the table below ``HEAD``."""
    counted, checkpoint = summary(column), column["checkpoint"]
    parameters, failed = column["parameters"], counted["failed"]
    pieces = f"{counted['pieces'] - failed}" + (f", {failed} failed" if failed else "")
    return [
        column["key"],
        column["is"],
        f"{checkpoint['name']} {checkpoint['sha256'][:8]}".strip(),
        f"{parameters:,}" if isinstance(parameters, int) else "-",
        pieces,
        _number(counted["took"]),
        _number(counted["seconds"]),
        *(_of(counted[name]) for name in ("met", *HEARD)),
    ]


def summary_table(figures: Mapping[str, Any]) -> str:
    """The systems as a table in Markdown, without what each is."""
    rows = [HEAD, *(summary_cells(column) for column in figures["systems"])]
    lines = ["| " + " | ".join((row[0], *row[2:])) + " |" for row in rows]
    lines.insert(1, "|---" * (len(HEAD) - 1) + "|")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _of(pair: tuple[int, int]) -> str:
    return f"{pair[0]} of {pair[1]}" if pair[1] else "-"


def _systems(systems: Sequence[Mapping[str, Any]]) -> str:
    note = (
        "<p class='small'>Seconds to make a piece are of the clock, on the machine that made it, "
        "the first with what is done once; loading, and of notes rendering, are left out. Wishes "
        "met are of the report, which is exact: of notes it measures the file, of sound that a "
        "Score led that Score, and of other sound only its length. What is heard is estimated from "
        "the sound alone, and compared with the Score, or else with what was asked.</p>"
    )
    table = _table(HEAD, [summary_cells(column) for column in systems])
    region = 'class="wide" role="region" aria-labelledby="systems" tabindex="0"'
    return f"<div {region}>{table}</div>{note}"


def _left_out(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return ""
    items = "".join(f"<li>{escape(n)}: {escape(why)}</li>" for n, why in left_out.items())
    return f"<p>Not here:</p><ul>{items}</ul>"


def _accuracy(figures: Mapping[str, Any]) -> str:
    """How often the estimators are right."""
    rates = figures["estimators"]
    coded = rates.get("coded") or {}
    names = {
        "tempo": "tempo, within 4 %",
        "tempo_octave": "tempo, up to octaves",
        "key": "key",
        "chords": "chords, share of the time",
    }
    rows = [[text, _percent(rates[k]), _percent(coded.get(k))] for k, text in names.items()]
    for name, family in rates["families"].items():
        shares = f"{_percent(family['precision'])} precision, {_percent(family['recall'])} recall"
        rows.append([f"instruments: {name}", shares, "-"])
    head = ("the estimator of", f"is right on {rates['of']}", "through a codec")
    return (
        "<p>What is heard errs: no system can be heard to obey more often than the estimators are "
        f"right.</p>{_table(head, rows)}"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


# ---------------------------------------------------------------------------- pieces


def _prompt(
    n: int, prompt: Mapping[str, str], systems: Sequence[Mapping[str, Any]], address: Address
) -> str:
    pieces = "\n".join(_piece(prompt, column, column["pieces"][n], address) for column in systems)
    return (
        f'<section aria-labelledby="prompt-{n}">\n'
        f'<h2 id="prompt-{n}">{escape(prompt["text"])}</h2>\n<div class="pieces">\n'
        f"{pieces}\n</div>\n</section>"
    )


def _piece(
    prompt: Mapping[str, str],
    column: Mapping[str, Any],
    piece: Mapping[str, Any],
    address: Address,
) -> str:
    head = f"<article>\n<h3>{escape(column['key'])}</h3>"
    if "error" in piece:
        return f"{head}\n<p>Not made: {escape(piece['error'])}</p>\n</article>"
    label = f"{column['key']}: {prompt['text']}"
    times = piece["seconds"] / piece["took"] if piece["took"] > 0 else 0.0
    made = (
        f"{piece['seconds']:.1f} s of music, made in {piece['took']:.2f} s "
        f"({times:.2g} times real time)"
    )
    led = "<p class='small'>Notes and report are of the Score that led the sound.</p>"
    parts = [
        head,
        _player(piece, label, address),
        f"<p>{escape(made)}</p>",
        *(_picture(picture, label, address) for picture in piece["pictures"]),
        _heard(piece["heard"]),
        led if piece["led"] else "",
        _report(piece["report"]),
        _links(piece, address),
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _player(piece: Mapping[str, Any], label: str, address: Address) -> str:
    note = f"<p>{escape(piece['note'])}</p>" if piece["note"] else ""
    if piece["sound"] is None:
        return note
    return (
        f'<audio controls preload="none" src="{address(piece["sound"])}" '
        f'aria-label="{escape(label)}"></audio>{note}'
    )


def _picture(picture: Mapping[str, str], label: str, address: Address) -> str:
    """A picture, as wide as there is room; it leads to itself in full where it is a file."""
    src, alt = address(picture["src"]), escape(f"{label}. {picture['alt']}")
    image = f'<img class="{escape(picture["kind"])}" loading="lazy" src="{src}" alt="{alt}">'
    return f'<a href="{src}">{image}</a>' if address is quote else image


def _heard(rows: Sequence[Mapping[str, Any]]) -> str:
    """What is heard, with how often that is right."""
    if not rows:
        return ""
    head = ("heard", "expected", "in the sound", "agrees", "the estimator is right")
    cells = [
        [r["what"], r["expected"] or "-", r["heard"], _MET[r["agrees"]], r["right"]] for r in rows
    ]
    return _table(head, cells, marked=3)


def _report(rows: Sequence[Mapping[str, Any]]) -> str:
    judged = [row["met"] for row in rows if row["met"] is not None]
    if not rows:
        return "<p>No wish can be measured exactly.</p>"
    cells = [[r["wish"], r["asked"], r["achieved"], _MET[r["met"]]] for r in rows]
    return (
        f"<details open><summary>Report: {sum(judged)} of {len(judged)} wishes met</summary>"
        f"{_table(('wish', 'asked', 'achieved', 'met'), cells, marked=3)}</details>"
    )


def _links(piece: Mapping[str, Any], address: Address) -> str:
    """Links to the files; of a page that holds them to the MIDI alone: players save sound."""
    files = [("sound", "WAV"), ("midi", "MIDI")] if address is quote else [("midi", "MIDI")]
    links = []
    for key, name in files:
        if (place := piece[key]) is not None:
            saved_as = "" if address is quote else f' download="{escape(Path(place).name)}"'
            links.append(f'<a href="{address(place)}"{saved_as}>{name}</a>')
    return f"<p>Files: {' '.join(links)}</p>" if links else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], marked: int = -1) -> str:
    """A table; of the column ``marked`` "yes" and "no" are set off."""
    first = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = []
    for row in rows:
        cells = [f'<th scope="row">{escape(str(row[0]))}</th>']
        for i, cell in enumerate(row[1:], 1):
            mark = f' class="{cell}"' if i == marked and cell in ("yes", "no") else ""
            cells.append(f"<td{mark}>{escape(str(cell))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{first}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
