"""Drawing in pixels: boxes, lines, text, panels with axes, PNG.

Knows Pillow and the fonts in ``fonts``; does not know music or sound. Positions are pixels from the
picture's lower left corner. Boxes and lines are moved to whole pixels, so that edges are sharp;
letters are antialiased. Pillow is imported when the first picture is drawn.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Box = tuple[int, int, int, int]
"""Left, bottom, right, top."""
Boxes = np.ndarray | Sequence[Sequence[float]]

_FONTS = Path(__file__).parent / "fonts"
_PLAIN, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
_POINT = 100 / 72
"""Pixels, at 100 of them an inch."""
_HALF_LETTER = 0.33
"""Half the height of a letter, in sizes of the font: DejaVu's capitals are 0.73 high, its small
letters 0.55 and 0.76."""
_TICK = 5
"""Pixels of a tick beside a panel."""
_SHAPED = ("R", "AL", "NSM")
"""Unicode's directions of right-to-left letters and of marks that stand on others."""


class Canvas:
    """A picture of ``width`` by ``height`` pixels on ``ground``, a colour as "#rrggbb", or as
    "#rrggbb00" for a clear one, into which letters of the colour before the zeros fade."""

    def __init__(self, width: int, height: int, ground: str = "#ffffff"):
        from PIL import Image, ImageDraw

        mode = "RGBA" if len(ground) == len("#rrggbbaa") else "RGB"
        self.height = height
        self._image = Image.new(mode, (width, height), ground)
        self._draw = ImageDraw.Draw(self._image)
        self._fonts: dict[tuple[float, bool, bool], FreeTypeFont] = {}

    def png(self) -> bytes:
        """The picture; the same drawing makes the same bytes."""
        buffer = io.BytesIO()
        self._image.save(buffer, "PNG", compress_level=6)
        return buffer.getvalue()

    def boxes(
        self, boxes: Boxes, colour: str | np.ndarray, edge: str | np.ndarray | None = None
    ) -> None:
        """Filled rectangles, at least a pixel wide and high: ``boxes`` (M, 4) of left, bottom,
        right, top; one colour for all, or (M, 3) of 0-1. Edges are a pixel wide, and boxes that
        stand upon one another have one in common; side by side each has its own."""
        places = self._pixels(boxes, 1, 1 if edge is None else 0)
        pairs = zip(_colours(colour), _colours(edge), strict=False)
        for place, (fill, outline) in zip(places, pairs, strict=False):
            self._draw.rectangle(place, fill=fill, outline=outline)

    def lines(self, lines: Boxes, colour: str) -> None:
        """Level and upright lines a pixel wide: ``lines`` (M, 4) of left, bottom, right, top."""
        for line in self._pixels(lines, 0, 0):
            self._draw.rectangle(line, fill=colour)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        bold: bool = False,
        across: str = "left",
        up: str = "baseline",
    ) -> None:
        """A line of text, ``size`` in points. ``across``: whether ``x`` is its "left", "middle" or
        "right"; ``up``: whether ``y`` is its "baseline" or its "middle". Letters that the font
        lacks are boxes."""
        text = _one_line(text)
        if not text:
            return
        if up == "middle":
            y -= _HALF_LETTER * size * _POINT
        font, direction = self._font(size, bold, text)
        where = (round(x), self.height - round(y))
        anchor = {"left": "ls", "middle": "ms", "right": "rs"}[across]
        self._draw.text(where, text, fill=colour, font=font, anchor=anchor, direction=direction)

    def panel(self, box: Box, pixels: np.ndarray, colour: str) -> None:
        """Lays (height, width, 3) bytes, the top row first, within a frame: ``box`` of left,
        bottom, right, top, as large as they are."""
        from PIL import Image

        left, bottom, right, top = box
        frame = [(left - 1, bottom - 1, right, top)]
        self._draw.rectangle(self._pixels(frame, 0, 0)[0], outline=colour)
        self._image.paste(Image.fromarray(pixels), (left, self.height - top))

    def axis_below(
        self,
        box: Box,
        ticks: Iterable[tuple[float, str]],
        colour: str,
        size: float,
    ) -> None:
        """Ticks below a panel, with labels: (place, label), places from 0 at its left to 1 at its
        right."""
        left, bottom, right, _ = box
        for place, label in ticks:
            x = left + place * (right - left)
            self.lines([(x, bottom - 1 - _TICK, x, bottom - 1)], colour)
            below = bottom - 1 - _TICK - 4 - 2 * _HALF_LETTER * size * _POINT
            self.text(x, below, label, size, colour, across="middle")

    def axis_left(
        self,
        box: Box,
        ticks: Iterable[tuple[float, str]],
        colour: str,
        size: float,
    ) -> None:
        """Ticks at the left of a panel, places from 0 at its bottom to 1 at its top."""
        left, bottom, _, top = box
        for place, label in ticks:
            y = bottom + place * (top - bottom)
            self.lines([(left - 1 - _TICK, y, left - 1, y)], colour)
            self.text(left - 1 - _TICK - 4, y, label, size, colour, across="right", up="middle")

    def _pixels(self, boxes: Boxes, beside: int, above: int) -> list[Box]:
        """Pillow's corners, both within the box, from the upper left one. The pixels at its right
        side are left out where ``beside`` is 1, those at its top where ``above`` is."""
        whole = np.floor(np.asarray(boxes, dtype=float).reshape(-1, 4) + 0.5).astype(int)
        left, bottom, right, top = whole.T
        right, top = np.maximum(right - beside, left), np.maximum(top - above, bottom)
        last = self.height - 1
        return list(
            zip(*(a.tolist() for a in (left, last - top, right, last - bottom)), strict=True)
        )

    def _font(self, size: float, bold: bool, text: str) -> tuple[FreeTypeFont, str | None]:
        """The font, and the direction of text that has to be shaped. Plain text is set letter by
        letter, which is the same on every machine; the other needs libraqm, and where Pillow
        comes without it stands unshaped, from left to right."""
        from PIL import ImageFont, features

        shaped = any(unicodedata.bidirectional(c) in _SHAPED for c in text)
        shaped = shaped and bool(features.check_feature("raqm"))
        key = (size, bold, shaped)
        if key not in self._fonts:
            engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
            path = str(_FONTS / (_BOLD if bold else _PLAIN))
            self._fonts[key] = ImageFont.truetype(path, size * _POINT, layout_engine=engine)
        return self._fonts[key], "ltr" if shaped else None


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from ``low`` to ``high`` in equal steps of 1, 2 or 5 by a power of ten, at most
    ``most`` of them: as close as they may be. None where ``high`` is not above ``low``."""
    if not high > low:
        return []
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step, first, last = power, 0, 0
    for step in (power, 2 * power, 5 * power, 10 * power):  # of the last there are few enough
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [float(f"{step * i:.12g}") for i in range(first, last + 1)]


def resized(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) of a picture of single values, (rows, columns), larger or smaller; where it
    is smaller each is the mean of its surroundings."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.HAMMING))


def _one_line(text: str) -> str:
    """Without line breaks and control characters; letters and accents in one where Unicode has them
    so, since not every engine sets a mark upon its letter."""
    text = unicodedata.normalize("NFC", " ".join(text.splitlines()).replace("\t", " "))
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs")).rstrip()


def _colours(colour: str | np.ndarray | None) -> Iterable[Any]:
    """Pillow's colours: the same without end, or of (M, 3) of 0-1 one by one."""
    if colour is None or isinstance(colour, str):
        return repeat(colour)
    return map(tuple, np.floor(colour * 255 + 0.5).astype(int).tolist())
