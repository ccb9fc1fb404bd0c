"""Learning to bid from nothing, day after day, on a stream of auctions of AdCraft's kind.

Run ``python -m benchmarks.quality.ad_loop [--seeds N] [--first SEED] [--days N] [--stream NAME ...]
[--learner NAME ...]``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate import (
    AdLearner,
    AdStreamSettings,
    FixedBids,
    draw_ad_stream,
    landscape_plan,
    play_stream_day,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pricebid.simulate import AdDay, AdStream, Bidder

STREAMS = {
    "dense": AdStreamSettings(),
    "very sparse": AdStreamSettings(volume=24.0, conversion_rate=0.1),
}
TARGETS = {"dense": 0.85, "very sparse": 0.45}  # of learning from nothing


@dataclass(frozen=True, kw_only=True)
class Run:
    """One learner on one stream.

    Parameters
    ----------
    stream, learner : str
        Which.
    seed : int
        Which stream of the kind.
    share : float
        Profit, conversions at their true rates, ÷ days x the bound per day.
    late : float
        The same over the last third of the days.
    spend : float
        Spent ÷ days x budget.
    seconds : float
        Learner and auctions together.
    """

    stream: str
    learner: str
    seed: int
    share: float
    late: float
    spend: float
    seconds: float


class Pid:
    """Bids at known values, slowed by a controller of what is spent against the clock: the classical baseline.

    Parameters
    ----------
    value : float64[keyword]
        Money per click.
    budget : float
        Money per day.
    """

    def __init__(self, value: NDArray[np.float64], budget: float) -> None:
        self._value, self._budget = value, budget
        self._spent, self._slow = 0.0, 0.0

    def next_day(self) -> None:
        """Begin a day at the pace at which the last one ended."""
        self._spent = 0.0

    def bids(self, keyword: NDArray[np.int64], elapsed: float) -> NDArray[np.float64]:
        """Return value x a factor of at most 1."""
        behind = elapsed - self._spent / self._budget
        self._slow = min(self._slow + 0.15 * behind, 0.0)
        return self._value[keyword] * np.exp(min(self._slow + 2.0 * behind, 0.0))

    def learn(self, keyword: NDArray[np.int64], bid: NDArray[np.float64], cost: NDArray[np.float64]) -> None:
        """Count what was spent."""
        del keyword, bid
        self._spent += float(cost.sum())


class Raw:
    """Bids a share of each keyword's own revenue per click; the share follows yesterday's spend. Nothing is pooled.

    Parameters
    ----------
    stream : AdStream
        For its size.
    budget : float
        Money per day.
    """

    def __init__(self, stream: AdStream, budget: float) -> None:
        self._budget = budget
        self._clicks, self._revenue = np.zeros(len(stream)), np.zeros(len(stream))
        self._share, self._first = 1.0, 0.5

    def bid(self) -> NDArray[np.float64]:
        """Return today's bids: half a unit of money where no click is known."""
        own = self._revenue / np.maximum(self._clicks, 1.0)
        return np.where(self._clicks > 0, self._share * own, self._first)

    def update(self, day: AdDay) -> None:
        """Add a day's counts, and bid a smaller share where the budget ran out."""
        self._clicks += day.clicks
        self._revenue += day.revenue
        spent = float(day.cost.sum()) / self._budget
        self._share = float(np.clip(self._share * (0.9 if spent > 0.97 else 1.05), 0.05, 1.0))


def _fixed(stream: AdStream, bid: NDArray[np.float64], rng: np.random.Generator) -> list[AdDay]:
    budget = stream.budget()
    return [play_stream_day(stream, FixedBids(bid=bid), budget, rng) for _ in range(stream.settings.days)]


def _oracle(stream: AdStream, rng: np.random.Generator) -> list[AdDay]:
    return _fixed(stream, stream.bound()[0], rng)


def _full_value(stream: AdStream, rng: np.random.Generator) -> list[AdDay]:
    return _fixed(stream, stream.value, rng)


def _pid(stream: AdStream, rng: np.random.Generator) -> list[AdDay]:
    budget = stream.budget()
    controller = Pid(stream.value, budget)
    days = []
    for _ in range(stream.settings.days):
        days.append(play_stream_day(stream, controller, budget, rng))
        controller.next_day()
    return days


def _raw(stream: AdStream, rng: np.random.Generator) -> list[AdDay]:
    budget = stream.budget()
    learner = Raw(stream, budget)
    days: list[AdDay] = []
    for _ in range(stream.settings.days):
        bidder: Bidder = FixedBids(bid=learner.bid())
        days.append(play_stream_day(stream, bidder, budget, rng))
        learner.update(days[-1])
    return days


def _pricebid(stream: AdStream, rng: np.random.Generator) -> list[AdDay]:
    names = np.array([f"keyword {at:05d}" for at in range(len(stream))], dtype=object)
    learner = AdLearner(keywords=names, budget=stream.budget(), plans=landscape_plan)
    moves = np.random.default_rng(0)
    state = learner.start()
    for _ in range(stream.settings.days):
        bidder = learner.bidder(state, moves)
        state = learner.update(state, play_stream_day(stream, bidder, learner.budget, rng), bidder)
    return list(state.days)


LEARNERS: dict[str, Callable[[AdStream, np.random.Generator], list[AdDay]]] = {
    "oracle": _oracle,
    "full value, no pacing": _full_value,
    "PID, known values": _pid,
    "raw, no pooling": _raw,
    "pricebid": _pricebid,
}


def run(kind: str, learner: str, seed: int, days: int | None = None) -> Run:
    """Play all days of one stream with one learner; all learners meet the same auctions."""
    number = list(STREAMS).index(kind)
    settings = replace(STREAMS[kind], days=days or STREAMS[kind].days)
    stream = draw_ad_stream(settings, np.random.default_rng([23, number, seed]))
    begun = time.perf_counter()
    played = LEARNERS[learner](stream, np.random.default_rng([29, number, seed]))
    seconds = time.perf_counter() - begun
    profit = np.array([day.profit(stream) for day in played]) / stream.bound()[1]
    spend = np.array([day.cost.sum() for day in played]) / stream.budget()
    share, late, spent = (float(part.mean()) for part in (profit, profit[-len(profit) // 3 :], spend))
    return Run(stream=kind, learner=learner, seed=seed, share=share, late=late, spend=spent, seconds=seconds)


def table(runs: list[Run]) -> str:
    """Mean and every share, one line per stream and learner."""
    lines = [f"{'stream':12} {'learner':22} {'mean':>6} {'min':>6} {'late':>6} {'spend':>6} {'s each':>7}  shares"]
    for kind, learner in dict.fromkeys((one.stream, one.learner) for one in runs):
        mine = [one for one in runs if (one.stream, one.learner) == (kind, learner)]
        share = np.array([one.share for one in mine])
        late, spend, seconds = (np.mean([getattr(one, name) for one in mine]) for name in ("late", "spend", "seconds"))
        each = " ".join(f"{one:.2f}" for one in share)
        verdict = "" if learner != "pricebid" else "  met" if share.mean() >= TARGETS[kind] else "  MISSED"
        lines.append(
            f"{kind:12} {learner:22} {share.mean():6.3f} {share.min():6.3f} {late:6.3f} {spend:6.3f} {seconds:7.1f}  {each}{verdict}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table, and return a row per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--stream", nargs="*", default=list(STREAMS), choices=list(STREAMS))
    parser.add_argument("--learner", nargs="*", default=list(LEARNERS), choices=list(LEARNERS))
    parser.add_argument("--days", type=int, help="fewer days than the stream's own, for a look")
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    runs = [
        run(kind, learner, seed, asked.days) for kind in asked.stream for learner in asked.learner for seed in seeds
    ]
    print(table(runs))
    return [asdict(one) for one in runs]


if __name__ == "__main__":
    main()
