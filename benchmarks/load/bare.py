"""A bare FastAPI endpoint that answers the JSON of a quote and does nothing else: what the service's CPU is compared with.

Raw-body validation (pydantic's or msgspec's, by route) and orjson; no key, no log, no metrics, no price looked up, no
decision signed. Served like the service: `uvicorn benchmarks.load.bare:app`.
"""

from __future__ import annotations

import msgspec
import orjson
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, TypeAdapter

TOKEN = "AABNZj4PogEiALErAAAAAKXbtrF0HKwNAAAAAAAAAAAAAAAAAAAAAGy8K794G13zAAAAAAAA8D9qYw7PsPpXwKy6bXeBK_Q8"  # noqa: S105 - of no use
PLAN = "019412d8-7c00-7000-8000-000000000000"


class Item(BaseModel):
    """An item of a quote."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sku: str
    region: str = "all"
    segment: str | None = None
    at: str | None = None
    quantity: int | None = None


class Quotes(BaseModel):
    """The body."""

    model_config = ConfigDict(extra="forbid")

    items: list[Item]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The same item for msgspec."""

    sku: str
    region: str = "all"
    segment: str | None = None
    at: str | None = None
    quantity: int | None = None


class AskedQuotes(msgspec.Struct, forbid_unknown_fields=True):
    """The same body for msgspec."""

    items: list[Asked]


app = FastAPI(openapi_url=None)
_validate = TypeAdapter(Quotes).validate_json
_decode = msgspec.json.Decoder(AskedQuotes).decode


def _answer(items: list[Item] | list[Asked]) -> Response:
    found = [
        {
            "sku": one.sku,
            "region": one.region,
            "price": 5.29,
            "currency": "EUR",
            "source": "plan",
            "plan": PLAN,
            "decision_id": TOKEN,
            "propensity": 1.0,
        }
        for one in items
    ]
    return Response(orjson.dumps({"items": found}), media_type="application/json")


@app.post("/pydantic")
async def validated_by_pydantic(request: Request) -> Response:
    """Validate with pydantic, answer."""
    return _answer(_validate(await request.body()).items)


@app.post("/msgspec")
async def validated_by_msgspec(request: Request) -> Response:
    """Validate with msgspec, answer."""
    return _answer(_decode(await request.body()).items)
