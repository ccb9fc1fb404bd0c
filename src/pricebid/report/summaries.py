"""What `--json` prints: the same results as the tables for people, as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pricebid.tables import Shop


def shop_summary(shop: Shop) -> dict[str, Any]:
    """Give what a shop holds: rows by table, the history's extent, warnings and notices."""
    summary: dict[str, Any] = {
        "tables": {one.name: len(one) for one in shop.tables},
        "warnings": [asdict(fault) for fault in shop.warnings],
        "notices": list(shop.notices),
    }
    if shop.table("sales") is not None:
        history = shop.history()
        summary |= {
            "offers": len(history.offers),
            "frequency": history.frequency,
            "first": str(history.periods[0]),
            "last": str(history.periods[-1]),
            "periods": len(history.periods),
        }
    return summary
