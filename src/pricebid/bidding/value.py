"""What a conversion is worth: contribution at planned prices where a sku is linked, else revenue times margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, InputError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape import BidLandscape
    from pricebid.tables import Campaigns, KeywordAxis, Offers

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ConversionValue:
    """Money per conversion of each series of a landscape.

    Parameters
    ----------
    revenue : float64[series]
        After tax where a sku is linked, else as reported.
    profit : float64[series]
        Contribution before ad cost; may be negative. NaN where it is not known: only where profit does not count.
    remarks : tuple of str
        What could not be valued, for the plan to say.

    Raises
    ------
    InputError
        The two differ in shape, or a revenue is negative or not finite.
    """

    revenue: Floats
    profit: Floats
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.revenue.shape != self.profit.shape or self.revenue.ndim != 1:
            raise InputError(
                f"revenue of shape {self.revenue.shape} and profit of shape {self.profit.shape}: give one of each per series"
            )
        if not np.all(np.isfinite(self.revenue) & (self.revenue >= 0)):
            raise InputError("revenue per conversion must be finite and not negative")


@dataclass(frozen=True, kw_only=True, eq=False)
class SkuMoney:
    """Prices and costs of the sku that each series leads to, money per unit; NaN where there is none.

    Parameters
    ----------
    sold_at : float64[series]
        Shelf price at which the reported conversions came about: tells how many units a conversion has.
    price : float64[series]
        Shelf price that will hold.
    cost, shipping : float64[series]
        Per unit.
    tax : float64[series]
        Rate included in the price.
    """

    sold_at: Floats
    price: Floats
    cost: Floats
    shipping: Floats
    tax: Floats


def sku_money(keywords: KeywordAxis, offers: Offers, price: Floats | None = None) -> SkuMoney:
    """Return prices and costs of the skus that series lead to; of several offers (regions) of a sku their mean.

    Parameters
    ----------
    keywords : KeywordAxis
        The series. With a column ``region`` that the offers know too, each looks up its own region.
    offers : Offers
        What the shop sells.
    price : float64[offer], optional
        Planned shelf prices; current ones where not given, or NaN.
    """
    planned = offers.current_price if price is None else np.where(np.isfinite(price), price, offers.current_price)
    values = np.stack([offers.current_price, planned, offers.cost, offers.shipping_cost, offers.tax])
    found = np.full((5, len(keywords)), np.nan)
    if "sku" in keywords.columns:
        sku, known = _codes(keywords.label("sku"), offers.sku)
        found = _means(values, sku, known)
        if "region" in keywords.columns:
            here = [f"{one}\x1f{other}" for one, other in zip(offers.sku, offers.region, strict=True)]
            mine = [
                f"{one}\x1f{other}" for one, other in zip(keywords.label("sku"), keywords.label("region"), strict=True)
            ]
            closer = _means(values, *_codes(np.array(mine, dtype=object), np.array(here, dtype=object)))
            found = np.where(np.isfinite(closer), closer, found)
    return SkuMoney(sold_at=found[0], price=found[1], cost=found[2], shipping=found[3], tax=found[4])


def _codes(wanted: NDArray[np.object_], labels: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return numbers of wanted labels and of labels, equal where they are equal."""
    numbers = np.unique(np.concatenate([wanted.astype(str), labels.astype(str)]), return_inverse=True)[1]
    return numbers[: len(wanted)], numbers[len(wanted) :]


def _means(values: Floats, wanted: NDArray[np.int64], labels: NDArray[np.int64]) -> Floats:
    """Return mean values of equal labels, float64[kind, wanted]; NaN where a label is not there."""
    size = int(max(wanted.max(initial=0), labels.max(initial=0))) + 1
    count = np.bincount(labels, minlength=size)
    with np.errstate(invalid="ignore"):
        means = np.stack([np.bincount(labels, one, minlength=size) / count for one in values])
    return np.asarray(means[:, wanted], dtype=np.float64)


def conversion_value(
    landscape: BidLandscape, campaigns: Campaigns, *, money: SkuMoney | None = None, need_profit: bool = True
) -> ConversionValue:
    """Return what conversions are worth.

    Where a sku is linked and its price and cost are known, a conversion has ``revenue per conversion / price`` units, each
    worth ``price / (1 + tax) - cost - shipping`` at the price that will hold. Elsewhere profit is revenue times the
    campaign's margin. A candidate of which neither is known is taken to bring nothing, so that no plan starts it.

    Parameters
    ----------
    landscape : BidLandscape
        With the revenue per conversion that the reports tell.
    campaigns : Campaigns
        With margins.
    money : SkuMoney, optional
        Of the skus that series lead to.
    need_profit : bool
        Profit counts in the objective.

    Raises
    ------
    TableError
        Profit counts, and is not known for some series with reports; all such campaigns are named.
    """
    keywords, reported = landscape.keywords, landscape.revenue_per_conversion
    value = value_of(keywords, reported, campaigns, money=money, need_profit=False)
    if not need_profit:
        return value
    unknown = np.isnan(value.profit) & landscape.candidate
    profit = np.where(unknown, 0.0, value.profit)
    _check_known(profit, keywords.label("campaign"))
    return replace(value, profit=profit, remarks=_not_started(keywords.label("keyword")[unknown]))


def _not_started(keywords: NDArray[np.object_]) -> tuple[str, ...]:
    names = sorted({str(keyword) for keyword in keywords})
    if not names:
        return ()
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return (
        f"candidates not started ({len(names):,}), since their campaign has no margin and no sku tells what they bring: {shown}",
    )


def value_of(
    keywords: KeywordAxis,
    reported: Floats,
    campaigns: Campaigns,
    *,
    money: SkuMoney | None = None,
    need_profit: bool = True,
) -> ConversionValue:
    """Return what conversions with a reported revenue, float64[series], are worth; see `conversion_value`.

    Raises
    ------
    TableError
        As `conversion_value`.
    """
    labels = keywords.label("campaign")
    margin = dict(zip((str(name) for name in campaigns.labels), campaigns.margin, strict=True))
    names, code = np.unique(labels.astype(str), return_inverse=True)
    revenue = reported
    profit = reported * np.array([margin.get(str(name), np.nan) for name in names])[code]
    if money is not None:
        linked = np.isfinite(money.sold_at) & np.isfinite(money.price) & np.isfinite(money.cost) & (money.sold_at > 0)
        units = np.divide(reported, money.sold_at, out=np.zeros(len(reported)), where=linked)
        net = money.price / (1.0 + np.nan_to_num(money.tax))
        revenue = np.where(linked, units * net, revenue)
        profit = np.where(linked, units * (net - money.cost - np.nan_to_num(money.shipping)), profit)
    if need_profit:
        _check_known(profit, labels)
    return ConversionValue(revenue=revenue, profit=profit)


def _check_known(profit: Floats, labels: NDArray[np.object_]) -> None:
    unknown = np.isnan(profit)
    if not unknown.any():
        return
    names = sorted({str(name) or "(none)" for name in labels[unknown]})
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    message = (
        f"no margin for {shown} ({int(unknown.sum()):,} of {len(profit):,} series), and no sku with price and cost: profit "
        'needs one of them; fill campaigns.margin, or keywords.sku and catalog.cost, or set objective = "revenue"'
    )
    raise TableError([Fault(table="campaigns", column="margin", message=message, count=len(names))])
