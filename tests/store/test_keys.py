import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from pricebid import store


def made(db, shop="acme", name="till"):
    return store.create_key(db, shop=shop, scopes=["quote", "read", "quote"], name=name, by="ann")


def test_a_key_is_found_by_itself_until_it_is_revoked(db):
    plain, info = made(db)
    assert (info.shop, info.scopes, info.name, info.by, info.revoked_at) == (
        "acme",
        ("quote", "read"),
        "till",
        "ann",
        None,
    )
    assert store.find_key(db, plain) == info == store.find_key_digest(db, info.digest)
    assert store.keys_in_force(db) == (info,)
    revoked = store.revoke_key(db, info.id, by="bea")
    assert revoked.revoked_at >= info.created_at
    assert store.revoke_key(db, info.id, by="bea") == revoked, "once ended it stays so"
    assert store.find_key(db, plain) is None
    assert store.keys_in_force(db) == ()
    assert store.list_keys(db) == (revoked,)
    assert [row.what for row in store.list_audit(db, "acme").items] == ["key.revoked", "key.made", "shop.made"]


def test_a_key_is_256_random_bits_and_only_its_sha_256_is_kept(db):
    keys = [made(db) for _ in range(3)]
    assert len({plain for plain, _ in keys}) == 3
    for plain, info in keys:
        assert re.fullmatch(r"pbk_[\w-]{43}", plain)
        assert info.digest == hashlib.sha256(plain.encode()).hexdigest()
    with db.read() as conn:
        dump = repr([conn.execute(text(f"SELECT * FROM {table}")).all() for table in ("api_keys", "audit")])  # noqa: S608
    assert all(plain not in dump for plain, _ in keys)
    assert all(plain not in repr(info) for plain, info in keys)


@pytest.mark.parametrize(
    "change", [lambda key: key[:-1], lambda key: key + "x", str.upper, lambda _: "", lambda _: "é\ud800"]
)
def test_what_is_not_quite_a_key_opens_nothing(db, change):
    plain, _ = made(db)
    assert store.find_key(db, change(plain)) is None


def test_any_key_tells_whether_there_ever_was_one(db):
    assert not store.any_key(db)
    _, info = made(db, shop=None)
    store.revoke_key(db, info.id, by="ann")
    assert store.any_key(db)


def test_a_shop_sees_and_ends_its_own_keys_only(db):
    _, mine = made(db)
    _, others = made(db, shop="other")
    _, everywhere = made(db, shop=None)
    assert store.list_keys(db, shop="acme") == (mine,)
    assert {key.id for key in store.list_keys(db)} == {mine.id, others.id, everywhere.id}
    for foreign in (others, everywhere):
        with pytest.raises(store.NotFound, match="of shop 'acme'"):
            store.revoke_key(db, foreign.id, by="ann", shop="acme")
    with pytest.raises(store.NotFound, match="no key 'none'"):
        store.revoke_key(db, "none", by="ann")


def test_a_secret_is_made_once_whoever_asks_first(db):
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: store.secret(db, "tokens"), range(16)))
    assert len(set(asked)) == 1
    assert len(asked[0]) == 32
    assert store.secret(db, "pseudonyms") != asked[0]
    assert store.secret(db, "tokens", shop="acme") != asked[0]
    assert store.secret(db, "tokens") == asked[0]


def test_models_are_kept_with_their_files_and_the_last_is_the_latest(db):
    assert store.latest_model(db, "acme") is None
    first = store.put_model(db, "acme", {"params.npz": b"\x00\x01", "meta.json": b"{}"}, by="ann", meta={"wape": 0.3})
    second = store.put_model(db, "acme", {"params.npz": b"\x02"}, by="ann")
    assert (first.serial, second.serial) == (1, 2)
    assert store.latest_model(db, "acme") == second
    assert store.get_model(db, "acme", first.id) == first
    assert first.meta == {"wape": 0.3}
    assert store.model_files(db, "acme", first.id) == {"params.npz": b"\x00\x01", "meta.json": b"{}"}
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda k: store.put_model(db, "acme", {"f": bytes([k])}, by="ann").serial, range(4)))
    assert sorted(kept) == [3, 4, 5, 6]
