"""Plans, decisions, feedback, jobs and models, kept in SQLite or PostgreSQL."""

from pricebid.store import errors, migrations
from pricebid.store.connect import Store, now, open_store
from pricebid.store.errors import Busy, NotFound, SchemaError, StepError, StoreError, Unavailable

__all__ = [
    "Busy",
    "NotFound",
    "SchemaError",
    "StepError",
    "Store",
    "StoreError",
    "Unavailable",
    "errors",
    "migrations",
    "now",
    "open_store",
]
