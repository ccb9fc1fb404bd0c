"""From ad reports to bids, prices and bids together, channels and attribution. No arithmetic here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import pandas as pd

    from pricebid.bidding import BidPlan
    from pricebid.bidding.channel_plan import ChannelPlan
    from pricebid.demand import DemandModel
    from pricebid.landscape import BidLandscape
    from pricebid.landscape.attribution import Attribution, AttributionSettings
    from pricebid.planning import JointPlan
    from pricebid.policy import Policy
    from pricebid.pricing import PricePlan
    from pricebid.tables import Shop

    Progress = Callable[[str, float], None]

_AT_PLANNED = (
    "now and planned are both valued at the planned prices, with the conversion rates of today's; `pricebid plan` also moves "
    "those"
)


def landscape(shop: Shop, policy: Policy, *, progress: Progress | None = None) -> BidLandscape:
    """Learn from a shop's ad reports what each bid would win, cost and bring.

    Parameters
    ----------
    shop : Shop
        With a table ``keywords``.
    policy : Policy
        Its ``bids.auction`` and ``bids.conversion_delay`` count where given.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``keywords``.
    InputError
        No row has both a bid and an impression.
    """
    from pricebid.landscape import fit_landscape

    bids = policy.bids
    return fit_landscape(
        shop.keyword_reports(),
        auction=None if bids is None else bids.auction,
        conversion_delay=None if bids is None else bids.conversion_delay,
        candidates=shop.candidates(),
        seed=policy.seed,
        progress=progress,
    )


def bid(
    shop: Shop,
    policy: Policy,
    *,
    prices: PricePlan | pd.DataFrame | None = None,
    known: BidLandscape | None = None,
    progress: Progress | None = None,
) -> BidPlan:
    """Choose a bid per keyword and multipliers per campaign: the highest objective that budgets and limits allow, per day.

    Parameters
    ----------
    shop : Shop
        With a table ``keywords``.
    policy : Policy
        What to aim at; ``[bids]`` says what must hold.
    prices : PricePlan or DataFrame, optional
        A price plan, or its table ``prices``: what linked skus will cost. Current prices where not given.
    known : BidLandscape, optional
        As `landscape` gives it, where it is there already.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``keywords``, or profit counts and margins are not known.
    Infeasible
        A campaign's rules leave it no bid.
    """
    from dataclasses import replace

    from pricebid import bidding

    found = landscape(shop, policy, progress=progress) if known is None else known
    value = bidding.shop_value(shop, found, policy, prices=prices)
    made = bidding.bid(found, policy, campaigns=shop.campaigns(), value=value, progress=progress)
    said = () if prices is None else (_AT_PLANNED,)
    return replace(made, currency=shop.settings.currency, remarks=(*said, *made.remarks))


def check_ads(shop: Shop, policy: Policy) -> None:
    """Check that `bid` will know what a conversion is worth, without learning anything.

    Raises
    ------
    TableError
        Profit counts, and neither a sku with price and cost nor a margin of the campaign tells it.
    """
    from pricebid.bidding import check_value

    check_value(shop, policy)


def plan(
    shop: Shop,
    model: DemandModel,
    policy: Policy,
    *,
    start: date | str | None = None,
    known: BidLandscape | None = None,
    progress: Progress | None = None,
) -> JointPlan:
    """Choose prices and bids together, so that clicks are bought for what they are worth at the prices they meet.

    Parameters
    ----------
    shop, model, policy
        As for `price` and `bid`; the keywords must lead to skus of the shop.
    start : date, optional
        First period planned for; default: the one after the last sale.
    known : BidLandscape, optional
        As `landscape` gives it, where it is there already.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    InputError
        No keyword leads to a sku of the shop.
    Infeasible
        The limits cannot all hold.
    """
    from pricebid import bidding, planning

    found = landscape(shop, policy, progress=progress) if known is None else known
    apart = bidding.shop_value(shop, found, policy)
    return planning.plan(shop, model, found, policy, apart=apart, start=start, progress=progress)


def channels(
    shop: Shop, policy: Policy, *, margin: float | None = None, progress: Progress | None = None
) -> ChannelPlan:
    """Split a budget over advertising channels.

    Parameters
    ----------
    shop : Shop
        With a table ``channels``.
    policy : Policy
        ``[channels]`` gives budget, floors, caps and changes.
    margin : float, optional
        Contribution over revenue before advertising; told from the shop where not given.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``channels``.
    Infeasible
        Floors, caps, changes and budget cannot all hold.
    """
    from pricebid.bidding.channels import plan_channels

    return plan_channels(shop, policy, margin=margin, progress=progress)


def attribute(
    shop: Shop,
    *,
    rules: Sequence[str] | None = None,
    window: float | None = None,
    settings: AttributionSettings | None = None,
) -> Attribution:
    """Credit conversions to channels by several rules, side by side.

    Parameters
    ----------
    shop : Shop
        With a table ``touches``.
    rules : sequence of str, optional
        All that apply where not given.
    window : float, optional
        Days before a conversion in which touches count; all where not given.
    settings : AttributionSettings, optional
        Half-life, order of the Markov graph and the like.

    Raises
    ------
    TableError
        The shop has no ``touches``, or none converted.
    """
    from pricebid.landscape import attribution
    from pricebid.landscape.attribution_paths import cut_paths

    paths = cut_paths(shop.touches(), window=window)
    return attribution.attribute(paths, rules=rules, settings=settings or attribution.AttributionSettings())
