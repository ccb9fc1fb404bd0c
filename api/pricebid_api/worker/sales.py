"""The learner of sales: what was shown and sold by day, and the rows that this adds to the table ``sales`` for the next fit."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.live.clock import Clock
from pricebid.live.explored import digests
from pricebid.live.keys import COLUMNS, OfferKeys
from pricebid.tables import infer_period
from pricebid_api.shops import get_shop, settings_of
from pricebid_api.worker.quote_log import Place, days, digests_of, shown_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from pricebid.store import FeedbackEvent
    from pricebid.tables.settings import Settings
    from pricebid_api.worker.work import Work

NAME = "sales"
KEPT_DAYS = 100
"""Days for which rows are kept: a shop whose sales are never loaded forgets older ones."""
SETTLED = 3_600_000_000
"""Microseconds after its end at which a period counts as complete."""
RECENT = 4
"""Loaded periods that feedback is measured against."""
LIKELY = (0.5, 2.0)
"""Units per period of feedback over those of the periods loaded last, between which it passes for all of the shop's sales."""
_META = b"pricebid.sales"
_SUMS = ("shown", "priced", "events", "told", "units")


class DaySales:
    """Adds up what was shown (from the log of quotes) and sold (from feedback) by the shop's day and offer."""

    name = NAME
    pause = 300.0
    """Seconds between two folds that nobody waits for: a fit folds what there is before it begins."""

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        """Give the sums after some more events, as Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        clock = Clock(settings_of(get_shop(work.db, work.job.shop).settings).timezone)
        kept = _table([], [], {}) if not state else pq.read_table(io.BytesIO(state))
        place, since = _facts(kept)
        prices = [one for one in events if one.kind == "price"]
        tables = [kept.replace_schema_metadata(None), _sold(prices, clock)]
        begun = [one.decided_at for one in prices]
        for found, reached in shown_since(work, place):
            place = reached
            begun.append(int(found.at.min()))
            tables.append(
                _table(days(clock, found.at), found.item, {"shown": np.ones(len(found.at)), "priced": found.price})
            )
        since = min([since, *begun]) if since else min(begun, default=0)
        table = pa.concat_tables(tables)
        # One thread: sums of floats depend on their order, and the same events must give the same state.
        grouped = table.group_by(["day", "item"], use_threads=False).aggregate([(name, "sum") for name in _SUMS])
        whole = grouped.select(["day", "item", *(f"{name}_sum" for name in _SUMS)]).rename_columns(
            ["day", "item", *_SUMS]
        )
        day = whole.column("day").to_numpy()
        whole = whole.filter(pa.array(day > day.max(initial=0) - KEPT_DAYS))
        facts = json.dumps({**asdict(place), "since": since}).encode()
        out = io.BytesIO()
        pq.write_table(whole.replace_schema_metadata({_META: facts}), out, compression="zstd")
        return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class Fed:
    """Rows that feedback adds to a shop's sales.

    Parameters
    ----------
    data : bytes
        The table ``sales`` with them, as the store keeps tables; empty where there are none.
    rows : int
        How many.
    first, last : str
        First days of the periods that they cover; empty where there are none.
    why : str
        Why there are none, where there might be some.
    """

    data: bytes = b""
    rows: int = 0
    first: str = ""
    last: str = ""
    why: str = ""

    def told(self) -> dict[str, Any]:
        """Give it as a job's result shows it."""
        said = {"rows": self.rows, "first": self.first, "last": self.last, "why": self.why}
        return {name: value for name, value in said.items() if value != ""}


def with_feedback(state: bytes | None, sales: bytes, settings: Settings, *, now: int) -> Fed:
    """Give a shop's sales with what feedback tells of the periods after the last one loaded.

    Parameters
    ----------
    state : bytes or None
        As `DaySales` left it.
    sales : bytes
        The table as loaded.
    settings : Settings
        Time zone and period of the shop.
    now : int
        Microseconds since 1970.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not state:
        return Fed()
    table, kept = pq.read_table(io.BytesIO(sales)), pq.read_table(io.BytesIO(state))
    _, since = _facts(kept)
    clock = Clock(settings.timezone)
    date = table.column("date").to_numpy().astype("datetime64[D]")
    period = infer_period(date, given=settings.period)
    last = int(period.index(date).max())
    index = period.index(kept.column("day").to_numpy().astype("datetime64[D]"))
    whole = [one for one in np.unique(index).tolist() if _complete(period, clock, one, since, now)]
    row, labels = _known(table, kept)
    units = kept.column("units").to_numpy()
    good = np.isin(index, whole) & (row >= 0)
    ahead = good & (index > last)
    if not ahead.any():
        return Fed()
    odd = _unlikely(
        table,
        period.index(date),
        np.bincount(index[good] - index.min(), units[good]).astype(np.float64),
        int(index.min()),
        last,
        whole,
    )
    if odd:
        return Fed(why=odd)
    sums = {name: kept.column(name).to_numpy()[ahead] for name in _SUMS}
    code, where = np.unique(np.stack([index[ahead], row[ahead]]), axis=1, return_inverse=True)
    total = {name: np.bincount(where.ravel(), weights=values, minlength=code.shape[1]) for name, values in sums.items()}
    # Where no quote of it is in the log, the prices that buyers told of are all there is.
    price = np.where(total["shown"] > 0, total["priced"], total["told"]) / np.where(
        total["shown"] > 0, total["shown"], np.maximum(total["events"], 1.0)
    )
    starts = period.start(code[0])
    columns = {"date": pa.array(starts), "units": pa.array(total["units"]), "price": pa.array(price)}
    columns |= {name: column.take(pa.array(code[1])) for name, column in labels.items()}
    for name in ("promo", "feature", "discount"):
        columns[name] = pa.array(np.zeros(code.shape[1]))
    priced = price > 0
    added = pa.table(
        {
            field.name: columns[field.name].cast(_plain(field.type))
            if field.name in columns
            else pa.nulls(code.shape[1], field.type)
            for field in table.schema
        }
    ).filter(pa.array(priced))
    plain = pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])
    out = io.BytesIO()
    pq.write_table(pa.concat_tables([table.cast(plain), added.cast(plain)]), out, compression="zstd")
    return Fed(data=out.getvalue(), rows=len(added), first=str(starts.min()), last=str(starts.max()))


def _sold(events: Sequence[FeedbackEvent], clock: Clock) -> pa.Table:
    at = np.array([one.decided_at for one in events], dtype=np.int64)
    item = digests_of(events)
    return _table(
        days(clock, at),
        item,
        {
            "events": np.ones(len(events)),
            "told": np.array([one.value for one in events], dtype=np.float64),
            "units": np.array([one.units or 0.0 for one in events], dtype=np.float64),
        },
    )


def _table(day: Any, item: Any, sums: dict[str, NDArray[np.float64]]) -> pa.Table:  # noqa: ANN401 - arrays or lists
    import pyarrow as pa

    zero = np.zeros(len(day))
    return pa.table(
        {
            "day": np.asarray(day, dtype=np.int64),
            "item": np.asarray(item, dtype=np.uint64),
            **{name: sums.get(name, zero) for name in _SUMS},
        }
    )


def _facts(table: pa.Table) -> tuple[Place, int]:
    """Give how far the log is counted, and when the first quote was given that counts."""
    held = (table.schema.metadata or {}).get(_META)
    if held is None:
        return Place(), 0
    facts = json.loads(held)
    return Place(at=facts["at"], last=facts["last"]), facts["since"]


def _complete(period: Any, clock: Clock, index: int, since: int, now: int) -> bool:  # noqa: ANN401 - a Period
    """Tell whether all of a period was quoted from here and is over."""
    begin, end = (clock.midnight(period.start(one).astype(object)) for one in (index, index + 1))
    return 0 < since <= begin and end + SETTLED <= now


def _known(table: pa.Table, kept: pa.Table) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Give the offer of each kept row, -1 where sales has none such, and the labels of offers by column."""
    names = [name for name in COLUMNS if name in table.column_names]
    plain = table.select(names).cast(_schema(names, [_plain(table.schema.field(name).type) for name in names]))
    offers = plain.group_by(names, use_threads=False).aggregate([])
    digest = digests(OfferKeys.from_table(offers))
    order = np.argsort(digest)
    wanted = kept.column("item").to_numpy()
    at = order[np.minimum(np.searchsorted(digest, wanted, sorter=order), len(order) - 1)]
    return np.where(digest[at] == wanted, at, -1), {name: offers.column(name) for name in names}


def _schema(names: Sequence[str], types: Sequence[Any]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(name, kind) for name, kind in zip(names, types, strict=True)])


def _plain(kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no typed types
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _unlikely(
    table: pa.Table,
    loaded: NDArray[np.int64],
    told: NDArray[np.float64],
    first: int,
    last: int,
    whole: Sequence[int],
) -> str:
    """Say why feedback does not pass for all of the shop's sales; nothing where it does.

    Measured where both tell of a period, else against the periods loaded last.
    """
    units = np.bincount(loaded - loaded.min(), table.column("units").to_numpy(), minlength=1)
    base = int(loaded.min())
    both = [one for one in whole if base <= one <= last]
    ahead = [one for one in whole if one > last]
    mine = float(np.mean([told[one - first] for one in both or ahead]))
    theirs = float(np.mean([units[one - base] for one in both] if both else units[-RECENT:]))
    ratio = mine / theirs if theirs > 0 else np.inf
    if LIKELY[0] <= ratio <= LIKELY[1]:
        return ""
    where = (
        "in the periods that sales covers too"
        if both
        else f"against the last {min(RECENT, len(units))} periods of sales"
    )
    return (
        f"feedback tells of {mine:,.0f} units per period and sales of {theirs:,.0f} ({where}): it is not all of what was sold, "
        "and is left out; load sales"
    )
