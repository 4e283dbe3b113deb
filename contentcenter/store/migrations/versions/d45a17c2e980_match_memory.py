"""what audiences answered to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'd45a17c2e980'
down_revision = 'c3908fe41b76'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
