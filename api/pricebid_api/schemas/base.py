"""What all models share: strictness, times, pages, problems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

T = TypeVar("T")

_DEPTH, _NODES = 32, 100_000


def at_time(microseconds: int) -> datetime:
    """Give an instant of the store as a time with an offset."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


class In(BaseModel):
    """A request's body: unknown fields are errors, types are not bent."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Out(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Page(Out, Generic[T]):
    """One page of a list; `cursor` is null on the last."""

    items: list[T]
    cursor: str | None = Field(description="Pass it as `cursor` to get the next page.")


class FieldError(Out):
    """One thing wrong."""

    model_config = ConfigDict(extra="allow")

    field: str
    message: str
    table: str | None = None
    row: int | None = Field(default=None, description="First offending row, counted from 1.")
    column: str | None = None


class ProblemOut(Out):
    """A problem (RFC 9457)."""

    type: str = Field(examples=["urn:pricebid:problem:not_found"])
    title: str
    status: int
    code: str = Field(description="Stable name of the kind of problem, for programs.")
    detail: str = Field(description="One sentence: what was got, the rule, the remedy.")
    request_id: str | None = None
    errors: list[FieldError] | None = None


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse trees that are deep or huge; what they mean is checked by whoever reads them."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > _DEPTH or nodes > _NODES:
            raise ValueError(f"is nested deeper than {_DEPTH} levels or holds more than {_NODES:,} values")
        if isinstance(node, dict):
            waiting += [(one, depth + 1) for one in node.values()]
        elif isinstance(node, list):
            waiting += [(one, depth + 1) for one in node]
    return value


Tree = Annotated[dict[str, JsonValue], AfterValidator(_shallow)]
