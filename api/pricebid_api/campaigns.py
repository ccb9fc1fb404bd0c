"""Limits of campaigns, by which bids are kept: who takes them away while a plan of bids is in force is told whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid import store
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.store import Store

CAMPAIGNS = "campaigns"
_LIMITS = ("daily_budget", "max_bid")
_MOST_NAMED = 20


def lost_limits(db: Store, shop: str, version: int) -> tuple[str, ...]:
    """Warn of limits that a version of the table ``campaigns`` has no more and the one before it had; blocking.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    version : int
        The one that was just loaded.

    Returns
    -------
    tuple of str
        One sentence; none where no plan of bids is in force, or every limit is still there, whatever it is.
    """
    found = (store.published(db, shop, kind) for kind in ("bid", "joint"))
    plan = next((one for one in found if one is not None and one.plan_id is not None), None)
    if plan is None:
        return ()
    try:
        before, now = (_limits(store.table_bytes(db, shop, CAMPAIGNS, one)) for one in (version - 1, version))
    except store.NotFound:  # the first that was loaded; or another one came meanwhile, and its answer tells
        return ()
    lost = {name: [one for one in had if one not in now.get(name, ())] for name, had in sorted(before.items())}
    named = [f"{name} ({', '.join(limits)})" for name, limits in lost.items() if limits]
    if not named:
        return ()
    more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    told = (
        f"{CAMPAIGNS}: {plan.kind} plan {plan.plan_id} is in force, and its bids are no longer kept within "
        f"limits that campaigns had: {', '.join(named[:_MOST_NAMED])}{more}"
    )
    return (told,)


def _limits(data: bytes) -> Mapping[str, list[str]]:
    """Give the limits that each campaign has."""
    table = table_of(CAMPAIGNS, data)
    names = [str(label) for label in table.text("campaign").rows]
    held = {limit: np.isfinite(table.numbers(limit)).tolist() for limit in _LIMITS}
    return {name: [limit for limit in _LIMITS if held[limit][row]] for row, name in enumerate(names)}
