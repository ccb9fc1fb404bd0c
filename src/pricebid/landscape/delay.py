"""Conversions that come late: what share of a day's conversions is known so many days later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.sums import summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables import KeywordReports

# A conversion delay is believed to be a few days, in logs, and of a form between an exponential's neighbours.
_USUAL, _WIDTH = np.array([np.log(3.0), 0.0]), np.array([1.0, 0.5])
_FRONT = 3.0  # most conversions of a delay that is only given as a number of days come early: 95 % of an exponential


def completeness_of(reports: KeywordReports, *, delay: float | None = None) -> NDArray[np.float64]:
    """Share of conversions known after 0, 1, ... days.

    Learnt from successive reports of the same days where there are any: the delay of a conversion is Weibull, fitted to
    which share of what the last report knows each earlier report knew (the reverse hazards of a chain ladder; Mack 1993).
    Else it comes from the number of days until conversions are complete; else they count as complete.

    Parameters
    ----------
    reports : KeywordReports
        Reports, perhaps successive.
    delay : float, optional
        Days until conversions are complete.

    Returns
    -------
    float64[wait]
        Up to the longest wait of the reports; above 0 from the first day on.
    """
    waits = np.arange(int(reports.wait.max(initial=0)) + 1, dtype=float)
    grown = _growth(reports)
    if grown is not None:
        return _weibull(_fitted(*grown), waits)
    if delay is None or delay <= 0:
        return np.ones(len(waits))
    share = -np.expm1(-_FRONT * np.minimum(np.maximum(waits, 0.5) / delay, 1.0)) / -np.expm1(-_FRONT)
    return np.asarray(share)


def _growth(reports: KeywordReports) -> tuple[NDArray[np.float64], ...] | None:
    """Conversions that came between two reports, with the waits of both and of the row's last report."""
    told = reports.development
    if told is None:
        return None
    new = np.concatenate(([True], told.row[1:] != told.row[:-1]))
    ends = np.append(new[1:], True)
    last = np.repeat(told.wait[ends], np.diff(np.append(np.flatnonzero(new), len(new))))
    before = np.where(new, 0, np.concatenate(([0], told.wait[:-1])))
    known = np.where(new, 0.0, np.concatenate(([0.0], told.conversions[:-1])))
    came = np.maximum(told.conversions - known, 0.0)
    grew = before != told.wait
    keys, back = np.unique(np.stack([before, told.wait, last])[:, grew], axis=1, return_inverse=True)
    total = summed(back, came[grew], keys.shape[1:])
    single = keys[1] == keys[2]
    if total.sum() <= 0 or (single & (keys[0] == 0)).all():
        return None
    return keys[0].astype(float), keys[1].astype(float), keys[2].astype(float), total


def _fitted(
    before: NDArray[np.float64], after: NDArray[np.float64], last: NDArray[np.float64], came: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    def loss(at: NDArray[np.float64]) -> float:
        share = np.maximum(_weibull(at, after) - _weibull(at, before), 1e-12) / np.maximum(_weibull(at, last), 1e-12)
        return float(0.5 * (((at - _USUAL) / _WIDTH) ** 2).sum() - (came * np.log(share)).sum())

    found: NDArray[np.float64] = minimize(loss, _USUAL, method="Nelder-Mead").x
    return found


def _weibull(at: NDArray[np.float64], wait: NDArray[np.float64]) -> NDArray[np.float64]:
    scale, shape = np.exp(np.clip(at, -5.0, 5.0))
    share: NDArray[np.float64] = -np.expm1(-((wait / scale) ** shape))
    return share
