"""What a review has to say about its own figures: taxes, costs, the window, tables that lack rows, zeros."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from pricebid.errors import InputError
from pricebid.planning import Review, review
from pricebid.report.reviews import review_report

_SPEC = importlib.util.spec_from_file_location("review_builders", Path(__file__).with_name("test_review.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
built = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = built
_SPEC.loader.exec_module(built)
Offer, plan_of, reviewed, shop_of, WEEKS = built.Offer, built.plan_of, built.reviewed, built.shop_of, built.WEEKS


def page(found: Review) -> str:
    stream = io.StringIO()
    Console(file=stream, width=100, highlight=False).print(review_report(found))
    return " ".join(stream.getvalue().split())


def test_another_tax_is_not_called_another_price(tmp_path: Path) -> None:
    folder = plan_of(tmp_path, [Offer(sku="a"), Offer(sku="b")], tax=0.07)
    found = review(folder, shop_of([Offer(sku="a"), Offer(sku="b")], tax=0.19))
    assert found.prices is not None
    assert found.prices.share_followed == 1.0
    lost = 160.0 / 1.19 - 160.0 / 1.07
    assert found.prices.effects["price"] == pytest.approx(lost)
    for words in (page(found), found.summary()):
        assert "from other revenue per unit" in words
        assert "other prices" not in words
    notice = next(one for one in found.notices if "taxes" in one)
    assert "2 of 2" in notice
    assert f"{lost:+,.2f} of other revenue per unit" in notice
    assert "revenue per unit" in found.to_frame()["note"][0]


def test_a_tax_and_a_price_that_both_moved_are_told_apart(tmp_path: Path) -> None:
    folder = plan_of(tmp_path, [Offer(sku="a")], tax=0.07)
    prices = review(folder, shop_of([Offer(sku="a", charged=(2.5,) * 4)], tax=0.19)).prices
    assert prices is not None
    assert prices.price_effect[0] == pytest.approx(100.0 / 1.19 - 80.0 / 1.07)
    assert prices.terms_effect[0] == pytest.approx(80.0 / 1.19 - 80.0 / 1.07)


def test_another_price_alone_moves_no_tax(tmp_path: Path) -> None:
    planned = [Offer(sku="a", discount=0.2), Offer(sku="b"), Offer(sku="c", units=0.0)]
    happened = [Offer(sku="a", discount=0.2, charged=(2.5,) * 4), Offer(sku="b"), Offer(sku="c", charged=(3.0,) * 4)]
    found = reviewed(tmp_path, planned, happened, tax=0.19)
    assert found.notices == ()


def test_a_start_within_a_week_begins_with_the_next_whole_one(tmp_path: Path) -> None:
    folder = plan_of(tmp_path, [Offer(sku="a")])
    shop = shop_of([Offer(sku="a", sold=(99.0, 10.0, 10.0, 10.0))])
    inside = str(np.datetime64(WEEKS[4]) + 2)
    found, whole = review(folder, shop, start=inside), review(folder, shop, start=WEEKS[5])
    assert found.prices is not None
    assert whole.prices is not None
    assert str(found.prices.window.first) == WEEKS[5]
    assert found.prices.units[0] == whole.prices.units[0] == 30.0
    said = [one for one in found.notices if inside in one]
    assert len(said) == 1
    assert WEEKS[5] in said[0]
    assert not [one for one in whole.notices if "begins on" in one]


def test_both_halves_of_a_plan_begin_on_the_same_day(tmp_path: Path) -> None:
    days = pd.date_range(WEEKS[0], periods=56)
    ads = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "campaign": "c", "keyword": "k", "sku": "a"}).assign(
        impressions=100, clicks=10, cost=5.0, conversions=1.0, revenue=20.0, bid=0.5
    )
    folder = plan_of(tmp_path, [Offer(sku="a")], turns=[], days=28)
    document = json.loads((folder / "plan.json").read_text())
    prices = {name: document[name] for name in ("start", "horizon", "limits")}
    (folder / "plan.json").write_text(json.dumps(document | {"prices": prices, "bids": {"limits": []}}))
    keyword = ads.iloc[:1].drop(columns="date")
    keyword.to_csv(folder / "bids.csv", index=False)
    found = review(folder, shop_of([Offer(sku="a")], keywords=ads), start=str(np.datetime64(WEEKS[4]) + 2))
    assert found.prices is not None
    assert found.bids is not None
    assert str(found.prices.window.first) == str(found.bids.days[0]) == WEEKS[5]


@pytest.mark.parametrize("changed", ["units", "revenue", "profit"])
def test_a_table_that_does_not_sum_to_its_plan_is_refused(tmp_path: Path, changed: str) -> None:
    planned = [Offer(sku="a"), Offer(sku="b"), Offer(sku="c", units=0.0)]
    shop = shop_of(planned)
    whole = {"units": 80.0, "revenue": 160.0, "profit": 80.0}
    folder = plan_of(tmp_path, planned, totals={"planned": {name: 1.0000005 * one for name, one in whole.items()}})
    assert review(folder, shop).prices is not None
    plan_of(tmp_path, planned[1:], totals={"planned": {**dict.fromkeys(whole), changed: whole[changed]}})
    with pytest.raises(InputError, match=rf"prices and plan\.json do not belong together: {changed} of its 2 offers"):
        review(folder, shop)


def test_totals_that_are_not_known_do_not_judge_the_table(tmp_path: Path) -> None:
    planned = [Offer(sku="a"), Offer(sku="b", cost=float("nan"))]
    folder = plan_of(tmp_path, planned, totals={"planned": {"units": 80.0, "revenue": 160.0, "profit": None}})
    assert review(folder, shop_of(planned)).prices is not None


def test_a_cost_taken_from_the_plan_is_said_to_be(tmp_path: Path) -> None:
    planned = [Offer(sku="a"), Offer(sku="b")]
    found = reviewed(tmp_path, planned, [Offer(sku="a", cost_now=float("nan")), Offer(sku="b")])
    assert found.prices is not None
    assert found.prices.totals["profit"]["actual"] == pytest.approx(80.0)
    notice = next(one for one in found.notices if "cost" in one)
    assert "does not know now: 1 of 2" in notice
    assert "the plan's is taken" in notice


def test_no_page_shows_minus_zero(tmp_path: Path) -> None:
    limits: Any = (("min_margin", 0.0, 0.0), ("max_discount_cost", 5.0, 0.0))
    planned = [Offer(sku="a", units=4000.0, sold=(1000.0,) * 4, cost=2.0), Offer(sku="b", units=40.000001, cost=1.9999)]
    found = reviewed(tmp_path, planned, limits=limits)
    for words in (page(found), found.summary()):
        assert not re.search(r"-0(\.0+)?(?![\d.])", words), words
    planned = [Offer(sku="a", units=4000.0, sold=(1000.0,) * 4), Offer(sku="b", units=40.5)]
    found = reviewed(tmp_path, planned)
    assert "-0.0 %" not in page(found)
    assert "+0.0 %" in page(found)
