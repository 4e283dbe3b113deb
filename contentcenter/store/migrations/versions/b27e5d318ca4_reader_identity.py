"""readers joined and parted, attributed events"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import contentcenter.store.base

revision = 'b27e5d318ca4'
down_revision = 'a1f4c09b6d52'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
UTC = contentcenter.store.base.UtcDateTime(timezone=True)
ATTRIBUTED = sa.text('attributed_post_id IS NOT NULL')
ANSWERED = sa.text('attributed_trace_id IS NOT NULL')
REFERRED = sa.text('order_ref IS NOT NULL')
REFUNDS = sa.text('refunded_event_id IS NOT NULL')
MOVES = sa.text("kind IN ('join', 'leave')")
LOOSE = sa.text(
    "kind IN ('click', 'favourite', 'cart', 'order') AND post_id IS NULL AND trace_id IS NULL"
)


def upgrade() -> None:
    op.add_column('readers', sa.Column('joined_into', BIG_ID, nullable=True))
    op.create_index('ix_readers_joined_into', 'readers', ['joined_into'])
    for column in (
        sa.Column('recorded_reader_id', BIG_ID, nullable=True),
        sa.Column('order_ref', sa.String(length=80), nullable=True),
        sa.Column('attributed_post_id', BIG_ID, nullable=True),
        sa.Column('attributed_trace_id', sa.String(length=40), nullable=True),
        sa.Column('attribution', sa.String(length=10), nullable=True),
        sa.Column('refunded_event_id', BIG_ID, nullable=True),
        sa.Column('refunded_fen', sa.Integer(), nullable=True),
    ):
        op.add_column('events', column)
    # What was reported with its post or answer is attributed from the start.
    op.execute(
        "UPDATE events SET attributed_post_id = post_id, attributed_trace_id = trace_id, "
        "attribution = 'direct' WHERE post_id IS NOT NULL OR trace_id IS NOT NULL"
    )
    op.create_index('ix_events_reader_item', 'events', ['reader_id', 'item_id', 'at'])
    _partial('ix_events_attributed_post', ['attributed_post_id', 'kind'], ATTRIBUTED)
    _partial('ix_events_attributed_trace', ['attributed_trace_id'], ANSWERED)
    _partial('ix_events_order_ref', ['order_ref'], REFERRED)
    _partial('ix_events_refunded_event', ['refunded_event_id'], REFUNDS)
    _partial('ix_events_moves', ['reader_id', 'audience_id'], MOVES)
    _partial('ix_events_loose', ['reader_id', 'at'], LOOSE)
    _create_tables()


def _partial(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, 'events', columns, sqlite_where=where, postgresql_where=where)


def _create_tables() -> None:
    op.create_table(
        'reader_joins',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('reader_id', BIG_ID, nullable=False),
        sa.Column('into_id', BIG_ID, nullable=True),
        sa.Column('why', sa.String(length=16), nullable=False),
        sa.Column('evidence', contentcenter.store.base.Json, nullable=False),
        sa.Column('claim', sa.String(length=200), nullable=False),
        sa.Column('actor', sa.String(length=120), nullable=False),
        sa.Column('at', UTC, nullable=False),
        sa.Column('ended_at', UTC, nullable=True),
        sa.Column('ended_by', sa.String(length=120), nullable=False),
        sa.Column('ended_why', sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_reader_joins')),
    )
    op.create_index('ix_reader_joins_reader', 'reader_joins', ['reader_id', 'state'])
    op.create_index('ix_reader_joins_into', 'reader_joins', ['into_id', 'state'])
    op.create_index('ix_reader_joins_state', 'reader_joins', ['state', 'id'])
    op.create_index('ix_reader_joins_claim', 'reader_joins', ['claim'])
    op.create_table(
        'reader_dues',
        sa.Column('reader_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('task', sa.String(length=12), nullable=False),
        sa.Column('round', sa.Integer(), nullable=False),
        sa.Column('at', UTC, nullable=False),
        sa.PrimaryKeyConstraint('reader_id', 'task', name=op.f('pk_reader_dues')),
    )
    op.create_table(
        'seen_archives',
        sa.Column('reader_id', BIG_ID, nullable=False),
        sa.Column('items', sa.LargeBinary(), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('updated_at', UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ['reader_id'],
            ['readers.id'],
            name=op.f('fk_seen_archives_reader_id_readers'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('reader_id', name=op.f('pk_seen_archives')),
    )


def downgrade() -> None:
    for table in ('seen_archives', 'reader_dues', 'reader_joins'):
        op.drop_table(table)
    for index in (
        'ix_events_loose',
        'ix_events_moves',
        'ix_events_refunded_event',
        'ix_events_order_ref',
        'ix_events_attributed_trace',
        'ix_events_attributed_post',
        'ix_events_reader_item',
    ):
        op.drop_index(index, table_name='events')
    for column in (
        'refunded_fen',
        'refunded_event_id',
        'attribution',
        'attributed_trace_id',
        'attributed_post_id',
        'order_ref',
        'recorded_reader_id',
    ):
        op.drop_column('events', column)
    op.drop_index('ix_readers_joined_into', table_name='readers')
    op.drop_column('readers', 'joined_into')
