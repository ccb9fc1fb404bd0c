"""Work too heavy for a process that answers quotes: done in a process of its own, with a ceiling on memory and time."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pricebid.errors import Conflict, Fault, FaultsError, Infeasible, PricebidError
from pricebid_api.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class _Raised:
    """An error on its way out of the process: exceptions with arguments of their own do not survive pickling."""

    kind: type[PricebidError]
    text: str
    faults: tuple[Fault, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def error(self) -> PricebidError:
        if issubclass(self.kind, FaultsError):
            return self.kind(self.faults)
        if issubclass(self.kind, Infeasible):
            return Infeasible(self.text.splitlines()[0], self.conflicts)
        return self.kind(self.text)


class Heavy:
    """Runs functions elsewhere, one at a time.

    Parameters
    ----------
    kind : {"process", "thread"}
        A thread shares this process' memory and interpreter: for tests and small shops.
    memory : int
        Bytes of address space that the process may take.
    """

    def __init__(self, kind: str, memory: int) -> None:
        self._kind = kind
        self._memory = memory
        self._pool: Executor | None = None
        self._running = 0
        self._turn = asyncio.Lock()

    def warm(self) -> None:
        """Have the process started and its libraries loaded before somebody waits for them."""
        if self._kind == "process":
            self._executor().submit(_load)

    async def run(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of a module's top level, when its turn has come: what ends it ends nobody else's work.

        Raises
        ------
        Problem
            503 where it takes longer, or waits longer for its turn; 413 where its process died of what it was given.
        PricebidError
            As the function raises.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._turn.acquire()
        except TimeoutError:
            detail = f"Other work of this kind took more than {seconds:g} s; try again later."
            raise Problem(503, "busy", detail, headers={"Retry-After": "5"}) from None
        try:
            return await self._alone(seconds, function, *args, **kwargs)
        finally:
            self._turn.release()

    async def _alone(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor(), _guarded, function, args, kwargs)
        self._running += 1
        try:
            result = await asyncio.wait_for(future, seconds)
        except TimeoutError:
            self.close()
            detail = f"This took longer than {seconds:g} s; send less, or use a job: POST /v1/shops/{{shop}}/jobs."
            raise Problem(503, "took_too_long", detail) from None
        except asyncio.CancelledError:
            self.close()  # nobody waits for it any more, and whoever is next shall not
            raise
        except (BrokenProcessPool, MemoryError) as error:
            if isinstance(error, BrokenProcessPool):
                self.close()
            detail = "This needs more memory than one request may take; send less, or use a job."
            raise Problem(413, "too_large", detail) from None
        finally:
            self._running -= 1
        if isinstance(result, _Raised):
            raise result.error()
        return result  # type: ignore[no-any-return]

    def _executor(self) -> Executor:
        if self._pool is None:
            if self._kind == "thread":
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="pricebid-heavy")
            else:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, initializer=_confine, initargs=(self._memory,))
        return self._pool

    def close(self) -> None:
        """End the process, whatever it is doing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if isinstance(pool, ProcessPoolExecutor) and self._running:
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.kill()
        pool.shutdown(wait=not self._running, cancel_futures=True)


def _guarded(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401 - any
    try:
        return function(*args, **kwargs)
    except PricebidError as error:
        return _Raised(
            kind=type(error),
            text=str(error),
            faults=getattr(error, "faults", ()),
            conflicts=getattr(error, "conflicts", ()),
        )


def _load() -> None:
    import pricebid.pricing.make
    import pricebid.tables.read  # noqa: F401 - pandas and pyarrow come with it


def _confine(memory: int) -> None:
    import os
    import signal

    from pricebid_api import parent

    parent.when_gone(parent.end)  # it waits for work from a pipe of which it holds both ends, and would wait for ever
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import resource
    except ImportError:  # no such limit on this system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
