"""One try at a job: run its kind, then write how it ended, once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.errors import Infeasible, InputError
from pricebid_api.worker.signals import Cancelled, Leaving

if TYPE_CHECKING:
    from pricebid_api.worker.kinds import Handler
    from pricebid_api.worker.work import Work

log = logging.getLogger("pricebid.worker")


def attempt(work: Work, handler: Handler | None) -> None:
    """Do a job as far as it goes, and write in the store how it ended; nothing is raised but what the store refuses.

    What cannot go better the next time (bad input, infeasible limits, a shop that is gone) is final; what was not
    foreseen is tried again.
    """
    db, claim = work.db, work.claim
    try:
        if handler is None:
            raise InputError(f"this worker knows no jobs of kind {claim.job.kind!r}")  # noqa: TRY301 - as a kind raises
        outcome = handler.run(work)
        work.signals.check()
        store.finish(db, claim, outcome.result, keep=outcome.keep, within=outcome.within)
    except store.LeaseLost:
        log.warning("job lost to another worker", extra={"job": claim.job.id, "kind": claim.job.kind})
    except Cancelled:
        store.stop(db, claim)
    except Leaving:
        store.release(db, claim)
    except (InputError, Infeasible, store.NotFound) as error:
        store.fail(db, claim, store.Problem.of(error), retry=False)
    except Exception as error:
        log.exception("job failed", extra={"job": claim.job.id, "kind": claim.job.kind})
        store.fail(db, claim, store.Problem.of(error), retry=True)
