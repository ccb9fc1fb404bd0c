"""What a bid wins: auctions whose highest rival bid is log-normal, and how unsure we are of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUCTIONS, LEVEL, SPREAD = range(3)


@dataclass(frozen=True, kw_only=True, eq=False)
class WinCurves:
    """Posterior of log auctions per day, of the log level of rival bids and of the log of its spread.

    The highest rival bid of an auction in series s and hour h is log-normal: the mean of its log is
    ``mean[s, 1] + level[c, h]``, its standard deviation ``exp(mean[s, 2])``, and there are
    ``exp(mean[s, 0] + traffic[c, h])`` such auctions per day, c being the campaign of s. All of these are uncertain, jointly
    normal: of the series, and of the campaign's hours, where a higher level goes with `trade` times as much log traffic.

    Parameters
    ----------
    campaign : int64[series]
        Campaign of each series.
    mean : float64[series, 3]
        Log auctions per day and hour (of the average hour), log level, log spread.
    covariance : float64[series, 3, 3]
        Of these.
    traffic, level : float64[campaign, hour]
        Hour profiles: additions to log auctions and log level.
    traffic_covariance : float64[campaign, hour, hour]
        Of the traffic profile where the level profile is known.
    level_covariance : float64[campaign, hour, hour]
        Of the level profile.
    trade : float64[campaign, hour]
        Log traffic per unit of log level along which the reports cannot tell the two apart.
    """

    campaign: NDArray[np.int64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    traffic: NDArray[np.float64]
    level: NDArray[np.float64]
    traffic_covariance: NDArray[np.float64]
    level_covariance: NDArray[np.float64]
    trade: NDArray[np.float64]

    def predictive(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return win curves with the uncertainty integrated out: equal mixtures of two log-normals.

        Weighting by the uncertain number of auctions shifts the level by its covariance with log auctions; uncertainty
        of the level adds to the spread; that of the log spread is put on two points one standard deviation apart from
        its mean, the level moving along. Means over the posterior are thus as cheap as values at a point.

        Parameters
        ----------
        rows : int64[n]
            Series.

        Returns
        -------
        auctions : float64[n, hour]
            Expected auctions per day.
        level, spread : float64[2, n, hour]
            Of the log of the highest rival bid, by part of the mixture.
        """
        campaign, cov = self.campaign[rows], self.covariance[rows]
        hour_level = np.diagonal(self.level_covariance, axis1=1, axis2=2)
        hour_traffic = np.diagonal(self.traffic_covariance, axis1=1, axis2=2) + self.trade**2 * hour_level
        log_auctions = self.mean[rows, AUCTIONS][:, None] + self.traffic[campaign]
        log_auctions += 0.5 * (cov[:, AUCTIONS, AUCTIONS][:, None] + hour_traffic[campaign])
        tilt = cov[:, AUCTIONS, LEVEL][:, None] + (self.trade * hour_level)[campaign]
        centre = self.mean[rows, LEVEL][:, None] + self.level[campaign] + tilt
        sd = np.sqrt(np.maximum(cov[:, SPREAD, SPREAD], 1e-12))
        lean = cov[:, LEVEL, SPREAD] / sd
        left = np.maximum(cov[:, LEVEL, LEVEL] - lean**2, 0.0)[:, None] + hour_level[campaign]
        middle = self.mean[rows, SPREAD] + cov[:, AUCTIONS, SPREAD]
        sides = np.array([-1.0, 1.0])[:, None]
        level = centre + (sides * lean)[:, :, None]
        spread = np.sqrt(np.exp(2.0 * (middle + sides * sd))[:, :, None] + left)
        return np.exp(log_auctions), level, spread

    def drawn(self, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
        """Draw auctions, level and spread once from the posterior, float64[n, hour], float64[n, hour] and float64[n, 1]."""
        root = factor(self.covariance[rows])
        own = self.mean[rows] + (root @ rng.standard_normal((len(rows), 3, 1)))[:, :, 0]
        shape = (*self.level.shape, 1)
        level = (factor(self.level_covariance) @ rng.standard_normal(shape))[:, :, 0]
        traffic = (factor(self.traffic_covariance) @ rng.standard_normal(shape))[:, :, 0] + self.trade * level
        campaign = self.campaign[rows]
        return (
            np.exp(own[:, AUCTIONS, None] + (self.traffic + traffic)[campaign]),
            own[:, LEVEL, None] + (self.level + level)[campaign],
            np.exp(own[:, SPREAD, None]),
        )


def factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return square roots R with R R' = covariance, float64[..., k, k], of matrices that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return root


def log_positive(bid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logs of bids, -inf where a bid is 0 or not given (NaN)."""
    return np.log(bid, out=np.full(bid.shape, -np.inf), where=bid > 0.0)


def won_and_paid(
    log_bid: NDArray[np.float64], level: NDArray[np.float64], spread: NDArray[np.float64], *, second: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of auctions that a bid wins, and money paid per auction if each win were clicked.

    In a second-price auction a click costs the highest rival bid, whose mean over the auctions won times their share is
    ``exp(level + spread^2 / 2) Phi(z - spread)`` with ``z = (log bid - level) / spread``; in a first-price auction, the bid.
    So a further auction won costs just the bid: what is won is concave in what is paid.

    Parameters
    ----------
    log_bid : float64[...]
        Log of the effective bid; -inf stays out.
    level, spread : float64[...]
        Mean and standard deviation of the log of the highest rival bid; shapes broadcast.
    second : bool
        Second price.

    Returns
    -------
    won, paid : float64[...]
    """
    score = (log_bid - level) / spread
    won: NDArray[np.float64] = ndtr(score)
    if not second:
        return won, won * np.exp(log_bid)
    score -= spread
    paid: NDArray[np.float64] = ndtr(score)
    with np.errstate(over="ignore", invalid="ignore"):
        paid *= np.exp(level + 0.5 * spread**2)
    # Nobody pays more than the bid; where a spread is so uncertain that the mean overflows, 0 x inf is no number.
    return won, np.fmin(paid, won * np.exp(log_bid), out=paid)
