"""Random shops and policies: whatever comes out keeps every rule and limit on true totals, or nothing comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricebid.demand.response import LogitResponse, LogLinearResponse, PriceResponse
from pricebid.errors import Infeasible
from pricebid.policy import Policy
from pricebid.pricing import price
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pricebid.tables import Future


@dataclass(frozen=True, kw_only=True)
class RandomDemand:
    shop: Shop
    seed: int

    def response(self, future: Future) -> PriceResponse:
        rng = np.random.default_rng(self.seed)
        offers = self.shop.offers
        n = len(offers)
        _, groups = np.unique(
            [f"{a}|{b}" for a, b in zip(offers.category, offers.region, strict=True)], return_inverse=True
        )
        current = future.price.mean(axis=1)
        if self.seed % 3 == 0:
            slope = rng.uniform(1.5, 4.0, n) / current
            return LogitResponse(
                current=current, groups=groups, market=rng.uniform(50, 400, int(groups.max()) + 1),
                attraction=slope * current + rng.normal(-1, 0.7, n), slope=slope, dispersion=rng.uniform(0, 0.5, n),
            )  # fmt: skip
        return LogLinearResponse(
            current=current, base=rng.gamma(1.0, 10.0, (n, future.price.shape[1])), groups=groups,
            weight=rng.uniform(0.2, 2, n), own_mean=rng.normal(-2.2, 0.8, n), cross_mean=rng.normal(0.8, 0.6, n),
            covariance=np.diag([0.2, 0.1]), carry=rng.normal(0, 0.3, n), decay=0.5, dispersion=rng.uniform(0, 0.5, n),
        )  # fmt: skip


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    skus, regions = [f"s{at}" for at in range(draw(st.integers(1, 5)))], ["n", "s"][: draw(st.integers(1, 2))]
    prices = np.round(rng.uniform(1, 9, len(skus)), 2)
    sales = pd.DataFrame(
        [(day, sku, region, 3.0, cost) for day in ("2024-01-01", "2024-01-08") for sku, cost in zip(skus, prices, strict=True) for region in regions],
        columns=["date", "sku", "region", "units", "price"],
    )  # fmt: skip
    catalog = pd.DataFrame(
        {
            "sku": skus, "cost": prices * rng.uniform(0.3, 0.95, len(skus)), "category": rng.choice(["a", "b"], len(skus)),
            "brand": rng.choice(["x", "y"], len(skus)), "size": rng.choice([1.0, 2.0, np.nan], len(skus)),
            "locked": rng.integers(0, 5, len(skus)) == 0, "stock": rng.choice([np.nan, 30.0, 200.0], len(skus)),
            "max_price": np.where(rng.random(len(skus)) < 0.3, prices * 1.08, np.nan),
        }
    )  # fmt: skip
    catalog["locked"] = catalog["locked"].astype(int)
    region = pd.DataFrame({"region": regions, "shipping_cost": rng.uniform(0, 0.2, len(regions)), "tax": 0.1})
    return Shop.from_frames({"sales": sales, "catalog": catalog, "regions": region})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    share = st.floats(0.02, 0.3)
    rules: dict[str, object] = {"on_conflict": draw(st.sampled_from(["hold", "fail"]))}
    rules |= draw(st.sampled_from([{"endings": [0.09, 0.49, 0.99]}, {"step": 0.01}, {"step": 0.05}]))
    for name, values in (("max_change", share), ("min_margin", st.floats(0.0, 0.2)), ("max_region_spread", share)):
        if draw(st.booleans()):
            rules[name] = draw(values)
    limits: dict[str, object] = {}
    for name, values in (
        ("min_margin", st.floats(0.0, 0.3)), ("min_units_ratio", st.floats(0.7, 1.05)),
        ("max_price_changes", st.integers(0, 8)), ("max_discount_cost", st.floats(0.0, 20.0)),
    ):  # fmt: skip
        if draw(st.integers(0, 2)) == 0:
            limits[name] = draw(values)
    content: dict[str, object] = {"price": rules, "portfolio": limits, "horizon": 2}
    content["objective"] = draw(st.sampled_from(["profit", "revenue", {"profit": 0.7, "units": 0.3}]))
    if draw(st.booleans()):
        content["rules"] = [{"order": {"by": "size", "per_unit": draw(st.booleans()), "min_gap": 0.0}}]
    return Policy.from_mapping(content)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(shop=shops(), policy=policies(), seed=st.integers(0, 1_000))
def test_plans_keep_everything_or_there_is_none(shop: Shop, policy: Policy, seed: int) -> None:
    try:
        plan = price(shop, RandomDemand(shop=shop, seed=seed), policy)
    except Infeasible as error:
        assert str(error)  # noqa: PT017 - some random policies have no plan
        return
    new, old = plan.price, plan.now
    free = ~(plan.offers.locked | plan.held)
    kept = np.abs(new - old) <= 0.005 + 1e-9
    np.testing.assert_allclose(new[~free], old[~free], atol=0.0051)
    np.testing.assert_allclose(np.round(new, 2), new, atol=1e-12)
    rules, moved = policy.price, free & ~kept
    offers, frame = plan.offers, plan.to_frame()
    revenue = new / (1 + offers.tax)
    margin = (revenue - offers.cost - offers.shipping_cost) / revenue
    assert (margin[free] >= (rules.min_margin or 0.0) - 1e-9).all()
    if rules.max_change is not None:
        assert (np.abs(new / old - 1)[moved] <= rules.max_change + 1e-9).all()
    if rules.endings is not None:
        assert np.isin(np.round(new[moved] * 100) % 100, np.round(np.array(rules.endings) * 100)).all()
    assert not (new[moved] > offers.max_price[moved] + 1e-9).any()
    if rules.max_region_spread is not None and free.all():
        by_sku = frame.groupby("sku")["price"]
        assert (by_sku.max() / by_sku.min() - 1 <= rules.max_region_spread + 1e-7).all()
    assert not plan.problem.side.broken(new).any()
    _check_portfolio(policy, frame, new=new, old=old)
    assert plan.found.bound >= plan.found.value - 1e-9 * abs(plan.found.value)
    assert (frame["reason"] != "").all()
    start_keeps_all = plan.problem.feasible(
        plan.problem.ladder.current, plan.problem.outcomes(plan.problem.ladder.current)
    )
    if start_keeps_all:
        current = plan.problem.outcomes(plan.problem.ladder.current)["objective"].sum()
        assert plan.found.value >= current - 1e-9 * abs(current)


def _check_portfolio(policy: Policy, frame: pd.DataFrame, *, new: np.ndarray, old: np.ndarray) -> None:
    limits = policy.portfolio
    if limits.min_margin is not None and frame["revenue"].sum() > 0:
        assert frame["profit"].sum() / frame["revenue"].sum() >= limits.min_margin - 1e-8
    if limits.min_units_ratio is not None:
        assert frame["units"].sum() >= limits.min_units_ratio * frame["units_now"].sum() * (1 - 1e-8) - 1e-8
    changed = np.abs(new - old) > 0.005 + 1e-9
    if limits.max_price_changes is not None:
        assert changed.sum() <= limits.max_price_changes
    if limits.max_discount_cost is not None:
        cost = (np.maximum(old - new, 0) * changed * frame["units"]).sum()
        assert cost <= limits.max_discount_cost + 1e-7
