"""Thompson sampling under resource limits: a draw from the posterior of demand, then the best mixture for it.

Ferreira, Simchi-Levi and Wang (2018), "Online network revenue management using Thompson sampling": in each period a demand
is drawn, the linear program "most revenue while no resource is used faster than it may be" is solved for it, and an option
is drawn from its solution. Their TS-fixed plans with inventory / horizon, TS-update with what is left of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.choosing import Choosing
from pricebid.learning.mixture import best_mixtures
from pricebid.learning.offers import Offers, read_offers
from pricebid.learning.responses import Form, Response, Sales, Totals, respond
from pricebid.learning.stock_state import StockState, account, start_stock, stock_left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

BATCH_DRAWS = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class ThompsonLP(Choosing[StockState]):
    """Price (or bid) by Thompson sampling with a linear program under resource limits: TS-fixed and TS-update.

    Parameters
    ----------
    prices : float[option, product]
        An option is a price vector: money per unit sold, less what a unit costs. inf closes a product. Money that goes
        out (what a bid pays) is a product at price -1. float[option] is taken for one product.
    usage : float[product, resource]
        Units of each resource that one sale takes, >= 0.
    inventory : float[resource]
        At the start, >= 0; inf where there is no limit.
    horizon : float
        Periods, one choice each, > 0.
    update_inventory : bool
        Plan with what is left of inventory and horizon (TS-update), or with their ratio at the start (TS-fixed).
    demand : {"independent", "linear", "logit"}
        What ties options together: nothing; units linear in all prices; one customer per period who buys at most one
        product, by a logit with an intercept and a price slope for each product.
    sales : {"one", "many"}
        At most one unit of a product per period (Bernoulli), or any number or amount (Poisson).
    prior_mean : float or float[product] or float[option, product], optional
        Units per period expected beforehand: from a demand model; .5 or 1 (one, many) where not given. "logit" has its own.
    prior_weight : float or float[option, product], optional
        How many periods of feedback that is worth, > 0: 2 or 1, the uniform and the exponential prior, where not given.
        Only for independent demand.
    draws : int
        Posterior draws whose mixtures make the law of one choice. 1 is as published; more give a smoother law, which
        later evaluation from the log needs, and the same law on average.

    Raises
    ------
    InputError
        Everything about the parameters that makes no sense, all at once.

    Notes
    -----
    An option is left out once a resource would not last for one unit of each of its products (for "logit": of any one
    of them). Options that close everything are picked for the share that the program leaves unused, and once nothing else
    may be. Where no option closes everything, the program's shares are scaled up to 1, which is worth the same to it, and
    the caller turns buyers away once a product is sold out. Where nothing at all is left to sell, `choose` raises.

    Feedback may be late: its period and its sales count once it comes, together, so that what is left per period stays
    right. Only ``Outcome.time`` says that periods went by without a choice.

    Examples
    --------
    One product at two prices; ten units for forty customers.

    >>> import numpy as np
    >>> from pricebid.learning import Outcome, ThompsonLP
    >>> policy = ThompsonLP(prices=[[20.0], [30.0], [np.inf]], usage=[[1.0]], inventory=[10.0], horizon=40)
    >>> state, rng, earned = policy.start(), np.random.default_rng(0), 0.0
    >>> for _ in range(40):
    ...     pick = policy.choose(state, rng)
    ...     sold = float(rng.random() < [0.6, 0.4, 0.0][pick.option])
    ...     earned += sold * [20.0, 30.0, 0.0][pick.option]
    ...     state = policy.update(state, [Outcome(option=pick.option, units=[sold], propensity=pick.propensity)])
    >>> float(state.used[0]), earned
    (9.0, 270.0)
    """

    prices: ArrayLike
    usage: ArrayLike
    inventory: ArrayLike
    horizon: float
    update_inventory: bool = True
    demand: Form = "independent"
    sales: Sales = "one"
    prior_mean: ArrayLike | None = None
    prior_weight: ArrayLike | None = None
    draws: int = 1
    offers: Offers = field(init=False, repr=False)
    response: Response = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offers = read_offers(
            prices=self.prices,
            usage=self.usage,
            inventory=self.inventory,
            horizon=self.horizon,
            single=self.demand == "logit",
        )
        faults = [
            f"{name} is {value!r}: give {rule}"
            for name, value, rule, fine in (
                (
                    "demand",
                    self.demand,
                    "independent, linear or logit",
                    self.demand in {"independent", "linear", "logit"},
                ),
                ("sales", self.sales, "one or many", self.sales in {"one", "many"}),
                (
                    "draws",
                    self.draws,
                    "a whole number of at least 1",
                    self.draws >= 1 and self.draws == int(self.draws),
                ),
                ("sales", self.sales, "one, as logit has", self.demand != "logit" or self.sales == "one"),
            )
            if not fine
        ]
        one = self.sales == "one"
        shape = offers.price.shape
        mean = _prior(self.prior_mean, 0.5 if one else 1.0, shape, "prior_mean", faults)
        weight = _prior(self.prior_weight, 2.0 if one else 1.0, shape, "prior_weight", faults)
        if one and not (mean < 1).all():
            faults.append("prior_mean is 1 or more: at most one unit per period is sold, give less or sales='many'")
        if faults:
            raise InputError("ThompsonLP: " + "; ".join(faults))
        prices = np.where(offers.open, offers.price, np.inf)
        object.__setattr__(self, "offers", offers)
        object.__setattr__(
            self,
            "response",
            respond(prices=prices, form=self.demand, sales=self.sales, mean=mean, weight=weight),
        )

    @property
    def options(self) -> int:
        """How many options there are."""
        return len(self.offers.price)

    def start(self) -> StockState:
        """Give the state before any feedback."""
        return start_stock(self.offers)

    def update(self, state: StockState, outcomes: Sequence[Outcome]) -> StockState:
        """Give the state after feedback, in any order; an id that was seen lately changes nothing.

        Raises
        ------
        InputError
            Options that do not exist; units of another shape, below 0, or more than one where at most one is sold.
        """
        most = 1.0 if self.sales == "one" else np.inf
        together = 1.0 if self.demand == "logit" else np.inf
        return account(self.offers, state, outcomes, most=most, most_together=together)[0]

    def laws(self, demand: Floats, left: Floats, periods: float | Floats, mask: Bools | None = None) -> Floats:
        """Give the law over options for each drawn demand.

        Parameters
        ----------
        demand : float64[draw, option, product]
            Expected units per period.
        left : float64[draw, resource] or float64[1, resource]
            Inventory left.
        periods : float or float64[draw, 1]
            Periods left.
        mask : bool[option], optional
            Options that may be picked.

        Returns
        -------
        float64[draw, option]
            Each row sums to 1.

        Raises
        ------
        InputError
            Where no option may be picked.
        """
        offers = self.offers
        may = offers.allowed(left, mask)
        rate = left / periods if self.update_inventory else offers.inventory[None] / self.horizon
        reward = np.where(may, (demand * offers.price).sum(axis=2), -1.0)
        shares = best_mixtures(reward, demand @ offers.usage, rate).shares
        return offers.law(shares, may)

    def sample(self, state: StockState, rng: np.random.Generator, choices: int) -> Floats:
        """Draw demand, float64[draw, option, product]."""
        totals = Totals(shown=state.shown, units=state.units, squares=state.squares)
        return self.response.sample(totals, rng, max(self.draws, min(choices, BATCH_DRAWS)))

    def law(self, state: StockState, drawn: Floats, mask: Bools | None) -> Floats:
        """Give the mean of the draws' laws, float64[option]."""
        left = stock_left(self.offers, state)
        # Whoever goes on beyond the horizon does so one period at a time.
        laws = self.laws(drawn, left, max(self.horizon - state.elapsed, 1.0), mask)
        law: Floats = laws[0] if len(drawn) == 1 else laws.mean(axis=0)
        return law


def _prior(given: ArrayLike | None, usual: float, shape: tuple[int, ...], name: str, faults: list[str]) -> Floats:
    array = np.asarray(usual if given is None else given, dtype=np.float64)
    try:
        array = np.broadcast_to(array, shape)
    except ValueError:
        faults.append(f"{name} has shape {list(array.shape)}: give one that fits {list(shape)} (option, product)")
        return np.full(shape, usual)
    if not (np.isfinite(array) & (array > 0)).all():
        faults.append(f"{name} must be finite and above 0")
        return np.full(shape, usual)
    return array
