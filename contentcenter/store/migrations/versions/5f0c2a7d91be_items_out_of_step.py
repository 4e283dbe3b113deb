"""items out of step with the search index are found without reading all items"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '5f0c2a7d91be'
down_revision = 'acac6bf37e49'
branch_labels = None
depends_on = None

OUT_OF_STEP = sa.text(
    "((items.state IN ('published', 'ready') AND items.indexed_version != items.version) "
    "OR (items.state NOT IN ('published', 'ready') AND items.indexed_version != 0))"
)


def upgrade() -> None:
    op.create_index(
        'ix_items_out_of_step',
        'items',
        ['id', 'updated_at'],
        sqlite_where=OUT_OF_STEP,
        postgresql_where=OUT_OF_STEP,
    )


def downgrade() -> None:
    op.drop_index('ix_items_out_of_step', table_name='items')
