"""Outcomes of region x period: two-way effects taken off, clustered errors, randomisation inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pricebid.errors import Fault, InputError, TableError
from pricebid.learning.experiments.switchback import settled
from pricebid.learning.experiments.units import order_variants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.experiments import ExperimentRows

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

MANY_REGIONS, _CHUNK = 5, 100
LAGS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """A switchback experiment on its grid.

    Parameters
    ----------
    labels : object[variant]
        The control first.
    outcome : float64[region, period]
        NaN where there is no row.
    variant : int64[region, period]
        Position in ``labels``; -1 where there is no row.
    covariate : float64[region, period], optional
        NaN where there is no row.
    blocks : int64[period]
        Number of the block.
    """

    labels: NDArray[np.object_]
    outcome: Floats
    variant: Ints
    blocks: Ints
    covariate: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchbackFit:
    """Effects of the variants.

    Parameters
    ----------
    effect, error : float64[variant - 1]
        Against the control, per period that it is kept up; standard error clustered by region x block.
    freedom : float
        Clusters less parameters.
    p : float64[variant - 1]
        Of the t-test.
    p_drawn : float64[variant - 1]
        Of randomisation inference: how often schedules drawn anew give as large a difference.
    base : float
        Mean outcome of settled control cells.
    cells, left_out : int
        Cells that count, and cells left out for carry-over.
    clusters : int
        Region x block pairs that count.
    lags : float64[variant - 1, lag]
        What having had the variant 1, 2, ... periods ago still does, all cells together.
    lags_p : float
        Of the test that these are all 0; NaN where blocks are too short or few to tell.
    """

    effect: Floats
    error: Floats
    freedom: float
    p: Floats
    p_drawn: Floats
    base: float
    cells: int
    left_out: int
    clusters: int
    lags: Floats
    lags_p: float


def lay_out(rows: ExperimentRows, *, control: str | None = None, block: int | None = None) -> Cells:
    """Put a switchback experiment on its grid: units are regions, times are periods.

    Parameters
    ----------
    rows : ExperimentRows
        With times.
    control : str, optional
        The variant that comes first.
    block : int, optional
        Periods between two possible switches; told from where regions switch if not given.

    Raises
    ------
    TableError
        No times, two rows of one region and time, or a switch inside a block.
    """
    if rows.time is None:
        raise TableError([Fault(table="experiments", column="time", message="is not there; a switchback needs it")])
    order = order_variants(rows.variants, control)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    times, period = np.unique(rows.time, return_inverse=True)
    cell = rows.unit * len(times) + period
    twice = len(cell) - len(np.unique(cell))
    if twice:
        message = "has several rows at one time; a region has one variant per period: sum them up"
        raise TableError([Fault(table="experiments", column="unit", message=message, count=twice)])
    shape = (len(rows.units), len(times))

    def grid(values: Floats) -> Floats:
        made = np.full(shape, np.nan)
        made[rows.unit, period] = values
        return made

    bottom = np.ones(len(rows)) if rows.denominator is None else rows.denominator
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bottom > 0, rows.outcome / bottom, np.nan)
    variant = np.where(np.isfinite(grid(ratio)), np.nan_to_num(grid(place[rows.variant].astype(float)), nan=-1.0), -1.0)
    laid = variant.astype(np.int64)
    blocks = _blocks(laid, block) if block is not None or rows.block is None else _given_blocks(rows, period)
    return Cells(
        labels=rows.variants[order],
        outcome=grid(ratio),
        variant=laid,
        blocks=blocks,
        covariate=None if rows.covariate is None else grid(rows.covariate),
    )


def fit_switchback(cells: Cells, *, carry_over: int = 0, draws: int = 1_000, seed: int = 0) -> SwitchbackFit:
    """Estimate what each variant does against the control.

    Outcomes are explained by region, period, covariate and variant; periods in which an earlier variant may still act are
    left out. Errors are clustered by region x block, the level at which variants were drawn (Abadie, Athey, Imbens and
    Wooldridge 2023). Randomisation inference draws blocks of a region in another order (Fisher's sharp null).

    Parameters
    ----------
    cells : Cells
        The grid.
    carry_over : int
        Periods after a switch that are left out.
    draws, seed : int
        Of randomisation inference.

    Raises
    ------
    InputError
        Too little is left to tell the variants apart.
    """
    known = cells.variant >= 0
    kept = settled(cells.variant, carry_over) & known
    dummies = [np.where(known, cells.variant == one, 0.0) for one in range(1, len(cells.labels))]
    columns = dummies + ([] if cells.covariate is None else [_filled(cells.covariate)])
    slope, cover, clusters = _regress(cells, columns, kept)
    many = len(dummies)
    effect, error = slope[:many], np.sqrt(np.diag(cover)[:many])
    freedom = float(clusters - len(columns) - 1)
    lags, lags_p = _lagged(cells, dummies)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, np.abs(effect) / error, np.where(effect == 0, 0.0, np.inf))
    return SwitchbackFit(
        effect=effect,
        error=error,
        freedom=freedom,
        p=2.0 * stats.t.sf(t, freedom),
        p_drawn=_drawn_p(cells, kept, carry_over, draws, np.random.default_rng(seed)),
        base=float(cells.outcome[kept & (cells.variant == 0)].mean()),
        cells=int(kept.sum()),
        left_out=int(known.sum() - kept.sum()),
        clusters=clusters,
        lags=lags,
        lags_p=lags_p,
    )


def contrasts(rest: Floats, variant: Ints, kept: Bools, variants: int) -> Floats:
    """Return mean of each variant less mean of the control over kept cells, float64[..., variant - 1].

    Parameters
    ----------
    rest : float64[region, period]
        Outcomes less region and period effects, 0 where not known.
    variant, kept : [..., region, period]
        One or many schedules.
    variants : int
        How many there are.
    """
    means = []
    for one in range(variants):
        mine = kept & (variant == one)
        total = np.einsum("...rp,rp->...", mine.astype(np.float64), rest)
        means.append(total / np.maximum(mine.sum(axis=(-2, -1)), 1))
    return np.stack([one - means[0] for one in means[1:]], axis=-1)


def without_effects(values: Floats, kept: Bools) -> Floats:
    """Return kept values less region and period effects (least squares, also where cells are missing), 0 elsewhere.

    Parameters
    ----------
    values : float64[..., region, period]
        One outcome or several.
    kept : bool[region, period]
        Cells that count.
    """
    if kept.shape[0] < kept.shape[1]:
        # The larger side is eliminated first: what is left to solve has the size of the smaller one.
        return without_effects(np.swapaxes(values, -1, -2), kept.T).swapaxes(-1, -2)
    weight = kept.astype(float)
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    share = weight / np.maximum(rows, 1.0)[:, None]
    filled = np.where(kept, values, 0.0)
    left = np.diag(columns) - weight.T @ share
    right = filled.sum(axis=-2) - filled.sum(axis=-1) @ share
    across = right @ np.linalg.pinv(left, rcond=1e-10, hermitian=True)
    down = (filled.sum(axis=-1) - across @ weight.T) / np.maximum(rows, 1.0)
    rest: Floats = np.where(kept, filled - down[..., :, None] - across[..., None, :], 0.0)
    return rest


def least_squares(outcome: Floats, variant: Ints, kept: Bools, variants: int) -> Floats:
    """Return the effect of each variant against the control in a two-way regression over kept cells, float64[variant - 1]."""
    dummies = [(variant == one).astype(float) for one in range(1, variants)]
    rest = without_effects(np.stack([outcome, *dummies]), kept)
    matrix = np.stack([one[kept] for one in rest[1:]], axis=1)
    effect: Floats = np.linalg.lstsq(matrix, rest[0][kept], rcond=None)[0]
    return effect


def _regress(cells: Cells, columns: list[Floats], kept: Bools) -> tuple[Floats, Floats, int]:
    rest = without_effects(cells.outcome, kept)[kept]
    matrix = np.column_stack([column[kept] for column in without_effects(np.stack(columns), kept)])
    gram = matrix.T @ matrix
    if np.linalg.matrix_rank(gram, tol=1e-9 * max(1.0, float(np.abs(gram).max()))) < len(columns):
        raise InputError(
            f"{int(kept.sum())} cells are left, and in them variants cannot be told from regions and periods: lengthen blocks, "
            "lower carry_over, or let regions switch at different times"
        )
    bread = np.linalg.inv(gram)
    slope = bread @ matrix.T @ rest
    residual = rest - matrix @ slope
    cluster = np.broadcast_to(np.arange(len(kept))[:, None] * (cells.blocks.max() + 1) + cells.blocks, kept.shape)[kept]
    labels, back = np.unique(cluster, return_inverse=True)
    if len(labels) <= len(columns) + 1:
        raise InputError(f"{len(labels)} blocks are left: too few to say how sure an effect is; run it longer")
    scores = np.column_stack([np.bincount(back, weights=one * residual) for one in matrix.T])
    n, taken = len(rest), len(columns) + int(kept.any(axis=1).sum()) + int(kept.any(axis=0).sum()) - 1
    small = len(labels) / (len(labels) - 1.0) * (n - 1.0) / max(n - taken, 1)
    return slope, small * bread @ scores.T @ scores @ bread, len(labels)


def _lagged(cells: Cells, dummies: list[Floats]) -> tuple[Floats, float]:
    """What the variants of earlier periods still do, and the p-value of their all being nothing."""
    lags = min(LAGS, int(np.bincount(cells.blocks).max()))
    nothing = np.full((len(dummies), lags), np.nan)
    earlier = []
    whole = cells.variant >= 0
    for dummy in dummies:
        for lag in range(1, lags + 1):
            shifted = np.zeros(dummy.shape)
            shifted[:, lag:] = dummy[:, :-lag]
            earlier.append(shifted)
    for lag in range(1, lags + 1):
        seen = np.zeros(whole.shape, dtype=bool)
        seen[:, lag:] = cells.variant[:, :-lag] >= 0
        whole = whole & seen
    try:
        slope, cover, clusters = _regress(cells, dummies + earlier, whole)
    except InputError:
        return nothing, float("nan")
    late = slice(len(dummies), None)
    if np.linalg.matrix_rank(cover[late, late]) < len(earlier):
        return nothing, float("nan")  # nothing varies, or fewer blocks than lags
    wald = float(slope[late] @ np.linalg.solve(cover[late, late], slope[late])) / len(earlier)
    found = float(stats.f.sf(wald, len(earlier), max(clusters - len(slope) - 1, 1)))
    return slope[late].reshape(len(dummies), lags), found


def _drawn_p(cells: Cells, kept: Bools, carry_over: int, draws: int, rng: np.random.Generator) -> Floats:
    many = len(cells.labels)
    rest = without_effects(cells.outcome, cells.variant >= 0)
    seen = np.abs(contrasts(rest, cells.variant, kept, many))
    by_block = np.full((len(cells.variant), int(cells.blocks.max()) + 1), -1)
    region, period = np.nonzero(cells.variant >= 0)
    by_block[region, cells.blocks[period]] = cells.variant[region, period]
    beyond, done = np.zeros(many - 1), 0
    while done < draws:
        size = min(_CHUNK, draws - done)
        drawn = rng.permuted(np.broadcast_to(by_block, (size, *by_block.shape)), axis=2)[:, :, cells.blocks]
        usable = settled(drawn, carry_over) & (cells.variant >= 0)
        beyond += (np.abs(contrasts(rest, drawn, usable, many)) >= seen * (1 - 1e-12)).sum(axis=0)
        done += size
    return (1.0 + beyond) / (draws + 1.0)


def _blocks(variant: Ints, block: int | None) -> Ints:
    periods = variant.shape[1]
    known = (variant[:, 1:] >= 0) & (variant[:, :-1] >= 0)
    switches = np.flatnonzero(((variant[:, 1:] != variant[:, :-1]) & known).any(axis=0)) + 1
    if block is not None:
        inside = switches[switches % block != 0]
        if len(inside):
            message = (
                f"a region switches in period {inside[0] + 1}, inside a block of {block}; give the block that was used"
            )
            raise TableError([Fault(table="experiments", column="variant", message=message, count=len(inside))])
        return np.arange(periods) // block
    if len(variant) < MANY_REGIONS and len(switches):
        # Few regions leave possible switches unused: the grid is the largest that fits all that were used.
        return np.arange(periods) // int(np.gcd.reduce(switches))
    return np.searchsorted(switches, np.arange(periods), side="right").astype(np.int64)


def _given_blocks(rows: ExperimentRows, period: Ints) -> Ints:
    first = np.zeros(int(period.max()) + 1, dtype=np.int64)
    given = np.asarray(rows.block)
    first[period] = given
    torn = given != first[period]
    pairs = np.unique(np.stack([rows.unit, given, rows.variant]), axis=1)
    same = int((np.diff(pairs[:2], axis=1) == 0).all(axis=0).sum())
    if torn.any() or same:
        message = "does not fit: a block is a stretch of time, the same for all units, in which no unit switches"
        raise TableError([Fault(table="experiments", column="block", message=message, count=int(torn.sum()) or same)])
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def carry_over_of(rows: ExperimentRows) -> int:
    """Return how many periods are burn-in after a possible switch, as ``burn_in`` marks them: those before a unit's first other."""
    if rows.burn_in is None or rows.time is None:
        return 0
    _, period = np.unique(rows.time, return_inverse=True)
    first = np.full(len(rows.units), int(period.max()) + 1)
    np.minimum.at(first, rows.unit[~rows.burn_in], period[~rows.burn_in])
    return int(first.min())


def _filled(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nanmean(values))
