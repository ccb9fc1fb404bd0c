"""The HTTP service: `pricebid serve` starts it, `create_app(settings)` gives it as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricebid_api.app import create_app
    from pricebid_api.settings import Settings

__all__ = ["Settings", "create_app"]


def __getattr__(name: str) -> object:
    if name == "create_app":
        from pricebid_api.app import create_app

        return create_app
    if name == "Settings":
        from pricebid_api.settings import Settings

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
