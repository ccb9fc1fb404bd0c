"""The table experiments becomes frozen arrays; what its arms share is looked up in the shop."""

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, Shop, TableError


def table(**columns):
    given = {"experiment": "x", "unit": list("abcd"), "variant": list("ABAB"), "outcome": [1.0, 2.0, 3.0, 4.0]}
    return pd.DataFrame({**given, **columns})


def shop(**tables):
    return Shop.from_frames(tables)


def test_rows_of_the_experiment_that_is_named() -> None:
    both = pd.concat([table(), table(experiment="y", outcome=9.0)])
    rows = shop(experiments=both).experiment("y")
    assert rows.name == "y"
    assert rows.outcome.tolist() == [9.0] * 4
    assert rows.variants.tolist() == ["A", "B"]
    assert rows.time is None
    assert not rows.outcome.flags.writeable
    with pytest.raises(InputError, match=r"holds 2 experiments \(x, y\): name one"):
        shop(experiments=both).experiment()
    with pytest.raises(InputError, match="no experiment 'yy'; did you mean 'y'"):
        shop(experiments=both).experiment("yy")


def test_all_faults_of_an_experiment_are_named_at_once() -> None:
    broken = table(
        variant="A",
        time=["2024-01-01", None, "2024-01-02", None],
        propensity=[0.5, 0.0, None, 0.5],
        denominator=[1, None, 1, 1],
    )
    with pytest.raises(TableError) as caught:
        shop(experiments=broken).experiment()
    assert [fault.column for fault in caught.value.faults] == [
        "time",
        "propensity",
        "denominator",
        "propensity",
        "variant",
    ]
    assert "experiments row 2 column time" in str(caught.value)
    assert "0 must be above 0" in str(caught.value)


def test_cells_outside_their_range_are_faults_of_reading() -> None:
    with pytest.raises(TableError) as caught:
        shop(experiments=table(propensity=1.2, denominator=-1.0, burn_in=2))
    assert {fault.column for fault in caught.value.faults} == {"propensity", "denominator", "burn_in"}


def test_a_shop_without_experiments_says_so() -> None:
    bare = shop(touches=pd.DataFrame({"customer": ["c"], "time": ["2024-01-01"], "channel": ["mail"]}))
    with pytest.raises(TableError, match="experiments: is not there; the readout of an experiment needs it"):
        bare.experiment()


def sales(units, stock):
    dates = pd.date_range("2024-01-01", periods=len(units)).astype(str)
    return pd.DataFrame({"date": dates, "sku": "s", "region": "r", "units": units, "price": 2.0, "stock": stock})


def test_stock_that_visitors_share_is_found_with_how_often_it_ran_out() -> None:
    made = shop(
        experiments=table(time=["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
        sales=sales([5.0, 9.0, 5.0, 9.0, 9.0], [9.0] * 5),
        catalog=pd.DataFrame({"sku": ["s"], "cost": [1.0], "stock": [10.0]}),
    )
    found = made.shared_supply(made.experiment())
    assert found.stocked == 1
    assert found.stock_bound == 0.5  # of the four days of the experiment
    assert found.budgets == 0


def test_skus_do_not_share_their_stock() -> None:
    made = shop(
        experiments=table(unit=["s", "t", "u", "v"]),
        catalog=pd.DataFrame({"sku": list("stuv"), "cost": 1.0, "stock": 5.0}),
    )
    assert made.shared_supply(made.experiment()).stocked == 0


def test_budgets_that_keywords_share_are_found_with_how_often_they_were_used_up() -> None:
    keywords = pd.DataFrame(
        {
            "date": ["2024-01-01", "2024-01-01", "2024-01-02"],
            "keyword": ["k", "l", "k"],
            "campaign": "c",
            "bid": 1.0,
            "impressions": 10,
            "clicks": 5,
            "cost": [30.0, 66.0, 50.0],
            "conversions": 0,
            "revenue": 0.0,
        }
    )
    made = shop(
        experiments=table(),
        keywords=keywords,
        campaigns=pd.DataFrame({"campaign": ["c", "d"], "daily_budget": [100.0, None]}),
    )
    found = made.shared_supply(made.experiment())
    assert (found.budgets, found.budget_bound) == (1, 0.5)
    own = made.with_table(shop(experiments=table(unit=list("ccdd"))).table("experiments"))
    assert own.shared_supply(own.experiment()).budgets == 0
    assert np.isnan(own.shared_supply(own.experiment()).stock_bound)
