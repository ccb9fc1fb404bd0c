"""The arguments of `choose`, checked once and turned into scaled rows over distinct outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.optimize.web import Web, weave

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.limits import Limit
    from pricebid.optimize.rules import Rule

Objective = str | Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Maximise ``sum objective . outcomes`` such that ``rows . outcomes <= rhs``; one option per decision.

    Everything is scaled by powers of two (exactly), so that objective and rows swing by about 1 per decision.

    Parameters
    ----------
    names : tuple of str
        Distinct outcomes in use.
    arrays : tuple of float64[decision, option]
        One per name; the caller's own arrays where they were float64 already.
    available : bool[decision, option] or None
        Options that may be picked; None for all.
    objective : float64[cell, outcome]
        Scaled weights of the objective.
    rows : float64[limit, outcome]
        Scaled coefficients, signed so that every row is ``<=``.
    rhs : float64[limit]
        Scaled right-hand sides.
    cell : int64[decision] or None
        Decisions of one cell are counted by the same limits; None where there is one cell.
    member : float64[cell, limit]
        1 where the limit counts the cell.
    value_scale : float
        Objective divided by this is the scaled objective.
    row_scale : float64[limit]
        Likewise for the rows.
    slips : float64[limit]
        How far a row may be exceeded (scaled): far inside what `Limit.tolerance` allows.
    rules : tuple of Order and Spread
        Side rules.
    web : Web or None
        The side rules woven; None where there are none.
    """

    names: tuple[str, ...]
    arrays: tuple[Floats, ...]
    available: Bools | None
    objective: Floats
    rows: Floats
    rhs: Floats
    cell: Ints | None
    member: Floats
    value_scale: float
    row_scale: Floats
    slips: Floats
    rules: tuple[Rule, ...] = ()
    web: Web | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Decisions, options."""
        decisions, options = self.arrays[0].shape
        return decisions, options

    def scale(self, shadow_prices: Floats) -> Floats:
        """Shadow prices in the caller's units to scaled multipliers."""
        return np.asarray(shadow_prices * self.row_scale / self.value_scale, dtype=np.float64)

    def unscale(self, multipliers: Floats) -> Floats:
        """Scaled multipliers to shadow prices in the caller's units."""
        return np.asarray(multipliers * self.value_scale / self.row_scale, dtype=np.float64)

    def cells(self) -> Ints:
        """Cell of each decision, int64[decision]."""
        return np.zeros(self.shape[0], dtype=np.int64) if self.cell is None else self.cell

    def picked(self, option: Ints) -> Floats:
        """Outcomes of a choice, float64[outcome, decision]."""
        at = np.arange(len(option)) * self.shape[1] + option
        return np.stack([array.ravel()[at] for array in self.arrays])

    def usage(self, picked: Floats) -> Floats:
        """Row totals (scaled) of picked outcomes, float64[limit], summed pairwise over the decisions."""
        if self.cell is None:
            return np.asarray(self.rows @ picked.sum(axis=1), dtype=np.float64)
        cells = np.stack([np.bincount(self.cell, one, minlength=len(self.member)) for one in picked])
        return np.asarray(np.einsum("oc,lo,cl->l", cells, self.rows, self.member), dtype=np.float64)

    def gain(self, picked: Floats) -> float:
        """Scaled objective of picked outcomes, float64[outcome, decision]."""
        if self.cell is None:
            return float(self.objective[0] @ picked.sum(axis=1))
        return float(np.einsum("od,do->", picked, self.objective[self.cell]))

    def without(self, row: int) -> Problem:
        """The same problem, one limit left out."""
        keep = np.arange(len(self.rhs)) != row
        return replace(
            self,
            rows=self.rows[keep],
            rhs=self.rhs[keep],
            member=self.member[:, keep],
            row_scale=self.row_scale[keep],
            slips=self.slips[keep],
        )


def build(
    outcomes: Mapping[str, NDArray[np.float64]],
    objective: Objective,
    limits: Sequence[Limit],
    available: NDArray[np.bool_] | None,
    rules: Sequence[Rule] = (),
) -> Problem:
    """Check the arguments of `choose` and scale them.

    Raises
    ------
    InputError
        For an unknown outcome, shapes that differ, numbers that are not finite where an option is available, a
        decision without options, a denominator below 0.
    """
    weights = {objective: 1.0} if isinstance(objective, str) else dict(objective)
    wanted = [*weights, *(name for limit in limits for name in (limit.name, limit.per) if name is not None)]
    names = tuple(dict.fromkeys(wanted))
    arrays = tuple(_array(outcomes, name) for name in names)
    shape = arrays[0].shape
    for name, array in zip(names, arrays, strict=True):
        if array.shape != shape:
            raise InputError(f"outcome {name!r} has shape {array.shape}, {names[0]!r} {shape}: all need the same")
    mask = _mask(available, shape)
    for name, array in zip(names, arrays, strict=True):
        _check_finite(name, array, mask)
    at = {name: index for index, name in enumerate(names)}
    vector = np.zeros(len(names))
    for name, weight in weights.items():
        if not np.isfinite(weight):
            raise InputError(f"maximise: the weight of {name!r} is {weight}; it must be finite")
        vector[at[name]] += weight
    rows, rhs = _rows(limits, at, arrays, mask)
    cell, member = _cells(limits, shape[0])
    return _scaled(
        Problem(
            names=names,
            arrays=arrays,
            available=mask,
            objective=np.repeat(vector[None, :], len(member), axis=0),
            rows=rows,
            rhs=rhs,
            cell=cell,
            member=member,
            value_scale=1.0,
            row_scale=np.ones(len(limits)),
            slips=np.zeros(len(limits)),
            rules=tuple(rules),
            web=weave(rules, (shape[0], shape[1]), mask) if rules else None,
        ),
        limits,
    )


def _array(outcomes: Mapping[str, NDArray[np.float64]], name: str) -> Floats:
    if name not in outcomes:
        raise InputError(
            f"there is no outcome {name!r}: the outcomes given are {', '.join(map(repr, outcomes)) or 'none'}"
        )
    array = np.ascontiguousarray(outcomes[name], dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"outcome {name!r} has shape {array.shape}: it must be [decision, option], both at least 1")
    return array


def _mask(available: object, shape: tuple[int, ...]) -> Bools | None:
    if available is None:
        return None
    mask = np.ascontiguousarray(available)
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise InputError(f"available has dtype {mask.dtype} and shape {mask.shape}: it must be bool with shape {shape}")
    if mask.all():
        return None
    empty = np.flatnonzero(~mask.any(axis=1))
    if len(empty):
        raise InputError(
            f"decision {empty[0]} has no available option ({len(empty):,} such decisions): give each at least one"
        )
    return mask


def _check_finite(name: str, array: Floats, mask: Bools | None) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = ~np.isfinite(array)
    if mask is not None:
        bad &= mask
    if bad.any():
        decision, option = (int(index[0]) for index in np.nonzero(bad))
        raise InputError(
            f"outcome {name!r} of decision {decision}, option {option} is {array[decision, option]} ({int(bad.sum()):,} "
            "such numbers): every available option needs finite outcomes; mask it in `available`"
        )


def _rows(
    limits: Sequence[Limit], at: dict[str, int], arrays: tuple[Floats, ...], mask: Bools | None
) -> tuple[Floats, Floats]:
    rows = np.zeros((len(limits), len(at)))
    rhs = np.zeros(len(limits))
    for index, limit in enumerate(limits):
        decisions = arrays[0].shape[0]
        if limit.within is not None and len(limit.within) != decisions:
            raise InputError(f"{limit.title}: within has {len(limit.within)} entries for {decisions} decisions")
        rows[index, at[limit.name]] += limit.sign
        if limit.per is None:
            rhs[index] = limit.sign * limit.bound
            continue
        rows[index, at[limit.per]] -= limit.sign * limit.bound
        _check_denominator(limit, arrays[at[limit.per]], mask)
    return rows, rhs


def _check_denominator(limit: Limit, denominator: Floats, mask: Bools | None) -> None:
    with np.errstate(invalid="ignore"):
        if denominator.min() >= 0:
            return
        bad = denominator < 0
    if mask is not None:
        bad &= mask
    if limit.within is not None:
        bad &= limit.within[:, None]
    if bad.any():
        decision, option = (int(index[0]) for index in np.nonzero(bad))
        raise InputError(
            f"{limit.title}: {limit.per!r} of decision {decision}, option {option} is {denominator[decision, option]}; "
            "a ratio needs denominators >= 0: mask the option or limit the sum instead"
        )


def _cells(limits: Sequence[Limit], decisions: int) -> tuple[Ints | None, Floats]:
    """Group the decisions by the limits that count them."""
    masks = {id(limit.within): limit.within for limit in limits if limit.within is not None}
    if not masks:
        return None, np.ones((1, len(limits)))
    code = np.zeros(decisions, dtype=np.uint64)
    for index, mask in enumerate(masks.values()):
        # Up to 63 masks the code is exact; beyond, odd multipliers make it a 64-bit hash (Knuth's golden ratio).
        bit = 1 << index if len(masks) < 64 else ((2 * index + 1) * 0x9E3779B97F4A7C15) % 2**64
        code += mask * np.uint64(bit)
    if len(masks) <= 16:
        present = np.bincount(code.astype(np.int64), minlength=1 << len(masks)) > 0
        cell = (np.cumsum(present) - 1)[code.astype(np.int64)]
        first = np.zeros(int(present.sum()), dtype=np.int64)
        first[cell[::-1]] = np.arange(decisions)[::-1]
    else:
        _, first, cell = np.unique(code, return_index=True, return_inverse=True)
    member = np.ones((len(first), len(limits)))
    for index, limit in enumerate(limits):
        if limit.within is not None:
            member[:, index] = limit.within[first]
    return cell.astype(np.int64), member


def _scaled(problem: Problem, limits: Sequence[Limit]) -> Problem:
    """Divide objective and rows by powers of two near their mean swing over a sample of decisions."""
    decisions, options = problem.shape
    sample = np.unique(np.linspace(0, decisions - 1, min(decisions, 4096)).astype(np.int64))
    mask = None if problem.available is None else problem.available[sample]
    small = [np.where(mask, array[sample], 0.0) if mask is not None else array[sample] for array in problem.arrays]

    def sizes(vector: Floats) -> tuple[float, float]:
        """Mean swing and mean absolute size of a combination of outcomes."""
        total = sum((weight * array for weight, array in zip(vector, small, strict=True) if weight != 0), np.zeros(1))
        total = np.broadcast_to(total, (len(sample), options))
        low = np.where(mask, total, np.inf).min(axis=1) if mask is not None else total.min(axis=1)
        high = np.where(mask, total, -np.inf).max(axis=1) if mask is not None else total.max(axis=1)
        return float((high - low).mean()), float(np.abs(total).mean())

    def scale(vector: Floats) -> float:
        swing, size = sizes(vector)
        size = swing if swing > 1e-12 * size else size
        return float(2.0 ** np.round(np.log2(size))) if size > 0 else 1.0

    value_scale = scale(problem.objective[0])
    row_scale = np.array([scale(row) for row in problem.rows]).reshape(len(problem.rhs))
    magnitude = np.array([sizes(np.abs(row))[1] for row in problem.rows]).reshape(len(problem.rhs))
    bounds = np.array([abs(limit.bound) for limit in limits]).reshape(len(problem.rhs))
    allowed = np.array([limit.tolerance for limit in limits]).reshape(len(problem.rhs))
    ratio = np.array([limit.per is not None for limit in limits], dtype=bool)
    # Well inside the promised tolerance, in proportion to what is added up; a ratio's row has no size but its terms'.
    slips = np.where(ratio, 1e-11 * decisions * magnitude, np.minimum(0.5 * allowed, 1e-10 * (bounds + row_scale)))
    return replace(
        problem,
        objective=problem.objective / value_scale,
        rows=problem.rows / row_scale[:, None],
        rhs=problem.rhs / row_scale,
        value_scale=value_scale,
        row_scale=row_scale,
        slips=slips / row_scale,
    )
