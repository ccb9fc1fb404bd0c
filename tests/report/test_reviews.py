"""A review on the page: a verdict, tables that fit, words instead of holes."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import pricebid
from pricebid.planning import Review, review
from pricebid.report.reviews import review_report, review_summary

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 100


def page(renderable: RenderableType) -> str:
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, highlight=False).print(renderable)
    assert max(len(line.rstrip()) for line in stream.getvalue().splitlines()) <= WIDTH
    return stream.getvalue()


@pytest.fixture(scope="module")
def lived(made: Any) -> Review:
    """The template's plan: two of four weeks at its prices, one sku dearer and sold out, one never sold."""
    plan, shop = made.plan, made.shop
    frame = plan.to_frame()
    since = []
    for week in plan.periods[:2]:
        rows = frame[["sku", "region", "price", "units"]].assign(date=pd.Timestamp(str(week)), promo=0.0)
        rows["units"] = np.round(rows["units"] / 4.0)
        rows["stock"] = 1e6
        dear = rows["sku"] == "espresso-250"
        rows.loc[dear, "price"] += 1.0
        rows.loc[dear, "stock"] = rows.loc[dear, "units"]
        since.append(rows[rows["sku"] != "rooibos-100"])
    tables = {table.name: table.to_frame() for table in shop.tables}
    tables["sales"] = pd.concat([tables["sales"], *since], ignore_index=True)
    return review(plan, pricebid.Shop.from_frames(tables, shop.settings))


def test_the_page_says_first_what_came_and_last_what_it_cannot_say(lived: Review) -> None:
    said = " ".join(page(review_report(lived)).split())
    assert said.startswith("In 2 of 4 weeks from 2025-06-30 the ")
    assert said.endswith("that takes an experiment (docs/experiments.md).")
    for words in (
        "EUR profit",
        "from other volumes",
        "Limits in reality",
        "sold out in 2 of 2 weeks",
        "that surprise most",
    ):
        assert words in said
    assert "nan" not in said.split()
    assert review_summary(lived)["review"]["prices"]["periods"] == 2


def test_no_number_and_no_cause_is_cut(lived: Review) -> None:
    said = page(review_report(lived))
    assert "…" not in said
    assert "from other revenue per unit " in said


def test_as_many_surprises_as_asked_for(lived: Review) -> None:
    assert "The 2 offers that surprise most" in page(review_report(lived, surprises=2))


def test_without_a_cost_the_page_speaks_of_revenue(lived: Review) -> None:
    prices = lived.prices
    assert prices is not None
    nothing = np.full(len(prices), np.nan)
    bare = replace(prices, profit=nothing, profit_expected=nothing, volume_effect=nothing, cost_effect=nothing)
    said = " ".join(page(review_report(replace(lived, prices=bare))).split())
    assert "EUR revenue" in said
    assert "from other volumes" not in said
    assert "cost is not known" in said
    assert "nan" not in said.split()


def test_a_plan_none_of_whose_offers_sold_has_a_page_too(lived: Review) -> None:
    prices = lived.prices
    assert prices is not None
    unseen = replace(lived, prices=replace(prices, seen=np.zeros(len(prices), dtype=bool)))
    assert "nothing to compare" in page(review_report(unseen))
    assert len(unseen.plot().axes) == 2
