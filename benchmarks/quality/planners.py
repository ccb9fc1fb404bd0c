"""Ways from a market's history to a price vector: rivals, and the engine with and without its pricing layer.

A planner is a callable ``(market, bounds) -> float64[offer]``; it looks at ``market.history``, ``market.offers`` and
``market.shop`` only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import minimize

from pricebid.simulate import LogitBuyers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand import DemandModel
    from pricebid.demand.response import PriceResponse
    from pricebid.simulate import Bounds, Market
    from pricebid.tables import Shop
    from pricebid.tables.arrays import History


class Planner(Protocol):
    """From what a seller sees to one price per offer."""

    def __call__(self, market: Market, bounds: Bounds) -> NDArray[np.float64]:
        """Prices, float64[offer]."""
        ...


def fixed_effects_grid(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Regress log units on log price and promotion per sku with region effects, then search each offer's ladder.

    Weeks without a sale are left out, as taking logs does. No substitution, no season: what a spreadsheet does.
    """
    history = market.history
    slope = _slope_per_sku(history)
    _, offer_sku = np.unique(history.offers.sku.astype(str), return_inverse=True)
    ladder = bounds.ladder(history.offers.current_price, history.offers.cost)
    demand = (ladder / history.offers.current_price[:, None]) ** slope[offer_sku, None]
    profit = (ladder - history.offers.cost[:, None]) * demand
    return ladder[np.arange(len(ladder)), profit.argmax(axis=1)]


def _slope_per_sku(history: History) -> NDArray[np.float64]:
    """Own elasticity per sku (sorted labels), float64[sku]."""
    sold = history.units > 0
    weight = sold.astype(float)
    x = [np.log(history.price), history.drivers[0]]
    columns = [_within(values, weight) for values in [*x, np.log(np.where(sold, history.units, 1.0))]]
    skus, code = np.unique(history.offers.sku.astype(str), return_inverse=True)

    def summed(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(code, weights=(weight * a * b).sum(axis=1), minlength=len(skus))

    price, promo, log_units = columns
    gram = np.stack([[summed(a, b) for b in (price, promo)] for a in (price, promo)])
    right = np.stack([summed(a, log_units) for a in (price, promo)])
    gram = np.moveaxis(gram, 2, 0) + 1e-9 * np.eye(2)
    return np.linalg.solve(gram, right.T[..., None])[:, 0, 0]


def _within(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = (weight * values).sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    return values - mean


def right_form(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Plan with an estimator that is told the logit form: conditional multinomial logit, one price slope a category.

    Given the units of a group in a week, how they split over its skus is multinomial whatever the visitors were; so
    season and endogenous prices drop out. The outside share is not identified that way: it is taken as known.
    Category slopes and offer constants have weak Gaussian priors.
    """
    history, layout = market.history, market.truth.layout
    units = layout.grouped(history.units.T)
    price, promo = layout.grouped(history.price.T), layout.grouped(history.drivers[0].T)
    level = price.mean(axis=(0, 2), keepdims=True)
    shape = (layout.groups, layout.skus)
    category = np.arange(layout.groups) // layout.regions

    def unpack(theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return theta[: layout.categories], theta[layout.categories + 1 :].reshape(shape)

    def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, constant = unpack(theta)
        relative = price / level
        utility = constant - slope[category][:, None] * relative + theta[layout.categories] * promo
        utility = utility - utility.max(axis=2, keepdims=True)
        share = np.exp(utility)
        share /= share.sum(axis=2, keepdims=True)
        residual = units - units.sum(axis=2, keepdims=True) * share
        prior = 0.5 * (((slope - 3) / 1.5) ** 2).sum() + 0.5 * (constant**2).sum()
        per_group = -(residual * relative).sum(axis=(0, 2))
        by_category = np.bincount(category, weights=per_group, minlength=layout.categories)
        gradient = np.concatenate(
            [
                -by_category + (slope - 3) / 1.5**2,
                [-(residual * promo).sum()],
                (-residual.sum(axis=0) + constant).ravel(),
            ]
        )
        return float(-(units * np.log(np.maximum(share, 1e-300))).sum() + prior), gradient

    start = np.concatenate([np.full(layout.categories, 3.0), [0.0], np.zeros(layout.groups * layout.skus)])
    slope, constant = unpack(minimize(objective, start, jac=True, method="L-BFGS-B").x)
    return _best_logit(market, bounds, slope=slope[category][:, None] / level[0], constant=constant)


def _best_logit(
    market: Market, bounds: Bounds, *, slope: NDArray[np.float64], constant: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Best prices for an estimated logit, the outside share at average prices being the market's."""
    usual = market.truth.layout.grouped(market.history.price.mean(axis=1))
    inside = np.exp(constant - slope * usual).sum(axis=1, keepdims=True)
    odds = market.settings.inside / (1 - market.settings.inside)
    buyers = LogitBuyers(appeal=constant + np.log(odds / inside), slope=slope)
    return replace(market.truth, buyers=buyers).best(bounds)


def plan_by_response(
    response: PriceResponse, market: Market, bounds: Bounds, *, sweeps: int = 20
) -> NDArray[np.float64]:
    """Climb the expected profit that a price response predicts, one sku of every group after the other.

    Uses `options` and `spill` only, so it also says whether those agree with `units`; no pricing layer is needed.
    """
    offers = market.offers
    ladder = bounds.ladder(offers.current_price, offers.cost)
    rank = _rank_in_group(response.groups)
    price = offers.current_price.copy()
    for _ in range(sweeps):
        before = price.copy()
        for turn in range(rank.max() + 1):
            mine = rank == turn
            own = (ladder - offers.cost[:, None]) * response.options(price, ladder)
            others = response.spill(price, ladder, (price - offers.cost)[None])[0]
            pick = (own + others).argmax(axis=1)
            price = np.where(mine, ladder[np.arange(len(ladder)), pick], price)
        if np.array_equal(before, price):
            break
    return price


def _rank_in_group(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each offer in its group, int[offer]."""
    order = np.argsort(groups, kind="stable")
    first = np.searchsorted(groups[order], groups[order], side="left")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(groups)) - first
    return rank


@dataclass(frozen=True, kw_only=True)
class _TrueSlopes:
    """Level and elasticities of a market's truth at today's prices, float64[group, sku] but ``weight`` sums to 1.

    Parameters
    ----------
    base : float64[group, sku]
        Units over the horizon.
    alone : float64[group, sku]
        Elasticity to the own price relative to the group's: own less pull.
    pull : float64[group, sku]
        Mean elasticity of the others to this price.
    cross : float64[group, sku]
        Elasticity to the group's price index.
    """

    base: NDArray[np.float64]
    alone: NDArray[np.float64]
    pull: NDArray[np.float64]
    cross: NDArray[np.float64]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Weight of each price in the group's index."""
        weight: NDArray[np.float64] = self.pull / self.pull.sum(axis=1, keepdims=True)
        return weight


def _true_slopes(market: Market) -> _TrueSlopes:
    truth, layout = market.truth, market.truth.layout
    elasticity = truth.elasticity(truth.current)
    own = np.einsum("gii->gi", elasticity)
    others = elasticity - own[..., None] * np.eye(layout.skus)
    pull = others.sum(axis=1) / max(layout.skus - 1, 1)
    cross = others.sum(axis=2) / (1 - pull / pull.sum(axis=1, keepdims=True))
    return _TrueSlopes(base=layout.grouped(truth.units(truth.current)), alone=own - pull, pull=pull, cross=cross)


def told_log_linear(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Plan on a log-linear response that is told the true level and elasticities at today's prices.

    What is lost here is lost to the form (constant elasticities, one price index per group), not to the estimate.
    """
    from pricebid.demand import LogLinearResponse

    layout, told = market.truth.layout, _true_slopes(market)
    _, region, category = layout.labels()
    group = np.unique(np.char.add(category.astype(str), region.astype(str)), return_inverse=True)[1]
    response = LogLinearResponse(
        current=market.truth.current,
        base=layout.flat(told.base)[:, None],
        groups=group,
        weight=layout.flat(told.weight),
        own_mean=layout.flat(told.alone + told.pull - told.cross * told.weight),
        cross_mean=layout.flat(told.cross),
    )
    return plan_by_response(response, market, bounds)


@dataclass(frozen=True, kw_only=True)
class _Attraction:
    """Market-share attraction in log prices (Cooper and Nakanishi 1988): own-price power over the group's sum."""

    current: NDArray[np.float64]
    told: _TrueSlopes

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return units over the horizon, float64[..., group, sku]."""
        del lift, reference
        attraction = (price / self.current) ** self.told.alone
        share = self.told.pull / np.abs(self.told.alone)
        whole = 1 + (share * (attraction - 1)).sum(axis=-1, keepdims=True)
        rate: NDArray[np.float64] = self.told.base * attraction / whole
        return rate


def told_attraction(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Plan on an attraction response told the same as `told_log_linear`: what another form would lose."""
    truth, layout = market.truth, market.truth.layout
    buyers = _Attraction(current=layout.grouped(truth.current), told=_true_slopes(market))
    return replace(truth, buyers=buyers, visitors=np.ones((1, layout.groups))).best(bounds)


def fitted(market: Market) -> DemandModel:
    """Fit the engine's demand model with its defaults."""
    from pricebid.demand import fit

    return fit(market.history, seed=0)


def engine_response(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Plan with the engine's demand model and a plain climb: the model's worth without the pricing layer."""
    return plan_by_response(fitted(market).response(market.future), market, bounds)


def engine(market: Market, bounds: Bounds) -> NDArray[np.float64]:
    """Plan with the whole engine, default settings: the shop is read, the model fitted, the shop priced."""
    from pricebid.demand import fit
    from pricebid.policy import Policy
    from pricebid.pricing import price

    shop: Shop = market.shop
    policy = Policy.from_mapping(
        {
            "horizon": market.settings.horizon,
            "price": {"min_margin": bounds.min_margin, "max_change": bounds.max_change, "step": bounds.step},
        }
    )
    plan = price(shop, fit(shop.history(), seed=0), policy)
    return np.asarray(plan.price, dtype=float)
