"""What `/metrics` shows (Prometheus): one registry per application, none of the library's global one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
SEVERAL = "PROMETHEUS_MULTIPROC_DIR"  # set by `pricebid serve --workers N`: then any worker answers for all


class Metrics:
    """The counters of one worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        several = {"registry": None} if os.environ.get(SEVERAL) else {"registry": self.registry}

        def counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
            return Counter(f"pricebid_{name}", text, tuple(labels), **several)

        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(f"pricebid_{name}", text, tuple(labels), multiprocess_mode="mostrecent", **several)

        self.latency = Histogram(
            "pricebid_request_seconds",
            "Time from the request's head to the last byte of its answer",
            ("route",),
            buckets=_SECONDS,
            **several,
        )
        self.requests = counter("requests", "Requests answered", ("route", "status"))
        self.quotes = counter("quotes", "Items quoted", ("kind", "source"))
        self.fallbacks = counter("fallbacks", "Items not answered from the published plan", ("kind", "reason"))
        self.guard_hits = counter("guard_hits", "Plans held at publishing", ("guard",))
        self.feedback = counter("feedback_events", "Feedback events", ("outcome",))
        self.refused = counter("refused", "Requests refused before they reached a route's work", ("code",))
        self.lost = counter("quote_log_lost", "Quote-log records known to be lost by killed workers")
        self.spent = gauge("ad_spend", "Ad spend of the day so far, money", ("shop", "campaign"))
        self.model_age = gauge("model_age_seconds", "Age of the newest model", ("shop",))
        self.plan_age = gauge("plan_age_seconds", "Time since the plan in force was published", ("shop", "kind"))
        self.queue = gauge("jobs", "Jobs in the store", ("state",))
        self.snapshot_serial = gauge("snapshot_serial", "Newest publish that this service quotes from")

        self._children: dict[tuple[str, ...], Any] = {}

    def quoted(self, kind: str, source: str) -> Any:  # noqa: ANN401 - a child of a Counter
        """Give the counter of one source; looked up once, since looking up takes longer than counting."""
        return self._child(self.quotes, "quotes", kind, source)

    def fell_back(self, kind: str, reason: str) -> Any:  # noqa: ANN401 - same
        """Give the counter of one reason."""
        return self._child(self.fallbacks, "fallbacks", kind, reason)

    def _child(self, counter: Counter, *labels: str) -> Any:  # noqa: ANN401 - same
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = counter.labels(*labels[1:])
        return found

    def render(self) -> bytes:
        """Give the text that Prometheus reads: of all workers where several share a folder."""
        if not os.environ.get(SEVERAL):
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
