"""A learner that needs no model: what came of each price and bid that was given out, added up.

These totals are what a fit, a bandit's prior and an off-policy estimate begin with; ``inverse`` sums are weighted by
1 / propensity (Horvitz and Thompson 1952), so that options that were seldom drawn count for as much as they stand for.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pricebid.store import FeedbackEvent
    from pricebid_api.worker.work import Work

AMOUNTS = ("units", "revenue", "clicks", "conversions", "cost")
_KEYS = ("kind", "plan_id", "item", "option", "value")
_SUMS = ("events", *AMOUNTS, "inverse_units", "inverse_revenue")


class OutcomeTotals:
    """Adds feedback up by kind, plan, item, option and price (or bid)."""

    name = "outcomes"

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        """Give the totals after some more events, as Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        del work
        fresh = {key: [getattr(event, key) for event in events] for key in _KEYS}
        sums = {name: [float(getattr(event, name) or 0.0) for event in events] for name in AMOUNTS}
        weight = [1.0 / event.propensity for event in events]
        inverse = {
            f"inverse_{name}": [w * amount for w, amount in zip(weight, sums[name], strict=True)]
            for name in ("units", "revenue")
        }
        table = pa.table({**fresh, "events": [1.0] * len(events), **sums, **inverse})
        if state is not None:
            table = pa.concat_tables([pq.read_table(io.BytesIO(state)), table])
        # One thread: sums of floats depend on their order, and the same events must give the same state.
        grouped = table.group_by(list(_KEYS), use_threads=False).aggregate([(name, "sum") for name in _SUMS])
        out = io.BytesIO()
        pq.write_table(
            grouped.select([*_KEYS, *(f"{name}_sum" for name in _SUMS)]).rename_columns([*_KEYS, *_SUMS]), out
        )
        return out.getvalue()


def outcome_totals(state: bytes) -> pd.DataFrame:
    """Read the totals: kind, plan_id, item, option, value, events, amounts, and the weighted sums of units and revenue."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(state))
