"""Modules of ``cantilena.data`` import each other in one direction, within functions too."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cantilena.data

PACKAGE = "cantilena.data"


def sources(folder: Path, package: str) -> dict[str, ast.Module]:
    """The syntax trees of a package's modules by dotted name."""
    trees = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        trees[".".join((package, *parts))] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def bound(package: str, tree: ast.Module) -> set[str]:
    """The names that a package binds at its top level to anything but its own modules."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(t.id for t in targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.ImportFrom) and node.module != package:
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def import_graph(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """For each module those of ``trees`` that it imports anywhere. A package that is imported
    from only to reach one of its modules is not counted."""
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} has a relative import; this test does not read it"
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    module = str(node.module)
                    is_name = module in trees and alias.name in bound(module, trees[module])
                    imported.add(module if is_name or inner not in trees else inner)
        graph[name] = imported & set(trees)
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of an import circle, () where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_import_circle_within_the_data():
    graph = import_graph(sources(Path(cantilena.data.__path__[0]), PACKAGE))
    assert "cantilena.data.paper.manifest" in graph["cantilena.data.paper.reader"]
    assert circle(graph) == []


@pytest.mark.parametrize("line", ["from p import a", "import p.a", "from p.a import x"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_circle_is_seen(tmp_path, line, lazy):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "a.py").write_text("from p.b import y\nx = 1\n")
    text = f"def f():\n    {line}\n" if lazy else f"{line}\n"
    (tmp_path / "b.py").write_text(text + "y = 1\n")
    assert set(circle(import_graph(sources(tmp_path, "p")))) == {"p.a", "p.b"}
