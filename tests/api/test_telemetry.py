"""Requests are traced where that is asked for, and nothing is loaded where it is not."""

import importlib
import logging
import subprocess
import sys
import warnings

import pytest
from tests.api.harness import TestClient

from pricebid import store
from pricebid_api import Settings, create_app, telemetry

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def app(tmp_path):
    return create_app(Settings(home=tmp_path, heavy="thread"))


def test_each_request_is_a_span_with_its_route_and_without_secrets(app, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra otel is not installed")
        memory = importlib.import_module(
            "opentelemetry.sdk.trace.export.in_memory_span_exporter"
        ).InMemorySpanExporter()
        telemetry.trace(app, export.SimpleSpanProcessor(memory))
    db = store.open_store(tmp_path)
    key, _ = store.create_key(db, shop=None, scopes=["admin"], name="tests", by="tests")
    db.close()
    with TestClient(app, base_url="http://localhost") as client:
        caller = {"Authorization": f"Bearer {key}", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
        assert client.put("/v1/shops/corner", json={"currency": "EUR"}, headers=caller).status_code == 200
        asked = {"items": [{"sku": "tea"}]}
        assert client.post("/v1/shops/nowhere/quotes", json=asked, headers=caller).status_code == 404
        assert client.get("/healthz").status_code == 200
    spans = memory.get_finished_spans()
    told = [(one.attributes["http.route"], one.attributes["http.status_code"]) for one in spans]
    assert told == [("/v1/shops/{shop}", 200), ("/v1/shops/{shop}/quotes", 404)]
    assert {f"{one.context.trace_id:032x}" for one in spans} == {"a" * 32}
    assert spans[0].resource.attributes["service.name"] == "pricebid"
    assert key not in "".join(one.to_json() for one in spans)


def test_nothing_is_traced_unless_a_variable_names_an_exporter(app, monkeypatch):
    for name in telemetry._WANTED:
        monkeypatch.delenv(name, raising=False)
    assert telemetry.instrument(app) is False
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert telemetry.instrument(app) is False


def test_an_exporter_that_is_named_is_used(app, monkeypatch):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
    monkeypatch.setenv(OTLP, "http://127.0.0.1:9")
    got = []
    monkeypatch.setattr(telemetry, "trace", lambda app, processor: got.append((app, processor)))
    assert telemetry.instrument(app) is True
    assert got[0][0] is app
    got[0][1].shutdown()


def test_a_package_that_is_missing_is_named_and_the_service_goes_on(app, monkeypatch, caplog):
    monkeypatch.setenv(OTLP, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    monkeypatch.setattr(logging.getLogger("pricebid"), "propagate", True)
    assert telemetry.instrument(app) is False
    assert "pip install 'pricebid[api,otel]'" in caplog.text


def test_the_service_loads_no_tracing_by_itself():
    script = "import sys, pricebid_api.app; print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.instrumentation'))])"
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
