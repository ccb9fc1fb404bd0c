"""The one thread of a worker that writes to the store: what it is given is done in order, and acknowledged once committed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pricebid_api.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
_MOST_WAITING = 1_000


class Writer:
    """Runs the store's writing functions, one after the other.

    SQLite has one writer at a time: threads that queue here do not fight over its lock.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pricebid-writer")
        self.waiting = 0

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function, and wait until it has committed.

        A caller who goes away does not undo it: once begun, it runs to its end.

        Raises
        ------
        Problem
            503 where too many wait already.
        """
        if self.waiting >= _MOST_WAITING:
            raise Problem(
                503, "busy", "Too many writes are waiting; try again in a second.", headers={"Retry-After": "1"}
            )
        self.waiting += 1
        future = self._pool.submit(function, *args, **kwargs)
        future.add_done_callback(self._done)
        return await asyncio.shield(asyncio.wrap_future(future))

    def _done(self, _: object) -> None:
        self.waiting -= 1

    def close(self) -> None:
        """Finish what was given, then end."""
        self._pool.shutdown(wait=True)
