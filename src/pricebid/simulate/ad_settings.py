"""What kind of ad market is drawn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from pricebid.errors import InputError

_COUNTS = {"keywords", "campaigns", "days", "regions", "devices"}
_POSITIVE = {"volume", "conversion_rate", "spread", "competition", "bid_level", "bid_spell", "budget_share"}
_CHOICES = {"auction": ("second", "first"), "shock_scope": ("market", "campaign")}


@dataclass(frozen=True, kw_only=True)
class AdMarketSettings:
    """Size and nature of a simulated ad market; the defaults are a small shop's search ads over eight weeks.

    Parameters
    ----------
    keywords, campaigns : int
        Keywords in all, spread evenly over the campaigns.
    days : int
        Days of reports.
    hourly : bool
        The reports give the hour; else a day in one row. The truth moves with the hour either way.
    auction : {"second", "first"}
        A click costs the highest rival bid, or the own one.
    regions, devices : int
        Values of either dimension; with 1 the reports have no such column.
    skus : int
        Products that keywords lead to, with price and cost in a catalog; 0: none, and campaigns have margins.
    volume : float
        Median auctions of a keyword per day.
    conversion_rate : float
        Typical conversions per click.
    tokens, own : float
        Standard deviation of what a word of the keyword does, and of what is the keyword's own, in log conversion rate;
        levels of rival bids vary about as much, half of it along with conversion rates.
    spread : float
        Typical standard deviation of the log of the highest rival bid in one hour.
    competition : float
        Typical level of rival bids, as a share of what a click of the campaign is worth.
    traffic, appetite, rivalry : float
        How far log auctions, log conversion rates and log rival bids swing over the day, by campaign.
    apart : float
        Standard deviation of each keyword's own departure from these swings, in logs.
    bid_level : float
        Logged bids, typically, as a share of what a click of the campaign is worth.
    bid_spread : float
        Standard deviation of log logged bids between keywords of a campaign.
    bid_move, bid_spell : float
        Standard deviation of a move of a log bid, and mean days between two moves of a keyword's bid.
    wave, pull : float
        Standard deviation of slow own swings of a keyword's log auctions, and which share of them the bidder added to
        the log bid: bids were raised when traffic was good.
    shock : float
        Standard deviation of the log of a day's traffic that all keywords of the scope share.
    shock_scope : {"market", "campaign"}
        Who shares it.
    dispersion : float
        Auctions of an hour have variance mean + dispersion x mean^2 (negative binomial).
    delay : float
        Mean days from a click to the report of its conversion; 0: none. Recent days are then incomplete.
    reports : bool
        Each day is given as several reports saw it (column ``reported``); needs a delay.
    budget_share : float
        The market's budget, as a share of the money that the last bids would spend per day.

    Raises
    ------
    InputError
        Where a value is outside its range; the message says which and why.
    """

    keywords: int = 75
    campaigns: int = 3
    days: int = 56
    hourly: bool = True
    auction: Literal["second", "first"] = "second"
    regions: int = 1
    devices: int = 1
    skus: int = 0
    volume: float = 100.0
    conversion_rate: float = 0.03
    tokens: float = 0.25
    own: float = 0.3
    spread: float = 0.6
    competition: float = 0.65
    traffic: float = 0.7
    appetite: float = 0.7
    rivalry: float = 0.25
    apart: float = 0.1
    bid_level: float = 1.0
    bid_spread: float = 0.25
    bid_move: float = 0.25
    bid_spell: float = 14.0
    wave: float = 0.1
    pull: float = 0.5
    shock: float = 0.1
    shock_scope: Literal["market", "campaign"] = "market"
    dispersion: float = 0.2
    delay: float = 0.0
    reports: bool = False
    budget_share: float = 0.33

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name} is {getattr(self, name)!r}: one of {', '.join(choices)}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _COUNTS and value < 1:
                raise InputError(f"{field.name} is {value}: at least 1")
            if field.name in _POSITIVE and value <= 0:
                raise InputError(f"{field.name} is {value}: above 0")
            if field.name not in _CHOICES and value < 0:
                raise InputError(f"{field.name} is {value}: not negative")
        if self.conversion_rate >= 1:
            raise InputError(f"conversion_rate is {self.conversion_rate}: below 1")
        if self.campaigns > self.keywords:
            raise InputError(f"campaigns is {self.campaigns}: at most the {self.keywords} keywords")
        if self.reports and not self.delay:
            raise InputError("reports is set without a delay: conversions that are never late need one report")
