"""Selling seasons with known truth: stock, a horizon, buyers with fixed probabilities; for policies that learn to price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.learning.mixture import best_mixtures
from pricebid.learning.protocol import Outcome
from pricebid.learning.responses import Totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.protocol import Learner
    from pricebid.learning.thompson_lp import ThompsonLP

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Season:
    """What is sold, and how buyers answer.

    Parameters
    ----------
    prices : float64[option, product]
        Money per unit; inf where closed. The last option closes everything.
    chances : float64[option, product]
        Probability that a unit is bought in a period, independently by product; 0 where closed.
    usage : float64[product, resource]
        Units of a resource that a sale takes.
    inventory : float64[resource]
        At the start.
    horizon : int
        Periods.
    """

    prices: Floats
    chances: Floats
    usage: Floats
    inventory: Floats
    horizon: int

    @property
    def money(self) -> Floats:
        """Price of a unit, float64[option, product]; 0 where closed."""
        return np.where(np.isfinite(self.prices), self.prices, 0.0)


def bound(season: Season) -> float:
    """Give the value of the linear program of the season: no policy earns more on average (Gallego and van Ryzin 1997)."""
    reward = (season.chances * season.money).sum(axis=1)
    rate = season.inventory / season.horizon
    value: float = best_mixtures(reward[None], (season.chances @ season.usage)[None], rate[None]).value[0]
    return float(value) * season.horizon


def exact_value(season: Season) -> float:
    """Give what the best policy that knows the truth earns, by dynamic programming over stock and time.

    One product and one resource, one unit of it per sale.
    """
    money, chance = season.money[:, 0], season.chances[:, 0]
    worth = np.zeros(int(season.inventory[0]) + 1)
    for _ in range(season.horizon):
        # The best price for each stock left: what a sale brings, less what the unit is worth in the next period.
        gain = chance[:, None] * (money[:, None] - np.diff(worth))
        worth[1:] += gain.max(axis=0)
    return float(worth[-1])


def play(policy: Learner[Any], season: Season, rng: np.random.Generator) -> float:
    """Give what a policy earns in one season, fed back after every period."""
    state, earned = policy.start(), 0.0
    left = season.inventory.astype(np.float64)
    for _ in range(season.horizon):
        pick = policy.choose(state, rng)
        units = (rng.random(season.chances.shape[1]) < season.chances[pick.option]).astype(np.float64)
        left = left - units @ season.usage
        if (left < -1e-9).any():
            raise AssertionError(f"oversold: {left.tolist()} left after option {pick.option}")
        earned += float(units @ season.money[pick.option])
        state = policy.update(state, [Outcome(option=pick.option, units=units, propensity=pick.propensity)])
    return earned


def play_many(
    policy: ThompsonLP, season: Season, rng: np.random.Generator, runs: int, *, known: bool = False
) -> Floats:
    """Give what a policy with independent demand earns in many seasons, float64[run], all played side by side.

    The arithmetic is that of `play`, on arrays with an axis of runs: with one run and the same generator every pick is the
    same.

    Parameters
    ----------
    policy : ThompsonLP
        With independent demand and one draw per choice.
    season : Season
        What is played.
    rng : numpy Generator
        What chance comes from.
    runs : int
        Seasons.
    known : bool
        Solve for the true demand instead of a draw: re-solving with demand known.
    """
    options, products = season.chances.shape
    shown, units = np.zeros((runs, options)), np.zeros((runs, options, products))
    left = np.broadcast_to(season.inventory, (runs, len(season.inventory))).astype(np.float64)
    truth = np.broadcast_to(season.chances, (runs, options, products))
    every, earned, money = np.arange(runs), np.zeros(runs), season.money
    for period in range(season.horizon):
        totals = Totals(shown=shown, units=units, squares=units)
        demand = truth if known else policy.response.sample(totals, rng, 1)[0]
        law = policy.laws(demand, left, float(season.horizon - period)).cumsum(axis=1)
        option = (law <= (rng.random(runs) * law[:, -1])[:, None]).sum(axis=1)
        sold = (rng.random((runs, products)) < season.chances[option]).astype(np.float64)
        shown[every, option] += 1.0
        units[every, option] += sold
        left -= sold @ season.usage
        earned += (sold * money[option]).sum(axis=1)
    if (left < -1e-9).any():
        raise AssertionError(f"oversold: {left.min():g} left")
    return earned
