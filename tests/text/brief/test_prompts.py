"""What people type and what is to be understood: a table of prompts, each with its whole Brief."""

from __future__ import annotations

import json

import pytest

from assets import ASSETS
from brief_table import FIELDS, plain
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief

TABLE = ASSETS / "briefs.jsonl"
ROWS = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["text"][:60])
def test_a_prompt_is_understood(row: dict) -> None:
    expected = {k: v for k, v in row.items() if k != "text"}
    assert plain(parse_brief(row["text"])) == expected


def test_the_table_is_large_and_says_each_prompt_once() -> None:
    texts = [row["text"] for row in ROWS]
    assert len(texts) == len(set(texts)) >= 120


@pytest.mark.parametrize("row", ROWS[::4], ids=lambda row: row["text"][:60])
def test_a_brief_survives_json(row: dict) -> None:
    brief = parse_brief(row["text"])
    assert Brief.from_dict(json.loads(json.dumps(brief.to_dict()))) == brief


@pytest.mark.parametrize("row", ROWS[::3], ids=lambda row: row["text"][:60])
def test_every_field_that_is_set_says_how(row: dict) -> None:
    brief = parse_brief(row["text"])
    for field in (*FIELDS[:-1], "tempo_range"):
        is_set = getattr(brief, field) != getattr(Brief(), field)
        assert (brief.how.get(field) in ("said", "implied")) == is_set, field
