"""Plans, and what-ifs, over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, JsonValue

from pricebid_api.publishing import Reason
from pricebid_api.schemas.base import In, Out, Tree, at_time

if TYPE_CHECKING:
    from pricebid.store import PlanInfo


class ReasonOut(Out):
    """Why a guard held a plan."""

    guard: str
    message: str


class FactsOut(Out):
    """What guards and lists need to know of a plan."""

    solution: str
    items: int = Field(description="Prices or bids in it.")
    moved: float = Field(description="Share of them that differ from the current ones.")
    objective: str
    profit: float | None
    profit_low: float | None
    profit_high: float | None
    data_until: datetime | None
    inputs: str = Field(description="SHA-256 of the tables and settings that it was made from.")
    model: str
    totals: dict[str, float]


class PlanOut(Out):
    """A plan, and where it stands."""

    id: str
    shop: str
    kind: Literal["price", "bid", "joint"]
    status: Literal["made", "held", "approved", "published", "retired"]
    facts: FactsOut
    digest: str = Field(description="SHA-256 over its files: a plan never changes.")
    reasons: list[ReasonOut] = Field(description="Why it was held, if it was.")
    replaced: str | None = Field(description="The plan that it took over from.")
    by: str
    made_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, info: PlanInfo) -> Self:
        """Give a stored plan."""
        facts = info.facts
        return cls(
            id=info.id,
            shop=info.shop,
            kind=info.kind,
            status=info.status,
            facts=FactsOut(
                solution=facts.solution,
                items=facts.items,
                moved=facts.moved,
                objective=facts.objective,
                profit=facts.profit,
                profit_low=facts.profit_low,
                profit_high=facts.profit_high,
                data_until=None if facts.data_until is None else at_time(facts.data_until),
                inputs=facts.inputs,
                model=facts.model,
                totals=dict(facts.totals),
            ),
            digest=info.digest,
            reasons=[ReasonOut(guard=one.guard, message=one.message) for one in map(Reason.read, info.reasons)],
            replaced=info.replaced,
            by=info.by,
            made_at=at_time(info.made_at),
            changed_at=at_time(info.changed_at),
        )


class RolledBack(PlanOut):
    """A plan that was taken back; ``replaced`` is in force again."""

    warnings: list[str] = Field(
        description="What to know of the plan in force now: budgets of campaigns that keep none of its bids."
    )


class PlanDetail(PlanOut):
    """A plan with its document."""

    document: dict[str, JsonValue] = Field(description="plan.json: totals, limits with shadow prices, bound, gap.")
    files: list[str]


class WhatIfIn(In):
    """What would be different."""

    scenario: Tree = Field(description="`change`: a list of changes of tables; `policy`: overrides.")
    policy: Tree = Field(default_factory=dict, description="The policy that both are planned under.")


class DifferenceOut(Out):
    """One total in both plans."""

    outcome: str
    baseline: float
    scenario: float
    difference: float
    low: float
    high: float


class ChangedPrice(Out):
    """A price that differs between the two."""

    labels: dict[str, str]
    baseline: float | None
    scenario: float | None
    reason: str


class WhatIfOut(Out):
    """The scenario beside the plan as things are."""

    differences: list[DifferenceOut] = Field(
        description="Totals over the horizon, with the 80 % interval of the difference."
    )
    prices: list[ChangedPrice] = Field(description="Prices that differ, the largest changes first; at most 1,000.")
    seconds: float
