"""titles, authors and what filters ask for lie together: search without the index reads no bodies"""

from __future__ import annotations

from alembic import op

revision = '8d41b6c03f7a'
down_revision = '5f0c2a7d91be'
branch_labels = None
depends_on = None

COLUMNS = ['state', 'published_at', 'id', 'title', 'author', 'kind', 'category', 'source_id']


def upgrade() -> None:
    op.create_index('ix_items_shown', 'items', COLUMNS)
    op.create_index('ix_books_filters', 'books', ['published_on', 'price_fen', 'publisher'])


def downgrade() -> None:
    op.drop_index('ix_books_filters', table_name='books')
    op.drop_index('ix_items_shown', table_name='items')
