"""Priors from what is known already: draws of the demand model or the bid landscape, or how groups before did.

Plain arrays come in: draws of an option's outcome, estimates of groups. What is known from elsewhere may be wrong here: ``trust``
below 1 makes a prior weaker, and ``most`` bounds how many outcomes it is worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.gaussian_prior import GaussianPrior

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

INSIDE = 1e-6  # probabilities are kept this far from 0 and 1
RIDGE = 1e-9  # of a covariance, relative to its trace


def beta_prior(draws: ArrayLike, *, trust: float = 1.0, most: float = 1_000.0) -> tuple[Floats, Floats]:
    """Turn draws of success probabilities into Beta priors with the same means and variances.

    Parameters
    ----------
    draws : float[draw, option]
        Probabilities, from 0 to 1: expected sales / visitors of a price, conversions / clicks.
    trust : float
        Times the weight that the draws give, > 0.
    most : float
        Outcomes that the prior of an option is worth at most, > 0.

    Returns
    -------
    wins, losses : float64[option]
        ``prior_wins`` and ``prior_losses`` of a `BetaThompson`.

    Raises
    ------
    InputError
        Draws of another shape, or outside 0 to 1; a weight that is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> wins, losses = beta_prior(np.random.default_rng(0).beta(20.0, 60.0, (100_000, 1)))
    >>> wins.round(), losses.round()
    (array([20.]), array([60.]))
    """
    drawn = _draws(draws, 2)
    if not ((drawn >= 0.0) & (drawn <= 1.0)).all():
        raise InputError(
            f"draws lie between {drawn.min():.4g} and {drawn.max():.4g}; probabilities lie between 0 and 1"
        )
    _check_weights(trust, most)
    mean = np.clip(drawn.mean(axis=0), INSIDE, 1.0 - INSIDE)
    return _beta(mean, drawn.var(axis=0), trust, most)


def mean_prior(draws: ArrayLike, *, noise: float, trust: float = 1.0, most: float = 1_000.0) -> tuple[Floats, Floats]:
    """Turn draws of mean rewards into the prior of a `GaussianThompson`.

    Parameters
    ----------
    draws : float[draw, option]
        Mean rewards, money.
    noise : float
        Standard deviation of one reward, > 0.
    trust, most : float
        As for `beta_prior`.

    Returns
    -------
    mean, weight : float64[option]
        ``prior_mean`` and ``prior_weight`` of a `GaussianThompson`.

    Raises
    ------
    InputError
        Draws of another shape, not finite; a weight or a noise that is not above 0.
    """
    drawn = _draws(draws, 2)
    _check_weights(trust, most)
    if not (noise > 0.0 and np.isfinite(noise)):
        raise InputError(f"noise is {noise!r}; give a standard deviation above 0")
    variance = np.maximum(drawn.var(axis=0), noise**2 / most / max(trust, 1.0) / 1e3)
    return drawn.mean(axis=0), np.minimum(trust * noise**2 / variance, most)


def gaussian_prior(draws: ArrayLike, *, trust: float = 1.0) -> GaussianPrior:
    """Turn draws of parameters into a normal prior with their mean and covariance.

    Parameters
    ----------
    draws : float[draw, width] or float[draw, block, width]
        Parameters of a contextual model.
    trust : float
        Divides the covariance, > 0.

    Raises
    ------
    InputError
        Fewer draws than two, or not finite; a trust that is not above 0.
    """
    drawn = np.asarray(draws, dtype=np.float64)
    drawn = _draws(drawn, 3 if drawn.ndim == 3 else 2)
    _check_weights(trust, 1.0)
    off = drawn - drawn.mean(axis=0)
    covariance = np.einsum("n...i,n...j->...ij", off, off) / (len(drawn) - 1) / trust
    return GaussianPrior(mean=drawn.mean(axis=0), covariance=_sure(covariance))


def logistic_prior(draws: ArrayLike, features: ArrayLike, *, trust: float = 1.0) -> GaussianPrior:
    """Turn draws of success probabilities into the prior of a logistic model: log odds of each draw, fitted by features.

    Parameters
    ----------
    draws : float[draw, option]
        Probabilities of each option in one context, from 0 to 1.
    features : float[option, width]
        The model's features of the options in that context, of full rank: ``policy.features.of_all(context)[0]``.
    trust : float
        Divides the covariance, > 0.

    Raises
    ------
    InputError
        Shapes that do not fit, or features that leave parameters open.
    """
    drawn, design = _draws(draws, 2), np.asarray(features, dtype=np.float64)
    if design.ndim != 2 or len(design) != drawn.shape[1]:
        raise InputError(
            f"features are float{list(design.shape)}; give float[option, width] of {drawn.shape[1]} options"
        )
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            "the features of these options leave parameters open: give more options, or a prior for the rest"
        )
    inside = np.clip(drawn, INSIDE, 1.0 - INSIDE)
    fitted = np.log(inside / (1.0 - inside)) @ np.linalg.pinv(design).T
    return gaussian_prior(fitted, trust=trust)


def pooled_beta(successes: ArrayLike, trials: ArrayLike, *, most: float = 1_000.0) -> tuple[float, float]:
    """Give the Beta prior of a new member from how the others did: beta-binomial, by moments (Kleinman 1973).

    Parameters
    ----------
    successes, trials : float[member]
        Of each keyword, product or region before; members without trials say nothing.
    most : float
        Outcomes that the prior is worth at most, > 0.

    Returns
    -------
    wins, losses : float
        Of the prior: mean and spread of the members' true rates.

    Raises
    ------
    InputError
        Fewer than two members with trials, or more successes than trials.
    """
    won, tried = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if won.shape != tried.shape or won.ndim != 1 or not ((won >= 0.0) & (won <= tried)).all():
        raise InputError("give successes and trials of each member, with 0 <= successes <= trials")
    won, tried = won[tried > 0.0], tried[tried > 0.0]
    if len(won) < 2:
        raise InputError(f"{len(won)} members have trials; at least 2 show how members differ")
    _check_weights(1.0, most)
    mean = float(np.clip(won.sum() / tried.sum(), INSIDE, 1.0 - INSIDE))
    # Expected: sum of trials (rate - mean)^2 = m (1 - m) (members - 1) + between (trials - sum trials^2 / trials).
    scatter = float((tried * (won / tried - mean) ** 2).sum())
    room = float(tried.sum() - (tried**2).sum() / tried.sum())
    sampled = mean * (1.0 - mean) * (len(won) - 1)
    between = max((scatter - sampled) / max(room - (len(won) - 1), 1e-12), 0.0)
    wins, losses = _beta(np.array([mean]), np.array([between]), 1.0, most)
    return float(wins[0]), float(losses[0])


def pooled_prior(estimates: ArrayLike, covariances: ArrayLike) -> GaussianPrior:
    """Give the normal prior of a new group from estimates of the others: random effects, by moments (Jackson et al. 2010).

    Parameters
    ----------
    estimates : float[group, width]
        Parameters estimated for each group.
    covariances : float[group, width, width]
        Of each estimate's error.

    Returns
    -------
    GaussianPrior
        Mean of the groups; how far true parameters of groups lie apart, and how uncertain the mean is.

    Raises
    ------
    InputError
        Fewer than two groups, or shapes that do not fit.
    """
    told, errors = _draws(estimates, 2), np.asarray(covariances, dtype=np.float64)
    if errors.shape != (*told.shape, told.shape[1]) or not np.isfinite(errors).all():
        raise InputError(f"covariances are float{list(errors.shape)}; give finite float{[*told.shape, told.shape[1]]}")
    mean = told.mean(axis=0)
    scatter = (told - mean).T @ (told - mean) / (len(told) - 1)
    values, vectors = np.linalg.eigh(scatter - errors.mean(axis=0))
    between = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return GaussianPrior(mean=mean, covariance=_sure(between + scatter / len(told)))


def _beta(mean: Floats, variance: Floats, trust: float, most: float) -> tuple[Floats, Floats]:
    # A variance as large as that of coin flips leaves nothing: the prior is then worth as little as it may be.
    room = mean * (1.0 - mean)
    weight = np.clip(trust * (room / np.maximum(variance, room / (1e3 * most)) - 1.0), min(0.1, most), most)
    return mean * weight, (1.0 - mean) * weight


def _sure(covariance: Floats) -> Floats:
    # Positive definite even where draws are fewer than parameters, or never differ.
    width = covariance.shape[-1]
    level = np.trace(covariance, axis1=-2, axis2=-1)[..., None, None] / width
    lifted: Floats = covariance + (RIDGE * level + RIDGE**2) * np.eye(width)
    return lifted


def _draws(draws: ArrayLike, axes: int) -> Floats:
    drawn = np.asarray(draws, dtype=np.float64)
    if drawn.ndim != axes or len(drawn) < 2 or not np.isfinite(drawn).all():
        raise InputError(f"draws are float{list(drawn.shape)}; give at least 2 finite draws, the first of {axes} axes")
    return drawn


def _check_weights(trust: float, most: float) -> None:
    for name, value in (("trust", trust), ("most", most)):
        if not (value > 0.0 and np.isfinite(value)):
            raise InputError(f"{name} is {value!r}; give a finite number above 0")
