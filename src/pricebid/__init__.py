"""Prices and keyword bids from sales history, with proof of how good the plan is.

The main path is a few lines::

    shop = pricebid.Shop.read("my-shop")
    policy = pricebid.Policy.read("policy.toml")
    model = pricebid.fit(shop)
    prices = pricebid.price(shop, model, policy)
    bids = pricebid.bid(shop, policy)
    together = pricebid.plan(shop, model, policy)

Importing this package has no effects and loads neither pandas nor a solver: each name below is imported from the
part that owns it when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricebid.engine import attribute, backtest, bid, channels, fit, forecast, plan, price, review, what_if
    from pricebid.errors import (
        Conflict,
        Fault,
        Infeasible,
        InputError,
        ModelError,
        PolicyError,
        PricebidError,
        TableError,
    )
    from pricebid.optimize import Limit, choose
    from pricebid.policy import Policy
    from pricebid.tables import Shop

__version__ = "0.1.0"

_OWNER = {
    "Conflict": "errors",
    "Fault": "errors",
    "Infeasible": "errors",
    "InputError": "errors",
    "Limit": "optimize",
    "ModelError": "errors",
    "Policy": "policy",
    "PolicyError": "errors",
    "PricebidError": "errors",
    "Shop": "tables",
    "TableError": "errors",
    "attribute": "engine",
    "backtest": "engine",
    "bid": "engine",
    "channels": "engine",
    "choose": "optimize",
    "fit": "engine",
    "forecast": "engine",
    "plan": "engine",
    "price": "engine",
    "review": "engine",
    "what_if": "engine",
}

__all__ = [
    "Conflict",
    "Fault",
    "Infeasible",
    "InputError",
    "Limit",
    "ModelError",
    "Policy",
    "PolicyError",
    "PricebidError",
    "Shop",
    "TableError",
    "__version__",
    "attribute",
    "backtest",
    "bid",
    "channels",
    "choose",
    "fit",
    "forecast",
    "plan",
    "price",
    "review",
    "what_if",
]


def __getattr__(name: str) -> object:
    owner = _OWNER.get(name)
    if owner is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{owner}"), name)
    globals()[name] = value  # from now on found without this function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
