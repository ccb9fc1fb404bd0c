"""Shops and their tables over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, JsonValue

from pricebid_api.schemas.base import In, Out, at_time

if TYPE_CHECKING:
    from pricebid.store import ShopInfo, TableInfo


class GuardsIn(In):
    """Guards at publishing that a shop sets for itself; null switches one off."""

    max_data_age_days: Annotated[float, Field(ge=0, le=36_600)] | None = 35.0
    max_share_moved: Annotated[float, Field(ge=0, le=1)] | None = 0.5
    profit_below_interval: bool = True


class ShopIn(In):
    """What holds for a whole shop: the keys of `shop.toml`, and its guards."""

    currency: Annotated[str, Field(max_length=10)] = ""
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    absent: Literal["zero", "missing"] | None = None
    period: Literal["day", "week", "month"] | None = None
    guards: GuardsIn | None = None
    feedback_sales: bool | None = Field(
        None,
        description="Whether feedback stands in for sales of periods that are not loaded yet; it does unless false.",
    )


class TableOut(Out):
    """A table that a shop holds."""

    name: str
    version: int
    rows: int
    bytes: int
    digest: str = Field(description="SHA-256 of what is stored.")
    loaded_at: datetime

    @classmethod
    def of(cls, info: TableInfo) -> Self:
        """Give a stored table."""
        return cls(
            name=info.name,
            version=info.version,
            rows=info.rows,
            bytes=info.bytes,
            digest=info.digest,
            loaded_at=at_time(info.loaded_at),
        )


class LoadedOut(TableOut):
    """A table that was loaded now."""

    notices: list[str] = Field(description="What is not read or switched off.")
    warnings: list[str] = Field(description="What is odd but usable.")


class ShopOut(Out):
    """A shop."""

    shop: str
    settings: dict[str, JsonValue]
    created_at: datetime

    @classmethod
    def of(cls, info: ShopInfo) -> Self:
        """Give a stored shop."""
        return cls(shop=info.shop, settings=dict(info.settings), created_at=at_time(info.created_at))


class ShopDetail(ShopOut):
    """A shop, and what it holds."""

    tables: list[TableOut]
    published: dict[str, str] = Field(description="The plan in force, by kind.")


class CustomerIn(In):
    """A customer to be forgotten."""

    customer: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="The id as it stood in the tables that were loaded."
    )


class ForgottenOut(Out):
    """What was erased."""

    rows: dict[str, int] = Field(description="Rows erased, by table.")
