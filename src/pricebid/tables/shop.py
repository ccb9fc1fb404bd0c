"""A shop: the checked tables of one folder, and the frozen arrays made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, InputError, TableError
from pricebid.tables.ads import Campaigns, KeywordAxis, KeywordReports, build_campaigns, build_candidates, build_reports
from pricebid.tables.arrays import Competitors, Future, History, Offers
from pricebid.tables.axis import Axis, offer_axis
from pricebid.tables.channels import ChannelHistory, Purchases, Touches, channel_history, purchases, touch_history
from pricebid.tables.check import table_faults, table_warnings
from pricebid.tables.cross import cross_faults, cross_warnings, notices_of, too_many_cells, without_price
from pricebid.tables.experiments import ExperimentRows, SharedSupply, experiment_rows, shared_supply
from pricebid.tables.future import build_competitors, build_events, build_future
from pricebid.tables.offers import build_offers
from pricebid.tables.panel import Panel
from pricebid.tables.period import Period, day_given, infer_period
from pricebid.tables.settings import Settings
from pricebid.tables.table import Table, freeze

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.policy import Change


@dataclass(frozen=True, kw_only=True)
class Report:
    """What checking a shop found.

    Parameters
    ----------
    faults : tuple of Fault
        What must be mended before the shop can be used.
    warnings : tuple of Fault
        What is odd but usable.
    notices : tuple of str
        Features that are switched off, and files that are not read.
    """

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True where nothing must be mended."""
        return not self.faults

    def __add__(self, other: Report) -> Report:
        return Report(
            faults=self.faults + other.faults,
            warnings=self.warnings + other.warnings,
            notices=self.notices + other.notices,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Shop:
    """The tables of one shop, checked as a whole; what is made of them is made once, when first asked for.

    Parameters
    ----------
    tables : tuple of Table
        Typed tables, at most one per name.
    settings : Settings
        Currency, decimals, time zone, what an absent row means.
    found : Report
        What reading the files found already.

    Raises
    ------
    TableError
        With every fault of every table.
    """

    tables: tuple[Table, ...] = field(repr=False)
    settings: Settings = field(default_factory=Settings)
    found: Report = field(default=Report(), repr=False)

    def __post_init__(self) -> None:
        faults = (*self.found.faults, *self._faults())
        if faults:
            raise TableError(faults)

    def _faults(self) -> tuple[Fault, ...]:
        names = [table.name for table in self.tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        torn = {fault.table for fault in self.found.faults}
        alone = [fault for table in self.tables for fault in table_faults(table, whole=table.name not in torn)]
        alone += [Fault(table=name, message="is there twice; keep one") for name in twice]
        broken = {fault.table for fault in alone} | torn
        sound = {table.name: table for table in self.tables if table.name not in broken}
        if "sales" in broken or not (sound or broken):
            return (*alone, *(() if broken else self._nothing()))
        across = list(cross_faults(sound, self.settings))
        if not across and not broken and "sales" in sound:
            across = list(too_many_cells(len(self._axis), len(self._panel.periods)))
        if not across and not broken:
            across = list(without_price(self.offers))
        return (*alone, *across)

    def _nothing(self) -> tuple[Fault, ...]:
        seen = "".join(f"; {notice}" for notice in self.found.notices[:3])
        return (Fault(table="sales", message=f"is not there, nor any other table of a shop{seen}"),)

    # -- making one ---------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, path: str | Path) -> Shop:
        """Read and check a shop folder (see ``docs/tables.md``).

        Raises
        ------
        TableError
            With every fault of every table: the table, the first row, the column, what was got, the rule and the remedy.
        """
        from pricebid.tables.read import read_folder

        return cls._checked(*read_folder(Path(path)))

    @classmethod
    def from_frames(cls, frames: Mapping[str, pd.DataFrame], settings: Settings | None = None) -> Shop:
        """Make and check a shop from DataFrames by table name, with the columns that the files would have.

        Raises
        ------
        TableError
            As `read`.
        """
        from pricebid.tables.read import read_frames

        return cls._checked(*read_frames(frames), settings or Settings())

    @classmethod
    def _checked(cls, tables: tuple[Table, ...], found: Report, settings: Settings) -> Shop:
        return cls(tables=tables, settings=settings, found=found)

    @classmethod
    def check(cls, path: str | Path) -> Report:
        """Say what `read` would find wrong, what is odd and which features are off, without raising."""
        from pricebid.tables.read import read_folder

        found = Report()
        try:
            tables, found, settings = read_folder(Path(path))
            shop = cls._checked(tables, found, settings)
        except TableError as error:
            return Report(faults=error.faults, notices=found.notices)
        return Report(warnings=shop.warnings, notices=shop.notices)

    def with_table(self, table: Table) -> Shop:
        """Return the shop with one table replaced or added, checked again.

        Raises
        ------
        TableError
            As `read`.
        """
        others = tuple(one for one in self.tables if one.name != table.name)
        return replace(self, tables=(*others, table))

    def changed(self, change: Change, *, horizon: int = 52) -> Shop:
        """Return the shop with a scenario's change made, checked again (see ``docs/tables.md``).

        Parameters
        ----------
        change : Change
            Table, rows, and new values or factors.
        horizon : int
            Periods for which rows of ``planned`` are made where the change asks for rows that are not there.

        Raises
        ------
        TableError
            The change does not fit the shop, would have no effect, or makes it faulty.
        """
        from pricebid.tables.change import apply_change

        return apply_change(self, change, horizon=horizon)

    # -- what it holds ------------------------------------------------------------------------------------------

    def table(self, name: str) -> Table | None:
        """Return a table by name, None where the shop has none."""
        return next((one for one in self.tables if one.name == name), None)

    @cached_property
    def warnings(self) -> tuple[Fault, ...]:
        """What is odd but usable."""
        alone = [fault for table in self.tables for fault in table_warnings(table)]
        panel = None if self.table("sales") is None else self._panel
        tables = {table.name: table for table in self.tables}
        across = cross_warnings(tables, panel, self.offers if len(self._axis) else None)
        return (*self.found.warnings, *alone, *across)

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """Features that a missing table or column switches off, and files that are not read."""
        return (*self.found.notices, *notices_of({table.name: table for table in self.tables}))

    @cached_property
    def _axis(self) -> Axis:
        return offer_axis(self.table("sales"), self.table("offers"), self.table("catalog"))

    @cached_property
    def _panel(self) -> Panel:
        sales = self.table("sales")
        if sales is None:
            raise TableError([Fault(table="sales", message="is not there; forecasts and prices need it")])
        return Panel(sales=sales, axis=self._axis, period=self.period, absent=self.settings.absent)

    @cached_property
    def period(self) -> Period:
        """The calendar grid of ``sales``.

        Raises
        ------
        TableError
            The shop has no ``sales``.
        """
        sales = self.table("sales")
        if sales is None:
            raise TableError([Fault(table="sales", message="is not there; forecasts and prices need it")])
        return infer_period(sales.array("date"), given=self.settings.period)

    @cached_property
    def offers(self) -> Offers:
        """Every sku x region (x hour x segment x channel), with what is known of it."""
        panel = None if self.table("sales") is None else self._panel
        return build_offers(
            self._axis,
            panel,
            catalog=self.table("catalog"),
            offers=self.table("offers"),
            regions=self.table("regions"),
        )

    @property
    def absent_is_none(self) -> bool:
        """Whether a row that ``sales`` does not have means that nothing sold; TableError where the shop has no ``sales``."""
        return self._panel.absent_is_none

    @cached_property
    def competitors(self) -> Competitors:
        """Rivals' delivered prices; empty where the shop has no such table."""
        return build_competitors(self.table("competitors"))

    @cached_property
    def _history(self) -> History:
        panel = self._panel
        seen = np.isin(np.arange(len(self._axis)), self._axis.rows)
        unpriced = np.isnan(panel.price) & seen[:, None]  # rows that sold nothing and have no price
        return History(
            offers=self.offers,
            frequency=self.period.frequency,
            periods=panel.periods,
            units=panel.units,
            price=freeze(np.where(unpriced, self.offers.current_price[:, None], panel.price)),
            censored=panel.censored,
            driver_names=panel.driver_names,
            drivers=panel.drivers,
            events=build_events(self._axis, self.period, panel.periods, self.table("calendar")),
        )

    def history(self) -> History:
        """Return the sales as dense arrays over offers and periods.

        Raises
        ------
        TableError
            The shop has no ``sales``.
        """
        return self._history

    def future(self, horizon: int, start: str | np.datetime64 | None = None) -> Future:
        """Return what is decided or known for the periods to come.

        Parameters
        ----------
        horizon : int
            Number of periods, 1 or more.
        start : date, optional
            A day in the first of them; by default the period after the last sale.

        Raises
        ------
        InputError
            The horizon is below 1, or the start is no date after the last sale.
        """
        if horizon < 1:
            raise InputError(f"horizon {horizon} must be at least 1 period")
        return build_future(
            self._axis,
            self._panel,
            self.offers,
            self._steps(horizon, start),
            planned=self.table("planned"),
            calendar=self.table("calendar"),
        )

    def _steps(self, horizon: int, start: str | np.datetime64 | None) -> NDArray[np.datetime64]:
        last = self._panel.periods[-1]
        if start is None:
            return freeze(self.period.after(last, horizon))
        first = day_given(start)
        steps = self.period.steps(first, horizon)
        if steps[0] <= last:
            soonest = self.period.after(last, 1)[0]
            raise InputError(
                f"start {first} is not after the last period of sales, which begins on {last}; the soonest is {soonest}"
            )
        return freeze(steps)

    @cached_property
    def _reports(self) -> KeywordReports:
        return build_reports(self._needed("keywords", "a bid plan"))

    def keyword_reports(self) -> KeywordReports:
        """Return bids and what came of them; TableError where the shop has no ``keywords``."""
        return self._reports

    def campaigns(self) -> Campaigns:
        """Return every campaign of the keywords, with its margin and limits; TableError where the shop has no ``keywords``."""
        keywords = self._needed("keywords", "a bid plan")
        return build_campaigns(keywords, self.table("campaigns"), self.table("candidates"))

    def candidates(self) -> KeywordAxis:
        """Return keywords to consider, none where the shop names none; TableError where the shop has no ``keywords``."""
        return build_candidates(self.table("candidates"), self._needed("keywords", "a bid plan"))

    def channel_history(self) -> ChannelHistory:
        """Return spend and results by channel and period; TableError where the shop has no ``channels``."""
        return channel_history(self._needed("channels", "the split of a budget"))

    def touches(self) -> Touches:
        """Return touchpoints by customer and time; TableError where the shop has no ``touches``, or none converted."""
        return touch_history(self._needed("touches", "attribution"))

    def purchases(self) -> Purchases | None:
        """Return order lines that did not come back; None where the shop has no ``orders``."""
        orders = self.table("orders")
        return None if orders is None else purchases(orders)

    def experiment(self, name: str | None = None) -> ExperimentRows:
        """Return the rows of an experiment; TableError or InputError where there is none of that name, or it has faults."""
        return experiment_rows(self._needed("experiments", "the readout of an experiment"), name)

    def shared_supply(self, rows: ExperimentRows) -> SharedSupply:
        """Return what the units of an experiment draw on together: stock, budgets."""
        return shared_supply({table.name: table for table in self.tables}, rows)

    def _needed(self, name: str, what: str) -> Table:
        table = self.table(name)
        if table is None:
            raise TableError([Fault(table=name, message=f"is not there; {what} needs it")])
        return table

    def without_cost(self) -> tuple[Fault, ...]:
        """List the offers whose cost is not known: a fault where the policy needs margins or profit."""
        offers = self.offers
        bad = np.isnan(offers.cost)
        if not bad.any():
            return ()
        at = int(np.argmax(bad))
        message = (
            f"no cost for {offers.sku[at]} in {offers.region[at]} ({int(bad.sum()):,} of {len(bad):,} offers); profit and "
            "margins need it: fill catalog.cost or offers.cost"
        )
        return (Fault(table="catalog", column="cost", message=message, count=int(bad.sum())),)
