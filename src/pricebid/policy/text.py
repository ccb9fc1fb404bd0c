"""Where keys stand in a TOML text, and which known word an unknown one was meant to be."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str | int, ...]
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def nearest(word: object, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'x'?`` for the known word closest to another, else nothing.

    Examples
    --------
    >>> nearest("min_margn", ["min_margin", "max_change"])
    "; did you mean 'min_margin'?"
    >>> nearest("zebra", ["min_margin"])
    ''
    """
    known = sorted(str(one) for one in known)[:20_000]
    found = difflib.get_close_matches(str(word)[:80].strip().lower(), known, n=1, cutoff=cutoff)
    return f"; did you mean {found[0]!r}?" if found and found[0] != word else ""


def key_lines(text: str) -> dict[Path, int]:
    """Line, counted from 1, of each key and table of a TOML text, by path: ``("rules", 0, "order")``.

    ``tomllib`` keeps no positions, so the text is scanned; keys inside inline tables are found under their parent.
    """
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), start=1):
        was_quoted, quoted = quoted, _open_quote(line, quoted)
        if was_quoted:
            continue
        header = _HEADER.match(line)
        if header:
            prefix = _resolved(_parts(header[2]), counts)
            if header[1] == "[[":
                at = counts.get(prefix, 0)
                counts[prefix] = at + 1
                prefix = (*prefix, at)
            lines.setdefault(prefix, number)
            continue
        key = _KEY.match(line)
        if key:
            parts = _parts(key[1])
            for depth in range(1, len(parts) + 1):
                lines.setdefault((*prefix, *parts[:depth]), number)
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Line of a path, or of the innermost parent that has one."""
    return next((lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), None)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolved(parts: tuple[str, ...], counts: dict[Path, int]) -> Path:
    """Put the number of the latest entry behind each array of tables on the way, but not behind the last part."""
    path: Path = ()
    for at, part in enumerate(parts):
        path = (*path, part)
        if at < len(parts) - 1 and path in counts:
            path = (*path, counts[path] - 1)
    return path


def _open_quote(line: str, quoted: str) -> str:
    for mark in ('"""', "'''"):
        if quoted in ("", mark) and line.count(mark) % 2:
            return "" if quoted else mark
    return quoted
