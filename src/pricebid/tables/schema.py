"""What each table of a shop folder may hold: columns, kinds, legal ranges and keys.

The tables and units are described for people in ``docs/tables.md``; this file is the same list for the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "flag", "date", "time"]

ABSURD = 1e15  # no price, cost or count of a real shop is larger; beyond it sums of squares lose their meaning
ROLES = ("traffic", "profit", "image", "clearance")
STAGES = ("launch", "growth", "mature", "decline")
KEYS = ("sku", "region", "hour", "segment", "channel")
DECIDED = ("promo", "feature", "discount")


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """What one column may hold.

    Parameters
    ----------
    name : str
        The column.
    kind : {"text", "number", "flag", "date", "time"}
        Text, a finite number, 0/1, an ISO date, or an ISO date with a time.
    required : bool
        The table is not usable without the column, and no cell of it may be empty.
    low, high : float
        Legal range, ends included.
    above : bool
        The lower end itself is not legal.
    whole : bool
        Only whole numbers.
    choices : tuple of str
        The only legal texts, where not empty.
    """

    name: str
    kind: Kind
    required: bool = False
    low: float = -ABSURD
    high: float = ABSURD
    above: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What one table may hold.

    Parameters
    ----------
    name : str
        The table.
    columns : tuple of ColumnRule
        Every column the table may have.
    key : tuple of str
        Columns (where present) that together occur once; empty where rows may repeat.
    extras : bool
        Further numeric columns are welcome (drivers of demand).
    feature : str
        What is switched off where the table is missing.
    """

    name: str
    columns: tuple[ColumnRule, ...]
    key: tuple[str, ...] = ()
    extras: bool = False
    feature: str = ""

    def rule(self, column: str) -> ColumnRule | None:
        """Return the rule of a column, None where the table has no such column."""
        return next((rule for rule in self.columns if rule.name == column), None)


def _text(name: str, *, required: bool = False, choices: tuple[str, ...] = ()) -> ColumnRule:
    return ColumnRule(name=name, kind="text", required=required, choices=choices)


def _need(name: str) -> ColumnRule:
    return _text(name, required=True)


def _texts(*names: str) -> tuple[ColumnRule, ...]:
    return tuple(_text(name) for name in names)


def _day(name: str, *, required: bool = False) -> ColumnRule:
    return ColumnRule(name=name, kind="date", required=required)


def _time(name: str, *, required: bool = False) -> ColumnRule:
    return ColumnRule(name=name, kind="time", required=required)


def _flag(name: str) -> ColumnRule:
    return ColumnRule(name=name, kind="flag", low=0.0, high=1.0)


def _number(name: str, *, required: bool = False, low: float = -ABSURD, high: float = ABSURD) -> ColumnRule:
    return ColumnRule(name=name, kind="number", required=required, low=low, high=high)


def _amount(name: str, *, required: bool = False) -> ColumnRule:
    return _number(name, required=required, low=0.0)


def _price(name: str, *, required: bool = False) -> ColumnRule:
    return ColumnRule(name=name, kind="number", required=required, low=0.0, above=True)


_HOUR = ColumnRule(name="hour", kind="number", low=0.0, high=23.0, whole=True)

_SHOP = (
    Schema(
        name="sales",
        columns=(
            _day("date", required=True),
            _need("sku"),
            _amount("units", required=True),
            _price("price", required=True),
            *_texts("region", "segment", "channel"),
            _HOUR,
            _flag("promo"),
            _flag("feature"),
            _amount("discount"),
            _amount("stock"),
            _amount("visitors"),
        ),
        key=("date", *KEYS),
        extras=True,
        feature="forecasts, elasticities and prices",
    ),
    Schema(
        name="catalog",
        columns=(
            _need("sku"),
            _amount("cost"),
            *_texts("category", "brand"),
            _price("size"),
            *(_price(name) for name in ("price", "list_price", "min_price", "max_price", "map_price")),
            _amount("stock"),
            _amount("inbound"),
            _text("role", choices=ROLES),
            _text("stage", choices=STAGES),
            _day("launch_date"),
            _day("season_end"),
            _flag("locked"),
        ),
        key=("sku",),
        feature="costs, margins, categories (substitution is looked for among all skus), roles and pack sizes",
    ),
    Schema(
        name="offers",
        columns=(
            _need("sku"),
            _need("region"),
            _price("price", required=True),
            _text("segment"),
            _amount("cost"),
            _amount("stock"),
            _price("min_price"),
            _price("max_price"),
            _flag("locked"),
        ),
        key=("sku", "region", "segment"),
        feature="current prices by region (the catalog's, else the last ones without promotion, are used)",
    ),
    Schema(
        name="regions",
        columns=(
            _need("region"),
            _amount("shipping_cost"),
            _number("tax", low=0.0, high=10.0),
            _price("income_index"),
            _amount("free_shipping_threshold"),
        ),
        key=("region",),
        feature="shipping cost and tax by region (both are taken as 0)",
    ),
    Schema(
        name="planned",
        columns=(
            _day("date", required=True),
            _need("sku"),
            _text("region"),
            _price("price"),
            _flag("promo"),
            _flag("feature"),
            _amount("discount"),
        ),
        key=("date", "sku", "region"),
        extras=True,
        feature="planned prices and promotions (current prices and no promotion are assumed)",
    ),
    Schema(
        name="competitors",
        columns=(
            _day("date", required=True),
            _need("sku"),
            _need("competitor"),
            _price("price", required=True),
            _text("region"),
            _flag("in_stock"),
            _amount("shipping_cost"),
            _amount("rating"),
        ),
        key=("date", "sku", "competitor", "region"),
        feature="rules on the market average",
    ),
    Schema(
        name="calendar",
        columns=(_day("date", required=True), _need("event"), _text("region"), _price("uplift")),
        key=("date", "event", "region"),
        feature="calendar events",
    ),
    Schema(
        name="coupons",
        columns=(
            _need("coupon"),
            _text("kind", required=True, choices=("percent", "amount", "threshold")),
            _amount("value", required=True),
            _amount("threshold"),
            *_texts("stacks_with", "segment"),
            _day("start"),
            _day("end"),
            *_texts("skus", "categories"),
        ),
        key=("coupon",),
        feature="coupons",
    ),
)

_ADS = (
    Schema(
        name="keywords",
        columns=(
            _day("date", required=True),
            _need("keyword"),
            *(
                _amount(name, required=True)
                for name in ("bid", "impressions", "clicks", "cost", "conversions", "revenue")
            ),
            _HOUR,
            *_texts("campaign", "match_type", "sku", "region", "segment", "device"),
            _amount("avg_position"),
            _amount("add_to_cart"),
            _day("reported"),
        ),
        key=(
            *("date", "hour", "keyword", "campaign", "match_type"),
            *("sku", "region", "segment", "device", "reported"),
        ),
        feature="keyword bids",
    ),
    Schema(
        name="candidates",
        columns=(_need("keyword"), *_texts("campaign", "match_type", "sku")),
        key=("keyword", "campaign", "match_type"),
        feature="keywords that were never bid on",
    ),
    Schema(
        name="campaigns",
        columns=(
            _need("campaign"),
            _number("margin", low=-1.0, high=1.0),
            *(_amount(name) for name in ("daily_budget", "min_roas", "max_cpa", "min_bid", "max_bid")),
        ),
        key=("campaign",),
        feature="margins and budgets by campaign",
    ),
    Schema(
        name="channels",
        columns=(
            _day("date", required=True),
            _need("channel"),
            _amount("spend", required=True),
            *(_amount(name) for name in ("impressions", "clicks", "conversions", "revenue", "new_customers")),
        ),
        key=("date", "channel"),
        feature="budgets over channels",
    ),
    Schema(
        name="touches",
        columns=(
            _need("customer"),
            _time("time", required=True),
            _need("channel"),
            _flag("converted"),
            _number("value"),
            _amount("cost"),
        ),
        feature="attribution",
    ),
    Schema(
        name="orders",
        columns=(
            *(_need(name) for name in ("order", "customer")),
            _time("time", required=True),
            _need("sku"),
            _amount("units", required=True),
            _amount("price", required=True),
            _text("region"),
            _amount("discount"),
            _flag("returned"),
            _text("channel"),
        ),
        feature="baskets and customer value",
    ),
    Schema(
        name="experiments",
        columns=(
            *(_need(name) for name in ("experiment", "unit", "variant")),
            _number("outcome", required=True),
            _amount("denominator"),
            _number("covariate"),
            _time("time"),
            _number("propensity", low=0.0, high=1.0),
            ColumnRule(name="block", kind="number", low=0.0, whole=True),
            _flag("burn_in"),
        ),
        key=("experiment", "unit", "variant", "time"),
        feature="readouts of experiments",
    ),
)

SCHEMAS: tuple[Schema, ...] = _SHOP + _ADS


def schema(name: str) -> Schema:
    """Return the schema of a table; KeyError where no such table exists."""
    found = next((one for one in SCHEMAS if one.name == name), None)
    if found is None:
        raise KeyError(name)
    return found
