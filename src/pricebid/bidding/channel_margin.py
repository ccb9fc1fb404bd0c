"""Which share of a channel's revenue is left before its spend: told by the shop's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.tables import Shop

_RECENT = 52


def shop_margin(shop: Shop) -> tuple[float | None, str]:
    """Contribution over revenue before advertising, and where it is from; None where no table tells.

    Sales of the last 52 periods with their costs go before the mean margin of ``campaigns``.

    Parameters
    ----------
    shop : Shop
        As read.
    """
    if shop.table("sales") is not None:
        history, offers = shop.history(), shop.offers
        units, price = history.units[:, -_RECENT:], history.price[:, -_RECENT:]
        known = np.isfinite(units) & np.isfinite(price) & np.isfinite(offers.cost)[:, None]
        net = price / (1 + offers.tax[:, None])
        revenue = float(np.sum(units * net, where=known))
        left = float(np.sum(units * (net - (offers.cost + offers.shipping_cost)[:, None]), where=known))
        if revenue > 0:
            return left / revenue, f"margin {left / revenue:.1%}: contribution over revenue of the last sales"
    campaigns = shop.table("campaigns")
    if campaigns is not None:
        margins = campaigns.numbers("margin")
        if np.isfinite(margins).any():
            mean = float(np.nanmean(margins))
            return mean, f"margin {mean:.1%}: mean of campaigns.margin"
    return None, ""
