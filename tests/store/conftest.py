import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from pricebid import store
from pricebid.tables.identify import new_id


@pytest.fixture
def db(database_url):
    """An open store of this test's own, with a shop named "acme"."""
    opened = store.open_store(database_url)
    store.put_shop(opened, "acme", by="tests")
    yield opened
    opened.close()


@dataclass(frozen=True)
class Makes:
    """Things to put into a store."""

    def plan(self, db, *, shop="acme", kind="price", approved=False, **facts):
        """Add a plan."""
        info = store.add_plan(db, shop, kind, files=self.plan_files(), facts=self.facts(**facts), by="ann")
        return store.approve_plan(db, shop, info.id, by="ann") if approved else info

    def plan_files(self):
        """Give files of a plan of its own id."""
        return {"plan.json": json.dumps({"id": new_id()}).encode(), "prices.parquet": b"prices\x00"}

    def facts(self, **facts):
        """Give facts of a plan."""
        return store.PlanFacts(**({"solution": "optimal", "items": 2, "inputs": "ab12"} | facts))

    def event(self, name, **values):
        """Give an event of feedback."""
        given = {"decision_id": f"token-{name}", "decided_at": 5, "kind": "price", "plan_id": "p", "item": "sku|north"}
        given |= {"option": 3, "value": 1.99, "propensity": 0.25, "units": 1.0, "revenue": 1.99}
        return store.FeedbackEvent(event_id=name, **(given | values))

    def record(self, seq, *, worker="w1", at=None):
        """Give a record of the decision log."""
        moment = store.now() if at is None else at
        return store.DecisionRecord(
            id=new_id(), at=moment, worker=worker, seq=seq, kind="price", request=f"r{seq}", items=b'[["sku",1.99]]'
        )


@pytest.fixture
def makes():
    return Makes()


@pytest.fixture
def processes():
    """Start Python processes that run a text; they all begin at once, and what is left of them is killed."""
    started = []

    def start(text, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", text, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
