"""Who may follow a job, for how long, and how many at once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import pytest
from tests.api.harness import serving
from tests.api.test_security import Provider, bearer

from pricebid import store
from pricebid.store import jobs
from pricebid_api import streams
from pricebid_api.streams import Streams

LONG = 60.0  # seconds, and far from the hour after which every stream ends


def follow(client, job, **headers):
    """Read a stream to its end; gives the answer and how long that took."""
    begun = time.monotonic()
    answer = client.get(f"/v1/jobs/{job}/events", headers=headers)
    return answer, time.monotonic() - begun


def until(client, streams):
    """Wait until so many are open."""
    end = time.monotonic() + LONG
    while client.app_state["service"].streams.open < streams:
        assert time.monotonic() < end
        time.sleep(0.01)


def waiting(client, shop="corner", **headers):
    client.put(f"/v1/shops/{shop}", json={}, headers=headers)
    return client.post(f"/v1/shops/{shop}/jobs", json={"kind": "fit"}, headers=headers).json()["id"]


def test_a_stream_ends_soon_after_its_key_was_revoked_and_no_other_does(client, db):
    job = waiting(client)
    revoked, kept = (
        store.create_key(db, shop="corner", scopes=["read"], name=name, by="tests") for name in ("gone", "kept")
    )
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(follow, client, job, **{"X-API-Key": revoked[0]})
            second = pool.submit(follow, client, job, **{"X-API-Key": kept[0]})
            until(client, 2)
            store.revoke_key(db, revoked[1].id, by="tests")
            answer, _ = first.result(LONG)
            assert answer.status_code == 200
            assert "cancelled" not in answer.text
            assert not second.done()
        finally:
            jobs.cancel(db, job, by="tests")  # with which every stream of it ends
        assert "cancelled" in second.result(LONG)[0].text


def test_a_stream_ends_with_the_shop_of_its_job(client, db, monkeypatch):
    monkeypatch.setattr(streams, "_ALIVE_SECONDS", 0.2)
    job = waiting(client)
    key, _ = store.create_key(db, shop=None, scopes=["read"], name="all", by="tests")
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(follow, client, job, **{"X-API-Key": key})
        until(client, 1)
        store.erase_shop(db, "corner", by="tests")
        answer, _ = told.result(LONG)
    assert answer.status_code == 200
    assert client.get(f"/v1/jobs/{job}", headers={"X-API-Key": key}).status_code == 404


def test_a_stream_that_asked_no_key_ends_once_there_is_one(local, local_db):
    job = waiting(local)
    Timer(0.3, lambda: store.create_key(local_db, shop=None, scopes=["read"], name="first", by="tests")).start()
    assert follow(local, job)[1] < LONG


def test_a_stream_ends_with_the_token_that_opened_it(tmp_path):
    provider = Provider()
    given = {"jwt_public_key": provider.public, "jwt_issuer": "https://id", "jwt_audience": "pricebid"}
    with serving(tmp_path, **given) as client:
        job = waiting(client, **bearer(provider.token(scope="admin", pricebid_shop="*")))
        short = provider.token(scope="read", pricebid_shop="corner", exp=int(time.time()) + 3)
        answer, seconds = follow(client, job, **bearer(short))
        assert answer.status_code == 200
        assert seconds < LONG
        assert follow(client, job, **bearer(short))[0].status_code == 401


def test_one_shop_cannot_take_every_stream(tmp_path):
    db = store.open_store(tmp_path)
    boss, first, second, other = (
        {"X-API-Key": store.create_key(db, shop=shop, scopes=["admin"], name="x", by="tests")[0]}
        for shop in (None, "corner", "corner", "other")
    )
    with serving(tmp_path, max_streams=4) as client, ThreadPoolExecutor(2) as pool:
        job, ended = waiting(client, **boss), waiting(client, "other", **boss)
        client.delete(f"/v1/jobs/{ended}", headers=boss)
        reading = pool.submit(follow, client, job, **first)
        until(client, 1)
        answer, _ = follow(client, job, **second)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
        assert int(answer.headers["Retry-After"]) >= 1
        assert follow(client, ended, **other)[0].status_code == 200
        client.delete(f"/v1/jobs/{job}", headers=boss)
        assert reading.result()[0].status_code == 200
        assert follow(client, job, **second)[0].status_code == 200, "the place was given back"
    db.close()


@pytest.mark.parametrize("asked", ["keys", "events"])
def test_a_stream_ends_without_a_traceback_where_the_store_does_not_answer(asked):
    class Away:
        def read(self):
            raise store.Unavailable("the database does not answer")

    async def holds():
        if asked == "keys":
            raise store.Unavailable("the database does not answer")
        return True

    async def read():
        return [line async for line in Streams(4).follow(Away(), "a", 0, holds=holds)]

    assert asyncio.run(asyncio.wait_for(read(), LONG)) == [b"retry: 1000\n\n"]
