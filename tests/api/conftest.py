import pytest
from tests.api.harness import Planned, load, serving

from pricebid import engine, store
from pricebid.datasets import template_path
from pricebid.policy import Policy
from pricebid_api.worker.bundle import written


@pytest.fixture(scope="session")
def bid_plan():
    """A shop with reports, its plan of bids and that plan's files."""
    shop = engine.read(template_path())
    plan = engine.bid(shop, Policy.from_mapping({"bids": {"daily_budget": 20.0}}))
    return shop, plan, written(lambda folder: plan.write(folder, file_format="parquet"))


@pytest.fixture
def client(database_url, tmp_path):
    """A service of this test's own, on each database, with a loaded shop named corner."""
    with serving(tmp_path / "state", database_url=database_url) as client:
        load(client)
        yield client


@pytest.fixture
def local(tmp_path):
    """The same on SQLite alone, for what has nothing to do with the database."""
    with serving(tmp_path / "home") as client:
        load(client)
        yield client


@pytest.fixture
def local_db(tmp_path, local):
    del local
    opened = store.open_store(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def db(database_url):
    opened = store.open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    made = Planned(tmp_path_factory.mktemp("planned"))
    yield made
    made.db.close()


@pytest.fixture
def fresh_plan(db, planned):
    """Put a plan of the shop corner, not published, into this test's database; gives its id."""

    def put(client, **facts):
        del client
        made = planned.plan()
        files = store.plan_files(planned.db, "corner", made.id)
        kept = made.facts if not facts else type(made.facts)(**(vars(made.facts) | facts))
        return store.add_plan(db, "corner", "price", files=files, facts=kept, by="tests").id

    return put
