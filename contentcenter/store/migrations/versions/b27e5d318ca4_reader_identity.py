"""readers joined and parted, attributed events"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'b27e5d318ca4'
down_revision = 'a1f4c09b6d52'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
