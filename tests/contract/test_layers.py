"""Which package may import which: read out of the sources, lazy imports included."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import cantilena

ROOT = Path(cantilena.__path__[0])

LEVELS = (
    ("errors", "version"),
    ("files", "locks", "names", "signals", "audio", "cluster", "fingerprint"),
    ("score",),
    ("analysis", "render"),
    ("text",),
    ("tokens",),
    ("result",),
    ("data", "models"),
    ("decode",),
    ("systems",),
    ("train", "evaluate", "search", "loading", "options", "api"),
    ("cli", "serve"),
)
"""From the lowest. A package imports from its own level and those below; packages of one level may
import one another as long as no circle comes of it."""

LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}


def typing_only(tree: ast.AST) -> set[ast.AST]:
    """The nodes below ``if TYPE_CHECKING:``, which nothing runs."""
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                inside.update(ast.walk(child))
    return inside


@cache
def imports() -> dict[str, set[str]]:
    """module -> the modules of ours that it imports, dotted and without "cantilena."."""
    graph: dict[str, set[str]] = defaultdict(set)
    names = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    for name, path in names.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skipped = typing_only(tree)
        for node in ast.walk(tree):
            if node in skipped:
                continue
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                module = node.module or ""
                targets = [module]
                inner = [f"{module}.{alias.name}" for alias in node.names]
                targets += [t for t in inner if t.removeprefix("cantilena.") in names]
            for target in targets:
                if target.startswith("cantilena."):
                    graph[name].add(target.removeprefix("cantilena."))
    return graph


def package(module: str) -> str:
    return module.partition(".")[0]


def between_packages() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = defaultdict(set)
    for module, targets in imports().items():
        if module and package(module) != "__main__":
            graph[package(module)] |= {package(t) for t in targets} - {package(module)}
    return graph


def test_every_package_has_a_level():
    there = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert there - {"__init__", "__main__"} <= set(LEVEL)


def test_imports_run_downward():
    for name, targets in imports().items():
        if package(name) not in LEVEL:  # the public face, which imports by name
            continue
        for target in targets:
            low, high = LEVEL[package(target)], LEVEL[package(name)]
            assert low <= high, f"{name} imports {target}, which stands above it"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of a graph, [] where there is none."""
    state: dict[str, int] = {}
    path: list[str] = []

    def visit(name: str) -> list[str]:
        state[name] = 1
        path.append(name)
        for target in sorted(graph.get(name, ())):
            if state.get(target) == 1:
                return [*path[path.index(target) :], target]
            if target not in state and (found := visit(target)):
                return found
        path.pop()
        state[name] = 2
        return []

    for name in sorted(graph):
        if name not in state and (found := visit(name)):
            return found
    return []


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_there_is_no_circle_between_packages():
    assert circle(between_packages()) == []


@pytest.mark.parametrize("name", sorted({package(m) for m in imports() if package(m) in LEVEL}))
def test_there_is_no_circle_within_a_package(name: str):
    """A package's own __init__ is what its modules may import from, and the other way round."""
    graph = {
        module: {t for t in targets if package(t) == name and t != module}
        for module, targets in imports().items()
        if package(module) == name
    }
    for module in graph:
        parents = {".".join(module.split(".")[:k]) for k in range(1, module.count(".") + 1)}
        graph[module] -= parents
    assert circle(graph) == []
