"""Read an experiment out: parallel or switchback, fixed or sequential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pricebid.errors import Fault, InputError, TableError
from pricebid.learning.experiments.decide import Evidence, decide
from pricebid.learning.experiments.fixed import Comparisons, compare_fixed, finish
from pricebid.learning.experiments.interference import interference_warnings
from pricebid.learning.experiments.means import Means, arm_means
from pricebid.learning.experiments.mismatch import ratio_mismatch
from pricebid.learning.experiments.panel import Cells, SwitchbackFit, carry_over_of, fit_switchback, lay_out
from pricebid.learning.experiments.readout import Look, Readout
from pricebid.learning.experiments.sequential import (
    PLANNED,
    compare_sequential,
    sequence_p,
    sequence_radius,
)
from pricebid.learning.experiments.settings import ExperimentSettings
from pricebid.learning.experiments.units import FIRST_LOOK, Units, gather_units, lacking, switching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.experiments import ExperimentRows, SharedSupply

_DAY, _MOST_LOOKS = 86_400.0, 60
_ALL = 0.99  # share of the variance that hardly anything known beforehand takes away
FEW_CLUSTERS = 40  # region x blocks from which on clustered errors are about right
_UNBALANCED = 4.0  # standard errors by which a covariate of the past may differ between arms


def read_experiment(
    rows: ExperimentRows, settings: ExperimentSettings | None = None, *, shared: SharedSupply | None = None
) -> Readout:
    """Read an experiment out.

    Parameters
    ----------
    rows : ExperimentRows
        As the shop gives them.
    settings : ExperimentSettings, optional
        How to read it.
    shared : SharedSupply, optional
        Stock and budgets that its arms share.

    Raises
    ------
    TableError
        Units had several variants in a parallel experiment, or a switchback is not on a grid.
    InputError
        An arm is too small, or a variant that is named is not there.
    """
    known = settings or ExperimentSettings()
    warned = () if shared is None else interference_warnings(shared)
    share = switching(rows) if rows.time is not None else 0.0
    if known.design == "switchback" or (known.design == "auto" and share > 0.5):
        return _read_switchback(rows, known, warned)
    return _read_parallel(rows, known, warned)


def _read_parallel(rows: ExperimentRows, settings: ExperimentSettings, warned: tuple[str, ...]) -> Readout:
    units = gather_units(rows, control=settings.control)
    means = arm_means(units, cuped=settings.cuped)
    planned = _planned(units, settings)
    comparisons = _compare(means, settings, planned)
    mismatch = ratio_mismatch(units, settings.shares, sequential=settings.sequential)
    days = _days(rows.time)
    evidence = Evidence(
        labels=units.labels,
        comparisons=comparisons,
        units=float(len(units)),
        days=days,
        mismatch=mismatch,
        lacking=lacking(units, sequential=settings.sequential),
    )
    decision, needed = decide(evidence, settings)
    return Readout(
        name=rows.name,
        design="parallel",
        settings=settings,
        labels=units.labels,
        units=units.counts,
        value=means.value,
        error=np.sqrt(means.variance),
        comparisons=comparisons,
        removed=means.removed,
        decision=decision,
        days=days,
        needed_units=needed,
        needed_days=needed / len(units) * days,
        mismatch=mismatch,
        looks=_looks(rows, settings, planned) if settings.sequential else (),
        notices=(*warned, *_notices(rows, units, means, settings)),
    )


def _compare(means: Means, settings: ExperimentSettings, planned: float) -> Comparisons:
    if settings.sequential:
        share = settings.correction != "none"
        return compare_sequential(means, alpha=settings.alpha, planned=planned, share_alpha=share)
    return compare_fixed(means, alpha=settings.alpha, correction=settings.correction)


def _planned(units: Units, settings: ExperimentSettings) -> float:
    """Units at the planned end; from the first day's arrivals, which later looks leave as they are."""
    if settings.planned_units is not None:
        return settings.planned_units
    if settings.planned_days is None or units.entered is None:
        return float(PLANNED)
    first = units.entered.min().astype("datetime64[D]") + np.timedelta64(1, "D")
    return float((units.entered < first).sum() * settings.planned_days)


def _looks(rows: ExperimentRows, settings: ExperimentSettings, planned: float) -> tuple[Look, ...]:
    """The sequence as it came, at the ends of days (or of fewer, longer stretches): rows so far at each."""
    if rows.time is None:
        return ()
    ends = np.unique(rows.time.astype("datetime64[D]")) + np.timedelta64(1, "D")
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, min(len(ends), _MOST_LOOKS)).astype(int))]
    made = []
    for end in ends.astype("datetime64[s]"):
        if len(np.unique(rows.variant[rows.time < end])) < len(rows.variants):
            continue
        units = gather_units(rows, control=settings.control, until=end - np.timedelta64(1, "s"))
        if lacking(units, sequential=True):
            continue
        means = arm_means(units, cuped=settings.cuped)
        made.append(Look(time=end, units=len(units), comparisons=_compare(means, settings, planned)))
    return tuple(made)


def _notices(rows: ExperimentRows, units: Units, means: Means, settings: ExperimentSettings) -> list[str]:
    found = []
    off = np.abs(np.nan_to_num(means.balance)) > _UNBALANCED
    if off.any():
        names = ", ".join(units.labels[off])
        found.append(
            f"the covariate of {names} differs from the control's by more than luck: is it from before the experiment?"
        )
    if rows.covariate is not None and not settings.cuped:
        found.append("the covariate is not used")
    if rows.covariate is None:
        found.append("no covariate: what each unit did before would narrow the interval")
    if rows.time is None and settings.sequential:
        found.append("no times: one look, valid whenever it is taken")
    if settings.sequential and settings.planned_units is None and settings.planned_days is None:
        found.append(f"no planned end: the sequence is tuned to {PLANNED:,} units; `--planned` tunes it to yours")
    if not settings.sequential and settings.planned_days is None:
        found.append(
            "the interval holds for one look at a planned end; to look more often, read it with `--sequential`"
        )
    if rows.time is None and settings.planned_days is not None:
        found.append("no times: whether the planned end has come is not known; give `time`, or `--planned-units`")
    if means.removed > _ALL:
        found.append("the covariate tells nearly all of the outcome: is it from before the experiment?")
    small = units.counts < FIRST_LOOK
    if small.any():
        found.append(f"fewer than {FIRST_LOOK} units in {', '.join(units.labels[small])}: intervals are rough")
    return found


def _read_switchback(rows: ExperimentRows, settings: ExperimentSettings, warned: tuple[str, ...]) -> Readout:
    if rows.time is None:
        raise TableError([Fault(table="experiments", column="time", message="is not there; a switchback needs it")])
    if settings.shares:
        raise InputError("shares are for parallel experiments; a switchback is drawn by its schedule: leave them out")
    cells = lay_out(rows, control=settings.control, block=settings.block)
    carry_over = settings.carry_over or carry_over_of(rows)
    fit = fit_switchback(cells, carry_over=carry_over, draws=settings.draws, seed=settings.seed)
    value = fit.base + np.concatenate([[0.0], fit.effect])
    error = np.concatenate([[_base_error(cells)], fit.error])
    comparisons = _switchback_comparisons(fit, settings)
    days = _days(rows.time)
    evidence = Evidence(labels=cells.labels, comparisons=comparisons, units=float(fit.cells), days=days)
    decision, needed = decide(evidence, settings)
    counted = np.bincount(cells.variant[cells.variant >= 0], minlength=len(cells.labels))
    return Readout(
        name=rows.name,
        design="switchback",
        settings=settings,
        labels=cells.labels,
        units=counted,
        value=value,
        error=error,
        comparisons=comparisons,
        removed=0.0,
        decision=decision,
        days=days,
        needed_units=needed,
        needed_days=needed / fit.cells * days,
        switchback=fit,
        notices=(*warned, *_switchback_notices(fit, carry_over)),
    )


def _switchback_comparisons(fit: SwitchbackFit, settings: ExperimentSettings) -> Comparisons:
    many = len(fit.effect)
    share = settings.alpha if settings.correction == "none" else settings.alpha / many
    freedom = np.full(many, fit.freedom)
    if settings.sequential:
        # A cluster is the unit that was drawn; the sequence runs over clusters.
        planned = settings.planned_units or max(float(fit.clusters), 1.0)
        radius = sequence_radius(fit.error, fit.clusters, alpha=share, planned=planned)
        p = many * sequence_p(fit.effect, fit.error, fit.clusters, alpha=share, planned=planned)
    else:
        radius = stats.t.isf(share / 2, freedom) * fit.error
        # Clustered errors are too small with few blocks: 0 is left out only where randomisation agrees.
        radius = np.where(fit.p_drawn < share, radius, np.maximum(radius, np.abs(fit.effect)))
        p = np.maximum(fit.p, fit.p_drawn) * (1 if settings.correction == "none" else many)
    # Region and period effects are taken off, so that the control's own error does not count in a relative difference.
    flat = Means(
        units=np.full(many + 1, fit.clusters),
        value=np.concatenate([[fit.base], fit.base + fit.effect]),
        variance=np.concatenate([[0.0], fit.error**2]),
        slope=0.0,
        removed=0.0,
        balance=np.full(many + 1, np.nan),
    )
    return finish(flat, fit.effect, fit.error, freedom, radius, p)


def _switchback_notices(fit: SwitchbackFit, carry_over: int) -> list[str]:
    found = []
    if fit.left_out:
        found.append(f"{fit.left_out:,} of {fit.left_out + fit.cells:,} cells are left out for carry-over")
    if fit.lags_p < 0.05 and carry_over == 0:
        found.append(
            f"earlier variants still act (p = {fit.lags_p:.2g}): the effect is blurred; leave periods out with `--carry-over`"
        )
    if fit.clusters < FEW_CLUSTERS:
        found.append(f"{fit.clusters} region x blocks only: trust the randomisation p-value more than the interval")
    return found


def _base_error(cells: Cells) -> float:
    control = cells.outcome[cells.variant == 0]
    return float(control.std(ddof=1) / np.sqrt(len(control))) if len(control) > 1 else float("nan")


def _days(time: NDArray[np.datetime64] | None) -> float:
    if time is None:
        return float("nan")
    span = (time.max() - time.min()).astype(float) / _DAY
    whole = bool((time == time.astype("datetime64[D]")).all())
    return float(span + 1.0) if whole else float(span)
