"""Accounts and defence: roles, second factors, passkeys, known devices, the audit trail.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-25 22:34:52.397582

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

NO_SEAL = bytes(32)
LINK_PURPOSES = ("purpose IN ('confirm','reset')", "purpose IN ('confirm','reset','undo')")
SEALED = (
    ("audit_entry_no_update", "UPDATE", "1 = 1"),
    (
        "audit_entry_no_delete",
        "DELETE",
        "OLD.number >= (SELECT first_number FROM audit_head)",
    ),
)
"""The chain is only ever appended to; what was pruned by the head may go."""


def _seal():
    if op.get_bind().dialect.name == "sqlite":
        for name, verb, condition in SEALED:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON audit_entry WHEN {condition} "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        return
    for name, verb, condition in SEALED:
        # A trigger's WHEN may hold no subquery in PostgreSQL; the function's IF may.
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger AS $$ BEGIN IF {condition} THEN "
            "RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'check_violation'; "
            "END IF; RETURN OLD; END $$ LANGUAGE plpgsql"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {verb} ON audit_entry "
            f"FOR EACH ROW EXECUTE FUNCTION {name}()"
        )


def _unseal():
    if op.get_bind().dialect.name != "sqlite":
        for name, *_ in SEALED:
            op.execute(f"DROP TRIGGER {name} ON audit_entry")
            op.execute(f"DROP FUNCTION {name}()")


def _exchange_link_purposes(before, after):
    with op.batch_alter_table("one_time_link") as batch_op:
        batch_op.drop_constraint(op.f("ck_one_time_link_purpose"), type_="check")
        batch_op.create_check_constraint(op.f("ck_one_time_link_purpose"), after)


def upgrade():
    op.create_table('audit_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('about_id', sa.Uuid(), nullable=True),
    sa.Column('thing_id', sa.Uuid(), nullable=True),
    sa.Column('detail', sa.String(), nullable=False),
    sa.Column('seal', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_audit_entry')),
    sa.UniqueConstraint('id', name=op.f('uq_audit_entry_id'))
    )
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_entry_about_id'), ['about_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_entry_actor_id'), ['actor_id'], unique=False)


    op.create_table('audit_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('seal', sa.LargeBinary(), nullable=False),
    sa.Column('first_number', sa.Integer(), nullable=False),
    sa.Column('first_seal', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_audit_head_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_head'))
    )
    op.create_table('known_device',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('token_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('device', sa.LargeBinary(), nullable=False),
    sa.Column('last_seen_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_known_device_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_known_device')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_known_device_token_digest'))
    )
    with op.batch_alter_table('known_device', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_known_device_user_id'), ['user_id'], unique=False)

    op.create_table('passkey',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('challenge_counter', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.LargeBinary(), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.Column('last_used_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_passkey_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_passkey_credential_id'))
    )
    with op.batch_alter_table('passkey', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_passkey_user_id'), ['user_id'], unique=False)

    op.create_table('recovery_code',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('code_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_recovery_code_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_code')),
    sa.UniqueConstraint('code_digest', name=op.f('uq_recovery_code_code_digest'))
    )
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recovery_code_user_id'), ['user_id'], unique=False)

    op.create_table('sign_in_record',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('device', sa.LargeBinary(), nullable=False),
    sa.Column('method', sa.String(), nullable=False),
    sa.Column('succeeded', sa.Boolean(), nullable=False),
    sa.CheckConstraint("method IN ('password','passkey','recovery','reset')", name=op.f('ck_sign_in_record_method')),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_sign_in_record_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_record'))
    )
    with op.batch_alter_table('sign_in_record', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_record_user_id'), ['user_id'], unique=False)

    op.create_table('colleague_invitation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.LargeBinary(), nullable=False),
    sa.Column('email_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('invited_by_id', sa.Uuid(), nullable=True),
    sa.Column('token_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint("role IN ('owner','admin','leader','member')", name=op.f('ck_colleague_invitation_role')),
    sa.ForeignKeyConstraint(['invited_by_id'], ['user.id'], name=op.f('fk_colleague_invitation_invited_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_colleague_invitation_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_colleague_invitation')),
    sa.UniqueConstraint('organisation_id', 'email_digest', name=op.f('uq_colleague_invitation_organisation_id_email_digest')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_colleague_invitation_token_digest'))
    )
    with op.batch_alter_table('colleague_invitation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_colleague_invitation_email_digest'), ['email_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_colleague_invitation_organisation_id'), ['organisation_id'], unique=False)

    with op.batch_alter_table('one_time_link', schema=None) as batch_op:
        batch_op.add_column(sa.Column('address', sa.LargeBinary(), nullable=True))
    _exchange_link_purposes(*LINK_PURPOSES)

    op.add_column(
        'organisation',
        sa.Column('second_factor_required', sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    with op.batch_alter_table('organisation', schema=None) as batch_op:
        batch_op.alter_column('second_factor_required', server_default=None)

    with op.batch_alter_table('sign_in', schema=None) as batch_op:
        batch_op.add_column(sa.Column('device', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('last_seen_on', sa.Date(), nullable=True))
    op.execute("UPDATE sign_in SET last_seen_on = date(created_at)")
    with op.batch_alter_table('sign_in', schema=None) as batch_op:
        batch_op.alter_column('last_seen_on', existing_type=sa.Date(), nullable=False)

    op.add_column('user', sa.Column('staff_role', sa.String(), nullable=True))
    # Until now all of them might do everything.
    op.execute("""UPDATE "user" SET staff_role = 'owner' WHERE is_staff""")
    with op.batch_alter_table('user', schema=None) as batch_op:
        batch_op.drop_column('is_staff')
        batch_op.create_check_constraint(
            op.f('ck_user_staff_role'),
            "staff_role IN ('support','content','privacy','finance','owner')",
        )
    head = sa.table(
        'audit_head',
        *(sa.column(c) for c in ('id', 'number', 'seal', 'first_number', 'first_seal')),
    )
    op.execute(
        head.insert().values(id=1, number=0, seal=NO_SEAL, first_number=1, first_seal=NO_SEAL)
    )
    _seal()


def downgrade():
    _unseal()
    op.add_column(
        'user', sa.Column('is_staff', sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("""UPDATE "user" SET is_staff = staff_role IS NOT NULL""")
    with op.batch_alter_table('user', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_user_staff_role'), type_='check')
        batch_op.drop_column('staff_role')
        batch_op.alter_column('is_staff', server_default=None)

    with op.batch_alter_table('sign_in', schema=None) as batch_op:
        batch_op.drop_column('last_seen_on')
        batch_op.drop_column('device')

    with op.batch_alter_table('organisation', schema=None) as batch_op:
        batch_op.drop_column('second_factor_required')

    op.execute("DELETE FROM one_time_link WHERE purpose = 'undo'")
    _exchange_link_purposes(*reversed(LINK_PURPOSES))
    with op.batch_alter_table('one_time_link', schema=None) as batch_op:
        batch_op.drop_column('address')

    with op.batch_alter_table('colleague_invitation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_colleague_invitation_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_colleague_invitation_email_digest'))

    op.drop_table('colleague_invitation')
    with op.batch_alter_table('sign_in_record', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_record_user_id'))

    op.drop_table('sign_in_record')
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_recovery_code_user_id'))

    op.drop_table('recovery_code')
    with op.batch_alter_table('passkey', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_passkey_user_id'))

    op.drop_table('passkey')
    with op.batch_alter_table('known_device', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_known_device_user_id'))

    op.drop_table('known_device')
    op.drop_table('audit_head')
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_entry_actor_id'))
        batch_op.drop_index(batch_op.f('ix_audit_entry_about_id'))

    op.drop_table('audit_entry')
