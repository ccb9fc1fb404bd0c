import pytest

from pricebid import store
from pricebid.errors import InputError


def test_a_store_in_a_folder_is_one_file(tmp_path):
    db = store.open_store(tmp_path / "a" / "home")
    assert db.dialect == "sqlite"
    assert (tmp_path / "a" / "home" / "pricebid.db").is_file()
    db.close()


def test_a_store_keeps_what_was_put_when_it_is_opened_again(database_url):
    db = store.open_store(database_url)
    store.put_shop(db, "acme", by="tests", settings={"currency": "EUR"})
    db.close()
    again = store.open_store(database_url, migrate=False)
    assert store.get_shop(again, "acme").settings == {"currency": "EUR"}
    again.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:hush@h/d", "begins with 'mysql'"),
        ("postgresql+psycopg2://u:hush@h/d", "begins with 'postgresql\\+psycopg2'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("postgresql+psycopg://u:hush@h:port/d", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url, says):
    with pytest.raises(InputError, match=says) as refused:
        store.open_store(url)
    assert "hush" not in str(refused.value)
