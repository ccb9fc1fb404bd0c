"""What a snapshot of prices is made of: a published plan's prices, and the shop's current prices with their floors."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from pricebid.errors import InputError
from pricebid.live.clock import Clock, horizon_end
from pricebid.live.keys import COLUMNS, OfferKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from pricebid.policy import Policy
    from pricebid.tables import Shop

FILE = "quotes.parquet"  # what `ShopPrices.to_bytes` gives, beside a plan's own files
# Bounds of the tables that hold for every price; market rules are aims of a plan, not floors.
_FLOORS, _CEILINGS = ("min_price", "map_price"), ("max_price",)
Frequency = Literal["day", "week", "month"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanPrices:
    """A plan's prices and when they hold.

    Parameters
    ----------
    id : str
        The plan's UUID.
    keys : OfferKeys
        Its offers.
    price : float64[offer]
        Planned prices, money.
    start, end : int
        Instants from which (and before which) the plan is in effect, microseconds.
    """

    id: str
    keys: OfferKeys = field(repr=False)
    price: NDArray[np.float64] = field(repr=False)
    start: int
    end: int

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], *, clock: Clock, period: Frequency | None = None) -> PlanPrices:
        """Read a plan's files, as ``PricePlan.write`` writes them.

        Parameters
        ----------
        files : mapping of file name to bytes
            ``plan.json``, and ``prices.parquet`` or ``prices.csv``.
        clock : Clock
            The shop's local time: a plan begins and ends at local midnight.
        period : {"day", "week", "month"}, optional
            Length of the plan's periods; needed where plan.json does not say ``period``.

        Raises
        ------
        InputError
            A file is missing or is not what a plan writes.
        """
        told = plan_json(files)
        period = told.get("period", period)
        if period not in ("day", "week", "month"):
            raise InputError(
                f'period {period!r} of plan {told["id"]}: neither plan.json nor the caller says "day", "week" or "month"'
            )
        try:
            start = date.fromisoformat(told["start"])
            end = horizon_end(start, int(told["horizon"]), cast("Frequency", period))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"plan.json of plan {told['id']}: start and horizon cannot be read: {error!r}") from None
        table = read_table(files, "prices")
        return cls(
            id=told["id"], keys=keys_of(table), price=numbers(table, "price"),
            start=clock.midnight(start), end=clock.midnight(end),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ShopPrices:
    """Current prices, and between what every price of an offer must lie.

    Parameters
    ----------
    keys : OfferKeys
        The shop's offers.
    current : float64[offer]
        Current prices, money; NaN where there is none.
    floor, ceiling : float64[offer]
        Least and greatest price, money; NaN where there is none.
    fixed : bool[offer]
        Locked or planned: the price is what the shop says, whatever the floor.
    """

    keys: OfferKeys = field(repr=False)
    current: NDArray[np.float64] = field(repr=False)
    floor: NDArray[np.float64] = field(repr=False)
    ceiling: NDArray[np.float64] = field(repr=False)
    fixed: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of_shop(cls, shop: Shop, policy: Policy, *, start: str | None = None) -> ShopPrices:
        """Take current prices from a shop, and floors and ceilings as the policy gives them.

        Floors are ``never_below_cost``, ``min_margin``, ``min_price`` and ``map_price``; ceilings ``max_price`` and the lowest price
        before an announced promotion. Off the hot path: it reads the shop as a plan does.

        Parameters
        ----------
        shop : Shop
            The tables as they are now.
        policy : Policy
            The published plan's.
        start : str, optional
            First day of the plan, where it is not the period after the last sale.
        """
        from pricebid.pricing.bounds import allowed_prices
        from pricebid.pricing.make import money

        offers, future = shop.offers, shop.future(policy.horizon, start=start)
        bounds = allowed_prices(shop, policy, money(shop, policy, future), future).bounds
        none = np.full((1, len(offers)), np.nan)
        least = [bound.least for bound in bounds if bound.rank == 0 or bound.name in _FLOORS]
        most = [bound.most for bound in bounds if bound.rank == 0 or bound.name in _CEILINGS]
        return cls(
            keys=OfferKeys.of(dict(zip(offers.columns, offers.labels, strict=True))),
            current=np.where(future.fixed, future.price.mean(axis=1), offers.current_price),
            floor=np.fmax.reduce(np.vstack([none, *least])),
            ceiling=np.fmin.reduce(np.vstack([none, *most])),
            fixed=offers.locked | future.fixed,
        )

    @classmethod
    def of_plan(cls, files: Mapping[str, bytes]) -> ShopPrices:
        """Take current prices and costs from a plan's own table: what is left where the shop's tables cannot be read.

        Floors are then ``never_below_cost`` and ``min_margin`` on the cost alone, without tax and shipping.
        """
        table, policy = read_table(files, "prices"), plan_json(files).get("policy", {}).get("price", {})
        margin = policy.get("min_margin") or (0.0 if policy.get("never_below_cost", True) else None)
        cost, count = numbers(table, "cost"), len(table)
        return cls(
            keys=keys_of(table),
            current=numbers(table, "current_price"),
            floor=np.full(count, np.nan) if margin is None else cost / (1.0 - margin),
            ceiling=np.full(count, np.nan),
            fixed=np.zeros(count, dtype=bool),
        )

    def to_bytes(self) -> bytes:
        """Give a Parquet file that `from_bytes` reads: stored beside a plan, it spares workers the shop's tables."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        keys = self.keys
        labels = [pa.DictionaryArray.from_arrays(keys.group, [group[at] for group in keys.groups]) for at in range(3)]
        columns = {"sku": pa.array(keys.sku, type=pa.string()), **dict(zip(COLUMNS[1:4], labels, strict=True))}
        if keys.hour is not None:
            columns["hour"] = pa.array(keys.hour)
        rest = {name: getattr(self, name) for name in ("current", "floor", "ceiling", "fixed")}
        stream = io.BytesIO()
        pq.write_table(pa.table({**columns, **rest}), stream, compression="zstd")
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> ShopPrices:
        """Read what `to_bytes` gave.

        Raises
        ------
        InputError
            The bytes are something else.
        """
        table = read_table({FILE: data}, "quotes")
        amounts = {name: numbers(table, name) for name in ("current", "floor", "ceiling")}
        return cls(keys=keys_of(table), fixed=numbers(table, "fixed") > 0, **amounts)


def plan_json(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what plan.json says.

    Raises
    ------
    InputError
        It is not there, or is no plan's.
    """
    try:
        told = json.loads(files["plan.json"])
    except (KeyError, ValueError) as error:
        raise InputError(f"files {', '.join(files)} of a plan: plan.json is missing or no JSON: {error!r}") from None
    if not isinstance(told, dict) or not isinstance(told.get("id"), str):
        raise InputError("plan.json says no id; give the files that a plan wrote")
    return told


def read_table(files: Mapping[str, bytes], name: str) -> pa.Table:
    """Return a table of a plan as Arrow, keys as text.

    Raises
    ------
    InputError
        Neither its Parquet nor its CSV file is there, or it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    parquet, csv = files.get(f"{name}.parquet"), files.get(f"{name}.csv")
    try:
        if parquet is not None:
            return pq.read_table(io.BytesIO(parquet))
        if csv is not None:
            texts = dict.fromkeys(
                (*COLUMNS[:4], "campaign", "keyword", "match_type", "dimension", "value", "reason"), pa.string()
            )
            convert = pcsv.ConvertOptions(column_types=texts, strings_can_be_null=False)
            return pcsv.read_csv(
                io.BytesIO(csv), parse_options=pcsv.ParseOptions(newlines_in_values=True), convert_options=convert
            )
    except pa.ArrowException as error:
        raise InputError(f"table {name} of a plan cannot be read: {error}") from None
    raise InputError(f"files {', '.join(files)} of a plan: neither {name}.parquet nor {name}.csv is there")


def keys_of(table: pa.Table) -> OfferKeys:
    """Return the key columns of a table."""
    return OfferKeys.from_table(table.select([name for name in COLUMNS if name in table.column_names]))


def numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    """Return a column as float64[row], NaN where it is empty.

    Raises
    ------
    InputError
        The table has no such column, or it holds no numbers.
    """
    import pyarrow as pa

    if column not in table.column_names:
        raise InputError(f"a plan's table with columns {', '.join(table.column_names)} has no column {column}")
    try:
        found = table.column(column).cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise InputError(f"column {column} of a plan's table holds no numbers: {error}") from None
    return np.asarray(found, dtype=np.float64)
