"""What the store refuses, and why.

PricebidError
└── StoreError          the store cannot do what was asked
    ├── NotFound        no such shop, plan, table, model, lease or key (or not of this shop)
    ├── StepError       a step in the life of a plan that may not follow the one before
    ├── InForce         a plan in force was made under what is to be changed: take it back first
    ├── Busy            somebody else holds or has changed what is to be written: try again
    │   └── Changed     what it was made or checked from is another by now: read it anew first
    ├── Erased          the shop was erased since this began
    ├── Unavailable     the database does not answer
    └── SchemaError     the database is of another version of pricebid
"""

from __future__ import annotations

from pricebid.errors import PricebidError


class StoreError(PricebidError):
    """The store cannot do what was asked."""


class NotFound(StoreError):  # noqa: N818 - reads as what it says at each call
    """There is no such thing in this shop."""


class StepError(StoreError):
    """A plan cannot take this step from where it stands."""


class InForce(StoreError):  # noqa: N818 - same
    """A plan in force was made under what is to be changed."""


class Busy(StoreError):  # noqa: N818 - same
    """Somebody else holds, or has just changed, what is to be written."""


class Changed(Busy):
    """What it was made from, or checked beside, is another by now: read that anew, and try again."""


class Erased(StoreError):  # noqa: N818 - same
    """The shop was erased since this began: nothing of it is kept, be there a new shop of that name."""


class Unavailable(StoreError):  # noqa: N818 - same
    """The database does not answer."""


class SchemaError(StoreError):
    """The database was made by another version of pricebid."""
