"""Sites and quantiles of counts against the exact Poisson-lognormal."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, poisson

from pricebid.demand.counts import quantile, sites


def log_likelihood(y: float, eta: float, s2: float, *, cut: bool) -> float:
    """Exact, by quadrature over the cell's own error."""
    sd = np.sqrt(s2)

    def density(u: float) -> float:
        rate = np.exp(eta + sd * u)
        chance = poisson.sf(y - 1, rate) if cut else poisson.pmf(y, rate)
        return float(chance * norm.pdf(u))

    return float(np.log(quad(density, -9, 9, limit=400, points=[-3, -1, 0, 1, 3])[0]))


def slopes(y: float, eta: float, s2: float, *, cut: bool) -> tuple[float, float]:
    """Score and information of the log mean, by finite differences."""
    h = 1e-3
    below, here, above = (log_likelihood(y, eta + d, s2, cut=cut) for d in (-h, 0.0, h))
    return (above - below) / (2 * h), -(above - 2 * here + below) / h**2


def site(y: float, eta: float, s2: float, *, cut: bool = False) -> tuple[float, float]:
    found = sites(np.array([[y]]), np.array([[cut]]), np.array([[eta]]), np.array([[s2]]))
    return float(found.z[0, 0]), float(found.v[0, 0])


@pytest.mark.parametrize("s2", [0.05, 0.3])
@pytest.mark.parametrize(("y", "mean"), [(0, 0.3), (0, 2.0), (1, 0.5), (3, 2.0), (12, 20.0), (60, 50.0)])
def test_a_site_has_the_score_of_the_exact_likelihood(y: float, mean: float, s2: float) -> None:
    """The pull on the log mean, (z - eta) / v, is the exact score to the third-order error of the approximation."""
    eta = float(np.log(mean))
    z, v = site(y, eta, s2)
    score, information = slopes(y, eta, s2, cut=False)
    assert (z - eta) / v == pytest.approx(score, abs=0.06 * np.sqrt(information))
    assert 1 / v == pytest.approx(information, rel=0.35)


@pytest.mark.parametrize("s2", [0.05, 0.3])
@pytest.mark.parametrize(("y", "mean"), [(1, 0.5), (1, 3.0), (3, 2.0), (12, 10.0), (12, 20.0)])
def test_a_cut_off_cell_has_the_score_and_information_of_at_least_this_much(y: float, mean: float, s2: float) -> None:
    eta = float(np.log(mean))
    z, v = site(y, eta, s2, cut=True)
    score, information = slopes(y, eta, s2, cut=True)
    assert 1 / v == pytest.approx(min(information, 1 / s2), rel=0.05)
    assert (z - eta) / v == pytest.approx(score, rel=0.05)


def test_a_cut_off_cell_never_pulls_the_mean_down() -> None:
    eta = np.linspace(-3, 6, 40)[None]
    y = np.full_like(eta, 5.0)
    found = sites(y, np.ones(y.shape, dtype=bool), eta, np.array([[0.2]]))
    assert (found.z >= eta - 1e-9).all()


def test_a_missing_cell_says_nothing() -> None:
    assert np.isinf(site(np.nan, 1.0, 0.2)[1])


def test_a_large_count_is_its_logarithm() -> None:
    z, v = site(5000.0, 8.0, 0.2)
    assert z == pytest.approx(np.log(5000.0), abs=0.01)
    assert v == pytest.approx(0.2, abs=0.001)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("mean", [0.5, 1.0, 5.0, 20.0])
def test_sites_iterated_to_rest_give_the_mean_of_simulated_counts(mean: float, sigma: float) -> None:
    """40,000 cells: the standard error of the mean is below 0.8 %; the approximation may add 3 %. Chance of error < 1e-3."""
    rng = np.random.default_rng(int(100 * mean + 10 * sigma))
    y = rng.poisson(mean * np.exp(rng.normal(0, sigma, 40_000) - sigma**2 / 2)).astype(float)[None]
    assert np.exp(rest(y, np.zeros(y.shape, dtype=bool), sigma) + sigma**2 / 2) == pytest.approx(y.mean(), rel=0.03)


@pytest.mark.parametrize("sigma", [0.2, 0.5])
@pytest.mark.parametrize("mean", [1.0, 5.0, 20.0, 100.0])
def test_cutting_off_half_of_the_cells_does_not_move_the_mean(mean: float, sigma: float) -> None:
    """40,000 cells, half of them cut off by stock: error of the mean below 4 %; ignoring the cut loses 10 % and more."""
    rng = np.random.default_rng(int(100 * mean + 10 * sigma))
    demand = rng.poisson(mean * np.exp(rng.normal(0, sigma, 40_000) - sigma**2 / 2)).astype(float)[None]
    stock = np.ceil(mean * rng.uniform(0.5, 1.5, demand.shape))
    sold, cut = np.minimum(demand, stock), demand >= stock
    assert sold.mean() < 0.9 * demand.mean()
    assert np.exp(rest(sold, cut, sigma) + sigma**2 / 2) == pytest.approx(mean, rel=0.04)


def rest(y: np.ndarray, cut: np.ndarray, sigma: float) -> float:
    eta = float(np.log(y.mean()))
    for _ in range(30):
        found = sites(y, cut, np.full(y.shape, eta), np.array([[sigma**2]]))
        eta = float((found.z / found.v).sum() / (1 / found.v).sum())
    return eta


@pytest.mark.parametrize("variance", [0.05, 0.4])
@pytest.mark.parametrize("mean", [0.4, 3.0, 20.0, 300.0])
def test_quantiles_hold_the_share_they_name(mean: float, variance: float) -> None:
    """100,000 draws: standard error .0015. Shares may be off by .06, for a log-normal has another shape than its stand-in."""
    rng = np.random.default_rng(8)
    rate = mean * np.exp(rng.normal(0, np.sqrt(variance), 100_000) - variance / 2)
    y = rng.poisson(rate)
    for p in (0.1, 0.5, 0.9):
        q = quantile(np.array([mean]), np.array([variance]), p, whole=True)[0]
        assert (y <= q).mean() >= p - 0.06
        assert (y < q - 1e-9).mean() <= p + 0.06


def test_quantiles_of_units_that_are_not_whole_are_those_of_a_log_normal_with_the_given_mean() -> None:
    q = quantile(np.array([10.0]), np.array([0.25]), 0.9, whole=False)[0]
    assert q == pytest.approx(np.exp(np.log(10.0) - 0.125 + norm.ppf(0.9) * 0.5))


@pytest.mark.parametrize("least", [1.0, 3.0, 12.0])
@pytest.mark.parametrize("rate", [0.05, 0.4, 2.0, 9.0])
def test_a_cut_off_cell_pulls_as_hard_as_its_likelihood_rises(least: float, rate: float) -> None:
    """Also where so much was unlikely: the site's slope is that of log P(Y >= least), by differences."""
    eta, s2, step = np.log(rate), 0.1, 1e-4
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)

    def log_tail(at: float) -> float:
        return float(np.log(poisson.sf(least - 1.0, np.exp(at + np.sqrt(s2) * nodes)) @ (weights / weights.sum())))

    slope = (log_tail(eta + step) - log_tail(eta - step)) / (2 * step)
    cell = sites(np.array([[least]]), np.array([[True]]), np.array([[eta]]), np.array([[s2]]))
    assert ((cell.z - eta) / cell.v).item() == pytest.approx(slope, rel=0.01)
