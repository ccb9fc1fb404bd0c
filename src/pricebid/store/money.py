"""In which money a shop counts: it stays while a plan is in force, and a plan made in another cannot be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pricebid.store.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.store.plans import PlanInfo

_DECIMALS = 2  # where a shop says nothing, as in `pricebid.tables.Settings`


@dataclass(frozen=True, kw_only=True)
class Money:
    """A currency and its smallest unit.

    Parameters
    ----------
    currency : str
        As the shop names it; empty where it does not.
    decimals : int
        Decimals of the smallest unit.
    """

    currency: str
    decimals: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Give that of a shop's settings."""
        decimals = settings.get("decimals")
        return cls(
            currency=str(settings.get("currency") or ""), decimals=_DECIMALS if decimals is None else int(decimals)
        )

    def __str__(self) -> str:
        return f"{self.currency or 'no named currency'} with {self.decimals} decimals"


def check_money(plan: PlanInfo, settings: Mapping[str, Any]) -> None:
    """Check that a plan was made in the money that its shop counts in now.

    Raises
    ------
    StepError
        It was made in another. A plan of before this was kept says nothing, and passes.
    """
    now, facts = Money.of(settings), plan.facts
    made = Money(
        currency=now.currency if facts.currency is None else facts.currency,
        decimals=now.decimals if facts.decimals is None else facts.decimals,
    )
    if made != now:
        raise StepError(
            f"plan {plan.id} was made in {made}, and shop {plan.shop!r} counts in {now}: it cannot be published, "
            "make it anew"
        )
