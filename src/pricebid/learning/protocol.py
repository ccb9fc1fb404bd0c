"""What every learner has in common: a state that is a value, a choice with the law it was drawn from, feedback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pick:
    """One choice.

    Parameters
    ----------
    option : int
        The option picked.
    probabilities : float[option]
        The law it was really drawn from, given the state and the posterior draws of this call; sums to 1.
    propensity : float
        ``probabilities[option]``.
    """

    option: int
    probabilities: Floats
    propensity: float


@dataclass(frozen=True, kw_only=True)
class Picks:
    """Many choices from one state.

    Parameters
    ----------
    option : int[choice]
        The options picked.
    probabilities : float[choice, option]
        The law of each.
    propensity : float[choice]
        The probability of the option picked.
    """

    option: Ints
    probabilities: Floats
    propensity: Floats


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one choice.

    Parameters
    ----------
    option : int
        The option that was picked.
    units : float or float[product]
        What it brought: units of each product; for arms without products, the reward.
    propensity : float
        Its probability when it was picked.
    context : float[feature], optional
        What was known of the request, for contextual learners.
    id : str, optional
        Feedback whose ``id`` was seen among the latest ones is a duplicate and changes nothing.
    time : float, optional
        When it was picked, in periods since the start; learners that forget need it where feedback comes late or
        out of order. Without it, feedback counts as of the latest moment.
    """

    option: int
    units: ArrayLike
    propensity: float = 1.0
    context: ArrayLike | None = None
    id: str | None = None
    time: float | None = None


State = TypeVar("State")


class Learner(Protocol[State]):
    """A policy that learns. `choose` and `update` are pure: same arguments and generator state, same result."""

    @property
    def options(self) -> int:
        """How many options there are."""
        ...

    def start(self) -> State:
        """Give the state before any feedback."""
        ...

    def choose(
        self,
        state: State,
        rng: np.random.Generator,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Pick:
        """Pick one option among those ``available`` (bool[option])."""
        ...

    def choose_many(
        self,
        state: State,
        rng: np.random.Generator,
        n: int,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Picks:
        """Pick ``n`` times from one state; ``available`` is bool[option] or bool[choice, option]."""
        ...

    def update(self, state: State, outcomes: Sequence[Outcome]) -> State:
        """Give the state after feedback."""
        ...
