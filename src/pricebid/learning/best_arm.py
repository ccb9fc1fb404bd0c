"""Which creative or coupon is best: found with a stated confidence, losers dropped on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.arms import BATCH_DRAWS, DRAWS
from pricebid.learning.choosing import Choosing
from pricebid.learning.drawing import best_shares, read_feedback
from pricebid.learning.evidence import Bounded, Family
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class BestArmState:
    """What a `BestArm` remembers; all but the sums follows from them.

    Parameters
    ----------
    count, total : float64[option]
        How many rewards, and their sum.
    dropped : bool[option]
        Arms that some other arm is shown to beat.
    best : int
        The arm that is shown to be the best, within the margin; -1 as long as none is.
    closest : int64[option]
        For each arm, the other arm not dropped that is hardest to tell from it.
    seen : SeenIds
        The latest outcome ids.
    """

    count: Floats
    total: Floats
    dropped: Bools
    best: int
    closest: Ints
    seen: SeenIds


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a search for the best arm has shown.

    Parameters
    ----------
    best : str or None
        The arm shown to be best; None: not decided yet.
    dropped : tuple of str
        Arms shown not to be.
    confidence : float
        Probability that all of this is right, at least.
    outcomes : int
        Rewards it rests on.
    words : str
        All of it in a sentence.
    """

    best: str | None
    dropped: tuple[str, ...]
    confidence: float
    outcomes: int
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, kw_only=True)
class BestArm(Choosing[BestArmState]):
    """Finds the best arm with fixed confidence: top-two sampling, losers dropped early, a stop that may be looked at any time.

    Half of the choices go to an arm as Thompson sampling would draw it, half to the arm that is hardest to tell from it
    (T3C of Shang et al. 2020, after Russo 2016). An arm is dropped when the evidence that another one is better exceeds
    (options - 1) / error, and the search ends when only one is left (Kaufmann and Koolen 2021 stop on likelihood ratios with a
    threshold; mixtures as in `evidence` need none).

    Parameters
    ----------
    options : int
        How many arms, at least 2.
    family : Bounded or Scattered
        How rewards scatter around their mean: successes or shares, or money with known noise.
    error : float
        Probability, between 0 and 1, with which the arm named may not be the best (by more than ``margin``), or a best one be
        dropped, however long the search goes on and however often one looks.
    margin : float
        Differences of mean reward that do not matter, at least 0. With 0 a search between equals does not end.
    names : tuple of str, optional
        Of the arms, for words.
    leader : float
        Share of choices for the arm that Thompson sampling draws, between 0 and 1.
    draws, batch_draws : int
        Posterior draws behind the law of a single choice, and of a batch, at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import BestArm, Outcome
    >>> search = BestArm(options=3, names=("red", "green", "blue"))
    >>> state, rng = search.start(), np.random.default_rng(0)
    >>> while search.verdict(state).best is None:
    ...     pick = search.choose(state, rng)
    ...     clicked = rng.random() < (0.1, 0.3, 0.15)[pick.option]
    ...     state = search.update(state, [Outcome(option=pick.option, units=float(clicked))])
    >>> print(search.verdict(state))
    green is best, with 95 % confidence, after 671 outcomes: 0.313 against 0.161 of blue, the next.
    """

    options: int
    family: Family = field(default_factory=Bounded)
    error: float = 0.05
    margin: float = 0.0
    names: tuple[str, ...] | None = None
    leader: float = 0.5
    draws: int = DRAWS
    batch_draws: int = BATCH_DRAWS

    def __post_init__(self) -> None:
        faults = []
        if self.options < 2:
            faults.append(f"options is {self.options!r}: give at least 2")
        if not 0.0 < self.error < 1.0:
            faults.append(f"error is {self.error!r}: give a probability between 0 and 1")
        if not (self.margin >= 0.0 and np.isfinite(self.margin)):
            faults.append(f"margin is {self.margin!r}: give 0 or more")
        if self.margin >= 1.0 and isinstance(self.family, Bounded):
            faults.append(f"margin is {self.margin!r}: rewards from 0 to 1 differ by less than 1")
        if self.names is not None and len(self.names) != self.options:
            faults.append(f"there are {len(self.names)} names for {self.options} options: give one each")
        if not 0.0 < self.leader < 1.0:
            faults.append(f"leader is {self.leader!r}: give a share between 0 and 1")
        if self.draws < 1 or self.batch_draws < 1:
            faults.append(f"draws are {self.draws!r} and {self.batch_draws!r}: give at least 1")
        if faults:
            raise InputError("; ".join(faults))

    def start(self) -> BestArmState:
        """Give the state before any feedback."""
        none = np.zeros(self.options)
        return self._state(none, none.copy(), SeenIds.none())

    def update(self, state: BestArmState, outcomes: Sequence[Outcome]) -> BestArmState:
        """Give the state after feedback, in any order.

        Raises
        ------
        InputError
            Options that do not exist, or rewards that the family cannot have.
        """
        seen, new = fresh(state.seen, outcomes)
        if not new:
            return state
        option, reward = read_feedback(new, self.options)
        self.family.check(reward)
        count = state.count + np.bincount(option, minlength=self.options)
        total = state.total + np.bincount(option, weights=reward, minlength=self.options)
        return self._state(count, total, seen)

    def verdict(self, state: BestArmState) -> Verdict:
        """Say what is shown so far."""
        names = self.names or tuple(f"option {option}" for option in range(self.options))
        means = state.total / np.maximum(state.count, 1.0)
        outcomes = int(state.count.sum())
        dropped = tuple(names[option] for option in np.flatnonzero(state.dropped))
        order = np.lexsort((-means, state.dropped))
        first = state.best if state.best >= 0 else int(order[0])
        rest = np.where(np.arange(self.options) == first, -np.inf, means)
        next_best = int(rest.argmax())
        beside = f"{means[first]:.3g} against {means[next_best]:.3g} of {names[next_best]}, the next"
        if state.best >= 0:
            within = f" (or within {self.margin:g} of the best)" if self.margin else ""
            words = (
                f"{names[first]} is best{within}, with {1 - self.error:.0%} confidence, after {outcomes:,} outcomes: {beside}."
            ).replace("%", " %")
        else:
            gone = f"; {', '.join(dropped)} dropped" if dropped else ""
            words = f"Not decided after {outcomes:,} outcomes: {names[first]} leads, {beside}{gone}."
        best = names[first] if state.best >= 0 else None
        return Verdict(best=best, dropped=dropped, confidence=1 - self.error, outcomes=outcomes, words=words)

    def sample(self, state: BestArmState, rng: np.random.Generator, choices: int) -> Floats:
        """Draw the arms' means, float64[draw, option]."""
        return self.family.sample(state.count, state.total, rng, max(self.draws, min(choices, self.batch_draws)))

    def law(self, state: BestArmState, drawn: Floats, mask: Bools | None) -> Floats:
        """Give the law of top-two sampling; all on the best arm once it is known."""
        allowed = np.ones(self.options, dtype=np.bool_) if mask is None else mask
        if state.best >= 0 and allowed[state.best]:
            law = np.zeros(self.options)
            law[state.best] = 1.0
            return law
        if (allowed & ~state.dropped).any():
            allowed = allowed & ~state.dropped
        shares = best_shares(drawn, allowed)
        challenger = state.closest
        if not allowed[challenger].all():
            # The closest one may not be picked: the arm itself stands in for it.
            challenger = np.where(allowed[challenger], challenger, np.arange(self.options))
        law = self.leader * shares
        np.add.at(law, challenger, (1.0 - self.leader) * shares)
        return law

    def _state(self, count: Floats, total: Floats, seen: SeenIds) -> BestArmState:
        one, two = (count[:, None], total[:, None]), (count[None, :], total[None, :])
        mixed = self.family.log_mixture(count, total)
        mixed = mixed[:, None] + mixed[None, :]
        threshold = np.log((self.options - 1) / self.error)
        fits = self.family.log_best_apart(one, two, 0.0)
        better = mixed - fits >= threshold
        np.fill_diagonal(better, val=False)
        dropped = better.any(axis=0)
        good = better
        if self.margin:
            good = mixed - self.family.log_best_apart(one, two, self.margin) >= threshold
        good = good | dropped[None, :]
        np.fill_diagonal(good, val=True)
        shown = np.flatnonzero(good.all(axis=1) & ~dropped)
        free = self.family.log_best(count, total)
        return BestArmState(
            count=frozen(count),
            total=frozen(total),
            dropped=frozen(dropped),
            best=int(shown[(total / np.maximum(count, 1.0))[shown].argmax()]) if shown.size else -1,
            closest=frozen(_closest(free[:, None] + free[None, :] - fits, count, dropped)),
            seen=seen,
        )


def _closest(cost: Floats, count: Floats, dropped: Bools) -> Ints:
    # Where costs are equal (both untried, or the other one ahead), the one tried least comes first.
    cost = np.where(dropped[None, :], np.inf, cost)
    np.fill_diagonal(cost, np.inf)
    order = np.argsort(count, kind="stable")
    closest: Ints = order[cost[:, order].argmin(axis=1)]
    return closest
