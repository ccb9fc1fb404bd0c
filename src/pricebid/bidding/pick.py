"""The kernel under limits in all and limits per campaign: campaigns apart where nothing is shared, nested where it is.

Handed to the kernel at once, hundreds of limits that each count a few keywords make hundreds of multipliers and a repair
among all of them. But a campaign's own limit concerns only its own picks. So the limits in all go first, over all
decisions; campaigns that then break a limit of their own are solved each by itself, their outcomes charged at the shadow
prices of the limits in all, and stand in the next round as one decision whose options are whole plans of the campaign. What
other campaigns gain or lose by that is seen in that round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.limits import broken, charged
from pricebid.bidding.problem import GOAL, SWEPT
from pricebid.errors import Infeasible
from pricebid.optimize import Effort, choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.limits import BidLimit

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_ROUNDS = 8
_MANY, _COARSE = 20, 1e-3  # with more campaigns' limits than that, a gap like this is good enough for each
_SETTLED = 0.02  # shadow prices of the limits in all that moved less between two rounds need no new plans


@dataclass(frozen=True, kw_only=True, eq=False)
class Picked:
    """One option per decision.

    Parameters
    ----------
    option : int64[decision]
        The option picked.
    value : float
        Total objective.
    shadow_prices : float64[limit]
        Of the rows, in the order of the limits.
    """

    option: Ints
    value: float
    shadow_prices: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Decisions with their options, the campaign of each decision (ascending), and how hard to try."""

    outcomes: dict[str, Floats]
    available: NDArray[np.bool_]
    campaign: Ints
    effort: Effort

    def part(self, campaign: int) -> slice:
        first, last = np.searchsorted(self.campaign, [campaign, campaign + 1])
        return slice(int(first), int(last))

    def at(self, option: Ints) -> dict[str, Floats]:
        rows = np.arange(len(option))
        return {name: self.outcomes[name][rows, option] for name in SWEPT}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """A plan of one campaign within its own limits, made at `prices` of the limits in all."""

    campaign: int
    option: Ints
    prices: Floats
    own: Floats
    totals: dict[str, float]


def pick(
    outcomes: dict[str, Floats],
    limits: tuple[BidLimit, ...],
    campaign: Ints,
    *,
    incumbent: Ints,
    available: NDArray[np.bool_] | None = None,
    gap: float = 1e-5,
) -> Picked:
    """Pick the options of highest objective within all limits.

    Parameters
    ----------
    outcomes : dict of str to float64[decision, option]
        `SWEPT`.
    limits : tuple of BidLimit
        In all, and per campaign.
    campaign : int64[decision]
        Ascending.
    incumbent : int64[decision]
        Options within the limits, of a plan made before: what is picked is worth no less.
    available : bool[decision, option], optional
        Options that may be picked; all where not given.
    gap : float
        Relative gap that is good enough.

    Returns
    -------
    Picked
        Within the limits if `incumbent` is.
    """
    shape = outcomes[GOAL].shape
    mask = np.ones(shape, dtype=bool) if available is None else available
    # Bids differ by whole steps, whose loss is far below what is known of the market: no integer program is needed.
    many = sum(limit.campaign is not None for limit in limits) > _MANY
    gap = max(gap, _COARSE) if many else gap
    table = _Table(outcomes=outcomes, available=mask, campaign=campaign, effort=Effort(gap=gap, milp_options=0))
    before = float(table.at(incumbent)[GOAL].sum())
    try:
        found = _solve(table, limits)
    except Infeasible:
        found = None
    if found is None or found.value < before or broken(limits, table.at(found.option), campaign).any():
        prices = np.zeros(len(limits)) if found is None else found.shadow_prices
        return Picked(option=incumbent, value=before, shadow_prices=prices)
    return found


def _solve(table: _Table, limits: tuple[BidLimit, ...]) -> Picked:
    shared = tuple(limit for limit in limits if limit.campaign is None)
    plans: dict[int, list[_Plan]] = {}
    option, prices, chosen = _together(table, shared, plans)
    for _ in range(_ROUNDS):
        new = [at for at in _breaking(table, limits, option) if at not in plans]
        todo = [*new, *(at for at, made in plans.items() if _stale(made[-1], limits, prices))]
        if not todo:
            break
        for at in todo:
            plans.setdefault(at, []).append(_alone(table, limits, prices, at))
        option, prices, chosen = _together(table, shared, plans)
    found = np.zeros(len(limits))
    found[[at for at, limit in enumerate(limits) if limit.campaign is None]] = prices
    for campaign, plan in chosen.items():
        mine = [at for at, limit in enumerate(limits) if limit.campaign == campaign]
        found[mine] = _own_prices(plan, limits, prices)
    return Picked(option=option, value=float(table.at(option)[GOAL].sum()), shadow_prices=found)


def _breaking(table: _Table, limits: tuple[BidLimit, ...], option: Ints) -> list[int]:
    """Campaigns that break a limit of their own."""
    own = tuple(limit for limit in limits if limit.campaign is not None)
    wrong = broken(own, table.at(option), table.campaign) if own else ()
    return sorted({limit.campaign for limit, bad in zip(own, wrong, strict=True) if bad and limit.campaign is not None})


def _stale(plan: _Plan, limits: tuple[BidLimit, ...], prices: Floats) -> bool:
    """Whether the shadow prices of the limits in all have moved, in a way that matters, since a plan was made."""
    shared = [limit for limit in limits if limit.campaign is None]
    own = [limit for limit in limits if limit.campaign == plan.campaign]
    if _money_only(own, plan.own) and _money_only(shared, plan.prices + prices):
        before, now = float(plan.prices.sum()), float(prices.sum())
        if now <= before + float(plan.own.sum()):
            return False  # money is as dear inside the campaign as before, whoever charges for it
    return not np.allclose(prices, plan.prices, rtol=_SETTLED, atol=1e-9)


def _own_prices(plan: _Plan, limits: tuple[BidLimit, ...], prices: Floats) -> Floats:
    """Shadow prices of a campaign's own limits, given those of the limits in all."""
    shared = [limit for limit in limits if limit.campaign is None]
    own = [limit for limit in limits if limit.campaign == plan.campaign]
    if _money_only(own, plan.own) and _money_only(shared, plan.prices + prices):
        here = np.array([limit.kind == "daily_budget" for limit in own])
        return np.where(here, np.maximum(plan.own + plan.prices.sum() - prices.sum(), 0.0), plan.own)
    return plan.own


def _money_only(limits: list[BidLimit], prices: Floats) -> bool:
    """Whether only budgets charge."""
    return all(limit.kind == "daily_budget" or price <= 0 for limit, price in zip(limits, prices, strict=True))


def _alone(table: _Table, limits: tuple[BidLimit, ...], prices: Floats, campaign: int) -> _Plan:
    """Solve one campaign under its own limits, its outcomes charged at the shadow prices of the limits in all."""
    part = table.part(campaign)
    own = tuple(replace(limit, campaign=None) for limit in limits if limit.campaign == campaign)
    charge = charged(tuple(limit for limit in limits if limit.campaign is None), prices)
    choice = choose(
        {name: table.outcomes[name][part] for name in SWEPT},
        maximise={GOAL: 1.0, **{name: -weight for name, weight in charge.items()}},
        limits=[limit.kernel(table.campaign[part]) for limit in own],
        available=table.available[part],
        effort=table.effort,
    )
    rows = np.arange(part.start, part.stop)
    totals = {name: float(table.outcomes[name][rows, choice.option].sum()) for name in SWEPT}
    return _Plan(campaign=campaign, option=choice.option, prices=prices, own=choice.shadow_prices, totals=totals)


def _together(
    table: _Table, shared: tuple[BidLimit, ...], plans: dict[int, list[_Plan]]
) -> tuple[Ints, Floats, dict[int, _Plan]]:
    """Solve under the limits in all, some campaigns standing as one decision each with their plans as options.

    Returns
    -------
    option : int64[decision]
    prices : float64[shared limit]
    chosen : dict of int to _Plan
        The plan taken of each campaign that has plans.
    """
    free = ~np.isin(table.campaign, list(plans))
    rows = int(free.sum())
    options = max(table.available.shape[1], max((len(made) for made in plans.values()), default=0))
    size = (rows + len(plans), options)
    outcomes, available = {name: np.zeros(size) for name in SWEPT}, np.zeros(size, dtype=bool)
    for name, values in outcomes.items():
        values[:rows, : table.available.shape[1]] = table.outcomes[name][free]
        for at, made in enumerate(plans.values(), start=rows):
            values[at, : len(made)] = [plan.totals[name] for plan in made]
    available[:rows, : table.available.shape[1]] = table.available[free]
    for at, made in enumerate(plans.values(), start=rows):
        available[at, : len(made)] = True
    choice = choose(
        outcomes,
        maximise=GOAL,
        limits=[limit.kernel(np.zeros(size[0], dtype=np.int64)) for limit in shared],
        available=available,
        effort=table.effort,
    )
    option = np.zeros(len(table.campaign), dtype=np.int64)
    option[free] = choice.option[:rows]
    chosen = {at: made[choice.option[rows + n]] for n, (at, made) in enumerate(plans.items())}
    for at, plan in chosen.items():
        option[table.part(at)] = plan.option
    return option, choice.shadow_prices, chosen
