"""From a shop's tables to a channel plan."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from pricebid.bidding.channel_margin import shop_margin
from pricebid.bidding.channel_split import split_budget
from pricebid.landscape.channel_response import fit_channel_response
from pricebid.landscape.channel_value import customer_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricebid.bidding.channel_plan import ChannelPlan
    from pricebid.policy import Policy
    from pricebid.tables import Shop
    from pricebid.tables.channels import ChannelHistory

_FIT = 0.8
_STILL = 0.02  # a spend that strays less than this share from its mean tells no return


def plan_channels(
    shop: Shop,
    policy: Policy,
    *,
    margin: float | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> ChannelPlan:
    """Learn what each channel brings, and split the budget.

    Parameters
    ----------
    shop : Shop
        With ``channels``; ``sales`` with costs (or ``campaigns``) tell the margin, ``orders`` what customers are worth.
    policy : Policy
        Objective, seed, and ``channels``: budget, floors, caps, changes.
    margin : float, optional
        Contribution over revenue before advertising, above 0 and at most 1; told from the shop where not given.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    InputError
        A table or column that is needed is not there.
    Infeasible
        Floors, caps, changes and budget that cannot all hold.
    """
    began = perf_counter()
    history, orders = shop.channel_history(), shop.purchases()

    def scaled(stage: str, share: float) -> None:
        if progress is not None:
            progress(stage, _FIT * share)

    response = fit_channel_response(history, seed=policy.seed, progress=scaled)
    fitted = perf_counter()
    known, source = (margin, "") if margin is not None else shop_margin(shop)
    plan = split_budget(
        response,
        policy,
        margin=known,
        customers=None if orders is None or not len(orders.customer) else customer_value(orders),
        settings=shop.settings,
        progress=None if progress is None else lambda stage, share: progress(stage, _FIT + (1 - _FIT) * share),
    )
    notices = (*((source,) if source else ()), *_never_moved(history), *plan.notices)
    return replace(plan, notices=notices, seconds={"response": fitted - began, **plan.seconds})


def _never_moved(history: ChannelHistory) -> tuple[str, ...]:
    """Say which channels' spends tell nothing of what more or less would bring."""
    mean, spread = history.spend.mean(axis=1), history.spend.std(axis=1)
    still = history.channels[(mean > 0) & (spread < _STILL * mean)]
    if not len(still):
        return ()
    return (
        (
            f"spend on {', '.join(str(name) for name in still)} hardly ever moved: what more or less of it would bring is taken from "
            "the other channels and from what is usual; move it on purpose for a few periods to learn it"
        ),
    )
