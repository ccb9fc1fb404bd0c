"""How an option and what is known of a request become the features of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.ids import frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class FeatureMap(Protocol):
    """Features of every option for a context. Options of one block share one vector of parameters."""

    @property
    def options(self) -> int:
        """How many options there are."""
        ...

    @property
    def context(self) -> int:
        """Length of a context; 0 where none is needed."""
        ...

    @property
    def width(self) -> int:
        """Length of a parameter vector."""
        ...

    @property
    def block(self) -> Ints:
        """Which parameter vector each option uses, int64[option]."""
        ...

    @property
    def blocks(self) -> int:
        """How many parameter vectors there are."""
        ...

    def of_all(self, context: Floats) -> Floats:
        """Give float64[request, option, width] for float64[request, context]."""
        ...

    def of(self, context: Floats, option: Ints) -> Floats:
        """Give float64[request, width] of one option for each request."""
        ...


@dataclass(frozen=True, kw_only=True)
class PerOption:
    """Every option has parameters of its own (the disjoint model of Li et al. 2010): its features are the context.

    Parameters
    ----------
    options, context : int
        How many options, and how long a context is, each at least 1. Give a constant 1 in the context where each option
        has a level of its own.
    """

    options: int
    context: int

    def __post_init__(self) -> None:
        for name in ("options", "context"):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"{name} is {value!r}; give a whole number of at least 1")

    @property
    def width(self) -> int:
        """Length of a parameter vector."""
        return self.context

    @property
    def block(self) -> Ints:
        """Which parameter vector each option uses: its own."""
        return np.arange(self.options)

    @property
    def blocks(self) -> int:
        """How many parameter vectors there are."""
        return self.options

    def of_all(self, context: Floats) -> Floats:
        """Give float64[request, option, width]."""
        return np.broadcast_to(context[:, None, :], (len(context), self.options, self.context))

    def of(self, context: Floats, option: Ints) -> Floats:
        """Give float64[request, width]."""
        del option
        return context


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossed:
    """All options share one parameter vector: features are each option's own times each of the context.

    Parameters
    ----------
    of_options : float[option, feature]
        What is known of each option (size of a discount, kind of a picture). Give a column of ones where the context
        matters the same for all options.
    context : int
        Length of a context; 0: the features are those of the options alone.
    """

    of_options: ArrayLike
    context: int = 0

    def __post_init__(self) -> None:
        table = np.array(self.of_options, dtype=np.float64)
        if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all():
            raise InputError(f"of_options is float{list(table.shape)}; give finite numbers, float[option, feature]")
        if self.context < 0:
            raise InputError(f"context is {self.context!r}; give a whole number of at least 0")
        object.__setattr__(self, "of_options", frozen(table))

    @cached_property
    def _table(self) -> Floats:
        return np.asarray(self.of_options, dtype=np.float64)

    @property
    def options(self) -> int:
        """How many options there are."""
        return len(self._table)

    @property
    def width(self) -> int:
        """Length of the parameter vector."""
        return int(self._table.shape[1]) * max(self.context, 1)

    @property
    def block(self) -> Ints:
        """Which parameter vector each option uses: the one."""
        return np.zeros(self.options, dtype=np.int64)

    @property
    def blocks(self) -> int:
        """How many parameter vectors there are."""
        return 1

    def of_all(self, context: Floats) -> Floats:
        """Give float64[request, option, width]."""
        if not self.context:
            return np.broadcast_to(self._table, (len(context), *self._table.shape))
        product = self._table[None, :, :, None] * context[:, None, None, :]
        return product.reshape(len(context), self.options, self.width)

    def of(self, context: Floats, option: Ints) -> Floats:
        """Give float64[request, width]."""
        if not self.context:
            return self._table[option]
        return (self._table[option][:, :, None] * context[:, None, :]).reshape(len(option), self.width)


def read_context(context: ArrayLike | None, length: int, *, choices: int | None = None) -> Floats:
    """Check a context.

    Parameters
    ----------
    context : float[feature] or float[choice, feature], optional
        As given to ``choose``, ``choose_many`` or in an outcome.
    length : int
        How long it has to be.
    choices : int, optional
        How many there may be; without it one is due.

    Returns
    -------
    float64[request, feature]
        One row where one context is for all.

    Raises
    ------
    InputError
        Missing, of another shape, or not finite.
    """
    if context is None:
        if length:
            raise InputError(f"this policy needs a context: give context=, float[{length}]")
        return np.zeros((1, 0))
    got = np.asarray(context, dtype=np.float64)
    shapes = [(length,)] if choices is None else [(length,), (choices, length)]
    if got.shape not in shapes:
        due = " or ".join(f"float{list(shape)}" for shape in shapes)
        raise InputError(f"context is float{list(got.shape)}; give {due}")
    if not np.isfinite(got).all():
        raise InputError(f"context holds {got[~np.isfinite(got)][0]}; give finite numbers")
    return got.reshape(-1, length)
