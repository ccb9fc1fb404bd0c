"""Prices for one buyer at a time, learnt from who bought: logit demand in what is known of the buyer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.forgetting import KEEP_ALL, Forgetting
from pricebid.learning.gaussian_prior import GaussianPrior
from pricebid.learning.ids import frozen
from pricebid.learning.logistic_ts import LogisticThompson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SURE = 1e-4  # relative standard deviation of a scale that is known
GUESS = 0.5  # and of one that is only guessed


@dataclass(frozen=True, kw_only=True, eq=False)
class Priced:
    """Features of a price for a buyer: the context, and minus the price. A `FeatureMap`.

    Parameters
    ----------
    prices : float[option]
        Prices that may be asked, money.
    context : int
        Length of a context, at least 1.
    """

    prices: ArrayLike
    context: int

    def __post_init__(self) -> None:
        prices = np.array(self.prices, dtype=np.float64)
        if prices.ndim != 1 or not len(prices) or not (np.isfinite(prices) & (prices >= 0.0)).all():
            raise InputError(f"prices are float{list(prices.shape)}; give finite prices of at least 0, float[option]")
        if self.context < 1:
            raise InputError(f"context is {self.context!r}; give a length of at least 1")
        object.__setattr__(self, "prices", frozen(prices))

    @cached_property
    def _asked(self) -> Floats:
        return np.asarray(self.prices, dtype=np.float64)

    @property
    def options(self) -> int:
        """How many prices there are."""
        return len(self._asked)

    @property
    def width(self) -> int:
        """Length of the parameter vector."""
        return self.context + 1

    @property
    def block(self) -> Ints:
        """Which parameter vector each price uses: the one."""
        return np.zeros(self.options, dtype=np.int64)

    @property
    def blocks(self) -> int:
        """How many parameter vectors there are."""
        return 1

    def of_all(self, context: Floats) -> Floats:
        """Give float64[request, option, context + 1]."""
        rows = np.empty((len(context), self.options, self.width))
        rows[:, :, :-1] = context[:, None, :]
        rows[:, :, -1] = -self._asked
        return rows

    def of(self, context: Floats, option: Ints) -> Floats:
        """Give float64[request, context + 1]."""
        return np.concatenate([context, -self._asked[option][:, None]], axis=1)


def logit_pricing(
    *,
    prices: ArrayLike,
    context: int,
    cost: float = 0.0,
    scale: float = 1.0,
    scale_known: bool = False,
    theta: GaussianPrior | None = None,
    spread: float = 0.5,
    forgetting: Forgetting = KEEP_ALL,
) -> LogisticThompson:
    """Make a policy that learns which price to ask whom: a buyer pays up to theta x context + logistic noise.

    A buyer with context x buys at price p with probability logistic((theta'x - p) / scale). The policy is a
    `LogisticThompson` over the prices as options: prices that may not be asked of somebody are masked, and the units of an
    outcome are 1 where the buyer bought, else 0.

    Parameters
    ----------
    prices : float[option]
        The ladder, money. Fine: a step of a tenth of ``scale`` costs less than 0.1 % of revenue.
    context : int
        Length of a context, of which one entry should be a constant 1.
    cost : float
        What a unit sold costs, money: price - cost is earned.
    scale : float
        How far the noise in what buyers would pay reaches, money, > 0 (standard deviation / 1.81).
    scale_known : bool
        Whether ``scale`` is known; else it is a guess, good to about half of it, and learnt too.
    theta : GaussianPrior, optional
        Prior of theta, money per unit of each context entry; where not given, normal around 0 with a quarter of the
        ladder's range as standard deviation.
    spread : float
        Times the posterior's standard deviation that draws spread. Contexts that differ make prices differ, which
        teaches by itself: half of Thompson sampling's exploration earns more here. Where all contexts are alike use 1.
    forgetting : Discount or Window
        As in `LogisticModel`.

    Raises
    ------
    InputError
        An argument is out of range.

    Notes
    -----
    Parameters are theta / scale and 1 / scale, so that the model is an ordinary logistic one with minus the price as a feature;
    scale and theta are then learnt together, as one tells them apart only by the prices that were asked.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import Outcome, logit_pricing
    >>> policy = logit_pricing(prices=np.arange(0.5, 8.0, 0.1), context=2, scale=1.0, scale_known=True)
    >>> state, rng = policy.start(), np.random.default_rng(0)
    >>> for _ in range(500):
    ...     x = np.array([1.0, rng.integers(2)])  # one buyer in two would pay 3 more
    ...     pick = policy.choose(state, rng, context=x)
    ...     price = 0.5 + 0.1 * pick.option
    ...     bought = float(2.0 + 3.0 * x[1] + rng.logistic() >= price)
    ...     state = policy.update(state, [Outcome(option=pick.option, units=bought, context=x)])
    >>> chosen = [policy.choose_many(state, rng, 100, context=[1.0, kind]).option.mean() for kind in (0.0, 1.0)]
    >>> [bool(abs(0.5 + 0.1 * option - best) < 0.25) for option, best in zip(chosen, (2.0, 3.8), strict=True)]
    [True, True]
    """
    if not (scale > 0.0 and np.isfinite(scale)):
        raise InputError(f"scale is {scale!r}; give money above 0")
    if not np.isfinite(cost):
        raise InputError(f"cost is {cost!r}; give a finite number")
    features = Priced(prices=prices, context=context)
    ladder = np.asarray(features.prices, dtype=np.float64)
    known = theta or GaussianPrior(covariance=max(float(np.ptp(ladder)) / 4, scale) ** 2)
    mean, precision = known.laid_out(1, context)
    doubt = SURE if scale_known else GUESS
    return LogisticThompson(
        features=features,
        prior=_scaled(mean[0], np.linalg.inv(precision[0]), scale, doubt),
        worth=ladder - cost,
        spread=spread,
        forgetting=forgetting,
    )


def _scaled(mean: Floats, covariance: Floats, scale: float, doubt: float) -> GaussianPrior:
    # Of (theta / scale, 1 / scale): a scale that is wrong by a factor moves both together.
    centre = np.append(mean, 1.0) / scale
    whole = np.zeros((len(centre), len(centre)))
    whole[:-1, :-1] = covariance / scale**2
    return GaussianPrior(mean=centre, covariance=whole + doubt**2 * np.outer(centre, centre))
