import pytest

from pricebid import store


@pytest.fixture
def db(database_url):
    """An open store of this test's own, with a shop named "acme"."""
    opened = store.open_store(database_url)
    store.put_shop(opened, "acme", by="tests")
    yield opened
    opened.close()
