"""The tables of the store, as SQLAlchemy sees them. The migrations make them; a test proves that both agree.

They look alike and share nothing on purpose: a migration is frozen once it was released, for databases that were made by
it; this is what the newest of them leads to.

Times are integers: microseconds since 1970, UTC. Money of budgets is an integer too: millionths of the currency's
unit, so that sums of leases are exact. Documents are JSON text: nothing in the database looks inside them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

HEAD = "0002"
"""Revision of the database that this version of pricebid reads and writes."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows by itself only in a column of exactly this type.
Serial = BigInteger().with_variant(Integer, "sqlite")


def _of_shop() -> Column[str]:
    return Column("shop", Text, ForeignKey("shops.shop", ondelete="CASCADE"), nullable=False)


secrets = Table(
    "secrets",
    metadata,
    Column("shop", Text, nullable=False),  # "" for what belongs to the whole installation
    Column("name", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("shop", "name", name="pk_secrets"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

shops = Table(
    "shops",
    metadata,
    Column("shop", Text, primary_key=True),
    Column("settings", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

shop_tables = Table(
    "shop_tables",
    metadata,
    _of_shop(),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("by", Text, nullable=False),
    Column("loaded_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("shop", "name", "version", name="pk_shop_tables"),
)

models = Table(
    "models",
    metadata,
    Column("id", Text, primary_key=True),
    _of_shop(),
    Column("meta", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Index("ix_models_shop_serial", "shop", "serial", unique=True),
)

model_files = Table(
    "model_files",
    metadata,
    Column("model_id", Text, ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("model_id", "name", name="pk_model_files"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    _of_shop(),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("replaced", Text, nullable=True),  # the plan that this one took over from
    Column("by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_plans_shop_made_at_id", "shop", "made_at", "id"),
)

plan_files = Table(
    "plan_files",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("plan_id", "name", name="pk_plan_files"),
)

publications = Table(
    "publications",
    metadata,
    _of_shop(),
    Column("kind", Text, nullable=False),
    Column("plan_id", Text, nullable=True),  # none: what was published was taken back, and nothing came before it
    Column("serial", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("shop", "kind", name="pk_publications"),
    Index("ix_publications_serial", "serial", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("shop", Text, nullable=False),  # "" for what concerns no shop; no foreign key: the log outlives its shop
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_shop_id", "shop", "id"),
    Index("ix_audit_what_id", "what", "id"),
)

erasing = Table(
    "erasing",
    metadata,
    Column("shop", Text, primary_key=True),  # only within the transaction that erases it
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    _of_shop(),
    Column("at", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("items", LargeBinary, nullable=False),
    Index("ix_decisions_shop_at_id", "shop", "at", "id"),
)

log_workers = Table(
    "log_workers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("issued", BigInteger, nullable=False),  # highest number given to a record, as far as known
    Column("written", BigInteger, nullable=False),  # records that arrived
    Column("noted_at", BigInteger, nullable=False),
)

feedback_heads = Table(
    "feedback_heads",
    metadata,
    Column("shop", Text, ForeignKey("shops.shop", ondelete="CASCADE"), primary_key=True),
    Column("events", BigInteger, nullable=False),  # numbers given so far
)

# No foreign key to the shop: every batch takes its numbers from the shop's row of feedback_heads, which locks it until
# the batch is committed, so that no event outlives its shop; one check per batch in place of one per event.
feedback = Table(
    "feedback",
    metadata,
    Column("shop", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("option", Integer, nullable=False),
    Column("value", Double, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("units", Double, nullable=True),
    Column("revenue", Double, nullable=True),
    Column("clicks", Double, nullable=True),
    Column("conversions", Double, nullable=True),
    Column("cost", Double, nullable=True),
    PrimaryKeyConstraint("shop", "event_id", name="pk_feedback"),
    Index("ix_feedback_shop_seq", "shop", "seq", unique=True),
)

learner_states = Table(
    "learner_states",
    metadata,
    _of_shop(),
    Column("learner", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("shop", "learner", name="pk_learner_states"),
)

budget_days = Table(
    "budget_days",
    metadata,
    _of_shop(),
    Column("campaign", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),  # sum of what leases reported
    Column("committed", BigInteger, nullable=False),  # that, and what open leases may still spend
    PrimaryKeyConstraint("shop", "campaign", "day", name="pk_budget_days"),
    Index("ix_budget_days_shop_day", "shop", "day"),
)

leases = Table(
    "leases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shop", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("leased_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["shop", "campaign", "day"],
        ["budget_days.shop", "budget_days.campaign", "budget_days.day"],
        name="fk_leases_shop",
        ondelete="CASCADE",
    ),
    Index("ix_leases_shop_campaign_day", "shop", "campaign", "day"),
    Index("ix_leases_state_expires_at", "state", "expires_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # SHA-256 of the key, hexadecimal
    Column("shop", Text, nullable=True),  # none: any shop
    Column("scopes", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=True),
    Index("ix_api_keys_digest", "digest", unique=True),
    Index("ix_api_keys_shop", "shop"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    _of_shop(),
    Column("kind", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text, nullable=True),
    Column("lease_until", BigInteger, nullable=True),
    Column("heartbeat_at", BigInteger, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("run_after", BigInteger, nullable=False),
    Column("progress", Double, nullable=False),
    Column("stage", Text, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("error", Text, nullable=True),
    Column("result", Text, nullable=True),
    Column("by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=True),
    Column("ended_at", BigInteger, nullable=True),
    Column("serial", BigInteger, nullable=False),
    Index("ix_jobs_shop_created_at_id", "shop", "created_at", "id"),
    Index("ix_jobs_shop_started_at", "shop", "started_at"),
    Index("ix_jobs_state_priority", "state", "priority", "run_after"),
    Index(
        "uq_jobs_running",
        "shop",
        "kind",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("result", LargeBinary, nullable=True),
    Column("digest", Text, nullable=False),
    Column("done_at", BigInteger, nullable=True),
    PrimaryKeyConstraint("job_id", "part", name="pk_job_parts"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_job_events_job_id_id", "job_id", "id"),
    sqlite_autoincrement=True,
)
