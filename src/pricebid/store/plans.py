"""Plans: kept whole and never changed. What they are is here; their life is in `pricebid.store.plan_steps`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from sqlalchemy import and_, insert, or_, select

from pricebid.errors import InputError
from pricebid.store.audit import append
from pricebid.store.connect import now
from pricebid.store.errors import NotFound, StepError, StoreError
from pricebid.store.models import digest_of
from pricebid.store.paging import Page, checked_limit, page_of, place_of
from pricebid.store.schema import plan_files as files_table
from pricebid.store.schema import plans
from pricebid.store.shops import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

Kind = Literal["price", "bid", "joint"]
Status = Literal["made", "held", "approved", "published", "retired"]
KINDS: tuple[Kind, ...] = ("price", "bid", "joint")
NAME = "plan.json"


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """What guards and lists need to know of a plan without opening it.

    Parameters
    ----------
    solution : str
        ``optimal``, ``feasible`` or ``infeasible``.
    items : int
        Prices or bids in it.
    moved : float
        Share of them, 0 to 1, that differ from the current ones.
    below_floor : int
        Prices under their floor.
    objective : str
        What it aims at, such as ``profit``.
    profit, profit_low, profit_high : float, optional
        Expectation over the plan's horizon and its interval, money.
    data_until : int, optional
        End of the newest data that it rests on, microseconds since 1970, UTC.
    inputs : str
        SHA-256 of tables and settings, hexadecimal.
    model : str
        Id of the model; empty where there is none.
    totals : mapping of str to float
        Expected totals over the horizon.
    currency : str, optional
        Of all its money; None in plans of before this was kept.
    decimals : int, optional
        Decimals of the smallest unit of money; the same.
    """

    solution: str
    items: int
    moved: float = 0.0
    below_floor: int = 0
    objective: str = "profit"
    profit: float | None = None
    profit_low: float | None = None
    profit_high: float | None = None
    data_until: int | None = None
    inputs: str = ""
    model: str = ""
    totals: Mapping[str, float] = field(default_factory=dict)
    currency: str | None = None
    decimals: int | None = None

    @classmethod
    def from_json(cls, data: str | bytes) -> Self:
        """Read them as they were kept; what a newer version told besides is left out."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in json.loads(data).items() if name in known})


@dataclass(frozen=True, kw_only=True)
class PlanInfo:
    """A plan and where it stands.

    Parameters
    ----------
    id : str
        UUIDv7, as in its ``plan.json``.
    shop : str
        Whose.
    kind : str
        ``price``, ``bid`` or ``joint``.
    status : str
        ``made``, ``held``, ``approved``, ``published`` or ``retired``.
    facts : PlanFacts
        See there.
    digest : str
        SHA-256 over names and contents of its files, hexadecimal.
    reasons : tuple of str
        Why it was held; they stay when it is approved all the same.
    replaced : str, optional
        The plan that was published before it, which a rollback brings back.
    by : str
        Who had it made.
    made_at, changed_at : int
        Microseconds since 1970, UTC.
    """

    id: str
    shop: str
    kind: Kind
    status: Status
    facts: PlanFacts
    digest: str
    reasons: tuple[str, ...]
    replaced: str | None
    by: str
    made_at: int
    changed_at: int


def add_plan(db: Store, shop: str, kind: Kind, *, files: Mapping[str, bytes], facts: PlanFacts, by: str) -> PlanInfo:
    """Keep a plan. Adding the same plan again changes nothing, so a job may repeat its last step.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    kind : str
        ``price``, ``bid`` or ``joint``.
    files : mapping of str to bytes
        By name; ``plan.json``, which names the plan's ``id``, among them.
    facts : PlanFacts
        See there.
    by : str
        Who, for the audit log.

    Returns
    -------
    PlanInfo
        ``made``; or as it stands, where it was there already.

    Raises
    ------
    InputError
        The kind, or the id in ``plan.json``, is none.
    NotFound
        There is no such shop.
    StepError
        A plan of that id is there with other contents: plans are immutable.
    """
    with db.write() as conn:
        return insert_plan(conn, shop, kind, files=files, facts=facts, by=by)


def insert_plan(
    conn: Connection, shop: str, kind: Kind, *, files: Mapping[str, bytes], facts: PlanFacts, by: str
) -> PlanInfo:
    """Keep a plan within the caller's transaction; see `add_plan`."""
    if kind not in KINDS:
        raise InputError(f"a plan's kind is {kind!r}: use one of {', '.join(KINDS)}")
    plan_id, digest, moment = _id_in(files), digest_of(files), now()
    info = PlanInfo(
        id=plan_id,
        shop=shop,
        kind=kind,
        status="made",
        facts=facts,
        digest=digest,
        reasons=(),
        replaced=None,
        by=by,
        made_at=moment,
        changed_at=moment,
    )
    locked(conn, shop)
    row = conn.execute(select(plans).where(plans.c.id == plan_id)).one_or_none()
    if row is not None:
        if (row.shop, row.kind, row.digest) != (shop, kind, digest):
            raise StepError(f"plan {plan_id} is there already with other contents: a plan needs an id of its own")
        return plan_of(row)
    documents = {"facts": json.dumps(asdict(facts), sort_keys=True), "reasons": "[]"}
    conn.execute(insert(plans).values(**(vars(info) | documents)))
    rows = [
        {"plan_id": plan_id, "name": name, "digest": hashlib.sha256(data).hexdigest(), "data": data}
        for name, data in files.items()
    ]
    conn.execute(insert(files_table), rows)
    detail = {"kind": kind, "inputs": facts.inputs, "model": facts.model}
    append(conn, shop=shop, who=by, what="plan.made", subject=plan_id, digest=digest, detail=detail)
    return info


def get_plan(db: Store, shop: str, plan_id: str) -> PlanInfo:
    """Give a plan of a shop.

    Raises
    ------
    NotFound
        The shop has no such plan.
    """
    with db.read() as conn:
        row = conn.execute(select(plans).where(plans.c.shop == shop, plans.c.id == plan_id)).one_or_none()
    if row is None:
        raise missing(shop, plan_id)
    return plan_of(row)


def list_plans(
    db: Store, shop: str, *, kind: Kind | None = None, limit: int = 100, cursor: str | None = None
) -> Page[PlanInfo]:
    """List the plans of a shop, newest first.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    kind : str, optional
        Only of this kind.
    limit : int
        Rows of the page, 1 to 1000.
    cursor : str, optional
        Of the page before.

    Returns
    -------
    Page of PlanInfo
        Empty for a shop that is not there.

    Raises
    ------
    InputError
        The limit or cursor is none.
    """
    query = select(plans).where(plans.c.shop == shop).order_by(plans.c.made_at.desc(), plans.c.id.desc())
    if kind is not None:
        query = query.where(plans.c.kind == kind)
    if cursor is not None:
        at, last = place_of(cursor, int, str)
        query = query.where(or_(plans.c.made_at < at, and_(plans.c.made_at == at, plans.c.id < last)))
    with db.read() as conn:
        found = [plan_of(row) for row in conn.execute(query.limit(checked_limit(limit) + 1))]
    return page_of(found, limit, lambda info: (info.made_at, info.id))


def plan_files(db: Store, shop: str, plan_id: str, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """Give files of a plan, proven to be what was kept.

    Parameters
    ----------
    db : Store
        Open.
    shop, plan_id : str
        Which.
    names : iterable of str, optional
        Only these; all unless given.

    Returns
    -------
    dict of str to bytes
        By name.

    Raises
    ------
    NotFound
        The shop has no such plan, or the plan no such file.
    StoreError
        A file is damaged.
    """
    get_plan(db, shop, plan_id)
    query = select(files_table.c.name, files_table.c.digest, files_table.c.data).where(files_table.c.plan_id == plan_id)
    asked = None if names is None else set(names)
    if asked is not None:
        query = query.where(files_table.c.name.in_(asked))
    with db.read() as conn:
        rows = conn.execute(query.order_by(files_table.c.name)).all()
    absent = (asked or set()) - {row.name for row in rows}
    if absent:
        raise NotFound(f"plan {plan_id} has no file {', '.join(sorted(absent))}")
    for row in rows:
        if hashlib.sha256(row.data).hexdigest() != row.digest:
            raise StoreError(f"file {row.name} of plan {plan_id} is damaged: restore the database from a backup")
    return {row.name: bytes(row.data) for row in rows}


def missing(shop: str, plan_id: str) -> NotFound:
    """Say that a shop has no such plan."""
    return NotFound(f"there is no plan {plan_id!r} in shop {shop!r}")


def plan_of(row: Row[Any]) -> PlanInfo:
    """Read a row of the table ``plans``."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    facts = PlanFacts.from_json(values["facts"])
    return PlanInfo(**(values | {"facts": facts, "reasons": tuple(json.loads(values["reasons"]))}))


def _id_in(files: Mapping[str, bytes]) -> str:
    try:
        found = json.loads(files[NAME])["id"]
        return str(UUID(found))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InputError(f"{NAME} of a plan must be there and name the plan's id, a UUID") from None
