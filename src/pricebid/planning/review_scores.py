"""How good a plan's forecast was, and whether its limits were kept in reality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.planning.review_plan import Asked

    Floats = NDArray[np.float64]

DUE = 0.8  # what units_low and units_high hold
_PRORATED = ("min_revenue", "max_discount_cost")


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How a forecast of units came out over some offers.

    Parameters
    ----------
    offers, inside : int
        Offers, and how many of them sold what lies within their 80 % interval.
    due : float
        How many of them are due there: 80 %.
    low, high : int
        Between which counts chance alone leaves ``inside`` 95 times in 100, if the intervals are right and offers err
        independently of each other.
    wape : float
        Sum of absolute errors of the expected units over the sum of units sold; NaN where nothing sold.
    bias : float
        Sum of errors (expected less sold) over the sum of units sold.
    """

    offers: int
    inside: int
    due: float
    low: int
    high: int
    wape: float
    bias: float


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A limit of the plan in reality.

    Parameters
    ----------
    name : str
        As in plan.json.
    asked : float
        For the window: a total over the horizon counts by the share of its periods that have sales.
    planned, reached : float
        What the plan was expected to reach over the horizon, and what came; NaN: cannot be told.
    kept : bool, optional
        None where it cannot be told.
    beyond : float
        By how much it was broken, 0 where kept; NaN where it cannot be told.
    why : str
        Why it cannot be told, else empty.
    """

    name: str
    asked: float
    planned: float
    reached: float
    kept: bool | None
    beyond: float
    why: str = ""


def accuracy(units: Floats, expected: Floats, inside: Floats) -> Accuracy:
    """Score expected units against what sold, float64[offer] each.

    Examples
    --------
    >>> accuracy(np.array([8.0, 12.0]), np.array([10.0, 10.0]), np.array([1.0, 0.0]))
    Accuracy(offers=2, inside=1, due=1.6, low=0, high=2, wape=0.2, bias=0.0)
    """
    n, total = len(units), float(units.sum())
    low, high = chance(n)
    return Accuracy(
        offers=n,
        inside=int(inside.sum()),
        due=DUE * n,
        low=low,
        high=high,
        wape=float(np.abs(units - expected).sum()) / total if total > 0 else float("nan"),
        bias=float((expected - units).sum()) / total if total > 0 else float("nan"),
    )


def chance(n: int, share: float = DUE) -> tuple[int, int]:
    """Return between which counts a binomial one of ``n`` and ``share`` lies 95 times in 100 or more.

    Examples
    --------
    >>> chance(100), chance(3)
    ((72, 88), (1, 3))
    """
    if n == 0:
        return 0, 0
    below = special.bdtr(np.arange(n + 1), n, share)
    low, high = np.searchsorted(below, [0.025, 0.975])
    return int(low), min(int(high), n)


def within(units: Floats, low: Floats, high: Floats, *, whole: bool) -> Floats:
    """Return 1.0 where units lie between low and high, float64[offer].

    The ends are points of a continuous law. Counts stand for all that rounds to them, so half a unit is added on either
    side: an offer that is expected to sell 0.3 (0.02 to 0.9) and sells none is not below its interval.
    """
    room = 0.5 if whole else 0.0
    return ((units >= low - room) & (units <= high + room)).astype(np.float64)


def kept_limits(asked: Sequence[Asked], reached: Mapping[str, float], *, share: float) -> tuple[Kept, ...]:
    """Compare limits on the plan as a whole with what was reached.

    Parameters
    ----------
    asked : sequence of Asked
        As plan.json has them.
    reached : mapping of str to float
        By name of the limit; what is not in it cannot be told.
    share : float
        Periods with sales ÷ periods of the horizon.
    """
    found = []
    for one in asked:
        limit = one.limit * (share if one.name in _PRORATED else 1.0)
        value = reached.get(one.name, float("nan"))
        found.append(compare(one, limit, value, why="" if np.isfinite(value) else _why(one.name)))
    return tuple(found)


def compare(asked: Asked, limit: float, reached: float, *, why: str = "") -> Kept:
    """Compare one limit with what was reached; names that begin with ``max`` or ``daily_budget`` are upper limits."""
    sign, reached = -1.0 if asked.name.startswith("min") else 1.0, reached + 0.0  # no minus zero
    beyond = max(sign * (reached - limit), 0.0) if np.isfinite(reached) else float("nan")
    kept = None if np.isnan(beyond) else beyond <= 1e-9 * max(1.0, abs(limit))
    return Kept(
        name=asked.name,
        asked=limit,
        planned=asked.planned,
        reached=reached,
        kept=kept,
        beyond=0.0 if kept else beyond,
        why=why,
    )


def _why(name: str) -> str:
    if name == "min_units_ratio":
        return "it refers to what the old prices would have sold"
    return "a cost is not known" if name == "min_margin" else "sales do not tell"
