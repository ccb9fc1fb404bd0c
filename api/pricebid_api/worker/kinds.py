"""The kinds of jobs, and who does them."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid.errors import InputError
from pricebid_api.worker import kind_plans, kind_tables
from pricebid_api.worker.learn import Learner, learn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid_api.worker.work import Kind


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How jobs of one kind are done.

    Parameters
    ----------
    run : Kind
        Does one.
    own_process : bool
        In a process of its own: memory is given back whole, work that holds the interpreter does not delay heartbeats,
        and one that must end can be ended. False for work that is over sooner than a process has started.
    """

    run: Kind
    own_process: bool = True


LEARNERS: tuple[Learner, ...] = ()
"""What the job `learn` folds feedback into."""

KINDS: Mapping[str, Handler] = {
    "fit": Handler(run=kind_tables.fit),
    "forecast": Handler(run=kind_tables.forecast),
    "elasticities": Handler(run=kind_tables.elasticities),
    "backtest": Handler(run=kind_tables.backtest),
    "price": Handler(run=kind_plans.price),
    "bid": Handler(run=kind_plans.bid),
    "plan": Handler(run=kind_plans.plan),
    "what-if": Handler(run=kind_plans.what_if),
    "learn": Handler(run=functools.partial(learn, learners=LEARNERS), own_process=False),
}
BUILT_IN = f"{__name__}:KINDS"
"""Where a worker and its processes find them, as text."""


def find_kinds(place: str) -> Mapping[str, Handler]:
    """Import kinds from ``module:name``.

    Raises
    ------
    InputError
        There is nothing of that name.
    """
    module, _, name = place.partition(":")
    try:
        kinds: Mapping[str, Handler] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"kinds of jobs {place!r}: nothing there ({error}); write module:name") from None
    return kinds
