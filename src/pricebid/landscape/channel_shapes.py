"""How a channel's revenue can depend on its spend: carry-over first, saturation then, on grids of their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables import Frequency

# Hill curves by their slope, the exponential, and the logarithm, which has no ceiling. What is believed of each before
# any data: mostly concave, seldom S-shaped.
HILL = (0.6, 0.8, 1.0, 1.2, 1.5, 1.9, 2.4)
FORMS = (*(f"hill {slope:g}" for slope in HILL), "exponential", "logarithm")
BELIEF = np.array([0.06, 0.12, 0.16, 0.12, 0.1, 0.06, 0.03, 0.25, 0.10])
_EXPONENTIAL, _LOGARITHM = len(HILL), len(HILL) + 1
_SLOPES = np.array([*HILL, 1.0, 1.0])
_NOTHING = 1e-4
_BEFORE = 4
_WEEKS = {"day": 1 / 7, "week": 1.0, "month": 30.44 / 7}


def curve(form: NDArray[np.int64], ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Saturation curves, float64 in the shape of ``ratio``.

    Parameters
    ----------
    form : int64
        Positions in `FORMS`; its shape is broadcast with that of ``ratio``.
    ratio : float64
        Advertising stock over its scale ("half": the stock at half of the ceiling, for Hill curves).
    """
    raised = ratio ** _SLOPES[form]
    hill = raised / (1.0 + raised)
    found = np.where(form == _EXPONENTIAL, -np.expm1(-ratio), np.where(form == _LOGARITHM, np.log1p(ratio), hill))
    return np.asarray(found)


def stocks(spend: NDArray[np.float64], retention: NDArray[np.float64]) -> NDArray[np.float64]:
    """Advertising stock by geometric carry-over (Broadbent 1979), float64[channel, grid, period].

    ``stock = retention x stock before + (1 - retention) x spend``: a spend that is kept up becomes the stock itself.
    Before the first period, the mean of the first four is taken to have been spent.

    Parameters
    ----------
    spend : float64[channel, period]
        Money.
    retention : float64[channel, grid]
        Share that carries over to the next period.
    """
    found = np.empty((*retention.shape, spend.shape[1]))
    kept = np.repeat(spend[:, :_BEFORE].mean(axis=1)[:, None], retention.shape[1], axis=1)
    for at in range(spend.shape[1]):
        kept = retention * kept + (1 - retention) * spend[:, at, None]
        found[:, :, at] = kept
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Beliefs:
    """What is believed of carry-over and saturation over channels, before any data.

    Parameters
    ----------
    retention : tuple of float
        Mean and standard deviation of the mean log odds of the share that carries over to the next period.
    half : tuple of float
        The same of log (half / mean spend).
    spread : tuple of float
        Typical standard deviation of channels around those means: of retention, of half.
    """

    retention: tuple[float, float]
    half: tuple[float, float] = (0.2, 1.0)
    spread: tuple[float, float] = (0.7, 0.7)


def beliefs(frequency: Frequency) -> Beliefs:
    """Say what is believed for periods of a length.

    A share of .4 carries over to the next week, give or take: the meta-analysis of Assmus, Farley and Lehmann (1984) has
    .47 over mixed intervals, and results credited to a click come sooner. Half the ceiling is reached near the mean
    spend, within a factor of 4 (as in Jin et al. 2017): an elasticity of .2 to .8.
    """
    share = 0.4 ** _WEEKS[frequency]
    return Beliefs(retention=(float(np.log(share / (1 - share))), 0.7))


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Every combination of retention, half and form that is considered, channel by channel.

    Parameters
    ----------
    retention : float64[channel, node]
        Log odds of the share that carries over.
    half : float64[channel, node]
        Log of half over mean spend.
    form : int64[node]
        Positions in `FORMS`.
    log_share : float64[channel, node, period]
        Log of the curve, less that at the mean spend.
    """

    retention: NDArray[np.float64]
    half: NDArray[np.float64]
    form: NDArray[np.int64]
    log_share: NDArray[np.float64]


def build_grid(spend: NDArray[np.float64], retention: NDArray[np.float64], half: NDArray[np.float64]) -> Grid:
    """Combine axes into a grid.

    Parameters
    ----------
    spend : float64[channel, period]
        As multiples of the channel's mean spend.
    retention : float64[channel, a]
        Log odds, an axis per channel.
    half : float64[channel, h]
        Log of half over mean spend, an axis per channel.
    """
    stock = stocks(spend, 1.0 / (1.0 + np.exp(-retention)))
    form = np.arange(len(FORMS))
    shape = (*retention.shape, half.shape[1], len(FORMS))
    inverse = np.exp(-half)
    ratio = stock[:, :, None, None, :] * inverse[:, None, :, None, None]
    share = curve(form[:, None], ratio) / curve(form, inverse[:, :, None])[:, None, :, :, None]
    flat = (len(spend), -1)
    return Grid(
        retention=freeze(np.broadcast_to(retention[:, :, None, None], shape).reshape(flat)),
        half=freeze(np.broadcast_to(half[:, None, :, None], shape).reshape(flat)),
        form=freeze(np.broadcast_to(form, shape[1:]).reshape(-1)),
        log_share=freeze(np.log(np.maximum(share, _NOTHING)).reshape(*flat, spend.shape[1])),
    )
