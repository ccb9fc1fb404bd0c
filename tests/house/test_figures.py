"""The house in figures: how long files and functions may be, and that everything public is documented."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "api").rglob("*.py")])
FILE_CEILING, FUNCTION_CEILING = 500, 60
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


def docstring_lines(node: ast.AST) -> int:
    first = node.body[0] if getattr(node, "body", None) else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first.end_lineno - first.lineno + 1 if is_text else 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_what_is_public_in_it_is_documented(path: Path) -> None:
    text = path.read_text(encoding="utf8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= FILE_CEILING
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    lengths = {node.name: node.end_lineno - node.lineno + 1 - docstring_lines(node) for node in functions}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_CEILING} == {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    reachable = [*tree.body, *(member for node in classes for member in node.body)]
    public = [node for node in reachable if isinstance(node, DEFINITIONS) and not node.name.startswith("_")]
    silent = [node.name for node in public if not docstring_lines(node)]
    assert silent == []
    assert docstring_lines(tree) > 0, "a module says at its top what it is"


@pytest.mark.parametrize("folder", ["src", "api", "tests", "benchmarks", "scripts"])
def test_no_two_names_for_leftovers(folder: str) -> None:
    names = {path.stem for path in (ROOT / folder).rglob("*.py")}
    assert names.isdisjoint({"utils", "helpers", "common", "misc"})
