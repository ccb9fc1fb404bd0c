"""`serve` and `keys`: the HTTP service, and who may call it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pricebid.cli._run import Run
from pricebid.errors import InputError

if TYPE_CHECKING:
    from pricebid_api.settings import Settings


class Scope(StrEnum):
    """What a key allows."""

    READ = "read"
    QUOTE = "quote"
    FEEDBACK = "feedback"
    PLAN = "plan"
    PUBLISH = "publish"
    ADMIN = "admin"


Home = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="PRICEBID_HOME", metavar="DIR", help="Folder of the state; ./pricebid-home if not given."
    ),
]
Scopes = Annotated[
    list[Scope] | None, typer.Option("--scope", help="What the key allows; repeatable. admin includes all others.")
]
OneShop = Annotated[str | None, typer.Option("--shop", help="The only shop that the key opens; all if not given.")]


def serve(
    run: Run,
    *,
    host: Annotated[str, typer.Option(envvar="PRICEBID_HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PRICEBID_PORT", min=0, max=65535)] = 8000,
    workers: Annotated[
        int, typer.Option(envvar="PRICEBID_WORKERS", min=1, max=256, help="Processes that answer requests.")
    ] = 1,
    job_workers: Annotated[
        int, typer.Option(envvar="PRICEBID_JOB_WORKERS", min=0, max=256, help="Processes that run background jobs.")
    ] = 1,
    home: Home = None,
) -> None:
    """Serve quotes, jobs, feedback and plans over HTTP, with an embedded store in one folder.

    State lies under PRICEBID_HOME (default ./pricebid-home), or in PostgreSQL where PRICEBID_DATABASE_URL names one.
    Without any API key it answers this machine only; beyond it, it refuses to start without keys.
    """
    del run
    from pricebid_api.serve import serve as serve_http

    serve_http(settings_of(home, host=host, port=port, workers=workers, job_workers=job_workers))


keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of the service.")


def create(
    run: Run,
    *,
    scope: Scopes = None,
    shop: OneShop = None,
    name: Annotated[str, typer.Option(help="Whose it is.")] = "unnamed",
    home: Home = None,
) -> None:
    """Make an API key; it is shown once, and only its SHA-256 is kept."""
    from pricebid import store
    from pricebid.store import open_store

    if not scope:
        raise InputError(
            "a key without a scope opens nothing: give --scope read, quote, feedback, plan, publish or admin"
        )
    db = open_store(settings_of(home).store)
    try:
        plain, info = store.create_key(
            db, shop=shop, scopes=[one.value for one in scope], name=name, by="pricebid keys"
        )
    finally:
        db.close()
    run.note(f"The key {info.id} ({', '.join(info.scopes)}) is shown once; keep it as you keep a password:")
    run.show(plain)
    run.finish({"key": plain, "id": info.id, "scopes": list(info.scopes), "shop": info.shop})


def list_(run: Run, *, shop: OneShop = None, home: Home = None) -> None:
    """List API keys, revoked ones too; the keys themselves are not kept."""
    from datetime import UTC, datetime

    from pricebid.report.text import table
    from pricebid.store import list_keys, open_store

    db = open_store(settings_of(home).store)
    try:
        found = list_keys(db, shop=shop)
    finally:
        db.close()
    rows = [
        (
            one.id,
            one.name,
            one.shop or "all shops",
            ", ".join(one.scopes),
            f"{datetime.fromtimestamp(one.created_at / 1e6, UTC):%Y-%m-%d %H:%M}",
            "revoked" if one.revoked_at else "in force",
        )
        for one in found
    ]
    run.show(table("API keys", ("id", "name", "shop", "scopes", "made (UTC)", ""), rows))
    listed = [{**vars(one), "digest": one.digest[:12], "scopes": list(one.scopes)} for one in found]
    run.finish({"keys": listed})


def revoke(
    run: Run,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `pricebid keys list` shows it.", show_default=False)],
    *,
    home: Home = None,
) -> None:
    """Revoke an API key; every worker refuses it within two seconds."""
    from pricebid.store import open_store, revoke_key

    db = open_store(settings_of(home).store)
    try:
        info = revoke_key(db, key_id, by="pricebid keys")
    finally:
        db.close()
    run.note(f"revoked: {info.id} ({info.name})")
    run.finish({"id": info.id})


def settings_of(home: Path | None, **given: Any) -> Settings:  # noqa: ANN401 - any setting
    """Give the service's settings: the environment's, and what the command line says instead.

    Raises
    ------
    InputError
        The packages of the service are not there, or a variable cannot be read.
    """
    try:
        from pricebid_api.settings import Settings
    except ModuleNotFoundError as error:
        message = f"the service needs more packages ({error.name} is missing): pip install 'pricebid[api]'"
        raise InputError(message) from None
    return Settings.from_environment(None, **({} if home is None else {"home": home}), **given)
