"""The fitted demand model: what it knows, and the forecasts, elasticities and price responses it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand import levels
from pricebid.demand.attraction import AttractionResponse
from pricebid.demand.counts import quantile
from pricebid.demand.features import CARRY, Recipe, future_columns, promoted
from pricebid.demand.local import Local, local_slopes
from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.calibration import Calibration
    from pricebid.demand.levels import Level
    from pricebid.demand.plain import Plain
    from pricebid.demand.season import Tide
    from pricebid.demand.tiers import Clock, Tiers, Upper
    from pricebid.tables.arrays import Future

_NORMAL_90 = 1.6448536269514722


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Demand to expect, float64[offer, step] each.

    Parameters
    ----------
    periods : datetime64[D][step]
        First day of each period.
    mean : float64[offer, step]
        Expected units (the mean, not the median).
    p10, p50, p90 : float64[offer, step]
        Quantiles of the predictive distribution.
    price : float64[offer, step]
        Prices assumed.
    """

    periods: NDArray[np.datetime64]
    mean: NDArray[np.float64]
    p10: NDArray[np.float64]
    p50: NDArray[np.float64]
    p90: NDArray[np.float64]
    price: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Elasticities:
    """Own- and cross-price elasticities.

    Parameters
    ----------
    own, own_low, own_high : float64[offer]
        Own-price elasticity of a lasting price change, with its 90 % interval; negative.
    offer, of_offer : int[pair]
        Demand of ``offer`` answers to the price of ``of_offer``.
    value : float64[pair]
        Cross elasticity.
    specification : str
        How the elasticities were identified, in words.
    """

    own: NDArray[np.float64]
    own_low: NDArray[np.float64]
    own_high: NDArray[np.float64]
    offer: NDArray[np.intp]
    of_offer: NDArray[np.intp]
    value: NDArray[np.float64]
    specification: str


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Slopes of the columns.

    Parameters
    ----------
    mean : float64[offer, column]
        Within-period slopes.
    covariance : float64[offer, column, column]
        Their posterior covariance.
    decision, decision_covariance : float64[offer, column], float64[offer, column, column]
        Slopes to decide by, midway between two comparisons within a period: with the same sku elsewhere, and with the
        sku's category.
    shared : float64[category, column, column]
        The part of that covariance that all offers of a category share.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    decision: NDArray[np.float64]
    decision_covariance: NDArray[np.float64]
    shared: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One view of what happens over time: how skus' means add up, and how the levels of categories, skus and offers move.

    Parameters
    ----------
    upper : Upper
        What the skus' mean columns over time add.
    tide : Tide
        Categories.
    tide_ahead : float64[category, step]
        Variance of a category's effect after the history.
    sku_level, series_level : Level
        Movement of skus and of offers.
    sku_last, series_last : float64[2, sku], float64[2, offer]
        Mean and variance of the levels in the last period.
    intercept, intercept_variance : float64[offer]
        The offer's own level.
    sigma2 : float64[offer]
        Variance of the log of each cell's own error.
    """

    upper: Upper
    tide: Tide
    tide_ahead: NDArray[np.float64]
    sku_level: Level
    series_level: Level
    sku_last: NDArray[np.float64]
    series_last: NDArray[np.float64]
    intercept: NDArray[np.float64]
    intercept_variance: NDArray[np.float64]
    sigma2: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DemandModel:
    """Demand of every offer of a shop, as learnt from its history.

    Parameters
    ----------
    columns : tuple of str
        Key columns of the offers.
    labels : tuple of object[offer]
        Their labels.
    clock : Clock
        Periods of the history.
    recipe : Recipe
        How the columns that move demand are made.
    tiers : Tiers
        Skus and categories.
    slopes : Slopes
    movement, second : Movement
        Two views; forecasts are midway between them, and are drawn to the third as far as held-out blocks say.
    plain : Plain
        The third view, without movement.
    calibration : Calibration
    whole : bool
        Units are whole numbers.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    clock: Clock
    recipe: Recipe
    tiers: Tiers
    slopes: Slopes
    movement: Movement
    second: Movement
    plain: Plain
    calibration: Calibration
    whole: bool

    def forecast(self, future: Future, price: NDArray[np.float64] | None = None) -> Forecast:
        """Forecast demand.

        Parameters
        ----------
        future : Future
            Periods, prices and drivers, for the same offers in the same order.
        price : float64[offer, step], optional
            Prices instead of the future's.

        Returns
        -------
        Forecast

        Raises
        ------
        InputError
            The future is of other offers, or does not lie after the history.
        """
        price = future.price if price is None else price
        eta, moving, fresh = self.outlook(future, price)
        promo = promoted(self.recipe, future, price)
        spread = self.calibration.spread_of(promo) ** 2 * (moving + fresh)
        mean = np.exp(np.minimum(eta + 0.5 * spread, 30.0))
        p10, p50, p90 = (quantile(mean, spread, p, whole=self.whole) for p in (0.1, 0.5, 0.9))
        return Forecast(
            periods=future.periods,
            mean=self.calibration.level_of(promo) * mean,
            p10=p10,
            p50=p50,
            p90=p90,
            price=price,
        )

    def outlook(
        self, future: Future, price: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Log mean of demand, the variance of parameters and levels, and that of the cells' own error: [offer, step]."""
        if price.shape[0] != len(self.labels[0]):
            raise InputError(f"the future has {price.shape[0]} offers, the model {len(self.labels[0])}: fit again")
        steps = self.clock.steps(future.periods)
        if steps[0] < 1:
            raise InputError(
                f"the first period to forecast, {future.periods[0]}, is not after the last, {self.clock.last}"
            )
        x = future_columns(self.recipe, future, price, int(steps[0]) - 1)
        first, moving = self._view(self.movement, future, x)
        second, other = self._view(self.second, future, x)
        bent = np.einsum("nkl,lnt->knt", self.slopes.covariance, x)
        moving = 0.5 * (moving + other) + (bent * x).sum(0)
        eta = 0.5 * (first + second)
        if self.calibration.plain > 0.0:
            eta = eta + self.calibration.plain * (self.plain.log_mean(self.tiers.tree.sku_of, x) - eta)
        return eta, moving, np.broadcast_to(self.movement.sigma2[:, None], moving.shape)

    def _view(
        self, move: Movement, future: Future, x: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log mean in one view, and the variance of its levels, float64[offer, step] each."""
        tree, steps = self.tiers.tree, self.clock.steps(future.periods)
        years = self.clock.years(future.periods)
        extras = self.tiers.extras(self.recipe.names, x, self.clock.waves(future.periods), years)
        means = self.tiers.means(x)
        tide = move.tide.effect(self._time(steps), regressors_of(means[1], years))
        sku, sku_variance = levels.ahead((move.sku_last[0], move.sku_last[1]), move.sku_level, steps)
        own, own_variance = levels.ahead((move.series_last[0], move.series_last[1]), move.series_level, steps)
        upper = tide[tree.category_of] + sku + move.upper.effect(tree, means, extras)
        eta = move.intercept[:, None] + np.einsum("nk,knt->nt", self.slopes.mean, x) + upper[tree.sku_of] + own
        known = move.tide_ahead[:, np.minimum(steps, move.tide_ahead.shape[1]) - 1]
        moving = known[self.tiers.category_of] + sku_variance[tree.sku_of] + own_variance
        return eta, moving + move.intercept_variance[:, None]

    def _time(self, steps: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.movement.tide.times[-1] + steps.astype(np.float64))

    def response(self, future: Future) -> AttractionResponse:
        """How expected units over the future answer to prices: what the price plan is made from.

        Parameters
        ----------
        future : Future
            The horizon; its prices are those at which nothing changes.

        Returns
        -------
        AttractionResponse
        """
        current = future.price[:, 0]
        forecast = self.forecast(future, np.repeat(current[:, None], future.price.shape[1], axis=1))
        _, moving, fresh = self.outlook(future, forecast.price)
        horizon, decay = len(future.periods), 1.0 - self.recipe.renewal
        here, category = self._here(current), self.tiers.category_of
        spread = (self.calibration.spread_of(promoted(self.recipe, future, forecast.price)) ** 2).mean(1)
        chance = np.expm1(np.minimum(spread * fresh.mean(1), 4.0)) / horizon
        tide = self.movement.tide_ahead[:, min(horizon, self.movement.tide_ahead.shape[1]) - 1]
        # What a category shares is drawn once for all, as wide as its offers are on average; an offer's own part is the rest.
        shared = np.bincount(category, weights=spread) / np.bincount(category) * tide
        level = np.maximum(spread * moving.mean(1) - shared[category], 1e-6)
        own, share = here.attraction(self.recipe.group)
        common = here.shared[:, 0, 0]
        # The log of a category's shares is as unsure as its cross slope is, relative to its size.
        cross = np.bincount(category, weights=here.mean[:, 1]) / np.bincount(category)
        unsure = np.sqrt(here.shared[:, 1, 1]) / np.maximum(np.abs(cross), 0.2)
        return AttractionResponse(
            current=current,
            base=forecast.mean,
            groups=self.recipe.group,
            share=share,
            own=own,
            own_sd=np.sqrt(np.maximum(here.covariance[:, 0, 0] - common[category], 0.0)),
            pools=category,
            common_sd=np.sqrt(common),
            share_sd=np.minimum(unsure, 1.0),
            level_sd=np.sqrt(level),
            common_level_sd=np.sqrt(shared),
            carry=self.slopes.decision[:, CARRY] / decay,
            decay=decay,
            curvature=self.recipe.curvature,
            dispersion=np.expm1(np.minimum(spread * moving.mean(1), 4.0)) + chance,
            chance=chance,
        )

    def _here(self, current: NDArray[np.float64]) -> Local:
        """Give the price slopes at some prices, as elasticities there."""
        slopes = self.slopes
        return local_slopes(
            self.recipe,
            (slopes.decision, slopes.decision_covariance, slopes.shared),
            self.tiers.category_of,
            level=self.movement.intercept,
            current=current,
        )

    def elasticities(self) -> Elasticities:
        """Own and cross elasticities of lasting price changes.

        Returns
        -------
        Elasticities
        """
        here = self._here(self.recipe.current)
        own, sd = here.total()
        group = self.recipe.group
        order = np.argsort(group, kind="stable")
        sizes = np.bincount(group)
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        offer = np.repeat(np.arange(len(group)), sizes[group])
        within = np.arange(len(offer)) - np.repeat(np.cumsum(sizes[group]) - sizes[group], sizes[group])
        of_offer = order[starts[group[offer]] + within]
        keep = offer != of_offer
        offer, of_offer = offer[keep], of_offer[keep]
        return Elasticities(
            own=own,
            own_low=own - _NORMAL_90 * sd,
            own_high=np.minimum(own + _NORMAL_90 * sd, 0.0),
            offer=offer,
            of_offer=of_offer,
            value=here.mean[offer, 1] * here.weight[of_offer],
            specification=SPECIFICATION,
        )


SPECIFICATION = (
    "offers of a category and region share buyers (attraction model), elasticities constant or growing with the price as the "
    "data say, promotion held fixed; identified from prices relative to the same sku elsewhere and to its category in the "
    "same period (midway where the two differ), so that a season that moved prices and demand together does not count; "
    "slopes pooled over offers, skus and categories"
)


def regressors_of(x_cat: NDArray[np.float64], years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Regressors of the categories' movement: mean columns and the trend, float64[category, regressor, period]."""
    trend = np.broadcast_to(years, (x_cat.shape[1], 1, len(years)))
    return np.concatenate([x_cat.transpose(1, 0, 2), trend], axis=1)
