"""How an experiment is to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pricebid.errors import InputError

Correction = Literal["dunnett", "holm", "none"]
Design = Literal["auto", "parallel", "switchback"]
CONTROLS = ("control", "a", "current", "baseline", "status quo", "off", "0")


@dataclass(frozen=True, kw_only=True)
class ExperimentSettings:
    """How an experiment is to be read.

    Parameters
    ----------
    alpha : float
        Probability, in (0, 1), of calling a difference where there is none, over all variants together.
    sequential : bool
        Always-valid intervals: they may be looked at any time and as often as wanted. Else the intervals of a fixed horizon,
        which hold for the one look at its end.
    correction : {"dunnett", "holm", "none"}
        For several variants against one control at a fixed horizon. Sequential intervals share ``alpha`` out equally
        (Bonferroni) unless it is ``none``.
    control : str, optional
        The variant to compare with; one named control, A, current, baseline, off or 0, else the first by name.
    shares : tuple of (str, float)
        Intended share of units per variant; equal, or told by ``propensity``, where not given.
    planned_days, planned_units : float, optional
        When the experiment is to end. A sequential test is narrowest near there; before it a fixed-horizon test waits.
    worth : float, optional
        The smallest relative difference that would matter, above 0: an interval inside of it is a reason to stop.
    power : float
        With which probability a difference is to be seen, for what would be needed.
    cuped : bool
        Use the covariate, where there is one.
    lower_is_better : bool
        The outcome is a cost.
    design : {"auto", "parallel", "switchback"}
        Whether units keep their variant, or switch between them over time; ``auto``: switchback where most units had
        several.
    carry_over : int
        Switchback: periods after a switch in which the variant before still acts; they are left out.
    block : int, optional
        Switchback: periods between two possible switches; told from the data where not given.
    draws : int
        Switchback: schedules drawn for randomisation inference.
    seed : int
        Of these draws.

    Raises
    ------
    InputError
        A value outside its range.
    """

    alpha: float = 0.05
    sequential: bool = False
    correction: Correction = "dunnett"
    control: str | None = None
    shares: tuple[tuple[str, float], ...] = ()
    planned_days: float | None = None
    planned_units: float | None = None
    worth: float | None = None
    power: float = 0.8
    cuped: bool = True
    lower_is_better: bool = False
    design: Design = "auto"
    carry_over: int = 0
    block: int | None = None
    draws: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [
            *(f"{name} {got} must lie between 0 and 1" for name, got in self._shares_of_one() if not 0 < got < 1),
            *(
                f"{name} {got} must be above 0 and finite"
                for name, got in self._amounts()
                if got is not None and not 0 < got < math.inf
            ),
            *(
                f"share {got} of {name} must be above 0 and finite"
                for name, got in self.shares
                if not 0 < got < math.inf
            ),
        ]
        named = [name for name, _ in self.shares]
        wrong += [f"share of {name} is given twice" for name in dict.fromkeys(named) if named.count(name) > 1]
        choices = (("correction", self.correction, Correction), ("design", self.design, Design))
        for name, value, kind in choices:
            legal = kind.__args__  # type: ignore[attr-defined]
            if value not in legal:
                wrong.append(f"{name} {value!r} must be one of {', '.join(legal)}")
        if self.carry_over < 0:
            wrong.append(f"carry_over {self.carry_over} must be 0 or more periods")
        if wrong:
            raise InputError("; ".join(wrong))

    def _shares_of_one(self) -> tuple[tuple[str, float], ...]:
        return (("alpha", self.alpha), ("power", self.power))

    def _amounts(self) -> tuple[tuple[str, float | None], ...]:
        return (
            ("planned_days", self.planned_days),
            ("planned_units", self.planned_units),
            ("worth", self.worth),
            ("block", self.block),
            ("draws", self.draws),
        )
