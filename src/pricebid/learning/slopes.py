"""How demand answers to price, learnt from what each price tried has sold; and how far a plan is left for what was learnt.

Each decision (an offer) has a few options (prices near the plan's) that are drawn from a law. Units sold at option k are Poisson with
mean ``shown_k exp(a + b x_k)``, ``x_k`` being the option's log price over the plan's. The level ``a`` says how well the offer sells and is
nothing a price can change: given how much was sold in all it drops out, and what is left is a multinomial in the one unknown slope
``b`` (McCullagh and Nelder 1989, section 6.4). So the sums of what was shown and sold are all that is remembered, in whatever order feedback
came; a season, a busy day or feedback that is still on its way changes level, not slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.optimize import Effort, Limit, choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

NODES = 64
RATES = np.linspace(0.0, 1.0, 21)
_STEPS = 30
_CELLS_AT_ONCE = 8_000_000
_LOSS, _WORTH = "expected loss", "worth"


@dataclass(frozen=True, kw_only=True, eq=False)
class Slopes:
    """Normal posteriors of slopes.

    Parameters
    ----------
    mean, spread : float64[decision]
        Mean and standard deviation.
    """

    mean: Floats
    spread: Floats


def learn_slopes(
    prior: Slopes, *, x: Floats, shown: Floats, sold: Floats, available: Bools, dispersion: float = 1.0
) -> Slopes:
    """Return slopes after feedback: the mode of each posterior, and its curvature there (Laplace).

    Parameters
    ----------
    prior : Slopes
        Before any feedback, such as a demand model's.
    x : float64[decision, option]
        Log price over the plan's price.
    shown, sold : float64[decision, option]
        How often each option was given out, and units that came of it.
    available : bool[decision, option]
        Options that there are.
    dispersion : float
        Variance of units over their mean, at least 1: for baskets of several units, ``sum of squares / sum`` of them.

    Examples
    --------
    A price 10 % lower sold 30 of 100, the plan's 20 of 100: an elasticity around -4, where next to nothing was known before.

    >>> prior = Slopes(mean=np.array([-1.0]), spread=np.array([50.0]))
    >>> x = np.log([[0.9, 1.0]])
    >>> after = learn_slopes(
    ...     prior, x=x, shown=np.full((1, 2), 100.0), sold=np.array([[30.0, 20.0]]), available=x <= 0
    ... )
    >>> after.mean.round(1), after.spread.round(1)
    (array([-3.8]), array([2.7]))
    """
    if not dispersion >= 1.0:
        raise InputError(f"dispersion is {dispersion}: variance of units over their mean, at least 1")
    usable = np.where(available, x, 0.0)
    # A log row may be lost, a sale is not: what was sold was shown at least once.
    weight = np.where(available, np.where(sold > 0, np.maximum(shown, 1.0), shown), 0.0)
    total = np.where(available, sold, 0.0).sum(axis=1) / dispersion
    target = (np.where(available, sold, 0.0) * usable).sum(axis=1) / dispersion
    total, target = (np.where(weight.sum(axis=1) > 0, one, 0.0) for one in (total, target))
    precision = 1.0 / prior.spread**2
    slope = prior.mean.astype(np.float64)
    curvature = precision
    for _ in range(_STEPS):
        middle, width = _tilted(weight, usable, slope)
        curvature = precision + total * width
        step = (target - total * middle - precision * (slope - prior.mean)) / curvature
        slope = slope + np.clip(step, -5.0, 5.0)
        if (np.abs(step) < 1e-9).all():
            break
    return Slopes(mean=slope, spread=1.0 / np.sqrt(curvature))


def _tilted(weight: Floats, x: Floats, slope: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of x under weights tilted by ``exp(slope x)``, float64[decision] each."""
    power = slope[:, None] * x
    tilted = weight * np.exp(power - power.max(axis=1, keepdims=True))
    share = tilted / np.maximum(tilted.sum(axis=1, keepdims=True), 1e-300)
    middle = (share * x).sum(axis=1)
    return middle, (share * (x - middle[:, None]) ** 2).sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stakes:
    """What is at stake in each decision.

    Parameters
    ----------
    x : float64[decision, option]
        Log price over the plan's.
    worth : float64[decision, option]
        What a unit sold adds to the objective.
    money : float64[decision, option]
        What it adds to that which must not be lost, such as profit.
    units : float64[decision]
        Expected per period at the plan's option.
    plan : int64[decision]
        The plan's option.
    available : bool[decision, option]
        Options that the rules allow, the plan's among them.
    """

    x: Floats
    worth: Floats
    money: Floats
    units: Floats
    plan: Ints
    available: Bools

    def judged(self, slopes: Slopes) -> tuple[Floats, Floats, Floats]:
        """Return how likely each option is best, what it may lose, and what the best would gain, per period.

        The normal posterior is taken at its quantiles, not sampled: the same state gives the same law.

        Returns
        -------
        share : float64[decision, option]
            Probability that the option is best (Thompson 1933).
        loss : float64[decision, option]
            Expected shortfall against the plan, ``E[max(plan - option, 0)]``: gains elsewhere do not pay for it.
        stake : float64[decision]
            ``E[max over options]`` of the gain on the plan.
        """
        size = max(1, _CELLS_AT_ONCE // (NODES * self.x.shape[1]))
        parts = [self._judged(slopes, slice(at, at + size)) for at in range(0, len(self.x), size)]
        share, loss, stake = (np.concatenate(one) for one in zip(*parts, strict=True))
        return share, loss, stake

    def _judged(self, slopes: Slopes, part: slice) -> tuple[Floats, Floats, Floats]:
        normal = NormalDist()
        nodes = np.array([normal.inv_cdf((at + 0.5) / NODES) for at in range(NODES)])
        slope = slopes.mean[part] + nodes[:, None] * slopes.spread[part]
        plan, available = self.plan[part], self.available[part]
        x = np.where(available, self.x[part], 0.0)
        units = np.exp(np.clip(slope[:, :, None] * x, -20.0, 20.0)) * self.units[part][:, None]
        every = np.arange(len(plan))

        def gained(per_unit: Floats) -> Floats:
            total = units * np.where(available, per_unit, 0.0)
            return np.asarray(np.where(available, total - total[:, every, plan][:, :, None], -np.inf))

        gain = gained(self.worth[part])
        share = (gain.argmax(axis=2)[:, :, None] == np.arange(x.shape[1])).mean(axis=0)
        lost = gain if self.money is self.worth else gained(self.money[part])
        loss = np.where(available, np.maximum(-lost, 0.0).mean(axis=0), 0.0)
        return share, loss, gain.max(axis=2).mean(axis=0)


def follow(
    stakes: Stakes, slopes: Slopes, *, allowance: float, rows: Floats | None = None, slack: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return the law of each decision: Thompson's, as far as the expected loss that is allowed reaches.

    Each decision follows Thompson's law a share of the time and the plan else. Shares are chosen by the kernel: most at stake first,
    expected shortfalls within the allowance, limits held in expectation. As a slope becomes known, its decision's shortfall goes to
    0 and its law to the best option, which may be the plan's.

    Parameters
    ----------
    stakes : Stakes
        What is at stake.
    slopes : Slopes
        What is known.
    allowance : float
        Money that all decisions together may lose per period, >= 0.
    rows : float64[limit, decision, option], optional
        What each option adds to what is limited, compared with the plan.
    slack : float64[limit], optional
        How much may be added, >= 0.

    Returns
    -------
    probability : float64[decision, option]
        Rows sum to 1.
    loss : float64[decision]
        Expected shortfall against the plan per period.
    """
    if not allowance >= 0:
        raise InputError(f"allowance is {allowance}: money per period, at least 0")
    share, loss, stake = stakes.judged(slopes)
    lost = (share * loss).sum(axis=1)
    tables = {_WORTH: np.outer(np.maximum(stake, 0.0), RATES), _LOSS: np.outer(lost, RATES)}
    limits = [Limit(_LOSS, at_most=allowance, label="exploration budget")]
    for at, row in enumerate(() if rows is None else rows):
        added = (share * np.where(stakes.available, row, 0.0)).sum(axis=1)
        tables[f"row {at}"] = np.outer(added, RATES)
        limits.append(Limit(f"row {at}", at_most=0.0 if slack is None else max(float(slack[at]), 0.0)))
    rate = RATES[choose(tables, maximise=_WORTH, limits=limits, effort=Effort(gap=1e-3, milp_options=0)).option]
    probability = rate[:, None] * share
    probability[np.arange(len(rate)), stakes.plan] += 1.0 - rate
    return probability / probability.sum(axis=1, keepdims=True), rate * lost
