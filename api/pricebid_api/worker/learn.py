"""The job `learn`: folds new feedback into the states of learners, each event once, whatever happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pricebid import store
from pricebid_api.worker.work import Outcome, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.store import FeedbackEvent

EVENTS_AT_ONCE = 10_000
_QUICKER = 3


class Learner(Protocol):
    """What learns from feedback: the seam at which bandits, pacing and data for the next fit are put in.

    Attributes
    ----------
    name : str
        Under which its state is kept, per shop.
    told : callable, optional
        Given the work, what the job's result says of where it stands; nothing where it has nothing to say.
    pause : float, optional
        Seconds between two folds of a learner with a large state that nobody waits for.
    """

    @property
    def name(self) -> str:
        """Under which its state is kept."""
        ...

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        """Give the state after some more events, in the order of their commits; the same for the same, always.

        ``state`` is None before the first; ``work`` gives shop, tables and policy where they are needed.
        """
        ...


def learn(work: Work, learners: Sequence[Learner]) -> Outcome:
    """Fold what is new into the state of each learner.

    State and position in the feedback change in one transaction of the store, so an event is in a state once: a worker
    that dies between two of them leaves the rest to whoever takes over, and one that was only slow is refused.
    """
    told, said = {}, {}
    for at, learner in enumerate(learners):
        if not _rests(work, learner):
            told[learner.name] = fold_all(work, learner, share=(at + 0.5) / len(learners))
        tell = getattr(learner, "told", None)
        if tell is not None and (words := tell(work)):
            said[learner.name] = words
    return Outcome(result={"folded": told, **said})


def _rests(work: Work, learner: Learner) -> bool:
    """Tell whether a learner whose state is large, and that nobody waits for, was folded a moment ago."""
    pause = getattr(learner, "pause", 0.0)
    kept = store.get_state(work.db, work.job.shop, learner.name) if pause else None
    return kept is not None and store.now() - kept.updated_at < pause * 1e6


def fold_all(work: Work, learner: Learner, *, share: float = 0.0) -> int:
    """Fold what is new into the state of one learner; gives how many events that were."""
    folded = refused = 0
    while True:
        work.report(f"learning: {learner.name}", share)
        kept = store.get_state(work.db, work.job.shop, learner.name)
        events, cursor = store.unfolded(
            work.db, work.job.shop, after=0 if kept is None else kept.cursor, limit=EVENTS_AT_ONCE
        )
        if not events:
            return folded
        state = learner.fold(work, None if kept is None else kept.data, events)
        version = 0 if kept is None else kept.version
        try:
            store.put_state(
                work.db, work.job.shop, learner.name, state, cursor=cursor, expected_version=version, claim=work.claim
            )
        except store.Busy:  # somebody else folded them meanwhile
            refused += 1
            if refused > _QUICKER:
                raise
            continue
        folded += len(events)
