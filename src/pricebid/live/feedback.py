"""Feedback folded into outcomes for learners: each decision once, each event once, however late and in whatever order.

A decision waits for its feedback for a while; then its outcome is the sum of its events, and nothing at all is an outcome too. Events
that come later are corrections: they count for totals, never as another trial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pricebid.learning import Outcome
    from pricebid.live.tokens import Decision, Signer

AMOUNTS = ("units", "revenue", "clicks", "conversions", "cost")
Sums = tuple[float, ...]  # as AMOUNTS
_NOTHING: Sums = (0.0,) * len(AMOUNTS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that came of a decision.

    Parameters
    ----------
    event_id : str
        Two events with the same id are one.
    decision : Decision
        As its token says.
    units, revenue, clicks, conversions, cost : float, optional
        What came; events of one decision add up.
    """

    event_id: str
    decision: Decision
    units: float | None = None
    revenue: float | None = None
    clicks: float | None = None
    conversions: float | None = None
    cost: float | None = None

    @property
    def sums(self) -> Sums:
        """Its amounts in the order of `AMOUNTS`, 0 where it says nothing."""
        return tuple(getattr(self, name) or 0.0 for name in AMOUNTS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What came of decisions, one row each.

    Parameters
    ----------
    decisions : tuple of Decision
        What was decided.
    units, revenue, clicks, conversions, cost : float64[decision]
        Totals.
    """

    decisions: tuple[Decision, ...]
    units: NDArray[np.float64]
    revenue: NDArray[np.float64]
    clicks: NDArray[np.float64]
    conversions: NDArray[np.float64]
    cost: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.decisions)

    @classmethod
    def of(cls, rows: Iterable[tuple[Decision, Sums]]) -> Outcomes:
        """Make outcomes of decisions and their totals."""
        listed = list(rows)
        totals = np.array([sums for _, sums in listed], dtype=np.float64).reshape(-1, len(AMOUNTS))
        return cls(decisions=tuple(one for one, _ in listed), **dict(zip(AMOUNTS, totals.T, strict=True)))

    @property
    def offer(self) -> NDArray[np.uint64]:
        """Digests, uint64[decision]; a snapshot's ``index.find`` gives their rows."""
        return np.array([one.offer for one in self.decisions], dtype=np.uint64)

    def by_offer(self, *, origin: int, period: int, amount: str = "units") -> dict[int, list[Outcome]]:
        """Return what learners take, by offer, of the decisions that were drawn from a law.

        Parameters
        ----------
        origin, period : int
            Instant of the learner's start, and microseconds of one of its periods.
        amount : str
            What it learns from, one of `AMOUNTS`.
        """
        from pricebid.learning import Outcome

        found: dict[int, list[Outcome]] = {}
        for one, value in zip(self.decisions, getattr(self, amount).tolist(), strict=True):
            if one.option >= 0:
                outcome = Outcome(
                    option=one.option,
                    units=value,
                    propensity=one.propensity,
                    id=one.id,
                    time=(one.at - origin) / period,
                )
                found.setdefault(one.offer, []).append(outcome)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldState:
    """What folding remembers. A value: nothing in it is changed.

    Parameters
    ----------
    open : mapping of decision id to (Decision, totals)
        Decisions that wait for feedback.
    closed : mapping of decision id to int
        Decisions that had their outcome, and when they were made.
    seen : mapping of event id to int
        Events that counted, and when their decision was made.
    """

    open: Mapping[str, tuple[Decision, Sums]] = field(default_factory=dict, repr=False)
    closed: Mapping[str, int] = field(default_factory=dict, repr=False)
    seen: Mapping[str, int] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give plain numbers, lists and dicts, as JSON holds them."""
        waiting = {token: list(sums) for token, (_, sums) in self.open.items()}
        return {"open": waiting, "closed": dict(self.closed), "seen": dict(self.seen)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], signer: Signer) -> FoldState:
        """Turn what `to_dict` gave back into a state; the tokens say what was decided.

        Raises
        ------
        InputError
            A name is missing or unknown, or a token is not the shop's.
        """
        if set(plain) != {"open", "closed", "seen"}:
            raise InputError(
                f"stored fold state has {', '.join(sorted(plain))}; give what to_dict gave: open, closed, seen"
            )
        waiting = {token: (signer.verify(token), tuple(sums)) for token, sums in plain["open"].items()}
        return cls(open=waiting, closed=dict(plain["closed"]), seen=dict(plain["seen"]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Folded:
    """What folding found.

    Parameters
    ----------
    state : FoldState
        Where folding stands now.
    outcomes : Outcomes
        Decisions whose wait is over, each once.
    late : Outcomes
        What came for decisions whose outcome was given before: corrections, a row per event.
    duplicates : int
        Events that had counted already.
    """

    state: FoldState
    outcomes: Outcomes
    late: Outcomes
    duplicates: int


def fold(
    state: FoldState,
    events: Iterable[Event],
    *,
    now: int,
    wait: int,
    keep: int,
    decisions: Iterable[Decision] = (),
) -> Folded:
    """Fold events, and decisions that may have none, into outcomes.

    Parameters
    ----------
    state : FoldState
        Where folding stood.
    events : iterable of Event
        New ones; some may have come before.
    now : int
        Instant, microseconds.
    wait : int
        Microseconds for which a decision waits for feedback.
    keep : int
        Microseconds for which ids are remembered: as long as tokens are accepted.
    decisions : iterable of Decision
        From the log: that nothing came of a decision is an outcome, and only the log knows of it.

    Raises
    ------
    InputError
        ``keep`` is shorter than ``wait``.
    """
    if keep < wait:
        raise InputError(
            f"keep is {keep} and wait {wait}: ids must be remembered for at least as long as feedback is waited for"
        )
    waiting, closed, seen = dict(state.open), dict(state.closed), dict(state.seen)
    for one in decisions:
        if one.id not in closed:
            waiting.setdefault(one.id, (one, _NOTHING))
    late: list[tuple[Decision, Sums]] = []
    duplicates = 0
    for event in events:
        if event.event_id in seen:
            duplicates += 1
            continue
        seen[event.event_id] = event.decision.at
        if event.decision.id in closed:
            late.append((event.decision, event.sums))
            continue
        _, before = waiting.get(event.decision.id, (None, _NOTHING))
        waiting[event.decision.id] = (event.decision, tuple(a + b for a, b in zip(before, event.sums, strict=True)))
    ripe = {token: row for token, row in waiting.items() if row[0].at + wait <= now}
    closed |= {token: one.at for token, (one, _) in ripe.items()}
    state = FoldState(
        open={token: row for token, row in waiting.items() if token not in ripe},
        closed={token: at for token, at in closed.items() if at + keep > now},
        seen={name: at for name, at in seen.items() if at + keep > now},
    )
    return Folded(state=state, outcomes=Outcomes.of(ripe.values()), late=Outcomes.of(late), duplicates=duplicates)
