"""Every right with its proof: requests with cases, notices to recipients, holds, sweeps, evidence.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-25 03:15:50.835350

"""
from alembic import op
import sqlalchemy as sa

from trustivide.core.subjects import Person

# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

UNDER_WAY = "state IN ('cooling','queued','rows','compacting') AND organisation_id IS NULL"

# table: {constraint: (before, after)}
CHECKS = {
    "request": {
        "kind": (
            "kind IN ('access','export','correct','erase','restrict','object','consent')",
            "kind IN ('access','export','correct','erase','restrict','object','consent','other')",
        ),
        "state": (
            "state IN ('open','done','cancelled')",
            "state IN ('open','done','cancelled','refused')",
        ),
        "channel": (None, "channel IN ('self','mail','letter','phone')"),
        "identity": (None, "identity IN ('proven','unchecked','asked','checked')"),
    },
    "erasure": {
        "state": (
            "state IN ('cooling','queued','rows','compacting','done','cancelled')",
            "state IN ('cooling','queued','rows','compacting','held','done','cancelled')",
        ),
    },
}


def _exchange_checks(table, *, up):
    """Put a table's CHECK constraints in place of the ones before."""
    with op.batch_alter_table(table) as batch_op:
        for name, (before, after) in CHECKS[table].items():
            old, new = (before, after) if up else (after, before)
            if old is not None:
                batch_op.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
            if new is not None:
                batch_op.create_check_constraint(op.f(f"ck_{table}_{name}"), new)


def _required(table, name, value):
    """A column that every row must fill; rows from before get ``value``."""
    op.add_column(table, sa.Column(name, sa.String(), nullable=False, server_default=value))
    with op.batch_alter_table(table) as batch_op:
        batch_op.alter_column(name, server_default=None)


def _refer_to_the_looked_at():
    """Looks are found by reference, which the key ring makes; until now all were of accounts."""
    op.add_column('staff_access', sa.Column('reference', sa.LargeBinary(length=32)))
    looks = sa.table('staff_access', sa.column('user_id', sa.Uuid()), sa.column('reference'))
    bind = op.get_bind()
    for user_id in bind.scalars(sa.select(looks.c.user_id).distinct()).all():
        reference = Person.of(user_id).reference
        bind.execute(looks.update().where(looks.c.user_id == user_id).values(reference=reference))
    with op.batch_alter_table('staff_access', schema=None) as batch_op:
        batch_op.alter_column('reference', existing_type=sa.LargeBinary(length=32), nullable=False)
        batch_op.alter_column('user_id', existing_type=sa.Uuid(), nullable=True)
        batch_op.create_index(batch_op.f('ix_staff_access_reference'), ['reference'], unique=False)


def upgrade():
    op.create_table('address_change',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.LargeBinary(length=32), nullable=False),
    sa.Column('email', sa.LargeBinary(), nullable=False),
    sa.Column('email_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('group', sa.String(), nullable=False),
    sa.Column('row', sa.Uuid(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('token_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_address_change')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_address_change_token_digest'))
    )
    with op.batch_alter_table('address_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_address_change_email_digest'), ['email_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_address_change_reference'), ['reference'], unique=False)

    op.create_table('code_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.LargeBinary(length=32), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.CheckConstraint("kind IN ('access','correct','erase','restrict')", name=op.f('ck_code_request_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_code_request')),
    sa.UniqueConstraint('code', 'kind', 'day', name=op.f('uq_code_request_code_kind_day')),
    sqlite_with_rowid=False
    )

    op.create_table('sweep_run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('started_at', sa.DateTime(), nullable=False),
    sa.Column('finished_at', sa.DateTime(), nullable=True),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sweep_run'))
    )
    with op.batch_alter_table('sweep_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sweep_run_started_at'), ['started_at'], unique=False)

    op.create_table('attestation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('statement', sa.String(), nullable=False),
    sa.Column('owner', sa.String(), nullable=False),
    sa.Column('attested_on', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=False),
    sa.Column('attested_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['attested_by_id'], ['user.id'], name=op.f('fk_attestation_attested_by_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attestation'))
    )
    with op.batch_alter_table('attestation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attestation_subject'), ['subject'], unique=False)

    op.create_table('legal_hold',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.LargeBinary(length=32), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('email', sa.LargeBinary(), nullable=False),
    sa.Column('activity', sa.String(), nullable=False),
    sa.Column('ground', sa.LargeBinary(), nullable=False),
    sa.Column('begins_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.Column('owner', sa.LargeBinary(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['owner_id'], ['user.id'], name=op.f('fk_legal_hold_owner_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_legal_hold_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_legal_hold'))
    )
    with op.batch_alter_table('legal_hold', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_legal_hold_reference'), ['reference'], unique=False)

    op.create_table('recipient_notice',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.LargeBinary(length=32), nullable=False),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.CheckConstraint("event IN ('corrected','erased','restricted','lifted')", name=op.f('ck_recipient_notice_event')),
    sa.CheckConstraint("state IN ('in_place','queued','deferred','sent','failed','ambiguous')", name=op.f('ck_recipient_notice_state')),
    sa.ForeignKeyConstraint(['request_id'], ['request.id'], name=op.f('fk_recipient_notice_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_notice'))
    )
    with op.batch_alter_table('recipient_notice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recipient_notice_reference'), ['reference'], unique=False)
        batch_op.create_index(batch_op.f('ix_recipient_notice_request_id'), ['request_id'], unique=False)

    op.create_table('request_case',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.LargeBinary(length=32), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('open_key', sa.LargeBinary(length=32), nullable=True),
    sa.Column('email', sa.LargeBinary(), nullable=False),
    sa.Column('name', sa.LargeBinary(), nullable=True),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('details', sa.LargeBinary(), nullable=False),
    sa.Column('wanted', sa.LargeBinary(), nullable=True),
    sa.Column('about_group', sa.String(), nullable=True),
    sa.Column('about_row', sa.Uuid(), nullable=True),
    sa.Column('about_field', sa.String(), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.Column('extension_reason', sa.LargeBinary(), nullable=True),
    sa.Column('closed_on', sa.Date(), nullable=True),
    sa.Column('entered_by_id', sa.Uuid(), nullable=True),
    sa.Column('decided_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['decided_by_id'], ['user.id'], name=op.f('fk_request_case_decided_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['entered_by_id'], ['user.id'], name=op.f('fk_request_case_entered_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['request_id'], ['request.id'], name=op.f('fk_request_case_request_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_request_case_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_request_case')),
    sa.UniqueConstraint('open_key', name=op.f('uq_request_case_open_key')),
    sa.UniqueConstraint('request_id', name=op.f('uq_request_case_request_id'))
    )
    with op.batch_alter_table('request_case', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_request_case_reference'), ['reference'], unique=False)

    with op.batch_alter_table('consent_record', schema=None) as batch_op:
        batch_op.add_column(sa.Column('processing', sa.JSON(), nullable=True))

    with op.batch_alter_table('download', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_download_user_id'))
        batch_op.create_index('ix_download_user_id_at', ['user_id', 'at'], unique=False)

    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.add_column(sa.Column('organisation_id', sa.Uuid(), nullable=True))

    with op.batch_alter_table('export', schema=None) as batch_op:
        batch_op.add_column(sa.Column('organisation_id', sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f('ix_export_organisation_id'), ['organisation_id'], unique=False)

    _required('notice_record', 'how', 'registration')
    _exchange_checks('erasure', up=True)
    op.create_index(
        'ix_erasure_pending', 'erasure', ['reference'], unique=True,
        sqlite_where=sa.text(UNDER_WAY), postgresql_where=sa.text(UNDER_WAY),
    )

    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('activity', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('extended_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('ground', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('reminded_on', sa.Date(), nullable=True))
    _required('request', 'channel', 'self')
    _required('request', 'identity', 'proven')
    _exchange_checks('request', up=True)

    with op.batch_alter_table('search', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_search_user_id'))
        batch_op.create_index('ix_search_user_id_at', ['user_id', 'at'], unique=False)

    _refer_to_the_looked_at()

    with op.batch_alter_table('user', schema=None) as batch_op:
        batch_op.add_column(sa.Column('phone', sa.LargeBinary(), nullable=True))



def downgrade():
    op.execute('DELETE FROM staff_access WHERE user_id IS NULL')
    with op.batch_alter_table('staff_access', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_staff_access_reference'))
        batch_op.drop_column('reference')
        batch_op.alter_column('user_id', existing_type=sa.Uuid(), nullable=False)

    with op.batch_alter_table('user', schema=None) as batch_op:
        batch_op.drop_column('phone')

    with op.batch_alter_table('search', schema=None) as batch_op:
        batch_op.drop_index('ix_search_user_id_at')
        batch_op.create_index(batch_op.f('ix_search_user_id'), ['user_id'], unique=False)


    with op.batch_alter_table('notice_record', schema=None) as batch_op:
        batch_op.drop_column('how')

    with op.batch_alter_table('export', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_export_organisation_id'))
        batch_op.drop_column('organisation_id')

    op.drop_index('ix_erasure_pending', table_name='erasure')
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.drop_column('organisation_id')

    with op.batch_alter_table('download', schema=None) as batch_op:
        batch_op.drop_index('ix_download_user_id_at')
        batch_op.create_index(batch_op.f('ix_download_user_id'), ['user_id'], unique=False)

    with op.batch_alter_table('consent_record', schema=None) as batch_op:
        batch_op.drop_column('processing')

    with op.batch_alter_table('request_case', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_request_case_reference'))

    op.drop_table('request_case')
    with op.batch_alter_table('recipient_notice', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_recipient_notice_request_id'))
        batch_op.drop_index(batch_op.f('ix_recipient_notice_reference'))

    op.drop_table('recipient_notice')
    with op.batch_alter_table('legal_hold', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_legal_hold_reference'))

    op.drop_table('legal_hold')
    with op.batch_alter_table('attestation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_attestation_subject'))

    op.drop_table('attestation')
    with op.batch_alter_table('sweep_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sweep_run_started_at'))

    op.drop_table('sweep_run')
    op.drop_table('code_request')
    with op.batch_alter_table('address_change', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_address_change_reference'))
        batch_op.drop_index(batch_op.f('ix_address_change_email_digest'))

    op.drop_table('address_change')
    # What the older schema has no word for becomes the nearest that it has.
    op.execute("UPDATE request SET state = 'done' WHERE state = 'refused'")
    op.execute("UPDATE request SET kind = 'access' WHERE kind = 'other'")
    op.execute("UPDATE erasure SET state = 'queued' WHERE state = 'held'")
    for table in CHECKS:
        _exchange_checks(table, up=False)
    with op.batch_alter_table('request') as batch_op:
        for column in ('reminded_on', 'ground', 'extended_on', 'identity', 'channel', 'activity'):
            batch_op.drop_column(column)
