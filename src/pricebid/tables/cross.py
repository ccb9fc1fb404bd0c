"""Checks across tables: unknown skus and regions, gaps, price jumps, planned drivers that sales does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.cross_ads import ads_faults, ads_notices, ads_warnings
from pricebid.tables.period import Period, infer_period
from pricebid.tables.schema import SCHEMAS, schema
from pricebid.tables.table import Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pricebid.tables.arrays import Offers
    from pricebid.tables.panel import Panel
    from pricebid.tables.settings import Settings

JUMP = 5.0  # a shelf price that changes by more than this factor from one period to the next is doubted
MAX_CELLS = 250_000_000  # offers x periods that fit the memory of one machine

Tables = dict[str, Table]


def cross_faults(tables: Tables, settings: Settings) -> Iterator[Fault]:
    """Yield what makes tables contradict each other."""
    sales = tables.get("sales")
    if sales is not None and len(sales):
        try:
            period = infer_period(sales.array("date"), given=settings.period)
        except TableError as error:
            yield from error.faults
        else:
            if "planned" in tables:
                yield from _stray_plans(tables["planned"], period)
    yield from _unknown_regions(tables)
    yield from _unknown_skus(tables)
    yield from ads_faults(tables)
    if sales is None:
        return
    offers, planned = tables.get("offers"), tables.get("planned")
    if offers is not None and offers.has("segment") and not sales.has("segment"):
        message = "sales has no segments: give sales the column, or leave it out here"
        yield Fault(table="offers", column="segment", message=message)
    if planned is not None:
        yield from _unknown_drivers(sales, planned)


def cross_warnings(tables: Tables, panel: Panel | None, offers: Offers | None) -> Iterator[Fault]:
    """Yield what is odd but usable: periods without rows, jumps of price, skus that other tables do not know."""
    if panel is not None:
        held = np.zeros(len(panel.periods), dtype=bool)
        held[panel.step] = True
        if not held.all():
            message = f"no row at all in {(~held).sum():,} of {len(held):,} periods, the first {panel.periods[~held][0]}: taken as missing"
            yield Fault(table="sales", column="date", message=message)
        yield from _jumps(panel)
    catalog, sales, rivals = tables.get("catalog"), tables.get("sales"), tables.get("competitors")
    if catalog is not None and sales is not None:
        yield from _strangers(
            sales, catalog.text("sku").labels, "is not in catalog: it has no category and no cost there"
        )
    if catalog is not None and offers is not None:
        idle = Table(name="catalog", columns=("sku",), data=(catalog.text("sku"),))
        yield from _strangers(idle, np.unique(offers.sku), "has neither sales nor a price: it is not offered")
    if rivals is not None and (sales is not None or catalog is not None):
        yield from _strangers(rivals, known_skus(tables), "is not ours: its rows are not used")
    if offers is not None and panel is not None:
        yield from _far_from_sales(offers, panel)
    yield from ads_warnings(tables)


def notices_of(tables: Tables) -> Iterator[str]:
    """Yield one sentence per feature that a missing optional table or column switches off."""
    priced = any(name in tables for name in ("sales", "catalog", "offers"))
    for rules in SCHEMAS[:8] if priced else SCHEMAS[:1]:
        if rules.name not in tables and rules.name != "coupons":
            yield (
                f"{rules.name} is not given: no {rules.feature}"
                if "(" not in rules.feature
                else f"{rules.name} is not given: {rules.feature}"
            )
    sales, catalog = tables.get("sales"), tables.get("catalog")
    if sales is not None:
        lost = {
            "stock": "demand that stock-outs hid is not corrected for",
            "promo": "promotions cannot be told from price changes that last",
        }
        yield from (f"sales.{name} is not given: {what}" for name, what in lost.items() if not sales.has(name))
    if catalog is not None and not catalog.has("category"):
        yield "catalog.category is not given: substitution is looked for among all skus"
    yield from ads_notices(tables)


def known_skus(tables: Tables) -> NDArray[np.object_]:
    """Every sku of sales, catalog and offers, object[label]."""
    found = [tables[name].text("sku").labels for name in ("sales", "catalog", "offers") if name in tables]
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=object)


def _unknown_regions(tables: Tables) -> Iterator[Fault]:
    sales, regions = tables.get("sales"), tables.get("regions")
    known: set[str] = {""} if regions is None else {"", *regions.text("region").labels}
    where = "regions"
    if regions is None:
        if sales is None:
            return
        known |= set(sales.labels("region", empty="all").labels)
        where = "sales"
    for name in ("sales", "offers", "planned", "competitors", "calendar"):
        table = tables.get(name)
        if table is not None and (name != "sales" or regions is not None):
            text = table.labels("region", empty="all" if name == "sales" else "")
            yield from _unknown(table, "region", text, known, f"{where}; add it to regions")


def _unknown_skus(tables: Tables) -> Iterator[Fault]:
    offers, planned = tables.get("offers"), tables.get("planned")
    inner = {name: table for name, table in tables.items() if name != "offers"}
    if offers is not None and "catalog" in tables:
        known = set(known_skus(inner))
        yield from _unknown(offers, "sku", offers.text("sku"), known, "sales or catalog; add it to catalog")
    if planned is not None and ("sales" in tables or "catalog" in tables):
        known = set(known_skus(tables))
        yield from _unknown(planned, "sku", planned.text("sku"), known, "sales, catalog or offers")


def _unknown(table: Table, column: str, text: Text, known: set[str], where: str) -> Iterator[Fault]:
    bad = np.array([label not in known for label in text.labels], dtype=bool)
    if not bad.any() or not len(text):
        return
    rows = bad[text.codes]
    at = int(np.argmax(rows))
    got = str(text.rows[at])
    message = f"{got[:80]!r} is not in {where}{nearest(got, known)}"
    yield Fault(table=table.name, column=column, row=at + 1, message=message, count=int(rows.sum()))


def _strangers(table: Table, known: NDArray[np.object_], message: str) -> Iterator[Fault]:
    text = table.text("sku")
    bad = ~np.isin(text.labels, known)
    if bad.any():
        rows = bad[text.codes]
        at = int(np.argmax(rows))
        yield Fault(
            table=table.name, column="sku", row=at + 1, message=f"{text.rows[at]!r} {message}", count=int(rows.sum())
        )


def _unknown_drivers(sales: Table, planned: Table) -> Iterator[Fault]:
    rules = schema("planned")
    drivers = [name for name in sales.columns if schema("sales").rule(name) is None]
    for name in planned.columns:
        if rules.rule(name) is None and name not in drivers:
            message = f"is no driver: sales has no such column{nearest(name, drivers)}"
            yield Fault(table="planned", column=name, message=message)
        elif name in ("promo", "feature", "discount") and not sales.has(name):
            yield Fault(
                table="planned",
                column=name,
                message="is planned, but sales has no such column to learn its effect from",
            )


def _stray_plans(planned: Table, period: Period) -> Iterator[Fault]:
    dates = planned.array("date")
    bad = (dates != period.start(period.index(dates))) & ~np.isnat(dates)
    if bad.any():
        at = int(np.argmax(bad))
        should = period.start(period.index(dates[at : at + 1]))[0]
        message = (
            f"{dates[at]} is not the first day of a {period.frequency} of sales; the one it lies in begins on {should}"
        )
        yield Fault(table="planned", column="date", row=at + 1, message=message, count=int(bad.sum()))


def _jumps(panel: Panel) -> Iterator[Fault]:
    price = panel.price
    if price.shape[1] < 2:
        return
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = price[:, 1:] / price[:, :-1]
    wild = (ratio > JUMP) | (ratio < 1.0 / JUMP)
    if wild.any():
        offer, step = np.unravel_index(int(np.argmax(wild)), wild.shape)
        at = int(np.argmax((panel.axis.rows == offer) & (panel.step == step + 1)))
        message = (
            f"{price[offer, step]:g} becomes {price[offer, step + 1]:g} from one period to the next (more than {JUMP:g} times): "
            "a slipped decimal point, or another pack?"
        )
        yield Fault(table="sales", column="price", row=at + 1, message=message, count=int(wild.sum()))


def _far_from_sales(offers: Offers, panel: Panel) -> Iterator[Fault]:
    with np.errstate(invalid="ignore"):
        ratio = offers.current_price / panel.last_price
        far = (ratio > JUMP) | (ratio < 1.0 / JUMP)
    if far.any():
        at = int(np.argmax(far))
        message = (
            f"the current price of {offers.sku[at]} in {offers.region[at]} is {offers.current_price[at]:g}, but it last sold at "
            f"{panel.last_price[at]:g}: other units, or a slipped decimal point?"
        )
        yield Fault(table="offers", column="price", message=message, count=int(far.sum()))


def without_price(offers: Offers) -> Iterator[Fault]:
    """Yield a fault where nothing tells what an offer costs the buyer today."""
    bad = np.isnan(offers.current_price)
    if bad.any():
        at = int(np.argmax(bad))
        message = f"{offers.sku[at]} in {offers.region[at]} has no price in any row; give it one in offers or catalog"
        yield Fault(table="sales", column="price", message=message, count=int(bad.sum()))


def too_many_cells(offers: int, periods: int) -> Iterator[Fault]:
    """Yield a fault where the dense history would not fit into memory."""
    if offers * periods > MAX_CELLS:
        message = (
            f"{offers:,} offers times {periods:,} periods are more cells than fit ({MAX_CELLS:,}); leave out old periods, or "
            "split the shop"
        )
        yield Fault(table="sales", message=message)
