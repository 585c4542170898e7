"""From a low figure to a better team: the catalogue, what people save, workshops run, usage.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-26 04:49:39.466265

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('usage_row',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('pseudonym', sa.LargeBinary(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('uses', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_usage_row')),
    sa.UniqueConstraint('pseudonym', 'day', 'kind', name=op.f('uq_usage_row_pseudonym_day_kind'))
    )
    with op.batch_alter_table('usage_row', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_usage_row_day'), ['day'], unique=False)

    op.create_table('workshop',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.CheckConstraint("state = 'draft' OR number IS NOT NULL", name=op.f('ck_workshop_number')),
    sa.CheckConstraint("state IN ('draft','published','withdrawn')", name=op.f('ck_workshop_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workshop')),
    sa.UniqueConstraint('slug', name=op.f('uq_workshop_slug'))
    )
    op.create_table('attachment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('workshop_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('added_by_id', sa.Uuid(), nullable=True),
    sa.Column('added_on', sa.Date(), nullable=False),
    sa.CheckConstraint("kind IN ('pdf','docx','pptx')", name=op.f('ck_attachment_kind')),
    sa.ForeignKeyConstraint(['added_by_id'], ['user.id'], name=op.f('fk_attachment_added_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['workshop_id'], ['workshop.id'], name=op.f('fk_attachment_workshop_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachment'))
    )
    with op.batch_alter_table('attachment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attachment_workshop_id'), ['workshop_id'], unique=False)

    op.create_table('favourite',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('workshop', sa.String(), nullable=False),
    sa.Column('saved_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_favourite_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_favourite')),
    sa.UniqueConstraint('user_id', 'workshop', name=op.f('uq_favourite_user_id_workshop'))
    )
    op.create_table('viewing',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('workshop', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_viewing_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_viewing')),
    sa.UniqueConstraint('user_id', 'workshop', name=op.f('uq_viewing_user_id_workshop'))
    )
    op.create_table('workshop_version',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('workshop_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('swedish', sa.String(), nullable=False),
    sa.Column('english', sa.String(), nullable=False),
    sa.Column('cards', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('fingerprint', sa.String(), nullable=False),
    sa.Column('edition', sa.Integer(), nullable=False),
    sa.Column('written_by_id', sa.Uuid(), nullable=True),
    sa.Column('written_on', sa.Date(), nullable=False),
    sa.Column('published_on', sa.Date(), nullable=True),
    sa.CheckConstraint("origin IN ('library','staff')", name=op.f('ck_workshop_version_origin')),
    sa.CheckConstraint('published_on IS NULL OR cards IS NOT NULL', name=op.f('ck_workshop_version_published')),
    sa.ForeignKeyConstraint(['workshop_id'], ['workshop.id'], name=op.f('fk_workshop_version_workshop_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['written_by_id'], ['user.id'], name=op.f('fk_workshop_version_written_by_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workshop_version')),
    sa.UniqueConstraint('workshop_id', 'number', name=op.f('uq_workshop_version_workshop_id_number'))
    )
    op.create_table('workshop_session',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=False),
    sa.Column('workshop', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('starts_at', sa.DateTime(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('place', sa.LargeBinary(), nullable=True),
    sa.Column('message', sa.LargeBinary(), nullable=True),
    sa.Column('facilitator', sa.LargeBinary(), nullable=True),
    sa.Column('facilitator_email', sa.LargeBinary(), nullable=True),
    sa.Column('facilitator_digest', sa.LargeBinary(length=32), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('run_on', sa.Date(), nullable=True),
    sa.Column('attendance', sa.Integer(), nullable=True),
    sa.Column('note', sa.LargeBinary(), nullable=True),
    sa.Column('follow_up_on', sa.Date(), nullable=True),
    sa.Column('reminded_on', sa.Date(), nullable=True),
    sa.Column('planned_by_id', sa.Uuid(), nullable=True),
    sa.Column('planned_on', sa.Date(), nullable=False),
    sa.CheckConstraint("state <> 'run' OR run_on IS NOT NULL", name=op.f('ck_workshop_session_run')),
    sa.CheckConstraint("state IN ('planned','run','cancelled')", name=op.f('ck_workshop_session_state')),
    sa.CheckConstraint('attendance >= 0', name=op.f('ck_workshop_session_attendance')),
    sa.ForeignKeyConstraint(['planned_by_id'], ['user.id'], name=op.f('fk_workshop_session_planned_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_workshop_session_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workshop_session'))
    )
    with op.batch_alter_table('workshop_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_workshop_session_facilitator_digest'), ['facilitator_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_workshop_session_team_id'), ['team_id'], unique=False)

    op.create_table('session_action',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=False),
    sa.Column('what', sa.LargeBinary(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('reminded_on', sa.Date(), nullable=True),
    sa.Column('done_on', sa.Date(), nullable=True),
    sa.Column('noted_by_id', sa.Uuid(), nullable=True),
    sa.Column('noted_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['noted_by_id'], ['user.id'], name=op.f('fk_session_action_noted_by_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['owner_id'], ['team_member.id'], name=op.f('fk_session_action_owner_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['session_id'], ['workshop_session.id'], name=op.f('fk_session_action_session_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session_action'))
    )
    with op.batch_alter_table('session_action', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_session_action_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_action_session_id'), ['session_id'], unique=False)

    op.create_table('evaluation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=False),
    sa.Column('survey_id', sa.Uuid(), nullable=True),
    sa.Column('declined_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['session_id'], ['workshop_session.id'], name=op.f('fk_evaluation_session_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['survey_id'], ['survey.id'], name=op.f('fk_evaluation_survey_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evaluation')),
    sa.UniqueConstraint('session_id', name=op.f('uq_evaluation_session_id'))
    )
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_evaluation_survey_id'), ['survey_id'], unique=False)



def downgrade():
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_evaluation_survey_id'))

    op.drop_table('evaluation')
    with op.batch_alter_table('session_action', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_session_action_session_id'))
        batch_op.drop_index(batch_op.f('ix_session_action_owner_id'))

    op.drop_table('session_action')
    with op.batch_alter_table('workshop_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_workshop_session_team_id'))
        batch_op.drop_index(batch_op.f('ix_workshop_session_facilitator_digest'))

    op.drop_table('workshop_session')
    op.drop_table('workshop_version')
    op.drop_table('viewing')
    op.drop_table('favourite')
    with op.batch_alter_table('attachment', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_attachment_workshop_id'))

    op.drop_table('attachment')
    op.drop_table('workshop')
    with op.batch_alter_table('usage_row', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_usage_row_day'))

    op.drop_table('usage_row')
