"""The master problem of the cutting-plane method: a small linear program that grows by one cut per group and round.

Kelley, J. E. (1960), "The cutting-plane method for solving convex programs"; in a box that moves with the best point
(Marsten, Hogan and Blankenship 1975, "The boxstep method"), with one cut per part of a separable function (Birge and
Louveaux 1988).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats
    from pricebid.optimize.pool import Evaluation


@dataclass(eq=False)
class Master:
    """Minimise ``rhs . y + sum_g theta_g`` over multipliers y in a box, theta above all cuts.

    Parameters
    ----------
    rhs : float64[limit]
        Right-hand sides.
    groups : int
        Parts of the dual function, one theta each.
    low, high : float64[limit]
        The box.
    """

    rhs: Floats
    groups: int
    low: Floats
    high: Floats
    cuts: list[Evaluation] = field(default_factory=list)
    _model: Any = None

    def __post_init__(self) -> None:
        import highspy

        model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        model.setOptionValue("output_flag", False)
        model.setOptionValue("threads", 1)
        model.setOptionValue("primal_feasibility_tolerance", 1e-9)
        model.setOptionValue("dual_feasibility_tolerance", 1e-9)
        for cost, low, high in zip(self.rhs, self.low, self.high, strict=True):
            model.addCol(float(cost), float(low), float(high), 0, [], [])
        for _ in range(self.groups):
            model.addCol(1.0, -highspy.kHighsInf, highspy.kHighsInf, 0, [], [])
        self._model = model

    def add(self, cut: Evaluation) -> None:
        """Add one cut per group: ``theta_g >= gain_g - usage_g . y``."""
        limits = len(self.rhs)
        self.cuts.append(cut)
        for group in range(self.groups):
            index = np.append(np.flatnonzero(cut.usage[group]), limits + group).astype(np.int32)
            weights = np.append(cut.usage[group][index[:-1]], 1.0)
            self._model.addRow(float(cut.gain[group]), float("inf"), len(index), index, weights)

    def solve(self) -> tuple[Floats, float]:
        """The box's minimiser of the model and the model's minimum."""
        self._model.run()
        values = np.array(self._model.getSolution().col_value)
        return np.clip(values[: len(self.rhs)], self.low, self.high), float(self._model.getObjectiveValue())

    def weights(self) -> Floats:
        """Share of each cut in the optimum, float64[cut, group]; each group's sum to 1."""
        duals = np.abs(np.array(self._model.getSolution().row_dual)).reshape(len(self.cuts), self.groups)
        total = duals.sum(axis=0)
        return np.asarray(duals / np.where(total > 0, total, 1.0))
