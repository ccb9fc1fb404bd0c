"""Limits of campaigns, by which bids are kept: who takes them away while a plan of bids is in force is told whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid import store
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def budgets_gone(db: Store, shop: str, limits: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Give the budgets of campaigns that a plan was made within and the shop has no more: no bid would be kept by them.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    limits : sequence of mapping
        The plan's own, as its ``plan.json`` has them.

    Returns
    -------
    dict of str to float
        Daily budget that the plan kept, money, by what the plan calls it.
    """
    from pricebid.bidding.limits import campaign_title

    try:
        table = table_of(CAMPAIGNS, store.table_bytes(db, shop, CAMPAIGNS))
    except store.NotFound:
        held: set[str] = set()
    else:
        given = np.isfinite(table.numbers("daily_budget")).tolist()
        names = zip(table.text("campaign").rows, given, strict=True)
        held = {campaign_title("daily_budget", str(name)) for name, has in names if has}
    planned = {str(one["name"]): float(str(one["limit"])) for one in limits}
    any_of = campaign_title("daily_budget", " ").rstrip()
    return {name: amount for name, amount in planned.items() if name.startswith(any_of) and name not in held}


def _limits(data: bytes) -> Mapping[str, list[str]]:
    """Give the limits that each campaign has."""
    table = table_of(CAMPAIGNS, data)
    names = [str(label) for label in table.text("campaign").rows]
    held = {limit: np.isfinite(table.numbers(limit)).tolist() for limit in _LIMITS}
    return {name: [limit for limit in _LIMITS if held[limit][row]] for row, name in enumerate(names)}
