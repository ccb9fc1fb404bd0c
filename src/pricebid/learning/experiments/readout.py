"""The readout of an experiment: numbers, alarms, and the decision in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.learning.experiments.fixed import Comparisons
    from pricebid.learning.experiments.mismatch import Mismatch
    from pricebid.learning.experiments.panel import SwitchbackFit
    from pricebid.learning.experiments.settings import ExperimentSettings

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now.

    Parameters
    ----------
    kind : {"distrust", "winner", "control", "no difference", "wait", "go on", "undecided"}
        In one word.
    stop : bool
        The experiment may end.
    variant : str
        Which to use from now on; ``""`` where that is open.
    words : str
        The same for people, with what would be needed.
    """

    kind: str
    stop: bool
    variant: str
    words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What would have been seen at one time.

    Parameters
    ----------
    time : datetime64[s]
        Rows up to here.
    units : int
        Units so far.
    comparisons : Comparisons
        Each variant against the control.
    """

    time: np.datetime64
    units: int
    comparisons: Comparisons


@dataclass(frozen=True, kw_only=True, eq=False)
class Readout:
    """The readout of one experiment.

    Parameters
    ----------
    name : str
        The experiment.
    design : {"parallel", "switchback"}
        Units keep their variant, or switch.
    settings : ExperimentSettings
        How it was read.
    labels : object[variant]
        The control first.
    units : int64[variant]
        Units per variant; region x periods that count for a switchback.
    value, error : float64[variant]
        The metric of each arm and its standard error; of a switchback, the control's mean and that plus the effect.
    comparisons : Comparisons
        Each variant against the control.
    removed : float
        Share of the variance that the covariate took away.
    decision : Decision
        What to do now.
    days : float
        From the first row to the last; NaN without times.
    needed_units, needed_days : float
        In all, to see the difference as it is now, or the one that matters, with the power; NaN where not known.
    mismatch : Mismatch, optional
        Of units and shares; none for a switchback.
    switchback : SwitchbackFit, optional
        Carry-over and randomisation inference.
    looks : tuple of Look
        The sequence as it came, for sequential readouts with times.
    notices : tuple of str
        What to know: interference, covariates, sizes.
    """

    name: str
    design: str
    settings: ExperimentSettings
    labels: NDArray[np.object_]
    units: NDArray[np.int64]
    value: Floats
    error: Floats
    comparisons: Comparisons
    removed: float
    decision: Decision
    days: float
    needed_units: float
    needed_days: float
    mismatch: Mismatch | None = None
    switchback: SwitchbackFit | None = None
    looks: tuple[Look, ...] = ()
    notices: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variant: units, value, its error, and difference and lift against the control with intervals."""
        import pandas as pd

        frame = pd.DataFrame(
            {
                "experiment": self.name,
                "variant": self.labels,
                "control": self.labels[0],
                "units": self.units,
                "expected_units": np.full(len(self.labels), np.nan)
                if self.mismatch is None
                else self.mismatch.expected,
                "value": self.value,
                "value_error": self.error,
            }
        )
        for name in ("difference", "low", "high", "lift", "lift_low", "lift_high", "p"):
            frame[name] = np.concatenate([[np.nan], getattr(self.comparisons, name)])
        if self.switchback is not None:
            frame["p_drawn"] = np.concatenate([[np.nan], self.switchback.p_drawn])
        return frame.assign(decision=self.decision.kind)

    def looks_frame(self) -> pd.DataFrame:
        """Return one row per look and variant: time, units so far, difference, low, high, p."""
        import pandas as pd

        many = len(self.labels) - 1
        parts = {
            name: np.concatenate([getattr(look.comparisons, name) for look in self.looks] or [np.empty(0)])
            for name in ("difference", "low", "high", "p")
        }
        times = np.array([look.time for look in self.looks], dtype="datetime64[s]")
        return pd.DataFrame(
            {
                "experiment": self.name,
                "time": np.repeat(times, many),
                "units": np.repeat(np.array([look.units for look in self.looks], dtype=np.int64), many),
                "variant": np.tile(self.labels[1:], len(self.looks)),
                **parts,
            }
        )
