"""strategies tried on whole groups"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'c3908fe41b76'
down_revision = 'b27e5d318ca4'
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
Time = contentcenter.store.base.UtcDateTime(timezone=True)
Json = contentcenter.store.base.Json


def upgrade() -> None:
    op.create_table(
        'experiments',
        sa.Column('id', BigId, nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('hypothesis', sa.Text(), nullable=False),
        sa.Column('layer', sa.String(length=8), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('metric', sa.String(length=32), nullable=False),
        sa.Column('state', sa.String(length=12), nullable=False),
        sa.Column('arms', Json, nullable=False),
        sa.Column('audience_ids', Json, nullable=False),
        sa.Column('days', sa.Integer(), nullable=False),
        sa.Column('wish', Json, nullable=False),
        sa.Column('plan', Json, nullable=False),
        sa.Column('salt', sa.String(length=40), nullable=False),
        sa.Column('actor', sa.String(length=120), nullable=False),
        sa.Column('created_at', Time, nullable=False),
        sa.Column('starts_at', Time, nullable=True),
        sa.Column('ends_at', Time, nullable=True),
        sa.Column('stopped_at', Time, nullable=True),
        sa.Column('stop_reason', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_experiments')),
    )
    op.create_index(
        'uq_experiments_running_layer', 'experiments', ['layer'], unique=True,
        sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        'experiment_groups',
        sa.Column('experiment_id', BigId, nullable=False),
        sa.Column('audience_id', BigId, nullable=False),
        sa.Column('arm', sa.Integer(), nullable=False),
        sa.Column('block', sa.Integer(), nullable=False),
        sa.Column('readers', sa.Integer(), nullable=False),
        sa.Column('weight', sa.Double(), nullable=False),
        sa.Column('before', Json, nullable=False),
        sa.ForeignKeyConstraint(
            ['experiment_id'], ['experiments.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_groups_experiment_id_experiments'),
        ),
        sa.ForeignKeyConstraint(
            ['audience_id'], ['audiences.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_groups_audience_id_audiences'),
        ),
        sa.PrimaryKeyConstraint(
            'experiment_id', 'audience_id', name=op.f('pk_experiment_groups')
        ),
    )
    op.create_index(
        op.f('ix_experiment_groups_audience_id'), 'experiment_groups', ['audience_id']
    )
    op.create_table(
        'experiment_decisions',
        sa.Column('experiment_id', BigId, nullable=False),
        sa.Column('audience_id', BigId, nullable=False),
        sa.Column('period', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('arm', sa.Integer(), nullable=False),
        sa.Column('propensity', sa.Double(), nullable=False),
        sa.Column('at', Time, nullable=False),
        sa.ForeignKeyConstraint(
            ['experiment_id'], ['experiments.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_decisions_experiment_id_experiments'),
        ),
        sa.ForeignKeyConstraint(
            ['audience_id'], ['audiences.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_decisions_audience_id_audiences'),
        ),
        sa.PrimaryKeyConstraint(
            'experiment_id', 'audience_id', 'period', name=op.f('pk_experiment_decisions')
        ),
    )
    op.create_table(
        'experiment_exposures',
        sa.Column('post_id', BigId, nullable=False),
        sa.Column('experiment_id', BigId, nullable=False),
        sa.Column('arm', sa.Integer(), nullable=False),
        sa.Column('propensity', sa.Double(), nullable=False),
        sa.Column('at', Time, nullable=False),
        sa.ForeignKeyConstraint(
            ['post_id'], ['posts.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_exposures_post_id_posts'),
        ),
        sa.ForeignKeyConstraint(
            ['experiment_id'], ['experiments.id'], ondelete='CASCADE',
            name=op.f('fk_experiment_exposures_experiment_id_experiments'),
        ),
        sa.PrimaryKeyConstraint(
            'post_id', 'experiment_id', name=op.f('pk_experiment_exposures')
        ),
    )
    op.create_index(
        'ix_experiment_exposures_experiment', 'experiment_exposures', ['experiment_id', 'arm']
    )


def downgrade() -> None:
    op.drop_index('ix_experiment_exposures_experiment', table_name='experiment_exposures')
    op.drop_table('experiment_exposures')
    op.drop_table('experiment_decisions')
    op.drop_index(op.f('ix_experiment_groups_audience_id'), table_name='experiment_groups')
    op.drop_table('experiment_groups')
    op.drop_index('uq_experiments_running_layer', table_name='experiments')
    op.drop_table('experiments')
