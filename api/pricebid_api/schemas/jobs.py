"""Jobs over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, JsonValue

from pricebid_api.schemas.base import FieldError, In, Out, Tree, at_time

if TYPE_CHECKING:
    from pricebid.store.jobs import Job

JobKind = Literal["fit", "forecast", "elasticities", "price", "bid", "plan", "backtest", "what-if", "learn"]


class JobIn(In):
    """A job to be done in the background."""

    kind: JobKind = Field(description="What to do.")
    policy: Tree = Field(
        default_factory=dict, description="What to aim at and what must hold: the keys of a policy file."
    )
    options: Tree = Field(
        default_factory=dict, description="Further arguments, by kind: `horizon`, `origins`, `start`, `scenario`."
    )
    priority: Annotated[int, Field(ge=0, le=9)] = Field(default=0, description="Higher ones come first.")


class JobError(Out):
    """Why a job failed."""

    code: str
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class JobOut(Out):
    """A job as it stands."""

    id: str
    shop: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    priority: int
    progress: float = Field(description="Share done, 0 to 1.")
    stage: str = Field(description="What is being done.")
    attempts: int = Field(description="How often a worker has taken it.")
    cancel_requested: bool
    policy: dict[str, JsonValue]
    options: dict[str, JsonValue]
    result: dict[str, JsonValue] | None = Field(description="What came of it: a plan's id, totals.")
    error: JobError | None
    by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Give a stored job."""
        error = None
        if job.error is not None:
            listed: list[Any] = [
                {"field": one.column or one.table, "message": one.message, "table": one.table, "row": one.row}
                for one in job.error.faults
            ]
            listed += [{"field": one.name, "message": str(one)} for one in job.error.conflicts]
            error = JobError(code=job.error.code, detail=job.error.sentence, errors=listed)
        return cls(
            id=job.id,
            shop=job.shop,
            kind=job.kind,
            state=job.state,
            priority=job.priority,
            progress=job.progress,
            stage=job.stage,
            attempts=job.attempts,
            cancel_requested=job.cancel_requested,
            policy=dict(job.policy),
            options=dict(job.options),
            result=None if job.result is None else dict(job.result),
            error=error,
            by=job.by,
            created_at=at_time(job.created_at),
            started_at=None if job.started_at is None else at_time(job.started_at),
            ended_at=None if job.ended_at is None else at_time(job.ended_at),
        )
