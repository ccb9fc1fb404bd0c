"""Rows of an experiment to units: each randomised unit once, with its sums, its covariate and its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, InputError, TableError
from pricebid.learning.experiments.settings import CONTROLS
from pricebid.policy import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.experiments import ExperimentRows


FIRST_LOOK = 100  # units per arm before which no look of a sequence counts
EVENTS = 10.0  # rare outcomes due in each arm


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Randomised units of an experiment in which each has one variant.

    Parameters
    ----------
    labels : object[variant]
        The variants, the control first.
    variant : int64[unit]
        Position in ``labels``.
    numerator, denominator : float64[unit]
        Sums over the unit's rows: the metric is the ratio of their totals, which is the mean per unit where each unit is one
        row without a denominator.
    weight : float64[unit]
        1 / propensity; 1 where it is not given.
    covariate : float64[unit], optional
        Mean over the unit's rows; the mean of the others where it is not known.
    entered : datetime64[s][unit], optional
        First time of the unit.
    """

    labels: NDArray[np.object_]
    variant: NDArray[np.int64]
    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]
    weight: NDArray[np.float64]
    covariate: NDArray[np.float64] | None = None
    entered: NDArray[np.datetime64] | None = None

    def __len__(self) -> int:
        return len(self.variant)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Units per variant, int64[variant]."""
        return np.bincount(self.variant, minlength=len(self.labels))


def order_variants(names: NDArray[np.object_], control: str | None) -> NDArray[np.int64]:
    """Return the positions of the variants, the control first, the others by name.

    Raises
    ------
    InputError
        No variant has the name of the control.
    """
    known = names.tolist()
    if control is not None and control not in known:
        raise InputError(f"no variant {control!r}{nearest(control, known)}; there are {', '.join(known)}")
    usual = [name for word in CONTROLS for name in known if name.lower() == word]
    first = known.index(control if control is not None else (usual[0] if usual else known[0]))
    return np.array([first, *(at for at in range(len(known)) if at != first)], dtype=np.int64)


def switching(rows: ExperimentRows) -> float:
    """Return the share of units that had more than one variant."""
    pairs = np.unique(rows.unit * len(rows.variants) + rows.variant)
    return float(np.mean(np.bincount(pairs // len(rows.variants), minlength=len(rows.units)) > 1))


def gather_units(rows: ExperimentRows, *, control: str | None = None, until: np.datetime64 | None = None) -> Units:
    """Sum the rows of each unit.

    Parameters
    ----------
    rows : ExperimentRows
        Of one experiment.
    control : str, optional
        The variant that comes first.
    until : datetime64, optional
        Only rows up to this time.

    Raises
    ------
    TableError
        A unit had more than one variant, or more than one propensity.
    """
    order = order_variants(rows.variants, control)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    _check_one_variant(rows)
    keep = np.arange(len(rows)) if until is None or rows.time is None else np.flatnonzero(rows.time <= until)
    _, first, unit = np.unique(rows.unit[keep], return_index=True, return_inverse=True)
    ones = np.ones(len(keep)) if rows.denominator is None else rows.denominator[keep]
    rows_of = np.bincount(unit).astype(float)
    covariate = None
    if rows.covariate is not None:
        known = np.isfinite(rows.covariate[keep])
        filled = np.where(known, rows.covariate[keep], rows.covariate[keep][known].mean() if known.any() else 0.0)
        covariate = np.bincount(unit, weights=filled) / rows_of
    entered = None
    if rows.time is not None:
        entered = np.full(len(first), np.datetime64("9999-12-31", "s"))
        np.minimum.at(entered, unit, rows.time[keep])
    return Units(
        labels=rows.variants[order],
        variant=place[rows.variant[keep][first]],
        numerator=np.bincount(unit, weights=rows.outcome[keep]).astype(float),
        denominator=np.bincount(unit, weights=ones).astype(float),
        weight=np.ones(len(first)) if rows.propensity is None else 1.0 / rows.propensity[keep][first],
        covariate=covariate,
        entered=entered,
    )


def lacking(units: Units, *, sequential: bool) -> str:
    """Say what the arms need for intervals to hold and do not have yet; empty where they have it.

    A sequence counts from 100 units per arm on. Where most units bring the same (no order), each arm must have so many units that
    10 rare outcomes are due in it were all arms alike: an arm in which none came yet would seem to be known exactly, and a small
    arm beside a large one would be called worse far too often (the rule of expected counts, Cochran 1954).
    """
    counts = units.counts
    if sequential and (counts < FIRST_LOOK).any():
        return f"too few units for the interval to hold yet, each variant needs {FIRST_LOOK}"
    usual = int(np.unique(units.numerator, return_counts=True)[1].max())
    if 2 * usual < len(units):
        return ""
    due = counts * (len(units) - usual) / len(units)
    if (due >= EVENTS).all():
        return ""
    at = int(np.argmin(due))
    return (
        f"{len(units) - usual:,} of {len(units):,} units brought something else than most, so that {due[at]:.1f} are due in "
        f"{units.labels[at]}; the interval holds from {EVENTS:g} on"
    )


def _check_one_variant(rows: ExperimentRows) -> None:
    order = np.lexsort((np.arange(len(rows)), rows.unit))
    same = rows.unit[order][1:] == rows.unit[order][:-1]
    faults = []
    for column, values, remedy in (
        ("variant", rows.variant, "leave such units out, or read it as a switchback where they switch on purpose"),
        ("propensity", rows.propensity, "write the probability with which the unit as a whole got its variant"),
    ):
        if values is None:
            continue
        torn = same & (values[order][1:] != values[order][:-1])
        if torn.any():
            bad = np.unique(rows.unit[order][1:][torn])
            message = f"unit {rows.units[bad[0]]} has more than one {column}; {remedy}"
            faults.append(Fault(table="experiments", column=column, message=message, count=len(bad)))
    if faults:
        raise TableError(faults)
