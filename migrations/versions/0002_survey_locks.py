"""What a survey promised at its first invitation can't be changed afterwards, by anybody.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# (trigger, table, event, condition, message)
LOCKS = [
    (
        "survey_locked",
        "survey",
        "UPDATE",
        "NEW.k <> OLD.k OR NEW.team_id <> OLD.team_id OR NEW.instrument <> OLD.instrument "
        "OR NEW.instrument_version <> OLD.instrument_version "
        "OR NEW.instrument_hash <> OLD.instrument_hash OR NEW.invited <> OLD.invited",
        "a survey is locked from its first invitation",
    ),
    (
        "survey_stays_closed",
        "survey",
        "UPDATE",
        "OLD.closed_at IS NOT NULL AND (NEW.closed_at IS NULL OR NEW.link_key IS NOT NULL)",
        "a closed survey stays closed and its link key destroyed",
    ),
    (
        "survey_key_gone_at_closing",
        "survey",
        "UPDATE",
        "NEW.closed_at IS NOT NULL AND NEW.link_key IS NOT NULL",
        "closing destroys the link key",
    ),
    (
        "answer_only_while_open",
        "answer_set",
        "INSERT",
        "(SELECT closed_at FROM survey WHERE id = NEW.survey_id) IS NOT NULL",
        "the survey is closed",
    ),
    (
        "answer_unchanged_after_closing",
        "answer_set",
        "UPDATE",
        "(SELECT closed_at FROM survey WHERE id = OLD.survey_id) IS NOT NULL "
        "OR NEW.survey_id <> OLD.survey_id",
        "the survey is closed",
    ),
    (
        "snapshot_once",
        "snapshot",
        "INSERT",
        "(SELECT closed_at FROM survey WHERE id = NEW.survey_id) IS NOT NULL",
        "a result is computed once",
    ),
    ("snapshot_frozen", "snapshot", "UPDATE", "1 = 1", "a snapshot is frozen"),
]


def upgrade():
    if op.get_bind().dialect.name == "sqlite":
        for name, table, event, condition, message in LOCKS:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        return
    for name, table, event, condition, message in LOCKS:
        # A trigger's WHEN may hold no subquery in PostgreSQL; the function's IF may.
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger AS $$ BEGIN IF {condition} THEN "
            f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; "
            "RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {name}()"
        )


def downgrade():
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, table, *_ in LOCKS:
        if sqlite:
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
