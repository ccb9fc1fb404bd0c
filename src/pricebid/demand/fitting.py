"""Fit the demand model: alternate between slopes, moving levels and the counts' own noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand import levels
from pricebid.demand.counts import Sites, sites
from pricebid.demand.features import codes
from pricebid.demand.hierarchy import Information, Pooled, Split, pool, soften
from pricebid.demand.noise import learn_noise
from pricebid.demand.panel import Panel, known_means, make_panel
from pricebid.demand.priors import offset_variance, spread_for, time_spread_for
from pricebid.demand.season import Season, Tide, fit_tide, learn_season
from pricebid.demand.tiers import Upper, mean_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_ROUNDS = 4
_TREND_VARIANCE = 0.0025
_EM_ROUNDS = 8
_TIME_ROUNDS = 25
_CURVATURES = (0.0, 0.5, 1.0)
_MOST_AHEAD = {"day": 120, "week": 60, "month": 24}


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The outcome of fitting: what a DemandModel is made of."""

    panel: Panel
    pooled: Pooled
    upper: Upper
    intercept: NDArray[np.float64]
    intercept_variance: NDArray[np.float64]
    sigma2: NDArray[np.float64]
    tide: Tide
    tide_ahead: NDArray[np.float64]
    sku_level: levels.Level
    sku_last: tuple[NDArray[np.float64], NDArray[np.float64]]
    series_level: levels.Level
    series_last: tuple[NDArray[np.float64], NDArray[np.float64]]
    eta: NDArray[np.float64]
    over_time: Information | None = None


def fit_panel(
    panel: Panel, *, like: Fitted | None = None, progress: Callable[[str, float], None] | None = None
) -> Fitted:
    """Fit everything.

    Parameters
    ----------
    panel : Panel
        What to fit.
    like : Fitted, optional
        A fit of the same shop whose variances are taken over, which saves most of the time.
    progress : callable, optional
        Told ``(stage, share done)``.

    Returns
    -------
    Fitted
    """
    history = panel.history
    state = _begin(panel) if like is None else _begin_like(panel, like)
    rounds = _ROUNDS if like is None else _ROUNDS - 1
    for at in range(rounds):
        if progress:
            progress("fit", at / rounds)
        cells = sites(history.units, history.censored, state.eta, state.sigma2[:, None])
        if like is None and at == 1:
            panel = _best_curvature(panel, state, cells)
            state = replace(state, panel=panel)
        state = _slopes(panel, state, cells, rounds=_EM_ROUNDS if like is None else 2)
        learn = like is None and at != _ROUNDS - 2
        state = _levels(panel, state, cells, learn=learn, season=like is None and at in (0, _ROUNDS - 1))
        if like is None:
            state = replace(state, sigma2=learn_noise(panel, state.eta, state.sigma2))
    return state


def _best_curvature(panel: Panel, state: Fitted, cells: Sites) -> Panel:
    """Let the data weigh how elasticity changes with the price: the posterior mean over a few curvatures."""
    names = panel.recipe.names
    at = [names.index(name) for name in ("own", *panel.recipe.driver_names)]
    pull = state.pooled.category.mean[:, at][panel.tiers.category_of]
    pull[:, 0] = np.minimum(pull[:, 0], -0.5)
    panels = [make_panel(panel.history, curvature, pull, span=panel.span) for curvature in _CURVATURES]
    evidence = np.array([_slopes(other, state, cells, rounds=2).pooled.evidence for other in panels])
    weight = np.exp(evidence - evidence.max())
    return make_panel(panel.history, float(weight @ np.array(_CURVATURES) / weight.sum()), pull, span=panel.span)


def _begin_like(panel: Panel, like: Fitted) -> Fitted:
    state = _begin(panel)
    return replace(
        state,
        sigma2=like.sigma2,
        sku_level=like.sku_level,
        series_level=like.series_level,
        pooled=replace(state.pooled, spread=like.pooled.spread),
        tide=replace(state.tide, season=like.tide.season),
    )


def _begin(panel: Panel) -> Fitted:
    """A first guess: each offer's own level, the prior's slopes, no movement."""
    history, tree = panel.history, panel.tree
    n, periods = history.units.shape
    k = len(panel.recipe.names)
    extras = len(panel.extras)
    spread = spread_for(panel.recipe.names, extras, offsets=panel.compared, known=known_means(panel))
    seen = np.isfinite(history.units)
    mean = (np.nan_to_num(history.units).sum(1) + 0.3) / (seen.sum(1) + 0.5)
    size = 2 * k + extras
    no_information = (
        Split.none(n, k),
        Split.none(tree.skus, size),
        Information(np.zeros((tree.categories, size, size)), np.zeros((tree.categories, size))),
    )
    season = Season(sizes=np.zeros(8), frequency=history.frequency, yearly=False)
    regressors = k + 1
    tide = Tide(
        season=season,
        times=np.arange(periods, dtype=np.float64),
        alpha=np.zeros((tree.categories, periods)),
        slopes=np.zeros((tree.categories, regressors)),
        intercept=np.zeros(tree.categories),
    )
    pooled = pool(no_information, tree, spread, rounds=1)
    own = np.einsum("nk,knt->nt", pooled.series.mean, panel.columns)
    level = np.log(mean)[:, None]
    return Fitted(
        panel=panel,
        pooled=pooled,
        upper=_relative(pooled, k),
        intercept=np.log(mean),
        intercept_variance=np.ones(n),
        sigma2=np.full(n, 0.3),
        tide=tide,
        tide_ahead=np.zeros((tree.categories, 1)),
        sku_level=levels.Level(phi=0.9, variance=0.03, noise=0.03),
        sku_last=(np.zeros(tree.skus), np.zeros(tree.skus)),
        series_level=levels.Level(phi=0.95, variance=0.03, noise=1e-6),
        series_last=(np.zeros(n), np.zeros(n)),
        eta=level + own - _row_mean(own, seen),
    )


def _row_mean(values: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.where(seen, values, 0.0).sum(1) / np.maximum(seen.sum(1), 1))[:, None]


def _slopes(panel: Panel, state: Fitted, cells: Sites, *, rounds: int = _EM_ROUNDS) -> Fitted:
    """Learn the slopes from deviations: of offers from their sku, and of skus from their category, in each period."""
    tree, columns = panel.tree, panel.columns
    weight = np.where(np.isfinite(cells.v), 1.0 / cells.v, 0.0)
    slope = state.pooled
    k = len(panel.recipe.names)
    w_series, theta = slope.series.mean, slope.sku.mean
    y = cells.z - state.intercept[:, None]
    # Other offers' own deviations from the sku's slopes must not count as the sku's movement.
    own = np.einsum("nk,knt->nt", w_series - theta[tree.sku_of, :k], columns)
    y_sku, total = mean_by(tree.sku_of, y - own, weight, tree.skus)
    x_sku, _ = mean_by(tree.sku_of, columns, weight, tree.skus)
    leaves = _information(y - y_sku[tree.sku_of], columns - x_sku[:, tree.sku_of], columns, cells.v, state.series_level)
    v_sku = np.where(total > 0, 1.0 / np.where(total > 0, total, 1.0), np.inf)
    w_sku = np.where(total > 0, 1.0 / (v_sku + state.sku_level.noise + state.sku_level.variance), 0.0)
    c = (
        theta[:, :k]
        + theta[:, k : 2 * k]
        - (slope.category.mean[:, :k] + slope.category.mean[:, k : 2 * k])[tree.category_of]
    )
    y_cat, many = mean_by(tree.category_of, y_sku - np.einsum("sk,kst->st", c, x_sku), w_sku, tree.categories)
    x_cat, _ = mean_by(tree.category_of, x_sku, w_sku, tree.categories)
    skus = _information(
        y_sku - y_cat[tree.category_of],
        np.concatenate([x_sku - x_cat[:, tree.category_of], np.zeros_like(panel.extras)]),
        np.concatenate([x_sku, panel.extras]),
        np.where(many[tree.category_of] > w_sku * (1 + 1e-9), v_sku, np.inf),
        state.sku_level,
    )
    size = 2 * k + len(panel.extras)
    turn = np.zeros((k + len(panel.extras), size))
    turn[:k, :k] = turn[:k, k : 2 * k] = np.eye(k)
    turn[k:, 2 * k :] = np.eye(len(panel.extras))
    skus = Split(*(turn.T @ part @ turn for part in skus[:3]), *(part @ turn for part in skus[3:]))
    info = leaves, skus, _category_information(panel, state, size)
    guess = spread_for(panel.recipe.names, len(panel.extras), offsets=panel.compared, known=known_means(panel))
    pooled = pool(info, tree, guess, start=state.pooled.spread, rounds=rounds)
    return replace(state, pooled=pooled, upper=_relative(pooled, k))


def _relative(pooled: Pooled, k: int) -> Upper:
    return Upper(over_time=pooled.sku.mean[:, k : 2 * k], extra=pooled.sku.mean[:, 2 * k :], relative=True)


def second_view(panel: Panel, state: Fitted) -> Fitted:
    """Give another view of the same data for forecasts: each sku's means regressed over time, season and all.

    Slopes over time are biased where prices followed demand, but forecasts are asked for prices set the same way. The two
    views err in different places, so that their mean is better than either (Bates and Granger 1969).
    """
    tree, k = panel.tree, len(panel.recipe.names)
    cells = sites(panel.history.units, panel.history.censored, state.eta, state.sigma2[:, None])
    weight = np.where(np.isfinite(cells.v), 1.0 / cells.v, 0.0)
    x_sku, _ = panel.tiers.means(panel.columns)
    within = np.einsum("nk,knt->nt", state.pooled.series.mean, panel.columns - x_sku[:, tree.sku_of])
    y_sku, total = mean_by(tree.sku_of, cells.z - state.intercept[:, None] - within, weight, tree.skus)
    v_sku = np.where(total > 0, 1.0 / np.where(total > 0, total, 1.0), np.inf)
    fresh = levels.Level(phi=0.5, variance=1e-9, noise=state.sku_level.noise + state.sku_level.variance)
    own = _own_extras(panel)
    x = np.concatenate([x_sku, panel.extras[own]])
    told = _information(y_sku, x, x, v_sku, fresh)
    guess = time_spread_for(panel.recipe.names, len(own), known_means(panel))
    nothing = Information(np.zeros((tree.categories, len(x), len(x))), np.zeros((tree.categories, len(x))))
    slopes = pool((Split.none(len(y_sku[tree.sku_of]), 0), told, nothing), tree, guess, rounds=_TIME_ROUNDS).sku.mean
    extra = np.zeros((tree.skus, len(panel.extras)))
    extra[:, own] = slopes[:, k:]
    upper = Upper(over_time=slopes[:, :k] - state.pooled.sku.mean[:, :k], extra=extra, relative=False)
    return _levels(panel, replace(state, upper=upper), cells, learn=False, season=False)


def _own_extras(panel: Panel) -> list[int]:
    """Extras that are not means of columns: season and trend."""
    wide = sum(name.startswith("cross") for name in panel.recipe.names)
    return list(range(wide, len(panel.extras)))


def _information(
    y: NDArray[np.float64],
    deviation: NDArray[np.float64],
    columns: NDArray[np.float64],
    variance: NDArray[np.float64],
    level: levels.Level,
) -> Split:
    """Information on the slopes of each row, its own mean and moving level integrated out.

    ``deviation`` are the columns through which the parent's slopes are seen, ``columns`` those of the row's own deviation.
    """
    k = len(columns)
    seen = np.isfinite(variance)
    e, _ = levels.whiten(np.concatenate([y[None], np.ones((1, *y.shape)), deviation, columns]) * seen, variance, level)
    rows = np.ascontiguousarray(e.transpose(1, 0, 2))
    gram = rows @ rows.transpose(0, 2, 1)
    gram = gram - gram[:, :, 1, None] * gram[:, None, 1, :] / (gram[:, 1, 1] + 1e-2)[:, None, None]
    d, x = slice(2, 2 + k), slice(2 + k, 2 + 2 * k)
    return Split(gram[:, d, d], gram[:, d, x], gram[:, x, x], gram[:, d, 0], gram[:, x, 0])


def _category_information(panel: Panel, state: Fitted, size: int) -> Information:
    """What the categories' movement over time says of their slopes, softened: prices may have followed demand."""
    k, n = len(panel.recipe.names), panel.tree.categories
    matrix, vector = np.zeros((n, size, size)), np.zeros((n, size))
    over_time = state.over_time
    if over_time is not None:
        _, w = panel.tiers.means(np.repeat(state.pooled.series.mean.T[:, :, None], 1, axis=2))
        within = w[:, :, 0].T
        # The trend is integrated out; the offset between the two kinds of slopes softens what is left.
        trend = over_time.matrix[:, k, k] + 1.0 / _TREND_VARIANCE
        cross = over_time.matrix[:, :k, k]
        m = over_time.matrix[:, :k, :k] - cross[:, :, None] * cross[:, None, :] / trend[:, None, None]
        v = over_time.vector[:, :k] - cross * (over_time.vector[:, k] / trend)[:, None]
        v = v + np.einsum("cij,cj->ci", m, within)
        soft = soften(Split(m, m, m, v, v), offset_variance(panel.recipe.names))
        # Only where prices cannot be compared within a period may the category's own movement speak of elasticity.
        alone = np.bincount(panel.tiers.category_of, minlength=n) == 1
        matrix[alone, :k, :k], vector[alone, :k] = soft.matrix[alone], soft.vector[alone]
    return Information(matrix, vector)


def _levels(panel: Panel, state: Fitted, cells: Sites, *, learn: bool, season: bool) -> Fitted:
    """Learn how categories, skus and offers move, from the coarse to the fine, given the slopes."""
    history, tree = panel.history, panel.tree
    weight = np.where(np.isfinite(cells.v), 1.0 / cells.v, 0.0)
    slope = state.pooled
    means = panel.tiers.means(panel.columns)
    x_cat = means[1]
    upper = state.upper.effect(tree, means, panel.extras)
    fixed = np.einsum("nk,knt->nt", slope.series.mean, panel.columns) + upper[tree.sku_of]
    rest = cells.z - fixed
    moving = state.eta - state.intercept[:, None] - fixed if state.tide_ahead.shape[1] > 1 else np.zeros_like(rest)
    intercept, spread = _intercepts(panel, rest - moving, weight)
    rest = rest - intercept[:, None]
    v_series = cells.v
    y_sku, total = mean_by(tree.sku_of, rest, weight, tree.skus)
    v_sku = np.where(total > 0, 1.0 / np.where(total > 0, total, 1.0), np.inf)
    spare = state.sku_level.noise + state.sku_level.variance
    w_sku = np.where(total > 0, 1.0 / (v_sku + spare), 0.0)
    y_cat, many = mean_by(tree.category_of, y_sku, w_sku, tree.categories)
    v_cat = np.where(many > 0, 1.0 / np.where(many > 0, many, 1.0), np.inf)
    regressors = np.concatenate(
        [x_cat.transpose(1, 0, 2), np.broadcast_to(panel.years, (tree.categories, 1, len(panel.years)))], axis=1
    )
    # Where the skus' own slopes are over time, the category's mean columns have nothing to add.
    free = 1.0 if state.upper.relative else 1e-3
    prior = np.concatenate([free * offset_variance(panel.recipe.names), [_TREND_VARIANCE]])
    parts = state.tide.season
    if season:
        parts = learn_season(y_cat, v_cat, regressors, prior=prior, frequency=history.frequency)
    tide, effect, tide_ahead, told = fit_tide(
        y_cat, v_cat, regressors, parts, prior=prior, most_ahead=_MOST_AHEAD[history.frequency]
    )
    sku_rest = np.where(np.isfinite(v_sku), y_sku - effect[tree.category_of], 0.0)
    sku_level = levels.learn(sku_rest, v_sku, start=state.sku_level) if learn else state.sku_level
    sku_effect, *sku_last = levels.smooth(sku_rest, v_sku, sku_level)
    above = (effect[tree.category_of] + sku_effect)[tree.sku_of]
    own_rest = np.where(np.isfinite(v_series), rest - above, 0.0)
    series_level = (
        levels.learn(own_rest, v_series, start=state.series_level, fresh=False) if learn else state.series_level
    )
    series_effect, *series_last = levels.smooth(own_rest, v_series, series_level)
    return replace(
        state,
        intercept=intercept,
        intercept_variance=spread,
        tide=tide,
        tide_ahead=tide_ahead,
        over_time=Information(*told),
        sku_level=sku_level,
        sku_last=(sku_last[0], sku_last[1]),
        series_level=series_level,
        series_last=(series_last[0], series_last[1]),
        eta=intercept[:, None] + fixed + above + series_effect,
    )


def _intercepts(
    panel: Panel, rest: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level of each offer, drawn to what its sku and region suggest; an offer without sales gets just that."""
    offers, tree = panel.history.offers, panel.tree
    precision = weight.sum(1)
    mean = np.where(precision > 0, (rest * weight).sum(1) / np.where(precision > 0, precision, 1.0), 0.0)
    # The level moves: many periods do not make the mean as sure as their number says.
    spread = np.where(precision > 0, 1.0 / np.where(precision > 0, precision, 1.0) + 0.02, np.inf)
    place = codes(panel.tiers.category_of.astype(object), *(offers.label(c) for c in offers.columns if c != "sku"))
    guess = np.zeros(len(mean))
    tau2 = 0.5
    for _ in range(8):
        w = np.where(np.isfinite(spread), 1.0 / (spread + tau2), 0.0)
        base = _shrunk(panel.tiers.category_of, mean, w, tree.categories, 100.0)[panel.tiers.category_of]
        by_sku = np.zeros(len(mean))
        by_place = np.zeros(len(mean))
        for _ in range(6):
            by_sku = _shrunk(tree.sku_of, mean - base - by_place, w, tree.skus, 1.5)[tree.sku_of]
            by_place = _shrunk(place, mean - base - by_sku, w, int(place.max()) + 1, 0.3)[place]
        guess = base + by_sku + by_place
        known = np.isfinite(spread)
        if known.sum() > 2:
            gap = (mean - guess)[known] ** 2 - spread[known]
            tau2 = float(np.clip(gap.mean(), 0.02, 4.0))
    # A sku that never sold lacks its own level too, not only its offers' deviations from it.
    unseen = np.bincount(tree.sku_of, weights=known, minlength=tree.skus) == 0
    between = float(np.var(by_sku[known])) if known.any() else 1.0
    alone = tau2 + np.where(unseen[tree.sku_of], between, 0.0)
    pull = np.where(np.isfinite(spread), tau2 / (tau2 + np.where(np.isfinite(spread), spread, 1.0)), 0.0)
    return guess + pull * (mean - guess), np.where(
        np.isfinite(spread), pull * np.where(np.isfinite(spread), spread, 0.0), alone
    )


def _shrunk(
    index: NDArray[np.intp], values: NDArray[np.float64], weight: NDArray[np.float64], n: int, variance: float
) -> NDArray[np.float64]:
    """Weighted means by index, each drawn to 0 with the given prior variance."""
    total = np.bincount(index, weights=weight, minlength=n)
    return np.asarray(np.bincount(index, weights=values * weight, minlength=n) / (total + 1.0 / variance))
