"""Channel responses and splits where the truth is known: coverage of intervals, and the share of the best that a split reaches.

Run ``python -m benchmarks.quality.channels [--seeds N] [--first K]``. Markets of 5 to 8 channels over 104 weeks; spends move
together, follow the season and swings of demand, and carry over.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.channel_split import split_budget
from pricebid.landscape.channel_response import fit_channel_response
from pricebid.policy import Policy
from pricebid.simulate.channels import ChannelMarket, ChannelSettings, draw_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.landscape.channel_response import ChannelResponse

TIMES = (0.5, 1.0, 1.5, 2.0)
# Mean share of the true best response that the split reaches, and of intervals that hold the truth.
TARGET, NOMINAL = 0.97, 0.90


@dataclass(frozen=True, kw_only=True)
class Score:
    """One market.

    Parameters
    ----------
    seed, channels : int
        Which market, and how many channels.
    engine, regression, now : float
        True revenue of the engine's split, of that by log-log regressions, and of the split that is spent now, each as a share
        of the best split of the same budget.
    held : float64[level + 2, channel]
        Whether 90 % intervals hold the truth: at each of `TIMES` the mean spend, the marginal return, the carry-over.
    seconds : float
        Of the fit and the split.
    """

    seed: int
    channels: int
    engine: float
    regression: float
    now: float
    held: NDArray[np.bool_]
    seconds: float


def market_of(seed: int) -> ChannelMarket:
    """Draw market `seed`."""
    rng = np.random.default_rng([31, seed])
    return draw_channels(ChannelSettings(channels=int(rng.integers(5, 9))), rng)


def score_seed(seed: int) -> Score:
    """Fit, split what is spent now, and compare with the truth."""
    market = market_of(seed)
    begun = time.perf_counter()
    response = fit_channel_response(market.history)
    budget = float(market.current.sum())
    plan = split_budget(response, Policy.from_mapping({"objective": "revenue", "channels": {"budget": budget}}))
    seconds = time.perf_counter() - begun
    most = 2.0 * response.most
    best = float(market.truth.revenue(market.truth.best(budget, most)).sum())
    splits = {"engine": plan.spend, "regression": regression_split(market, budget, most), "now": market.current}
    shares = {name: float(market.truth.revenue(spend).sum()) / best for name, spend in splits.items()}
    return Score(seed=seed, channels=len(most), held=_held(market, response), seconds=seconds, **shares)


def regression_split(market: ChannelMarket, budget: float, most: NDArray[np.float64]) -> NDArray[np.float64]:
    """Split by log-log regressions with waves of the year: money in proportion to elasticity times revenue."""
    history = market.history
    assert history.revenue is not None  # noqa: S101 - simulated histories have it
    year = 2 * np.pi * np.arange(history.spend.shape[1]) / 52.18
    waves = np.stack([np.ones(len(year)), np.cos(year), np.sin(year)], axis=1)
    logs = np.log(np.maximum(history.spend, 1.0)), np.log(np.maximum(history.revenue, 1.0))
    slope = np.array(
        [np.linalg.lstsq(np.c_[x, waves], y, rcond=None)[0][0] for x, y in zip(*logs, strict=True)], dtype=float
    )
    weight = np.clip(slope, 0.01, 0.95) * history.revenue.mean(axis=1)
    spend = np.minimum(budget * weight / weight.sum(), most)
    return np.asarray(spend * min(1.0, budget / spend.sum()))


def _held(market: ChannelMarket, response: ChannelResponse) -> NDArray[np.bool_]:
    truth, mean = market.truth, market.history.spend.mean(axis=1)
    step = 1e-3 * mean
    slope = (truth.revenue(mean + step) - truth.revenue(mean - step)) / (2 * step)
    drawn = [response.draws(times * mean[:, None])[:, :, 0] for times in TIMES]
    true = [*(truth.revenue(times * mean) for times in TIMES), slope, truth.retention]
    held = []
    for sample, value in zip([*drawn, response.marginal(mean), response.retention], true, strict=True):
        low, high = np.quantile(sample, (0.05, 0.95), axis=0)
        held.append((low <= value) & (value <= high))
    return np.stack(held)


def table(scores: list[Score]) -> str:
    """Shares of the best, and coverage."""
    lines = [f"{'split':12} {'mean':>7} {'worst':>7} {'>= .97':>8}"]
    for name in ("engine", "regression", "now"):
        shares = np.array([getattr(one, name) for one in scores])
        verdict = "" if name != "engine" else "  met" if shares.mean() >= TARGET else "  MISSED"
        above = f"{int((shares >= TARGET).sum())} of {len(shares)}"
        lines.append(f"{name:12} {shares.mean():7.3f} {shares.min():7.3f} {above:>8}{verdict}")
    held = np.concatenate([one.held for one in scores], axis=1).mean(axis=1)
    names = [*(f"{times:g} x" for times in TIMES), "marginal", "carry-over"]
    channels = sum(one.channels for one in scores)
    lines.append(
        f"\n{NOMINAL:.0%} intervals that hold the truth, {channels} channels: response at multiples of the mean spend,"
    )
    lines.append("return on the next unit of money, share that carries over")
    lines.append("  ".join(f"{name} {share:.3f}" for name, share in zip(names, held, strict=True)))
    lines.append(f"\nseconds per market: {np.mean([one.seconds for one in scores]):.1f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table, and return a row per market."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(argv)
    scores = [score_seed(seed) for seed in range(asked.first, asked.first + asked.seeds)]
    print(table(scores))
    print("engine's share by market: " + " ".join(f"{one.engine:.3f}" for one in scores))
    return [
        {
            "seed": one.seed,
            "channels": one.channels,
            "engine": one.engine,
            "regression": one.regression,
            "now": one.now,
            "held": one.held.mean(axis=1).tolist(),
            "seconds": one.seconds,
        }
        for one in scores
    ]


if __name__ == "__main__":
    main()
