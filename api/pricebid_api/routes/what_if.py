"""A small scenario, answered at once."""

from __future__ import annotations

from fastapi import APIRouter

from pricebid.policy import Policy, Scenario
from pricebid_api.deps import Planner, ServiceDep, ShopName
from pricebid_api.guarded import GuardedRoute
from pricebid_api.scenarios import what_if
from pricebid_api.schemas.plans import WhatIfIn, WhatIfOut

router = APIRouter(tags=["plans"], route_class=GuardedRoute)

_EXAMPLE = {
    "scenario": {"change": [{"table": "catalog", "where": {"category": "coffee"}, "multiply": {"cost": 1.08}}]},
    "policy": {"price": {"max_change": 0.1}},
}


@router.post(
    "/v1/shops/{shop}/what-if",
    summary="What if?",
    openapi_extra={"requestBody": {"content": {"application/json": {"example": _EXAMPLE}}}},
)
async def compare(shop: ShopName, body: WhatIfIn, service: ServiceDep, caller: Planner) -> WhatIfOut:
    """Plan prices as things are and with changed tables or policy, and compare; for small shops (else use a job).

    The newest model is used where it fits the tables; it is not fitted anew for the scenario.
    """
    del caller
    Policy.from_mapping(body.policy)
    Scenario.from_mapping(body.scenario)
    settings = service.settings
    found = await service.scenarios.run(
        settings.what_if_seconds, what_if, settings.store, shop, body.policy, body.scenario, settings.what_if_offers
    )
    return WhatIfOut.model_validate(found)
