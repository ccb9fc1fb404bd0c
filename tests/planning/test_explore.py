"""Exploration of prices: rules hold for every draw, limits and the budget in expectation, cross effects included."""

import numpy as np
import pytest

from pricebid import pricing
from pricebid.errors import InputError
from pricebid.planning.explore import Exploration, ExploreSettings, adopt, explore, explore_prices, summed
from pricebid.planning.explore_rules import room
from pricebid.pricing.economics import excesses, limit_totals
from pricebid.pricing.side import PairRule, SideRules, SpreadRule

BUDGET = "[learning]\nexploration_budget = 0.01\n"
POLICIES = {
    "free": "[price]\nmax_change = 0.15\n",
    "wide": "[price]\nmax_change = 0.5\n",
    "endings": "[price]\nmax_change = 0.2\nendings = [0.49, 0.99]\n",
    "spread": "[price]\nmax_change = 0.15\nmax_region_spread = 0.05\n",
    "order": '[price]\nmax_change = 0.15\n[[rules]]\ncategory = "a"\norder = { by = "size", per_unit = true, min_gap = 0.0 }\n',
    "units": "[price]\nmax_change = 0.15\n[portfolio]\nmin_units_ratio = 1.0\n",
    "margin": "[price]\nmax_change = 0.15\n[portfolio]\nmin_margin = 0.44\n",
    "changes": "[price]\nmax_change = 0.15\n[portfolio]\nmax_price_changes = 9\n",
}


def planned(tools, text, seed=0, **known):
    shop = tools.shop(seed)
    model = tools.KnownDemand(shop=shop, **({"uncertainty": 0.6} | known))
    return pricing.price(shop, model, tools.policy(text + BUDGET))


def drawn(exploration: Exploration, n: int = 400):
    rng = np.random.default_rng(5)
    return np.stack([exploration.draw(rng) for _ in range(n)])


@pytest.fixture(scope="module", params=list(POLICIES))
def plan(request, tools):
    return planned(tools, POLICIES[request.param])


def test_every_price_drawn_keeps_every_rule_and_totals_keep_every_limit_in_expectation(plan):
    exploration = explore(plan)
    prices = drawn(exploration)
    problem = plan.problem
    for price in prices[:60]:
        assert problem.ladder.allows(price).all()
        assert not problem.side.broken(price).any()
    names = ("profit", "revenue", *problem.names)
    outcomes = [problem.economics.outcomes(problem.response, price, names) for price in prices]
    mean = {name: np.mean([one[name] for one in outcomes], axis=0) for name in names}
    over = excesses(limit_totals(mean, problem.limits), problem.limits)
    size = np.array([abs(limit.bound) for limit in problem.limits])
    assert (over <= 0.004 * size).all()  # the mean of 400 draws is itself unsure
    profit = float(plan.outcomes[1]["profit"].sum())
    lost = profit - float(mean["profit"].sum())
    assert exploration.law.expected_loss <= exploration.law.allowance + 1e-9
    assert exploration.law.allowance == pytest.approx(0.01 * profit / 4)
    assert lost / 4 <= 1.15 * exploration.law.allowance


def test_something_is_explored_where_rules_leave_room(tools):
    exploration = explore(planned(tools, POLICIES["wide"]))
    assert exploration.rate.max() > 0.2
    assert exploration.law.worth.sum() > 0


def test_the_same_seed_gives_the_same_law_and_the_table_lists_it(tools):
    plan = planned(tools, POLICIES["free"])
    one, two = explore(plan), explore(plan)
    np.testing.assert_array_equal(one.probabilities, two.probabilities)
    frame = one.to_frame(plan)
    assert list(frame.columns) == ["sku", "region", "price", "probability", "planned"]
    np.testing.assert_allclose(frame.groupby(["sku", "region"])["probability"].sum(), 1.0)
    there = frame[frame["planned"] == 1]
    assert set(zip(there["sku"], there["region"], there["price"], strict=True)) <= set(
        zip(plan.offers.sku, plan.offers.region, plan.price, strict=True)
    )
    np.testing.assert_array_equal(one.prices[np.arange(len(one.plan)), one.plan], plan.price)


def test_without_a_budget_or_where_all_is_known_nothing_is_explored(tools):
    plan = planned(tools, POLICIES["wide"])
    assert explore(plan, allowance=0.0).rate.max() == 0.0
    known = planned(tools, POLICIES["wide"], uncertainty=1e-9)
    assert explore(known).law.expected_loss < 0.1 * explore(plan).law.expected_loss
    silent = pricing.price(tools.shop(), tools.KnownDemand(shop=tools.shop()), tools.policy(POLICIES["free"]))
    assert explore(silent).rate.max() == 0.0


def test_locked_prices_stay(tools):
    shop = tools.shop(locked=[1, 0, 0, 0, 0, 0])
    plan = pricing.price(shop, tools.KnownDemand(shop=shop, uncertainty=0.6), tools.policy(POLICIES["free"] + BUDGET))
    exploration = explore(plan)
    assert exploration.rate[plan.offers.sku == "s0"].max() == 0.0
    assert exploration.rate.max() > 0


def test_losses_and_gains_are_those_of_the_demand_response(tools):
    plan = planned(tools, POLICIES["free"])
    settings = ExploreSettings(steps=(0.05,))
    found = explore_prices(plan.problem, plan.price, periods=4, allowance=1e9, settings=settings, seed=0)
    here = float(plan.problem.outcomes(plan.price)["objective"].sum())
    every = np.arange(len(plan.price))
    for offer in (0, 5, 11):
        for option in (0, 2):
            price = plan.price.copy()
            price[offer] = found.prices[offer, option]
            lost = (here - float(plan.problem.outcomes(price)["objective"].sum())) / 4
            law = found.law.probabilities[offer]
            if law[option] > 0 and law[[0, 2]].sum() == law[option]:
                assert found.law.loss[offer] == pytest.approx(law[option] * max(lost, 0.0), rel=1e-6)
    assert found.prices[every, found.plan].tolist() == plan.price.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_inside_the_room_every_rule_holds_whatever_the_others_do(seed):
    rng = np.random.default_rng(seed)
    price = rng.uniform(2.0, 3.0, 8)
    low, high = np.array([0, 1, 0, 4]), np.array([1, 2, 3, 5])
    factor = np.maximum(price[low] / price[high], 0.5) * np.exp(rng.uniform(0.0, 0.06, 4))
    group = np.array([-1, -1, -1, -1, 0, 0, 0, 1])
    together = price[4:7]
    rules = SideRules(
        pairs=(PairRule(name="order", low=low, high=high, factor=factor),),
        spreads=(SpreadRule(name="spread", group=group, at_most=together.max() / together.min() * 1.03 - 1.0),),
    )
    least, most = room(rules, price, 0.1)
    assert (least <= price * (1 + 1e-12)).all()
    assert (most >= price * (1 - 1e-12)).all()
    assert most[7] == pytest.approx(1.1 * price[7])
    corners = np.where(rng.random((300, 8)) < 0.5, least, most)
    assert not np.array([rules.broken(one).any() for one in corners]).any()


def test_a_plan_is_adopted_only_where_it_surely_gains(tools):
    plan = planned(tools, POLICIES["free"])
    now = plan.now
    sure = adopt(plan, now, confidence=0.9)
    clusters = plan.problem.clusters()
    moved = np.bincount(clusters, sure != now) > 0
    gains = plan.problem.response.draws(np.stack([now, plan.price]), np.random.default_rng(plan.policy.seed), 200)
    margin = [price - plan.offers.cost for price in (now, plan.price)]
    better = (summed(gains[1] * margin[1] - gains[0] * margin[0], clusters) > 0).mean(axis=0)
    assert (better[moved] >= 0.89).all()
    assert (better[~moved] <= 0.91).all()
    np.testing.assert_array_equal(adopt(plan, now, confidence=0.0), plan.price)
    unsure = planned(tools, POLICIES["free"], uncertainty=30.0)
    assert (adopt(unsure, now, confidence=0.99) == now).sum() > (adopt(plan, now, confidence=0.5) == now).sum()


def test_prices_that_break_a_rule_by_now_follow_the_plan(tools):
    plan = planned(tools, POLICIES["free"])
    before = plan.price.copy()
    before[3] = 2.0 * plan.now[3]
    np.testing.assert_array_equal(adopt(plan, before, confidence=0.99), plan.price)


def test_adopting_keeps_the_limits(tools):
    plan = planned(tools, POLICIES["units"])
    found = adopt(plan, plan.now, confidence=0.8)
    assert plan.problem.feasible(found, plan.problem.outcomes(found))


@pytest.mark.parametrize(
    "changes", [{"steps": ()}, {"steps": (0.1, 0.05)}, {"steps": (1.5,)}, {"draws": 1}, {"samples": 0}]
)
def test_nonsense_is_refused(changes):
    with pytest.raises(InputError):
        ExploreSettings(**changes)
