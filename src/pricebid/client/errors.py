"""What can go wrong between a caller and the service.

ClientError                 (a PricebidError)
├── Unreachable             no answer: the service is down, or was too slow
├── BadAnswer               an answer that is not the service's, such as a proxy's page
├── StillRunning            a job that has not ended in the time given
├── JobFailed               a job that failed or was cancelled
└── ServiceError            the service said no: status, code, sentence, single faults, request id
    ├── Refused             what was sent is wrong (400, 413, 415, 422)
    ├── NotAllowed          no key, or one that does not open this (401, 403)
    ├── NotThere            no such shop, plan, job, table (404)
    ├── StepRefused         a step that may not be taken now (409)
    │   └── PlanHeld        a guard holds the plan; approve it to publish it all the same
    ├── TooMany             faster than the key allows (429)
    └── ServiceFailed       it failed, or is too busy, on its side (5xx)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid.errors import PricebidError

if TYPE_CHECKING:
    from pricebid.client.answers import Job


class ClientError(PricebidError):
    """Base of all errors that the client raises on purpose."""


class Unreachable(ClientError):  # noqa: N818 - reads as what it says
    """No answer came: nobody listens there, the connection broke, or the time was over."""


class BadAnswer(ClientError):  # noqa: N818 - reads as what it says
    """An answer that the service does not give: something else listens there, or it is of another version."""


class StillRunning(ClientError):  # noqa: N818 - reads as what it says
    """A job has not ended in the time given; it goes on."""


class JobFailed(ClientError):  # noqa: N818 - reads as what it says
    """A job ended without a result.

    Parameters
    ----------
    job : Job
        As it stands: ``job.error`` has code, sentence and single faults.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        told = "" if job.error is None else f": {job.error.detail}"
        listed = "" if job.error is None else "".join(f"\n  {one}" for one in job.error.errors)
        super().__init__(
            f"job {job.id} ({job.kind}) {'was ' if job.state == 'cancelled' else ''}{job.state}{told}{listed}"
        )


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One thing wrong with what was sent.

    Parameters
    ----------
    field : str
        Where it is: a key, a column, a guard.
    message : str
        What was got, the rule, the remedy.
    table, column : str, optional
        Where it is in a table.
    row : int, optional
        First offending row, counted from 1.
    """

    field: str
    message: str
    table: str | None = None
    column: str | None = None
    row: int | None = None

    def __str__(self) -> str:
        place = self.field if self.table is None else f"{self.table} column {self.column or self.field}"
        return f"{place}{'' if self.row is None else f' row {self.row}'}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An ``application/problem+json`` as it is sent (RFC 9457)."""

    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: tuple[Detail, ...] = ()


class ServiceError(ClientError):
    """The service answered with a problem.

    Parameters
    ----------
    problem : Problem
        Its answer; the fields are this error's attributes too.
    retry_after : float, optional
        Seconds after which the service wants to be asked again.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.errors = problem.errors
        self.request_id = problem.request_id
        self.retry_after = retry_after
        listed = "".join(f"\n  {one}" for one in problem.errors)
        known = f" (request {problem.request_id})" if problem.request_id else ""
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{known}{listed}")


class Refused(ServiceError):  # noqa: N818 - reads as what it says
    """What was sent is wrong; ``errors`` lists every fault."""


class NotAllowed(ServiceError):  # noqa: N818 - reads as what it says
    """No key was sent, or it does not open this."""


class NotThere(ServiceError):  # noqa: N818 - reads as what it says
    """No such shop, plan, job or table."""


class StepRefused(ServiceError):  # noqa: N818 - reads as what it says
    """A step that may not be taken from where things stand."""


class PlanHeld(StepRefused):
    """A guard holds the plan: ``errors`` says why. Approve it to publish it all the same."""


class TooMany(ServiceError):  # noqa: N818 - reads as what it says
    """More requests than the key allows."""


class ServiceFailed(ServiceError):  # noqa: N818 - reads as what it says
    """It failed on the service's side, or is too busy."""


_KINDS: dict[int, type[ServiceError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotThere,
    409: StepRefused,
    429: TooMany,
}
_FAILED = 500


def error_of(problem: Problem, retry_after: float | None = None) -> ServiceError:
    """Give the error that tells of a problem."""
    kind = ServiceFailed if problem.status >= _FAILED else _KINDS.get(problem.status, Refused)
    if problem.code == "held_for_approval":
        kind = PlanHeld
    return kind(problem, retry_after)
