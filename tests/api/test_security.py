import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.api.harness import CSV, SALES, lines_of, load, serving

from pricebid import store
from pricebid.errors import InputError
from pricebid_api.auth import SCOPES
from pricebid_api.limits import Buckets
from pricebid_api.logs import JsonLines
from pricebid_api.settings import Settings

ID = "019412d8-7c00-7000-8000-000000000000"
OPEN = {"/healthz", "/readyz"}


def key(db, scopes=SCOPES, shop="corner"):
    return store.create_key(db, shop=shop, scopes=scopes, name="tests", by="tests")[0]


def bearer(plain):
    return {"Authorization": f"Bearer {plain}"}


def operations(client):
    document = client.get("/openapi.json").json()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def call(client, method, path, headers, **values):
    names = {"shop": "corner", "table": "sales", "plan": ID, "job": ID, "name": "plan.json", **values}
    return client.request(method, path.format(**names), headers=headers, json={} if method in ("POST", "PUT") else None)


def test_no_route_lets_anybody_in_without_a_key_once_there_is_one(local, local_db):
    client, db = local, local_db
    key(db)
    time.sleep(0.15)
    for method, path, operation in operations(client):
        answer = call(client, method, path, {})
        assert (answer.status_code == 401) == (path not in OPEN), (method, path, answer.text)
        assert (operation["x-scope"] is None) == (path in OPEN)


def test_no_route_shows_a_shop_to_the_key_of_another(local, local_db):
    client, db = local, local_db
    job = client.post("/v1/shops/corner/jobs", json={"kind": "fit"}).json()["id"]
    client.put("/v1/shops/other", json={})
    stranger = bearer(key(db, shop="other"))
    seen = set()
    for method, path, operation in operations(client):
        if operation["x-scope"] is None:
            continue
        answer = call(client, method, path, stranger, job=job)
        if "{shop}" in path:
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["code"] == "other_shop"
        elif "{job}" in path:
            assert answer.status_code == 404, (method, path, answer.text)
        else:
            seen.add((method, path))
    assert seen == {("GET", "/v1/shops"), ("GET", "/metrics")}, "a new route that names no shop needs a rule of its own"
    assert client.get("/metrics", headers=stranger).json()["code"] == "other_shop"
    assert [one["shop"] for one in client.get("/v1/shops", headers=stranger).json()["items"]] == ["other"]


def test_a_key_does_what_its_scopes_say_and_nothing_else(local, local_db):
    keys = {scope: bearer(key(local_db, scopes=[scope])) for scope in SCOPES}
    for method, path, operation in operations(local):
        needed = operation["x-scope"]
        if needed is None or (method, path) == ("DELETE", "/v1/shops/{shop}"):
            continue
        for scope, headers in keys.items():
            answer = call(local, method, path, headers, table="nonsense", name="nonsense.json")
            refused = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
            assert refused == (scope not in (needed, "admin")), (scope, method, path, answer.text)
    refused = [local.delete("/v1/shops/corner", headers=keys[scope]).status_code for scope in SCOPES]
    assert refused == [403] * 5 + [204]


def test_a_revoked_key_is_refused_within_two_seconds(local, local_db):
    client, db = local, local_db
    plain, info = store.create_key(db, shop=None, scopes=["read"], name="x", by="tests")
    assert client.get("/v1/shops/corner", headers=bearer(plain)).status_code == 200
    assert client.get("/v1/shops/corner", headers={"X-API-Key": plain}).status_code == 200
    store.revoke_key(db, info.id, by="tests")
    end = time.monotonic() + 2.0
    while client.get("/v1/shops/corner", headers=bearer(plain)).status_code != 401:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}, 200),
        ("10.0.0.7", {}, 401),
        ("testclient", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
        ("127.0.0.1", {"Host": "prices.example.com"}, 401),
        ("127.0.0.1", {"Origin": "https://evil.example"}, 401),
        ("127.0.0.1", bearer("pbk_wrong"), 401),
    ],
)
def test_metrics_ask_no_key_of_this_machine_itself(local, local_db, client, headers, status):
    key(local_db)
    time.sleep(0.15)
    local._transport.client = (client, 40_000)
    assert local.get("/metrics", headers=headers).status_code == status
    assert local.get("/v1/shops", headers=headers).status_code == 401, "of this machine or not"


@pytest.mark.parametrize(
    ("client", "headers", "why"),
    [
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, "header X-Forwarded-For, as a proxy sets it"),
        ("127.0.0.1", {"Via": "1.1 proxy"}, "header Via, as a proxy sets it"),
        ("127.0.0.1", {"Host": "prices.example.com"}, "its Host is no local name"),
        ("127.0.0.1", {"Origin": "https://evil.example"}, "its Origin is no local name"),
        ("10.0.0.7", {}, "it does not come from there"),
    ],
)
def test_who_is_asked_for_a_key_of_metrics_is_told_why_they_do_not_count_as_local(
    local, local_db, client, headers, why
):
    key(local_db)
    time.sleep(0.15)
    local._transport.client = (client, 40_000)
    problem = local.get("/metrics", headers=headers).json()
    assert problem["code"] == "not_authenticated"
    assert problem["detail"].startswith("Present an API key")
    assert why in problem["detail"]
    assert not any(value in problem["detail"] for value in headers.values())
    assert why not in local.get("/v1/shops", headers=headers).json()["detail"], "a key is asked of everybody there"
    assert why not in local.get("/metrics", headers=headers | bearer("pbk_wrong")).json()["detail"]


def test_metrics_are_told_to_keys_and_tokens_of_all_shops_that_may_read(local, local_db):
    for scopes, shop, status, code in (
        (["read"], None, 200, None),
        (["admin"], None, 200, None),
        (["quote"], None, 403, "scope_missing"),
        (["read"], "corner", 403, "other_shop"),
        (["admin"], "corner", 403, "other_shop"),
    ):
        answer = local.get("/metrics", headers=bearer(key(local_db, scopes=scopes, shop=shop)))
        assert answer.status_code == status, (scopes, shop)
        assert status == 200 or answer.json()["code"] == code
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_needs_no_key_names_no_shop(local, local_db):
    key(local_db)
    poller = local.app_state["service"].poller
    poller._answered, poller._loaded = poller._answered - 60, False
    for path in OPEN:
        assert "corner" not in local.get(path).text


def test_without_keys_only_local_names_are_answered(local):
    client = local
    assert client.get("/v1/shops").status_code == 200
    answer = client.get("/v1/shops", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


def test_a_page_of_the_web_cannot_post_to_a_local_service(local):
    client = local
    answer = client.post("/v1/shops/corner/quotes", content='{"items": []}', headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")
    answer = client.post("/v1/shops/corner/jobs", content='{"kind": "fit"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


def test_it_refuses_to_listen_beyond_loopback_without_keys(tmp_path):
    with pytest.raises(InputError, match="only with API keys"), serving(tmp_path, host="0.0.0.0"):  # noqa: S104
        pass
    db = store.open_store(tmp_path)
    key(db)
    db.close()
    with serving(tmp_path, host="0.0.0.0") as client:  # noqa: S104
        assert client.get("/healthz").status_code == 200
    assert not Settings(host="10.0.0.1").loopback
    assert Settings(host="::1").loopback


def test_secrets_and_customers_never_reach_the_log(local, local_db, caplog):
    client, db = local, local_db
    plain = key(db)
    rows = "customer,time,channel\nANNA-77,2026-01-01 10:00,mail\n"
    client.put("/v1/shops/corner/tables/touches", content=rows, headers={**CSV, **bearer(plain)})
    client.post("/v1/shops/corner/customers/erase", json={"customer": "ANNA-77", "x": 1}, headers=bearer(plain))
    client.get("/v1/shops", headers=bearer("pbk_wrong-key-of-somebody"))
    time.sleep(0.2)
    formatter = JsonLines()
    text = client.lines.getvalue() + "".join(formatter.format(one) for one in caplog.records)
    assert "/v1/shops/corner/tables/touches" in text
    for secret in (plain, "ANNA-77", "pbk_", store.secret(db, "decision tokens").hex()):
        assert secret not in text


def test_every_line_of_the_request_log_says_who_what_and_how(local):
    client = local
    answer = client.post(
        "/v1/shops/corner/quotes",
        json={"items": [{"sku": "tea", "region": "north"}]},
        headers={"X-Request-Id": "mine-1"},
    )
    assert answer.headers["X-Request-Id"] == "mine-1"
    time.sleep(0.2)
    line = next(line for line in lines_of(client) if line.get("request_id") == "mine-1")
    assert (line["path"], line["status"], line["caller"], line["decisions"]) == (
        "/v1/shops/corner/quotes",
        200,
        "local",
        1,
    )


def test_headers_keep_browsers_from_mischief(local):
    client = local
    headers = client.get("/healthz").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert client.get("/nowhere").headers["Cache-Control"] == "no-store"


def test_a_bucket_refills_at_its_rate_and_no_faster():
    now = [0.0]
    buckets = Buckets(2.0, 3.0, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b") == 0.0
    now[0] = 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_above_its_rate_a_key_is_told_when_to_come_back(tmp_path):
    with serving(tmp_path, rate_per_second=0.1, burst=3) as client:
        codes = [client.get("/v1/shops").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]
        answer = client.get("/v1/shops")
        assert answer.json()["code"] == "too_many"
        assert int(answer.headers["Retry-After"]) >= 1


def test_guessing_keys_is_slowed_down(local, local_db):
    client, db = local, local_db
    key(db)
    codes = {client.get("/v1/shops", headers=bearer(f"guess-{at}")).status_code for at in range(80)}
    assert codes == {401, 429}


def test_a_body_too_large_is_refused_before_it_is_read(tmp_path):
    with serving(tmp_path, max_body_bytes=1000, max_upload_bytes=2000) as client:
        answer = client.post("/v1/shops/a/quotes", content=b"x" * 1001, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

        def pieces():
            yield from [b'{"kind": "'] + [b"x" * 500] * 4

        for path in ("/v1/shops/a/quotes", "/v1/shops/a/jobs"):
            answer = client.post(path, content=pieces(), headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), path
        answer = client.put("/v1/shops/a/tables/sales", content=SALES + " " * 2000, headers=CSV)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


class Provider:
    """An identity provider."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self.key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()

    def token(self, signed_by=None, algorithm="ES256", **claims):
        given = {"sub": "ann", "iss": "https://id", "aud": "pricebid", "exp": time.time() + 60}
        return jwt.encode({**given, **claims}, signed_by or self.key, algorithm=algorithm)


def test_tokens_of_the_identity_provider_open_their_shop_for_their_scopes(tmp_path):
    provider = Provider()
    given = {"jwt_public_key": provider.public, "jwt_issuer": "https://id", "jwt_audience": "pricebid"}
    with serving(tmp_path, **given) as client:
        assert client.get("/v1/shops").status_code == 401
        boss = bearer(provider.token(scope="pricebid:admin", pricebid_shop="*"))
        load(client, **boss)
        reader = bearer(provider.token(scope="openid read", pricebid_shop="corner"))
        assert client.get("/v1/shops/corner", headers=reader).status_code == 200
        assert client.post("/v1/shops/corner/jobs", json={"kind": "fit"}, headers=reader).status_code == 403
        assert client.get("/v1/shops/else", headers=reader).status_code == 403
        forged = Provider()
        bad = [
            provider.token(exp=time.time() - 5, scope="read", pricebid_shop="*"),
            provider.token(iss="https://evil", scope="read", pricebid_shop="*"),
            provider.token(aud="other", scope="read", pricebid_shop="*"),
            provider.token(scope="read"),
            forged.token(scope="read", pricebid_shop="*"),
            jwt.encode({"sub": "x", "exp": time.time() + 9}, None, algorithm="none"),
        ]
        for token in bad:
            assert client.get("/v1/shops", headers=bearer(token)).status_code == 401


def test_settings_that_cannot_be_read_are_all_named():
    with pytest.raises(InputError) as caught:
        Settings.from_environment(
            {"PRICEBID_PORT": "high", "PRICEBID_REQUIRE_APPROVAL": "perhaps", "PRICEBID_HOME": "x"}
        )
    assert "PRICEBID_PORT" in str(caught.value)
    assert "PRICEBID_REQUIRE_APPROVAL" in str(caught.value)
    read = Settings.from_environment(
        {"PRICEBID_MAX_SHARE_MOVED": "none", "PRICEBID_DATABASE_URL": "postgresql://u:pw@h/d"}
    )
    assert read.guards.max_share_moved is None
    assert "pw" not in repr(read)
