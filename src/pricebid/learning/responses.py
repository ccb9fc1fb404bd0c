"""What a ThompsonLP believes of demand: how many units of each product an option sells per period.

Each form is fed the same totals by option (periods shown, units, squares of units), which is all that its posterior needs,
and draws expected units from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

Form = Literal["independent", "linear", "logit"]
Sales = Literal["one", "many"]
NEWTON_STEPS, HALVINGS = 50, 30
INTERCEPT_SPREAD, SLOPE_SPREAD = (
    3.0,
    2.0,
)  # of the logit's prior; prices are measured in standard deviations of the ladder
LINEAR_WEIGHT = 0.1  # periods that the prior of a linear demand is worth
FLOOR = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Totals:
    """What has come of each option.

    Parameters
    ----------
    shown : float64[..., option]
        Periods in which it was shown.
    units, squares : float64[..., option, product]
        Units sold then, and the sum of their squares.
    """

    shown: Floats
    units: Floats
    squares: Floats


class Response(Protocol):
    """A posterior of demand."""

    def sample(self, totals: Totals, rng: np.random.Generator, draws: int) -> Floats:
        """Draw float64[draw, option, product], expected units per period; 0 where a product is closed."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class IndependentResponse:
    """Nothing is carried from one option or product to another: a Beta (one unit at most) or Gamma posterior for each.

    Parameters
    ----------
    open : bool[option, product]
        Where a product has a price.
    mean, weight : float64[option, product]
        Units per period expected beforehand, and how many periods that expectation is worth.
    sales : {"one", "many"}
        At most one unit of a product per period, or any number (Poisson).
    """

    open: Bools
    mean: Floats
    weight: Floats
    sales: Sales

    def sample(self, totals: Totals, rng: np.random.Generator, draws: int) -> Floats:
        """Draw expected units, float64[draw, ..., option, product]; leading axes of the totals are kept."""
        sold = self.mean * self.weight + totals.units
        weight = self.weight + totals.shown[..., None]
        size = (draws, *sold.shape)
        if self.sales == "one":
            drawn = rng.beta(np.maximum(sold, FLOOR), np.maximum(weight - sold, FLOOR), size)
        else:
            drawn = rng.standard_gamma(sold, size) / weight
        return drawn * self.open


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearResponse:
    """Units of a product fall and rise linearly with all prices: Bayesian linear regression with unknown noise.

    Parameters
    ----------
    open : bool[option, product]
        Where a product has a price. Where it has none, the other products see its dearest price.
    design : float64[option, term]
        1 and the standardised price of each product.
    mean : float64[product]
        Units per period expected beforehand, at middling prices.
    sales : {"one", "many"}
        With "one" no more than one unit is ever expected.
    """

    open: Bools
    design: Floats
    mean: Floats
    sales: Sales

    def sample(self, totals: Totals, rng: np.random.Generator, draws: int) -> Floats:
        """Draw expected units, float64[draw, option, product]."""
        products, terms = self.open.shape[1], self.design.shape[1]
        drawn = np.zeros((draws, *self.open.shape))
        for product in range(products):
            # Only options at which the product is for sale tell of it.
            shown = totals.shown * self.open[:, product]
            precision = self.design.T @ (shown[:, None] * self.design) + LINEAR_WEIGHT * np.eye(terms)
            root = np.linalg.cholesky(precision)
            prior = np.zeros(terms)
            prior[0] = self.mean[product]
            moment = self.design.T @ totals.units[:, product] + LINEAR_WEIGHT * prior
            theta = np.linalg.solve(precision, moment)
            # Normal-inverse-gamma: one observation's worth of the Poisson variance beforehand.
            freedom = 1.0 + shown.sum()
            spread = self.mean[product] + totals.squares[:, product].sum()
            spread += LINEAR_WEIGHT * prior[0] ** 2 - moment @ theta
            noise = np.sqrt(np.maximum(spread, FLOOR) / (2.0 * rng.standard_gamma(0.5 * freedom, draws)))
            off = np.linalg.solve(root.T, rng.standard_normal((terms, draws))) * noise
            drawn[:, :, product] = (theta[:, None] + off).T @ self.design.T
        return np.clip(drawn, 0.0, 1.0 if self.sales == "one" else np.inf) * self.open


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitResponse:
    """One customer per period buys at most one product: multinomial logit, its posterior by Laplace's approximation.

    Parameters
    ----------
    open : bool[option, product]
        Where a product has a price; a closed one is not considered.
    price : float64[option, product]
        Standardised prices; 0 where closed.
    """

    open: Bools
    price: Floats

    def sample(self, totals: Totals, rng: np.random.Generator, draws: int) -> Floats:
        """Draw purchase probabilities, float64[draw, option, product]."""
        products = self.open.shape[1]
        terms = 2 * products
        center = np.repeat([0.0, -1.0], products)
        precision = np.repeat([INTERCEPT_SPREAD**-2.0, SLOPE_SPREAD**-2.0], products)
        theta = center
        value = self._log_posterior(theta, totals, center, precision)
        hessian = np.diag(precision)
        for _ in range(NEWTON_STEPS):
            chance = self._chances(theta[None])[0]
            gap = totals.units - totals.shown[:, None] * chance
            slope = np.concatenate([gap.sum(axis=0), (gap * self.price).sum(axis=0)]) - precision * (theta - center)
            hessian = self._curvature(totals.shown, chance) + np.diag(precision)
            step = np.linalg.solve(hessian, slope)
            for _ in range(HALVINGS):
                tried = self._log_posterior(theta + step, totals, center, precision)
                if tried >= value:
                    break
                step *= 0.5
            theta, value = theta + step, tried
            if slope @ step < 1e-10:
                break
        root = np.linalg.cholesky(hessian)
        off = np.linalg.solve(root.T, rng.standard_normal((terms, draws))).T
        return self._chances(theta + off)

    def _chances(self, theta: Floats) -> Floats:
        """Give the probabilities, float64[..., option, product], of parameters float64[..., term]."""
        products = self.open.shape[1]
        utility = theta[:, None, :products] + theta[:, None, products:] * self.price
        utility = np.where(self.open, utility, -np.inf)
        top = np.maximum(utility.max(axis=2, keepdims=True), 0.0)
        odds = np.exp(utility - top)
        chance: Floats = odds / (np.exp(-top) + odds.sum(axis=2, keepdims=True))
        return chance

    def _log_posterior(self, theta: Floats, totals: Totals, center: Floats, precision: Floats) -> float:
        chance = self._chances(theta[None])[0]
        none = np.maximum(1.0 - chance.sum(axis=1), 1e-300)
        bought = (totals.units * np.log(np.where(self.open, np.maximum(chance, 1e-300), 1.0))).sum()
        left = ((totals.shown - totals.units.sum(axis=1)) * np.log(none)).sum()
        return float(bought + left - 0.5 * (precision * (theta - center) ** 2).sum())

    def _curvature(self, shown: Floats, chance: Floats) -> Floats:
        """Give minus the second derivatives of the log-likelihood, float64[term, term]."""
        options, products = chance.shape
        design = np.zeros((options, products, 2 * products))
        every = np.arange(products)
        design[:, every, every] = 1.0
        design[:, every, products + every] = self.price
        weighted = design * chance[:, :, None]
        mean = weighted.sum(axis=1)
        flat = (options * products, 2 * products)
        spread = design.reshape(flat).T @ (weighted * shown[:, None, None]).reshape(flat)
        curvature: Floats = spread - mean.T @ (mean * shown[:, None])
        return curvature


def respond(*, prices: Floats, form: Form, sales: Sales, mean: Floats, weight: Floats) -> Response:
    """Give the posterior of a form of demand for options float64[option, product], inf where closed."""
    is_open = np.isfinite(prices)
    if form == "independent":
        return IndependentResponse(open=is_open, mean=mean, weight=weight, sales=sales)
    known = np.where(is_open, prices, np.nan)
    center = np.array([np.nanmean(column) if np.isfinite(column).any() else 0.0 for column in known.T])
    spread = np.array([np.nanstd(column) if np.isfinite(column).any() else 0.0 for column in known.T])
    standard = (known - center) / np.where(spread > 0, spread, 1.0)
    if form == "logit":
        return LogitResponse(open=is_open, price=np.where(is_open, standard, 0.0))
    dearest = np.array([np.nanmax(column) if np.isfinite(column).any() else 0.0 for column in standard.T])
    seen = np.where(is_open, standard, dearest)
    at_open = np.array([(mean[rows, at]).mean() if rows.any() else 0.0 for at, rows in enumerate(is_open.T)])
    return LinearResponse(open=is_open, design=np.column_stack([np.ones(len(seen)), seen]), mean=at_open, sales=sales)
