"""learned models with versions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'a1f4c09b6d52'
down_revision = '8c41d70be2f3'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'learned_models',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.String(length=24), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=12), nullable=False),
        sa.Column('card', contentcenter.store.base.Json, nullable=False),
        sa.Column('blob', sa.LargeBinary(), nullable=False),
        sa.Column('created_at', contentcenter.store.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column('activated_at', contentcenter.store.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column('actor', sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_learned_models')),
    )
    op.create_index('uq_learned_models_version', 'learned_models', ['kind', 'version'], unique=True)
    op.create_index(
        'uq_learned_models_active', 'learned_models', ['kind'], unique=True,
        sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"),
    )


def downgrade() -> None:
    op.drop_index('uq_learned_models_active', table_name='learned_models')
    op.drop_index('uq_learned_models_version', table_name='learned_models')
    op.drop_table('learned_models')
