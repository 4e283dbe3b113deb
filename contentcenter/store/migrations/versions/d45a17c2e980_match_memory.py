"""what audiences answered to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = 'd45a17c2e980'
down_revision = 'c3908fe41b76'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'match_memory',
        sa.Column('audience_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('weight', sa.Double(), nullable=False),
        sa.Column('day', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['audience_id'], ['audiences.id'], name=op.f('fk_match_memory_audience_id_audiences'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_match_memory_item_id_items'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('audience_id', 'item_id', name=op.f('pk_match_memory')),
    )


def downgrade() -> None:
    op.drop_table('match_memory')
