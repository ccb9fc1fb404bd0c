"""The tables of shops, models, plans, logs, budgets and keys, and what keeps the audit log as it was written.

Frozen: what changes in `pricebid.store.schema` from now on is a further migration.
"""

import sqlalchemy as sa
from alembic import op

from pricebid.store.migrations import guards

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, then their guards."""
    _installation()
    _shops()
    _plans()
    _logs()
    _budgets()
    guards.make(op.get_bind())


def downgrade() -> None:
    """Drop them all."""
    guards.drop(op.get_bind())
    for table in _NEWEST_FIRST:
        op.drop_table(table)


_NEWEST_FIRST = (
    "leases",
    "budget_days",
    "feedback",
    "feedback_heads",
    "log_workers",
    "decisions",
    "learner_states",
    "publications",
    "plan_files",
    "plans",
    "model_files",
    "models",
    "shop_tables",
    "shops",
    "audit",
    "api_keys",
    "erasing",
    "counters",
    "secrets",
)


def _installation() -> None:
    op.create_table(
        "secrets",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "name", name="pk_secrets"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "erasing",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shop", name="pk_erasing"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_digest", "api_keys", ["digest"], unique=True)
    op.create_index("ix_api_keys_shop", "api_keys", ["shop"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_shop_id", "audit", ["shop", "id"])
    op.create_index("ix_audit_what_id", "audit", ["what", "id"])


def _shops() -> None:
    op.create_table(
        "shops",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop", name="pk_shops"),
    )
    op.create_table(
        "shop_tables",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_shop_tables_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop", "name", "version", name="pk_shop_tables"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_models_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
    )
    op.create_index("ix_models_shop_serial", "models", ["shop", "serial"], unique=True)
    op.create_table(
        "model_files",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_files_model_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "name", name="pk_model_files"),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("replaced", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_plans_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_index("ix_plans_shop_made_at_id", "plans", ["shop", "made_at", "id"])
    op.create_table(
        "plan_files",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_files_plan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "name", name="pk_plan_files"),
    )
    op.create_table(
        "publications",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_publications_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop", "kind", name="pk_publications"),
    )
    op.create_index("ix_publications_serial", "publications", ["serial"], unique=True)
    op.create_table(
        "learner_states",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("learner", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_learner_states_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop", "learner", name="pk_learner_states"),
    )


def _logs() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_decisions_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_shop_at_id", "decisions", ["shop", "at", "id"])
    op.create_table(
        "log_workers",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_log_workers"),
    )
    op.create_table(
        "feedback_heads",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_feedback_heads_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop", name="pk_feedback_heads"),
    )
    op.create_table(
        "feedback",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("option", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("units", sa.Double(), nullable=True),
        sa.Column("revenue", sa.Double(), nullable=True),
        sa.Column("clicks", sa.Double(), nullable=True),
        sa.Column("conversions", sa.Double(), nullable=True),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("shop", "event_id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_shop_seq", "feedback", ["shop", "seq"], unique=True)


def _budgets() -> None:
    op.create_table(
        "budget_days",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shops.shop"], name="fk_budget_days_shop", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop", "campaign", "day", name="pk_budget_days"),
    )
    op.create_index("ix_budget_days_shop_day", "budget_days", ["shop", "day"])
    op.create_table(
        "leases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("leased_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shop", "campaign", "day"],
            ["budget_days.shop", "budget_days.campaign", "budget_days.day"],
            name="fk_leases_shop",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
    )
    op.create_index("ix_leases_shop_campaign_day", "leases", ["shop", "campaign", "day"])
    op.create_index("ix_leases_state_expires_at", "leases", ["state", "expires_at"])
