"""Sheet music: MusicXML to engraved pages.

Knows the engraver's options; what is written is decided in ``score.musicxml``.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from cantilena.errors import InputError, MissingExtraError


def need_engraver() -> Any:
    """The module ``verovio``. Raises MissingExtraError where it is not installed."""
    try:
        return import_module("verovio")  # by name: types are checked where it is not installed
    except ImportError as error:
        raise MissingExtraError("verovio", "sheet", "engraving sheet music") from error


def engrave(musicxml: str, scale: int = 80) -> list[str]:
    """Engraved A4 pages of MusicXML text, each an SVG with its fonts inside.

    ``scale`` is the size in percent, 10..200, of staves of 7 mm. The same text gives the same
    pages. Raises MissingExtraError without verovio, InputError for what it cannot read.
    """
    verovio = need_engraver()
    if not 10 <= scale <= 200:
        raise InputError(f"a scale of {scale} percent is outside 10-200")
    verovio.enableLog(verovio.LOG_ERROR)  # its warnings are of its own making, not of the text's
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "pageWidth": 210 * 1000 // scale,
            "pageHeight": 297 * 1000 // scale,
            "scale": scale,
            "footer": "none",
            "svgViewBox": True,
            "xmlIdSeed": 1,
        }
    )
    if not toolkit.loadData(musicxml):
        raise InputError("the engraver cannot read this text; give it MusicXML")
    pages = range(1, toolkit.getPageCount() + 1)
    return [_MUSIC_TEXT.sub(_plain, toolkit.renderToSVG(page)) for page in pages]


# Signs within text come in a music font, which few programs but browsers take from the file; most
# have them in their usual fonts as well. By SMuFL code point: flat, natural, sharp, notes, dot.
_MUSIC_TEXT = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([^<]*)</tspan>')
_PLAIN = {
    "\ue260": "♭",
    "\ue261": "♮",
    "\ue262": "♯",
    "\ueca5": "♩",
    "\ueca7": "♪",
    "\ueca3": "\U0001d15e",
}
_PLAIN |= {"\uecb7": ".", "\uea64": "♭", "\uea65": "♮", "\uea66": "♯"}


def _plain(signs: re.Match[str]) -> str:
    """The text of a tempo or chord in usual signs; as it is where one has none."""
    size, text = int(signs[1]), signs[2]
    if any("\ue000" <= sign <= "\uf8ff" and sign not in _PLAIN for sign in text):
        return signs[0]
    plain = "".join(_PLAIN.get(sign, sign) for sign in text).replace(" .", ".")
    return f'<tspan font-size="{size * 9 // 16}px">{plain}</tspan>'
