"""What a channel may spend: floors, caps and changes of the policy, and how far the history speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Conflict, Infeasible, InputError
from pricebid.policy import nearest
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Channels

REACH = 2.0
_SLACK = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class SpendBounds:
    """Least and most that each channel may spend per period.

    Parameters
    ----------
    low, high : float64[channel]
        Money.
    low_by, high_by : tuple of str
        What sets them: ``floors``, ``caps``, ``max_change``, ``no spend below 0`` or ``history``.
    budget : float, optional
        Money for all channels.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_by: tuple[str, ...]
    high_by: tuple[str, ...]
    budget: float | None


def spend_bounds(
    channels: NDArray[np.object_], *, policy: Channels, spend: NDArray[np.float64], most: NDArray[np.float64]
) -> SpendBounds:
    """Return what each channel may spend.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    policy : Channels
        Budget, floors, caps and changes.
    spend : float64[channel]
        What is spent now, money per period.
    most : float64[channel]
        Highest level that was reached, money per period: beyond `REACH` times that, nothing is known.

    Raises
    ------
    InputError
        A channel that is not there, or a share without a budget.
    Infeasible
        Limits of a channel that do not meet, or floors beyond the budget: all are listed.
    """
    floors, caps = (_money(getattr(policy, name), name, channels, policy.budget) for name in ("floors", "caps"))
    change = _by_channel(policy.max_change, "max_change", channels)
    lows = {
        "no spend below 0": np.zeros(len(channels)),
        "max_change": np.where(np.isnan(change), 0.0, np.maximum(spend * (1 - change), 0.0)),
        "floors": np.nan_to_num(floors),
    }
    asked = {
        "caps": np.where(np.isnan(caps), np.inf, caps),
        "max_change": np.where(np.isnan(change), np.inf, spend * (1 + change)),
    }
    low, low_by = _tightest(lows, np.argmax)
    # A floor above what is known is the user's decision; the history only stops the plan's own ideas.
    highs = {"history": np.maximum(np.maximum(REACH * most, spend), low), **asked}
    high, high_by = _tightest(highs, np.argmin)
    bounds = SpendBounds(low=freeze(low), high=freeze(high), low_by=low_by, high_by=high_by, budget=policy.budget)
    _check(channels, bounds)
    return bounds


def _tightest(bounds: dict[str, NDArray[np.float64]], pick: object) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    names, stack = list(bounds), np.stack(list(bounds.values()))
    at = np.asarray(pick(stack, axis=0))  # type: ignore[operator]
    return stack[at, np.arange(stack.shape[1])], tuple(names[one] for one in at)


def _by_channel(amounts: tuple[tuple[str, float], ...], key: str, channels: NDArray[np.object_]) -> NDArray[np.float64]:
    """Amounts by channel, float64[channel]; NaN where none is given."""
    found = np.full(len(channels), np.nan)
    labels = channels.tolist()
    for name, amount in amounts:
        if name not in labels:
            raise InputError(
                f"channels.{key}: no channel {name!r} in the table channels{nearest(name, labels)}; there are "
                f"{', '.join(labels)}"
            )
        found[labels.index(name)] = amount
    return found


def _money(
    amounts: tuple[tuple[str, float], ...], key: str, channels: NDArray[np.object_], budget: float | None
) -> NDArray[np.float64]:
    """Amounts in money, float64[channel]: up to 1 they are shares of the budget."""
    found = _by_channel(amounts, key, channels)
    shares = (found > 0) & (found <= 1.0)
    if shares.any() and budget is None:
        at = int(np.argmax(shares))
        raise InputError(
            f"channels.{key}: {channels[at]} = {found[at]:g} is a share of the budget, and there is none; set "
            "channels.budget, or give money"
        )
    return np.where(shares, found * (budget or 0.0), found)


def _check(channels: NDArray[np.object_], bounds: SpendBounds) -> None:
    apart = bounds.low > bounds.high * (1 + _SLACK) + _SLACK
    conflicts = [
        Conflict(
            name=f"{channels[at]}: {bounds.low_by[at]} needs at least {bounds.low[at]:,.2f}, {bounds.high_by[at]} allows "
            f"at most {bounds.high[at]:,.2f}",
            limit=float(bounds.low[at]),
            reachable=float(bounds.high[at]),
            relaxation=float(bounds.low[at] - bounds.high[at]),
        )
        for at in np.flatnonzero(apart)
    ]
    if conflicts:
        raise Infeasible(f"{len(conflicts)} channels are left without a spend by their limits", conflicts)
    over = float(bounds.low.sum()) - (np.inf if bounds.budget is None else bounds.budget)
    if over > _SLACK * max(1.0, bounds.budget or 0.0):
        raise Infeasible(
            "what channels must spend at least is more than the budget", _relaxations(channels, bounds, over)
        )


def _relaxations(channels: NDArray[np.object_], bounds: SpendBounds, over: float) -> list[Conflict]:
    """Say what the budget would have to be, and which single channel could give enough."""
    budget = float(bounds.budget or 0.0)
    found = [Conflict(name="channels.budget", limit=budget, reachable=budget + over, relaxation=over)]
    return found + [
        Conflict(
            name=f"{channels[at]}: {bounds.low_by[at]}",
            limit=float(bounds.low[at]),
            reachable=float(bounds.low[at] - over),
            relaxation=over,
        )
        for at in np.flatnonzero(bounds.low >= over)
    ]
