"""Every route under data that fit its schema and data that do not: ``python -m benchmarks.load.fuzz --minutes 10``.

Starts `pricebid serve` with a small shop, published plans and an admin key, and lets schemathesis loose on it: the
examples of the document, its coverage of limits and methods, generated requests, and sequences of calls that use what
earlier ones gave. Any answer of 500 or more, any answer that is not as the OpenAPI document says, and any request
against the schema that is accepted is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from benchmarks.load import deployment
from benchmarks.load.deployment import CAMPAIGN, CATALOG, KEYWORDS, REGIONS, SALES, SHOP, SKUS, Deployment

from pricebid import store

if TYPE_CHECKING:
    from collections.abc import Sequence

# What valid data may still break is beyond JSON Schema: a cursor that no page gave, a table without rows, a policy that
# contradicts itself. Those are 422 with the place, and "valid data is accepted" is the one check left out.
LEFT_OUT = "positive_data_acceptance"
# DELETE of a job cancels it, and the cancelled job can still be looked at: the one resource that may outlive its DELETE.
_SETTINGS = """
[[operations]]
include-path-regex = "^/v1/jobs/"
checks.use_after_free.enabled = false
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; gives schemathesis' exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, help="how long; else until each route has had its examples")
    parser.add_argument("--examples", type=int, help="requests generated per route and phase")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, help="the same requests again")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    given = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="pricebid-fuzz-") as folder:
        if not given.postgres:
            return _fuzz(Path(folder), None, given)
        from scripts.with_postgres import running

        with running(durable=True) as url:
            return _fuzz(Path(folder), url, given)


def _fuzz(folder: Path, database_url: str | None, given: argparse.Namespace) -> int:
    server = Deployment(
        home=folder / "home",
        database_url=database_url,
        workers=1,
        job_workers=1,
        settings={"rate_per_second": "1e9", "burst": "1e9", "heavy": "thread"},
    )
    db = store.open_store(server.store)
    live, key = _prepare(db)
    server.start()
    try:
        server.wait()
        live["decision_id"] = _load(server.url, key)
        (folder / "live.json").write_text(json.dumps(live), encoding="utf8")
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "benchmarks.load.fuzz_hooks",
            "PRICEBID_FUZZ": str(folder / "live.json"),
        }
        (folder / "schemathesis.toml").write_text(_SETTINGS, encoding="utf8")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
        command += ["run", f"{server.url}/openapi.json", "-H", f"Authorization: Bearer {key}", "--no-color"]
        command += ["--mode", "all", "--phases", given.phases, "--exclude-checks", LEFT_OUT, "--continue-on-failure"]
        command += ["--request-timeout", "60", "--suppress-health-check", "all"]
        command += ["--warnings", "off"] if given.minutes is None else []
        for option, value in (("--max-examples", given.examples), ("--seed", given.seed)):
            command += [] if value is None else [option, str(value)]
        if given.minutes is None:
            command += ["--generation-deterministic"]
        else:
            command += ["--max-time", str(round(given.minutes * 60)), "--generation-database", "none"]
        code = subprocess.run(command, env=environment, check=False).returncode
        answered = _answers(server.log)
        print("answers by status: " + ", ".join(f"{status}: {count:,}" for status, count in answered.items()))
        return code or int(max(answered) >= 500)
    finally:
        db.close()
        server.stop()


def _prepare(db: store.Store) -> tuple[dict[str, list[str]], str]:
    """Make the shop, its plans and a key."""
    deployment.open_shop(db)
    plans = [deployment.price_plan(db), deployment.bid_plan(db, budget=1e6)]
    for plan in plans:
        deployment.publish(db, plan)
    plans += [deployment.price_plan(db, factor=0.9 + at / 100) for at in range(8)]
    jobs = [store.submit(db, SHOP, kind, by="load").id for kind in ("fit", "forecast", "price")]
    live = {
        "shop": [SHOP],
        "plan": plans,
        "job": jobs,
        "file": ["plan.json", "prices.csv", "bids.csv", "forecast.csv"],
        "sku": [*SKUS],
        "region": [*REGIONS],
        "keyword": [*KEYWORDS],
        "campaign": [CAMPAIGN],
    }
    return live, store.create_key(db, shop=None, scopes=["admin"], name="fuzz", by="load")[0]


def _load(url: str, key: str) -> list[str]:
    """Load the tables, and ask for some decisions."""
    for table, text in (("sales", SALES), ("catalog", CATALOG)):
        _send("PUT", f"{url}/v1/shops/{SHOP}/tables/{table}", text.encode(), "text/csv", key)
    prices = [{"sku": sku, "region": "north"} for sku in SKUS]
    bids = [{"keyword": word, "campaign": CAMPAIGN} for word in KEYWORDS[:4]]
    asked = (("quotes", prices), ("bids/quotes", bids))
    answers = [
        _send("POST", f"{url}/v1/shops/{SHOP}/{what}", json.dumps({"items": items}).encode(), "application/json", key)
        for what, items in asked
    ]
    return [item["decision_id"] for answer in answers for item in json.loads(answer)["items"]]


def _send(method: str, url: str, body: bytes, kind: str, key: str) -> bytes:
    headers = {"Content-Type": kind, "Authorization": f"Bearer {key}"}
    with urlopen(Request(url, body, headers, method=method), timeout=60) as answer:  # noqa: S310 - our own server
        found: bytes = answer.read()
        return found


def _answers(log: Path) -> dict[int, int]:
    """Count what the server's own log says it answered; that it was not ready yet is no answer."""
    counts: dict[int, int] = {}
    for line in log.read_bytes().splitlines():
        if line.startswith(b"{") and b'"message":"request"' in line:
            told = json.loads(line)
            if told["path"] != "/readyz":
                counts[told["status"]] = counts.get(told["status"], 0) + 1
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
