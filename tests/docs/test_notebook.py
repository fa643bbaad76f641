"""The notebook of the docs does what it shows, with what the default install has."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from cantilena import Result
from plain_notebook import Shown, cells, run

NOTEBOOK = Path(__file__).parent.parent.parent / "docs" / "compose.ipynb"
MAX_BYTES = 100_000
"""Of the stored file: it holds two small pictures and no sound."""

pytestmark = pytest.mark.skipif(not NOTEBOOK.exists(), reason="the docs are not beside the tests")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> list[Shown]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        return run(NOTEBOOK)


def rows(text: str) -> list[str]:
    """The first word of each line without its figures, which may differ between machines."""
    return [re.sub(r"\d+", "0", line.split()[0]) for line in text.splitlines() if line.strip()]


def test_every_cell_gives_what_is_stored(results):
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    stored = [cell["outputs"] for cell in stored if cell["cell_type"] == "code"]
    assert len(stored) == len(results) >= 8
    for outputs, shown in zip(stored, results, strict=True):
        printed = "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")
        assert rows(printed) == rows(shown.printed)
        displayed = [o for o in outputs if o["output_type"] == "execute_result"]
        assert len(displayed) == len(shown.displayed)
        assert outputs, "a cell that shows nothing"


def test_a_result_shows_its_roll_a_player_and_its_report(results):
    pieces = [value for shown in results for value in shown.displayed]
    assert len(pieces) == 2
    for piece in pieces:
        assert isinstance(piece, Result)
        page = piece._repr_html_()
        links = dict(re.findall(r'src="data:([a-z]+/[a-z]+);base64,([^"]+)"', page))
        assert base64.b64decode(links["image/png"]).startswith(b"\x89PNG")
        assert base64.b64decode(links["audio/wav"]).startswith(b"RIFF")
        for row in piece.report:
            assert f"<td>{row.wish}</td>" in page


def test_the_stored_file_is_small_and_names_every_step():
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "text/html" not in text and "audio/wav" not in text
    heads = re.findall(r"^## (\w+)", "\n".join(cells(NOTEBOOK, "markdown")), re.MULTILINE)
    assert heads == ["Compose", "Look", "Listen", "Edit", "Evaluate"]
