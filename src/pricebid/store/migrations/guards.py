"""Triggers that keep what is written as it was written: the audit log, and plans.

The log takes new rows only. A plan's files and facts never change; only where it stands in its life does. Rows go
when their shop is erased, and then alone: `erase_shop` marks the shop in the table ``erasing`` for the length of its
transaction. Triggers stop mistakes; they do not stop whoever owns the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FIXED_OF_PLANS = ("id", "shop", "kind", "facts", "digest", "by", "made_at")
_SHOP_OF_FILE = "(SELECT shop FROM plans WHERE id = OLD.plan_id)"


def make(conn: Connection) -> None:
    """Make the triggers.

    Parameters
    ----------
    conn : Connection
        Of a database that has the tables.
    """
    statements = _postgresql() if conn.dialect.name == "postgresql" else _sqlite()
    for statement in statements:
        conn.execute(text(statement))


def drop(conn: Connection) -> None:
    """Drop the triggers.

    Parameters
    ----------
    conn : Connection
        Of a database that has them.
    """
    postgresql = conn.dialect.name == "postgresql"
    for table in ("audit", "plans", "plan_files"):
        for verb in ("update", "delete"):
            on = f" ON {table}" if postgresql else ""
            conn.execute(text(f"DROP TRIGGER {table}_no_{verb}{on}"))
    if postgresql:
        conn.execute(text("DROP TRIGGER audit_no_truncate ON audit"))
        conn.execute(text("DROP FUNCTION pricebid_refuse()"))


def _rules() -> tuple[tuple[str, str, str, str], ...]:
    """Give table, verb, condition under which it is refused, and the words."""
    changed = " OR ".join(f'OLD."{column}" <> NEW."{column}"' for column in _FIXED_OF_PLANS)
    return (
        ("audit", "UPDATE", "1 = 1", "the audit log is append-only"),
        ("audit", "DELETE", _unless_erasing("OLD.shop"), "the audit log is append-only"),
        ("plans", "UPDATE", changed, "a plan is immutable"),
        ("plans", "DELETE", _unless_erasing("OLD.shop"), "a plan is immutable"),
        ("plan_files", "UPDATE", "1 = 1", "a plan is immutable"),
        ("plan_files", "DELETE", _unless_erasing(_SHOP_OF_FILE), "a plan is immutable"),
    )


def _unless_erasing(shop: str) -> str:
    # A file whose plan is gone already goes with it: the plan was allowed to.
    return f"EXISTS (SELECT 1 WHERE {shop} IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM erasing WHERE shop = {shop})"  # noqa: S608 - constants


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for table, verb, condition, words in _rules()
    ]


def _postgresql() -> list[str]:
    # WHEN of a PostgreSQL trigger may hold no subquery, so the condition of a DELETE stands in a function of its own.
    function = (
        "CREATE FUNCTION pricebid_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE owner text; BEGIN "
        "IF TG_OP = 'DELETE' THEN "
        "IF TG_TABLE_NAME = 'plan_files' THEN "
        "SELECT shop INTO owner FROM plans WHERE id = to_jsonb(OLD) ->> 'plan_id'; "
        "IF owner IS NULL THEN RETURN OLD; END IF; "
        "ELSE owner := to_jsonb(OLD) ->> 'shop'; END IF; "
        "IF EXISTS (SELECT 1 FROM erasing WHERE shop = owner) THEN RETURN OLD; END IF; "
        "END IF; "
        "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    )
    triggers = [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} FOR EACH ROW "
        + (f"WHEN ({condition}) " if verb == "UPDATE" else "")
        + f"EXECUTE FUNCTION pricebid_refuse('{words}')"
        for table, verb, condition, words in _rules()
    ]
    truncate = (
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT "
        "EXECUTE FUNCTION pricebid_refuse('the audit log is append-only')"
    )
    return [function, *triggers, truncate]
