"""`choose` and `choose_many`, once for all policies: each says only what it draws from its posterior, and which law that gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from pricebid.learning.contextual import pick_many, pick_one
from pricebid.learning.drawing import best_shares, draw, draw_many, grouped, read_mask
from pricebid.learning.features import read_context

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.features import FeatureMap
    from pricebid.learning.protocol import Pick, Picks

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

State = TypeVar("State")


class Choosing(Generic[State]):
    """Policies that read no context: what is drawn from the posterior is drawn once per call, and all its choices share it."""

    if TYPE_CHECKING:  # a field of some, a property of others

        @property
        def options(self) -> int: ...  # noqa: D102

    def sample(self, state: State, rng: np.random.Generator, choices: int) -> Floats:  # noqa: ARG002 - of those that draw
        """Draw from the posterior what each option is worth, float64[draw, option], for so many choices; by default nothing."""
        return np.empty((0, 0))

    def law(self, state: State, drawn: Floats, mask: Bools | None) -> Floats:  # noqa: ARG002 - of those that need it
        """Give the law, float64[option], under a mask bool[option]: unless told otherwise, how often each option is best in a draw."""
        return best_shares(drawn, mask)

    def choose(
        self,
        state: State,
        rng: np.random.Generator,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,  # noqa: ARG002 - the protocol's; these do not read it
    ) -> Pick:
        """Pick one option among those ``available`` (bool[option]) and, where stock is kept, that stock allows.

        Raises
        ------
        InputError
            A mask of another shape, or without any option; or no option that may be picked.
        """
        mask = read_mask(available, self.options)
        return draw(self.law(state, self.sample(state, rng, 1), mask), rng)

    def choose_many(
        self,
        state: State,
        rng: np.random.Generator,
        n: int,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,  # noqa: ARG002 - as in `choose`
    ) -> Picks:
        """Pick ``n`` times from one state, whose stock all n see; ``available`` is bool[option] or bool[choice, option].

        Raises
        ------
        InputError
            As `choose`; or ``n`` is below 0.
        """
        mask, group = grouped(read_mask(available, self.options, choices=n))
        drawn = self.sample(state, rng, n)
        if mask is None or group is None:
            return draw_many(self.law(state, drawn, mask), rng, n)
        laws = np.array([self.law(state, drawn, each) for each in mask])
        return draw_many(laws.reshape(mask.shape), rng, n, group)


class ChoosingInContext(ABC, Generic[State]):
    """Policies that read a context: every choice has a law of its own."""

    features: FeatureMap

    @abstractmethod
    def _laws(self, state: State, rng: np.random.Generator, context: Floats, mask: Bools | None) -> Floats:
        """Give laws float64[choice, option] for contexts float64[choice, feature] under a mask."""

    @property
    @abstractmethod
    def _cells(self) -> int:
        """Numbers that `_laws` holds per choice."""

    def choose(
        self,
        state: State,
        rng: np.random.Generator,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Pick:
        """Pick one option among those ``available`` (bool[option]) for a context float[feature].

        Raises
        ------
        InputError
            A mask or context of another shape, or a mask without any option.
        """
        mask = read_mask(available, self.features.options)
        rows = read_context(context, self.features.context)
        return pick_one(lambda rows, mask: self._laws(state, rng, rows, mask), rows, mask, rng)

    def choose_many(
        self,
        state: State,
        rng: np.random.Generator,
        n: int,
        *,
        available: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Picks:
        """Pick ``n`` times; ``available`` and ``context`` are one for all, or one row for each choice.

        Raises
        ------
        InputError
            As `choose`; or ``n`` is below 0.
        """
        mask = read_mask(available, self.features.options, choices=n)
        rows = read_context(context, self.features.context, choices=n)
        return pick_many(lambda rows, mask: self._laws(state, rng, rows, mask), rows, mask, rng, n, cells=self._cells)
