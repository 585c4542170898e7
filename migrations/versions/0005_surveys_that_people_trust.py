"""Surveys that people trust: own instruments, rounds, rhythms, shared results, bounces.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-26 01:39:39.510353

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

STATES = "'queued','claimed','sending','sent','deferred','failed','withheld','ambiguous'"
LOCKED = (
    "NEW.k <> OLD.k OR NEW.team_id <> OLD.team_id OR NEW.instrument <> OLD.instrument "
    "OR NEW.instrument_version <> OLD.instrument_version "
    "OR NEW.instrument_hash <> OLD.instrument_hash OR NEW.invited <> OLD.invited"
)
SURVEY_LOCK = ("survey_locked", "survey", "a survey is locked from its first invitation")
VERSION_LOCK = ("instrument_used", "instrument_version", "a questionnaire that is used never changes")
MORE_LOCKED = (
    f"{LOCKED} OR NEW.own_version_id IS DISTINCT FROM OLD.own_version_id "
    "OR NEW.invited_later < OLD.invited_later"
)
USED = (
    "EXISTS (SELECT 1 FROM survey WHERE own_version_id = OLD.id) "
    "OR EXISTS (SELECT 1 FROM round WHERE own_version_id = OLD.id)"
)


def _sqlite():
    return op.get_bind().dialect.name == "sqlite"


def _lock(lock, condition):
    name, table, message = lock
    if _sqlite():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    # A trigger's WHEN may hold no subquery in PostgreSQL; the function's IF may.
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger AS $$ BEGIN IF {condition} THEN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; "
        "RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _unlock(lock):
    name, table, _message = lock
    if _sqlite():
        op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")


def _take_triggers_off():
    """SQLite alters a table by building it anew, which its triggers don't survive."""
    if not _sqlite():
        return []
    found = op.get_bind().execute(
        sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ).all()
    for name, _sql in found:
        op.execute(f"DROP TRIGGER {name}")
    return [sql for _name, sql in found]


def _mail_states(states):
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_mail_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_mail_state"), f"state IN ({states})")


def upgrade():
    _unlock(SURVEY_LOCK)
    triggers = _take_triggers_off()
    op.create_table('reliability',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('instrument', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('computed_on', sa.Date(), nullable=False),
    sa.Column('answer_sets', sa.Integer(), nullable=False),
    sa.Column('organisations', sa.Integer(), nullable=False),
    sa.Column('alphas', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reliability')),
    sa.UniqueConstraint('instrument', 'version', name=op.f('uq_reliability_instrument_version'))
    )
    op.create_table('own_instrument',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('archived_on', sa.Date(), nullable=True),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['created_by_id'], ['user.id'], name=op.f('fk_own_instrument_created_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_own_instrument_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_own_instrument')),
    sa.UniqueConstraint('key', name=op.f('uq_own_instrument_key'))
    )
    with op.batch_alter_table('own_instrument', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_own_instrument_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('rhythm',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('every_months', sa.Integer(), nullable=False),
    sa.Column('next_on', sa.Date(), nullable=True),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.Column('started_by_id', sa.Uuid(), nullable=True),
    sa.Column('started_on', sa.Date(), nullable=False),
    sa.CheckConstraint('every_months IN (1, 2, 3, 6, 12)', name=op.f('ck_rhythm_every_months')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_rhythm_organisation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['started_by_id'], ['user.id'], name=op.f('fk_rhythm_started_by_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rhythm'))
    )
    with op.batch_alter_table('rhythm', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_rhythm_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('instrument_version',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('instrument_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('content', sa.String(), nullable=False),
    sa.Column('fingerprint', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['instrument_id'], ['own_instrument.id'], name=op.f('fk_instrument_version_instrument_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_instrument_version')),
    sa.UniqueConstraint('instrument_id', 'version', name=op.f('uq_instrument_version_instrument_id_version'))
    )
    op.create_table('round',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('rhythm_id', sa.Uuid(), nullable=True),
    sa.Column('instrument', sa.String(), nullable=False),
    sa.Column('instrument_version', sa.Integer(), nullable=False),
    sa.Column('own_version_id', sa.Uuid(), nullable=True),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('message', sa.String(), nullable=False),
    sa.Column('opens_at', sa.DateTime(), nullable=False),
    sa.Column('closes_at', sa.DateTime(), nullable=False),
    sa.Column('reminder_days', sa.JSON(), nullable=False),
    sa.Column('opened_at', sa.DateTime(), nullable=True),
    sa.Column('cancelled_on', sa.Date(), nullable=True),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['created_by_id'], ['user.id'], name=op.f('fk_round_created_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_round_organisation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['own_version_id'], ['instrument_version.id'], name=op.f('fk_round_own_version_id')),
    sa.ForeignKeyConstraint(['rhythm_id'], ['rhythm.id'], name=op.f('fk_round_rhythm_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_round'))
    )
    with op.batch_alter_table('round', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_round_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_round_own_version_id'), ['own_version_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_round_rhythm_id'), ['rhythm_id'], unique=False)

    op.create_table('round_team',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('round_id', sa.Uuid(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('left_out', sa.String(), nullable=True),
    sa.CheckConstraint("left_out IN ('empty','overlap')", name=op.f('ck_round_team_left_out')),
    sa.ForeignKeyConstraint(['round_id'], ['round.id'], name=op.f('fk_round_team_round_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_round_team_team_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_round_team')),
    sa.UniqueConstraint('round_id', 'team_id', name=op.f('uq_round_team_round_id_team_id'))
    )
    with op.batch_alter_table('round_team', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_round_team_team_id'), ['team_id'], unique=False)

    op.create_table('agreed_action',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('survey_id', sa.Uuid(), nullable=False),
    sa.Column('what', sa.LargeBinary(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('done_on', sa.Date(), nullable=True),
    sa.Column('noted_by_id', sa.Uuid(), nullable=True),
    sa.Column('noted_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['noted_by_id'], ['user.id'], name=op.f('fk_agreed_action_noted_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['survey_id'], ['survey.id'], name=op.f('fk_agreed_action_survey_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_agreed_action'))
    )
    with op.batch_alter_table('agreed_action', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_agreed_action_survey_id'), ['survey_id'], unique=False)

    op.create_table('result_note',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('survey_id', sa.Uuid(), nullable=False),
    sa.Column('text', sa.LargeBinary(), nullable=False),
    sa.Column('written_by_id', sa.Uuid(), nullable=True),
    sa.Column('written_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['survey_id'], ['survey.id'], name=op.f('fk_result_note_survey_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['written_by_id'], ['user.id'], name=op.f('fk_result_note_written_by_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_result_note')),
    sa.UniqueConstraint('survey_id', name=op.f('uq_result_note_survey_id'))
    )
    op.create_table('result_share',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('survey_id', sa.Uuid(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('lookup', sa.LargeBinary(length=32), nullable=False),
    sa.Column('shared_by_id', sa.Uuid(), nullable=True),
    sa.Column('shared_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['shared_by_id'], ['user.id'], name=op.f('fk_result_share_shared_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['survey_id'], ['survey.id'], name=op.f('fk_result_share_survey_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_result_share')),
    sa.UniqueConstraint('survey_id', name=op.f('uq_result_share_survey_id')),
    sa.UniqueConstraint('lookup', name=op.f('uq_result_share_lookup'))
    )
    with op.batch_alter_table('mail', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bounce_status', sa.String(), nullable=True))

    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.add_column(sa.Column('round_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('own_version_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('invited_later', sa.Integer(), nullable=False, server_default='0'))
        batch_op.create_index(batch_op.f('ix_survey_own_version_id'), ['own_version_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_survey_round_id'), ['round_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_survey_round_id'), 'round', ['round_id'], ['id'], ondelete='SET NULL')
        batch_op.create_foreign_key(batch_op.f('fk_survey_own_version_id'), 'instrument_version', ['own_version_id'], ['id'])
    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.alter_column('invited_later', server_default=None)
    _mail_states(f"{STATES},'bounced'")
    for trigger in triggers:
        op.execute(trigger)
    _lock(SURVEY_LOCK, MORE_LOCKED)
    _lock(VERSION_LOCK, USED)


def downgrade():
    _unlock(VERSION_LOCK)
    _unlock(SURVEY_LOCK)
    triggers = _take_triggers_off()
    op.execute("UPDATE mail SET state = 'failed' WHERE state = 'bounced'")
    _mail_states(STATES)
    # What asks an own questionnaire can't be read any more.
    gone = "SELECT id FROM survey WHERE own_version_id IS NOT NULL"
    for table in ("invitation", "answer_set", "draft", "snapshot"):
        op.execute(f"DELETE FROM {table} WHERE survey_id IN ({gone})")
    op.execute("DELETE FROM survey WHERE own_version_id IS NOT NULL")
    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_survey_own_version_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_survey_round_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_survey_round_id'))
        batch_op.drop_index(batch_op.f('ix_survey_own_version_id'))
        batch_op.drop_column('invited_later')
        batch_op.drop_column('own_version_id')
        batch_op.drop_column('round_id')

    with op.batch_alter_table('mail', schema=None) as batch_op:
        batch_op.drop_column('bounce_status')

    op.drop_table('result_share')
    op.drop_table('result_note')
    with op.batch_alter_table('agreed_action', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_agreed_action_survey_id'))

    op.drop_table('agreed_action')
    with op.batch_alter_table('round_team', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_round_team_team_id'))

    op.drop_table('round_team')
    with op.batch_alter_table('round', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_round_rhythm_id'))
        batch_op.drop_index(batch_op.f('ix_round_own_version_id'))
        batch_op.drop_index(batch_op.f('ix_round_organisation_id'))

    op.drop_table('round')
    op.drop_table('instrument_version')
    with op.batch_alter_table('rhythm', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_rhythm_organisation_id'))

    op.drop_table('rhythm')
    with op.batch_alter_table('own_instrument', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_own_instrument_organisation_id'))

    op.drop_table('own_instrument')
    op.drop_table('reliability')
    for trigger in triggers:
        op.execute(trigger)
    _lock(SURVEY_LOCK, LOCKED)
