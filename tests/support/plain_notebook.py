"""Notebooks without Jupyter: their cells run in order, and what they print and show.

Knows the notebook format's cells and outputs; does not know what is in a notebook. As a command it
runs a notebook in a temporary folder and stores its outputs in it, small: text, and of a Result the
piano roll but neither the player nor the report:

    python tests/support/plain_notebook.py docs/compose.ipynb
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTH = 800
"""Pixels of a stored picture."""


@dataclass
class Shown:
    """What a cell printed, and the objects it displayed, its last value among them."""

    printed: str = ""
    displayed: list[Any] = field(default_factory=list)


def cells(path: Path, kind: str) -> list[str]:
    """The sources of a notebook's cells of a kind, "code" or "markdown"."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def run(path: Path) -> list[Shown]:
    """Runs the code cells in one namespace, in the current folder; one Shown for each."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    return [_run(source, namespace) for source in cells(path, "code")]


def _run(source: str, namespace: dict[str, Any]) -> Shown:
    shown = Shown()
    namespace["display"] = lambda *values: shown.displayed.extend(values)
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
            if value is not None:
                shown.displayed.append(value)
    shown.printed = printed.getvalue()
    return shown


def store(path: Path) -> None:
    """Runs a notebook and stores its outputs in it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    folder = os.getcwd()
    with tempfile.TemporaryDirectory() as work:
        place = path.resolve()
        os.chdir(work)
        try:
            results = run(place)
        finally:
            os.chdir(folder)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, (cell, shown) in enumerate(zip(code, results, strict=True), 1):
        cell["execution_count"] = count
        cell["outputs"] = list(_outputs(shown, count))
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _outputs(shown: Shown, count: int) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if shown.printed:
        lines = shown.printed.splitlines(keepends=True)
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines})
    for value in shown.displayed:
        data: dict[str, Any] = {"text/plain": [repr(value)]}
        if hasattr(value, "_repr_html_"):
            data["image/png"] = _picture(value._repr_html_())
        outputs.append(
            {
                "data": data,
                "execution_count": count,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _picture(page: str) -> str:
    """The first PNG in a page of HTML as base64, made small: ``WIDTH`` pixels, 256 colours."""
    from PIL import Image

    match = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert match is not None, "the page shows no PNG"
    image = Image.open(io.BytesIO(base64.b64decode(match[1]))).convert("RGB")
    image = image.resize((WIDTH, image.height * WIDTH // image.width), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode() + "\n"


if __name__ == "__main__":
    store(Path(sys.argv[1]))
