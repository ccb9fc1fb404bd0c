"""Draw what an ad market is made of: series, products, true rates by hour, and the bids that were placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate.ad_truth import HOURS, AdTruth
from pricebid.simulate.seller import autoregression, spells

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_settings import AdMarketSettings
    from pricebid.simulate.ad_words import AdKeywords

# What a match type does to log auctions, log click rate and log conversion rate: broad, exact, phrase.
_MATCH = {"broad": (0.4, -0.2, -0.25), "exact": (-0.4, 0.2, 0.15), "phrase": (0.0, 0.0, 0.0)}
_REGIONS_APART = 0.3  # standard deviation of log conversion rates and log rival bids between regions, and devices


@dataclass(frozen=True, kw_only=True, eq=False)
class AdSeries:
    """Keywords by region and device, keyword by keyword.

    Parameters
    ----------
    entity, region, device : int64[series]
        Numbers of the keyword, the region and the device.
    """

    entity: NDArray[np.int64]
    region: NDArray[np.int64]
    device: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.entity)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdProducts:
    """What the keywords lead to.

    Parameters
    ----------
    sku : int64[keyword]
        The product of each keyword.
    names : object[product]
        Names of the products.
    price, cost : float64[product]
        Money per unit; a conversion is one unit.
    """

    sku: NDArray[np.int64]
    names: NDArray[np.object_]
    price: NDArray[np.float64]
    cost: NDArray[np.float64]

    def frame(self) -> pd.DataFrame:
        """Return the products as a table ``catalog``."""
        import pandas as pd

        return pd.DataFrame({"sku": self.names, "price": self.price, "cost": self.cost})


def lay_out(keywords: int, settings: AdMarketSettings) -> AdSeries:
    """Lay out the series: every keyword runs in every region and on every device."""
    shape = (keywords, settings.regions, settings.devices)
    entity, region, device = (axis.ravel() for axis in np.indices(shape))
    return AdSeries(entity=entity, region=region, device=device)


def draw_products(keywords: AdKeywords, settings: AdMarketSettings, rng: np.random.Generator) -> AdProducts:
    """Draw products; the keywords of a product are of one campaign."""
    campaigns = len(keywords.campaigns)
    number = np.arange(settings.skus)
    owner = number % min(campaigns, settings.skus)
    sku = np.array([rng.choice(number[owner == c % (owner.max() + 1)]) for c in keywords.campaign], dtype=np.int64)
    price = np.round(np.exp(rng.normal(np.log(40.0), 0.4, settings.skus)), 2).astype(np.float64)
    names = np.array([f"p{at + 1:03d}" for at in number], dtype=object)
    cost = np.round(price * (1 - rng.uniform(0.3, 0.5, settings.skus)), 2)
    return AdProducts(sku=sku, names=names, price=price, cost=cost)


def _swing(size: float, peak: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a daily wave in logs about 0 with its peak near the hours given, float64[campaign, hour]."""
    turn = 2 * np.pi / HOURS
    hour = np.arange(HOURS)
    second = rng.uniform(0, HOURS, len(peak))[:, None]
    wave = np.cos(turn * (hour - peak[:, None])) + 0.35 * np.cos(2 * turn * (hour - second))
    scaled: NDArray[np.float64] = size * wave * rng.uniform(0.9, 1.1, (len(peak), 1))
    return scaled


def _own_swing(keywords: int, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return each keyword's own departure from the campaign's hours: one daily wave, float64[keyword, hour]."""
    turn = 2 * np.pi / HOURS * np.arange(HOURS)
    along, across = rng.normal(0.0, size, (2, keywords, 1))
    wave: NDArray[np.float64] = along * np.cos(turn) + across * np.sin(turn)
    return wave


def draw_truth(
    keywords: AdKeywords,
    series: AdSeries,
    products: AdProducts | None,
    settings: AdMarketSettings,
    rng: np.random.Generator,
) -> AdTruth:
    """Draw the rates of every series and hour.

    Log conversion rates are campaign + words + match type + own. Log rival bids are about a share of what a click of the
    campaign is worth, and follow half of the keyword's log conversion rate, beside words and a part of their own.
    """
    count, campaign = len(keywords), keywords.campaign
    match = np.array([_MATCH[kind] for kind in keywords.match_type])
    effects = rng.normal(0.0, 1.0, (3, keywords.words.max() + 1))[:, keywords.words].sum(axis=2)
    inside = _centred(settings.tokens * effects[0] + match[:, 2] + rng.normal(0.0, settings.own, count), campaign)
    base = np.log(settings.conversion_rate) + rng.normal(0.0, 0.25, len(keywords.campaigns))
    revenue, margin = _money(keywords, products, rng)
    usual = np.array([(revenue * margin)[campaign == c].mean() for c in range(len(base))])
    apart = _centred(0.5 * settings.tokens * effects[1] + rng.normal(0.0, settings.own, count), campaign)
    rival = np.log(settings.competition * usual)[campaign] + base[campaign] + 0.5 * inside + apart
    size = np.log(settings.volume) + 0.3 * effects[2] + match[:, 0] + rng.normal(0.0, 1.0, count)
    click_rate = np.clip(0.08 * np.exp(match[:, 1] + rng.normal(0.0, 0.3, count)), 0.005, 0.5)
    at = series.entity
    shift = _between(series, campaign, settings, rng)
    hours = _hours(campaign, settings, rng)
    traffic = np.exp(hours[0])
    traffic /= traffic.sum(axis=1, keepdims=True)
    # The rates given hold on average over the traffic of the day.
    appetite = np.exp(hours[1])
    appetite /= (traffic * appetite).sum(axis=1, keepdims=True)
    rate = np.exp((base[campaign] + inside)[at] + shift[1])[:, None] * appetite[at]
    return AdTruth(
        entity=at,
        campaign=campaign,
        auctions=np.exp(size[at] + shift[0])[:, None] * traffic[at],
        level=(rival[at] + shift[2])[:, None] + hours[2][at],
        spread=(settings.spread * np.exp(rng.normal(0.0, 0.15, count)))[at],
        click_rate=click_rate[at],
        conversion_rate=np.minimum(rate, 0.9),
        revenue=revenue[at],
        margin=margin[at],
        auction=settings.auction,
    )


def _centred(values: NDArray[np.float64], campaign: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return values of keywords about 0 within each campaign: what rivals know of a campaign is its usual worth."""
    mean = np.bincount(campaign, values) / np.bincount(campaign)
    centred: NDArray[np.float64] = values - mean[campaign]
    return centred


def _money(
    keywords: AdKeywords, products: AdProducts | None, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return revenue per conversion and margin, float64[keyword] each."""
    if products is not None:
        margin = 1 - products.cost / products.price
        return products.price[products.sku], margin[products.sku]
    campaigns = len(keywords.campaigns)
    usual = np.exp(rng.normal(np.log(60.0), 0.3, campaigns))
    revenue = usual[keywords.campaign] * np.exp(rng.normal(0.0, 0.15, len(keywords)))
    return revenue, np.round(rng.uniform(0.3, 0.5, campaigns), 3)[keywords.campaign]


def _hours(campaign: NDArray[np.int64], settings: AdMarketSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return log traffic, log conversion rate and log rival bids over the day, float64[3, keyword, hour]."""
    campaigns = int(campaign.max()) + 1
    busy = rng.uniform(10.0, 20.0, campaigns)
    keen = busy + rng.uniform(6.0, 12.0, campaigns)
    swings = (
        (settings.traffic, busy),
        (settings.appetite, keen),
        (settings.rivalry, busy + rng.normal(0.0, 2.0, campaigns)),
    )
    shared = np.stack([_swing(size, peak, rng) for size, peak in swings])[:, campaign]
    return shared + np.stack([_own_swing(len(campaign), settings.apart, rng) for _ in swings])


def _between(
    series: AdSeries, campaign: NDArray[np.int64], settings: AdMarketSettings, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return log share of auctions, log conversion rate and log rival bids of regions and devices, float64[3, series].

    They hold for a whole campaign.
    """
    total = np.zeros((3, len(series)))
    mine = campaign[series.entity]
    for count, value in ((settings.regions, series.region), (settings.devices, series.device)):
        if count == 1:
            continue
        effect = rng.normal(0.0, _REGIONS_APART, (3, int(campaign.max()) + 1, count))
        effect[0] -= np.log(np.exp(effect[0]).sum(axis=1, keepdims=True))
        total += effect[:, mine, value]
    return total


def draw_waves(keywords: int, settings: AdMarketSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw slow swings of each keyword's log auctions, float64[day, keyword]."""
    return autoregression((settings.days, keywords), memory=0.9, sd=settings.wave, rng=rng)


def draw_logged_bids(
    truth: AdTruth, waves: NDArray[np.float64], settings: AdMarketSettings, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the bids that were placed, float64[day, keyword], in whole cents.

    The bidder knows what a click of the campaign is worth and a little of what the keyword's own is, moves a bid now
    and then, and adds a share of what traffic is above the usual.
    """
    count = len(truth.campaign)
    first = np.searchsorted(truth.entity, np.arange(count))
    clicks = truth.auctions * truth.click_rate[:, None]
    worth = np.add.reduceat((clicks * truth.value).sum(axis=1), first) / np.add.reduceat(clicks.sum(axis=1), first)
    log_worth = np.log(worth)
    usual = np.array([log_worth[truth.campaign == c].mean() for c in range(truth.campaigns)])[truth.campaign]
    known = usual + 0.4 * (log_worth - usual) + rng.normal(0.0, settings.bid_spread, count)
    moves = spells((settings.days, count), length=settings.bid_spell, sd=settings.bid_move, rng=rng)
    bid = settings.bid_level * np.exp(known + moves + settings.pull * waves)
    cents: NDArray[np.float64] = np.maximum(np.round(bid, 2), 0.01)
    return cents
