"""`price`: from a shop, a demand model and a policy to a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.errors import Conflict, Infeasible, InputError, TableError
from pricebid.pricing.bounds import Allowed, allowed_prices
from pricebid.pricing.economics import Economics
from pricebid.pricing.intervals import draw_totals
from pricebid.pricing.limits import in_policy_units, portfolio_limits
from pricebid.pricing.plan import PricePlan
from pricebid.pricing.problem import PriceProblem
from pricebid.pricing.search import search
from pricebid.pricing.side import SideRules, reachable
from pricebid.pricing.sides import side_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.policy import Policy
    from pricebid.tables import Future, Shop

DRAWS = 200


class Responds(Protocol):
    """A demand model, as pricing needs it."""

    def response(self, future: Future) -> PriceResponse:
        """Return expected units at any prices over the future's steps."""
        ...


def price(
    shop: Shop,
    model: Responds,
    policy: Policy,
    *,
    start: date | str | None = None,
    near: NDArray[np.float64] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> PricePlan:
    """Choose a price for every offer: the highest objective that the policy's rules and limits allow.

    Parameters
    ----------
    shop : Shop
        As read.
    model : DemandModel
        Anything with ``response(future) -> PriceResponse``.
    policy : Policy
        What to aim at, and what must hold.
    start : date, optional
        First period planned for; default: the one after the last sale.
    near : float64[offer], optional
        Prices of an earlier plan: where they keep every limit, the plan is worth no less than they are.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Returns
    -------
    PricePlan
        Prices with their outcomes, limits, bound and reasons.

    Raises
    ------
    InputError
        Costs or prices that the policy needs are missing.
    Infeasible
        An offer's rules leave it no price (all such offers are listed), or the limits cannot all hold.
    """
    clock = _Clock(progress)
    future = shop.future(policy.horizon, start=None if start is None else str(start))
    economics = money(shop, policy, future)
    clock.done("demand", 0.0)
    response = model.response(future)
    clock.done("ladder", 0.2)
    allowed = allowed_prices(shop, policy, economics, future)
    problem, held, notices = _problem(shop, policy, response, economics, allowed)
    clock.done("search", 0.3)
    try:
        found = search(problem, _start(problem), near=near)
    except Infeasible as error:
        today = economics.outcomes(response, economics.reference, ("units", *problem.names))
        raise in_policy_units(error, problem.limits, today) from None
    clock.done("intervals", 0.8)
    now = economics.reference
    spread = draw_totals(response, economics, np.stack([now, found.price]), np.random.default_rng(policy.seed), n=DRAWS)
    clock.done("", 1.0)
    return PricePlan(
        offers=shop.offers,
        settings=shop.settings,
        policy=policy,
        problem=problem,
        allowed=replace(allowed, ladder=problem.ladder, notices=notices),
        found=found,
        spread=spread,
        planned=future.fixed,
        held=held,
        periods=future.periods,
        model=_named(model),
        seconds=clock.seconds,
    )


def _named(model: object) -> str:
    """Say which model it was, so that a plan can be traced to the one that was saved."""
    from pricebid.demand import DemandModel, digest

    if isinstance(model, DemandModel):
        return f"{type(model).__name__} {digest(model)[:16]}"
    return str(getattr(model, "name", type(model).__name__))


class _Clock:
    """Tells progress and keeps the seconds of each stage."""

    def __init__(self, progress: Callable[[str, float], None] | None) -> None:
        self._progress = progress
        self._stage, self._since = "tables", perf_counter()
        self.seconds: dict[str, float] = {}

    def done(self, following: str, share: float) -> None:
        """End the stage under way and begin the following one."""
        now = perf_counter()
        self.seconds[self._stage] = now - self._since
        self._stage, self._since = following, now
        if self._progress is not None:
            self._progress(following or "price", share)


def money(shop: Shop, policy: Policy, future: Future) -> Economics:
    """Return prices, costs, taxes and stock of each offer, checked against what the policy needs.

    Raises
    ------
    InputError
        An offer without a current price, or without a cost where profit or a margin counts.
    """
    offers = shop.offers
    reference = np.where(future.fixed, future.price.mean(axis=1), offers.current_price)
    bad = ~(reference > 0)
    if bad.any():
        at = int(bad.argmax())
        raise InputError(
            f"no current price for {offers.sku[at]} in {offers.region[at]} ({int(bad.sum()):,} offers): fill "
            "offers.price or catalog.price"
        )
    margins = [
        policy.portfolio.min_margin,
        policy.price.min_margin,
        *(r.price.min_margin for r in policy.rules if r.price),
    ]
    if (policy.objective.profit or any(margin is not None for margin in margins)) and np.isnan(offers.cost).any():
        raise TableError(shop.without_cost())
    discount = np.zeros(len(offers))
    if "discount" in future.driver_names:
        discount = future.drivers[future.driver_names.index("discount")].mean(axis=1)
    weights = policy.objective
    return Economics(
        reference=reference,
        cost=offers.cost,
        shipping=offers.shipping_cost,
        discount=discount,
        tax=offers.tax,
        available=offers.stock,
        weights=(weights.profit, weights.revenue, weights.units),
        minor=10.0**-shop.settings.decimals,
    )


def _problem(
    shop: Shop, policy: Policy, response: PriceResponse, economics: Economics, allowed: Allowed
) -> tuple[PriceProblem, NDArray[np.bool_], tuple[str, ...]]:
    """Return the problem with every offer left a price, the offers held, and notices.

    Raises
    ------
    Infeasible
        Where an offer without ``on_conflict = "hold"`` is left none; all are listed.
    """
    side, notices = _without_stuck(side_rules(policy, shop.offers), allowed)
    ladder, held = allowed.ladder, np.zeros(len(shop.offers), dtype=bool)
    while True:
        stuck = ladder.empty
        cut = ladder
        if not stuck.any() and len(side):
            cut, stuck = reachable(side, ladder)
        if not stuck.any():
            break
        failing = stuck & ~allowed.hold
        if failing.any():
            raise _no_price(shop, allowed, side, failing)
        held |= stuck
        ladder = replace(ladder, keep=ladder.keep | stuck, last=np.where(stuck, ladder.first - 1, ladder.last))
        side = side.without(held)
    names = ("units",)
    units_now = float(economics.outcomes(response, economics.reference, names)["units"].sum())
    problem = PriceProblem(
        response=response,
        economics=economics,
        ladder=cut,
        limits=portfolio_limits(policy.portfolio, units_now),
        side=side,
    )
    return problem, held, notices


def _without_stuck(side: SideRules, allowed: Allowed) -> tuple[SideRules, tuple[str, ...]]:
    """Leave out the rules of offers whose prices stay and break a rule between them already; say so in a notice."""
    ladder = allowed.ladder
    stays = (ladder.sizes == 0) & ladder.keep
    if not len(side) or not stays.any():
        return side, allowed.notices
    among = side.without(~stays)  # a price that stays may be at odds with one that can still move
    out = among.broken(ladder.current)
    if not out.any():
        return side, allowed.notices
    rules = ", ".join(name for name, dear, cheap in among.breaches(ladder.current) if (dear | cheap).any())
    notice = f"{rules}: broken already between {int(out.sum()):,} prices that stay, and skipped for these"
    return side.without(out), (*allowed.notices, notice)


def _start(problem: PriceProblem) -> NDArray[np.float64]:
    """Return prices to start from: the current ones where allowed, else near; the lowest where side rules break."""
    ladder = problem.ladder
    start = np.where(ladder.keep, ladder.current, ladder.nearest(ladder.current))
    if len(problem.side) and problem.side.broken(start).any():
        return ladder.ends()[0]
    return start


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """Bounds of an offer that do not meet."""

    low: float
    high: float
    text: str


def _no_price(shop: Shop, allowed: Allowed, side: SideRules, failing: NDArray[np.bool_]) -> Infeasible:
    """Return the error that lists every offer left without a price, with the rules that leave none."""
    offers = shop.offers
    rules = " and ".join(sorted(set(side.names)))
    conflicts = []
    for at in np.flatnonzero(failing):
        ends = _clash(allowed, int(at), rules)
        keys = " in ".join(str(label[at]) for label in offers.labels)
        conflicts.append(
            Conflict(
                name=f"{keys} (current {offers.current_price[at]:g}): {ends.text}",
                limit=ends.low,
                reachable=ends.high,
                relaxation=abs(ends.low - ends.high),
            )
        )
    count = f"{len(conflicts):,} offers are" if len(conflicts) > 1 else "1 offer is"
    return Infeasible(
        f'{count} left without a price by the rules; loosen them, or set price.on_conflict = "hold" to keep the current '
        "price there",
        conflicts,
    )


def _clash(allowed: Allowed, at: int, rules: str) -> _Ends:
    low, high = allowed.bounds[allowed.low[at]], allowed.bounds[allowed.high[at]]
    least, most = float(low.least[at]), float(high.most[at])
    if least > most:
        return _Ends(
            low=least, high=most, text=f"{low.name} needs at least {least:.4g}, {high.name} allows at most {most:.4g}"
        )
    if allowed.ladder.empty[at]:
        grid = allowed.ladder.grids[allowed.ladder.grid_of[at]]
        text = f"no price on the grid of endings or steps between {low.name} ({least:.4g}) and {high.name} ({most:.4g})"
        return _Ends(low=float(grid.price(grid.first(least))), high=most, text=text)
    return _Ends(
        low=least, high=most, text=f"{rules} cannot hold between {least:.4g} ({low.name}) and {most:.4g} ({high.name})"
    )
