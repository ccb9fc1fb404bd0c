"""The policy file: what it means, its defaults, and every fault at once with its line."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from pricebid import Policy, PolicyError
from pricebid.policy import Bids, Channels, Dayparts, Learning, Objective, Order, PriceRules, Rule

WHOLE = """
objective = "profit"
horizon   = 4
[price]
min_margin        = 0.10
max_change        = 0.15
max_region_spread = 0.10
endings           = [0.99, 0.49]
prior_low_days    = 30
on_conflict       = "fail"
[portfolio]
min_margin        = 0.25
min_units_ratio   = 0.95
min_revenue       = 0.0
max_price_changes = 500
max_discount_cost = 5000.0
[market]
own = "OUR SHOP"
max_age_days = 14
[[rules]]
role = "traffic"
market_average = [-0.05, -0.03]
[[rules]]
category = "orange juice"
max_change = 0.05
order = { by = "size", per_unit = true, min_gap = 0.0 }
[bids]
daily_budget = 5000.0
budget_confidence = 0.5
min_roas     = 3.0
max_cpa      = 40.0
min_bid      = 0.05
max_bid      = 20.0
step         = 0.01
auction      = "second"
conversion_delay = 3
[bids.dayparts]
min  = 0.30
max  = 2.50
step = 0.05
[channels]
budget = 100000.0
floors = { search = 0.2, mail = 500.0 }
[learning]
exploration_budget = 0.01
"""


def faults(text: str) -> dict[str, tuple[int | None, str]]:
    with pytest.raises(PolicyError) as caught:
        Policy.from_toml(text)
    return {fault.column: (fault.row, fault.message) for fault in caught.value.faults}


def test_every_key_of_the_contract_is_read() -> None:
    policy = Policy.from_toml(WHOLE)
    assert policy.objective == Objective(profit=1.0)
    assert policy.price == PriceRules(
        min_margin=0.1,
        max_change=0.15,
        max_region_spread=0.1,
        endings=(0.99, 0.49),
        prior_low_days=30,
        on_conflict="fail",
        never_below_cost=True,
    )
    assert policy.portfolio.max_price_changes == 500
    assert policy.market.own == "OUR SHOP"
    traffic, juice = policy.rules
    assert traffic == Rule(role="traffic", market_average=(-0.05, -0.03))
    assert juice == Rule(
        category="orange juice", order=Order(by="size", per_unit=True), price=PriceRules(max_change=0.05)
    )
    assert juice.selectors == (("category", "orange juice"),)
    assert policy.bids == Bids(
        daily_budget=5000.0,
        min_roas=3.0,
        max_cpa=40.0,
        min_bid=0.05,
        max_bid=20.0,
        auction="second",
        conversion_delay=3,
        dayparts=Dayparts(),
    )
    assert policy.channels == Channels(budget=100000.0, floors=(("search", 0.2), ("mail", 500.0)))
    assert policy.learning == Learning(exploration_budget=0.01)


def test_defaults_are_those_of_the_contract_and_nothing_else_is_limited() -> None:
    policy = Policy.from_toml("")
    assert policy == Policy()
    assert (policy.objective, policy.horizon, policy.seed) == (Objective(profit=1.0), 4, 0)
    assert policy.price == PriceRules(step=0.01, never_below_cost=True, on_conflict="fail")
    assert policy.rules == ()
    assert (policy.bids, policy.channels, policy.learning) == (None, None, None)
    assert Policy.from_toml("[bids]").bids == Bids()
    assert Policy.from_toml("[price]\nendings = [0.99]").price.step is None


def test_an_objective_may_be_one_aim_or_a_mix() -> None:
    assert Policy.from_toml('objective = "units"').objective == Objective(profit=0.0, units=1.0)
    mix = Policy.from_toml("objective = { profit = 0.7, revenue = 0.3 }").objective
    assert mix == Objective(profit=0.7, revenue=0.3)
    assert faults("objective = { profit = 0.0 }") == {"objective": (1, "must have a weight above 0")}
    assert set(faults("objective = { proft = 1 }")) == {"objective.proft"}
    assert "must be one of profit" in faults('objective = "sales"')["objective"][1]


def test_all_faults_come_at_once_with_their_lines() -> None:
    found = faults(
        'objectiv = "profit"\nhorizon = 0\n\n[price]\nstep = 0.05\nendings = [0.99, 1.0]\nmin_margin = "high"\n\n'
        "[[rules]]\nrole = 'trafic'\nmax_change = 0.1\n\n[[rules]]\nmarket_average = [0.1, -0.1]\n"
        'order = { by = "size", min_gap = -1 }\n[bids]\nmin_bid = 2.0\nmax_bid = 1.0\n[bids.dayparts]\nmin = 3.0\n'
    )
    assert {key: row for key, (row, _) in found.items()} == {
        "objectiv": 1,
        "horizon": 2,
        "price.step": 5,
        "price.endings": 6,
        "price.min_margin": 7,
        "rules[0].role": 10,
        "rules[1].market_average": 14,
        "rules[1].order.min_gap": 15,
        "bids.min_bid": 17,
        "bids.dayparts.min": 20,
    }
    assert "did you mean 'objective'" in found["objectiv"][1]
    assert "did you mean 'traffic'" in found["rules[0].role"][1]
    assert "stands beside endings" in found["price.step"][1]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("horizon = 1.5", "horizon"),
        ("horizon = true", "horizon"),
        ('seed = "x"', "seed"),
        ("seed = -1", "seed"),
        ("price = 3", "price"),
        ("rules = 3", "rules"),
        ("rules = [3]", "rules[0]"),
        ("[price]\nmin_margin = 1.0", "price.min_margin"),
        ("[price]\nmin_margin = nan", "price.min_margin"),
        ("[price]\nmax_change = -0.1", "price.max_change"),
        ("[price]\nmax_change = inf", "price.max_change"),
        ("[price]\nendings = []", "price.endings"),
        ("[price]\nendings = 0.99", "price.endings"),
        ("[price]\nstep = 0", "price.step"),
        ('[price]\non_conflict = "ask"', "price.on_conflict"),
        ("[price]\nnever_below_cost = 1", "price.never_below_cost"),
        ("[portfolio]\nmin_unit_ratio = 0.9", "portfolio.min_unit_ratio"),
        ("[portfolio]\nmax_price_changes = 1.5", "portfolio.max_price_changes"),
        ("[market]\nmax_age_days = -1", "market.max_age_days"),
        ('[market]\nown = ""', "market.own"),
        ('[[rules]]\nsku = "a"', "rules[0]"),
        ("[[rules]]\nmarket_average = [0.1]", "rules[0].market_average"),
        ("[[rules]]\nstep = 0.1\nendings = [0.9]", "rules[0].step"),
        ('[[rules]]\norder = { by = "brand" }', "rules[0].order"),
        ('[[rules]]\norder = { by = "size", values = ["a", "b"] }', "rules[0].order.values"),
        ("[bids]\nbudget_confidence = 1.0", "bids.budget_confidence"),
        ('[bids]\nauction = "third"', "bids.auction"),
        ("[channels]\nbudget = 100.0\nfloors = { a = 80.0, b = 0.3 }", "channels.floors"),
        ("[channels]\nfloors = { a = 80.0 }\ncaps = { a = 70.0 }", "channels.floors.a"),
        ('[channels]\nfloors = { a = "x" }', "channels.floors"),
        ("[learning]\nexploration_budget = 1.5", "learning.exploration_budget"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(text: str, key: str) -> None:
    found = faults(text)
    assert set(found) == {key}
    assert found[key][0] is not None


def test_text_that_is_no_toml_names_the_line() -> None:
    with pytest.raises(PolicyError, match=r"policy line 2: is not TOML"):
        Policy.from_toml("horizon = 4\nseed = = 3")
    with pytest.raises(PolicyError, match="is not TOML"):
        Policy.from_toml("a = " + "[" * 5_000)


def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.toml: cannot be read"):
        Policy.read(tmp_path / "nowhere.toml")
    with pytest.raises(PolicyError, match="cannot be read"):
        Policy.read(tmp_path)
    (tmp_path / "latin.toml").write_bytes('own = "caf\xe9"'.encode("latin-1"))
    with pytest.raises(PolicyError, match=r"latin\.toml: is not UTF-8"):
        Policy.read(tmp_path / "latin.toml")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfhorizon = 8\r\n")
    assert Policy.read(str(tmp_path / "bom.toml")).horizon == 8


def test_lines_are_found_in_crowded_files() -> None:
    text = (
        "# horizon = 1\nnote = '''\nhorizon = 2\n'''\nportfolio.min_margin = 2.0\n"
        '[ price ] # comment\n"max_change" = -1\n[market]\nmax_age_days = [\n  1,\n]\n'
    )
    found = faults(text)
    assert {key: row for key, (row, _) in found.items()} == {
        "note": 2,
        "portfolio.min_margin": 5,
        "price.max_change": 7,
        "market.max_age_days": 9,
    }


def test_it_goes_through_json_and_back() -> None:
    policy = Policy.from_toml(WHOLE)
    assert Policy.from_mapping(json.loads(json.dumps(policy.to_mapping()))) == policy
    assert Policy.from_mapping(json.loads(json.dumps(Policy().to_mapping()))) == Policy()
    with pytest.raises(PolicyError, match=r"policy: price.max_chnge: unknown key; did you mean 'max_change'"):
        Policy.from_mapping({"price": {"max_chnge": 0.1}})


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Policy().horizon = 3  # type: ignore[misc]
    assert hash(Policy()) == hash(Policy())
