"""Draws from the posterior of channel responses: Gibbs sampling, shapes on a grid, everything linear integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded, solve_banded

from pricebid.landscape.channel_shapes import BELIEF, Beliefs, Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SD = np.geomspace(0.01, 1.2, 28)
_MEMORY = np.array([0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95])
_FREEDOM = 4.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is seen, as the sampler takes it.

    Parameters
    ----------
    log : float64[channel, period]
        Log of the outcome, less its mean per channel; 0 where unknown.
    known : bool[channel, period]
        Cells that count.
    count_noise : float64[channel, period]
        Variance of the log that comes from small counts.
    own : float64[period, column]
        Columns with a coefficient per channel; the first is 1.
    own_sd : float64[column]
        Standard deviations of these coefficients before any data.
    shared : float64[period, column]
        Columns with one coefficient for all channels.
    shared_sd : float64[column]
        Standard deviations of these.
    """

    log: NDArray[np.float64]
    known: NDArray[np.bool_]
    count_noise: NDArray[np.float64]
    own: NDArray[np.float64]
    own_sd: NDArray[np.float64]
    shared: NDArray[np.float64]
    shared_sd: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Draws from the posterior.

    Parameters
    ----------
    node : int64[draw, channel]
        Positions in the grid.
    own : float64[draw, channel, column]
        Coefficients per channel.
    shared : float64[draw, column]
        Coefficients of all channels.
    noise : float64[draw, channel]
        Variance of a channel's own swings.
    shock : float64[draw]
        Variance of the swings that all channels share.
    """

    node: NDArray[np.int64]
    own: NDArray[np.float64]
    shared: NDArray[np.float64]
    noise: NDArray[np.float64]
    shock: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    """Where the chain is; the names of `Draws`, and the swings and the shapes' means and spreads."""

    node: NDArray[np.int64]
    own: NDArray[np.float64]
    shared: NDArray[np.float64]
    noise: NDArray[np.float64]
    shock: float
    memory: float
    swing: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]


def sample(
    evidence: Evidence,
    grid: Grid,
    beliefs: Beliefs,
    rng: np.random.Generator,
    *,
    warm_up: int,
    draws: int,
    thin: int = 2,
) -> Draws:
    """Sample shapes, levels, seasons and swings.

    ``log outcome = level + own columns + shared columns + swing of the period + log curve(stock) + noise``. Given the swings
    that channels share, channels are independent; a channel's node is drawn with its coefficients integrated out, so that
    levels and curves, which go together, do not hold each other back.

    Parameters
    ----------
    evidence, grid, beliefs
        What is seen, considered and believed.
    rng : Generator
        The only source of chance.
    warm_up, draws, thin : int
        Sweeps thrown away, draws kept, sweeps per draw.
    """
    squares = grid.log_share**2
    state = _begin(evidence, beliefs)
    kept: list[_State] = []
    for sweep in range(warm_up + draws * thin):
        state = _sweep(state, evidence, grid, squares, beliefs, rng)
        if sweep >= warm_up and (sweep - warm_up) % thin == thin - 1:
            kept.append(state)
    return Draws(
        node=np.stack([one.node for one in kept]),
        own=np.stack([one.own for one in kept]),
        shared=np.stack([one.shared for one in kept]),
        noise=np.stack([one.noise for one in kept]),
        shock=np.array([one.shock for one in kept]),
    )


def _begin(evidence: Evidence, beliefs: Beliefs) -> _State:
    channels, periods = evidence.log.shape
    return _State(
        node=np.zeros(channels, dtype=np.int64),
        own=np.zeros((channels, evidence.own.shape[1])),
        shared=np.zeros(evidence.shared.shape[1]),
        noise=np.full(channels, 0.04),
        shock=0.01,
        memory=0.35,
        swing=np.zeros(periods),
        mean=np.array([beliefs.retention[0], beliefs.half[0]]),
        spread=np.array(beliefs.spread),
    )


def _sweep(
    state: _State,
    evidence: Evidence,
    grid: Grid,
    squares: NDArray[np.float64],
    beliefs: Beliefs,
    rng: np.random.Generator,
) -> _State:
    weight = evidence.known / (state.noise[:, None] + evidence.count_noise)
    node, own = _draw_shapes(state, evidence, grid, squares, weight, rng)
    fitted = grid.log_share[np.arange(len(node)), node] + own @ evidence.own.T
    swing = _draw_swings(state, evidence, weight, evidence.log - fitted, rng)
    shared = _draw_shared(state, evidence, swing, rng)
    shock, memory = _draw_walk(swing - evidence.shared @ shared, rng)
    noise = _draw_noise(evidence.log - fitted - swing, evidence, rng)
    at = np.arange(len(node))
    shapes = np.stack([grid.retention[at, node], grid.half[at, node]])
    mean, spread = _draw_pool(state, shapes, beliefs, rng)
    return _State(
        node=node,
        own=own,
        shared=shared,
        noise=noise,
        shock=shock,
        memory=memory,
        swing=swing,
        mean=mean,
        spread=spread,
    )


def _draw_shapes(
    state: _State,
    evidence: Evidence,
    grid: Grid,
    squares: NDArray[np.float64],
    weight: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw each channel's node, then its coefficients."""
    rest = evidence.log - state.swing
    columns = weight[:, :, None] * evidence.own
    precision = np.swapaxes(columns, 1, 2) @ evidence.own + np.diag(evidence.own_sd**-2.0)
    covariance = np.linalg.inv(precision)
    # Per node: sums of squares of what is left, and its products with the columns.
    projected = grid.log_share @ np.concatenate([(weight * rest)[:, :, None], columns], axis=2)
    square = np.einsum("ct,ct->c", weight, rest**2)[:, None] - 2 * projected[:, :, 0]
    square += (squares @ weight[:, :, None])[:, :, 0]
    product = ((weight * rest) @ evidence.own)[:, None, :] - projected[:, :, 1:]
    explained = np.einsum("cnp,cnp->cn", product @ covariance, product)
    score = 0.5 * (explained - square) + _log_prior(state, grid)
    node = np.argmax(score + rng.gumbel(size=score.shape), axis=1)
    mean = (covariance @ product[np.arange(len(node)), node][:, :, None])[:, :, 0]
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=(*mean.shape, 1))
    return node, mean + noise[:, :, 0]


def _log_prior(state: _State, grid: Grid) -> NDArray[np.float64]:
    apart = ((grid.retention - state.mean[0]) / state.spread[0]) ** 2
    apart = apart + ((grid.half - state.mean[1]) / state.spread[1]) ** 2
    return np.asarray(np.log(BELIEF)[grid.form] - 0.5 * apart)


def _draw_swings(
    state: _State,
    evidence: Evidence,
    weight: NDArray[np.float64],
    rest: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    # First-order autoregression: its precision has three bands, and so has the posterior's.
    bands = _bands(state.memory, len(state.swing)) / state.shock
    pull = _precision_times(evidence.shared @ state.shared, state.memory) / state.shock
    bands[1] += weight.sum(axis=0)
    upper = cholesky_banded(bands)
    mean = cho_solve_banded((upper, False), (weight * rest).sum(axis=0) + pull)
    return np.asarray(mean + solve_banded((0, 1), upper, rng.normal(size=len(mean))))


def _draw_shared(
    state: _State, evidence: Evidence, swing: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    whitened = _precision_times(evidence.shared, state.memory).T / state.shock
    covariance = np.linalg.inv(whitened @ evidence.shared + np.diag(evidence.shared_sd**-2.0))
    return np.asarray(
        covariance @ (whitened @ swing) + np.linalg.cholesky(covariance) @ rng.normal(size=len(covariance))
    )


def _draw_walk(rest: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Draw variance and memory of the swings on a grid."""
    square = np.array([rest @ _precision_times(rest, memory) for memory in _MEMORY])
    score = -0.5 * square / _SD[:, None] ** 2 - len(rest) * np.log(_SD)[:, None]
    score = score - 0.5 * (len(rest) - 1) * np.log1p(-(_MEMORY**2)) + _belief_in_sd()[:, None]
    at = np.unravel_index(np.argmax(score + rng.gumbel(size=score.shape)), score.shape)
    return float(_SD[at[0]] ** 2), float(_MEMORY[at[1]])


def _draw_noise(rest: NDArray[np.float64], evidence: Evidence, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the variance of each channel's own swings on a grid, beside the noise of counts, float64[channel]."""
    total = _SD[:, None, None] ** 2 + evidence.count_noise
    score = -0.5 * ((np.log(total) + rest**2 / total) * evidence.known).sum(axis=2) + _belief_in_sd()[:, None]
    return np.asarray(_SD[np.argmax(score + rng.gumbel(size=score.shape), axis=0)] ** 2)


def _belief_in_sd() -> NDArray[np.float64]:
    """Log of the belief in each standard deviation of the grid: log-normal around .12."""
    return np.asarray(-0.5 * (np.log(_SD / 0.12) / 0.8) ** 2)


def _bands(memory: float, size: int) -> NDArray[np.float64]:
    """Precision of an autoregression of variance 1, upper band first, float64[2, period]."""
    bands = np.empty((2, size))
    bands[0] = -memory
    bands[1] = 1 + memory**2
    bands[1, [0, -1]] = 1.0
    return np.asarray(bands / (1 - memory**2))


def _precision_times(array: NDArray[np.float64], memory: float) -> NDArray[np.float64]:
    """Precision of an autoregression of variance 1 times columns, float64[period, ...]."""
    found = array * (1 + memory**2)
    found[[0, -1]] = array[[0, -1]]
    found[1:] -= memory * array[:-1]
    found[:-1] -= memory * array[1:]
    return np.asarray(found / (1 - memory**2))


def _draw_pool(
    state: _State, shapes: NDArray[np.float64], beliefs: Beliefs, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw mean and spread over channels of retention and half, float64[2] each."""
    prior = np.array([beliefs.retention, beliefs.half])
    count = shapes.shape[1]
    precision = count / state.spread**2 + prior[:, 1] ** -2.0
    mean = (shapes.sum(axis=1) / state.spread**2 + prior[:, 0] * prior[:, 1] ** -2.0) / precision
    mean = mean + rng.normal(size=2) / np.sqrt(precision)
    scale = _FREEDOM * np.array(beliefs.spread) ** 2 + ((shapes - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(scale / rng.chisquare(_FREEDOM + count, 2))
