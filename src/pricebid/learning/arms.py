"""Thompson sampling over arms: prices, bids, coupons, creatives, anything of which one is shown at a time.

The law of a choice is the share of posterior draws in which each arm is best, and the arm is drawn from that law: the
propensity is exact given the draws, and its mean over calls is the Thompson law.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.choosing import Choosing
from pricebid.learning.drawing import per_option, read_feedback
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

DRAWS, BATCH_DRAWS = 16, 1_024
State = TypeVar("State")


class _Arms(Choosing[State]):
    """A batch has a draw for each choice, from ``draws`` up to ``batch_draws``."""

    draws: int
    batch_draws: int

    @abstractmethod
    def _sample(self, state: State, rng: np.random.Generator, draws: int) -> Floats:
        """Draw what each arm is worth, float64[draw, option]."""

    def sample(self, state: State, rng: np.random.Generator, choices: int) -> Floats:
        """Draw what each arm is worth, float64[draw, option]."""
        return self._sample(state, rng, max(self.draws, min(choices, self.batch_draws)))


@dataclass(frozen=True, kw_only=True, eq=False)
class BetaState:
    """What a `BetaThompson` remembers.

    Parameters
    ----------
    wins, losses : float64[option]
        Sum of rewards, and of what was missing of 1.
    seen : SeenIds
        The latest outcome ids.
    """

    wins: Floats
    losses: Floats
    seen: SeenIds


@dataclass(frozen=True, kw_only=True, eq=False)
class BetaThompson(_Arms[BetaState]):
    """Thompson sampling for arms that pay or do not, a Beta posterior for each (Thompson 1933; Chapelle and Li 2011).

    Parameters
    ----------
    options : int
        How many arms, at least 1.
    worth : float or float[option]
        Money per success of each arm (price minus cost, value of a click). The best arm of a draw is the one with the
        highest ``worth * probability - cost``.
    cost : float or float[option]
        Money that showing the arm costs whether it pays or not.
    prior_wins, prior_losses : float or float[option]
        Parameters of the Beta priors, > 0; uniform where not given.
    draws, batch_draws : int
        Posterior draws behind the law of one choice, and of a batch, whose choices share them: one for each choice, from
        ``draws`` up to ``batch_draws``.

    Raises
    ------
    InputError
        A parameter outside its range.

    Examples
    --------
    Three prices of a good that costs 10; the dearest sells least.

    >>> import numpy as np
    >>> from pricebid.learning import BetaThompson, Outcome
    >>> policy = BetaThompson(options=3, worth=np.array([15.0, 20.0, 25.0]) - 10.0)
    >>> state = policy.update(policy.start(), [Outcome(option=2, units=0.0)] * 50 + [Outcome(option=1, units=1.0)] * 5)
    >>> policy.choose(state, np.random.default_rng(0)).option
    1
    """

    options: int
    worth: ArrayLike = 1.0
    cost: ArrayLike = 0.0
    prior_wins: ArrayLike = 1.0
    prior_losses: ArrayLike = 1.0
    draws: int = DRAWS
    batch_draws: int = BATCH_DRAWS
    _gain: Floats = field(init=False, repr=False)
    _loss: Floats = field(init=False, repr=False)
    _wins: Floats = field(init=False, repr=False)
    _losses: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_sizes(self.options, self.draws, self.batch_draws)
        object.__setattr__(self, "_gain", per_option(self.worth, self.options, "worth"))
        object.__setattr__(self, "_loss", per_option(self.cost, self.options, "cost"))
        object.__setattr__(self, "_wins", per_option(self.prior_wins, self.options, "prior_wins", above=0.0))
        object.__setattr__(self, "_losses", per_option(self.prior_losses, self.options, "prior_losses", above=0.0))

    def start(self) -> BetaState:
        """Give the state before any feedback."""
        none = frozen(np.zeros(self.options))
        return BetaState(wins=none, losses=none, seen=SeenIds.none())

    def update(self, state: BetaState, outcomes: Sequence[Outcome]) -> BetaState:
        """Give the state after feedback: rewards from 0 to 1, in any order; an id that was seen lately changes nothing.

        Raises
        ------
        InputError
            Options that do not exist, or rewards outside 0 to 1.
        """
        seen, new = fresh(state.seen, outcomes)
        option, reward = read_feedback(new, self.options)
        if not ((reward >= 0) & (reward <= 1)).all():
            odd = reward[(reward < 0) | (reward > 1)]
            raise InputError(f"outcomes: rewards {odd[:5].tolist()}; a BetaThompson takes 0 to 1: try GaussianThompson")
        won = np.bincount(option, weights=reward, minlength=self.options)
        lost = np.bincount(option, weights=1.0 - reward, minlength=self.options)
        return BetaState(wins=frozen(state.wins + won), losses=frozen(state.losses + lost), seen=seen)

    def _sample(self, state: BetaState, rng: np.random.Generator, draws: int) -> Floats:
        chance = rng.beta(self._wins + state.wins, self._losses + state.losses, (draws, self.options))
        return chance * self._gain - self._loss


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianState:
    """What a `GaussianThompson` remembers.

    Parameters
    ----------
    count, total, squares : float64[option]
        How many rewards; their sum and sum of squares, each measured from the prior mean.
    seen : SeenIds
        The latest outcome ids.
    """

    count: Floats
    total: Floats
    squares: Floats
    seen: SeenIds


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianThompson(_Arms[GaussianState]):
    """Thompson sampling for rewards of any size (money), with known or unknown noise.

    With known noise the posterior of an arm's mean is normal; with unknown noise it is Student's t, of a
    normal-inverse-gamma prior (Honda and Takemura 2014 on why its tails matter).

    Parameters
    ----------
    options : int
        How many arms, at least 1.
    noise : float or float[option], optional
        Standard deviation of one reward, > 0; unknown where not given.
    prior_mean : float or float[option]
        Mean reward expected beforehand.
    prior_weight : float or float[option]
        How many rewards that expectation is worth, > 0.
    noise_guess, noise_weight : float or float[option]
        With unknown noise: its standard deviation expected beforehand, and how many rewards that is worth, > 0.
    draws, batch_draws : int
        As for `BetaThompson`.

    Raises
    ------
    InputError
        A parameter outside its range.
    """

    options: int
    noise: ArrayLike | None = None
    prior_mean: ArrayLike = 0.0
    prior_weight: ArrayLike = 0.01
    noise_guess: ArrayLike = 1.0
    noise_weight: ArrayLike = 1.0
    draws: int = DRAWS
    batch_draws: int = BATCH_DRAWS
    _noise: Floats | None = field(init=False, repr=False)
    _mean: Floats = field(init=False, repr=False)
    _weight: Floats = field(init=False, repr=False)
    _freedom: Floats = field(init=False, repr=False)
    _spread: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_sizes(self.options, self.draws, self.batch_draws)
        noise = None if self.noise is None else per_option(self.noise, self.options, "noise", above=0.0)
        guess = per_option(self.noise_guess, self.options, "noise_guess", above=0.0)
        freedom = per_option(self.noise_weight, self.options, "noise_weight", above=0.0)
        object.__setattr__(self, "_noise", noise)
        object.__setattr__(self, "_mean", per_option(self.prior_mean, self.options, "prior_mean"))
        object.__setattr__(self, "_weight", per_option(self.prior_weight, self.options, "prior_weight", above=0.0))
        object.__setattr__(self, "_freedom", freedom)
        object.__setattr__(self, "_spread", frozen(freedom * guess**2))

    def start(self) -> GaussianState:
        """Give the state before any feedback."""
        none = frozen(np.zeros(self.options))
        return GaussianState(count=none, total=none, squares=none, seen=SeenIds.none())

    def update(self, state: GaussianState, outcomes: Sequence[Outcome]) -> GaussianState:
        """Give the state after feedback, in any order; an id that was seen lately changes nothing.

        Raises
        ------
        InputError
            Options that do not exist, or rewards that are not finite.
        """
        seen, new = fresh(state.seen, outcomes)
        option, reward = read_feedback(new, self.options)
        off = reward - self._mean[option]
        count, total, squares = (
            np.bincount(option, weights=weights, minlength=self.options) for weights in (np.ones(len(off)), off, off**2)
        )
        return GaussianState(
            count=frozen(state.count + count),
            total=frozen(state.total + total),
            squares=frozen(state.squares + squares),
            seen=seen,
        )

    def _sample(self, state: GaussianState, rng: np.random.Generator, draws: int) -> Floats:
        weight = self._weight + state.count
        off = state.total / weight
        size = (draws, self.options)
        if self._noise is not None:
            return self._mean + off + self._noise / np.sqrt(weight) * rng.standard_normal(size)
        freedom = self._freedom + state.count
        # What is left of the squares around the posterior mean; rounding may take it below 0.
        spread = self._spread + np.maximum(state.squares - state.total * off, 0.0)
        return self._mean + off + np.sqrt(spread / freedom / weight) * rng.standard_t(freedom, size)


def _check_sizes(options: int, draws: int, batch_draws: int) -> None:
    given: dict[str, object] = {"options": options, "draws": draws, "batch_draws": batch_draws}
    faults = [f"{name} is {value!r}" for name, value in given.items() if not isinstance(value, int) or value < 1]
    if faults:
        raise InputError(f"{', '.join(faults)}; give whole numbers of at least 1")
