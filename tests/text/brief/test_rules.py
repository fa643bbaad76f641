"""Every rule by its own examples: they are read as it says, and by this rule."""

from __future__ import annotations

import pytest

from brief_table import plain
from cantilena.text.brief.explain import RULES
from cantilena.text.brief.reader import read
from cantilena.text.brief.rules import Rule

EXAMPLES = [
    pytest.param(rule, text, wishes, id=f"{rule.name}: {text}")
    for rule in RULES
    for text, wishes in rule.examples
]


@pytest.mark.parametrize(("rule", "text", "wishes"), EXAMPLES)
def test_an_example_is_read_as_its_rule_says(rule: Rule, text: str, wishes: dict) -> None:
    brief, reading = read(text)
    fields = plain(brief)
    assert {name: fields.get(name) for name in wishes} == wishes
    assert rule.name in {use.rule for use in (*reading.uses, *reading.asides, *reading.conflicts)}


def test_rules_have_names_of_their_own_and_examples() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert all(rule.examples for rule in RULES)
