"""The kinds of jobs, and who does them."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid.errors import InputError
from pricebid_api.worker.learn import Learner, learn
from pricebid_api.worker.outcomes import OutcomeTotals
from pricebid_api.worker.paces import DayPacing
from pricebid_api.worker.sales import DaySales
from pricebid_api.worker.trials import PriceTrials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid_api.worker.work import Kind, Outcome, Work


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


def _planned(name: str) -> Kind:
    def run(work: Work) -> Outcome:
        from pricebid_api.worker import kind_plans

        return getattr(kind_plans, name)(work)  # type: ignore[no-any-return]

    return run


def _tabled(name: str) -> Kind:
    def run(work: Work) -> Outcome:
        from pricebid_api.worker import kind_tables

        return getattr(kind_tables, name)(work)  # type: ignore[no-any-return]

    return run


LEARNERS: tuple[Learner, ...] = (OutcomeTotals(), PriceTrials(), DayPacing(), DaySales())
"""What the job `learn` folds feedback into."""

# The engine is imported where a job is done: a worker that waits stays small, and starts at once.
KINDS: Mapping[str, Handler] = {
    "fit": Handler(run=_tabled("fit")),
    "forecast": Handler(run=_tabled("forecast")),
    "elasticities": Handler(run=_tabled("elasticities")),
    "backtest": Handler(run=_tabled("backtest")),
    "price": Handler(run=_planned("price")),
    "bid": Handler(run=_planned("bid")),
    "plan": Handler(run=_planned("plan")),
    "what-if": Handler(run=_planned("what_if")),
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
