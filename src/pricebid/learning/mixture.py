"""The best mixture of options when a resource may only be used up at a given rate: one small linear program per draw.

It is the kernel's problem (one option per decision, limits on totals) for a decision that is repeated many times, with
its relaxation: shares of options instead of one. Programs of a few rows are solved side by side, one simplex tableau
each, because a general solver needs longer to be called than these take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TOLERANCE = 1e-11
PATIENCE = 50  # pivots after which Bland's rule makes sure that an end comes


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixtures:
    """The best mixtures of several programs.

    Parameters
    ----------
    shares : float64[program, option]
        Share of the time that each option is shown, >= 0; what is missing of 1 is no option at all.
    value : float64[program]
        Reward per period.
    shadow_prices : float64[program, resource]
        Reward gained per unit by which a rate is higher, >= 0.
    """

    shares: Floats
    value: Floats
    shadow_prices: Floats


def best_mixtures(reward: Floats, use: Floats, rate: Floats) -> Mixtures:
    """Maximise ``sum_k x_k reward_k`` under ``sum_k x_k use_kr <= rate_r`` and ``sum_k x_k <= 1``, x >= 0.

    Parameters
    ----------
    reward : float64[program, option]
        Per period in which the option is shown; options that are not above 0 get no share.
    use : float64[program, option, resource]
        Of each resource per period, >= 0.
    rate : float64[program, resource] or float64[1, resource]
        What may be used per period, >= 0; inf where it is no limit.

    Returns
    -------
    Mixtures
        A vertex: at most one option more than there are resources has a share.

    Notes
    -----
    Primal simplex from "show nothing" (Dantzig's rule; Bland's after 50 pivots), vectorised over programs.

    Examples
    --------
    >>> import numpy as np
    >>> reward, use = np.array([[8.0, 6.0]]), np.array([[[0.8], [0.3]]])
    >>> best = best_mixtures(reward, use, np.array([[0.5]]))
    >>> best.shares.round(3).tolist(), best.shadow_prices.round(3).tolist()
    ([[0.4, 0.6]], [[4.0]])
    """
    programs, options, resources = use.shape
    most = use.max(axis=1, initial=0.0)
    size = np.where(most > 0, most, 1.0)
    worth = reward.max(axis=1, initial=0.0)
    scale = np.where(worth > 0, worth, 1.0)[:, None]
    rows, columns = resources + 1, options + resources + 1
    tableau = np.zeros((programs, rows + 1, columns + 1))
    tableau[:, :resources, :options] = (use / size[:, None, :]).transpose(0, 2, 1)
    tableau[:, resources, :options] = 1.0
    tableau[:, rows, :options] = -reward / scale
    slack = np.arange(options, columns)
    tableau[:, slack - options, slack] = 1.0
    # A rate above the most that any option uses is no limit; twice that, so that it does not tie and get a price.
    tableau[:, :resources, columns] = np.minimum(rate, 2.0 * most) / size
    tableau[:, resources, columns] = 1.0
    basis = np.empty((programs, rows), dtype=np.int64)
    basis[:] = slack
    values = np.zeros((programs, columns))
    if programs == 1:
        _pivot_one(tableau[0], basis[0])
        values[0, basis[0]] = tableau[0, :rows, columns]
    else:
        _pivot(tableau, basis)
        np.put_along_axis(values, basis, tableau[:, :rows, columns], axis=1)
    return Mixtures(
        shares=np.minimum(np.maximum(values[:, :options], 0.0), 1.0),
        value=tableau[:, rows, columns] * scale[:, 0],
        shadow_prices=np.maximum(tableau[:, rows, options : options + resources], 0.0) * scale / size,
    )


def _pivot(tableau: Floats, basis: Ints) -> None:
    """Pivot every tableau until no option improves it, in place."""
    open_ = np.arange(len(tableau))
    step = 0
    while len(open_):
        part = tableau[open_]
        reduced = part[:, -1, :-1]
        better = reduced < -TOLERANCE
        enter = better.argmax(axis=1) if step >= PATIENCE else reduced.argmin(axis=1)
        at = np.arange(len(open_))
        going = better[at, enter]
        if not going.all():
            open_, part, enter = open_[going], part[going], enter[going]
            at = at[: len(open_)]
            if not len(open_):
                return
        column = part[at, :, enter]
        falls = column[:, :-1] > TOLERANCE
        ratio = np.where(falls, part[:, :-1, -1] / np.where(falls, column[:, :-1], 1.0), np.inf)
        leave = ratio.argmin(axis=1)
        if step >= PATIENCE:
            # Bland: among ties the basic variable with the lowest number leaves.
            ties = ratio <= ratio[at, leave][:, None]
            leave = np.where(ties, basis[open_], tableau.shape[2]).argmin(axis=1)
        row = part[at, leave] / column[at, leave][:, None]
        part -= column[:, :, None] * row[:, None, :]
        part[at, leave] = row
        tableau[open_] = part
        basis[open_, leave] = enter
        step += 1


def _pivot_one(tableau: Floats, basis: Ints) -> None:
    """Do the same for one tableau, float64[row, column]: a third of the time, and a live choice waits for it."""
    step = 0
    while True:
        reduced = tableau[-1, :-1]
        enter = int((reduced < -TOLERANCE).argmax() if step >= PATIENCE else reduced.argmin())
        if reduced[enter] >= -TOLERANCE:
            return
        column = tableau[:, enter].copy()
        ratio = np.full(len(basis), np.inf)
        np.divide(tableau[:-1, -1], column[:-1], out=ratio, where=column[:-1] > TOLERANCE)
        leave = int(ratio.argmin())
        if step >= PATIENCE:
            leave = int(np.where(ratio <= ratio[leave], basis, tableau.shape[1]).argmin())
        row = tableau[leave] / column[leave]
        tableau -= column[:, None] * row
        tableau[leave] = row
        basis[leave] = enter
        step += 1
