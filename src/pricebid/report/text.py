"""Tables and sentences for people: rich renderables that fit a hundred columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pricebid.report.numbers import share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from pricebid.tables import History, Shop


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: tuple[int, ...] = (0,)) -> Group:
    """Lay out a table: words to the left, numbers to the right.

    Parameters
    ----------
    title : str
        Heading.
    columns : sequence of str
        Headings of the columns.
    rows : iterable of sequence of str
        Cells.
    words : tuple of int
        Positions of the columns that hold words; the last column, if among them, is wrapped, the others are not.
    """
    # Cells are escaped: a sku may contain what rich takes for markup.
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(columns):
        wraps = at in words and at == len(columns) - 1
        grid.add_column(escape(name), justify="left" if at in words else "right", no_wrap=not wraps)
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    return Group(Text(title, style="bold"), grid)


def section(title: str) -> Rule:
    """Give a heading between the parts of a long output."""
    return Rule(Text(title, style="bold"), align="left", style="dim")


def where(files: Sequence[Path]) -> Text:
    """Say which files were written."""
    return plain(f"Written to {files[0].parent}: " + ", ".join(path.name for path in files))


def plain(words: str) -> Text:
    """Give words to be shown as they are, broken anywhere rather than cut off."""
    return Text(words, overflow="fold")


def shop_report(shop: Shop) -> RenderableType:
    """Say what a shop holds, what is odd in it, and what is switched off.

    Parameters
    ----------
    shop : Shop
        As read; it has no faults, else there would be none.
    """
    rows = [(one.name, f"{len(one):,}", ", ".join(one.columns)) for one in shop.tables]
    parts: list[RenderableType] = [table("Tables", ("table", "rows", "columns"), rows, words=(0, 2))]
    if shop.table("sales") is not None:
        parts.append(Text(history_words(shop.history())))
    parts += _listing("Odd, but usable", [str(fault) for fault in shop.warnings])
    parts += _listing("Switched off", shop.notices)
    parts.append(Text("\nNo faults.", style="green"))
    return Group(*parts)


def history_words(history: History) -> str:
    """Say in a sentence how long, wide and full a sales history is."""
    offers, periods = history.units.shape
    known = np.isfinite(history.units)
    zero = share(float(np.mean(history.units[known] == 0.0))) if known.any() else "-"
    return (
        f"Sales: {offers:,} offers (sku x region) over {periods:,} {history.frequency}s, {history.periods[0]} to "
        f"{history.periods[-1]}; {share(float(known.mean()))} of the cells are known, {zero} of those are 0."
    )


def _listing(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(f"\n{title}", style="bold"), *(Text(f"- {line}") for line in lines)] if lines else []
