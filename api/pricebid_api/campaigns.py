"""Limits of campaigns, by which bids are kept: who takes them away while a plan of bids is in force is told whose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.store import Store

CAMPAIGNS = "campaigns"
_LIMITS = ("daily_budget", "max_bid")
MOST_IN_WORDS = 20  # campaigns that a sentence names


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
    more = f" and {len(named) - MOST_IN_WORDS:,} more" if len(named) > MOST_IN_WORDS else ""
    told = (
        f"{CAMPAIGNS}: {plan.kind} plan {plan.plan_id} is in force, and its bids are no longer kept within "
        f"limits that campaigns had: {', '.join(named[:MOST_IN_WORDS])}{more}"
    )
    return (told,)


def budgets_gone(db: Store, shop: str, document: Mapping[str, Any]) -> dict[str, float]:
    """Give the budgets of campaigns that a plan was made within and the shop has no more: no bid would be kept by them.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    document : mapping
        The plan's ``plan.json``.

    Returns
    -------
    dict of str to float
        Daily budget that the plan kept, money, by what the plan calls it; 0 where it does not say how much.
    """
    from pricebid.bidding.limits import campaign_titles

    limits = document.get("limits")
    named = [one for one in limits if isinstance(one, dict)] if isinstance(limits, list) else []
    begin = campaign_titles("daily_budget")
    planned = {name: one.get("limit") for one in named if (name := str(one.get("name", ""))).startswith(begin)}
    held = _budgets(db, shop) if planned else set()
    told = {name: float(amount) if isinstance(amount, (int, float)) else 0.0 for name, amount in planned.items()}
    return {name: amount for name, amount in told.items() if name not in held}


def _budgets(db: Store, shop: str) -> set[str]:
    """Give the budgets that the table has, by what plans call them; a table that cannot be read keeps no bid."""
    from pricebid.bidding.limits import campaign_title

    try:
        had = _limits(store.table_bytes(db, shop, CAMPAIGNS))
    except PricebidError:
        return set()
    return {campaign_title("daily_budget", name) for name, limits in had.items() if "daily_budget" in limits}


def _limits(data: bytes) -> Mapping[str, list[str]]:
    """Give the limits that each campaign has."""
    table = table_of(CAMPAIGNS, data)
    names = [str(label) for label in table.text("campaign").rows]
    held = {limit: np.isfinite(table.numbers(limit)).tolist() for limit in _LIMITS}
    return {name: [limit for limit in _LIMITS if held[limit][row]] for row, name in enumerate(names)}
