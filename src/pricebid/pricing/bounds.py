"""What the policy allows a single price: bounds by name, and the ladder between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.grid import Grid, Ladder
from pricebid.pricing.market import market_average

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pricebid.policy import Policy, PriceRules, Rule
    from pricebid.pricing.economics import Economics
    from pricebid.tables import Future, Offers, Shop

# Without any upper (lower) bound the ladder ends here: no demand model knows what lies beyond.
SEARCH_FACTOR = 2.0
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """One bound on single prices.

    Parameters
    ----------
    name : str
        In the policy's words.
    least, most : float64[offer]
        Money; NaN where the bound does not speak of the offer.
    rank : {0, 1, 2, 3}
        0: floors and legal bounds; 1: min, max and map price, market rules; 2: max change; 3: end of the search range.
    """

    name: str
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    rank: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Allowed:
    """The ladder of every offer, and which bound ends it.

    Parameters
    ----------
    ladder : Ladder
        The options.
    bounds : tuple of Bound
        All bounds.
    low, high : int[offer]
        The bound that ends the ladder below and above.
    hold : bool[offer]
        Where no price is left: keep the current one rather than fail.
    notices : tuple of str
        Rules that could not be applied.
    """

    ladder: Ladder
    bounds: tuple[Bound, ...]
    low: NDArray[np.intp]
    high: NDArray[np.intp]
    hold: NDArray[np.bool_]
    notices: tuple[str, ...]


def matching(rule: Rule, offers: Offers) -> NDArray[np.bool_]:
    """Return the offers that every selector of the rule matches, bool[offer]."""
    found = np.ones(len(offers), dtype=bool)
    for column, label in rule.selectors:
        if column in ("role", "stage", "category", "brand"):
            found &= getattr(offers, column) == label
        else:
            found &= offers.label(column) == label if column in offers.columns else False
    return found


def price_rules(policy: Policy, offers: Offers) -> Iterator[tuple[PriceRules, NDArray[np.bool_], str]]:
    """Yield every set of price rules with the offers it holds for, and what to call it."""
    yield policy.price, np.ones(len(offers), dtype=bool), ""
    for rule in policy.rules:
        if rule.price is not None:
            words = ", ".join(f"{column} {label}" for column, label in rule.selectors)
            yield rule.price, matching(rule, offers), f" ({words})" if words else ""


def _bound(name: str, rank: int, **ends: NDArray[np.float64]) -> Bound:
    n = len(next(iter(ends.values())))
    none = np.full(n, np.nan)
    return Bound(name=name, least=ends.get("least", none), most=ends.get("most", none), rank=rank)


def margin_floor(economics: Economics, margin: float) -> NDArray[np.float64]:
    """Return the lowest price with contribution / revenue >= margin, float64[offer]; NaN where the cost is unknown.

    Revenue r = (price - discount) / (1 + tax), and (r - cost - shipping) / r >= m means r >= (cost + shipping) / (1 - m).
    """
    revenue = (economics.cost + economics.shipping) / (1.0 - margin)
    return np.asarray(economics.discount + (1.0 + economics.tax) * revenue)


def allowed_prices(shop: Shop, policy: Policy, economics: Economics, future: Future) -> Allowed:
    """Return the ladder of every offer under the policy; offers without any option have an empty one.

    Parameters
    ----------
    shop : Shop
        Offers, rivals and history.
    policy : Policy
        Price rules.
    economics : Economics
        Money of each offer.
    future : Future
        Planned prices and promotions.
    """
    offers, current = shop.offers, np.round(economics.reference, shop.settings.decimals)
    notices: list[str] = []
    bounds = [
        *_table_bounds(offers),
        *_policy_bounds(shop, policy, economics, future),
        *_market_bounds(shop, policy, future, notices),
    ]
    bounds.append(_search_bound(bounds, current))
    least = np.stack([bound.least for bound in bounds])
    most = np.stack([bound.most for bound in bounds])
    low, high = np.nanmax(least, axis=0), np.nanmin(most, axis=0)
    grids, grid_of = _grids(policy, offers, shop.settings.decimals)
    ladder = Ladder(
        grids=grids, grid_of=grid_of, first=_each(grids, grid_of, low, "first"), last=_each(grids, grid_of, high, "last"),
        current=current, keep=_keeps(bounds, current, most_too=True),
    )  # fmt: skip
    ladder = replace(ladder, keep=ladder.keep | (ladder.empty & _keeps(bounds, current, most_too=False)))
    stays = offers.locked | future.fixed
    ladder = replace(
        ladder,
        last=np.where(stays, ladder.first - 1, ladder.last),
        keep=ladder.keep | stays,
    )
    hold = np.zeros(len(offers), dtype=bool)
    for rules, rows, _ in price_rules(policy, offers):
        if rules.on_conflict is not None:
            hold[rows] = rules.on_conflict == "hold"
    return Allowed(
        ladder=ladder, bounds=tuple(bounds), low=np.nan_to_num(least, nan=-np.inf).argmax(axis=0),
        high=np.where(np.isnan(most), np.inf, most).argmin(axis=0), hold=hold, notices=tuple(notices),
    )  # fmt: skip


def _keeps(bounds: list[Bound], current: NDArray[np.float64], *, most_too: bool) -> NDArray[np.bool_]:
    """Return where the current price may stay: it breaks no floor, legal bound, min, max, map price or market rule.

    Max change and endings do not drop it. Without ``most_too``, a max price that it is above does not either: that is
    asked where no other price is left.
    """
    slack = _ROUNDING * np.maximum(1.0, current)
    keeps = np.ones(len(current), dtype=bool)
    for bound in bounds:
        if bound.rank > 1:
            continue
        keeps &= ~(current < bound.least - slack)
        if most_too or bound.name != "max_price":
            keeps &= ~(current > bound.most + slack)
    return keeps


def _table_bounds(offers: Offers) -> Iterator[Bound]:
    for name, ends in (
        ("min_price", {"least": offers.min_price}), ("max_price", {"most": offers.max_price}), ("map_price", {"least": offers.map_price}),
    ):  # fmt: skip
        if np.isfinite(next(iter(ends.values()))).any():
            yield _bound(name, 1, **ends)


def _policy_bounds(shop: Shop, policy: Policy, economics: Economics, future: Future) -> Iterator[Bound]:
    for rules, rows, words in price_rules(policy, shop.offers):

        def only(value: NDArray[np.float64], rows: NDArray[np.bool_] = rows) -> NDArray[np.float64]:
            return np.where(rows, value, np.nan)

        if rules.never_below_cost:
            yield _bound(f"never_below_cost{words}", 0, least=only(margin_floor(economics, 0.0)))
        if rules.min_margin is not None:
            yield _bound(
                f"min_margin {rules.min_margin:g}{words}", 0, least=only(margin_floor(economics, rules.min_margin))
            )
        if rules.prior_low_days is not None:
            yield _bound(
                f"prior_low_days {rules.prior_low_days}{words}",
                0,
                most=only(prior_low(shop, future, rules.prior_low_days)),
            )
        if rules.max_change is not None:
            reference = economics.reference
            yield _bound(
                f"max_change {rules.max_change:g}{words}", 2,
                least=only(reference * (1.0 - rules.max_change)), most=only(reference * (1.0 + rules.max_change)),
            )  # fmt: skip


def prior_low(shop: Shop, future: Future, days: int) -> NDArray[np.float64]:
    """Return the lowest price in the days before each announced promotion began, float64[offer]; NaN without one.

    A promotion is announced where ``promo`` is planned in the horizon; it began with the first period of its unbroken
    run, which may lie in the history. A discounted price above that lowest price would be no discount
    (Directive 98/6/EC, article 6a).
    """
    history = shop.history()
    none = np.full(len(shop.offers), np.nan)
    if "promo" not in history.driver_names:
        return none
    at = history.driver_names.index("promo")
    planned = future.drivers[at] > 0
    n_past = len(history.periods)
    run = np.hstack([history.drivers[at] > 0, planned])
    quiet = np.where(~run, np.arange(run.shape[1]), -1)
    last_quiet = np.maximum.accumulate(quiet, axis=1)
    first = n_past + planned.argmax(axis=1)
    begins = np.concatenate([history.periods, future.periods])[last_quiet[np.arange(len(run)), first] + 1]
    inside = (history.periods < begins[:, None]) & (history.periods >= (begins - np.timedelta64(days, "D"))[:, None])
    price = np.where(inside & np.isfinite(history.price), history.price, np.inf).min(axis=1, initial=np.inf)
    known = planned.any(axis=1) & np.isfinite(price)
    return np.where(known, price, none)


def _market_bounds(shop: Shop, policy: Policy, future: Future, notices: list[str]) -> Iterator[Bound]:
    rules = [rule for rule in policy.rules if rule.market_average is not None]
    if not rules:
        return
    average = market_average(shop.competitors, shop.offers, policy.market, future.periods[0])
    for rule in rules:
        below, above = rule.market_average or (0.0, 0.0)
        rows = matching(rule, shop.offers)
        alone = int((rows & np.isnan(average)).sum())
        if alone:
            notices.append(
                f"market_average [{below:g}, {above:g}]: no rival left for {alone:,} offers, where the rule is skipped"
            )
        yield _bound(
            f"market_average [{below:g}, {above:g}]", 1,
            least=np.where(rows, average * (1.0 + below), np.nan), most=np.where(rows, average * (1.0 + above), np.nan),
        )  # fmt: skip


def _search_bound(bounds: list[Bound], current: NDArray[np.float64]) -> Bound:
    """Return the range that is searched where nothing else bounds a price, wide enough to hold every floor and cap."""
    least = np.stack([bound.least for bound in bounds]) if bounds else np.full((1, len(current)), np.nan)
    most = np.stack([bound.most for bound in bounds]) if bounds else np.full((1, len(current)), np.nan)
    floor, cap = (
        np.where(np.isnan(least), -np.inf, least).max(axis=0),
        np.where(np.isnan(most), np.inf, most).min(axis=0),
    )
    return Bound(
        name=f"search range, {1 / SEARCH_FACTOR:g} to {SEARCH_FACTOR:g} times the current price",
        least=np.minimum(current, cap) / SEARCH_FACTOR, most=np.maximum(current, floor) * SEARCH_FACTOR, rank=3,
    )  # fmt: skip


def _grids(policy: Policy, offers: Offers, decimals: int) -> tuple[tuple[Grid, ...], NDArray[np.intp]]:
    """Return the grids in use and the one of each offer: endings of all matching rules together, else the last step."""
    ending_of: list[tuple[float, ...] | None] = [None]
    step_of: list[float] = [policy.price.step or 0.01]
    code = np.zeros(len(offers), dtype=np.intp)
    for rules, rows, _ in price_rules(policy, offers):
        if rules.endings is None and rules.step is None:
            continue
        for old in np.unique(code[rows]):
            both = ending_of[old]
            mine = rules.endings
            if mine is not None and both is not None:
                mine = tuple(ending for ending in mine if ending in both) or mine
            ending_of.append(mine if mine is not None else both if rules.step is None else None)
            step_of.append(rules.step or step_of[old])
            code[rows & (code == old)] = len(step_of) - 1
    used, grid_of = np.unique(code, return_inverse=True)
    grids = []
    for at in used:
        endings = ending_of[at]
        grids.append(Grid.of_step(step_of[at], decimals) if endings is None else Grid.of_endings(endings, decimals))
    return tuple(grids), np.asarray(grid_of, dtype=np.intp)


def _each(
    grids: tuple[Grid, ...], grid_of: NDArray[np.intp], bound: NDArray[np.float64], end: str
) -> NDArray[np.int64]:
    numbers = np.zeros(len(bound), dtype=np.int64)
    for at, grid in enumerate(grids):
        rows = grid_of == at
        numbers[rows] = (
            grid.first(np.maximum(bound[rows], 10.0**-grid.decimals)) if end == "first" else grid.last(bound[rows])
        )
    return numbers
