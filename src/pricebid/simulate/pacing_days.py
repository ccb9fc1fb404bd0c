"""Days of auctions with known truth, for pacing: traffic and rivals that move, shocks, noisy values, the best in hindsight."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pricebid.bidding.pacing_terms import Paces

Noise = Literal["exact", "conversions", "lognormal"]
Shock = Literal["none", "surge", "exit", "outage", "half"]
HOURS = 24
EXPOSURE = (1.0, 0.8, 0.48)


@dataclass(frozen=True, kw_only=True)
class PacingSettings:
    """Nature of a simulated day of auctions; the defaults are a steady day with one slot and exact values.

    Parameters
    ----------
    auctions : int
        Auctions that the plan expects on the day.
    ticks : int
        Equal parts of the day in which levels are constant.
    value_spread, price_spread : float
        Standard deviations of log expected value, and of the log of the highest rival bid given the value.
    tie : float
        Share of a log value that rivals' log bids follow: 1 where they value an auction as we do, 0 where not at all.
    traffic, rivalry : float
        How far log traffic and log rival bids swing over the day.
    drift : float
        Standard deviation of the random walk of log rival bids over the whole day.
    jumps : float
        Standard deviation of independent moves of log values and log rival bids between ticks.
    slots : int
        Slots per auction, 1 to 3, seen 1, .8 and .48 of the time.
    noise : {"exact", "conversions", "lognormal"}
        What a won auction brings: what was expected, a conversion (1) with the expected probability, or the expected
        value times a log-normal of mean 1 and standard deviation of the log 1.
    mean_value : float
        Mean expected value of an auction; with conversions, the conversion rate.
    shock : {"none", "surge", "exit", "outage", "half"}
        None; traffic of one hour x 3; rival bids x .7 from some hour on; no auction for an hour; half of the planned
        traffic all day.
    reach : float
        Share of the planned auctions that the reference multiplier wins.
    budget, limit : float
        Budget as a share of what the reference multiplier would spend on a day as planned, and limit on cost / value as
        a share of its cost / value; inf: none.

    Raises
    ------
    InputError
        Where a value is outside its range; the message says which and why.
    """

    auctions: int = 20_000
    ticks: int = 48
    value_spread: float = 1.0
    price_spread: float = 0.7
    tie: float = 0.5
    traffic: float = 0.0
    rivalry: float = 0.0
    drift: float = 0.0
    jumps: float = 0.0
    slots: int = 1
    noise: Noise = "exact"
    mean_value: float = 1.0
    shock: Shock = "none"
    reach: float = 0.15
    budget: float = 1.0
    limit: float = np.inf

    def __post_init__(self) -> None:
        if self.noise not in {"exact", "conversions", "lognormal"}:
            raise InputError(f"noise is {self.noise!r}: one of exact, conversions, lognormal")
        if self.shock not in {"none", "surge", "exit", "outage", "half"}:
            raise InputError(f"shock is {self.shock!r}: one of none, surge, exit, outage, half")
        if not 1 <= self.slots <= len(EXPOSURE):
            raise InputError(f"slots is {self.slots}: 1 to {len(EXPOSURE)}")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not value >= 0:
                raise InputError(f"{field.name} is {value}: not negative")
        for name in ("auctions", "ticks", "mean_value", "reach"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} is {getattr(self, name)}: above 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class PacingDay:
    """The auctions of one day, in the order in which they come.

    Parameters
    ----------
    tick : int64[auction]
        Part of the day.
    elapsed : float64[auction]
        Share of the day's planned traffic gone, in [0, 1), rising.
    value : float64[auction]
        Expected value in the first slot.
    worth : float64[auction]
        Value really obtained in the first slot, were it won.
    price : float64[auction, slot]
        What each slot costs: the highest rival bids, falling.
    exposure : float64[slot]
        Share of value and price that a slot brings and costs.
    opportunities : int
        Auctions that the plan expects.
    budget : float
        Money for the day.
    limit : float
        Highest cost per value over the day; inf: none.
    """

    tick: NDArray[np.int64]
    elapsed: NDArray[np.float64]
    value: NDArray[np.float64]
    worth: NDArray[np.float64]
    price: NDArray[np.float64]
    exposure: NDArray[np.float64]
    opportunities: int
    budget: float
    limit: float

    def __len__(self) -> int:
        return len(self.value)

    def batches(self, size: int | None) -> Iterator[slice]:
        """Give the auctions in batches of a fixed size, or (None) tick by tick."""
        if size is None:
            edges = np.unique(np.concatenate([[0], np.flatnonzero(np.diff(self.tick)) + 1, [len(self)]]))
        else:
            edges = np.append(np.arange(0, len(self), size), len(self))
        for start, stop in pairwise(edges):
            if stop > start:
                yield slice(int(start), int(stop))

    def auction(self, bid: NDArray[np.float64], rows: slice) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Say which auctions of a batch a bid wins, bool[k], and what slot, int[k] (-1: none)."""
        slot = (bid[:, None] <= self.price[rows]).sum(axis=1)
        won = slot < self.price.shape[1]
        return won, np.where(won, slot, -1)

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Give what each constant multiplier wins and costs in expectation, without limits.

        Returns
        -------
        multiplier, value, cost : float64[step]
            Rising multipliers at which something more is won, and totals just above each.
        """
        following = np.append(self.exposure[1:], 0.0)
        with np.errstate(divide="ignore"):
            at = self.price / self.value[:, None]
        value = self.value[:, None] * (self.exposure - following)
        # A bid that passes price_k leaves slot k + 1 for slot k: it pays the one and no longer the other.
        lower = np.concatenate([self.price[:, 1:], np.zeros((len(self), 1))], axis=1)
        cost = self.exposure * self.price - following * lower
        order = np.argsort(at.ravel(), kind="stable")
        order = order[np.isfinite(at.ravel()[order])]
        return at.ravel()[order], np.cumsum(value.ravel()[order]), np.cumsum(cost.ravel()[order])

    def best(self) -> tuple[float, float]:
        """Give the best constant multiplier in hindsight and its expected value, within budget and limit."""
        multiplier, value, cost = self.curve()
        allowed = (cost <= self.budget) & (cost <= self.limit * value)
        if not allowed.any():
            return 0.0, 0.0
        last = int(np.flatnonzero(allowed)[-1])
        return float(multiplier[last]), float(value[last])


def draw_pacing_day(settings: PacingSettings, rng: np.random.Generator) -> PacingDay:
    """Draw a day.

    Parameters
    ----------
    settings : PacingSettings
        Nature of the day.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    PacingDay
        Its budget and limit are measured on a day as planned: the same levels without the shock.
    """
    middle = (np.arange(settings.ticks) + 0.5) / settings.ticks
    phase = rng.uniform(0, 2 * np.pi, 2)
    rate = np.exp(settings.traffic * np.sin(2 * np.pi * middle + phase[0]))
    walk = np.cumsum(rng.normal(size=settings.ticks)) * settings.drift / np.sqrt(settings.ticks)
    level = settings.rivalry * np.sin(2 * np.pi * middle + phase[1]) + walk - walk.mean()
    level += settings.jumps * rng.normal(size=settings.ticks)
    value_level = settings.jumps * rng.normal(size=settings.ticks)
    planned = rate / rate.sum() * settings.auctions
    hour = int(rng.integers(HOURS // 4, 3 * HOURS // 4))
    shocked, fall = _shock(settings.shock, planned, middle, hour)
    shape = replace(settings, shock="none")
    plan = _auctions(shape, np.stack([planned, planned]), np.stack([value_level, level]), rng)
    budget, limit = _reference(settings, plan)
    if settings.shock == "none":
        return replace(plan, budget=budget, limit=limit)
    day = _auctions(settings, np.stack([planned, shocked]), np.stack([value_level, level + fall]), rng)
    return replace(day, budget=budget, limit=limit)


def _shock(
    shock: Shock, planned: NDArray[np.float64], middle: NDArray[np.float64], hour: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the traffic of each tick, and what is added to log rival bids, float64[tick] each."""
    struck = (middle * HOURS).astype(np.int64) == hour
    factor = {"surge": 3.0, "outage": 0.0}.get(shock, 1.0)
    traffic = np.where(struck, planned * factor, planned) * (0.5 if shock == "half" else 1.0)
    fall = np.where((middle * HOURS >= hour) & (shock == "exit"), np.log(0.7), 0.0)
    return traffic, fall


def _auctions(
    settings: PacingSettings, traffic: NDArray[np.float64], level: NDArray[np.float64], rng: np.random.Generator
) -> PacingDay:
    """Draw the auctions of a day: planned and real traffic, log values and log rival bids, float64[2, tick] each."""
    planned, traffic = traffic
    count = rng.poisson(traffic)
    tick = np.repeat(np.arange(settings.ticks), count)
    n = len(tick)
    # A plan knows the usual traffic of each hour: its clock runs with that traffic.
    share = planned / planned.sum()
    elapsed = (np.cumsum(share) - share)[tick] + share[tick] * (np.sort(tick + rng.random(n)) - tick)
    spread = settings.value_spread
    own = rng.normal(size=n) * spread + level[0][tick]
    value = settings.mean_value * np.exp(own - spread**2 / 2)
    if settings.noise == "conversions":
        value = np.minimum(value, 0.9)
    # Rivals follow a share of the value; the rest of a bid is their own. Reference levels are fixed by the caller.
    log_price = np.log(settings.mean_value) + settings.tie * own + level[1][tick]
    top = log_price + rng.normal(size=n) * settings.price_spread
    below = -np.cumsum(rng.exponential(0.2, (n, len(EXPOSURE))), axis=1)
    price = np.exp(np.concatenate([top[:, None], top[:, None] + below], axis=1))[:, : settings.slots]
    return PacingDay(
        tick=tick,
        elapsed=elapsed,
        value=value,
        worth=_worth(settings.noise, value, rng),
        price=price,
        exposure=np.array(EXPOSURE[: settings.slots]),
        opportunities=settings.auctions,
        budget=np.inf,
        limit=np.inf,
    )


def _worth(noise: Noise, value: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw what each auction brings if won."""
    if noise == "conversions":
        return (rng.random(len(value)) < value).astype(np.float64)
    if noise == "lognormal":
        return value * np.exp(rng.normal(-0.5, 1.0, len(value)))
    return value


def _reference(settings: PacingSettings, plan: PacingDay) -> tuple[float, float]:
    """Budget and limit from what the reference multiplier spends and pays per value on the planned day."""
    at = np.quantile(plan.price[:, -1] / plan.value, settings.reach)
    multiplier, value, cost = plan.curve()
    here = min(int(np.searchsorted(multiplier, at)), len(multiplier) - 1)
    return settings.budget * float(cost[here]), settings.limit * float(cost[here] / value[here])


@dataclass(frozen=True, kw_only=True, eq=False)
class PacedDay:
    """What a pacer made of a day.

    Parameters
    ----------
    value, expected, spend : float
        Value obtained, value expected of what was won, and money paid.
    multiplier : float64[batch]
        Bid per value that each batch was bid with.
    paid : float64[batch]
        Money paid per batch, what was cut left out.
    overspend : float
        Spend above the budget before cutting, money; 0 where nothing had to be cut.
    dearest : float
        Highest single payment.
    """

    value: float
    expected: float
    spend: float
    multiplier: NDArray[np.float64]
    paid: NDArray[np.float64]
    overspend: float
    dearest: float


def play(
    day: PacingDay, pacer: Paces[Any], *, batch: int | None = None, elapsed: bool = True, both: bool = False
) -> PacedDay:
    """Let a pacer bid through a day.

    Parameters
    ----------
    day : PacingDay
        The day.
    pacer : Paces
        Its budget and limit may differ from the day's; what it spends is cut at the day's budget.
    batch : int, optional
        Auctions per call; by default a tick of the day.
    elapsed : bool
        The pacer is told the share of the day gone when it bids.
    both : bool
        And when it is told what came.

    Returns
    -------
    PacedDay
        A batch that costs more than is left is scaled down to it, value and cost alike.
    """
    state = pacer.start()
    left, over, dearest = day.budget, 0.0, 0.0
    multiplier, paid, value, expected = [], [], 0.0, 0.0
    for rows in day.batches(batch):
        hope = day.value[rows]
        now = float(day.elapsed[rows.start]) if elapsed else None
        bid = pacer.bid(state, value=hope, elapsed=now)
        won, slot = day.auction(bid, rows)
        seen = np.where(won, day.exposure[slot], 0.0)
        cost = seen * np.where(won, day.price[rows][np.arange(len(slot)), slot], 0.0)
        dearest = max(dearest, float(cost.max(initial=0.0)))
        total = float(cost.sum())
        share = min(left / total, 1.0) if total > 0 else 1.0
        over = max(over, total - left)
        got = share * seen * day.worth[rows]
        state = pacer.update(state, value=got, bid=bid, won=won, cost=share * cost, elapsed=now if both else None)
        left -= share * total
        value += float(got.sum())
        expected += float((share * seen * hope).sum())
        paid.append(share * total)
        multiplier.append(float(bid.sum() / hope.sum()) if hope.sum() > 0 else np.nan)
    return PacedDay(
        value=value,
        expected=expected,
        spend=float(np.sum(paid)),
        multiplier=np.array(multiplier),
        paid=np.array(paid),
        overspend=max(over, 0.0),
        dearest=dearest,
    )
