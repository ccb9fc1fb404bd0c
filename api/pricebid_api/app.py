"""The application: `create_app(settings)` puts the parts together; nothing is opened before it starts."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
from fastapi import FastAPI

from pricebid import __version__, store
from pricebid_api import errors, openapi, telemetry
from pricebid_api.auth import Gate, Keys
from pricebid_api.budgets import Budgets
from pricebid_api.heavy import Heavy
from pricebid_api.inbox import Inbox
from pricebid_api.logs import RequestLog
from pricebid_api.metrics import Metrics
from pricebid_api.middleware import SHOPS, Edge
from pricebid_api.poller import Poller
from pricebid_api.raw import RawRoute
from pricebid_api.recorder import Recorder
from pricebid_api.routes import ROUTERS
from pricebid_api.serve import refuse_open
from pricebid_api.settings import Settings
from pricebid_api.signing import Secrets, signers
from pricebid_api.snapshots import Snapshots
from pricebid_api.state import Service, State
from pricebid_api.streams import Streams
from pricebid_api.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def create_app(settings: Settings, *, log: RequestLog | None = None) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : Settings
        Where its state is, and what it allows.
    log : RequestLog, optional
        Where lines of finished requests go; standard error unless given.

    Returns
    -------
    FastAPI
        An ASGI application; its parts are opened when it starts and closed when it stops.
    """
    metrics = Metrics()
    lines = log or RequestLog(sys.stderr, settings.log_format)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        service = _open(settings, metrics, lines)
        try:
            await _begin(service)
            yield {"service": service}
        finally:
            await _end(service)

    app = FastAPI(
        title="pricebid",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(Edge, metrics=metrics, log=lines, max_body=settings.max_body_bytes, hot=_hot())
    errors.install(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    telemetry.instrument(app)
    return app


def _hot() -> dict[str, RawRoute]:
    """Give the hot routes by what follows the shop in their path."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, RawRoute)]
    return {route.path.removeprefix(f"{SHOPS}{{shop}}/"): route for route in routes}


def from_environment() -> FastAPI:
    """Make the application of `pricebid serve`, in each of its workers."""
    from pricebid_api import logs, parent

    parent.when_gone(parent.leave)
    settings = Settings.from_environment()
    logs.configure(settings.log_format)
    return create_app(settings)


def _open(settings: Settings, metrics: Metrics, log: RequestLog) -> Service:
    secrets = Secrets.from_environment()
    db = store.open_store(settings.store)
    try:
        keys = Keys()
        keys.refresh(db)
        refuse_open(settings, keys=keys.any)
        signer = signers(db, secrets)
    except BaseException:
        db.close()
        raise
    writer = Writer()
    tables = Heavy(settings.heavy, settings.heavy_memory_bytes)
    recorder = Recorder(db, settings.home / "workers", writer, metrics, settings.flush_seconds)
    budgets = Budgets(db, recorder.worker, settings)
    snapshots = Snapshots(db, settings.store, heavy=tables, signer=signer, budgets=budgets)
    poller = Poller(
        db,
        keys=keys,
        snapshots=snapshots,
        recorder=recorder,
        budgets=budgets,
        metrics=metrics,
        settings=settings,
    )
    return Service(
        settings=settings,
        db=db,
        gate=Gate(settings, keys, metrics),
        metrics=metrics,
        log=log,
        writer=writer,
        snapshots=snapshots,
        recorder=recorder,
        budgets=budgets,
        tables=tables,
        scenarios=Heavy(settings.heavy, settings.heavy_memory_bytes),
        streams=Streams(settings.max_streams),
        poller=poller,
        feedback=Inbox(db, writer),
        signer=signer,
        rng=np.random.default_rng(),
    )


async def _begin(service: Service) -> None:
    service.recorder.start()
    service.log.start(service.settings.flush_seconds)
    service.poller.start()
    service.tables.warm()


async def _end(service: Service) -> None:
    """Stop taking, then write what is in memory, then let go."""
    service.streams.closing.set()
    await service.poller.stop()
    await service.recorder.stop()
    await asyncio.to_thread(service.budgets.close)
    await asyncio.to_thread(service.tables.close)
    await asyncio.to_thread(service.scenarios.close)
    service.writer.close()
    await service.log.stop()
    service.db.close()
