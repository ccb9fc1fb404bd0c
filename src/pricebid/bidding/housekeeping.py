"""The keyword pool: keywords that surely lose money, and keywords that compete with each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from pricebid.bidding.problem import each_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.layout import Layout
    from pricebid.bidding.problem import BidProblem

    Floats = NDArray[np.float64]

ERROR = 0.05
_LEAST_CLICKS = 1.0 / 7.0  # per day: a bid that brings fewer is not worth the line


@dataclass(frozen=True, kw_only=True, eq=False)
class Hopeless:
    """Keywords without a conversion that lose money at every bid that brings clicks.

    Parameters
    ----------
    sure : bool[entity]
        Paused for this reason.
    chance : float64[entity]
        Posterior probability that some bid would earn money; 1 where it was not asked.
    clicks : float64[entity]
        Clicks without a conversion.
    """

    sure: NDArray[np.bool_]
    chance: Floats
    clicks: Floats


def hopeless(problem: BidProblem, lowest: Floats, *, error: float = ERROR) -> Hopeless:
    """Find keywords without a conversion after enough clicks to be sure that no bid on them earns money.

    A click's cost rises with the bid, so a keyword earns at some bid exactly if a click is worth more than it costs at the
    lowest bid that still brings a click a week. What a click is worth is uncertain; the probability that it is worth more
    follows from the landscape's posterior of the conversion rate (log-normal). Keywords are taken in the order of that
    probability as long as its sum stays within `error`: the probability that even one of all those paused would have earned
    money is at most that, however many keywords are looked at.

    Parameters
    ----------
    problem : BidProblem
        What bids bring.
    lowest : float64[entity]
        Lowest bid that may be set, money per click.
    error : float
        Probability that one or more are paused wrongly.
    """
    layout, landscape = problem.layout, problem.landscape
    clicks = layout.total(landscape.observed.exposed_clicks[layout.rows])
    conversions = layout.total(landscape.observed.total_conversions[layout.rows])
    asked = (conversions == 0) & (clicks > 0)
    chance = np.ones(len(layout))
    if asked.any():
        which = np.flatnonzero(asked[layout.entity])
        # That one of several series earns is no likelier than their chances added up.
        any_ = np.bincount(layout.entity[which], _chance(problem, lowest, which), len(layout))
        chance = np.where(asked, np.minimum(any_, 1.0), 1.0)
    order = np.argsort(chance, kind="stable")
    sure = np.zeros(len(layout), dtype=bool)
    sure[order] = np.cumsum(chance[order]) <= error
    return Hopeless(sure=sure & asked, chance=chance, clicks=clicks)


def _chance(problem: BidProblem, lowest: Floats, which: NDArray[np.int64]) -> Floats:
    """Probability that a click is worth more than it costs at the lowest useful bid, of some series, float64[n]."""
    layout, landscape = problem.layout, problem.landscape
    rows, rate = layout.rows[which], landscape.conversion_rate
    ladder = lowest[layout.entity[which]][:, None] * 2.0 ** np.arange(11)
    paid = np.zeros(len(which))

    def work(part: slice) -> None:
        got = landscape.expected(np.repeat(ladder[part][:, None, :], layout.hours, axis=1), rows[part])
        clicks, cost = got.clicks.sum(axis=1), got.cost.sum(axis=1)
        enough = clicks >= _LEAST_CLICKS
        first = np.where(enough.any(axis=1), enough.argmax(axis=1), clicks.shape[1] - 1)[:, None]
        got_clicks, got_cost = (np.take_along_axis(one, first, axis=1)[:, 0] for one in (clicks, cost))
        paid[part] = np.divide(got_cost, got_clicks, out=np.zeros(len(got_cost)), where=got_clicks > 0)

    each_part(work, len(which), layout.hours * ladder.shape[1])
    profile = rate.hours[landscape.curves.campaign[rows]].mean(axis=1)
    mean = rate.mean[rows] * profile * np.maximum(problem.profit[which], 0.0)
    sd = np.sqrt(np.maximum(rate.log_variance[rows], 1e-12))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (np.log(mean) - 0.5 * sd**2 - np.log(paid)) / sd
    return np.asarray(np.where(mean > 0, np.where(paid > 0, ndtr(score), 1.0), 0.0))


def rivals(layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number keywords that say the same: same words in any order and case, whatever campaign and match type.

    Parameters
    ----------
    layout : Layout
        What carries bids.

    Returns
    -------
    group : int64[entity]
        Equal for keywords that say the same (and lead to the same sku, where the reports have skus).
    size : int64[entity]
        How many there are in the group.
    """
    words, code = np.unique(layout.label("keyword").astype(str), return_inverse=True)
    plain = [" ".join(sorted(_bare(word).split())) for word in words]
    said = np.unique(plain, return_inverse=True)[1][code]
    if "sku" in layout.columns:
        sku = np.unique(layout.label("sku").astype(str), return_inverse=True)[1]
        said = np.unique(said * (int(sku.max(initial=0)) + 1) + sku, return_inverse=True)[1]
    return said, np.bincount(said)[said]


def _bare(words: str) -> str:
    """Lower case without the marks of match types."""
    return words.casefold().translate(str.maketrans('+"[]', "    "))
