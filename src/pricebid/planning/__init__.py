"""Plans beside each other: what-if scenarios and their comparison."""

from pricebid.planning.what_if import Comparison, Difference, what_if

__all__ = ["Comparison", "Difference", "what_if"]
