from __future__ import annotations

import itertools

import numpy as np
import pytest

from pricebid.errors import Infeasible, InputError
from pricebid.optimize import Limit, Order, Spread, broken, choose, lagrangian_bound
from pricebid.optimize.forest import Forest
from pricebid.optimize.web import weave

KINDS = ("spread", "order", "both", "parallel", "crossed")


def ruled(seed: int, kind: str):
    """A small problem with rules of one kind; some leave nothing, some tangle."""
    rng = np.random.default_rng(seed)
    decisions, options = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    shape = (decisions, options)
    price = np.round(rng.uniform(1, 2, shape), 1 if seed % 2 else 3)
    available = rng.random(shape) < 0.9
    available[np.arange(decisions), rng.integers(0, options, decisions)] = True
    line = rng.permutation(decisions)
    pairs = int(rng.integers(1, decisions))
    rules = []
    if kind in {"spread", "both", "crossed"}:
        rules.append(
            Spread(attribute=price, group=rng.integers(-1, 2, decisions), at_most=float(rng.choice([0.1, 0.3, 0.5])))
        )
    if kind != "spread":
        gap = float(rng.choice([0.0, 0.1]))
        rules.append(Order(attribute=price, lower=line[:pairs], upper=line[1 : pairs + 1], gap=gap))
    if kind in {"parallel", "crossed"}:
        # Dearer in all, cheaper per unit of size; or an attribute that sorts the options in another way.
        size = rng.uniform(0.5, 2.0, (decisions, 1))
        other = price / size if kind == "parallel" else rng.uniform(1, 2, shape)
        rules.append(Order(attribute=other, lower=line[1 : pairs + 1], upper=line[:pairs]))
    outcomes = {name: rng.uniform(0, 1, shape) for name in ("profit", "units")}
    return outcomes, rules, available


def allowed_plans(rules, available):
    plans = np.array(list(itertools.product(*[np.flatnonzero(row) for row in available])), dtype=np.int64)
    return np.array(
        [plan for plan in plans if not any(len(broken(rule, plan)) for rule in rules)], dtype=np.int64
    ).reshape(-1, len(available))


@pytest.mark.parametrize("kind", KINDS)
def test_no_plan_within_rules_and_limits_is_better(kind):
    found = 0
    for seed in range(90 if kind == "parallel" else 40):
        outcomes, rules, available = ruled(seed, kind)
        plans = allowed_plans(rules, available)
        every = np.arange(len(available))
        profit, units = (outcomes[name][every, plans].sum(axis=1) for name in ("profit", "units"))
        limits = [Limit("units", at_least=float(np.median(units)))] if len(plans) and seed % 2 else []
        fine = profit[units >= limits[0].bound - 1e-9] if limits else profit
        try:
            choice = choose(outcomes, maximise="profit", limits=limits, available=available, rules=rules)
        except Infeasible:
            assert not len(fine), f"seed {seed}: {len(fine)} plans exist"
            continue
        found += 1
        assert not any(len(broken(rule, choice.option)) for rule in rules)
        assert available[every, choice.option].all()
        assert choice.value == pytest.approx(fine.max(), rel=1e-5), f"seed {seed}"
        assert choice.bound >= fine.max() - 1e-9
        again = lagrangian_bound(
            outcomes,
            maximise="profit",
            limits=limits,
            available=available,
            rules=rules,
            shadow_prices=choice.shadow_prices,
        )
        assert again == pytest.approx(choice.bound, rel=1e-9)
    assert found >= 8


@pytest.mark.parametrize("kind", ["spread", "order", "both", "parallel"])
def test_trees_are_solved_exactly_and_their_neighbours_keep_the_rules(kind):
    trees = 0
    for seed in range(60):
        outcomes, rules, available = ruled(seed, kind)
        web = weave(rules, available.shape, available)
        if web.tangled.any():
            continue
        trees += 1
        plans = allowed_plans(rules, available)
        forest = Forest.plant(web)
        scores = np.where(available, outcomes["profit"], -np.inf)
        slots, value = forest.best(scores)
        if not len(plans):
            assert not np.isfinite(value.sum())
            continue
        every = np.arange(len(available))
        assert value.sum() == pytest.approx(scores[every, plans].sum(axis=1).max())
        option = forest.options(slots, len(available))
        assert scores[every, option].sum() == pytest.approx(value.sum())
        free = forest.allowed(slots)
        for decision, pick in zip(forest.slot_decision[free], forest.slot_option[free], strict=True):
            moved = option.copy()
            moved[decision] = pick
            assert not any(len(broken(rule, moved)) for rule in rules)
    assert trees >= 20


def regions(skus: int, spots: int, options: int = 15, seed: int = 0):
    rng = np.random.default_rng(seed)
    size = skus * spots
    base = np.repeat(rng.lognormal(1.5, 0.5, skus), spots) * rng.uniform(0.97, 1.03, size)
    price = np.round(base[:, None] * np.linspace(0.85, 1.15, options), 2)
    units = rng.lognormal(2, 1, (size, 1)) * (price / base[:, None]) ** -rng.uniform(1.3, 4, (size, 1))
    cost = base[:, None] * rng.uniform(0.5, 0.8, (size, 1))
    return price, {"profit": (price - cost) * units, "revenue": price * units, "units": units}


def with_limits(outcomes, rules):
    free = choose(outcomes, maximise="profit", rules=rules)
    every = np.arange(len(free.option))
    units = outcomes["units"][every, free.option].sum()
    ratio = free.value / outcomes["revenue"][every, free.option].sum()
    return [Limit("units", at_least=float(1.02 * units)), Limit("profit", at_least=float(0.99 * ratio), per="revenue")]


@pytest.mark.parametrize("kind", ["spread", "chain", "pairs"])
def test_thousands_of_small_groups_come_near_their_bound(kind):
    price, outcomes = regions(600, 5)
    every = np.arange(3_000)
    if kind == "spread":
        rules = [Spread(attribute=price, group=every // 5, at_most=0.1)]
    elif kind == "chain":
        lower = every[every % 5 < 4]
        rules = [Order(attribute=price, lower=lower, upper=lower + 1, gap=0.01)]
    else:
        pairs = [(one, two) for one in range(5) for two in range(one + 1, 5)]
        lower = np.concatenate([every[every % 5 == one] for one, _ in pairs])
        upper = np.concatenate([every[every % 5 == two] for _, two in pairs])
        rules = [Order(attribute=price, lower=lower, upper=upper, gap=0.01)]
    limits = with_limits(outcomes, rules)
    choice = choose(outcomes, maximise="profit", limits=limits, rules=rules)
    assert not len(broken(rules[0], choice.option))
    assert np.all(choice.slacks >= -np.array([limit.tolerance for limit in limits]))
    assert choice.gap <= 1e-5
    assert choice.status == "optimal"


def test_tangled_rules_hold_and_the_gap_says_what_is_not_proven():
    # Spreads across regions and orders across sizes close circles: bound from a forest of the rules, plan within all.
    price, outcomes = regions(60, 5)
    every = np.arange(300)
    lower = every[(every // 5) % 4 < 3]
    rules = [
        Spread(attribute=price, group=every // 5, at_most=0.1),
        Order(attribute=price / np.repeat(price[::5, 7], 5)[:, None], lower=lower, upper=lower + 5, gap=-0.05),
    ]
    assert weave(rules, price.shape, None).tangled.any()
    limits = with_limits(outcomes, rules)
    choice = choose(outcomes, maximise="profit", limits=limits, rules=rules)
    assert not any(len(broken(rule, choice.option)) for rule in rules)
    assert np.all(choice.slacks >= -np.array([limit.tolerance for limit in limits]))
    assert choice.gap <= 0.03


def test_rules_that_do_not_bind_change_nothing():
    price, outcomes = regions(200, 5)
    limits = with_limits(outcomes, ())
    rules = [Spread(attribute=price, group=np.arange(1_000) // 5, at_most=9.0)]
    plain = choose(outcomes, maximise="profit", limits=limits)
    ruled_ = choose(outcomes, maximise="profit", limits=limits, rules=rules)
    assert ruled_.bound == pytest.approx(plain.bound, rel=1e-6)


def test_rules_that_leave_nothing_name_the_decisions():
    price = np.array([[1.0, 1.1], [2.0, 2.1], [5.0, 5.5]])
    with pytest.raises(Infeasible, match=r"nothing to pick for decisions 0, 1 \(regions; 2 decisions in all\)"):
        choose(
            {"profit": price},
            maximise="profit",
            rules=[Spread(attribute=price, group=np.array([0, 0, -1]), at_most=0.2, label="regions")],
        )


def test_limits_that_cannot_hold_within_the_rules_say_how_far_one_can_get():
    price, outcomes = regions(4, 3, options=4)
    rules = [Spread(attribute=price, group=np.arange(12) // 3, at_most=0.05)]
    plans = np.array(list(itertools.product(range(4), repeat=3)))
    reach = 0.0
    for sku in range(4):
        part = slice(3 * sku, 3 * sku + 3)
        picked = price[part][np.arange(3), plans]
        fine = picked.max(axis=1) <= picked.min(axis=1) * 1.05 + 1e-9
        reach += outcomes["units"][part][np.arange(3), plans].sum(axis=1)[fine].max()
    with pytest.raises(Infeasible) as caught:
        choose(outcomes, maximise="profit", limits=[Limit("units", at_least=2 * reach)], rules=rules)
    assert caught.value.conflicts[0].reachable == pytest.approx(reach)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda price: Order(attribute=price, lower=[0], upper=[0]), "paired with itself"),
        (lambda price: Order(attribute=price, lower=[0, 1], upper=[1]), "2 lower and 1 upper"),
        (lambda price: Order(attribute=price, lower=[0], upper=[9]), "decisions 9 to 9; there are 0 to 1"),
        (lambda price: Order(attribute=price, lower=[0], upper=[1], gap=np.nan), "gap is not finite"),
        (lambda price: Spread(attribute=price, group=np.zeros(3, dtype=int), at_most=0.1), r"shape \(3,\) for 2"),
        (lambda price: Spread(attribute=price, group=np.zeros(2, dtype=int), at_most=-0.1), ">= 0"),
        (lambda price: Spread(attribute=price, group=np.zeros(2, dtype=int), at_most=[0.1, 0.2]), "for 1 groups"),
        (lambda price: Order(attribute=price[0], lower=[0], upper=[1]), "must be"),
    ],
)
def test_senseless_rules_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make(np.ones((2, 3)))


def test_attributes_must_fit_the_outcomes():
    price = np.array([[1.0, -1.0], [2.0, 3.0]])
    spread = Spread(attribute=price, group=np.zeros(2, dtype=int), at_most=0.1)
    with pytest.raises(InputError, match="a spread needs attributes > 0"):
        choose({"profit": price}, maximise="profit", rules=[spread])
    hole = Order(attribute=np.where(price < 0, np.nan, price), lower=[0], upper=[1])
    with pytest.raises(InputError, match="not finite"):
        choose({"profit": price}, maximise="profit", rules=[hole])
    with pytest.raises(InputError, match="shape"):
        choose({"profit": np.ones((2, 3))}, maximise="profit", rules=[hole])
