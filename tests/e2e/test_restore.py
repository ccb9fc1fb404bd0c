"""A service that is restored from a backup answers as before: as docs/production.md says, on both databases."""

from contextlib import closing

import pytest
from tests.api.harness import NO_GUARDS, Planned, load, serving
from tests.store.test_backup import back_up

from pricebid import store
from pricebid_api.publishing import publish

ASKED = {"items": [{"sku": "tea", "region": "north"}, {"sku": "milk", "region": "south"}]}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    made = Planned(tmp_path_factory.mktemp("planned"))
    yield made
    made.db.close()


def prices(client, caller):
    answer = client.post("/v1/shops/corner/quotes", json=ASKED, headers=caller).json()["items"]
    return [(one["price"], one["plan"], one["source"]) for one in answer], answer[0]["decision_id"]


def feedback(client, caller, name, decision):
    events = {"events": [{"event_id": name, "decision_id": decision, "units": 1}]}
    return client.post("/v1/shops/corner/feedback", json=events, headers=caller).json()


def test_a_restored_service_goes_on(planned, database_url, tmp_path, request):
    with closing(store.open_store(database_url)) as db:
        key, _ = store.create_key(db, shop="corner", scopes=["admin"], name="admin", by="tests")
        caller = {"Authorization": f"Bearer {key}"}
        with serving(tmp_path / "state", database_url=database_url) as client:
            load(client, **caller)
            made = planned.plan()
            files = store.plan_files(planned.db, "corner", made.id)
            store.add_plan(db, "corner", "price", files=files, facts=made.facts, by="tests")
            publish(db, "corner", made.id, by="tests", guards=NO_GUARDS)
            while (before := prices(client, caller))[0][0][2] != "plan":
                pass
            quoted, decision = before
            assert feedback(client, caller, "o1", decision)["accepted"] == 1
            postgres = request.getfixturevalue("postgres") if db.dialect == "postgresql" else None
            place = back_up(database_url, tmp_path, postgres)
            assert feedback(client, caller, "after the backup", decision)["accepted"] == 1
            audit = client.get("/v1/shops/corner/decisions?log=audit", headers=caller).json()
    with serving(tmp_path / "restored", database_url=place) as client:
        again, _ = prices(client, caller)
        assert again == quoted
        assert {plan for _, plan, _ in again} == {made.id}
        assert client.get("/v1/shops/corner/decisions?log=audit", headers=caller).json() == audit
        assert feedback(client, caller, "o1", decision) == {"accepted": 0, "duplicates": 1, "rejected": []}
        assert feedback(client, caller, "after the backup", decision)["accepted"] == 1
        assert client.get("/v1/shops/corner", headers={"Authorization": "Bearer another"}).status_code == 401
        assert client.post(f"/v1/shops/corner/plans/{made.id}/rollback", headers=caller).json()["status"] == "retired"
    if postgres is not None:
        postgres.drop(place)
