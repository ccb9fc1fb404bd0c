"""The closed loop for people: words, totals and the picture, from the table alone."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from pricebid.report.loop import loop_report, loop_summary
from pricebid.report.loop_plots import plot_loop

PER_DAY = {
    "status quo": 100.0,
    "static plan": 102.0,
    "no exploration": 104.0,
    "exploration": 105.0,
    "clairvoyant": 110.0,
}


def table(per_day=PER_DAY, *, cost: float = 0.5, budget: float = 1.0, days: int = 10) -> pd.DataFrame:
    frames = []
    for name, profit in per_day.items():
        explored = name == "exploration"
        spent, allowed = cost * explored, budget * explored
        every = np.ones(days)
        frames.append(
            pd.DataFrame(
                {
                    "day": np.arange(1, days + 1),
                    "policy": name,
                    "profit": profit * every,
                    "cumulative": profit * np.arange(1, days + 1),
                    "planned_profit": (profit + spent) * every,
                    "exploration_cost": spent * every,
                    "believed_cost": spent * every,
                    "budget": allowed * every,
                    "cumulative_cost": spent * np.arange(1, days + 1),
                    "cumulative_budget": allowed * np.arange(1, days + 1),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def words(frame: pd.DataFrame) -> str:
    written = io.StringIO()
    Console(width=200, file=written).print(loop_report(frame))
    return written.getvalue()


def test_totals_uplifts_and_what_exploring_came_to():
    summary = loop_summary(table())
    assert summary["policies"]["exploration"]["uplift"] == pytest.approx(0.05)
    assert summary["policies"]["exploration"]["reached"] == pytest.approx(0.5)
    assert summary["exploration"] == {"gain": pytest.approx(10.0), "cost": 5.0, "budget": 10.0, "pays": True}
    assert "exploration" not in loop_summary(table({k: v for k, v in PER_DAY.items() if k != "exploration"}))


def test_the_report_says_whether_exploring_paid_and_kept_its_budget():
    paid = " ".join(words(table()).split())
    assert "paid for itself: it earned 10.00 more than without" in paid
    assert "within its budget of 10.00" in paid
    lost = " ".join(words(table(PER_DAY | {"exploration": 103.0}, cost=2.0)).split())
    assert "did not pay for itself: the loop earned 10.00 less" in lost
    assert "more than its budget" in lost
    assert "Nothing was explored" in words(table({k: v for k, v in PER_DAY.items() if k != "exploration"}))


def test_the_picture_draws_a_line_per_policy_and_marks_the_shock():
    figure = plot_loop(table(), shock_day=4)
    left, right = figure.axes
    assert {text.get_text() for text in left.get_legend().get_texts()} == set(PER_DAY)
    gains = {line.get_label(): line.get_ydata() for line in left.get_lines()}
    np.testing.assert_allclose(gains["exploration"], 5.0 * np.arange(1, 11))
    assert "shock" in {text.get_text() for text in left.texts}
    assert len(right.get_legend().get_texts()) == 3
    assert "+5.0 %" in figure.get_suptitle()
    without = plot_loop(table({k: v for k, v in PER_DAY.items() if k != "exploration"}))
    assert "nothing was explored" in {text.get_text() for text in without.axes[1].texts}
