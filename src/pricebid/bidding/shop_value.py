"""What a conversion is worth in a shop: its catalog, its campaigns, and a price plan where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.bidding.value import ConversionValue, conversion_value, sku_money, value_of
from pricebid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.landscape import BidLandscape
    from pricebid.policy import Policy
    from pricebid.tables import Offers, Shop


class Priced(Protocol):
    """A plan of prices."""

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``prices``."""
        ...


def shop_value(
    shop: Shop, landscape: BidLandscape, policy: Policy, *, prices: Priced | pd.DataFrame | None = None
) -> ConversionValue:
    """Return what a conversion of each series is worth.

    Parameters
    ----------
    shop : Shop
        Its offers tell prices and costs of the skus that keywords lead to, its campaigns the margins of the others.
    landscape : BidLandscape
        Of the shop's keywords.
    policy : Policy
        Whether profit counts.
    prices : PricePlan or DataFrame, optional
        A price plan, or its table ``prices``: prices that will hold. Current ones where not given.

    Returns
    -------
    ConversionValue

    Raises
    ------
    TableError
        Profit counts, and is not known for some campaign.
    InputError
        The prices are not those of this shop.
    """
    linked = "sku" in landscape.keywords.columns and (
        shop.table("catalog") is not None or shop.table("sales") is not None
    )
    if not linked and prices is not None:
        raise InputError(
            "prices were given, but keywords lead to no sku of the shop: fill keywords.sku, or leave them out"
        )
    money = None
    if linked:
        planned = None if prices is None else planned_prices(shop.offers, prices)
        money = sku_money(landscape.keywords, shop.offers, planned)
    return conversion_value(landscape, shop.campaigns(), money=money, need_profit=policy.objective.profit > 0)


def check_value(shop: Shop, policy: Policy) -> None:
    """Check, before anything is learnt, that what a conversion is worth is known for all keywords of a shop.

    Raises
    ------
    TableError
        Profit counts, and is not known for some campaign.
    """
    keywords = shop.keyword_reports().keywords
    offers = shop.table("catalog") is not None or shop.table("sales") is not None
    money = sku_money(keywords, shop.offers) if "sku" in keywords.columns and offers else None
    need = policy.objective.profit > 0
    value_of(keywords, np.ones(len(keywords)), shop.campaigns(), money=money, need_profit=need)


def planned_prices(offers: Offers, prices: Priced | pd.DataFrame) -> NDArray[np.float64]:
    """Return the planned price of each offer, float64[offer]; NaN where the plan has none.

    Parameters
    ----------
    offers : Offers
        Of the shop.
    prices : PricePlan or DataFrame
        A price plan, or its table ``prices``.

    Raises
    ------
    InputError
        The table lacks a key column or ``price``, or has no offer of the shop.
    """
    import pandas as pd

    frame = prices if isinstance(prices, pd.DataFrame) else prices.to_frame()
    missing = [name for name in (*offers.columns, "price") if name not in frame.columns]
    if missing:
        raise InputError(
            f"the table prices has no column {', '.join(missing)}; give the prices of a plan for this shop"
        )
    keys = pd.DataFrame(dict(zip(offers.columns, offers.labels, strict=True)))
    given = frame[[*offers.columns, "price"]].astype(dict.fromkeys(offers.columns, object))
    found = keys.merge(given, how="left", on=list(offers.columns), validate="one_to_one")["price"].to_numpy(dtype=float)
    if np.isnan(found).all():
        raise InputError("no offer of the shop has a price in the table prices: it is another shop's plan")
    return np.asarray(found, dtype=np.float64)
