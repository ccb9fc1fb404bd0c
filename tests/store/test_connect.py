from concurrent.futures import ThreadPoolExecutor

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


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_holds_is_an_error_of_the_input(db, text):
    if db.dialect == "sqlite" and text == "a\x00b":
        assert store.get_shop(db, text) is None
        return
    with pytest.raises(InputError, match="cannot be stored"):
        store.get_shop(db, text)


def test_a_number_beyond_64_bits_is_an_error_of_the_input(db):
    with pytest.raises(InputError, match="cannot be stored"):
        store.unfolded(db, "acme", after=2**70)


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(store.Unavailable, match="the database does not answer"):
        store.open_store(f"postgresql://nobody:hush@/none?host={tmp_path}")


def test_a_writer_that_waits_too_long_is_told_that_others_are_busy(tmp_path, monkeypatch):
    monkeypatch.setattr("pricebid.store.connect.WAIT_SECONDS", 0.05)
    db = store.open_store(tmp_path)
    with db.write(), pytest.raises(store.Busy, match="try again"):
        store.put_shop(db, "acme", by="ann")
    store.put_shop(db, "acme", by="ann")
    db.close()


def test_a_connection_that_the_server_has_cut_is_replaced(postgres):
    url = postgres.make_migrated()
    db = store.open_store(url)
    store.put_shop(db, "acme", by="ann")
    postgres.admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [db.engine.url.database]
    )
    assert store.get_shop(db, "acme").shop == "acme"
    db.close()
    postgres.take_back(url)


def test_threads_share_a_store(db):
    def put(number):
        store.put_shop(db, f"shop-{number % 5}", by="ann", settings={"number": number})
        return store.get_shop(db, f"shop-{number % 5}").shop

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(put, range(40))) == {f"shop-{k}" for k in range(5)}


def test_nobody_else_may_read_a_new_database_file(tmp_path):
    db = store.open_store(tmp_path / "home")
    store.put_shop(db, "acme", by="ann")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "home").iterdir()}
    db.close()
    assert set(modes.values()) == {0o600}, modes


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "pricebid.db").write_bytes(b"not a database " * 1000)
    with pytest.raises(store.Unavailable, match="file is not a database; if it is damaged, restore it"):
        store.open_store(tmp_path)
    assert (tmp_path / "pricebid.db").read_bytes().startswith(b"not a database")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(store.Unavailable, match="cannot be written"):
        store.open_store(tmp_path / "file")
