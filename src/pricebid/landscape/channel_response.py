"""What a channel would bring at any spend that is kept up: fitted to what it was credited with, sure or unsure by draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.landscape.channel_gibbs import Draws, Evidence, sample
from pricebid.landscape.channel_shapes import FORMS, Grid, beliefs, build_grid, curve, stocks
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.tables import Frequency
    from pricebid.tables.channels import ChannelHistory

Outcome = Literal["revenue", "conversions"]
FEWEST_PERIODS = 12
_RECENT = {"day": 28, "week": 4, "month": 1}
_PER_YEAR = {"day": 365.25, "week": 52.18, "month": 12.0}
_WEEKS_ENOUGH = 40
_ENOUGH_CHANNELS, _LITTLE = 3, 0.1
_AXES = (9, 11)
_REACH = 3.0
_COARSE, _WARM_UP, _DRAWS, _THIN = 150, 100, 400, 1
_STEP = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelResponse:
    """Expected outcomes of each channel per period, in steady state, over an average year of demand.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    frequency : {"day", "week", "month"}
        Length of a period: that of the table.
    outcome : {"revenue", "conversions"}
        What the curves are of.
    spend : float64[channel]
        Mean spend per period over the last 28 days, 4 weeks or 1 month, money.
    most : float64[channel]
        Highest spend that the history speaks of, money per period: the highest stock of advertising that was reached.
    scale : float64[channel]
        Mean spend per period over the whole history (1 where none): where ``level`` holds, money.
    retention : float64[draw, channel]
        Share that carries over to the next period of ``fitted``.
    half : float64[draw, channel]
        Spend per period that sets the scale of saturation, money.
    form : int64[draw, channel]
        Positions in `FORMS`.
    level : float64[draw, channel]
        Expected outcome per period at the mean spend; 0 for a channel that never spent or brought anything.
    fitted : {"day", "week", "month"}
        Length of the periods that carry-over was learnt on: days are put together into weeks where there are many.
    conversions, new_customers, revenue : float64[channel]
        Each per unit of ``outcome``, over the whole history; NaN where the table has no such column.
    """

    channels: NDArray[np.object_]
    frequency: Frequency
    outcome: Outcome
    spend: NDArray[np.float64]
    most: NDArray[np.float64]
    scale: NDArray[np.float64]
    retention: NDArray[np.float64] = field(repr=False)
    half: NDArray[np.float64] = field(repr=False)
    form: NDArray[np.int64] = field(repr=False)
    level: NDArray[np.float64] = field(repr=False)
    fitted: Frequency
    revenue: NDArray[np.float64]
    conversions: NDArray[np.float64]
    new_customers: NDArray[np.float64]

    def draws(self, spend: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outcome per period where each channel keeps spending, one row per draw from the posterior.

        Parameters
        ----------
        spend : float64[channel, option]
            Money per period.

        Returns
        -------
        float64[draw, channel, option]
            Expected outcome: what is uncertain is the response, not the week.
        """
        form, half = self.form[:, :, None], self.half[:, :, None]
        at = curve(form, np.maximum(spend, 0.0) / half)
        return np.asarray(self.level[:, :, None] * at / curve(form, self.scale[:, None] / half))

    def expected(self, spend: NDArray[np.float64]) -> NDArray[np.float64]:
        """Posterior mean of `draws`, float64[channel, option]."""
        # Channel by channel: all draws of all options at once need not fit into memory.
        return np.asarray(self.draws(spend).mean(axis=0))

    def marginal(self, spend: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outcome of the next unit of money, float64[draw, channel], at a spend, float64[channel]."""
        step = _STEP * np.maximum(spend, 0.01 * self.scale)
        ends = np.stack([np.maximum(spend - step, 0.0), spend + step], axis=1)
        found = self.draws(ends)
        return np.asarray((found[:, :, 1] - found[:, :, 0]) / (ends[:, 1] - ends[:, 0]))

    def form_shares(self) -> NDArray[np.float64]:
        """Posterior probability of each form, float64[channel, form], in the order of `FORMS`."""
        return np.asarray((self.form[:, :, None] == np.arange(len(FORMS))).mean(axis=0))

    def half_life(self) -> NDArray[np.float64]:
        """Periods (of ``fitted``) after which half of an advert's effect is left to come, median, float64[channel]."""
        return np.asarray(np.log(0.5) / np.log(np.median(self.retention, axis=0)))


def fit_channel_response(
    history: ChannelHistory, *, seed: int = 0, progress: Callable[[str, float], None] | None = None
) -> ChannelResponse:
    """Learn how each channel responds to its spend, from what the table credits it with.

    Parameters
    ----------
    history : ChannelHistory
        With revenue or conversions.
    seed : int
        Same history and seed, same response.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        Neither revenue nor conversions are given, or fewer than 12 periods.

    Notes
    -----
    Carry-over is geometric; saturation is a Hill, an exponential or a logarithmic curve, weighed by how well each fits
    (Jin et al. 2017). Levels, seasons and trends are of the channel, shrunk to those of all; swings of demand that all channels
    share in a period are estimated beside the curves, so that spending which followed demand is not taken for its cause.
    """
    seen = _seen(history)
    rng = np.random.default_rng(seed)
    belief, channels = beliefs(seen.frequency), len(history.channels)
    if progress is not None:
        progress("response", 0.0)
    wide = build_grid(
        seen.relative,
        _axis(belief.retention[0], np.hypot(belief.retention[1], belief.spread[0]), channels, _AXES[0]),
        _axis(belief.half[0], np.hypot(belief.half[1], belief.spread[1]), channels, _AXES[1]),
    )
    rough = sample(seen.evidence, wide, belief, rng, warm_up=_COARSE // 2, draws=_COARSE // 2, thin=1)
    if progress is not None:
        progress("response", 0.3)
    grid = build_grid(seen.relative, *_narrowed(wide, rough))
    drawn = sample(seen.evidence, grid, belief, rng, warm_up=_WARM_UP, draws=_DRAWS, thin=_THIN)
    if progress is not None:
        progress("", 1.0)
    return _response(history, seen, grid, drawn)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """A history as the sampler takes it.

    Parameters
    ----------
    outcome : {"revenue", "conversions"}
        What responds.
    frequency : {"day", "week", "month"}
        Length of the periods learnt on.
    relative : float64[channel, period]
        Spend over the channel's mean.
    mean : float64[channel]
        That mean, money per period of the table; 1 where nothing was spent.
    evidence : Evidence
        Logs and columns.
    centre : float64[channel]
        Mean logs, which the evidence is without.
    """

    outcome: Outcome
    frequency: Frequency
    relative: NDArray[np.float64]
    mean: NDArray[np.float64]
    evidence: Evidence
    centre: NDArray[np.float64]


def _seen(history: ChannelHistory) -> _Seen:
    outcome, money = _outcome(history)
    frequency, spend, result, counts = _periods(history, money)
    mean = spend.mean(axis=1)
    mean = np.where(mean > 0, mean, 1.0)
    evidence, centre = _evidence(frequency, spend / mean[:, None], result, counts)
    return _Seen(
        outcome=outcome,
        frequency=frequency,
        relative=spend / mean[:, None],
        mean=mean,
        evidence=evidence,
        centre=centre,
    )


def _outcome(history: ChannelHistory) -> tuple[Outcome, NDArray[np.float64]]:
    for name in ("revenue", "conversions"):
        found = getattr(history, name)
        if found is not None and np.nansum(found) > 0:
            return name, found
    message = "neither revenue nor conversions are there; how a channel responds is learnt from what it brought"
    raise TableError([Fault(table="channels", column="revenue", message=message)])


def _periods(
    history: ChannelHistory, result: NDArray[np.float64]
) -> tuple[Frequency, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Spend and outcome per period of the table, averaged over weeks where there are many days; counts are summed."""
    counts = history.conversions
    weeks = history.spend.shape[1] // 7
    if history.frequency == "day" and weeks >= _WEEKS_ENOUGH:
        shape = (len(history.channels), weeks, 7)

        def cut(array: NDArray[np.float64]) -> NDArray[np.float64]:
            return array[:, -7 * weeks :].reshape(shape)  # whole weeks, up to the last day

        summed = None if counts is None else cut(counts).sum(axis=2)
        return "week", cut(history.spend).mean(axis=2), cut(result).mean(axis=2), summed
    if history.spend.shape[1] < FEWEST_PERIODS:
        message = f"has {history.spend.shape[1]} periods; a response needs at least {FEWEST_PERIODS}"
        raise TableError([Fault(table="channels", column="date", message=message)])
    return history.frequency, history.spend, result, counts


def _evidence(
    frequency: Frequency,
    spend: NDArray[np.float64],
    result: NDArray[np.float64],
    counts: NDArray[np.float64] | None,
) -> tuple[Evidence, NDArray[np.float64]]:
    """Logs, their noise and the columns; and the mean log per channel."""
    known = np.isfinite(result)
    money = np.where(known, result, 0.0)
    if counts is None:
        count_noise = np.zeros_like(money)
        smallest = np.where(money > 0, money, np.inf).min(axis=1, keepdims=True)
        logs = np.log(np.where(money > 0, money, 0.5 * np.where(np.isfinite(smallest), smallest, 1.0)))
        known &= (money > 0) | (spend > 0.05)
    else:
        known &= np.isfinite(counts)
        number = np.where(known, counts, 0.0)
        total = number.sum(axis=1, keepdims=True)
        each = np.divide(money.sum(axis=1, keepdims=True), total, out=np.ones_like(total), where=total > 0)
        # log(n + 1/2) has the mean log(expected n) and the variance 1 / expected n, nearly.
        ratio = np.divide(
            money, number, out=np.broadcast_to(each, money.shape).copy(), where=(number > 0) & (money > 0)
        )
        logs = np.log(number + 0.5) + np.log(np.where(ratio > 0, ratio, 1.0))
        count_noise = 1.0 / (number + 0.5)
        known &= (number > 2) | (spend > 0.05)  # nothing spent, hardly anything sold: the log says nothing
    centre = (logs * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    own, own_sd, shared, shared_sd = _columns(frequency, spend)
    return (
        Evidence(
            log=np.where(known, logs - centre[:, None], 0.0),
            known=known,
            count_noise=count_noise,
            own=own,
            own_sd=own_sd,
            shared=shared,
            shared_sd=shared_sd,
        ),
        centre,
    )


def _columns(frequency: Frequency, spend: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Columns of each channel and of all, with the spread of their coefficients.

    Level, trend per year (0 at the end) and waves of the year; for all also days of the week, and how much was spent over
    channels: spending follows demand, so that swings are not independent of it (the device of Mundlak 1978).
    """
    channels, periods = spend.shape
    year = (np.arange(periods) - periods + 1) / _PER_YEAR[frequency]
    harmonics = min(2, int(periods / _PER_YEAR[frequency] / 0.75))
    waves = [f(2 * np.pi * h * year) for h in range(1, harmonics + 1) for f in (np.cos, np.sin)]
    shared = [(year, 0.3), *((wave, 0.4) for wave in waves)]
    if frequency == "day":
        shared += [((np.arange(periods) % 7 == day).astype(np.float64), 0.4) for day in range(1, 7)]
    if channels >= _ENOUGH_CHANNELS:
        level = np.log(np.maximum(spend, _LITTLE)).mean(axis=0)
        shared.append((level - level.mean(), 0.5))
    own = [(np.ones(periods), 3.0), (year, 0.15), *((wave, 0.1) for wave in waves)]
    return (
        np.stack([column for column, _ in own], axis=1),
        np.array([spread for _, spread in own]),
        np.stack([column for column, _ in shared], axis=1),
        np.array([spread for _, spread in shared]),
    )


def _axis(mean: float, spread: float, channels: int, size: int) -> NDArray[np.float64]:
    return np.tile(mean + _REACH * spread * np.linspace(-1, 1, size), (channels, 1))


def _narrowed(grid: Grid, drawn: Draws) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Axes around what a first run found: a grid that is too coarse for a sure channel claims too much."""
    at = np.arange(drawn.node.shape[1])
    axes = []
    for values, size in ((grid.retention, _AXES[0]), (grid.half, _AXES[1])):
        found = values[at, drawn.node]
        step = np.diff(np.unique(values[0]))[0]
        mean, spread = found.mean(axis=0), np.hypot(found.std(axis=0), 0.3 * step)
        axes.append(mean[:, None] + _REACH * spread[:, None] * np.linspace(-1, 1, size))
    return axes[0], axes[1]


def _response(history: ChannelHistory, seen: _Seen, grid: Grid, drawn: Draws) -> ChannelResponse:
    mean, outcome = seen.mean, seen.outcome
    at = np.arange(len(mean))
    retention = 1.0 / (1.0 + np.exp(-grid.retention[at, drawn.node]))
    most = mean * stocks(seen.relative, np.median(retention, axis=0)[:, None])[:, 0].max(axis=1)
    total = np.nansum(getattr(history, outcome), axis=1)

    def per_unit(name: str) -> NDArray[np.float64]:
        column = getattr(history, name)
        whole = np.full(len(mean), np.nan) if column is None else np.nansum(column, axis=1)
        return freeze(np.divide(whole, total, out=np.full(len(mean), np.nan), where=total > 0))

    return ChannelResponse(
        channels=history.channels,
        frequency=history.frequency,
        outcome=outcome,
        spend=freeze(history.spend[:, -_RECENT[history.frequency] :].mean(axis=1)),
        most=freeze(most),
        scale=freeze(mean),
        retention=freeze(retention),
        half=freeze(mean * np.exp(grid.half[at, drawn.node])),
        form=freeze(grid.form[drawn.node]),
        # Where nothing was ever spent or credited, nothing is known: such a channel is taken to bring nothing.
        level=freeze(_levels(seen, drawn) * ((most > 0) & (total > 0))),
        fitted=seen.frequency,
        revenue=per_unit("revenue"),
        conversions=per_unit("conversions"),
        new_customers=per_unit("new_customers"),
    )


def _levels(seen: _Seen, drawn: Draws) -> NDArray[np.float64]:
    """Expected outcome at the mean spend over a year of demand as of the last period, float64[draw, channel]."""
    evidence = seen.evidence
    periods = min(len(evidence.own), round(_PER_YEAR[seen.frequency]))
    own, shared = evidence.own[-periods:].copy(), evidence.shared[-periods:].copy()
    own[:, 1] = shared[:, 0] = 0.0  # the trend as it is at the end
    demand = np.einsum("tp,dcp->dct", own[:, 1:], drawn.own[:, :, 1:]) + (drawn.shared @ shared.T)[:, None, :]
    swings = 0.5 * (drawn.noise + drawn.shock[:, None])
    return np.asarray(np.exp(seen.centre + drawn.own[:, :, 0] + swings) * np.exp(demand).mean(axis=2))
