"""OpenTelemetry, where the extra `otel` is installed and an exporter is configured; nothing otherwise."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from pricebid_api import logs

if TYPE_CHECKING:
    from fastapi import FastAPI

_WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


def instrument(app: FastAPI) -> bool:
    """Trace requests where OpenTelemetry's own variables name an exporter; tells whether it does."""
    if not any(os.environ.get(name, "none") != "none" for name in _WANTED):
        return False
    try:
        fastapi = import_module("opentelemetry.instrumentation.fastapi")
        provider = import_module("opentelemetry.sdk.trace").TracerProvider()
        export = import_module("opentelemetry.sdk.trace.export")
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    except ModuleNotFoundError as error:
        logs.log.warning("tracing is configured, but %s is missing: pip install 'pricebid[api,otel]'", error.name)
        return False
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    fastapi.FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="healthz,readyz,metrics")
    return True
