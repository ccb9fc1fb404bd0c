"""From intervals to what to do: stop or go on, with which variant, and what would be needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from pricebid.learning.experiments.power import fixed_drift
from pricebid.learning.experiments.readout import Decision
from pricebid.learning.experiments.sequential import sequence_radius

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.experiments.fixed import Comparisons
    from pricebid.learning.experiments.mismatch import Mismatch
    from pricebid.learning.experiments.settings import ExperimentSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a decision rests on.

    Parameters
    ----------
    labels : object[variant]
        The control first.
    comparisons : Comparisons
        Each variant against the control.
    units : float
        Units so far, over all variants.
    days : float
        Days so far; NaN where not known.
    mismatch : Mismatch, optional
        Of units and shares.
    lacking : str
        What each arm needs for the interval to hold and does not have yet; empty where it has it.
    """

    labels: NDArray[np.object_]
    comparisons: Comparisons
    units: float
    days: float
    mismatch: Mismatch | None = None
    lacking: str = ""


def decide(evidence: Evidence, settings: ExperimentSettings) -> tuple[Decision, float]:
    """Say what to do, and how many units in all would be needed (NaN where that is not known or no longer matters)."""
    if evidence.mismatch is not None and evidence.mismatch.alarm:
        return _distrust(evidence.mismatch), float("nan")
    needed = needed_units(evidence, settings)
    early = _too_early(evidence, settings)
    if early is not None:
        return early, needed
    closed = _closed(evidence, settings)
    return (_open(evidence, settings, needed), needed) if closed is None else (closed, float("nan"))


def needed_units(evidence: Evidence, settings: ExperimentSettings) -> float:
    """Return the units in all with which the difference as it is now, or the one that matters, would be seen.

    At a fixed horizon with the power of the settings; for a sequence, until its interval is as narrow as the difference.
    """
    found = evidence.comparisons
    many = len(found.difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = found.difference if settings.worth is None else settings.worth * found.difference / found.lift
        drift = np.where(found.error > 0, np.abs(size) / found.error, np.nan)
    # What is shown already needs nothing more.
    drift = np.where(_shown(found), np.nan, drift)
    drift = drift[np.isfinite(drift) & (drift > 1e-6)]
    if not len(drift) or not evidence.units > 0:
        return float("nan")
    largest, each = float(drift.max()), settings.alpha / many
    if not settings.sequential:
        return float(evidence.units * (fixed_drift(each, settings.power) / largest) ** 2)
    planned = settings.planned_units or evidence.units

    def narrow(log_units: float) -> float:
        units = np.exp(log_units)
        radius = sequence_radius(np.sqrt(evidence.units / units), units, alpha=each, planned=planned)
        return float(radius) - largest

    low, high = np.log(evidence.units) - 12.0, np.log(evidence.units) + 30.0
    return float(np.exp(optimize.brentq(narrow, low, high))) if narrow(low) > 0 > narrow(high) else float("nan")


def _distrust(mismatch: Mismatch) -> Decision:
    chance = mismatch.p if np.isnan(mismatch.always_p) else min(mismatch.p, mismatch.always_p)
    words = (
        f"Do not decide on this: units did not arrive in the shares that were meant (probability {chance:.1g} if they had "
        "been). Look for lost rows, redirects, bots or a variant that crashes; then start anew."
    )
    return Decision(kind="distrust", stop=True, variant="", words=words)


def _too_early(evidence: Evidence, settings: ExperimentSettings) -> Decision | None:
    if not settings.sequential and settings.planned_days is not None and evidence.days < settings.planned_days:
        return _wait(f"{settings.planned_days - evidence.days:,.1f} more days")
    if not settings.sequential and settings.planned_units is not None and evidence.units < settings.planned_units:
        return _wait(f"for {settings.planned_units - evidence.units:,.0f} more units")
    if evidence.lacking and settings.sequential:
        return Decision(kind="go on", stop=False, variant="", words=f"Go on: {evidence.lacking}.")
    if evidence.lacking:
        words = f"Undecided: {evidence.lacking}; it takes a longer experiment."
        return Decision(kind="undecided", stop=True, variant="", words=words)
    return None


def _wait(rest: str) -> Decision:
    words = (
        f"Wait {rest}: a fixed-horizon test holds for one look, at its end. `--sequential` may be looked at any time."
    )
    return Decision(kind="wait", stop=False, variant="", words=words)


def _closed(evidence: Evidence, settings: ExperimentSettings) -> Decision | None:
    """The decision where the intervals allow one."""
    found, sign = evidence.comparisons, -1.0 if settings.lower_is_better else 1.0
    ends = sign * np.stack([found.low, found.high])
    won, lost = ends.min(axis=0) > 0, ends.max(axis=0) < 0
    control = str(evidence.labels[0])
    if won.any():
        return _winner(evidence, settings, np.where(won, sign * found.difference, -np.inf))
    if lost.all():
        worse = "is worse" if len(lost) == 1 else "are all worse"
        words = (
            f"Stop, keep {control}: {_list(evidence.labels[1:])} {worse}, {_by(evidence, _closest(found), settings)}."
        )
        return Decision(kind="control", stop=True, variant=control, words=words)
    if settings.worth is not None and bool((np.maximum(-found.lift_low, found.lift_high) < settings.worth).all()):
        words = (
            f"Stop: no variant differs from {control} by {100 * settings.worth:.1f} % or more "
            f"({_by(evidence, _closest(found), settings)}); use what is cheaper."
        )
        return Decision(kind="no difference", stop=True, variant=control, words=words)
    return None


def _winner(evidence: Evidence, settings: ExperimentSettings, score: NDArray[np.float64]) -> Decision:
    at = int(np.argmax(score))
    name, control = str(evidence.labels[at + 1]), str(evidence.labels[0])
    others = [str(evidence.labels[one + 1]) for one in np.flatnonzero(np.isfinite(score)) if one != at]
    more = f" {_list(others)} beat {control} too; which of the winners is best was not tested." if others else ""
    words = f"Stop, use {name}: it beats {control} {_by(evidence, at, settings)}.{more}"
    return Decision(kind="winner", stop=True, variant=name, words=words)


def _open(evidence: Evidence, settings: ExperimentSettings, needed: float) -> Decision:
    shown = _shown(evidence.comparisons)
    at = _closest(evidence.comparisons, ~shown)
    now = f"{evidence.labels[at + 1]} against {evidence.labels[0]}: {_by(evidence, at, settings)}"
    worse = [f"{evidence.labels[one + 1]} ({_by(evidence, int(one), settings)})" for one in np.flatnonzero(shown)]
    dropped = f" Drop {_list(worse)}: worse than {evidence.labels[0]}." if worse else ""
    other = "other " if worse else ""
    if np.isnan(needed):
        need = "how much longer it would take is not known"
    else:
        what = (
            "the difference as it is now" if settings.worth is None else f"a difference of {100 * settings.worth:.1f} %"
        )
        days = "" if np.isnan(evidence.days) else f", {needed / evidence.units * evidence.days:,.0f} days in all"
        need = f"to show {what} takes about {needed:,.0f} units in all{days}"
    if settings.sequential:
        return Decision(
            kind="go on",
            stop=False,
            variant="",
            words=f"Go on: nothing {'else ' if worse else ''}is shown yet ({now}); {need}.{dropped}",
        )
    words = (
        f"Undecided: no {other}difference is shown ({now}). That does not show that there is none; {need}, in a new "
        f"experiment.{dropped}"
    )
    return Decision(kind="undecided", stop=True, variant="", words=words)


def _by(evidence: Evidence, at: int, settings: ExperimentSettings) -> str:
    found, level = evidence.comparisons, f"{100 * (1 - settings.alpha):g} %"
    kind = "always-valid interval" if settings.sequential else "interval"
    if np.isfinite(found.lift[at]):
        size, low, high = (f"{100 * one:+.1f} %" for one in (found.lift[at], found.lift_low[at], found.lift_high[at]))
    else:
        size, low, high = (f"{one:+,.4g}" for one in (found.difference[at], found.low[at], found.high[at]))
    return f"by {size} ({level} {kind} {low} to {high})"


def _shown(found: Comparisons) -> NDArray[np.bool_]:
    """Variants whose interval excludes 0."""
    apart: NDArray[np.bool_] = (found.low > 0) | (found.high < 0)
    return apart


def _closest(found: Comparisons, among: NDArray[np.bool_] | None = None) -> int:
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.nan_to_num(np.abs(found.difference) / found.error)
    return int(np.argmax(near if among is None else np.where(among, near, -1.0)))


def _list(names: object) -> str:
    known = [str(name) for name in names]  # type: ignore[attr-defined]
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"
