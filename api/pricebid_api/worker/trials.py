"""The learner of prices that are tried: what each sold becomes the next law, which workers take up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid import store
from pricebid.learning import load_state, save_state
from pricebid.learning.slopes import Slopes, follow, learn_slopes
from pricebid.live.explored import FILE, Explored
from pricebid.live.tokens import plan_words
from pricebid_api.in_force import PRICED, in_force
from pricebid_api.shelves import LAWS
from pricebid_api.worker.quote_log import Place, digests_of, shown_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.store import FeedbackEvent, Store
    from pricebid_api.worker.work import Work

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialState:
    """Where the trials of one plan stand.

    Parameters
    ----------
    plan : str
        Id of the plan; another plan begins anew, from the model that it was made with.
    shown, sold : float64[offer, option]
        How often each price was given out, and units that came of it.
    squares : float
        Sum of squared units of single events: baskets of several units tell less than as many buyers.
    at, last : int, str
        How far the log of quotes is counted.
    probability : float64[offer, option]
        The law in force.
    slope, spread : float64[offer]
        Elasticities as they are known now, and their standard deviations.
    loss : float
        What the law is expected to fall short of the plan, money per period.
    """

    plan: str
    shown: Floats
    sold: Floats
    squares: float
    at: int
    last: str
    probability: Floats
    slope: Floats
    spread: Floats
    loss: float

    @classmethod
    def start(cls, explored: Explored) -> TrialState:
        """Give the state before any feedback: the plan's own law."""
        none = np.zeros(explored.price.shape)
        return cls(
            plan=explored.plan,
            shown=none,
            sold=none,
            squares=0.0,
            at=0,
            last="",
            probability=explored.probability,
            slope=explored.slope,
            spread=explored.spread,
            loss=explored.loss,
        )


class PriceTrials:
    """Counts what was shown and sold at each price, learns each offer's slope from it, and follows Thompson's law within the budget.

    Counts are of the plan in force. What was shown comes from the log of quotes, what was sold from feedback; each once.
    """

    name = LAWS

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        """Give the state after some more events; empty where the published plan tries nothing."""
        explored = _published(work.db, work.job.shop)
        if explored is None:
            return b""
        before = read_trials(state, explored)
        after = _sold(before, explored, events)
        shown, place = before.shown.copy(), Place(at=before.at, last=before.last)
        if not before.at:  # nothing from before the plan can be of the plan
            place = Place(at=_published_at(work.db, work.job.shop))
        plan = np.array(plan_words(explored.plan), dtype=np.uint64)
        for found, reached in shown_since(work, place):
            place = reached
            row = explored.find(found.item)
            mine = (found.plan == plan).all(axis=1) & (row >= 0) & (found.option >= 0)
            mine &= found.option < shown.shape[1]
            np.add.at(shown, (row[mine], found.option[mine]), 1.0)
        return save_state(_judged(replace(after, shown=shown, at=place.at, last=place.last), explored))

    def told(self, work: Work) -> dict[str, Any]:
        """Say what is tried, and what that is expected to fall short of the plan beside what it may, money per period."""
        explored = _published(work.db, work.job.shop)
        if explored is None:
            return {}
        kept = store.get_state(work.db, work.job.shop, self.name)
        state = read_trials(None if kept is None else kept.data, explored)
        moving = 1.0 - state.probability[np.arange(len(explored)), explored.planned]
        return {
            "plan": explored.plan,
            "offers": len(explored),
            "leaves_plan": float(moving.mean()),
            "expected_loss": state.loss,
            "allowance": explored.allowance,
            "quotes": float(state.shown.sum()),
            "units": float(state.sold.sum()),
        }


def read_trials(state: bytes | None, explored: Explored) -> TrialState:
    """Read a state; that of another plan is the start of this one's."""
    start = TrialState.start(explored)
    if not state:
        return start
    found = _loaded(state)
    return found if found.plan == explored.plan and found.shown.shape == start.shown.shape else start


def learned_law(state: bytes) -> tuple[str, Floats] | None:
    """Give the plan and the law of a stored state, float64[offer, option]; None where nothing is tried."""
    if not state:
        return None
    found = _loaded(state)
    return found.plan, found.probability


def _loaded(state: bytes) -> TrialState:
    none, row = np.zeros((0, 0)), np.zeros(0)
    like = TrialState(
        plan="", shown=none, sold=none, squares=0.0, at=0, last="", probability=none, slope=row, spread=row, loss=0.0
    )
    return load_state(state, like=like)


def _sold(state: TrialState, explored: Explored, events: Sequence[FeedbackEvent]) -> TrialState:
    """Add what was sold at prices that were drawn from a law of the plan."""
    mine = [
        one for one in events if one.plan_id == explored.plan and one.kind == "price" and one.option >= 0 and one.units
    ]
    if not mine:
        return state
    row = explored.find(digests_of(mine))
    option, units = np.array([one.option for one in mine]), np.array([float(one.units or 0.0) for one in mine])
    good = (row >= 0) & (option < state.sold.shape[1])
    sold = state.sold.copy()
    np.add.at(sold, (row[good], option[good]), units[good])
    return replace(state, sold=sold, squares=state.squares + float((units[good] ** 2).sum()))


def _judged(state: TrialState, explored: Explored) -> TrialState:
    """Learn slopes from all that is counted, and choose the law anew where anything sold."""
    total = float(state.sold.sum())
    if total == 0.0:
        return state
    stakes = explored.stakes
    slopes = learn_slopes(
        Slopes(mean=explored.slope, spread=explored.spread),
        x=stakes.x,
        shown=state.shown,
        sold=state.sold,
        available=stakes.available,
        dispersion=max(1.0, state.squares / total),
    )
    probability, loss = follow(stakes, slopes, allowance=explored.allowance, rows=explored.rows, slack=explored.slack)
    return replace(state, probability=probability, loss=float(loss.sum()), slope=slopes.mean, spread=slopes.spread)


def _published(db: Store, shop: str) -> Explored | None:
    newest = in_force(db, shop, PRICED)
    if newest is None:
        return None
    try:
        return Explored.from_files(store.plan_files(db, shop, str(newest.plan_id), names=(FILE,)))
    except store.NotFound:  # the plan tries nothing
        return None


def _published_at(db: Store, shop: str) -> int:
    newest = in_force(db, shop, PRICED)
    return 0 if newest is None else newest.at
