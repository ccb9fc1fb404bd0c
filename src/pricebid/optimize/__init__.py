"""The kernel: one option per decision, the objective highest, every limit held, and proof of how good that is."""

from __future__ import annotations

from pricebid.optimize.choose import choose, lagrangian_bound, totals
from pricebid.optimize.limits import Choice, Effort, Limit

__all__ = ["Choice", "Effort", "Limit", "choose", "lagrangian_bound", "totals"]
