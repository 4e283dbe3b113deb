"""strategies tried on whole groups"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'c3908fe41b76'
down_revision = 'b27e5d318ca4'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
