"""What the tests of the service share: a tiny shop, a service that runs, plans of a real fit."""

import io
import json
import warnings
from contextlib import contextmanager
from datetime import date

from pricebid import engine, store
from pricebid.policy import Policy
from pricebid_api import Settings, create_app
from pricebid_api.logs import RequestLog
from pricebid_api.publishing import publish
from pricebid_api.recording import record_prices
from pricebid_api.settings import Guards
from pricebid_api.shops import load_shop

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

CSV = {"Content-Type": "text/csv"}
SALES = "date,sku,region,units,price\n" + "".join(
    f"2026-0{month}-01,{sku},{region},{units},{price}\n"
    for month in range(1, 7)
    for sku, units, price in (("tea", 20 + month, 4.0), ("milk", 50 - month, 1.2))
    for region in ("north", "south")
)
CATALOG = "sku,cost,category,price\ntea,2.5,drinks,4.2\nmilk,0.7,drinks,1.25\n"
THIS_MONTH = f"{date.today():%Y-%m-01}"  # noqa: DTZ011 - a day on which a plan can be in effect
NO_GUARDS = Guards(max_data_age_days=None, max_share_moved=None)


@contextmanager
def serving(home, **given):
    """An application that runs, with a client of it; `client.lines` is its request log."""
    lines = io.StringIO()
    settings = Settings(home=home, heavy="thread", flush_seconds=0.05, poll_seconds=0.1, **given)
    with TestClient(create_app(settings, log=RequestLog(lines, "json")), base_url="http://localhost") as client:
        client.lines = lines
        yield client


def load(client, shop="corner", **headers):
    for table, text in (("sales", SALES), ("catalog", CATALOG)):
        answer = client.put(f"/v1/shops/{shop}/tables/{table}", content=text, headers={**CSV, **headers})
        assert answer.status_code == 200, answer.text


class Planned:
    """A shop in a store, with what makes plans of it: a real fit, made once."""

    def __init__(self, home, database_url=None):
        self.home = home
        self.where = {} if database_url is None else {"database_url": database_url}
        self.db = store.open_store(database_url or home)
        with self.serving() as client:
            load(client)
        loaded = load_shop(self.db, "corner")
        self.shop, self.inputs = loaded.shop, loaded.digest
        self.model = engine.fit(self.shop)

    def serving(self, **given):
        return serving(self.home, **self.where, **given)

    def plan(self, start=THIS_MONTH, **policy):
        aim = Policy.from_mapping({"price": {"max_change": 0.1}, "horizon": 2} | policy)
        made = engine.price(self.shop, self.model, aim, start=start)
        return record_prices(self.db, "corner", made, made_for=self.shop, by="tests", inputs=self.inputs)

    def published(self, **policy):
        return publish(self.db, "corner", self.plan(**policy).id, by="tests", guards=NO_GUARDS)


def lines_of(client):
    return [json.loads(line) for line in client.lines.getvalue().splitlines()]
