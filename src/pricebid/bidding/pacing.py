"""Pacing: from expected values and a budget to bids now, so that money and limit last the horizon.

A bid is a multiplier times the expected value: for one who maximises value under a budget and a limit on cost per value
in second-price auctions, that is the form of the best bids (Balseiro and Gur 2019; with both limits Feng, Padmanabhan
and Wang 2023), and each limit is an upper bound on the multiplier. Mirror descent moves the dual prices of both limits
by a step per auction; here the multiplier is set anew by solving the rest of the horizon on the curve that own wins
have shown, which uses each win for all multipliers below it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_alter import altered
from pricebid.bidding.pacing_curve import HOME, STEP, Owed, Prior, Wins
from pricebid.bidding.pacing_outcome import Outcome, checked_elapsed, checked_outcome, checked_value
from pricebid.bidding.pacing_scale import Scale, exact_multiplier
from pricebid.bidding.pacing_state import PacerState
from pricebid.bidding.pacing_terms import Terms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pricebid.bidding.pacing_curve import Curve

BLOCKS = 400  # the multiplier is set this many times a horizon, or after every batch where batches are larger
PERIODS = 48  # parts of the horizon by which the market's unrest is judged
MEMORY = 0.4  # share of the horizon after which what an auction has shown weighs 1 / e
BELIEF, BELIEF_FADES = 0.002, 0.2  # weight of the belief before the first auction, and when it fades; as MEMORY
TRAFFIC = 0.05  # the larger, the longer planned traffic counts beside the traffic seen
START = 6.0  # times the planned spend per auction that bids may be, on average, before the first win
MANY = 32  # auctions that make a batch whose mean value says something
FEW = 5  # wins with a value that fix the scale of values where nothing else does
RISE, RISE_PER, RISE_MOST = 0.04, 20.0, 0.4  # how far the log multiplier may rise at once: always, per horizon, at most
CALM, DREAD = 2.0, 1.0  # how much unrest slows a rise, and unrest that is believed for that before anything is seen
LATE, HASTE = 0.2, 10.0  # from this share of the horizon on before its end rises may be faster, at most so many times
CAUTION, UNREST = 0.2, 0.2  # most that is held back of the log multiplier, and unrest at which half of it is
USUAL = 0.1  # unrest that is believed, for all but rises, before anything is seen
BURST = 2.0  # how much unrest adds to the spend that slack of the limit must cover
SPARSE = 0.1  # relative noise of the horizon's value at which half of the luck so far counts for the limit
MARGIN = 0.005  # kept from the limit
ROOM = 1.5  # standard deviations of a shift that is not sure by which a bid may be beyond the step
SPARE = np.array(
    [-5.0, -3.6, -2.5, -1.7, -1.1, -0.7, -0.35, 0.0, 0.35, 0.7, 1.1, 1.7, 2.5]
)  # logs of more or less traffic
CENTRE = 7


class Pacer(Terms):
    """Bids so that value is highest while the budget lasts the horizon and the limit on cost / value holds at its end.

    After each batch (or a four-hundredth of the horizon, whichever is more) the multiplier is set to the highest at
    which the rest of the horizon, as own wins have shown the market, spends what is left and keeps the limit.
    The parameters are those of `Terms`.

    Examples
    --------
    >>> pacer = Pacer(budget=50.0, opportunities=1_000, multiplier=1.0)
    >>> state = pacer.start()
    >>> bid = pacer.bid(state, value=[0.2, 0.5])
    >>> state = pacer.update(state, value=[0.0, 0.5], bid=bid, won=[False, True], cost=[0.0, 0.3])
    >>> state.spent, state.seen
    (0.3, 2)
    """

    def start(self) -> PacerState:
        """Give the state at the beginning of the horizon."""
        known = self.first
        log = float(np.log(known))
        # A given multiplier is trusted. The limit is only a bound: with a tight budget it may be far too much.
        cold = self.multiplier is None and np.isfinite(self.budget)
        return PacerState(
            seen=0,
            solved=0,
            spent=0.0,
            value=0.0,
            expected=0.0,
            multiplier=known,
            level=START * self.budget / self.opportunities if cold else np.nan,
            remaining=np.log(self.opportunities) + SPARE,
            plan=np.full(SPARE.shape, log),
            floor=log,
            base=log,
            rise=0.0,
            wins=Wins(origin=log - HOME * STEP),
            scale=Scale(),
        )

    def bid(self, state: PacerState, *, value: ArrayLike, elapsed: float | None = None) -> NDArray[np.float64]:
        """Turn the expected values of k auctions into bids.

        Parameters
        ----------
        state : PacerState
            Where pacing stands.
        value : float64[k]
            Expected value of each auction, at least 0: conversions or money.
        elapsed : float, optional
            Share of the horizon's usual traffic gone, 0 to 1; without it progress is counted by auctions seen.

        Returns
        -------
        float64[k]
            Each at most what is left of the budget; 0 where nothing is.

        Raises
        ------
        InputError
            Where a value is negative or no number, or ``elapsed`` is outside 0 to 1.
        """
        worth = checked_value(value)
        checked_elapsed(elapsed)
        left = self.budget - state.spent
        if left <= 0:
            return np.zeros(worth.shape)
        bid: NDArray[np.float64] = np.minimum(self._multiplier(state, worth, elapsed) * worth, left)
        return bid

    def update(
        self,
        state: PacerState,
        *,
        value: ArrayLike,
        bid: ArrayLike,
        won: ArrayLike,
        cost: ArrayLike,
        elapsed: float | None = None,
    ) -> PacerState:
        """Give the state after k auctions.

        Parameters
        ----------
        state : PacerState
            Where pacing stood when the bids were made.
        value : float64[k]
            Value obtained; 0 where lost.
        bid, cost : float64[k]
            What was bid, and paid for wins.
        won : bool[k]
            Which auctions were won.
        elapsed : float, optional
            What `bid` was told. Without it the multiplier really bid is told from bids and values, which takes longer
            where values are noisy and traffic is far off plan.

        Raises
        ------
        InputError
            Where lengths differ, or a number is negative or no number.
        """
        outcome = checked_outcome(value=value, bid=bid, won=won, cost=cost)
        shift, elapsed = None, checked_elapsed(elapsed)
        if elapsed is not None and not math.isnan(state.multiplier):
            shift = math.log(self._at(state, elapsed) / state.multiplier)
        state = altered(
            state,
            seen=state.seen + outcome.count,
            spent=state.spent + outcome.paid,
            value=state.value + outcome.got,
        )
        due = state.seen - state.solved >= max(self.opportunities / BLOCKS, 1.0)
        if self._held(state, outcome):
            state, known = self._sought(state, outcome, due=due)
            if not known:
                return state
        state = altered(state, level=np.nan, scale=state.scale.added(outcome, state.multiplier))
        if due:
            state = self._judged(state, outcome, shift)
        log = math.log(state.multiplier) + state.scale.shift
        worth = outcome.bid / math.exp(log)
        state = altered(
            state,
            expected=state.expected + float(worth.sum()),
            wins=state.wins.added(log, outcome.count, worth, outcome.cost),
        )
        return self._solved(state, log) if due else state

    @property
    def _period(self) -> float:
        """Auctions of a period, a little less than its share: a batch may be a little short."""
        return 0.9 * self.opportunities / PERIODS

    def _multiplier(self, state: PacerState, worth: NDArray[np.float64], elapsed: float | None) -> float:
        """Bid per expected value for this batch."""
        unknown = math.isnan(state.multiplier)
        if unknown or (len(worth) >= MANY and not math.isnan(state.level)):
            mean = float(worth.mean()) if len(worth) else 0.0
            held = state.level / mean if mean > 0 else 0.0
            return held if unknown else min(state.multiplier, held)
        return state.multiplier if elapsed is None else self._at(state, elapsed)

    def _at(self, state: PacerState, elapsed: float) -> float:
        """Multiplier at a share of the horizon gone."""
        remaining = self._remaining(state.seen, elapsed)
        log = float(np.interp(np.log(remaining), state.remaining, state.plan))
        room = 0.0 if state.scale.exact else ROOM * math.sqrt(max(state.scale.doubt[1, 1], 0.0))
        return math.exp(_bounded(state, log - room, rest=1 - elapsed) + room)

    def _remaining(self, seen: int, elapsed: float) -> float:
        """Auctions that remain, from the plan at first and more and more from those seen."""
        if elapsed <= 0 or seen <= 0:
            return max(self.opportunities * (1 - elapsed), 1.0)
        trust = elapsed / (elapsed + TRAFFIC * (1 - elapsed))
        total = self.opportunities ** (1 - trust) * (seen / elapsed) ** trust
        return float(max(total - seen, 0.3 * seen * (1 - elapsed) / elapsed, 1.0))

    def _held(self, state: PacerState, outcome: Outcome) -> bool:
        """Whether the batch was bid by its mean bid rather than by the multiplier."""
        if math.isnan(state.multiplier):
            return True
        return (
            not math.isnan(state.level)
            and outcome.count >= MANY
            and outcome.bids >= state.level * outcome.count * (1 - 1e-9)
        )

    def _sought(self, state: PacerState, outcome: Outcome, *, due: bool) -> tuple[PacerState, bool]:
        """Look for the scale of values; the flag says that the batch's own multiplier is in the state now."""
        exact = exact_multiplier(outcome.bid, outcome.value)
        if exact is not None and not exact > state.multiplier * (1 + 1e-9):
            return self._scaled(state, float(np.log(exact))), True
        scale = altered(
            state.scale,
            asked=state.scale.asked + float(outcome.bid.sum()),
            got=state.scale.got + float(outcome.value.sum()),
            scatter=state.scale.scatter + float(np.count_nonzero(outcome.value > 0)),
        )
        state = altered(state, scale=scale)
        if scale.scatter >= FEW:
            log = float(np.log(scale.asked / scale.got))
            if not math.isnan(state.multiplier):
                log = min(log, math.log(state.multiplier))
            return altered(self._scaled(state, log), level=np.nan, expected=state.value, solved=state.seen), False
        if not due:
            return state, False
        pace = (self.budget - state.spent) / max(self.opportunities - state.seen, 1.0)
        step = float(np.sqrt(pace * state.seen / state.spent)) if state.spent > 0 else np.inf
        return altered(state, level=state.level * min(max(step, 0.5), 2.5), solved=state.seen), False

    def _scaled(self, state: PacerState, log: float) -> PacerState:
        """Give the state with its first known multiplier."""
        return altered(
            state,
            multiplier=math.exp(log),
            plan=np.full(SPARE.shape, log),
            floor=log,
            base=log,
            wins=Wins(origin=log - HOME * STEP),
            scale=Scale(),
        )

    def _judged(self, state: PacerState, outcome: Outcome, known: float | None) -> PacerState:
        """Settle what multiplier was really bid, and how values come out against expectation.

        Parameters
        ----------
        state : PacerState
            With the batch in its scale, not yet in its wins.
        outcome : Outcome
            The batch.
        known : float, optional
            Log of the multiplier really bid per the state's, where elapsed time was told.
        """
        gone = (state.seen - state.solved) / self.opportunities
        if known is not None:
            scale = state.scale.shifted(known)
            return altered(state, scale=scale.judged(gone, expected=state.expected, bend=0.0, period=np.inf))
        guesses = (state.multiplier, state.multiplier * math.exp(state.scale.shift))
        exact = exact_multiplier(outcome.bid, outcome.value, guesses=guesses, known=state.scale.exact)
        if exact is not None:
            expected = state.expected + float(outcome.bid.sum()) / exact
            shift = math.log(exact / state.multiplier)
            return altered(state, scale=state.scale.told(shift, expected=expected, value=state.value))
        bend = float(np.interp(0.7, SPARE, state.plan) - np.interp(-0.7, SPARE, state.plan)) / 2
        return altered(state, scale=state.scale.judged(gone, expected=state.expected, bend=bend, period=self._period))

    def _solved(self, state: PacerState, log: float) -> PacerState:
        """Set the multiplier from what is left of horizon, budget and limit.

        Parameters
        ----------
        state : PacerState
            With the batch that was bid last counted.
        log : float
            Log of bid per expected value in that batch.
        """
        gone = (state.seen - state.solved) / self.opportunities
        prior = self._prior(state)
        wins = state.wins.closed(log, keep=float(np.exp(-gone / MEMORY)), period=self._period, prior=prior)
        state = altered(state, wins=wins, solved=state.seen)
        remaining = max(self.opportunities - state.seen, 0.002 * self.opportunities, 1.0)
        ahead = remaining * np.exp(SPARE)
        plan = np.full(SPARE.shape, np.inf)
        if np.isfinite(self.budget):
            left = max(self.budget - state.spent, 0.0)
            plan = wins.curve(prior).within_budget(left / ahead) - self._caution(state)
        if np.isfinite(self.limit):
            # The belief is about spend: it would only blur what the wins tell of cost per value.
            curve = wins.curve(Prior(spend=0.0, log_multiplier=prior.log_multiplier, weight=0.0))
            plan = np.minimum(plan, curve.within_limit(ahead, self._owed(state, curve, log, remaining)))
        # After some quiet ticks of a market with bursts the curve says: bid far more; and the next burst takes it all.
        now = math.log(state.multiplier)
        step = min(RISE + RISE_PER * gone, RISE_MOST)
        state = altered(
            state,
            remaining=np.log(remaining) + SPARE,
            plan=plan,
            floor=min(log, now) - 2 * step,
            base=max(log, now),
            rise=step / (1 + CALM * wins.unrest(DREAD)),
        )
        rest = 1 - state.seen / self.opportunities
        return altered(state, multiplier=float(np.exp(_bounded(state, float(plan[CENTRE]), rest=rest))))

    def _prior(self, state: PacerState) -> Prior:
        """Believe before anything is seen that the first multiplier spends the budget."""
        spend = self.budget / self.opportunities if np.isfinite(self.budget) else 0.0
        first = state.multiplier if math.isnan(self.first) else self.first
        weight = BELIEF * self.opportunities * float(np.exp(-state.seen / self.opportunities / BELIEF_FADES))
        return Prior(spend=spend, log_multiplier=float(np.log(first)), weight=weight if spend > 0 else 0.0)

    def _owed(self, state: PacerState, curve: Curve, log: float, remaining: float) -> Owed:
        """Where the limit stands.

        Where few conversions are expected, the value obtained is mostly luck: then past wins count with the value
        expected of them; where many are, with the value they brought.
        """
        ratio = float(np.exp(state.scale.ratio))
        believed = ratio * state.expected
        end = believed + ratio * curve.value_at(log) * remaining
        noise = state.scale.grain(state.expected) / max(end, 1e-300)
        luck = 1 / (1 + noise / SPARSE**2)
        limit = (1 - MARGIN) * self.limit
        return Owed(
            limit=limit,
            ratio=ratio,
            # A lower slot brings less value, but costs less too: cost per value stays below the multiplier.
            safe=math.log(limit) + (0.0 if state.scale.exact else state.scale.ratio),
            owed=state.spent - limit * (luck * state.value + (1 - luck) * believed),
            left=max(self.budget - state.spent, 0.0),
            burst=1 + BURST * state.wins.unrest(DREAD),
        )

    def _caution(self, state: PacerState) -> float:
        """How much to hold back while the market's level may still move.

        Money that is left can be spent later, money spent cannot be had back; and the price of money later, 1 over the
        multiplier, is on average higher than at the average level. Both say: less than the level at hand allows.
        """
        unrest = state.wins.unrest(USUAL)
        return CAUTION * max(1 - state.seen / self.opportunities, 0.0) * unrest / (unrest + UNREST)


def _bounded(state: PacerState, log: float, *, rest: float) -> float:
    """Keep a log multiplier within one step; near the end, where there is no time to wait, rises may be larger."""
    hurry = max(min(rest / LATE, 1.0), 1 / HASTE)
    return min(max(log, state.floor), state.base + min(state.rise / hurry, 1.0))
