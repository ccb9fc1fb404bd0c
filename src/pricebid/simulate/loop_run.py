"""All policies side by side on one market: status quo, static plan, the loop without and with exploration, the clairvoyant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate.loop import Course, Learner, LoopSettings, fixed_course, learning_course, opening_bids
from pricebid.simulate.loop_market import LoopMarket, draw_loop_market

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.loop_settings import LoopMarketSettings

    Floats = NDArray[np.float64]

STATUS_QUO, STATIC, LEARNING, EXPLORING, CLAIRVOYANT = (
    "status quo",
    "static plan",
    "no exploration",
    "exploration",
    "clairvoyant",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopResult:
    """What every policy earned on the same days.

    Parameters
    ----------
    market : LoopMarket
        The market, truth included.
    settings : LoopSettings
        How the loop was run.
    courses : tuple of Course
        One per policy: status quo, static plan, no exploration, exploration (unless switched off), clairvoyant.
    """

    market: LoopMarket
    settings: LoopSettings
    courses: tuple[Course, ...]

    def course(self, name: str) -> Course:
        """Return a policy's course; KeyError where it was not played."""
        for one in self.courses:
            if one.name == name:
                return one
        raise KeyError(name)

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``loop``: one row per day and policy, money.

        ``profit`` is expected under the truth, ``planned_profit`` what the plan in force would have earned,
        ``exploration_cost`` the difference, ``believed_cost`` what the model expected it to be, ``budget`` what it was allowed
        to be; ``cumulative`` and ``cumulative_budget`` are since the first day.
        """
        import pandas as pd

        days = np.arange(1, self.market.settings.days + 1)
        frames = [
            pd.DataFrame(
                {
                    "day": days,
                    "policy": one.name,
                    "profit": one.profit,
                    "cumulative": np.cumsum(one.profit),
                    "planned_profit": one.planned_profit,
                    "exploration_cost": one.cost,
                    "believed_cost": one.believed,
                    "budget": one.allowed,
                    "cumulative_cost": np.cumsum(one.cost),
                    "cumulative_budget": np.cumsum(one.allowed),
                }
            )
            for one in self.courses
        ]
        return pd.concat(frames, ignore_index=True)


def run_loop(
    market_settings: LoopMarketSettings,
    settings: LoopSettings,
    *,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> LoopResult:
    """Draw a market and let every policy live through the same days of it.

    Parameters
    ----------
    market_settings : LoopMarketSettings
        What kind of market.
    settings : LoopSettings
        How the loop is run; without ``explore`` only the loop without exploration is.
    seed : int
        Of market, sales and exploration: the same seed gives the same result.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].
    """
    market = draw_loop_market(market_settings, np.random.default_rng(seed))
    report = progress or _silent
    report("static plan", 0.0)
    first = Learner(market, replace(settings, explore=False, confidence=0.0), np.random.default_rng(seed))
    first.night(0)
    opening = market.opening, opening_bids(market)
    courses = [
        fixed_course(market, STATUS_QUO, lambda _: opening),
        fixed_course(market, STATIC, lambda _: (first.price, first.bid)),
    ]
    kinds = [(LEARNING, False), *([(EXPLORING, True)] if settings.explore else [])]
    for at, (name, explore) in enumerate(kinds):
        start, width = 0.05 + 0.85 * at / len(kinds), 0.85 / len(kinds)

        def told(stage: str, share: float, start: float = start, width: float = width) -> None:
            """Tell the whole run's progress."""
            report(stage, start + width * share)

        rng = np.random.default_rng((seed, 1))
        courses.append(learning_course(market, replace(settings, explore=explore), rng, name=name, progress=told))
    report("clairvoyant", 0.9)
    courses.append(fixed_course(market, CLAIRVOYANT, _Clairvoyant(market)))
    report("", 1.0)
    return LoopResult(market=market, settings=settings, courses=tuple(courses))


class _Clairvoyant:
    """Best prices of every day under the truth, and every week the best bids at them."""

    def __init__(self, market: LoopMarket) -> None:
        self._market, self._bid = market, opening_bids(market)

    def __call__(self, day: int) -> tuple[Floats, Floats]:
        market = self._market
        price = market.best(day)
        if market.ads is not None and (day % 7 == 0 or day == market.settings.shocked_from):
            self._bid = market.ads.best(market.clicks(day, price))
        return price, self._bid


def _silent(stage: str, share: float) -> None:
    del stage, share
