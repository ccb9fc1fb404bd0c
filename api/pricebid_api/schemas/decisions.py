"""The decision and audit logs over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from pricebid_api.schemas.base import Out


class LogEntry(Out):
    """One row of either log."""

    log: Literal["decisions", "audit"]
    id: str
    at: datetime
    kind: str = Field(description="`price` or `bid`; or what was done, such as `plan.published`.")
    request_id: str | None = Field(default=None, description="Of the request that was answered.")
    worker: str | None = None
    items: list[dict[str, JsonValue]] | None = Field(default=None, description="What was asked and given.")
    who: str | None = Field(default=None, description="Who did it.")
    subject: str | None = Field(default=None, description="What it was done to.")
    digest: str | None = Field(default=None, description="SHA-256 of what it was done with.")
    detail: dict[str, JsonValue] | None = None
