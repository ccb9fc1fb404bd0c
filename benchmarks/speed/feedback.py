"""How many events of feedback the store takes a second, on SQLite and on PostgreSQL, each batch on the disk."""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from scripts.with_postgres import VARIABLE, NoPostgres, running

from pricebid import store
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.store import FeedbackEvent, Store

SHOP = "bench"


def events_of(count: int) -> list[FeedbackEvent]:
    """Give events as a shop sends them: names that sort by time, tokens of 120 letters."""
    plan = new_id()
    first = store.FeedbackEvent(
        event_id="", decision_id="t" * 120, decided_at=store.now(), kind="price", plan_id=plan, item="sku-000000|north",
        option=3, value=1.99, propensity=0.5, units=1.0, revenue=1.99,
    )  # fmt: skip
    return [replace(first, event_id=new_id(), item=f"sku-{number:06d}|north") for number in range(count)]


def measure(db: Store, events: int, batch: int) -> list[dict[str, object]]:
    """Send new events, then the same ones again, then read them all as a learner does."""
    store.put_shop(db, SHOP, by="benchmark")
    batches = [events_of(batch) for _ in range(max(1, events // batch))]
    store.add_feedback(db, SHOP, events_of(10))  # connections are open, statements known
    rows: list[dict[str, object]] = []

    def note(what: str, count: int, began: tuple[float, float]) -> None:
        wall, cpu = perf_counter() - began[0], process_time() - began[1]
        rows.append({"database": db.dialect, "what": what, "events": count, "seconds": wall, "cpu": cpu})
        print(f"{db.dialect:12} {what:12} {count:>10,} {wall:>9.2f} {cpu:>9.2f} {count / wall:>12,.0f}", flush=True)

    for what in ("new", "again"):
        began = perf_counter(), process_time()
        accepted = sum(store.add_feedback(db, SHOP, part).accepted for part in batches)
        note(what, batch * len(batches), began)
        if accepted != (batch * len(batches) if what == "new" else 0):
            raise AssertionError(f"{accepted} events were taken of those that were {what}")
    began, read, cursor = (perf_counter(), process_time()), 0, 0
    while True:
        found, cursor = store.unfolded(db, SHOP, after=cursor)
        if not found:
            break
        read += len(found)
    note("read", read, began)
    return rows


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    print(f"{'database':12} {'events are':12} {'events':>10} {'seconds':>9} {'own CPU':>9} {'events / s':>12}")
    rows: list[dict[str, object]] = []
    with ExitStack() as stack:
        places = [stack.enter_context(tempfile.TemporaryDirectory())]
        try:
            places.append(os.environ.get(VARIABLE) or stack.enter_context(running(durable=True)))
        except NoPostgres as error:
            print(error)
        for place in places:
            db = store.open_store(place)
            try:
                rows += measure(db, asked.events, asked.batch)
            finally:
                db.close()
    return rows


if __name__ == "__main__":
    main()
