"""Warnings where the arms of an experiment draw on the same stock or budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.tables.experiments import SharedSupply

_REMEDY = "split it by arm, or run a switchback over whole regions"


def interference_warnings(shared: SharedSupply) -> tuple[str, ...]:
    """Say what the arms share, and how often it ran out meanwhile.

    Where it runs out, what one arm takes the other lacks: the difference between arms is then larger than what would come of
    giving the better variant to all (Blake and Coey 2014; Liu, Mao and Kang 2021 for budgets).

    Parameters
    ----------
    shared : SharedSupply
        As the shop tells it.
    """
    found = []
    if shared.stocked:
        what = f"the arms draw on the same stock of {shared.stocked:,} skus"
        found.append(_sentence(what, "sold out", "sales rows", shared.stock_bound))
    if shared.budgets:
        what = f"the arms spend from the same daily budget in {shared.budgets:,} campaigns"
        found.append(_sentence(what, "used up", "campaign days", shared.budget_bound))
    return tuple(found)


def _sentence(what: str, gone: str, of: str, bound: float) -> str:
    if np.isnan(bound):
        return f"{what}; how often it was {gone} is not known: where it was, the difference is overstated; {_REMEDY}"
    if bound == 0:
        return f"{what}; it was never {gone} in this time, so that should not matter here"
    return f"{what}, {gone} in {100 * bound:.1f} % of the {of} in this time: the difference is overstated; {_REMEDY}"
