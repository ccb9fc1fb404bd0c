"""The kernel: one option per decision, the objective highest, every limit held, and proof of how good that is."""

from __future__ import annotations

from pricebid.optimize.choose import choose, lagrangian_bound, totals
from pricebid.optimize.limits import Choice, Effort, Limit, LimitReport
from pricebid.optimize.rules import Order, Rule, Spread, broken

__all__ = [
    "Choice",
    "Effort",
    "Limit",
    "LimitReport",
    "Order",
    "Rule",
    "Spread",
    "broken",
    "choose",
    "lagrangian_bound",
    "totals",
]
