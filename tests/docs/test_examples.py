"""Every ```python and ```console block of README.md and docs/ runs; every link inside the project leads somewhere.

The blocks of one page run in order, in one empty folder: a page reads as one session. In a console block a line
``$ command`` is run; lines below it, if any, must be found in what it printed (``...`` stands for anything).
"""

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)\s#]+)")


@dataclass(frozen=True, kw_only=True)
class Block:
    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf8")
    found = [
        Block(language=match[1], text=match[2], line=text.count("\n", 0, match.start()) + 2)
        for match in FENCE.finditer(text)
    ]
    return [block for block in found if block.language in {"python", "console"}]


def run_python(block: Block, page: Path, names: dict[str, object]) -> None:
    if ">>> " not in block.text:
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(page), "exec"), names)  # noqa: S102 - the page's own example
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line - 1)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    said: list[str] = []
    runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0, "".join(said)


def run_console(block: Block) -> None:
    parts = re.split(r"^\$ ", block.text.replace("\\\n", ""), flags=re.MULTILINE)[1:]
    assert parts, f"line {block.line}: a console block has lines that begin with '$ '"
    here = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}
    for part in parts:
        command, _, expected = part.partition("\n")
        out = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
        assert out.returncode == 0, f"{command}\n{out.stdout}{out.stderr}"
        pieces = [re.escape(" ".join(piece.split())) for piece in expected.split("...")]
        assert re.search(".*".join(pieces), " ".join(out.stdout.split())), f"{command}\n{out.stdout}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_every_example_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python":
            run_python(block, page, names)
        else:
            run_console(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    dead = [link for link in LINK.findall(page.read_text(encoding="utf8")) if not (page.parent / link).exists()]
    assert dead == []


@pytest.mark.parametrize("index", [ROOT / "docs" / "README.md", ROOT / "docs" / "decisions" / "README.md"])
def test_every_page_is_in_its_index(index: Path) -> None:
    text = index.read_text(encoding="utf8")
    pages = {page.name for page in index.parent.glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"({name})" not in text} == set()
