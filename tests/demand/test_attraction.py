"""The attraction response: its parts agree with each other, with a logit, and with the elasticities it is given."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.demand import AttractionResponse
from pricebid.errors import InputError


def response_of(seed: int, *, curvature: float = 0.4, sure: bool = False) -> AttractionResponse:
    rng = np.random.default_rng(seed)
    n = 7
    doubt = 0.0 if sure else 1.0
    return AttractionResponse(
        current=rng.uniform(1, 5, n),
        base=rng.uniform(1, 50, (n, 3)),
        groups=np.array([0, 0, 0, 1, 1, 2, 2]),
        share=rng.uniform(0.02, 0.25, n),
        own=rng.uniform(-4, -1.2, n),
        own_sd=np.full(n, 0.2 * doubt),
        pools=np.array([0, 0, 0, 0, 0, 1, 1]),
        common_sd=np.array([0.1, 0.2]) * doubt,
        share_sd=np.array([0.3, 0.1]) * doubt,
        level_sd=np.full(n, 0.1 * doubt),
        common_level_sd=np.array([0.05, 0.1]) * doubt,
        carry=rng.uniform(-0.5, 0.0, n),
        decay=0.8,
        curvature=curvature,
        dispersion=np.full(n, 0.2),
    )


@given(seed=st.integers(0, 10_000), curvature=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_one_move_changes_own_and_other_units_as_units_itself_says(seed: int, curvature: float) -> None:
    response = response_of(seed, curvature=curvature)
    rng = np.random.default_rng(seed + 1)
    price = response.current * rng.uniform(0.8, 1.25, 7)
    ladder = price[:, None] * rng.uniform(0.8, 1.25, (7, 4))
    value = rng.normal(size=(2, 7))
    before, own = response.units(price), response.options(price, ladder)
    spill = response.spill(price, ladder, value)
    for i in range(7):
        for k in range(4):
            moved = price.copy()
            moved[i] = ladder[i, k]
            after = response.units(moved)
            others = value * (after - before)
            assert own[i, k] == pytest.approx(after[i], rel=1e-10)
            assert spill[:, i, k] == pytest.approx(others.sum(1) - others[:, i], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("curvature", [0.0, 1.0])
def test_the_elasticity_at_the_current_prices_is_the_one_reported(curvature: float) -> None:
    response = response_of(3, curvature=curvature, sure=True)
    told, _ = response.elasticity()
    step = 1e-5
    for i in range(7):
        price = response.current.copy()
        price[i] *= np.exp(step)
        slope = np.log(response.units(price)[i] / response.units(response.current)[i]) / step
        assert slope == pytest.approx(told[i], abs=2e-3)


def test_with_curvature_one_it_is_the_multinomial_logit() -> None:
    rng = np.random.default_rng(5)
    price, slope, visitors = rng.uniform(2, 4, 4), 1.1, 1000.0
    utility = rng.normal(1.0, 0.5, 4) - slope * price
    share = np.exp(utility) / (1 + np.exp(utility).sum())
    response = AttractionResponse(
        current=price,
        base=visitors * share[:, None],
        groups=np.zeros(4, dtype=int),
        share=share,
        own=-slope * price,
        curvature=1.0,
    )
    other = price * rng.uniform(0.6, 1.5, 4)
    moved = utility - slope * (other - price)
    truth = visitors * np.exp(moved) / (1 + np.exp(moved).sum())
    assert response.units(other) == pytest.approx(truth, rel=1e-12)


def test_draws_have_the_expected_units_as_mean_and_share_their_numbers_between_plans() -> None:
    response = response_of(8)
    price = response.current * 1.08
    draws = response.draws(np.stack([response.current, price, price]), np.random.default_rng(0), 40_000)
    assert (draws[1] == draws[2]).all()
    # 4 standard errors of the mean, and 1 % for the crowd's denominator, which is taken at its mean.
    error = 4 * draws[1].std(0) / np.sqrt(40_000)
    assert (np.abs(draws[1].mean(0) - response.units(price)) < error + 0.01 * response.units(price)).all()
    assert (np.abs(draws[0].mean(0) - response.base.sum(1)) < 4 * draws[0].std(0) / np.sqrt(40_000)).all()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"current": np.zeros(7)}, "prices must be > 0"),
        ({"share": np.full(7, 0.5)}, "sum to less than 1"),
        ({"decay": 1.0}, "decay"),
        ({"base": -np.ones((7, 3))}, "must be >= 0"),
        ({"own": np.ones(3)}, "shape"),
        ({"chance": np.full(7, 0.3)}, "chance must lie"),
    ],
)
def test_what_cannot_be_a_response_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        dataclasses.replace(response_of(1), **change)
