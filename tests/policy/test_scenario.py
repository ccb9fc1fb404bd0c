"""The scenario file: changes to tables, and overrides of the policy."""

from pathlib import Path

import pytest

from pricebid import Policy, PolicyError
from pricebid.policy import Change, Scenario

TEXT = """
[[change]]
table = "catalog"
where = { category = "coffee", size = 250 }
multiply = { cost = 1.05 }

[[change]]
table = "planned"
where = { sku = "a", date = 2024-03-04 }
set = { price = 4.49, promo = true }

[policy]
horizon = 8
price = { endings = [0.99] }
portfolio = { min_margin = 0.3 }
"""


def test_changes_are_read_in_order() -> None:
    one, other = Scenario.from_toml(TEXT).changes
    assert one == Change(table="catalog", where=(("category", "coffee"), ("size", 250.0)), multiply=(("cost", 1.05),))
    assert other == Change(
        table="planned", where=(("sku", "a"), ("date", "2024-03-04")), assign=(("price", 4.49), ("promo", True))
    )


def test_overrides_replace_the_policys_keys_and_leave_the_others() -> None:
    base = Policy.from_toml(
        '[price]\nstep = 0.05\nmax_change = 0.1\n[portfolio]\nmin_revenue = 5\n[[rules]]\nsku = "a"\nmax_change = 0'
    )
    policy = Scenario.from_toml(TEXT).policy(base)
    assert policy.horizon == 8
    assert (policy.price.step, policy.price.endings, policy.price.max_change) == (None, (0.99,), 0.1)
    assert (policy.portfolio.min_revenue, policy.portfolio.min_margin) == (5.0, 0.3)
    assert policy.rules == base.rules
    assert Scenario().policy(base) is base


def test_overrides_that_contradict_the_policy_are_refused() -> None:
    scenario = Scenario.from_toml("[policy]\nbids = { min_bid = 3.0 }")
    with pytest.raises(PolicyError, match=r"bids.min_bid: 3 is above the upper end 2"):
        scenario.policy(Policy.from_toml("[bids]\nmax_bid = 2.0"))


def test_all_faults_come_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "what.toml"
    path.write_text(
        '[[change]]\ntabel = "catalog"\nset = { cost = 1 }\n[[change]]\ntable = "catalog"\n'
        '[[change]]\ntable = "catalog"\nmultiply = { cost = "x" }\nwhere = { sku = [1] }\n[policy]\nhorizn = 3\n[polcy]\n'
    )
    with pytest.raises(PolicyError) as caught:
        Scenario.read(path)
    found = {fault.column: fault.row for fault in caught.value.faults}
    assert found == {
        "polcy": 12,
        "change[0].tabel": 2,
        "change[0]": 1,
        "change[1]": 4,
        "change[2].multiply": 8,
        "change[2].where.sku": 9,
        "horizn": 11,
    }
    assert {fault.table for fault in caught.value.faults} == {"what.toml"}


def test_it_reads_the_same_from_a_mapping() -> None:
    mapping = {"change": [{"table": "catalog", "set": {"cost": 2}}], "policy": {"horizon": 2}}
    assert Scenario.from_mapping(mapping) == Scenario(
        changes=(Change(table="catalog", assign=(("cost", 2.0),)),), policy_overrides=(("horizon", 2),)
    )
