"""The picture of a plan: what it groups, what it says, and that it leaves no traces."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.report.plots import MOST_GROUPS, group, plot_price_plan


@dataclass(frozen=True)
class Planned:
    """The part of a plan that the picture reads."""

    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        return self.frame

    @property
    def price(self) -> np.ndarray:
        return self.frame["price"].to_numpy()

    @property
    def changed(self) -> np.ndarray:
        return self.price != self.frame["current_price"].to_numpy()

    @property
    def totals(self) -> dict[str, dict[str, Any]]:
        now, after = float(self.frame["profit_now"].sum()), float(self.frame["profit"].sum())
        gain = {"value": after - now, "low": 0.5 * (after - now), "high": 1.5 * (after - now)}
        return {"now": {"profit": now}, "planned": {"profit": after}, "uplift": {"profit": gain}}


def planned(n: int) -> Planned:
    rng = np.random.default_rng(0)
    current, now = rng.uniform(1, 5, n), rng.gamma(2.0, 50.0, n)
    sku = [f"sku {at % 4}" for at in range(n)]
    columns = {"current_price": current, "price": current * 1.05, "profit_now": now, "profit": now * 1.1}
    return Planned(pd.DataFrame({"sku": sku, **columns}))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=200))
def test_grouping_loses_no_price_and_no_money(codes: list[int]) -> None:
    labels = np.array([f"label {code}" for code in codes], dtype=object)
    rng = np.random.default_rng(len(codes))
    now, after, moves = rng.normal(10, 3, len(codes)), rng.normal(11, 3, len(codes)), rng.normal(0, 0.1, len(codes))
    groups = group(labels, moves, now, after)
    assert len(groups) <= MOST_GROUPS
    assert np.isclose(sum(one.now for one in groups), now.sum())
    assert np.isclose(sum(one.planned for one in groups), after.sum())
    assert sorted(np.concatenate([one.moves for one in groups])) == sorted(moves)


def test_the_group_that_gains_most_is_on_top() -> None:
    labels = np.array(["a", "b", "c"], dtype=object)
    groups = group(labels, np.zeros(3), np.array([5.0, 5.0, 5.0]), np.array([6.0, 9.0, 5.0]))
    assert [one.name for one in groups] == ["b", "a", "c"]


def test_the_rest_beyond_the_largest_groups_stands_last() -> None:
    labels = np.array([f"{at:02d}" for at in range(30)], dtype=object)
    groups = group(labels, np.zeros(30), np.arange(30.0), 2 * np.arange(30.0))
    assert groups[-1].name == f"{30 - MOST_GROUPS + 1} others"
    assert len(groups) == MOST_GROUPS


def test_the_picture_says_what_the_plan_is_worth(tmp_path: Path) -> None:
    plan = planned(40)
    figure = plot_price_plan(plan)  # type: ignore[arg-type]
    assert "(+10.0 %; 80 % interval of the gain " in figure.get_suptitle()
    assert figure.get_suptitle().endswith("40 of 40 prices move")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] != []
    assert len(right.patches) == 4
    figure.savefig(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 10_000


def test_drawing_opens_no_window_and_keeps_no_state() -> None:
    plot_price_plan(planned(8))  # type: ignore[arg-type]
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_labels_that_do_not_match_the_prices_are_refused() -> None:
    with pytest.raises(InputError, match="3 labels given to group 8 prices"):
        plot_price_plan(planned(8), by=np.array(["a", "b", "c"], dtype=object))  # type: ignore[arg-type]


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        plot_price_plan(planned(8))  # type: ignore[arg-type]
