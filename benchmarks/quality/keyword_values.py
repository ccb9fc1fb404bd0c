"""What sparse counts say of a keyword: pooled rates against unpooled and fully pooled ones, on real ad reports.

Three real data sets from the folder that ``PRICEBID_DATA`` names:

- ``airfrance``: bookings per click of 4,510 keywords, of which 368 had a booking at all;
- ``kag``: conversions per click of audience segments (age x gender x interest);
- ``bat_hourly``: shares of traffic by hour of 80 regions, to be told from few clicks.

Rates are judged twice. *thinned*: each click (and each conversion) goes to one of two halves by a coin; rates are fitted to
one half and predict the counts of the other, given its clicks. *new keywords*: a fifth of the keywords is left out of the fit.
The score is the Poisson log likelihood of the held-out counts above that of one rate for all, per held-out conversion.

Run ``python -m benchmarks.quality.keyword_values [--repeats N] [--part NAME ...]``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from benchmarks.quality.data import data_folder
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from pricebid.landscape.pooling import pool_counts
from pricebid.landscape.rates import fit_rates
from pricebid.landscape.words import design_of
from pricebid.tables import KeywordAxis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rate = Callable[[Floats, Floats, KeywordAxis], Floats]

PARTS = ("airfrance", "kag", "bat_hourly")
FOLDS = 5
CLICKS = (30, 100, 300)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the result.

    Parameters
    ----------
    part, test, estimator : str
        Data set, kind of hold-out, who estimated.
    score, error : float
        Gain in log likelihood per held-out conversion (for hours: divergence from the true share, nats), and its
        standard error over repeats.
    """

    part: str
    test: str
    estimator: str
    score: float
    error: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Conversions and clicks of one data set, by series."""

    axis: KeywordAxis
    count: Floats
    clicks: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: tuple[str, ...]) -> Counts:
        """Sum a frame with columns ``count`` and ``clicks`` by series."""
        total = frame.groupby(list(columns), as_index=False)[["count", "clicks"]].sum()
        total = total[total["clicks"] > 0]
        labels = tuple(total[name].astype(str).to_numpy(dtype=object) for name in columns)
        axis = KeywordAxis(columns=columns, labels=labels)
        return cls(axis=axis, count=total["count"].to_numpy(float), clicks=total["clicks"].to_numpy(float))


def airfrance() -> Counts:
    """Bookings and clicks by campaign x keyword x match type x publisher."""
    raw = pd.read_csv(data_folder() / "airfrance" / "airfrance_keywords.csv.gz")
    frame = pd.DataFrame(
        {
            "campaign": raw["Campaign"].fillna(""),
            "keyword": raw["Keyword"],
            "match_type": raw["Match Type"].fillna(""),
            "segment": raw["Publisher Name"],
            "count": raw["Total Volume of Bookings"],
            "clicks": raw["Clicks"],
        }
    )
    return Counts.of(frame, ("campaign", "keyword", "match_type", "segment"))


def kag() -> Counts:
    """Conversions and clicks by campaign x interest x gender x age."""
    raw = pd.read_csv(data_folder() / "kag" / "kag_conversion.csv.gz")
    frame = pd.DataFrame(
        {
            "campaign": raw["xyz_campaign_id"],
            "keyword": "interest" + raw["interest"].astype(str),
            "match_type": raw["gender"],
            "segment": raw["age"],
            "count": raw["Approved_Conversion"],
            "clicks": raw["Clicks"],
        }
    )
    return Counts.of(frame, ("campaign", "keyword", "match_type", "segment"))


# -- estimators ------------------------------------------------------------------------------------------------------


def _usual(count: Floats, clicks: Floats) -> float:
    return float(count.sum() / clicks.sum())


def one_for_all(count: Floats, clicks: Floats, axis: KeywordAxis) -> Floats:
    """Give every keyword the rate of all of them: fully pooled."""
    del axis
    return np.full(len(count), _usual(count, clicks))


def alone(count: Floats, clicks: Floats, axis: KeywordAxis) -> Floats:
    """Give every keyword its own rate, smoothed by half a conversion at the rate of all: unpooled."""
    del axis
    return (count + 0.5) / (clicks + 0.5 / _usual(count, clicks))


def shrunk(count: Floats, clicks: Floats, axis: KeywordAxis) -> Floats:
    """Shrink own rates towards that of all by a gamma prior of most likely strength: pooled without groups."""
    del axis
    usual = _usual(count, clicks)

    def loss(log_strength: float) -> float:
        shape, rate = np.exp(log_strength), np.exp(log_strength) / usual
        each = gammaln(count + shape) - gammaln(shape) + shape * np.log(rate) - (count + shape) * np.log(clicks + rate)
        return -float(each.sum())

    strength = np.exp(minimize_scalar(loss, bounds=(-6.0, 6.0), method="bounded").x)
    return np.asarray((count + strength) / (clicks + strength / usual))


def pooled(count: Floats, clicks: Floats, axis: KeywordAxis) -> Floats:
    """Pool over campaign, match type, words and segment, as landscapes do."""
    return pool_counts(count, clicks, design_of(axis)).mean


ESTIMATORS: dict[str, Rate] = {
    "fully pooled": one_for_all,
    "unpooled, smoothed": alone,
    "pooled without groups": shrunk,
    "pooled": pooled,
}


# -- hold-outs -------------------------------------------------------------------------------------------------------


def _gain(count: Floats, clicks: Floats, rate: Floats, usual: float) -> float:
    """Poisson log likelihood above that of one rate, per conversion."""
    return float((count * np.log(rate / usual) - clicks * (rate - usual)).sum() / count.sum())


def thinned(data: Counts, rng: np.random.Generator) -> dict[str, float]:
    """Fit rates to one half of the clicks and judge them by the other."""
    kept = rng.binomial(data.clicks.astype(int), 0.5).astype(float)
    count = rng.binomial(data.count.astype(int), 0.5).astype(float)
    rest, judged = data.clicks - kept, data.count - count
    # Conversions are split on their own: some rows have more of them than clicks.
    usual = _usual(count, kept)
    return {name: _gain(judged, rest, rate(count, kept, data.axis), usual) for name, rate in ESTIMATORS.items()}


def new_keywords(data: Counts, rng: np.random.Generator) -> dict[str, float]:
    """Fit rates without a fifth of the keywords and judge them by these, for each fifth."""
    fold = rng.integers(0, FOLDS, len(data.count))[np.unique(data.axis.label("keyword"), return_inverse=True)[1]]
    total = dict.fromkeys(("fully pooled", "pooled"), 0.0)
    for held in range(FOLDS):
        out = fold == held
        count, clicks = np.where(out, 0.0, data.count), np.where(out, 0.0, data.clicks)
        usual = _usual(count, clicks)
        share = data.count[out].sum() / data.count.sum()
        for name in total:
            rate = ESTIMATORS[name](count, clicks, data.axis)
            total[name] += share * _gain(data.count[out], data.clicks[out], rate[out], usual)
    return total


def hours(clicks: int, rng: np.random.Generator) -> dict[str, float]:
    """Tell 80 regions' shares of traffic by hour from few clicks each; mean divergence from the true shares, nats."""
    raw = pd.read_csv(data_folder() / "bat_hourly" / "traffic_share.csv.gz")
    share = raw.pivot_table(values="traffic_share", index="region_id", columns="hour", aggfunc="sum").to_numpy()
    share = share[rng.permutation(len(share))[:80]]
    share = share / share.sum(axis=1, keepdims=True)
    count = rng.poisson(clicks * share).astype(float)
    names = np.array([f"r{at:03d}" for at in range(len(share))], dtype=object)
    empty = np.full(len(share), "", dtype=object)
    axis = KeywordAxis(columns=("campaign", "keyword", "match_type"), labels=(names, names, empty))
    fitted = fit_rates(count, np.full(count.shape, clicks / 24), np.arange(len(share)), design_of(axis)).hours
    every = count.sum(axis=0)
    found = {
        "uniform": np.ones(share.shape),
        "all regions": np.tile(every, (len(share), 1)),
        "own, smoothed": count + 0.5,
        "smoothed waves, pooled": fitted,
    }
    return {
        name: float((share * np.log(share / (guess / guess.sum(axis=1, keepdims=True)))).sum(axis=1).mean())
        for name, guess in found.items()
    }


def measure(part: str, repeats: int) -> list[Line]:
    """Score all estimators on one data set."""
    data = {"airfrance": airfrance, "kag": kag}[part]() if part != "bat_hourly" else None
    tests: dict[str, Callable[[np.random.Generator], dict[str, float]]] = {}
    if data is None:
        tests = {f"{clicks} clicks": lambda rng, clicks=clicks: hours(clicks, rng) for clicks in CLICKS}  # type: ignore[misc]
    else:
        tests = {
            "thinned": lambda rng: thinned(data, rng),
            "new keywords": lambda rng: new_keywords(data, rng),
        }
    lines = []
    for test, run in tests.items():
        runs = [run(np.random.default_rng(seed)) for seed in range(repeats)]
        for name in runs[0]:
            scores = np.array([one[name] for one in runs])
            error = float(scores.std(ddof=1) / np.sqrt(repeats)) if repeats > 1 else float("nan")
            lines.append(Line(part=part, test=test, estimator=name, score=float(scores.mean()), error=error))
    return lines


def main(arguments: Sequence[str] | None = None) -> list[Line]:
    """Print a table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args(arguments)
    print(f"{'data':12} {'test':14} {'estimator':24} {'score':>8} {'+-':>7}")
    found = []
    for part in asked.part:
        for line in measure(part, asked.repeats):
            print(f"{line.part:12} {line.test:14} {line.estimator:24} {line.score:8.3f} {line.error:7.3f}")
            found.append(line)
    print(
        "score: log likelihood above one rate for all, per held-out conversion (hours: divergence from the true share)"
    )
    return found


if __name__ == "__main__":
    main()
