"""synonyms, author aliases and stop words that operators keep"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = '8c41d70be2f3'
down_revision = '8d41b6c03f7a'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'search_words',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('line', sa.String(length=1000), nullable=False),
        sa.Column('created_at', contentcenter.store.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column('created_by', sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_search_words')),
    )
    op.create_index('uq_search_words_place', 'search_words', ['kind', 'position'], unique=True)


def downgrade() -> None:
    op.drop_index('uq_search_words_place', table_name='search_words')
    op.drop_table('search_words')
