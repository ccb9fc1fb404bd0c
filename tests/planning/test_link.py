"""Keywords lead to the offers of their sku: in their region, or over regions by units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.planning.link import link
from pricebid.tables import KeywordAxis


class Sold:
    """Three offers, as far as a link looks at them."""

    sku = np.array(["a", "a", "b"], dtype=object)
    region = np.array(["n", "s", "n"], dtype=object)

    def __len__(self) -> int:
        return len(self.sku)


OFFERS: Any = Sold()
UNITS = np.array([30.0, 10.0, 5.0])


def axis(**columns: list[str]) -> KeywordAxis:
    names = ("campaign", "keyword", "match_type", *columns)
    size = len(next(iter(columns.values())))
    plain = [["c"] * size, [f"k{at}" for at in range(size)], [""] * size]
    labels = tuple(np.array(one, dtype=object) for one in (*plain, *columns.values()))
    return KeywordAxis(columns=names, labels=labels)


def test_without_a_region_a_sku_s_conversions_fall_on_its_offers_by_units() -> None:
    found = link(axis(sku=["a", "b", "x"]), OFFERS, UNITS)
    assert found.share.toarray().tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert found.linked.tolist() == [True, True, False]


def test_a_region_of_the_ad_is_that_of_the_offer_and_an_unknown_one_is_all() -> None:
    found = link(axis(sku=["a", "a", "b"], region=["s", "elsewhere", ""]), OFFERS, UNITS)
    assert found.share.toarray().tolist() == [[0.0, 1.0, 0.0], [0.75, 0.25, 0.0], [0.0, 0.0, 1.0]]


def test_conversions_are_neither_lost_nor_made_where_linked() -> None:
    found = link(axis(sku=["a", "b", "x", "a"]), OFFERS, UNITS)
    conversions = np.array([4.0, 2.0, 7.0, 1.0])
    assert found.to_offers(conversions).tolist() == [3.75, 1.25, 2.0]
    assert found.over_offers(np.array([1.0, 3.0, 2.0]), other=9.0).tolist() == [1.5, 2.0, 9.0, 1.5]


def test_ads_that_lead_nowhere_are_an_error() -> None:
    with pytest.raises(InputError, match="no column sku"):
        link(axis(region=["n"]), OFFERS, UNITS)
    with pytest.raises(InputError, match="no sku of keywords is sold"):
        link(axis(sku=["x"]), OFFERS, UNITS)
