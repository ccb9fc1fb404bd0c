"""What a customer is worth, by the channel that brought the first order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.attribution_paths import tally
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.channels import Purchases

MONTH, MONTHS = 30, 12
_WEIGHT = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomerValue:
    """Revenue from a customer over the first year, by channel of the first order.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    lifetime : float64[channel]
        Expected revenue from a customer over `months` months of 30 days from the first order on, money.
    customers : float64[channel]
        Customers whose first order the channel brought.
    months : int
        Months that the orders speak of, at most 12.
    overall : float
        As ``lifetime``, over all channels.
    """

    channels: NDArray[np.object_]
    lifetime: NDArray[np.float64]
    customers: NDArray[np.float64]
    months: int
    overall: float

    def of(self, channels: NDArray[np.object_]) -> NDArray[np.float64]:
        """Lifetime revenue by channel, float64[channel]; that of all customers where a channel brought none."""
        known = dict(zip(self.channels.tolist(), self.lifetime.tolist(), strict=True))
        return np.array([known.get(name, self.overall) for name in channels.tolist()])


def customer_value(purchases: Purchases) -> CustomerValue:
    """Estimate the revenue of a customer's first year by channel of the first order.

    Customers are followed month by month from their first order; a month counts the customers who have been there for
    all of it, so that young customers do not pull the value down (Bang and Tsiatis 2000, in its simple form). Each
    month's mean of a channel is put together with that of all channels, which has the weight of 20 customers.

    Parameters
    ----------
    purchases : Purchases
        As read.
    """
    order = np.lexsort((purchases.day, purchases.customer))
    customer, day = purchases.customer[order], purchases.day[order]
    begins = np.append(True, customer[1:] != customer[:-1])
    number = np.cumsum(begins) - 1
    first_day, channel = day[begins], purchases.channel[order][begins]
    seen = (purchases.day.max() - first_day).astype(np.int64) + 1
    months = int(np.clip(seen.max() // MONTH, 1, MONTHS))
    whole = np.clip(seen // MONTH, 0, months)
    month = (day - first_day[number]).astype(np.int64) // MONTH
    counts = month < whole[number]
    size = len(purchases.channels)
    at = channel[number].astype(np.int64) * months + month
    money = tally(at[counts], purchases.money[order][counts], size * months).reshape(size, months)
    there = np.arange(months) < whole[:, None]
    followed = np.stack([tally(channel, there[:, one].astype(np.float64), size) for one in range(months)], axis=1)
    everyone = followed.sum(axis=0)
    usual = np.divide(money.sum(axis=0), everyone, out=np.zeros(months), where=everyone > 0)
    mean = (money + _WEIGHT * usual) / (followed + _WEIGHT)
    return CustomerValue(
        channels=purchases.channels,
        lifetime=freeze(mean.sum(axis=1)),
        customers=freeze(np.bincount(channel, minlength=size).astype(np.float64)),
        months=months,
        overall=float(usual.sum()),
    )
