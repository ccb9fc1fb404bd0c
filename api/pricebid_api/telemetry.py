"""OpenTelemetry, where the extra `otel` is installed and an exporter is configured; nothing otherwise."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pricebid_api import logs

if TYPE_CHECKING:
    from fastapi import FastAPI

_WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")
_UNTOLD = "healthz,readyz,metrics"


def instrument(app: FastAPI) -> bool:
    """Trace requests where OpenTelemetry's own variables name an exporter; tells whether it does."""
    if not any(os.environ.get(name, "none") != "none" for name in _WANTED):
        return False
    try:
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
        trace(app, import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter))
    except ModuleNotFoundError as error:
        logs.log.warning("tracing is configured, but %s is missing: pip install 'pricebid[api,otel]'", error.name)
        return False
    return True


def trace(app: FastAPI, processor: Any) -> None:  # noqa: ANN401 - a SpanProcessor of a package that need not be there
    """Make a span of each request, with its route and status, and hand it to a processor. No header or body is in it.

    Parameters
    ----------
    app : FastAPI
        Not yet started.
    processor : opentelemetry.sdk.trace.SpanProcessor
        Gets the spans; shut down when the process ends.
    """
    sdk = import_module("opentelemetry.sdk.trace")
    resource = import_module("opentelemetry.sdk.resources").Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME", "pricebid")}
    )
    provider = sdk.TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    instrumentor = import_module("opentelemetry.instrumentation.fastapi").FastAPIInstrumentor
    instrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=_UNTOLD, exclude_spans=["receive", "send"])
