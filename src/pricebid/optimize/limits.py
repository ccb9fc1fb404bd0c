"""What is asked of the kernel and what it answers: limits, effort and choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.optimize._types import Floats

Status = Literal["optimal", "feasible"]


@dataclass(frozen=True, eq=False)
class Limit:
    """A bound on a total, or on the ratio of two totals, over all decisions or a part of them.

    Parameters
    ----------
    name : str
        The outcome that is added up over the picked options.
    at_least, at_most : float, optional
        The bound. Exactly one is given, so that every limit has one shadow price; a corridor is two limits.
    per : str, optional
        Another outcome, nowhere negative: the bound is then on total of `name` / total of `per`, kept as
        ``sum (name - bound * per)`` compared with 0.
    within : bool[decision], optional
        The decisions that count; all of them where not given. A limit within no decision holds or fails as 0 does.
    label : str, optional
        What messages call the limit; derived from the rest where not given.

    Raises
    ------
    InputError
        Where the bound is missing, doubled or not finite, or `within` is not a one-dimensional mask.

    Examples
    --------
    >>> from pricebid.optimize import Limit
    >>> Limit("profit", at_least=0.25, per="revenue").title
    'profit per revenue at least 0.25'
    """

    name: str
    at_least: float | None = None
    at_most: float | None = None
    per: str | None = None
    within: NDArray[np.bool_] | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            both = self.at_least is not None
            got = f"at_least={self.at_least!r} and at_most={self.at_most!r}" if both else "neither at_least nor at_most"
            remedy = "give two limits, one each" if both else "give one of them"
            raise InputError(f"limit on {self.name!r}: got {got}; a limit has exactly one bound: {remedy}")
        if not np.isfinite(self.bound):
            raise InputError(
                f"limit on {self.name!r}: the bound is {self.bound}; it must be finite: leave the limit out"
            )
        if self.within is not None:
            mask = np.asarray(self.within)
            if mask.dtype != np.bool_ or mask.ndim != 1:
                raise InputError(
                    f"{self.title}: within has dtype {mask.dtype} and shape {mask.shape}; it must be bool[decision]"
                )
            object.__setattr__(self, "within", mask)

    @property
    def bound(self) -> float:
        """The number given."""
        return float(self.at_least if self.at_least is not None else self.at_most)  # type: ignore[arg-type]

    @property
    def sign(self) -> float:
        """+1 for at most, -1 for at least: ``sign * total <= sign * bound``."""
        return 1.0 if self.at_least is None else -1.0

    @property
    def title(self) -> str:
        """The label, or the limit in words."""
        if self.label is not None:
            return self.label
        per = f" per {self.per}" if self.per is not None else ""
        return f"{self.name}{per} {'at most' if self.at_least is None else 'at least'} {self.bound:g}"

    @property
    def tolerance(self) -> float:
        """How far the total (or ratio) may lie beyond the bound: ``1e-9 * max(1, |bound|)``."""
        return 1e-9 * max(1.0, abs(self.bound))


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to try.

    Parameters
    ----------
    gap : float
        Relative gap at which a choice counts as optimal and the search ends; > 0.
    milp_options : int
        Where repair leaves a larger gap, an integer program decides among the options that could still improve the
        choice, if there are at most this many; >= 0 (0: never, though side rules may still need one to be met).
    seconds : float
        Time limit of one such integer program; > 0. The only limit that depends on the clock.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    gap: float = 1e-5
    milp_options: int = 20_000
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if not (self.gap > 0 and self.seconds > 0 and self.milp_options >= 0):
            raise InputError(f"{self}: gap and seconds must be > 0, milp_options >= 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """One option per decision, and the proof of how good that is.

    Parameters
    ----------
    option : int64[decision]
        The option picked.
    value : float
        The objective's total over the picks.
    bound : float
        No choice within the limits and rules is worth more: the Lagrangian at `shadow_prices`, as
        `lagrangian_bound` recomputes it.
    gap : float
        ``(bound - value) / max(|value|, |bound|)``, never negative.
    status : {"optimal", "feasible"}
        Optimal: the gap is within `Effort.gap`, or an integer program proved that nothing better exists.
    shadow_prices : float64[limit]
        In the order given, >= 0: multipliers of the rows ``sum x <= b``, ``sum x >= b`` and
        ``sum (num - ratio * den)`` compared with 0. Objective gained per unit by which the row is relaxed.
    totals : float64[limit]
        What each limit bounds, at the picks: a total or a ratio (NaN for 0 / 0).
    slacks : float64[limit]
        How far inside its bound that is, in the limit's own unit; >= 0 up to `Limit.tolerance`.
    seconds : float
        Wall clock spent.
    """

    option: NDArray[np.int64]
    value: float
    bound: float
    gap: float
    status: Status
    shadow_prices: Floats
    totals: Floats
    slacks: Floats
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LimitReport:
    """One limit and how a plan stands to it, in the words and units of whoever asked for it.

    Parameters
    ----------
    name : str
        What the policy calls it.
    limit, value : float
        What was asked, and what the plan reaches, both in the policy's unit.
    slack : float
        How far inside the limit that is.
    shadow_price : float
        Objective gained per unit by which the limit, as the policy gives it, is relaxed.
    """

    name: str
    limit: float
    value: float
    slack: float
    shadow_price: float


def relative_gap(value: float, bound: float) -> float:
    """``(bound - value) / max(|value|, |bound|)``, at least 0; 0 where both are 0."""
    size = max(abs(value), abs(bound))
    return max(0.0, bound - value) / size if size > 0 else 0.0
